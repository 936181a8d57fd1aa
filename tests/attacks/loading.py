"""Invented people into a database, by the loaders of the beacon."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pymongo

from beacon.load.bff import load_bff
from beacon.load.vcf import load_vcf
from beacon.mongo.sink import MongoSink
from tests.attacks.people import Cohorts, Genomes, Places, write_individuals, write_vcf

Document = dict[str, Any]


def load(uri: str, database: str, folder: Path, cohorts: Cohorts) -> None:
    """Every dataset with its people and their genomes, as the commands load them."""
    with pymongo.MongoClient[Document](uri) as client:
        for dataset_id, members in cohorts.members.items():
            load_dataset(client, database, folder, dataset_id, cohorts.genomes, members)


def load_dataset(
    client: pymongo.MongoClient[Document],
    database: str,
    folder: Path,
    dataset_id: str,
    genomes: Genomes,
    members: Places,
    name: str = "calls",
) -> None:
    """Some people more, with their genomes, into one dataset."""
    sink = MongoSink(client[database], grace_s=0)
    where = folder / dataset_id
    where.mkdir(exist_ok=True)
    people = write_individuals(where / f"{name}-individuals.json", members)
    calls = write_vcf(where / f"{name}.vcf", genomes, members)
    assert load_bff(sink, dataset_id, [people]).ok
    assert load_vcf(sink, dataset_id, "GRCh38", [calls]).ok
    calls.unlink()
