"""The home of `Dataset`: what is told of the datasets of a beacon, or of a member of a network."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from beacon.framework.query import Granularity, Include, Pagination, Query
from beacon.portal.consent import Condition, conditions
from beacon.portal.look_up import PENDING, Bounds, bounds_of

Document = Mapping[str, Any]

DATASETS, PEOPLE = 0, 1
"""The places of the two questions about datasets."""

PAGE = 200
"""Datasets of one beacon that are shown."""

_WEB = re.compile(r"https?://[^\s<>\"]{1,2000}\Z", re.IGNORECASE)
_MAIL = re.compile(r"mailto:[^\s<>\"]{3,300}\Z", re.IGNORECASE)
_ADDRESS = re.compile(r"[^\s<>\"@/:?&]{1,64}@[^\s<>\"@/:?&]{3,255}\Z")


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset as its beacon describes it.

    Attributes:
        id: The beacon's own.
        people: How many it has, where that is told.
        technology: With what it was made.
        access_url: Where access is asked for.
        more_url: Where there is more about it.
        created_at, updated_at: RFC 3339.
    """

    id: str
    name: str
    description: str = ""
    people: Bounds | None = None
    assembly: str = ""
    technology: str = ""
    version: str = ""
    conditions: tuple[Condition, ...] = ()
    access_url: str | None = None
    more_url: str | None = None
    created_at: str = ""
    updated_at: str = ""

    @classmethod
    def of(cls, record: Document, people: Bounds | None) -> Dataset:
        """From an entry of the type dataset."""
        info = record.get("info")
        info = info if isinstance(info, Mapping) else {}
        return cls(
            id=text_of(record.get("id")),
            name=text_of(record.get("name")) or text_of(record.get("id")),
            description=text_of(record.get("description")),
            people=people,
            assembly=text_of(info.get("assemblyId")),
            technology=text_of(info.get("technology")),
            version=text_of(record.get("version")),
            conditions=conditions(record),
            access_url=link_of(info.get("accessUrl") or info.get("contact")),
            more_url=link_of(record.get("externalUrl")),
            created_at=text_of(record.get("createDateTime")),
            updated_at=text_of(record.get("updateDateTime")),
        )


def questions(dataset_ids: Sequence[str] = ()) -> tuple[Query, Query]:
    """What is asked about datasets: what they are, and how many people each has.

    Args:
        dataset_ids: Only these. Without any, all that there are.
    """
    return (
        Query(
            entry_type="dataset",
            dataset_ids=tuple(dataset_ids),
            granularity=Granularity.RECORD,
            pagination=Pagination(limit=PAGE),
        ),
        Query(
            entry_type="individual",
            dataset_ids=tuple(dataset_ids),
            granularity=Granularity.COUNT,
            include=Include.ALL,
            include_given=True,
        ),
    )


class Described:
    """What is known of the datasets of one beacon, as parts of answers come in.

    Attributes:
        state: What became of the question about datasets, as of a question about variants.
    """

    def __init__(self, member_id: str | None) -> None:
        """Nothing is known yet.

        Args:
            member_id: Of whom in a network; `None` of a beacon that is asked alone.
        """
        self.state = PENDING
        self._member_id = member_id
        self._records: list[Document] = []
        self._people: dict[str, Bounds | None] = {}

    def take(self, place: int, part: Document) -> None:
        """Take in a part of the answer to one of the questions."""
        about, answer = part.get("about") or {}, part.get("answer") or {}
        kind = part["kind"]
        if kind in ("member", "late") and about.get("beaconId") == self._member_id:
            self._settle(place, str(about["status"]), answer)
        elif kind == "summary" and self._member_id is None:
            exists = (answer.get("responseSummary") or {}).get("exists")
            self._settle(place, "hit" if exists else "miss", answer)
        elif kind == "summary":
            self._end(place, answer)

    @property
    def datasets(self) -> list[Dataset]:
        """All of them, by name."""
        found = [Dataset.of(one, self._people.get(text_of(one.get("id")))) for one in self._records]
        return sorted(found, key=lambda one: (one.name.casefold(), one.id))

    def _settle(self, place: int, state: str, answer: Document) -> None:
        response = answer.get("response") or {}
        if place == DATASETS:
            self.state = state
            self._records = list(response.get("collections") or ())
        else:
            self._people = {one["id"]: _people(one) for one in response.get("resultSets") or ()}

    def _end(self, place: int, answer: Document) -> None:
        """Who was too late for the answer is only in its summary."""
        if place != DATASETS or self.state != PENDING:
            return
        status = (answer.get("info") or {}).get("networkStatus") or {}
        for member in status.get("members") or ():
            if member.get("beaconId") == self._member_id:
                self.state = str(member["status"])


def _people(result_set: Document) -> Bounds | None:
    """How many people a result set says there are; `None` where it says nothing of it."""
    count = result_set.get("resultsCount")
    if count is not None and result_set.get("countPrecision", "exact") == "exact":
        return Bounds(count, count)
    found = bounds_of((result_set.get("info") or {}).get("bounds"))
    # That there is somebody is no number.
    return None if found is None or (found.upper is None and found.lower <= 1) else found


def text_of(stated: Any) -> str:
    """A text that another beacon wrote, or several of them; anything else says nothing."""
    match stated:
        case str():
            return stated.strip()
        case {"label": str(label)}:
            return label.strip()
        case list():
            return ", ".join(filter(None, map(text_of, stated)))
        case _:
            return ""


def link_of(stated: Any) -> str | None:
    """An address that others wrote, if it is one of the web or of mail: no page runs what it says.

    Returns:
        A bare address of mail comes back as a link to it.
    """
    text = text_of(stated)
    if _WEB.match(text) or _MAIL.match(text):
        return text
    return f"mailto:{text}" if _ADDRESS.match(text) else None
