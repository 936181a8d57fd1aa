"""The home of the records that answer in test mode: few, fixed, and nobody's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DATASET_ID = "TEST-dataset"
ASSEMBLY = "GRCh38"

_FEMALE = {"id": "NCIT:C16576", "label": "female"}
_MALE = {"id": "NCIT:C20197", "label": "male"}
_FINLAND = {"id": "GAZ:00002937", "label": "Finland"}
_ITALY = {"id": "GAZ:00002650", "label": "Italy"}
_HETEROZYGOUS = {"id": "GENO:0000135", "label": "heterozygous"}
_HOMOZYGOUS = {"id": "GENO:0000136", "label": "homozygous"}
_PEOPLE = 12


def test_records() -> Mapping[str, list[dict[str, Any]]]:
    """Records of one dataset by entry type id: twelve people with everything that hangs on them.

    Every id starts with `TEST`, so that a client can tell at a glance what it was given.
    """
    numbers = range(1, _PEOPLE + 1)
    return {
        "dataset": [
            {
                "id": DATASET_ID,
                "name": "Test dataset",
                "description": "Fixed records that answer in test mode. Nobody is in them.",
                "version": "1",
                "createDateTime": "2026-01-01T00:00:00Z",
                "dataUseConditions": {
                    "duoDataUse": [
                        {"id": "DUO:0000004", "label": "no restriction", "version": "2021-02-23"}
                    ]
                },
            }
        ],
        "cohort": [
            {
                "id": "TEST-cohort",
                "name": "Test cohort",
                "cohortType": "beacon-defined",
                "cohortSize": _PEOPLE // 2,
                "info": {"individualIds": [_individual_id(n) for n in numbers if n % 2]},
            }
        ],
        "individual": [_individual(number) for number in numbers],
        "biosample": [_biosample(number) for number in numbers],
        "run": [_run(number) for number in numbers],
        "analysis": [_analysis(number) for number in numbers],
        "genomicVariant": _variants(),
    }


test_records.__test__ = False  # type: ignore[attr-defined]


def _individual_id(number: int) -> str:
    return f"TEST-individual-{number:02d}"


def _biosample_id(number: int) -> str:
    return f"TEST-biosample-{number:02d}"


def _run_id(number: int) -> str:
    return f"TEST-run-{number:02d}"


def _analysis_id(number: int) -> str:
    return f"TEST-analysis-{number:02d}"


def _individual(number: int) -> dict[str, Any]:
    record: dict[str, Any] = {
        "id": _individual_id(number),
        "sex": _FEMALE if number % 2 else _MALE,
        "geographicOrigin": _FINLAND if number <= _PEOPLE // 2 else _ITALY,
        "info": {"age": f"P{20 + 4 * number}Y"},
        "measurements": [
            {
                "assayCode": {"id": "LOINC:39156-5", "label": "BMI"},
                "measurementValue": {
                    "unit": {"id": "NCIT:C49671", "label": "Kilogram per Square Meter"},
                    "value": 18.5 + number,
                },
            }
        ],
    }
    if number % 3 == 0:
        record["diseases"] = [
            {
                "diseaseCode": {"id": "MONDO:0009061", "label": "cystic fibrosis"},
                "ageOfOnset": {"iso8601duration": "P2Y"},
            }
        ]
        record["phenotypicFeatures"] = [
            {"featureType": {"id": "HP:0002110", "label": "Bronchiectasis"}}
        ]
    elif number % 3 == 1:
        record["phenotypicFeatures"] = [
            {"featureType": {"id": "HP:0002110", "label": "Bronchiectasis"}, "excluded": True}
        ]
    return record


def _biosample(number: int) -> dict[str, Any]:
    return {
        "id": _biosample_id(number),
        "individualId": _individual_id(number),
        "biosampleStatus": {"id": "EFO:0009654", "label": "reference sample"},
        "sampleOriginType": {"id": "OBI:0001479", "label": "specimen from organism"},
        "sampleOriginDetail": {"id": "UBERON:0000178", "label": "blood"},
        "collectionDate": "2024-05-01",
    }


def _run(number: int) -> dict[str, Any]:
    return {
        "id": _run_id(number),
        "biosampleId": _biosample_id(number),
        "individualId": _individual_id(number),
        "runDate": "2024-06-01",
        "libraryLayout": "PAIRED",
        "libraryStrategy": "WGS",
        "platform": "Illumina",
    }


def _analysis(number: int) -> dict[str, Any]:
    return {
        "id": _analysis_id(number),
        "runId": _run_id(number),
        "biosampleId": _biosample_id(number),
        "individualId": _individual_id(number),
        "analysisDate": "2024-07-01",
        "pipelineName": "test-pipeline",
        "variantCaller": "DeepVariant",
    }


def _variants() -> list[dict[str, Any]]:
    """Published alleles, each with carriers among the twelve."""
    return [
        {
            **_variant("TEST-variant-1", "NC_000007.14", 117559589, "ATCT", "A", "DEL"),
            "identifiers": {
                "genomicHGVSId": "NC_000007.14:g.117559592_117559594del",
                "transcriptHGVSIds": ["NM_000492.4:c.1521_1523del"],
                "proteinHGVSIds": ["NP_000483.3:p.Phe508del"],
            },
            "molecularAttributes": {
                "geneIds": ["CFTR"],
                "aminoacidChanges": ["F508del"],
                "molecularEffects": [{"id": "SO:0001822", "label": "inframe_deletion"}],
            },
            "caseLevelData": [
                *(_carrier(number, _HOMOZYGOUS) for number in (3, 6, 9, 12)),
                _carrier(1, _HETEROZYGOUS),
            ],
        },
        {
            **_variant("TEST-variant-2", "NC_000011.10", 5227001, "T", "A", "SNP"),
            "identifiers": {"genomicHGVSId": "NC_000011.10:g.5227002T>A"},
            "molecularAttributes": {"geneIds": ["HBB"], "aminoacidChanges": ["E7V"]},
            "caseLevelData": [_carrier(number, _HETEROZYGOUS) for number in (2, 5)],
        },
        {
            **_variant("TEST-variant-3", "NC_000006.12", 26092912, "G", "A", "SNP"),
            "identifiers": {"genomicHGVSId": "NC_000006.12:g.26092913G>A"},
            "molecularAttributes": {"geneIds": ["HFE"], "aminoacidChanges": ["C282Y"]},
            "caseLevelData": [_carrier(number, _HETEROZYGOUS) for number in (4, 7, 8, 11)],
        },
    ]


def _variant(
    variant_id: str, sequence: str, start: int, ref: str, alt: str, variant_type: str
) -> dict[str, Any]:
    return {
        "variantInternalId": variant_id,
        "variation": {
            "variantType": variant_type,
            "referenceBases": ref,
            "alternateBases": alt,
            "location": {
                "type": "SequenceLocation",
                "sequence_id": f"refseq:{sequence}",
                "interval": {
                    "type": "SequenceInterval",
                    "start": {"type": "Number", "value": start},
                    "end": {"type": "Number", "value": start + len(ref)},
                },
            },
        },
    }


def _carrier(number: int, zygosity: dict[str, str]) -> dict[str, Any]:
    return {
        "biosampleId": _biosample_id(number),
        "individualId": _individual_id(number),
        "runId": _run_id(number),
        "analysisId": _analysis_id(number),
        "zygosity": zygosity,
    }
