"""The demo, written once for all tests of it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cyvcf2
import pytest

from beacon import settings_file
from beacon.demo import BEACONS, DemoDataset, write_demo
from beacon.demo.grch37 import GRCH37, known_on_grch37
from beacon.demo.known_alleles import KNOWN_ALLELES
from beacon.demo.variants import KnownAllele

FILES = {
    "dataset": "datasets",
    "cohort": "cohorts",
    "individual": "individuals",
    "biosample": "biosamples",
    "run": "runs",
    "analysis": "analyses",
    "genomicVariant": "genomicVariations",
}


@dataclass(frozen=True, slots=True)
class Dataset:
    """One dataset of the demo, read back: records by entry type, carriers by VCF allele."""

    id: str
    assembly: str
    records: dict[str, list[dict[str, Any]]]
    samples: list[str]
    people_of: dict[str, str]
    carriers: dict[tuple[str, int, str, str], dict[str, tuple[int, ...]]]

    def known(self, key: str) -> KnownAllele:
        """A published allele as it is on this dataset's assembly."""
        known = KNOWN_ALLELES[key]
        return known_on_grch37(known) if self.assembly == GRCH37 else known

    def calls_of(self, key: str) -> dict[str, tuple[int, ...]]:
        """The genotypes of the samples that have a published allele."""
        known = self.known(key)
        return self.carriers.get((known.name, known.pos, known.ref, known.alt), {})

    def people_with(self, key: str) -> set[str]:
        return {self.people_of.get(sample, sample) for sample in self.calls_of(key)}

    def people_who_have(self, term: str) -> set[str]:
        return {
            individual["id"]
            for individual in self.records["individual"]
            for feature in individual.get("phenotypicFeatures", ())
            if feature["featureType"]["id"] == term and not feature.get("excluded")
        }


@pytest.fixture(scope="session")
def demo_files(tmp_path_factory: pytest.TempPathFactory) -> tuple[DemoDataset, ...]:
    return write_demo(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="session")
def demo(demo_files: tuple[DemoDataset, ...]) -> dict[str, Dataset]:
    return {one.id: _read(one) for one in demo_files}


def read(folder: Path, dataset_id: str, assembly: str) -> Dataset:
    """A dataset from the folder that `beacon demo` wrote."""
    inside = folder / dataset_id
    vcf = inside / f"{dataset_id}.vcf.gz"
    return _read(DemoDataset(id=dataset_id, assembly=assembly, vcf=vcf, bff=inside / "bff"))


def _read(files: DemoDataset) -> Dataset:
    records = {
        entry_type: json.loads((files.bff / f"{name}.json").read_text(encoding="utf-8"))
        for entry_type, name in FILES.items()
    }
    reader = cyvcf2.VCF(str(files.vcf))
    samples = list(reader.samples)
    carriers = {}
    for line in reader:
        for number, alt in enumerate(line.ALT, start=1):
            name = line.CHROM.removeprefix("chr").replace("MT", "M").replace("M", "MT")
            carriers[name, line.POS, line.REF, alt] = {
                sample: tuple(genotype[:-1])
                for sample, genotype in zip(samples, line.genotypes, strict=True)
                if number in genotype[:-1]
            }
    reader.close()
    people_of = {sample["id"]: sample["individualId"] for sample in records["biosample"]}
    return Dataset(files.id, files.assembly, records, samples, people_of, carriers)


@dataclass(frozen=True, slots=True)
class RunningDemo:
    """`beacon demo`, as somebody runs it.

    `said` is what it has written so far, a list that grows. `settings` are the texts of its
    settings files by name, as of its start: another run in the same folder writes them anew.
    """

    folder: Path
    process: subprocess.Popen[str]
    said: list[str]
    ports: dict[str, int]
    settings: dict[str, str]

    def url(self, key: str) -> str:
        """The base URL of a beacon's API, or of the network's."""
        return f"http://127.0.0.1:{self.ports[key]}/api"

    def ask(self, key: str, question: str) -> dict[str, Any]:
        with urllib.request.urlopen(self.url(key) + question, timeout=60) as response:
            answer: dict[str, Any] = json.load(response)
        return answer


@contextmanager
def running(folder: Path) -> Iterator[RunningDemo]:
    """Run the demo in a folder on free ports until it says that it is ready, and end it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "beacon.cli", "demo", "--port", "0", "--folder", str(folder)],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    said: list[str] = []
    ready = threading.Event()

    def listen() -> None:
        assert process.stderr is not None
        for line in process.stderr:
            said.append(line)
            if line.startswith("Ready"):
                ready.set()
        ready.set()

    listener = threading.Thread(target=listen)
    listener.start()
    try:
        assert ready.wait(400), "".join(said)
        assert process.poll() is None, "".join(said)
        settings = {path.stem: settings_file.load(path, {}) for path in folder.glob("*.toml")}
        ports = {key: one.server.port for key, one in settings.items()}
        texts = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.toml")}
        yield RunningDemo(folder, process, said, ports, texts)
    finally:
        process.terminate()
        process.wait(60)
        listener.join()
        process.stderr.close()


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    """The demo, running, with every country met by the network."""
    with running(tmp_path_factory.mktemp("live")) as demo:
        _wait_until_met(demo)
        yield demo


def _wait_until_met(demo: RunningDemo) -> None:
    end = time.monotonic() + 240
    while len(demo.ask("network", "/info").get("responses", ())) < len(BEACONS):
        assert time.monotonic() < end, "".join(demo.said)
        time.sleep(0.2)
