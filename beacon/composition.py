"""Puts the parts together as the settings say: sources, policy, service and application."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import Any

import pymongo
from aiohttp import web

from beacon import (
    __version__,
    auditing,
    portal_composition,
    reference_files,
    subscription_composition,
)
from beacon.auth.authenticator import Authenticator
from beacon.auth.policy import Policy
from beacon.auth.pseudonyms import Pseudonyms
from beacon.databases import CONNECT_TIMEOUT_MS, check_uri
from beacon.demo import test_mode, test_records
from beacon.framework.audit import Audit
from beacon.framework.errors import SourceUnavailable
from beacon.framework.matching import Conceal
from beacon.framework.noise import Noise
from beacon.framework.query import Granularity
from beacon.framework.request import Limits
from beacon.framework.response import Assembly, Identity, Organisation
from beacon.framework.service import Service
from beacon.framework.source import Source
from beacon.memory import MemoryDataset, MemoryStore
from beacon.metrics import CredentialMetrics, Metrics
from beacon.model.entry_types import MODEL
from beacon.mongo.ledger import Ledger
from beacon.mongo.store import MongoStore
from beacon.secrets_file import Keys
from beacon.settings import AssemblyName, AssemblySettings, Rule, Settings
from beacon.web.app import Pages, Serving, create_app
from beacon.web.client_addresses import ClientAddresses
from beacon.web.rate_limits import RateLimits
from beacon.web.subscriptions import StandingQuestions


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
        accepted_risks=tuple(
            (dataset_id, rules.accept_risk)
            for dataset_id, rules in settings.policy.datasets.items()
            if rules.accept_risk and rules.is_public
        ),
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
    names = None if authenticator is None else pseudonyms(settings)
    return Policy.from_settings(settings.policy, entry_types, authenticator, names)


def pseudonyms(settings: Settings) -> Pseudonyms:
    """What makes the pseudonyms of this deployment."""
    return Pseudonyms(keys(settings).derive("pseudonyms"))


def keys(settings: Settings) -> Keys:
    """The keys of this deployment; its secret is made where there is none."""
    given = settings.privacy.secret_file
    return Keys.of_file(Path(given) if given else Path(settings.data_dir) / "secret")


def noise(settings: Settings) -> Noise | None:
    """What makes the noise of numbers; `None` where no rule wants any."""
    for dataset in settings.policy.datasets.values():
        rules = [rule for one in (dataset.public, *dataset.tiers.values()) for rule in one.values()]
        if dataset.noise or any(isinstance(one, Rule) and one.noise for one in rules):
            return Noise(keys(settings).derive("noise"))
    return None


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
    check_uri(settings.mongo.uri)
    client: pymongo.AsyncMongoClient[dict[str, Any]] = pymongo.AsyncMongoClient(
        settings.mongo.uri, serverSelectionTimeoutMS=CONNECT_TIMEOUT_MS
    )
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(client)
        known = authenticator(settings, metrics)
        if known is not None:
            await stack.enter_async_context(known)
        audit = await stack.enter_async_context(auditing.opened(settings, keys, metrics))
        database = client[settings.mongo.database]
        ledger = None
        budgets = [
            one for each in settings.policy.datasets.values() for one in each.budgets.values()
        ]
        if budgets:
            longest_s = max(one.window_days for one in budgets) * 86_400
            ledger = Ledger(database, keys(settings).derive("ledger"), longest_s=longest_s)
        store = MongoStore(
            database,
            page_max=settings.limits.page_max,
            case_level_data_max=settings.limits.case_level_data_max,
            references=references,
            ledger=ledger,
            watch=None if audit is None else audit.alarms,
        )
        # Reads what does not change between questions, so that the first one need not wait. The
        # database may be away at this moment: /readyz says so until it is back.
        with contextlib.suppress(SourceUnavailable):
            await store.check()
        pages = await stack.enter_async_context(
            portal_composition.opened(
                settings, identity(settings), references, known, keys, is_network=False
            )
        )
        test_source = synthetic_source()
        standing = await stack.enter_async_context(
            subscription_composition.open_for_beacon(
                settings,
                service(settings, store, test_source),
                policy(settings, known),
                audit,
                keys,
                known,
                database,
            )
        )
        yield app(settings, store, test_source, known, metrics, audit, pages, standing)


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
    audit: Audit | None = None,
    pages: Pages | None = None,
    standing: StandingQuestions[Any] | None = None,
) -> web.Application:
    """The application on any source.

    Args:
        authenticator: Says who callers are, as long as the application runs.
        metrics: Where requests are counted.
        audit: Where every access is written down before it is answered.
        pages: Adds the pages for people.
        standing: What is done with standing questions.
    """
    return create_app(
        service(settings, source, test_source),
        policy(settings, authenticator).identify,
        serving(settings, settings.limits.deadline_s),
        metrics=metrics,
        rates=rates(settings),
        audit=audit,
        pages=pages,
        standing=standing,
        conceal=conceal(settings),
        matchmaker=settings.matchmaker,
    )


def conceal(settings: Settings) -> Conceal:
    """What makes the names of those who are similar to a case."""

    @cache
    def names() -> Pseudonyms:
        return pseudonyms(settings)  # their secret is made by whoever needs it first

    def concealed(dataset_id: str, individual_id: str) -> str:
        return names().of("match", dataset_id, individual_id)[:_NAME_DIGITS]

    return concealed


_NAME_DIGITS = 16


def service(settings: Settings, source: Source, test_source: Source) -> Service:
    """What answers from a source."""
    return Service(
        identity=identity(settings),
        model=MODEL,
        source=source,
        test_source=test_source,
        limits=limits(settings),
        noise=noise(settings),
    )


def rates(settings: Settings) -> RateLimits:
    """How much callers may ask of one process.

    Raises:
        SettingsError: A trusted proxy is no address.
    """
    addresses = ClientAddresses(settings.server.trusted_proxies)
    return RateLimits(settings.limits, addresses, workers=settings.server.workers)


def serving(settings: Settings, deadline_s: float) -> Serving:
    """How an application serves whose answers take so many seconds at most."""
    return Serving(
        deadline_s=deadline_s,
        body_timeout_s=settings.server.request_timeout_s,
        body_max_bytes=settings.server.body_max_bytes,
        cors_origins=settings.server.cors_origins,
        access_log=settings.log.access,
        batch_max=settings.limits.batch_max,
        answer_step_s=settings.privacy.answer_step_ms / 1000,
    )
