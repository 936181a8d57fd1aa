"""The database that the settings name: a server, or the embedded one for as long as it is used."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pymongo
from pymongo.database import Database
from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri
from pymongo.write_concern import WriteConcern

from beacon.framework.errors import OperatorError, SettingsError
from beacon.mongo.embedded import Change, embedded_mongod
from beacon.settings import Settings

Documents = Database[dict[str, Any]]

CONNECT_TIMEOUT_MS = 2000
"""How long a question waits for a database that is away, before it is answered 503."""

_COMMAND_TIMEOUT_MS = 5000


@contextlib.contextmanager
def database_uri(
    settings: Settings, on_change: Callable[[Change], None] = lambda _change: None
) -> Iterator[str]:
    """The connection string of the database, which runs at least while this is open.

    Args:
        settings: They name the database.
        on_change: Told, from a thread of its own, what becomes of an embedded one.

    Raises:
        SettingsError: `mongo.uri` is no connection string.
    """
    if settings.mongo.uri:
        check_uri(settings.mongo.uri)
        yield settings.mongo.uri
        return
    with embedded_mongod(
        Path(settings.data_dir), cache_gb=settings.mongo.cache_gb or None, on_change=on_change
    ) as uri:
        yield uri


def check_uri(uri: str) -> None:
    """Raise `SettingsError` for what is no connection string, without quoting any of it."""
    try:
        # The name of a cluster is looked up when it is connected to, not here.
        parse_uri(uri.replace("mongodb+srv://", "mongodb://", 1), warn=False)
    except (PyMongoError, ValueError, TypeError, OSError):
        # The driver's own words quote parts of it, which may be of a password.
        raise SettingsError(
            "mongo.uri is not a MongoDB connection string such as "
            "mongodb://user:password@host/database?tls=true; user and password are written with "
            "percent signs for anything but letters and digits, and the files of TLS options must "
            "be there"
        ) from None


@contextlib.contextmanager
def open_database(settings: Settings) -> Iterator[Documents]:
    """The database, for commands.

    Raises:
        OperatorError: It does not answer.
    """
    with database_uri(settings) as uri, database_at(uri, settings) as database:
        yield database


@contextlib.contextmanager
def database_at(uri: str, settings: Settings) -> Iterator[Documents]:
    """The database at a connection string that `database_uri` gave.

    Raises:
        OperatorError: It does not answer.
    """
    with contextlib.ExitStack() as stack:
        try:
            client: pymongo.MongoClient[dict[str, Any]] = stack.enter_context(
                pymongo.MongoClient(uri, serverSelectionTimeoutMS=_COMMAND_TIMEOUT_MS)
            )
            client.admin.command("ping")
        except PyMongoError as error:
            # Not the connection string, which may hold a password.
            raise OperatorError(f"the database does not answer: {error}") from error
        # The embedded database may die and be back between two writes of a load, which would
        # not notice: what was said to be written has to be there then. How safe writes to a
        # server are, its connection string says.
        durable = None if settings.mongo.uri else WriteConcern(j=True)
        yield client.get_database(settings.mongo.database, write_concern=durable)
