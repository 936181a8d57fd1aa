"""The home of filtering terms that so few people have that they are not told of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
from pyroaring import BitMap

from beacon.model import filters
from beacon.mongo.blocks import row_set
from beacon.mongo.documents import term_id
from beacon.mongo.enough import people_of
from beacon.mongo.layers import Dataset, Entry, Layers
from beacon.mongo.plan import ATTACHED_SCOPES, PEOPLE_SCOPES, VARIANT
from beacon.mongo.roster import Roster
from beacon.mongo.rows import attachment, rows_array, rows_of_attached

_ZYGOSITIES = frozenset(term for term, _ in filters.ZYGOSITIES)


async def without_few(
    entries: Iterable[Entry], dataset: Dataset, layers: Layers, least: Mapping[str, int]
) -> list[Entry]:
    """The entries without those of too few people, and without values of too few.

    Terms of variants are left out where fewer variants have them: how many people carry these
    depends on what is asked. No zygosities are told.

    Args:
        entries: Terms and attributes in use.
        dataset: Whose they are.
        layers: Where the sets of their people are.
        least: By scope, how many people a term must be of.
    """
    entries = list(entries)
    roster = await layers.roster(dataset.metadata)
    uses = {(one.scope, one.id): one.uses for one in entries if one.kind == "custom"}
    kept = []
    for one in entries:
        needed = least.get(one.scope, 1)
        if needed <= 1 or one.scope in ("dataset", "cohort"):
            kept.append(one)
        elif one.scope == VARIANT:
            if one.id in _ZYGOSITIES:
                continue
            if one.kind == "alphanumeric":
                common = (
                    v for v in one.values if uses.get((VARIANT, f"{one.id}:{v}"), 0) >= needed
                )
                kept.append(replace(one, values=tuple(common)))
            elif one.uses >= needed:
                kept.append(one)
        elif one.scope in PEOPLE_SCOPES:
            having = await _having(one, dataset, layers)
            if _people(having, one.scope, roster) < needed:
                continue
            values = [
                value
                for value in one.values
                if _people(await _with_value(one, value, layers), one.scope, roster) >= needed
            ]
            kept.append(replace(one, values=tuple(values)))
    return kept


async def _having(entry: Entry, dataset: Dataset, layers: Layers) -> BitMap:
    if entry.kind != "alphanumeric":
        key = term_id(dataset.metadata, entry.scope, entry.id)
        return (await layers.term_sets([(key, True)]))[0]
    having = BitMap()
    for document in await layers.attribute_documents(entry.value_documents):
        if "v" in document:
            for _, rows in document["v"]:
                having |= rows
        else:
            having |= row_set(np.asarray(document["o"]))
    return having


async def _with_value(entry: Entry, value: str, layers: Layers) -> BitMap:
    having = BitMap()
    for document in await layers.attribute_documents(entry.value_documents):
        for text, rows in document.get("v", ()):
            if text == value:
                having |= rows
    return having


def _people(having: BitMap, scope: str, roster: Roster) -> int:
    """How many people have a term; of runs and analyses, the ordinals are given, else rows."""
    if scope in ATTACHED_SCOPES:
        having = rows_of_attached(attachment(roster, scope), having)
    return people_of(rows_array(having), roster)
