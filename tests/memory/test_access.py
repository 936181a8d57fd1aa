"""What the memory store lets a caller learn, and what it says can be asked."""

from __future__ import annotations

from typing import Any

import pytest

from beacon.framework.access import NOTHING
from beacon.framework.query import (
    Filter,
    Granularity,
    Include,
    Pagination,
    VariationQuery,
    Within,
)
from beacon.framework.source import TermsQuery
from beacon.memory import MemoryDataset

from .cohort import access, asked, ids, store, variant

NONE, BOOLEAN, COUNT = Granularity.NONE, Granularity.BOOLEAN, Granularity.COUNT
V1 = VariationQuery(reference_name="17", start=(99,), end=(100,))


async def test_nothing_granted_is_nothing_there() -> None:
    assert (await store().search(asked("individual"), NOTHING)).result_sets == ()
    assert (await store().filtering_terms(TermsQuery(), NOTHING)).terms == ()


@pytest.mark.parametrize(
    "query",
    [
        asked("individual"),
        asked("biosample", Filter(id="MONDO:2", scope="individual")),
        asked("biosample", within=Within("individual", "I1")),
    ],
)
async def test_a_dataset_is_left_out_when_a_touched_entry_type_is_hidden(query: Any) -> None:
    assert (await store().search(query, access(individual=NONE))).result_sets == ()


async def test_variation_touches_variants() -> None:
    query = asked("individual", variation=V1)

    assert (await store().search(query, access(genomicVariant=NONE))).result_sets == ()


@pytest.mark.parametrize("term", ["MONDO:2", "MONDO:unheard", "karyotypicSex:XX"])
async def test_an_unscoped_filter_does_not_tell_of_hidden_entries(term: str) -> None:
    """Known or unknown there: the answer is the same."""
    (only,) = (await store().search(asked("biosample", term), access(individual=NONE))).result_sets

    assert (only.count, only.records) == (0, ())


async def test_zygosity_reads_variants() -> None:
    query = asked("individual", "GENO:0000136")

    (only,) = (await store().search(query, access(genomicVariant=NONE))).result_sets

    assert only.count == 0


@pytest.mark.parametrize(
    ("query", "granted"),
    [
        (asked("individual"), COUNT),
        (asked("individual", granularity=COUNT), Granularity.RECORD),
        (asked("individual", include=Include.NONE), Granularity.RECORD),
    ],
)
async def test_records_are_only_fetched_to_be_shown(query: Any, granted: Granularity) -> None:
    (only,) = (await store().search(query, access(individual=granted))).result_sets

    assert only.count == 6
    assert only.records == ()


@pytest.mark.parametrize(
    ("levels", "shown"),
    [
        ({}, {"biosampleId", "zygosity", "individualId", "runId", "analysisId"}),
        ({"individual": COUNT}, {"biosampleId", "zygosity", "runId", "analysisId"}),
        ({"run": BOOLEAN, "analysis": NONE}, {"biosampleId", "zygosity", "individualId"}),
        ({"biosample": COUNT}, None),
    ],
)
async def test_carriers_are_shown_as_far_as_samples_and_people_are(
    levels: dict[str, Granularity], shown: set[str] | None
) -> None:
    records = {"genomicVariant": [variant("v", 100, "G", "A", ("S", {"id": "GENO:0000135"}))]}
    one = store(d=MemoryDataset(records=records, assembly="GRCh38"))
    answer = await one.search(asked("genomicVariant"), access(**levels))
    (record,) = answer.result_sets[0].records
    cases = record.get("caseLevelData")

    assert (None if cases is None else set(cases[0])) == shown


async def test_terms_are_those_in_use() -> None:
    terms = await store().filtering_terms(TermsQuery(), access())
    by_id = {one.id: one for one in terms.terms}

    assert by_id["MONDO:2"].label == "asthma"
    assert by_id["MONDO:2"].scopes == ("individual",)
    assert "MONDO:0" not in by_id  # an ancestor may be asked for, but nobody has just that
    assert by_id["libraryLayout"].values == ("PAIRED", "SINGLE")
    assert by_id["libraryLayout:PAIRED"].type == "custom"
    assert by_id["age"].type == "alphanumeric"
    assert by_id["GENO:0000136"].scopes == ("genomicVariant",)
    assert "mondo" in [one.id for one in terms.resources]


async def test_terms_of_hidden_entry_types_are_hidden() -> None:
    terms = await store().filtering_terms(TermsQuery(), access(individual=NONE))

    assert not any("individual" in one.scopes for one in terms.terms)
    assert "mondo" not in [one.id for one in terms.resources]


@pytest.mark.parametrize(
    ("within", "any_terms"),
    [
        (Within("dataset", "d"), True),
        (Within("dataset", "other"), False),
        (Within("cohort", "few"), True),
        (Within("cohort", "none"), False),
    ],
)
async def test_terms_of_one_collection(within: Within, any_terms: bool) -> None:
    terms = await store().filtering_terms(TermsQuery(within=within), access())

    assert bool(terms.terms) is any_terms


async def test_terms_of_one_entry_type_come_in_pages() -> None:
    whole = await store().filtering_terms(TermsQuery(entry_type="run"), access())
    page = TermsQuery(entry_type="run", pagination=Pagination(skip=1, limit=2))
    second = await store().filtering_terms(page, access())

    assert all("run" in one.scopes for one in whole.terms)
    assert second.terms == whole.terms[2:4]


async def test_every_advertised_term_finds_something() -> None:
    terms = await store().filtering_terms(TermsQuery(), access())
    for one in terms.terms:
        if one.type != "alphanumeric":
            query = asked(one.scopes[0], one.id)

            assert ids(await store().search(query, access())), one.id
