"""Puts the parts together as the settings say: sources, policy, service and application."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pymongo
from aiohttp import web

from beacon import __version__, reference_files
from beacon.auth.policy import Policy
from beacon.databases import CONNECT_TIMEOUT_MS
from beacon.demo import test_mode, test_records
from beacon.framework.errors import SourceUnavailable
from beacon.framework.query import Granularity
from beacon.framework.request import Limits
from beacon.framework.response import Assembly, Identity, Organisation
from beacon.framework.service import Service
from beacon.framework.source import Source
from beacon.memory import MemoryDataset, MemoryStore
from beacon.model.entry_types import MODEL
from beacon.mongo.store import MongoStore
from beacon.settings import AssemblyName, AssemblySettings, Settings
from beacon.web.app import Serving, create_app


def identity(settings: Settings) -> Identity:
    """Who the beacon is, in its own words."""
    own = settings.identity
    levels = [
        level for rules in settings.policy.datasets.values() for level in rules.public.values()
    ]
    is_public = any(level.granularity > Granularity.NONE for level in levels)
    return Identity(
        beacon_id=own.id,
        name=own.name,
        base_url=settings.api_url,
        organisation=Organisation(
            id=own.organization_id,
            name=own.organization_name,
            url=own.organization_url,
            description=own.organization_description or None,
            address=own.organization_address or None,
            contact_url=own.organization_contact_url or None,
            logo_url=own.organization_logo_url or None,
        ),
        environment=own.environment,
        version=own.version or __version__,
        description=own.description or None,
        welcome_url=own.welcome_url or None,
        alternative_url=own.alternative_url or None,
        created_at=own.created or None,
        default_granularity=settings.limits.default_granularity.granularity,
        security_levels=("PUBLIC",) if is_public else ("CONTROLLED",),
        assemblies=tuple(_assembly(name, settings) for name in AssemblyName),
    )


def _assembly(name: AssemblyName, settings: Settings) -> Assembly:
    files = settings.assemblies.get(name, AssemblySettings())
    return Assembly(
        name=name.value,
        indels_left_shifted=bool(files.fasta),
        lifted_to=tuple(sorted(one.value for one in files.chain_to)),
    )


def limits(settings: Settings) -> Limits:
    """What one request may ask for."""
    own = settings.limits
    return Limits(
        page_max=own.page_max,
        page_default=min(own.page_default, own.page_max),
        filters_max=own.filters_max,
        default_granularity=own.default_granularity.granularity,
    )


def policy(settings: Settings) -> Policy:
    """Who may learn what; raises `SettingsError` for a rule that makes no sense."""
    return Policy.from_settings(settings.policy, [one.id for one in MODEL.entry_types])


@contextlib.asynccontextmanager
async def open_app(settings: Settings) -> AsyncIterator[web.Application]:
    """The application on the database that `mongo.uri` names.

    Raises:
        SettingsError: A reference file that the settings name cannot be used.
    """
    references = reference_files.references(settings)
    client: pymongo.AsyncMongoClient[dict[str, Any]] = pymongo.AsyncMongoClient(
        settings.mongo.uri, serverSelectionTimeoutMS=CONNECT_TIMEOUT_MS
    )
    async with client:
        store = MongoStore(
            client[settings.mongo.database],
            page_max=settings.limits.page_max,
            case_level_data_max=settings.limits.case_level_data_max,
            references=references,
        )
        # Reads what does not change between questions, so that the first one need not wait. The
        # database may be away at this moment: /readyz says so until it is back.
        with contextlib.suppress(SourceUnavailable):
            await store.check()
        yield app(settings, store, synthetic_source())


def synthetic_source() -> Source:
    """What test mode answers from: nobody's records, the same in every beacon."""
    return MemoryStore(
        {test_mode.DATASET_ID: MemoryDataset(assembly=test_mode.ASSEMBLY, records=test_records())}
    )


def app(settings: Settings, source: Source, test_source: Source) -> web.Application:
    """The application on any source."""
    service = Service(
        identity=identity(settings),
        model=MODEL,
        source=source,
        test_source=test_source,
        limits=limits(settings),
    )
    serving = Serving(
        deadline_s=settings.limits.deadline_s,
        body_timeout_s=settings.server.request_timeout_s,
        body_max_bytes=settings.server.body_max_bytes,
        cors_origins=settings.server.cors_origins,
        access_log=settings.log.access,
    )
    return create_app(service, policy(settings).identify, serving)
