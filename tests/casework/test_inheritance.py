"""What a patient's genotype and the parents' make of an allele."""

from __future__ import annotations

import pytest

from beacon.casework.inheritance import (
    Call,
    Inheritance,
    Trio,
    compound,
    inheritance_of,
    is_single_copy,
    zygosity,
)

HET, HOM, NONE = Call(1, 2, 2), Call(2, 2, 2), Call(0, 2, 2)
ONE = Call(1, 1, 1)
UNKNOWN = Call(0, 0, 2)


@pytest.mark.parametrize(
    ("trio", "expected"),
    [
        (Trio(HET, NONE, NONE), Inheritance.DE_NOVO),
        (Trio(Call(1, 2, 2, quality=9), NONE, NONE), Inheritance.MAYBE_DE_NOVO),
        (Trio(HET, Call(0, 2, 2, quality=9), NONE), Inheritance.MAYBE_DE_NOVO),
        (Trio(HET, Call(0, 2, 2, share=0.2), NONE), Inheritance.MAYBE_DE_NOVO),
        (Trio(HET, NONE), Inheritance.HETEROZYGOUS),  # the mother may have it
        (Trio(HET, NONE, UNKNOWN), Inheritance.HETEROZYGOUS),
        (Trio(HET, NONE, HET), Inheritance.HETEROZYGOUS),
        (Trio(HOM, HET, HET), Inheritance.HOMOZYGOUS),
        (Trio(HOM), Inheritance.HOMOZYGOUS),
    ],
)
def test_an_autosomal_allele_by_itself(trio: Trio, expected: Inheritance) -> None:
    assert inheritance_of("17", trio, single=False) is expected


@pytest.mark.parametrize(
    ("name", "trio", "expected"),
    [
        ("X", Trio(HOM, NONE, HET), Inheritance.X_LINKED),
        ("X", Trio(ONE, HOM, NONE), Inheritance.DE_NOVO),  # what the father has says nothing
        ("X", Trio(ONE), Inheritance.X_LINKED),
        ("Y", Trio(ONE, NONE, NONE), Inheritance.DE_NOVO),
        ("Y", Trio(ONE, ONE, NONE), Inheritance.HETEROZYGOUS),
    ],
)
def test_an_allele_that_a_son_has_one_copy_of(name: str, trio: Trio, expected: Inheritance) -> None:
    assert inheritance_of(name, trio, single=True) is expected


def test_what_an_affected_parent_has_too_may_be_dominant() -> None:
    trio = Trio(HET, NONE, HET)

    assert inheritance_of("17", trio, single=False, affected=["mother"]) is Inheritance.SHARED
    assert inheritance_of("17", trio, single=False, affected=["father"]) is Inheritance.HETEROZYGOUS


@pytest.mark.parametrize(
    ("name", "pos", "sex", "call", "expected"),
    [
        ("X", 50_000_000, "male", HOM, True),
        ("X", 50_000_000, "female", HOM, False),
        ("X", 50_000_000, "unknown", ONE, True),
        ("X", 50_000_000, "unknown", HOM, False),
        ("X", 2_781_479, "male", HET, False),  # the last base of what pairs with Y
        ("X", 2_781_480, "male", HET, True),
        ("17", 100, "male", HET, False),
    ],
)
def test_where_a_man_has_one_copy(
    name: str, pos: int, sex: str, call: Call, expected: bool
) -> None:
    assert is_single_copy("GRCh38", name, pos, sex, call) is expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (Trio(HET, HET, NONE), Trio(HET, NONE, HET), Inheritance.COMPOUND),
        (Trio(HET, HET, NONE), Trio(HET, HET, NONE), None),  # both on the father's copy
        (Trio(HET, mother=HET), Trio(HET, mother=NONE), Inheritance.COMPOUND),
        (Trio(HET), Trio(HET), Inheritance.MAYBE_COMPOUND),
        (Trio(HET, NONE, NONE), Trio(HET, NONE, HET), Inheritance.MAYBE_COMPOUND),
    ],
)
def test_two_alleles_of_a_gene(one: Trio, other: Trio, expected: Inheritance | None) -> None:
    assert compound(one, other) is expected
    assert compound(other, one) is expected


@pytest.mark.parametrize(("side", "expected"), [(1, Inheritance.COMPOUND), (0, None)])
def test_phase_decides_before_parents_do(side: int, expected: Inheritance | None) -> None:
    one = Trio(Call(1, 2, 2, haplotype=("17:1", 0)))
    other = Trio(Call(1, 2, 2, haplotype=("17:1", side)))

    assert compound(one, other) is expected


def test_copies_have_a_word() -> None:
    assert zygosity("17", HET, single=False) == "heterozygous"
    assert zygosity("X", HOM, single=True) == "hemizygous"
    assert zygosity("MT", HOM, single=False) == ""
