"""Who was looked at: sets of rows by called alleles, each kept once a slot.

Most alleles of a file share one set, everybody, and those of the X chromosome another; where calls
are missing every site has its own. A block names the sets of its alleles by their digests.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from pyroaring import BitMap

from beacon.model.allele import Called

_DIGEST_BYTES = 12
_KEPT = 512
NOBODY_KNOWN = 0xFFFF
"""In place of a set's number: who was looked at is not known."""

OneSet = TypeVar("OneSet")


class HasCalled(Protocol):
    """An allele on its way into a document."""

    called: Called | None
    samples: BitMap | None


def pattern_id(slot: int, digest: bytes) -> bytes:
    """The key of a set: slot, then digest."""
    return slot.to_bytes(2, "big") + digest


class Patterns:
    """The sets of one slot, as they are written."""

    def __init__(self, slot: int) -> None:
        self._slot = slot
        self._known: dict[int, tuple[Called, bytes]] = {}
        self._samples: dict[int, tuple[BitMap, Called]] = {}
        self._written: set[bytes] = set()
        self._fresh: dict[bytes, dict[str, Any]] = {}

    def digest(self, called: Called) -> bytes:
        """The digest of a set, which from now on is one of the slot's."""
        known = self._known.get(id(called))
        if known is not None:
            return known[1]
        parts = [_serialized(rows) for rows in called]
        digest = hashlib.blake2b(
            len(parts[0]).to_bytes(8, "big") + parts[0] + parts[1], digest_size=_DIGEST_BYTES
        ).digest()
        if len(self._known) >= _KEPT:
            self._known.clear()
        self._known[id(called)] = (called, digest)  # kept alive, so that its identity is its own
        if digest not in self._written:
            self._written.add(digest)
            self._fresh[digest] = {
                "_id": pattern_id(self._slot, digest),
                "l": self._slot,
                "t": parts[0],
                "o": parts[1],
            }
        return digest

    def document(self, key: int, ordered: Sequence[HasCalled]) -> dict[str, Any] | None:
        """Which sets the alleles of a block have, in the order of its columns."""
        called = _Numbers(self.digest)
        indexes = [called.of(one.called) for one in ordered]
        spoken = _Numbers(self.samples_digest)
        speaking = [spoken.of(one.samples) for one in ordered]
        if not called.digests and not spoken.digests:
            return None
        document: dict[str, Any] = {"_id": key, "l": self._slot, "w": list(called.digests)}
        if len(called.digests) > 1 or NOBODY_KNOWN in indexes:
            document["i"] = np.array(indexes, "<u2").tobytes()
        if spoken.digests:
            document["s"] = list(spoken.digests)
            document["j"] = np.array(speaking, "<u2").tobytes()
        return document

    def samples_digest(self, samples: BitMap) -> bytes:
        """The digest of those that a load speaks for."""
        return self.digest(self._as_set(samples))

    def _as_set(self, samples: BitMap) -> Called:
        """Samples as a set; the same object for the same samples, as long as they are kept."""
        known = self._samples.get(id(samples))
        if known is None:
            if len(self._samples) >= _KEPT:
                self._samples.clear()
            known = self._samples[id(samples)] = (samples, Called(samples, BitMap()))
        return known[1]

    def drain(self) -> list[dict[str, Any]]:
        """Documents of sets that were not written yet."""
        fresh, self._fresh = list(self._fresh.values()), {}
        return fresh


class _Numbers(Generic[OneSet]):
    """Numbers the sets of one block, those that are the same alike."""

    def __init__(self, digest: Callable[[OneSet], bytes]) -> None:
        self._digest = digest
        self._last: OneSet | None = None
        self._number = NOBODY_KNOWN
        self.digests: dict[bytes, int] = {}

    def of(self, one: OneSet | None) -> int:
        """The number of a set, `NOBODY_KNOWN` in place of none."""
        if one is not self._last:  # neighbours mostly share one
            self._last, self._number = one, NOBODY_KNOWN
            if one is not None:
                self._number = self.digests.setdefault(self._digest(one), len(self.digests))
        return self._number


def _serialized(rows: BitMap) -> bytes:
    rows = rows.copy()
    rows.run_optimize()
    return bytes(rows.serialize())


def called_of(document: Mapping[str, Any]) -> Called:
    """A set as it was stored."""
    return Called(BitMap.deserialize(document["t"]), BitMap.deserialize(document["o"]))


def keys_of(document: Mapping[str, Any] | None) -> list[bytes]:
    """The keys of the sets that a block's alleles have."""
    return [] if document is None else [pattern_id(document["l"], one) for one in document["w"]]


def sample_keys_of(document: Mapping[str, Any] | None) -> list[bytes]:
    """The keys of the sets of samples that the slot's load spoke for at a block's alleles."""
    return (
        []
        if document is None
        else [pattern_id(document["l"], one) for one in document.get("s", ())]
    )


def samples_of_alleles(
    document: Mapping[str, Any] | None, size: int, patterns: Mapping[bytes, Called]
) -> list[BitMap | None]:
    """Of each allele of a block the samples that the slot's load spoke for, `None` for nobody."""
    keys = sample_keys_of(document)
    if document is None or not keys:
        return [None] * size
    return [
        None if number == NOBODY_KNOWN else patterns[keys[number]].twice
        for number in np.frombuffer(document["j"], "<u2").tolist()
    ]


def numbers_of(document: Mapping[str, Any] | None, size: int) -> Sequence[int]:
    """Of each allele of a block which of `keys_of` it has, or `NOBODY_KNOWN`."""
    if document is None:
        return [NOBODY_KNOWN] * size
    if "i" not in document:
        return [0] * size
    numbers: list[int] = np.frombuffer(document["i"], "<u2").tolist()
    return numbers


def called_of_alleles(
    document: Mapping[str, Any] | None, size: int, patterns: Mapping[bytes, Called]
) -> list[Called | None]:
    """Of each allele of a block who was looked at."""
    keys = keys_of(document)
    return [
        None if number == NOBODY_KNOWN else patterns[keys[number]]
        for number in numbers_of(document, size)
    ]


def union(sets: Iterable[Called]) -> Called:
    """Everybody of any of the sets; two called alleles prevail over one."""
    twice, once = BitMap(), BitMap()
    for one in sets:
        twice |= one.twice
        once |= one.once
    return Called(twice, once - twice)
