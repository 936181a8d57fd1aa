"""The home of `verify`: whether the audit trail is as it was written, and where not, what was done.

Whoever has no key can change no line, nor put one in, without its seal being wrong; whoever takes
lines away leaves a gap in the numbers, or an end before the one that the head names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from beacon.audit.chain import Link, Sealed, is_genuine, read_seal
from beacon.audit.entries import DeletedEntry, Entry, OpenedEntry, decode
from beacon.audit.folder import TrailFile, files, head_path, heads

CHANGED = "changed"
INSERTED = "inserted"
REMOVED = "removed"
REORDERED = "reordered"
TRUNCATED = "truncated"
FORKED = "forked"


class Break(msgspec.Struct, frozen=True, kw_only=True):
    """The first place of a chain that is not as it was written.

    Attributes:
        file: Its name.
        line: Counted from 1; 0 where there is no line.
        what: What was done, such as `changed`.
        message: The same in words.
    """

    file: str
    line: int
    what: str
    message: str


class ChainReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of one chain.

    Attributes:
        chain: Its number.
        files: How many it has.
        lines: How many they have.
        first: The number of the first line that is there.
        end: The last one, to compare with at another time.
        torn: How many lines a process did not finish, by what the trail says itself.
        broken: The first break.
    """

    chain: int
    files: int
    lines: int
    first: int
    end: Link
    torn: int = 0
    broken: Break | None = None


@dataclass(frozen=True, slots=True)
class _Line:
    """A line where it is; `sealed` is `None` when it is not genuine."""

    file: str
    number: int
    sealed: Sealed | None
    text: bytes

    def broken(self, what: str, message: str) -> Break:
        return Break(file=self.file, line=self.number, what=what, message=message)


def verify(
    folder: Path, key: bytes, earlier: Mapping[int, Link] | None = None
) -> tuple[ChainReport, ...]:
    """Check every line of every chain, and that none is missing.

    A trail that is being written may be checked: its last line may be unfinished.

    Args:
        folder: Of the files.
        key: That lines are sealed with.
        earlier: Ends of chains that were noted before, elsewhere: they must still be there.
    """
    # Heads before files: those that a process writes now go ahead of them, never behind.
    known = heads(folder)
    of_chains = files(folder)
    deleted = _deleted(of_chains.values(), key)
    earlier = earlier or {}
    found = []
    for chain in sorted({*of_chains, *known, *earlier}):
        ends = [one for one in (known.get(chain), earlier.get(chain)) if one is not None]
        checking = _Checking(chain, of_chains.get(chain, ()), key, deleted, ends)
        found.append(checking.report(has_head=known.get(chain) is not None))
    return tuple(found)


def _lines(of_chain: Sequence[TrailFile], key: bytes) -> Iterator[_Line]:
    for file in of_chain:
        with file.path.open("rb") as opened:
            for number, text in enumerate(opened, 1):
                if not text.endswith(b"\n"):
                    break  # being written, or torn: the next process puts it aside
                line = text[:-1]
                sealed = read_seal(line)
                if sealed is not None and not is_genuine(key, line, sealed):
                    sealed = None
                yield _Line(file.name, number, sealed, line)


def _deleted(of_chains: Iterable[Sequence[TrailFile]], key: bytes) -> frozenset[tuple[int, str]]:
    """The ends of the files that the trail says were old enough to be deleted."""
    found = set()
    for of_chain in of_chains:
        for file in of_chain:
            with file.path.open("rb") as opened:
                for text in opened:
                    if b'"kind":"deleted"' not in text:
                        continue
                    sealed, entry = read_seal(text), decode(text)
                    if sealed is None or not isinstance(entry, DeletedEntry):
                        continue
                    if is_genuine(key, text[:-1], sealed):
                        found.add((entry.last, entry.last_hash))
    return frozenset(found)


class _Checking:
    """Reads one chain from its first line to its last, and keeps no more of it than it has to."""

    def __init__(
        self,
        chain: int,
        of_chain: Sequence[TrailFile],
        key: bytes,
        deleted: frozenset[tuple[int, str]],
        ends: Sequence[Link],
    ) -> None:
        self._chain, self._of_chain, self._key = chain, of_chain, key
        self._deleted, self._ends = deleted, ends

    def report(self, *, has_head: bool) -> ChainReport:
        """What was found."""
        before, last_line, lines, torn, first = Link(), None, 0, 0, 0
        broken: Break | None = None
        unfound = list(self._ends)
        for line, following in _with_next(_lines(self._of_chain, self._key)):
            lines += 1
            sealed = line.sealed
            opened = decode(line.text) if line.number == 1 or _TORN in line.text else None
            torn += isinstance(opened, OpenedEntry) and opened.torn > 0
            if broken is None:
                if not first and sealed is not None:
                    before = self._before_first(sealed)
                broken = self._broken(line, following, before, last_line, opened)
            if sealed is not None:
                first = first or sealed.n
                before = sealed.link
                unfound = [one for one in unfound if one != before]
            last_line = line
        for one in unfound:
            broken = broken or self._broken_end(one, before, first, last_line)
        if broken is None and not has_head:
            head = head_path(Path(), self._chain).name
            broken = Break(file=head, line=0, what=REMOVED, message="cannot be read")
        if not first and self._ends:
            before = max(self._ends, key=lambda one: one.n)
        return ChainReport(
            chain=self._chain,
            files=len(self._of_chain),
            lines=lines,
            first=first,
            end=before,
            torn=torn,
            broken=broken,
        )

    def _before_first(self, sealed: Sealed) -> Link:
        """What is before the first line that is there: nothing, or what was old."""
        before = (sealed.n - 1, sealed.previous)
        return Link(n=before[0], hash=before[1]) if before in self._deleted else Link()

    def _broken(
        self,
        line: _Line,
        following: _Line | None,
        before: Link,
        last_line: _Line | None,
        opened: Entry | None,
    ) -> Break | None:
        sealed = line.sealed
        if sealed is None:
            next_sealed = None if following is None else following.sealed
            goes_on = next_sealed is not None and next_sealed.previous == before.hash
            if goes_on or self._has(before.n + 1):
                return line.broken(INSERTED, "is not of this trail")
            return line.broken(CHANGED, "is not as it was written")
        if sealed.n <= before.n:
            return line.broken(INSERTED, f"is line {sealed.n} of the chain, which is there already")
        wanted = before.n + 1
        if sealed.n > wanted:
            if self._has(wanted):
                return line.broken(REORDERED, f"is line {sealed.n} of the chain, not {wanted}")
            missing = f"{wanted} to {sealed.n - 1}"
            return line.broken(REMOVED, f"is line {sealed.n} of the chain; {missing} are missing")
        if sealed.previous != before.hash:
            return line.broken(FORKED, "does not follow the line before it")
        if line.number != 1:
            return None
        if not isinstance(opened, OpenedEntry) or opened.chain != self._chain:
            return line.broken(REORDERED, f"begins no file of chain {self._chain}")
        if last_line is not None and opened.before != last_line.file:
            return line.broken(REORDERED, f"does not follow {last_line.file}")
        return None

    def _has(self, n: int) -> bool:
        """Whether a line of this number is anywhere in the chain."""
        lines = _lines(self._of_chain, self._key)
        return any(one.sealed is not None and one.sealed.n == n for one in lines)

    def _broken_end(
        self, link: Link, end: Link, first: int, last_line: _Line | None
    ) -> Break | None:
        """What is wrong where a chain came as far as `link`, and that line is not there."""
        if not link.n or (link.n, link.hash) in self._deleted:
            return None
        if first and link.n < first:
            return None  # deleted since, which the first line that is there has shown
        name, number = ("", 0) if last_line is None else (last_line.file, last_line.number)
        name = name or head_path(Path(), self._chain).name
        if link.n > end.n:
            message = f"ends with line {end.n} of the chain, which came as far as {link.n}"
            return Break(file=name, line=number, what=TRUNCATED, message=message)
        message = f"line {link.n} of the chain is another one than it was"
        return Break(file=name, line=number, what=FORKED, message=message)


_TORN = b'"torn":'


def _with_next(lines: Iterator[_Line]) -> Iterator[tuple[_Line, _Line | None]]:
    """Each line, and the one behind it."""
    held: _Line | None = None
    for line in lines:
        if held is not None:
            yield held, line
        held = line
    if held is not None:
        yield held, None
