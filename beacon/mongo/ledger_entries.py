"""The home of `Entries`: the entries of accounts, and their sums, as the database keeps them.

An entry's key is its account's, and its number. Whom an answer rests upon is written once, with
the first account that is charged for it, and the entries of the others say where: it is by far the
larger part of an entry.
"""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from pymongo import ReadPreference, WriteConcern
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import (
    BulkWriteError,
    DocumentTooLarge,
    DuplicateKeyError,
    OperationFailure,
)

from beacon.framework.errors import SourceUnavailable
from beacon.mongo.ledger_account import MONTH_S, Account, Entry, Month, month_of
from beacon.mongo.sums import Sums

Document = dict[str, Any]

_ENTRY, _SUM = b"e", b"s"
_FIRST, _LAST = bytes(8), b"\xff" * 8
_DUPLICATE = 11000
_TOO_LARGE = 10334
"""A document that the driver left to the database to refuse."""

_CHARGES = "p", "u", "e"
"""What says whom an entry charges how much. All of it is in the entry, or none."""

_AT_ONCE = 32
"""Entries whose people are read at once: each may be as large as a document can be."""


class TooMuchAtOnceError(Exception):
    """Entries are larger than a document, or what is written at once, may be."""


class Entries:
    """The collection of a ledger.

    Args:
        longest_s: For how long any charge counts, in seconds.
    """

    def __init__(self, collection: AsyncCollection[Document], longest_s: float) -> None:
        self._longest_s = longest_s
        self._collection = collection.with_options(read_preference=ReadPreference.PRIMARY)
        # On most members of a replica set: what was told must not be lost with one of them.
        journaled = WriteConcern(w="majority", j=True)
        self._journaled = self._collection.with_options(write_concern=journaled)

    async def make_indexes(self) -> None:
        """Make what entries are found by, and let the database drop those that do not count."""
        await self._collection.create_index("gone", expireAfterSeconds=0)
        await self._collection.create_index("q", sparse=True)
        await self._collection.create_index("s", sparse=True)

    # Writing ------------------------------------------------------------------------------------

    def document(
        self, key: bytes, entry: Entry, at: float, window_s: float, kept_in: bytes | None
    ) -> Document:
        """An entry as it is stored.

        Args:
            at: When it is written, in seconds since 1970.
            window_s: How long it counts for who is charged.
            kept_in: The key of the entry that says whom it charges; `None` when it does itself.
        """
        document = entry.document()
        if kept_in is not None and len(entry.people):
            for one in _CHARGES:
                del document[one]
            document["r"] = kept_in
        gone = _date(at + max(window_s, self._longest_s) + MONTH_S)
        return {"_id": key, "t": at, "gone": gone, **document}

    async def insert(self, documents: Sequence[Document]) -> int:
        """Write entries in order, and wait for the journal.

        Returns:
            How many were written: those before the first whose number is taken.

        Raises:
            TooMuchAtOnceError: They are too large.
        """
        try:
            await self._journaled.insert_many(documents, ordered=True)
        except BulkWriteError as error:
            details = error.details
            failed = any(one["code"] != _DUPLICATE for one in details["writeErrors"])
            if failed or details["writeConcernErrors"]:  # it may not be in the journal
                raise
            return int(details["nInserted"])
        except (DocumentTooLarge, OperationFailure) as error:
            if isinstance(error, OperationFailure) and error.code != _TOO_LARGE:
                raise
            raise TooMuchAtOnceError from error
        return len(documents)

    async def put_sums(self, account: Account, number: int, month: Month) -> None:
        """Keep what was charged in a month, by the entries of the account that are known."""
        people, units = month.spent.items()
        sums = {
            "m": number,
            "p": people.tobytes(),
            "u": units.astype(np.uint64).tobytes(),
            "e": month.everybody,
        }
        await self._put(account, _sums_key(account.id, number.to_bytes(8, "big")), number, sums)

    async def put_summed(self, account: Account) -> None:
        """Note up to which entry the sums of all months are kept."""
        latest = max(account.months, default=0)
        await self._put(account, _sums_key(account.id, _LAST), latest, {})

    async def _put(self, account: Account, key: bytes, month: int, sums: Document) -> None:
        gone = _date((month + 2) * MONTH_S + max(account.window_s, self._longest_s))
        change = {"$set": {**sums, "n": account.number}, "$max": {"gone": gone}}
        older = {"_id": key, "n": {"$lt": account.number}}
        with suppress(DuplicateKeyError):  # of somebody who knew more and was faster
            await self._collection.update_one(older, change, upsert=True)

    # Reading ------------------------------------------------------------------------------------

    async def of_question(self, account_id: bytes, question: bytes) -> Entry | None:
        """The entry of a question, without whom it charges."""
        asked = {"_id": entries_after(account_id, 0), "q": question}
        document = await self._collection.find_one(asked, {"p": 0, "u": 0})
        return None if document is None else Entry.of(document)

    async def has(self, account_id: bytes, spelling: bytes) -> bool:
        """Whether anything was asked in these words."""
        asked = {"_id": entries_after(account_id, 0), "s": spelling}
        return await self._collection.find_one(asked, {"_id": 1}) is not None

    async def sums(self, account_id: bytes) -> tuple[dict[int, Month], int]:
        """The sums of months, and the entry up to which those of all months are kept."""
        of_sums = {"$gte": _sums_key(account_id, _FIRST), "$lte": _sums_key(account_id, _LAST)}
        months: dict[int, Month] = {}
        number = 0
        # First up to which entry: whatever is written meanwhile only adds to what is read.
        async for document in self._collection.find({"_id": of_sums}).sort("_id", -1):
            if "m" not in document:
                number = document["n"]
                continue
            people = np.frombuffer(document["p"], np.uint64)
            units = np.frombuffer(document["u"], np.uint64)
            order = np.argsort(people)
            spent = Sums(people[order], units[order])
            months[document["m"]] = Month(spent, document["e"], document["n"])
        return months, number

    async def latest(self, account_id: bytes, until: int, most: int) -> list[Entry]:
        """The latest entries of questions up to one, the earliest first, without whom they charge.

        Args:
            most: Entries at most.
        """
        before = {"_id": _up_to(account_id, until), "q": {"$exists": True}}
        found = self._collection.find(before, {"p": 0, "u": 0}).sort("_id", -1).limit(most)
        return [Entry.of(one) for one in reversed(await found.to_list())]

    async def asked(self, account_id: bytes, until: int, since: float) -> list[tuple[float, bytes]]:
        """When and in which words was asked since a time, up to one entry; the earliest first."""
        before = {"_id": _up_to(account_id, until)}
        found: list[tuple[float, bytes]] = []
        async for document in self._collection.find(before, {"t": 1, "s": 1}).sort("_id", -1):
            if document["t"] < since:
                break
            found.append((document["t"], document.get("s", b"")))
        return found[::-1]

    async def newer(
        self, account_id: bytes, number: int, first_month: int
    ) -> AsyncIterator[tuple[Entry, float, int]]:
        """The entries after one, each with when it was written and its number, in order.

        Args:
            first_month: The first that counts.

        Raises:
            SourceUnavailable: Whom an entry that counts charges is not known any more.
        """
        found = self._collection.find({"_id": entries_after(account_id, number)}).sort("_id", 1)
        async for document in with_people(self._collection, found, first_month):
            yield Entry.of(document), document["t"], int.from_bytes(document["_id"][-8:], "big")


async def with_people(
    collection: AsyncCollection[Document], entries: AsyncIterable[Document], first_month: int
) -> AsyncIterator[Document]:
    """Stored entries, each with whom it charges.

    Args:
        first_month: The first that counts. Earlier entries that refer to one that is gone are
            told without whom they charge.

    Raises:
        SourceUnavailable: One that counts does.
    """
    batch: list[Document] = []
    async for document in entries:
        batch.append(document)
        if len(batch) == _AT_ONCE:
            for one in await _completed(collection, batch, first_month):
                yield one
            batch = []
    for one in await _completed(collection, batch, first_month):
        yield one


async def _completed(
    collection: AsyncCollection[Document], batch: list[Document], first_month: int
) -> list[Document]:
    asked = [one["r"] for one in batch if "r" in one]
    if not asked:
        return batch
    found = collection.find({"_id": {"$in": asked}}, dict.fromkeys(_CHARGES, 1))
    kept = {one["_id"]: {key: one[key] for key in _CHARGES} async for one in found}
    complete = []
    for one in batch:
        if "r" not in one:
            complete.append(one)
        elif one["r"] in kept:
            complete.append(one | kept[one["r"]])
        elif month_of(one["t"]) >= first_month:
            raise SourceUnavailable("the ledger lacks an entry that another refers to")
        else:
            complete.append({"p": b"", "u": b"", "e": 0} | one)
    return complete


def entry_key(account_id: bytes, number: int) -> bytes:
    """The key of an entry."""
    return account_id + _ENTRY + number.to_bytes(8, "big")


def _sums_key(account_id: bytes, month: bytes) -> bytes:
    return account_id + _SUM + month


def entries_after(account_id: bytes, number: int) -> dict[str, bytes]:
    """The keys of an account's entries after one. All keys are equally long, or order fails."""
    return {"$gt": entry_key(account_id, number), "$lte": account_id + _ENTRY + _LAST}


def _up_to(account_id: bytes, number: int) -> dict[str, bytes]:
    """The keys of an account's entries up to one."""
    return {"$gt": entry_key(account_id, 0), "$lte": entry_key(account_id, number)}


def _date(at: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(at, datetime.UTC)
