"""The populations of a dataset: for every row its sex, country of origin and ancestry.

Frequencies are counted from these and from who was looked at, so a dataset has them for every
allele, whichever was loaded first, the genotypes or the people.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from beacon.framework.answer import Record
from beacon.model.countries import country

POPULATION_MIN = 20
"""Members of the smallest population that frequencies are told of: those of fewer people would be
genotypes of people."""

SEXES = ("", "M", "F")
_NAMES_MAX = 0x10000 // len(SEXES)
"""Places are numbered in 16 bits."""
_SEX_OF_TERM = {"NCIT:C20197": 1, "NCIT:C16576": 2}

Counts = npt.NDArray[np.int64]


class Strata(msgspec.Struct, frozen=True):
    """Row by row: index into `SEXES`, into `countries`, and into `ancestries`; 0 is not known."""

    countries: list[str]
    ancestries: list[str]
    sex_of_row: bytes
    country_of_row: bytes
    ancestry_of_row: bytes


class Label(NamedTuple):
    """A population: what it is called, what to add up to count it, and what divides it off.

    `counted` are indexes into counts by place followed by counts by ancestry; `division` is `sex`,
    `country`, or nothing for what is a single count.
    """

    name: str
    counted: Counts
    division: str = ""


@dataclass(frozen=True, slots=True)
class Populations:
    """Rows by population.

    Attributes:
        place: For every row, `country * 3 + sex`.
        ancestry: For every row, the index of its ancestry.
        labels: Populations that are large enough.
    """

    places: int
    ancestries: int
    place: npt.NDArray[np.uint16]
    ancestry: npt.NDArray[np.uint16]
    labels: tuple[Label, ...]

    def told(self, rows: Counts) -> tuple[bool, ...]:
        """Of each of `labels` whether its frequency may be told.

        It is not where few people of it were looked at; nor where the others of the same division
        (the sexes, the countries, the sexes of a country, the ancestries) are so few, taken
        together, that what is left of the whole would be theirs.

        Args:
            rows: People looked at, by place and ancestry.
        """
        by_place = rows[: self.places].reshape(-1, len(SEXES))
        countries = _told(by_place.sum(axis=1))
        kept = np.zeros(rows.size, bool)
        kept[self.places :] = _told(rows[self.places :])
        for number in countries.nonzero()[0]:
            first = number * len(SEXES)
            kept[first : first + len(SEXES)] = _told(by_place[number])
        sexes = _told(by_place.sum(axis=0))
        told = []
        for one in self.labels:
            first = one.counted[0]
            if one.division == "sex":
                told.append(bool(sexes[first]))
            elif one.division == "country":
                told.append(bool(countries[first // len(SEXES)]))
            else:
                told.append(bool(kept[first]))
        return tuple(told)

    def count(self, rows: npt.NDArray[Any], kinds: npt.NDArray[Any], width: int) -> Counts:
        """Rows by place or ancestry, and by kind.

        Args:
            rows: Rows, each as often as it counts.
            kinds: Of each, a number below `width`.

        Returns:
            Counts of shape (places + ancestries, width).
        """
        by_place = np.bincount(
            self.place[rows].astype(np.int64) * width + kinds, minlength=self.places * width
        )
        by_ancestry = np.bincount(
            self.ancestry[rows].astype(np.int64) * width + kinds, minlength=self.ancestries * width
        )
        return np.concatenate((by_place, by_ancestry)).reshape(-1, width)


def _told(sizes: Counts) -> npt.NDArray[np.bool_]:
    """Which parts of a whole may be told; the first part, which has no name, never is."""
    told = sizes >= POPULATION_MIN
    told[0] = False
    untold = int(sizes[~told].sum())
    while 0 < untold < POPULATION_MIN and told.any():
        smallest = int(np.argmin(np.where(told, sizes, np.iinfo(np.int64).max)))
        told[smallest] = False
        untold += int(sizes[smallest])
    return told


class Gathering:
    """Gathers what records of individuals say, by the individual's ordinal."""

    def __init__(self, individuals: int, individual_of: Any) -> None:
        self._individual_of = np.asarray(individual_of, np.int64)
        self._sex = np.zeros(individuals + 1, np.uint8)  # the last is nobody's
        self._country = np.zeros(individuals + 1, np.uint32)
        self._ancestry = np.zeros(individuals + 1, np.uint32)
        self._countries: dict[str, int] = {"": 0}
        self._ancestries: dict[str, int] = {"": 0}

    def add(self, ordinal: int, record: Record) -> None:
        """Take one individual."""
        sex, origin, ethnicity = (
            record.get(key) for key in ("sex", "geographicOrigin", "ethnicity")
        )
        if isinstance(sex, dict):
            self._sex[ordinal] = _SEX_OF_TERM.get(str(sex.get("id")), 0)
        if isinstance(origin, dict) and (name := country(origin)):
            self._country[ordinal] = self._countries.setdefault(name, len(self._countries))
        if isinstance(ethnicity, dict) and (name := ethnicity.get("label") or ethnicity.get("id")):
            self._ancestry[ordinal] = self._ancestries.setdefault(str(name), len(self._ancestries))

    def stored(self) -> bytes:
        """As kept in a layer."""
        countries, country_of_row = _large(self._countries, self._country[self._individual_of])
        ancestries, ancestry_of_row = _large(self._ancestries, self._ancestry[self._individual_of])
        sex_of_row = self._sex[self._individual_of].tobytes()
        strata = Strata(countries, ancestries, sex_of_row, country_of_row, ancestry_of_row)
        return msgspec.msgpack.encode(strata)


def _large(names: Mapping[str, int], of_row: npt.NDArray[np.uint32]) -> tuple[list[str], bytes]:
    """The names of those that are large enough, and the index of each row's; 0 for all others.

    So free text, another one for nearly everybody, is no more to keep than a few countries are.
    """
    sizes = np.bincount(of_row, minlength=len(names))
    sizes[0] = POPULATION_MIN
    chosen = np.flatnonzero(sizes >= POPULATION_MIN)[:_NAMES_MAX]
    renumbered = np.zeros(len(names), np.uint16)
    renumbered[chosen] = np.arange(len(chosen))
    known = list(names)
    return [known[one] for one in chosen], renumbered[of_row].tobytes()


def populations_of(stored: bytes | None) -> Populations | None:
    """The populations of a layer; `None` when none is large enough."""
    if stored is None:
        return None
    strata = msgspec.msgpack.decode(stored, type=Strata)
    sex = np.frombuffer(strata.sex_of_row, np.uint8).astype(np.uint16)
    origin = np.frombuffer(strata.country_of_row, np.uint16)
    ancestry = np.frombuffer(strata.ancestry_of_row, np.uint16)
    places = len(strata.countries) * len(SEXES)
    place = origin * np.uint16(len(SEXES)) + sex
    sizes = np.concatenate(
        (
            np.bincount(place, minlength=places),
            np.bincount(ancestry, minlength=len(strata.ancestries)),
        )
    )
    labels = tuple(
        label for label in _labels(strata, places) if sizes[label.counted].sum() >= POPULATION_MIN
    )
    return Populations(places, len(strata.ancestries), place, ancestry, labels) if labels else None


def _labels(strata: Strata, places: int) -> Iterator[Label]:
    of_place = np.arange(places).reshape(len(strata.countries), len(SEXES))
    for sex, label in enumerate(SEXES):
        if label:
            yield Label(label, of_place[:, sex], "sex")
    for number, label in enumerate(strata.countries):
        if label:
            yield Label(label, of_place[number], "country")
            for sex, of_sex in enumerate(SEXES):
                if of_sex:
                    yield Label(f"{label}_{of_sex}", of_place[number, sex : sex + 1])
    for number, label in enumerate(strata.ancestries):
        if label:
            yield Label(label, np.array([places + number]))
