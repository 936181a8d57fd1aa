"""The home of `Asking`: how pages ask, with the rights, limits and audit of the API."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any, Protocol

from aiohttp import web

from beacon.framework.access import Access
from beacon.framework.errors import BeaconError
from beacon.framework.query import Query
from beacon.framework.source import TermsQuery

Document = Mapping[str, Any]


WHOLE_S = 10.0
"""Seconds that a page waits which is shown once all have answered: no sign of life comes before."""


class Asking(Protocol):
    """Asks for pages what whoever reads them may learn."""

    async def access(
        self, request: web.Request, headers: Mapping[str, str], questions: int = 1
    ) -> Access:
        """What the reader may learn; counted against the limits of how much may be asked.

        Args:
            headers: Credentials: of the session, never those that a browser sent.
            questions: How many are about to be asked.

        Raises:
            Unauthorized: The credentials are not, or no longer, valid.
            TooManyRequests: There were too many questions.
        """

    def parts(
        self,
        request: web.Request,
        queries: Sequence[Query],
        access: Access,
        *,
        within_s: float = math.inf,
    ) -> AsyncGenerator[tuple[int, Document]]:
        """Ask several questions at once.

        Args:
            within_s: Seconds after which whoever is missing is said to be, if not sooner.

        Returns:
            The place of the question and a part of its answer, as the API would give it in a
            stream: `kind`, `number`, `about` and `answer`. Each is told the moment it is known,
            as far as the policy lets the time of an answer show.

        Raises:
            BeaconError: A question cannot be answered at all.
        """

    def many(
        self, request: web.Request, queries: Sequence[Query], access: Access
    ) -> AsyncGenerator[tuple[int, Document | BeaconError]]:
        """Ask many questions at once, each of which is answered or refused by itself.

        Returns:
            The place of each question once, and its answer as the API would give it, without
            `meta`, or why there is none; in whichever order answers come.
        """

    async def terms(self, request: web.Request, access: Access, query: TermsQuery) -> Document:
        """What `/filtering_terms` says."""

    async def send(
        self,
        request: web.Request,
        lines: AsyncGenerator[bytes],
        failed: Callable[[BeaconError], bytes],
    ) -> web.StreamResponse:
        """Send lines of JSON the moment that there are any, with signs of life between them.

        Args:
            failed: Makes the last line, where the answer ends before its end.
        """

    async def about(self, path: str) -> Document | None:
        """A document about the beacon or the network, such as `/info` or `/network/members`."""
