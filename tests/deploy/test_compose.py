"""Compose files: right by the specification, and closed where they can be."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import compose_spec
import pytest
import yaml
from files import DEPLOY, documents

from beacon import composition, settings_file
from beacon.network.members import members

FILES = sorted((DEPLOY / "compose").glob("*.yaml"))
SETTINGS = sorted((DEPLOY / "settings").glob("*.toml"))
SERVICES = [
    pytest.param(path, name, id=f"{path.stem}-{name}")
    for path in FILES
    for name in documents(path)[0]["services"]
]


def services(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = documents(path)[0]["services"]
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_is_as_the_specification_says(path: Path) -> None:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    compose_spec.PyCompose.from_json(json.dumps(document)).validate()


def test_an_unknown_key_would_be_noticed() -> None:
    document = {"services": {"one": {"image": "some", "helthcheck": {}}}}

    with pytest.raises(ValueError, match="helthcheck"):
        compose_spec.PyCompose.from_json(json.dumps(document))


@pytest.mark.parametrize(("path", "name"), SERVICES)
def test_a_service_has_few_rights_and_limits(path: Path, name: str) -> None:
    service = services(path)[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"])
    assert {"cpus", "memory", "pids"} == {*service["deploy"]["resources"]["limits"]}
    assert not {"privileged", "cap_add", "network_mode", "pid", "ipc"} & {*service}
    assert not service["image"].endswith(":latest")
    assert ":" in service["image"]


@pytest.mark.parametrize(("path", "name"), SERVICES)
def test_a_service_is_watched_and_has_time_to_end(path: Path, name: str) -> None:
    service = services(path)[name]

    assert service["healthcheck"]["test"][0] == "CMD"
    assert service["restart"] == "unless-stopped"
    assert int(service["stop_grace_period"].removesuffix("s")) >= 30


@pytest.mark.parametrize(("path", "name"), SERVICES)
def test_ports_are_open_to_this_machine_alone(path: Path, name: str) -> None:
    ports = services(path)[name].get("ports", [])

    assert all(one.startswith("127.0.0.1:") for one in ports)
    assert not (ports and name == "mongo")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_database_asks_for_passwords_that_lie_in_files(path: Path) -> None:
    document = documents(path)[0]
    mongo = document["services"]["mongo"]
    mounted = {one if isinstance(one, str) else one["source"] for one in mongo["secrets"]}
    read = {one["env_file"] for one in document["services"].values() if "env_file" in one}
    files = {one["file"] for one in document["secrets"].values()}

    assert "--auth" in mongo["command"]
    assert mongo["environment"]["MONGO_INITDB_ROOT_PASSWORD_FILE"].startswith("/run/secrets/")
    assert mounted == {*document["secrets"]}
    assert read < files
    assert all(one.startswith("secrets/") for one in files)
    assert document["networks"]["data"] == {"internal": True}
    assert mongo["networks"] == ["data"]


def test_secrets_are_never_committed() -> None:
    assert (DEPLOY / "compose/secrets/.gitignore").read_text() == "*\n!.gitignore\n"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_settings_that_are_named_are_there(path: Path) -> None:
    named = [
        one["environment"]["BEACON_SETTINGS"]
        for one in services(path).values()
        if "BEACON_SETTINGS" in one["environment"]
    ]

    assert named
    assert {f"/etc/beacon/{one.name}" for one in SETTINGS} >= {*named}


@pytest.mark.parametrize("path", SETTINGS, ids=lambda path: path.stem)
def test_settings_are_right(path: Path) -> None:
    settings = settings_file.load(path, {})
    composition.policy(settings)
    members(settings.network.members)

    assert settings.identity.environment == "test"
    assert not settings.mongo.uri


def test_members_are_the_beacons_that_run_beside_the_network() -> None:
    running = {one for one in services(DEPLOY / "compose/network.yaml") if "-" in one}
    settings = settings_file.load(DEPLOY / "settings/network.toml", {})
    for member_id, member in settings.network.members.items():
        name = member_id.rpartition(".")[2]
        own = settings_file.load(DEPLOY / f"settings/{name}.toml", {})
        levels = {rules.public["*"] for rules in own.policy.datasets.values()}

        assert member.url == own.api_url == f"http://beacon-{name}:5050/api"
        assert own.identity.id == member_id
        assert own.mongo.database == name
        assert (member.counts.reporting == "boolean") == (levels == {"boolean"})
    assert running == {f"beacon-{one.rpartition('.')[2]}" for one in settings.network.members}


def test_the_example_of_all_settings_is_read() -> None:
    text = (DEPLOY / "example-settings.toml").read_text(encoding="utf-8")

    assert tomllib.loads(text)
    assert settings_file.load(DEPLOY / "example-settings.toml", {})
