"""The home of the settings of who may learn what."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, field

from beacon.framework.query import Granularity
from beacon.settings.values import Count, Level, Section


class Below(StrEnum):
    """What becomes of fewer people than may be told of, as settings spell it."""

    ZERO = "zero"
    THRESHOLD = "threshold"


Epsilon = Annotated[float, Meta(ge=0, le=10)]


class Rule(Section, frozen=True, kw_only=True):
    """The most that may be learnt of one entry type, and how numbers of people are told."""

    level: Annotated[Level, Meta(description="`none`, `boolean`, `count` or `record`.")]
    min_count: Annotated[
        Count | None, Meta(description="Instead of the `min_count` of the dataset.")
    ] = None
    round_to: Annotated[
        Count | None, Meta(description="Instead of the `round_to` of the dataset.")
    ] = None
    below: Annotated[Below | None, Meta(description="Instead of the `below` of the dataset.")] = (
        None
    )
    noise: Annotated[Epsilon | None, Meta(description="Instead of the `noise` of the dataset.")] = (
        None
    )

    @property
    def granularity(self) -> Granularity:
        """The level, as the value that the rest of the software works with."""
        return self.level.granularity


class BudgetSettings(Section, frozen=True, kw_only=True):
    """How much a caller may learn of each person in a dataset, by whatever they ask."""

    power: Annotated[
        float,
        Meta(
            description="Most probable share of people whom a caller could tell to be in the data, "
            "with 5 % mistaken, by the best of all attacks. Who is near it is left out of that "
            "caller's answers.",
            gt=0.05,
            lt=1,
        ),
    ] = 0.2
    window_days: Annotated[
        float, Meta(description="Days after which an answer no longer counts.", gt=0)
    ] = 365.0
    questions_per_month: Annotated[
        int, Meta(description="Different questions within thirty days. 0: any number.", ge=0)
    ] = 2000
    filters_max: Annotated[
        int,
        Meta(
            description="Filters in one question; with more it is not applied to the dataset.", ge=1
        ),
    ] = 4
    organisation_factor: Annotated[
        float, Meta(description="As many budgets all callers of one organisation have.", ge=1)
    ] = 5.0
    dataset_factor: Annotated[
        float, Meta(description="As many budgets all callers together have.", ge=1)
    ] = 30.0


class DatasetPolicy(Section, frozen=True, kw_only=True):
    """What callers may learn of one dataset."""

    public: Annotated[
        dict[str, Level | Rule],
        Meta(
            description="Entry type id, or `*` for every one without a rule of its own, to the "
            "most that anybody may learn: `none`, `boolean`, `count` or `record`, or a table with "
            "that as `level`, and `min_count`, `round_to`, `below` and `noise`."
        ),
    ] = field(default_factory=dict)
    tiers: Annotated[
        dict[str, dict[str, Level | Rule]],
        Meta(description="Name of a tier to rules such as those of `public`, for its callers."),
    ] = field(default_factory=dict)
    visa_value: Annotated[
        str,
        Meta(description="What visas call the dataset: `${dataset.visa_value}` in a tier."),
    ] = ""
    dac: Annotated[
        tuple[str, ...],
        Meta(
            description="The `source` of visas for the dataset, a URL of its data access "
            "committee: `${dataset.dac}` in a tier."
        ),
    ] = ()
    min_count: Annotated[
        Count | None,
        Meta(
            description="Fewer people than this are told as nobody, and so are those left when "
            "all but fewer than this are told. 1: every number is told. Unless it is said here or "
            "in a rule, 10; 3 (`boolean`) or 5 for `healthcare`; 1 for tiers that need a grant, "
            "and for `dataset` and `cohort`."
        ),
    ] = None
    round_to: Annotated[
        Count, Meta(description="Numbers of people are told as multiples of it.")
    ] = 1
    below: Annotated[
        Below,
        Meta(
            description="`zero`: fewer than `min_count` are told as nobody; `threshold`: as "
            "`min_count`, which hides how many they are but not that there are some."
        ),
    ] = Below.ZERO
    noise: Annotated[
        Epsilon,
        Meta(
            description="Epsilon of the noise in numbers of the people, samples, runs and analyses "
            "that a question chooses, such as 0.3; from 0.01 on, and the smaller, the more of it. "
            "The same question has the same noise until the next release. 0: none."
        ),
    ] = 0.0
    budgets: Annotated[
        dict[str, BudgetSettings],
        Meta(
            description="Name of a tier to how much each of its callers may learn. A caller of "
            "several such tiers keeps to the budgets of all, unless one without a budget grants "
            "as much as they do."
        ),
    ] = field(default_factory=dict)
    membership_sensitive: Annotated[
        bool | None,
        Meta(
            description="Whether it must stay hidden who is in the dataset, as where all have one "
            "disease. If `true`, nothing but `dataset` and `cohort` can be public. Where it is not "
            "said, it is `false`, and `beacon privacy report` asks for it where it matters."
        ),
    ] = None
    accept_risk: Annotated[
        str,
        Meta(
            description="Why rules may tell of fewer people than they would by themselves, such "
            "as `synthetic data`. Without it they cannot. `/info` and the log repeat it."
        ),
    ] = ""

    @property
    def is_public(self) -> bool:
        """Whether everybody may know that the dataset is there."""
        return any(one.granularity > Granularity.NONE for one in self.public.values())


class VisaSettings(Section, frozen=True, kw_only=True):
    """A visa that callers must have, or a tier that they must be in."""

    tier: Annotated[str, Meta(description="Name of another tier; then nothing else is said.")] = ""
    type: Annotated[str, Meta(description="Type of the visa, such as `ResearcherStatus`.")] = ""
    value: Annotated[
        tuple[str, ...],
        Meta(description="Its `value` is one of these, character by character. Empty: any."),
    ] = ()
    value_pattern: Annotated[
        str,
        Meta(description="Its `value` is of this form: `*` is any text, `?` one character."),
    ] = ""
    source: Annotated[
        tuple[str, ...],
        Meta(description="Its `source` is one of these. Empty: any that is trusted for the type."),
    ] = ()
    by: Annotated[
        tuple[str, ...],
        Meta(description="Its `by` is one of `self`, `peer`, `system`, `so`, `dac`. Empty: any."),
    ] = ()


class PurposeSettings(Section, frozen=True, kw_only=True):
    """For what callers ask, as they say in `X-Beacon-Purpose`."""

    required: Annotated[bool, Meta(description="Whether they must say.")] = False
    allow: Annotated[
        tuple[str, ...],
        Meta(description="Purposes there are, such as `DUO:0000043`. Empty: any."),
    ] = ()


class TierSettings(Section, frozen=True, kw_only=True):
    """What makes callers belong to a tier: all of it."""

    all_of: Annotated[
        tuple[VisaSettings, ...],
        Meta(
            description="Each a visa that callers have, `type` and any of `value`, "
            "`value_pattern`, `source` and `by`, or a `tier` they are in."
        ),
    ] = ()
    same_value: Annotated[
        bool, Meta(description="Whether the visas must all have the same `value`.")
    ] = False
    purpose: PurposeSettings = PurposeSettings()


class PolicySettings(Section, frozen=True, kw_only=True):
    """Who may learn what. A dataset that is not named here does not exist for any caller."""

    tiers: Annotated[
        dict[str, TierSettings],
        Meta(
            description="Name of a tier to what makes callers belong to it, beside `registered`, "
            "`healthcare` and `controlled`, or in their place."
        ),
    ] = field(default_factory=dict)
    datasets: Annotated[dict[str, DatasetPolicy], Meta(description="Dataset id to its rules.")] = (
        field(default_factory=dict)
    )
