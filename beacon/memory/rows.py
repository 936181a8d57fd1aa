"""One dataset held in memory: plain records, joined by the samples that they are about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from beacon.framework.answer import Record
from beacon.model import filters
from beacon.model.allele import Allele, Zygosity, internal_id
from beacon.model.assemblies import NAMES
from beacon.model.values import Value
from beacon.model.variation import allele_from_record

UNKNOWN: Mapping[str, str] = {"id": "NCIT:C17998", "label": "Unknown"}


class MemoryDataset(msgspec.Struct, frozen=True, kw_only=True):
    """The records of one dataset, by entry type id, in the form of the Beacon default model.

    Carriers are in the `caseLevelData` of genomic variants. `assembly` is `GRCh37` or `GRCh38`, or
    `None` when there is no variation.
    """

    records: Mapping[str, Sequence[Record]]
    assembly: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A sample slot: whose it is, which biosample it is of, and the sample's name in genotypes."""

    individual: str
    biosample: str | None
    sample: str | None


@dataclass(frozen=True, slots=True)
class Carrier:
    """One row in which an allele was seen, and the `caseLevelData` that says so."""

    row: int
    zygosity: Zygosity
    case: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """A record with everything that it can be found by.

    `rows` are those that it is about; for a genomic variant, those of its carriers.
    """

    id: str
    record: Record
    rows: frozenset[int]
    terms: Mapping[str, str]
    custom: Mapping[str, str]
    values: Mapping[str, Sequence[Value]]
    labels: Mapping[str, str]
    allele: Allele | None = None
    carriers: tuple[Carrier, ...] = ()


class JoinedDataset:
    """The entries of a dataset, by entry type, each knowing its rows.

    People and samples that no record describes, but which genotypes or other records name, get the
    least record that is valid.
    """

    def __init__(self, dataset_id: str, dataset: MemoryDataset) -> None:
        self.id = dataset_id
        self.assembly = dataset.assembly
        given = {name: list(records) for name, records in dataset.records.items()}
        biosamples = {one["id"]: one for one in _biosamples(given)}
        individuals = {one["id"]: one for one in given.get("individual", [])}
        self.rows = _rows(_samples(given), biosamples, individuals)
        self._of_individual = _index(row.individual for row in self.rows)
        self._of_biosample = _index(row.biosample for row in self.rows)
        self._of_sample = _index(row.sample for row in self.rows)
        self.entries: dict[str, tuple[Entry, ...]] = {}
        # Each may look at those before it: analyses at runs, cohorts at individuals.
        self._enter("dataset", [_dataset_record(dataset_id, given)])
        self._enter(
            "individual",
            [
                individuals.get(name) or unknown_individual(name)
                for name in _in_order(individuals, (row.individual for row in self.rows))
            ],
        )
        owners = {row.biosample: row.individual for row in self.rows if row.biosample is not None}
        self._enter(
            "biosample",
            [
                biosamples.get(name) or unknown_biosample(name, owners[name])
                for name in _in_order((one["id"] for one in given.get("biosample", ())), owners)
            ],
        )
        for entry_type in ("run", "analysis", "cohort"):
            self._enter(entry_type, given.get(entry_type, []))
        self._enter_variants(given.get("genomicVariant", []))

    def labels(self, entry_type: str) -> dict[str, str]:
        """Attribute id → label, of every attribute that entries of a type have."""
        found: dict[str, str] = {}
        for entry in self.entries[entry_type]:
            for attribute, label in entry.labels.items():
                found[attribute] = found.get(attribute) or label
        return found

    def people(self, rows: frozenset[int]) -> int:
        """How many people rows are of."""
        return len({self.rows[row].individual for row in rows})

    def _enter(self, entry_type: str, records: Iterable[Record]) -> None:
        self.entries[entry_type] = tuple(
            _entry(entry_type, record, self._rows_about(entry_type, record)) for record in records
        )

    def _enter_variants(self, records: Iterable[Record]) -> None:
        """In genome order; alleles at one place in the order of their records."""
        entries = []
        for record in records:
            _, allele = allele_from_record(record["variation"], record)
            carriers = tuple(self._carriers(record))
            given_id = record.get("variantInternalId")
            variant_id = given_id or internal_id(allele, self.assembly or "")
            entries.append(
                _entry(
                    "genomicVariant",
                    {**record, "variantInternalId": variant_id, "id": variant_id},
                    frozenset(carrier.row for carrier in carriers),
                    allele=allele,
                    carriers=carriers,
                )
            )
        self.entries["genomicVariant"] = tuple(sorted(entries, key=_place))

    def _carriers(self, record: Record) -> Iterable[Carrier]:
        """One for every row; where several observations name the same row, the first counts."""
        seen = set()
        for case in record.get("caseLevelData") or ():
            (row,) = self._of_sample[_sample_name(case)]
            if row not in seen:
                seen.add(row)
                zygosity = case.get("zygosity") or {}
                yield Carrier(row, filters.zygosity_code(zygosity.get("id")), case)

    def _rows_about(self, entry_type: str, record: Record) -> frozenset[int]:
        match entry_type:
            case "dataset":
                return frozenset(range(len(self.rows)))
            case "cohort":
                return self._rows_of_members(record)
            case "individual":
                return self._rows_of_individual(record["id"])
            case "biosample":
                return self._rows_of_biosample(record["id"])
            case _ if len(self._people_named(record)) > 1:
                return frozenset()
            case _:
                return (
                    self._rows_of_biosample(record.get("biosampleId"))
                    or self._rows_of_run(record.get("runId"))
                    or self._rows_of_individual(record.get("individualId"))
                )

    def _people_named(self, record: Record) -> set[str]:
        """The people to whom the links of a run or an analysis lead."""
        rows = self._rows_of_biosample(record.get("biosampleId"))
        rows |= self._rows_of_individual(record.get("individualId"))
        people = {self.rows[row].individual for row in rows}
        for run in self.entries.get("run", ()):
            if run.id == record.get("runId"):
                people |= self._people_named(run.record)
        return people

    def _rows_of_individual(self, individual: str | None) -> frozenset[int]:
        return self._of_individual.get(individual, frozenset())

    def _rows_of_biosample(self, biosample: str | None) -> frozenset[int]:
        return self._of_biosample.get(biosample, frozenset())

    def _rows_of_run(self, run_id: str | None) -> frozenset[int]:
        runs = self.entries.get("run", ()) if run_id is not None else ()
        return _union(run.rows for run in runs if run.id == run_id)

    def _rows_of_members(self, cohort: Record) -> frozenset[int]:
        """Members by the cohort's own list, else by what individuals say, else everybody."""
        members = _info(cohort).get("individualIds")
        if members is None:
            members = [
                one.id
                for one in self.entries["individual"]
                if _belongs_to(one.record, cohort["id"])
            ]
            if not members:
                return frozenset(range(len(self.rows)))
        return _union(map(self._rows_of_individual, members))


def _in_order(described: Iterable[str], present: Iterable[str]) -> list[str]:
    """Names that records describe in the order of the records, then others by name.

    The order of rows says who carries the first variants, which not everybody may know.
    """
    first, names = dict.fromkeys(described), set(present)
    return [one for one in first if one in names] + sorted(names - first.keys())


def _index(names: Iterable[str | None]) -> dict[str | None, frozenset[int]]:
    """Rows by name; rows without a name are nobody's."""
    found: dict[str | None, set[int]] = {}
    for number, name in enumerate(names):
        if name is not None:
            found.setdefault(name, set()).add(number)
    return {name: frozenset(numbers) for name, numbers in found.items()}


def _union(sets: Iterable[frozenset[int]]) -> frozenset[int]:
    return frozenset(row for rows in sets for row in rows)


def unknown_individual(individual_id: str) -> Record:
    """The least that can be said of a person."""
    return {"id": individual_id, "sex": UNKNOWN}


def unknown_biosample(biosample_id: str, individual_id: str) -> Record:
    """The least that can be said of a sample."""
    return {
        "id": biosample_id,
        "individualId": individual_id,
        "biosampleStatus": UNKNOWN,
        "sampleOriginType": UNKNOWN,
    }


def _rows(
    samples: Iterable[str], biosamples: Mapping[str, Record], individuals: Mapping[str, Record]
) -> tuple[Row, ...]:
    """Samples with genotypes first, then other biosamples, then individuals without any.

    A sample is the biosample of its name; else it is of the individual of its name, and that
    person's biosample when there is just one; else it is a person and a biosample of its own.
    """
    names = tuple(samples)
    owner = {name: record.get("individualId") or name for name, record in biosamples.items()}
    rows = []
    for name in names:
        if name in biosamples:
            rows.append(Row(owner[name], name, name))
        elif name in individuals or name in owner.values():
            own = [biosample for biosample, person in owner.items() if person == name]
            is_only = len(own) == 1 and own[0] not in names
            rows.append(Row(name, own[0] if is_only else None, name))
        else:
            rows.append(Row(name, name, name))
    taken = {row.biosample for row in rows}
    rows += [Row(person, name, None) for name, person in owner.items() if name not in taken]
    present = {row.individual for row in rows}
    rows += [Row(name, None, None) for name in individuals if name not in present]
    return tuple(rows)


def _entry(
    entry_type: str,
    record: Record,
    rows: frozenset[int],
    allele: Allele | None = None,
    carriers: tuple[Carrier, ...] = (),
) -> Entry:
    values: dict[str, list[Value]] = {}
    labels: dict[str, str] = {}
    for attribute, label, value in filters.attributes(entry_type, record):
        values.setdefault(attribute, []).append(value)
        labels[attribute] = labels.get(attribute) or label
    return Entry(
        id=record["id"],
        record=record,
        rows=rows,
        terms=filters.term_ids(entry_type, record),
        custom=filters.custom_ids(entry_type, record),
        values=values,
        labels=labels,
        allele=allele,
        carriers=carriers,
    )


def _place(entry: Entry) -> tuple[int, int]:
    assert entry.allele is not None  # noqa: S101 - every genomic variant has one
    name = entry.allele.reference_name
    return NAMES.index(name) if name in NAMES else len(NAMES), entry.allele.start


def _dataset_record(dataset_id: str, records: Mapping[str, Sequence[Record]]) -> Record:
    described = next(iter(records.get("dataset", ())), {})
    return {"name": dataset_id, **described, "id": dataset_id}


def _cases(records: Mapping[str, Sequence[Record]]) -> Iterator[Mapping[str, Any]]:
    for variant in records.get("genomicVariant", ()):
        yield from variant.get("caseLevelData") or ()


def _samples(records: Mapping[str, Sequence[Record]]) -> Iterable[str]:
    """Names of the samples with genotypes, in the order in which they are first seen."""
    return dict.fromkeys(map(_sample_name, _cases(records)))


def _sample_name(case: Mapping[str, Any]) -> str:
    return case.get("biosampleId") or case["individualId"]  # type: ignore[no-any-return]


def _biosamples(records: Mapping[str, Sequence[Record]]) -> list[Record]:
    """The biosamples, and those of which only an observation tells whose they are."""
    found = list(records.get("biosample", ()))
    known = {one["id"] for name in ("biosample", "individual") for one in records.get(name, ())}
    for case in _cases(records):
        name, individual = case.get("biosampleId"), case.get("individualId")
        if name and individual and name not in known:
            known.add(name)
            found.append(unknown_biosample(name, individual))
    return found


def _info(record: Record) -> Mapping[str, Any]:
    info = record.get("info")
    return info if isinstance(info, Mapping) else {}


def _belongs_to(individual: Record, cohort_id: str) -> bool:
    info = _info(individual)
    return info.get("cohortId") == cohort_id or cohort_id in (info.get("cohortIds") or ())
