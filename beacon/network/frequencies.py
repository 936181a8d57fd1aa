"""The home of combined allele frequencies: alleles seen and alleles called, added over members.

Frequencies are never averaged: a member that does not say how many alleles it called is left out,
and named.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from beacon.framework.intervals import filtering_frequency, interval
from beacon.network.bounds import bounds_of_set
from beacon.network.distinct import Sighting, Variant
from beacon.network.members import Member
from beacon.network.states import Outcome, ReportedSet, State
from beacon.network.summary import count_policy

TOTAL = "Total"
"""What everybody in a dataset is called as a population."""

_EVERYBODY = frozenset(("total", "all", "global"))
_SEXES = {"male": "M", "female": "F"}
_OF_COUNTRY = re.compile(r"(?P<country>[A-Z]{2})(?:_(?P<sex>[MF]))?")

_COINCIDENCE = 10
"""Alleles in two sources of one name from which on equal counts mean equal people."""


class Counts(msgspec.Struct, frozen=True):
    """Alleles of one variant in one population.

    `allele_count` were seen among the `allele_number` that were called. People with two copies,
    with one of two, and with their only one; `None` where a source does not tell.
    """

    allele_count: int
    allele_number: int
    homozygous: int | None = None
    heterozygous: int | None = None
    hemizygous: int | None = None


Table = Mapping[str, Counts]
"""Population → counts; populations are `Total`, `M`, `F`, `FI`, `FI_F`, or a source's own names."""


class Unusable(ValueError):
    """Frequencies that cannot be added to others; the message says why."""


def combined_frequencies(
    variants: Sequence[Variant], outcomes: Sequence[Outcome], network_id: str
) -> list[dict[str, Any]]:
    """How frequent each variant is in all members together, as JSON.

    Args:
        variants: What members gave records of.
        outcomes: Of all members: who is not added is named with the reason.
        network_id: The source of what is combined.

    Returns:
        An object for each variant that any member counts alleles of: `variantInternalId`, `source`,
        `sourceReference`, and `frequencies` as in a record's `frequencyInPopulations`. Beside the
        counts, each has the 95 % `interval` of its frequency, `filteringAlleleFrequency`, and in
        `datasets` how many were added. `countries` has the same by where members are, `leftOut`
        the reasons and the members.
    """
    found = []
    for variant in variants:
        document = _combined(variant, outcomes, network_id)
        if document is not None:
            found.append(document)
    return found


def read_table(frequencies: Any, member: Member) -> tuple[tuple[str, str], Table]:
    """The counts of a record's `frequencyInPopulations`, in any of the shapes in use.

    Of several sources the first is taken that counts everybody: the others repeat it or are
    someone else's. Counts may be numbers, texts, or lists of one.

    Returns:
        Source and reference, and the table. It always has `Total`.

    Raises:
        Unusable: No source counts alleles seen and called.
    """
    reason = "no frequencies"
    for source in _objects(frequencies):
        stated = source.get("frequencies", source.get("populations"))
        try:
            table = _table(_objects(stated), member)
        except Unusable as error:
            reason = str(error)
            continue
        return (str(source.get("source")), str(source.get("sourceReference"))), table
    raise Unusable(reason)


def population(label: str) -> str:
    """The label that we use of the same population."""
    text = label.strip()
    lower = text.lower()
    if not text or lower in _EVERYBODY:
        return TOTAL
    return _SEXES.get(lower, text)


def summed(counts: Sequence[Counts]) -> Counts:
    """All together; how people carry it only where all tell."""
    return Counts(
        sum(one.allele_count for one in counts),
        sum(one.allele_number for one in counts),
        _sum(one.homozygous for one in counts),
        _sum(one.heterozygous for one in counts),
        _sum(one.hemizygous for one in counts),
    )


def _combined(
    variant: Variant, outcomes: Sequence[Outcome], network_id: str
) -> dict[str, Any] | None:
    added: list[tuple[Sighting, Table]] = []
    left_out: dict[str, list[str]] = {}
    known: set[tuple[tuple[str, str], Counts]] = set()
    for sighting in variant.sightings:
        member = sighting.outcome.member
        try:
            source, table = read_table(sighting.frequencies, member)
        except Unusable as error:
            _leave_out(left_out, str(error), member.id)
            continue
        key = (source, table[TOTAL])
        if key in known and table[TOTAL].allele_count >= _COINCIDENCE:
            _leave_out(left_out, "the same source as another", member.id)
            continue
        known.add(key)
        added.append((sighting, table))
    if not added:
        return None
    seen_at = {one.outcome.member.id for one in variant.sightings}
    for outcome in outcomes:
        if outcome.member.id not in seen_at:
            _leave_out(left_out, _silence(outcome.state), outcome.member.id)
    document: dict[str, Any] = {
        "variantInternalId": variant.name,
        "source": network_id,
        "sourceReference": f"network:{network_id}",
        "frequencies": _entries(table for _, table in added),
        "countries": _countries(added),
    }
    if left_out:
        document["leftOut"] = [
            {"reason": reason, "beaconIds": ids} for reason, ids in left_out.items()
        ]
    return document


def _leave_out(left_out: dict[str, list[str]], reason: str, member_id: str) -> None:
    ids = left_out.setdefault(reason, [])
    if member_id not in ids:
        ids.append(member_id)


def _silence(state: State) -> str:
    if state is State.MISS:
        # Zero of an unknown number of alleles: nothing can be added for it.
        return "not seen, and the number of alleles called is not told"
    return "no frequencies" if state is State.HIT else state.value


def _entries(tables: Iterable[Table]) -> list[dict[str, Any]]:
    by_label: dict[str, list[Counts]] = {}
    for table in tables:
        for label, counts in table.items():
            by_label.setdefault(label, []).append(counts)
    labels = sorted(by_label, key=lambda label: (label != TOTAL, label))
    return [_entry(label, by_label[label]) for label in labels]


def _countries(added: Sequence[tuple[Sighting, Table]]) -> list[dict[str, Any]]:
    by_country: dict[str, list[tuple[Sighting, Table]]] = {}
    for sighting, table in added:
        stated = (sighting.said.info or {}).get("country") if sighting.said.path else None
        country = stated if isinstance(stated, str) else sighting.outcome.member.country
        by_country.setdefault(country, []).append((sighting, table))
    return [
        {
            "country": country,
            "beaconIds": sorted({sighting.outcome.member.id for sighting, _ in of_country}),
            "frequencies": _entries(_by_sex(country, table) for _, table in of_country),
        }
        for country, of_country in sorted(by_country.items())
    ]


def _by_sex(country: str, table: Table) -> Table:
    names = {TOTAL: country, "M": f"{country}_M", "F": f"{country}_F"}
    return {names[label]: counts for label, counts in table.items() if label in names}


def _entry(label: str, counts: Sequence[Counts]) -> dict[str, Any]:
    in_all = summed(counts)
    count, number = in_all.allele_count, in_all.allele_number
    entry: dict[str, Any] = {
        "population": label,
        "alleleFrequency": count / number,
        "alleleCount": count,
        "alleleNumber": number,
        "alleleCountHomozygous": in_all.homozygous,
        "alleleCountHeterozygous": in_all.heterozygous,
        "alleleCountHemizygous": in_all.hemizygous,
        "interval": list(interval(count, number)),
        "filteringAlleleFrequency": filtering_frequency(count, number),
        "datasets": len(counts),
    }
    return {key: value for key, value in entry.items() if value is not None}


def _table(populations: Iterable[Mapping[str, Any]], member: Member) -> Table:
    table: dict[str, Counts] = {}
    reason = "no frequencies"
    for one in populations:
        label = one.get("population")
        if not isinstance(label, str):
            continue
        try:
            counts = _counts(one, member)
        except Unusable as error:
            reason = str(error)
            continue
        table.setdefault(population(label), counts)
    if TOTAL not in table:
        parts = _parts(table)
        if not parts:
            raise Unusable(reason if not table else "no count of everybody")
        table[TOTAL] = summed(parts)
    return table


def _parts(table: Table) -> list[Counts]:
    """Populations that share nobody, to be everybody: countries, sexes, or the sexes of each."""
    countries: list[Counts] = []
    sexes: list[Counts] = []
    for label, counts in table.items():
        match = _OF_COUNTRY.fullmatch(label)
        if match is not None:
            (countries if match["sex"] is None else sexes).append(counts)
    return countries or [table[sex] for sex in ("M", "F") if sex in table] or sexes


def _counts(stated: Mapping[str, Any], member: Member) -> Counts:
    count, number = _number(stated.get("alleleCount")), _number(stated.get("alleleNumber"))
    if count is None or number is None:
        raise Unusable("frequencies without the numbers of alleles")
    if not 0 <= count <= number or not number:
        raise Unusable("numbers of alleles that make no sense")
    told = ReportedSet(id="", exists=count > 0, count=count)
    if not bounds_of_set(told, member).is_exact:
        raise Unusable(count_policy(member.counts))
    return Counts(count, number, *(_carried(stated, how) for how in _WAYS))


_WAYS = ("Homozygous", "Heterozygous", "Hemizygous")


def _carried(stated: Mapping[str, Any], how: str) -> int | None:
    count = _number(stated.get(f"alleleCount{how}"))
    return _number(stated.get(f"genotype{how}")) if count is None else count


def _number(value: Any) -> int | None:
    if type(value) is int or value is None:
        return value
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value) if len(value) < 19 else None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if type(value) is int else None


def _sum(counts: Iterable[int | None]) -> int | None:
    in_all = 0
    for count in counts:
        if count is None:
            return None
        in_all += count
    return in_all


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    for one in value if isinstance(value, list) else (value,):
        if isinstance(one, Mapping):
            yield one
