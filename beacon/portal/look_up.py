"""The home of `LookUp`: what is known of an answer so far, row by row, as its parts come in.

It is made of the same documents that the API streams, so a page never says more or less than they.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from beacon.framework.query import Filter, Granularity, Include, Pagination, Query, VariationQuery
from beacon.portal.records import Document, Frequency, objects
from beacon.portal.rows import (
    FAILED,
    HIT,
    MISS,
    NOT_APPLICABLE,
    PENDING,
    PEOPLE,
    SHAPES,
    VARIANTS,
    Bounds,
    Row,
    bounds_of,
)

__all__ = [
    "FAILED",
    "HIT",
    "MISS",
    "PENDING",
    "PEOPLE",
    "RECORDS",
    "SHAPES",
    "VARIANTS",
    "Bounds",
    "Frequency",
    "LookUp",
    "Row",
    "bounds_of",
    "questions",
]

RECORDS = 25
"""How many variants each country is asked to show at a time."""

SILENT = (PENDING, *(state for state in SHAPES if state not in (HIT, MISS, PENDING)))
"""States that are neither a yes nor a no, those that are waited for first."""


def questions(
    variation: VariationQuery, filters: Sequence[Filter] = (), *, page: int = 0
) -> tuple[Query, Query]:
    """What is asked of a variant, gene or region: of its variants, and how many people have one.

    Both with every result set, so that who has nothing is seen to have looked.

    Args:
        page: Of the variants, from 0 on.
    """
    return (
        Query(
            entry_type="genomicVariant",
            variation=variation,
            filters=tuple(filters),
            granularity=Granularity.RECORD,
            include=Include.ALL,
            include_given=True,
            pagination=Pagination(skip=page, limit=RECORDS),
        ),
        Query(
            entry_type="individual",
            variation=variation,
            filters=tuple(filters),
            granularity=Granularity.COUNT,
            include=Include.ALL,
            include_given=True,
        ),
    )


class LookUp:
    """An answer as far as it has come.

    Attributes:
        rows: By id, in the order in which they are shown, which never changes.
        query_ids: Of both questions, where they are told.
        summaries: Of both questions: how many were asked and answered, and what that adds up to.
    """

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.summaries: list[Document] = [{}, {}]
        self.infos: list[Document] = [{}, {}]
        self.query_ids: list[str | None] = [None, None]

    def take(self, place: int, part: Document) -> list[Row]:
        """Take in a part of the answer to one of the questions.

        Returns:
            The rows that have changed.
        """
        about, answer = part.get("about") or {}, part.get("answer") or {}
        self.query_ids[place] = about.get("queryId") or self.query_ids[place]
        match part["kind"]:
            case "accepted":
                known = set(self.rows)
                rows = [self._pending(one) for one in _in_order(about["members"])]
                return [row for row in rows if row.id not in known]
            case "member" | "late":
                return [self._settle(place, about, _sets_of(answer))]
            case "summary":
                return self._sum_up(place, answer)
        return []

    @property
    def status(self) -> Document:
        """`networkStatus` of the question about variants, once it is complete."""
        status: Document = self.infos[VARIANTS].get("networkStatus") or {}
        return status

    @property
    def counts(self) -> Mapping[str, int]:
        """How many rows are in each state."""
        found: dict[str, int] = {}
        for row in self.rows.values():
            found[row.state] = found.get(row.state, 0) + 1
        return found

    @property
    def asked(self) -> int:
        """How many were asked."""
        return len(self.rows)

    @property
    def answered(self) -> int:
        """How many said yes or no."""
        return sum(row.state in (HIT, MISS) for row in self.rows.values())

    @property
    def pending(self) -> int:
        """How many have said nothing yet."""
        return sum(row.state == PENDING for row in self.rows.values())

    @property
    def is_complete(self) -> bool:
        """Whether nothing more is to come."""
        return all(self.summaries)

    @property
    def people(self) -> Bounds | None:
        """How many people there are in all, once all have said."""
        status = self.infos[PEOPLE].get("networkStatus")
        if status is not None:
            return bounds_of(status.get("bounds"))
        total = self.summaries[PEOPLE].get("numTotalResults")
        if total is None or self.summaries[PEOPLE].get("countPrecision", "exact") != "exact":
            return None
        if any(row.states[PEOPLE] not in (HIT, MISS) for row in self.rows.values()):
            return Bounds(total, None)  # a dataset that cannot say may have any number
        return Bounds(total, total)

    @property
    def lower(self) -> int:
        """How many people there are at least, by those who have said so far.

        Two countries may count the same person, so theirs are not added.
        """
        told = (row.people for row in self.rows.values())
        return max((one.lower for one in told if one is not None), default=0)

    @property
    def hits(self) -> list[Row]:
        """Those that said yes."""
        return [row for row in self.rows.values() if row.state == HIT]

    @property
    def silent(self) -> list[Row]:
        """Those that said neither yes nor no, and are not waited for any more."""
        return [row for row in self.rows.values() if row.state not in (HIT, MISS, PENDING)]

    @property
    def kinds_of_silence(self) -> Mapping[str, list[Row]]:
        """Those that said neither yes nor no, by their state, in a settled order."""
        found: dict[str, list[Row]] = {state: [] for state in SILENT}
        for row in self.rows.values():
            if (state := row.state) in found:
                found[state].append(row)
        return {state: rows for state, rows in found.items() if rows}

    @property
    def uncounted(self) -> int:
        """How many did not say between which numbers of people theirs is."""
        return sum(
            row.state != MISS and (row.people is None or row.people.upper is None)
            for row in self.rows.values()
        )

    @property
    def combined(self) -> list[Frequency]:
        """The frequencies of all who told theirs, put together, where the network does that."""
        return [Frequency.of(one) for one in objects(self._allele.get("frequencies", ()))]

    @property
    def of_countries(self) -> list[tuple[Document, list[Frequency]]]:
        """The frequencies of each country, with what is said of where they come from."""
        return [
            (one, [Frequency.of(stated) for stated in objects(one.get("frequencies", ()))])
            for one in objects(self._allele.get("countries", ()))
        ]

    @property
    def sources(self) -> int:
        """How many rows the combined frequencies rest upon."""
        return len({name for one, _ in self.of_countries for name in one.get("beaconIds", ())})

    @property
    def total(self) -> Frequency | None:
        """The combined counts of everybody."""
        return next((one for one in self.combined if one.is_of_everybody and one.number), None)

    @property
    def _allele(self) -> Document:
        """What the network says of the frequency of the one variant that was found."""
        alleles = list(objects(self.infos[VARIANTS].get("frequencies", ())))
        return alleles[0] if len(alleles) == 1 else {}

    def _pending(self, about: Document) -> Row:
        row_id = str(about["beaconId"])
        row = self.rows.get(row_id)
        if row is None:
            row = Row(row_id, str(about.get("name") or row_id), about.get("country"))
            self.rows[row_id] = row
        return row

    def _settle(self, place: int, about: Document, sets: Sequence[Document]) -> Row:
        row = self._pending(about)
        row.states[place] = str(about["status"])
        row.about[place] = about
        row.sets[place] = sets
        return row

    def _sum_up(self, place: int, answer: Document) -> list[Row]:
        self.summaries[place] = answer.get("responseSummary") or {"exists": None}
        self.infos[place] = answer.get("info") or {}
        changed = []
        status = self.infos[place].get("networkStatus")
        for about in (status or {}).get("members", ()):
            row = self._pending(about)
            if row.states[place] == PENDING:
                # Too late for the deadline: the summary says what became of it.
                changed.append(self._settle(place, about, ()))
        for leaf in objects((status or {}).get("leaves") or ()):
            behind = self.rows.get(str(next(iter(leaf.get("path") or ()), "")))
            if behind is not None and leaf.get("status") not in (HIT, MISS):
                behind.partly.add(place)
                changed.append(behind)
        if status is None:
            changed += [self._settle(place, _as_member(one), (one,)) for one in _sets_of(answer)]
        return changed + self._not_asked()

    def _not_asked(self) -> list[Row]:
        """Datasets of a beacon that are in no result set were not asked: that is no "no"."""
        changed = []
        for place, summary in enumerate(self.summaries):
            if not summary or "networkStatus" in self.infos[place]:
                continue
            for row in self.rows.values():
                if row.states[place] == PENDING:
                    row.states[place] = NOT_APPLICABLE
                    changed.append(row)
        return changed


def _as_member(found: Document) -> Document:
    """A result set of a beacon that is asked alone, in the place of a country."""
    info = found.get("info") or {}
    reason = info.get("notApplicable")
    state = HIT if found.get("exists") else MISS if reason is None else "notApplicable"
    about: dict[str, Any] = {"beaconId": found["id"], "name": found["id"], "status": state}
    if reason is not None:
        about["reason"] = reason
    count, bounds = found.get("resultsCount"), info.get("bounds")
    if bounds:
        about["bounds"] = bounds
    elif count is not None and found.get("countPrecision", "exact") == "exact":
        about["bounds"] = [count, count]
    elif count is not None:
        about["bounds"] = [0]
    return about


def _sets_of(answer: Document) -> Sequence[Document]:
    sets: Sequence[Document] = (answer.get("response") or {}).get("resultSets") or ()
    return sets


def _in_order(members: Sequence[Document]) -> list[Document]:
    """By country and name: where a row is does not depend on who answers first."""
    return sorted(members, key=lambda one: (str(one.get("name")), str(one["beaconId"])))
