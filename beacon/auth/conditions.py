"""The home of the conditions of visas: which other visas one depends on (GA4GH Passport 1.2)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from beacon.auth.callers import Visa
from beacon.auth.reasons import Reason, Rejected

CLAUSES_MAX = 64
"""The most clauses in the conditions of one visa."""


@dataclass(frozen=True, slots=True)
class Clause:
    """What one other visa must be like: its type, and `value`, `source` or `by` → how each is."""

    type: str
    claims: tuple[tuple[str, str], ...]

    def matches(self, visa: Visa) -> bool:
        """Whether a visa is like that."""
        return visa.type == self.type and all(
            _matches(pattern, _claim(visa, name)) for name, pattern in self.claims
        )


Conditions = tuple[tuple[Clause, ...], ...]
"""Alternatives, each of clauses that all must be met. None at all is no condition."""


def read_conditions(document: object) -> Conditions:
    """The conditions of a visa.

    Raises:
        Rejected: They are not in their form, are many, or are about what no condition may be about.
    """
    alternatives = tuple(
        tuple(_clause(clause) for clause in _list(alternative)) for alternative in _list(document)
    )
    if not all(alternatives) or sum(map(len, alternatives)) > CLAUSES_MAX:
        raise Rejected(Reason.CONDITIONS)
    return alternatives


def are_met(conditions: Conditions, visas: Iterable[Visa]) -> bool:
    """Whether visas, none of which has conditions of its own, are what is asked for."""
    others = tuple(visas)
    return not conditions or any(
        all(any(clause.matches(visa) for visa in others) for clause in alternative)
        for alternative in conditions
    )


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise Rejected(Reason.CONDITIONS)
    return value


def _clause(document: object) -> Clause:
    if not isinstance(document, dict) or len(document) < _LEAST_CLAIMS:
        raise Rejected(Reason.CONDITIONS)
    if not document.keys() <= _CLAIMS or not all(isinstance(v, str) for v in document.values()):
        raise Rejected(Reason.CONDITIONS)
    if "type" not in document or any(len(value) > _LENGTH for value in document.values()):
        raise Rejected(Reason.CONDITIONS)
    claims = tuple((name, value) for name, value in document.items() if name != "type")
    return Clause(document["type"], claims)


def _claim(visa: Visa, name: str) -> str | None:
    match name:
        case "value":
            return visa.value
        case "source":
            return visa.source
    return visa.by


def _matches(asked: str, claim: str | None) -> bool:
    if claim is None:
        return False
    kind, _, pattern = asked.partition(":")
    match kind:
        case "const":
            return claim == pattern
        case "pattern":
            return _expression(pattern).fullmatch(claim) is not None
        case "split_pattern":
            expression = _expression(pattern)
            return any(expression.fullmatch(part) is not None for part in claim.split(";"))
    return False


def _expression(pattern: str) -> re.Pattern[str]:
    """`?` is one character and `*` any number of them, without a way to escape them.

    Each part between asterisks is looked for once, from left to right, and stays where it was found
    first: atomic groups never try it elsewhere, so that no pattern takes long.
    """
    first, *others = (
        "".join("." if character == "?" else re.escape(character) for character in part)
        for part in pattern.split("*")
    )
    if not others:
        return re.compile(first, re.DOTALL)
    *middle, last = others
    found = "".join(f"(?>.*?{part})" for part in middle)
    return re.compile(f"{first}{found}.*{last}", re.DOTALL)


_CLAIMS = frozenset({"type", "value", "source", "by"})
_LEAST_CLAIMS = 2
_LENGTH = 1024
