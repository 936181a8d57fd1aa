"""The home of how frequent a VCF's own INFO says that an allele is, in whichever key it does."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from beacon.load.annotation_entries import Info, info_fields, text

_PANELS = (
    "gnomad|exac|1000g|1000genomes|1kg|topmed|swegen|swefreq|alfa|uk10k|esp6500|gome|tommo|bravo"
)
# `_` and case aside: gnomAD_exome_AF, gnomad_popmax_af, GNOMADAF_POPMAX, EXACMAX_AF, 1000GAF.
_FREQUENCY = re.compile(
    rf"beaconaf|(?:dbnsfp|vep|csq)?(?:(?:{_PANELS})[a-z0-9]*?af(?:popmax|grpmax|max)?"
    r"|(?:popmax|grpmax|max)af|af(?:popmax|grpmax))"
)
# Of a single population: of few people, so that a rare allele may look frequent.
_ONE_POPULATION = re.compile(
    r"(?:afr|ami|amr|asj|eas|fin|mid|nfe|oth|remaining|sas|eur|ea|aa|male|female|xx|xy|raw)af"
)
_IN_ENTRIES = ("CSQ", "vep")
_GLOBAL = "AF"
"""In entries of VEP: of the 1000 Genomes Project. In INFO it is the file's own frequency."""


def is_population_frequency(name: str) -> bool:
    """Whether a key of INFO, or of VEP's entries, is the frequency in a reference panel.

    So is what `beacon annotate-vcf` has added of a network.
    """
    plain = name.replace("_", "").replace("-", "").replace(".", "").lower()
    return bool(_FREQUENCY.fullmatch(plain)) and not _ONE_POPULATION.search(plain)


@dataclass(frozen=True, slots=True)
class _Entries:
    """Frequencies inside the entries of VEP: `places` in them."""

    key: str
    names: tuple[str, ...]
    places: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PopulationFrequencies:
    """Reads the frequency of an allele from the INFO of one file.

    Attributes:
        keys: of INFO.
    """

    keys: tuple[str, ...]
    entries: tuple[_Entries, ...] = ()

    @classmethod
    def of(cls, raw_header: str) -> PopulationFrequencies:
        """The reader for a file with this header; it may have no key at all."""
        fields = info_fields(raw_header)
        keys = tuple(name for name in fields if is_population_frequency(name))
        return cls(keys, tuple(_entries(fields)))

    @property
    def names(self) -> tuple[str, ...]:
        """What is read, as `gnomAD_AF`, or `CSQ/gnomADe_AF` for what is inside of entries."""
        return (
            *self.keys,
            *(f"{one.key}/{name}" for one in self.entries for name in one.names),
        )

    def of_allele(self, info: Info, index: int, alternates: int) -> float | None:
        """The highest frequency that is stated of an ALT, `None` if none is.

        Args:
            index: Which ALT, from 0.
            alternates: How many there are: of several, a single number says nothing.
        """
        found = [
            number
            for key in self.keys
            if (number := _of_value(info.get(key), index, alternates)) is not None
        ]
        if alternates == 1:
            for entries in self.entries:
                found += _in_entry(text(info.get(entries.key)), entries.places)
        return max(found, default=None)


def _entries(fields: Any) -> Iterator[_Entries]:
    for key in _IN_ENTRIES:
        described = fields.get(key, "").partition("Format:")[2]
        names = [name.strip(" '") for name in described.split("|")]
        places = [
            (name, place)
            for place, name in enumerate(names)
            if name == _GLOBAL or is_population_frequency(name)
        ]
        if places:
            chosen, at = zip(*places, strict=True)
            yield _Entries(key, chosen, at)


def _of_value(value: Any, index: int, alternates: int) -> float | None:
    if isinstance(value, str):
        value = tuple(value.split(","))
    if isinstance(value, tuple):
        return _number(value[index]) if len(value) == alternates else None
    return _number(value) if alternates == 1 else None


def _in_entry(value: str, places: Sequence[int]) -> Iterator[float]:
    """Of the first entry: all of one allele say the same."""
    if not value:
        return
    columns = value.partition(",")[0].split("|")
    for place in places:
        if place < len(columns):
            for part in columns[place].split("&"):
                # Old releases name the allele before the number: `A:0.012`.
                number = _number(part.rpartition(":")[2])
                if number is not None:
                    yield number


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if 0 <= number <= 1 else None
