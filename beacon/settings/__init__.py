"""The settings: declared once here, with their defaults, limits and help.

From these declarations derive the validation, `schemas/settings.json`, `beacon settings` and the
reference page; `settings_file.py` reads them. A part of a deployment in each module; what others
import is named here.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from beacon.settings.audit import AuditSettings
from beacon.settings.auth import (
    AssertionSettings,
    Authority,
    AuthSettings,
    BrokerSettings,
    SignerSettings,
    SigningAlgorithm,
    VisaIssuerSettings,
    VisaRoute,
)
from beacon.settings.identity import Environment, IdentitySettings
from beacon.settings.matchmaker import MatchmakerSettings
from beacon.settings.network import (
    ClientAuth,
    CountSettings,
    DialectSettings,
    MemberAccessSettings,
    MemberSettings,
    Naming,
    NetworkSettings,
    Reporting,
    Shape,
    TokenEndpointSettings,
    Verb,
    Via,
)
from beacon.settings.policy import (
    Below,
    BudgetSettings,
    DatasetPolicy,
    PolicySettings,
    PurposeSettings,
    Rule,
    TierSettings,
    VisaSettings,
)
from beacon.settings.portal import LoginSettings, PortalSettings
from beacon.settings.privacy import PrivacySettings
from beacon.settings.server import (
    AssemblySettings,
    LimitSettings,
    LogFormat,
    LogLevel,
    LogSettings,
    MongoSettings,
    ReleaseSettings,
    ServerSettings,
    TlsSettings,
    TlsVersion,
)
from beacon.settings.subscriptions import SubscriptionSettings
from beacon.settings.values import Asked, AssemblyName, Count, Level, Port, Seconds, Section

__all__ = [
    "Asked",
    "AssemblyName",
    "AssemblySettings",
    "AssertionSettings",
    "AuditSettings",
    "AuthSettings",
    "Authority",
    "Below",
    "BrokerSettings",
    "BudgetSettings",
    "ClientAuth",
    "Count",
    "CountSettings",
    "DatasetPolicy",
    "DialectSettings",
    "Environment",
    "IdentitySettings",
    "Level",
    "LimitSettings",
    "LogFormat",
    "LogLevel",
    "LogSettings",
    "LoginSettings",
    "MatchmakerSettings",
    "MemberAccessSettings",
    "MemberSettings",
    "MongoSettings",
    "Naming",
    "NetworkSettings",
    "PolicySettings",
    "Port",
    "PortalSettings",
    "PrivacySettings",
    "PurposeSettings",
    "ReleaseSettings",
    "Reporting",
    "Rule",
    "Seconds",
    "Section",
    "ServerSettings",
    "Settings",
    "Shape",
    "SignerSettings",
    "SigningAlgorithm",
    "SubscriptionSettings",
    "TierSettings",
    "TlsSettings",
    "TlsVersion",
    "TokenEndpointSettings",
    "Verb",
    "Via",
    "VisaIssuerSettings",
    "VisaRoute",
    "VisaSettings",
]


class Settings(Section, frozen=True, kw_only=True):
    """Everything that can be set."""

    data_dir: Annotated[
        str,
        Meta(
            description="Folder of the embedded database. A relative one starts at the folder "
            "of the settings file.",
            min_length=1,
            extra={"path": True},
        ),
    ] = ".beacon"
    mongo: MongoSettings = MongoSettings()
    server: ServerSettings = ServerSettings()
    log: LogSettings = LogSettings()
    identity: IdentitySettings = IdentitySettings()
    limits: LimitSettings = LimitSettings()
    releases: ReleaseSettings = ReleaseSettings()
    policy: PolicySettings = PolicySettings()
    auth: AuthSettings = AuthSettings()
    privacy: PrivacySettings = PrivacySettings()
    audit: AuditSettings = AuditSettings()
    assemblies: Annotated[
        dict[AssemblyName, AssemblySettings],
        Meta(description="`GRCh37` or `GRCh38` to the files about it."),
    ] = field(default_factory=dict)

    network: NetworkSettings = NetworkSettings()
    portal: PortalSettings = PortalSettings()
    subscriptions: SubscriptionSettings = SubscriptionSettings()
    matchmaker: MatchmakerSettings = MatchmakerSettings()

    @property
    def api_url(self) -> str:
        """Where clients find the API, without a trailing slash."""
        server = self.server
        host = f"[{server.host}]" if ":" in server.host else server.host
        scheme = "https" if server.tls.certificate else "http"
        return (server.base_url or f"{scheme}://{host}:{server.port}/api").rstrip("/")
