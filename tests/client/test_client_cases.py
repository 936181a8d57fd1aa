"""A phenopacket becomes a case before anything is sent: ids of terms, genes and variants alone."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from beacon.client import AsyncBeacon, CarriedVariant, Case, Variant
from tests.client.scripted_beacon import says, scripted, summary

PACKETS = Path(__file__).parents[2].parent / "shared/data/phenopackets"
STORE = PACKETS / "phenopacket-store.jsonl.gz"

PACKET: dict[str, Any] = {
    "id": "packet-7",
    "subject": {
        "id": "Jane Roe",
        "alternateIds": ["MRN-12345"],
        "dateOfBirth": "1980-02-29T00:00:00Z",
        "sex": "FEMALE",
    },
    "phenotypicFeatures": [
        {"type": {"id": "HP:0001250", "label": "Seizure"}, "description": "since the accident"},
        {"type": {"id": "HP:0001251", "label": "Ataxia"}, "excluded": True},
        {"type": {"id": "HP:0000252"}, "negated": True},
        {"type": {"id": "Jane Roe: seizures"}},
        {"type": {"id": "HP:0001250"}},
    ],
    "interpretations": [
        {
            "id": "interpretation-of-Jane",
            "diagnosis": {
                "disease": {"id": "OMIM:607208", "label": "Dravet syndrome"},
                "genomicInterpretations": [
                    {
                        "subjectOrBiosampleId": "Jane Roe",
                        "interpretationStatus": "CAUSATIVE",
                        "variantInterpretation": {
                            "variationDescriptor": {
                                "id": "variant-of-Jane",
                                "description": "found by Dr. Who",
                                "geneContext": {"valueId": "HGNC:10585", "symbol": "SCN1A"},
                                "expressions": [
                                    {"syntax": "hgvs.p", "value": "NP_001159435.1:p.(Arg101Gln)"}
                                ],
                                "vcfRecord": {
                                    "genomeAssembly": "GRCh38.p13",
                                    "chrom": "chr2",
                                    "pos": "166012346",
                                    "id": "rs-of-Jane",
                                    "ref": "G",
                                    "alt": "A",
                                    "info": "PATIENT=Jane",
                                },
                                "allelicState": {"id": "GENO:0000135", "label": "heterozygous"},
                            }
                        },
                    },
                    {"interpretationStatus": "REJECTED", "gene": {"symbol": "CDKL5"}},
                    {"interpretationStatus": "CANDIDATE", "gene": {"symbol": "Jane Roe"}},
                    {"interpretationStatus": "CANDIDATE", "gene": {"symbol": "PCDH19"}},
                ],
            },
        }
    ],
    "metaData": {"created": "2024-05-01T00:00:00Z", "createdBy": "Dr. Who"},
}

SENT = {
    "features": [
        {"id": "HP:0001250"},
        {"id": "HP:0001251", "excluded": True},
        {"id": "HP:0000252", "excluded": True},
    ],
    "genes": ["SCN1A", "PCDH19"],
    "variants": [
        {
            "assemblyId": "GRCh38",
            "referenceName": "2",
            "start": [166012345],
            "referenceBases": "G",
            "alternateBases": "A",
            "zygosity": "heterozygous",
            "geneId": "SCN1A",
            "aminoacidChange": "R101Q",
        }
    ],
}

_WORDS = re.compile(
    r"[A-Z]{2,8}:\d+|GRCh3[78]|[0-9XY]{1,2}|MT|[ACGT]+|(hetero|homo|hemi)zygous|[A-Z][A-Z0-9-]+"
    r"|C\d+orf\d+|[A-Z]\d+[A-Z*]"
)


def texts(value: Any) -> Iterator[str]:
    """Every text in a document, but for the names of its properties."""
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from texts(one)
    elif isinstance(value, str):
        yield value


def keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    for one in value.values() if isinstance(value, dict) else value:
        if isinstance(one, dict | list):
            yield from keys(one)


def test_a_phenopacket_is_reduced_to_what_may_be_sent() -> None:
    assert Case.from_phenopacket(PACKET).document() == SENT


async def test_nothing_else_of_a_phenopacket_is_ever_sent() -> None:
    sent: list[bytes] = []
    async with (
        scripted({"/match": [says(summary(True))]}) as server,
        AsyncBeacon(server.url, on_send=sent.append) as beacon,
    ):
        await beacon.match(PACKET)

    (asked,) = server.at("/match")
    assert [json.loads(one) for one in sent] == [asked.body]
    assert asked.body["query"]["case"] == SENT
    everything = json.dumps([[one.body, dict(one.headers), one.path] for one in server.asked])
    for secret in ("Jane", "Roe", '12345"', "1980", "2024", "Who", "packet", "OMIM", "Seizure"):
        assert secret not in everything


@pytest.mark.skipif(not STORE.is_file(), reason="the phenopackets are not here")
def test_cases_of_real_phenopackets_hold_ids_symbols_and_alleles_alone() -> None:
    allowed = set(keys(SENT))
    features = variants = 0
    with gzip.open(STORE) as lines:
        for line in lines:
            packet = json.loads(line)
            case = Case.from_phenopacket(packet)
            sent = case.document()
            features += len(case.features)
            variants += len(case.variants)
            assert set(keys(sent)) <= allowed
            assert [one for one in texts(sent) if not _WORDS.fullmatch(one)] == []
            assert packet["id"] not in json.dumps(sent)

    assert features > 50_000
    assert variants > 7_000


@pytest.mark.parametrize(
    "given",
    [
        {"features": ["Jane Roe"]},
        {"features": ["HP:0001250 since 1980"]},
        {"features": "HP:0001250"},
        {"genes": ["Jane Roe"]},
        {"features": [f"HP:{n:07}" for n in range(101)]},
    ],
)
def test_a_case_has_no_place_for_anything_else(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"HP:0001250|SCN1A|at most|list"):
        Case(**given)


def test_a_carried_variant_has_no_place_for_text() -> None:
    variant = Variant("GRCh38", "2", 166012345, "G", "A")

    with pytest.raises(ValueError, match="gene"):
        CarriedVariant(variant, gene="seen in Jane")
    with pytest.raises(ValueError, match="zygosity"):
        CarriedVariant(variant, zygosity="both of her copies")  # type: ignore[arg-type]
