"""The home of the rule that tells which visas are about the person who shows them."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import unquote

from beacon.auth.callers import Caller
from beacon.auth.conditions import are_met
from beacon.auth.issuers import LINKED_IDENTITIES, Identity
from beacon.auth.visas import Statement

LINKS_MAX = 3
"""How many `LinkedIdentities` visas may be between two accounts of one person."""


def caller_of(
    identity: Identity,
    statements: Sequence[Statement],
    *,
    now: float,
    until: float,
    revoked: frozenset[Identity],
) -> Caller:
    """Who shows credentials, with the visas that are theirs and hold now.

    Args:
        identity: Of the credentials.
        statements: The valid visas that came with them.
        now, until: In seconds since 1970; `until` is when credentials must be checked anew.
        revoked: Identities that nothing is believed of.
    """
    valid = [one for one in statements if one.visa.expires > now]
    links = [one for one in valid if one.visa.type == LINKED_IDENTITIES and one.conditions is None]
    accounts = _accounts(identity, links, revoked)
    own = [one for one in valid if one.identity in accounts]
    free = [one.visa for one in own if one.conditions is None]
    held = [
        one.visa
        for one in own
        if one.visa.type != LINKED_IDENTITIES
        and (one.conditions is None or are_met(one.conditions, free))
    ]
    issuer, subject = identity
    return Caller(
        issuer=issuer,
        subject=subject,
        linked=tuple(sorted(accounts - {identity})),
        visas=tuple(held),
        expires=min([until, *(one.visa.expires for one in valid)]),
    )


def linked_by(statement: Statement) -> frozenset[Identity]:
    """The accounts that a `LinkedIdentities` visa says are of one person; none if it is malformed.

    Its value is `sub,iss;sub,iss`, each of them percent-encoded.
    """
    accounts = {statement.identity}
    for entry in statement.visa.value.split(";"):
        subject, comma, issuer = entry.partition(",")
        if not (subject and comma and issuer) or "," in issuer:
            return frozenset()
        try:
            accounts.add((unquote(issuer, errors="strict"), unquote(subject, errors="strict")))
        except UnicodeDecodeError:
            return frozenset()
    return frozenset(accounts)


def _accounts(
    identity: Identity, links: Sequence[Statement], revoked: frozenset[Identity]
) -> frozenset[Identity]:
    """Every account that is linked to one, by few enough links."""
    groups = [linked_by(one) - revoked for one in links]
    accounts = frozenset({identity})
    for _ in range(LINKS_MAX):
        accounts = accounts.union(*(group for group in groups if group & accounts))
    return accounts
