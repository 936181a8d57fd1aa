"""The home of variants as they are told where few people are protected.

A population is told of when neither too few of its alleles are the variant nor too few are not,
and when no difference between what is told gives away what is not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from beacon.framework.access import Protection
from beacon.framework.answer import Record

EVERYBODY = frozenset(("total", "all", "global"))
"""What sources of frequencies call everybody, in lower case."""

FREQUENCIES = "frequencyInPopulations"

_OF_VARIANT: Mapping[str, frozenset[str] | None] = {
    "id": None,
    "variantInternalId": None,
    "variation": None,
    "identifiers": None,
    "molecularAttributes": None,
    "variantLevelData": frozenset(("clinicalInterpretations", "phenotypicEffects")),
}
"""What is told of a variant beside its frequencies, whole or of each only these: whatever else was
loaded may say who carries it, or how many."""

_SIZES = frozenset(("cohortSize", "collectionEvents"))
"""What tells how many people are in a cohort, and how many of them have what."""

_OF_SOURCE = ("source", "sourceReference", "version")
"""What is told of a source of frequencies; whatever else was loaded beside may be a number."""


def people_counted(record: Record) -> int:
    """How many people may carry a variant of which a record only tells the frequencies.

    As many as the alleles of the population that has most, less its homozygous carriers.
    """
    return max(
        (
            one["alleleCount"] - one.get("alleleCountHomozygous", 0)
            for source in record.get(FREQUENCIES) or ()
            for one in source.get("frequencies") or ()
            if _has_counts(one)
        ),
        default=0,
    )


class _Cell(NamedTuple):
    """Alleles of one population that are the variant, and those that are not."""

    having: int
    others: int


def protected(entry_type: str, record: Record, protection: Protection) -> Record:
    """A record as it may be told.

    Of a variant, nobody is named who carries it, and frequencies are those of `told_frequencies`,
    from the first source of which any may be told: several could be taken from each other. Of a
    cohort, nothing says how many people are in it.
    """
    if entry_type == "cohort":
        return {name: value for name, value in record.items() if name not in _SIZES}
    if entry_type != "genomicVariant":
        return record
    kept: dict[str, Any] = {}
    for name, parts in _OF_VARIANT.items():
        value = record.get(name)
        if isinstance(value, Mapping) and parts is not None:
            value = {part: one for part, one in value.items() if part in parts}
        if value:
            kept[name] = value
    for source in record.get(FREQUENCIES) or ():
        told = told_frequencies(source.get("frequencies") or (), protection)
        if told:
            of_source = {name: source[name] for name in _OF_SOURCE if name in source}
            return {**kept, FREQUENCIES: [{**of_source, "frequencies": told}]}
    return kept


def told_frequencies(
    frequencies: Sequence[Mapping[str, Any]], protection: Protection
) -> list[dict[str, Any]]:
    """The frequencies of those populations that may be told of, made of released counts.

    Where too few alleles of everybody are not the variant, it is told as if all of them were, and
    no population beside. How many carriers are homozygous is never told. An entry without counts
    cannot be judged, and is left out.
    """
    cells = {
        str(one["population"]): _Cell(one["alleleCount"], one["alleleNumber"] - one["alleleCount"])
        for one in frequencies
        if _has_counts(one)
    }
    total = next((name for name in cells if name.lower() in EVERYBODY), None)
    least = protection.min_count
    told = set(cells)
    if least > 1:
        if total is not None and cells[total].having < least:
            return []
        if total is not None and cells[total].others < least:
            whole = cells[total]
            cells = {total: _Cell(whole.having + whole.others, 0)}
            told = {total}
        else:
            told = _told(cells, total, least)
    return [_entry(name, cell, protection) for name, cell in cells.items() if name in told]


def _told(cells: Mapping[str, _Cell], total: str | None, least: int) -> set[str]:
    """The names of the populations that may be told of."""
    whole = None if total is None else cells[total]
    crossed = {
        name: (name.partition("_")[0], name.partition("_")[2])
        for name in cells
        if name.partition("_")[0] in cells.keys() - {name}
    }
    suffixes = {"M", "F", *(suffix for _, suffix in crossed.values())}
    singles = [name for name in cells if name != total and name not in crossed]
    divisions = (
        [name for name in singles if name in suffixes],
        [name for name in singles if name not in suffixes and _is_country(name)],
        [name for name in singles if name not in suffixes and not _is_country(name)],
    )
    told = {name for one in divisions for name in _told_parts(cells, one, whole, least)}
    if total is not None:
        told.add(total)
    if _crosses_are_safe(cells, crossed, told, least):
        told |= {name for name in crossed if _may_be_told(cells[name], least)}
    return told


def _told_parts(
    cells: Mapping[str, _Cell], parts: Sequence[str], whole: _Cell | None, least: int
) -> list[str]:
    """The parts of a whole that may be told: those left out must not be few, taken together."""
    told = sorted(
        (name for name in parts if _may_be_told(cells[name], least)), key=lambda name: cells[name]
    )
    if whole is None:
        return told
    while told:
        count = whole.having - sum(cells[name].having for name in told)
        others = whole.others - sum(cells[name].others for name in told)
        if count < 0 or others < 0:
            return []  # they overlap, so that nothing follows from what is left
        if _few(count, least):
            told.pop(0)
        elif _few(others, least):
            told.remove(min(told, key=lambda name: cells[name].others))
        else:
            break
    return told


def _crosses_are_safe(
    cells: Mapping[str, _Cell],
    crossed: Mapping[str, tuple[str, str]],
    told: set[str],
    least: int,
) -> bool:
    """Whether populations that are divided twice, such as the women of a country, may be told.

    All of them or none: whichever of them were left out could be found by the sums of the others.
    """
    sums: dict[str, list[_Cell]] = {}
    for name, (first, second) in crossed.items():
        if first not in told or (second in cells and second not in told):
            return False
        if _few(cells[name].having, least) or _few(cells[name].others, least):
            return False
        sums.setdefault(first, []).append(cells[name])
        if second in cells:
            sums.setdefault(second, []).append(cells[name])
    for name, parts in sums.items():
        count = cells[name].having - sum(one.having for one in parts)
        others = cells[name].others - sum(one.others for one in parts)
        if min(count, others) < 0 or _few(count, least) or _few(others, least):
            return False
    return True


def _may_be_told(cell: _Cell, least: int) -> bool:
    return cell.having >= least and cell.others >= least


def _few(number: int, least: int) -> bool:
    return 0 < number < least


def _is_country(name: str) -> bool:
    return len(name) == 2 and name.isupper()


def _has_counts(entry: Mapping[str, Any]) -> bool:
    count, number = entry.get("alleleCount"), entry.get("alleleNumber")
    return (
        isinstance(entry.get("population"), str)
        and isinstance(count, int)
        and isinstance(number, int)
        and 0 <= count <= number
        and number > 0
    )


def _entry(name: str, cell: _Cell, protection: Protection) -> dict[str, Any]:
    number = cell.having + cell.others
    count = cell.having
    step = protection.round_to
    if step > 1 and cell.others and count:
        nearest = (count + step // 2) // step * step
        least = max(protection.min_count, 1)
        count = min(nearest if nearest >= least else -(-least // step) * step, number)
    return {
        "population": name,
        "alleleFrequency": count / number,
        "alleleCount": count,
        "alleleNumber": number,
    }
