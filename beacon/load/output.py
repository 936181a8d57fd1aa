"""The home of handing merged alleles over to a load, in batches that can be taken up again."""

from __future__ import annotations

from dataclasses import dataclass, field

from beacon.framework.source import Load, SourceFile
from beacon.model.allele import Observation

_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Sizes:
    """What a load holds in memory.

    Attributes:
        segment: calls and runs that a process which reads holds before it writes them to disk;
            about 30 bytes each, beside those of the file that is being read.
        window: calls and runs that are merged at once; about 60 bytes each.
        alleles: alleles that are merged and not written yet: at this many, or at so many
            `carriers`, they are, and an interrupted load can be taken up again from there.
    """

    segment: int = 4_000_000
    window: int = 8_000_000
    alleles: int = 50_000
    carriers: int = 40_000_000


@dataclass(slots=True)
class Output:
    """Hands alleles over, and marks places between them that depend on the alleles alone.

    So a load that is taken up again hands over the same alleles between the same marks.
    """

    load: Load
    source: SourceFile
    position: int
    sizes: Sizes
    _batch: list[Observation] = field(default_factory=list)
    _alleles: int = 0
    _carriers: int = 0
    _site: int = 0

    def take(self, site: int, observation: Observation) -> None:
        """The next allele."""
        sizes = self.sizes
        is_full = self._alleles >= sizes.alleles or self._carriers >= sizes.carriers
        if is_full and site != self._site:
            self.flush()
        self._batch.append(observation)
        self._alleles += 1
        self._carriers += observation.rows.size
        self._site = site
        if len(self._batch) >= _BATCH:
            self.load.write_alleles(self._batch)
            self._batch = []

    def flush(self) -> None:
        """Everything so far is handed over, and remembered."""
        if not self._alleles:
            return
        self.load.write_alleles(self._batch)
        self.load.mark(self.source, self._site)
        self._batch, self._alleles, self._carriers = [], 0, 0
