"""The home of reading many people's files at once: in processes, each a share of the files."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from beacon.framework.errors import LoadError
from beacon.framework.source import NOBODY
from beacon.load.assessed import Regions, read_regions
from beacon.load.person_file import PersonFile
from beacon.load.progress import Silent
from beacon.load.report import Problem, Report
from beacon.load.source_files import identify
from beacon.load.spool import SegmentWriter
from beacon.load.vcf_alleles import NOTHING
from beacon.load.vcf_file import VcfFile
from beacon.model.reference import Bases

_LOOKED_AT = 100
"""Records among which a gVCF has a reference block."""

OUTSIDE_REGIONS = "outside the assessed regions of the file: frequencies are not known there"
"""The warning that counts carriers' alleles."""

Reference = Callable[[], Bases]
"""Opens the reference sequence, in whichever process: it can be pickled."""
Run = Callable[[Callable[[Any], Any], Sequence[Any]], Iterator[Any]]
"""Does a job with each of several values: results in the order of these."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """A file to inspect; `regions` is the BED file that says what it assessed."""

    path: Path
    assembly: str
    regions: Path | None


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a file before it is read.

    Attributes:
        digest: of the bytes of the file.
        identity: of these and of the BED file's, if there is one.
        size_bytes: of the file.
    """

    path: Path
    regions: Path | None
    samples: tuple[str, ...]
    digest: str
    identity: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Share:
    """Files that one process reads in one go.

    Attributes:
        files: each with the rows of its samples; a file that is only part of a sample's calls is
            told so.
        stem: path that the names of what is written begin with.
        listed: whether problems are to be listed.
        segment_size: calls and runs that are held in memory before they are written as a segment.
        reference: opens the reference sequence.
    """

    files: tuple[tuple[Facts, tuple[int, ...], bool], ...]
    assembly: str
    stem: Path
    listed: bool
    segment_size: int
    reference: Reference | None


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a share.

    Attributes:
        stems: the segments written.
        report: the account of the files, without a listing.
        silent: files of which nothing says where their samples have no variant.
        places: for each file, the sequences it has calls on.
        listing: problems as JSON Lines.
    """

    stems: tuple[Path, ...]
    report: Report
    silent: tuple[Path, ...]
    places: tuple[tuple[Path, tuple[int, ...]], ...]
    listing: bytes


def inspect(job: Inspection) -> Facts:
    """Open a file and tell what it is.

    Raises:
        LoadError: It cannot be loaded.
    """
    file = VcfFile(job.path, job.assembly)
    file.close()
    digest = identify(job.path, Silent()).digest
    identity = digest
    if job.regions is not None:
        both = f"{digest} {_digest_of_regions(job.regions)}"
        identity = hashlib.sha256(both.encode()).hexdigest()
    return Facts(
        path=job.path,
        regions=job.regions,
        samples=tuple(file.samples),
        digest=digest,
        identity=identity,
        size_bytes=job.path.stat().st_size,
    )


def samples_of(path: Path, assembly: str) -> tuple[tuple[str, ...], bool]:
    """The samples of a file, and whether it has reference blocks."""
    file = VcfFile(path, assembly)
    try:
        records = islice(file.records(), _LOOKED_AT)
        has_blocks = any(all(one in NOTHING for one in record.ALT) for record in records)
    finally:
        file.close()
    return tuple(file.samples), has_blocks


def read_share(share: Share) -> Done:
    """Read files into segments.

    Raises:
        LoadError: A file is damaged or not what it is said to be.
    """
    listing = share.stem.with_name(f"{share.stem.name}.problems") if share.listed else None
    report = Report(listing=listing)
    bases = share.reference() if share.reference is not None else None
    stems: list[Path] = []
    silent: list[Path] = []
    places: list[tuple[Path, tuple[int, ...]]] = []
    segment = SegmentWriter(share.stem.with_name(f"{share.stem.name}.0"))
    for facts, rows, is_part in share.files:
        file = PersonFile(
            path=facts.path,
            assembly=share.assembly,
            rows=np.array(rows, np.uint32),
            regions=_regions(facts.regions, share.assembly) if facts.regions else None,
            is_part=is_part,
            bases=bases,
            report=report,
            scratch=share.stem.parent,
        )
        if not file.read_into(segment) and any(row != NOBODY for row in rows):
            silent.append(facts.path)
        if file.outside:
            _warn_of_outside(report, facts.path, file.outside)
        places.append((facts.path, file.codes))
        if segment.size >= share.segment_size:
            stems.append(segment.stem)
            segment.write()
            segment = SegmentWriter(share.stem.with_name(f"{share.stem.name}.{len(stems)}"))
    segment.write()
    stems.append(segment.stem)
    report.finish()
    listed = listing.read_bytes() if listing is not None and listing.exists() else b""
    report.listing = None
    return Done(tuple(stems), report, tuple(silent), tuple(places), listed)


@contextmanager
def processes(wanted: int) -> Iterator[Run]:
    """A way to do jobs, results in their order: here when `wanted` is 1, else in processes."""
    if wanted == 1:
        yield map
        return
    # Not forked: this process may have threads of its own, such as those of a database client.
    context = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(wanted, mp_context=context)
    try:

        def run(function: Callable[[Any], Any], jobs: Iterable[Any]) -> Iterator[Any]:
            return executor.map(function, jobs)

        yield run
    except BrokenProcessPool as error:
        raise LoadError(
            "a process that read files was ended from outside, perhaps for want of memory; "
            "load the files again, with fewer processes"
        ) from error
    finally:
        executor.shutdown(cancel_futures=True)


def available_processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _warn_of_outside(report: Report, path: Path, alleles: int) -> None:
    report.warn(
        Problem(
            file=path.name,
            place="1 allele" if alleles == 1 else f"{alleles:,} alleles",
            reason=OUTSIDE_REGIONS,
            detail="who carries them is known, and how many alleles were looked at only where "
            "everybody's file says so",
        )
    )
    report.warnings[OUTSIDE_REGIONS].count += alleles - 1


@lru_cache(maxsize=4)
def _digest_of_regions(path: Path) -> str:
    return identify(path, Silent()).digest


@lru_cache(maxsize=4)
def _regions(path: Path, assembly: str) -> Regions:
    return read_regions(path, assembly)
