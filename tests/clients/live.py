"""The home of a beacon as it runs in production: `beacon serve`, a process of its own, on MongoDB.

It serves the small world of the conformance checks and `suomi`, a dataset with called genotypes,
from which allele frequencies are computed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pymongo
from aiohttp import web

from beacon.framework.query import Granularity
from beacon.load.bff import load_bff
from beacon.load.vcf import load_vcf
from beacon.mongo.sink import MongoSink
from tests.conformance import seed
from tests.conformance.client import Beacon

START_S = 60.0
STOP_S = 20.0
FILES = {
    "dataset": "datasets",
    "cohort": "cohorts",
    "individual": "individuals",
    "biosample": "biosamples",
    "run": "runs",
    "analysis": "analyses",
    "genomicVariant": "genomicVariations",
}

FINLAND = """\
##fileformat=VCFv4.3
##contig=<ID=21>
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
#CHROM POS ID REF ALT QUAL FILTER INFO FORMAT FI1 FI2 FI3 FI4
21 45864731 . C G . PASS . GT 0/1 1/1 0/0 ./.
21 45864800 . A T . PASS . GT 0/1 0/0 0/0 0/0
""".replace(" ", "\t").replace("\tGT,", " GT,")
BY_COUNTRY = seed.variant(
    "by-country",
    seed.CHR7,
    55191821,
    55191822,
    "SNP",
    ("T", "G"),
    molecularAttributes={"geneIds": ["EGFR"]},
    frequencyInPopulations=[
        {
            "source": "The Genome of Europe",
            "sourceReference": "https://genomeofeurope.eu/",
            "frequencies": [
                {
                    "population": population,
                    "alleleFrequency": 0.25,
                    "alleleCount": 2,
                    "alleleNumber": 8,
                    "alleleCountHomozygous": 1,
                    "alleleCountHeterozygous": 0,
                }
                for population in ("FI", "FI_F", "M")
            ],
        }
    ],
)
"""An allele of which frequencies are known and carriers are not."""
LONG_WINDED = {
    "id": "long-winded",
    "biosampleId": "FI1",
    "individualId": "FI1",
    "runId": "none",
    "analysisDate": "2021-11-01",
    "pipelineName": "a" * 10_000,
}
"""An analysis with a text in which a careless search loses its way."""
PUBLIC = {
    **{dataset_id: dict(levels) for dataset_id, levels in seed.PUBLIC.grants.items()},
    "suomi": {"*": Granularity.COUNT, "genomicVariant": Granularity.RECORD},
}


def load_world(mongo_uri: str, database: str, folder: Path) -> None:
    """Load every dataset, and the ontologies and genes they are asked about with."""
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        sink = MongoSink(client[database])
        for ontology in seed.ONTOLOGIES.by_prefix.values():
            sink.put_ontology(ontology)
        for assembly in {assembly for assembly, _ in seed.GENES}:
            genes = {name: place for (on, name), place in seed.GENES.items() if on == assembly}
            sink.put_genes(assembly, genes, "1")
        for dataset_id, records in seed.RECORDS.items():
            files = folder / dataset_id
            files.mkdir(parents=True)
            for entry_type, entries in records.items():
                (files / f"{FILES[entry_type]}.json").write_text(json.dumps(entries))
            load_bff(sink, dataset_id, [files], assembly=seed.ASSEMBLIES[dataset_id])
        vcf = folder / "suomi.vcf"
        vcf.write_text(FINLAND)
        load_vcf(sink, "suomi", "GRCh38", [vcf])
        by_country = folder / "genomicVariations.json"
        by_country.write_text(json.dumps([BY_COUNTRY]))
        analyses = folder / "analyses.json"
        analyses.write_text(json.dumps([LONG_WINDED]))
        load_bff(sink, "suomi", [by_country, analyses])


@contextmanager
def running(mongo_uri: str, database: str, folder: Path, **environment: str) -> Iterator[Beacon]:
    """Serve what was loaded, to the public, until the context ends.

    Args:
        environment: Further settings, such as `BEACON__LIMITS__DEADLINE_S`.
    """
    settings = folder / "settings.toml"
    settings.write_text(_settings(PUBLIC))
    log = folder / "log"
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "beacon.cli",
                "serve",
                "--settings",
                str(settings),
                "--port",
                "0",
            ],
            env={
                **os.environ,
                "BEACON__MONGO__URI": mongo_uri,
                "BEACON__MONGO__DATABASE": database,
                "BEACON__LOG__ACCESS": "false",
                **environment,
            },
            cwd=folder,
            stderr=stderr,
        )
    try:
        # Its application is in the other process; this one is never served.
        beacon = Beacon(_port(log), web.Application())
        _wait(beacon)
        yield beacon
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
    said = log.read_text()
    assert "request_failed" not in said, said


def _port(log: Path) -> int:
    """The port that the first line of the log names."""
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        line, end, _ = log.read_text().partition("\n")
        if end:
            return int(urlsplit(json.loads(line)["url"]).port or 0)
        time.sleep(0.05)
    raise TimeoutError(log.read_text())


def _wait(beacon: Beacon) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        try:
            if beacon.get("/info").status == 200:
                return
        except OSError:
            time.sleep(0.05)
    raise TimeoutError(beacon.base_url)


def _settings(grants: Mapping[str, Mapping[str, Granularity]]) -> str:
    lines = ['[identity]\nid = "org.example.live"\nname = "Live"\nenvironment = "test"']
    for dataset_id, levels in grants.items():
        lines.append(f"[policy.datasets.{dataset_id}]")
        lines.append('min_count = 1\naccept_risk = "invented people"')
        lines.append(f"[policy.datasets.{dataset_id}.public]")
        lines += [f'"{entry_type}" = "{level.wire}"' for entry_type, level in levels.items()]
    return "\n".join(lines) + "\n"
