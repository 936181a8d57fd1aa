"""The home of `Member`: what a network knows of a beacon from its settings."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

from beacon.framework.errors import SettingsError
from beacon.settings import CountSettings, DialectSettings, MemberSettings, Reporting


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A beacon that a network asks.

    `id` is what answers call it, whatever it calls itself. `urls` are base URLs without a slash at
    the end: first its own, then those of independent copies. `hosts` are `host:port` pairs, the
    only ones that anything is ever sent to. `people` is `None` when unknown.
    """

    id: str
    name: str
    country: str
    urls: tuple[str, ...]
    hosts: frozenset[str]
    allow_private: bool = False
    timeout_s: float = 10.0
    concurrent: int = 16
    people: int | None = None
    disjoint: bool = False
    counts: CountSettings = CountSettings()
    dialect: DialectSettings = DialectSettings()


def members(settings: Mapping[str, MemberSettings]) -> tuple[Member, ...]:
    """The members that settings name, in their order.

    Raises:
        SettingsError: What is said of a member makes no sense.
    """
    return tuple(_member(member_id, one) for member_id, one in settings.items())


def host_of(url: str) -> str:
    """The `host:port` that a URL leads to, in lower case."""
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    return f"{(parts.hostname or '').lower()}:{port}"


def _member(member_id: str, settings: MemberSettings) -> Member:
    where = f'network.members."{member_id}"'
    urls = tuple(one.rstrip("/") for one in (settings.url, *settings.replicas))
    for url in urls:
        if not url.startswith(("https://", "http://")) or "@" in urlsplit(url).netloc:
            raise SettingsError(f"{where}: {url!r} is not an http or https URL without credentials")
    counts = settings.counts
    if counts.reporting in _BY_THRESHOLD and counts.threshold < 2:
        raise SettingsError(
            f"{where}.counts.threshold is {counts.threshold}; counts that are "
            f"{counts.reporting.value} below it need a threshold of at least 2"
        )
    if counts.reporting in (Reporting.ROUNDED, Reporting.ROUNDED_UP) and counts.step < 2:
        raise SettingsError(
            f"{where}.counts.step is {counts.step}; {counts.reporting.value} needs one of at "
            "least 2"
        )
    if counts.reporting is Reporting.NOISY and not counts.scale:
        raise SettingsError(f"{where}.counts.scale is missing; noisy counts need one")
    allowed = (one if ":" in one else f"{one}:443" for one in settings.allowed_hosts)
    return Member(
        id=member_id,
        name=settings.name,
        country=settings.country,
        urls=urls,
        hosts=frozenset((*map(host_of, urls), *map(str.lower, allowed))),
        allow_private=settings.allow_private,
        timeout_s=settings.timeout_s,
        concurrent=settings.concurrent,
        people=settings.people or None,
        disjoint=settings.disjoint,
        counts=counts,
        dialect=settings.dialect,
    )


_BY_THRESHOLD = (Reporting.RAISED, Reporting.ZEROED, Reporting.OMITTED)
