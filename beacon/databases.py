"""The database that the settings name: a server, or the embedded one for as long as it is used."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymongo
from pymongo.database import Database
from pymongo.errors import PyMongoError

from beacon.framework.errors import OperatorError
from beacon.mongo.embedded import embedded_mongod
from beacon.settings import Settings

Documents = Database[dict[str, Any]]

CONNECT_TIMEOUT_MS = 5000


@contextlib.contextmanager
def database_uri(settings: Settings) -> Iterator[str]:
    """The connection string of the database, which runs at least while this is open."""
    if settings.mongo.uri:
        yield settings.mongo.uri
        return
    with embedded_mongod(Path(settings.data_dir), cache_gb=settings.mongo.cache_gb or None) as uri:
        yield uri


@contextlib.contextmanager
def open_database(settings: Settings) -> Iterator[Documents]:
    """The database, for commands.

    Raises:
        OperatorError: It does not answer.
    """
    with database_uri(settings) as uri:
        client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(
            uri, serverSelectionTimeoutMS=CONNECT_TIMEOUT_MS
        )
        with client:
            try:
                client.admin.command("ping")
            except PyMongoError as error:
                # Not the connection string, which may hold a password.
                raise OperatorError(f"the database does not answer: {error}") from error
            yield client[settings.mongo.database]
