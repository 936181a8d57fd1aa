"""What a member's refusal means: the state behind an HTTP status, and the reason in words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import msgspec

from beacon.framework.parameters import variation_parameters
from beacon.framework.query import Query
from beacon.network.states import MemberFailure, State

REASON_CHARACTERS = 160
"""The longest reason that is passed on."""

_READ_CHARACTERS = 2000
_READ_BYTES = 64 * 1024


def beacon_error(status: int, body: bytes) -> str:
    """Why a member refuses, in its own words: one short printable line without any addresses.

    `body` may be anything; what says nothing to a reader, such as HTML, gives the words that HTTP
    has for the status.
    """
    return error_text(status, _document(body[:_READ_BYTES]))


def error_text(status: int, document: Any) -> str:
    """As `beacon_error`, of a decoded document or of the `error` in one."""
    for found in _messages(document):
        if text := cleaned(found):
            return text
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"status {status}"


def refusal(status: int, reason: str, query: Query) -> MemberFailure:
    """The failure that a status other than success is; what was asked is cut from the reason."""
    return MemberFailure(_state(status), _without(reason, query))


def _state(status: int) -> State:
    if status in _STATES:
        return _STATES[status]
    return State.NOT_APPLICABLE if 400 <= status < 500 else State.BAD_RESPONSE


_STATES: Mapping[int, State] = {
    401: State.RESTRICTED,
    403: State.RESTRICTED,
    407: State.UNREACHABLE,
    408: State.UNREACHABLE,
    425: State.UNREACHABLE,
    429: State.UNREACHABLE,
    451: State.RESTRICTED,
    501: State.NOT_APPLICABLE,
    502: State.UNREACHABLE,
    503: State.UNREACHABLE,
    504: State.TIMEOUT,
    508: State.NOT_APPLICABLE,
}


def _document(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _messages(document: Any) -> Iterable[str]:
    """The texts in which servers say what is wrong, the specification's own first."""
    if isinstance(document, str):
        yield document
    if not isinstance(document, dict):
        return
    error = document.get("error")
    for one in (error if isinstance(error, dict) else {}, document):
        for name in ("errorMessage", "detail", "message", "title"):
            if isinstance(one.get(name), str):
                yield one[name]
    if isinstance(error, str):
        yield error


# Addresses with a scheme, of mail, of version 4 and 6, hosts with a port, and paths of files.
_ADDRESS = re.compile(
    r"[a-z][a-z0-9+.-]{0,20}://\S+"
    r"|[^\s@]{1,64}@[^\s@]{1,255}"
    r"|\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b"
    r"|\[?\b(?:[0-9a-f]{0,4}:){3,7}[0-9a-f]{0,4}\b\]?"
    r"|\b[\w.-]{1,255}:\d{2,5}\b"
    r"|(?:[\\/][\w.-]+){3,}",
    re.IGNORECASE | re.ASCII,
)
_TAG = re.compile(r"<[^<>]*>")


def cleaned(text: str) -> str:
    """A text of a member as one short printable line without any addresses."""
    text = _TAG.sub(" ", text[:_READ_CHARACTERS])
    text = "".join(one if one.isprintable() else " " for one in text)
    text = " ".join(_ADDRESS.sub("…", text).split())
    return text if len(text) <= REASON_CHARACTERS else f"{text[: REASON_CHARACTERS - 1]}…"


def _without(text: str, query: Query) -> str:
    values = sorted(_asked(query), key=len, reverse=True)
    if not values:
        return text
    anything = "|".join(map(re.escape, values))
    return re.sub(rf"(?<!\w)(?:{anything})(?!\w)", "…", text, flags=re.IGNORECASE)


def _asked(query: Query) -> set[str]:
    """What tells the question: where, which alleles, which people; not the assembly or the type."""
    found: list[str | None] = [query.entry_id, query.within.id if query.within else None]
    if query.variation is not None:
        for name, value in variation_parameters(query.variation).items():
            if name not in ("assemblyId", "variantType"):
                found += map(str, value) if isinstance(value, tuple) else [str(value)]
    for one in query.filters:
        found += [one.id, one.value]
    # A single letter is a base and an article.
    return {value for value in found if value is not None and len(value) > 1}
