"""Puts together a network: its members, what is known of them and the application that asks."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from beacon import (
    auditing,
    composition,
    network_access,
    portal_composition,
    reference_files,
    subscription_composition,
)
from beacon.framework.errors import SettingsError
from beacon.framework.extensions import Extensions
from beacon.framework.service import Service
from beacon.load import packages
from beacon.metrics import MemberMetrics, Metrics
from beacon.model.entry_types import MODEL
from beacon.model.ontology import Ontologies
from beacon.network.catalogue import members_document
from beacon.network.discovery import Discovery, discovering
from beacon.network.members import Member
from beacon.network.members import members as members_of
from beacon.network.network import Network
from beacon.network.pages import Pages
from beacon.network.remote import Remotes
from beacon.network.states import MemberFailure
from beacon.settings import Settings
from beacon.web.app import create_app


@contextlib.asynccontextmanager
async def open_network_app(
    settings: Settings, *, ontologies: Ontologies | None = None
) -> AsyncIterator[web.Application]:
    """The application that asks the members which `[network]` names.

    Args:
        ontologies: In place of those that are installed, which take seconds to read.

    Raises:
        SettingsError: There are none, or what is said of one makes no sense.
    """
    members = network_members(settings)
    references = reference_files.references(settings)
    own = msgspec.structs.replace(
        composition.identity(settings), security_levels=network_access.security_levels(settings)
    )
    metrics = Metrics()
    folder = Path(settings.data_dir) / "network"
    if ontologies is None:
        ontologies = await asyncio.to_thread(_ontologies)
    async with contextlib.AsyncExitStack() as stack:
        known = composition.authenticator(settings, metrics)
        if known is not None:
            await stack.enter_async_context(known)
        audit = await stack.enter_async_context(
            auditing.opened(settings, composition.keys, metrics)
        )
        identities = await stack.enter_async_context(
            network_access.open_identities(settings, members)
        )
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
            identities=identities,
            observer=MemberMetrics(metrics),
        )
        await stack.enter_async_context(source)
        await stack.enter_async_context(discovering(discovery))
        offered = Extensions(
            batch_max=settings.limits.batch_max,
            streaming=True,
            members=True,
            match=True,
            subscriptions=settings.subscriptions.enabled,
        )
        service = Service(
            identity=own,
            model=MODEL,
            source=source,
            test_source=composition.synthetic_source(),
            limits=composition.limits(settings),
        )
        pages = await stack.enter_async_context(
            portal_composition.opened(
                settings, own, references, known, composition.keys, is_network=True
            )
        )
        names = None if known is None else composition.pseudonyms(settings)
        standing = await stack.enter_async_context(
            subscription_composition.open_for_network(
                settings, service, names, audit, composition.keys, known, discovery
            )
        )
        yield create_app(
            service,
            network_access.callers(settings, known, names).identify,
            # The source keeps the shorter deadline of answers in one piece by itself.
            composition.serving(settings, settings.network.stream_deadline_s),
            network=Pages(
                own, MODEL, remotes, discovery, offered, security=network_access.security(settings)
            ),
            metrics=metrics,
            rates=composition.rates(settings),
            audit=audit,
            pages=pages,
            standing=standing,
            conceal=composition.conceal(settings),
            matchmaker=settings.matchmaker,
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
            composition.identity(settings),
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
    network_access.check(settings)
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
