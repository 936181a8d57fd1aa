"""The home of the `identifiers` of an allele that follow from what it is."""

from __future__ import annotations

from typing import Any

from beacon.model import hgvs, vrs
from beacon.model.allele import Allele
from beacon.model.normalisation import is_movable, room
from beacon.model.reference import Bases


def identifiers_of(allele: Allele, assembly: str, bases: Bases | None = None) -> dict[str, Any]:
    """The `identifiers` of a genomic variation record: its HGVS expression and its VRS id.

    Args:
        assembly: canonical.
        bases: of that assembly; without them insertions and deletions have neither.

    Returns:
        `genomicHGVSId` and `variantAlternativeIds`, each where it is known; else nothing.

    """
    identifiers: dict[str, Any] = {}
    space = None
    if bases is not None and is_movable(allele):
        space = room(allele, bases)
        if space is None:
            return identifiers
    if expression := hgvs.genomic(allele, assembly, bases, space):
        identifiers["genomicHGVSId"] = expression
    if allele_id := vrs.allele_id(allele, assembly, bases, space):
        identifiers["variantAlternativeIds"] = [{"id": allele_id, "notes": "GA4GH VRS 1.3"}]
    return identifiers
