"""What these tests share: people with few attributes, beacons over them, and what they answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from beacon import composition
from beacon.auth.callers import Visa
from beacon.framework.access import Access
from beacon.framework.errors import InvalidRequest
from beacon.framework.query import Filter, Granularity, Include, Pagination, Query, VariationQuery
from beacon.framework.request import Limits
from beacon.framework.response import encode_answer
from beacon.framework.service import Service
from beacon.framework.source import Source, TermsQuery
from beacon.memory import MemoryDataset, MemoryStore
from beacon.model.entry_types import MODEL
from beacon.settings import Settings

NONE, BOOLEAN = Granularity.NONE, Granularity.BOOLEAN
COUNT, RECORD = Granularity.COUNT, Granularity.RECORD
FEMALE, MALE = {"id": "NCIT:C16576", "label": "f"}, {"id": "NCIT:C20197", "label": "m"}
IDENTITY = composition.identity(Settings())
V100 = VariationQuery(reference_name="17", start=(99,), end=(100,), assembly_id="GRCh38")

Records = dict[str, list[dict[str, Any]]]


def person(number: int, *diseases: str) -> dict[str, Any]:
    return {
        "id": f"I{number}",
        "sex": FEMALE if number % 2 else MALE,
        "diseases": [{"diseaseCode": {"id": one, "label": one}} for one in diseases],
    }


def variant(name: str, pos: int, carriers: Iterable[int], **more: Any) -> dict[str, Any]:
    """A SNP on GRCh38 chromosome 17, with some of the people; `pos` is 1-based."""
    interval = {
        "type": "SequenceInterval",
        "start": {"type": "Number", "value": pos - 1},
        "end": {"type": "Number", "value": pos},
    }
    location = {
        "type": "SequenceLocation",
        "sequence_id": "refseq:NC_000017.11",
        "interval": interval,
    }
    return {
        "variantInternalId": name,
        "variation": {
            "variantType": "SNP",
            "referenceBases": "G",
            "alternateBases": "A",
            "location": location,
        },
        "caseLevelData": [
            {"biosampleId": f"B{one}", "individualId": f"I{one}"} for one in carriers
        ],
    } | more


def frequency(population: str, count: int, number: int) -> dict[str, Any]:
    return {
        "population": population,
        "alleleFrequency": count / number,
        "alleleCount": count,
        "alleleNumber": number,
    }


def frequencies(*entries: dict[str, Any]) -> dict[str, Any]:
    source = {"source": "s", "sourceReference": "https://s.example", "frequencies": list(entries)}
    return {"frequencyInPopulations": [source]}


def cohort(ill: Iterable[int], carriers: Iterable[int] = (), people: int = 30) -> Records:
    """People of whom some are ill and some carry the variant at 17:100; all have a biosample."""
    ill = set(ill)
    return {
        "individual": [person(one, *(["MONDO:1"] if one in ill else [])) for one in range(people)],
        "biosample": [
            {
                "id": f"B{one}",
                "individualId": f"I{one}",
                "biosampleStatus": {"id": "EFO:0009654"},
                "sampleOriginType": {"id": "UBERON:0000178"},
            }
            for one in range(people)
        ],
        "genomicVariant": [variant("v1", 100, sorted(carriers)), variant("v2", 200, range(people))],
    }


def store(datasets: Mapping[str, Records]) -> MemoryStore:
    return MemoryStore(
        {name: MemoryDataset(assembly="GRCh38", records=one) for name, one in datasets.items()}
    )


def service(source: Source) -> Service:
    return Service(
        identity=IDENTITY, model=MODEL, source=source, test_source=source, limits=Limits()
    )


async def document(source: Source, query: Query, access: Access) -> bytes:
    """The bytes that a caller gets."""
    try:
        disclosed = await service(source).answer(query, access)
    except InvalidRequest as error:
        return str(error).encode()
    return encode_answer(disclosed, query, IDENTITY, MODEL)


async def terms(source: Source, access: Access, **asked: Any) -> Any:
    return await service(source).filtering_terms(TermsQuery(**asked), access)


def asked(
    entry_type: str,
    granularity: Granularity = RECORD,
    include: Include = Include.ALL,
    *,
    filters: Iterable[Filter] = (),
    **more: Any,
) -> Query:
    return Query(
        entry_type=entry_type,
        granularity=granularity,
        include=include,
        include_given=True,
        filters=tuple(filters),
        pagination=more.pop("pagination", Pagination(limit=100)),
        **more,
    )


def visa(kind: str, value: str, source: str = "https://s.example", by: str | None = "so") -> Visa:
    return Visa(
        type=kind, value=value, source=source, by=by, asserted=0.0, expires=1e12, issuer="x"
    )
