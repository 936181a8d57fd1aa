"""The home of `Features`: what individuals have, and were found not to have, as columns."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from beacon.framework.answer import Record
from beacon.model.matching import features_of as features_of_record

FEATURE_PARTS = ("feature_terms", "present_ends", "present", "absent_ends", "absent")
"""The parts of a metadata layer that they are kept in."""

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Column:
    """Terms of individuals: `terms[ends[i]:ends[i + 1]]` are the indexes of those of ordinal i."""

    ends: I64
    terms: I32

    def of(self, ordinal: int) -> I32:
        """Of one individual."""
        return self.terms[self.ends[ordinal] : self.ends[ordinal + 1]]


@dataclass(frozen=True, slots=True)
class Features:
    """The features of all individuals of a dataset.

    Attributes:
        terms: Ids, each once; columns have indexes of these.
        present: What individuals have.
        absent: What they were found not to have.
    """

    terms: tuple[str, ...]
    present: Column
    absent: Column

    def of(self, ordinal: int) -> tuple[list[str], list[str]]:
        """What one individual has, and was found not to have, as its record says."""
        return (
            [self.terms[one] for one in self.present.of(ordinal)],
            [self.terms[one] for one in self.absent.of(ordinal)],
        )


@dataclass(slots=True)
class FeatureGathering:
    """Gathers the features of individuals, whose records come in any order."""

    individuals: int
    _index: dict[str, int] = field(default_factory=dict)
    _owners: tuple[array[int], array[int]] = field(default_factory=lambda: (array("i"), array("i")))
    _terms: tuple[array[int], array[int]] = field(default_factory=lambda: (array("i"), array("i")))

    def add(self, ordinal: int, record: Record) -> None:
        """Take the record of an individual."""
        for owners, terms, ids in zip(
            self._owners, self._terms, features_of_record(record), strict=True
        ):
            for one in ids:
                owners.append(ordinal)
                terms.append(self._index.setdefault(one, len(self._index)))

    def stored(self) -> Iterator[tuple[str, bytes]]:
        """The parts, by name."""
        yield "feature_terms", msgspec.json.encode(list(self._index))
        for name, owners, terms in zip(
            ("present", "absent"), self._owners, self._terms, strict=True
        ):
            of_owner = np.frombuffer(owners, np.int32) if owners else np.zeros(0, np.int32)
            of_term = np.frombuffer(terms, np.int32) if terms else np.zeros(0, np.int32)
            ends = np.zeros(self.individuals + 1, np.int64)
            np.cumsum(np.bincount(of_owner, minlength=self.individuals), out=ends[1:])
            yield f"{name}_ends", ends.tobytes()
            yield name, of_term[np.argsort(of_owner, kind="stable")].tobytes()


def features_of(parts: Mapping[str, bytes]) -> Features | None:
    """Features from the parts that they are kept in; `None` when they were never kept."""
    if not parts:
        return None

    def column(name: str) -> Column:
        ends: Any = np.frombuffer(parts[f"{name}_ends"], np.int64)
        return Column(ends, np.frombuffer(parts[name], np.int32))

    terms = msgspec.json.decode(parts["feature_terms"], type=list[str])
    return Features(tuple(terms), column("present"), column("absent"))
