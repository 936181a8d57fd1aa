"""The home of `Question`: what was typed about people, understood, or which line is not and why."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from beacon.framework.errors import InvalidRequest
from beacon.framework.parameters import GET_OPTIONS, read_all
from beacon.framework.query import Filter, Granularity, Include, Operator, Query
from beacon.model.comparison import compile_comparison
from beacon.model.fields import FIELD_BY_NAME, canonical_curie
from beacon.model.values import duration_days
from beacon.portal.people import AGES, SEXES, ZYGOSITIES, Line, Typed, address, token_of
from beacon.portal.reading import NotRead, Reading
from beacon.portal.suggestions import KnownTerm, KnownTerms

_CURIE = re.compile(r"[A-Za-z][\w.]*[:_][^\s:()_][^\s()]*")
_IN_BRACKETS = re.compile(r".*\(([^\s()]+)\)")
_COMPARISON = re.compile(r"([^<>=!]+?)\s*:?\s*(<=|>=|!=|[<>=!])\s*([^\s<>=!].*)")
_AGE_ATTRIBUTES: Final = (*AGES, "collectionMoment")
_SEVEN_DIGITS: Final = ("HP", "MONDO")
_OFFERED = 6


class Reads(Protocol):
    """Reads what stands in the box for a variant."""

    def read(self, text: str, assembly: str | None = None) -> Reading:
        """The question that a text is; raises `NotRead`."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with a part of the form.

    Attributes:
        place: `term-0` and so on, `age`, `variant`, `zygosity`, or `form` for all of it.
        code: The end of the text `people.wrong_<code>`, which says what would be right.
        choices: Terms that may have been meant.
    """

    place: str
    code: str
    values: Mapping[str, str] = field(default_factory=dict)
    choices: tuple[KnownTerm, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """One condition.

    Attributes:
        kind: `term`, `sex`, `age`, `zygosity` or `comparison`.
        term: The term, where somebody lists it.
        is_listed: Whether that is so. Where not, kinds of it may still be found.
    """

    filter: Filter
    kind: str
    term: KnownTerm | None = None
    is_listed: bool = True

    @property
    def token(self) -> str:
        """As it stands in an address."""
        return token_of(self.filter)

    @property
    def text(self) -> str:
        """As it stands in a line of the form."""
        if self.kind == "term" and self.term is not None:
            return self.term.name
        return str(self.filter)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, as far as it could be understood.

    Attributes:
        typed: What was typed, with terms by their full names.
        reading: Of the box for a variant.
        unread: Why that could not be read.
    """

    typed: Typed
    asked: tuple[Asked, ...] = ()
    reading: Reading | None = None
    unread: NotRead | None = None
    troubles: tuple[Trouble, ...] = ()

    @property
    def query(self) -> Query:
        """How many people have all of it, of every country, whether it has any or not."""
        return Query(
            entry_type="individual",
            variation=None if self.reading is None else self.reading.variation,
            filters=tuple(one.filter for one in self.asked),
            granularity=Granularity.COUNT,
            include=Include.ALL,
            include_given=True,
        )

    @property
    def address(self) -> str:
        """Where it is asked."""
        return self.address_without(None)

    @property
    def address_of_all(self) -> str:
        """Where it is answered in one piece."""
        return self._address(self.asked, self.typed.variant, whole="1")

    @property
    def address_without_variant(self) -> str:
        """The same without the variant, and so without the zygosity."""
        return self._address([one for one in self.asked if one.kind != "zygosity"], "")

    def address_without(self, condition: Asked | None) -> str:
        """The same with a condition less."""
        return self._address(
            [one for one in self.asked if one is not condition], self.typed.variant
        )

    def address_of_variant(self, name: str, assembly: str | None) -> str:
        """The same with another reading of what stands in the box."""
        return address((one.token for one in self.asked), name, assembly or "")

    def troubles_at(self, place: str) -> tuple[Trouble, ...]:
        """What is wrong with a part of the form."""
        return tuple(one for one in self.troubles if one.place == place)

    @property
    def labels(self) -> Mapping[str, str]:
        """What the terms are called, by id."""
        return {one.term.id: one.term.label for one in self.asked if one.term is not None}

    def _address(self, asked: list[Asked] | tuple[Asked, ...], variant: str, **others: str) -> str:
        return address((one.token for one in asked), variant, self.typed.assembly, **others)


class _Wrong(Exception):
    """A line that cannot be asked."""

    def __init__(self, code: str, choices: tuple[KnownTerm, ...] = (), /, **values: str) -> None:
        super().__init__(code)
        self.code, self.values, self.choices = code, values, choices


async def understood(typed: Typed, terms: KnownTerms, reader: Reads, filters_max: int) -> Question:
    """Understand what was typed.

    Args:
        filters_max: More conditions than this are not taken at once.
    """
    troubles: list[Trouble] = []
    asked: list[Asked] = []
    lines: list[Line] = []
    given = [one for one in typed.lines if one.text]
    if len(given) > filters_max:
        # Nobody looks up what is not asked then.
        trouble = Trouble("form", "too_many", {"number": str(filters_max)})
        return Question(typed, troubles=(trouble,))
    for place, line in enumerate(given):
        try:
            one = await _of_line(line, terms)
        except _Wrong as wrong:
            troubles.append(Trouble(f"term-{place}", wrong.code, wrong.values, wrong.choices))
            lines.append(line)
        else:
            asked.append(one)
            lines.append(replace(line, text=one.text))
    if typed.sex in SEXES:
        asked.append(Asked(Filter(id=typed.sex), "sex"))
    try:
        ages = _ages(typed)
        is_listed = not ages or await terms.attribute(typed.age_of) is not None
        asked += (Asked(one, "age", is_listed=is_listed) for one in ages)
    except _Wrong as wrong:
        troubles.append(Trouble("age", wrong.code, wrong.values))
    if typed.zygosity in ZYGOSITIES:
        asked.append(Asked(Filter(id=typed.zygosity), "zygosity"))
        if not typed.variant:
            troubles.append(Trouble("zygosity", "zygosity"))
    if len(asked) > filters_max:
        troubles.append(Trouble("form", "too_many", {"number": str(filters_max)}))
    reading, unread = None, None
    if typed.variant:
        try:
            reading = reader.read(typed.variant, typed.assembly or None)
        except NotRead as error:
            unread = error
            troubles.append(Trouble("variant", "variant"))
    if not (asked or reading or troubles):
        troubles.append(Trouble("form", "nothing"))
    return Question(
        replace(typed, lines=tuple(lines)), tuple(asked), reading, unread, tuple(troubles)
    )


async def _of_line(line: Line, terms: KnownTerms) -> Asked:
    text = line.text
    compared = _COMPARISON.fullmatch(text)
    if compared is not None:
        attribute, operator, value = compared.groups()
        return await _comparison(f"{attribute}:{operator}{value}", terms)
    in_brackets = _IN_BRACKETS.fullmatch(text)
    term_id = in_brackets[1] if in_brackets is not None else text
    term = await terms.term(term_id)
    if term is None and _CURIE.fullmatch(term_id):
        term_id = canonical_curie(term_id if ":" in term_id else term_id.replace("_", ":", 1))
        term = await terms.term(term_id)
        if term is None:
            await _check_id(term_id, terms)
            return Asked(_filter(term_id, line), "term", is_listed=False)
    if term is None:
        term = await _labelled(text, terms)
    if term.kind == "alphanumeric":
        raise _Wrong("needs_value", id=term.id, label=term.label or term.id)
    return Asked(_filter(term.id, line), "term", term)


def _filter(term_id: str, line: Line) -> Filter:
    return Filter(id=term_id, include_descendant_terms=line.kinds, similarity=line.near)


async def _check_id(term_id: str, terms: KnownTerms) -> None:
    prefix, _, local = term_id.partition(":")
    if prefix in _SEVEN_DIGITS and not (local.isdecimal() and len(local) == 7):
        right = f"{prefix}:{local.zfill(7)}" if local.isdecimal() and len(local) < 7 else ""
        meant = await terms.term(right) if right else None
        raise _Wrong("digits", (meant,) if meant is not None else (), id=term_id, prefix=prefix)
    if not await terms.has_vocabulary(prefix):
        raise _Wrong("vocabulary", id=term_id, prefix=prefix)


async def _labelled(text: str, terms: KnownTerms) -> KnownTerm:
    found = await terms.labelled(text)
    if len(found) == 1:
        return found[0]
    if found:
        raise _Wrong("several", found, text=text)
    measured = await terms.attribute(text)
    if measured is not None:
        return measured
    near = await terms.starting_with(text, _OFFERED)
    raise _Wrong("not_quite" if near else "unknown", near, text=text)


async def _comparison(token: str, terms: KnownTerms) -> Asked:
    try:
        found: tuple[Filter, ...] = read_all({"filters": token}, GET_OPTIONS, "")["filters"]
        if len(found) != 1:
            raise _Wrong("comma", text=token)
        asked = found[0]
        compile_comparison(asked)
    except InvalidRequest as error:
        raise _Wrong("comparison", text=token, why=str(error)) from error
    if asked.id in _AGE_ATTRIBUTES and duration_days((asked.value or "").strip()) is None:
        raise _Wrong("age_unit", value=asked.value or "")
    term = await terms.attribute(asked.id)
    if term is None and asked.id not in FIELD_BY_NAME["individual"]:
        raise _Wrong("attribute", text=asked.id)
    return Asked(asked, "comparison", term, is_listed=term is not None)


def _ages(typed: Typed) -> list[Filter]:
    bounds = (
        (Operator.GREATER_OR_EQUAL, typed.age_from),
        (Operator.LESS_OR_EQUAL, typed.age_to),
    )
    found = [
        Filter(id=typed.age_of, operator=operator, value=_age(value, typed.age_unit))
        for operator, value in bounds
        if value
    ]
    days = [duration_days(one.value or "") or 0.0 for one in found]
    if len(days) == 2 and days[0] > days[1]:
        raise _Wrong("age_order")
    return found


def _age(value: str, unit: str) -> str:
    if value.isascii() and value.isdecimal() and len(value) <= 4:
        if not unit:
            raise _Wrong("age_unit", value=value)
        return f"P{int(value)}{unit}"
    if duration_days(value.upper()) is None:
        raise _Wrong("age", value=value)
    return value.upper()
