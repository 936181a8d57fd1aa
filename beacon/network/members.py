"""The home of `Member`: what a network knows of a beacon from its settings."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

import msgspec

from beacon.framework.errors import SettingsError
from beacon.settings import (
    CountSettings,
    DialectSettings,
    MemberAccessSettings,
    MemberSettings,
    NetworkSettings,
    Reporting,
    Via,
)


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
    access: MemberAccessSettings = MemberAccessSettings()


def members(settings: Mapping[str, MemberSettings]) -> tuple[Member, ...]:
    """The members that settings name, in their order.

    Raises:
        SettingsError: What is said of a member makes no sense.
    """
    return tuple(_member(member_id, one) for member_id, one in settings.items())


def check_access(
    settings: NetworkSettings, brokers: Mapping[str, frozenset[str]], *, allow_loopback_http: bool
) -> None:
    """Check how members are asked against what else there is.

    Args:
        settings: The section `network`.
        brokers: The audiences that this network goes by, by the name of each broker.
        allow_loopback_http: Whether members on this very machine may be asked without TLS.

    Raises:
        SettingsError: A token would go where others can read it or use it, or could not be had.
    """
    endpoints = settings.token_endpoints
    own_audiences = frozenset[str]().union(*brokers.values())
    member_of: dict[str, str] = {}
    for member_id, member in settings.members.items():
        where, access = f'network.members."{member_id}"', member.access
        if access.via is Via.NONE:
            continue
        for url in (member.url, *member.replicas):
            if not (url.startswith("https://") or (allow_loopback_http and _is_loopback(url))):
                raise SettingsError(f"{where}: tokens are sent there, so {url!r} must be https")
        if access.token_endpoint and access.token_endpoint not in endpoints:
            known = ", ".join(endpoints) or "none"
            raise SettingsError(
                f"{where}.access.token_endpoint is {access.token_endpoint!r}; "
                f"network.token_endpoints has {known}"
            )
        if access.via is Via.EXCHANGE and brokers.keys().isdisjoint(endpoints):
            raise SettingsError(
                f"{where}.access: tokens are exchanged at the broker of the caller; "
                "network.token_endpoints has none by the name of one of auth.brokers"
            )
        if not brokers and not access.public:
            raise SettingsError(
                f"{where}.access: callers who show nothing are answered as the public, and "
                "without auth.brokers nobody can show anything"
            )
        if access.audience:
            other = member_of.setdefault(access.audience, member_id)
            if other != member_id or access.audience in own_audiences:
                whose = "this network" if other == member_id else f'"{other}"'
                raise SettingsError(
                    f"{where}.access.audience is that of {whose}, too: a token for one would be "
                    "good at the other"
                )
    used = {one.access.token_endpoint for one in settings.members.values()}
    if any(one.access.via is Via.EXCHANGE for one in settings.members.values()):
        used |= brokers.keys()
    for name in endpoints:
        if name not in used:
            raise SettingsError(
                f"network.token_endpoints.{name} is neither a broker whose callers' tokens are "
                "exchanged nor where a member's credential comes from"
            )


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


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
        access=_access(where, settings.access),
    )


def _access(where: str, access: MemberAccessSettings) -> MemberAccessSettings:
    given = {one for one in access.__struct_fields__ if getattr(access, one) != _NONE_GIVEN[one]}
    idle = given - _READ[access.via]
    if idle:
        raise SettingsError(
            f"{where}.access: via = {access.via.value!r} has no use for {', '.join(sorted(idle))}"
        )
    if access.via is Via.EXCHANGE and not access.audience:
        raise SettingsError(
            f"{where}.access.audience is empty: a token must say that it is for this member alone"
        )
    if access.via is Via.CREDENTIAL and bool(access.token_file) is bool(access.token_endpoint):
        raise SettingsError(
            f"{where}.access: a credential comes either out of token_file or from token_endpoint"
        )
    if access.token_file and given & {"audience", "resource", "scope"}:
        raise SettingsError(
            f"{where}.access: audience, resource and scope are of tokens from token_endpoint"
        )
    return access


_NONE_GIVEN = msgspec.structs.asdict(MemberAccessSettings())
_OF_TOKENS = {"via", "audience", "resource", "scope"}
_READ: Mapping[Via, set[str]] = {
    Via.NONE: {"via"},
    Via.EXCHANGE: _OF_TOKENS,
    Via.CREDENTIAL: {*_OF_TOKENS, "token_file", "token_endpoint", "public"},
}
_BY_THRESHOLD = (Reporting.RAISED, Reporting.ZEROED, Reporting.OMITTED)
