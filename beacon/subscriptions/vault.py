"""The home of `Vault`: standing questions, sealed on their way into a store and opened again."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import structlog
from msgspec.structs import replace

from beacon.framework.access import Asker
from beacon.framework.errors import SourceUnavailable
from beacon.subscriptions.kept import Row, Subscription
from beacon.subscriptions.seams import Seal, Store

_ATTEMPTS = 50
_NOT_OPENED_S = 86_400.0

log = structlog.stdlib.get_logger()

Changed = Callable[[Subscription], Subscription]
"""A standing question → what it is to be. May be called again, with what another one made of it."""


@dataclass(frozen=True, slots=True)
class Held:
    """A standing question, and whose it is."""

    subscription: Subscription
    owners: tuple[bytes, ...]


class Vault:
    """All standing questions of a deployment."""

    def __init__(self, store: Store, seal: Seal, key: bytes, clock: Callable[[], float]) -> None:
        """Keep them in a store.

        Args:
            seal: Seals what only this deployment may read.
            key: Makes the names of owners of their pseudonyms, so that the store cannot be laid
                beside the audit.
            clock: Seconds since 1970.
        """
        self._store, self._seal, self._key, self._clock = store, seal, key, clock

    def owners(self, asker: Asker) -> tuple[bytes, ...]:
        """The names of a person in the store."""
        return tuple(hmac.digest(self._key, one.encode(), "sha256") for one in asker.identities)

    async def add(self, subscription: Subscription, asker: Asker, most: int) -> bool:
        """Keep a new one, unless the person has so many already; whether it is kept."""
        return await self._store.add(self._row(subscription, self.owners(asker), 1), most)

    async def of(self, asker: Asker) -> list[Subscription]:
        """All of a person, the oldest first."""
        rows = await self._store.of(self.owners(asker))
        return [held.subscription for row in rows if (held := self._opened(row)) is not None]

    async def find(self, subscription_id: str, asker: Asker) -> Subscription | None:
        """One of that id, if it is this person's."""
        row = await self._store.find(subscription_id)
        if row is None or set(row.owners).isdisjoint(self.owners(asker)):
            return None
        held = self._opened(row)
        return None if held is None else held.subscription

    async def change(
        self, subscription_id: str, changed: Changed, asker: Asker | None = None
    ) -> Subscription | None:
        """Change one, whoever else does so at the same time.

        Args:
            asker: Whose it becomes besides.

        Returns:
            What it is now; `None` when it is gone.
        """
        for _ in range(_ATTEMPTS):
            row = await self._store.find(subscription_id)
            held = None if row is None else self._opened(row)
            if row is None or held is None:
                return None
            owners = held.owners
            if asker is not None:
                owners = tuple(dict.fromkeys((*owners, *self.owners(asker))))
            new = changed(held.subscription)
            if await self._store.replace(self._row(new, owners, row.revision + 1)):
                return new
        raise SourceUnavailable("too many change the same standing question at once")

    async def remove(self, subscription_id: str) -> bool:
        """Delete one; whether it was there."""
        return await self._store.remove(subscription_id)

    async def claim(self, lease_s: float) -> Subscription | None:
        """One that something is to be done with, for this process alone for so many seconds."""
        while True:
            now = self._clock()
            row = await self._store.claim(now, now + lease_s)
            if row is None:
                return None
            held = self._opened(row)
            if held is not None:
                return held.subscription
            # Sealed with another secret, which may come back.
            later = replace(row, revision=row.revision + 1, due=now + _NOT_OPENED_S)
            await self._store.replace(later)

    def _row(self, subscription: Subscription, owners: tuple[bytes, ...], revision: int) -> Row:
        plain = msgspec.json.encode(subscription)
        return Row(
            id=subscription.id,
            owners=owners,
            revision=revision,
            due=subscription.due(self._clock()),
            sealed=self._seal.seal(plain, about=subscription.id.encode()),
        )

    def _opened(self, row: Row) -> Held | None:
        try:
            plain = self._seal.opened(row.sealed, about=row.id.encode())
            return Held(msgspec.json.decode(plain, type=Subscription), row.owners)
        except (ValueError, msgspec.DecodeError):
            log.error("subscription_not_opened", subscription=row.id)
            return None
