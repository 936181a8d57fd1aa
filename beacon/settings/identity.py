"""The home of the settings of what a beacon says of itself."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from beacon.settings.values import Section


class Environment(StrEnum):
    """What a beacon says it is for."""

    PROD = "prod"
    TEST = "test"
    DEV = "dev"
    STAGING = "staging"


class IdentitySettings(Section, frozen=True, kw_only=True):
    """What this beacon says about itself in `/info` and `/service-info`."""

    id: Annotated[
        str, Meta(description="Identifier: the reverse of a domain name.", min_length=1)
    ] = "org.example.beacon"
    name: Annotated[str, Meta(description="Name for people.", min_length=1)] = "Example Beacon"
    environment: Annotated[Environment, Meta(description="`prod`, `test`, `dev` or `staging`.")] = (
        Environment.DEV
    )
    description: Annotated[str, Meta(description="A sentence or two about the beacon.")] = ""
    version: Annotated[str, Meta(description="Version of this beacon's content or setup.")] = ""
    welcome_url: Annotated[str, Meta(description="Page about the beacon.")] = ""
    alternative_url: Annotated[
        str, Meta(description="Another way in, such as a restricted version of the beacon.")
    ] = ""
    created: Annotated[str, Meta(description="When the beacon began, ISO 8601.")] = ""
    organization_id: Annotated[
        str, Meta(description="Identifier of the organization.", min_length=1)
    ] = "org.example"
    organization_name: Annotated[
        str, Meta(description="Name of the organization.", min_length=1)
    ] = "Example Organization"
    organization_description: Annotated[str, Meta(description="About the organization.")] = ""
    organization_address: Annotated[str, Meta(description="Postal address.")] = ""
    organization_url: Annotated[str, Meta(description="Home page of the organization.")] = (
        "https://example.org/"
    )
    organization_contact_url: Annotated[
        str, Meta(description="Where to write to: a `mailto:` or a page.")
    ] = ""
    organization_logo_url: Annotated[str, Meta(description="Image of the logo.")] = ""
