"""The log: one JSON object or one line of columns an event, on standard error."""

from __future__ import annotations

import logging
import sys
from typing import Any

import msgspec
import structlog

from beacon.settings import LogFormat, LogSettings

_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
_encoder = msgspec.json.Encoder(enc_hook=str)


def configure(settings: LogSettings) -> None:
    """Set up the log of this process. Libraries that use `logging` are heard from WARNING on."""
    level = _LEVELS[settings.level]
    logging.basicConfig(level=max(level, logging.WARNING), stream=sys.stderr, force=True)
    # It reports broken request bodies with a traceback, which any client can make it do; what
    # fails on our side is logged by the middleware.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if settings.format is LogFormat.JSON:
        structlog.configure(
            processors=[*shared, structlog.processors.format_exc_info, _as_json],
            wrapper_class=structlog.make_filtering_bound_logger(level),
            logger_factory=structlog.BytesLoggerFactory(sys.stderr.buffer),
            cache_logger_on_first_use=True,
        )
    else:
        structlog.configure(
            processors=[
                *shared,
                structlog.dev.ConsoleRenderer(
                    colors=sys.stderr.isatty(),
                    # Without local variables: those hold questions, records and keys.
                    exception_formatter=structlog.dev.plain_traceback,
                ),
            ],
            wrapper_class=structlog.make_filtering_bound_logger(level),
            logger_factory=structlog.WriteLoggerFactory(sys.stderr),
            cache_logger_on_first_use=True,
        )


def _as_json(_logger: object, _name: str, event: structlog.typing.EventDict) -> bytes:
    return _encoder.encode(event)
