"""Puts together who asks a network, and as whom the network asks its members."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from beacon.auth.authenticator import Authenticator
from beacon.auth.exchange import TokenEndpoints
from beacon.auth.policy import read_purpose
from beacon.auth.pseudonyms import Pseudonyms
from beacon.network.askers import Introduced, introduced
from beacon.network.hops import Callers, Known
from beacon.network.identities import Identities, token_file
from beacon.network.members import Member, check_access
from beacon.settings import Settings


def check(settings: Settings) -> None:
    """Check how members are asked against whose word is taken for who callers are.

    Raises:
        SettingsError: A token would go where others can read it or use it, or could not be had.
    """
    check_access(
        settings.network,
        {name: frozenset(one.audiences) for name, one in settings.auth.brokers.items()},
        allow_loopback_http=settings.auth.allow_loopback_http,
    )


def callers(
    settings: Settings, authenticator: Authenticator | None, pseudonyms: Pseudonyms | None
) -> Callers:
    """Who asks a network; without an authenticator everybody is the public.

    Args:
        pseudonyms: Makes those of callers; needed with an authenticator.
    """
    known = None
    if authenticator is not None and pseudonyms is not None:
        known = _known(authenticator, pseudonyms)
    return Callers(settings.identity.id, settings.network.hops_max, known, read_purpose)


def check_secrets(settings: Settings, members: Sequence[Member]) -> TokenEndpoints:
    """Read what this network shows to others; the endpoints where it gets tokens, not yet open.

    Raises:
        SettingsError: It cannot be read, or not be used.
    """
    for member in members:
        if member.access.token_file:
            token_file(member).read()
    return TokenEndpoints(
        settings.network.token_endpoints,
        {name: one.issuer for name, one in settings.auth.brokers.items()},
        allow_loopback_http=settings.auth.allow_loopback_http,
    )


@contextlib.asynccontextmanager
async def open_identities(
    settings: Settings, members: Sequence[Member]
) -> AsyncIterator[Identities]:
    """As whom members are asked, as long as the context is open.

    Raises:
        SettingsError: What this network shows to others cannot be read, or not be used.
    """
    endpoints = check_secrets(settings, members)
    brokers = settings.auth.brokers.values()
    own_audiences = frozenset(name for one in brokers for name in one.audiences)
    async with (
        endpoints,
        Identities(members, endpoints, own_audiences=own_audiences) as identities,
    ):
        yield identities


def security_levels(settings: Settings) -> tuple[str, ...]:
    """The kinds of callers that a network tells apart, in the specification's words."""
    return ("PUBLIC", "REGISTERED", "CONTROLLED") if settings.auth.brokers else ("PUBLIC",)


def security(settings: Settings) -> dict[str, Any]:
    """What a network says of the credentials that it takes."""
    brokers = settings.auth.brokers.values()
    if not brokers:
        return {"credentials": [], "description": "No credentials are taken; leave them out."}
    return {
        "credentials": ["bearer"],
        "issuers": [one.issuer for one in brokers],
        "description": "Access tokens of these issuers are taken. They are sent to no member: "
        "each is asked as /network/members says, and decides what it tells.",
    }


def _known(authenticator: Authenticator, pseudonyms: Pseudonyms) -> Known:
    async def known(headers: Mapping[str, str]) -> Introduced | None:
        caller = await authenticator.caller(headers)
        if caller is None:
            return None
        asker = pseudonyms.asker(caller, ())
        return introduced(asker, headers, issuer=caller.issuer, expires=caller.expires)

    return known
