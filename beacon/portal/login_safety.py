"""What a browser is not believed: where it wants to go back to, and whose page a form came from."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from enum import Enum
from urllib.parse import unquote

from aiohttp import hdrs

RETURN_TO_LENGTH = 1000
"""The longest way back that is remembered."""


def local_path(text: str | None) -> str:
    """Where to go back to: a path of this site with its query, or `/` for anything else."""
    if text is None or len(text) > RETURN_TO_LENGTH or _LOCAL.fullmatch(text) is None:
        return "/"
    path = text.partition("?")[0]
    # What is encoded may be decoded on the way, and more than once.
    for _ in range(_DECODED_TIMES):
        path = unquote(path)
    if not path.isprintable() or _ELSEWHERE.search(path) or _OURS.match(path):
        return "/"
    return text


class Sender(Enum):
    """Whose page sent a form, as the browser says; `UNSAID` where it does not."""

    OWN = "own"
    OTHER = "other"
    UNSAID = "unsaid"


def sender(headers: Mapping[str, str], origin: str) -> Sender:
    """Whose page sent a form.

    Args:
        headers: Of the request.
        origin: Of this site.
    """
    # A page that tells nobody where its readers come from has the origin `null`.
    said = headers.get(hdrs.ORIGIN, "null")
    site = headers.get("Sec-Fetch-Site")
    if said not in ("null", origin) or site not in (None, "same-origin"):
        return Sender.OTHER
    return Sender.OWN if site is not None or said == origin else Sender.UNSAID


def csrf_token(key: bytes, session_id: str) -> str:
    """What forms of a session have to carry, which nobody can tell who does not have both."""
    return hmac.new(key, b"csrf:" + session_id.encode("ascii"), "sha256").hexdigest()


def is_csrf_token(given: object, expected: str) -> bool:
    """Whether a form carried it."""
    return isinstance(given, str) and hmac.compare_digest(given.encode(), expected.encode())


_DECODED_TIMES = 3
_LOCAL = re.compile(r"/[!$%&'()*+,./0-9:;=?@A-Z_a-z~-]*")
_ELSEWHERE = re.compile(r"//|\\|/\.\.?(?:/|$)")
_OURS = re.compile(r"/log(?:in|out)(?:/|$)")
