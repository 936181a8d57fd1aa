"""Small random cohorts and questions, made to meet: few names, few places, few terms."""

from __future__ import annotations

from random import Random
from typing import Any

from beacon.framework.access import ANY, Access
from beacon.framework.answer import Resource
from beacon.framework.query import (
    Filter,
    Granularity,
    Include,
    Operator,
    Pagination,
    Query,
    Similarity,
    VariationQuery,
    Within,
)
from beacon.model.allele import Allele
from beacon.model.ontology import Ontologies, Ontology, Term
from beacon.model.reference import Place, References
from beacon.model.variation import allele_from_record

Records = dict[str, list[dict[str, Any]]]

ONTOLOGY = Ontology(
    Resource(id="mondo", name="Mondo", namespace_prefix="MONDO", version="1"),
    {
        "MONDO:0": Term("disease"),
        "MONDO:1": Term("lung disease", ("MONDO:0",)),
        "MONDO:2": Term("asthma", ("MONDO:1",)),
        "MONDO:3": Term("heart disease", ("MONDO:0",)),
        "MONDO:4": Term("heart and lung disease", ("MONDO:1", "MONDO:3")),
    },
)
ONTOLOGIES = Ontologies({"MONDO": ONTOLOGY})
GENES = {
    "GRCh38": {"AAA": ("17", 110, 130), "BBB": ("X", 100, 400)},
    "GRCh37": {"AAA": ("17", 120, 140)},
}
TERMS = ("MONDO:0", "MONDO:1", "MONDO:2", "MONDO:3", "MONDO:4", "MONDO:9", "NCIT:C1", "NCIT:C2")
SEXES = ("NCIT:C16576", "NCIT:C20197")
DATASETS = {"d1": "GRCh38", "d2": "GRCh38", "d3": "GRCh37"}
ENTRY_TYPES = ("individual", "biosample", "run", "analysis", "genomicVariant", "dataset", "cohort")
_ACCESSIONS = {
    ("GRCh38", "17"): "refseq:NC_000017.11",
    ("GRCh38", "X"): "refseq:NC_000023.11",
    ("GRCh37", "17"): "refseq:NC_000017.10",
    ("GRCh37", "X"): "refseq:NC_000023.10",
}
# The genome of these tests: four bases in turn, so that spellings can be made consistent.
_BASES = "ACGT"


def base(position: int) -> str:
    return _BASES[position * 7 % 11 % 4]


def _bases(name: str, start: int, end: int) -> str:
    return "".join(map(base, range(max(start, 0), end))) if name in ("17", "X") else ""


def _places(name: str, position: int, shift: int) -> tuple[Place, ...]:
    """As many bases further on as leave the sequence as it is, but for a few that are gone."""
    if name != "17" or 119 < max(position, position + shift) < 133:
        return ()
    return (Place(name, position + shift, is_reverse=False),)


REFERENCES = References(
    {"GRCh37": _bases, "GRCh38": _bases},
    {
        ("GRCh37", "GRCh38"): lambda name, position: _places(name, position, 11),
        ("GRCh38", "GRCh37"): lambda name, position: _places(name, position, -11),
    },
)


def term(name: str) -> dict[str, str]:
    return {"id": name, "label": f"label of {name}"}


def cohort(rng: Random, assembly: str) -> Records:
    people = [f"I{number}" for number in range(rng.randint(0, 6))]
    records: Records = {"individual": [_individual(rng, name) for name in people]}
    samples = [f"B{number}" for number in range(rng.randint(0, 7))]
    records["biosample"] = [_biosample(rng, name, people) for name in samples]
    runs = [f"R{number}" for number in range(rng.randint(0, 5))]
    records["run"] = [_run(rng, name, people, samples) for name in runs]
    records["analysis"] = [
        _analysis(rng, f"A{number}", people, samples, runs) for number in range(rng.randint(0, 5))
    ]
    records["cohort"] = [_cohort(rng, name, people) for name in ("C1", "C2")[: rng.randint(0, 2)]]
    carriers = [*samples, *people[:2], "S1", "S2"]
    variants: dict[Allele, dict[str, Any]] = {}
    for number in range(rng.randint(0, 12)):
        record = _variant(rng, number, assembly, carriers)
        # One record an allele, however it is spelled: what several say of one is not compared.
        variants.setdefault(allele_from_record(record["variation"], record)[1], record)
    records["genomicVariant"] = list(variants.values())
    if rng.random() < 0.5:
        records["dataset"] = [
            {
                "id": "?",
                "name": "some",
                "dataUseConditions": {"duoDataUse": [{**term("DUO:1"), "version": "1"}]},
            }
        ]
    return records


def _individual(rng: Random, name: str) -> dict[str, Any]:
    record: dict[str, Any] = {"id": name, "sex": term(rng.choice(SEXES))}
    if rng.random() < 0.7:
        record["diseases"] = [
            {
                "diseaseCode": term(rng.choice(TERMS)),
                "ageOfOnset": {"iso8601duration": f"P{rng.randint(1, 60)}Y"},
            }
            for _ in range(rng.randint(1, 2))
        ]
    if rng.random() < 0.5:
        record["phenotypicFeatures"] = [
            {"featureType": term(rng.choice(TERMS)), "excluded": rng.random() < 0.5}
        ]
    if rng.random() < 0.5:
        unit = {"id": "NCIT:C49668", "label": "Centimeter"}
        record["measurements"] = [
            {
                "assayCode": {"id": "LOINC:8308-9", "label": "Height"},
                "measurementValue": {"unit": unit, "value": rng.choice([150, 160.5, 170])},
            }
        ]
    if rng.random() < 0.4:
        record["karyotypicSex"] = rng.choice(["XX", "XY", "XXY"])
    if rng.random() < 0.4:
        record["info"] = {
            "site": rng.choice(["north", "south"]),
            "cohortIds": rng.sample(["C1", "C2"], rng.randint(0, 2)),
        }
    return record


def _biosample(rng: Random, name: str, people: list[str]) -> dict[str, Any]:
    record = {
        "id": name,
        "biosampleStatus": term(rng.choice(["NCIT:C1", "NCIT:C2"])),
        "sampleOriginType": term("UBERON:1"),
    }
    if rng.random() < 0.9:
        record["individualId"] = rng.choice([*people, "I8"])
    if rng.random() < 0.5:
        record["histologicalDiagnosis"] = term(rng.choice(TERMS))
    if rng.random() < 0.5:
        record["collectionMoment"] = rng.choice(["P9Y", "P10Y", "P120M"])
    return record


def _run(rng: Random, name: str, people: list[str], samples: list[str]) -> dict[str, Any]:
    record: dict[str, Any] = {"id": name, "runDate": f"202{rng.randint(0, 5)}-01-01"}
    if rng.random() < 0.9:
        record["biosampleId"] = rng.choice([*samples, "B8"])
    if rng.random() < 0.4:
        record["individualId"] = rng.choice([*people, "I8"])
    record["libraryLayout"] = rng.choice(["PAIRED", "SINGLE"])
    record["platform"] = rng.choice(["Illumina", "PacBio"])
    return record


def _analysis(
    rng: Random, name: str, people: list[str], samples: list[str], runs: list[str]
) -> dict[str, Any]:
    record: dict[str, Any] = {"id": name, "analysisDate": "2024-05-05", "pipelineName": "p"}
    record["aligner"] = rng.choice(["bwa", "bwa-mem2", "minimap2"])
    for key, names in (("runId", runs), ("biosampleId", samples), ("individualId", people)):
        if names and rng.random() < 0.5:
            record[key] = rng.choice(names)
    return record


def _cohort(rng: Random, name: str, people: list[str]) -> dict[str, Any]:
    record: dict[str, Any] = {"id": name, "name": name, "cohortType": "study-defined"}
    if rng.random() < 0.5:
        record["info"] = {"individualIds": rng.sample(people, min(len(people), 2))}
    return record


def _variant(rng: Random, number: int, assembly: str, carriers: list[str]) -> dict[str, Any]:
    name = rng.choice(["17", "17", "17", "X"])
    start = rng.randint(100, 140)
    kind = rng.choice(["SNP", "SNP", "DEL", "INS", "MNP", "SV", "DUP", "LONG"])
    reference = alternate = ""
    end = start + 1
    variant_type: str = kind
    match kind:
        case "SNP":
            reference = base(start)
            alternate = rng.choice([one for one in _BASES if one != reference])
        case "MNP":
            reference = base(start) + base(start + 1)
            alternate = "".join(_BASES[3 - _BASES.index(one)] for one in reference)
        case "DEL" | "LONG":
            length = rng.randint(1, 4) if kind == "DEL" else rng.choice([64, 65, 80])
            anchored = rng.random() < 0.7
            span = range(start, start + length + (1 if anchored else 0))
            reference = "".join(map(base, span))
            alternate = reference[0] if anchored else ""
            variant_type = "DEL"
        case "INS":
            reference = base(start)
            alternate = reference + rng.choice(["T", "GG", "GATTACAGATTACA"])
        case "SV":
            variant_type, end = "DEL", start + rng.choice([60, 2_000, 300_000])
        case "DUP":
            end = start + rng.choice([60, 2_000])
    if reference:
        end = start + len(reference)
    record: dict[str, Any] = {
        "variantInternalId": f"V{number}",
        "variation": {
            "variantType": variant_type,
            "alternateBases": alternate,
            "location": {
                "type": "SequenceLocation",
                "sequence_id": _ACCESSIONS[assembly, name],
                "interval": {
                    "type": "SequenceInterval",
                    "start": {"type": "Number", "value": start},
                    "end": {"type": "Number", "value": end},
                },
            },
        },
    }
    if reference:
        record["variation"]["referenceBases"] = reference
    if rng.random() < 0.4:
        record["molecularAttributes"] = {
            "geneIds": [rng.choice(["AAA", "CCC"])],
            "aminoacidChanges": [rng.choice(["V600E", "R175H"])],
            "molecularEffects": [term(rng.choice(["SO:0001583", "SO:0001587"]))],
        }
    if rng.random() < 0.3:
        record["identifiers"] = {"genomicHGVSId": rng.choice(["g.1", "g.2"])}
        if rng.random() < 0.5:
            other = rng.choice(["dbSNP:rs1", "rs2", "COSMIC:COSV1"])
            record["identifiers"]["variantAlternativeIds"] = [{"id": other}]
    if rng.random() < 0.3:
        record["variantLevelData"] = {
            "clinicalInterpretations": [
                {
                    "conditionId": "x",
                    "effect": term(rng.choice(TERMS)),
                    "clinicalRelevance": rng.choice(["benign", "pathogenic"]),
                }
            ]
        }
    if rng.random() < 0.9:
        chosen = rng.sample(carriers, rng.randint(0, min(4, len(carriers))))
        record["caseLevelData"] = [_case(rng, one) for one in chosen]
    return record


def _case(rng: Random, sample: str) -> dict[str, Any]:
    case: dict[str, Any] = {"biosampleId": sample}
    if rng.random() < 0.8:
        zygosities = ["GENO:0000135", "GENO:0000136", "GENO:0000134"]
        case["zygosity"] = {"id": rng.choice(zygosities), "label": "z"}
    return case


def access(rng: Random) -> Access:
    levels = (Granularity.NONE, Granularity.BOOLEAN, Granularity.COUNT, Granularity.RECORD)
    if rng.random() < 0.6:
        return Access(grants={one: {ANY: Granularity.RECORD} for one in DATASETS})
    return Access(
        grants={
            one: {
                ANY: rng.choice(levels),
                **{name: rng.choice(levels) for name in rng.sample(ENTRY_TYPES, 3)},
            }
            for one in DATASETS
            if rng.random() < 0.8
        }
    )


def question(rng: Random) -> Query:
    entry_type = rng.choice(ENTRY_TYPES)
    entry_id = within = None
    if rng.random() < 0.1:
        entry_id = _some_id(rng, entry_type)
    if rng.random() < 0.15:
        kind = rng.choice([one for one in ENTRY_TYPES if one != entry_type])
        within = Within(kind, _some_id(rng, kind))
    return Query(
        entry_type=entry_type,
        entry_id=entry_id,
        within=within,
        variation=_variation(rng) if rng.random() < 0.55 else None,
        filters=tuple(_filter(rng) for _ in range(rng.choice([0, 0, 1, 1, 2, 3]))),
        dataset_ids=("d1", "dx") if rng.random() < 0.1 else (),
        include=rng.choice(list(Include)),
        pagination=Pagination(skip=rng.choice([0, 0, 1]), limit=rng.choice([1, 2, 3, 10, 100])),
        granularity=rng.choice([Granularity.COUNT, Granularity.RECORD]),
    )


def _some_id(rng: Random, entry_type: str) -> str:
    prefix = {
        "individual": "I",
        "biosample": "B",
        "run": "R",
        "analysis": "A",
        "cohort": "C",
        "dataset": "d",
        "genomicVariant": "V",
    }[entry_type]
    return f"{prefix}{rng.randint(0, 4)}"


def _filter(rng: Random) -> Filter:
    scope = rng.choice([None, None, None, *ENTRY_TYPES])
    match rng.randint(0, 9):
        case 0 | 1 | 2:
            return Filter(
                id=rng.choice([*TERMS, *SEXES, "DUO:1", "SO:0001583"]),
                include_descendant_terms=rng.random() < 0.7,
                similarity=rng.choice([Similarity.EXACT] * 3 + list(Similarity)),
                scope=scope,
            )
        case 3:
            return Filter(id=rng.choice(["GENO:0000135", "GENO:0000136", "GENO:0000134"]))
        case 4:
            return Filter(
                id=rng.choice(["karyotypicSex:XXY", "libraryLayout:PAIRED", "site:north", "no:no"]),
                scope=scope,
            )
        case 5 | 6:
            return Filter(
                id=rng.choice(["age", "ageOfOnset", "collectionMoment", "LOINC:8308-9", "Height"]),
                operator=rng.choice(list(Operator)),
                value=rng.choice(["P10Y", "160.5", "1.6 m", "30"]),
                scope=scope,
            )
        case 7:
            return Filter(
                id=rng.choice(["aligner", "platform", "karyotypicSex", "variantType", "geneId"]),
                operator=rng.choice([Operator.EQUAL, Operator.NOT]),
                value=rng.choice(["bwa", "bwa%", "%2", "Illumina", "XX", "SNP", "DEL", "AAA"]),
                scope=scope,
            )
        case 8:
            return Filter(
                id="clinicalRelevance", operator=Operator.EQUAL, value="pathogenic", scope=scope
            )
        case _:
            return Filter(
                id=rng.choice(["runDate", "analysisDate"]),
                operator=rng.choice([Operator.GREATER, Operator.LESS_OR_EQUAL, Operator.NOT]),
                value=rng.choice(["2022-01-01", "2022"]),
                scope=scope,
            )


def _variation(rng: Random) -> VariationQuery:
    place: dict[str, Any] = {"reference_name": rng.choice(["17", "17", "chr17", "X"])}
    assembly = rng.choice(["GRCh38", "hg38", "GRCh37"])
    place["assembly_id"] = assembly
    narrowed: dict[str, Any] = {}
    if rng.random() < 0.4:
        narrowed["variant_type"] = rng.choice(["SNP", "DEL", "INDEL", "DUP", "CNV", "EFO:0030067"])
    if rng.random() < 0.2:
        narrowed["variant_min_length"] = rng.choice([1, 2, 65])
    if rng.random() < 0.2:
        narrowed["variant_max_length"] = rng.choice([1, 64, 5_000])
    start = rng.randint(98, 142)
    match rng.randint(0, 7):
        case 0 | 1:
            reference = base(start)
            spelled = rng.choice(
                [
                    {"alternate_bases": rng.choice("ACGTN")},
                    {"reference_bases": reference, "alternate_bases": rng.choice("ACGTN")},
                    {"reference_bases": "N", "alternate_bases": "N"},
                    {"reference_bases": reference, "alternate_bases": reference + "T"},
                    {"reference_bases": "", "alternate_bases": rng.choice(["T", "GG"])},
                    {
                        "reference_bases": "".join(map(base, range(start, start + 3))),
                        "alternate_bases": rng.choice(["", reference]),
                    },
                    {"alternate_bases": ""},
                    {"reference_bases": "R", "alternate_bases": "Y"},
                ]
            )
            return VariationQuery(**place, start=(start,), **spelled)
        case 2 | 3:
            if rng.random() < 0.3:
                narrowed["alternate_bases"] = rng.choice(["A", "N", "NN", ""])
            return VariationQuery(
                **place, start=(start,), end=(start + rng.choice([1, 2, 10, 5_000]),), **narrowed
            )
        case 4:
            return VariationQuery(
                **place,
                start=(start - 10, start + 10),
                end=(start, start + rng.choice([5, 100, 400_000])),
                **narrowed,
            )
        case 5:
            return VariationQuery(gene_id=rng.choice(["AAA", "BBB", "CCC"]), **narrowed)
        case 6:
            asked = rng.choice(
                [
                    {"aminoacid_change": "V600E"},
                    {"aminoacid_change": "V600E", "gene_id": "AAA"},
                    {"genomic_allele_short_form": "g.1"},
                    {"genomic_allele_short_form": rng.choice(["rs1", "rs2", "rs3"])},
                    {"genomic_allele_short_form": _expression(rng)},
                    {"genomic_allele_short_form": _expression(rng)},
                ]
            )
            return VariationQuery(**asked, **narrowed)
        case _:
            return VariationQuery(**place, **narrowed)


def _expression(rng: Random) -> str:
    """Genomic HGVS that fits the genome of these tests, most often."""
    accession = _ACCESSIONS[rng.choice([("GRCh38", "17"), ("GRCh37", "17"), ("GRCh38", "X")])]
    start = rng.randint(98, 142)
    last = start + rng.choice([1, 2, 4])
    change = rng.choice(
        [
            f"{start + 1}{base(start)}>{rng.choice(_BASES)}",
            f"{start + 1}{rng.choice(_BASES)}>{rng.choice(_BASES)}",
            f"{start + 1}_{last}del",
            f"{start + 1}del",
            f"{start + 1}_{start + rng.choice([60, 64, 65, 80, 2_000])}del",
            f"{start + 1}_{start + rng.choice([60, 2_000])}dup",
            f"{start + 1}_{start + 2}ins{rng.choice(['T', 'GG', 'GATTACAGATTACA'])}",
            f"{start + 1}_{start + 2}delins{rng.choice(['AC', 'TG', 'CA'])}",
        ]
    )
    return f"{accession.removeprefix('refseq:')}:g.{change}"
