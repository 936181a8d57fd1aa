"""The home of the settings of whose word is taken for who callers are."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, field

from beacon.settings.values import Section


class SigningAlgorithm(StrEnum):
    """How tokens are signed, as settings spell it."""

    RS256 = "RS256"
    ES256 = "ES256"


class VisaRoute(StrEnum):
    """How the visas of a caller get here, as settings spell it."""

    PASSPORT = "passport"
    USERINFO = "userinfo"


class Authority(StrEnum):
    """Who within a source says what a visa says, as settings and visas spell it."""

    SELF = "self"
    PEER = "peer"
    SYSTEM = "system"
    SO = "so"
    DAC = "dac"


class SignerSettings(Section, frozen=True, kw_only=True):
    """Somebody whose signature is believed."""

    issuer: Annotated[
        str,
        Meta(
            description="The `iss` of what it signs, character by character.",
            pattern=r"^https?://[^\s?#]+$",
        ),
    ]
    jwks_url: Annotated[
        str,
        Meta(
            description="Where its keys are, and the only `jku` that its visas may name.",
            pattern=r"^https?://[^\s#]+$",
        ),
    ]
    algorithms: Annotated[
        tuple[SigningAlgorithm, ...],
        Meta(description="The algorithms that it signs with.", min_length=1),
    ] = (SigningAlgorithm.RS256,)
    allow_private: Annotated[
        bool,
        Meta(description="Whether it may be at a private, loopback or link-local address."),
    ] = False
    revoked_subjects: Annotated[
        tuple[str, ...],
        Meta(description="The `sub` of people whose credentials and visas are void at once."),
    ] = ()


class BrokerSettings(SignerSettings, frozen=True, kw_only=True):
    """An identity provider that people log in at."""

    audiences: Annotated[
        tuple[str, ...],
        Meta(description="The `aud` that this beacon goes by in tokens made for it."),
    ] = ()
    audience_required: Annotated[
        bool,
        Meta(
            description="Whether every token must name one of `audiences`. If not, a token without "
            "`aud` is taken too, whatever it was made for; one for others only is not."
        ),
    ] = True
    visas_from: Annotated[
        tuple[VisaRoute, ...],
        Meta(
            description="`passport`: callers may show a Passport, a token that holds their visas. "
            "`userinfo`: the broker is asked for the visas of whoever shows an access token."
        ),
    ] = (VisaRoute.PASSPORT, VisaRoute.USERINFO)
    userinfo_url: Annotated[
        str,
        Meta(
            description="Where the broker says who a token belongs to, and their visas.",
            pattern=r"^(https?://[^\s#]+)?$",
        ),
    ] = ""


class AssertionSettings(Section, frozen=True, kw_only=True):
    """What is believed of one type of visas by one issuer."""

    sources: Annotated[
        tuple[str, ...], Meta(description="The `source` that it may speak for.", min_length=1)
    ]
    by: Annotated[
        tuple[Authority, ...],
        Meta(
            description="Who must have said so: `dac`, `so`, `system`, `peer` or `self`. "
            "Empty: anybody at the source."
        ),
    ] = ()
    max_age_days: Annotated[
        float, Meta(description="Days after `asserted` that it is relied upon at most.", gt=0)
    ] = 365.0


class VisaIssuerSettings(SignerSettings, frozen=True, kw_only=True):
    """Somebody who signs visas: statements about people."""

    brokers: Annotated[
        tuple[str, ...],
        Meta(description="Names of the brokers that may hand its visas on.", min_length=1),
    ]
    subjects_of: Annotated[
        str,
        Meta(
            description="Name of the broker whose `sub` its visas name people by. Empty: its own, "
            "which a `LinkedIdentities` visa has to connect to who logged in."
        ),
    ] = ""
    may_assert: Annotated[
        dict[str, AssertionSettings],
        Meta(
            description="Type of visas, such as `ControlledAccessGrants`, to what is believed of "
            "them. `LinkedIdentities` makes it a trusted linker of identities."
        ),
    ] = field(default_factory=dict)


class AuthSettings(Section, frozen=True, kw_only=True):
    """Whose word is taken for who a caller is. Without brokers everybody is the public."""

    brokers: Annotated[
        dict[str, BrokerSettings],
        Meta(description="Name of a broker, as other settings and logs say, to what is known."),
    ] = field(default_factory=dict)
    visa_issuers: Annotated[
        dict[str, VisaIssuerSettings],
        Meta(description="Name of an issuer of visas to what is believed of it."),
    ] = field(default_factory=dict)
    revoked_ids: Annotated[
        tuple[str, ...],
        Meta(description="The `jti` of tokens, passports and visas that are void at once."),
    ] = ()
    allow_loopback_http: Annotated[
        bool,
        Meta(
            description="For development: whether brokers and issuers may be on this very "
            "machine, without TLS."
        ),
    ] = False
