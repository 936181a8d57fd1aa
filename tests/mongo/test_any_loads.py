"""Any loads one after the other: a later load speaks for its own samples, and for nobody else."""

from __future__ import annotations

import asyncio
import json
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pymongo
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from beacon.framework.access import ANY, Access
from beacon.framework.query import Granularity, Pagination, Query
from beacon.framework.source import Load, SourceFile
from beacon.load.bff import load_bff
from beacon.load.frequencies import choose_mapping, load_frequencies
from beacon.load.single_samples import load_single_samples
from beacon.load.vcf import load_vcf
from beacon.model.allele import Observation
from beacon.mongo.sink import MongoSink
from beacon.mongo.store import MongoStore

ASSEMBLY = "GRCh38"
SITES = {1_000: ("A", "C,G"), 1_040: ("C", "T"), 1_500: ("T", "TAA"), 90_000: ("G" * 90, "G")}
"""REF and ALTs by POS; the last is too long for a block. No two sites overlap."""
SAMPLES = "ABCDE"
HEAD = (
    "##fileformat=VCFv4.2\n##contig=<ID=22>\n"
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
    '##INFO=<ID=AC,Number=A,Type=Integer,Description="Allele count">\n'
    '##INFO=<ID=AN,Number=1,Type=Integer,Description="Allele number">\n'
    "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"
)
Name = tuple[int, str]
"""POS and ALT of an allele."""
GENO = {"het": "GENO:0000135", "hom": "GENO:0000136", "hemi": "GENO:0000134"}
COPIES = {"het": 2, "hom": 2, "hemi": 1, "unspecified": 2}


@dataclass
class Line:
    """One record: its ALTs, and the call of each sample of its file."""

    pos: int
    alternates: tuple[str, ...]
    calls: dict[str, str]

    def text(self) -> str:
        ref, _ = SITES[self.pos]
        alternates = ",".join(self.alternates)
        fields = ("22", self.pos, ".", ref, alternates, ".", ".", ".", "GT", *self.calls.values())
        return "\t".join(map(str, fields)) + "\n"

    def called(self, sample: str) -> int:
        """Alleles called."""
        return len(self.calls[sample].replace("/", "").replace(".", ""))

    def zygosity(self, sample: str, alternate: str) -> str | None:
        """In regard to one of the ALTs; `None` for who does not carry it."""
        alleles = self.calls[sample].split("/")
        number = str(self.alternates.index(alternate) + 1)
        if number not in alleles:
            return None
        if "." in alleles:
            return "unspecified"
        if len(alleles) == 1:
            return "hemi"
        return "hom" if set(alleles) == {number} else "het"


@dataclass
class Known:
    """What is known of one allele: carriers, alleles called of each sample, stated counts."""

    carriers: dict[str, str] = field(default_factory=dict)
    called: dict[str, int] | None = None
    stated: tuple[int, int] | None = None
    asserted: bool = False

    def name(self, carriers: dict[str, str]) -> None:
        """Carriers are named; nothing is said of others."""
        self.carriers |= carriers
        self.look_at_carriers()

    def speak(self, samples: set[str], carriers: dict[str, str], called: dict[str, int]) -> None:
        """A load decides of its samples."""
        self.carriers = {one: how for one, how in self.carriers.items() if one not in samples}
        self.carriers |= carriers
        others = {one: copies for one, copies in (self.called or {}).items() if one not in samples}
        self.called = others | {one: copies for one, copies in called.items() if copies}
        self.look_at_carriers()

    def look_at_carriers(self) -> None:
        if self.called is not None:
            self.called = {one: COPIES[how] for one, how in self.carriers.items()} | self.called

    def answer(self) -> tuple[Any, ...] | None:
        """Carriers, and count, number, heterozygous, homozygous and hemizygous people."""
        kinds = list(self.carriers.values())
        number = sum((self.called or {}).values())
        if self.called is None and self.stated is not None:
            number = self.stated[1]
        # Looked at and found in nobody is not there, whatever a record says.
        is_asserted = self.asserted and not number
        if not kinds and not is_asserted and not (self.stated and self.stated[0]):
            return None
        if self.stated is not None:
            return sorted(self.carriers), self.stated
        hom, hemi = kinds.count("hom"), kinds.count("hemi")
        counts = (len(kinds) + hom, number, len(kinds) - hom - hemi, hom, hemi)
        return sorted(self.carriers), counts if number else None


@dataclass
class PersonFile:
    """The newest file of one person."""

    lines: list[Line]
    assessed: bool

    def listed(self, name: Name) -> list[Line]:
        return [line for line in self.lines if line.pos == name[0] and name[1] in line.alternates]

    def copies(self, sample: str, name: Name) -> int:
        """Alleles called, as far as the file tells."""
        own = self.listed(name)
        if own:
            return max(line.called(sample) for line in own)
        if not self.assessed:
            return 0
        return max((one.called(sample) for one in self.lines if one.pos == name[0]), default=2)


class Model(dict[Name, Known]):
    """What is known of the alleles, and the files of people."""

    def __init__(self) -> None:
        self.files: dict[str, PersonFile] = {}

    def silent(self) -> set[str]:
        return {one for one, file in self.files.items() if not file.assessed}

    def add(self, name: Name, samples: set[str]) -> None:
        """Some people are looked at where their files say so, if nothing else is said of them."""
        known = self[name]
        told = {one: self.files[one].copies(one, name) for one in samples}
        known.called = {one: copies for one, copies in told.items() if copies} | (
            known.called or {}
        )
        known.look_at_carriers()

    def settle(self, name: Name) -> None:
        """Nothing is known of people of single files where one of them may have been left out."""
        known = self[name]
        accounted = {*(known.called or {}), *known.carriers}
        missing = {one for one in self.silent() - accounted if not self.files[one].listed(name)}
        if known.called is not None and missing:
            left = {one: n for one, n in known.called.items() if one not in self.files}
            known.called = left or None
            known.look_at_carriers()


def header(turn: int, number: int = 0) -> str:
    """A header that no other file has: a file that was loaded is not loaded again."""
    return HEAD.replace("##contig", f"##file={turn}.{number}\n##contig", 1)


@dataclass
class OftenMarked:
    """A load that is marked after so many alleles, as one of many more records would be."""

    load: Load
    every: int
    _position: Iterator[int] = field(default_factory=lambda: count(1))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.load, name)

    def write_alleles(self, observations: Sequence[Observation]) -> None:
        for start in range(0, len(observations), self.every):
            self.load.write_alleles(observations[start : start + self.every])
            marked = SourceFile(name="a part", digest="a part")
            self.load.mark(marked, next(self._position))


@dataclass
class OftenMarkedSink:
    sink: MongoSink
    every: int

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sink, name)

    def open(self, *arguments: Any, **named: Any) -> Any:
        return OftenMarked(self.sink.open(*arguments, **named), self.every)


# Loads -----------------------------------------------------------------------------------------


@dataclass
class Genotypes:
    """Files of cohorts, all of one load."""

    files: list[list[Line]]
    mark_every: int

    def load(self, sink: MongoSink, dataset: str, folder: Path, turn: int) -> None:
        for number, lines in enumerate(self.files):
            samples = "\t".join(lines[0].calls)
            text = "".join(line.text() for line in lines)
            head = header(turn, number)
            (folder / f"{number}.vcf").write_text(f"{head}\tFORMAT\t{samples}\n{text}")
        load_vcf(OftenMarkedSink(sink, self.mark_every), dataset, ASSEMBLY, [folder])

    def apply(self, model: Model) -> None:
        said: dict[Name, tuple[set[str], dict[str, str], dict[str, int]]] = {}
        for lines in self.files:
            for line in lines:
                for alternate in line.alternates:
                    samples, carriers, called = said.setdefault(
                        (line.pos, alternate), (set(), {}, {})
                    )
                    samples |= set(line.calls)
                    for one in line.calls:
                        called[one] = max(called.get(one, 0), line.called(one))
                        zygosity = line.zygosity(one, alternate)
                        if zygosity is not None:
                            carriers[one] = zygosity
        for name, statement in said.items():
            known = model.setdefault(name, Known())
            was_known = known.called is not None
            known.speak(*statement)
            if not was_known and not model.silent():
                model.add(name, set(model.files) - statement[0])


@dataclass
class People:
    """A file for each of some people, which were looked at all over or nobody says where."""

    files: list[list[Line]]
    assessed: bool

    def load(self, sink: MongoSink, dataset: str, folder: Path, turn: int) -> None:
        people = folder / "people"
        people.mkdir()
        for lines in self.files:
            (sample,) = lines[0].calls
            text = "".join(line.text() for line in lines)
            head = header(turn)
            (people / f"{sample}.vcf").write_text(f"{head}\tFORMAT\t{sample}\n{text}")
        everywhere = folder / "all.bed"
        everywhere.write_text("22\t0\t1000000\n")
        load_single_samples(
            OftenMarkedSink(sink, 1),
            dataset,
            ASSEMBLY,
            [people],
            assessed=everywhere if self.assessed else None,
            process_count=1,
        )

    def apply(self, model: Model) -> None:
        new = {
            one: PersonFile(lines, self.assessed) for lines in self.files for one in lines[0].calls
        }
        replaced = {*new} & {*model.files}
        silent, bounded = model.silent(), {*model.files} - model.silent()
        model.files |= new
        lifted = bool(silent - model.silent()) or bool(bounded & replaced)
        names = {
            (line.pos, one)
            for file in new.values()
            for line in file.lines
            for one in line.alternates
        }
        for name in {*model, *names}:
            known = model.setdefault(name, Known())
            listing = {one for one, file in new.items() if file.listed(name)}
            gone = listing | replaced
            known.carriers = {one: how for one, how in known.carriers.items() if one not in gone}
            if known.called is not None:
                known.called = {one: n for one, n in known.called.items() if one not in gone}
            if listing:
                self._speak(model, name, new, listing)
            elif known.called is not None:
                model.add(name, {*(model.files if lifted else new)})
                model.settle(name)
            elif lifted and {*known.carriers} & {*model.files}:
                model.add(name, {*model.files})
                model.settle(name)

    def _speak(
        self, model: Model, name: Name, new: dict[str, PersonFile], listing: set[str]
    ) -> None:
        known = model[name]
        was_known = known.called is not None
        for sample in listing:
            for line in new[sample].listed(name):
                zygosity = line.zygosity(sample, name[1])
                if zygosity is not None:
                    known.carriers[sample] = zygosity
        if self.assessed or listing == {*new}:
            model.add(name, {*new})
        known.look_at_carriers()
        if not was_known:
            model.add(name, {*model.files})
        model.settle(name)


@dataclass
class Records:
    """Variant records that name carriers."""

    carriers: dict[Name, dict[str, str]]

    def load(self, sink: MongoSink, dataset: str, folder: Path, turn: int) -> None:
        records = []
        for (pos, alternate), carriers in self.carriers.items():
            ref = SITES[pos][0]
            interval = {"start": {"value": pos - 1}, "end": {"value": pos - 1 + len(ref)}}
            records.append(
                {
                    "variantInternalId": f"{pos}-{alternate}-{turn}",
                    "variation": {
                        "variantType": "SNP" if len(ref) == len(alternate) else "INDEL",
                        "referenceBases": ref,
                        "alternateBases": alternate,
                        "location": {
                            "type": "SequenceLocation",
                            "sequence_id": "refseq:NC_000022.11",
                            "interval": {"type": "SequenceInterval", **interval},
                        },
                    },
                    "caseLevelData": [
                        {"biosampleId": one, "zygosity": {"id": GENO[how]}}
                        for one, how in carriers.items()
                    ],
                }
            )
        (folder / "genomicVariations.json").write_text(json.dumps(records))
        load_bff(sink, dataset, [folder], assembly=ASSEMBLY)

    def apply(self, model: Model) -> None:
        for name, carriers in self.carriers.items():
            known = model.setdefault(name, Known())
            known.asserted = True
            known.name(carriers)


@dataclass
class Counts:
    """Counts without genotypes."""

    counts: dict[Name, tuple[int, int]]

    def load(self, sink: MongoSink, dataset: str, folder: Path, turn: int) -> None:
        lines = []
        for (pos, alternate), (seen, number) in sorted(self.counts.items()):
            fields = ("22", pos, ".", SITES[pos][0], alternate, ".", ".", f"AC={seen};AN={number}")
            lines.append("\t".join(map(str, fields)) + "\n")
        path = folder / "sites.vcf"
        path.write_text(header(turn) + "\n" + "".join(lines))
        mapping = choose_mapping([path], ASSEMBLY, "plain").mapping
        load_frequencies(sink, dataset, ASSEMBLY, [path], mapping=mapping)

    def apply(self, model: Model) -> None:
        for name, counts in self.counts.items():
            model.setdefault(name, Known()).stated = counts


names = st.sampled_from([(pos, one) for pos, (_, alts) in SITES.items() for one in alts.split(",")])


@st.composite
def lines(draw: st.DrawFn, samples: Sequence[str]) -> list[Line]:
    """Records of one file; a site of several alleles may be one record, or one for each."""
    found: list[Line] = []
    for pos in draw(st.sets(st.sampled_from(sorted(SITES)), min_size=1)):
        alternates = tuple(SITES[pos][1].split(","))
        split = draw(st.booleans())
        for some in [(one,) for one in alternates] if split else [alternates]:
            alleles = [*map(str, range(len(some) + 1)), "."]
            pairs = [f"{one}/{other}" for one in alleles for other in alleles]
            call = st.sampled_from([*pairs, "0/0", *alleles])
            found.append(Line(pos, some, {one: draw(call) for one in samples}))
    return sorted(found, key=lambda line: line.pos)


some_samples = st.lists(st.sampled_from(SAMPLES), min_size=1, max_size=4, unique=True)
zygosities = st.sampled_from(sorted(GENO))
genotypes = st.builds(
    Genotypes,
    st.lists(some_samples.flatmap(lines), min_size=1, max_size=2),
    st.sampled_from((1, 2, 100)),
)
people = st.builds(
    People,
    some_samples.flatmap(lambda found: st.tuples(*(lines([one]) for one in found)).map(list)),
    st.booleans(),
)
records = st.builds(
    Records,
    st.dictionaries(names, st.dictionaries(st.sampled_from(SAMPLES), zygosities), min_size=1),
)
counts = st.builds(
    Counts,
    st.dictionaries(names, st.tuples(st.integers(0, 9), st.integers(50, 99)), min_size=1),
)
any_loads = st.lists(genotypes | genotypes | people | records | counts, min_size=2, max_size=5)


# What the database answers -----------------------------------------------------------------------


async def answers(uri: str, database: str, dataset: str) -> dict[Name, Any]:
    access = Access(grants={dataset: {ANY: Granularity.RECORD}})
    query = Query(
        entry_type="genomicVariant",
        granularity=Granularity.RECORD,
        pagination=Pagination(limit=100),
    )
    async with pymongo.AsyncMongoClient[dict[str, Any]](uri) as client:
        answer = await MongoStore(client[database], refresh_s=0).search(query, access)
    found: dict[Name, Any] = {}
    for record in answer.result_sets[0].records if answer.result_sets else ():
        carriers = sorted({one["biosampleId"] for one in record.get("caseLevelData", ())})
        counted = None
        for source in record.get("frequencyInPopulations", ()):
            total = source["frequencies"][0]
            counted = (total["alleleCount"], total["alleleNumber"])
            split = [f"alleleCount{kind}" for kind in ("Heterozygous", "Homozygous", "Hemizygous")]
            if split[0] in total:
                counted += tuple(total[one] for one in split)
        found[name_of(record)] = (carriers, counted)
    return found


def name_of(record: dict[str, Any]) -> Name:
    """Which allele a record is of, trimmed or not."""
    variation = record["variation"]
    start = variation["location"]["interval"]["start"]["value"]
    alternate = variation["alternateBases"]
    growth = len(alternate) - len(variation["referenceBases"])
    return next(
        (pos, one)
        for pos, (ref, alternates) in SITES.items()
        for one in alternates.split(",")
        if abs(start - pos) <= 1 and len(one) - len(ref) == growth and (growth or one == alternate)
    )


@pytest.fixture(scope="module")
def shared_database(mongo_uri: str) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex}"
    yield name
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        client.drop_database(name)


def check(uri: str, database: str, loads: Sequence[Any]) -> None:
    dataset = uuid.uuid4().hex
    model = Model()
    with pymongo.MongoClient[dict[str, Any]](uri) as client:
        for turn, load in enumerate(loads):
            with tempfile.TemporaryDirectory() as folder:
                load.load(MongoSink(client[database]), dataset, Path(folder), turn)
            load.apply(model)
    found = asyncio.run(answers(uri, database, dataset))
    told = {name: known.answer() for name, known in model.items()}
    expected = {name: one for name, one in told.items() if one is not None}

    assert found == expected


def cohort(pos: int, alternate: str, **calls: str) -> Line:
    return Line(pos, (alternate,), calls)


CORRECTED = [
    Genotypes([[cohort(1_000, "C", A="0/1", B="0/1"), cohort(1_040, "T", A="1/1", B="0/1")]], 100),
    Genotypes([[cohort(1_000, "C", A="0/0", B="0/1"), cohort(1_040, "T", A="0/0", B="0/1")]], 1),
]
"""A corrected file, with a mark between alleles that lie together."""
IN_TWO = [
    Genotypes([[cohort(1_000, "C", A="0/1", B="1/1"), cohort(90_000, "G", A="1", B="1")]], 100),
    Genotypes(
        [
            [cohort(1_000, "C", A="0/0"), cohort(90_000, "G", A="0/0")],
            [cohort(1_000, "C", B="0/0"), cohort(90_000, "G", B="0/1")],
        ],
        100,
    ),
]
"""Corrected files of one load, each of other people."""
IN_TWO_MARKED = [IN_TWO[0], Genotypes(IN_TWO[1].files, 1)]


@example(CORRECTED)
@example(IN_TWO)
@example(IN_TWO_MARKED)
@settings(max_examples=20, deadline=None, suppress_health_check=[*HealthCheck], derandomize=True)
@given(any_loads)
def test_any_loads_one_after_the_other_are_as_counted_by_hand(
    mongo_uri: str, shared_database: str, loads: list[Any]
) -> None:
    check(mongo_uri, shared_database, loads)
