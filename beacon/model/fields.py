"""What of a record can be filtered by: its terms, its attributes with their values, its own ids."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from beacon.framework.answer import Record
from beacon.model.comparison import Value, number_value, text_value, time_value
from beacon.model.variation import UnreadableVariation, allele_from_record

TERM_PATHS: Mapping[str, tuple[str, ...]] = {
    "individual": (
        "sex",
        "ethnicity",
        "geographicOrigin",
        "diseases.diseaseCode",
        "diseases.severity",
        "diseases.stage",
        "diseases.ageOfOnset",
        "phenotypicFeatures.featureType",
        "phenotypicFeatures.severity",
        "phenotypicFeatures.modifiers",
        "phenotypicFeatures.onset",
        "interventionsOrProcedures.procedureCode",
        "interventionsOrProcedures.bodySite",
        "measurements.assayCode",
        "measurements.measurementValue",
        "measures.assayCode",
        "measures.measurementValue",
        "treatments.treatmentCode",
        "treatments.routeOfAdministration",
        "exposures.exposureCode",
    ),
    "biosample": (
        "biosampleStatus",
        "sampleOriginType",
        "sampleOriginDetail",
        "histologicalDiagnosis",
        "tumorProgression",
        "tumorGrade",
        "pathologicalStage",
        "pathologicalTnmFinding",
        "diagnosticMarkers",
        "obtentionProcedure.procedureCode",
        "phenotypicFeatures.featureType",
        "phenotypicFeatures.severity",
        "phenotypicFeatures.modifiers",
        "measurements.assayCode",
        "measurements.measurementValue",
        "sampleProcessing",
        "sampleStorage",
    ),
    "run": ("librarySource", "platformModel"),
    "analysis": (),
    "dataset": ("dataUseConditions.duoDataUse", "dataUseConditions.duoDataUse.modifiers"),
    "cohort": (
        "cohortDesign",
        "cohortDataTypes",
        "inclusionCriteria.ethnicities",
        "inclusionCriteria.genders",
        "inclusionCriteria.locations",
        "inclusionCriteria.diseaseConditions.diseaseCode",
        "inclusionCriteria.phenotypicConditions.featureType",
    ),
    "genomicVariant": (
        "molecularAttributes.molecularEffects",
        "molecularAttributes.genomicFeatures.featureClass",
        "variantLevelData.clinicalInterpretations.effect",
        "variantLevelData.clinicalInterpretations.category",
        "variantLevelData.phenotypicEffects.effect",
        "variantLevelData.phenotypicEffects.category",
    ),
}
"""Where records have ontology terms, by entry type.

A path runs through arrays without saying so. What is marked `excluded` (a phenotypic feature that
was looked for and is absent) has no terms at all. The zygosity of carriers is in `filters.py`: it
says which carriers count rather than which variants.
"""

LISTED_FROM = 5
"""Entries of a dataset that share a custom id from `info` before it is listed.

What fewer have says something of them rather than of the cohort: a number that one person goes by,
or a remark. It can be filtered by all the same, by whoever knows it.
"""

# Longer text in `info` is prose, not a category.
_CUSTOM_MAX_LENGTH = 40
_CUSTOM_MAX_WORDS = 4


class Reading(enum.Enum):
    """How the value of a field is read."""

    TEXT = "text"
    CATEGORY = "category"  # text of few different values: advertised, and a custom id each
    NUMBER = "number"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class Field:
    """An attribute that alphanumeric filters name by `id`, or by a path or an alias.

    Of several `paths` the first that has a value counts.
    """

    id: str
    label: str
    paths: tuple[str, ...]
    reading: Reading = Reading.TEXT
    aliases: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Everything a client may call it."""
        durations = tuple(
            f"{path}.iso8601duration" for path in self.paths if self.reading is Reading.TIME
        )
        return (self.id, *self.paths, *durations, *self.aliases)


_C, _N, _T = Reading.CATEGORY, Reading.NUMBER, Reading.TIME

FIELDS: Mapping[str, tuple[Field, ...]] = {
    "individual": (
        # The onsets stand in for an age that is not given; they are no other names of it.
        Field("ageOfOnset", "Age of onset of a disease", ("diseases.ageOfOnset",), _T),
        Field("age", "Age", ("info.age", "diseases.ageOfOnset"), _T),
        Field(
            "phenotypicFeatures.onset",
            "Age of onset of a phenotypic feature",
            ("phenotypicFeatures.onset",),
            _T,
        ),
        Field("karyotypicSex", "Karyotypic sex", ("karyotypicSex",), _C),
    ),
    "biosample": (
        Field("collectionMoment", "Age at collection", ("collectionMoment",), _T, ("age",)),
        Field("collectionDate", "Date of collection", ("collectionDate",), _T),
    ),
    "run": (
        Field("libraryStrategy", "Library strategy", ("libraryStrategy",), _C),
        Field("librarySelection", "Library selection", ("librarySelection",), _C),
        Field("libraryLayout", "Library layout", ("libraryLayout",), _C),
        Field("platform", "Sequencing platform", ("platform",), _C),
        Field("runDate", "Date of the run", ("runDate",), _T),
    ),
    "analysis": (
        Field("aligner", "Aligner", ("aligner",)),
        Field("pipelineName", "Pipeline", ("pipelineName",)),
        Field("pipelineRef", "Reference of the pipeline", ("pipelineRef",)),
        Field("variantCaller", "Variant caller", ("variantCaller",)),
        Field("analysisDate", "Date of the analysis", ("analysisDate",), _T),
    ),
    "genomicVariant": (
        Field("variantType", "Variant type", ("variation.variantType",)),
        Field(
            "geneIds", "Gene", ("molecularAttributes.geneIds",), aliases=("geneId", "gene", "genes")
        ),
        Field(
            "aminoacidChanges",
            "Amino acid change",
            ("molecularAttributes.aminoacidChanges",),
            aliases=("aminoacidChange",),
        ),
        Field(
            "clinicalRelevance",
            "Clinical relevance",
            ("variantLevelData.clinicalInterpretations.clinicalRelevance",),
            _C,
        ),
        Field("clinvarVariantId", "ClinVar variant id", ("identifiers.clinvarVariantId",)),
    ),
    "dataset": (
        Field("name", "Name of the dataset", ("name",)),
        Field("version", "Version of the dataset", ("version",)),
    ),
    "cohort": (
        Field("name", "Name of the cohort", ("name",)),
        Field("cohortType", "Type of the cohort", ("cohortType",), _C),
        Field("cohortSize", "Size of the cohort", ("cohortSize",), _N),
    ),
}
"""The attributes that every beacon has, by entry type; measurements and exposures add their own."""

FIELD_BY_NAME: Mapping[str, Mapping[str, Field]] = {
    # The first field that claims a name has it.
    entry_type: {name: field for field in reversed(fields) for name in reversed(field.names)}
    for entry_type, fields in FIELDS.items()
}
"""Entry type → any name of a field → the field."""


def is_category(entry_type: str, attribute: str) -> bool:
    """Whether an attribute takes few different texts, which may be listed."""
    named = FIELD_BY_NAME.get(entry_type, {}).get(attribute)
    return named is not None and named.reading is Reading.CATEGORY


def canonical_curie(term_id: str) -> str:
    """One spelling of a term's id: OBO fragments (`GENO:GENO_0000458`) lose the doubled prefix."""
    prefix, _, local = term_id.partition(":")
    return f"{prefix}:{local.removeprefix(f'{prefix}_')}" if local else term_id


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
