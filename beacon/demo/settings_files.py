"""The home of the demo's settings files: one for every beacon, and one for their network."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from beacon.demo.beacons import BEACONS, INVENTED, NETWORK_ID, DemoBeacon
from beacon.demo.grch37 import chains

NETWORK = "network"
"""The key of the network, beside those of the beacons."""

_NO_RISK = "the data are synthetic"
_THERE, _BACK = "grch38-to-grch37.chain", "grch37-to-grch38.chain"


def write_settings(folder: Path, ports: Mapping[str, int]) -> dict[str, Path]:
    """Write the settings files, and the chain files that the network's name.

    Args:
        folder: Where they go; it exists.
        ports: The TCP port of each beacon, by its key, and of the network.

    Returns:
        The settings files, by the same keys.
    """
    for name, text in zip((_THERE, _BACK), chains(), strict=True):
        (folder / name).write_text(text, encoding="utf-8")
    texts = {one.key: "\n".join(_beacon(one, ports[one.key])) for one in BEACONS}
    texts[NETWORK] = "\n".join(_network(ports))
    files = {key: folder / f"{key}.toml" for key in texts}
    for key, file in files.items():
        file.write_text(texts[key] + "\n", encoding="utf-8")
    return files


def _beacon(beacon: DemoBeacon, port: int) -> Iterator[str]:
    yield f"# The beacon of {beacon.name}: beacon serve --settings {beacon.key}.toml"
    yield 'data_dir = "database"  # with those of the other countries'
    yield f'\n[mongo]\ndatabase = "{beacon.key}"\ncache_gb = 0.5'
    yield from _common(port, beacon.id, f"Demo Beacon of {beacon.name}", INVENTED)
    yield f"\n# {beacon.policy}"
    for dataset in beacon.datasets:
        if not dataset.public:
            yield f'# "{dataset.id}" is loaded too, and has no rule: for callers it does not exist.'
            continue
        yield f"[policy.datasets.{dataset.id}]"
        yield "min_count = 1  # everybody is told of, even who is the only one"
        yield f"accept_risk = {_text(_NO_RISK)}"
        yield f"\n[policy.datasets.{dataset.id}.public]"
        for entry_type, level in dataset.public.items():
            yield f"{_key(entry_type)} = {_text(level)}"


def _network(ports: Mapping[str, int]) -> Iterator[str]:
    about = "Finland, Spain and Germany, asked together."
    yield "# The network of the three: beacon network serve --settings network.toml"
    yield 'data_dir = "network"'
    yield from _common(ports[NETWORK], NETWORK_ID, "Demo Network", f"{about} {INVENTED}")
    for one in BEACONS:
        yield f'\n[network.members."{one.id}"]'
        yield f"name = {_text(one.name)}\ncountry = {_text(one.country)}"
        yield f'url = "http://127.0.0.1:{ports[one.key]}/api"'
        yield "allow_private = true  # it is on this machine"
        yield f"people = {one.people}"
        yield "disjoint = true  # nobody is in two countries"
        yield f"counts.reporting = {_text(one.reporting)}"
    yield "\n# Questions on one assembly are lifted to members on the other."
    yield f'[assemblies.GRCh38.chain_to]\nGRCh37 = "{_THERE}"'
    yield f'\n[assemblies.GRCh37.chain_to]\nGRCh38 = "{_BACK}"'


def _common(port: int, own_id: str, name: str, description: str) -> Iterator[str]:
    yield f"\n[server]\nport = {port}"
    yield '\n[log]\nformat = "console"'
    yield f"\n[identity]\nid = {_text(own_id)}\nname = {_text(name)}"
    yield f'description = {_text(description)}\nenvironment = "test"'
    yield '\n[limits]\ndefault_granularity = "record"'


def _key(entry_type: str) -> str:
    return entry_type if entry_type.isalnum() else _text(entry_type)


def _text(value: str) -> str:
    return json.dumps(value)  # which TOML reads alike
