"""What of records can be filtered by: where they have terms, and the attributes that all have."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

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
