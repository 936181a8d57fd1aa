"""The register of loads: who is loading what, which layers are whose, and which nobody needs."""

from __future__ import annotations

import datetime
import os
import socket
import time
from collections.abc import Mapping
from typing import Any

from pymongo import ReturnDocument
from pymongo.database import Database

from beacon.framework.errors import LoadError
from beacon.mongo import documents
from beacon.mongo.history import forget_dropped, layers_kept, layers_of, release_of, serve_release

Documents = Database[dict[str, Any]]

STALE_LOCK_S = 600
"""A load on another machine that has not been heard of for this long is taken to be dead."""
_LAYERED = (
    documents.BLOCKS,
    documents.RARE,
    documents.DENSE,
    documents.CALLED,
    documents.PATTERNS,
    documents.ASSESSED,
    documents.STRATA,
    documents.STRUCTURAL,
    documents.ANNOTATIONS,
    documents.RECORDS,
    documents.ROSTER,
    documents.TERMS,
    documents.ATTRIBUTES,
    documents.CATALOGUE,
    documents.STAGED,
)


def collect_garbage(database: Documents, grace_s: float) -> None:
    """Delete layers that no kept release and no open load has named for `grace_s` seconds.

    Answers that began with them have ended by then.
    """
    forget_dropped(database)
    # Loads before manifests: a load that ends in between counts as open, and nothing is lost.
    loads = list(database[documents.LOADS].find({}, {"open": 1, "layers": 1, "retired": 1}))
    kept: set[int] = set()
    for manifest in database[documents.MANIFESTS].find():
        kept |= layers_of(manifest)
    kept |= layers_kept(database)
    now = time.time()
    for load in loads:
        if load["open"]:
            continue
        retired = {int(layer): since for layer, since in load.get("retired", {}).items()}
        unnamed = set(load.get("layers", ())) - kept
        due = [one for one in unnamed if now - retired.get(one, now) >= grace_s]
        for layer in due:
            delete_layer(database, layer)
        waiting = {str(one): retired.get(one, now) for one in unnamed.difference(due)}
        database[documents.LOADS].update_one(
            {"_id": load["_id"]},
            {"$set": {"retired": waiting}, "$pull": {"layers": {"$in": due}}},
        )


def next_slot(database: Documents) -> int:
    """A number that no layer of this database has had."""
    found = database[documents.COUNTERS].find_one_and_update(
        {"_id": "slot"}, {"$inc": {"n": 1}}, upsert=True, return_document=ReturnDocument.AFTER
    )
    slot = int((found or {})["n"])
    if slot > documents.SLOT_MAX:
        raise LoadError(
            f"this database has seen {documents.SLOT_MAX} loads, the most it can number; "
            "load the datasets into a new database"
        )
    return slot


def owner() -> dict[str, Any]:
    """This process, as the holder of a load."""
    return {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "seen": datetime.datetime.now(datetime.UTC).timestamp(),
    }


def _is_alive(owner: Mapping[str, Any]) -> bool:
    if owner["host"] != socket.gethostname():
        return bool(datetime.datetime.now(datetime.UTC).timestamp() - owner["seen"] < STALE_LOCK_S)
    if owner["pid"] == os.getpid():
        return False
    try:
        os.kill(owner["pid"], 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def close_load(database: Documents, slot: int) -> None:
    """Note that a load has published."""
    database[documents.LOADS].update_one(
        {"_id": slot},
        {"$set": {"open": False}, "$addToSet": {"layers": slot}, "$unset": {"written": ""}},
    )


def settle(database: Documents, load: Mapping[str, Any]) -> bool:
    """Finish what a load that died had begun to publish; false when it had not come that far.

    A release that was to be served is, unless another one was published or rolled back to since.
    """
    kept = database[documents.RELEASES].find_one({"slot": load["_id"], "dropped": {"$ne": True}})
    manifest = database[documents.MANIFESTS].find_one({"_id": load["dataset"]})
    if kept is None:
        if not layers_of(manifest or {}) & {load["_id"], *load.get("layers", ())}:
            return False
    elif kept["serve"] and release_of(manifest) == kept["base"] and not kept["served"]:
        serve_release(database, kept["manifest"], manifest)
    database[documents.STAGED].delete_many({"l": load["_id"]})
    close_load(database, load["_id"])
    return True


def refuse_if_alive(load: Mapping[str, Any], dataset_id: str) -> None:
    """Raise `LoadError` when another process that is alive holds the load."""
    holder = load["owner"]
    if _is_alive(holder):
        raise LoadError(
            f'another load of dataset "{dataset_id}" is running (process {holder["pid"]} on '
            f"{holder['host']}); wait for it or stop it"
        )


def forget_load(database: Documents, load: Mapping[str, Any]) -> None:
    """Delete what an unfinished load wrote."""
    database[documents.RELEASES].delete_many({"slot": load["_id"], "served": None})
    for layer in (load["_id"], *load.get("layers", ())):
        delete_layer(database, layer)
    database[documents.LOADS].delete_one({"_id": load["_id"]})


def delete_layer(database: Documents, layer: int) -> None:
    """Delete whatever a layer has in any collection."""
    for name in _LAYERED:
        database[name].delete_many({"l": layer})
