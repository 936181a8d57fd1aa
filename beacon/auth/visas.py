"""The home of the rules for visas: each is checked by itself, and left out if it fails.

A visa counts when the broker that hands it on, the issuer that signed it and the source that it
speaks for are all trusted together, as the settings list them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from beacon.auth.callers import Visa
from beacon.auth.claims import SKEW_S, TEXT_LENGTH, check_times, seconds, text
from beacon.auth.conditions import Conditions, read_conditions
from beacon.auth.issuers import LINKED_IDENTITIES, Assertion, Broker, Identity, Trust, VisaIssuer
from beacon.auth.jws import TOKEN_BYTES, Jws, parse
from beacon.auth.keys import KeySets
from beacon.auth.reasons import Reason, Rejected
from beacon.auth.tokens import is_revoked
from beacon.settings import Authority

VISA = "ga4gh_visa_v1"
"""The claim that holds what a visa says."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A valid visa, and whom it is about: not yet that it is about whoever shows it.

    Attributes:
        conditions: None if there are none; a visa that has them, be they empty, meets no other's.
    """

    identity: Identity
    visa: Visa
    conditions: Conditions | None


async def check_visa(
    document: str, broker: Broker, trust: Trust, keys: KeySets, now: float
) -> Statement:
    """Check a visa.

    Args:
        broker: Who handed it on.
        now: In seconds since 1970.

    Raises:
        Rejected: It is not valid, or about nothing that its issuer is believed to know.
        IssuerUnavailable: The keys of its issuer cannot be had.
    """
    token = parse(document, limit_bytes=TOKEN_BYTES)
    issuer = _issuer(token, broker, trust)
    content = token.claims.get(VISA)
    if not isinstance(content, dict):
        raise Rejected(Reason.FORMAT)
    # What nobody believes from this issuer is left alone: its keys are not even fetched.
    assertion = _assertion(content, issuer)
    await keys.check_signature(token, issuer)
    expires = check_times(token.claims, now)
    subject = text(token.claims.get("sub"), Reason.SUBJECT)
    identity = (issuer.namespace, subject)
    about = {identity, (issuer.issuer, subject)}
    if not about.isdisjoint(trust.revoked_identities) or is_revoked(token, trust):
        raise Rejected(Reason.REVOKED)
    asserted = seconds(content.get("asserted"))
    expires = min(expires, asserted + assertion.max_age_s)
    if asserted > now + SKEW_S:
        raise Rejected(Reason.TIMES)
    if expires <= now:
        raise Rejected(Reason.EXPIRED)
    return Statement(
        identity,
        Visa(
            type=content["type"],
            value=_value(content),
            source=content["source"],
            by=content.get("by"),
            asserted=asserted,
            expires=expires,
            issuer=issuer.name,
        ),
        read_conditions(content["conditions"]) if "conditions" in content else None,
    )


def issuer_name(document: str, trust: Trust) -> str:
    """The name in the settings of who says to have signed a visa, or `unknown`."""
    try:
        issuer = parse(document, limit_bytes=TOKEN_BYTES).claims.get("iss")
    except Rejected:
        return "unknown"
    known = trust.visa_issuers.get(issuer) if isinstance(issuer, str) else None
    return "unknown" if known is None else known.name


def _issuer(token: Jws, broker: Broker, trust: Trust) -> VisaIssuer:
    named = token.claims.get("iss")
    issuer = trust.visa_issuers.get(named) if isinstance(named, str) else None
    if issuer is None:
        raise Rejected(Reason.ISSUER)
    if broker.name not in issuer.brokers:
        raise Rejected(Reason.BROKER)
    if token.type not in _TYPES:
        raise Rejected(Reason.TYPE)
    # A visa without it is an access token for its issuer's own service, which went out of use.
    if token.header.get("jku") != issuer.jwks_url:
        raise Rejected(Reason.KEY_URL)
    scope = token.claims.get("scope", "")
    if not isinstance(scope, str) or "openid" in scope.split(" "):
        raise Rejected(Reason.SCOPE)
    return issuer


def _assertion(content: Mapping[str, Any], issuer: VisaIssuer) -> Assertion:
    assertion = issuer.assertions.get(text(content.get("type"), Reason.VISA_TYPE))
    if assertion is None:
        raise Rejected(Reason.VISA_TYPE)
    if text(content.get("source"), Reason.SOURCE) not in assertion.sources:
        raise Rejected(Reason.SOURCE)
    by = content.get("by")
    if by is None:
        if assertion.by or content["type"] in _NEED_BY:
            raise Rejected(Reason.BY)
    elif text(by, Reason.BY) not in (assertion.by or _AUTHORITIES):
        raise Rejected(Reason.BY)
    return assertion


def _value(content: Mapping[str, Any]) -> str:
    # The one type whose value is a list.
    longest = _LINKS_LENGTH if content["type"] == LINKED_IDENTITIES else TEXT_LENGTH
    return text(content.get("value"), Reason.FORMAT, longest=longest)


_LINKS_LENGTH = 4096
_TYPES = frozenset({None, "jwt", "vnd.ga4gh.visa+jwt"})
_NEED_BY = frozenset({"AcceptedTermsAndPolicies", "ControlledAccessGrants"})
_AUTHORITIES = frozenset(one.value for one in Authority)
