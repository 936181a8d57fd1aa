"""Counting what a release holds: which blocks count, and how many alleles were observed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pymongo.database import Database

from beacon.mongo import documents
from beacon.mongo.documents import block_id

Documents = Database[dict[str, Any]]


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
