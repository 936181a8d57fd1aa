"""The home of alleles that enough people carry, where few people are not to be told of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from beacon.mongo.allele_keys import allele_key
from beacon.mongo.blocks import COMMON, Block
from beacon.mongo.carried import Among
from beacon.mongo.found import Carriers, Carrying, Found, Packed, Structural, Window
from beacon.mongo.layers import Dataset, Layers
from beacon.mongo.plan import ATTACHED_SCOPES, Plan
from beacon.mongo.roster import Roster
from beacon.mongo.rows import attachment, rows_array

I64 = npt.NDArray[np.int64]


class Enough(NamedTuple):
    """The alleles of a window that enough people carry; `most` carry the one that most do."""

    window: Window
    most: int


def enough(
    window: Window,
    carriers: Carriers | None,
    among: Among | None,
    zygosities: frozenset[int] | None,
    *,
    roster: Roster | None,
    of_all: bool,
    recorded: Mapping[str, int],
    least: int,
    counted: Carrying | None = None,
) -> Enough:
    """Leave out the alleles of too few people.

    Where nobody is known who carries an allele, but how many alleles were counted, these less the
    homozygous carriers are its people.

    Args:
        window: Alleles that fit.
        carriers: Of these; not needed where everybody counts and every row is a person.
        among: The rows that count; `None` is all.
        zygosities: Those that count; `None` is all.
        roster: Whom the rows are of; `None` where every row is a person.
        of_all: Whether alleles count of which nobody is known who carries them.
        recorded: By the key of an allele, the people of those that `uncounted` gives.
        least: How many people must carry an allele.
        counted: How many of those who count do, where that is known.
    """
    if counted is None and carriers is not None:
        counted = _counted(window, carriers, among, zygosities, roster)
    most = 0
    blocks = []
    for place, (block, indexes) in enumerate(window.blocks):
        people = _stated(block, indexes)
        if counted is not None:
            named = block.column("carriers")[indexes] > 0
            people[named] = counted.blocks[place][named]
            if not of_all:
                people[~named] = 0
        if of_all and recorded:
            for of_nobody in (people == 0).nonzero()[0]:
                allele = Packed(block, int(indexes[of_nobody])).allele
                people[of_nobody] = recorded.get(allele_key(allele), 0)
        most = max(most, int(people.max(initial=0)))
        if (kept := indexes[people >= least]).size:
            blocks.append((block, kept))
    structural = []
    for place, one in enumerate(window.structural):
        number = 0
        if of_all:
            number = _stated_of(one) or recorded.get(allele_key(one.allele), 0)
        if counted is not None and one.document["n"][0]:
            number = counted.structural[place]
        most = max(most, number)
        if number >= least:
            structural.append(one)
    return Enough(Window(blocks, structural), most)


def uncounted(window: Window) -> list[Found]:
    """The alleles of which only a record may say how many people carry them."""
    found: list[Found] = []
    for block, indexes in window.blocks:
        is_unknown = (block.column("carriers")[indexes] == 0) & (
            block.column("allele_count")[indexes] == 0
        )
        found += [Packed(block, int(index)) for index in indexes[is_unknown]]
    return found + [one for one in window.structural if not any(one.document["n"][:2])]


def people_of(rows: I64, roster: Roster | None) -> int:
    """How many people rows are of; without a roster every row is one."""
    if roster is None:
        return len(rows)
    found = np.unique(roster.individual_of[rows])
    return int(np.count_nonzero(found >= 0))


async def individuals_of(layers: Layers, plan: Plan, ordinals: Sequence[int] | BitMap) -> BitMap:
    """Whose the entries of the delivered type are that have these ordinals, by ordinal."""
    target = plan.query.entry_type
    if target == "individual":
        return BitMap(ordinals)
    roster = await layers.roster(plan.dataset.metadata)
    found = np.unique(roster.individual_of[_rows_of_entries(roster, target, ordinals)])
    return BitMap(found[found >= 0].astype(np.uint32))


def _rows_of_entries(roster: Roster, target: str, ordinals: Iterable[int] | None) -> I64:
    """The rows of entries that are not individuals; `None` is all of them."""
    chosen = None if ordinals is None else np.asarray(list(ordinals), np.int64)
    if target in ATTACHED_SCOPES:
        attached = attachment(roster, target)
        owner = np.repeat(np.arange(len(attached.ids)), np.diff(attached.ends))
        on_rows = slice(None) if chosen is None else np.isin(owner, chosen)
        return attached.rows[on_rows].astype(np.int64)
    of_row = roster.biosample_of
    rows = np.flatnonzero(of_row >= 0 if chosen is None else np.isin(of_row, chosen))
    return rows.astype(np.int64)


async def people_of_entries(
    layers: Layers, plan: Plan, count: int, ordinals: Sequence[int] | BitMap | None
) -> int:
    """Of how many people entries of the delivered type are.

    Args:
        layers: Where the roster is.
        plan: What is asked of which dataset.
        count: How many entries.
        ordinals: Which; `None` is all.
    """
    target = plan.query.entry_type
    if target == "individual":
        return count
    roster = await layers.roster(plan.dataset.metadata)
    return people_of(_rows_of_entries(roster, target, ordinals), roster)


def needs_carriers(
    dataset: Dataset, among: Among | None, zygosities: frozenset[int] | None
) -> bool:
    """Whether the numbers of carriers that are kept beside alleles do not say how many people."""
    return among is not None or zygosities is not None or not dataset.rows_are_individuals


def _stated(block: Block, indexes: Any) -> I64:
    """People by allele, as the columns say; where nobody is known, alleles that were counted."""
    carriers = block.column("carriers")[indexes].astype(np.int64)
    alleles = block.column("allele_count")[indexes].astype(np.int64)
    alleles -= block.column("homozygous")[indexes].astype(np.int64)
    people: I64 = np.where(carriers > 0, carriers, np.maximum(alleles, 0))
    return people


def _stated_of(one: Structural) -> int:
    carriers, count, _, homozygous, _ = one.document["n"]
    return int(carriers) or max(int(count) - max(int(homozygous), 0), 0)


def _counted(
    window: Window,
    carriers: Carriers,
    among: Among | None,
    zygosities: frozenset[int] | None,
    roster: Roster | None,
) -> Carrying:
    """How many people carry each allele, of those who count."""
    return Carrying(
        [
            _of_block(carriers, block, indexes, among, zygosities, roster)
            for block, indexes in window.blocks
        ],
        [
            _distinct(_chosen(carriers.codes(one), among, zygosities), roster)
            for one in window.structural
        ],
    )


def _of_block(
    carriers: Carriers,
    block: Block,
    indexes: Any,
    among: Among | None,
    zygosities: frozenset[int] | None,
    roster: Roster | None,
) -> I64:
    """People by allele, of those who are known to carry it."""
    rare = carriers.of_block(block)
    if roster is None:
        counts = np.ones(len(rare.codes), bool) if among is None else among.table[rare.codes >> 2]
        if zygosities is not None:
            counts = counts & np.isin(rare.codes & 3, list(zygosities))
        running = np.concatenate(((0,), np.cumsum(counts)))
        people: I64 = np.diff(running[rare.ends])[indexes].astype(np.int64)
    else:
        people = np.array(
            [_distinct(_chosen(rare.of(one), among, zygosities), roster) for one in indexes],
            np.int64,
        )
    for place in (block.column("flags")[indexes] & COMMON > 0).nonzero()[0]:
        rows = carriers.common_rows(block, int(indexes[place]), zygosities)
        if roster is not None:
            chosen = rows if among is None else rows & among.rows
            people[place] = people_of(rows_array(chosen), roster)
        elif among is None:
            people[place] = len(rows)
        else:
            people[place] = rows.intersection_cardinality(among.rows)
    return people


def _chosen(codes: Any, among: Among | None, zygosities: frozenset[int] | None) -> Any:
    if zygosities is not None:
        codes = codes[np.isin(codes & 3, list(zygosities))]
    return codes if among is None else codes[among.table[codes >> 2]]


def _distinct(codes: Any, roster: Roster | None) -> int:
    return people_of((codes >> 2).astype(np.int64), roster)
