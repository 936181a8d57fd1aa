"""A made-up cohort of few people, small enough to know every answer by heart."""

from __future__ import annotations

from typing import Any

from beacon.framework.access import ANY, Access
from beacon.framework.answer import Answer, Resource
from beacon.framework.query import Filter, Granularity, Include, Operator, Query
from beacon.memory import MemoryDataset, MemoryStore
from beacon.model.ontology import Ontologies, Ontology, Term

FEMALE = {"id": "NCIT:C16576", "label": "female"}
MALE = {"id": "NCIT:C20197", "label": "male"}
BLOOD = {"id": "UBERON:0000178", "label": "blood"}
TUMOUR = {"id": "NCIT:C3262", "label": "Neoplasm"}
NORMAL = {"id": "EFO:0009654", "label": "reference sample"}
HET, HOM = {"id": "GENO:0000135"}, {"id": "GENO:GENO_0000136"}

ONTOLOGIES = Ontologies(
    {
        "MONDO": Ontology(
            Resource(id="mondo", name="Mondo"),
            {
                "MONDO:0": Term("disease"),
                "MONDO:1": Term("lung disease", ("MONDO:0",)),
                "MONDO:2": Term("asthma", ("MONDO:1",)),
                "MONDO:3": Term("gout", ("MONDO:0",)),
            },
        )
    }
)


def person(name: str, sex: dict[str, str], *diseases: str, **more: Any) -> dict[str, Any]:
    return {
        "id": name,
        "sex": sex,
        "diseases": [{"diseaseCode": {"id": d}} for d in diseases],
    } | more


def sample(name: str, of: str, origin: dict[str, str], status: dict[str, str]) -> dict[str, Any]:
    return {"id": name, "individualId": of, "sampleOriginType": origin, "biosampleStatus": status}


def variant(name: str, pos: int, ref: str, alt: str, *cases: Any, **more: Any) -> dict[str, Any]:
    """A variant of GRCh38 chromosome 17; `pos` is 1-based."""
    interval = {
        "type": "SequenceInterval",
        "start": {"type": "Number", "value": pos - 1},
        "end": {"type": "Number", "value": pos - 1 + len(ref)},
    }
    return {
        "variantInternalId": name,
        "variation": {
            "variantType": "SNP" if len(ref) == len(alt) else "INDEL",
            "referenceBases": ref,
            "alternateBases": alt,
            "location": {
                "type": "SequenceLocation",
                "sequence_id": "refseq:NC_000017.11",
                "interval": interval,
            },
        },
        "caseLevelData": [
            {
                "biosampleId": biosample,
                "zygosity": zygosity,
                "individualId": f"of {biosample}",
                "runId": "r",
                "analysisId": "a",
            }
            for biosample, zygosity in cases
        ],
    } | more


def bare_cases(record: dict[str, Any]) -> dict[str, Any]:
    """Carriers by sample name only."""
    kept = ("biosampleId", "zygosity")
    cases = [{key: case[key] for key in kept} for case in record["caseLevelData"]]
    return {**record, "caseLevelData": cases}


RECORDS: dict[str, list[dict[str, Any]]] = {
    "dataset": [
        {
            "id": "d",
            "name": "Demo",
            "dataUseConditions": {"duoDataUse": [{"id": "DUO:0000007", "version": "1"}]},
        }
    ],
    "cohort": [
        {"id": "all", "name": "All", "cohortType": "study-defined"},
        {
            "id": "few",
            "name": "Few",
            "cohortType": "user-defined",
            "info": {"individualIds": ["I3"]},
        },
    ],
    "individual": [
        # I1 has a tumour and a blood sample, I2 one sample, I3 none that is described.
        person("I1", FEMALE, "MONDO:2", karyotypicSex="XX", info={"age": 40}),
        person("I2", MALE, "MONDO:3", info={"site": "north"}),
        person("I3", FEMALE, "MONDO:1"),
        person("I4", MALE),
    ],
    "biosample": [
        sample("B1T", "I1", TUMOUR, TUMOUR),
        sample("B1N", "I1", BLOOD, NORMAL),
        sample("B2", "I2", BLOOD, NORMAL),
        sample("BX", "IX", BLOOD, NORMAL),
    ],
    "run": [
        {"id": "R1", "biosampleId": "B1T", "libraryLayout": "PAIRED", "platform": "Illumina"},
        {"id": "R2", "biosampleId": "B1N", "libraryLayout": "SINGLE", "platform": "Illumina"},
        {"id": "R3", "biosampleId": "B2", "libraryLayout": "PAIRED", "platform": "PacBio"},
    ],
    "analysis": [
        {"id": "A1", "runId": "R1", "variantCaller": "GATK"},
        {"id": "A2", "biosampleId": "gone", "runId": "R3", "variantCaller": "DeepVariant"},
        {"id": "A3", "individualId": "I1", "variantCaller": "manual"},
    ],
    "genomicVariant": [
        bare_cases(variant("v3", 300, "G", "C", ("lonely", HET))),
        bare_cases(variant("v1", 100, "G", "A", ("B1T", HET), ("I2", HOM))),
        bare_cases(
            variant(
                "v2",
                200,
                "CA",
                "C",
                ("B1N", HET),
                ("I3", HET),
                molecularAttributes={
                    "geneIds": ["TP53"],
                    "molecularEffects": [{"id": "SO:0001583", "label": "missense"}],
                },
            )
        ),
        bare_cases(variant("v4", 400, "T", "A")),
    ],
}


def store(**datasets: MemoryDataset) -> MemoryStore:
    return MemoryStore(
        datasets or {"d": MemoryDataset(records=RECORDS, assembly="GRCh38")}, ONTOLOGIES
    )


def access(**levels: Granularity) -> Access:
    """Everything of dataset `d`, but for the entry types that are named."""
    return Access(grants={"d": {ANY: Granularity.RECORD, **levels}})


def asked(entry_type: str, *filters: Filter | str, **more: Any) -> Query:
    return Query(
        entry_type=entry_type,
        filters=tuple(Filter(id=one) if isinstance(one, str) else one for one in filters),
        **{"granularity": Granularity.RECORD, "include": Include.ALL} | more,
    )


def where(name: str, operator: str, value: str, scope: str | None = None) -> Filter:
    return Filter(id=name, operator=Operator(operator), value=value, scope=scope)


def ids(answer: Answer) -> list[str]:
    return [record["id"] for one in answer.result_sets for record in one.records]


async def found(entry_type: str, *filters: Filter | str, **more: Any) -> list[str]:
    """The ids of the records that a question finds in the demo dataset."""
    return ids(await store().search(asked(entry_type, *filters, **more), access()))
