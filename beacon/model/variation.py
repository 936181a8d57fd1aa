"""The home of variation as Beacon records write it: read from any of its forms, written in one.

Alleles themselves live in `allele.py` and are importable from here too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from beacon.model.allele import (
    ALLELE_BASES_MAX,
    Allele,
    Observation,
    Spelling,
    UnreadableVariation,
    Zygosity,
    internal_id,
    parse_internal_id,
    structural_from_vcf,
    trim,
)
from beacon.model.assemblies import canonical_assembly, chromosome, implied_assembly, refseq
from beacon.model.variant_types import type_of_record, type_of_symbol, types_accepted

__all__ = [
    "Allele",
    "Observation",
    "Spelling",
    "UnreadableVariation",
    "Zygosity",
    "allele_from_record",
    "internal_id",
    "parse_internal_id",
    "structural_from_vcf",
    "trim",
    "variation_of",
]

_BASES = re.compile(r"[ACGTURYSWKMBDHVN]*")
# Real files put an HGVS expression where a sequence identifier belongs: `HGVSid:22:g.16050075A>G`.
_SEQUENCE_IN_HGVS = re.compile(r"(?:HGVSid:)?(?P<name>[^:]+):[gm]\.")
_SUBSTITUTION = re.compile(r"[gm]\.\d+(?P<ref>[ACGTN]+)>(?P<alt>[ACGTN]+)$")
# A VRS allele does not say which bases it replaces. Up to this many are written as N; above, the
# allele is kept by its extent.
_LONGEST_UNKNOWN = 10_000


def variation_of(allele: Allele, assembly: str) -> dict[str, Any]:
    """The `variation` of a genomic variation record: a LegacyVariation, valid for 2.2.0.

    Bases are anchored when the anchor is known, trimmed otherwise, and the location spans exactly
    the reference bases that are written. What is known of a structural allele goes to `info`.

    Raises:
        KeyError: assembly or sequence has no RefSeq accession (it is not canonical).

    """
    start, reference_bases, alternate_bases = allele.anchored
    variation: dict[str, Any] = {
        "variantType": allele.variant_type,
        "referenceBases": reference_bases,
        "alternateBases": alternate_bases,
        "location": {
            "type": "SequenceLocation",
            "sequence_id": f"refseq:{refseq(assembly, allele.reference_name)}",
            "interval": {
                "type": "SequenceInterval",
                "start": {"type": "Number", "value": start},
                "end": {"type": "Number", "value": allele.end},
            },
        },
    }
    if allele.structural:
        del variation["referenceBases"]
        if allele.info:
            variation["info"] = dict(allele.info)
    return variation


def allele_from_record(
    variation: Mapping[str, Any], record: Mapping[str, Any] | None = None
) -> tuple[str | None, Allele]:
    """The assembly, if it can be told, and the allele of a record's `variation`.

    Reads LegacyVariation, VRS 1.3 Allele, CopyNumberChange and CopyNumberCount, and the slips that
    real files make. `record` is the whole record: its `_position` and `identifiers` are asked for
    what `variation` leaves out.

    Raises:
        UnreadableVariation: no sequence, no coordinates, or no statement of what changed.

    """
    whole = record or {}
    kind = variation.get("type")
    if kind in ("CopyNumberChange", "CopyNumberCount"):
        location = _mapping(variation.get("subject"))
        location = _mapping(location.get("location")) or location
    else:
        location = _mapping(variation.get("location"))
    name, assembly = _sequence(location, whole)
    interval = _interval(location, whole)
    if kind == "CopyNumberChange":
        copy_change = str(variation.get("copy_change") or "").upper()
        if not copy_change:
            raise UnreadableVariation("CopyNumberChange without copy_change")
        return assembly, _structural(name, interval, copy_change, {})
    if kind == "CopyNumberCount":
        copies = _number(variation.get("copies"), "copies")
        if copies is None:
            raise UnreadableVariation("CopyNumberCount without a number of copies")
        change = "DEL" if copies < 2 else "DUP" if copies > 2 else "CNV"
        return assembly, _structural(name, interval, change, {"cn": copies})
    if kind == "Allele" and "alternateBases" not in variation:
        return assembly, _vrs_allele(name, interval, variation, whole)
    if "alternateBases" in variation or "variantType" in variation:
        return assembly, _legacy(name, interval, variation)
    raise UnreadableVariation(
        f"a variation of type {kind!r} is not read; LegacyVariation, Allele, CopyNumberChange "
        "and CopyNumberCount are"
    )


def _legacy(name: str, interval: tuple[int, int | None], variation: Mapping[str, Any]) -> Allele:
    start, end = interval
    declared = str(variation.get("variantType") or "").strip()
    ref, alt = _bases(variation.get("referenceBases")), _bases(variation.get("alternateBases"))
    info = dict(_mapping(variation.get("info")))
    if alt is None:
        literal = str(variation["alternateBases"])
        info.setdefault("alt", literal)
        if not declared and literal.startswith("<"):
            declared = type_of_symbol(literal[1:-1])
    # A single base or N before a symbolic change says nothing about the bases that went.
    extent_only = not alt and end is not None and end - start > len(ref or "")
    if ref is None or alt is None or not (ref or alt) or extent_only:
        if not declared:
            raise UnreadableVariation("neither bases nor a variantType say what changed")
        return _structural(name, interval, declared.upper(), info)
    if "referenceBases" not in variation:
        if end is None:
            raise UnreadableVariation("without referenceBases the end of the interval is needed")
        if end - start > _LONGEST_UNKNOWN:
            raise UnreadableVariation("referenceBases are missing and too many to guess")
        ref = "N" * (end - start)
    return _of_bases(name, start, ref, alt, declared)


def _vrs_allele(
    name: str,
    interval: tuple[int, int | None],
    variation: Mapping[str, Any],
    record: Mapping[str, Any],
) -> Allele:
    start, end = interval
    state = _mapping(variation.get("state"))
    alt = _bases(state.get("sequence")) if isinstance(state.get("sequence"), str) else None
    if alt is None:
        raise UnreadableVariation(
            f"an Allele whose state is {state.get('type')!r} is not read; "
            "LiteralSequenceExpression is"
        )
    if end is None:
        raise UnreadableVariation("an Allele needs the end of its interval")
    if end - start > _LONGEST_UNKNOWN:
        if alt:
            raise UnreadableVariation("the replaced bases are not given and too many to guess")
        return _structural(name, interval, "DEL", {})
    ref = "N" * (end - start)
    hgvs = str(_mapping(record.get("identifiers")).get("genomicHGVSId") or "")
    substitution = _SUBSTITUTION.search(hgvs)
    if substitution and substitution["alt"] == alt and len(substitution["ref"]) == end - start:
        ref = substitution["ref"]
    return _of_bases(name, start, ref, alt, "")


def _of_bases(name: str, start: int, ref: str, alt: str, declared: str) -> Allele:
    if ref == alt:
        raise UnreadableVariation(f"reference and alternate bases are both {ref[:20]!r}")
    if len(ref) + len(alt) > ALLELE_BASES_MAX:
        raise UnreadableVariation(f"an allele has at most {ALLELE_BASES_MAX:,} bases")
    allele = Allele.from_bases(name, start, ref, alt)
    variant_type = type_of_record(declared, allele.variant_type)
    if variant_type == allele.variant_type:
        return allele
    return Allele(
        allele.reference_name,
        allele.start,
        allele.end,
        allele.reference_bases,
        allele.alternate_bases,
        variant_type,
        allele.anchor,
    )


def _structural(
    name: str, interval: tuple[int, int | None], variant_type: str, info: Mapping[str, Any]
) -> Allele:
    start, end = interval
    if end is None:
        if "INS" not in types_accepted(variant_type, structural=True):
            raise UnreadableVariation(
                f"a {variant_type} without bases needs the end of its interval"
            )
        end = start
    return Allele(name, start, end, "", "", variant_type, structural=True, info=info)


def _sequence(location: Mapping[str, Any], record: Mapping[str, Any]) -> tuple[str, str | None]:
    """Canonical sequence name, and the assembly if any of the record's words tells it."""
    position = _position(record)
    hgvs = str(_mapping(record.get("identifiers")).get("genomicHGVSId") or "")
    candidates = [
        str(location.get("sequence_id") or ""),
        str(_first(position.get("refseqId")) or ""),
        hgvs,
    ]
    name = assembly = None
    for candidate in candidates:
        in_hgvs = _SEQUENCE_IN_HGVS.match(candidate)
        text = in_hgvs["name"] if in_hgvs else candidate
        found = chromosome(text)
        if found is None:
            continue
        name = name or found
        if found == name:
            assembly = assembly or implied_assembly(text)
    if name is None:
        raise UnreadableVariation(
            f"no sequence that is known: sequence_id is {location.get('sequence_id')!r}; "
            "refseq:NC_000017.11 would be one"
        )
    return name, assembly or canonical_assembly(str(_first(position.get("assemblyId")) or ""))


def _interval(location: Mapping[str, Any], record: Mapping[str, Any]) -> tuple[int, int | None]:
    """Interbase start and end; the end is `None` when nothing tells it."""
    interval = _mapping(location.get("interval")) or location
    start = _number(interval.get("start"), "min")
    end = _number(interval.get("end"), "max")
    if start is None:
        position = _position(record)
        start = _number(_first(position.get("startInteger", position.get("start"))), "min")
        end = _number(_first(position.get("endInteger", position.get("end"))), "max")
    if start is None:
        raise UnreadableVariation("no coordinates: location.interval.start is missing")
    if start < 0 or (end is not None and end < start):
        raise UnreadableVariation(f"interval {start}, {end} is no interval")
    return start, end


def _number(value: object, bound: str) -> int | None:
    """An integer out of a number, its text, a VRS Number or a VRS range's `bound`."""
    if isinstance(value, Mapping):
        inner = value.get("value", value.get(bound))
        return None if isinstance(inner, Mapping) else _number(inner, bound)
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float | str):
        try:
            number = float(value)
        except ValueError:
            return None
        return int(number) if number.is_integer() else None
    return None


def _bases(value: object) -> str | None:
    """Upper-case bases, `""` for the ways to write none, `None` for what is not bases."""
    if value is None or value in ("", ".", "-"):
        return ""
    text = str(value).upper()
    return text.replace("U", "T") if _BASES.fullmatch(text) else None


def _position(record: Mapping[str, Any]) -> Mapping[str, Any]:
    return _mapping(record.get("_position") or record.get("position"))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _first(value: object) -> object:
    if isinstance(value, list | tuple):
        return value[0] if value else None
    return value
