"""The home of consent: what data may be used for, by terms of the Data Use Ontology (DUO)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

PERMISSIONS = frozenset({"0000004", "0000006", "0000007", "0000011", "0000042"})
"""Terms that say what data may be used for. Every other one narrows that, or asks for something."""

_TERM = re.compile(r"(?:^|[/#])DUO[:_](\d{7})$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition on the use of data.

    Attributes:
        id: Such as `DUO:0000042`; of a term of something else, as it was given.
        label: In English, as it was given; empty where there was none.
        code: Of a term of DUO, its digits.
        details: What narrows it, such as the disease that data may be used for.
    """

    id: str
    label: str
    code: str | None
    details: tuple[str, ...]
    is_permission: bool


def conditions(record: Mapping[str, Any]) -> tuple[Condition, ...]:
    """The conditions of a dataset: first what it may be used for, then the rest, as they come."""
    uses = record.get("dataUseConditions")
    stated = uses.get("duoDataUse") if isinstance(uses, Mapping) else None
    found = [_condition(one) for one in _objects(stated)]
    return tuple(sorted(found, key=lambda one: not one.is_permission))


def _condition(stated: Mapping[str, Any]) -> Condition:
    term_id = str(stated.get("id") or "")
    match = _TERM.search(term_id)
    digits = match[1] if match else None
    narrowed = _objects(stated.get("modifiers"))
    details = [str(one.get("label") or one.get("id") or "") for one in narrowed]
    return Condition(
        id=term_id if digits is None else f"DUO:{digits}",
        label=str(stated.get("label") or ""),
        code=digits,
        details=tuple(filter(None, details)),
        is_permission=digits in PERMISSIONS,
    )


def _objects(stated: Any) -> Iterable[Mapping[str, Any]]:
    """The objects of a list; whatever else another beacon wrote says nothing."""
    return (one for one in stated if isinstance(one, Mapping)) if isinstance(stated, list) else ()
