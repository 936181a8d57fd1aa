"""The home of normal form: the one place an insertion or deletion is kept at, of all it could have.

In a repeat the same change can be written at several places. The leftmost one is kept, as VCF
tools do (`bcftools norm`, `vt normalize`). Both ways of moving rest on one observation: with the
alternate or reference bases *s* of length L at [start, start + L), the allele can go one base to
the left when the base before it equals the last base of *s*, after which *s* is rotated by one.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from beacon.model.allele import Allele
from beacon.model.reference import AMBIGUITY_CODES, Bases

FARTHEST = 10_000
"""Bases that an allele is moved at most; one that could go farther stays where it is."""

_FIRST_WINDOW = 128
_PLAIN = frozenset("ACGT")
# What an ambiguous base of a reference sequence can be. A reference may be masked with N, too.
_CODES = {**AMBIGUITY_CODES, "N": "ACGT"}


class Room(NamedTuple):
    """How many bases an insertion or deletion can be moved to the left and to the right."""

    left: int
    right: int


def is_movable(allele: Allele) -> bool:
    """Whether it is a pure insertion or deletion of known bases."""
    if allele.structural or bool(allele.reference_bases) == bool(allele.alternate_bases):
        return False
    return _PLAIN.issuperset(allele.reference_bases or allele.alternate_bases)


def left_shifted(allele: Allele, bases: Bases) -> Allele:
    """The allele at the leftmost place where the reference lets it stand, with its anchor.

    Substitutions, structural alleles and alleles with other bases than A, C, G and T come back as
    they are; so does an allele that could be moved by more than `FARTHEST` bases, since where it
    would come to rest is not known.
    """
    if not is_movable(allele):
        return allele
    changed = allele.reference_bases or allele.alternate_bases
    moved = _room_left(allele.reference_name, allele.start, changed, bases)
    if moved is None:
        return allele
    start = allele.start - moved
    anchor = bases(allele.reference_name, start - 1, start) if start else ""
    if not moved:
        if not anchor or anchor == allele.anchor:
            return allele
        return msgspec.structs.replace(allele, anchor=anchor)
    turned = moved % len(changed)
    changed = changed[-turned:] + changed[:-turned] if turned else changed
    return msgspec.structs.replace(
        allele,
        start=start,
        end=start + len(allele.reference_bases),
        reference_bases=changed if allele.reference_bases else "",
        alternate_bases=changed if allele.alternate_bases else "",
        anchor=anchor,
    )


def room(allele: Allele, bases: Bases) -> Room | None:
    """How far the allele can be moved; `None` if that cannot be told.

    It cannot of what is no pure insertion or deletion, where the reference is not known on both
    sides, or for more than `FARTHEST` bases.
    """
    if not is_movable(allele):
        return None
    changed = allele.reference_bases or allele.alternate_bases
    name = allele.reference_name
    if not bases(name, allele.end, allele.end + 1):
        return None
    left = _room_left(name, allele.start, changed, bases)
    right = _room_right(name, allele.end, changed, bases)
    return None if left is None or right is None else Room(left, right)


def reference_mismatch(
    reference_name: str, start: int, reference_bases: str, bases: Bases
) -> str | None:
    """What the reference has where somebody says `reference_bases` is, `None` if that fits.

    Args:
        start: interbase; `reference_bases` is the whole of it, such as a VCF's REF.

    Returns:
        The bases of the reference, fewer where the sequence ends. `None` too where the sequence is
        not known. A code of the reference, such as N where it is masked, fits every base that it
        stands for, and N fits anything.

    """
    found = bases(reference_name, start, start + len(reference_bases))
    if found == reference_bases or not bases(reference_name, 0, 1):
        return None
    stated = reference_bases.upper()
    fits = len(found) == len(stated) and all(
        one == other or one == "N" or one in _CODES.get(other, "")
        for one, other in zip(stated, found, strict=True)
    )
    return None if fits else found


def _room_left(name: str, start: int, changed: str, bases: Bases) -> int | None:
    """Bases that an allele at `start` can go to the left; `None` beyond `FARTHEST`.

    Backwards from the end of the changed bases, each base must equal the one L before it.
    """
    size = len(changed)
    moved = 0
    window = _FIRST_WINDOW
    behind = changed  # the L bases before the one that the walk has come to
    while moved <= FARTHEST:
        low = max(start - moved - window, 0)
        ahead = bases(name, low, start - moved)
        both = ahead + behind
        for number in range(1, len(ahead) + 1):
            if both[-size - number] != both[-number]:
                moved += number - 1
                return moved if moved <= FARTHEST else None
        moved += len(ahead)
        if low == 0 or not ahead:
            return moved if moved <= FARTHEST else None
        behind = both[:size]
        window *= 4
    return None


def _room_right(name: str, end: int, changed: str, bases: Bases) -> int | None:
    """Bases that an allele that ends at `end` can go to the right; `None` beyond `FARTHEST`."""
    size = len(changed)
    moved = 0
    window = _FIRST_WINDOW
    before = changed
    while moved <= FARTHEST:
        ahead = bases(name, end + moved, end + moved + window)
        both = before + ahead
        for number in range(len(ahead)):
            if both[size + number] != both[number]:
                moved += number
                return moved if moved <= FARTHEST else None
        moved += len(ahead)
        if len(ahead) < window:
            return moved if moved <= FARTHEST else None
        before = both[-size:]
        window *= 4
    return None
