"""Puts the parts together as the settings say: sources, policy, service and application."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import pymongo
from aiohttp import web

from beacon import __version__, reference_files
from beacon.auth.authenticator import Authenticator
from beacon.auth.policy import Policy
from beacon.databases import CONNECT_TIMEOUT_MS
from beacon.demo import test_mode, test_records
from beacon.framework.errors import SettingsError, SourceUnavailable
from beacon.framework.extensions import Extensions
from beacon.framework.query import Granularity
from beacon.framework.request import Limits
from beacon.framework.response import Assembly, Identity, Organisation
from beacon.framework.service import Service
from beacon.framework.source import Source
from beacon.load import packages
from beacon.memory import MemoryDataset, MemoryStore
from beacon.metrics import CredentialMetrics, MemberMetrics, Metrics
from beacon.model.entry_types import MODEL
from beacon.model.ontology import Ontologies
from beacon.mongo.store import MongoStore
from beacon.network.catalogue import members_document
from beacon.network.discovery import Discovery
from beacon.network.hops import Callers
from beacon.network.members import Member
from beacon.network.members import members as members_of
from beacon.network.network import Network, discovering
from beacon.network.pages import Pages
from beacon.network.remote import Remotes
from beacon.network.states import MemberFailure
from beacon.settings import AssemblyName, AssemblySettings, Settings
from beacon.web.app import Serving, create_app


def identity(settings: Settings) -> Identity:
    """Who the beacon is, in its own words."""
    own = settings.identity
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
        security_levels=_security_levels(settings),
        assemblies=tuple(_assembly(name, settings) for name in AssemblyName),
    )


def _security_levels(settings: Settings) -> tuple[str, ...]:
    """The kinds of callers who may learn anything of any dataset, in the specification's words."""
    opened = set()
    for dataset in settings.policy.datasets.values():
        for tier, rules in (("public", dataset.public), *dataset.tiers.items()):
            levels = list(rules.values())
            if any(level.granularity > Granularity.NONE for level in levels):
                opened.add(_LEVEL_OF_TIER.get(tier, "REGISTERED"))
    return tuple(one for one in ("PUBLIC", "REGISTERED", "CONTROLLED") if one in opened) or (
        "CONTROLLED",
    )


_LEVEL_OF_TIER = {"public": "PUBLIC", "controlled": "CONTROLLED"}


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


def policy(settings: Settings, authenticator: Authenticator | None = None) -> Policy:
    """Who may learn what; raises `SettingsError` for a rule that makes no sense.

    Args:
        authenticator: Says who callers are; without it no credentials are taken.
    """
    entry_types = [one.id for one in MODEL.entry_types]
    return Policy.from_settings(settings.policy, entry_types, authenticator)


def authenticator(settings: Settings, metrics: Metrics) -> Authenticator | None:
    """Who says who callers are, `None` where the settings name no broker.

    Raises:
        SettingsError: What the settings trust cannot be trusted.
    """
    if not settings.auth.brokers:
        return None
    return Authenticator(settings.auth, CredentialMetrics(metrics))


@contextlib.asynccontextmanager
async def open_app(settings: Settings) -> AsyncIterator[web.Application]:
    """The application on the database that `mongo.uri` names.

    Raises:
        SettingsError: A reference file that the settings name cannot be used, or a rule or a
            broker makes no sense.
    """
    references = reference_files.references(settings)
    metrics = Metrics()
    client: pymongo.AsyncMongoClient[dict[str, Any]] = pymongo.AsyncMongoClient(
        settings.mongo.uri, serverSelectionTimeoutMS=CONNECT_TIMEOUT_MS
    )
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(client)
        known = authenticator(settings, metrics)
        if known is not None:
            await stack.enter_async_context(known)
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
        yield app(settings, store, synthetic_source(), known, metrics)


@contextlib.asynccontextmanager
async def open_network_app(settings: Settings) -> AsyncIterator[web.Application]:
    """The application that asks the members which `[network]` names.

    Raises:
        SettingsError: There are none, or what is said of one makes no sense.
    """
    members = network_members(settings)
    references = reference_files.references(settings)
    own = identity(settings)
    metrics = Metrics()
    folder = Path(settings.data_dir) / "network"
    ontologies = await asyncio.to_thread(_ontologies)
    async with contextlib.AsyncExitStack() as stack:
        remotes = await stack.enter_async_context(Remotes(members))
        discovery = Discovery(members, remotes, refresh_s=settings.network.refresh_s, folder=folder)
        source = Network(
            members,
            remotes,
            discovery,
            MODEL,
            network_id=own.beacon_id,
            settings=settings.network,
            references=references,
            ontologies=ontologies,
            observer=MemberMetrics(metrics),
        )
        await stack.enter_async_context(source)
        await stack.enter_async_context(discovering(discovery))
        offered = Extensions(batch_max=settings.limits.batch_max, streaming=True, members=True)
        service = Service(
            identity=own,
            model=MODEL,
            source=source,
            test_source=synthetic_source(),
            limits=limits(settings),
        )
        yield create_app(
            service,
            Callers(own.beacon_id, settings.network.hops_max).identify,
            # The source keeps the shorter deadline of answers in one piece by itself.
            _serving(settings, settings.network.stream_deadline_s),
            network=Pages(own, MODEL, remotes, discovery, offered),
            metrics=metrics,
        )


def _ontologies() -> Ontologies:
    """What installed packages bring: a network has no database that it could load others into."""
    return Ontologies({one.prefix: one.read() for one in packages.ontologies()})


async def meet_members(
    settings: Settings, met: Callable[[Member], None] = lambda _member: None
) -> Mapping[str, Any]:
    """`/network/members` of a network that is not served: every member is asked once.

    Args:
        settings: As for `open_network_app`.
        met: Told of each member that was asked, whether or not it answered.
    """
    asked = network_members(settings)
    async with Remotes(asked) as remotes:
        discovery = Discovery(asked, remotes, refresh_s=settings.network.refresh_s, folder=None)

        async def meet(member: Member) -> None:
            # The document says so of a member that is away; the others are met all the same.
            with contextlib.suppress(MemberFailure):
                await discovery.look(member)
            met(member)

        async with asyncio.TaskGroup() as group:
            for one in asked:
                group.create_task(meet(one))
        return members_document(
            identity(settings),
            asked,
            discovery.all(),
            {one.id: remotes.condition(one.id) for one in asked},
        )


def network_members(settings: Settings) -> tuple[Member, ...]:
    """The members that a network asks.

    Raises:
        SettingsError: There are none, or what is said of one makes no sense.
    """
    found = members_of(settings.network.members)
    if not found:
        raise SettingsError(
            'a network needs members, such as [network.members."fi.example.beacon"] with name, '
            "country and url"
        )
    if settings.server.workers > 1:
        raise SettingsError(
            f"server.workers is {settings.server.workers}; a network keeps late answers and what "
            "it knows of members in one process"
        )
    return found


def synthetic_source() -> Source:
    """What test mode answers from: nobody's records, the same in every beacon."""
    return MemoryStore(
        {test_mode.DATASET_ID: MemoryDataset(assembly=test_mode.ASSEMBLY, records=test_records())}
    )


def app(
    settings: Settings,
    source: Source,
    test_source: Source,
    authenticator: Authenticator | None = None,
    metrics: Metrics | None = None,
) -> web.Application:
    """The application on any source.

    Args:
        authenticator: Says who callers are, as long as the application runs.
        metrics: Where requests are counted.
    """
    service = Service(
        identity=identity(settings),
        model=MODEL,
        source=source,
        test_source=test_source,
        limits=limits(settings),
    )
    return create_app(
        service,
        policy(settings, authenticator).identify,
        _serving(settings, settings.limits.deadline_s),
        metrics=metrics,
    )


def _serving(settings: Settings, deadline_s: float) -> Serving:
    return Serving(
        deadline_s=deadline_s,
        body_timeout_s=settings.server.request_timeout_s,
        body_max_bytes=settings.server.body_max_bytes,
        cors_origins=settings.server.cors_origins,
        access_log=settings.log.access,
        batch_max=settings.limits.batch_max,
    )
