"""The home of `Told`: what a network says of one allele, and who could not say anything.

A no counts only where it is certain. Whoever did not answer, may not tell, or hides small numbers
has said nothing: from that nothing follows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from beacon.framework.intervals import filtering_frequency, interval
from beacon.model.allele import parse_internal_id

SEEN, UNSEEN, PARTLY, UNKNOWN = "seen", "unseen", "partly", "unknown"
"""Somebody has it; everybody looked, and nobody has it; nobody who looked has it, but not everybody
could say; nobody could say."""

NEAR = 20
"""How many bases to either side others are looked for, to learn among how many alleles was looked.

A beacon says of an allele that it does not have it, but not among how many alleles it looked. Of
alleles near by it does, and where it looked at those it mostly looked at this place, too.
"""

_HIDDEN = "small numbers are not told"


@dataclass(frozen=True, slots=True)
class Voice:
    """A member of a network; `why` is what kept it from saying yes or no."""

    id: str
    name: str
    country: str = ""
    why: str = ""

    @property
    def short(self) -> str:
        """What it goes by where there is little room: the country, if it is known."""
        return self.country or self.id


@dataclass(frozen=True, slots=True)
class Counted:
    """Alleles of one kind that were seen, among all that were looked at; by country, too."""

    allele_count: int
    allele_number: int
    countries: tuple[tuple[str, int, int], ...] = ()

    @property
    def frequency(self) -> float:
        """One by the other."""
        return self.allele_count / self.allele_number


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of an allele.

    Attributes:
        seen: Who has it.
        unseen: Who looked, and does not.
        silent: Who could not say.
        counted: Of those who have it and tell counts, `None` if none does.
        looked: Alleles that those who do not have it looked at near by; 0 is not known.
        failure: Why the question had no answer at all.
    """

    seen: tuple[Voice, ...] = ()
    unseen: tuple[Voice, ...] = ()
    silent: tuple[Voice, ...] = ()
    counted: Counted | None = None
    looked: int = 0
    failure: str = ""

    @property
    def state(self) -> str:
        """`SEEN`, `UNSEEN`, `PARTLY` or `UNKNOWN`."""
        if self.seen:
            return SEEN
        if not self.unseen:
            return UNKNOWN
        return PARTLY if self.silent else UNSEEN

    @property
    def frequency(self) -> float | None:
        """Of those who tell counts, and those who do not have it, as far as they are known."""
        if self.counted is None:
            return None
        return self.counted.allele_count / (self.counted.allele_number + self.looked)

    @property
    def least(self) -> float | None:
        """What the true frequency exceeds with 95 % confidence."""
        if self.counted is None:
            return None
        counted = self.counted
        return filtering_frequency(counted.allele_count, counted.allele_number + self.looked)

    @property
    def highest(self) -> float | None:
        """A frequency at which it would have been seen with 95 % probability.

        Only where everybody looked and nobody has it, and it is known among how many alleles.
        """
        if self.state != UNSEEN or not self.looked:
            return None
        return interval(0, self.looked)[1]


def told_of(document: Mapping[str, Any], beacon: Voice) -> Told:
    """What an answer to the question for one allele says.

    Args:
        document: As it came, of a beacon or a network.
        beacon: Who was asked: it speaks for itself where it is no network.
    """
    status = _mapping(_mapping(document.get("info")).get("networkStatus"))
    if not status:
        return _told_by_one(document, beacon)
    seen, unseen, silent = [], [], []
    for one in _members(status):
        voice = _voice(one)
        if one.get("status") == "hit":
            seen.append(voice)
        elif one.get("status") == "miss" and _is_none(one.get("bounds")):
            unseen.append(voice)
        else:
            silent.append(voice)
    return Told(tuple(seen), tuple(unseen), tuple(silent), _combined(document))


def looked_near(document: Mapping[str, Any], told: Told, start: int) -> int:
    """Among how many alleles those who do not have an allele looked, by what they have near by.

    Args:
        document: The answer to the question for what is near.
        told: What was said of the allele itself; whoever did not say no is not counted.
        start: Of the allele, 0-based.

    Returns:
        The sum over those who tell; of each the nearest allele counts, of several as near the one
        with the fewest.
    """
    wanted = {voice.id for voice in told.unseen}
    nearest: dict[str, tuple[int, int]] = {}
    for distance, beacons, number in _numbers_near(document, start):
        if beacons and not beacons <= wanted:
            continue
        key = "|".join(sorted(beacons))
        found = (distance, number)
        nearest[key] = min(nearest.get(key, found), found)
    return sum(number for _, number in nearest.values())


def _numbers_near(
    document: Mapping[str, Any], start: int
) -> Iterator[tuple[int, frozenset[str], int]]:
    """Distance, who, and how many alleles, of each variant and country; nobody is named by one."""
    info = _mapping(document.get("info"))
    if "networkStatus" not in info:
        for record in _records(document):
            total = _total(record)
            if total is not None:
                yield _distance(record, start), frozenset(), total.allele_number
        return
    for variant in _objects(info.get("frequencies")):
        for country in _objects(variant.get("countries")):
            ids = frozenset(map(str, country.get("beaconIds", ())))
            for entry in _objects(country.get("frequencies")):
                if entry.get("population") == country.get("country"):
                    number = entry.get("alleleNumber")
                    if isinstance(number, int) and number > 0:
                        yield _distance(variant, start), ids, number


def _distance(variant: Mapping[str, Any], start: int) -> int:
    """Bases between; of what has no place, as far as others are looked for."""
    read = parse_internal_id(str(variant.get("variantInternalId")))
    return NEAR if read is None else abs(read[1].start - start)


def _told_by_one(document: Mapping[str, Any], beacon: Voice) -> Told:
    summary = _mapping(document.get("responseSummary"))
    sets = list(_objects(_mapping(document.get("response")).get("resultSets")))
    counted = next(filter(None, (_total(one) for one in _records(document))), None)
    if summary.get("exists") or any(one.get("exists") for one in sets):
        return Told(seen=(beacon,), counted=counted)
    cannot = [_mapping(one.get("info")).get("notApplicable") for one in sets]
    if cannot and None not in cannot:
        return Told(silent=(_silent(beacon, str(cannot[0])),))
    precisions = [one.get("countPrecision") for one in (summary, *sets) if "countPrecision" in one]
    if summary.get("exists") is not False or any(one != "exact" for one in precisions):
        return Told(silent=(_silent(beacon, _HIDDEN),))
    return Told(unseen=(beacon,))


def _silent(voice: Voice, why: str) -> Voice:
    return Voice(voice.id, voice.name, voice.country, why)


def _members(status: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The members, those that are networks replaced by what they say of their own."""
    leaves = list(_objects(status.get("leaves")))
    behind = {str(one["path"][0]) for one in leaves if one.get("path")}
    own = [one for one in _objects(status.get("members")) if one.get("beaconId") not in behind]
    return [*own, *leaves]


def _voice(member: Mapping[str, Any]) -> Voice:
    status = str(member.get("status"))
    if status == "hit":
        why = ""
    elif status == "miss":
        why = "" if _is_none(member.get("bounds")) else _HIDDEN
    else:
        why = _STATES.get(status, status)
        if member.get("reason"):
            why = f"{why}: {member['reason']}"
    identifier = str(member.get("beaconId"))
    return Voice(
        identifier, str(member.get("name") or identifier), str(member.get("country") or ""), why
    )


_STATES = {
    "notCovered": "has not looked there",
    "restricted": "does not tell this caller",
    "notApplicable": "cannot be asked this",
    "timeout": "did not answer in time",
    "unreachable": "could not be reached",
    "badResponse": "answered what cannot be read",
    "breakerOpen": "is not asked at the moment",
    "stale": "did not answer; what it once said is old",
    "pending": "did not answer in time",
}


def _is_none(bounds: Any) -> bool:
    """Whether a no is nobody at all; without bounds it is taken as it was said."""
    return not isinstance(bounds, list) or (len(bounds) == 2 and bounds[1] == 0)


def _combined(document: Mapping[str, Any]) -> Counted | None:
    """The counts that the network added; what it did not add is not added here."""
    for variant in _objects(_mapping(document.get("info")).get("frequencies")):
        total = _of_entries(variant.get("frequencies"), "Total")
        if total is None:
            continue
        countries = [
            (str(one.get("country")), *found)
            for one in _objects(variant.get("countries"))
            if (found := _of_entries(one.get("frequencies"), str(one.get("country")))) is not None
        ]
        return Counted(*total, tuple(countries))
    return None


def _total(record: Mapping[str, Any]) -> Counted | None:
    """The counts of everybody in the first source of a record that has them."""
    for source in _objects(record.get("frequencyInPopulations")):
        found = _of_entries(source.get("frequencies"), "Total")
        if found is not None:
            return Counted(*found)
    return None


def _of_entries(entries: Any, population: str) -> tuple[int, int] | None:
    for entry in _objects(entries):
        count, number = entry.get("alleleCount"), entry.get("alleleNumber")
        if (
            entry.get("population") == population
            and isinstance(count, int)
            and isinstance(number, int)
            and 0 <= count <= number > 0
        ):
            return count, number
    return None


def _records(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for one in _objects(_mapping(document.get("response")).get("resultSets")):
        yield from _objects(one.get("results"))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _objects(value: Any) -> Sequence[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
