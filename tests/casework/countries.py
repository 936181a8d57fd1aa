"""Three countries with known alleles and people, and networks of them.

Austria tells records, Belgium counts, Bulgaria yes or no.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymongo

from beacon.load.bff import load_bff
from beacon.mongo.sink import MongoSink
from beacon.settings import MemberSettings
from tests.casework import family_files
from tests.casework.family_files import COMMON, NEIGHBOUR, ONE_COPY, RARE
from tests.client.world import network_in_thread
from tests.conformance import seed
from tests.network.real_beacons import COUNTRIES, ROOT, free_port

PEOPLE = 300
CARRIERS = {
    "AT": {RARE: 2, NEIGHBOUR: 3, COMMON: 90},
    "BE": {COMMON: 60},
    "BG": {ONE_COPY: 2, COMMON: 30},
}
"""By country, how many carry an allele: the first so many people."""

WITH_SEIZURES = 1
"""In Austria, so many of the first have what the patient has."""


@dataclass(frozen=True, slots=True)
class World:
    """URLs: of all countries as one, of one that lacks Finland, and of Austria by itself."""

    network: str
    partial: str
    beacon: str
    members: dict[str, MemberSettings]


@contextmanager
def served(mongo_uri: str, folder: Path) -> Iterator[World]:
    """Load and serve the countries and the networks until the context ends.

    Args:
        folder: Empty; files go there.
    """
    files = folder / "files"
    files.mkdir()
    for code, carriers in CARRIERS.items():
        _write(files / f"{code}.vcf", carriers)
    command = [sys.executable, "-m", "tests.network.real_beacons", mongo_uri, str(files)]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            urls = json.loads(process.stdout.readline() or "{}")
            assert urls.keys() == CARRIERS.keys(), (folder / "log").read_text()
            _add_people(mongo_uri, folder, urls["AT"])
            members = {
                one.beacon_id: _member(f"Beacon {one.code}", one.code, urls[one.code])
                for one in COUNTRIES
                if one.code in urls
            }
            away = _member("Finland", "FI", f"http://127.0.0.1:{free_port()}/api")
            austria = {"at.example.beacon": members["at.example.beacon"]}
            with (
                network_in_thread(members, folder / "network") as network,
                network_in_thread({**austria, "fi.example": away}, folder / "partial") as partial,
            ):
                yield World(network, partial, urls["AT"], members)
        finally:
            process.stdin.close()
            process.wait(timeout=60)
            with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
                for code in CARRIERS:
                    client.drop_database(f"network_{code}")


def _member(name: str, country: str, url: str) -> MemberSettings:
    return MemberSettings(name=name, country=country, url=url, allow_private=True, disjoint=True)


def _write(path: Path, carriers: dict[str, int]) -> None:
    with path.open("w") as file:
        file.write(family_files.header(*(f"P{number}" for number in range(PEOPLE))))
        for name, count in carriers.items():
            calls = ["0/1"] * count + ["0/0"] * (PEOPLE - count)
            file.write(family_files.row(name, ".", calls))


def _add_people(mongo_uri: str, folder: Path, url: str) -> None:
    """Give the people of Austria features, and wait until the beacon knows of them."""
    people = [
        {
            "id": f"P{number}",
            "sex": {"id": "NCIT:C17998"},
            "phenotypicFeatures": [
                {"featureType": seed.SEIZURE if number < WITH_SEIZURES else seed.ATAXIA}
            ],
        }
        for number in range(PEOPLE)
    ]
    path = folder / "individuals.json"
    path.write_text(json.dumps(people))
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        sink = MongoSink(client["network_AT"])
        sink.put_ontology(seed.ONTOLOGIES.by_prefix["HP"])
        assert load_bff(sink, "at-genomes", [path]).ok
    asked = f"{url}/individuals?requestedGranularity=count&filters={seed.SEIZURE['id']}"
    until = time.monotonic() + 240
    while time.monotonic() < until:
        with urllib.request.urlopen(asked, timeout=20) as response:
            if json.loads(response.read())["responseSummary"]["exists"]:
                return
        time.sleep(0.2)
    raise AssertionError("the beacon does not know of its people")
