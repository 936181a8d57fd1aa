"""The home of what a client would like, by its headers: how long to wait, and in which form."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec
from aiohttp import hdrs
from multidict import CIMultiDict, CIMultiDictProxy

from beacon.framework.errors import InvalidRequest

DEADLINE = "Beacon-Deadline-Ms"
"""Milliseconds that whoever asks has left for the answer; beacon networks send it."""

PREFER = "Prefer"
PREFERENCE_APPLIED = "Preference-Applied"

_WAIT = re.compile(r'\s*wait\s*=\s*"?([1-9][0-9]{0,5})"?\s*(?:;.*)?', re.IGNORECASE)
_MILLISECONDS = re.compile(r"[1-9][0-9]{0,8}")


class Deadline(msgspec.Struct, frozen=True):
    """Seconds for an answer, and the headers that say which wish they follow."""

    seconds: float
    headers: Mapping[str, str] = {}


def deadline(headers: CIMultiDictProxy[str] | CIMultiDict[str], most_s: float) -> Deadline:
    """How long an answer may take.

    Args:
        headers: Of the request: `Beacon-Deadline-Ms`, or `Prefer: wait=` (RFC 7240) in seconds. A
            preference that is not understood is none.
        most_s: Seconds that it may take at most.

    Raises:
        InvalidRequest: `Beacon-Deadline-Ms` is not a number of milliseconds.
    """
    seconds = most_s
    given = headers.get(DEADLINE)
    if given is not None:
        if _MILLISECONDS.fullmatch(given) is None:
            raise InvalidRequest(f"the header {DEADLINE} must be milliseconds, such as 2500")
        seconds = min(seconds, int(given) / 1000)
    if PREFER not in headers:
        return Deadline(seconds)
    for preference in ",".join(headers.getall(PREFER)).split(","):
        wait = _WAIT.fullmatch(preference)
        if wait is not None:
            wait_s = int(wait[1])
            # Of several the first counts.
            if wait_s < seconds:
                return Deadline(wait_s, {PREFERENCE_APPLIED: f"wait={wait_s}"})
            break
    return Deadline(seconds)


def accepted(headers: CIMultiDictProxy[str] | CIMultiDict[str], *offered: str) -> str | None:
    """The media type that a client names and likes best, of those offered.

    Returns:
        `None` when it names none of them: wildcards leave the choice to the server. Of those that
        it likes equally, the one it names first.
    """
    best, liked = None, 0.0
    for one in ",".join(headers.getall(hdrs.ACCEPT, ())).split(","):
        name, *parameters = (part.strip().lower() for part in one.split(";"))
        if name not in offered:
            continue
        quality = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    quality = float(parameter[2:])
                except ValueError:
                    quality = 0.0
        if quality > liked:
            best, liked = name, quality
    return best
