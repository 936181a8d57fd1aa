"""Manifests for Kubernetes: right by its schemas, and within the restricted security standard."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from files import DEPLOY, documents

from beacon import __version__, auditing, composition, settings_file
from beacon.framework.errors import SettingsError
from beacon.network.members import members
from beacon.secrets_file import Keys

BASES = sorted(one.parent for one in (DEPLOY / "kubernetes").glob("*/kustomization.yaml"))
MANIFESTS = [
    pytest.param(path, id=f"{path.parent.name}-{path.stem}")
    for path in sorted((DEPLOY / "kubernetes").glob("*/*.yaml"))
    if path.name != "kustomization.yaml"
]
VERSIONS = ("1.30", "1.37")
"""The first in which a `preStop` may sleep, and the latest known."""

each_base = pytest.mark.parametrize("base", BASES, ids=lambda base: base.name)


def manifest(base: Path, name: str) -> dict[str, Any]:
    (found,) = documents(base / f"{name}.yaml")
    return found


def stateful(base: Path) -> dict[str, Any]:
    found: dict[str, Any] = manifest(base, "statefulset")["spec"]
    return found


def secret(base: Path, name: str) -> dict[str, Any]:
    (found,) = (
        one for one in documents(base / "secret.example.yaml") if one["metadata"]["name"] == name
    )
    return found


def pod(base: Path) -> dict[str, Any]:
    found: dict[str, Any] = stateful(base)["template"]["spec"]
    return found


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", MANIFESTS)
def test_a_manifest_is_as_its_schema_says(path: Path, version: str) -> None:
    for document in documents(path):
        kubernetes_validate.validate(document, version, strict=True)


def test_an_unknown_key_would_be_noticed() -> None:
    document = manifest(BASES[0], "service")
    document["spec"]["prots"] = []

    with pytest.raises(kubernetes_validate.ValidationError, match="prots"):
        kubernetes_validate.validate(document, VERSIONS[-1], strict=True)


@each_base
def test_the_kustomization_names_what_is_there(base: Path) -> None:
    kustomization = manifest(base, "kustomization")
    generated = kustomization["configMapGenerator"]
    there = {one.name for one in base.glob("*.yaml")}

    assert {*kustomization["resources"]} == there - {"kustomization.yaml", "secret.example.yaml"}
    assert [one["name"] for one in generated] == [f"{base.name}-settings"]
    assert generated[0]["files"] == ["settings.toml"]
    assert kustomization["images"] == [{"name": "genome-beacon", "newTag": __version__}]


@each_base
def test_kustomize_agrees(base: Path) -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("there is no kubectl")
    done = subprocess.run(
        [kubectl, "kustomize", base], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    made = {}
    for document in yaml.safe_load_all(done.stdout):
        kubernetes_validate.validate(document, VERSIONS[-1], strict=True)
        made[document["kind"], document["metadata"]["name"].partition("-settings-")[0]] = document
    name = base.name
    spec = made["StatefulSet", name]["spec"]
    labels = spec["template"]["metadata"]["labels"]
    settings, privacy, _ = spec["template"]["spec"]["volumes"]

    assert {*made} == {
        ("ConfigMap", name),
        ("StatefulSet", name),
        ("Service", name),
        ("Service", f"{name}-pods"),
        ("NetworkPolicy", name),
        ("PodDisruptionBudget", name),
    }
    assert settings["configMap"]["name"] == made["ConfigMap", name]["metadata"]["name"]
    assert privacy["secret"]["defaultMode"] == 0o440
    assert made["Service", name]["spec"]["selector"].items() <= labels.items()
    # These can never be changed, so nothing may be in them that another version would change.
    assert spec["volumeClaimTemplates"][0]["metadata"] == {"name": "data"}


@each_base
def test_pods_are_found_by_what_is_about_them(base: Path) -> None:
    spec = stateful(base)
    labels = spec["template"]["metadata"]["labels"]

    assert spec["selector"]["matchLabels"] == labels
    assert manifest(base, "service")["spec"]["selector"] == labels
    assert manifest(base, "service-pods")["spec"]["selector"] == labels
    assert manifest(base, "networkpolicy")["spec"]["podSelector"]["matchLabels"] == labels
    assert manifest(base, "poddisruptionbudget")["spec"]["selector"]["matchLabels"] == labels


@each_base
def test_a_pod_is_within_the_restricted_standard(base: Path) -> None:
    spec = pod(base)
    context = spec["containers"][0]["securityContext"]

    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] == 10001
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    assert context["allowPrivilegeEscalation"] is False
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert context["readOnlyRootFilesystem"] is True
    assert all({"configMap", "emptyDir", "secret"} & {*one} for one in spec["volumes"])
    assert not {"hostNetwork", "hostPID", "hostIPC"} & {*spec}


@each_base
def test_each_pod_has_a_name_and_a_volume_that_outlive_it(base: Path) -> None:
    spec = stateful(base)
    (claim,) = spec["volumeClaimTemplates"]
    mounted = {one["name"]: one["mountPath"] for one in pod(base)["containers"][0]["volumeMounts"]}
    governing = manifest(base, "service-pods")

    assert spec["serviceName"] == governing["metadata"]["name"]
    assert governing["spec"]["clusterIP"] == "None"
    assert mounted[claim["metadata"]["name"]] == "/var/lib/beacon"
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
    assert claim["spec"]["resources"]["requests"] == {"storage": "5Gi"}
    assert spec["persistentVolumeClaimRetentionPolicy"] == {
        "whenDeleted": "Retain",
        "whenScaled": "Retain",
    }
    # Otherwise each mount would let the group write to every file, the audit among them.
    assert pod(base)["securityContext"]["fsGroupChangePolicy"] == "OnRootMismatch"


@each_base
def test_the_audit_is_on_the_volume(base: Path) -> None:
    settings = settings_file.load(base / "settings.toml", {"BEACON__DATA_DIR": "/var/lib/beacon"})

    assert settings.audit.enabled
    assert auditing.folder(settings) == Path("/var/lib/beacon/audit")


@each_base
def test_pods_start_together_and_are_replaced_one_after_the_other(base: Path) -> None:
    spec = stateful(base)

    assert spec["podManagementPolicy"] == "Parallel"
    assert spec["updateStrategy"] == {"type": "RollingUpdate"}
    assert manifest(base, "poddisruptionbudget")["spec"]["minAvailable"] < spec["replicas"]


@each_base
def test_all_pods_have_one_secret_that_only_they_can_read(base: Path) -> None:
    name = f"{base.name}-privacy"
    settings = settings_file.load(base / "settings.toml", {})
    (volume,) = (one["secret"] for one in pod(base)["volumes"] if "secret" in one)
    (mount,) = (
        one for one in pod(base)["containers"][0]["volumeMounts"] if one["name"] == "privacy"
    )
    (item,) = volume["items"]

    assert volume["secretName"] == name
    # The files belong to root; the pod is in their group.
    assert volume["defaultMode"] == 0o440
    assert pod(base)["securityContext"]["fsGroup"] == 10001
    assert mount["readOnly"] is True
    assert settings.privacy.secret_file == f"{mount['mountPath']}/{item['path']}"
    assert {item["key"]} == {*secret(base, name)["stringData"]}
    assert secret(base, name)["immutable"] is True


@each_base
def test_the_example_of_the_secret_is_refused(base: Path, tmp_path: Path) -> None:
    example = secret(base, f"{base.name}-privacy")["stringData"]["secret"]
    (tmp_path / "secret").write_text(example)
    (tmp_path / "secret").chmod(0o440)

    assert "CHANGE-ME" in example
    with pytest.raises(SettingsError, match="at least 32 bytes"):
        Keys.of_file(tmp_path / "secret")


@each_base
def test_a_pod_is_asked_whether_it_lives_and_whether_it_is_ready(base: Path) -> None:
    container = pod(base)["containers"][0]
    paths = {
        probe: container[probe]["httpGet"]["path"]
        for probe in ("startupProbe", "livenessProbe", "readinessProbe")
    }

    assert paths == {
        "startupProbe": "/livez",
        "livenessProbe": "/livez",
        "readinessProbe": "/readyz",
    }
    assert container["ports"] == [{"name": "http", "containerPort": 5050, "protocol": "TCP"}]
    assert {"requests", "limits"} == {*container["resources"]}


@each_base
def test_a_pod_has_time_to_finish(base: Path) -> None:
    spec = pod(base)
    sleeps_s = spec["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    settings = settings_file.load(base / "settings.toml", {})

    assert (
        sleeps_s + settings.server.shutdown_timeout_s + 10 < spec["terminationGracePeriodSeconds"]
    )


@each_base
def test_settings_are_right(base: Path) -> None:
    settings = settings_file.load(base / "settings.toml", {})
    composition.policy(settings)

    assert len(members(settings.network.members)) == (2 if base.name == "network" else 0)
    assert not settings.mongo.uri


def test_the_password_comes_by_reference() -> None:
    base = DEPLOY / "kubernetes/beacon"
    (variable,) = pod(base)["containers"][0]["env"]
    example = secret(base, "beacon-mongo")

    assert variable["name"] == "BEACON__MONGO__URI"
    assert variable["valueFrom"]["secretKeyRef"] == {
        "name": example["metadata"]["name"],
        "key": "uri",
    }
    assert "CHANGE-ME" in example["stringData"]["uri"]


@each_base
def test_traffic_is_named_both_ways(base: Path) -> None:
    spec = manifest(base, "networkpolicy")["spec"]
    rules = [*spec["ingress"], *spec["egress"]]

    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert all(one.get("ports") and (one.get("from") or one.get("to")) for one in rules)
