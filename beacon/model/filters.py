"""How filters are understood: which terms they accept, where they apply, what they compare."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from beacon.framework.query import Filter, Similarity
from beacon.model.allele import Zygosity
from beacon.model.comparison import Comparison, compile_comparison
from beacon.model.fields import (
    FIELD_BY_NAME,
    FIELDS,
    TERM_PATHS,
    Field,
    Reading,
    canonical_curie,
)
from beacon.model.filterable import attributes, custom_ids, term_ids
from beacon.model.ontology import Ontologies
from beacon.model.units import unit_key
from beacon.model.values import Kind, Value

__all__ = [
    "FIELDS",
    "FIELD_BY_NAME",
    "TERM_PATHS",
    "ZYGOSITIES",
    "Comparison",
    "Field",
    "Kind",
    "Reading",
    "Value",
    "accepted_terms",
    "asked_zygosities",
    "attributes",
    "canonical_curie",
    "compile_comparison",
    "custom_ids",
    "find_attributes",
    "is_alphanumeric",
    "resolve_scopes",
    "term_ids",
    "unit_key",
    "zygosity_code",
]

ZYGOSITIES: tuple[tuple[str, str], ...] = (
    ("GENO:0000135", "heterozygous"),
    ("GENO:0000136", "homozygous"),
    ("GENO:0000134", "hemizygous"),
    ("GENO:0000137", "unspecified zygosity"),
)
"""Term and label of each zygosity; the index is the `Zygosity`."""

_ZYGOSITY_CODES: Mapping[str, Zygosity] = {
    "GENO:0000135": Zygosity.HET,
    "GENO:0000402": Zygosity.HET,  # compound heterozygous
    "GENO:0000458": Zygosity.HET,  # simple heterozygous
    "GENO:0000136": Zygosity.HOM,
    "GENO:0000134": Zygosity.HEMI,
    "GENO:0000604": Zygosity.HEMI,  # X-linked
    "GENO:0000605": Zygosity.HEMI,  # Y-linked
    "GENO:0000606": Zygosity.HEMI,  # insertion-linked
    "GENO:0000137": Zygosity.UNSPECIFIED,
}

_COMPOUND_HETEROZYGOUS = "GENO:0000402"


def is_alphanumeric(asked: Filter) -> bool:
    """Whether the filter compares a value; otherwise its id is a term or a custom id."""
    return asked.operator is not None or asked.value is not None


def zygosity_code(term_id: str | None) -> Zygosity:
    """What is kept of a carrier's zygosity; anything unknown is unspecified."""
    return _ZYGOSITY_CODES.get(canonical_curie(term_id or ""), Zygosity.UNSPECIFIED)


def asked_zygosities(asked: Filter) -> frozenset[Zygosity] | None:
    """The zygosities of the carriers that count, `None` when the filter is not about zygosity.

    A finer term asks for its class: only the class of a carrier is stored. Compound heterozygosity
    is the exception: it takes two alleles to say, so that no single one answers it.
    """
    if is_alphanumeric(asked):
        return None
    term_id = canonical_curie(_with_colon(asked.id))
    if term_id == _COMPOUND_HETEROZYGOUS:
        return frozenset()
    code = _ZYGOSITY_CODES.get(term_id)
    return None if code is None else frozenset((code,))


def accepted_terms(asked: Filter, ontologies: Ontologies) -> frozenset[str]:
    """The terms of which a record must have one: the asked one, its kinds, and those like it.

    A filter is defined for an entry type when records of that type use one of these. Similar terms
    come without their own kinds.
    """
    if is_alphanumeric(asked):
        return frozenset()
    term_id = canonical_curie(_with_colon(asked.id))
    accepted = frozenset((term_id,))
    if asked.include_descendant_terms:
        accepted |= ontologies.descendants(term_id)
    if asked.similarity is not Similarity.EXACT:
        accepted |= ontologies.similar(term_id, asked.similarity)
    return accepted


def find_attributes(entry_type: str, asked_id: str, labels: Mapping[str, str]) -> frozenset[str]:
    """The attributes that a filter's id means, among those that records of an entry type have.

    An attribute is named by its id, a field also by its path or an alias; else by its label,
    whatever its case ("Height-standing"); else with `_` for `:`, as URLs have it (`LOINC_8308-9`).

    Args:
        labels: Attribute id → label, of every attribute in use; empty where it has none.
    """
    field = FIELD_BY_NAME.get(entry_type, {}).get(asked_id)
    named = asked_id if field is None else field.id
    if named in labels:
        return frozenset((named,))
    wanted = asked_id.casefold()
    by_label = frozenset(
        one for one, label in labels.items() if label and label.casefold() == wanted
    )
    if by_label:
        return by_label
    return frozenset((canonical_curie(_with_colon(asked_id)),)) & frozenset(labels)


def resolve_scopes(asked: Filter, target: str, defined_in: Collection[str]) -> tuple[str, ...]:
    """The entry types that a filter applies to; empty when nothing can satisfy it.

    An explicit scope counts if the filter is defined there. Without one: the entry type that is
    delivered, if the filter is defined for it; else every one it is defined for, any of which will
    do (Beacon leaves this open).

    Args:
        target: The entry type that is delivered.
        defined_in: The entry types of the dataset for which the filter is defined.
    """
    if asked.scope is not None:
        return _only(asked.scope, defined_in)
    return _only(target, defined_in) or tuple(defined_in)


def _only(entry_type: str, defined_in: Iterable[str]) -> tuple[str, ...]:
    return (entry_type,) if entry_type in defined_in else ()


def _with_colon(term_id: str) -> str:
    """`HP_0000118` as `HP:0000118`."""
    return term_id if ":" in term_id else term_id.replace("_", ":", 1)
