"""What a record can be filtered by: its terms, its custom ids and the values of its attributes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from beacon.framework.answer import Record
from beacon.model.fields import (
    FIELD_BY_NAME,
    FIELDS,
    TERM_PATHS,
    Field,
    Reading,
    canonical_curie,
    is_category,
)
from beacon.model.values import Value, number_value, text_value, time_value
from beacon.model.variation import UnreadableVariation, allele_from_record

LISTED_FROM = 5
"""Entries of a dataset that share a custom id from `info` before it is listed.

What fewer have says something of them rather than of the cohort: a number that one person goes by,
or a remark. It can be filtered by all the same, by whoever knows it.
"""

# Longer text in `info` is prose, not a category.
_CUSTOM_MAX_LENGTH = 40
_CUSTOM_MAX_WORDS = 4


def term_ids(entry_type: str, record: Record) -> dict[str, str]:
    """The ontology terms that a record has, with the labels it gives them (empty: none)."""
    found: dict[str, str] = {}
    for path in TERM_PATHS.get(entry_type, ()):
        for value in values_at(record, path):
            term_id, label = _term(value)
            if term_id and not found.get(term_id):
                found[term_id] = label
    return found


def custom_ids(entry_type: str, record: Record) -> dict[str, str]:
    """The ids of the custom filters that a record satisfies: `field:value`, each with a label.

    Categories (`libraryLayout:PAIRED`), and what `info` says in few words, by the path inside it
    (`demographic.ethnicity:asian`), at most two deep. Of the latter not all are listed: see
    `is_listed`.
    """
    found: dict[str, str] = {}
    for field in FIELDS.get(entry_type, ()):
        if field.reading is Reading.CATEGORY:
            for text in _texts(record, field):
                found[f"{field.id}:{text}"] = f"{field.label}: {text}"
    info = record.get("info")
    if isinstance(info, Mapping):
        taken = FIELD_BY_NAME.get(entry_type, {})
        for path, text in _scalars(info):
            custom = f"{path}:{text}"
            # What is in `info` never passes for a category, which is listed whoever has it.
            if f"info.{path}" not in taken and not _is_of_category(entry_type, custom):
                found.setdefault(custom, "")
    return found


def is_listed(entry_type: str, custom: str, entries: int) -> bool:
    """Whether a custom id is among the filtering terms that a dataset is said to have.

    Args:
        entries: How many entries of that type have it.
    """
    return entries >= LISTED_FROM or (entries > 0 and _is_of_category(entry_type, custom))


def _is_of_category(entry_type: str, custom: str) -> bool:
    return is_category(entry_type, custom.partition(":")[0])


def attributes(entry_type: str, record: Record) -> Iterator[tuple[str, str, Value]]:
    """Every value of a record that alphanumeric filters reach: attribute id, its label, the value.

    Attributes are the `FIELDS`, the assays of measurements (`LOINC:8308-9`) and the codes of
    exposures. A measurement whose value is a term has the term's id and its label as texts.
    Variants have a type whether or not they say so.
    """
    for field in FIELDS.get(entry_type, ()):
        values = _read(record, field)
        if not values and (entry_type, field.id) == ("genomicVariant", "variantType"):
            values = _derived_type(record)
        for value in values:
            yield field.id, field.label, value
    if entry_type not in ("individual", "biosample"):
        return
    for name in ("measurements", "measures"):
        for measurement in values_at(record, name):
            yield from _measured(measurement)
    for exposure in values_at(record, "exposures"):
        code, label = _term(exposure.get("exposureCode") if _is_object(exposure) else None)
        amount = number_value(exposure.get("value"), exposure.get("unit")) if code else None
        if amount is not None:
            yield code, label, amount


def values_at(record: Any, path: str) -> Iterator[Any]:
    """What lies at a path, through arrays, leaving out whatever is marked `excluded`."""
    names = path.split(".")
    if isinstance(record, dict) and names[0] not in record:  # most paths, of most records
        return iter(())
    found = [record]
    for name in names:
        below: list[Any] = []
        for parent in found:
            value = parent.get(name) if _is_object(parent) else None
            if value is not None:
                below += [element for element in _elements(value) if not _is_excluded(element)]
        found = below
    return iter(found)


def _elements(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _is_object(value: Any) -> bool:
    # Asking for a `dict` first is ten times as fast where it is one, as it is in a load.
    return isinstance(value, (dict, Mapping))


def _is_excluded(value: Any) -> bool:
    # Spreadsheet exports write the flag as text.
    return _is_object(value) and "excluded" in value and str(value["excluded"]).casefold() == "true"


def _term(value: Any) -> tuple[str, str]:
    """Id and label of an ontology term; both empty when the value is something else."""
    if not _is_object(value) or not isinstance(value.get("id"), str) or ":" not in value["id"]:
        return "", ""
    label = value.get("label")
    return canonical_curie(value["id"]), label if isinstance(label, str) else ""


def _texts(record: Record, field: Field) -> Iterator[str]:
    return (value.text for value in _read(record, field) if value.text)


def _read(record: Record, field: Field) -> list[Value]:
    """The values of the first of a field's paths that has any."""
    for path in field.paths:
        read = (_value(found, field.reading) for found in values_at(record, path))
        values = [value for value in read if value is not None]
        if values:
            return values
    return []


def _derived_type(record: Record) -> list[Value]:
    """The type of a variant that is known by what changed, as alleles of VRS are."""
    variation = record.get("variation")
    if not isinstance(variation, Mapping):
        return []
    try:
        _, allele = allele_from_record(variation, record)
    except UnreadableVariation:
        return []
    return [text_value(allele.variant_type)]


def _value(found: Any, reading: Reading) -> Value | None:
    match reading:
        case Reading.TIME:
            return time_value(found)
        case Reading.NUMBER:
            return number_value(found)
        case _:
            return text_value(found) if isinstance(found, str) else None


def _measured(measurement: Any) -> Iterator[tuple[str, str, Value]]:
    if not _is_object(measurement):
        return
    code, label = _term(measurement.get("assayCode"))
    value = measurement.get("measurementValue")
    if not code or not _is_object(value):
        return
    for part in _elements(value.get("typedQuantities") or []):
        part_code, part_label = _term(part.get("quantityType") if _is_object(part) else None)
        if part_code and _is_object(part.get("quantity")):
            yield from _quantity(part_code, part_label, part["quantity"])
    result, result_label = _term(value)
    if result:
        for text in (result, result_label):
            if text:
                yield code, label, text_value(text)
        return
    # Phenopackets wrap the quantity once more.
    inner = value.get("quantity")
    yield from _quantity(code, label, inner if _is_object(inner) else value)


def _quantity(
    code: str, label: str, quantity: Mapping[str, Any]
) -> Iterator[tuple[str, str, Value]]:
    value = number_value(quantity.get("value"), quantity.get("unit"))
    if value is not None:
        yield code, label, value


def _scalars(info: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Path and text of every single value in `info` and in its objects."""
    for key, value in info.items():
        if isinstance(value, Mapping):
            inner = ((f"{key}.{name}", one) for name, one in value.items())
        else:
            inner = ((key, value),)  # type: ignore[assignment]
        for path, one in inner:
            if isinstance(one, bool):
                yield path, str(one).lower()
            elif isinstance(one, str | int | float) and _is_category_text(str(one)):
                yield path, str(one)


def _is_category_text(text: str) -> bool:
    return 0 < len(text) <= _CUSTOM_MAX_LENGTH and len(text.split()) <= _CUSTOM_MAX_WORDS
