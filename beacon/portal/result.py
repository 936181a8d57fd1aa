"""The home of `Result`: everything that the page of a look-up shows, as far as it is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from beacon.framework.errors import BeaconError
from beacon.portal.absence import Absence
from beacon.portal.facts import Facts
from beacon.portal.look_up import LookUp
from beacon.portal.outward import Links, Site, sites
from beacon.portal.populations import Panel, Words, panels
from beacon.portal.reading import Reading
from beacon.portal.records import key_of
from beacon.portal.rows import FEW, MISS, Bounds, Row
from beacon.portal.variant_table import Merged, merged, unshown

_OF_MANY = ("gene", "region")


@dataclass
class Result:
    """An answer as it is shown.

    Attributes:
        words: What everybody, women and men are called.
        number: Of the page of variants, from 0 on.
        now: When it was made: UTC, as it is written.
        absence: What stands for it when nobody has it, once that is known.
        trouble: Why that is not known.
    """

    reading: Reading
    found: LookUp
    links: Links
    words: Words
    is_network: bool
    number: int = 0
    now: str = ""
    absence: Absence | None = None
    trouble: BeaconError | None = None

    @property
    def is_of_many(self) -> bool:
        """Whether a gene or a region was asked for, rather than one variant."""
        return self.reading.kind in _OF_MANY

    @property
    def is_absent(self) -> bool:
        """Whether all have been asked, somebody looked, and nobody has it."""
        found = self.found
        looked = found.answered or found.counts.get(FEW)
        return found.is_complete and not found.hits and bool(looked)

    @property
    def who_looked(self) -> list[Row]:
        """Those who said no."""
        return [row for row in self.found.rows.values() if row.state == MISS]

    @cached_property
    def is_several(self) -> bool:
        """Whether several variants were found, so that they need a table."""
        if self.reading.kind == "variant":
            return False
        keys = {key_of(record) for row in self.found.hits for record in row.records}
        return self.is_of_many or len(keys) > 1

    @cached_property
    def variants(self) -> Sequence[Merged]:
        """The variants that were found, where there are several."""
        if not self.is_several:
            return ()
        return merged(self.found.hits, may_share=not self.is_network)

    @cached_property
    def unshown(self) -> Sequence[tuple[Row, Bounds]]:
        """Who has more variants than it showed."""
        return unshown(self.found.hits) if self.is_several else ()

    @property
    def has_next(self) -> bool:
        """Whether there may be another page of variants."""
        return any(next(row.records, None) is not None for row, _ in self.unshown)

    @cached_property
    def facts(self) -> Facts:
        """What is known of the one variant that was found."""
        facts = Facts()
        if not self.is_several:
            for row in self.found.hits:
                for record in row.records:
                    facts.take(row, record)
        return facts

    @property
    def by_position(self) -> str | None:
        """What to write in the box to ask by position for what a name was found as."""
        if self.reading.kind == "variant" or self.is_several:
            return None
        variants = merged(self.found.hits)
        return variants[0].question if variants and variants[0].has_bases else None

    @property
    def sites(self) -> list[Site]:
        """Other sites that know of it."""
        return sites(self.reading, self.facts)

    @cached_property
    def panels(self) -> Sequence[Panel]:
        """Its frequencies."""
        if self.is_several:
            return ()
        return panels(self.found, self.words, is_network=self.is_network)
