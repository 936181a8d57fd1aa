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

    @property
    def granularity(self) -> Granularity:
        """The level, as the value that the rest of the software works with."""
        return self.level.granularity


class DatasetPolicy(Section, frozen=True, kw_only=True):
    """What callers may learn of one dataset."""

    public: Annotated[
        dict[str, Level | Rule],
        Meta(
            description="Entry type id, or `*` for every one without a rule of its own, to the "
            "most that anybody may learn: `none`, `boolean`, `count` or `record`, or a table with "
            "that as `level`, and `min_count`, `round_to` and `below`."
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
        Count,
        Meta(
            description="Fewer people than this are told as nobody, and so are those left when "
            "all but fewer than this are told. 1: every number is told."
        ),
    ] = 1
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
    membership_sensitive: Annotated[
        bool,
        Meta(
            description="Whether it must stay hidden who is in the dataset, as where all have one "
            "disease. Then nothing but `dataset` and `cohort` can be public."
        ),
    ] = False


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
