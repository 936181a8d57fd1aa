"""The home of `Row`: what one country, or one dataset, said to the two questions of a look-up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from beacon.portal.records import Document, Frequency, frequencies_of, key_of, objects, whole

VARIANTS, PEOPLE = 0, 1
"""The places of the two questions of a look-up."""

PENDING, HIT, MISS, FEW, STALE = "pending", "hit", "miss", "few", "stale"
NOT_APPLICABLE, BAD_RESPONSE = "notApplicable", "badResponse"

SHAPES: Mapping[str, str] = {
    HIT: "hit",
    MISS: "miss",
    FEW: "few",
    "notCovered": "cannot",
    NOT_APPLICABLE: "cannot",
    "restricted": "closed",
    "timeout": "failed",
    "unreachable": "failed",
    BAD_RESPONSE: "failed",
    "breakerOpen": "failed",
    STALE: "cannot",
    PENDING: "pending",
}
"""How a state looks: its shape and colour, beside its word."""

FAILED = frozenset({"timeout", "unreachable", BAD_RESPONSE, "breakerOpen", STALE})
"""States in which asking again may help."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Between how many people; `upper` is `None` where nobody can say."""

    lower: int
    upper: int | None

    @property
    def is_exact(self) -> bool:
        """Whether it is one number."""
        return self.lower == self.upper


def state_of(variants: str, people: str) -> str:
    """What is said of a country, by the states of the two questions there.

    A yes to either is one. As long as either may still become one, it is pending. Else it is what
    became of the question about variants: of the one about people, a no says only that no person
    is linked to the variant, and a failure takes nothing back.
    """
    if HIT in (variants, people):
        return HIT
    if PENDING in (variants, people):
        return PENDING
    return variants


@dataclass(slots=True)
class Row:
    """One country, or one dataset of a beacon that is asked alone.

    Attributes:
        states: Of both questions.
        about: What was said of how each question fared there.
        sets: Result sets of both, as they came.
        partly: The places of the questions that beacons behind it have left without an answer.
    """

    id: str
    name: str
    country: str | None = None
    states: list[str] = field(default_factory=lambda: [PENDING, PENDING])
    about: list[Document] = field(default_factory=lambda: [{}, {}])
    sets: list[Sequence[Document]] = field(default_factory=lambda: [(), ()])
    partly: set[int] = field(default_factory=set)

    @property
    def is_pending(self) -> bool:
        """Whether there is more to come."""
        return PENDING in self.states

    @property
    def state(self) -> str:
        """What is said of it. Who tells few as nobody has not said no."""
        state = state_of(self._certain(VARIANTS), self._certain(PEOPLE))
        return FEW if state == MISS and self._may_have_few else state

    @property
    def _may_have_few(self) -> bool:
        """Whether a no of it is also what it says of a few."""
        told = (bounds_of(about.get("bounds")) for about in self.about)
        return any(one is not None and one.upper != 0 for one in told)

    @property
    def shape(self) -> str:
        """How its state looks."""
        return SHAPES[self.state]

    @property
    def may_be_asked_again(self) -> bool:
        """Whether it failed rather than answered."""
        return not self.is_pending and self.state in FAILED

    @property
    def reason(self) -> str | None:
        """Why it did not answer, in the words of the network or the country."""
        if self.state in (HIT, MISS, PENDING):
            return None
        reasons = (self.about[VARIANTS].get("reason"), *self._unanswered(VARIANTS))
        return next((str(one) for one in reasons if one is not None), None)

    @property
    def after_ms(self) -> float | None:
        """When its last answer came."""
        times = [about["afterMs"] for about in self.about if about.get("afterMs") is not None]
        return None if self.is_pending or not times else max(times)

    @property
    def age_s(self) -> int | None:
        """How old an answer is that was kept from before, in seconds."""
        return whole(self.about[VARIANTS].get("ageSeconds")) if self.state == STALE else None

    @property
    def earlier(self) -> str | None:
        """What an answer said that was kept from before: a yes or a no then."""
        if self.state != STALE or not self.sets[VARIANTS]:
            return None
        return HIT if any(one.get("exists") for one in self.sets[VARIANTS]) else MISS

    @property
    def people(self) -> Bounds | None:
        """How many people, where it says."""
        return bounds_of(self.about[PEOPLE].get("bounds"))

    @property
    def variants(self) -> Bounds | None:
        """How many variants, where it says."""
        return bounds_of(self.about[VARIANTS].get("bounds"))

    @property
    def is_without_people(self) -> bool:
        """Whether it has the variant, but in no person that it could count."""
        return self.states[VARIANTS] == HIT and self.states[PEOPLE] == MISS

    @property
    def people_state(self) -> str | None:
        """Why a country that has the variant does not say in how many people, if it does not."""
        state = self.states[PEOPLE]
        return None if self.state != HIT or state in (HIT, MISS) else state

    @property
    def is_rounded(self) -> bool:
        """Whether its number of people is not the exact one."""
        return any(one.get("countPrecision", "exact") != "exact" for one in self.sets[PEOPLE])

    @property
    def says_only_yes(self) -> bool:
        """Whether it has the variant, and counts neither people nor alleles."""
        counted = any(one.get("resultsCount") is not None for one in self.sets[PEOPLE])
        return self.state == HIT and not self.is_pending and not counted and self.total is None

    @property
    def lifted(self) -> Document | None:
        """To where the question was lifted for it."""
        for about in self.about:
            lifted = (about.get("applied") or {}).get("liftover")
            if lifted:
                return dict(lifted)
        return None

    @property
    def records(self) -> Iterator[Document]:
        """The variants that it showed."""
        for one in self.sets[VARIANTS]:
            yield from objects(one.get("results"))

    @property
    def totals(self) -> list[Frequency]:
        """The counts of the allele in everybody, of each of its sources."""
        found = [one for record in self.records for one in frequencies_of(record)]
        return [one for one in found if one.is_of_everybody and one.number is not None]

    @property
    def total(self) -> Frequency | None:
        """The counts of the allele in everybody it has, of its largest source.

        Where it showed several variants there are none that would be of all of them.
        """
        if len({key_of(record) for record in self.records}) > 1:
            return None
        return max(self.totals, key=lambda one: one.number or 0, default=None)

    @property
    def frequencies(self) -> list[Frequency]:
        """The counts of the allele in each population, of all sources."""
        return [one for record in self.records for one in frequencies_of(record)]

    def _certain(self, place: int) -> str:
        """The state of a question.

        A no to less than what was asked is none, nor is a no of some of its datasets or beacons
        where others cannot say.
        """
        state = self.states[place]
        if state != MISS:
            return state if state in SHAPES else BAD_RESPONSE
        bound = (self.about[place].get("applied") or {}).get("bound")
        is_part = bound == "lower" or place in self.partly or any(self._unanswered(place))
        return NOT_APPLICABLE if is_part else MISS

    def _unanswered(self, place: int) -> Iterator[str]:
        """Why datasets cannot be asked a question."""
        for one in self.sets[place]:
            reason = (one.get("info") or {}).get("notApplicable")
            if reason is not None:
                yield str(reason) or NOT_APPLICABLE


def bounds_of(written: Any) -> Bounds | None:
    """From `[lower, upper]` or `[lower]`, or an object of the two."""
    if isinstance(written, Mapping):
        written = [written.get("lower"), written.get("upper")]
    if not written or written[0] is None:
        return None
    return Bounds(written[0], written[1] if len(written) > 1 else None)
