"""The home of asking a network about alleles, many at once, and for people who are alike."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from beacon.casework.failures import NetworkGone
from beacon.casework.leaving import Leaving
from beacon.casework.told import NEAR, UNSEEN, Told, Voice, looked_near, told_of
from beacon.client import (
    Answer,
    AsyncBeacon,
    BeaconFailure,
    MatchAnswer,
    Refused,
    TooLate,
    Unreachable,
    Variant,
)

Granularity = Literal["record", "count", "boolean"]

_GRANULARITIES: Sequence[Granularity] = ("record", "count", "boolean")
_NOT_ALLOWED = (401, 403)
_MAY_PASS = (TooLate, Unreachable)
_ATTEMPTS = 4
_MATCHES = 50

Heard = Callable[[int], None]
"""Told how many alleles are behind us."""


def _nothing(_done: int) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True)
class Near(Variant):
    """What begins or ends within a few bases of an allele, itself included."""

    @property
    def parameters(self) -> dict[str, Any]:
        """The variation parameters of Beacon v2 that ask for it."""
        end = self.start + max(len(self.reference_bases), 1)
        return {
            "assemblyId": self.assembly,
            "referenceName": self.reference_name,
            "start": [max(self.start - NEAR, 0)],
            "end": [end + NEAR],
        }


@dataclass(frozen=True, slots=True)
class Network:
    """A network, or a single beacon, that is asked.

    Attributes:
        voice: What it says of itself.
        has_match: Whether it looks for people who are alike.
    """

    beacon: AsyncBeacon
    voice: Voice
    has_match: bool

    @classmethod
    async def meet(cls, beacon: AsyncBeacon) -> Network:
        """Ask who it is.

        Raises:
            NetworkGone: It does not say.
        """
        try:
            about = await beacon.about()
        except BeaconFailure as error:
            raise NetworkGone(f"the network did not answer: {error}") from error
        identifier = about.id or "beacon"
        return cls(
            beacon,
            Voice(identifier, about.name or identifier),
            about.has_match,
        )

    async def told(
        self, alleles: Sequence[Variant], heard: Heard = _nothing, *, thoroughly: bool = False
    ) -> list[Told]:
        """What is known of each allele, in their order; one of them may have had no answer.

        Of those that nobody has it is asked, in one more batch, what is near by.

        Args:
            thoroughly: Whether that is asked, too, of those that some have and others have not:
                how frequent it is in those who have it is more than in all.

        Raises:
            NetworkGone: There was no answer to any of them.
        """
        answers = await self._answers(alleles, heard)
        told = [self._told(one) for one in answers]
        unseen = [
            place
            for place, one in enumerate(told)
            if one.state == UNSEEN or (thoroughly and one.counted is not None and one.unseen)
        ]
        nearby = [_near(alleles[place]) for place in unseen]
        for place, answer in zip(unseen, await self._near(nearby), strict=True):
            if isinstance(answer, Answer):
                looked = looked_near(answer.document, told[place], alleles[place].start)
                told[place] = replace(told[place], looked=looked)
        return told

    async def alike(self, leaving: Leaving) -> MatchAnswer:
        """People who are like the case, each with the reasons where that may be told.

        Raises:
            NetworkGone: The network does not say.
        """
        try:
            return await self.beacon.match(leaving.case, granularity="record", limit=_MATCHES)
        except BeaconFailure as error:
            raise NetworkGone(f"no answer about people who are alike: {error}") from error

    async def _near(self, nearby: Sequence[Variant]) -> Sequence[Answer | BeaconFailure]:
        """The answers to what is only asked to know more: without one, less is known."""
        try:
            return await self._answers(nearby, _nothing)
        except NetworkGone as gone:
            return [BeaconFailure(str(gone))] * len(nearby)

    def _told(self, answer: Answer | BeaconFailure) -> Told:
        if isinstance(answer, BeaconFailure):
            return Told(failure=str(answer))
        return told_of(answer.document, self.voice)

    async def _answers(
        self, alleles: Sequence[Variant], heard: Heard
    ) -> list[Answer | BeaconFailure]:
        """An answer to each, with as much as the network allows.

        What failed and may pass is asked again, as long as anything else is answered.
        """
        found: dict[int, Answer | BeaconFailure] = {}
        left = list(range(len(alleles)))
        granularities = deque(_GRANULARITIES)
        attempts = _ATTEMPTS
        while left:
            answers = await self._batch(left, alleles, granularities[0], heard)
            found |= answers
            refused = [place for place in left if _is_not_allowed(answers[place])]
            passing = [place for place in left if isinstance(answers[place], _MAY_PASS)]
            attempts -= 1
            if passing and len(passing) < len(left) and attempts:
                left = passing
            elif refused and len(granularities) > 1:
                granularities.popleft()
                left = [*refused, *passing] if attempts else refused
            else:
                break
        answered = any(not isinstance(one, _MAY_PASS) for one in found.values())
        if alleles and not answered:
            failure = found[0]
            raise NetworkGone(f"the network did not answer: {failure}")
        return [found[place] for place in range(len(alleles))]

    async def _batch(
        self,
        places: Sequence[int],
        alleles: Sequence[Variant],
        granularity: Granularity,
        heard: Heard,
    ) -> Mapping[int, Answer | BeaconFailure]:
        asked = {str(place): alleles[place] for place in places}
        found: dict[int, Answer | BeaconFailure] = {}
        failure: BeaconFailure = Unreachable("there was no answer to this one")
        try:
            async for item_id, answer in self.beacon.batch(asked, granularity=granularity):
                found[int(item_id)] = answer
                heard(not isinstance(answer, BeaconFailure))
        except BeaconFailure as error:
            failure = error
        return {place: found.get(place, failure) for place in places}


def _near(allele: Variant) -> Near:
    return Near(
        allele.assembly,
        allele.reference_name,
        allele.start,
        allele.reference_bases,
        allele.alternate_bases,
    )


def _is_not_allowed(answer: object) -> bool:
    return isinstance(answer, Refused) and answer.status in _NOT_ALLOWED
