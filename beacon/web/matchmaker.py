"""The home of `POST /mme/match`: Matchmaker Exchange 1.1, answered as `/match` is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.message import Message

from aiohttp import hdrs, web

from beacon.framework.access import Access
from beacon.framework.errors import BeaconError, Unauthorized
from beacon.framework.matching import MatchRequest
from beacon.framework.query import Granularity
from beacon.framework.response import encode
from beacon.model import matchmaker
from beacon.model.matchmaker import FORMER_MEDIA_TYPE, MEDIA_TYPE, VERSIONS
from beacon.settings import MatchmakerSettings
from beacon.web.match import Matching
from beacon.web.received import body_of
from beacon.web.steady import CALLER

PATH = "/mme/match"
TOKEN = "X-Auth-Token"  # noqa: S105 (the name of a header)

_JSON = "application/json"
_MEDIA_TYPES = (MEDIA_TYPE, FORMER_MEDIA_TYPE, _JSON)

Identify = Callable[[Mapping[str, str]], Awaitable[Access]]


class UnsupportedVersion(BeaconError):
    """A version of the exchange that is not spoken here."""

    status = 406


@dataclass(frozen=True, slots=True)
class Matchmaker:
    """Answers servers of the exchange.

    Attributes:
        matching: What compares.
        identify: Says what whoever shows a token may learn.
        settings: What answers say beside results.
    """

    matching: Matching
    identify: Identify
    settings: MatchmakerSettings

    async def answer(self, request: web.Request) -> web.Response:
        """Answer a request; errors are as the exchange has them."""
        try:
            return _response(200, await self._results(request))
        except UnsupportedVersion as error:
            told = {"message": str(error), "supportedVersions": list(VERSIONS)}
            return _response(error.status, told)
        except BeaconError as error:
            self.matching.recording.request(request, error.status, error)
            response = _response(error.status, {"message": str(error)})
            if isinstance(error, Unauthorized):
                response.headers[hdrs.WWW_AUTHENTICATE] = error.challenge
            return response

    async def _results(self, request: web.Request) -> object:
        token = request.headers.get(TOKEN)
        if not token:
            raise Unauthorized(f"a request to the exchange shows a token in {TOKEN}")
        request[CALLER] = access = await self.identify({hdrs.AUTHORIZATION: f"Bearer {token}"})
        _check_version(request.headers.get(hdrs.ACCEPT, MEDIA_TYPE))
        body = await body_of(request, self.matching.body_timeout_s, _MEDIA_TYPES)
        asked = MatchRequest(
            case=matchmaker.case_of_patient(body),
            granularity=Granularity.RECORD,
            limit=self.settings.results_max,
        )
        found = await self.matching.compared(request, asked, access, self.matching.deadline_s)
        return matchmaker.results(
            found,
            self.matching.service.identity,
            disclaimer=self.settings.disclaimer,
            terms=self.settings.terms,
        )


def _check_version(accept: str) -> None:
    """Raise `UnsupportedVersion` when no version is accepted that is spoken here."""
    wanted = [_media_type(one) for one in accept.split(",")]
    if any(one in _MEDIA_TYPES or one in ("*/*", "application/*") for one in wanted):
        return
    raise UnsupportedVersion(f"only versions {' and '.join(VERSIONS)} are spoken here")


def _media_type(text: str) -> str:
    message = Message()
    message[hdrs.CONTENT_TYPE] = text.strip()
    return message.get_content_type()


def _response(status: int, document: object) -> web.Response:
    headers = {hdrs.CONTENT_TYPE: MEDIA_TYPE, hdrs.CACHE_CONTROL: "no-store"}
    return web.Response(status=status, body=encode(document), headers=headers)
