"""Ontologies: hierarchies and nearness."""

from __future__ import annotations

import math

import pytest

from beacon.framework.answer import Resource
from beacon.framework.query import Similarity
from beacon.model.ontology import Ontologies, Ontology, Term


def ontology(**parents: str) -> Ontology:
    """Terms `T:name` below those named, separated by spaces."""
    return Ontology(
        Resource(id="t", namespace_prefix="T"),
        {
            f"T:{name}": Term(name, tuple(f"T:{parent}" for parent in above.split()))
            for name, above in parents.items()
        },
    )


DIAMOND = ontology(root="", left="root", right="root", both="left right", leaf="both", other="left")


def ids(names: str) -> set[str]:
    return {f"T:{name}" for name in names.split()}


def test_ancestors_are_the_term_and_all_above_on_every_way() -> None:
    assert DIAMOND.ancestors("T:leaf") == ids("leaf both left right root")
    assert DIAMOND.ancestors("T:root") == ids("root")


def test_descendants_are_the_term_and_all_below() -> None:
    assert DIAMOND.descendants("T:left") == ids("left both leaf other")
    assert DIAMOND.descendants("T:leaf") == ids("leaf")


def test_closures_are_each_others_inverse() -> None:
    for one in DIAMOND.terms:
        for other in DIAMOND.terms:
            assert (one in DIAMOND.ancestors(other)) == (other in DIAMOND.descendants(one))


def test_parents_outside_the_ontology_are_ignored() -> None:
    assert ontology(child="elsewhere").ancestors("T:child") == ids("child")


def test_a_cycle_does_not_hang() -> None:
    assert ontology(one="two", two="one").ancestors("T:one") == ids("one two")


def _lin(terms: Ontology, one: str, other: str) -> float:
    """Lin's similarity, term by term."""

    def information(term: str) -> float:
        kinds = len(terms.descendants(term)) - 1
        return 1 - math.log(kinds + 1) / math.log(len(terms.terms))

    both = information(one) + information(other)
    common = terms.ancestors(one) & terms.ancestors(other)
    return 2 * max(map(information, common), default=0.0) / both if both else 0.0


TREE = ontology(
    **{"root": ""},
    **{f"a{i}": "root" for i in range(3)},
    **{f"b{i}": f"a{i % 3}" for i in range(9)},
    **{f"c{i}": f"b{i % 9} b{(i * 5 + 1) % 9}" for i in range(20)},
)


@pytest.mark.parametrize("threshold", [0.8, 0.6, 0.4, 0.13])
def test_similar_terms_are_those_of_the_definition(threshold: float) -> None:
    for term in TREE.terms:
        expected = {other for other in TREE.terms if _lin(TREE, term, other) >= threshold}

        assert TREE.similar(term, threshold) == expected | {term}


def test_lower_similarity_finds_no_fewer() -> None:
    ontologies = Ontologies({"T": TREE})
    high, medium, low = (
        ontologies.similar("T:c3", wanted)
        for wanted in (Similarity.HIGH, Similarity.MEDIUM, Similarity.LOW)
    )

    assert high <= medium <= low
    assert ontologies.similar("T:c3", Similarity.EXACT) == {"T:c3"}


def test_unknown_terms_stand_alone() -> None:
    ontologies = Ontologies({"T": DIAMOND})
    for term in ("T:unheard", "X:1", "plain"):
        assert ontologies.ancestors(term) == ontologies.descendants(term) == {term}
        assert ontologies.similar(term, Similarity.LOW) == {term}
        assert ontologies.label(term) is None
    assert DIAMOND.similar("T:unheard", 0.1) == {"T:unheard"}


def test_several_ontologies_answer_by_prefix() -> None:
    ontologies = Ontologies({"T": DIAMOND})

    assert ontologies.label("T:leaf") == "leaf"
    assert ontologies.descendants("T:both") == ids("both leaf")
    assert ontologies.closure(["T:both", "X:1"]) == ids("both left right root") | {"X:1"}
    assert ontologies.resources(["T:leaf", "X:1"]) == (
        DIAMOND.resource,
        Resource(id="x", namespace_prefix="X"),  # used, though not known here
    )
    assert list(ontologies) == [DIAMOND]
