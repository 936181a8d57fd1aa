"""Ontologies and gene tables as they are kept in the database."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from beacon.framework.answer import Resource
from beacon.model.ontology import Ontologies, Ontology, Term


def reference_from(stored: Iterable[Mapping[str, Any]], kind: str) -> Iterator[tuple[str, bytes]]:
    """Reference data of one kind (`ontology` or `genes`), from documents in the order of ids."""
    packed: dict[str, bytearray] = {}
    for document in stored:
        if document["kind"] == kind:
            packed.setdefault(document["name"], bytearray()).extend(document["z"])
    for name, data in packed.items():
        yield name, zlib.decompress(data)


def ontologies_from(stored: Iterable[tuple[str, bytes]]) -> Ontologies:
    """Ontologies by prefix, from what `put_ontology` stored."""
    return Ontologies(
        {
            prefix: Ontology(
                kept.resource,
                {name: Term(label, parents) for name, (label, parents) in kept.terms.items()},
                kept.described,
            )
            for prefix, data in stored
            for kept in (msgspec.json.decode(data, type=_StoredOntology),)
        }
    )


class _StoredOntology(msgspec.Struct):
    resource: Resource
    terms: dict[str, tuple[str | None, tuple[str, ...]]]
    described: dict[str, int] = {}
