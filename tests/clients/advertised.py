"""The home of what clients derive from `/map`: every address of a beacon, with ids filled in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urljoin

from tests.conformance.client import (
    COLLECTIONS,
    RESPONSES,
    Beacon,
    Document,
    Reply,
    conform,
)


@dataclass(frozen=True)
class Advertised:
    """One endpoint set of `/map`: its addresses, absolute, perhaps with an id to fill in."""

    entry_type: str
    root: str
    single: str
    related: dict[str, str]
    """Address → the entry type that it answers with."""


def endpoint_sets(beacon: Beacon) -> list[Advertised]:
    sets = beacon.get("/map").document["response"]["endpointSets"]
    return [
        Advertised(
            one["entryType"],
            one["rootUrl"],
            one["singleEntryUrl"],
            {end["url"]: end["returnedEntryType"] for end in one.get("endpoints", {}).values()},
        )
        for one in sets.values()
    ]


def filled(url: str, record: Document) -> str:
    """The address with every name in braces replaced by that property of a record, or its id."""
    return re.sub(
        r"\{(\w+)\}",
        lambda found: quote(str(record.get(found[1], record["id"])), safe=""),
        url,
    )


def records_of(document: Document) -> list[Document]:
    """The records of an answer of either shape; one dataset or cohort comes in both."""
    response = document.get("response", {})
    in_sets = [
        record for one in response.get("resultSets", ()) for record in one.get("results", ())
    ]
    collected: list[Document] = response.get("collections", in_sets)
    if "resultSets" in response:
        assert collected == in_sets
    return collected


def advertised_schemas(beacon: Beacon) -> dict[str, str]:
    """Entry type → the absolute address of the schema of its records."""
    entry_types = beacon.get("/configuration").document["response"]["entryTypes"]
    return {
        name: one["defaultSchema"]["referenceToSchemaDefinition"]
        for name, one in entry_types.items()
    }


def with_references(beacon: Beacon, url: str) -> dict[str, Any]:
    """A schema and all that it refers to, fetched as any client would: address → document."""
    found: dict[str, Any] = {}
    waiting = [url]
    while waiting:
        address = waiting.pop()
        if address in found:
            continue
        assert address.startswith(beacon.base_url), address
        reply = beacon.request("GET", address)
        assert reply.status == 200, address
        found[address] = reply.document
        waiting += _references(reply.document, address)
    return found


def _references(value: Any, base: str) -> Iterator[str]:
    match value:
        case dict():
            reference = value.get("$ref")
            if isinstance(reference, str) and not reference.startswith("#"):
                yield urljoin(base, reference).partition("#")[0]
            for part in value.values():
                yield from _references(part, base)
        case list():
            for part in value:
                yield from _references(part, base)


def envelope_of(reply: Reply) -> Document:
    """The whole of an answer, which must be right by the schema of its kind."""
    assert reply.status == 200, reply.body
    document = reply.document
    name = RESPONSES[document["meta"]["returnedGranularity"]]
    response = document.get("response", {})
    if "collections" in response:
        name = COLLECTIONS
    elif "resultSets" in response:
        name = RESPONSES["record"]
    conform(document, name)
    return document
