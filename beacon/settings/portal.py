"""The home of the settings of the portal: the pages for people, and where they log in."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from beacon.settings.auth import SigningAlgorithm
from beacon.settings.network import ClientAuth
from beacon.settings.values import Count, Section


class LoginSettings(Section, frozen=True, kw_only=True):
    """Where people log in, and as what the portal is known there."""

    broker: Annotated[
        str,
        Meta(
            description="Name of the one of `auth.brokers` that people log in at. Empty: nobody "
            "can log in, and everybody who reads pages is the public."
        ),
    ] = ""
    client_id: Annotated[str, Meta(description="What the portal is called there.")] = ""
    client_auth: Annotated[
        ClientAuth,
        Meta(
            description="`private_key_jwt`: with a statement that is signed with the key in "
            "`secret_file`, PEM. `client_secret_basic`: with the password in `secret_file`."
        ),
    ] = ClientAuth.PRIVATE_KEY_JWT
    secret_file: Annotated[
        str,
        Meta(
            description="File of the key or the password. It is read whenever it is needed.",
            extra={"path": True},
        ),
    ] = ""
    algorithm: Annotated[SigningAlgorithm, Meta(description="What statements are signed with.")] = (
        SigningAlgorithm.RS256
    )
    key_id: Annotated[str, Meta(description="The `kid` of the key, if the broker wants it.")] = ""
    assertion_audience: Annotated[
        str, Meta(description="The `aud` of statements. Empty: `token_url`.")
    ] = ""
    authorization_url: Annotated[
        str,
        Meta(
            description="Where browsers are sent to log in.",
            pattern=r"^(https?://[^\s#]+)?$",
        ),
    ] = ""
    token_url: Annotated[
        str,
        Meta(
            description="The token endpoint of the broker.",
            pattern=r"^(https?://[^\s#]+)?$",
        ),
    ] = ""
    end_session_url: Annotated[
        str,
        Meta(
            description="Where people log out of the broker itself; whoever logs out of the "
            "portal is shown a link to it. Empty: no link.",
            pattern=r"^(https?://[^\s#]+)?$",
        ),
    ] = ""
    scope: Annotated[
        str,
        Meta(
            description="What people are asked to consent to, by spaces. `profile` lets pages say "
            "who is logged in; `offline_access` lets a session outlive its first token at brokers "
            "that want it.",
            pattern=r"^[!#-\[\]-~]+( [!#-\[\]-~]+)*$",
        ),
    ] = "openid ga4gh_passport_v1"
    resource: Annotated[
        str,
        Meta(
            description="What tokens are asked for with (RFC 8707), where the broker would make "
            "them for somebody else. Empty: nothing.",
            pattern=r"^([A-Za-z][A-Za-z0-9+.-]*:[^\s#]+)?$",
        ),
    ] = ""
    session_minutes: Annotated[
        Count, Meta(description="Minutes after which people have to log in again.")
    ] = 480
    idle_minutes: Annotated[
        Count, Meta(description="The same for people who have not asked for a page.")
    ] = 30
    allow_private: Annotated[
        bool,
        Meta(
            description="Whether `token_url` may be at a private, loopback or link-local address."
        ),
    ] = False


class PortalSettings(Section, frozen=True, kw_only=True):
    """The pages for people, beside the API."""

    enabled: Annotated[bool, Meta(description="Whether they are served.")] = True
    login: LoginSettings = LoginSettings()
