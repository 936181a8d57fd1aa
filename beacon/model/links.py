"""The home of links: what a record says of entries of other types, and who may see that."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from beacon.framework.answer import Record
from beacon.framework.query import Granularity

LevelOf = Callable[[str], Granularity]
"""The most that a caller may learn of an entry type, by its id."""

UNDISCLOSED = "undisclosed"
"""In place of a link that the schema requires and the caller may not see."""

LINKED = ("individual", "biosample", "run", "analysis", "cohort")
"""Entry types that records of other types name: `runId`, or `runIds` where there are several."""

REQUIRED: Mapping[str, frozenset[str]] = {"run": frozenset(("biosampleId",))}
"""Entry type → the links without which its records are not valid."""


def hidden_links(level_of: LevelOf) -> frozenset[str]:
    """The properties that name entries which the caller may not see as records."""
    return frozenset(
        f"{entry_type}{ending}"
        for entry_type in LINKED
        if level_of(entry_type) is not Granularity.RECORD
        for ending in ("Id", "Ids")
    )


def visible(entry_type: str, record: Record, level_of: LevelOf) -> Record:
    """A record without the links that the caller may not see, in itself and in its `info`.

    An id is all that a record has of another entry, and it is enough to recognise a person or to
    join what was granted apart. What is inside `caseLevelData` is not looked at.
    """
    hidden = hidden_links(level_of)
    if not hidden:
        return record
    required = REQUIRED.get(entry_type, frozenset())
    kept = {
        name: UNDISCLOSED if name in hidden else value
        for name, value in record.items()
        if name not in hidden or name in required
    }
    info = record.get("info")
    if isinstance(info, Mapping) and not hidden.isdisjoint(info):
        kept["info"] = {name: value for name, value in info.items() if name not in hidden}
    return kept
