"""The home of `Holdings`: what a dataset holds, as far as it matters for the people in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from pymongo.database import Database

from beacon.mongo import documents
from beacon.mongo.blocks import Block
from beacon.mongo.documents import record_id
from beacon.mongo.observed import code_range

_BLOCKS_READ = 20
_RECORDS_READ = 2000


class Holdings(msgspec.Struct, frozen=True, kw_only=True):
    """What one dataset holds.

    Attributes:
        people: Individuals; where there are only frequencies, half of the alleles that most were
            called of. `None` is unknown.
        people_are: `individuals`, `alleles` or `unknown`: what they were counted by.
        sites: Alleles that were seen.
        ill: Share of the individuals whose records name a disease, by some of them; `None` where
            nothing is said of any.
    """

    dataset_id: str
    people: int | None
    people_are: str
    sites: int
    ill: float | None


def holdings(database: Database[dict[str, Any]]) -> Iterator[Holdings]:
    """Of each dataset that is published, by id."""
    for manifest in database[documents.MANIFESTS].find().sort("_id", 1):
        individuals = int(manifest["counts"].get("individual", 0))
        people, people_are = individuals or None, "individuals"
        if not individuals:
            people = _most_called(database, manifest) // 2 or None
            people_are = "unknown" if people is None else "alleles"
        yield Holdings(
            dataset_id=manifest["_id"],
            people=people,
            people_are=people_are,
            sites=int(manifest.get("observed", 0)),
            ill=_share_ill(database, manifest["metadata"], individuals),
        )


def _most_called(database: Database[dict[str, Any]], manifest: Mapping[str, Any]) -> int:
    """The highest number of alleles that were called at a place, by the first few of them."""
    most = 0
    for layer in manifest.get("layers", ()):
        low, high = code_range(int(manifest["shift"] or 0), min(layer["codes"]))
        asked = {"_id": {"$gte": low, "$lte": high}, "l": layer["slot"]}
        for document in database[documents.BLOCKS].find(asked).limit(_BLOCKS_READ):
            most = max(most, int(Block(document).column("allele_number").max(initial=0)))
    return most


def _share_ill(database: Database[dict[str, Any]], layer: int, individuals: int) -> float | None:
    if not individuals:
        return None
    step = -(-individuals // _RECORDS_READ)
    keys = [record_id(layer, "individual", one) for one in range(0, individuals, step)]
    # Those that are marked were made up for samples that nothing is known of.
    asked = {"_id": {"$in": keys}, "g": {"$exists": False}}
    found = [
        any(
            not one.get("excluded")
            for one in msgspec.json.decode(document["r"]).get("diseases", ())
        )
        for document in database[documents.RECORDS].find(asked, {"r": 1})
    ]
    return sum(found) / len(found) if found else None
