"""The home of what is kept on disk between reading people's files and merging them by place.

Files are read in any order and by several processes, each of which writes *segments*: calls and
runs of some files, sorted by place and indexed. Merging reads the same window of all segments.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from beacon.load.notes import NOTE, Noted, Notes
from beacon.load.said import SaidWriter, read_said
from beacon.model.allele import NO_INFO, Allele
from beacon.model.assemblies import NAMES
from beacon.model.assemblies import code as sequence_code
from beacon.model.assessment import PersonFileSaid, PlaceSaid, extent
from beacon.model.spans import Spans

START_BITS = 28
LOW_BITS = 31
BIN_BITS = 16
"""An index has an entry for every 65,536 bases: the finest window."""
BIN_BASES = 1 << BIN_BITS
FIRST_OTHER = 16
"""Low bits of a key below this are a change of one base, from here on a numbered allele."""

_BASES = "ACGT"
_BINS_BITS = START_BITS - BIN_BITS
_BINS = (len(NAMES) + 1) << _BINS_BITS
_LOW = (1 << LOW_BITS) - 1

ZYGOSITY, CARRIER, COPIES_SHIFT, COPIES, ODD, OUTSIDE = 0b11, 0b100, 3, 0b11000, 0b100000, 0b1000000
"""The bits of `flags`: zygosity code; carries the allele; alleles called by the record itself;
whether that is not what the runs of the sample say there; whether a carrier's file has assessed
regions and the allele is not within them."""

CALL = np.dtype([("key", "<u8"), ("row", "<u4"), ("flags", "u1")])
"""One sample at one allele. `key`: sequence code, start of the footprint, and which allele."""
RUN = np.dtype([("site", "<u8"), ("end", "<u4"), ("row", "<u4"), ("copies", "u1")])
"""One run of one sample. `site`: sequence code and start."""

Array = npt.NDArray[Any]
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder()


def site_of(code: int, start: int) -> int:
    """A place of the genome as one number, in genome order."""
    return code << START_BITS | start


def snv_of(allele: Allele) -> int:
    """The low bits of a change of one base to another; -1 for any other allele."""
    if allele.variant_type != "SNP" or allele.structural:
        return -1
    one, other = _BASES.find(allele.reference_bases), _BASES.find(allele.alternate_bases)
    return -1 if one < 0 or other < 0 else one * 4 + other


def snv_at(site: int, low: int) -> Allele:
    """The change of one base at a site that has the low bits that `snv_of` gave."""
    start = site & (1 << START_BITS) - 1
    name = NAMES[(site >> START_BITS) - 1]
    return Allele(name, start, start + 1, _BASES[low >> 2], _BASES[low & 3], "SNP")


class Alleles:
    """Numbers the alleles of a segment that are no change of one base.

    Attributes:
        by_text: keys by whatever a reader knows alleles by, for it to use.
    """

    __slots__ = ("_listed", "_number_of", "_sites", "by_text")

    def __init__(self) -> None:
        self.by_text: dict[bytes, int] = {}
        self._number_of: dict[Allele, int] = {}
        self._listed: list[Allele] = []
        self._sites: list[int] = []

    def key(self, allele: Allele) -> int:
        """The key of an allele, as in `CALL`."""
        site = site_of(sequence_code(allele.reference_name), allele.footprint[0])
        low = snv_of(allele)
        if low < 0:
            number = self._number_of.setdefault(allele, len(self._sites))
            if number == len(self._sites):
                self._sites.append(site)
                self._listed.append(allele)
            low = number + FIRST_OTHER
        return site << LOW_BITS | low

    def allele(self, key: int) -> Allele:
        """The allele that has a key."""
        low = key & _LOW
        return (
            snv_at(key >> LOW_BITS, low) if low < FIRST_OTHER else self._listed[low - FIRST_OTHER]
        )

    def extents(self, keys: Array) -> Array:
        """Bases of the footprint of each allele, see `extent`."""
        low = (keys & np.uint64(_LOW)).astype(np.int64)
        found = np.ones(low.size, np.int64)
        others = np.flatnonzero(low >= FIRST_OTHER)
        listed = self._listed
        found[others] = [extent(listed[one]) for one in (low[others] - FIRST_OTHER).tolist()]
        return found

    def in_order(self) -> tuple[list[Allele], Array]:
        """The numbered alleles in genome order, and the place of each number among them."""
        sites = np.array(self._sites, np.int64)
        order = np.argsort(sites, kind="stable")
        places = np.empty(order.size, np.uint64)
        places[order] = np.arange(order.size, dtype=np.uint64)
        return [self._listed[index] for index in order.tolist()], places


@dataclass(slots=True)
class SegmentWriter:
    """Gathers calls and runs of some files and writes them as one segment.

    Args:
        stem: Path that the names of the segment's files begin with.
    """

    stem: Path
    size: int = 0
    """Calls and runs gathered."""
    alleles: Alleles = field(default_factory=Alleles)
    notes: Notes = field(init=False)
    """What files say of the alleles."""
    said: SaidWriter = field(init=False)
    """What files say of where their samples were looked at."""
    _calls: list[Array] = field(default_factory=list)
    _runs: list[Array] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.notes = Notes(_part(self.stem, "notes-text"))
        self.said = SaidWriter(_part(self.stem, "said"))

    def add_calls(self, keys: Array, row: int, flags: Array) -> None:
        """Calls of one sample; keys are those of `alleles`."""
        calls = np.empty(keys.size, CALL)
        calls["key"], calls["row"], calls["flags"] = keys, row, flags
        self._calls.append(calls)
        self.size += keys.size

    def add_runs(self, code: int, row: int, spans: Spans) -> None:
        """The runs of one sample on one sequence."""
        found = np.empty(spans.starts.size, RUN)
        found["site"] = (code << START_BITS) + spans.starts
        found["end"], found["row"], found["copies"] = spans.ends, row, spans.copies
        self._runs.append(found)
        self.size += found.size

    def write(self) -> None:
        """Write the segment, sorted."""
        calls = np.concatenate([np.empty(0, CALL), *self._calls])
        alleles, places = self.alleles.in_order()
        _replace_numbers(calls, places)
        calls = calls[np.argsort(calls["key"], kind="stable")]
        texts = [_text(allele) for allele in alleles]
        np.cumsum([0, *map(len, texts)], dtype=np.uint64).tofile(_part(self.stem, "alleles-at"))
        _part(self.stem, "alleles").write_bytes(b"".join(texts))
        runs = np.concatenate([np.empty(0, RUN), *self._runs])
        runs = runs[np.argsort(runs["site"], kind="stable")]
        notes = self.notes.close()
        self.said.close()
        if notes.size:
            _replace_numbers(notes, places)
            notes = notes[np.argsort(notes["key"], kind="stable")]
            notes.tofile(_part(self.stem, "notes"))
            bins = notes["key"] >> np.uint64(LOW_BITS + BIN_BITS)
            _index(bins).tofile(_part(self.stem, "notes-at"))
        calls.tofile(_part(self.stem, "calls"))
        runs.tofile(_part(self.stem, "runs"))
        _index(calls["key"] >> np.uint64(LOW_BITS + BIN_BITS)).tofile(_part(self.stem, "calls-at"))
        _index(runs["site"] >> np.uint64(BIN_BITS)).tofile(_part(self.stem, "runs-at"))
        self._calls, self._runs, self.alleles, self.size = [], [], Alleles(), 0


class Content(NamedTuple):
    """The calls of a window, its numbered alleles, and what is said of alleles, by key."""

    calls: Array
    alleles: list[Allele]
    notes: Noted


class Window(NamedTuple):
    """Part of one sequence: bins `first` to before `end`, and the calls and runs in them."""

    first: int
    end: int
    size: int

    @property
    def code(self) -> int:
        """The sequence's code."""
        return self.first >> _BINS_BITS

    @property
    def sites(self) -> tuple[int, int]:
        """The sites from the first to before the last, as `site_of` numbers them."""
        return self.first << BIN_BITS, self.end << BIN_BITS


class Spool:
    """All segments, read by window.

    Args:
        stems: In the order of the files that were read.
    """

    def __init__(self, stems: Sequence[Path]) -> None:
        self._stems = list(stems)

    def windows(self, size_max: int) -> Iterator[Window]:
        """The genome in windows that hold at most `size_max` calls and runs where bins allow.

        A window ends with its sequence. Windows without calls are there only for their runs.
        """
        counts = np.zeros(_BINS, np.int64)
        for stem in self._stems:
            for part in ("calls-at", "runs-at"):
                index = np.fromfile(_part(stem, part), np.int64)
                counts += index[1:] - index[:-1]
        for code in range(1, len(NAMES) + 1):
            first = code << _BINS_BITS
            filled = np.flatnonzero(counts[first : first + (1 << _BINS_BITS)])
            if not filled.size:
                continue
            end = first + int(filled[-1]) + 1
            size = 0
            for bin_ in range(first, end):
                here = int(counts[bin_])
                if size and size + here > size_max:
                    yield Window(first, bin_, size)
                    first, size = bin_, 0
                size += here
            yield Window(first, end, size)

    def said(self) -> Iterator[PersonFileSaid | PlaceSaid]:
        """What the files say of where their samples were looked at, in the order of files."""
        for stem in self._stems:
            yield from read_said(_part(stem, "said"))

    def runs(self, first: int, end: int) -> Array:
        """The runs that start in the bins, in no order."""
        return np.concatenate(
            [np.empty(0, RUN), *(_slice(stem, "runs", RUN, first, end) for stem in self._stems)]
        )

    def calls(self, first: int, end: int) -> Content:
        """The calls in the bins, by key and then in the order of files.

        The low bits of a key, less `FIRST_OTHER`, are an index of the numbered alleles.
        """
        parts, found = [np.empty(0, CALL)], dict[Allele, int]()
        notes = [np.empty(0, NOTE)]
        texts: list[Path] = []
        for stem in self._stems:
            part = _slice(stem, "calls", CALL, first, end)
            _renumber(stem, part, found)
            parts.append(part)
            if _part(stem, "notes").exists():
                of_stem = _slice(stem, "notes", NOTE, first, end)
                _renumber(stem, of_stem, found)
                of_stem["file"] = len(texts)
                texts.append(_part(stem, "notes-text"))
                notes.append(of_stem)
        alleles = list(found)
        # By what they are, not by which file had them first: a window is the same at any reading.
        order = sorted(range(len(alleles)), key=lambda index: _order(alleles[index]))
        calls, noted = np.concatenate(parts), np.concatenate(notes)
        if alleles:
            number_of = np.empty(len(alleles), np.uint64)
            number_of[order] = np.arange(len(alleles), dtype=np.uint64)
            _replace_numbers(calls, number_of)
            _replace_numbers(noted, number_of)
        calls = calls[np.argsort(calls["key"], kind="stable")]
        return Content(calls, [alleles[index] for index in order], Noted(noted, texts))


def _renumber(stem: Path, calls: Array, found: dict[Allele, int]) -> None:
    """Number the other alleles of one segment's calls as in `found`, adding those that are new."""
    low = calls["key"] & np.uint64(_LOW)
    others = low[low >= FIRST_OTHER]
    if not others.size:
        return
    # A segment numbers its alleles in genome order: those of a window are neighbours.
    lowest, highest = int(others.min()) - FIRST_OTHER, int(others.max()) - FIRST_OTHER
    ends = np.fromfile(
        _part(stem, "alleles-at"), np.int64, count=highest - lowest + 2, offset=8 * lowest
    ).tolist()
    with _part(stem, "alleles").open("rb") as file:
        file.seek(ends[0])
        texts = file.read(ends[-1] - ends[0])
    number_of = np.empty(highest + 1, np.uint64)
    for index in range(highest - lowest + 1):
        allele = _allele(texts[ends[index] - ends[0] : ends[index + 1] - ends[0]])
        number_of[lowest + index] = found.setdefault(allele, len(found))
    _replace_numbers(calls, number_of)


def _replace_numbers(calls: Array, number_of: Array) -> None:
    keys = calls["key"]
    low = keys & np.uint64(_LOW)
    others = low >= FIRST_OTHER
    numbers = number_of[low[others].astype(np.int64) - FIRST_OTHER] + np.uint64(FIRST_OTHER)
    keys[others] = keys[others] & ~np.uint64(_LOW) | numbers


def _order(allele: Allele) -> tuple[Any, ...]:
    literal = str(allele.info.get("alt", "")) if allele.structural else ""
    bases = (allele.reference_bases, allele.alternate_bases)
    return (allele.start, allele.end, allele.variant_type, *bases, literal)


def _text(allele: Allele) -> bytes:
    info: Mapping[str, Any] | None = dict(allele.info) if allele.info else None
    fields = (getattr(allele, name) for name in Allele.__struct_fields__[:-1])
    return _ENCODER.encode((*fields, info))


def _allele(text: bytes) -> Allele:
    fields = dict(zip(Allele.__struct_fields__, _DECODER.decode(text), strict=True))
    return Allele(**fields | {"info": fields["info"] or NO_INFO})


def _part(stem: Path, part: str) -> Path:
    return stem.with_name(f"{stem.name}.{part}")


def _index(bins: Array) -> Array:
    """For each bin where its entries begin, and where the last one's end."""
    counts = np.bincount(bins.astype(np.int64), minlength=_BINS)
    return np.concatenate(([0], np.cumsum(counts))).astype(np.int64)


def _slice(stem: Path, part: str, dtype: np.dtype[Any], first: int, end: int) -> Array:
    index = _part(stem, f"{part}-at")
    start = int(np.fromfile(index, np.int64, count=1, offset=8 * first)[0])
    stop = int(np.fromfile(index, np.int64, count=1, offset=8 * end)[0])
    return np.fromfile(_part(stem, part), dtype, count=stop - start, offset=dtype.itemsize * start)
