"""The seven entry types of the Beacon v2 default model: everything else is derived from them."""

from __future__ import annotations

from beacon.framework.entry_types import EntryType, Model
from beacon.model.frequency_filters import FrequencyFilters
from beacon.model.protected_variants import protected
from beacon.model.variation_query import check_variation

SPECIFICATION = "Beacon v2.2.0"

DATASET = EntryType(
    id="dataset",
    path="datasets",
    name="Dataset",
    description="A body of variants, people and samples that is governed and released as one.",
    ontology_term=("NCIT:C47824", "Data set"),
    schema_id="ga4gh-beacon-dataset-v2.0.0",
    schema_path="entry_types/dataset.json",
    part_of_specification=SPECIFICATION,
    collection_of=("genomicVariant", "individual", "biosample", "run", "analysis"),
    linked=("genomicVariant", "biosample", "individual", "run", "analysis"),
    has_filtering_terms=True,
)
COHORT = EntryType(
    id="cohort",
    path="cohorts",
    name="Cohort",
    description="People grouped by something that they have in common.",
    ontology_term=("NCIT:C61512", "Cohort"),
    schema_id="ga4gh-beacon-cohort-v2.0.0",
    schema_path="entry_types/cohort.json",
    part_of_specification=SPECIFICATION,
    collection_of=("individual",),
    linked=("individual", "genomicVariant", "biosample", "run", "analysis"),
    has_filtering_terms=True,
)
GENOMIC_VARIANT = EntryType(
    id="genomicVariant",
    path="g_variants",
    name="Genomic variant",
    description="A difference from the reference genome, with the samples it was observed in.",
    ontology_term=("ENSGLOSSARY:0000092", "Variant"),
    schema_id="ga4gh-beacon-variant-v2.1.0",
    schema_path="entry_types/genomicVariant.json",
    part_of_specification=SPECIFICATION,
    linked=("biosample", "individual", "run", "analysis"),
)
INDIVIDUAL = EntryType(
    id="individual",
    path="individuals",
    name="Individual",
    description="A person: a patient, a donor, a participant of a study.",
    ontology_term=("NCIT:C25190", "Person"),
    schema_id="ga4gh-beacon-individual-v2.0.0",
    schema_path="entry_types/individual.json",
    part_of_specification=SPECIFICATION,
    linked=("genomicVariant", "biosample", "run", "analysis"),
)
BIOSAMPLE = EntryType(
    id="biosample",
    path="biosamples",
    name="Biosample",
    description="Material taken from a person, such as blood or a piece of tissue.",
    ontology_term=("NCIT:C70699", "Biospecimen"),
    schema_id="ga4gh-beacon-biosample-v2.0.0",
    schema_path="entry_types/biosample.json",
    part_of_specification=SPECIFICATION,
    linked=("genomicVariant", "analysis", "run"),
)
RUN = EntryType(
    id="run",
    path="runs",
    name="Sequencing run",
    description="One completed pass of a biosample through a sequencing instrument.",
    ontology_term=("NCIT:C148088", "Sequencing run"),
    schema_id="ga4gh-beacon-run-v2.0.0",
    schema_path="entry_types/run.json",
    part_of_specification=SPECIFICATION,
    linked=("genomicVariant", "analysis"),
)
ANALYSIS = EntryType(
    id="analysis",
    path="analyses",
    name="Bioinformatics analysis",
    description="The processing of sequence data by which variants were called.",
    ontology_term=("edam:operation_2945", "Analysis"),
    schema_id="ga4gh-beacon-analysis-v2.0.0",
    schema_path="entry_types/analysis.json",
    part_of_specification=SPECIFICATION,
    linked=("genomicVariant",),
)

OF_PEOPLE = ("individual", "biosample", "run", "analysis")
"""Entry types that are people, their samples, or what was done with these."""

NO_INDIVIDUALS = {"notApplicable": "this dataset has alleles and their counts, but no individuals"}
"""The `info` of a result set that cannot say whether there is such a person."""

MODEL = Model(
    entry_types=(DATASET, COHORT, GENOMIC_VARIANT, INDIVIDUAL, BIOSAMPLE, RUN, ANALYSIS),
    check_variation=check_variation,
    # The specification has several names for the same thing, in requests and in scopes.
    aliases={
        "g_variant": "genomicVariant",
        "genomicVariants": "genomicVariant",
        "genomicVariation": "genomicVariant",
        "genomicVariations": "genomicVariant",
    },
    view=FrequencyFilters(),
    protect=protected,
)
"""The model that this beacon serves."""
