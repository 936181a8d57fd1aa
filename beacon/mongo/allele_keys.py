"""What makes two observations the same allele, and where an allele is kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from beacon.model.allele import Allele
from beacon.model.assemblies import code as chromosome_code
from beacon.model.variant_types import type_of_bases
from beacon.mongo.documents import BLOCK_ALTERNATE_MAX, BLOCK_SPAN_MAX

_SUBSTITUTION = type_of_bases("A", "C")
_ASKED_BYTES_MAX = 8 << 20
"""Of one question to the database, which takes 16 MiB; a key is as long as its allele."""


def allele_key(allele: Allele) -> str:
    """What makes two observations the same allele, however their files spelled it."""
    code = chromosome_code(allele.reference_name)
    if allele.structural:
        extent = f"{allele.start}:{allele.end}:{allele.variant_type}"
        return f"{code}:{extent}:{allele.detail}"
    bases = f"{code}:{allele.start}:{allele.reference_bases}:{allele.alternate_bases}"
    return bases if is_typed_by_bases(allele) else f"{bases}:{allele.variant_type}"


def is_typed_by_bases(allele: Allele) -> bool:
    """Whether its type is the one that its bases have."""
    return allele.variant_type == type_of_bases(allele.reference_bases, allele.alternate_bases)


def is_long(reference_bases: str, alternate_bases: str) -> bool:
    """Whether an allele of these bases is kept as a document of its own."""
    return len(reference_bases) > BLOCK_SPAN_MAX or len(alternate_bases) > BLOCK_ALTERNATE_MAX


def fits_block(allele: Allele) -> bool:
    """Whether an allele's columns say all there is to say of it."""
    if allele.structural:
        return False
    reference_bases, alternate_bases = allele.reference_bases, allele.alternate_bases
    if len(reference_bases) == 1 == len(alternate_bases):  # nearly every allele
        return allele.variant_type == _SUBSTITUTION
    return not is_long(reference_bases, alternate_bases) and is_typed_by_bases(allele)


def in_questions(keys: Iterable[str]) -> Iterator[list[str]]:
    """The keys, in lists of which each fits one question to the database."""
    asked: list[str] = []
    size = 0
    for key in keys:
        size += len(key) + 16  # what BSON adds to each
        if asked and size > _ASKED_BYTES_MAX:
            yield asked
            asked, size = [], len(key) + 16
        asked.append(key)
    if asked:
        yield asked
