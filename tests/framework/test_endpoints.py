"""The endpoints that follow from the model."""

from __future__ import annotations

import re

import pytest

from beacon.framework.entry_types import Endpoint, Model, endpoints

LINKED = {
    "datasets": "g_variants biosamples individuals runs analyses",
    "cohorts": "individuals g_variants biosamples runs analyses",
    "g_variants": "biosamples individuals runs analyses",
    "individuals": "g_variants biosamples runs analyses",
    "biosamples": "g_variants analyses runs",
    "runs": "g_variants analyses",
    "analyses": "g_variants",
}


def route(model: Model, path: str) -> Endpoint | None:
    """The first endpoint whose pattern fits, as a router would find it."""
    for one in endpoints(model):
        if re.fullmatch(one.pattern.replace("{id}", "[^/]+"), path):
            return one
    return None


@pytest.mark.parametrize("path", LINKED)
def test_every_entry_type_is_served_as_list_entry_and_terms(model: Model, path: str):
    entry_type = model.by_path(path)

    kinds = [route(model, p) for p in (f"/{path}", f"/{path}/x", f"/{path}/filtering_terms")]

    assert [one.kind for one in kinds] == ["collection", "single", "filtering_terms"]
    assert {one.entry_type for one in kinds} == {entry_type.id}
    assert {one.within for one in kinds} == {None}


@pytest.mark.parametrize(("path", "linked"), [(p, x) for p, s in LINKED.items() for x in s.split()])
def test_linked_entries_are_served(model: Model, path: str, linked: str):
    found = route(model, f"/{path}/x/{linked}")

    assert found == Endpoint(
        pattern=f"/{path}/{{id}}/{linked}",
        kind="linked",
        entry_type=model.by_path(linked).id,
        within=model.by_path(path).id,
    )


def test_nothing_else_is_linked(model: Model):
    linked = [one.pattern for one in endpoints(model) if one.kind == "linked"]

    assert len(linked) == sum(len(names.split()) for names in LINKED.values())


def test_only_datasets_and_cohorts_list_the_terms_of_one_entry(model: Model):
    within = {one.within for one in endpoints(model) if one.kind == "filtering_terms"}

    assert within == {None, "dataset", "cohort"}


@pytest.mark.parametrize(
    ("spelling", "entry_type"),
    [
        ("individuals", "individual"),
        ("individual", "individual"),
        ("g_variants", "genomicVariant"),
        ("g_variant", "genomicVariant"),
        ("genomicVariation", "genomicVariant"),
        ("genomicVariations", "genomicVariant"),
        ("analyses", "analysis"),
        ("patients", None),
    ],
)
def test_entry_types_have_many_spellings(model: Model, spelling: str, entry_type: str | None):
    assert model.canonical(spelling) == entry_type
