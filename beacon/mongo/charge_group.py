"""The home of charges that are written at once: those of callers who ask at the same time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from beacon.mongo.ledger_account import Account, Entry
from beacon.mongo.standing import Standing

TOGETHER_MAX = 64
"""Charges that are written at once."""


@dataclass(slots=True, eq=False)
class Wanted:
    """A charge that somebody waits for.

    Attributes:
        holds: Whether the entry is still right, by what is known of the accounts.
        left: The accounts, with their limits, that it is not written to.
        kept_in: The key of the first entry that was written for it: it says whom all charge.
        done: Whether it was written to all; `None` while that is not known.
        refused: Why it may not be.
    """

    standing: Standing
    entry: Entry
    holds: Callable[[], bool]
    left: list[tuple[Account, int]] = field(init=False)
    kept_in: bytes | None = None
    done: bool | None = None
    refused: Exception | None = None

    def __post_init__(self) -> None:
        self.left = list(self.standing.accounts)

    def is_written(self, key: bytes) -> None:
        """Note that the entry of the next account is, under a key."""
        self.kept_in = self.kept_in or key
        self.left = self.left[1:]
        self.done = not self.left or None

    @property
    def is_open(self) -> bool:
        """Whether it is still to be written."""
        return self.done is None and self.refused is None


def together_with(first: Wanted, waiting: Sequence[Wanted]) -> list[Wanted]:
    """The charges that can be written at once with one: each is of another person.

    All of them know an account by the same object: one that was let go of and read again is not
    the one that others write to.
    """
    chosen: list[Wanted] = []
    persons: set[bytes] = set()
    accounts: dict[bytes, Account] = {}
    for one in (first, *waiting):
        own = {account.id for account in one.standing.own_and_linked}
        if not one.is_open or own & persons:
            continue
        if any(accounts.get(account.id, account) is not account for account, _ in one.left):
            continue
        persons |= own
        accounts.update((account.id, account) for account, _ in one.left)
        chosen.append(one)
        if len(chosen) == TOGETHER_MAX:
            break
    return chosen


def fit_together(charges: Sequence[Wanted]) -> bool:
    """Whether everybody can be charged all of it, where each of the charges fits by itself."""
    entries: dict[bytes, list[Entry]] = {}
    accounts: dict[bytes, tuple[Account, int]] = {}
    for one in charges:
        for account, limit in one.left:
            _, lowest = accounts.get(account.id, (account, limit))
            accounts[account.id] = account, min(limit, lowest)
            entries.setdefault(account.id, []).append(one.entry)
    for account, limit in accounts.values():
        of_account = entries[account.id]
        if len(of_account) > 1:
            whole = Entry.together(of_account)
            if account.is_used_up(limit, whole.everybody) or len(account.short(whole, limit)):
                return False
    return True
