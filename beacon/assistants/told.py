"""The home of what an assistant is told: short, and never a no where nobody knows.

Texts of beacons are shortened to one line: whoever runs a beacon may write into them, and they are
read by a machine that follows what it reads.

What tools return has no slots: the schema of an answer is made from its class, where slots would
pass for defaults.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from beacon.client import Answer, AnswerSet, Entry, Frequency, MatchAnswer, MemberState
from beacon.client.matches import Match, Reason

YesNo = Literal["yes", "no", "unknown"]

LISTED_MAX = 50
"""Datasets, members, people and frequencies that are listed; numbers are of all."""

_CHARACTERS = 120


@dataclass(frozen=True, slots=True)
class DatasetTold:
    """What one dataset says. `at_most` is null where there is no limit."""

    beacon: str | None
    dataset: str | None
    found: YesNo
    at_least: int
    at_most: int | None


@dataclass(frozen=True, slots=True)
class SilentTold:
    """A member of a network that neither said yes nor no, and what became of the question."""

    beacon: str
    status: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class FrequencyTold:
    """How often an allele is seen in a population."""

    population: str
    frequency: float
    allele_count: int | None
    allele_number: int | None


@dataclass(frozen=True)
class AnswerTold:
    """An answer. `found` is `unknown` where nobody knows or nobody tells: that is not a no.

    The true number is from `at_least` to `at_most`; null is no limit. `meaning` says the same in
    words.
    """

    found: YesNo
    at_least: int
    at_most: int | None
    meaning: str
    datasets: list[DatasetTold]
    silent_members: list[SilentTold]
    frequencies: list[FrequencyTold]


@dataclass(frozen=True, slots=True)
class DatasetListed:
    """A dataset that is shown to whoever asks."""

    id: str
    name: str | None
    beacon: str | None


@dataclass(frozen=True)
class BeaconTold:
    """Who is asked, and which datasets it shows; others may exist that it does not show."""

    id: str
    name: str
    is_network: bool
    can_match: bool
    datasets: list[DatasetListed]


@dataclass(frozen=True, slots=True)
class BandTold:
    """How many people of a dataset are at least so alike."""

    beacon: str | None
    dataset: str | None
    band: str
    found: YesNo
    at_least: int
    at_most: int | None


@dataclass(frozen=True, slots=True)
class PersonTold:
    """Somebody who is alike; `id` means nothing elsewhere. `why` begins with what counts most."""

    beacon: str | None
    dataset: str | None
    id: str
    score: float
    why: list[str]


@dataclass(frozen=True)
class MatchTold:
    """Who is like a case; as `AnswerTold`."""

    found: YesNo
    at_least: int
    at_most: int | None
    meaning: str
    bands: list[BandTold]
    people: list[PersonTold]
    terms_nobody_knows: list[str]
    silent_members: list[SilentTold]


def answer_told(answer: Answer, what: str) -> AnswerTold:
    """An answer as an assistant is told it; `what` is counted, as `people`."""
    frequencies = [told for one in answer.sets for told in map(_frequency, one.frequencies)]
    return AnswerTold(
        found=_found(answer.exists),
        at_least=answer.low,
        at_most=answer.high,
        meaning=_meaning(answer, what),
        datasets=[_dataset(one) for one in answer.sets[:LISTED_MAX]],
        silent_members=_silent(answer.members),
        frequencies=frequencies[:LISTED_MAX],
    )


def match_told(answer: MatchAnswer) -> MatchTold:
    """An answer about a case as an assistant is told it."""
    bands = [
        BandTold(
            line(one.beacon_id),
            line(one.dataset_id),
            line(band.band) or "",
            _found(band.exists),
            band.low,
            band.high,
        )
        for one in answer.sets
        for band in one.bands
    ]
    return MatchTold(
        found=_found(answer.exists),
        at_least=answer.low,
        at_most=answer.high,
        meaning=_meaning(answer, "people who are alike"),
        bands=bands[:LISTED_MAX],
        people=[_person(one) for one in answer.matches[:LISTED_MAX]],
        terms_nobody_knows=[line(one) or "" for one in answer.unknown[:LISTED_MAX]],
        silent_members=_silent(answer.members),
    )


def dataset_listed(entry: Entry) -> DatasetListed:
    """A dataset of a list."""
    return DatasetListed(
        line(entry.get("id")) or "", line(entry.get("name")), line(entry.beacon_id)
    )


def _found(exists: bool | None) -> YesNo:
    if exists is None:
        return "unknown"
    return "yes" if exists else "no"


def _meaning(answer: Answer | MatchAnswer, what: str) -> str:
    silent = sum(not one.is_answer for one in answer.members)
    low, high = answer.low, answer.high
    if high is None:
        number = f"At least {low} {what}; how many more is not told."
        if not low:
            number = f"It is not known whether there are {what}. This is not a no."
    elif low == high:
        number = f"Exactly {low} {what}." if low else f"No {what}."
    else:
        number = f"From {low} to {high} {what}; the exact number is not told."
        if not low:
            number += " This is not a no."
    if silent:
        number += f" {silent} of {len(answer.members)} members of the network did not answer."
    return number


def _dataset(one: AnswerSet) -> DatasetTold:
    return DatasetTold(
        line(one.beacon_id), line(one.dataset_id), _found(one.exists), one.low, one.high
    )


def _silent(members: Iterable[MemberState]) -> list[SilentTold]:
    silent = [one for one in members if not one.is_answer]
    return [
        SilentTold(line(one.id) or "", line(one.status) or "", line(one.reason))
        for one in silent[:LISTED_MAX]
    ]


def _frequency(one: Frequency) -> FrequencyTold:
    population = line(one.population) or ""
    return FrequencyTold(population, one.frequency, one.allele_count, one.allele_number)


def _person(one: Match) -> PersonTold:
    reasons = sorted(one.reasons, key=lambda reason: -abs(reason.score))
    return PersonTold(
        line(one.beacon_id),
        line(one.dataset_id),
        line(one.id) or "",
        one.score,
        [_why(reason) for reason in reasons[:LISTED_MAX]],
    )


def _why(reason: Reason) -> str:
    said = f"{reason.kind} {reason.score:+.2f}"
    for name, value in (("asked", reason.asked), ("found", reason.found)):
        if value is not None:
            said += f", {name} {_named(value)}"
    return line(said) or ""


def _named(value: object) -> str:
    """A term by its id and label, anything else as it is."""
    if isinstance(value, dict):
        parts = [str(value[one]) for one in ("id", "label") if value.get(one)]
        return " ".join(parts) if parts else str(value)
    return str(value)


def line(text: object, characters: int = _CHARACTERS) -> str | None:
    """A text of a beacon as one short printable line."""
    if text is None:
        return None
    plain = "".join(one if one.isprintable() else " " for one in str(text)[: 4 * characters])
    return " ".join(plain.split())[:characters]
