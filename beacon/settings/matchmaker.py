"""The home of the settings of Matchmaker Exchange."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from beacon.settings.values import Count, Section


class MatchmakerSettings(Section, frozen=True, kw_only=True):
    """Whether servers of Matchmaker Exchange may ask for people like a patient, and how."""

    enabled: Annotated[
        bool,
        Meta(
            description="Whether `/mme/match` is there. Servers show an access token in "
            "`X-Auth-Token`, so that `auth.brokers` must name who issues them."
        ),
    ] = False
    results_max: Annotated[Count, Meta(description="People that one answer tells of at most.")] = 10
    disclaimer: Annotated[str, Meta(description="What every answer says of its use.")] = (
        "Results are for research and for the care of the patient asked about. Do not try to "
        "identify anybody. Contact whoever keeps the data for more."
    )
    terms: Annotated[str, Meta(description="Terms of use, or where they are.")] = ""
