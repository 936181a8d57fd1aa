"""Loads by several processes: the database ends as if one process had gone through the files."""

from __future__ import annotations

import functools
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pymongo
import pysam
import pytest

from beacon.framework.errors import LoadError
from beacon.framework.source import SourceFile
from beacon.load.parallel import Cutting, Processes
from beacon.load.progress import Silent
from beacon.load.report import Report
from beacon.load.source_files import identify
from beacon.load.vcf import load_vcf
from beacon.model.allele import Allele, Called, Observation
from beacon.model.reference import Bases
from beacon.mongo import documents
from beacon.mongo.called import called_of
from beacon.mongo.packing import decode_entries
from beacon.mongo.sink import MongoSink
from beacon.mongo.stored import read_called, read_stored

SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "vcf-genotypes"
ASSEMBLY = "GRCh38"
EVERY = 1 << 14
TINY = Cutting(smallest=1 << 40, largest=1 << 40, step=EVERY, widest=EVERY, worthwhile=0)
"""Regions that are as small as they can be."""

Documents = pymongo.database.Database[dict[str, Any]]


@pytest.fixture
def stored(mongo_uri: str, database: str) -> Iterator[Documents]:
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        yield client[database]


class Titles:
    """Progress of which the titles are kept."""

    def __init__(self) -> None:
        self.titles: list[str] = []
        self.totals: list[int | None] = []
        self.done = 0

    def file(self, name: str, total: int | None) -> None:
        self.titles.append(name)
        self.totals.append(total)
        self.done = 0

    def advance(self, done: int) -> None:
        self.done += done


def load(
    stored: Documents,
    uri: str,
    dataset_id: str,
    paths: list[Path],
    processes: int,
    *,
    assembly: str = ASSEMBLY,
    cutting: Cutting = TINY,
    reference: Any = None,
    listing: Path | None = None,
) -> Report:
    progress = Titles()
    report = load_vcf(
        MongoSink(stored, grace_s=0, uri=uri),
        dataset_id,
        assembly,
        paths,
        progress=progress,
        listing=listing,
        bases=None if reference is None else reference(),
        in_parts=Processes(processes, assembly, reference, cutting),
    )
    assert ("processes)" in progress.titles[-1]) == (processes > 1)
    if processes > 1:
        assert progress.done == progress.totals[-1] == report.records
    return report


def content(stored: Documents, dataset_id: str) -> dict[str, Any]:
    """All that a release holds, without the numbers of its layers."""
    sets = Sets()
    manifest = stored[documents.MANIFESTS].find_one({"_id": dataset_id})
    assert manifest is not None
    layers = {layer["slot"]: layer["codes"] for layer in manifest["layers"]}
    slots = [*layers, manifest.get("structural"), manifest.get("annotations")]
    found: dict[str, Any] = {
        key: manifest.get(key)
        for key in ("shift", "observed", "zygosities", "normalised", "long_alleles", "counts")
    }
    found["codes"] = list(layers.values())
    blocks = {one["_id"]: one for one in stored[documents.BLOCKS].find({"l": {"$in": slots}})}
    read = read_stored(stored, blocks, lambda keys: read_called(stored, keys))
    found["alleles"] = {
        (list(layers).index(key & documents.SLOT_MAX), key >> 16, *entry.key): (
            entry.codes.tobytes(),
            entry.allele_count,
            entry.allele_number,
            entry.homozygous,
            entry.hemizygous,
            entry.flags,
            sets(entry.called),
        )
        for key, block in read.items()
        for entry in decode_entries(block)
    }
    structural = stored[documents.STRUCTURAL].find({"l": {"$in": slots}})
    patterns = {
        (one["l"], bytes(one["_id"])[2:]): called_of(one)
        for one in stored[documents.PATTERNS].find()
    }
    found["structural"] = {
        one["_id"].partition("|")[2]: (
            *(one[key] for key in ("c", "s", "e", "a", "o", "f", "n", "r")),
            sets(patterns.get((one["l"], one.get("w")))),
        )
        for one in structural
    }
    said = stored[documents.ANNOTATIONS].find({"l": {"$in": slots}})
    found["annotations"] = {one["key"]: one["r"] for one in said}
    return found


@dataclass
class Sets:
    """Sets of people as something to compare; many alleles share one."""

    known: dict[int, tuple[Called, Any]] = field(default_factory=dict)

    def __call__(self, called: Called | None) -> Any:
        if called is None:
            return None
        if id(called) not in self.known:
            self.known[id(called)] = called, (tuple(called.twice), tuple(called.once))
        return self.known[id(called)][1]


def account(report: Report) -> dict[str, Any]:
    """A report without the names of files' folders."""
    plain = report.as_dict()
    plain["files"] = [Path(name).name for name in plain["files"]]
    return plain


def indexed(folder: Path, name: str, lines: list[str], kind: str = "tbi") -> Path:
    """A VCF or BCF file of these lines, with an index beside it."""
    plain = folder / f"{name}.vcf"
    plain.write_text("\n".join(lines) + "\n", encoding="utf-8")
    if kind == "bcf":
        binary = folder / f"{name}.bcf"
        with (
            pysam.VariantFile(str(plain)) as given,
            pysam.VariantFile(str(binary), "wb", header=given.header) as written,
        ):
            for record in given:
                written.write(record)
        pysam.tabix_index(str(binary), preset="bcf", csi=True)
        return binary
    packed = folder / f"{name}.vcf.gz"
    pysam.tabix_compress(str(plain), str(packed), force=True)
    pysam.tabix_index(str(packed), preset="vcf", csi=kind == "csi")
    return packed


def header(samples: list[str], contigs: tuple[str, ...] = ("1", "2", "X", "decoy")) -> list[str]:
    return [
        "##fileformat=VCFv4.3",
        '##INFO=<ID=END,Number=1,Type=Integer,Description="End">',
        '##INFO=<ID=SVLEN,Number=.,Type=Integer,Description="Length">',
        '##INFO=<ID=CLNSIG,Number=.,Type=String,Description="Significance">',
        '##INFO=<ID=CLNDN,Number=.,Type=String,Description="Disease">',
        '##ALT=<ID=DEL,Description="Deletion">',
        '##ALT=<ID=DUP,Description="Duplication">',
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
        *(f"##contig=<ID={name}>" for name in contigs),
        "\t".join(("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT", *samples)),
    ]


def at_borders(samples: list[str], seed: int, contigs: tuple[str, ...]) -> list[str]:
    """Records of every kind on both sides of where regions end, in the order of a file."""
    chance = random.Random(seed)
    lines = header(samples, (*contigs, "decoy"))
    for contig in contigs:
        records = []
        for border in range(EVERY, 5 * EVERY, EVERY):
            for distance in (-60, -9, -2, -1, 0, 1, 2, 3, 40):
                pos = border + distance
                records += [(pos, *_change(chance, pos)) for _ in range(2)]
        records.append((0, "N", "<DEL>", "END=5"))
        records.append((248_956_422, "A", "<DEL>", "END=248956430"))
        for pos, ref, alt, info in sorted(records, key=lambda record: record[0]):
            lines.append(_line(chance, contig, pos, ref, alt, info, samples))
    return [*lines, *(_line(chance, "decoy", at, "A", "C", ".", samples) for at in (5, 20_000))]


def _change(chance: random.Random, pos: int) -> tuple[str, str, str]:
    long = "".join(chance.choice("ACGT") for _ in range(chance.choice((90, 20_000))))
    few = "".join(chance.choice("ACGT") for _ in range(chance.randint(2, 12)))
    return chance.choice(
        (
            ("A", chance.choice("CGT"), "CLNSIG=Pathogenic;CLNDN=Gout"),
            ("A", "A" + few, "."),
            ("A" + few, "A", "."),
            (few, few + "A", "."),
            (few + "GA", few + "GC", "."),
            (few + "GA", f"{few}GC,{few[0]},{few}GAT", "."),
            ("A" + long, "A", "."),
            ("A" + long, f"A{long}T,A,<DEL>", f"END={pos + 60}"),
            ("A", "<DEL>", f"END={pos + chance.choice((3, 900, 40_000))}"),
            ("A", "<DUP>,C", f"END={pos + 9}"),
            ("A", f"]2:{pos}]A", "."),
            ("A", "*", "."),
            ("A", ".", "."),
            ("A", "A", "."),
            ("R", "C", "."),
            ("A", "C,G", "END=1"),
        )
    )


def _line(
    chance: random.Random,
    contig: str,
    pos: int,
    ref: str,
    alt: str,
    info: str,
    samples: list[str],
) -> str:
    alleles = [".", *map(str, range(alt.count(",") + 2 if alt != "." else 1))]
    if chance.random() < 0.02:
        alleles.append("7")
    calls = ["/".join(chance.choice(alleles) for _ in range(2)) for _ in samples]
    return "\t".join((contig, str(pos), ".", ref, alt, ".", ".", info, "GT", *calls))


SAMPLES = [f"S{number}" for number in range(6)]


@pytest.mark.parametrize("kind", ["tbi", "csi", "bcf"])
def test_alleles_at_borders_are_loaded_once(stored, mongo_uri, tmp_path, kind):
    file = indexed(tmp_path, "borders", at_borders(SAMPLES, 1, ("1", "chr2", "X")), kind)
    listings = [tmp_path / "one.jsonl", tmp_path / "two.jsonl"]
    alone = load(stored, mongo_uri, "alone", [file], 1, listing=listings[0])
    shared = load(stored, mongo_uri, "shared", [file], 2, listing=listings[1])

    assert account(shared) == account(alone)
    assert content(stored, "shared") == content(stored, "alone")
    assert listings[1].read_bytes() == listings[0].read_bytes()
    assert listings[0].stat().st_size > 0
    assert content(stored, "shared")["annotations"]


def bases(name: str, start: int, end: int) -> str:
    """Long repeats across borders: indels in them move far to the left."""
    return "".join(
        "CA"[place % 2] if (place + 300) % EVERY > EVERY - 9_000 else "ACGGTCA"[place * place % 7]
        for place in range(max(start, 0), min(end, 20 * EVERY))
    )


def opened(_name: str) -> Bases:
    return bases


REFERENCE = functools.partial(opened, ASSEMBLY)


def in_repeats(samples: list[str], seed: int) -> list[str]:
    chance = random.Random(seed)
    lines = header(samples)
    places = sorted(
        {
            border + distance
            for border in range(EVERY, 5 * EVERY, EVERY)
            for distance in (-8_000, -500, -3, -2, -1, 0, 1, 2, 200, 400, 5_000)
        }
    )
    for pos in places:
        for size in (2, 4, 70):
            ref = bases("1", pos - 1, pos + size)
            lines.append(_line(chance, "1", pos, ref, ref[0], ".", samples))
            alt = f"{ref[0]}{ref[1:]}{ref[1:]}"
            lines.append(_line(chance, "1", pos, ref[0], alt[: size + 1], ".", samples))
    return lines


def test_alleles_that_are_moved_across_borders_are_loaded_once(stored, mongo_uri, tmp_path):
    file = indexed(tmp_path, "repeats", in_repeats(SAMPLES, 3))
    alone = load(stored, mongo_uri, "alone", [file], 1, reference=REFERENCE)
    shared = load(stored, mongo_uri, "shared", [file], 2, reference=REFERENCE)

    assert account(shared) == account(alone)
    assert content(stored, "shared") == content(stored, "alone")
    assert alone.alleles > 100
    assert content(stored, "shared")["normalised"]


def test_batches_of_people_and_files_of_chromosomes_are_joined(stored, mongo_uri, tmp_path):
    """The same places in several files, and the same people in several files."""
    others = [f"T{number}" for number in range(4)]
    files = [
        indexed(tmp_path, "a1", at_borders(SAMPLES, 1, ("1",))),
        indexed(tmp_path, "b1", at_borders(others, 1, ("chr1",)), "csi"),
        indexed(tmp_path, "a2", at_borders(SAMPLES, 2, ("2",)), "bcf"),
    ]
    alone = load(stored, mongo_uri, "alone", files, 1)
    shared = load(stored, mongo_uri, "shared", files, 2)

    assert account(shared) == account(alone)
    assert content(stored, "shared") == content(stored, "alone")


def test_a_second_load_is_joined_with_the_first(stored, mongo_uri, tmp_path):
    first = indexed(tmp_path, "first", at_borders(SAMPLES, 4, ("1",)))
    second = indexed(tmp_path, "second", at_borders([*SAMPLES, "new"], 5, ("1", "2")))
    for dataset_id, processes in (("alone", 1), ("shared", 2)):
        load(stored, mongo_uri, dataset_id, [first], processes)
        load(stored, mongo_uri, dataset_id, [second], processes)

    assert content(stored, "shared") == content(stored, "alone")
    assert stored[documents.STAGED].count_documents({}) == 0


LOAD = """
import functools, signal, sys
from pathlib import Path
import pymongo
from beacon.load.parallel import Cutting, Processes
from beacon.load.vcf import load_vcf
from beacon.mongo.sink import MongoSink
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
    uri, database, path = sys.argv[1:]
    tiny = Cutting(1 << 40, 1 << 40, step=1 << 14, widest=1 << 14, worthwhile=0)
    with pymongo.MongoClient(uri) as client:
        print("begun", flush=True)
        load_vcf(MongoSink(client[database], uri=uri), "shared", "GRCh38", [Path(path)],
                 in_parts=Processes(2, "GRCh38", None, tiny))
"""


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """More regions than are loaded at once."""
    return indexed(
        tmp_path_factory.mktemp("many"), "many", at_borders(SAMPLES, 6, ("1", "2", "3", "X"))
    )


def begun(stored: Documents, uri: str, path: Path, folder: Path, parts: int) -> Any:
    """A load in a process of its own, of which so many regions are done."""
    script = folder / "load.py"
    script.write_text(LOAD, encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, str(script), uri, stored.name, str(path)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    done = {"t": "part", "account": {"$exists": True}}
    while stored[documents.STAGED].count_documents(done) < parts and process.poll() is None:
        time.sleep(0.005)
    return process


def processes_of(group: int) -> list[int]:
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[2]) == group and fields[0] != "Z":
                found.append(int(folder.name))
    return sorted(found)


def left_of(group: int) -> list[int]:
    """Processes that do not end within seconds."""
    end = time.monotonic() + 5
    while processes_of(group) and time.monotonic() < end:
        time.sleep(0.05)
    return processes_of(group)


def test_a_load_that_is_killed_leaves_no_process_and_goes_on(stored, mongo_uri, tmp_path, many):
    process = begun(stored, mongo_uri, many, tmp_path, 4)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    left = left_of(process.pid)
    nothing = stored[documents.MANIFESTS].find_one({"_id": "shared"})
    done = stored[documents.STAGED].count_documents({"account": {"$exists": True}})
    shared = load(stored, mongo_uri, "shared", [many], 2)
    alone = load(stored, mongo_uri, "alone", [many], 1)

    assert left == []
    assert nothing is None
    assert done >= 4
    assert account(shared) == account(alone)
    assert content(stored, "shared") == content(stored, "alone")


@pytest.mark.parametrize("which", ["a worker", "all"])
def test_a_load_that_is_stopped_says_so_and_goes_on(stored, mongo_uri, tmp_path, many, which):
    for _ in range(5):  # it may be done before it is stopped
        process = begun(stored, mongo_uri, many, tmp_path, 1)
        if which == "all":  # as Ctrl-C does
            os.killpg(process.pid, signal.SIGINT)
        else:
            os.kill(processes_of(process.pid)[-1], signal.SIGKILL)
        _, said = process.communicate(timeout=30)
        left = left_of(process.pid)
        if process.returncode and said:  # nothing is said where it was done, and about to end
            break
        MongoSink(stored, grace_s=0).drop("shared")
    shared = load(stored, mongo_uri, "shared", [many], 2, listing=tmp_path / "listing.jsonl")
    alone = load(stored, mongo_uri, "alone", [many], 1, listing=tmp_path / "alone.jsonl")

    assert "LoadInterrupted" in said
    assert "load the files again" in said
    assert left == []
    assert account(shared) == account(alone)
    assert content(stored, "shared") == content(stored, "alone")
    assert (tmp_path / "listing.jsonl").read_bytes() == (tmp_path / "alone.jsonl").read_bytes()


def test_a_load_that_was_begun_by_one_process_is_ended_by_one(stored, mongo_uri, tmp_path):
    """What it has written before it first remembered how far it was does not count twice."""
    file = indexed(tmp_path, "file", at_borders(SAMPLES, 8, ("1",)))
    source = identify(file, Silent())
    sink = MongoSink(stored, grace_s=0, uri=mongo_uri)
    begun = sink.open("shared", assembly=ASSEMBLY, files=[source])
    rows = begun.rows(SAMPLES)
    allele = Allele.from_vcf("1", EVERY, "A", "C")
    begun.write_alleles([Observation(allele=allele, rows=rows[:1], zygosity=rows[:1])])
    begun.mark(SourceFile(name="of another name", digest="0"), 1)
    progress = Titles()
    load_vcf(
        sink,
        "shared",
        ASSEMBLY,
        [file],
        progress=progress,
        in_parts=Processes(2, ASSEMBLY, None, TINY),
    )

    assert not any("processes)" in title for title in progress.titles)


def test_a_load_in_parts_is_begun_again_where_it_cannot_go_on(stored, mongo_uri, tmp_path, many):
    process = begun(stored, mongo_uri, many, tmp_path, 2)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    left_of(process.pid)
    report = load_vcf(MongoSink(stored, grace_s=0), "shared", ASSEMBLY, [many])
    alone = load(stored, mongo_uri, "alone", [many], 1)

    assert account(report) == account(alone)
    assert content(stored, "shared") == content(stored, "alone")


def test_an_index_of_another_file_is_not_used_for_long(stored, mongo_uri, tmp_path):
    """One of a file of about the same size, with other records: nothing is published."""
    lines = at_borders(SAMPLES, 7, ("1",))
    fewer = indexed(tmp_path, "fewer", lines[:-20])
    file = indexed(tmp_path, "file", lines)
    Path(f"{file}.tbi").write_bytes(Path(f"{fewer}.tbi").read_bytes())

    with pytest.raises(LoadError, match="index"):
        load(stored, mongo_uri, "shared", [file], 2)
    assert stored[documents.MANIFESTS].find_one({"_id": "shared"}) is None


def test_a_real_cohort_is_loaded_alike(stored, mongo_uri):
    name, assembly = "1kg_pgx_genes_2504samples.GRCh37.vcf.gz", "GRCh37"
    file = SHARED / name
    if not file.is_file():
        pytest.skip("the real data are not here")
    cutting = Cutting()
    alone = load(stored, mongo_uri, "alone", [file], 1, assembly=assembly, cutting=cutting)
    shared = load(stored, mongo_uri, "shared", [file], 2, assembly=assembly, cutting=cutting)

    assert account(shared) == account(alone)
    assert content(stored, "shared") == content(stored, "alone")
