"""What makes two observations the same allele, and where an allele is kept."""

from __future__ import annotations

from beacon.model.allele import Allele
from beacon.model.assemblies import code as chromosome_code
from beacon.model.variant_types import type_of_bases
from beacon.mongo.documents import BLOCK_SPAN_MAX


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


def fits_block(allele: Allele) -> bool:
    """Whether an allele's columns say all there is to say of it."""
    return (
        not allele.structural
        and len(allele.reference_bases) <= BLOCK_SPAN_MAX
        and is_typed_by_bases(allele)
    )
