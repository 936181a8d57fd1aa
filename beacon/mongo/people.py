"""Building a metadata layer: records, rows, and the sets that filters are answered from.

Everything here derives from the records of the dataset, the order of its samples and the
ontologies, so a layer can always be built again. A layer is written whole before a manifest names
it and never changes afterwards.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from pymongo.database import Database
from pyroaring import BitMap

from beacon.framework.answer import Record
from beacon.model import filters
from beacon.model.fields import is_category
from beacon.model.ontology import Ontologies
from beacon.model.values import Kind
from beacon.mongo import documents
from beacon.mongo.documents import record_id, term_id
from beacon.mongo.features import FeatureGathering
from beacon.mongo.populations import Gathering
from beacon.mongo.roster import (
    Links,
    Roster,
    build_roster,
    unknown_biosample,
    unknown_individual,
)
from beacon.mongo.roster_documents import write_catalogue, write_part, write_roster

ON_ROWS = ("individual", "biosample")
"""Entry types whose sets are kept as rows; those of runs and analyses are kept as ordinals."""
SCOPES = ("individual", "biosample", "run", "analysis")
COHORT_MEMBERS = "cohort"
"""In place of a scope in the key of a set: the rows of a cohort's members."""
_CHUNK_BYTES = 8 << 20
_BATCH = 2_000

_encode = msgspec.json.encode
_decode = msgspec.json.decode


def write_layer(
    database: Database[dict[str, Any]],
    layer: int,
    samples: Sequence[str],
    owners: Mapping[str, str],
    records: Mapping[str, Iterable[bytes]],
    ontologies: Ontologies,
) -> dict[str, int]:
    """Write a metadata layer.

    Args:
        samples: Names of all samples with genotypes, in row order.
        owners: Sample → individual, where variant records say so; biosamples' own records prevail.
        records: Entry type → its records as JSON, each id once. Iterated twice.

    Returns:
        Entries by entry type, and `rows`.
    """
    roster = build_roster(samples, _links(records, owners))
    write_roster(database, layer, roster)
    write_part(database, layer, "owners", _encode(owners))
    sets = _Sets(roster)
    populations = Gathering(len(roster.individuals), roster.individual_of)
    features = FeatureGathering(len(roster.individuals))
    counts = {"rows": roster.size}
    for entry_type in (*SCOPES, "cohort", documents.WAITING):
        ordinals = _ordinals(roster, entry_type)
        batch = []
        count = 0
        made_up: list[int] = []
        last_made_up = b""
        for encoded, name in _complete(roster, entry_type, records.get(entry_type, ())):
            record = _decode(encoded) if name is None else None
            identifier = name or str(record and record["id"])
            ordinal = ordinals[identifier] if ordinals is not None else count
            document = {
                "_id": record_id(layer, entry_type, ordinal),
                "l": layer,
                "t": entry_type,
                "id": identifier,
                "r": encoded,
            }
            batch.append(document)
            count += 1
            if record is None:
                # All of them say the same, which is looked at once for all.
                document["g"] = True
                made_up.append(ordinal)
                last_made_up = encoded
            elif entry_type in SCOPES:
                sets.add(entry_type, ordinal, record)
            if record is not None and entry_type == "individual":
                sets.add_to_cohorts(ordinal, record)
                populations.add(ordinal, record)
                features.add(ordinal, record)
            elif record is not None and entry_type == "cohort":
                sets.add_members(record, _ordinals(roster, "individual") or {})
            if len(batch) == _BATCH:
                database[documents.RECORDS].insert_many(batch, ordered=False)
                batch = []
        if batch:
            database[documents.RECORDS].insert_many(batch, ordered=False)
        if made_up:
            sets.add_alike(entry_type, made_up, _decode(last_made_up))
        counts[entry_type] = count
    sets.write(database, layer, ontologies)
    write_part(database, layer, "populations", populations.stored())
    for name, data in features.stored():
        write_part(database, layer, name, data)
    return counts


def _links(records: Mapping[str, Iterable[bytes]], owners: Mapping[str, str]) -> Links:
    links = Links()
    links.individuals = [record["id"] for record in map(_decode, records.get("individual", ()))]
    for record in map(_decode, records.get("biosample", ())):
        links.biosamples[record["id"]] = _text(record, "individualId")
    known = set(links.individuals)
    for sample, individual in owners.items():
        if sample not in known:
            links.biosamples.setdefault(sample, individual)
    for record in map(_decode, records.get("run", ())):
        links.runs[record["id"]] = (_text(record, "biosampleId"), _text(record, "individualId"))
    for record in map(_decode, records.get("analysis", ())):
        links.analyses[record["id"]] = (
            _text(record, "runId"),
            _text(record, "biosampleId"),
            _text(record, "individualId"),
        )
    return links


def _text(record: Record, key: str) -> str | None:
    value = record.get(key)
    return value if isinstance(value, str) and value else None


def _ordinals(roster: Roster, entry_type: str) -> dict[str, int] | None:
    ids = {
        "individual": roster.individuals,
        "biosample": roster.biosamples,
        "run": roster.runs.ids,
        "analysis": roster.analyses.ids,
    }.get(entry_type)
    return None if ids is None else {name: ordinal for ordinal, name in enumerate(ids)}


def _complete(
    roster: Roster, entry_type: str, given: Iterable[bytes]
) -> Iterator[tuple[bytes, str | None]]:
    """The records as given, and minimal ones, with the name, of whom and what is known by name."""
    if entry_type not in ON_ROWS:
        for encoded in given:
            yield encoded, None
        return
    seen = set()
    for encoded in given:
        seen.add(_decode(encoded)["id"])
        yield encoded, None
    if entry_type == "individual":
        for name in roster.individuals:
            if name not in seen:
                yield _encode(unknown_individual(name)), name
        return
    missing = [ordinal for ordinal, name in enumerate(roster.biosamples) if name not in seen]
    if missing:
        row_of = {int(biosample): row for row, biosample in enumerate(roster.biosample_of)}
        for ordinal in missing:
            person = roster.individuals[roster.individual_of[row_of[ordinal]]]
            yield (
                _encode(unknown_biosample(roster.biosamples[ordinal], person)),
                roster.biosamples[ordinal],
            )


class _Sets:
    """Gathers, for every term and attribute, the rows (or ordinals) that have it."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self._rows_of_individual = _inverse(roster.individual_of, len(roster.individuals))
        self._row_of_biosample = _inverse(roster.biosample_of, len(roster.biosamples))
        self._terms: dict[tuple[str, str], array[int]] = {}
        self._labels: dict[tuple[str, str], tuple[str, str | None]] = {}
        self._numbers: dict[tuple[str, str, str, str], tuple[Any, Any, Any]] = {}
        self._texts: dict[tuple[str, str], dict[str, array[int]]] = {}
        self._members_of: dict[str, array[int]] = {}

    def add(self, scope: str, ordinal: int, record: Record) -> None:
        """Take one record."""
        self._add(scope, self._members(scope, ordinal), record)

    def add_alike(self, scope: str, ordinals: Sequence[int], record: Record) -> None:
        """Take records that differ in nothing but what they are called."""
        members = [member for ordinal in ordinals for member in self._members(scope, ordinal)]
        self._add(scope, members, record)

    def _add(self, scope: str, members: Sequence[int], record: Record) -> None:
        for term, label in filters.term_ids(scope, record).items():
            self._add_term(scope, "ontologyTerm", term, label, members)
        for term, label in filters.custom_ids(scope, record).items():
            self._add_term(scope, "custom", term, label, members)
        for name, label, value in filters.attributes(scope, record):
            self._labels.setdefault((scope, name), ("alphanumeric", label))
            if value.kind is Kind.TEXT:
                of_text = self._texts.setdefault((scope, name), {})
                of_text.setdefault(value.text, array("I")).extend(members)
                continue
            key = (scope, name, value.kind.value, value.unit or "")
            lows, highs, owners = self._numbers.setdefault(
                key, (array("d"), array("d"), array("I"))
            )
            for member in members:
                lows.append(value.low)
                highs.append(value.high)
                owners.append(member)

    def add_to_cohorts(self, ordinal: int, record: Record) -> None:
        """Take what a person's record says of the cohorts that the person is in."""
        info = record.get("info")
        if not isinstance(info, Mapping):
            return
        named = info.get("cohortIds", info.get("cohortId"))
        for cohort in [named] if isinstance(named, str) else named or ():
            self._members_of.setdefault(str(cohort), array("I")).extend(
                self._members("individual", ordinal)
            )

    def add_members(self, cohort: Record, ordinals: Mapping[str, int]) -> None:
        """Take what a cohort's record says of its members, which then is all that counts."""
        info = cohort.get("info")
        named = info.get("individualIds") if isinstance(info, Mapping) else None
        if not isinstance(named, list):
            return
        rows = array("I")
        for individual in named:
            if individual in ordinals:
                rows.extend(self._members("individual", ordinals[individual]))
        self._members_of[cohort["id"]] = rows

    def _add_term(
        self, scope: str, kind: str, term: str, label: str | None, members: Sequence[int]
    ) -> None:
        known = self._labels.get((scope, term))
        if known is None or (label and not known[1]):
            self._labels[scope, term] = (kind, label)
        self._terms.setdefault((scope, term), array("I")).extend(members)

    def _members(self, scope: str, ordinal: int) -> Sequence[int]:
        if scope == "individual":
            ends, rows = self._rows_of_individual
            return rows[ends[ordinal] : ends[ordinal + 1]].tolist()  # type: ignore[no-any-return]
        if scope == "biosample":
            ends, rows = self._row_of_biosample
            return rows[ends[ordinal] : ends[ordinal + 1]].tolist()  # type: ignore[no-any-return]
        return (ordinal,)

    def write(self, database: Database[dict[str, Any]], layer: int, ontologies: Ontologies) -> None:
        """Close the terms over their ancestors and write everything."""
        catalogue: dict[tuple[str, str], dict[str, Any]] = {}
        batch: list[dict[str, Any]] = []
        for scope in SCOPES:
            direct = {
                term: BitMap(rows) for (where, term), rows in self._terms.items() if where == scope
            }
            closed: dict[str, BitMap] = {}
            for term, rows in direct.items():
                for ancestor in ontologies.ancestors(term):
                    if ancestor in closed:
                        closed[ancestor] |= rows
                    else:
                        closed[ancestor] = rows.copy()
            for term, rows in closed.items():
                document = {"_id": term_id(layer, scope, term), "l": layer, "n": len(rows)}
                rows.run_optimize()
                document["c"] = bytes(rows.serialize())
                own = direct.get(term)
                if own is None or own != rows:
                    document["d"] = bytes((own if own is not None else BitMap()).serialize())
                batch.append(document)
                kind, label = self._labels.get((scope, term), ("ontologyTerm", ""))
                catalogue[scope, term] = {
                    "s": scope,
                    "i": term,
                    "k": kind,
                    "b": label or ontologies.label(term) or "",
                    "n": len(own) if own is not None else 0,
                }
        batch += [
            {
                "_id": term_id(layer, COHORT_MEMBERS, cohort),
                "l": layer,
                "n": len(set(rows)),
                "c": bytes(BitMap(rows).serialize()),
            }
            for cohort, rows in self._members_of.items()
        ]
        self._insert(database, documents.TERMS, batch)
        attributes = [*self._number_documents(layer), *self._text_documents(layer)]
        self._insert(database, documents.ATTRIBUTES, attributes)
        groups: dict[tuple[str, str], list[str]] = {}
        for document in attributes:
            of_name = (str(document["s"]), str(document["i"]))
            groups.setdefault(of_name, []).append(str(document["_id"]))
        for (scope, name), ids in groups.items():
            listed = is_category(scope, name)
            values = sorted(self._texts.get((scope, name), ())) if listed else []
            catalogue[scope, "=" + name] = {
                "s": scope,
                "i": name,
                "k": "alphanumeric",
                "b": self._labels[scope, name][1] or "",
                "n": 1,
                "a": ids,
                "v": values,
            }
        write_catalogue(database, layer, catalogue.values())

    def _number_documents(self, layer: int) -> Iterator[dict[str, Any]]:
        for (scope, name, kind, unit), (lows, highs, owners) in self._numbers.items():
            order = np.argsort(np.frombuffer(lows, "<f8"), kind="stable")
            step = 500_000  # 20 bytes a value: well under a document's 16 MB
            for part in range(0, len(order), step):
                chosen = order[part : part + step]
                yield {
                    "_id": f"{layer}|{scope}|{name}|{kind}|{unit}|{part}",
                    "l": layer,
                    "s": scope,
                    "i": name,
                    "k": kind,
                    "u": unit,
                    "low": np.frombuffer(lows, "<f8")[chosen].tobytes(),
                    "high": np.frombuffer(highs, "<f8")[chosen].tobytes(),
                    "o": np.frombuffer(owners, "<u4")[chosen].tobytes(),
                }

    def _text_documents(self, layer: int) -> Iterator[dict[str, Any]]:
        for (scope, name), of_text in self._texts.items():
            part = size = 0
            values: list[list[Any]] = []
            for text in sorted(of_text):
                rows = bytes(BitMap(of_text[text]).serialize())
                values.append([text, rows])
                size += len(rows) + 4 * len(text) + 32
                if size > _CHUNK_BYTES:
                    yield self._text_document(layer, scope, name, part, values)
                    part, size, values = part + 1, 0, []
            if values:
                yield self._text_document(layer, scope, name, part, values)

    @staticmethod
    def _text_document(
        layer: int, scope: str, name: str, part: int, values: list[list[Any]]
    ) -> dict[str, Any]:
        return {
            "_id": f"{layer}|{scope}|{name}|{Kind.TEXT.value}||{part}",
            "l": layer,
            "s": scope,
            "i": name,
            "k": Kind.TEXT.value,
            "v": values,
        }

    @staticmethod
    def _insert(
        database: Database[dict[str, Any]], collection: str, batch: list[dict[str, Any]]
    ) -> None:
        for start in range(0, len(batch), _BATCH):
            database[collection].insert_many(batch[start : start + _BATCH], ordered=False)


def _inverse(owner_of: Any, owners: int) -> tuple[Any, Any]:
    """Rows by owner: `rows[ends[i]:ends[i + 1]]` are those whose owner is i (-1 owns nothing)."""
    rows = np.argsort(owner_of, kind="stable")
    rows = rows[np.searchsorted(owner_of[rows], 0) :].astype(np.uint32)
    ends = np.searchsorted(owner_of[rows], np.arange(owners + 1))
    return ends, rows
