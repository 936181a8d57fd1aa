"""Set algebra over rows: which rows the conditions on people leave, and whom rows stand for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from beacon.framework.answer import Record
from beacon.model import filters
from beacon.mongo.blocks import row_set, rows_of_set
from beacon.mongo.documents import term_id
from beacon.mongo.layers import Layers
from beacon.mongo.people import COHORT_MEMBERS
from beacon.mongo.plan import ATTACHED_SCOPES, VARIANT, Alternative, Plan, SetRef
from beacon.mongo.roster import Attachment, Roster

I64 = npt.NDArray[np.int64]


def rows_array(rows: BitMap) -> I64:
    """The members of a set, ascending."""
    return rows_of_set(rows).astype(np.int64)


def people_of_rows(roster: Roster, rows: BitMap) -> BitMap:
    """The individuals of rows, by ordinal."""
    if roster.one_each:
        return rows.copy()
    found = roster.individual_of[rows_array(rows)]
    return row_set(np.unique(found[found >= 0]))


def rows_of_people(roster: Roster, people: BitMap) -> BitMap:
    """The rows of individuals, who are given by ordinal."""
    if roster.one_each:
        return people.copy()
    chosen = np.zeros(len(roster.individuals) + 1, bool)  # the last: those of nobody
    chosen[rows_array(people)] = True
    return row_set(np.flatnonzero(chosen[roster.individual_of]))


async def rows_of_ref(layers: Layers, ref: SetRef) -> BitMap:
    """Rows (for runs and analyses: ordinals) for which a filter holds in one scope."""
    if ref.comparison is None:
        found = await layers.term_sets(list(ref.term_keys))
        return BitMap.union(*found) if found else BitMap()
    comparison = ref.comparison
    having = BitMap()
    selected = BitMap()
    for document in await layers.attribute_documents(ref.attribute_keys):
        if "v" in document:
            for text, rows in document["v"]:
                having |= rows
                if comparison.selects_text(text):
                    selected |= rows
            continue
        owners = document["o"]
        if comparison.negated:
            having |= row_set(owners)
        chosen = comparison.select(
            filters.Kind(document["k"]), document["u"] or None, document["low"], document["high"]
        )
        selected |= row_set(owners[chosen])
    return having - selected if comparison.negated else selected


def attachment(roster: Roster, scope: str) -> Attachment:
    """The runs or the analyses of a roster."""
    return roster.runs if scope == "run" else roster.analyses


def rows_of_attached(attached: Attachment, ordinals: BitMap) -> BitMap:
    """Rows on which any of these runs (analyses) hangs."""
    rows = BitMap()
    for ordinal in ordinals:
        rows.update(attached.rows[attached.ends[ordinal] : attached.ends[ordinal + 1]].tolist())
    return rows


def attached_on(attached: Attachment, rows: BitMap, size: int) -> BitMap:
    """Runs (analyses) that hang on any of these rows."""
    table = np.zeros(size, bool)
    table[rows_array(rows)] = True
    owner = np.repeat(np.arange(len(attached.ids)), np.diff(attached.ends))
    return row_set(owner[table[attached.rows]])


async def people(
    layers: Layers, plan: Plan, carriers_of: Callable[[Alternative], Awaitable[BitMap]]
) -> tuple[BitMap | None, BitMap | None]:
    """What the filters on people leave.

    Args:
        carriers_of: The rows that carry an allele which satisfies a filter.

    Returns:
        Rows, and, when runs or analyses are delivered, the ordinals that satisfy the filters on
        them; `None` where nothing is asked.
    """
    target = plan.query.entry_type
    rows: BitMap | None = None
    own: BitMap | None = None
    attached: dict[str, BitMap] = {}
    for one in plan.people_filters:
        if "dataset" in one.scopes and record_satisfies("dataset", plan.dataset.record, one):
            continue
        if one.only_attached:
            # Several filters on runs must hold for the same run.
            (ref,) = one.refs
            found = await rows_of_ref(layers, ref)
            if plan.tally is not None:
                # What holds for all runs chooses among samples those that have one.
                whole = plan.dataset.counts[ref.scope] if ref.scope == target else -1
                plan.tally.filtered(one, found, whole)
            known = attached.get(ref.scope)
            attached[ref.scope] = found if known is None else known & found
            continue
        union = BitMap()
        for ref in one.refs:
            found = await rows_of_ref(layers, ref)
            if ref.scope in ATTACHED_SCOPES:
                roster = await layers.roster(plan.dataset.metadata)
                found = rows_of_attached(attachment(roster, ref.scope), found)
            union |= found
        if "cohort" in one.scopes:
            union |= await _cohort_rows(layers, plan, one)
        if VARIANT in one.scopes:
            union |= await carriers_of(one)
        if plan.tally is not None:
            if VARIANT in one.scopes:
                plan.tally.unmet(one)
            else:
                plan.tally.filtered(one, union, plan.dataset.rows)
                if len(union) == plan.dataset.rows:
                    continue  # the same as not to ask, also for those who are left out
        rows = union if rows is None else rows & union
    for scope, ordinals in attached.items():
        if scope == target:
            own = ordinals
            continue
        roster = await layers.roster(plan.dataset.metadata)
        found = rows_of_attached(attachment(roster, scope), ordinals)
        rows = found if rows is None else rows & found
    return rows, own


async def _cohort_rows(layers: Layers, plan: Plan, one: Alternative) -> BitMap:
    rows = BitMap()
    for cohort in await layers.cohorts(plan.dataset.metadata):
        if record_satisfies("cohort", cohort, one):
            rows |= await cohort_members(layers, plan, str(cohort["id"]))
    return rows


async def cohort_members(layers: Layers, plan: Plan, cohort_id: str) -> BitMap:
    """Rows of a cohort: the members that records name, else everybody in the dataset."""
    key = term_id(plan.dataset.metadata, COHORT_MEMBERS, cohort_id)
    if await layers.has_term(key):
        return (await layers.term_sets([(key, False)]))[0]
    rows = BitMap(range(plan.dataset.rows))
    if plan.dataset.empty_rows:
        roster = await layers.roster(plan.dataset.metadata)
        rows -= row_set(np.flatnonzero(roster.individual_of < 0))
    return rows


def record_satisfies(entry_type: str, record: Record, one: Alternative) -> bool:
    """Whether a single record satisfies a filter, found by looking at it."""
    asked = one.asked
    if filters.is_alphanumeric(asked):
        found = list(filters.attributes(entry_type, record))
        names = filters.find_attributes(entry_type, asked.id, {name: b for name, b, _ in found})
        values = [value for name, _, value in found if name in names]
        return filters.compile_comparison(asked).matches(values)
    own = {*filters.term_ids(entry_type, record), *filters.custom_ids(entry_type, record)}
    return bool(one.accepted & own)


async def project(
    layers: Layers, plan: Plan, rows: BitMap | None, own: BitMap | None
) -> tuple[int, Sequence[int] | BitMap | None]:
    """Whom rows stand for.

    Returns:
        How many entries of the delivered type, and their ordinals, ascending; `None` for all.
    """
    target = plan.query.entry_type
    counts = plan.dataset.counts
    if target in ATTACHED_SCOPES:
        if rows is not None:
            roster = await layers.roster(plan.dataset.metadata)
            on_rows = attached_on(attachment(roster, target), rows, roster.size)
            own = on_rows if own is None else own & on_rows
        return (counts[target], None) if own is None else (len(own), own)
    if rows is None:
        return counts[target], None
    identical = (
        plan.dataset.rows_are_individuals
        if target == "individual"
        else plan.dataset.rows_are_biosamples
    )
    if identical and not plan.dataset.empty_rows:
        return len(rows), rows
    roster = await layers.roster(plan.dataset.metadata)
    of_row = roster.individual_of if target == "individual" else roster.biosample_of
    ordinals = of_row[rows_array(rows)]
    if not identical:  # else they are in order already, each once
        ordinals = np.unique(ordinals)
    elif plan.dataset.empty_rows:
        ordinals = ordinals[ordinals >= 0]
    ordinals = ordinals[np.searchsorted(ordinals, 0) :]  # rows whose biosample is unknown
    return len(ordinals), ordinals.tolist()


def ordinals_page(ordinals: Sequence[int] | BitMap, offset: int, limit: int) -> list[int]:
    """One page of ordinals."""
    return list(ordinals[offset : offset + limit])
