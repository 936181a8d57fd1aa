"""The releases of a dataset: kept, listed, served again, and forgotten in the end.

`datasets` holds the manifest that is served and nothing else, so serving another release is one
write. `releases` holds the manifests of all releases that are kept, the served one's too, with what
each was made from.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from beacon.framework.errors import OperatorError
from beacon.mongo import documents
from beacon.mongo.barred import Barred

Documents = Database[dict[str, Any]]

PUBLISHED, KEPT, UNPUBLISHED = "published", "kept", "unpublished"
_LARGE = {"manifest.record": 0, "manifest.files": 0, "manifest.withdrawn": 0}


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """One release as people see it.

    `state` is `published`; `kept`, once published and able to be so again; or `unpublished`, made
    and never served. `base` is the release it was made from, 0 for none.
    """

    release: int
    state: str
    made: datetime.datetime
    served: datetime.datetime | None
    kind: str
    base: int
    files: tuple[str, ...]
    assembly: str | None
    holds: dict[str, int]


def release_of(manifest: Mapping[str, Any] | None) -> int:
    """The number of a release; 0 before the first."""
    return int((manifest or {}).get("release", 0))


def layers_of(manifest: Mapping[str, Any]) -> set[int]:
    """All slots and metadata layers that a manifest names."""
    named = {layer["slot"] for layer in manifest.get("layers", ())}
    named.update(manifest.get("assessed", ()))
    named |= {
        manifest[key] for key in ("metadata", "structural", "annotations") if manifest.get(key)
    }
    return named


def holds_of(manifest: Mapping[str, Any]) -> dict[str, int]:
    """How many entries a release holds, by entry type."""
    counts = {
        key: count for key, count in manifest.get("counts", {}).items() if count and key != "rows"
    }
    return {**counts, "genomicVariant": manifest.get("observed", 0)}


def layers_kept(database: Documents) -> set[int]:
    """All layers that some kept release names."""
    kept: set[int] = set()
    for found in database[documents.RELEASES].find({}, _LARGE):
        kept |= layers_of(found["manifest"])
    return kept


# Making releases --------------------------------------------------------------------------------


def number_release(database: Documents, dataset_id: str, slot: int) -> int:
    """The number of the release that a load makes: one that no release of the dataset has had.

    A load that died after it was told its number is told the same again.
    """
    load = database[documents.LOADS].find_one({"_id": slot}, {"release": 1}) or {}
    number = load.get("release")
    if number is None:
        counter = database[documents.COUNTERS].find_one({"_id": _counter(dataset_id)}) or {}
        published = database[documents.MANIFESTS].find_one({"_id": dataset_id}, {"release": 1})
        kept = database[documents.RELEASES].find({"dataset": dataset_id}, {"release": 1})
        known = [one["release"] for one in kept]
        number = max(counter.get("n", 0), release_of(published), *known, 0) + 1
        database[documents.LOADS].update_one({"_id": slot}, {"$set": {"release": number}})
    database[documents.COUNTERS].update_one(
        {"_id": _counter(dataset_id)}, {"$max": {"n": number}}, upsert=True
    )
    return int(number)


def keep_release(
    database: Documents,
    manifest: Mapping[str, Any],
    base: Mapping[str, Any] | None,
    *,
    slot: int,
    kind: str,
    serve: bool,
    files: Sequence[str] = (),
) -> None:
    """Write a release down; from now on nothing that its manifest names may change.

    Args:
        base: The manifest of the release that it was made from.
        slot: The load that made it.
        kind: `load` or `withdrawal`.
        serve: Whether it is to be served, should we die before it is.
        files: Names of the files that it brought.
    """
    lineage: list[int] = []
    if base:
        _adopt(database, base)
        parent = database[documents.RELEASES].find_one(
            {"_id": _key(base["_id"], release_of(base))}, {"lineage": 1}
        )
        lineage = [*(parent or {}).get("lineage", ()), release_of(base)]
    key = _key(manifest["_id"], release_of(manifest))
    document = {
        "_id": key,
        "dataset": manifest["_id"],
        "release": release_of(manifest),
        "base": release_of(base),
        "lineage": lineage,
        "slot": slot,
        "kind": kind,
        "serve": serve,
        "made": datetime.datetime.now(datetime.UTC),
        "served": None,
        "files": [Path(name).name for name in files],
        "manifest": dict(manifest),
    }
    database[documents.RELEASES].replace_one({"_id": key}, document, upsert=True)


def serve_release(
    database: Documents, manifest: Mapping[str, Any], base: Mapping[str, Any] | None
) -> bool:
    """Serve a release in place of another, in one write; false when that one no longer is served.

    Args:
        base: The manifest that is served, `None` when there is none.
    """
    manifests = database[documents.MANIFESTS]
    if base:
        # Whoever served it may have died before it could say so.
        _note_served(database, base)
        same = {"_id": manifest["_id"], "release": release_of(base), "created": base["created"]}
        if not manifests.replace_one(same, dict(manifest)).matched_count:
            return False
    else:
        try:
            manifests.insert_one(dict(manifest))
        except DuplicateKeyError:
            return False
    _note_served(database, manifest)
    return True


def _note_served(database: Documents, manifest: Mapping[str, Any]) -> None:
    database[documents.RELEASES].update_one(
        {"_id": _key(manifest["_id"], release_of(manifest)), "served": None},
        {"$set": {"served": datetime.datetime.now(datetime.UTC)}},
    )


def prune(database: Documents, dataset_id: str, keep: int) -> None:
    """Forget all releases before the served one but the last `keep`."""
    served = database[documents.MANIFESTS].find_one({"_id": dataset_id}, {"release": 1})
    older = database[documents.RELEASES].find(
        {"dataset": dataset_id, "release": {"$lt": release_of(served)}}, {"_id": 1}
    )
    due = [one["_id"] for one in older.sort("release", -1)][keep:]
    database[documents.RELEASES].delete_many({"_id": {"$in": due}})


def forget_others(database: Documents, dataset_id: str) -> None:
    """Forget all releases but the served one."""
    served = database[documents.MANIFESTS].find_one({"_id": dataset_id}, {"release": 1})
    database[documents.RELEASES].delete_many(
        {"dataset": dataset_id, "release": {"$ne": release_of(served)}}
    )


def mark_dropped(database: Documents, dataset_id: str) -> bool:
    """Note that all releases go when the manifest does; whether there is any."""
    found = database[documents.RELEASES].update_many(
        {"dataset": dataset_id}, {"$set": {"dropped": True}}
    )
    return found.matched_count > 0


def forget_dropped(database: Documents) -> None:
    """Forget the releases of datasets that were dropped, the last time perhaps not to the end."""
    dropped = database[documents.RELEASES].distinct("dataset", {"dropped": True})
    served = {one["_id"] for one in database[documents.MANIFESTS].find({}, {"_id": 1})}
    gone = [one for one in dropped if one not in served]
    if gone:
        database[documents.RELEASES].delete_many({"dataset": {"$in": gone}, "dropped": True})


def _adopt(database: Documents, manifest: Mapping[str, Any]) -> None:
    """Keep a release that was published before releases were kept."""
    release = release_of(manifest)
    document = {
        "dataset": manifest["_id"],
        "release": release,
        "base": release - 1,
        "lineage": list(range(1, release)),
        "slot": 0,
        "kind": "load",
        "serve": True,
        "made": manifest["updated"],
        "served": manifest["updated"],
        "files": [],
        "manifest": dict(manifest),
    }
    database[documents.RELEASES].update_one(
        {"_id": _key(manifest["_id"], release)}, {"$setOnInsert": document}, upsert=True
    )


# Looking at them --------------------------------------------------------------------------------


def history(database: Documents, dataset_id: str) -> list[Release]:
    """The releases of a dataset, the newest first.

    Raises:
        OperatorError: There is no such dataset.
    """
    manifest = database[documents.MANIFESTS].find_one({"_id": dataset_id})
    if manifest:
        _adopt(database, manifest)
    served = release_of(manifest)
    kept = list(_kept(database, dataset_id))
    if not kept:
        raise OperatorError(f'there is no dataset "{dataset_id}"')
    return [
        Release(
            release=one["release"],
            state=PUBLISHED
            if one["release"] == served
            else (KEPT if one["served"] else UNPUBLISHED),
            made=one["made"],
            served=one["served"],
            kind=one["kind"],
            base=one["base"],
            files=tuple(one["files"]),
            assembly=one["manifest"].get("assembly"),
            holds=holds_of(one["manifest"]),
        )
        for one in kept
    ]


def unpublished_datasets(database: Documents) -> list[str]:
    """Datasets that have releases, none of which is served."""
    served = {one["_id"] for one in database[documents.MANIFESTS].find({}, {"_id": 1})}
    known = database[documents.RELEASES].distinct("dataset", {"dropped": {"$ne": True}})
    return sorted(set(known) - served)


def _kept(database: Documents, dataset_id: str) -> list[dict[str, Any]]:
    forget_dropped(database)
    return list(database[documents.RELEASES].find({"dataset": dataset_id}).sort("release", -1))


# Serving them again -----------------------------------------------------------------------------


def publish_release(database: Documents, dataset_id: str, number: int | None = None) -> int:
    """Serve a release that was made from the one that is served now, at once.

    Args:
        number: `None` is the newest that was never served.

    Returns:
        Its number.

    Raises:
        OperatorError: There is no such release, or serving it would lose what was published since;
            or people are being withdrawn.
    """
    _refuse_while_withdrawing(database, dataset_id)
    manifest = database[documents.MANIFESTS].find_one({"_id": dataset_id})
    kept = {one["release"]: one for one in _kept(database, dataset_id)}
    if number is None:
        fresh = [one["release"] for one in kept.values() if not one["served"]]
        fresh = [one for one in fresh if one != release_of(manifest)]
        if not fresh:
            if not kept:
                raise OperatorError(f'there is no dataset "{dataset_id}"')
            others = ", ".join(str(one) for one in sorted(kept) if one != release_of(manifest))
            hint = f"; publish one of {others} with --release" if others else ""
            raise OperatorError(f'dataset "{dataset_id}" has no unpublished release{hint}')
        number = max(fresh)
    chosen = _chosen(dataset_id, kept, number)
    served = release_of(manifest)
    if number == served:
        raise OperatorError(f'release {number} of "{dataset_id}" is the published one already')
    if served and served not in chosen["lineage"]:
        lineage = kept[served]["lineage"] if served in kept else range(1, served)
        if number in lineage:
            raise OperatorError(
                f'release {number} of "{dataset_id}" is older than the published {served}; '
                f"to go back: beacon datasets rollback {dataset_id} --to {number}"
            )
        origin = f"release {chosen['base']}" if chosen["base"] else "no release"
        raise OperatorError(
            f'release {number} of "{dataset_id}" was made from {origin} and lacks what the '
            f"published {served} has; load its files again, or go back first: beacon datasets "
            f"rollback {dataset_id} --to {chosen['base']}"
        )
    _serve(database, chosen["manifest"], manifest)
    return number


def roll_back(database: Documents, dataset_id: str, to: int | None = None) -> tuple[int, int]:
    """Serve an older release again, at once.

    Args:
        to: `None` is the one that the served release was made from.

    Returns:
        The numbers of the release that was served, and of the one that is served now.

    Raises:
        OperatorError: There is no such release to go back to; or people are being withdrawn.
    """
    _refuse_while_withdrawing(database, dataset_id)
    manifest = database[documents.MANIFESTS].find_one({"_id": dataset_id})
    if manifest is None:
        raise OperatorError(f'there is no published dataset "{dataset_id}"')
    _adopt(database, manifest)
    served = release_of(manifest)
    kept = {one["release"]: one for one in _kept(database, dataset_id)}
    if to is None:
        older = [one for one in kept.values() if one["release"] < served and one["served"]]
        numbers = [one["release"] for one in older]
        base = kept[served]["base"]
        if not numbers:
            raise OperatorError(
                f'release {served} of "{dataset_id}" is the oldest that is kept; '
                "there is nothing to go back to"
            )
        to = base if base in numbers else max(numbers)
    if to >= served:
        raise OperatorError(
            f'release {to} of "{dataset_id}" is not older than the published {served}; '
            f"to go forward: beacon datasets publish {dataset_id} --release {to}"
        )
    _serve(database, _chosen(dataset_id, kept, to)["manifest"], manifest)
    return served, to


def _refuse_while_withdrawing(database: Documents, dataset_id: str) -> None:
    """Other releases still hold people who are being withdrawn."""
    if Barred(database, dataset_id).pending:
        raise OperatorError(
            f'people are being withdrawn from dataset "{dataset_id}"; wait for it or, should it '
            f"have been interrupted, finish it: beacon datasets withdraw {dataset_id}"
        )


def _chosen(dataset_id: str, kept: Mapping[int, Any], number: int) -> dict[str, Any]:
    if number not in kept:
        names = ", ".join(str(one) for one in sorted(kept)) or "none"
        raise OperatorError(
            f'release {number} of "{dataset_id}" is not kept; those that are: {names}'
        )
    chosen: dict[str, Any] = kept[number]
    return chosen


def _serve(
    database: Documents, manifest: Mapping[str, Any], served: Mapping[str, Any] | None
) -> None:
    if not serve_release(database, manifest, served):
        raise OperatorError(
            f'dataset "{manifest["_id"]}" was loaded or dropped by somebody else meanwhile; '
            "look at its history and try again"
        )


def _key(dataset_id: str, release: int) -> str:
    return f"{release:08}|{dataset_id}"


def _counter(dataset_id: str) -> str:
    return f"release|{dataset_id}"
