"""The home of reading the text of one person's VCF many lines at a time.

Nearly every line of such a file is a change of one base, a short insertion or deletion, or a
reference block, with a plain genotype. These are read here, with whole columns at once. Every other
line is left, untouched, to whoever reads records one by one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from beacon.load.genotypes import Calls
from beacon.load.spool import (
    CARRIER,
    COPIES_SHIFT,
    LOW_BITS,
    START_BITS,
    Alleles,
)
from beacon.model.allele import ALLELE_BASES_MAX, Allele
from beacon.model.assemblies import chromosome, implied_assembly, length
from beacon.model.assemblies import code as sequence_code
from beacon.model.normalisation import left_shifted, reference_mismatch
from beacon.model.reference import Bases
from beacon.model.spans import Spans

Array = npt.NDArray[Any]
I64 = npt.NDArray[np.int64]

_TABS = 9  # ten columns: one sample
_NEWLINE, _TAB, _COLON, _RETURN, _DOT = b"\n"[0], b"\t"[0], b":"[0], b"\r"[0], b"."[0]
_DIGITS_MAX = 9
_SEQUENCE = re.compile(rb"[ACGT]+")
_TAILS = (b",<NON_REF>", b",<*>")
_BLOCKS = (b"<NON_REF>", b"<*>", b"<X>", b".")
_END = re.compile(rb"(?:^|;)END=(\d{1,9})(?:;|$)")


def _table(*pairs: tuple[bytes, int]) -> npt.NDArray[np.uint8]:
    table = np.full(256, 255, np.uint8)
    for characters, value in pairs:
        table[list(characters)] = value
    return table


_BASE = _table((b"Aa", 0), (b"Cc", 1), (b"Gg", 2), (b"Tt", 3))
_ALLELE = _table((b"0", 0), (b"1", 1), (b".", 2))
_ENDS_GENOTYPE = np.isin(np.arange(256), [_NEWLINE, _COLON, _RETURN])
_SEPARATES = np.isin(np.arange(256), list(b"/|"))


def _flags_of_genotypes() -> npt.NDArray[np.uint8]:
    """Flags by genotype: `3 * left + right`, or `9 + allele`; alleles are 0, 1 and 2 for `.`."""
    encoded = (2, 4, 0)
    genotypes = [[left, right] for left in encoded for right in encoded]
    flags = []
    for genotype in [*genotypes, *([one] for one in encoded)]:
        calls = Calls(np.array([genotype], np.int32), np.zeros(1, np.uint32))
        carriers = calls.carriers(1)
        carrying = CARRIER | int(carriers.zygosity[0]) if carriers.rows.size else 0
        flags.append(carrying | calls.allele_number << COPIES_SHIFT)
    return np.array(flags, np.uint8)


_FLAGS = _flags_of_genotypes()
_UNREADABLE = len(_FLAGS)
_LEFT = (1 << 64) - 1  # no key


class Written(NamedTuple):
    """A line's ID, REF, ALT and INFO, as they are in the file."""

    identifier: str
    reference_bases: str
    alternate_bases: str
    info: str


def _nothing_written(line: int) -> Written:
    raise IndexError(line)


@dataclass(slots=True)
class Lines:
    """What was read of some lines on one sequence of the assembly.

    Attributes:
        code: the sequence's code; 0 when it is none that is known, and all lines are `left`.
        number: lines in all, `left` ones included.
        keys: alleles, as `spool.CALL` has them.
        flags: for each of `keys`.
        records: the lines of `keys`: extent of REF, alleles called.
        blocks: reference blocks, in the same way.
        with_any: lines of `keys` whose last ALT stands for any other change.
        left: number (from 0) and text of the lines that were not read.
        lines: of each of `keys` its line, for `written`.
        written: what a line says beside the genotype.
    """

    code: int
    number: int
    keys: list[Array] = field(default_factory=list)
    flags: list[Array] = field(default_factory=list)
    records: list[Spans] = field(default_factory=list)
    blocks: list[Spans] = field(default_factory=list)
    with_any: int = 0
    left: list[tuple[int, bytes]] = field(default_factory=list)
    lines: list[I64] = field(default_factory=list)
    written: Callable[[int], Written] = field(default=_nothing_written)


def read_lines(
    text: bytes, assembly: str, alleles: Alleles, bases: Bases | None = None
) -> Iterator[Lines]:
    """Read whole lines of a VCF with one sample, in parts that are each of one sequence.

    Args:
        alleles: Those of the segment that the lines go into.
        bases: The reference sequence, if it is there. Lines whose REF is not in it are left;
            insertions and deletions are moved as far left as it lets them.
    """
    buffer = np.frombuffer(text, np.uint8)
    newlines = np.flatnonzero(buffer == _NEWLINE)
    starts = np.append(0, newlines[:-1] + 1)
    tabs = np.flatnonzero(buffer == _TAB)
    if tabs.size != _TABS * newlines.size:
        yield _left(text, starts, newlines)
        return
    columns = tabs.reshape(-1, _TABS)
    if (columns[:, 0] < starts).any() or (columns[:, -1] > newlines).any():
        yield _left(text, starts, newlines)
        return
    first = 0
    while first < newlines.size:
        end = first + _same_sequence(buffer, starts[first:], columns[first:, 0])
        here = slice(first, end)
        name = text[starts[first] : columns[first, 0]].decode("utf-8", "replace")
        canonical = chromosome(name)
        if canonical is None or implied_assembly(name) not in (None, assembly):
            yield _left(text, starts[here], newlines[here])
        else:
            size = length(assembly, canonical)
            part = _Part(text, buffer, starts[here], columns[here], newlines[here], alleles, bases)
            yield part.read(canonical, size)
        first = end


def _left(text: bytes, starts: I64, newlines: I64) -> Lines:
    pairs = zip(starts.tolist(), newlines.tolist(), strict=True)
    lines = [(number, text[start : end + 1]) for number, (start, end) in enumerate(pairs)]
    return Lines(0, len(lines), left=lines)


def _same_sequence(buffer: Array, starts: I64, ends: I64) -> int:
    """How many lines from the first on have its CHROM."""
    width = int(ends[0] - starts[0])
    same = ends - starts == width
    for offset in range(width):
        same &= buffer.take(starts + offset, mode="clip") == buffer[starts[0] + offset]
    different = np.flatnonzero(~same)
    return int(different[0]) if different.size else starts.size


@dataclass(slots=True)
class _Part:
    """Lines of one sequence: where each begins, its tabs, where it ends."""

    text: bytes
    buffer: Array
    starts: I64
    tabs: I64
    ends: I64
    alleles: Alleles
    bases: Bases | None

    def read(self, name: str, size: int) -> Lines:
        tabs, buffer = self.tabs, self.buffer
        lines = Lines(sequence_code(name), tabs.shape[0], written=self.written)
        pos, readable = self._numbers(tabs[:, 0] + 1, tabs[:, 1])
        ref_length = tabs[:, 3] - tabs[:, 2] - 1
        alt_length = tabs[:, 4] - tabs[:, 3] - 1
        genotype = self._genotypes()
        readable &= (pos >= 1) & (pos - 1 + ref_length <= size) & (genotype != _UNREADABLE)
        flags = _FLAGS.take(genotype, mode="clip")
        tail = self._tails(alt_length)
        bare = alt_length - tail  # the length of the only ALT that is an allele
        reference = _BASE[buffer[tabs[:, 2] + 1]]
        alternate = _BASE[buffer[tabs[:, 3] + 1]]
        snv = readable & (ref_length == 1) & (bare == 1) & (reference < 4) & (alternate < 4)
        snv &= reference != alternate
        if self.bases is not None:
            disputed = np.flatnonzero(snv)[self._disputed(name, pos[snv], reference[snv])]
            snv[disputed] = readable[disputed] = False
        block = self._blocks(alt_length)
        blocks_end = self._block_ends(np.flatnonzero(block & readable), pos, ref_length, size)
        has_end = blocks_end > 0
        # A block whose genotype names an allele is nothing that a block can say.
        is_block = has_end & (flags & CARRIER == 0)

        at = (np.int64(lines.code) << START_BITS) + pos[snv] - 1
        low = reference[snv].astype(np.int64) * 4 + alternate[snv]
        lines.keys.append(at.astype(np.uint64) << np.uint64(LOW_BITS) | low.astype(np.uint64))
        lines.flags.append(flags[snv])
        lines.lines.append(np.flatnonzero(snv))
        copies = (flags >> COPIES_SHIFT).astype(np.int8)
        lines.records.append(Spans(pos[snv] - 1, pos[snv], copies[snv]))
        lines.blocks.append(Spans(pos[is_block] - 1, blocks_end[is_block], copies[is_block]))
        lines.with_any = int((tail[snv] > 0).sum())
        rest = np.flatnonzero(~snv & ~is_block)
        possible = (readable & ~block)[rest]
        keys = np.full(rest.size, _LEFT, np.uint64)
        keys[possible] = self._keys(name, rest[possible], pos, bare)
        other = rest[keys != _LEFT]
        lines.keys.append(keys[keys != _LEFT])
        lines.flags.append(flags[other])
        lines.lines.append(other)
        lines.records.append(
            Spans(pos[other] - 1, pos[other] - 1 + ref_length[other], copies[other])
        )
        lines.with_any += int((tail[other] > 0).sum())
        for line in rest[keys == _LEFT].tolist():
            lines.left.append((line, self.text[self.starts[line] : self.ends[line] + 1]))
        return lines

    def written(self, line: int) -> Written:
        """What a line says beside the genotype."""
        tabs = self.tabs[line].tolist()
        parts = (self.text[tabs[at] + 1 : tabs[at + 1]].decode() for at in (1, 2, 3, 6))
        return Written(*parts)

    def _disputed(self, name: str, pos: I64, codes: Array) -> npt.NDArray[np.bool_]:
        """Which bases are not plainly those of the reference sequence."""
        disputed = np.zeros(pos.size, bool)
        if self.bases is None or not pos.size:
            return disputed
        first = int(pos.min()) - 1
        known = np.frombuffer(self.bases(name, first, int(pos.max())).encode(), np.uint8)
        at = pos - 1 - first
        inside = at < known.size
        there = known[at[inside]]
        disputed[inside] = (_BASE[there] != codes[inside]) & (there != ord("N"))
        return disputed

    def _numbers(self, first: I64, end: I64) -> tuple[I64, npt.NDArray[np.bool_]]:
        """The decimal numbers between two places each, and which of them are numbers."""
        width = end - first
        readable = (width > 0) & (width <= _DIGITS_MAX)
        numbers = np.zeros(first.size, np.int64)
        for offset in range(int(min(width.max(initial=0), _DIGITS_MAX))):
            digit = self.buffer.take(first + offset, mode="clip").astype(np.int64) - ord("0")
            inside = offset < width
            readable &= ~inside | ((digit >= 0) & (digit <= 9))
            numbers = np.where(inside, numbers * 10 + digit, numbers)
        return numbers, readable

    def _genotypes(self) -> I64:
        """An index of `_FLAGS` for each line, or `_UNREADABLE`."""
        buffer, layout, sample = self.buffer, self.tabs[:, 7] + 1, self.tabs[:, 8] + 1
        third = buffer.take(layout + 2, mode="clip")
        first = (buffer[layout] == ord("G")) & (buffer.take(layout + 1, mode="clip") == ord("T"))
        first &= (third == _COLON) | (layout + 2 == self.tabs[:, 8])
        zero, one, two, three = (buffer.take(sample + by, mode="clip") for by in range(4))
        left, right = _ALLELE[zero].astype(np.int64), _ALLELE[two].astype(np.int64)
        haploid = first & (left < 3) & _ENDS_GENOTYPE[one]
        diploid = first & (left < 3) & (right < 3) & _SEPARATES[one] & _ENDS_GENOTYPE[three]
        genotype = np.where(diploid, 3 * left + right, _UNREADABLE)
        return np.where(haploid, 9 + left, genotype)

    def _tails(self, alt_length: I64) -> I64:
        """How much of each ALT, at its end, stands for any other change."""
        tails = np.zeros(alt_length.size, np.int64)
        for tail in _TAILS:
            lines = np.flatnonzero(alt_length > len(tail))
            lines = lines[self._text_at(self.tabs[lines, 4] - len(tail), tail)]
            tails[lines] = len(tail)
        return tails

    def _blocks(self, alt_length: I64) -> npt.NDArray[np.bool_]:
        """Which lines have no ALT that is an allele."""
        blocks = np.zeros(alt_length.size, bool)
        for alternate in _BLOCKS:
            lines = np.flatnonzero(alt_length == len(alternate))
            blocks[lines[self._text_at(self.tabs[lines, 3] + 1, alternate)]] = True
        return blocks

    def _text_at(self, places: I64, text: bytes) -> npt.NDArray[np.bool_]:
        same = np.ones(places.size, bool)
        for offset, character in enumerate(text):
            same &= self.buffer[places + offset] == character
        return same

    def _block_ends(self, lines: I64, pos: I64, ref_length: I64, size: int) -> I64:
        """The interbase end of each block: END, else that of REF; 0 where it cannot be told."""
        ends = np.zeros(pos.size, np.int64)
        info = self.tabs[lines, 6] + 1
        info_end = self.tabs[lines, 7]
        starts_so = (info_end - info > 4) & self._text_at_clipped(info, b"END=")
        leading = lines[starts_so]
        if leading.size:
            ends[leading] = self._leading_ends(info[starts_so] + 4, info_end[starts_so])
        for line in lines[ends[lines] == 0].tolist():
            found = _END.search(self.text[self.tabs[line, 6] + 1 : self.tabs[line, 7]])
            ends[line] = int(found[1]) if found else pos[line] - 1 + ref_length[line]
        ends[(ends < pos) | (ends > size)] = 0
        return ends

    def _text_at_clipped(self, places: I64, text: bytes) -> npt.NDArray[np.bool_]:
        same = np.ones(places.size, bool)
        for offset, character in enumerate(text):
            same &= self.buffer.take(places + offset, mode="clip") == character
        return same

    def _leading_ends(self, first: I64, info_end: I64) -> I64:
        """The number at the beginning of the rest of INFO; 0 when it is none."""
        numbers = np.zeros(first.size, np.int64)
        going = np.ones(first.size, bool)
        readable = np.zeros(first.size, bool)
        for offset in range(_DIGITS_MAX + 1):
            character = self.buffer.take(first + offset, mode="clip")
            ended = going & ((character == ord(";")) | (first + offset == info_end))
            readable |= ended
            digit = character.astype(np.int64) - ord("0")
            going &= ~ended & (digit >= 0) & (digit <= 9)
            numbers = np.where(going, numbers * 10 + digit, numbers)
        return np.where(readable, numbers, 0)

    def _keys(self, name: str, lines: I64, pos: I64, bare: I64) -> Array:
        """The keys of lines with two alleles; `_LEFT` for those that are not both bases."""
        known = self.alleles.by_text
        text, keys = self.text, []
        columns = zip(
            lines.tolist(),
            self.starts[lines].tolist(),
            self.tabs[lines, 2].tolist(),
            self.tabs[lines, 4].tolist(),
            strict=True,
        )
        for line, start, before_ref, after_alt in columns:
            # CHROM, POS and whatever is in ID: of other people it is mostly the same.
            site = text[start:after_alt]
            key = known.get(site)
            if key is None:
                alleles = text[before_ref + 1 : self.tabs[line, 3] + 1 + int(bare[line])]
                key = known[site] = self._key(name, int(pos[line]) - 1, alleles)
            keys.append(key)
        return np.array(keys, np.uint64)

    def _key(self, name: str, start: int, alleles: bytes) -> int:
        """The key of two alleles, between which is a tab."""
        reference, alternate = alleles.upper().split(b"\t")
        if not (_SEQUENCE.fullmatch(reference) and _SEQUENCE.fullmatch(alternate)):
            return _LEFT
        ref, alt = reference.decode(), alternate.decode()
        if ref == alt or len(ref) + len(alt) > ALLELE_BASES_MAX:
            return _LEFT
        if self.bases is None:
            return self.alleles.key(Allele.from_bases(name, start, ref, alt))
        if reference_mismatch(name, start, ref, self.bases) is not None:
            return _LEFT
        return self.alleles.key(left_shifted(Allele.from_bases(name, start, ref, alt), self.bases))
