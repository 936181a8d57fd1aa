"""A sink in memory that also keeps the names of populations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from memory_sink import MemoryLoad, MemorySink

from beacon.framework.source import SourceFile
from beacon.model.allele import Allele


@dataclass
class FrequencyLoad(MemoryLoad):
    def populations(self, names: Sequence[str]) -> None:
        assert isinstance(self.sink, FrequencySink)
        self.sink.names = list(names)


@dataclass
class FrequencySink(MemorySink):
    names: list[str] = field(default_factory=list)

    def open(
        self, dataset_id: str, *, assembly: str | None, files: Sequence[SourceFile]
    ) -> MemoryLoad:
        load = super().open(dataset_id, assembly=assembly, files=files)
        if not isinstance(load, FrequencyLoad):
            load = self.open_loads[dataset_id] = FrequencyLoad(**vars(load))
        return load

    def strata(self, allele: Allele) -> dict[str, tuple[int, ...]]:
        """Label → counts of the one observation of an allele."""
        (one,) = (one for one in self.published["d"].observations if one.allele == allele)
        assert one.strata is not None
        return {
            name: tuple(map(int, row)) for name, row in zip(self.names, one.strata, strict=True)
        }
