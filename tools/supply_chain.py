"""What this software is made of: reasons, licences, known faults, and a bill of materials.

    python tools/supply_chain.py check           # every dependency has a reason and a licence
    python tools/supply_chain.py audit [--url]   # none has a fault that osv.dev knows of
    python tools/supply_chain.py sbom [--to]     # dist/sbom.json, CycloneDX

Licences and faults are of what is delivered with the software, and of what that needs in turn: not
of the tools of its makers. The section `tool.supply-chain` of pyproject.toml says what is allowed.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import re
import sys
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
OSV = "https://api.osv.dev/v1/querybatch"
_TIMEOUT_S = 20.0
_MAKERS = "dev"
_SPDX_WORD = re.compile(r"[A-Za-z0-9.+-]+")
_JOINS = {"AND", "OR", "WITH"}
_NAMES = {
    "MIT License": "MIT",
    "Apache Software License": "Apache-2.0",
    "Apache": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "CC0 1.0 Universal (CC0 1.0) Public Domain Dedication": "CC0-1.0",
}
"""Licences as packages name them that do not use the names of SPDX."""


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says; 1 when something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("check", "audit", "sbom"))
    parser.add_argument("--project", type=Path, default=ROOT / "pyproject.toml")
    parser.add_argument("--url", default=OSV, help="database of known faults, as osv.dev")
    parser.add_argument("--to", type=Path, default=ROOT / "dist" / "sbom.json")
    given = parser.parse_args(arguments)
    text = given.project.read_text(encoding="utf-8")
    match given.what:
        case "check":
            wrong = [*without_reason(text), *not_allowed(text)]
        case "audit":
            wrong = [*faults(text, given.url)]
        case _:
            given.to.parent.mkdir(parents=True, exist_ok=True)
            given.to.write_text(bill_of_materials(text), encoding="utf-8")
            wrong = []
    sys.stdout.write("".join(f"{one}\n" for one in wrong))
    return 1 if wrong else 0


def without_reason(text: str) -> Iterator[str]:
    """What is wrong with the lines of dependencies: each says behind `#` what it is for."""
    for line in text.splitlines():
        found = re.match(r'\s+"([A-Za-z0-9._-]+)[^"]*",\s*(#.*\w.*)?$', line)
        if found is not None and found[1] in _named(text) and found[2] is None:
            yield f"{found[1]}: say behind # what it is for"


def not_allowed(text: str) -> Iterator[str]:
    """What is wrong with the licences of what is delivered."""
    rules = _rules(text)
    for name in delivered(text):
        licence = licence_of(name, rules["licences"])
        if licence is None:
            yield f"{name}: names no licence; look, and say it in tool.supply-chain.licences"
            continue
        words = set(_SPDX_WORD.findall(licence)) - _JOINS
        for word in sorted(words - set(rules["allowed"])):
            yield f"{name}: {word} is not in tool.supply-chain.allowed"


def faults(text: str, url: str) -> Iterator[str]:
    """Faults that are known of what is delivered, but for those that are accepted."""
    accepted = _rules(text)["accepted"]
    names = [*delivered(text)]
    queries = [
        {
            "package": {"name": name, "ecosystem": "PyPI"},
            "version": importlib.metadata.version(name),
        }
        for name in names
    ]
    request = urllib.request.Request(  # noqa: S310 - the address is ours
        url, json.dumps({"queries": queries}).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:  # noqa: S310
            results = json.load(response)["results"]
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        sys.stderr.write(f"known faults of dependencies: not checked: no network ({error})\n")
        return
    for name, result in zip(names, results, strict=True):
        for fault in result.get("vulns", ()):
            if fault["id"] not in accepted:
                yield f"{name} {importlib.metadata.version(name)}: {fault['id']}"


def bill_of_materials(text: str) -> str:
    """What is delivered, as CycloneDX."""
    project = tomllib.loads(text)["project"]
    rules = _rules(text)
    licences = LicenseFactory()

    def component(name: str, licence: str | None, kind: ComponentType) -> Component:
        version = importlib.metadata.version(name)
        purl = PackageURL("pypi", None, canonicalize_name(name), version)
        return Component(
            name=name,
            version=version,
            type=kind,
            purl=purl,
            bom_ref=str(purl),
            licenses=[licences.make_from_string(licence)] if licence else [],
        )

    own = component(project["name"], project["license"], ComponentType.APPLICATION)
    bom = Bom()
    bom.metadata.component = own
    parts = {
        name: component(name, licence_of(name, rules["licences"]), ComponentType.LIBRARY)
        for name in delivered(text)
    }
    for part in parts.values():
        bom.components.add(part)
    for name, part in parts.items():
        needed = [parts[one] for one in _needed(name, ()) if one in parts]
        bom.register_dependency(part, needed)
    declared = [canonicalize_name(one.name) for one in _declared(text)]
    bom.register_dependency(own, [parts[one] for one in declared if one in parts])
    outputter = make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6)
    return outputter.output_as_string(indent=2) + "\n"


def delivered(text: str) -> list[str]:
    """Everything that comes with the software and its extras, in order."""
    found: set[str] = set()
    to_see = [(canonicalize_name(one.name), tuple(one.extras)) for one in _declared(text)]
    while to_see:
        name, extras = to_see.pop()
        if name not in found and _is_installed(name):
            found.add(name)
            to_see += [(one, ()) for one in _needed(name, extras)]
    return sorted(found)


def licence_of(name: str, told: Mapping[str, str]) -> str | None:
    """The licence of an installed package, as an expression of SPDX where it says one."""
    if name in told:
        return told[name]
    metadata = importlib.metadata.metadata(name)
    expression = metadata.get("License-Expression")
    if expression:
        return str(expression)
    classified = [
        one.rpartition("::")[2].strip()
        for one in metadata.get_all("Classifier") or ()
        if one.startswith("License ::")
    ]
    named = [_NAMES.get(one, one) for one in classified if one != "OSI Approved"]
    if named:
        return " OR ".join(named)
    said = str(metadata.get("License") or "").strip()
    return _NAMES.get(said, said) if said and "\n" not in said else None


def _declared(text: str) -> list[Requirement]:
    """What the software and its extras ask for, without the tools of its makers."""
    project = tomllib.loads(text)["project"]
    extras = project.get("optional-dependencies", {})
    named = [one for extra, listed in extras.items() if extra != _MAKERS for one in listed]
    return [Requirement(one) for one in (*project["dependencies"], *named)]


def _named(text: str) -> set[str]:
    """Everything that is asked for, tools included."""
    project = tomllib.loads(text)["project"]
    listed = (project["dependencies"], *project.get("optional-dependencies", {}).values())
    return {Requirement(one).name for several in listed for one in several}


def _needed(name: str, extras: Sequence[str]) -> Iterator[str]:
    for line in importlib.metadata.requires(name) or ():
        requirement = Requirement(line)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": one}) for one in ("", *extras)):
            yield canonicalize_name(requirement.name)


def _is_installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _rules(text: str) -> Mapping[str, Any]:
    rules = tomllib.loads(text).get("tool", {}).get("supply-chain", {})
    return {"allowed": [], "licences": {}, "accepted": {}, **rules}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
