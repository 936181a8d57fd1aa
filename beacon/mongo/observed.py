"""Counting what a release holds: which blocks count, and how many alleles were observed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from pymongo.database import Database
from pyroaring import BitMap

from beacon.mongo import documents
from beacon.mongo.blocks import Block, codes_of_dense, rows_of_set, zygosities
from beacon.mongo.documents import block_id

Documents = Database[dict[str, Any]]

_PATIENCE_S = 10.0


def count_observed(database: Documents, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What the newest blocks of a manifest hold, and its layers without those that have none.

    Returns:
        What the manifest has to say: `layers`, `shift`, `observed` (alleles) and `zygosities` (a
        bit for each).
    """
    newest: dict[int, tuple[int, int, int]] = {}
    for layer in manifest["layers"]:
        for code in layer["codes"]:
            low, high = code_range(manifest["shift"], code)
            found = database[documents.BLOCKS].find(
                {"_id": {"$gte": low, "$lte": high}, "l": layer["slot"]}, {"o": 1, "z": 1}
            )
            for block in found:
                key = block["_id"] >> 16
                counted = (layer["slot"], block["o"], block["z"])
                newest[key] = max(newest.get(key, (0, 0, 0)), counted)
    seen = sum(count for _, count, _ in newest.values())
    kinds = 0
    for _, _, one in newest.values():
        kinds |= one
    if manifest.get("structural"):
        asked = {"l": manifest["structural"], "o": True}
        for document in database[documents.STRUCTURAL].find(asked, {"z": 1}):
            seen += 1
            kinds |= document["z"]
    shift = int(manifest["shift"] or 0)
    needed = {(slot, key >> 24 & 0xFF) for key, (slot, _, _) in newest.items()}
    layers = []
    for layer in manifest["layers"]:
        codes = [code for code in layer["codes"] if (layer["slot"], code) in needed]
        if codes:
            layers.append({"slot": layer["slot"], "codes": codes})
    return {"layers": layers, "shift": shift, "observed": seen, "zygosities": kinds}


def code_range(shift: int, code: int) -> tuple[int, int]:
    """Bounds, both included, of the keys of a chromosome's blocks."""
    return block_id(shift, code, 0, 0), block_id(shift, code, 0xFFFFFF, documents.SLOT_MAX)


def zygosities_without(database: Documents, manifest: Mapping[str, Any], rows: BitMap) -> int:
    """Which zygosities carriers have who are not on some rows: a bit for each.

    Nearly always the first documents tell. Where they do not, the search ends after a while with
    what was seen by then: a zygosity is rather not listed than listed for those who have withdrawn.
    """
    wanted = int(manifest.get("zygosities", 0))
    gone = rows_of_set(rows)
    kinds = 0
    end = time.monotonic() + _PATIENCE_S
    for codes in _carriers(database, manifest):
        kinds |= zygosities([codes[~np.isin(codes >> 2, gone)]])
        if kinds & wanted == wanted or time.monotonic() > end:
            break
    return kinds & wanted


def _carriers(database: Documents, manifest: Mapping[str, Any]) -> Iterator[Any]:
    slots = {"l": {"$in": sorted({layer["slot"] for layer in manifest.get("layers", ())})}}
    for layer in manifest.get("layers", ()):
        for code in layer["codes"]:
            low, high = code_range(int(manifest["shift"] or 0), code)
            asked = {"_id": {"$gte": low, "$lte": high}, "l": layer["slot"]}
            for document in database[documents.RARE].find(asked, {"c": 1}):
                yield np.frombuffer(document["c"], "<u4")
    for document in database[documents.DENSE].find(slots):
        yield codes_of_dense(document)
    if manifest.get("structural"):
        asked = {"l": manifest["structural"], "o": True}
        for document in database[documents.STRUCTURAL].find(asked, {"r": 1}):
            yield np.frombuffer(document["r"], "<u4")


def has_uncarried(database: Documents, manifest: Mapping[str, Any]) -> bool:
    """Whether some allele was observed of which no carriers are known at all."""
    for layer in manifest.get("layers", ()):
        for code in layer["codes"]:
            low, high = code_range(int(manifest["shift"] or 0), code)
            asked = {"_id": {"$gte": low, "$lte": high}, "l": layer["slot"]}
            for document in database[documents.BLOCKS].find(asked):
                block = Block(document)
                if (block.observed() & (block.column("carriers") == 0)).any():
                    return True
    asked = {"l": manifest.get("structural"), "o": True, "n.0": 0}
    return database[documents.STRUCTURAL].find_one(asked) is not None
