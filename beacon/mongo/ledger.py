"""The home of `Ledger`: what callers have learnt of people, written before they are told.

An account is a sequence of entries, each inserted under the number that follows the last one. Of
two writers that know the same last entry one fails, reads what the other has written, and looks
again whether its own charge still fits: nothing is spent twice, by whatever number of processes.
Entries are never changed, so one that is there is whole, and an answer is told only once its entry
is in the journal of the database. Who dies between the two has charged for nothing.

Three accounts are charged for one answer about one dataset: of all callers together, of the
organisation of the person who asks, and of that person. Sums are kept beside the entries now and
then, so that opening an account does not mean reading all of them.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from typing import NamedTuple
from weakref import WeakValueDictionary

import numpy as np

from beacon.framework.access import Asker
from beacon.framework.budget import Budget
from beacon.framework.errors import SourceUnavailable, TooManyRequests
from beacon.mongo import documents
from beacon.mongo.charge_group import Wanted, fit_together, together_with
from beacon.mongo.layers import AsyncDocuments
from beacon.mongo.ledger_account import MONTH_S, SETS_MAX, Account, Entry, month_of
from beacon.mongo.ledger_entries import Entries, TooMuchAtOnceError, entry_key
from beacon.mongo.links import Links
from beacon.mongo.standing import Standing
from beacon.mongo.sums import U64

SUMMED_EVERY = 256
"""Entries of an account after which its sums are written."""

ACCOUNTS_KEPT = 512
"""Accounts in memory; those used longest ago are read again when they are needed."""

_PEOPLE_MAX = 900_000
"""In the sums of one month: more do not fit into one document, and are read entry by entry."""


class _Placed(NamedTuple):
    """An entry of a charge, in the next place of an account."""

    wanted: Wanted
    account: Account
    entry: Entry
    number: int
    key: bytes


class Ledger:
    """The accounts in one database. Made and used within one event loop.

    Args:
        key: What the keys of questions and people are made with.
        longest_s: For how long any charge counts. Callers with different windows charge the same
            accounts: the database keeps entries for as long as somebody may count them.
        clock: Seconds since 1970.
    """

    def __init__(
        self,
        database: AsyncDocuments,
        key: bytes,
        *,
        longest_s: float = 0.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        collection = database[documents.LEDGER]
        self._entries = Entries(collection, longest_s)
        self._key = key
        self._clock = clock
        self._accounts: OrderedDict[bytes, Account] = OrderedDict()
        # As long as anybody holds one or waits for it, so that all wait for the same.
        self._locks: WeakValueDictionary[bytes, asyncio.Lock] = WeakValueDictionary()
        self._waiting: dict[bytes, list[Wanted]] = {}
        self._links = Links(collection, clock)
        self._ready: asyncio.Task[None] | None = None
        self._others_wrote = 0

    def keyed(self, *parts: bytes) -> bytes:
        """A keyed hash of 128 bits; the boundaries of the parts count."""
        made = hashlib.blake2b(digest_size=16, key=self._key)
        for part in parts:
            made.update(len(part).to_bytes(8, "big") + part)
        return made.digest()

    def people(self, dataset_id: str, ids: Iterable[str]) -> U64:
        """The keys of people, in the order of their ids."""
        prefix = dataset_id.encode() + b"\0"
        blake2b, key = hashlib.blake2b, self._key
        digests = (blake2b(prefix + one.encode(), digest_size=8, key=key).digest() for one in ids)
        return np.frombuffer(b"".join(digests), np.uint64)

    async def standing(self, asker: Asker, dataset_id: str, budget: Budget) -> Standing:
        """The accounts of a caller, as they are known in this process; `charge` looks again."""
        await self._prepare()
        root, linked = await self._links.root(asker.identities)
        about = [(b"dataset", b"", budget.dataset_limit)]
        if asker.organisation is not None:
            about.append((b"organisation", asker.organisation.encode(), budget.organisation_limit))
        about.append((b"person", root.encode(), budget.limit))
        accounts = []
        for kind, name, limit in about:
            account_id = self.keyed(kind, name, dataset_id.encode())
            accounts.append((await self._account(account_id, budget.window_s), limit))
        others = []
        for identity in linked:
            account_id = self.keyed(b"person", identity.encode(), dataset_id.encode())
            account = await self._account(account_id, budget.window_s)
            async with self._lock_of(account_id):
                await self._catch_up(account)  # nothing is written to it that would fail
            others.append(account)
        return Standing(tuple(accounts), tuple(others), budget)

    async def entry(self, standing: Standing, *questions: bytes) -> Entry | None:
        """The entry of a question that was asked before, within the window.

        Args:
            questions: Its key, as each of `standing.own_and_linked` knows it.
        """
        for account, question in zip(standing.own_and_linked, questions, strict=False):
            found = account.entry(question)
            if found is None and not account.remembers_all:
                found = await self._entries.of_question(account.id, question)
            if found is not None:
                return found
        return None

    async def admit(self, standing: Standing, spellings: Sequence[bytes]) -> None:
        """Return if questions may be asked in these words, before anything is looked at.

        Were it left to what a question means, who has no questions left would learn for nothing
        which questions mean the same.

        Raises:
            TooManyRequests: The caller may not ask as many questions more.
        """
        now = self._clock()
        for account in standing.own_and_linked:
            account.forget(now)
        new = [one for one in spellings if not standing.knows(one)]
        if standing.may_ask(len(new)):
            return
        left = []
        for spelling in new:
            for account in standing.own_and_linked:
                if await self._entries.has(account.id, spelling):
                    break
            else:
                left.append(spelling)
        if not standing.may_ask(len(left)):
            raise self._too_many(standing, now)

    async def charge(
        self, standing: Standing, entry: Entry, holds: Callable[[], bool] = lambda: True
    ) -> bool:
        """Write an entry to all accounts.

        Args:
            holds: Whether the entry is still right, by what is known of the accounts; asked again
                whenever somebody else has written to them.

        Returns:
            False when it does not fit any more, or the question has been asked meanwhile: then
            nothing may be told, and the standing has changed.

        Raises:
            TooManyRequests: The caller has asked as many questions as may be asked.
            SourceUnavailable: The entry is larger than any document may be.
        """
        wanted = Wanted(standing, entry, holds)
        first, _ = standing.accounts[0]
        waiting = self._waiting.setdefault(first.id, [])
        waiting.append(wanted)
        try:
            async with self._lock_of(first.id):
                # Whoever had the lock before may have written this charge with his own.
                if wanted.is_open:
                    await self._write(together_with(wanted, waiting), first.id)
        finally:
            waiting.remove(wanted)
            if not waiting and self._waiting.get(first.id) is waiting:
                del self._waiting[first.id]
        if wanted.refused is not None:
            raise wanted.refused
        return bool(wanted.done)

    async def _write(self, charges: list[Wanted], locked: bytes) -> None:
        """Write charges of several people about one dataset.

        The first of them is decided then; the others are, or left to those who wait for them.

        Args:
            locked: The account of the dataset. The first charge may have been written to it with
                those of others, who did not get as far as its other accounts.
        """
        accounts = {account.id: account for one in charges for account, _ in one.left}
        leader = charges[0]
        async with AsyncExitStack() as locks:
            for account in accounts.values():
                if account.id != locked:
                    await locks.enter_async_context(self._lock_of(account.id))
            now = self._clock()
            for account in accounts.values():
                account.forget(now)
            await self._refresh(accounts.values())
            full: dict[bytes, Account] = {}
            while leader.is_open and (charges := self._fitting(charges, now)):
                written = await self._insert(charges, now)
                if written is None:
                    charges = charges[:1]
                    continue
                for account, number in written:
                    # When the answer is on its way: nothing but the next question needs it.
                    asyncio.get_running_loop().call_soon(account.settle)
                    if number % SUMMED_EVERY == 0:
                        full[account.id] = account
                charges = [one for one in charges if one.is_open]
                if charges:
                    self._others_wrote += 1
                    await self._refresh(accounts.values())
            for account in full.values():
                await self._sum_up(account)

    def _fitting(self, charges: Sequence[Wanted], now: float) -> list[Wanted]:
        """The charges that can be written as the accounts are; it is noted of which cannot."""
        found = []
        for one in charges:
            standing, entry = one.standing, one.entry
            is_known = standing.own.entry(entry.question) is not None
            if is_known or not standing.fits(entry, one.left) or not one.holds():
                one.done = False
            elif not standing.knows(entry.spelling) and not standing.may_ask(1):
                one.refused = self._too_many(standing, now)
            else:
                found.append(one)
        return found if fit_together(found) else found[:1]

    async def _insert(
        self, charges: Sequence[Wanted], now: float
    ) -> list[tuple[Account, int]] | None:
        """Write the next entries of accounts, in order.

        Returns:
            The accounts that were written to and the number of each entry: all, unless one has an
            entry that is not known here. `None` where only one charge can be written at a time.
        """
        order: list[_Placed] = []
        inserted = []
        numbers: dict[bytes, int] = {}
        for one in charges:
            charges_only, kept_in = one.entry.charges(), one.kept_in
            for account, _ in one.left:
                number = numbers[account.id] = numbers.get(account.id, account.number) + 1
                key = entry_key(account.id, number)
                entry = one.entry if account is one.standing.own else charges_only
                inserted.append(
                    self._entries.document(key, entry, now, one.standing.budget.window_s, kept_in)
                )
                order.append(_Placed(one, account, entry, number, key))
                kept_in = kept_in or key
        try:
            written = await self._entries.insert(inserted)
        except TooMuchAtOnceError as error:
            if len(charges) > 1:
                return None
            raise SourceUnavailable("no account can be kept of so many people at once") from error
        for placed in order[:written]:
            placed.account.add(placed.entry, now, placed.number)
            placed.wanted.is_written(placed.key)
        return [(placed.account, placed.number) for placed in order[:written]]

    @staticmethod
    def _too_many(standing: Standing, now: float) -> TooManyRequests:
        seconds = max(math.ceil(standing.own.next_question_at() - now), 1)
        return TooManyRequests(
            "as many different questions as may be asked here within thirty days, "
            f"{standing.budget.questions_max}, have been asked; those that were asked before are "
            "answered again",
            seconds,
        )

    # Reading ------------------------------------------------------------------------------------

    async def _account(self, account_id: bytes, window_s: float) -> Account:
        if not self._is_known(account_id, window_s):
            async with self._lock_of(account_id):
                if not self._is_known(account_id, window_s):
                    known = self._accounts.get(account_id)
                    longest_s = max(window_s, 0.0 if known is None else known.window_s)
                    self._accounts[account_id] = await self._read(account_id, longest_s)
                    if len(self._accounts) > ACCOUNTS_KEPT:
                        self._drop_one()
        self._accounts.move_to_end(account_id)
        return self._accounts[account_id]

    def _is_known(self, account_id: bytes, window_s: float) -> bool:
        """Whether an account is as it was read, for so long a window.

        One all of whose entries are forgotten may begin anew in the database.
        """
        account = self._accounts.get(account_id)
        if account is None or account.window_s < window_s:
            return False
        account.forget(self._clock())
        return bool(account.months) or not account.number

    def _drop_one(self) -> None:
        for account_id in self._accounts:
            lock = self._locks.get(account_id)
            if lock is None or not lock.locked():
                del self._accounts[account_id]
                return

    async def _read(self, account_id: bytes, window_s: float) -> Account:
        account = Account(account_id, window_s)
        account.begin(*await self._entries.sums(account_id))
        # The latest questions among the entries that the sums hold.
        for entry in await self._entries.latest(account.id, account.number, SETS_MAX):
            account.recall(entry)
        since = self._clock() - MONTH_S
        for at, spelling in await self._entries.asked(account.id, account.number, since):
            account.ask(at, spelling)
        account.refreshed = self._others_wrote
        await self._catch_up(account)
        account.forget(self._clock())
        return account

    async def _refresh(self, accounts: Iterable[Account]) -> None:
        """Know what others have written, as far as there was a sign that they write.

        Whoever writes at all writes to the account of all callers, which is the first to be
        charged: there it shows, before anything else is charged.
        """
        for account in accounts:
            sign = self._others_wrote
            if account.refreshed != sign:
                await self._catch_up(account)
                account.refreshed = sign

    async def _catch_up(self, account: Account) -> None:
        """Read the entries that somebody else has written."""
        first_month = month_of(self._clock() - account.window_s)
        newer = self._entries.newer(account.id, account.number, first_month)
        async for entry, at, number in newer:
            account.add(entry, at, number)

    async def _sum_up(self, account: Account) -> None:
        """Write the sums of the months that have changed, and then that all are written.

        Each month knows its last entry, so that whoever is interrupted, or comes after somebody
        who knew more, leaves nothing out and adds nothing twice.
        """
        if any(len(month.spent) > _PEOPLE_MAX for month in account.months.values()):
            return
        for number, month in sorted(account.months.items()):
            if month.changed:
                await self._entries.put_sums(account, number, month)
                month.changed = False
        await self._entries.put_summed(account)

    async def _prepare(self) -> None:
        if self._ready is None:
            self._ready = asyncio.ensure_future(self._entries.make_indexes())
        ready = self._ready
        try:
            await asyncio.shield(ready)
        except BaseException:
            if ready.done() and ready is self._ready:  # as it may have failed
                self._ready = None
            raise

    def _lock_of(self, account_id: bytes) -> asyncio.Lock:
        return self._locks.setdefault(account_id, asyncio.Lock())
