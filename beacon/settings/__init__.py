"""The settings: declared once here, with their defaults, limits and help.

From these declarations derive the validation, `schemas/settings.json`, `beacon settings` and the
reference page; `settings_file.py` reads them. A part of a deployment in each module; what others
import is named here.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

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
from beacon.settings.network import (
    CountSettings,
    DialectSettings,
    MemberSettings,
    Naming,
    NetworkSettings,
    Reporting,
    Shape,
    Verb,
)
from beacon.settings.policy import (
    Below,
    DatasetPolicy,
    PolicySettings,
    PurposeSettings,
    Rule,
    TierSettings,
    VisaSettings,
)
from beacon.settings.server import (
    AssemblySettings,
    LimitSettings,
    LogFormat,
    LogLevel,
    LogSettings,
    MongoSettings,
    ReleaseSettings,
    ServerSettings,
)
from beacon.settings.values import Asked, AssemblyName, Count, Level, Port, Seconds, Section

__all__ = [
    "Asked",
    "AssemblyName",
    "AssemblySettings",
    "AssertionSettings",
    "AuthSettings",
    "Authority",
    "Below",
    "BrokerSettings",
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
    "MemberSettings",
    "MongoSettings",
    "Naming",
    "NetworkSettings",
    "PolicySettings",
    "Port",
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
    "TierSettings",
    "Verb",
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
    assemblies: Annotated[
        dict[AssemblyName, AssemblySettings],
        Meta(description="`GRCh37` or `GRCh38` to the files about it."),
    ] = field(default_factory=dict)

    network: NetworkSettings = NetworkSettings()

    @property
    def api_url(self) -> str:
        """Where clients find the API, without a trailing slash."""
        server = self.server
        host = f"[{server.host}]" if ":" in server.host else server.host
        return (server.base_url or f"http://{host}:{server.port}/api").rstrip("/")
