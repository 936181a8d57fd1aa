"""Annotated calls of two trios and of invented people, against a split of the INFO text by hand."""

from __future__ import annotations

import gzip
import importlib.util
import random
import re
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import pytest_asyncio
from questions import Asker, Open
from truth import genes, trimmed

from beacon.load.annotate import annotate
from beacon.load.ontologies import read_ontology
from beacon.load.vcf import load_vcf
from beacon.mongo.sink import MongoSink
from beacon.schemas import conforms

pytestmark = pytest.mark.asyncio(loop_scope="module")

ASSEMBLIES = {"scout": "GRCh37", "slivar": "GRCh37", "clinvar": "GRCh38"}
SCOUT = "vcf-annotated/scout_643594.clinical.GRCh37.vcf.gz"
SLIVAR = "vcf-annotated/slivar_ashk-trio_BCSQ.GRCh37.vcf.gz"
CLINVAR = "vcf-af-sites/clinvar_20260226_chr13_chr17.GRCh38.vcf.gz"
ONTOLOGY = "ontologies/so-simple.obo"
ALLELES_OF_CLINVAR = 500
RECORDS_OF_SLIVAR = 1_500
"""The first of its 9,940, for time."""
PEOPLE = 30

RESIDUES = {
    **{"Ala": "A", "Arg": "R", "Asn": "N", "Asp": "D", "Cys": "C", "Gln": "Q", "Glu": "E"},
    **{"Gly": "G", "His": "H", "Ile": "I", "Leu": "L", "Lys": "K", "Met": "M", "Phe": "F"},
    **{"Pro": "P", "Ser": "S", "Ter": "*", "Thr": "T", "Trp": "W", "Tyr": "Y", "Val": "V"},
}
OTHER_NAMES = {
    "non_coding_exon_variant": "non_coding_transcript_exon_variant",
    "non_coding": "non_coding_transcript_variant",
    "3_prime_utr": "3_prime_UTR_variant",
    "5_prime_utr": "5_prime_UTR_variant",
}
"""A former name in SnpEff, and what bcftools does not merely write without `_variant`."""
CLASSES = {
    "benign": "benign",
    "likely benign": "likely benign",
    "uncertain significance": "uncertain significance",
    "likely pathogenic": "likely pathogenic",
    "pathogenic": "pathogenic",
    "0": "uncertain significance",
    "2": "benign",
    "3": "likely benign",
    "4": "likely pathogenic",
    "5": "pathogenic",
}
SUBSTITUTION = re.compile(r"[A-Z*]\d+[A-Z*=]")


@dataclass
class Said:
    """One allele, who has it, and what its INFO says of it."""

    chromosome: str
    pos: int
    ref: str
    alt: str
    carriers: set[str]
    genes: set[str] = field(default_factory=set)
    consequences: set[str] = field(default_factory=set)
    changes: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    relevances: set[str] = field(default_factory=set)
    conditions: set[str] = field(default_factory=set)
    number: str = ""

    @property
    def footprint(self) -> tuple[int, int]:
        """The interbase interval that it takes, an insertion with the base before it."""
        start, ref, alt = trimmed(self.pos - 1, self.ref, self.alt)
        anchored = not ref or (not alt and start >= self.pos)
        return start - anchored, start + len(ref)

    @property
    def id(self) -> str:
        start, ref, alt = trimmed(self.pos - 1, self.ref, self.alt)
        if not (ref and alt) and start >= self.pos:
            base = self.ref[start - self.pos]
            start, ref, alt = start - 1, base + ref, base + alt
        return f"{self.chromosome}-{start + 1}-{ref}-{alt}"


Take = Callable[[Said, dict[str, str]], None]


def take_vep(said: Said, info: dict[str, str]) -> None:
    """Entries of `CSQ` of VEP 85, by the places that its header gives."""
    for entry in info["CSQ"].split(","):
        row = entry.split("|")
        said.consequences.update(row[1].split("&"))
        said.genes.update(row[3:4] if row[3] else row[4:5])
        name, protein = unquote(row[10]), unquote(row[11])
        said.names.add(name)
        if ":p." in protein:
            said.names.add(protein)
            said.changes.update(in_one_letter(protein.partition(":p.")[2]))
        elif row[15]:
            old, _, new = row[15].partition("/")
            said.changes.add(f"{old}{row[14].partition('/')[0]}{new or '='}")


def take_snpeff(said: Said, info: dict[str, str]) -> None:
    """Entries of `ANN`."""
    for entry in info["ANN"].split(","):
        row = entry.split("|")
        said.consequences.update(row[1].split("&"))
        if not row[1].endswith("intergenic_region"):
            said.genes.update(row[3].split("&"))
        if row[5] == "transcript" and row[9]:
            said.names.add(f"{row[6]}:{row[9]}")
        if row[10]:
            said.changes.update(in_one_letter(row[10].removeprefix("p.")))


def take_bcsq(said: Said, info: dict[str, str]) -> None:
    """Entries of `BCSQ`."""
    for entry in info.get("BCSQ", "").split(",") if "BCSQ" in info else ():
        row = [*entry.removeprefix("*").split("|"), "", "", ""]
        said.consequences.update(row[0].split("&"))
        said.genes.add(row[1])
        if change := re.fullmatch(r"(\d+)([A-Z*])(?:>\1([A-Z*]))?", row[5]):
            said.changes.add(f"{change[2]}{change[1]}{change[3] or '='}")


def take_old_clinvar(said: Said, info: dict[str, str]) -> None:
    """Numbers in `CLNSIG`; several separated by commas are of alleles that are split off."""
    codes = set(info.get("CLNSIG", "").split(","))
    if len(codes) == 1:
        (code,) = codes
        said.relevances.update(CLASSES[one] for one in code.split("|") if one in CLASSES)


def take_clinvar(said: Said, info: dict[str, str]) -> None:
    """The fields of ClinVar's own file."""
    said.genes.update(one.partition(":")[0] for one in info.get("GENEINFO", "").split("|"))
    said.consequences.update(
        one.partition("|")[0] for one in info.get("MC", "").split(",") if "|" in one
    )
    said.names.add(info["CLNHGVS"])
    significance = info.get("CLNSIG", "").replace("_", " ")
    said.relevances.update(
        CLASSES[one.strip().lower()]
        for one in re.split(r"[|/,]", significance)
        if one.strip().lower() in CLASSES
    )
    if significance and not significance.startswith("no classification"):
        said.conditions.update(re.findall(r"MONDO:MONDO:(\d+)", info["CLNDISDB"]))


def in_one_letter(change: str) -> Iterator[str]:
    """`V600E` of `Val600Glu`, and nothing of what is no exchange of one residue."""
    if parts := re.fullmatch(r"([A-Z][a-z]{2}|\*)(\d+)([A-Z][a-z]{2}|\*|=)", change):
        old, position, new = parts.groups()
        old, new = RESIDUES.get(old, old), RESIDUES.get(new, new)
        yield f"{old}{position}{'=' if old == new else new}"


class Annotated:
    """What a file says of the alleles that somebody in it has."""

    def __init__(self, path: Path, takes: tuple[Take, ...], ids: dict[str, str]) -> None:
        self.everything: list[Said] = []
        read: Any = gzip.open if path.name.endswith(".gz") else open
        with read(path, "rt") as lines:
            for line in lines:
                if line.startswith("#CHROM"):
                    samples = line.split()[9:]
                elif not line.startswith("#"):
                    self._take(line.rstrip("\n").split("\t"), samples, takes, ids)
        self.observed = [one for one in self.everything if one.carriers]

    def _take(
        self, fields: list[str], samples: list[str], takes: tuple[Take, ...], ids: dict[str, str]
    ) -> None:
        chromosome, pos, number, ref, alt, _, _, text, _, *calls = fields
        info = dict(one.partition("=")[::2] for one in text.split(";"))
        carriers = {
            sample
            for sample, call in zip(samples, calls, strict=True)
            if "1" in re.split(r"[/|]", call.split(":")[0])
        }
        said = Said(chromosome, int(pos), ref, alt, carriers, number=number)
        for take in takes:
            take(said, info)
        for texts in (said.genes, said.names):
            texts.discard("")
        names = (OTHER_NAMES.get(one, one) for one in said.consequences)
        # `intron` is a term too, but not a consequence.
        named = (ids.get(f"{one}_variant") or ids.get(one, one) for one in names)
        said.consequences = {one for one in named if one.startswith("SO:")}
        self.everything.append(said)

    def having(self, name: str, value: str) -> list[Said]:
        """The observed alleles of which a set has a value."""
        return [one for one in self.observed if value in getattr(one, name)]

    def values(self, name: str) -> list[str]:
        """Every value of a set."""
        return sorted({value for one in self.observed for value in getattr(one, name)})


@pytest.fixture(scope="module")
def terms(data: Path) -> dict[str, tuple[str, list[str]]]:
    """Of each term of the Sequence Ontology its name and its parents."""
    found = {}
    for stanza in (data / ONTOLOGY).read_text(encoding="utf-8").split("\n\n"):
        lines = stanza.strip().splitlines()
        if lines and lines[0] == "[Term]" and "is_obsolete: true" not in lines:
            (term,) = (line[4:] for line in lines if line.startswith("id: "))
            (name,) = (line[6:] for line in lines if line.startswith("name: "))
            found[term] = name, [line.split()[1] for line in lines if line.startswith("is_a: ")]
    return found


def above(term: str, terms: dict[str, tuple[str, list[str]]]) -> set[str]:
    """A term and all above it."""
    return {term}.union(*(above(one, terms) for one in terms.get(term, ("", []))[1]))


@pytest.fixture(scope="module")
def calls(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Alleles of ClinVar with genotypes that are made up; some of them nobody has."""
    chance = random.Random("clinvar")
    with gzip.open(data / CLINVAR, "rt") as lines:
        records = [line.split("\t") for line in lines if not line.startswith("#")]
    plain = [one for one in records if set(one[3] + one[4]) <= set("ACGT") and len(one[3]) < 200]
    samples = [f"person-{number}" for number in range(PEOPLE)]
    path = tmp_path_factory.mktemp("clinvar") / "calls.vcf"
    with path.open("w") as file:
        file.write("##fileformat=VCFv4.2\n##contig=<ID=13>\n##contig=<ID=17>\n")
        file.write('##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n')
        head = ("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *samples)
        file.write("\t".join(head) + "\n")
        for record in sorted(
            chance.sample(plain, ALLELES_OF_CLINVAR), key=lambda one: (one[0], int(one[1]))
        ):
            share = chance.choice((0.0, 0.02, 0.1, 0.5))
            copies = [[str(int(chance.random() < share)) for _ in "ab"] for _ in samples]
            fixed = (*record[:2], ".", *record[3:5], ".", "PASS", ".", "GT")
            file.write("\t".join((*fixed, *map("/".join, copies))) + "\n")
    return path


@pytest.fixture(scope="module")
def whole_calls(calls: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same records with the INFO that ClinVar has of each allele, for the expectation."""
    with gzip.open(data / CLINVAR, "rt") as lines:
        records = (line.rstrip("\n").split("\t") for line in lines if not line.startswith("#"))
        known = {(one[0], one[1], one[3], one[4]): one for one in records}
    path = tmp_path_factory.mktemp("clinvar") / "whole.vcf"
    with path.open("w") as file:
        for line in calls.read_text().splitlines():
            fields = line.split("\t")
            if not line.startswith("#"):
                found = known[fields[0], fields[1], fields[3], fields[4]]
                fields[2], fields[7] = found[2], found[7]
            file.write("\t".join(fields) + "\n")
    return path


@pytest.fixture(scope="module")
def trio(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The header and the first records of a file with consequences by bcftools."""
    path = tmp_path_factory.mktemp("slivar") / "part.vcf"
    with gzip.open(data / SLIVAR, "rt") as lines, path.open("w") as file:
        records = 0
        for line in lines:
            records += not line.startswith("#")
            if records > RECORDS_OF_SLIVAR:
                break
            file.write(line)
    return path


@pytest.fixture(scope="module")
def annotated(data: Path, trio: Path, whole_calls: Path, terms: Any) -> dict[str, Annotated]:
    ids = {name: term for term, (name, _) in terms.items()}
    return {
        "scout": Annotated(data / SCOUT, (take_vep, take_snpeff, take_old_clinvar), ids),
        "slivar": Annotated(trio, (take_bcsq,), ids),
        "clinvar": Annotated(whole_calls, (take_clinvar,), ids),
    }


@pytest.fixture(scope="module")
def loaded(sink: MongoSink, data: Path, trio: Path, calls: Path) -> dict[str, Any]:
    sink.put_ontology(read_ontology(data / ONTOLOGY))
    return {
        "scout": load_vcf(sink, "scout", ASSEMBLIES["scout"], [data / SCOUT]),
        "slivar": load_vcf(sink, "slivar", ASSEMBLIES["slivar"], [trio]),
        "calls": load_vcf(sink, "clinvar", ASSEMBLIES["clinvar"], [calls]),
        "clinvar": annotate(sink, "clinvar", ASSEMBLIES["clinvar"], [data / CLINVAR]),
    }


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=ASSEMBLIES)
async def ask(
    open_beacon: Open, loaded: dict[str, Any], request: pytest.FixtureRequest
) -> AsyncIterator[Asker]:
    async with open_beacon(request.param) as client:
        yield Asker(client, request.param, ASSEMBLIES[request.param])


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    return random.Random(request.node.name)


async def numbers(ask: Asker, filters: list[dict[str, Any]], **asked: Any) -> tuple[int, int]:
    """Alleles, and people who have one of them."""
    parameters = {"assemblyId": ask.assembly, **asked} if asked else None
    paths = ("g_variants", "individuals")
    alleles, people = [await ask.count(path, parameters, filters) for path in paths]
    return alleles, people


def expected_numbers(found: list[Said]) -> tuple[int, int]:
    return len(found), len({person for one in found for person in one.carriers})


def some(values: list[str], number: int, chance: random.Random) -> list[str]:
    return chance.sample(values, min(number, len(values)))


async def test_every_allele_has_what_its_record_says_and_conforms(
    ask: Asker, annotated: dict[str, Annotated], loaded: dict[str, Any]
) -> None:
    of_file = annotated[ask.dataset_id]
    records = {}
    for chromosome in sorted({one.chromosome for one in of_file.observed}):
        whole = {"assemblyId": ask.assembly, "referenceName": chromosome}
        for record in await ask.all_records("g_variants", whole, limit=100):
            records[record["variantInternalId"]] = record
    wrong: list[Any] = []
    for said in of_file.observed:
        record = records.get(f"{ask.assembly}-{said.id}", {})
        attributes = record.get("molecularAttributes", {})
        clinical = record.get("variantLevelData", {}).get("clinicalInterpretations", [])
        changes = {
            one for one in attributes.get("aminoacidChanges", ()) if SUBSTITUTION.fullmatch(one)
        }
        found = (
            set(attributes.get("geneIds", ())),
            {one["id"] for one in attributes.get("molecularEffects", ())},
            changes,
            {one["clinicalRelevance"] for one in clinical if "clinicalRelevance" in one},
            {case["biosampleId"] for case in record.get("caseLevelData", ())},
        )
        expected = said.genes, said.consequences, said.changes, said.relevances, said.carriers
        expected = (*expected[:2], set(filter(SUBSTITUTION.fullmatch, said.changes)), *expected[3:])
        if found != expected or not conforms("entry_types/genomicVariant.json", record):
            wrong.append(
                (said.id, [one for one in zip(found, expected, strict=True) if one[0] != one[1]])
            )

    assert all(one.ok for one in loaded.values())
    assert wrong == []
    assert len(records) == len(of_file.observed)


async def test_genes(ask: Asker, annotated: dict[str, Annotated], chance: random.Random) -> None:
    of_file = annotated[ask.dataset_id]
    table = importlib.util.find_spec("genmod")
    if table is None or table.origin is None:
        pytest.skip("genmod is not installed")
    number = ask.assembly.removeprefix("GRCh")
    known = genes(Path(table.origin).parent / f"annotations/ensembl_genes_{number}.txt.gz")
    wrong: list[Any] = []
    for symbol in some([one for one in of_file.values("genes") if one in known], 15, chance):
        name, start, end = known[symbol]
        expected = [
            one
            for one in of_file.observed
            if symbol in one.genes
            or (one.chromosome == name and one.footprint[0] < end and one.footprint[1] > start)
        ]
        found = await numbers(ask, [], geneId=symbol)
        if found != expected_numbers(expected):
            wrong.append((symbol, found, expected_numbers(expected)))
        by_filter = await numbers(ask, [{"id": "geneIds", "operator": "=", "value": symbol}])
        if by_filter != expected_numbers(of_file.having("genes", symbol)):
            wrong.append((symbol, by_filter, expected_numbers(of_file.having("genes", symbol))))

    assert wrong == []


async def test_amino_acid_changes(
    ask: Asker, annotated: dict[str, Annotated], chance: random.Random
) -> None:
    of_file = annotated[ask.dataset_id]
    three = {one: residue for residue, one in RESIDUES.items()}
    simple = [one for one in of_file.values("changes") if SUBSTITUTION.fullmatch(one)]
    wrong: list[Any] = []
    for change in some(simple, 40, chance):
        long = f"p.{three[change[0]]}{change[1:-1]}{three.get(change[-1], '=')}"
        for form in (change, long):
            expected = expected_numbers(of_file.having("changes", change))
            found = await numbers(ask, [], aminoacidChange=form)
            if found != expected:
                wrong.append((form, found, expected))

    assert wrong == []
    assert len(simple) > 20 or ask.dataset_id == "clinvar"


async def test_names(ask: Asker, annotated: dict[str, Annotated], chance: random.Random) -> None:
    of_file = annotated[ask.dataset_id]
    wrong: list[Any] = []
    for name in some(of_file.values("names"), 60, chance):
        expected = expected_numbers(of_file.having("names", name))
        found = await numbers(ask, [], genomicAlleleShortForm=name)
        if found != expected:
            wrong.append((name, found, expected))

    assert wrong == []


async def test_consequences_with_and_without_their_kinds(
    ask: Asker, annotated: dict[str, Annotated], terms: Any, chance: random.Random
) -> None:
    of_file = annotated[ask.dataset_id]
    used = of_file.values("consequences")
    wrong: list[Any] = []
    broad = sorted({one for term in used for one in above(term, terms)})
    for term in {*some(used, 8, chance), *some(broad, 8, chance)}:
        for kinds in (True, False):
            meant = {one for one in used if term in above(one, terms)} if kinds else {term}
            expected = [one for one in of_file.observed if one.consequences & meant]
            found = await numbers(ask, [{"id": term, "includeDescendantTerms": kinds}])
            if found != expected_numbers(expected):
                wrong.append((term, kinds, found, expected_numbers(expected)))

    assert wrong == []
    assert len(used) > 5


async def test_clinical_significance(ask: Asker, annotated: dict[str, Annotated]) -> None:
    of_file = annotated[ask.dataset_id]
    wrong: list[Any] = []
    for relevance in of_file.values("relevances"):
        expected = expected_numbers(of_file.having("relevances", relevance))
        for asked in (
            {"id": f"clinicalRelevance:{relevance}"},
            {"id": "clinicalRelevance", "operator": "=", "value": relevance},
        ):
            found = await numbers(ask, [asked])
            if found != expected:
                wrong.append((asked, found, expected))

    assert wrong == []
    assert len(of_file.values("relevances")) == {"slivar": 0}.get(ask.dataset_id, 5)


async def test_conditions_and_numbers_of_clinvar(
    ask: Asker, annotated: dict[str, Annotated], chance: random.Random
) -> None:
    of_file = annotated[ask.dataset_id]
    wrong: list[Any] = []
    for condition in some(of_file.values("conditions"), 25, chance):
        expected = expected_numbers(of_file.having("conditions", condition))
        found = await numbers(ask, [{"id": f"MONDO:{condition}"}])
        if found != expected:
            wrong.append((condition, found, expected))
    for said in chance.sample(of_file.observed, 30) if ask.dataset_id == "clinvar" else ():
        named = {"id": "clinvarVariantId", "operator": "=", "value": f"clinvar:{said.number}"}
        found = await numbers(ask, [named])
        if found != expected_numbers([said]):
            wrong.append((named, found))

    assert wrong == []


async def test_filters_narrow_what_is_asked_of_a_gene(
    ask: Asker, annotated: dict[str, Annotated], terms: Any, chance: random.Random
) -> None:
    of_file = annotated[ask.dataset_id]
    wrong: list[Any] = []
    for said in chance.sample([one for one in of_file.observed if one.consequences], 25):
        term = chance.choice(sorted(said.consequences))
        expected = [
            one
            for one in of_file.observed
            if one.chromosome == said.chromosome
            and one.footprint[0] < said.pos + 20_000
            and one.footprint[1] > said.pos - 1
            and any(term in above(its, terms) for its in one.consequences)
        ]
        found = await numbers(
            ask,
            [{"id": term, "scope": "genomicVariant"}],
            referenceName=said.chromosome,
            start=[said.pos - 1],
            end=[said.pos + 20_000],
        )
        if found != expected_numbers(expected):
            wrong.append((said.id, term, found, expected_numbers(expected)))

    assert wrong == []


async def test_annotating_says_nothing_of_alleles_that_the_dataset_has_not(
    annotated: dict[str, Annotated], loaded: dict[str, Any]
) -> None:
    report = loaded["clinvar"]

    assert report.items == report.records == 39_852
    assert report.loaded["annotation"] == len(annotated["clinvar"].everything)
    assert report.nothing_to_load["allele not in the dataset"] > 39_000
