"""What alleles charge to whom, against the rule applied to one allele after the other."""

from __future__ import annotations

import math
from collections import defaultdict
from random import Random
from typing import Any

import numpy as np
import pytest
from pyroaring import BitMap

from beacon.framework.budget import COMMON, UNITS, cost
from beacon.mongo import charges as module
from beacon.mongo.allele_charges import AlleleCharges
from beacon.mongo.allele_set import AlleleSet
from beacon.mongo.blocks import COLUMNS, SPELLED_OUT, Block, allele_code
from beacon.mongo.blocks import COMMON as IS_COMMON
from beacon.mongo.carried import Among
from beacon.mongo.charges import Charges
from beacon.mongo.documents import block_id
from beacon.mongo.found import Carriers, Packed, Structural, Window
from beacon.mongo.roster import Links, Roster, build_roster

BASES = [(a, b) for a in "ACGT" for b in "ACGT" if a != b]


def roster_of(rng: Random, rows: int) -> Roster:
    """Of as many rows; in half of the cases people have several, and some rows are nobody's."""
    samples = [f"S{one}" for one in range(rows)]
    if rng.random() < 0.5:
        return build_roster(samples, Links())
    owners = {one: f"I{rng.randrange(rows // 2 + 1)}" for one in samples}
    return build_roster([one if rng.random() < 0.9 else "" for one in samples], Links(
        individuals=sorted(set(owners.values())), biosamples=dict(owners)
    ))  # fmt: skip


def block_of(
    rng: Random,
    number: int,
    carrying: list[Any],
    common: list[bool],
    carriers: list[int] | None = None,
) -> Block:
    """A block of alleles, without any numbers but those of carriers."""
    size = len(carrying)
    columns: dict[str, Any] = {name: np.zeros(size, kind) for name, kind in COLUMNS}
    if carriers is not None:
        columns["carriers"] = np.array(carriers)
    columns["offset"] = np.sort(np.array(rng.choices(range(100), k=size), "<u2"))
    codes = [allele_code(*rng.choice(BASES)) for _ in range(size)]
    columns["code"] = np.array(codes, "<u4")
    columns["flags"] = np.where(common, IS_COMMON, 0).astype("u1")
    data = b"".join(columns[name].astype(kind).tobytes() for name, kind in COLUMNS)
    return Block({"_id": block_id(9, 1, number, 0), "n": size, "h": data})


def reference(
    roster: Roster, least: int, shows: bool, alleles: list[set[int]]
) -> tuple[dict[int, int], int]:
    """Charges by person, and of everybody, of alleles by who carries them."""
    sums: dict[int, float] = defaultdict(float)
    moved: dict[int, float] = defaultdict(float)
    near = everybody = 0
    size = roster.sampled
    for place, people in enumerate(alleles):
        count = len(people)
        if not count:
            continue
        if shows:
            frequency = 1 - math.sqrt(max(1 - count / size, 0.25 / size))
            told = frequency / (1 - frequency)
            if count / size > 0.2:
                told = max(told, 1 / told)
            everybody += math.ceil(UNITS * 2 * told / size)
        near += least <= 2 * count and count < 2 * least
        each = cost(count, least)
        if count >= COMMON:
            everybody += each if shows else 0
        elif shows or count < 3 * least or not place:
            for person in people:
                sums[person] += each
                moved[person] += math.sqrt(each)
    if not shows and len(alleles) > 1:
        sums = {one: min(moved[one] ** 2 / max(near, 1), units) for one, units in sums.items()}  # type: ignore[assignment]
    return dict(sums), everybody


@pytest.mark.parametrize("seed", range(60))
def test_alleles_together_are_charged_as_one_after_the_other(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = Random(seed)
    monkeypatch.setattr(module, "_DENSE_FROM", rng.choice([0, 1, 8]))
    rows = rng.choice([3, 40, 700])
    roster = roster_of(rng, rows)
    of_samples = range(len(roster.samples))
    known = [row for row in of_samples if roster.individual_of[row] >= 0]
    among = None
    if rng.random() < 0.5:
        kept = set(rng.sample(range(roster.size), roster.size // 2))
        table = np.isin(np.arange(roster.size), sorted(kept))
        among = Among(BitMap(kept), table)
    zygosities = rng.choice([None, frozenset({1}), frozenset({0, 2})])
    shows, least = rng.random() < 0.5, rng.choice([1, 5, 10])
    tally = AlleleCharges(roster, least, shows_alleles=shows)
    expected: list[set[int]] = []

    for number in range(rng.randint(1, 4)):
        window, rare, dense = Window(), {}, {}
        size = rng.randint(1, 12)
        common = [rng.random() < 0.3 for _ in range(size)]
        most = rng.choice([2, 12, len(known)])
        codes = [
            sorted(
                row << 2 | rng.choice([0, 0, 1, 2])
                for row in rng.sample(known, rng.randint(0, min(most, len(known))))
            )
            for _ in range(size)
        ]
        block = block_of(rng, number, codes, common)
        ends = np.cumsum([0, *(0 if c else len(one) for one, c in zip(codes, common, strict=True))])
        flat = [code for one, c in zip(codes, common, strict=True) if not c for code in one]
        rare[block.document_id] = {
            "f": ends.astype("<u4").tobytes(),
            "c": np.array(flat, "<u4").tobytes(),
        }
        for index in range(size):
            if common[index]:
                dense[block.document_id, index] = {
                    "a": BitMap([code >> 2 for code in codes[index]]).serialize(),
                    **{
                        name: BitMap(
                            [c >> 2 for c in codes[index] if c & 3 == zygosity]
                        ).serialize()
                        for name, zygosity in (("m", 1), ("y", 2))
                    },
                }
        indexes = np.array(sorted(rng.sample(range(size), rng.randint(1, size))))
        window.blocks = [(block, indexes)]
        carriers = Carriers(rare, dense)
        if rng.random() < 0.3:
            document = {"r": np.array(codes[0], "<u4").tobytes()}
            window.structural = [Structural(document)]

        def people(found: np.ndarray) -> set[int]:
            chosen = [
                int(code) >> 2
                for code in found
                if zygosities is None or int(code) & 3 in zygosities
            ]
            rows = [row for row in chosen if among is None or among.table[row]]
            return {int(roster.individual_of[row]) for row in rows} - {-1}

        is_common = dict(zip(indexes.tolist(), (common[one] for one in indexes), strict=True))
        found = window.all()
        rares = [one for one in found if isinstance(one, Packed) and not is_common[one.index]]
        commons = [one for one in found if isinstance(one, Packed) and is_common[one.index]]
        order = [*rares, *window.structural, *commons]
        expected += [people(carriers.codes(one)) for one in order]
        counts = tally.carried(window, carriers, among, zygosities)
        of_each = [len(people(carriers.codes(one))) for one in found]
        assert [*counts.blocks[0].tolist(), *counts.structural] == of_each

    sums, everybody = reference(roster, least, shows, expected)
    charged, units = tally.charges()
    assert tally.everybody == everybody
    assert charged.tolist() == sorted(one for one, amount in sums.items() if amount)
    for person, amount in zip(charged.tolist(), units.tolist(), strict=True):
        assert amount == pytest.approx(math.ceil(sums[person]), abs=1)  # roots are rounded
        assert amount >= sums[person] - 1e-6 * UNITS


@pytest.mark.parametrize("seed", range(40))
def test_whoever_carries_what_many_do_is_charged_the_same_without_being_read(seed: int) -> None:
    rng = Random(seed)
    rows, least = 700, rng.choice([1, 5, 10])
    enough = rng.choice([least, 4 * least])
    roster = build_roster([f"S{one}" for one in range(rows)], Links())
    gone = set(rng.sample(range(rows), rng.choice([0, 0, 30])))
    standing = np.array([row not in gone for row in range(rows)])
    among = Among(BitMap(np.flatnonzero(standing).astype(np.uint32)), standing) if gone else None
    whole, parted = (AlleleCharges(roster, least, shows_alleles=False) for _ in range(2))
    shown = AlleleCharges(roster, least, shows_alleles=True)
    for number in range(rng.randint(1, 4)):
        size = rng.randint(1, 12)
        common = [rng.random() < rng.choice([0.5, 1.0]) for _ in range(size)]
        carrying = [
            sorted(rng.sample(range(rows), rng.choice([12, 29, 31, 60, 400]) if one else 5))
            for one in common
        ]
        block = block_of(rng, number, carrying, common, [len(one) for one in carrying])
        flat = [row << 2 for one, c in zip(carrying, common, strict=True) if not c for row in one]
        ends = np.cumsum([0, *(0 if c else 5 for c in common)])
        rare = {
            block.document_id: {
                "f": ends.astype("<u4").tobytes(),
                "c": np.array(flat, "<u4").tobytes(),
            }
        }
        dense = {
            (block.document_id, index): {"a": BitMap(carrying[index]).serialize()}
            for index in range(size)
            if common[index]
        }
        window = Window([(block, np.arange(size))])
        whole.carried(window, Carriers(rare, dense), among, None)
        rest, others, most = parted.apart(window, enough, len(gone))
        kept = [(one.document_id, index) for one, indexes in rest.blocks for index in indexes]
        read = {key: dense[key] for key in dense if key in kept}
        counts = parted.carried(rest, Carriers(rare, read), among, None)

        assert others + sum(map(len, counts.blocks)) == size
        is_apart = [index for index in range(size) if (block.document_id, index) not in kept]
        standing_of = [len(set(carrying[index]) - gone) for index in is_apart]
        assert len(is_apart) == others
        assert all(one >= max(enough, 3 * least) for one in standing_of)
        assert not others or max(enough, 3 * least) <= most <= max(standing_of)
        assert shown.apart(window, enough, len(gone))[:2] == (window, 0)

    for one, other in zip(whole.charges(), parted.charges(), strict=True):
        assert one.tolist() == other.tolist()
    assert whole.everybody == parted.everybody


@pytest.mark.parametrize("seed", range(20))
def test_charges_add_up(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = Random(seed)
    monkeypatch.setattr(module, "_DENSE_FROM", rng.choice([0, 1, 8, 1000]))
    size = rng.choice([1, 10, 1000])
    charges, expected, moved = Charges(size), [0.0] * size, [0.0] * size
    for _ in range(rng.randint(0, 8)):
        people = [rng.randrange(size) for _ in range(rng.choice([0, 1, 5, 50]))]
        units = [float(rng.randint(1, 9)) for _ in people]
        charges.add(np.array(people, np.int64), np.array(units))
        for person, amount in zip(people, units, strict=True):
            expected[person] += amount
            moved[person] += math.sqrt(amount)

    found, sums, roots = charges.sums()
    assert found.tolist() == [one for one in range(size) if expected[one]]
    assert sums.tolist() == [one for one in expected if one]
    assert roots.tolist() == pytest.approx([one for one in moved if one])


def test_a_set_of_alleles_is_known_in_whatever_order_and_however_often() -> None:
    rng = Random(1)
    blocks = [block_of(rng, number, [()] * 9, [False] * 9) for number in range(3)]
    long = Block({**_with_long(rng), "_id": block_id(9, 1, 7, 0)})
    windows = [Window([(one, np.arange(9))]) for one in blocks] + [Window([(long, np.array([0]))])]
    first, second, fewer = AlleleSet(), AlleleSet(), AlleleSet()
    for one in windows:
        first.add(one)
    for one in (*reversed(windows), windows[0]):
        second.add(one)
    for one in windows[1:]:
        fewer.add(one)

    assert first.digest() == second.digest() != fewer.digest()
    assert not AlleleSet()


def test_long_alleles_are_told_apart_by_their_bases() -> None:
    digests = set()
    for bases in ("ACGTACGTACGTA", "ACGTACGTACGTC"):
        found = AlleleSet()
        document = _with_long(Random(2), bases)
        found.add(Window([(Block(document), np.array([0]))]))
        digests.add(found.digest())

    assert len(digests) == 2


def _with_long(rng: Random, bases: str = "ACGTACGTACGTA") -> dict[str, Any]:
    columns: dict[str, Any] = {name: np.zeros(1, kind) for name, kind in COLUMNS}
    columns["code"] = np.array([SPELLED_OUT], "<u4")
    data = b"".join(columns[name].astype(kind).tobytes() for name, kind in COLUMNS)
    return {"_id": block_id(9, 1, 3, 0), "n": 1, "h": data, "x": {"0": [bases, "T"]}}
