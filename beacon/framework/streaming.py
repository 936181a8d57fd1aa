"""The home of answers that arrive in parts: what several beacons say, as they say it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Literal, Protocol, runtime_checkable

import msgspec

from beacon.framework.access import Access
from beacon.framework.answer import Answer
from beacon.framework.errors import BeaconError
from beacon.framework.query import Query

PartKind = Literal["accepted", "member", "summary", "complete"]


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One part of an answer: first `accepted`, a `member` for each as it answers, `summary`, last
    `complete`.

    `number` counts from 1 within a question. `about` says what this part is, for the reader:
    who is asked, in which state a member is. `answer` holds a member's result sets, or, in a
    summary, what all of them amount to.
    """

    number: int
    kind: PartKind
    about: Mapping[str, Any]
    answer: Answer | None = None


@runtime_checkable
class StreamingSource(Protocol):
    """A source whose answers can be had in parts, and again for a while by the id of the question.

    Asking starts at once and does not end when nobody listens: late answers are kept, too.
    """

    def stream(
        self, query: Query, access: Access, *, deadline_s: float | None = None
    ) -> AsyncIterator[Part]:
        """Ask, and tell each part the moment it is known. Raises as `Source.search` does."""

    def resume(self, query_id: str, access: Access, *, after: int = 0) -> AsyncIterator[Part]:
        """The parts of an earlier question after the one numbered so, then those to come.

        Raises:
            NotFound: There is none of that id, it is too long ago, or it was somebody else's.
        """

    def question(self, query_id: str, access: Access) -> Query:
        """What was asked; raises as `resume` does."""


@runtime_checkable
class BatchSource(Protocol):
    """A source that answers many questions at less cost than one after the other."""

    def search_many(
        self, queries: Sequence[Query], access: Access, *, deadline_s: float | None = None
    ) -> AsyncIterator[tuple[int, Answer | BeaconError]]:
        """Answer all, in whichever order: the place of a question in `queries`, and its answer."""
