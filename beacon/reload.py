"""What a server that runs takes up when its settings are read again, and what it cannot."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Any

import msgspec
import structlog
from msgspec.structs import replace

from beacon.framework.errors import OperatorError
from beacon.settings import Settings

NEEDS_RESTART = (
    "data_dir",
    "mongo.cache_gb",
    "server.host",
    "server.port",
    "server.workers",
    "log.format",
    "log.level",
)
"""Settings that hold until the server is started again."""

_URI = "mongo.uri"

log = structlog.stdlib.get_logger()


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a server runs, as long as it does.

    `started` are the settings it was started with; `uri` and `port` are those in use, where the
    settings leave them open.
    """

    started: Settings
    uri: str
    port: int

    def kept(self, settings: Settings) -> tuple[str, ...]:
        """The keys of settings that differ from those at the start and cannot be taken up."""
        keys = (*NEEDS_RESTART, *((_URI,) if self._keeps_database(settings) else ()))
        return tuple(key for key in keys if _value(self.started, key) != _value(settings, key))

    def running(self, settings: Settings) -> Settings:
        """The settings to run with: these, but for what cannot be taken up."""
        first = self.started
        if self._keeps_database(settings):
            mongo = replace(settings.mongo, uri=self.uri, cache_gb=first.mongo.cache_gb)
        else:
            mongo = replace(settings.mongo, cache_gb=first.mongo.cache_gb)
        return replace(
            settings,
            data_dir=first.data_dir,
            mongo=mongo,
            server=replace(
                settings.server,
                host=first.server.host,
                port=self.port,
                workers=first.server.workers,
            ),
            log=replace(settings.log, format=first.log.format, level=first.log.level),
        )

    def _keeps_database(self, settings: Settings) -> bool:
        """An embedded database lives as long as the server: there is no way to it or from it."""
        return not (self.started.mongo.uri and settings.mongo.uri)


class Rereading:
    """Reads the settings again, and says in the log what comes of it, by key and never by value.

    Args:
        place: Where the server runs.
        read: Reads the settings.
        check: Raises `OperatorError` when they make no sense.
    """

    def __init__(
        self, place: Place, read: Callable[[], Settings], check: Callable[[Settings], object]
    ) -> None:
        self._place = place
        self._read = read
        self._check = check
        self._last = place.started

    def __call__(self) -> Settings | None:
        """The settings to run with from now on; `None` when those that are there are wrong."""
        try:
            settings = self._read()
            self._check(settings)
        except OperatorError as error:
            log.error("reload_failed", reason=str(error))
            return None
        before, self._last = self._last, settings
        log.info("reloading", changed=list(_changed(before, settings)))
        if kept := self._place.kept(settings):
            log.warning("reload_needs_restart", settings=list(kept))
        return self._place.running(settings)


def _value(settings: Settings, key: str) -> Any:
    return attrgetter(key)(settings)


def _changed(before: Settings, after: Settings) -> Iterator[str]:
    """The keys whose values differ."""
    yield from _differences(msgspec.to_builtins(before), msgspec.to_builtins(after), "")


def _differences(before: Any, after: Any, key: str) -> Iterator[str]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        prefix = f"{key}." if key else ""
        for name in sorted({*before, *after}):
            yield from _differences(before.get(name), after.get(name), prefix + name)
    else:
        yield key
