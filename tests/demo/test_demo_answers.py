"""What the first page promises is what the beacon answers, from the demo's own files."""

from __future__ import annotations

from typing import Any

import pytest

from beacon.demo.known_alleles import KNOWN_ALLELES
from beacon.framework.access import Access
from beacon.framework.query import Filter, Granularity, Query, VariationQuery
from beacon.memory.rows import MemoryDataset
from beacon.memory.store import MemoryStore
from tests.demo.conftest import Dataset

EVERYTHING = Access(grants={"fi-rare-disease": {"*": Granularity.RECORD}})


@pytest.fixture(scope="module")
def store(demo: dict[str, Dataset]) -> MemoryStore:
    """The rare-disease dataset in memory, with the carriers of the published alleles."""
    dataset = demo["fi-rare-disease"]
    known = {one.internal_id: one for one in KNOWN_ALLELES.values()}
    variants: list[dict[str, Any]] = []
    for record in dataset.records["genomicVariant"]:
        one = known[record["variantInternalId"]]
        carriers = dataset.carriers[one.name, one.pos, one.ref, one.alt]
        variants.append(
            {**record, "caseLevelData": [{"biosampleId": sample} for sample in carriers]}
        )
    records = {**dataset.records, "genomicVariant": variants}
    return MemoryStore({dataset.id: MemoryDataset(assembly="GRCh38", records=records)})


@pytest.mark.parametrize(
    ("entry_type", "variation", "filters", "count"),
    [
        pytest.param(
            "individual",
            VariationQuery(
                assembly_id="GRCh38",
                reference_name="7",
                start=(117559589,),
                reference_bases="ATCT",
                alternate_bases="A",
            ),
            (Filter(id="HP:0002110"),),
            6,
            id="carriers of p.Phe508del with bronchiectasis",
        ),
        pytest.param(
            "biosample",
            VariationQuery(gene_id="BRAF", aminoacid_change="V600E"),
            (Filter(id="NCIT:C3224", scope="biosample"),),
            8,
            id="melanomas with V600E",
        ),
        pytest.param("individual", None, (Filter(id="HP:0002110"),), 10, id="bronchiectasis"),
    ],
)
async def test_a_question_of_the_documentation_has_the_printed_answer(
    store: MemoryStore,
    entry_type: str,
    variation: VariationQuery | None,
    filters: tuple[Filter, ...],
    count: int,
):
    query = Query(
        entry_type=entry_type, variation=variation, filters=filters, granularity=Granularity.COUNT
    )

    answer = await store.search(query, EVERYTHING)

    assert [found.count for found in answer.result_sets] == [count]
