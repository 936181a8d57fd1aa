"""The home of what was typed into the form about people, `Typed`: fields in, fields out.

It is read from the fields of the form and from the address of a question, and written as either.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote

from multidict import MultiMapping

from beacon.framework.query import Filter, Similarity

FEMALE: Final = "NCIT:C16576"
MALE: Final = "NCIT:C20197"
SEXES: Final = (FEMALE, MALE)
ZYGOSITIES: Final = ("GENO:0000135", "GENO:0000136", "GENO:0000134")
"""Heterozygous, homozygous and hemizygous carriers."""

AGES: Final = ("ageOfOnset", "phenotypicFeatures.onset", "age")
"""Of a disease, of a feature, and of the person."""

UNITS: Final = ("Y", "M", "W", "D")
"""Of ages, as ISO 8601 has them: years, months, weeks and days."""

_AGE = re.compile(rf"({'|'.join(map(re.escape, AGES))}):(>=|<=)(.+)")
_DURATION = re.compile(r"P(\d+)([YMWD])")
_EXACTLY = "exactly"
_NOWHERE = 10**6
_FORM = frozenset({"term", "kinds", "near", "sex", "age-of", "age-from", "age-to", "zygosity"})


@dataclass(frozen=True, slots=True)
class Line:
    """A line for one feature: its name, its id, or a comparison as the API has it (`age:>=P30Y`).

    Attributes:
        kinds: Whether kinds of it count, too.
    """

    text: str = ""
    kinds: bool = True
    near: Similarity = Similarity.EXACT

    @property
    def token(self) -> str:
        """As it stands in an address."""
        marks = [] if self.kinds else [_EXACTLY]
        if self.near is not Similarity.EXACT:
            marks.append(self.near.value)
        return "~".join((self.text, *marks))

    @classmethod
    def of(cls, token: str) -> Line:
        """From an address."""
        text, *marks = token.split("~")
        near = next(filter(None, map(_NEAR.get, marks[:2])), Similarity.EXACT)
        return cls(text.strip(), _EXACTLY not in marks[:2], near)


_NEAR: Final = {one.value: one for one in Similarity if one is not Similarity.EXACT}


@dataclass(frozen=True, slots=True)
class Typed:
    """What was typed, right or wrong.

    Attributes:
        age_of: One of `AGES`.
        age_from: At least so old: a number of `age_unit`, or an ISO 8601 duration.
        age_unit: One of `UNITS`; empty where an address gave a number without any.
        variant: What stands in the box for a variant, a gene or a region.
        zygosity: One of `ZYGOSITIES`, or empty.
    """

    lines: tuple[Line, ...] = ()
    sex: str = ""
    age_of: str = AGES[0]
    age_from: str = ""
    age_to: str = ""
    age_unit: str = UNITS[0]
    variant: str = ""
    assembly: str = ""
    zygosity: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is asked."""
        return not (
            any(one.text for one in self.lines)
            or any((self.sex, self.age_from, self.age_to, self.variant, self.zygosity))
        )

    @property
    def shown_lines(self) -> tuple[Line, ...]:
        """The lines of the form, of which there is always one."""
        return self.lines or (Line(),)

    def without_line(self, place: int) -> Typed:
        """With one line less."""
        return replace(self, lines=self.lines[:place] + self.lines[place + 1 :])

    def with_line(self, place: int, text: str) -> Typed:
        """With another text in one of the lines."""
        if not 0 <= place < len(self.lines):
            return self
        changed = replace(self.lines[place], text=text)
        return replace(self, lines=(*self.lines[:place], changed, *self.lines[place + 1 :]))


def is_form(given: MultiMapping[str]) -> bool:
    """Whether the fields are those of the form, rather than of the address of a question."""
    return any(name in given for name in _FORM)


def typed(given: MultiMapping[str]) -> Typed:
    """What was typed. Whatever is no choice of the form is taken as not chosen."""
    found = Typed(
        lines=tuple(_lines(given)),
        sex=_chosen(given, "sex", SEXES),
        age_of=_chosen(given, "age-of", AGES) or AGES[0],
        age_from=_first(given, "age-from"),
        age_to=_first(given, "age-to"),
        age_unit=_chosen(given, "age-unit", UNITS) or ("" if "age-unit" in given else UNITS[0]),
        variant=_first(given, "variant"),
        assembly=_chosen(given, "assembly", ("GRCh38", "GRCh37")),
        zygosity=_chosen(given, "zygosity", ZYGOSITIES),
    )
    for token in given.getall("filter", ()):
        found = _with_token(found, str(token).strip())
    return found


def edited(found: Typed, given: MultiMapping[str]) -> Typed | None:
    """The form with a line more or less, where that is what was pressed; else `None`."""
    if "add" in given:
        return replace(found, lines=(*found.shown_lines, Line()))
    if "remove" in given:
        return found.without_line(_place(_first(given, "remove")))
    return None


def chosen(found: Typed, given: MultiMapping[str]) -> Typed:
    """The form with the term that was chosen, where a name was that of several."""
    place, _, term_id = _first(given, "choose").partition(" ")
    return found.with_line(_place(place), term_id) if term_id else found


def address(tokens: Iterable[str], variant: str, assembly: str, **others: str) -> str:
    """Where a question is asked: the same page for whoever opens it."""
    pairs = [("filter", one) for one in tokens]
    pairs += [("variant", variant), ("assembly", assembly if variant else ""), *others.items()]
    asked = "&".join(f"{name}={quote(value, safe=':~,')}" for name, value in pairs if value)
    return f"/people?{asked}" if asked else "/people"


def token_of(asked: Filter) -> str:
    """A filter as it stands in an address."""
    line = Line(str(asked), asked.include_descendant_terms, asked.similarity)
    return line.token


def _lines(given: MultiMapping[str]) -> Iterator[Line]:
    kinds, near = given.getall("kinds", ()), given.getall("near", ())
    for place, text in enumerate(given.getall("term", ())):
        yield Line(
            str(text).strip(),
            not (place < len(kinds) and kinds[place] == _EXACTLY),
            _NEAR.get(str(near[place]) if place < len(near) else "", Similarity.EXACT),
        )


def _with_token(found: Typed, token: str) -> Typed:
    """With a filter of an address in its own field, where the form has one that is free."""
    if not token:
        return found
    if token in SEXES and not found.sex:
        return replace(found, sex=token)
    if token in ZYGOSITIES and not found.zygosity:
        return replace(found, zygosity=token)
    age = _AGE.fullmatch(token)
    if age is not None:
        attribute, operator, value = age.groups()
        is_first = not (found.age_from or found.age_to)
        taken = found.age_from if operator == ">=" else found.age_to
        if is_first or (attribute == found.age_of and not taken):
            return _with_age(found, attribute, operator, value, is_first=is_first)
    return replace(found, lines=(*found.lines, Line.of(token)))


def _with_age(found: Typed, attribute: str, operator: str, value: str, *, is_first: bool) -> Typed:
    unit = found.age_unit
    duration = _DURATION.fullmatch(value)
    if value.isdecimal():
        unit = ""  # The address does not say of what, and that is asked.
    elif duration is not None and (is_first or duration[2] == unit):
        value, unit = duration.groups()
    found = replace(found, age_of=attribute, age_unit=unit)
    return replace(found, age_from=value) if operator == ">=" else replace(found, age_to=value)


def _first(given: MultiMapping[str], name: str) -> str:
    return next((str(one).strip() for one in given.getall(name, ()) if str(one).strip()), "")


def _chosen(given: MultiMapping[str], name: str, choices: Sequence[str]) -> str:
    asked = _first(given, name)
    return asked if asked in choices else ""


def _place(text: str) -> int:
    return int(text[:6]) if text.isdecimal() else _NOWHERE
