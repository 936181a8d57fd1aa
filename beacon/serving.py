"""Starts the server as the settings say: database, sockets, and one process or several."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial

import msgspec
import structlog
from aiohttp import web

from beacon import (
    composition,
    databases,
    logs,
    network_access,
    network_composition,
    portal_access,
    reference_files,
    reload,
    subscription_composition,
)
from beacon.framework.errors import OperatorError
from beacon.metrics import SHARED_FOLDER, Metrics
from beacon.mongo.embedded import Change
from beacon.settings import Settings
from beacon.web import connections, generations, server, tls, workers
from beacon.web.client_addresses import ClientAddresses

log = structlog.stdlib.get_logger()


@dataclass(frozen=True, slots=True)
class Served:
    """What is served.

    Attributes:
        name: What worker processes are told to serve.
        open_app: The application, from settings whose `mongo.uri` names the database.
        check: Raises `SettingsError` when settings make no sense.
        has_database: Whether there is a database, so that `mongo.uri` may be empty.
    """

    name: str
    open_app: Callable[[Settings], AbstractAsyncContextManager[web.Application]]
    check: Callable[[Settings], object]
    has_database: bool


class _Work(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker is told, as one line of JSON."""

    name: str
    settings: Settings


def _check_beacon(settings: Settings) -> None:
    composition.policy(settings)
    composition.authenticator(settings, Metrics())
    portal_access.check(settings)
    subscription_composition.check(settings)
    reference_files.references(settings)
    _listening(settings)


BEACON = Served("beacon", composition.open_app, _check_beacon, has_database=True)


def _check_network(settings: Settings) -> None:
    members = network_composition.network_members(settings)
    composition.authenticator(settings, Metrics())
    network_access.check_secrets(settings, members)
    portal_access.check(settings)
    subscription_composition.check(settings)
    reference_files.references(settings)
    _listening(settings)


NETWORK = Served(
    "network", network_composition.open_network_app, _check_network, has_database=False
)

_SENDING_S = 5.0

_SERVED = {one.name: one for one in (BEACON, NETWORK)}
"""Everything that workers can be told to serve."""


def serve(
    settings: Settings,
    served: Served = BEACON,
    *,
    reread: Callable[[], Settings] | None = None,
) -> None:
    """Answer questions until SIGTERM or SIGINT; take up changed settings at SIGHUP.

    Args:
        settings: What to begin with.
        served: What answers.
        reread: Reads the settings again; without it SIGHUP opens the files that they name again.

    Raises:
        OperatorError: The settings, the address or the database do not allow it, or the embedded
            database died again and again.
    """
    # Settings have just been read; without a handler this would end the process.
    signal.signal(signal.SIGHUP, lambda _number, _frame: None)
    logs.configure(settings.log)
    # What makes no sense stops us here, not in a worker.
    served.check(settings)
    chosen = settings.server
    connections.allow_many()
    lost = threading.Event()
    with _database(settings, served, lost) as uri:
        sockets = server.bind(chosen.host, chosen.port, chosen.workers)
        place = reload.Place(started=settings, uri=uri, port=sockets[0].getsockname()[1])
        running = place.running(settings)
        log.info(
            "serving",
            url=running.api_url,
            workers=chosen.workers,
            datasets=len(settings.policy.datasets),
        )
        for dataset_id, rules in settings.policy.datasets.items():
            if rules.accept_risk:
                log.warning("risk_accepted", dataset=dataset_id, why=rules.accept_risk)
        read = reread or (lambda: settings)
        if chosen.workers == 1:
            # Opening the application is the check; to do both would open every file twice.
            rereading = reload.Rereading(place, read, lambda _settings: None)
            _serve_here(served, running, sockets[0], rereading)
        else:
            rereading = reload.Rereading(place, read, served.check)
            _serve_by_workers(served, running, sockets, rereading)
        log.info("stopped")
    if lost.is_set():
        raise OperatorError(
            f"the embedded database died again and again; mongo.log in {settings.data_dir} says why"
        )


@contextlib.contextmanager
def _database(settings: Settings, served: Served, lost: threading.Event) -> Iterator[str]:
    """The connection string of the database, if there is one, which runs while this is open.

    Args:
        settings: They name it.
        served: What needs it, or not.
        lost: Set when an embedded one is given up; the server is told to stop.
    """

    def on_change(change: Change) -> None:
        match change:
            case Change.DIED:
                log.error("database_died")
            case Change.BACK:
                log.warning("database_back")
            case Change.LOST:
                log.error("database_lost")
                lost.set()
                # Stops in good order, with one process or several, as if it were asked to.
                os.kill(os.getpid(), signal.SIGTERM)

    if not served.has_database:
        yield settings.mongo.uri
        return
    with databases.database_uri(settings, on_change) as uri:
        yield uri


def _serve_here(
    served: Served, running: Settings, sock: socket.socket, rereading: reload.Rereading
) -> None:
    def plan(settings: Settings) -> generations.Plan:
        return generations.Plan(
            open_app=partial(served.open_app, settings),
            listening=partial(_listening, settings),
            shutdown_timeout_s=settings.server.shutdown_timeout_s,
            handover_timeout_s=_handover_timeout_s(settings),
        )

    def successor() -> generations.Plan | None:
        settings = rereading()
        return None if settings is None else plan(settings)

    with asyncio.Runner(loop_factory=server.new_loop) as runner:
        runner.run(generations.serve_generations(plan(running), sock, successor))


def _serve_by_workers(
    served: Served, running: Settings, sockets: list[socket.socket], rereading: reload.Rereading
) -> None:
    def orders(settings: Settings) -> workers.Orders:
        work = _Work(name=served.name, settings=settings)
        return workers.Orders(
            message=msgspec.json.encode(work) + b"\n",
            shutdown_timeout_s=settings.server.shutdown_timeout_s,
            handover_timeout_s=_handover_timeout_s(settings),
        )

    def successor() -> workers.Orders | None:
        settings = rereading()
        return None if settings is None else orders(settings)

    with tempfile.TemporaryDirectory(prefix="beacon-metrics-") as folder:
        post = workers.Post(
            command=[sys.executable, "-m", "beacon.cli", "worker"],
            environment={**os.environ, SHARED_FOLDER: folder},
        )
        workers.supervise(post, sockets, orders(running), successor)


def serve_as_worker(descriptor: int) -> None:
    """Answer on an inherited socket, with orders from standard input, until that ends."""
    work = msgspec.json.decode(sys.stdin.buffer.readline(), type=_Work)
    settings = work.settings
    channel = sys.stdin.fileno()
    logs.configure(settings.log)

    async def run() -> None:
        async with _SERVED[work.name].open_app(settings) as app:
            await server.serve(
                app,
                socket.socket(fileno=descriptor),
                shutdown_timeout_s=settings.server.shutdown_timeout_s,
                handover_timeout_s=_handover_timeout_s(settings),
                listening=_listening(settings),
                lifeline=channel,
                on_ready=lambda: os.write(channel, b"+"),
            )

    with asyncio.Runner(loop_factory=server.new_loop) as runner:
        runner.run(run())


def _listening(settings: Settings) -> connections.Listening:
    """How connections are accepted; the files of TLS are read.

    Raises:
        SettingsError: They cannot be used, or a trusted proxy is no address.
    """
    server = settings.server
    context = tls.server_context(server.tls)
    most = settings.limits.connections
    return connections.Listening(
        tls=context,
        hsts_s=server.tls.hsts_days * 86_400 if context is not None else 0,
        idle_timeout_s=server.idle_timeout_s,
        connections_max=max(1, most // server.workers) if most else 0,
        addresses=ClientAddresses(server.trusted_proxies),
    )


def _handover_timeout_s(settings: Settings) -> float:
    """Longer than any answer may take: whoever asked before a hand-over is answered."""
    return _SENDING_S + max(
        settings.limits.deadline_s,
        settings.network.deadline_s,
        settings.network.stream_deadline_s,
    )
