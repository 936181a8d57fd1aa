"""What is asked: the `Query`, the same frozen value whether it came by GET or by POST."""

from __future__ import annotations

import enum
from collections.abc import Mapping

import msgspec


class Granularity(enum.IntEnum):
    """How much an answer says, in order: a rule of `NONE` hides a dataset altogether.

    Beacon v2: `boolean` < `count` < `record`; `NONE` is ours and never on the wire.
    """

    NONE = 0
    BOOLEAN = 1
    COUNT = 2
    RECORD = 3

    @property
    def wire(self) -> str:
        """The specification's own word: `boolean`, `count` or `record`."""
        return self.name.lower()


class Include(enum.StrEnum):
    """`includeResultsetResponses`: which result sets the client wants to see."""

    ALL = "ALL"
    HIT = "HIT"
    MISS = "MISS"
    NONE = "NONE"


class Similarity(enum.StrEnum):
    """How near a term must be to the one asked for; the measure is in `model/ontology.py`."""

    EXACT = "exact"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Operator(enum.StrEnum):
    """The comparison of an alphanumeric filter."""

    EQUAL = "="
    LESS = "<"
    GREATER = ">"
    NOT = "!"
    GREATER_OR_EQUAL = ">="
    LESS_OR_EQUAL = "<="


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """One filter as asked: with `operator` and `value` alphanumeric, else ontology or custom.

    `scope` is a canonical entry type id (`individual`), whatever spelling the client used; a scope
    that names no entry type is kept as it came and matches nothing.
    """

    id: str
    include_descendant_terms: bool = True
    similarity: Similarity = Similarity.EXACT
    operator: Operator | None = None
    value: str | None = None
    scope: str | None = None

    def __str__(self) -> str:
        """As echoed in `receivedRequestSummary.filters`, which the schema wants as strings."""
        if self.operator is None:
            return self.id
        return f"{self.id}:{self.operator}{self.value}"


class VariationQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`requestParameters.g_variant`: the parameters of a genomic variation query, as asked.

    Coordinates are 0-based interbase, half-open. One `start` and no `end` is a sequence query, one
    of each a range, two of each a bracket. Bases are upper case; `None` is "not asked", the empty
    string is "no bases" (the trimmed form of an insertion's reference or a deletion's alternate).
    """

    assembly_id: str | None = None
    reference_name: str | None = None
    start: tuple[int, ...] = ()
    end: tuple[int, ...] = ()
    reference_bases: str | None = None
    alternate_bases: str | None = None
    variant_type: str | None = None
    variant_min_length: int | None = None
    variant_max_length: int | None = None
    mate_name: str | None = None
    gene_id: str | None = None
    aminoacid_change: str | None = None
    genomic_allele_short_form: str | None = None


BANDS: Mapping[str, float] = {"strong": 0.5, "good": 0.35, "possible": 0.2}
"""What a score is called, from which score on, the highest first."""


class CaseVariant(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate variant of a patient.

    Attributes:
        variation: Which one.
        name: As it was asked for, for people to read.
        zygosity: `heterozygous`, `homozygous` or `hemizygous`; `None` is not known.
        gene: The symbol of the gene that it may have changed.
        aminoacid_change: What it changes in the protein, such as `R101Q`.
        effect: What it does there: the id or the name of a term of the Sequence Ontology.
    """

    variation: VariationQuery
    name: str
    zygosity: str | None = None
    gene: str | None = None
    aminoacid_change: str | None = None
    effect: str | None = None


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """A patient to whom people are compared; no two cases that mean the same differ.

    Attributes:
        features: Ids of the phenotypic features that the patient has, in order.
        excluded: Of those that were looked for and not found.
        genes: Symbols of candidate genes, and of those of the candidate variants, in order.
        variants: Candidate variants, by name.
        least: The score from which on somebody counts as similar.
    """

    features: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    genes: tuple[str, ...] = ()
    variants: tuple[CaseVariant, ...] = ()
    least: float = min(BANDS.values())

    @property
    def has_candidates(self) -> bool:
        """Whether it says anything of the genome."""
        return bool(self.genes or self.variants)


class Pagination(msgspec.Struct, frozen=True, kw_only=True):
    """A page. `skip` counts pages; `limit` is records of one result set, 0 the server's maximum."""

    skip: int = 0
    limit: int = 10

    @property
    def offset(self) -> int:
        """Records before the page. With `limit` 0 all is one page and `skip` means nothing."""
        return self.skip * self.limit


class Within(msgspec.Struct, frozen=True):
    """The entry whose linked entries are asked for: `/individuals/{id}/g_variants`."""

    entry_type: str
    id: str


class RequestedSchema(msgspec.Struct, frozen=True, kw_only=True):
    """A schema that the client would like records in."""

    entity_type: str | None = None
    schema: str | None = None


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """One question. `entry_type` is what is delivered; everything else narrows it, joined by AND.

    Effective values: defaults are already filled in and `pagination.limit` is already capped, so
    that what is echoed to the client is what was done.

    `population_filters` are no conditions: they say of which populations records are to give
    frequencies. With a `case`, individuals who are similar enough to it are asked for, most similar
    first; their records then say how similar, and in what.
    """

    entry_type: str
    entry_id: str | None = None
    within: Within | None = None
    variation: VariationQuery | None = None
    case: Case | None = None
    filters: tuple[Filter, ...] = ()
    population_filters: tuple[Filter, ...] = ()
    dataset_ids: tuple[str, ...] = ()
    include: Include = Include.HIT
    include_given: bool = False
    pagination: Pagination = Pagination()
    granularity: Granularity = Granularity.BOOLEAN
    test_mode: bool = False
    requested_schemas: tuple[RequestedSchema, ...] = ()
    api_version: str = "v2.2.0"

    @property
    def wants_records(self) -> bool:
        """Whether any record could be shown: no source needs to fetch what no mode would print."""
        return self.granularity is Granularity.RECORD and self.include in (
            Include.HIT,
            Include.ALL,
        )

    @property
    def chooses_people(self) -> bool:
        """Whether it is about other people than everybody in a dataset."""
        within = self.within is not None and self.within.entry_type != "dataset"
        asked = self.filters or self.variation or self.case
        return bool(asked or self.entry_id is not None or within)

    @property
    def is_unfiltered(self) -> bool:
        """Whether it asks for everything of its entry type."""
        return not (self.entry_id or self.within or self.variation or self.filters or self.case)
