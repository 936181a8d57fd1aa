"""Liftover of questions: what is lifted to where, and everything that is refused instead."""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec
import pytest

from beacon.framework.query import VariationQuery
from beacon.model.allele import Allele
from beacon.model.liftover import NotLifted, applied, lift
from beacon.model.reference import Place, References

# Chromosome 17 of these tests: GRCh37 [1000, 2000) is GRCh38 [1100, 2100); [2000, 2010) is gone;
# [2010, 2900) is [2100, 2990); [2900, 3000) comes after a thousand bases that GRCh37 does not have;
# [5000, 6000) is turned round, at [7000, 8000); [6000, 6100) is on 18, [6100, 6200) on a patch, and
# [6200, 6300) in two places.
PIECES = "ACGTTGCAAT" * 1000


def places(name: str, position: int) -> tuple[Place, ...]:
    if name != "17":
        return ()
    if 1000 <= position < 2000:
        return (Place("17", position + 100, False),)
    if 2010 <= position < 2900:
        return (Place("17", position + 90, False),)
    if 2900 <= position < 3000:
        return (Place("17", position + 1090, False),)
    if 5000 <= position < 6000:
        return (Place("17", 7999 - (position - 5000), True),)
    if 6000 <= position < 6100:
        return (Place("18", position, False),)
    if 6100 <= position < 6200:
        return (Place(None, position, False),)
    if 6200 <= position < 6300:
        return (Place("17", position, False), Place("17", position + 1000, False))
    return ()


def there(name: str, start: int, end: int) -> str:
    """GRCh38, with a run of seven T at [1599, 1606), so that an indel there can move."""
    text = PIECES[:1600] + "TTTTTT" + PIECES[1606:]
    return text[max(start, 0) : end] if name == "17" else ""


CHAIN = {("GRCh37", "GRCh38"): places}
BLIND = References({}, CHAIN)
SEEING = References({"GRCh38": there}, CHAIN)


def lifted(references: References = BLIND, **asked: Any) -> tuple[VariationQuery, dict[str, Any]]:
    query = VariationQuery(reference_name="17", assembly_id="GRCh37", **asked)
    return lift(query, "GRCh37", "GRCh38", references)


def sequence(start: int, ref: str | None, alt: str) -> dict[str, Any]:
    return {"start": (start,), "reference_bases": ref, "alternate_bases": alt}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (sequence(1500, "A", "G"), (1600, "A", "G")),
        (sequence(1500, None, "G"), (1600, None, "G")),
        (sequence(1500, "ACG", "T"), (1600, "ACG", "T")),
        (sequence(1500, "A", "AT"), (1600, "A", "AT")),
        (sequence(1500, "", "T"), (1600, "", "T")),
        (sequence(1500, "RN", "Y"), (1600, "RN", "Y")),
        (sequence(1500, "U", "A"), (1600, "T", "A")),
        (sequence(5500, "A", "G"), (7499, "T", "C")),  # on the other strand
        (sequence(5500, "ACG", "TTT"), (7497, "CGT", "AAA")),
        (sequence(5500, "R", "K"), (7499, "Y", "M")),
    ],
)
def test_alleles_are_lifted(asked: dict[str, Any], expected: tuple[int, str | None, str]) -> None:
    query, info = lifted(**asked)

    assert (query.start[0], query.reference_bases, query.alternate_bases) == expected
    assert (query.assembly_id, query.reference_name) == ("GRCh38", "17")
    assert info["referenceBasesCompared"] is False


def test_what_was_lifted_is_told() -> None:
    _, info = lifted(**sequence(1500, "ACG", "T"))

    assert info == {
        "from": "GRCh37",
        "to": "GRCh38",
        "referenceName": "17",
        "start": [1600],
        "end": [1603],
        "referenceBases": "ACG",
        "alternateBases": "T",
        "referenceBasesCompared": False,
    }


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (sequence(100, "A", "G"), "base 101 of chromosome 17 has no counterpart"),
        (sequence(1999, "AC", "G"), "base 2001 of chromosome 17 has no counterpart"),
        (sequence(2005, "", "G"), "has no counterpart"),
        (sequence(2010, "", "G"), "has no counterpart"),  # an insertion needs both neighbours
        (sequence(2899, "AC", "G"), "bases 2900 to 2901 are not one stretch"),
        (sequence(2900, "", "G"), "bases 2900 to 2901 are not one stretch"),
        (sequence(2899, "A", "AG"), "bases 2900 to 2901 are not one stretch"),
        (sequence(6000, "A", "G"), "counterpart of base 6001 of chromosome 17 is on 18"),
        (sequence(6100, "A", "G"), "on a sequence that is no chromosome"),
        (sequence(6200, "A", "G"), "has 2 counterparts"),
        (sequence(99_000_000, "A", "G"), "there is no base 99000001"),
        (sequence(0, "", "G"), "there is no base 0"),
        (sequence(5500, None, "G"), "referenceBases are needed"),
        (sequence(5500, "AC", "A"), "needs the reference sequence of GRCh38"),
        (sequence(5500, "", "A"), "needs the reference sequence of GRCh38"),
        (sequence(1000, "A" * 10_001, "A"), "more than 10000 reference bases"),
        ({"start": (1990,), "end": (2005,)}, "base 2005 of chromosome 17 has no counterpart"),
        ({"start": (2890,), "end": (2910,)}, "an interval of 20 bases would have 1020 there"),
        ({"start": (1900,), "end": (5100,)}, "different strands"),
        ({"start": (1000, 1000), "end": (1200, 1300)}, "an interval has no bases"),
        ({"start": (1000, 1100), "end": (5200, 5300)}, "different strands"),
        ({"start": (2800, 2810), "end": (2950, 2960)}, "159 bases would have 1159"),
    ],
)
def test_what_has_no_single_counterpart_is_refused(asked: dict[str, Any], reason: str) -> None:
    with pytest.raises(NotLifted, match=reason):
        lifted(**asked)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ((1500,), (1600,), ((1600,), (1700,))),
        ((1500,), (1501,), ((1600,), (1601,))),
        ((1500,), (2500,), ((1600,), (2590,))),  # shorter by one in a hundred
        ((5100,), (5200,), ((7800,), (7900,))),  # turned
        ((1500, 1510), (1600, 1610), ((1600, 1610), (1700, 1710))),
        ((5100, 5110), (5200, 5220), ((7781, 7801), (7891, 7901))),
    ],
)
def test_intervals_are_lifted(
    start: tuple[int, ...], end: tuple[int, ...], expected: tuple[tuple[int, ...], ...]
) -> None:
    query, info = lifted(start=start, end=end)

    assert (query.start, query.end) == expected
    assert (info["start"], info["end"]) == (list(expected[0]), list(expected[1]))
    assert "referenceBases" not in info


def test_a_turned_bracket_is_about_the_same_variants() -> None:
    """Every variant of the bracket is in the lifted one once turned itself, and no other is."""
    rng = Random(3)
    query, _ = lifted(start=(5100, 5110), end=(5200, 5220))
    for _ in range(2000):
        start, end = rng.randint(5090, 5120), rng.randint(5190, 5230)
        turned_start, turned_end = 7999 - (end - 1 - 5000), 7999 - (start - 5000) + 1

        before = 5100 <= start < 5110 and 5200 <= end < 5220
        after = query.start[0] <= turned_start < query.start[1]
        after = after and query.end[0] <= turned_end < query.end[1]

        assert before == after


def test_the_reference_must_have_the_same_bases() -> None:
    assert there("17", 1610, 1613) == "ACG"
    assert lifted(SEEING, **sequence(1510, "ACG", "T"))[1]["referenceBasesCompared"] is True
    assert lifted(SEEING, **sequence(1510, "NCG", "T"))[1]["referenceBasesCompared"] is True
    assert lifted(SEEING, **sequence(1510, "", "T"))[1]["referenceBasesCompared"] is False
    with pytest.raises(NotLifted, match="the reference of GRCh38 has ACG where GRCh37 has ACT"):
        lifted(SEEING, **sequence(1510, "ACT", "T"))


def test_without_reference_bases_both_references_are_compared() -> None:
    both = References({"GRCh38": there, "GRCh37": lambda *_: "A"}, CHAIN)

    assert lifted(both, **sequence(1510, None, "T"))[1]["referenceBasesCompared"] is True
    assert lifted(SEEING, **sequence(1510, None, "T"))[1]["referenceBasesCompared"] is False
    with pytest.raises(NotLifted, match="has C where GRCh37 has A"):
        lifted(both, **sequence(1511, None, "T"))


def test_turned_indels_come_to_rest_at_the_left() -> None:
    """Leftmost on one strand is rightmost on the other."""

    def turned(name: str, position: int) -> tuple[Place, ...]:
        return (Place(name, 1700 - position, True),)

    references = References({"GRCh38": there}, {("GRCh37", "GRCh38"): turned})
    # [1599, 1606) of the target are T, so [95, 102) of the source are A.
    query, _ = lifted(references, **sequence(95, "A", ""))

    assert (query.start, query.reference_bases) == ((1599,), "T")


def test_the_mitochondrion_is_the_same_in_both() -> None:
    query = VariationQuery(reference_name="chrM", **sequence(262, "A", "G"))

    moved, info = lift(query, "GRCh37", "GRCh38", BLIND)

    assert moved.start == (262,)
    assert info["referenceName"] == "MT"


# As datasets are asked ------------------------------------------------------------------------


def asked_of(references: References, assembly: str = "GRCh38", **asked: Any) -> Any:
    return applied(VariationQuery(**asked), assembly, lambda *_: None, references)


def test_a_lifted_question_finds_the_allele() -> None:
    asked = {"reference_name": "NC_000017.10", **sequence(1510, "A", "G")}

    condition, info = asked_of(SEEING, **asked)

    assert condition.matches(Allele.from_bases("17", 1610, "A", "G"))
    assert not condition.matches(Allele.from_bases("17", 1510, "A", "G"))
    assert info["liftover"]["start"] == [1610]


def test_a_question_on_the_dataset_s_assembly_is_left_alone() -> None:
    condition, info = asked_of(
        SEEING, reference_name="17", assembly_id="GRCh38", **sequence(1510, "A", "G")
    )

    assert condition.matches(Allele.from_bases("17", 1510, "A", "G"))
    assert info is None


@pytest.mark.parametrize(
    ("references", "asked", "reason"),
    [
        (
            References(),
            sequence(1510, "A", "G"),
            "the query is on GRCh37, this dataset on GRCh38",
        ),
        (
            SEEING,
            sequence(100, "A", "G"),
            "the query is on GRCh37, this dataset on GRCh38; "
            "base 101 of chromosome 17 has no counterpart",
        ),
        (SEEING, {}, "the query is on GRCh37, this dataset on GRCh38"),
        (SEEING, {"gene_id": "TP53"}, "the query is on GRCh37, this dataset on GRCh38"),
    ],
)
def test_what_is_not_lifted_is_not_asked(
    references: References, asked: dict[str, Any], reason: str
) -> None:
    found = asked_of(references, reference_name="17", assembly_id="hg19", **asked)

    assert found == (None, {"notApplicable": reason})


@pytest.mark.parametrize("assembly_id", [None, "GRCh37"])
def test_expressions_are_lifted(assembly_id: str | None) -> None:
    form = "NC_000017.10:g.1511A>G"
    condition, info = asked_of(SEEING, genomic_allele_short_form=form, assembly_id=assembly_id)

    assert condition.matches(Allele.from_bases("17", 1610, "A", "G"))
    assert not condition.matches(Allele.from_bases("17", 1510, "A", "G"))
    assert condition.matches(
        Allele.from_bases("17", 9, "A", "G"), {"identifiers": {"genomicHGVSId": form}}
    )
    assert info["liftover"]["start"] == [1610]


def test_an_expression_that_cannot_be_lifted_is_still_a_text() -> None:
    form = "NC_000017.10:g.101A>G"
    condition, info = asked_of(SEEING, genomic_allele_short_form=form)

    assert condition.matches(
        Allele.from_bases("17", 9, "A", "G"), {"identifiers": {"genomicHGVSId": form}}
    )
    assert not condition.matches(Allele.from_bases("17", 100, "A", "G"))
    assert info["genomicAlleleShortForm"].startswith("compared as text only: it is on GRCh37")


def test_a_lifted_question_is_a_plain_question() -> None:
    query, _ = lifted(**sequence(1500, "A", "G"))

    assert msgspec.json.decode(msgspec.json.encode(query), type=VariationQuery) == query
