"""The home of the loader for sites with a file for each person: thousands of them, merged by place.

Files are read once each into a spool on disk, by several processes; then the genome is gone through
once, and every allele is handed over with all its carriers and with who was looked at there.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from pyroaring import BitMap

from beacon.framework.errors import LoadError
from beacon.framework.source import NOBODY, Load, Sink, SourceFile
from beacon.load.assessed import read_regions, regions_beside
from beacon.load.bff_variants import load_waiting
from beacon.load.ending import conclude, settled
from beacon.load.output import Output, Sizes
from beacon.load.progress import Progress, Silent
from beacon.load.reading import (
    Done,
    Facts,
    Inspection,
    Reference,
    Run,
    Share,
    available_processors,
    inspect,
    processes,
    read_share,
    samples_of,
)
from beacon.load.report import Finding, Problem, Report
from beacon.load.sites import Merger
from beacon.load.source_files import find_files
from beacon.load.spool import Spool
from beacon.load.vcf_file import is_vcf
from beacon.model.assemblies import ASSEMBLIES, NAMES, canonical_assembly

SAMPLES_MAX = 16
"""Samples of a file, more than which are a cohort that was called together: trios are fewer."""

_SHARE_BYTES = 256 << 20
_SHARE_FILES = 256
_WORTH_A_PROCESS_BYTES = 8 << 20
_SILENT = "nothing says where these people have no variant: frequencies are not known"
_BESIDE = "added beside an earlier file of the same person, which stays"
_WITHDRAWN = "the person has withdrawn; nothing of the file is loaded"


DEFAULT_SIZES = Sizes()


def is_for_single_samples(paths: Sequence[Path], assembly: str) -> bool:
    """Whether files are those of single people, to be merged by place.

    They are when none has more than a few samples, and it is one file of one person, or the files
    share no sample, or each has one sample, or one of them has reference blocks.

    Raises:
        LoadError: A file cannot be read, or is on another assembly.
    """
    files = find_files(paths, is_vcf)
    seen: set[str] = set()
    samples = 0
    has_blocks = False
    for path in files:
        names, blocks = samples_of(path, _canonical(assembly))
        if len(names) > SAMPLES_MAX:
            return False
        seen.update(names)
        samples += len(names)
        has_blocks |= blocks
    if has_blocks or samples == len(files):
        return True
    return len(files) > 1 and samples == len(seen)


def load_single_samples(
    sink: Sink,
    dataset_id: str,
    assembly: str,
    paths: Sequence[Path],
    *,
    assessed: Path | None = None,
    process_count: int | None = None,
    reference: Reference | None = None,
    sizes: Sizes = DEFAULT_SIZES,
    progress: Progress | None = None,
    listing: Path | None = None,
) -> Report:
    """Load the files of single people into a dataset, merged by place, and publish.

    An interrupted load reads the files again when called again with the same ones, and goes on
    merging where it was. A file that the dataset already holds, with the same assessed regions, is
    passed over.

    Args:
        assembly: What the files are on; `hg38` and the like will do.
        paths: Files, or folders of files.
        assessed: A BED file of the regions that were assessed, for files that have none beside
            them.
        process_count: Processes that read; as many as there are processors when not given.
        reference: Opens the reference sequence, in whichever process. REF is compared with it, and
            insertions and deletions are moved as far left as it lets them.
        sizes: What is held in memory.
        listing: A file that everything not loaded is appended to, as JSON Lines.

    Raises:
        LoadError: A file cannot be loaded as asked; nothing was published.
    """
    progress = progress or Silent()
    canonical = _canonical(assembly)
    if assessed is not None:
        read_regions(assessed, canonical)  # before anything is written
    files = find_files(paths, is_vcf)
    jobs = [Inspection(path, canonical, regions_beside(path) or assessed) for path in files]
    count = process_count or _worthwhile_processes(files)
    report = Report(listing=listing)
    with processes(count) as run:
        progress.file(f"looking at {_files(len(files))}", len(files))
        facts: list[Facts] = []
        for one in run(inspect, jobs):
            facts.append(one)
            progress.advance(1)
        _require_different(facts)
        _require_few_samples(facts)
        sources = [SourceFile(name=str(one.path), digest=one.identity) for one in facts]
        load = sink.open(dataset_id, assembly=canonical, files=sources)
        load.left_shifted(all_of_them=reference is not None)
        with settled(load, report):
            new = _new_files(load, facts, sources, report)
            if new:
                merge = _Merge(
                    load, canonical, new, report, progress, listing, count, sizes, reference
                )
                merge.read_and_merge(run)
            load_waiting(load, report)
            conclude(load, report, is_new=bool(new))
    return report


def _canonical(assembly: str) -> str:
    canonical = canonical_assembly(assembly)
    if canonical is None:
        raise LoadError(f"assembly {assembly} is unknown; one of {', '.join(ASSEMBLIES)}")
    return canonical


def _files(number: int) -> str:
    return "1 file" if number == 1 else f"{number:,} files"


def _worthwhile_processes(files: Sequence[Path]) -> int:
    """One for each processor, unless the files are so small that starting them takes longer."""
    size = sum(path.stat().st_size for path in files)
    return max(1, min(available_processors(), len(files), size // _WORTH_A_PROCESS_BYTES))


def _require_different(facts: Sequence[Facts]) -> None:
    """Refuse to count the same genotypes twice."""
    by_digest: dict[str, Path] = {}
    for one in facts:
        other = by_digest.setdefault(one.digest, one.path)
        if other != one.path:
            raise LoadError(f"{other} and {one.path} are the same file, byte for byte")


def _require_few_samples(facts: Sequence[Facts]) -> None:
    for one in facts:
        if len(one.samples) > SAMPLES_MAX:
            raise LoadError(
                f"{one.path} has {len(one.samples):,} samples: it is a cohort that was called "
                f"together, and only files of at most {SAMPLES_MAX} are merged by place; load it "
                "without assessed regions"
            )


def _new_files(
    load: Load, facts: Sequence[Facts], sources: Sequence[SourceFile], report: Report
) -> list[tuple[Facts, SourceFile]]:
    new = []
    for one, source in zip(facts, sources, strict=True):
        report.files.append(source.name)
        if load.is_loaded(source):
            report.already_loaded.append(source.name)
        else:
            new.append((one, source))
    return new


@dataclass(slots=True)
class _Merge:
    """The new files of one load, on their way through the spool."""

    load: Load
    assembly: str
    new: list[tuple[Facts, SourceFile]]
    report: Report
    progress: Progress
    listing: Path | None
    process_count: int
    sizes: Sizes
    reference: Reference | None
    _row_of: Mapping[str, int] = field(default_factory=dict)

    def read_and_merge(self, run: Run) -> None:
        """Read the files, hand over what is in them, and finish them."""
        self._row_of = _rows(self.load, [one for one, _ in self.new])
        with tempfile.TemporaryDirectory(prefix="beacon-load-") as folder:
            stems, silent = self._read(run, Path(folder))
            spool = Spool(stems)
            self._warn_of_files_beside(self.load.assess(spool.said()))
            self._merge(spool, silent, self._bounded())
        for facts, source in self.new:
            if not self._has_withdrawn(facts):
                self.load.finish(source)

    def _read(self, run: Run, folder: Path) -> tuple[list[Path], BitMap]:
        shares = list(self._shares(folder))
        total = sum(facts.size_bytes for share in shares for facts, _, _ in share.files)
        self.progress.file(f"reading {_files(len(self.new))} (bytes)", total)
        stems: list[Path] = []
        silent: list[Path] = []
        seen: dict[tuple[str, int], Path] = {}
        for share, done in zip(shares, run(read_share, shares), strict=True):
            self._account(done)
            self._require_once(share, done, seen)
            stems += done.stems
            silent += done.silent
            self.progress.advance(sum(facts.size_bytes for facts, _, _ in share.files))
        names = [
            name for facts, _ in self.new if facts.path in set(silent) for name in facts.samples
        ]
        if silent:
            self._warn_of_silence(silent)
        rows = (self._row_of[name] for name in names)
        return stems, BitMap([row for row in rows if row != NOBODY])

    def _bounded(self) -> BitMap:
        """Rows of those whose files say by regions what they assessed."""
        names = {name for facts, _ in self.new if facts.regions for name in facts.samples}
        return BitMap([self._row_of[name] for name in names if self._row_of[name] != NOBODY])

    def _shares(self, folder: Path) -> Iterator[Share]:
        """The files in their order, cut so that all processes have something to do."""
        total = sum(facts.size_bytes for facts, _ in self.new)
        size_max = min(_SHARE_BYTES, total // (4 * self.process_count) + 1)
        files_of: dict[str, int] = {}
        for facts, _ in self.new:
            for name in facts.samples:
                files_of[name] = files_of.get(name, 0) + 1
        files: list[tuple[Facts, tuple[int, ...], bool]] = []
        size = number = 0
        for facts, _ in self.new:
            if self._has_withdrawn(facts):
                problem = Problem(file=facts.path.name, place="", reason=_WITHDRAWN)
                self.report.warn(problem)
                continue
            rows = tuple(self._row_of[name] for name in facts.samples)
            files.append((facts, rows, any(files_of[name] > 1 for name in facts.samples)))
            size += facts.size_bytes
            if size >= size_max or len(files) == _SHARE_FILES:
                yield self._share(files, folder / f"{number:06}")
                files, size, number = [], 0, number + 1
        if files:
            yield self._share(files, folder / f"{number:06}")

    def _share(self, files: list[tuple[Facts, tuple[int, ...], bool]], stem: Path) -> Share:
        return Share(
            files=tuple(files),
            assembly=self.assembly,
            stem=stem,
            listed=self.listing is not None,
            segment_size=self.sizes.segment,
            reference=self.reference,
        )

    def _has_withdrawn(self, facts: Facts) -> bool:
        return all(self._row_of[name] == NOBODY for name in facts.samples)

    def _account(self, done: Done) -> None:
        """Add the account of one share to that of the load."""
        part, whole = done.report, self.report
        whole.records += part.records
        whole.items += part.items
        whole.loaded += part.loaded
        whole.nothing_to_load += part.nothing_to_load
        for findings, all_findings in (
            (part.not_loaded, whole.not_loaded),
            (part.warnings, whole.warnings),
        ):
            for reason, finding in findings.items():
                known = all_findings.setdefault(reason, Finding())
                for example in finding.examples:
                    known.add(example, 0)
                known.count += finding.count
        if self.listing is not None and done.listing:
            with self.listing.open("ab") as listing:
                listing.write(done.listing)

    def _require_once(self, share: Share, done: Done, seen: dict[tuple[str, int], Path]) -> None:
        """Refuse files that speak of the same person at the same place."""
        names = {facts.path: facts.samples for facts, _, is_part in share.files if is_part}
        for path, codes in done.places:
            for name in names.get(path, ()):
                for code in codes:
                    other = seen.setdefault((name, code), path)
                    if other != path:
                        raise LoadError(
                            f"sample {name} has records on {NAMES[code - 1]} in both {other} and "
                            f"{path}; a person's calls on one sequence belong in one file"
                        )

    def _warn_of_files_beside(self, files: Sequence[str]) -> None:
        """Say so of files whose people have other files with calls on the same sequence."""
        for file in dict.fromkeys(files):
            self.report.warn(
                Problem(
                    file=Path(file).name,
                    place="",
                    reason=_BESIDE,
                    detail="to put a corrected file in place of an earlier one, load it under "
                    "the name that that one had",
                )
            )

    def _warn_of_silence(self, silent: Sequence[Path]) -> None:
        self.report.warn(
            Problem(
                file=silent[0].name if len(silent) == 1 else f"{silent[0].name} and others",
                place=_files(len(silent)),
                reason=_SILENT,
                detail="their carriers are known; for frequencies, load gVCFs, or give the "
                "assessed regions as a BED file, for all (--assessed) or beside each file",
            )
        )

    # Merging ---------------------------------------------------------------------------------

    def _merge(self, spool: Spool, silent: BitMap, bounded: BitMap) -> None:
        identities = sorted(source.digest for _, source in self.new)
        digest = hashlib.sha256("\n".join(identities).encode()).hexdigest()
        whole = SourceFile(name=f"{_files(len(identities))}, merged", digest=digest)
        windows = list(spool.windows(self.sizes.window))
        self.progress.file("merging (calls)", sum(window.size for window in windows))
        merger = Merger(spool, silent, bounded)
        output = Output(self.load, whole, self.load.position(whole), self.sizes)
        for window in windows:
            for site, observation in merger.merge(window, output.position):
                output.take(site, observation)
            self.progress.advance(window.size)
        output.flush()


def _rows(load: Load, facts: Sequence[Facts]) -> Mapping[str, int]:
    """The row of each sample; two samples are two people."""
    names = list(dict.fromkeys(name for one in facts for name in one.samples))
    rows = np.asarray(load.rows(names), dtype=np.uint32).tolist()
    name_of: dict[int, str] = {}
    for name, row in zip(names, rows, strict=True):
        other = name_of.setdefault(row, name)
        if other != name and row != NOBODY:
            raise LoadError(
                f"samples {other} and {name} are the same biosample of the dataset; "
                "load one of them"
            )
    return dict(zip(names, rows, strict=True))
