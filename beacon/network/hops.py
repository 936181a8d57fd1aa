"""The home of the way that a question takes through networks, and of what ends a ring of them.

The headers are our own: a beacon that does not know them passes over them.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping

from beacon.framework.access import EVERYTHING, Access
from beacon.framework.errors import BeaconError, InvalidRequest, Unauthorized
from beacon.network.askers import Introduced
from beacon.network.shown import PURPOSE

PATH = "Beacon-Network-Path"
"""The ids of the networks that a question came through, the first one first, by commas."""

DEADLINE = "Beacon-Deadline-Ms"
"""Milliseconds that the asking network has left for the answer."""

RESERVE_MS = 300
"""What a network keeps of its time for what a nested one needs to put its answer together."""

_ID = re.compile(r"[A-Za-z0-9._~:-]{1,128}")


class LoopDetected(BeaconError):
    """The question came through this network before, or through too many."""

    status = 508


Known = Callable[[Mapping[str, str]], Awaitable[Introduced | None]]
"""The headers of a request → who sends it, `None` for the public.

Raises `Unauthorized` for credentials that are not valid, `SourceUnavailable` when nobody can say.
"""

Purpose = Callable[[str | None], str | None]
"""What a header says of the purpose of a question → the purpose, or `InvalidRequest`."""


class Callers:
    """Who asks a network. For everybody, members decide what to tell."""

    def __init__(
        self,
        network_id: str,
        hops_max: int,
        known: Known | None = None,
        purpose: Purpose = lambda _: None,
    ) -> None:
        """Without `known` no credentials are taken: everybody is the public.

        Args:
            network_id: Of this network.
            hops_max: Networks on the way, this one included.
            known: Says who sends a request.
            purpose: Reads the header of the purpose.
        """
        self._network_id, self._hops_max = network_id, hops_max
        self._known, self._purpose = known, purpose

    async def identify(self, headers: Mapping[str, str]) -> Access:
        """What the sender of a request may learn, and which way it came.

        Raises:
            Unauthorized: Credentials came along that are not valid, or that nothing here could
                verify.
            SourceUnavailable: Nobody can say now whether they are valid.
            InvalidRequest: The header of the way or of the purpose is malformed.
            LoopDetected: Asking on would not end, or too late.
        """
        if self._known is None and "Authorization" in headers:
            raise Unauthorized(
                "credentials cannot be verified here: no identity provider is configured; "
                "ask without the Authorization header for public access"
            )
        via = self._via(headers.get(PATH))
        purpose = self._purpose(headers.get(PURPOSE))
        asker = None if self._known is None else await self._known(headers)
        if not via and asker is None and purpose is None:
            return EVERYTHING
        return Access(grants=EVERYTHING.grants, via=via, asker=asker, purpose=purpose)

    def _via(self, given: str | None) -> tuple[str, ...]:
        if given is None:
            return ()
        via = tuple(one.strip() for one in given.split(","))
        if not all(map(_ID.fullmatch, via)):
            raise InvalidRequest(f"the header {PATH} must be the ids of networks, by commas")
        if self._network_id in via:
            raise LoopDetected("the question came through this network before")
        if len(via) >= self._hops_max:
            raise LoopDetected(f"the question came through {len(via)} networks; no further")
        return via


def headers(via: tuple[str, ...], network_id: str, left_s: float) -> Mapping[str, str]:
    """What is sent to a member along with a question that `left_s` seconds are left for."""
    return {
        PATH: ",".join((*via, network_id)),
        DEADLINE: str(max(1, round(left_s * 1000) - RESERVE_MS)),
    }
