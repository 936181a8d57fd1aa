"""Who the rows are: samples joined with individuals, biosamples, runs and analyses.

A pure function of the samples, in the order in which they were first seen, and of the links that
the records state; so metadata and genotypes may come in either order. Rows of samples keep their
numbers for ever, since the carriers of alleles are stored as row numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

I32 = npt.NDArray[np.int32]

UNKNOWN = {"id": "NCIT:C17998", "label": "Unknown"}


@dataclass(slots=True)
class Links:
    """What the records of a dataset say of each other.

    Attributes:
        individuals: Ids, in the order in which they were loaded.
        biosamples: Biosample id → individual id, or `None` where the record names none.
        runs: Run id → (biosample id or `None`, individual id or `None`).
        analyses: Analysis id → (run id, biosample id, individual id), each possibly `None`.
    """

    individuals: list[str] = field(default_factory=list)
    biosamples: dict[str, str | None] = field(default_factory=dict)
    runs: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)
    analyses: dict[str, tuple[str | None, str | None, str | None]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Attachment:
    """Runs, or analyses: entries that hang on rows. `rows[ends[i]:ends[i + 1]]` are those of i."""

    ids: list[str]
    ends: I32
    rows: I32


@dataclass(frozen=True, slots=True)
class Roster:
    """One row for each sample slot.

    Attributes:
        samples: Names of the rows 0…k-1 as genotypes name them, empty where the person has
            withdrawn; later rows have no genotypes.
        individuals: Ids by ordinal, in the order of their first row.
        biosamples: Ids by ordinal, likewise.
        individual_of: The individual ordinal of each row, -1 where the row is nobody's.
        biosample_of: The biosample ordinal of each row, -1 where it is unknown.
        one_each: Whether every row is the individual of the same number.
        sampled: How many individuals have a sample.
    """

    samples: list[str]
    individuals: list[str]
    biosamples: list[str]
    individual_of: I32
    biosample_of: I32
    runs: Attachment
    analyses: Attachment
    one_each: bool = field(init=False)
    sampled: int = field(init=False)

    def __post_init__(self) -> None:
        own = np.array_equal(self.individual_of, np.arange(len(self.individuals)))
        object.__setattr__(self, "one_each", own)
        of_samples = self.individual_of[: len(self.samples)]
        sampled = len(np.unique(of_samples[of_samples >= 0]))
        object.__setattr__(self, "sampled", sampled)

    @property
    def size(self) -> int:
        """Rows."""
        return len(self.individual_of)


def build_roster(samples: Sequence[str], links: Links) -> Roster:
    """Join samples and records.

    A sample is the biosample of its name; else it belongs to the individual of its name, and is
    that person's biosample when there is just one; else it is a person, and a biosample, of its
    own. Biosamples without genotypes follow, then individuals without any sample. A sample without
    a name is nobody's: its person has withdrawn, and the row keeps its number. Runs and analyses
    whose links lead to several people are nobody's.
    """
    known = set(links.individuals)
    of_individual: dict[str, list[str]] = {}
    for name, owner in links.biosamples.items():
        of_individual.setdefault(owner or name, []).append(name)

    named = set(samples)
    slots: list[tuple[str | None, str | None]] = []
    for sample in samples:
        if not sample:
            slots.append((None, None))
            continue
        biosample: str | None = sample
        individual = sample
        if sample in links.biosamples:
            individual = links.biosamples[sample] or sample
        elif sample in known or sample in of_individual:
            own = of_individual.get(sample, [])
            biosample = own[0] if len(own) == 1 and own[0] not in named else None
        slots.append((individual, biosample))
    taken = {biosample for _, biosample in slots}
    slots += [
        (owner or name, name) for name, owner in links.biosamples.items() if name not in taken
    ]
    present = {individual for individual, _ in slots}
    slots += [(name, None) for name in links.individuals if name not in present]
    return _roster(list(samples), slots, links)


def _roster(samples: list[str], slots: list[tuple[str | None, str | None]], links: Links) -> Roster:
    individuals: dict[str, int] = {}
    biosamples: dict[str, int] = {}
    individual_of = np.full(len(slots), -1, np.int32)
    biosample_of = np.full(len(slots), -1, np.int32)
    rows_of: dict[str, list[int]] = {}
    row_of_biosample: dict[str, int] = {}
    for row, (individual, biosample) in enumerate(slots):
        if individual is None:
            continue
        individual_of[row] = individuals.setdefault(individual, len(individuals))
        rows_of.setdefault(individual, []).append(row)
        if biosample is not None:
            biosample_of[row] = biosamples.setdefault(biosample, len(biosamples))
            row_of_biosample[biosample] = row

    def rows(biosample: str | None, individual: str | None) -> list[int]:
        if biosample is not None:
            row = row_of_biosample.get(biosample)
            if row is not None:
                return [row]
        return rows_of.get(individual, []) if individual is not None else []

    def named(biosample: str | None, individual: str | None) -> set[str | None]:
        """The people to whom the links of an entry lead."""
        found = {individual} & rows_of.keys()
        row = row_of_biosample.get(biosample) if biosample is not None else None
        return found if row is None else found | {slots[row][0]}

    named_by = {name: named(*link) for name, link in links.runs.items()}
    runs = {
        name: rows(*link) if len(named_by[name]) < 2 else [] for name, link in links.runs.items()
    }
    analyses: dict[str, list[int]] = {}
    for name, (run, biosample, individual) in links.analyses.items():
        people = named(biosample, individual) | named_by.get(run or "", set())
        of_run = runs.get(run, []) if run is not None else []
        hangs_on = rows(biosample, None) or of_run or rows(None, individual)
        analyses[name] = hangs_on if len(people) < 2 else []
    return Roster(
        samples,
        list(individuals),
        list(biosamples),
        individual_of,
        biosample_of,
        _attachment(runs),
        _attachment(analyses),
    )


def _attachment(rows_of: Mapping[str, list[int]]) -> Attachment:
    ends = np.zeros(len(rows_of) + 1, np.int32)
    np.cumsum([len(rows) for rows in rows_of.values()], out=ends[1:])
    rows = [row for rows in rows_of.values() for row in rows]
    return Attachment(list(rows_of), ends, np.array(rows, np.int32))


def unknown_individual(individual_id: str) -> dict[str, object]:
    """The least that can be said of a person of whom there are only genotypes."""
    return {"id": individual_id, "sex": UNKNOWN}


def unknown_biosample(biosample_id: str, individual_id: str) -> dict[str, object]:
    """The least that can be said of a sample of which there are only genotypes."""
    return {
        "id": biosample_id,
        "individualId": individual_id,
        "biosampleStatus": UNKNOWN,
        "sampleOriginType": UNKNOWN,
    }
