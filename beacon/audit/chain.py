"""The home of the chain: each line is sealed together with the line before it, by a keyed hash."""

from __future__ import annotations

import hmac

import msgspec

ORIGIN = "0" * 64
"""What the first line of a chain has in the place of the hash of the line before."""

_HASH = b',"hash":"'
_END = len(_HASH) + 64 + len(b'"}')


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A place in a chain: the number of a line, counted from 1, and its hash."""

    n: int = 0
    hash: str = ORIGIN


class Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """What a line says of its place in the chain."""

    n: int
    previous: str
    hash: str

    @property
    def link(self) -> Link:
        """Its place, for the line behind it."""
        return Link(n=self.n, hash=self.hash)


_decoder = msgspec.json.Decoder(Sealed)


def seal(key: bytes, before: Link, body: bytes) -> tuple[bytes, Link]:
    """The line that says `body` behind another one.

    Args:
        key: Nobody without it can make a line, nor change one.
        before: The place of the line before.
        body: A JSON object that is not empty.

    Returns:
        The line with its end, and its place.
    """
    n = before.n + 1
    content = b'{"n":%d,"previous":"%b",%b' % (n, before.hash.encode(), body[1:-1])
    found = hmac.digest(key, content, "sha256").hex()
    return content + _HASH + found.encode() + b'"}\n', Link(n=n, hash=found)


def read_seal(line: bytes) -> Sealed | None:
    """What a line says of its place, whether or not that is true; `None` if it is no line."""
    try:
        return _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def is_genuine(key: bytes, line: bytes, sealed: Sealed) -> bool:
    """Whether a line, without its end, is as it was written by somebody with the key."""
    content, end = line[:-_END], line[-_END:]
    if end != _HASH + sealed.hash.encode() + b'"}':
        return False
    return hmac.compare_digest(hmac.digest(key, content, "sha256").hex(), sealed.hash)
