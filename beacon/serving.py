"""Starts the server as the settings say: database, sockets, and one process or several."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import tempfile
import threading

import msgspec

from beacon import composition, databases, logs, reference_files
from beacon.framework.errors import OperatorError
from beacon.metrics import SHARED_FOLDER
from beacon.mongo.embedded import Change
from beacon.settings import Settings
from beacon.web import server


def serve(settings: Settings) -> None:
    """Answer questions until SIGTERM or SIGINT.

    Raises:
        OperatorError: The settings, the address or the database do not allow it, or the embedded
            database died again and again.
    """
    logs.configure(settings.log)
    # What makes no sense stops us here, not in a worker.
    composition.policy(settings)
    reference_files.references(settings)
    chosen = settings.server
    lost = threading.Event()

    def on_change(change: Change) -> None:
        match change:
            case Change.DIED:
                server.log.error("database_died")
            case Change.BACK:
                server.log.warning("database_back")
            case Change.LOST:
                server.log.error("database_lost")
                lost.set()
                # Stops in good order, with one process or several, as if it were asked to.
                os.kill(os.getpid(), signal.SIGTERM)

    with databases.database_uri(settings, on_change) as uri:
        sockets = server.bind(chosen.host, chosen.port, chosen.workers)
        settings = msgspec.structs.replace(
            settings,
            mongo=msgspec.structs.replace(settings.mongo, uri=uri),
            server=msgspec.structs.replace(chosen, port=sockets[0].getsockname()[1]),
        )
        server.log.info(
            "serving",
            url=settings.api_url,
            workers=chosen.workers,
            datasets=len(settings.policy.datasets),
        )
        if chosen.workers == 1:
            _run(settings, sockets[0], lifeline=None)
        else:
            with tempfile.TemporaryDirectory(prefix="beacon-metrics-") as folder:
                server.supervise_workers(
                    [sys.executable, "-m", "beacon.cli", "worker"],
                    sockets,
                    message=msgspec.json.encode(settings) + b"\n",
                    environment={**os.environ, SHARED_FOLDER: folder},
                    shutdown_timeout_s=chosen.shutdown_timeout_s,
                )
        server.log.info("stopped")
    if lost.is_set():
        raise OperatorError(
            f"the embedded database died again and again; mongo.log in {settings.data_dir} says why"
        )


def serve_as_worker(descriptor: int) -> None:
    """Answer on an inherited socket, with settings from standard input, until that ends."""
    settings = msgspec.json.decode(sys.stdin.buffer.readline(), type=Settings)
    logs.configure(settings.log)
    _run(settings, socket.socket(fileno=descriptor), lifeline=sys.stdin.fileno())


def _run(settings: Settings, sock: socket.socket, *, lifeline: int | None) -> None:
    async def run() -> None:
        async with composition.open_app(settings) as app:
            await server.serve(
                app,
                sock,
                shutdown_timeout_s=settings.server.shutdown_timeout_s,
                lifeline=lifeline,
            )

    with asyncio.Runner(loop_factory=server.new_loop) as runner:
        runner.run(run())
