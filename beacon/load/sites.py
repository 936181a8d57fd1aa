"""The home of merging people by place: every allele once, with all its carriers, and who was looked
at there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from beacon.framework.source import NOBODY, Load, SourceFile
from beacon.load.spool import (
    BIN_BASES,
    CARRIER,
    COPIES_SHIFT,
    FIRST_OTHER,
    LOW_BITS,
    ODD,
    RUN,
    START_BITS,
    ZYGOSITY,
    Array,
    Spool,
    Window,
    snv_bases,
)
from beacon.model.allele import Allele, Called, Observation, Zygosity
from beacon.model.assemblies import NAMES

HOM = int(Zygosity.HOM)

_BATCH = 1_000
_LOW = np.uint64((1 << LOW_BITS) - 1)
_LONGEST = BIN_BASES
"""Bases of a footprint over which it is asked who was looked at; the rest is taken to be alike."""


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


class Site(NamedTuple):
    """An allele with all that is known of it, and where it is, as `spool.site_of` counts."""

    site: int
    observation: Observation


class _Events(NamedTuple):
    """Ends and starts of runs, in order: site, row, copies from there on."""

    sites: Array
    rows: Array
    copies: Array


class _Calls(NamedTuple):
    """The calls of a window as columns, sorted by site."""

    sites: Array
    rows: Array
    flags: Array
    alleles: list[Allele]

    @property
    def copies(self) -> Array:
        """Alleles called by the records themselves."""
        return np.minimum(self.flags >> COPIES_SHIFT & 3, 2)  # type: ignore[no-any-return]


@dataclass(slots=True)
class Merger:
    """Goes through the genome by windows and puts together what people have at each site.

    Args:
        silent: Rows of samples of which nothing says where they have no variant.
    """

    spool: Spool
    silent: BitMap
    _twice: BitMap = field(default_factory=BitMap)
    _once: BitMap = field(default_factory=BitMap)
    _called: Called | None = None
    _open: Array = field(default_factory=lambda: np.empty(0, RUN))
    _code: int = 0

    def merge(self, window: Window, after: int) -> Iterator[Site]:
        """The alleles of one window, in genome order; windows are to come in genome order too.

        Args:
            after: A site; alleles up to it are passed over.
        """
        if window.code != self._code:
            self._code = window.code
            self._open = np.empty(0, RUN)
            self._twice, self._once, self._called = BitMap(), BitMap(), None
        runs = self.spool.runs(window.first, window.end)
        _, end = window.sites
        if end > after:
            yield from self._alleles(window, runs, after)
        else:
            events = self._events(runs)
            self._advance(events, 0, int(np.searchsorted(events.sites, end, side="left")))
        still_open = np.concatenate((self._open, runs))
        ends = (still_open["site"] >> np.uint64(START_BITS) << np.uint64(START_BITS)) + still_open[
            "end"
        ]
        self._open = still_open[ends >= end]

    def _alleles(self, window: Window, runs: Array, after: int) -> Iterator[Site]:
        calls, alleles = self.spool.calls(window.first, window.end)
        _, last = window.sites
        keys = calls["key"]
        bounds = np.flatnonzero(np.append(True, keys[1:] != keys[:-1])) if keys.size else keys
        bounds = bounds.astype(np.int64)
        columns = _in_order_of_rows(calls, bounds, alleles)
        group_sites = columns.sites[bounds]
        low = (keys[bounds] & _LOW).astype(np.int64)
        ends = group_sites + 1
        for group in np.flatnonzero(low >= FIRST_OTHER).tolist():
            ends[group] = group_sites[group] + _extent(alleles[low[group] - FIRST_OTHER])
        beyond = runs
        around = columns
        if ends.size and int(ends.max()) > last and (window.end << 16) >> START_BITS == window.code:
            beyond = np.concatenate((runs, self.spool.runs(window.end, window.end + 1)))
            around = _with_next(columns, self.spool.calls(window.end, window.end + 1)[0])
        events = self._events(beyond)
        upto = np.searchsorted(events.sites, group_sites, side="right")
        within = np.searchsorted(events.sites, ends, side="left")
        sites = _Sites(self, columns, around, events, bounds, group_sites, ends)
        applied = 0
        name = NAMES[window.code - 1]
        base = window.code << START_BITS
        numbered = zip(
            group_sites.tolist(), low.tolist(), upto.tolist(), within.tolist(), strict=True
        )
        for group, (site, number, reached, inside) in enumerate(numbered):
            if reached > applied:
                self._advance(events, applied, reached)
                applied = reached
            if site <= after:
                continue
            if number < FIRST_OTHER:
                reference, alternate = snv_bases(number)
                start = site - base
                allele = Allele(name, start, start + 1, reference, alternate, "SNP")
            else:
                allele = alleles[number - FIRST_OTHER]
            yield Site(site, sites.observation(group, allele, slice(reached, inside)))
        until = int(np.searchsorted(events.sites, last, side="left"))
        if until > applied:
            self._advance(events, applied, until)

    def _events(self, runs: Array) -> _Events:
        """Starts of the runs, and ends of these and of those that are open."""
        everything = np.concatenate((self._open, runs))
        chromosome = everything["site"] >> np.uint64(START_BITS) << np.uint64(START_BITS)
        sites = np.concatenate((runs["site"], chromosome + everything["end"])).astype(np.int64)
        rows = np.concatenate((runs["row"], everything["row"]))
        copies = np.concatenate((runs["copies"], np.zeros(everything.size, np.uint8)))
        # Where one run ends and the next begins, the end comes first.
        order = np.lexsort((copies, sites))
        return _Events(sites[order], rows[order], copies[order])

    def _advance(self, events: _Events, first: int, end: int) -> None:
        rows, copies = events.rows[first:end], events.copies[first:end]
        if rows.size > 1:  # what happens to a row last is what counts
            rows, last = np.unique(rows[::-1], return_index=True)
            copies = copies[::-1][last]
        everybody = BitMap(rows)
        self._twice -= everybody
        self._once -= everybody
        self._twice |= BitMap(rows[copies == 2])
        self._once |= BitMap(rows[copies == 1])
        known = self._called
        if known is not None and (known.twice != self._twice or known.once != self._once):
            self._called = None

    def called(self) -> Called:
        """Who was looked at where the merger is; the same object while these are the same."""
        if self._called is None:
            self._called = Called(BitMap(self._twice), BitMap(self._once))
        return self._called


@dataclass(slots=True)
class _Sites:
    """The alleles of one window: `bounds` is where the calls of each begin."""

    merger: Merger
    calls: _Calls
    around: _Calls
    events: _Events
    bounds: Array
    sites: Array
    ends: Array
    _stops: list[int] = field(init=False)
    _starts: list[int] = field(init=False)
    _carried: list[int] = field(init=False)
    _rows: npt.NDArray[np.uint32] = field(init=False)
    _zygosity: npt.NDArray[np.uint8] = field(init=False)
    _odd: list[bool] = field(init=False)
    _long: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        calls = self.calls
        self._starts = self.bounds.tolist()
        self._stops = [*self._starts[1:], calls.rows.size]
        carrying = (calls.flags & CARRIER != 0) & (calls.rows != NOBODY)
        self._rows = calls.rows[carrying]
        self._zygosity = calls.flags[carrying] & np.uint8(ZYGOSITY)
        before = np.append(0, np.cumsum(carrying))
        self._carried = before[[*self._starts, calls.rows.size]].tolist()
        odd = np.append(0, np.cumsum(calls.flags & ODD != 0))
        self._odd = (np.diff(odd[[*self._starts, calls.rows.size]]) > 0).tolist()

    def observation(self, group: int, allele: Allele, inside: slice) -> Observation:
        """One allele, where the merger is; `inside` are the events within its footprint."""
        first, end = self._carried[group], self._carried[group + 1]
        rows, zygosity = self._rows[first:end], self._zygosity[first:end]
        called = self._called(group, inside)
        return Observation(
            allele=allele,
            rows=rows,
            zygosity=zygosity,
            called=called,
            allele_number=called.allele_number if called else 0,
            allele_count=end - first + int(np.count_nonzero(zygosity == HOM)),
        )

    def _called(self, group: int, inside: slice) -> Called | None:
        start, stop = self._starts[group], self._stops[group]
        silent = self.merger.silent
        if silent and not (
            len(silent) <= stop - start and silent <= BitMap(self.calls.rows[start:stop])
        ):
            return None
        self._remember_if_long(group)
        called = self.merger.called()
        if inside.stop > inside.start:
            called = self._covered(called, group, inside)
        if silent or self._odd[group]:
            rows = self.calls.rows[start:stop]
            called = _corrected(called, rows, self.calls.copies[start:stop])
        return called

    def _remember_if_long(self, group: int) -> None:
        """Keep the alleles at hand that reach into the sites to come."""
        site = int(self.sites[group])
        if self._long:
            self._long = [one for one in self._long if self.ends[one] > site]
        if self.ends[group] - site > 1:
            self._long.append(group)

    def _covered(self, called: Called, group: int, inside: slice) -> Called:
        """Those called all over the footprint, or by a record that overlaps it."""
        changing = np.unique(self.events.rows[inside])
        around, site, end = self.around, int(self.sites[group]), int(self.ends[group])
        places = [np.arange(self._starts[one], self._stops[one]) for one in self._long]
        first, last = np.searchsorted(around.sites, (site, end))
        places.append(np.arange(first, last))
        there = np.concatenate(places)
        there = there[np.isin(around.rows[there], changing)]
        copies = around.copies[there]
        # By the record with the most alleles called.
        order = np.argsort(copies, kind="stable")
        none = np.zeros(changing.size, copies.dtype)
        rows = np.concatenate((changing, around.rows[there][order]))
        return _corrected(called, rows, np.concatenate((none, copies[order])))


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


def _corrected(called: Called, rows: Array, copies: Array) -> Called:
    """The same but for some rows, given with their copies; of a row twice the last counts."""
    changed = rows != NOBODY
    rows, last = np.unique(rows[changed][::-1], return_index=True)
    copies = copies[changed][::-1][last]
    everybody = BitMap(rows)
    twice = called.twice - everybody | BitMap(rows[copies == 2])
    once = called.once - everybody | BitMap(rows[copies == 1])
    if twice == called.twice and once == called.once:
        return called
    return Called(twice, once)


def _in_order_of_rows(calls: Array, bounds: Array, alleles: list[Allele]) -> _Calls:
    """Columns of the calls, of each allele by row; of a row twice at an allele the last one stays.

    The calls that are taken out are given to `NOBODY`, so that `bounds` hold.
    """
    keys, rows, flags = calls["key"], calls["row"].copy(), calls["flags"].copy()
    sites = (keys >> np.uint64(LOW_BITS)).astype(np.int64)
    same = keys[1:] == keys[:-1]
    if bool((same & (rows[1:] <= rows[:-1])).any()):
        group = np.zeros(keys.size, np.int64)
        group[bounds[1:]] = 1
        order = np.lexsort((rows, np.cumsum(group)))
        rows, flags = rows[order], flags[order]
        repeated = np.flatnonzero((rows[1:] == rows[:-1]) & same)
        rows[repeated] = NOBODY
    return _Calls(sites, rows, flags, alleles)


def _with_next(calls: _Calls, more: Array) -> _Calls:
    sites = (more["key"] >> np.uint64(LOW_BITS)).astype(np.int64)
    return _Calls(
        np.concatenate((calls.sites, sites)),
        np.concatenate((calls.rows, more["row"])),
        np.concatenate((calls.flags, more["flags"])),
        calls.alleles,
    )


def _extent(allele: Allele) -> int:
    """Bases of the footprint; a structural variant has the one base it is written at."""
    if allele.structural:
        return 1
    start, end = allele.footprint
    return min(end - start, _LONGEST)
