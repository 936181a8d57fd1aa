"""The home of VRS ids: what an allele is called by whoever follows GA4GH VRS 1.3.

https://vrs.ga4gh.org/en/1.3/impl-guide/computed_identifiers.html
"""

from __future__ import annotations

import base64
import hashlib

from beacon.model.allele import Allele
from beacon.model.assemblies import refget
from beacon.model.normalisation import Room, is_movable, room
from beacon.model.reference import Bases

_PLAIN = frozenset("ACGT")


def allele_id(
    allele: Allele, assembly: str, bases: Bases | None = None, space: Room | None = None
) -> str | None:
    """The computed identifier `ga4gh:VA.…` of an allele.

    Args:
        assembly: canonical.
        bases: of that assembly; without them only substitutions have an id, as where an insertion
            or deletion begins and ends depends on what is around it.
        space: what `room` says of the allele, if it was asked already.

    Returns:
        `None` where it cannot be told: structural alleles, bases other than A, C, G and T,
        sequences that have no refget id here, indels without a reference.

    """
    sequence = refget(assembly, allele.reference_name)
    if sequence is None or allele.structural:
        return None
    start, end, state = allele.start, allele.end, allele.alternate_bases
    if not (_PLAIN.issuperset(state) and _PLAIN.issuperset(allele.reference_bases)):
        return None
    if is_movable(allele):
        # Fully justified: the allele covers every place at which it could stand.
        if bases is None or (space := space or room(allele, bases)) is None:
            return None
        left = bases(allele.reference_name, start - space.left, start)
        right = bases(allele.reference_name, end, end + space.right)
        start, end, state = start - space.left, end + space.right, left + state + right
    return f"ga4gh:VA.{_allele_digest(sequence, start, end, state)}"


def sha512t24u(data: bytes) -> str:
    """The GA4GH digest: SHA-512, its first 24 bytes, in URL-safe base 64."""
    return base64.urlsafe_b64encode(hashlib.sha512(data).digest()[:24]).decode("ascii")


def _allele_digest(sequence: str, start: int, end: int, state: str) -> str:
    """Canonical JSON: keys in order, no spaces, and digests in place of what has an id."""
    location = sha512t24u(
        b'{"interval":{"end":{"type":"Number","value":%d},"start":{"type":"Number","value":%d},'
        b'"type":"SequenceInterval"},"sequence_id":"%s","type":"SequenceLocation"}'
        % (end, start, sequence.encode("ascii"))
    )
    return sha512t24u(
        b'{"location":"%s","state":{"sequence":"%s","type":"LiteralSequenceExpression"},'
        b'"type":"Allele"}' % (location.encode("ascii"), state.encode("ascii"))
    )
