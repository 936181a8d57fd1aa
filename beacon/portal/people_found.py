"""The home of `PeopleFound`: how many people there are, row by row, and what was asked there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from beacon.portal.look_up import LookUp
from beacon.portal.rows import FEW, HIT, MISS, PEOPLE, SHAPES, VARIANTS, Bounds, Row

Document = Mapping[str, Any]

ANSWERS = (HIT, MISS, FEW)


@dataclass(frozen=True, slots=True)
class Note:
    """A remark: `people.<code>` with its values. `term_ids` are of the terms in it."""

    code: str
    values: Mapping[str, str]
    term_ids: tuple[str, ...] = ()


class PeopleFound(LookUp):
    """What is known so far. The one question stands for both of a look-up."""

    def take(self, place: int, part: Document) -> list[Row]:
        """Take in a part of the answer."""
        super().take(VARIANTS, part)
        return super().take(PEOPLE, part)

    @property
    def people(self) -> Bounds | None:
        """How many people in all: of a beacon that is asked alone, by its datasets."""
        told = super().people
        if told is not None or not self.is_complete or "networkStatus" in self.infos[PEOPLE]:
            return told
        rows = list(self.rows.values())
        known = [one for one in map(people_of, rows) if one is not None]
        if not known:
            return None
        # Somebody may be in several datasets.
        lower = max(one.lower for one in known)
        uppers = [one.upper for one in known if one.upper is not None]
        return Bounds(lower, sum(uppers) if len(uppers) == len(rows) else None)

    @property
    def reasons(self) -> tuple[Note, ...]:
        """Why the sum is no single number."""
        found = []
        for text in (self.status.get("bounds") or {}).get("why") or ():
            who, _, why = str(text).partition(": ")
            row = self.rows.get(who)
            found.append(_reason(row.name if row is not None else who, why))
        return tuple(found)


def people_of(row: Row) -> Bounds | None:
    """How many people a country or a dataset has; who says no more than yes has one at least."""
    if row.state not in ANSWERS:
        return None
    return row.people or (Bounds(1, None) if row.state == HIT else None)


def of_row(row: Row) -> tuple[Note, ...]:
    """What was really asked for in one country, where that is not what the question says."""
    return tuple(_notes(row.about[PEOPLE]))


def unanswered(row: Row) -> Note | None:
    """Why a country cannot answer, where that can be said in the reader's language."""
    for pattern, code in _REASONS:
        found = pattern.fullmatch(row.reason or "")
        if found is not None:
            values = found.groupdict()
            return Note(code, values, tuple(values.values()))
    return None


def at_most(row: Row) -> int | None:
    """How many have something broader than what was asked: no more than these have that itself."""
    if (row.about[PEOPLE].get("applied") or {}).get("bound") != "upper" or row.state in ANSWERS:
        return None
    counts = [one.get("resultsCount") for one in row.sets[PEOPLE]]
    if not counts or any(one is None for one in counts):
        return None
    return sum(int(one) for one in counts if one is not None)


def state_key(state: str) -> str:
    """The text for a state: a yes and a no are about people here."""
    return f"people.state_{state}" if state in ANSWERS else f"state.{state}"


_REASONS: Final = (
    (re.compile(r"does not know (?P<term>\S+)"), "not_known_there"),
    (
        re.compile(r"has none of what could be asked of it, which is less than was meant"),
        "less_than_meant",
    ),
    (
        re.compile(r"has some of what could be asked of it, which is more than was meant"),
        "more_than_meant",
    ),
    (re.compile(r"has no genomic variants"), "no_variants_there"),
    (re.compile(r"does not serve individual"), "no_people_there"),
    (re.compile(r"knows (?P<terms>.+) only as broader and narrower terms"), "both_bounds"),
)

_HOWS: Final = ("mapped", "ancestor", "descendants", "unlisted")

_WHY: Final = {
    "only yes or no": "why_boolean",
    "asked for more than the question says": "why_upper",
    "asked for less than the question says": "why_lower",
    "counts are not exact": "why_inexact",
    "datasets may share what they have": "why_shared",
    "has datasets that cannot be asked this": "why_datasets",
    "is a network, whose count has bounds": "why_network",
}


def _notes(about: Document) -> Iterator[Note]:
    applied = about.get("applied") or {}
    for one in applied.get("filters") or ():
        asked, put = str(one.get("asked")), str(one.get("put") or one.get("asked"))
        how = one.get("how")
        code = f"put_{how}" if how in _HOWS else "put_other"
        values = {"asked": asked, "put": put, "number": str(one.get("kindsListed") or 1)}
        yield Note(code, values, (asked, put))
    if applied.get("bound") in ("upper", "lower") and about.get("status") in ANSWERS:
        yield Note(f"bound_{applied['bound']}", {})


def _reason(who: str, why: str) -> Note:
    code = _WHY.get(why)
    if code is not None:
        return Note(code, {"who": who})
    return Note("why_state" if why in SHAPES else "why_other", {"who": who, "why": why})
