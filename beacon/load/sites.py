"""The home of merging people by place: every allele once, with all its carriers, and who was looked
at there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from beacon.framework.answer import Record
from beacon.framework.source import NOBODY
from beacon.load.spool import (
    CARRIER,
    COPIES_SHIFT,
    FIRST_OTHER,
    LOW_BITS,
    ODD,
    OUTSIDE,
    RUN,
    START_BITS,
    ZYGOSITY,
    Array,
    Spool,
    Window,
    snv_at,
)
from beacon.model.allele import Allele, Called, Observation, Zygosity
from beacon.model.assessment import extent

HOM = int(Zygosity.HOM)

_LOW = np.uint64((1 << LOW_BITS) - 1)


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
        bounded: Rows of samples of which nothing says so outside the assessed regions.
    """

    spool: Spool
    silent: BitMap
    bounded: BitMap = field(default_factory=BitMap)
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
        calls, alleles, notes = self.spool.calls(window.first, window.end)
        _, last = window.sites
        keys = calls["key"]
        bounds = np.flatnonzero(np.append(True, keys[1:] != keys[:-1])) if keys.size else keys
        bounds = bounds.astype(np.int64)
        columns = _in_order_of_rows(calls, bounds, alleles)
        group_sites = columns.sites[bounds]
        low = (keys[bounds] & _LOW).astype(np.int64)
        ends = group_sites + 1
        for group in np.flatnonzero(low >= FIRST_OTHER).tolist():
            ends[group] = group_sites[group] + extent(alleles[low[group] - FIRST_OTHER])
        beyond = runs
        around = columns
        if ends.size and int(ends.max()) > last and (window.end << 16) >> START_BITS == window.code:
            beyond = np.concatenate((runs, self.spool.runs(window.end, window.end + 1)))
            around = _with_next(columns, self.spool.calls(window.end, window.end + 1).calls)
        events = self._events(beyond)
        upto = np.searchsorted(events.sites, group_sites, side="right")
        within = np.searchsorted(events.sites, ends, side="left")
        sites = _Sites(self, window, columns, around, events, bounds, group_sites, ends)
        applied = 0
        numbered = zip(
            group_sites.tolist(),
            low.tolist(),
            upto.tolist(),
            within.tolist(),
            notes.places(keys[bounds]),
            strict=True,
        )
        for group, (site, number, reached, inside, note) in enumerate(numbered):
            if reached > applied:
                self._advance(events, applied, reached)
                applied = reached
            if site <= after:
                continue
            is_snv = number < FIRST_OTHER
            allele = snv_at(site, number) if is_snv else alleles[number - FIRST_OTHER]
            said = notes.read(note) if note >= 0 else None
            yield Site(site, sites.observation(group, allele, slice(reached, inside), said))
        notes.close()
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

    def reaching_into(self, window: Window) -> tuple[Array, Array, Array]:
        """Ends (as sites), rows and copies of calls that begin before a window and end in it."""
        none = np.empty(0, np.int64)
        first, _ = window.sites
        if first & (1 << START_BITS) - 1 == 0:
            return none, none, none
        # No footprint counts for more than a bin.
        calls, alleles, _ = self.spool.calls(window.first - 1, window.first)
        low = (calls["key"] & _LOW).astype(np.int64)
        calls, low = calls[low >= FIRST_OTHER], low[low >= FIRST_OTHER]
        lengths = np.array([extent(one) for one in alleles], np.int64)
        ends = (calls["key"] >> np.uint64(LOW_BITS)).astype(np.int64)
        ends = ends + lengths[low - FIRST_OTHER] if low.size else ends
        reaching = (ends > first) & (calls["row"] != NOBODY)
        columns = _Calls(ends[reaching], calls["row"][reaching], calls["flags"][reaching], alleles)
        return columns.sites, columns.rows, columns.copies

    def called(self) -> Called:
        """Who was looked at where the merger is; the same object while these are the same."""
        if self._called is None:
            self._called = Called(BitMap(self._twice), BitMap(self._once))
        return self._called


@dataclass(slots=True)
class _Sites:
    """The alleles of one window: `bounds` is where the calls of each begin."""

    merger: Merger
    window: Window
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
    _outside: list[bool] = field(init=False)
    _to_come: list[int] = field(init=False)
    _long: list[int] = field(default_factory=list)
    _before: tuple[Array, Array, Array] | None = None

    def __post_init__(self) -> None:
        calls = self.calls
        self._starts = self.bounds.tolist()
        self._stops = [*self._starts[1:], calls.rows.size]
        carrying = (calls.flags & CARRIER != 0) & (calls.rows != NOBODY)
        self._rows = calls.rows[carrying]
        self._zygosity = calls.flags[carrying] & np.uint8(ZYGOSITY)
        before = np.append(0, np.cumsum(carrying))
        self._carried = before[[*self._starts, calls.rows.size]].tolist()
        self._odd, self._outside = self._any(ODD), self._any(OUTSIDE)
        self._to_come = np.flatnonzero(self.ends - self.sites > 1)[::-1].tolist()

    def _any(self, flag: int) -> list[bool]:
        """Of each allele whether any of its calls has a flag."""
        before = np.append(0, np.cumsum(self.calls.flags & flag != 0))
        found: list[bool] = (np.diff(before[[*self._starts, self.calls.rows.size]]) > 0).tolist()
        return found

    def observation(
        self, group: int, allele: Allele, inside: slice, said: Record | None
    ) -> Observation:
        """One allele, where the merger is.

        Args:
            inside: The events within its footprint.
            said: What files say of it.
        """
        first, end = self._carried[group], self._carried[group + 1]
        rows, zygosity = self._rows[first:end], self._zygosity[first:end]
        called = self._called(group, inside)
        listing = self.calls.rows[self._starts[group] : self._stops[group]]
        return Observation(
            allele=allele,
            rows=rows,
            zygosity=zygosity,
            called=called,
            allele_number=called.allele_number if called else 0,
            allele_count=end - first + int(np.count_nonzero(zygosity == HOM)),
            annotation=said,
            samples=listing[listing != NOBODY],
        )

    def _called(self, group: int, inside: slice) -> Called | None:
        start, stop = self._starts[group], self._stops[group]
        silent = self.merger.silent
        if silent and not (
            len(silent) <= stop - start and silent <= BitMap(self.calls.rows[start:stop])
        ):
            return None
        called = self.merger.called()
        if inside.stop > inside.start:
            called = self._covered(called, group, inside)
        if silent or self._odd[group]:
            rows = self.calls.rows[start:stop]
            called = _corrected(called, rows, self.calls.copies[start:stop])
        if self._outside[group]:
            # Who has no variant here, outside the regions of a file, is not in it.
            missing = self.merger.bounded - called.twice - called.once
            if not missing <= BitMap(self.calls.rows[start:stop]):
                return None
        return called

    def _at_hand(self, site: int) -> list[int]:
        """The alleles of the window that begin before a site and reach beyond it."""
        while self._to_come and self.sites[self._to_come[-1]] < site:
            self._long.append(self._to_come.pop())
        self._long = [one for one in self._long if self.ends[one] > site]
        return self._long

    def _from_before(self, site: int) -> tuple[Array, Array]:
        """Rows and copies of the calls of earlier windows that reach beyond a site."""
        if self._before is None:
            self._before = self.merger.reaching_into(self.window)
        ends, rows, copies = self._before
        return rows[ends > site], copies[ends > site]

    def _covered(self, called: Called, group: int, inside: slice) -> Called:
        """Those called all over the footprint, or by a record that overlaps it."""
        changing = np.unique(self.events.rows[inside])
        around, site, end = self.around, int(self.sites[group]), int(self.ends[group])
        places = [np.arange(self._starts[one], self._stops[one]) for one in self._at_hand(site)]
        first, last = np.searchsorted(around.sites, (site, end))
        places.append(np.arange(first, last))
        there = np.concatenate(places)
        before = self._from_before(site)
        rows = np.concatenate((before[0], around.rows[there]))
        copies = np.concatenate((before[1], around.copies[there]))
        chosen = np.isin(rows, changing)
        rows, copies = rows[chosen], copies[chosen]
        # By the record with the most alleles called.
        order = np.argsort(copies, kind="stable")
        none = np.zeros(changing.size, copies.dtype)
        return _corrected(
            called, np.concatenate((changing, rows[order])), np.concatenate((none, copies[order]))
        )


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
