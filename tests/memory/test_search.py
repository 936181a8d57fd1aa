"""What the memory store answers: the meaning of every kind of question."""

from __future__ import annotations

from typing import Any

import pytest

from beacon.framework.errors import InvalidRequest
from beacon.framework.query import Filter, Granularity, Pagination, VariationQuery, Within
from beacon.memory import MemoryDataset

from .cohort import RECORDS, access, asked, found, ids, store, variant, where

REGION = VariationQuery(reference_name="17", start=(99,), end=(200,))
"""Around v1 and the anchor of v2."""
V1 = VariationQuery(reference_name="chr17", start=(99,), reference_bases="G", alternate_bases="A")


@pytest.mark.parametrize(
    ("entry_type", "expected"),
    [
        ("dataset", ["d"]),
        ("cohort", ["all", "few"]),
        # Whoever only genotypes name comes last, whatever they carry; variants by position.
        ("individual", ["I1", "I2", "I3", "I4", "IX", "lonely"]),
        ("biosample", ["B1T", "B1N", "B2", "BX", "lonely"]),
        ("run", ["R1", "R2", "R3"]),
        ("analysis", ["A1", "A2", "A3"]),
        ("genomicVariant", ["v1", "v2", "v3", "v4"]),
    ],
)
async def test_without_conditions_everything_matches(entry_type: str, expected: list[str]) -> None:
    assert await found(entry_type) == expected


async def test_samples_without_records_get_minimal_ones() -> None:
    unknown = {"id": "NCIT:C17998", "label": "Unknown"}
    people = await store().search(asked("individual", entry_id="lonely"), access())
    samples = await store().search(asked("biosample", entry_id="lonely"), access())

    assert people.result_sets[0].records == ({"id": "lonely", "sex": unknown},)
    assert samples.result_sets[0].records == (
        {
            "id": "lonely",
            "individualId": "lonely",
            "biosampleStatus": unknown,
            "sampleOriginType": unknown,
        },
    )


FILTERED: list[tuple[str, list[Any], list[str]]] = [
    # terms and their kinds
    ("individual", ["MONDO:1"], ["I1", "I3"]),
    ("individual", [Filter(id="MONDO:1", include_descendant_terms=False)], ["I3"]),
    ("individual", ["MONDO:0"], ["I1", "I2", "I3"]),  # an ancestor that nobody uses
    ("individual", ["MONDO:0", "NCIT:C16576"], ["I1", "I3"]),
    ("individual", ["HP:0000001"], []),
    ("individual", ["NCIT:C17998"], ["IX", "lonely"]),  # known by name only
    # own ids and attributes
    ("individual", ["karyotypicSex:XX"], ["I1"]),
    ("individual", ["karyotypicsex:xx"], []),
    ("individual", ["site:north"], ["I2"]),
    ("individual", [where("age", ">=", "P40Y")], ["I1"]),
    ("individual", [where("karyotypicSex", "!", "XY")], ["I1"]),
    ("individual", [where("no such field", "=", "1")], []),
    # another entry type's filters join by row
    ("individual", ["UBERON:0000178"], ["I1", "I2", "IX"]),
    ("individual", ["UBERON:0000178", "NCIT:C16576"], ["I1"]),
    ("biosample", ["NCIT:C16576"], ["B1T", "B1N"]),
    ("biosample", [Filter(id="MONDO:1", scope="individual")], ["B1T", "B1N"]),
    ("biosample", [Filter(id="MONDO:1", scope="biosample")], []),
    ("biosample", [Filter(id="MONDO:1", scope="nonsense")], []),
    ("run", ["NCIT:C16576"], ["R1", "R2"]),
    ("analysis", ["libraryLayout:PAIRED"], ["A1", "A2", "A3"]),
    # filters of one other scope hold for the same run
    ("individual", ["libraryLayout:PAIRED", "platform:Illumina"], ["I1"]),
    ("individual", ["libraryLayout:SINGLE", "platform:PacBio"], []),
    ("biosample", ["libraryLayout:SINGLE", "platform:Illumina"], ["B1N"]),
    # the tumour's variants are not those of the blood of the same person
    ("genomicVariant", ["NCIT:C3262"], ["v1"]),
    ("genomicVariant", ["EFO:0009654", "NCIT:C16576"], ["v2"]),
    ("genomicVariant", ["NCIT:C16576"], ["v1", "v2"]),
    ("genomicVariant", ["MONDO:3"], ["v1"]),
    ("individual", ["SO:0001583"], ["I1", "I3"]),
    ("biosample", ["SO:0001583"], ["B1N"]),
    ("individual", [where("geneId", "=", "TP53"), "NCIT:C3262"], []),
    # zygosity chooses carriers
    ("genomicVariant", ["GENO:0000136"], ["v1"]),
    ("genomicVariant", ["GENO:0000136", "NCIT:C16576"], []),
    ("individual", ["GENO:0000135"], ["I1", "I3", "lonely"]),
    ("individual", ["GENO:0000135", "GENO:0000136"], []),
    ("individual", ["GENO:0000402"], []),
    ("individual", [Filter(id="GENO:0000135", scope="individual")], []),
    # collections
    ("dataset", ["DUO:0000007"], ["d"]),
    ("dataset", ["DUO:0000001"], []),
    ("dataset", ["MONDO:2"], ["d"]),
    ("dataset", ["MONDO:2", "MONDO:3"], []),
    ("individual", [Filter(id="DUO:0000007", scope="dataset"), "MONDO:2"], ["I1"]),
    ("genomicVariant", [Filter(id="DUO:0000007", scope="dataset")], ["v1", "v2", "v3", "v4"]),
    ("cohort", ["MONDO:2"], ["all"]),
    ("cohort", ["MONDO:1"], ["all", "few"]),
    ("cohort", ["cohortType:user-defined"], ["few"]),
    ("individual", ["cohortType:user-defined"], ["I3"]),
    ("genomicVariant", ["cohortType:user-defined"], ["v2"]),
]


@pytest.mark.parametrize(("entry_type", "filters", "expected"), FILTERED)
async def test_filters(entry_type: str, filters: list[Any], expected: list[str]) -> None:
    assert await found(entry_type, *filters) == expected


@pytest.mark.parametrize(
    ("entry_type", "variation", "filters", "expected"),
    [
        ("genomicVariant", REGION, [], ["v1", "v2"]),
        ("individual", REGION, [], ["I1", "I2", "I3"]),
        ("individual", V1, ["NCIT:C20197"], ["I2"]),
        ("individual", V1, ["GENO:0000136"], ["I2"]),
        ("biosample", V1, [], ["B1T", "B2"]),
        ("biosample", V1, ["NCIT:C16576"], ["B1T"]),
        ("run", V1, [], ["R1", "R3"]),
        ("analysis", V1, [], ["A1", "A2", "A3"]),
        ("genomicVariant", REGION, ["SO:0001583"], ["v2"]),
        ("individual", V1, ["SO:0001583"], []),  # not the same allele
        ("dataset", V1, [], ["d"]),
        ("dataset", V1, ["MONDO:1", "NCIT:C20197"], []),
        ("cohort", V1, [], ["all"]),
        ("genomicVariant", VariationQuery(gene_id="TP53"), [], ["v2"]),
        ("dataset", VariationQuery(reference_name="17", start=(399,), end=(400,)), [], ["d"]),
        ("individual", VariationQuery(reference_name="17", start=(399,), end=(400,)), [], []),
    ],
)
async def test_variation(
    entry_type: str, variation: VariationQuery, filters: list[Any], expected: list[str]
) -> None:
    assert await found(entry_type, *filters, variation=variation) == expected


@pytest.mark.parametrize(
    ("entry_type", "within", "expected"),
    [
        ("genomicVariant", ("individual", "I1"), ["v1", "v2"]),
        ("genomicVariant", ("biosample", "B1T"), ["v1"]),
        ("genomicVariant", ("run", "R2"), ["v2"]),
        ("genomicVariant", ("dataset", "d"), ["v1", "v2", "v3", "v4"]),
        ("genomicVariant", ("cohort", "few"), ["v2"]),
        ("biosample", ("individual", "I1"), ["B1T", "B1N"]),
        ("individual", ("genomicVariant", "v1"), ["I1", "I2"]),
        ("analysis", ("run", "R1"), ["A1", "A3"]),
        ("individual", ("cohort", "few"), ["I3"]),
        ("individual", ("dataset", "other"), []),
        ("individual", ("individual", "nobody"), []),
    ],
)
async def test_linked_entries(
    entry_type: str, within: tuple[str, str], expected: list[str]
) -> None:
    assert await found(entry_type, within=Within(*within)) == expected


async def test_entry_by_id() -> None:
    assert await found("genomicVariant", entry_id="v2") == ["v2"]
    assert await found("individual", entry_id="I2", variation=V1) == ["I2"]
    assert await found("individual", entry_id="I3", variation=V1) == []


async def test_an_unscoped_filter_of_several_other_types_holds_in_any() -> None:
    # Biosamples and individuals both know the term; runs ask for neither in particular.
    records = {
        **RECORDS,
        "biosample": [{**RECORDS["biosample"][2], "histologicalDiagnosis": {"id": "MONDO:2"}}],
    }
    both = store(d=MemoryDataset(records=records, assembly="GRCh38"))

    assert ids(await both.search(asked("run", "MONDO:2"), access())) == ["R3"]
    assert ids(await both.search(asked("genomicVariant", "MONDO:2"), access())) == ["v1"]


async def test_carriers_are_those_of_the_question() -> None:
    answer = await store().search(asked("genomicVariant", "NCIT:C20197", variation=V1), access())
    (record,) = answer.result_sets[0].records

    assert [case["biosampleId"] for case in record["caseLevelData"]] == ["I2"]


async def test_variants_keep_their_record_and_gain_an_id() -> None:
    answer = await store().search(asked("genomicVariant", entry_id="v2"), access())
    (record,) = answer.result_sets[0].records

    assert record == {**RECORDS["genomicVariant"][2], "id": "v2"}


async def test_pages_count_from_zero_and_leave_counts_alone() -> None:
    second = asked("individual", pagination=Pagination(skip=1, limit=4))
    whole = asked("individual", pagination=Pagination(limit=0))

    assert ids(await store().search(second, access())) == ["IX", "lonely"]
    assert len(ids(await store().search(whole, access()))) == 6
    assert (await store().search(second, access())).result_sets[0].count == 6


async def test_collections_are_paged_over_all_datasets() -> None:
    many = store(
        **{name: MemoryDataset(records={"cohort": RECORDS["cohort"]}) for name in ("a", "b", "c")}
    )
    everything = type(access())(grants={name: {"*": Granularity.RECORD} for name in "abc"})

    async def page(skip: int) -> list[str]:
        query = asked("cohort", pagination=Pagination(skip=skip, limit=4))
        answer = await many.search(query, everything)
        assert [one.count for one in answer.result_sets] == [2, 2, 2]
        return [f"{one.dataset_id} {r['id']}" for one in answer.result_sets for r in one.records]

    assert await page(0) == ["a all", "a few", "b all", "b few"]
    assert await page(1) == ["c all", "c few"]
    assert await page(2) == []


async def test_a_dataset_on_another_assembly_says_so() -> None:
    query = asked(
        "genomicVariant",
        variation=VariationQuery(
            reference_name="17", assembly_id="GRCh37", start=(99,), end=(200,)
        ),
    )
    (only,) = (await store().search(query, access())).result_sets

    assert only.count == 0
    assert only.info is not None
    assert "GRCh38" in only.info["notApplicable"]


async def test_a_bare_chromosome_is_ambiguous_among_assemblies() -> None:
    two = store(
        d=MemoryDataset(records=RECORDS, assembly="GRCh38"),
        e=MemoryDataset(records={}, assembly="GRCh37"),
    )
    both = type(access())(grants={name: {"*": Granularity.RECORD} for name in "de"})
    query = asked("genomicVariant", variation=REGION)

    with pytest.raises(InvalidRequest):
        await two.search(query, both)
    assert ids(await two.search(query, access())) == ["v1", "v2"]  # the caller sees only one


async def test_senseless_filters_are_refused_whatever_the_records_are() -> None:
    with pytest.raises(InvalidRequest):
        await store().search(asked("individual", where("nothing", "<", "red")), access())


async def test_only_the_datasets_asked_for_answer() -> None:
    answer = await store().search(asked("individual", dataset_ids=("other",)), access())

    assert answer.result_sets == ()


async def test_an_observation_can_say_whose_sample_it_is() -> None:
    case = {"biosampleId": "S", "individualId": "I1"}
    record = {**variant("v", 100, "G", "A"), "caseLevelData": [case]}
    records = {"individual": RECORDS["individual"], "genomicVariant": [record]}
    one = store(d=MemoryDataset(records=records, assembly="GRCh38"))

    assert ids(await one.search(asked("genomicVariant", "MONDO:2"), access())) == ["v"]


async def test_individuals_can_name_their_cohort() -> None:
    records: dict[str, list[dict[str, Any]]] = {
        "cohort": [{"id": "c", "name": "C", "cohortType": "study-defined"}],
        "individual": [
            {"id": "I1", "info": {"cohortIds": ["c"]}},
            {"id": "I2", "info": {"cohortId": "c"}},
            {"id": "I3"},
        ],
    }
    one = store(d=MemoryDataset(records=records))
    query = asked("individual", within=Within("cohort", "c"))

    assert ids(await one.search(query, access())) == ["I1", "I2"]


async def test_a_store_is_always_ready() -> None:
    await store().check()
