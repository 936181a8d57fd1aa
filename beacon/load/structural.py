"""The home of what a VCF record says of a structural allele, beside its ALT: INFO, per allele."""

from __future__ import annotations

from typing import Any

from beacon.model.allele import Allele, structural_from_vcf

_PER_ALLELE = frozenset({"SVLEN", "CN", "CIPOS", "CIEND", "SVCLAIM"})
_KEPT = {"CIPOS": "cipos", "CIEND": "ciend", "CN": "cn", "SVCLAIM": "svclaim"}
_ENDS = frozenset({"<BND>", "<TRA>", "<CTX>"})
"""ALTs that stand for a breakend, whose other end is named in INFO."""


def is_structural(alternate: str) -> bool:
    """Whether an ALT is symbolic or a breakend (single breakends included), not bases."""
    return alternate.startswith("<") or any(mark in alternate for mark in "[].")


def structural_allele(
    record: Any, reference_name: str, reference: str, alternate: str, index: int
) -> Allele:
    """The structural allele of one ALT.

    Args:
        record: The `cyvcf2.Variant`.
        reference: REF, upper case.
        index: Which ALT, from 0.

    Raises:
        UnreadableVariation: The record does not say enough, or contradicts itself.
    """
    alternates = len(record.ALT)
    info = {
        kept: value
        for key, kept in _KEPT.items()
        if (value := _value(record.INFO.get(key), key, index, alternates)) is not None
    }
    end = _whole(record.INFO.get("END"))
    if (other := record.INFO.get("CHR2")) is not None:
        # Callers that write <BND> or <TRA> name the far side by CHR2 and POS2, older ones by END.
        far = _whole(record.INFO.get("POS2")) or end
        elsewhere = other != record.CHROM
        if far is not None and (elsewhere or not alternate.startswith("<") or alternate in _ENDS):
            info["mate"] = f"{other}:{far}"
        if elsewhere:
            end = None
    svlen = _whole(_value(record.INFO.get("SVLEN"), "SVLEN", index, alternates))
    return structural_from_vcf(
        reference_name, record.POS, reference, alternate, end=end, svlen=svlen, info=info
    )


def _value(value: Any, key: str, index: int, alternates: int) -> Any:
    """The value that an INFO field has for one ALT; intervals have two numbers for each."""
    if not isinstance(value, tuple) or key not in _PER_ALLELE:
        return value
    width = 2 if key in ("CIPOS", "CIEND") else 1
    if len(value) != width * alternates:
        return list(value)
    own = value[width * index : width * (index + 1)]
    return list(own) if width > 1 else own[0]


def _whole(value: Any) -> int | None:
    """A number, also when the header does not declare the field and it is read as text."""
    if isinstance(value, list | tuple):
        value = value[0] if value else None
    if isinstance(value, str):
        return int(value) if value.removeprefix("-").isdigit() else None
    return None if value is None else int(value)
