"""Where people's files say that they were looked at, kept from load to load.

A release names the layers of all loads that it was made from. Only loads read them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pymongo import ReplaceOne
from pymongo.database import Database
from pyroaring import BitMap

from beacon.model.allele import Called
from beacon.model.assessment import (
    CARRIER,
    OUTSIDE,
    Asked,
    PersonFileSaid,
    PlaceSaid,
    Statement,
)
from beacon.model.spans import NO_SPANS, Spans, layered
from beacon.mongo import documents
from beacon.mongo.assessed_documents import (
    FileKey,
    PersonFile,
    current,
    document_of_file,
    documents_of,
    person_file,
    shared_regions,
)
from beacon.mongo.blocks import row_set

Documents = Database[dict[str, Any]]

_BATCH_BYTES = 8 << 20
_CELLS = 64 << 20
"""People times alleles that are looked at at once."""
_STATEMENTS_KEPT = 20_000


@dataclass(frozen=True, slots=True)
class Listed:
    """Calls of one sequence that are kept one by one: allele and row, sorted by allele."""

    names: Any
    rows: Any

    def of(self, name: int) -> BitMap:
        """The rows of an allele."""
        first, last = np.searchsorted(self.names, (name, name + 1))
        return row_set(self.rows[first:last]) if last > first else BitMap()


class Assessed:
    """What a release, and the load that makes it, know of where people were looked at.

    Args:
        layers: Of the release that the load is made from.
    """

    def __init__(self, database: Documents, layers: Sequence[int]) -> None:
        self._database = database
        self._collection = database[documents.ASSESSED]
        self._layers = [*layers]
        self._own: int | None = None
        self._files = current(self._read_files()) if layers else []
        self._before: list[PersonFile] = []
        self._before_silent = self._before_bounded = BitMap()
        self._cached: tuple[int, list[tuple[int, Statement]]] | None = None
        self._told: dict[tuple[int, bool], Listed] = {}
        self._summarise()

    def _summarise(self) -> None:
        by_row: dict[int, list[PersonFile]] = {}
        for one in self._files:
            by_row.setdefault(one.row, []).append(one)
        self.rows = BitMap(by_row)
        """Everybody who has a file."""
        silent = (row for row, files in by_row.items() if not any(one.says for one in files))
        self.silent = BitMap(silent)
        """Those of whom nothing says where they have no variant."""
        self.bounded = BitMap(one.row for one in self._files if one.is_bounded)
        """Those whose files say by regions what they assessed."""
        self.new = BitMap(one.row for one in self._files if one.key[0] == self._own)
        """Those whom the open load has files of."""

    # The open load's own ------------------------------------------------------------------------

    def add(self, layer: int, said: Iterable[PersonFileSaid | PlaceSaid]) -> list[str]:
        """Keep what the files of the open load say.

        Args:
            layer: The load's own.

        Returns:
            Files whose people have other files that stay, with calls on the same sequence.
        """
        self._own = layer
        paths: dict[FileKey, str] = {}
        added: list[PersonFile] = []
        batch: list[ReplaceOne[dict[str, Any]]] = []
        shared = shared_regions(self._database, self._layers)
        size = 0
        for one in said:
            for document in documents_of(layer, one, shared):
                batch.append(ReplaceOne({"_id": document["_id"]}, document, upsert=True))
                size += len(document.get("z", b"")) + 200
            if isinstance(one, PersonFileSaid):
                file = person_file(document_of_file(layer, one))
                paths[file.key] = one.file
                added.append(file)
            if size > _BATCH_BYTES:
                self._collection.bulk_write(batch, ordered=False)
                batch, size = [], 0
        if batch:
            self._collection.bulk_write(batch, ordered=False)
        self._before = self._files
        self._files = current([*self._before, *added])
        self._cached, self._told = None, {}
        self._before_silent, self._before_bounded = self.silent, self.bounded
        self._summarise()
        return self._beside(added, paths)

    def _beside(self, added: Sequence[PersonFile], paths: dict[FileKey, str]) -> list[str]:
        kept = {one.key for one in self._files}
        earlier: dict[int, list[PersonFile]] = {}
        for one in self._before:
            if one.key in kept:
                earlier.setdefault(one.row, []).append(one)
        return [
            paths[one.key]
            for one in added
            if any(one.codes & other.codes for other in earlier.get(one.row, ()))
        ]

    @property
    def layers(self) -> list[int]:
        """Those that the release to be made has to name."""
        return [*self._layers] if self._own is None else [*self._layers, self._own]

    @property
    def replaced(self) -> BitMap:
        """Those of whom an earlier file no longer counts."""
        kept = {one.key for one in self._files}
        return BitMap(one.row for one in self._before if one.key not in kept)

    @property
    def is_lifted(self) -> bool:
        """Whether numbers that were not known may be known now."""
        if self._own is None:
            return False
        return bool(self._before_silent - self.silent) or self._before_bounded.intersect(
            self.replaced
        )

    def unsaid(self, code: int) -> BitMap:
        """Those who were told by regions alone until now, and have a file with calls there."""
        listed = BitMap(
            one.row for one in self._files if one.key[0] == self._own and code in one.codes
        )
        before = BitMap(one.row for one in self._before if code in one.codes)
        return (listed & BitMap(one.row for one in self._before)) - before

    # Asking -------------------------------------------------------------------------------------

    def called(self, code: int, rows: BitMap, asked: Asked) -> list[Called]:
        """Who of some people was looked at at each of some alleles of a sequence.

        Sets that are equal are one object.
        """
        parts: list[tuple[Any, list[BitMap], list[BitMap]]] = []
        size = max(1, _CELLS // max(asked.starts.size, 1))
        for some in _parts(self._copies(code, rows, asked), size):
            of_rows = np.array([row for row, _ in some], np.uint32)
            columns, number = np.unique(
                np.array([copies for _, copies in some]), axis=1, return_inverse=True
            )
            twice = [row_set(of_rows[column == 2]) for column in columns.T]
            once = [row_set(of_rows[column == 1]) for column in columns.T]
            parts.append((number.reshape(-1), twice, once))
        known: dict[tuple[int, ...], Called] = {}
        found = []
        for index in range(asked.starts.size):
            key = tuple(int(number[index]) for number, _, _ in parts)
            called = known.get(key)
            if called is None:
                called = known[key] = Called(
                    BitMap().union(*(part[1][at] for part, at in zip(parts, key, strict=True))),
                    BitMap().union(*(part[2][at] for part, at in zip(parts, key, strict=True))),
                )
            found.append(called)
        return found

    def _copies(self, code: int, rows: BitMap, asked: Asked) -> Iterator[tuple[int, Any]]:
        """The copies that each person has called at each allele, of all files of the person."""
        last: tuple[int, Any] | None = None
        known: dict[int, Any] = {}  # of statements that many people share
        for row, statement in self._statements(code):
            if row not in rows:
                continue
            copies = known.get(id(statement))
            if copies is None:
                copies = known[id(statement)] = statement.copies(asked)
            if last is not None and last[0] == row:
                last = row, np.maximum(last[1], copies)
                continue
            if last is not None:
                yield last
            last = row, copies
        if last is not None:
            yield last

    def not_carried(self, code: int) -> Listed:
        """Alleles of which somebody has a record, and does not carry them."""
        return self._listed(code, outside=False)

    def outside(self, code: int) -> Listed:
        """Alleles that somebody carries outside the assessed regions of the own file."""
        return self._listed(code, outside=True)

    def _listed(self, code: int, *, outside: bool) -> Listed:
        known = self._told.get((code, outside))
        if known is None:
            names, rows = [np.empty(0, np.int64)], [np.empty(0, np.uint32)]
            for row, statement in self._statements(code):
                calls = statement.calls
                kinds = calls.kinds & (OUTSIDE if outside else CARRIER)
                chosen = kinds != 0 if outside else kinds == 0
                names.append(calls.names[chosen])
                rows.append(np.full(int(chosen.sum()), row, np.uint32))
            of_all, of_rows = np.concatenate(names), np.concatenate(rows)
            order = np.argsort(of_all, kind="stable")
            known = self._told[code, outside] = Listed(of_all[order], of_rows[order])
        return known

    def spans_of_new(self, code: int) -> Spans:
        """Where the people whom the open load has files of were looked at, all together."""
        found = [one.spans for row, one in self._statements(code) if row in self.new]
        return layered([Spans.joined(found)]) if found else NO_SPANS

    # Documents ----------------------------------------------------------------------------------

    def _read_files(self) -> list[PersonFile]:
        found = self._collection.find({"l": {"$in": self._layers}, "c": 0})
        return [person_file(document) for document in found.sort("_id", 1)]

    def _statements(self, code: int) -> Iterator[tuple[int, Statement]]:
        """What is said on one sequence, by row; of a row with several files one after another."""
        if self._cached is not None and self._cached[0] == code:
            yield from self._cached[1]
            return
        kept: list[tuple[int, Statement]] = []
        is_kept = True
        for one in self._read_statements(code):
            is_kept = is_kept and len(kept) < _STATEMENTS_KEPT
            if is_kept:
                kept.append(one)
            yield one
        if is_kept:
            self._cached = code, kept

    def _read_statements(self, code: int) -> Iterator[tuple[int, Statement]]:
        files = {one.key: one for one in self._files}
        listing = {one.row for one in self._files if code in one.codes}
        layers = self.layers
        regions: dict[bytes, bytes] = {}
        shared: dict[tuple[bytes, bytes], Statement] = {}
        asked = {"l": {"$in": layers}, "c": code}
        for document in self._collection.find(asked).sort("r", 1):
            file = files.get((document["l"], document["r"], document["f"]))
            # A file without calls on a sequence is asked only where no other one has any.
            if file is None or (file.row in listing and code not in file.codes):
                continue
            key = document.get("b", b"")
            if key and key not in regions:
                found = self._collection.find_one({"_id": key}) or {}
                regions[key] = found["z"]
            same = (key, document["z"])
            if same not in shared:
                shared[same] = Statement.of(regions.get(key, b""), document["z"])
            yield file.row, shared[same]


def _parts(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    part: list[Any] = []
    for one in items:
        part.append(one)
        if len(part) == size:
            yield part
            part = []
    if part:
        yield part
