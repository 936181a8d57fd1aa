"""The home of `AlleleSet`: which alleles were seen, known by what they are and not by the words."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

from beacon.mongo.allele_keys import allele_key
from beacon.mongo.blocks import SPELLED_OUT
from beacon.mongo.found import Packed, Structural, Window

U64 = npt.NDArray[np.uint64]

_CHROMOSOME_BITS = 32
"""Of a place, below the chromosome's number."""
_HASHED = 1 << 63
"""Set in a place that is no place, but half a hash of an allele's key."""


class AlleleSet:
    """Alleles of one dataset, in whatever order and however often they come.

    Each is two numbers: chromosome and start with the code of its bases, or else, where these do
    not fit, a hash of its key.
    """

    __slots__ = ("_codes", "_digest", "_places")

    def __init__(self) -> None:
        self._places: list[U64] = []
        self._codes: list[U64] = []
        self._digest: bytes | None = None

    def __bool__(self) -> bool:
        return bool(self._places)

    def add(self, window: Window) -> None:
        """Take the alleles of a window."""
        hashed: list[Packed | Structural] = list(window.structural)
        for block, indexes in window.blocks:
            codes = block.column("code")[indexes].astype(np.uint64)
            chromosome = block.document_id >> 40 & 0xFF
            begin = np.uint64(chromosome << _CHROMOSOME_BITS | block.bin_start)
            places = block.column("offset")[indexes].astype(np.uint64) + begin
            if block.spelled_out:
                is_packed = codes & np.uint64(SPELLED_OUT) == 0
                hashed += [Packed(block, int(one)) for one in indexes[~is_packed]]
                places, codes = places[is_packed], codes[is_packed]
            self._add(places, codes)
        if hashed:
            halves = np.array([_halves(allele_key(one.allele)) for one in hashed], np.uint64)
            self._add(halves[:, 0], halves[:, 1])

    def digest(self) -> bytes:
        """What identifies the set."""
        if self._digest is None:
            self._digest = self._digested()
        return self._digest

    def _digested(self) -> bytes:
        places, codes = np.concatenate(self._places), np.concatenate(self._codes)
        both = np.stack((places, codes), axis=1)
        if not _are_ascending(places, codes):
            both = both[np.lexsort((codes, places))]
            is_new = np.ones(len(both), bool)
            is_new[1:] = (both[1:] != both[:-1]).any(axis=1)
            both = both[is_new]
        return hashlib.blake2b(both.tobytes(), digest_size=16).digest()

    def _add(self, places: U64, codes: U64) -> None:
        if places.size:
            self._places.append(places)
            self._codes.append(codes)
            self._digest = None


def _are_ascending(places: U64, codes: U64) -> bool:
    """Whether each allele comes after the one before, as those of a stretch do."""
    is_next = places[1:] > places[:-1]
    is_next |= (places[1:] == places[:-1]) & (codes[1:] > codes[:-1])
    return bool(is_next.all())


def _halves(key: str) -> tuple[int, int]:
    digest = hashlib.blake2b(key.encode(), digest_size=16).digest()
    return int.from_bytes(digest[:8], "big") | _HASHED, int.from_bytes(digest[8:], "big")
