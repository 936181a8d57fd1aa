"""The home of variants across members: which of their records are of the same change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from beacon.framework.query import Query
from beacon.model.variation import (
    UnreadableVariation,
    allele_from_record,
    internal_id,
    parse_internal_id,
)
from beacon.network.states import Outcome, ReportedSet

_VRS = "ga4gh:VA."
_BASES = frozenset("ACGT")


@dataclass(frozen=True, slots=True)
class Sighting:
    """A record of a variant: in the result set `said` of the member of `outcome`.

    `frequencies` is its `frequencyInPopulations`, as decoded.
    """

    outcome: Outcome
    said: ReportedSet
    frequencies: Any


@dataclass(frozen=True, slots=True)
class Variant:
    """A change and all records of it; `names` are the ids that any of them knows it by."""

    names: set[str] = field(default_factory=set)
    sightings: list[Sighting] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The name by position and bases where there is one, else the first in the alphabet."""
        return min(self.names, key=lambda name: (name.startswith(_VRS), name))


def variants_of(outcomes: Sequence[Outcome]) -> list[Variant]:
    """The variants that members gave records of, in the order of their first records.

    Two records are of one variant when they share a VRS id, or a name by assembly, position and
    bases. A record that says neither in a way that can be read is not in any.
    """
    by_name: dict[str, Variant] = {}
    for outcome in outcomes:
        if outcome.reply is None or not outcome.state.is_answer:
            continue
        for said in outcome.reply.sets:
            for raw in said.records:
                record = _record(raw)
                names = set(_names(record))
                if names:
                    variant = _joined(by_name, names)
                    frequencies = record.get("frequencyInPopulations")
                    variant.sightings.append(Sighting(outcome, said, frequencies))
    return list({id(one): one for one in by_name.values()}.values())


def is_single_allele(query: Query) -> bool:
    """Whether a question names one change: position and all bases."""
    asked = query.variation
    if query.entry_type != "genomicVariant" or asked is None or query.within is not None:
        return False
    if asked.genomic_allele_short_form is not None:
        # Of transcripts and proteins, several changes of the genome have the same effect.
        return ":g." in asked.genomic_allele_short_form
    reference, alternate = asked.reference_bases, asked.alternate_bases
    return (
        asked.reference_name is not None
        and len(asked.start) == 1
        and not asked.end
        and reference is not None
        and alternate is not None
        and _BASES.issuperset(reference + alternate)
    )


def _joined(by_name: dict[str, Variant], names: set[str]) -> Variant:
    """The variant of these names; what was thought to be several may turn out to be one."""
    known = list({id(by_name[name]): by_name[name] for name in names if name in by_name}.values())
    variant = known[0] if known else Variant()
    for other in known[1:]:
        variant.sightings.extend(other.sightings)
        names |= other.names
    variant.names.update(names)
    by_name.update(dict.fromkeys(names, variant))
    return variant


def _record(raw: msgspec.Raw) -> Mapping[str, Any]:
    try:
        record = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return {}  # whatever is in it, it is relayed as it came
    return record if isinstance(record, dict) else {}


def _names(record: Mapping[str, Any]) -> Iterator[str]:
    identifiers, variation = record.get("identifiers"), record.get("variation")
    own = record.get("variantInternalId")
    yield from _vrs_ids(identifiers, variation)
    if isinstance(own, str):
        if own.startswith(_VRS):
            yield own
        elif parse_internal_id(own) is not None:
            yield own
            return
    if isinstance(variation, dict):
        try:
            assembly, allele = allele_from_record(variation, record)
        except (UnreadableVariation, KeyError):
            return
        # A VRS allele does not say which bases it replaces: they are read as N.
        if assembly is not None and (
            not allele.reference_bases or allele.reference_bases.strip("N")
        ):
            yield internal_id(allele, assembly)


def _vrs_ids(identifiers: Any, variation: Any) -> Iterator[str]:
    found = []
    if isinstance(variation, dict):
        found += [variation.get("_id"), variation.get("id")]
    if isinstance(identifiers, dict):
        alternatives = identifiers.get("variantAlternativeIds")
        for one in alternatives if isinstance(alternatives, list) else ():
            found.append(one.get("id") if isinstance(one, dict) else one)
    yield from (one for one in found if isinstance(one, str) and one.startswith(_VRS))
