"""The home of `Links`: which identities were shown together, and so are one person's."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from pymongo import ReadPreference, WriteConcern
from pymongo.asynchronous.collection import AsyncCollection

LINKS_KEPT = 512
"""Persons in memory."""

_KEPT_S = 30.0
"""How long it may take until identities that are linked elsewhere are one person here."""

_LINK = b"l"


class Links:
    """Links between identities, kept in the ledger.

    Args:
        entries: The ledger.
        clock: Seconds since 1970.
    """

    def __init__(
        self, entries: AsyncCollection[dict[str, Any]], clock: Callable[[], float]
    ) -> None:
        self._entries = entries.with_options(
            write_concern=WriteConcern(w="majority", j=True),
            read_preference=ReadPreference.PRIMARY,
        )
        self._clock = clock
        self._roots: OrderedDict[tuple[str, ...], tuple[float, str, tuple[str, ...]]] = (
            OrderedDict()
        )

    async def root(self, identities: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
        """The identity whose account is charged, and those that are the same person's."""
        known = self._roots.get(identities)
        if known is not None and known[0] > self._clock():
            return known[1], known[2]
        everybody = set(identities)
        followed: set[str] = set()
        # Until nobody new is found: two people may turn out to be one.
        while more := everybody - followed:
            followed |= more
            keys = [_LINK + one.encode() for one in more]
            found = await self._entries.find({"_id": {"$in": keys}}).to_list()
            everybody = everybody.union(*(document["all"] for document in found))
        root, *others = sorted(everybody)
        if others:
            for one in everybody:
                await self._entries.update_one(
                    {"_id": _LINK + one.encode()},
                    {"$addToSet": {"all": {"$each": [root, *others]}}},
                    upsert=True,
                )
        self._roots[identities] = self._clock() + _KEPT_S, root, tuple(others)
        if len(self._roots) > LINKS_KEPT:
            self._roots.popitem(last=False)
        return root, tuple(others)
