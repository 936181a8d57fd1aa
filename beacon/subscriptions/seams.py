"""The seams of standing questions: who asks, what can be asked, what is published, what is kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

import msgspec

from beacon.framework.access import Access, Asker
from beacon.subscriptions.kept import Row
from beacon.subscriptions.states import Place


class Who(msgspec.Struct, frozen=True, kw_only=True):
    """Who sends a request, known by valid credentials.

    Attributes:
        asker: By pseudonyms.
        access: What they may learn at this moment.
        kept: What `Callers.access` needs to say that again without the credentials.
        until: Until when that holds, in seconds since 1970.
    """

    asker: Asker
    access: Access
    kept: bytes
    until: float


class Callers(Protocol):
    """Who asks, now and later."""

    async def who(self, headers: Mapping[str, str]) -> Who:
        """Who sends a request.

        Raises:
            Unauthorized: There are no credentials, or they are not valid.
            SourceUnavailable: Nobody can say now whether they are.
            InvalidRequest: The purpose is in no known form.
        """

    def access(self, kept: bytes) -> Access:
        """What somebody may learn now, by today's rules, who was known earlier.

        Raises:
            Forbidden: Nothing, or nothing any more.
        """


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """An answer as far as standing questions compare it.

    Attributes:
        releases: Those that are known to have been asked.
        unanswered: Places that could not say now: they are asked again though nothing is new.
    """

    places: Mapping[str, Place]
    releases: Mapping[str, str] = {}
    unanswered: frozenset[str] = frozenset()


class Question(Protocol):
    """A question that was read."""

    def reached(self, access: Access, releases: Mapping[str, str]) -> dict[str, str]:
        """Those of the releases that it asks with some access."""

    def is_limited(self, access: Access) -> bool:
        """Whether a budget limits what may be learnt by it, so that people may be left out."""

    async def ask(self, access: Access, request_id: str) -> Told:
        """Ask it, as a request would be answered: with its charges, limits and audit.

        Args:
            request_id: What the log and the audit call it.

        Raises:
            BeaconError: There is no answer.
        """


class Kind(Protocol):
    """A kind of question, such as those of the specification."""

    def read(self, question: bytes) -> Question:
        """Read a question, JSON.

        Raises:
            InvalidRequest: It is malformed, or cannot stand.
        """


Releases = Callable[[], Awaitable[Mapping[str, str]]]
"""What is published now: dataset or member → its release. Raises `SourceUnavailable`.

Of who does not say when their data change, it is `UNSAID` and whatever else they say of themselves.
"""

UNSAID = "?"


def is_followed(release: str | None) -> bool:
    """Whether a new release of some place can be noticed."""
    return release is not None and not release.startswith(UNSAID)


class Seal(Protocol):
    """Encrypts what is kept."""

    def seal(self, plain: bytes, *, about: bytes) -> bytes:
        """Encrypt; `about` has to be said again to open it."""

    def opened(self, data: bytes, *, about: bytes) -> bytes:
        """Decrypt; raises `ValueError` when it was sealed elsewhere, about something else."""


class Store(Protocol):
    """Where rows are kept. Every method raises `SourceUnavailable` when it cannot be reached."""

    async def add(self, row: Row, most: int) -> bool:
        """Keep a new row, unless one of its owners has so many already; whether it is kept."""

    async def of(self, owners: Sequence[bytes]) -> Sequence[Row]:
        """All rows that any of the owners has, the oldest first."""

    async def find(self, row_id: str) -> Row | None:
        """The row of that id."""

    async def replace(self, row: Row) -> bool:
        """Put a row in the place of the one a revision before, and end any claim to it.

        Returns:
            False when that one is not there any more; then nothing has changed.
        """

    async def remove(self, row_id: str) -> bool:
        """Delete a row; whether it was there."""

    async def claim(self, now: float, until: float) -> Row | None:
        """Take a row that is due and that nobody else has taken, for oneself until then."""
