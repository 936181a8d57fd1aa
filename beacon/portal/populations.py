"""The home of what is shown of frequencies: by country, by sex, by ancestry and by origin."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from beacon.portal.look_up import LookUp
from beacon.portal.pictures import Axis, Picture, picture
from beacon.portal.records import Frequency
from beacon.portal.rows import Row

Words = Mapping[str, str]
"""What everybody, women and men are called: `total`, `female`, `male`."""

_OF_COUNTRY = re.compile(r"([A-Z]{2})(?:_([MF]))?")
_SEXES = {"m": "male", "male": "male", "f": "female", "female": "female"}
_MOST = 24


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture with its numbers.

    Attributes:
        kind: The end of the key of its heading: `countries`, `sexes`, `ancestry` or `origin`.
        of: Whose numbers they are, where that is not everybody's together.
        disjoint: How many of its first lines share nobody, so that they may be added.
    """

    kind: str
    of: str
    picture: Picture
    disjoint: int = 0

    @property
    def has_few(self) -> bool:
        """Whether any of its frequencies is among too few alleles to say much."""
        return any(line.frequency.is_of_few for line in self.picture.lines)


Labelled = list[tuple[str, Frequency]]
Group = tuple[str, str, Labelled]
"""The kind of a panel, of whom it is, and its lines."""


def panels(found: LookUp, words: Words, *, is_network: bool) -> list[Panel]:
    """All that there is to be shown of the frequencies of a variant, on one axis."""
    countries = [(row.name, row.total) for row in found.hits if row.total is not None]
    lines: Labelled = [(name, total) for name, total in countries if total is not None]
    disjoint = len(lines) if is_network and len(lines) > 1 else 0
    if found.total is not None and len(lines) > 1:
        lines.append((words["total"], found.total))
    groups: list[Group] = [("countries", "", lines)]
    if found.combined:
        groups += _groups(found.combined, "", words)
        groups += _sexes_of_countries(found, words)
    else:
        for row in found.hits:
            if row.total is not None:
                groups += _groups(row.frequencies, row.name, words)
    shown = [group for group in groups if group[2]]
    if len(lines) == 1 and len(shown) > 1:
        # Everybody of the one country is in the others, too.
        shown = shown[1:]
    axis = Axis.of(one for _, _, lines in shown for _, one in lines)
    return [
        Panel(kind, of, picture(lines, axis), disjoint if kind == "countries" else 0)
        for kind, of, lines in shown
    ]


def _groups(frequencies: Sequence[Frequency], of: str, words: Words) -> list[Group]:
    """By sex, by ancestry and by country of origin, whatever there is of them."""
    sexes: Labelled = []
    origins: Labelled = []
    ancestry: Labelled = []
    known: set[str] = set()
    for one in frequencies:
        label = one.population.strip()
        if label in known or one.interval is None:
            continue
        known.add(label)
        match = _OF_COUNTRY.fullmatch(label)
        if one.is_of_everybody:
            sexes.insert(0, (words["total"], one))
        elif label.lower() in _SEXES:
            sexes.append((words[_SEXES[label.lower()]], one))
        elif match is None:
            ancestry.append((label, one))
        elif match[2] is None:
            origins.append((match[1], one))
    return [
        ("sexes", of, sexes if len(sexes) > 1 else []),
        ("ancestry", of, _largest(ancestry)),
        ("origin", of, _largest(origins)),
    ]


def _sexes_of_countries(found: LookUp, words: Words) -> list[Group]:
    if len(found.of_countries) < _SEVERAL:
        return []
    groups: list[Group] = []
    for about, frequencies in found.of_countries:
        lines: Labelled = []
        for one in frequencies:
            match = _OF_COUNTRY.fullmatch(one.population)
            if match is not None and one.interval is not None:
                sex = "total" if match[2] is None else _SEXES[match[2].lower()]
                lines.append((words[sex], one))
        name = _name_of(str(about.get("country") or ""), list(found.rows.values()))
        groups.append(("sexes", name, lines if len(lines) > 1 else []))
    return groups


def _name_of(country: str, rows: Sequence[Row]) -> str:
    return next((row.name for row in rows if row.country == country), country)


def _largest(lines: Labelled) -> Labelled:
    """The populations of most alleles, so that a picture ends; in the order of their names."""
    kept = sorted(lines, key=lambda one: -(one[1].number or 0))[:_MOST]
    return sorted(kept, key=lambda one: one[0])


_SEVERAL = 2
