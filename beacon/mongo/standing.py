"""The home of `Standing`: the accounts that an answer is charged to, and whom they leave out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from beacon.framework.budget import Budget
from beacon.mongo.ledger_account import Account, Entry, Month
from beacon.mongo.sums import NOBODY, U64


@dataclass(slots=True)
class Standing:
    """The accounts that one caller's question about one dataset is charged to.

    Attributes:
        accounts: The person's last. `linked` are those of identities that were found to be the
            same person's later on: nothing is charged to them any more, and what was still counts.
    """

    accounts: tuple[tuple[Account, int], ...]
    linked: tuple[Account, ...]
    budget: Budget

    @property
    def own(self) -> Account:
        """The account of the person."""
        return self.accounts[-1][0]

    @property
    def own_and_linked(self) -> tuple[Account, ...]:
        """All accounts of the person."""
        return self.own, *self.linked

    def may_ask(self, number: int) -> bool:
        """Whether so many further questions may be asked within these thirty days."""
        most = self.budget.questions_max
        asked = sum(one.asked_lately() for one in self.own_and_linked)
        return not number or not most or asked + number <= most

    def knows(self, spelling: bytes) -> bool:
        """Whether the person has asked in these words within thirty days."""
        return bool(spelling) and any(one.knows(spelling) for one in self.own_and_linked)

    def sets(self, layer: int, low: int, high: int) -> Iterator[Entry]:
        """The sets of people, from `low` to below `high`, whose numbers were told."""
        for account in self.own_and_linked:
            yield from account.sets(layer, low, high)

    @property
    def version(self) -> tuple[int, ...]:
        """Changes with everything that is charged."""
        linked = tuple(account.version for account in self.linked)
        return tuple(account.version for account, _ in self.accounts) + linked

    def excluded(self, cost: int, more: U64 = NOBODY) -> U64 | None:
        """Whom no answer that costs so much may rest upon, ascending; `None` is everybody.

        Args:
            cost: For each person.
            more: Others that are to be left out.
        """
        found = [more]
        for account, limit in self._with_linked(self.accounts):
            if account.is_used_up(limit, cost):
                return None
            found.append(account.beyond(limit, cost))
        return _united(found)

    def short(self, entry: Entry) -> U64 | None:
        """Who cannot be charged that much, ascending; `None`: nobody can what all are charged."""
        return self._short(entry, self.accounts)

    def fits(self, entry: Entry, accounts: Sequence[tuple[Account, int]]) -> bool:
        """Whether everybody can be charged that much, in some of the accounts."""
        short = self._short(entry, accounts)
        return short is not None and not len(short)

    def _short(self, entry: Entry, accounts: Sequence[tuple[Account, int]]) -> U64 | None:
        found = []
        for account, limit in self._with_linked(accounts):
            if account.is_used_up(limit, entry.everybody):
                return None
            found.append(account.short(entry, limit))
        return _united(found)

    def _with_linked(
        self, accounts: Sequence[tuple[Account, int]]
    ) -> Iterable[tuple[Account, int]]:
        for account, limit in accounts:
            if account is self.own and self.linked:
                yield _together((account, *self.linked)), limit
            else:
                yield account, limit


def _united(sets: Sequence[U64]) -> U64:
    """Everybody who is in one of them, ascending."""
    some = [one for one in sets if one.size]
    if len(some) > 1:
        return np.unique(np.concatenate(some))
    return some[0] if some else NOBODY


def _together(accounts: Sequence[Account]) -> Account:
    """One account with what all of them hold."""
    whole = Account(b"", math.inf)
    months: dict[int, Month] = {}
    for account in accounts:
        for number, month in account.months.items():
            into = months.setdefault(number, Month())
            into.spent.add(*month.spent.items())
            into.everybody += month.everybody
    whole.begin(months, 0)
    return whole
