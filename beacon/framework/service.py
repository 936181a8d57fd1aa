"""The service: one question in, what may be told of the answer out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from beacon.framework.access import ANY, Access
from beacon.framework.answer import Terms
from beacon.framework.disclosure import Disclosed, disclose
from beacon.framework.entry_types import Model
from beacon.framework.errors import DeadlineExceeded, InvalidRequest
from beacon.framework.query import Granularity, Query
from beacon.framework.request import Limits
from beacon.framework.response import Identity
from beacon.framework.source import Source, TermsQuery


class _EveryDataset(Mapping[str, Mapping[str, Granularity]]):
    """Grants everything of every dataset, without knowing which there are."""

    def __getitem__(self, dataset_id: str) -> Mapping[str, Granularity]:
        return {ANY: Granularity.RECORD}

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


EVERYTHING = Access(grants=_EveryDataset())
"""For synthetic data only: every record of every dataset."""


@dataclass(frozen=True, slots=True)
class Service:
    """A beacon without its transport.

    Attributes:
        source: What questions are answered from.
        test_source: What answers in test mode, to anybody and in full: synthetic records.
        limits: What one request may ask; the decoders apply it.
    """

    identity: Identity
    model: Model
    source: Source
    test_source: Source
    limits: Limits

    async def answer(
        self, query: Query, access: Access, deadline_s: float | None = None
    ) -> Disclosed:
        """Answer one question.

        Args:
            query: As decoded.
            access: What the caller may learn; test mode asks nobody who they are.
            deadline_s: Seconds that are left.

        Raises:
            InvalidRequest: The entry type is not listed without a condition, or the source cannot
                be asked so.
            SourceUnavailable: The source cannot say; `DeadlineExceeded` when not in time.
        """
        source = self.source
        if query.test_mode:
            # Nobody is protected by refusing a list of made-up people, and validators want one.
            source, access = self.test_source, EVERYTHING
        else:
            self._check_filtered(query)
        try:
            async with asyncio.timeout(deadline_s):
                found = await source.search(query, access, deadline_s=deadline_s)
        except TimeoutError as error:
            raise _too_late(deadline_s) from error
        return disclose(found, query, access)

    async def filtering_terms(
        self,
        query: TermsQuery,
        access: Access,
        deadline_s: float | None = None,
        *,
        test_mode: bool = False,
    ) -> Terms:
        """The terms that the caller can filter by; raises as `answer` does."""
        source = self.source
        if test_mode:
            source, access = self.test_source, EVERYTHING
        try:
            async with asyncio.timeout(deadline_s):
                return await source.filtering_terms(query, access)
        except TimeoutError as error:
            raise _too_late(deadline_s) from error

    def _check_filtered(self, query: Query) -> None:
        if not query.is_unfiltered:
            return
        entry_type = self.model.by_id(query.entry_type)
        if not entry_type.non_filtered_queries_allowed:
            raise InvalidRequest(
                f"/{entry_type.path} is not listed whole; add a filter, a parameter or an id"
            )


def _too_late(deadline_s: float | None) -> DeadlineExceeded:
    within = "in time" if deadline_s is None else f"within {deadline_s:g} s"
    return DeadlineExceeded(f"the source did not answer {within}")
