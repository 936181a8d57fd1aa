"""The home of `Spent`: how far budgets are used up, without saying by whom or of whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec
import numpy as np

from beacon.framework.budget import Budget, cost
from beacon.mongo import documents
from beacon.mongo.layers import AsyncDocuments
from beacon.mongo.ledger import Ledger
from beacon.mongo.ledger_account import month_of
from beacon.mongo.ledger_entries import entries_after, with_people

_ACCOUNT_BYTES = 16


class Spent(msgspec.Struct, frozen=True, kw_only=True):
    """What callers have learnt of the people in one dataset, within the window.

    Attributes:
        callers: Who have been told anything that was charged.
        people: Of whom anything was told.
        exhausted: Of whom some caller is told no more, when it is of as few as can be told of.
        most: The largest share of a budget that is spent, by one caller on one person.
    """

    callers: int
    people: int
    exhausted: int
    most: float


async def spent(
    database: AsyncDocuments,
    ledger: Ledger,
    budgets: Mapping[str, tuple[Budget, int]],
    now: float,
) -> Mapping[str, Spent]:
    """Add up what is in the ledger, dataset by dataset.

    Args:
        database: Where the ledger is.
        ledger: Knows the keys of its accounts.
        budgets: Dataset id to its strictest budget and `min_count`.
        now: Seconds since 1970.
    """
    # Whatever is charged to a caller is charged at the same time to the account of the dataset.
    dataset_at: dict[float, str] = {}
    for dataset_id in budgets:
        account = ledger.keyed(b"dataset", b"", dataset_id.encode())
        asked = {"_id": entries_after(account, 0)}
        async for document in database[documents.LEDGER].find(asked, {"t": 1}):
            dataset_at[document["t"]] = dataset_id
    callers: Counter[str] = Counter()
    people: dict[str, set[int]] = {one: set() for one in budgets}
    exhausted: dict[str, set[int]] = {one: set() for one in budgets}
    most: Counter[str] = Counter()
    first_month = month_of(now - max((one.window_s for one, _ in budgets.values()), default=0.0))
    async for entries in _callers(database, first_month):
        known = [one["t"] for one in entries if one["t"] in dataset_at]
        if not known:
            continue
        dataset_id = dataset_at[known[0]]
        budget, min_count = budgets[dataset_id]
        of_each, of_everybody = _sums(entries, month_of(now - budget.window_s))
        if not of_each and not of_everybody:
            continue
        left = budget.limit - of_everybody - cost(0, min_count)
        callers[dataset_id] += 1
        people[dataset_id] |= of_each.keys()
        exhausted[dataset_id] |= {one for one, units in of_each.items() if units > left}
        highest = max(of_each.values(), default=0) + of_everybody
        most[dataset_id] = max(most[dataset_id], highest)
    return {
        one: Spent(
            callers=callers[one],
            people=len(people[one]),
            exhausted=len(exhausted[one]),
            most=most[one] / budget.limit,
        )
        for one, (budget, _) in budgets.items()
    }


async def _callers(
    database: AsyncDocuments, first_month: int
) -> AsyncIterator[list[dict[str, Any]]]:
    """The entries of each account of a person: those that know which question they are of."""
    wanted = {"t": 1, "p": 1, "u": 1, "e": 1, "r": 1}
    ledger = database[documents.LEDGER]
    found = ledger.find({"q": {"$exists": True}}, wanted).sort("_id", 1)
    entries: list[dict[str, Any]] = []
    async for one in with_people(ledger, found, first_month):
        if entries and entries[0]["_id"][:_ACCOUNT_BYTES] != one["_id"][:_ACCOUNT_BYTES]:
            yield entries
            entries = []
        entries.append(one)
    if entries:
        yield entries


def _sums(entries: list[dict[str, Any]], first_month: int) -> tuple[Counter[int], int]:
    of_each: Counter[int] = Counter()
    of_everybody = 0
    for one in entries:
        if month_of(one["t"]) >= first_month:
            persons = np.frombuffer(one["p"], np.uint64).tolist()
            units = np.frombuffer(one["u"], np.uint32).tolist()
            for person, amount in zip(persons, units, strict=True):
                of_each[person] += amount
            of_everybody += one["e"]
    return of_each, of_everybody
