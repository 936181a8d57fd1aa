"""The home of searches for filtering terms by how they begin, as people type them."""

from __future__ import annotations

from collections.abc import Iterable

from beacon.framework.answer import FilteringTerm


def starting_with(terms: Iterable[FilteringTerm], prefix: str) -> list[FilteringTerm]:
    """The terms of which the id or a word of the label starts so, whatever the case.

    Those with the shortest labels come first: they say the least besides.
    """
    wanted = " ".join(prefix.casefold().split())
    found = [one for one in terms if _starts(one, wanted)]
    return sorted(found, key=lambda one: (len(one.label or ""), one.id))


def _starts(term: FilteringTerm, wanted: str) -> bool:
    label = " ".join((term.label or "").casefold().split())
    return term.id.casefold().startswith(wanted) or f" {label}".find(f" {wanted}") >= 0
