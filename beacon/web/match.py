"""The home of `POST /match`: one patient compared with everybody."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from beacon.framework import matching
from beacon.framework.access import Access
from beacon.framework.disclosure import Disclosed
from beacon.framework.errors import BeaconError
from beacon.framework.matching import Conceal, MatchAnswer, MatchRequest, MatchSource
from beacon.framework.query import Granularity, Query
from beacon.framework.response import encode
from beacon.framework.service import Service
from beacon.model.cases import decode_match
from beacon.web.middleware import JSON_HEADERS
from beacon.web.preferences import deadline
from beacon.web.rate_limits import RateLimits
from beacon.web.received import body_of
from beacon.web.recording import Recording


@dataclass(frozen=True, slots=True)
class Matching:
    """Compares cases with people.

    Attributes:
        service: Whose people.
        conceal: Makes the names of those who are similar.
        rates: How much callers may ask.
        recording: Where every question is written down.
        body_timeout_s: Seconds that a client may take to send its body.
        deadline_s: Seconds that an answer may take.
    """

    service: Service
    conceal: Conceal
    rates: RateLimits
    recording: Recording
    body_timeout_s: float
    deadline_s: float

    async def read(self, request: web.Request) -> MatchRequest:
        """The case in the body of a request; raises `InvalidRequest` where there is none."""
        body = await body_of(request, self.body_timeout_s)
        return decode_match(body, self.service.limits.page_max)

    async def answer(self, request: web.Request, access: Access) -> web.Response:
        """Answer a request to `/match`."""
        asked = await self.read(request)
        limit = deadline(request.headers, self.deadline_s)
        found = await self.compared(request, asked, access, limit.seconds)
        body = encode(matching.document(found, asked, self.service.identity))
        return web.Response(body=body, headers={**JSON_HEADERS, **limit.headers})

    async def compared(
        self, request: web.Request, asked: MatchRequest, access: Access, deadline_s: float | None
    ) -> MatchAnswer:
        """Compare; every question is counted first, and written down before anything is told.

        Raises:
            TooManyRequests: The sender has asked enough.
            SourceUnavailable: Nobody can say.
        """
        questions = matching.queries(asked)
        self.rates.admit(request, access, len(questions))
        for one in asked.case.variants:
            of_variant = Query(entry_type="genomicVariant", variation=one.variation)
            self.rates.count_variant(request, access, of_variant)
        source = self.service.source
        if isinstance(source, MatchSource):
            found = await source.match(asked, access, deadline_s=deadline_s)
            self.recording.question(request, questions[-1], access, _of_members(found))
            return found
        try:
            told = await self.service.answer_together(questions, access, deadline_s)
        except BeaconError as error:
            for question in questions:
                self.recording.question(request, question, access, error)
            raise
        for question, answered in zip(questions, told, strict=True):
            self.recording.question(request, question, access, answered)
        return matching.answer(asked, told, access, self.service.identity, self.conceal)


def _of_members(found: MatchAnswer) -> Disclosed:
    """For the audit: that other beacons were asked, and told something or not."""
    lowest = [one["bands"][-1] for one in found.sets if one.get("bands")]
    return Disclosed(
        granularity=Granularity.COUNT,
        exists=any(one.get("exists") for one in lowest),
        total=None,
        precision="imprecise",
        result_sets=(),
        info=found.info,
    )
