"""The home of `Trust`: whose signatures are believed, and about what, as the settings say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, TypeVar

from yarl import URL

from beacon.framework.errors import SettingsError
from beacon.settings import (
    AuthSettings,
    BrokerSettings,
    SignerSettings,
    VisaIssuerSettings,
    VisaRoute,
)

S = TypeVar("S", bound="Signer")

Identity = tuple[str, str]
"""(`iss`, `sub`): one account of a person."""

LINKED_IDENTITIES = "LinkedIdentities"
"""The type of visas that say which accounts are of one person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Somebody whose signature is believed.

    Attributes:
        name: As in the settings.
        issuer: The `iss` of what they sign.
        allow_private: Connections may lead to private and loopback addresses.
    """

    name: str
    issuer: str
    jwks_url: str
    algorithms: frozenset[str]
    allow_private: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker(Signer):
    """An identity provider that people log in at. Without `userinfo_url` it is never asked."""

    audiences: frozenset[str]
    audience_required: bool
    takes_passports: bool
    userinfo_url: str | None


@dataclass(frozen=True, slots=True)
class Assertion:
    """What is believed of one type of visas: by whom in which sources, and for how long."""

    sources: frozenset[str]
    by: frozenset[str]
    max_age_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VisaIssuer(Signer):
    """Somebody who signs visas.

    Attributes:
        brokers: Names of the brokers that may hand them on.
        namespace: The `iss` that the `sub` of the visas belongs to.
        assertions: Type of visas → what is believed of them.
    """

    brokers: frozenset[str]
    namespace: str
    assertions: Mapping[str, Assertion]


@dataclass(frozen=True, slots=True)
class Trust:
    """Brokers and visa issuers by their `iss`, and what has been revoked."""

    brokers: Mapping[str, Broker]
    visa_issuers: Mapping[str, VisaIssuer]
    revoked_identities: frozenset[Identity]
    revoked_ids: frozenset[str]

    @classmethod
    def from_settings(cls, settings: AuthSettings) -> Trust:
        """Check the section `auth` and build what it amounts to.

        Raises:
            SettingsError: Something would be read over an open line, is there twice, is missing,
                or names a broker that there is not.
        """
        loopback = settings.allow_loopback_http
        brokers = [_broker(name, one, loopback) for name, one in settings.brokers.items()]
        issuer_of = {one.name: one.issuer for one in brokers}
        visa_issuers = [
            _visa_issuer(name, one, issuer_of, loopback)
            for name, one in settings.visa_issuers.items()
        ]
        signers = [*settings.brokers.values(), *settings.visa_issuers.values()]
        return cls(
            brokers=_by_issuer(brokers),
            visa_issuers=_by_issuer(visa_issuers),
            revoked_identities=frozenset(
                (one.issuer, subject) for one in signers for subject in one.revoked_subjects
            ),
            revoked_ids=frozenset(settings.revoked_ids),
        )


def _broker(name: str, settings: BrokerSettings, loopback: bool) -> Broker:
    key = f"auth.brokers.{name}"
    if settings.audience_required and not settings.audiences:
        raise SettingsError(
            f"{key}.audiences is empty: name what tokens for this beacon have as their aud"
        )
    userinfo_url = None
    if VisaRoute.USERINFO in settings.visas_from:
        if not settings.userinfo_url:
            raise SettingsError(
                f"{key}.userinfo_url is empty, and visas_from says that visas come from there"
            )
        check_url(f"{key}.userinfo_url", settings.userinfo_url, loopback)
        userinfo_url = settings.userinfo_url
    return Broker(
        **_signer(key, name, settings, loopback),
        audiences=frozenset(settings.audiences),
        audience_required=settings.audience_required,
        takes_passports=VisaRoute.PASSPORT in settings.visas_from,
        userinfo_url=userinfo_url,
    )


def _visa_issuer(
    name: str, settings: VisaIssuerSettings, issuer_of: Mapping[str, str], loopback: bool
) -> VisaIssuer:
    key = f"auth.visa_issuers.{name}"
    for broker in (*settings.brokers, *filter(None, [settings.subjects_of])):
        if broker not in issuer_of:
            known = ", ".join(issuer_of) or "none"
            raise SettingsError(f"{key} names the broker {broker!r}; auth.brokers has {known}")
    return VisaIssuer(
        **_signer(key, name, settings, loopback),
        brokers=frozenset(settings.brokers),
        namespace=issuer_of.get(settings.subjects_of, settings.issuer),
        assertions={
            type_: Assertion(
                sources=frozenset(one.sources),
                by=frozenset(by.value for by in one.by),
                max_age_s=one.max_age_days * 86_400,
            )
            for type_, one in settings.may_assert.items()
        },
    )


def _signer(key: str, name: str, settings: SignerSettings, loopback: bool) -> dict[str, Any]:
    check_url(f"{key}.issuer", settings.issuer, loopback)
    check_url(f"{key}.jwks_url", settings.jwks_url, loopback)
    return {
        "name": name,
        "issuer": settings.issuer,
        "jwks_url": settings.jwks_url,
        "algorithms": frozenset(one.value for one in settings.algorithms),
        "allow_private": settings.allow_private
        or (loopback and is_loopback(URL(settings.jwks_url).host or "")),
    }


def _by_issuer(signers: Iterable[S]) -> Mapping[str, S]:
    found: dict[str, S] = {}
    for one in signers:
        if one.issuer in found:
            raise SettingsError(
                f"auth: {found[one.issuer].name} and {one.name} have the same issuer"
            )
        found[one.issuer] = one
    return found


def check_url(key: str, text: str, loopback: bool) -> None:
    """Check that secrets may be sent to a URL, and what is read there be believed.

    Args:
        key: The setting that names it.
        loopback: Whether it may be on this very machine, without TLS.

    Raises:
        SettingsError: They may not.
    """
    try:
        url = URL(text)
        host = url.host
    except ValueError as error:
        raise SettingsError(f"{key}: {text!r} is not a URL") from error
    if host is None or url.user is not None or url.password is not None:
        raise SettingsError(f"{key}: {text!r} has no host, or says who logs in there")
    if url.scheme == "https" or (loopback and is_loopback(host)):
        return
    raise SettingsError(
        f"{key} must start with https: what is read over an open line could be anybody's"
    )


def is_loopback(host: str) -> bool:
    """Whether a host is this very machine."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
