"""The home of whose column of a VCF is the patient's, and whose are the parents'."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from beacon.casework.failures import CaseError
from beacon.load.ped_file import UNKNOWN_SEX, PedFile, sex_of

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Family:
    """A patient, and those of the parents whose genotypes are in the file.

    Attributes:
        patient, father, mother: names of columns; `None` for a parent who is not in the file.
        sex: of the patient: `male`, `female` or `unknown`.
        affected: which of the parents are ill, too.
    """

    patient: str
    father: str | None = None
    mother: str | None = None
    sex: str = UNKNOWN_SEX
    affected: frozenset[str] = frozenset()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read."""
        return tuple(name for name in (self.patient, self.father, self.mother) if name is not None)

    @property
    def parents(self) -> int:
        """How many of them are in the file."""
        return len(self.columns) - 1


@dataclass(frozen=True, slots=True)
class Person:
    """A row of a PED file; `affected` is `None` where it does not say."""

    id: str
    father: str | None
    mother: str | None
    sex: str
    affected: bool | None


def read_people(path: Path) -> tuple[Person, ...]:
    """The people of a PED file.

    Raises:
        CaseError: A row cannot be used.
        LoadError: The file cannot be read.
    """
    people = []
    for item in PedFile(path).read():
        if item.record is None:
            (problem, *_) = item.problems
            raise CaseError(f"{path.name}, {item.place}: {problem.reason} ({problem.detail})")
        info = item.record["info"]
        parents = {one["role"]: one["id"] for one in info.get("parents", ())}
        people.append(
            Person(
                id=item.record["id"],
                father=parents.get("father"),
                mother=parents.get("mother"),
                sex=sex_of(item.record["sex"]),
                affected=info.get("affected"),
            )
        )
    return tuple(people)


def family_of(
    samples: Sequence[str],
    *,
    named: str | None = None,
    people: Sequence[Person] = (),
    sex: str = UNKNOWN_SEX,
) -> Family:
    """The patient and the parents among the samples of a file.

    Args:
        samples: The columns of the file.
        named: The patient's, where somebody said so; else it is the affected child of the PED
            file, or the only column there is.
        people: The rows of a PED file, if there is one.
        sex: Of the patient, where the PED file does not tell.

    Raises:
        CaseError: The patient is not in the file, or could be several.
    """
    if not samples:
        raise CaseError("the VCF has no samples: it lists sites only, and a patient is needed")
    by_id = {one.id: one for one in people}
    patient = named or _patient(samples, by_id)
    if patient not in samples:
        raise CaseError(f"{patient} is not in the VCF; its samples are {_listed(samples)}")
    row = by_id.get(patient)
    if row is None:
        return Family(patient, sex=sex)
    father, mother = (one if one in samples else None for one in (row.father, row.mother))
    ill = {one for one in (father, mother) if one is not None and by_id[one].affected}
    known = sex if row.sex == UNKNOWN_SEX else row.sex
    return Family(patient, father, mother, known, frozenset(ill))


def _patient(samples: Sequence[str], people: Mapping[str, Person]) -> str:
    ill = [people[one] for one in samples if one in people and people[one].affected]
    children = [one for one in ill if {one.father, one.mother} & set(samples)]
    for candidates in (children, ill):
        if len(candidates) == 1:
            return candidates[0].id
        if candidates:
            several = _listed([one.id for one in candidates])
            raise CaseError(
                f"several who are affected are in the VCF: {several}; say --sample NAME"
            )
    if len(samples) == 1:
        return samples[0]
    raise CaseError(
        f"whose genotypes to take is not clear: say --sample NAME, or --ped FILE with the affected "
        f"child; the samples are {_listed(samples)}"
    )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
