"""One open load in several processes: each writes parts of it that no other one touches.

What is known of a part lies among what the load has staged: how far it was written, and in the end
the account of it. So a load that is taken up again knows which parts are done.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pymongo
from pymongo.database import Database
from pymongo.errors import PyMongoError
from pymongo.write_concern import WriteConcern

from beacon.framework.errors import LoadInterrupted
from beacon.model.allele import Observation
from beacon.model.ontology import Ontologies
from beacon.mongo import documents
from beacon.mongo.alleles import AlleleWriter
from beacon.mongo.load_register import owner
from beacon.mongo.reference import ontologies_from, reference_from

Documents = Database[dict[str, Any]]

_PART, _PLAN = "part", "plan"
_WRITTEN = (documents.BLOCKS, documents.RARE, documents.DENSE, documents.STRUCTURAL)
_TIMEOUT_MS = 30_000


@dataclass(frozen=True, slots=True)
class JoinToken:
    """What another process needs to join an open load.

    Attributes:
        uri: the connection string, which may hold a password.
        durability: the write concern.
        state: of the `AlleleWriter` of the load.
        rows: rows of the dataset.
        holder: the process that holds the load.
        are_shifted: whether insertions and deletions come as far left as they can be.
    """

    uri: str = field(repr=False)
    database: str
    durability: Mapping[str, Any]
    slot: int
    manifest: Mapping[str, Any]
    state: Mapping[str, Any]
    rows: int
    holder: Mapping[str, Any]
    are_shifted: bool
    has_annotations: bool

    def join(self) -> JoinedLoad:
        """The load, from within this process."""
        return JoinedLoad(self)


class JoinedLoad:
    """An open load that another process holds; it is left when this process ends."""

    def __init__(self, token: JoinToken) -> None:
        self._token = token
        with _failures():
            client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(
                token.uri, serverSelectionTimeoutMS=_TIMEOUT_MS
            )
            self._database = client.get_database(
                token.database, write_concern=WriteConcern(**token.durability)
            )
            self._ontologies = Ontologies()
            if token.has_annotations:
                found = self._database[documents.REFERENCE].find({"kind": "ontology"})
                self._ontologies = ontologies_from(reference_from(found.sort("_id", 1), "ontology"))

    def part(self, name: str) -> JoinedPart:
        """One part, to write; nobody else may at the same time."""
        with _failures():
            return JoinedPart(self._database, self._token, name, self._ontologies)


class JoinedPart:
    """A part of an open load: what is written of it no other part touches."""

    def __init__(
        self, database: Documents, token: JoinToken, name: str, ontologies: Ontologies
    ) -> None:
        self._database, self._token, self._name = database, token, name
        self._ontologies = ontologies
        self._id = _part_id(token.slot, name)
        known = database[documents.STAGED].find_one({"_id": self._id}) or {}
        self._position = int(known.get("position", 0))
        state = known.get("state", token.state)
        self._alleles = AlleleWriter(database, token.slot, token.manifest, state, part=name)
        self._alleles.left_shifted(all_of_them=token.are_shifted)

    @property
    def position(self) -> int:
        """How many records of the part an interrupted load has already written for good."""
        return self._position

    def samples_of_file(self, rows: Any) -> None:
        """Whom the alleles that follow speak for."""
        self._alleles.samples_of_file(rows)

    def write_alleles(self, observations: Sequence[Observation]) -> None:
        """Take alleles; they are written at the next `mark`."""
        self._alleles.add(observations, self._ontologies)

    def mark(self, position: int) -> None:
        """Write what was handed over and remember how far the part was read."""
        self._write(position, {})

    def finish(self, position: int, account: bytes) -> None:
        """The part was handed over whole."""
        self._write(position, {"account": account})

    def _write(self, position: int, known: Mapping[str, Any]) -> None:
        with _failures():
            self._still_held()
            self._alleles.flush(f"{self._name}:{position}", self._token.rows)
            self._database[documents.STAGED].update_one(
                {"_id": self._id},
                {
                    "$set": {
                        "l": self._token.slot,
                        "t": _PART,
                        "name": self._name,
                        "position": position,
                        "state": self._alleles.state(),
                        **known,
                    }
                },
                upsert=True,
            )

    def _still_held(self) -> None:
        """Tell that the load is alive; raise when another process has taken it up."""
        holder = self._token.holder
        now = datetime.datetime.now(datetime.UTC).timestamp()
        found = self._database[documents.LOADS].update_one(
            {"_id": self._token.slot, "owner.pid": holder["pid"], "owner.host": holder["host"]},
            {"$set": {"owner.seen": now}},
        )
        if not found.matched_count:
            raise LoadInterrupted("the load was ended, or taken up by another process")


class Sharing:
    """What the process that holds a load knows of its parts."""

    def __init__(self, database: Documents, slot: int) -> None:
        self._database, self._slot = database, slot
        self._staged = database[documents.STAGED]

    def plan(self) -> bytes | None:
        """How the load was cut into parts, if it was."""
        found = self._staged.find_one({"_id": f"{self._slot}|{_PLAN}"})
        return None if found is None else bytes(found["plan"])

    def begin(
        self,
        uri: str,
        plan: bytes,
        manifest: Mapping[str, Any],
        alleles: AlleleWriter,
        rows: int,
        samples: int,
        has_annotations: bool,
    ) -> JoinToken | None:
        """Remember for good how the load is cut, before any part is written; `None` if it cannot.

        Args:
            alleles: The writer of the load, which settles what all writers agree on.
            rows: Rows of the dataset.
            samples: Of the first file.
        """
        if not self._may_begin() or not alleles.share(samples, has_annotations=has_annotations):
            return None
        holder, state = owner(), alleles.state()
        self._database[documents.LOADS].update_one(
            {"_id": self._slot}, {"$set": {"owner": holder, "written": state}}
        )
        self._staged.replace_one(
            {"_id": f"{self._slot}|{_PLAN}"},
            {"l": self._slot, "t": _PLAN, "plan": plan},
            upsert=True,
        )
        return JoinToken(
            uri=uri,
            database=self._database.name,
            durability=self._database.write_concern.document,
            slot=self._slot,
            manifest=manifest,
            state=state | {"codes": []},
            rows=rows,
            holder=holder,
            are_shifted=alleles.are_shifted,
            has_annotations=has_annotations,
        )

    def accounts(self, alleles: AlleleWriter) -> dict[str, bytes]:
        """The accounts of parts that were handed over whole.

        Args:
            alleles: The writer of the load, which takes over what was written.
        """
        done = {"l": self._slot, "t": _PART, "account": {"$exists": True}}
        accounts = {}
        for found in self._staged.find(done).sort("_id", 1):
            alleles.adopt(found["state"])
            accounts[found["name"]] = bytes(found["account"])
        return accounts

    def _may_begin(self) -> bool:
        """Whether the load was cut before, or nothing of it is written that nobody remembers."""
        if self.plan() is not None:
            return True
        return all(
            self._database[name].find_one({"l": self._slot}, {"_id": 1}) is None
            for name in _WRITTEN
        )


def _part_id(slot: int, name: str) -> str:
    return f"{slot}|{_PART}|{name}"


@contextmanager
def _failures() -> Iterator[None]:
    """Turn what the driver raises, and cannot always be handed to another process."""
    try:
        yield
    except PyMongoError as error:
        raise LoadInterrupted(f"the database failed: {error}; load the files again") from None
