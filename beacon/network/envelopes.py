"""The home of the envelopes that answers of beacons come in, as loose as they are met.

Names are the specification's, with those that servers write instead of them. Whatever is passed on
as it came stays bytes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from beacon.network.states import MemberFailure, State

NULL = msgspec.Raw(b"null")

INFO_DEPTH = 32
"""Levels of brackets in an `info` that is read; a deeper one is left out."""

Number = int | float | str | None


_DIGITS = re.compile(r"\d{1,18}", re.ASCII)
_BELOW = re.compile(r"<(=?)\s*(\d{1,18})", re.ASCII)


class Summary(msgspec.Struct, frozen=True, rename="camel"):
    """`responseSummary`: what the answer amounts to."""

    exists: bool | None = None
    num_total_results: Number = None
    results_count: Number = None
    result_count: Number = None
    count_precision: str | None = None
    count_adjusted_to: Any = None


class Set(msgspec.Struct, frozen=True, rename="camel"):
    """One of `resultSets`; `error` in its `info` makes it one of a beacon that did not answer."""

    id: str | int | None = None
    beacon_id: str | None = None
    set_type: str | None = None
    exists: bool | None = None
    results_count: Number = None
    result_count: Number = None
    count_precision: str | None = None
    count_adjusted_to: Any = None
    results: list[msgspec.Raw] | None = None
    results_handovers: msgspec.Raw = NULL
    info: msgspec.Raw = NULL


class Response(msgspec.Struct, frozen=True, rename="camel"):
    """`response`: result sets, or the collections that were listed."""

    result_sets: list[Set] | None = None
    collections: list[msgspec.Raw] | None = None


class Meta(msgspec.Struct, frozen=True, rename="camel"):
    """What is read of `meta`."""

    beacon_id: str | None = None
    returned_granularity: str | None = None
    returned_schemas: Any = None


class Envelope(msgspec.Struct, frozen=True, rename="camel"):
    """An answer. `resultSets` belong into `response`, but are also met beside it."""

    meta: Meta = Meta()
    response_summary: Summary | None = None
    response: Response | None = None
    result_sets: list[Set] | None = None
    info: msgspec.Raw = NULL
    error: Any = None


_ON_ONE_LINE = bytes.maketrans(b"\r\n", b"  ")
_ENVELOPE = msgspec.json.Decoder(Envelope)


def envelope(body: bytes, content_type: str = "") -> Envelope:
    """The envelope in the body of an answer; raises `MemberFailure`, `BAD_RESPONSE`."""
    body = body.removeprefix(b"\xef\xbb\xbf")
    if b"\n" in body or b"\r" in body:
        # Between values only, as strings hold none; what is passed on goes onto one line.
        body = body.translate(_ON_ONE_LINE)
    try:
        # What is skipped is not looked at, but may be passed on.
        if not body.isascii():
            body.decode()
        return _ENVELOPE.decode(body)
    except msgspec.ValidationError as error:
        raise bad_response(f"answers no Beacon document: {error}") from error
    except UnicodeDecodeError as error:
        raise bad_response("answers text that is not UTF-8") from error
    except RecursionError as error:
        raise bad_response("answers JSON that is nested too deep") from error
    except msgspec.DecodeError as error:
        if not body.strip():
            raise bad_response("answers nothing") from error
        if body.lstrip().startswith(b"<") or "html" in content_type.lower():
            raise bad_response("answers HTML instead of JSON") from error
        raise bad_response("answers something that is not JSON, or is cut off") from error


def info_of(raw: msgspec.Raw) -> dict[str, Any]:
    """An `info` that can be read and written again; an empty one for anything else."""
    if raw is NULL:
        return {}
    text = bytes(raw)
    if not text.startswith(b"{"):
        return {}
    try:
        info: dict[str, Any] = msgspec.json.decode(text)
    except msgspec.ValidationError:
        return {}  # a number that no machine number holds
    # As many brackets as levels are allowed cannot be too deep: most need no walk.
    if text.count(b"{") + text.count(b"[") > INFO_DEPTH and is_deep(info):
        return {}
    return info


def handovers_of(raw: msgspec.Raw) -> msgspec.Raw | None:
    """Handovers as the list that they should be; `None` where there are none."""
    if raw is NULL:
        return None
    text = bytes(raw)
    if text.startswith(b"{"):
        return msgspec.Raw(b"[" + text + b"]")
    return raw if text.startswith(b"[") and text[1:-1].strip() else None


def precision_of(said: Summary | Set, exists: bool) -> tuple[str | None, tuple[int, ...]]:
    """`countPrecision` and `countAdjustedTo`, in the words and numbers of version 2.2."""
    stated, given = said.count_precision, said.count_adjusted_to
    if stated is not None and stated not in ("exact", "imprecise", "rounded"):
        stated = "imprecise"
    if given is None:
        return stated, ()
    return stated, _adjusted_to(given if isinstance(given, list) else [given], exists)


def _adjusted_to(given: Sequence[Any], exists: bool) -> tuple[int, ...]:
    """One number or two; none where they are said in words."""
    if exists and len(given) == 1 and isinstance(given[0], str):
        below = _BELOW.fullmatch(given[0].strip())
        if below is not None and int(below[2]) > 1:
            return (1, int(below[2]) - (not below[1]))
    texts = [str(one).strip() for one in given]
    if not 1 <= len(texts) <= 2 or not all(map(_DIGITS.fullmatch, texts)):
        return ()
    return tuple(map(int, texts))


def bad_response(reason: str) -> MemberFailure:
    """The failure of a member whose answer makes no sense, and why."""
    return MemberFailure(State.BAD_RESPONSE, reason)


def is_deep(document: Any) -> bool:
    """Whether there are more levels of brackets in a decoded document than are passed on."""
    level = [document]
    for _ in range(INFO_DEPTH):
        children = [one.values() if type(one) is dict else one for one in level]
        level = [x for values in children for x in values if type(x) is dict or type(x) is list]
        if not level:
            return False
    return True
