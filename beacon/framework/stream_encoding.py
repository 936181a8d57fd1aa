"""The home of the lines of an answer that comes in parts: as lines of JSON, or as events.

Both carry the same documents. Neither ever holds a line break inside of one.
"""

from __future__ import annotations

from typing import Any, Protocol

from beacon.framework.entry_types import Model
from beacon.framework.errors import BeaconError
from beacon.framework.extensions import EVENT_STREAM, NDJSON
from beacon.framework.query import Query
from beacon.framework.response import Identity, answer_meta, answer_parts, encode
from beacon.framework.service import DisclosedPart

Document = dict[str, Any]


class Form(Protocol):
    """How documents follow each other in one response. `heartbeat` says nothing."""

    @property
    def media_type(self) -> str:
        """What the response calls itself."""

    @property
    def heartbeat(self) -> bytes:
        """Shows that the connection lives."""

    def line(self, kind: str, document: Document, event_id: str | None) -> bytes:
        """One document; `event_id` is where to go on after it."""


class LinesForm:
    """Newline-delimited JSON: `kind` is in the document."""

    media_type = NDJSON
    heartbeat = b'{"kind":"heartbeat"}\n'

    def line(self, kind: str, document: Document, event_id: str | None) -> bytes:
        """One document; where to go on is told by its `number` and the question's id."""
        return encode({"kind": kind, **document}) + b"\n"


class EventsForm:
    """Server-sent events: `kind` is the name of the event as well."""

    media_type = EVENT_STREAM
    heartbeat = b": heartbeat\n\n"

    def line(self, kind: str, document: Document, event_id: str | None) -> bytes:
        """One event. Without an id, a browser goes on after the last that had one."""
        head = f"event: {kind}\n" + (f"id: {event_id}\n" if event_id else "")
        return head.encode() + b"data: " + encode({"kind": kind, **document}) + b"\n\n"


LINES = LinesForm()
EVENTS = EventsForm()


def part_document(part: DisclosedPart, query: Query, identity: Identity, model: Model) -> Document:
    """What a line says: `number`, `about` what, and `answer`, without `meta` but in the summary.

    A summary has no result sets where parts of members came before: they had them.
    """
    document: Document = {"number": part.number}
    if part.about:
        document["about"] = part.about
    if part.disclosed is None:
        return document
    answer = answer_parts(part.disclosed, query, identity, model)
    if part.kind == "summary":
        answer = {"meta": answer_meta(part.disclosed, query, identity, model), **answer}
        if part.number > FIRST:
            answer.pop("response", None)
    return {**document, "answer": answer}


FIRST = 1
"""The number of the first part; a summary that is the first is the whole answer."""


def error_document(error: BeaconError) -> Document:
    """What is said when an answer cannot go on."""
    return {"error": {"errorCode": error.status, "errorMessage": str(error)}}


def event_id(query_id: str, number: int) -> str:
    """How a part is called, for whoever comes back for the rest."""
    return f"{query_id}/{number}"


def from_event_id(text: str) -> tuple[str, int] | None:
    """The id of the question and the number of the part; `None` when it is no such name."""
    query_id, found, number = text.rpartition("/")
    if not (
        found and query_id and number.isascii() and number.isdecimal() and len(number) < _DIGITS
    ):
        return None
    return query_id, int(number)


_DIGITS = 10
