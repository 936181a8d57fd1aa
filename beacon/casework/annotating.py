"""The home of annotating a VCF record by record, in a way that can be stopped and gone on with.

Of the output, what is written is in `OUT.part` until it is whole, and how far that is in
`OUT.progress`. A run that was stopped at any moment goes on at the last batch that was whole.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO

import msgspec
import pysam

from beacon.casework.asking import Network
from beacon.casework.bgzf import BgzfWriter
from beacon.casework.failures import CaseError, NetworkGone
from beacon.casework.told import Told
from beacon.casework.vcf_lines import (
    Record,
    added_to_header,
    annotated,
    header_of,
    lines_of,
    record_of,
)
from beacon.client import Variant
from beacon.load.progress import Progress
from beacon.load.vcf_file import stated_assembly

STANDARD = Path("-")
"""In place of a path: standard input or output."""

PAUSES_S = (1.0, 4.0)
"""How long is waited for a network that is gone, before that is taken for the end."""

_IN_FLIGHT = 2  # batches
_DIGESTED = 1 << 20
_COMPRESSED = (".gz", ".bgz")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be annotated.

    Attributes:
        source, output: Paths; `STANDARD` is standard input or output.
        assembly: `None` to go by the header.
        batch: Records that are asked about at a time.
        resume: Whether an interrupted run is gone on with, if there is one.
    """

    source: Path
    output: Path
    assembly: str | None
    url: str
    batch: int
    resume: bool

    @property
    def is_compressed(self) -> bool:
        """Whether the output is to be BGZF, by its name."""
        return self.output.suffix in _COMPRESSED


@dataclass(slots=True)
class Account:
    """What became of it: `states` counts alleles by what is known of them.

    Attributes:
        records: Of the whole file, those of an earlier run included.
        resumed: How many an earlier run had written.
        index: The path of the index, `None` where the file could not have one.
    """

    records: int = 0
    resumed: int = 0
    states: Counter[str] = field(default_factory=Counter)
    index: Path | None = None


class _Done(msgspec.Struct, frozen=True):
    """How far an output is: `records` of the input are in its first `size` bytes.

    The rest says of which run: another file, network or assembly would not fit what is there.
    """

    records: int
    size: int
    digest: str
    network: str
    assembly: str


async def annotate(plan: Plan, network: Network, progress: Progress) -> Account:
    """Add to every record what the network knows of its alleles.

    Raises:
        CaseError: The file cannot be annotated as asked.
        NetworkGone: The network did not answer; what is written is kept to be gone on with.
    """
    account = Account()
    with ExitStack() as stack:
        source = stack.enter_context(_opened(plan.source))
        lines = lines_of(source, str(plan.source))
        header = header_of(lines, str(plan.source))
        assembly = _assembly(plan, header)
        run = _Done(0, 0, _digest(plan.source), network.voice.id, assembly)
        output = stack.enter_context(_Output.opened(plan, run))
        account.records = account.resumed = output.done.records
        if output.done.size == 0:
            for line in added_to_header(header, network.voice.id):
                output.write(line)
        progress.file(f"annotating {plan.source.name}", None)
        skipped = sum(1 for _ in islice(lines, output.done.records))
        if skipped < output.done.records:
            raise CaseError(f"{plan.source} has fewer records than were annotated of it before")
        progress.advance(skipped)
        await _in_batches(
            plan, network, _records(lines, assembly, account), output, account, progress
        )
        output.finish()
    if plan.output != STANDARD:
        account.index = _finished(plan.output)
    return account


async def _in_batches(
    plan: Plan,
    network: Network,
    records: Iterator[Record],
    output: _Output,
    account: Account,
    progress: Progress,
) -> None:
    """Ask about some records while those before them are still under way, and write in order."""
    waiting: deque[tuple[list[Record], asyncio.Task[dict[Variant, Told]]]] = deque()
    try:
        while True:
            while len(waiting) < _IN_FLIGHT and (batch := list(islice(records, plan.batch))):
                waiting.append((batch, asyncio.create_task(_told(network, batch))))
            if not waiting:
                return
            batch, task = waiting.popleft()
            known = await task
            for record in batch:
                told = [None if one is None else known[one] for one in record.asked]
                account.states.update("not asked" if one is None else one.state for one in told)
                output.write(annotated(record, told, network.voice))
            account.records += len(batch)
            output.mark(account.records)
            progress.advance(len(batch))
    finally:
        for _, task in waiting:
            task.cancel()
        await asyncio.gather(*(task for _, task in waiting), return_exceptions=True)


async def _told(network: Network, batch: Sequence[Record]) -> dict[Variant, Told]:
    """What is known of the alleles of some records; a network that is gone is waited for."""
    alleles = list(
        dict.fromkeys(one for record in batch for one in record.asked if one is not None)
    )
    for pause_s in PAUSES_S:
        try:
            return dict(zip(alleles, await network.told(alleles), strict=True))
        except NetworkGone:
            await asyncio.sleep(pause_s)
    return dict(zip(alleles, await network.told(alleles), strict=True))


def _records(lines: Iterator[bytes], assembly: str, account: Account) -> Iterator[Record]:
    for number, line in enumerate(lines, start=account.resumed + 1):
        yield record_of(line, assembly, f"record {number}")


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    if path == STANDARD:
        yield sys.stdin.buffer
        return
    try:
        file = path.open("rb")
    except OSError as error:
        raise CaseError(f"{path} cannot be read: {error.strerror}") from error
    with file:
        yield file


def _assembly(plan: Plan, header: Sequence[bytes]) -> str:
    stated = stated_assembly(plan.source, b"".join(header).decode(errors="replace"))
    if stated is None and plan.assembly is None:
        raise CaseError(f"{plan.source} does not say its assembly; say --assembly GRCh37 or GRCh38")
    if None not in (stated, plan.assembly) and stated != plan.assembly:
        raise CaseError(f"{plan.source} is on {stated} by its own header, not on {plan.assembly}")
    return stated or plan.assembly or ""


def _digest(path: Path) -> str:
    """What tells a file from another: its size, and how it begins."""
    if path == STANDARD:
        return ""
    with path.open("rb") as file:
        start = file.read(_DIGESTED)
    return f"{path.stat().st_size}-{hashlib.sha256(start).hexdigest()}"


@dataclass(slots=True)
class _Output:
    """The output as far as it is written; `done` is what would be gone on with."""

    plan: Plan
    file: IO[bytes]
    done: _Done
    _bgzf: BgzfWriter | None = None

    @classmethod
    @contextmanager
    def opened(cls, plan: Plan, run: _Done) -> Iterator[_Output]:
        """The output, cut to what is known to be whole of an earlier run.

        Raises:
            CaseError: It cannot be written, or is that of another run.
        """
        if plan.output == STANDARD:
            yield cls(plan, sys.stdout.buffer, run)
            return
        done = _before(plan, run)
        part = part_of(plan.output)
        try:
            file = part.open("r+b" if done is not None else "wb")
        except OSError as error:
            raise CaseError(f"{part} cannot be written: {error.strerror}") from error
        with file:
            if done is not None:
                file.truncate(done.size)
                file.seek(done.size)
            bgzf = BgzfWriter(file) if plan.is_compressed else None
            yield cls(plan, file, done or run, bgzf)

    def write(self, data: bytes) -> None:
        """Add to it."""
        if self._bgzf is not None:
            self._bgzf.write(data)
        else:
            self.file.write(data)

    def mark(self, records: int) -> None:
        """Note that all of the first records are written."""
        if self.plan.output == STANDARD:
            self.file.flush()
            return
        (self._bgzf or self.file).flush()
        os.fsync(self.file.fileno())
        self.done = msgspec.structs.replace(self.done, records=records, size=self.file.tell())
        path = progress_of(self.plan.output)
        new = path.with_name(f"{path.name}.new")
        new.write_bytes(msgspec.json.encode(self.done))
        new.replace(path)

    def finish(self) -> None:
        """Write what ends a file."""
        if self._bgzf is not None:
            self._bgzf.finish()
        self.file.flush()


def _before(plan: Plan, run: _Done) -> _Done | None:
    """How far an earlier run came, if it is gone on with."""
    part, path = part_of(plan.output), progress_of(plan.output)
    if not path.is_file():
        return None
    if not plan.resume:
        raise CaseError(
            f"{part} is there from a run that was interrupted: go on with --resume, or delete "
            f"{part.name} and {path.name}"
        )
    try:
        done = msgspec.json.decode(path.read_bytes(), type=_Done)
    except (OSError, msgspec.DecodeError) as error:
        raise CaseError(f"{path} cannot be read: {error}; delete it to begin again") from error
    if msgspec.structs.replace(done, records=0, size=0) != run:
        raise CaseError(
            f"{part} is of another input, network or assembly: delete {part.name} and {path.name} "
            "to begin again"
        )
    if not part.is_file() or part.stat().st_size < done.size:
        raise CaseError(f"{part} is shorter than it was; delete {path.name} to begin again")
    return done


def part_of(out: Path) -> Path:
    """Where an output is until it is whole."""
    return out.with_name(f"{out.name}.part")


def progress_of(out: Path) -> Path:
    """Where it is noted how far an output is."""
    return out.with_name(f"{out.name}.progress")


def _finished(out: Path) -> Path | None:
    """Put a whole output in its place, and index it if that can be done."""
    part_of(out).replace(out)
    with suppress(FileNotFoundError):
        progress_of(out).unlink()
    if out.suffix not in _COMPRESSED:
        return None
    try:
        pysam.tabix_index(str(out), preset="vcf", force=True, keep_original=True)
    except OSError:  # records are not in order
        return None
    return out.with_name(f"{out.name}.tbi")
