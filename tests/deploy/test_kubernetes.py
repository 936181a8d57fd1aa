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

from beacon import __version__, composition, settings_file
from beacon.network.members import members

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


def pod(base: Path) -> dict[str, Any]:
    found: dict[str, Any] = manifest(base, "deployment")["spec"]["template"]["spec"]
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
    kinds = {}
    for document in yaml.safe_load_all(done.stdout):
        kubernetes_validate.validate(document, VERSIONS[-1], strict=True)
        kinds[document["kind"]] = document
    template = kinds["Deployment"]["spec"]["template"]

    assert {"ConfigMap", "Deployment", "Service", "NetworkPolicy", "PodDisruptionBudget"} == {
        *kinds
    }
    assert (
        template["spec"]["volumes"][0]["configMap"]["name"]
        == (kinds["ConfigMap"]["metadata"]["name"])
    )
    assert kinds["Service"]["spec"]["selector"].items() <= template["metadata"]["labels"].items()


@each_base
def test_pods_are_found_by_what_is_about_them(base: Path) -> None:
    deployment = manifest(base, "deployment")["spec"]
    labels = deployment["template"]["metadata"]["labels"]

    assert deployment["selector"]["matchLabels"] == labels
    assert manifest(base, "service")["spec"]["selector"] == labels
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
    assert all({"configMap", "emptyDir"} & {*one} for one in spec["volumes"])
    assert not {"hostNetwork", "hostPID", "hostIPC"} & {*spec}


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
    secret = manifest(base, "secret.example")

    assert variable["name"] == "BEACON__MONGO__URI"
    assert variable["valueFrom"]["secretKeyRef"] == {
        "name": secret["metadata"]["name"],
        "key": "uri",
    }
    assert "CHANGE-ME" in secret["stringData"]["uri"]


@each_base
def test_traffic_is_named_both_ways(base: Path) -> None:
    spec = manifest(base, "networkpolicy")["spec"]
    rules = [*spec["ingress"], *spec["egress"]]

    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert all(one.get("ports") and (one.get("from") or one.get("to")) for one in rules)
