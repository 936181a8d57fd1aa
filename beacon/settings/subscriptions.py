"""The home of the settings of standing questions."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from beacon.settings.values import Count, Section


class SubscriptionSettings(Section, frozen=True, kw_only=True):
    """Questions that people let stand: they are asked again when there is a new release."""

    enabled: Annotated[
        bool,
        Meta(
            description="Whether people can let questions stand. They have to be known for it, so "
            "that `auth.brokers` must name who says who they are."
        ),
    ] = False
    per_caller: Annotated[Count, Meta(description="Standing questions of one person at most.")] = 50
    every_hours: Annotated[
        float,
        Meta(
            description="Hours between two looks whether there is a new release, at least; a "
            "quarter more at most.",
            gt=0,
        ),
    ] = 24.0
    rights_days: Annotated[
        float,
        Meta(
            description="Days for which a question stands after its owner showed a token, if none "
            "of the visas ends before; then it waits until it is renewed.",
            gt=0,
        ),
    ] = 30.0
    webhooks: Annotated[
        bool, Meta(description="Whether notifications are also sent to URLs that people give.")
    ] = True
    allow_loopback_http: Annotated[
        bool,
        Meta(
            description="Whether such a URL may be on this very machine, without TLS. For trying "
            "out."
        ),
    ] = False
