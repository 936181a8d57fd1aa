"""The home of a small world with known answers: what the conformance checks are asked against.

Five datasets on two assemblies. `open` holds what most checks look at; the others are there to be
restricted: `partial`, `shy` and `faint` may be told about in part, `hidden` and `old` not at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from beacon.framework.access import Access
from beacon.framework.answer import Resource
from beacon.framework.query import Granularity
from beacon.model.ontology import Ontologies, Ontology, Term
from tests.conformance.documents import term

Record = dict[str, Any]
Records = dict[str, list[Record]]

ASSEMBLIES = {
    "open": "GRCh38",
    "partial": "GRCh38",
    "shy": "GRCh38",
    "faint": "GRCh38",
    "hidden": "GRCh38",
    "old": "GRCh37",
}

NONE, BOOLEAN, COUNT, RECORD = Granularity
PUBLIC = Access(
    grants={
        "open": {"*": RECORD},
        "partial": {"*": BOOLEAN, "genomicVariant": RECORD, "individual": COUNT},
        "shy": {"*": COUNT},
        "faint": {"*": BOOLEAN},
    }
)
"""What the public may learn: `hidden` and `old` do not exist for it."""
BOTH_ASSEMBLIES = Access(grants={"open": {"*": RECORD}, "old": {"*": RECORD}})

GENES = {
    ("GRCh38", "TP53"): ("17", 7668420, 7687490),
    ("GRCh38", "BRAF"): ("7", 140719326, 140924929),
}


def gene(assembly: str, symbol: str) -> tuple[str, int, int] | None:
    """Where a gene lies: sequence name and 0-based half-open interval."""
    return GENES.get((assembly, symbol))


FEMALE = term("NCIT:C16576", "female")
MALE = term("NCIT:C20197", "male")
SEIZURE = term("HP:0001250", "Seizure")
FOCAL_SEIZURE = term("HP:0007359", "Focal-onset seizure")
GENERALIZED_SEIZURE = term("HP:0002197", "Generalized-onset seizure")
ATAXIA = term("HP:0001251", "Ataxia")
BLINDNESS = term("HP:0000618", "Blindness")
TYPE_1 = term("MONDO:0005147", "type 1 diabetes mellitus")
TYPE_2 = term("MONDO:0005148", "type 2 diabetes mellitus")
BLOOD = term("UBERON:0000178", "blood")
BRAIN = term("UBERON:0000955", "brain")
CANCER = term("NCIT:C9306", "Soft Tissue Sarcoma")
SECRET = term("HP:0031910", "Abnormal cranial nerve physiology")
HETEROZYGOUS = term("GENO:0000135", "heterozygous")
HOMOZYGOUS = term("GENO:0000136", "homozygous")
HEMIZYGOUS = term("GENO:0000134", "hemizygous")

ONTOLOGIES = Ontologies(
    {
        "HP": Ontology(
            Resource(
                id="hp",
                name="Human Phenotype Ontology",
                url="https://purl.obolibrary.org/obo/hp.owl",
                version="2025-03-03",
                namespace_prefix="HP",
                iri_prefix="https://purl.obolibrary.org/obo/HP_",
            ),
            {
                "HP:0000118": Term("Phenotypic abnormality"),
                "HP:0000707": Term("Abnormality of the nervous system", ("HP:0000118",)),
                "HP:0000478": Term("Abnormality of the eye", ("HP:0000118",)),
                "HP:0001250": Term("Seizure", ("HP:0000707",)),
                "HP:0007359": Term("Focal-onset seizure", ("HP:0001250",)),
                "HP:0002197": Term("Generalized-onset seizure", ("HP:0001250",)),
                "HP:0001251": Term("Ataxia", ("HP:0000707",)),
                "HP:0000505": Term("Visual impairment", ("HP:0000478",)),
                "HP:0000618": Term("Blindness", ("HP:0000505",)),
                "HP:0031910": Term("Abnormal cranial nerve physiology", ("HP:0000707",)),
            },
        ),
        "MONDO": Ontology(
            Resource(id="mondo", name="Mondo", version="2025-03-04", namespace_prefix="MONDO"),
            {
                "MONDO:0005015": Term("diabetes mellitus"),
                "MONDO:0005147": Term("type 1 diabetes mellitus", ("MONDO:0005015",)),
                "MONDO:0005148": Term("type 2 diabetes mellitus", ("MONDO:0005015",)),
            },
        ),
    }
)


def name(number: int, prefix: str = "I") -> str:
    return f"{prefix}{number:02}"


def numbered(numbers: Iterable[int], prefix: str = "I") -> list[str]:
    return [name(number, prefix) for number in numbers]


FEATURES: dict[int, list[Record]] = {
    1: [{"featureType": SEIZURE}],
    2: [{"featureType": FOCAL_SEIZURE}],
    3: [{"featureType": GENERALIZED_SEIZURE}],
    4: [{"featureType": ATAXIA}],
    5: [{"featureType": BLINDNESS}],
    6: [{"featureType": SEIZURE, "excluded": True}],
    7: [{"featureType": ATAXIA}, {"featureType": BLINDNESS}],
}
ONSETS: dict[int, Any] = {
    8: {"iso8601duration": "P9Y"},
    9: {"iso8601duration": "P10Y"},
    10: {"iso8601duration": "P12M"},
    11: {"iso8601duration": "P1Y"},
    12: {"start": {"iso8601duration": "P30Y"}, "end": {"iso8601duration": "P40Y"}},
    13: term("NCIT:C49685", "Adult 18-65 Years Old"),
    14: None,
    15: {"iso8601duration": "P66Y"},
}
BODY_MASS_INDEX = {1: 20.0, 2: 25.0, 3: 25.0, 4: 30.5, 5: 18.5}
HEIGHT_CM = {1: 175, 2: 180}
PEOPLE = 25


def _individual(number: int) -> Record:
    record: Record = {"id": name(number), "sex": FEMALE if number % 2 else MALE}
    if number <= 10:
        record["karyotypicSex"] = "XX" if number % 2 else "XY"
    if number in FEATURES:
        record["phenotypicFeatures"] = FEATURES[number]
    if number in ONSETS:
        onset = ONSETS[number]
        record["diseases"] = [
            {"diseaseCode": TYPE_2, **({} if onset is None else {"ageOfOnset": onset})}
        ]
    if number == 16:
        record["diseases"] = [{"diseaseCode": TYPE_1, "ageOfOnset": {"iso8601duration": "P20Y"}}]
    measurements = []
    if number in BODY_MASS_INDEX:
        unit = term("UO:0000086", "kilogram per square meter")
        measurements.append(_measured("LOINC:39156-5", "BMI", BODY_MASS_INDEX[number], unit))
    if number in HEIGHT_CM:
        unit = term("UO:0000015", "centimeter")
        measurements.append(_measured("LOINC:8308-9", "Height-standing", HEIGHT_CM[number], unit))
    if measurements:
        record["measurements"] = measurements
    if number in (1, 2):
        record["info"] = {"demographic": {"ethnicity": "asian"}}
    if number in (5, 7):
        record["info"] = {"cohortIds": ["eyes"]}
    return record


def _measured(assay: str, label: str, value: float, unit: Record) -> Record:
    return {"assayCode": term(assay, label), "measurementValue": {"value": value, "unit": unit}}


def _biosample(biosample_id: str, individual_id: str, **more: Any) -> Record:
    return {
        "id": biosample_id,
        "individualId": individual_id,
        "biosampleStatus": term("EFO:0009654", "reference sample"),
        "sampleOriginType": BLOOD,
        "collectionDate": "2020-09-11",
        "collectionMoment": "P32Y6M1D",
        **more,
    }


SEQUENCED = (*range(1, 11), 25, 26)
LIBRARIES = {1: "WES", 2: "WES"}
PIPELINES = {1: "sarek 3.4", 2: "sarek.3", 3: "Sarek (rare)", 4: "dragen_4", 5: "100% own"}


def _run(number: int) -> Record:
    return {
        "id": name(number, "R"),
        "biosampleId": name(number, "B"),
        "individualId": name(min(number, 25)),
        "runDate": f"2021-10-{number:02}",
        "libraryStrategy": LIBRARIES.get(number, "WGS"),
        "libraryLayout": "PAIRED",
        "librarySource": term("GENEPIO:0001966", "genomic source"),
        "platform": "Illumina",
        "platformModel": term("OBI:0002048", "Illumina HiSeq 3000"),
    }


def _analysis(number: int) -> Record:
    return {
        "id": name(number, "A"),
        "runId": name(number, "R"),
        "biosampleId": name(number, "B"),
        "individualId": name(min(number, 25)),
        "analysisDate": "2021-11-01",
        "pipelineName": PIPELINES.get(number, "other"),
        "aligner": "bwa-0.7.8",
        "variantCaller": "GATK4.0",
    }


def location(sequence_id: str, start: int, end: int) -> Record:
    return {
        "type": "SequenceLocation",
        "sequence_id": sequence_id,
        "interval": {
            "type": "SequenceInterval",
            "start": {"type": "Number", "value": start},
            "end": {"type": "Number", "value": end},
        },
    }


CHR7, CHR8, CHR9 = "refseq:NC_000007.14", "refseq:NC_000008.11", "refseq:NC_000009.12"
CHR17, CHR17_OLD, CHRX = "refseq:NC_000017.11", "refseq:NC_000017.10", "refseq:NC_000023.11"


def variant(
    variant_id: str,
    sequence_id: str,
    start: int,
    end: int,
    kind: str,
    bases: tuple[str, str] | None = None,
    carriers: Iterable[Record] = (),
    **more: Any,
) -> Record:
    """A genomic variation record; `start` and `end` are 0-based and half-open."""
    variation: Record = {"variantType": kind, "location": location(sequence_id, start, end)}
    if bases is None:
        variation["alternateBases"] = ""
    else:
        variation["referenceBases"], variation["alternateBases"] = bases
    record = {"variantInternalId": variant_id, "variation": variation, **more}
    if observed := list(carriers):
        record["caseLevelData"] = observed
    return record


def carrier(number: int, zygosity: Record = HETEROZYGOUS) -> Record:
    observed = {
        "biosampleId": name(number, "B"),
        "individualId": name(min(number, 25)),
        "zygosity": zygosity,
    }
    if number in SEQUENCED:
        observed |= {"runId": name(number, "R"), "analysisId": name(number, "A")}
    return observed


TOY = [
    variant("A", CHR17, 7577120, 7577121, "SNP", ("G", "A"), [carrier(1), carrier(2, HOMOZYGOUS)]),
    variant("B", CHR17, 7577120, 7577121, "SNP", ("G", "T"), [carrier(3)]),
    variant("C", CHR17, 7577000, 7577004, "DEL", ("CAAG", "C"), [carrier(4)]),
    variant("D", CHR17, 7577499, 7577500, "INS", ("T", "TGG"), [carrier(5)]),
    variant("E", CHR17, 7438502, 8115886, "DEL", None, [carrier(6)]),
    variant("F", CHR17, 7675360, 7676734, "DEL", None, [carrier(7)]),
    variant("G", CHR17, 7354708, 7671298, "DUP", None, [carrier(8)]),
    variant("H", CHR17, 6282340, 8595256, "DEL", None, [carrier(9)]),
    variant("I", CHR17, 7570151, 8144202, "DEL", None, [carrier(10)]),
    variant("J", CHR17, 7674857, 7674858, "SNP", ("C", "A"), [carrier(1), carrier(25)]),
]
"""The toy data that the worked examples of the variant queries speak of."""

BRAF = variant(
    "K",
    CHR7,
    140753335,
    140753336,
    "SNP",
    ("A", "T"),
    [carrier(11), carrier(26)],
    identifiers={
        "genomicHGVSId": "NC_000007.14:g.140753336A>T",
        "transcriptHGVSIds": ["NM_004333.6:c.1799T>A"],
        "proteinHGVSIds": ["NP_004324.2:p.Val600Glu"],
    },
    molecularAttributes={
        "geneIds": ["BRAF"],
        "aminoacidChanges": ["V600E"],
        "molecularEffects": [term("SO:0001583", "missense_variant")],
    },
    variantLevelData={
        "clinicalInterpretations": [
            {
                "conditionId": "melanoma",
                "effect": term("MONDO:0005105", "melanoma"),
                "clinicalRelevance": "pathogenic",
            }
        ]
    },
)
OTHERS = [
    BRAF,
    variant("L", CHR9, 1_000_000, 2_000_000, "EFO:0030069", None, [carrier(12)]),
    variant("M", CHR9, 3_000_000, 4_000_000, "EFO:0030070", None, [carrier(13)]),
    variant("N", CHR9, 5_000_000, 6_000_000, "SO:0001742", None, [carrier(13)]),
    variant("O4", CHR8, 1000, 1004, "MNP", ("TCCA", "ACGT"), [carrier(14)]),
    variant("O2", CHR8, 1000, 1004, "INDEL", ("TCCA", "AT"), [carrier(14)]),
    variant("O5", CHR8, 1000, 1004, "INDEL", ("TCCA", "ACCGT"), [carrier(14)]),
    variant("X", CHRX, 500, 501, "SNP", ("A", "C"), [carrier(16, HEMIZYGOUS)]),
    variant("Z", CHR8, 9000, 9001, "SNP", ("A", "C")),
    {
        "variantInternalId": "V",
        "variation": {
            "type": "Allele",
            "location": location(CHR8, 5000, 5001),
            "state": {"type": "LiteralSequenceExpression", "sequence": "T"},
        },
        "identifiers": {"genomicHGVSId": "NC_000008.11:g.5001C>T"},
        "caseLevelData": [carrier(15)],
    },
]
"""`Z` is known without anybody who carries it; `V` is written by GA4GH VRS."""

DIABETICS = numbered(range(8, 17))


def _dataset(dataset_id: str, duo: Record) -> Record:
    return {
        "id": dataset_id,
        "name": f"The {dataset_id} dataset",
        "createDateTime": "2026-01-01T00:00:00Z",
        "dataUseConditions": {"duoDataUse": [{**duo, "version": "2021-02-23"}]},
    }


RESEARCH = term("DUO:0000042", "general research use")
DISEASE_ONLY = term("DUO:0000007", "disease specific research")

OPEN: Records = {
    "dataset": [_dataset("open", RESEARCH)],
    "cohort": [
        {
            "id": "diabetes",
            "name": "People with diabetes",
            "cohortType": "study-defined",
            "cohortDesign": term("OMIABIS:0001019", "longitudinal study design"),
            "cohortSize": len(DIABETICS),
            "info": {"individualIds": DIABETICS},
        },
        {"id": "eyes", "name": "People seen for their eyes", "cohortType": "beacon-defined"},
    ],
    "individual": [_individual(number) for number in range(1, PEOPLE + 1)],
    "biosample": [
        *(
            _biosample(
                name(number, "B"),
                name(number),
                **({"sampleOriginType": BRAIN} if number == 3 else {}),
                **({"histologicalDiagnosis": CANCER} if number in (3, 5) else {}),
            )
            for number in range(1, 24)
        ),
        _biosample("B25", "I25", histologicalDiagnosis=CANCER),
        _biosample("B26", "I25", sampleOriginType=BRAIN),
    ],
    "run": [_run(number) for number in SEQUENCED],
    "analysis": [_analysis(number) for number in SEQUENCED],
    "genomicVariant": [*TOY, *OTHERS],
}
"""`I24` gave no sample; `I25` gave two, of which only `B25` is of the tumour."""


def _small(dataset_id: str, duo: Record, sequence_id: str = CHR17, *more: Record) -> Records:
    """Three people, of whom two carry A and one has seizures; ids tell the dataset."""
    people = [f"{dataset_id}-{number}" for number in (1, 2, 3)]
    carriers = [
        {"biosampleId": f"{one}-s", "individualId": one, "zygosity": HETEROZYGOUS}
        for one in people[:2]
    ]
    return {
        "dataset": [_dataset(dataset_id, duo)],
        "cohort": [{"id": f"{dataset_id}-c", "name": "Everybody", "cohortType": "beacon-defined"}],
        "individual": [
            {
                "id": one,
                "sex": FEMALE if one.endswith("1") else MALE,
                "phenotypicFeatures": [
                    *([{"featureType": SEIZURE}] if one.endswith("1") else []),
                    *more,
                ],
            }
            for one in people
        ],
        "biosample": [_biosample(f"{one}-s", one) for one in people],
        "run": [
            {"id": f"{one}-r", "biosampleId": f"{one}-s", "runDate": "2021-10-18"} for one in people
        ],
        "analysis": [
            {
                "id": f"{one}-a",
                "biosampleId": f"{one}-s",
                "analysisDate": "2021-10-18",
                "pipelineName": "other",
            }
            for one in people
        ],
        "genomicVariant": [
            variant(f"{dataset_id}-A", sequence_id, 7577120, 7577121, "SNP", ("G", "A"), carriers)
        ],
    }


RECORDS: dict[str, Records] = {
    "open": OPEN,
    "partial": _small("partial", RESEARCH),
    "shy": _small("shy", DISEASE_ONLY),
    "faint": _small("faint", DISEASE_ONLY),
    "hidden": _small("hidden", DISEASE_ONLY, CHR17, {"featureType": SECRET}),
    "old": _small("old", RESEARCH, CHR17_OLD),
}
"""Dataset id → entry type id → records, as a file of them would hold them."""

SYNTHETIC: dict[str, Records] = {"synthetic": _small("synthetic", RESEARCH)}
"""What test mode answers from; on GRCh38."""


def entry_id(record: Record) -> str:
    return str(record.get("variantInternalId", record.get("id")))


def ids_of(*dataset_ids: str) -> set[str]:
    """Every id of every record of some datasets."""
    return {
        entry_id(record)
        for dataset_id in dataset_ids
        for records in RECORDS[dataset_id].values()
        for record in records
    }


EXAMPLES = {
    "dataset": "open",
    "cohort": "diabetes",
    "genomicVariant": "A",
    "individual": "I01",
    "biosample": "B01",
    "run": "R01",
    "analysis": "A01",
}
"""Entry type → an entry of `open` that other entries are linked to."""
COUNTS = {entry_type: len(records) for entry_type, records in OPEN.items()}
"""Entry type → how many entries `open` has."""
