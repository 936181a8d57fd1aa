"""The home of reading VCF and BCF files: whole or not at all, on the assembly that was named."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import cyvcf2

from beacon.framework.errors import LoadError
from beacon.load.bcf_records import BcfRecords, is_bcf
from beacon.load.bgzf_index import IndexedContig, read_index
from beacon.load.byte_stream import DamagedFile, Section
from beacon.load.vcf_header import declared_by
from beacon.load.vcf_records import VcfRecords
from beacon.model.assemblies import ASSEMBLIES, chromosome, length

SUFFIXES = (".vcf", ".vcf.gz", ".vcf.bgz", ".bcf")

MANY_SAMPLES = 500
"""From so many on, lines are read here: `cyvcf2` is faster where a record has few columns."""

_BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
_GZIP = b"\x1f\x8b"
_BCF = b"BCF"

_CONTIG = re.compile(r"^##contig=<(.*)>\s*$", re.MULTILINE)
_CONTIG_ID = re.compile(r"(?:^|,)ID=([^,]+)")
_CONTIG_LENGTH = re.compile(r"(?:^|,)length=(\d+)")
_PLINK = "##source=PLINK"
_NAMED = re.compile(r"^##(?:reference|assembly)=(.*)$|\bassembly=([^,>]+)", re.MULTILINE)
_ASSEMBLY_NAMES = (
    ("GRCh37", re.compile(r"GRCh37|hg19|b37|hs37|human_g1k_v37", re.IGNORECASE)),
    ("GRCh38", re.compile(r"GRCh38|hg38|hs38|b38", re.IGNORECASE)),
)


def is_vcf(path: Path) -> bool:
    """Whether the name says that it is a VCF or BCF file."""
    return path.name.endswith(SUFFIXES)


class VcfFile:
    """A VCF or BCF file with genotypes, open for one pass over its records.

    Args:
        assembly: What the operator says the coordinates are on, or `None` to go by the header.
        needs_samples: Whether a file that lists sites only is of no use.

    Raises:
        LoadError: It is no VCF, is cut short, has no samples, or is on another assembly.
    """

    def __init__(self, path: Path, assembly: str | None, *, needs_samples: bool = True) -> None:
        self.path = path
        _require_end(path)
        with failures_of(path):
            self._reader = cyvcf2.VCF(str(path))
        self.samples: list[str] = list(self._reader.samples)
        if needs_samples and not self.samples:
            raise LoadError(
                f"{path} has no samples: it lists sites only, and a load needs genotypes"
            )
        with failures_of(path):
            self._is_binary = is_bcf(path)
        self._is_wide = needs_samples and len(self.samples) >= MANY_SAMPLES
        self.header: str = self._reader.raw_header
        self.stated_assembly = stated_assembly(path, self.header)
        self.assembly = assembly or self.stated_assembly
        if self.stated_assembly not in (None, self.assembly):
            raise LoadError(
                f"{path} is on {self.stated_assembly} by its own header, and was to be loaded as "
                f"{assembly}; load it with assembly {self.stated_assembly}"
            )

    def record_count(self) -> int | None:
        """How many records it has, when an index beside the file tells."""
        if self._index() is None:
            return None
        try:
            return int(self._reader.num_records)
        except ValueError:  # an index without counts
            return None

    def records(self) -> Iterator[Any]:
        """The records: `cyvcf2.Variant`, or `VcfRecord` or `BcfRecord`, which are used alike.

        Genotypes are for `Calls.of` to take out of any of them.

        Raises:
            LoadError: The file is damaged there.
        """
        number = 1

        def place() -> str:
            return f"record {number}"

        with failures_of(self.path, place):
            for record in self._all_records():
                yield record
                number += 1

    def index(self) -> Mapping[str, IndexedContig] | None:
        """What the index beside the file says, see `bgzf_index.read_index`."""
        return read_index(self.path, declared_by(self._reader).contigs)

    def section(self, section: Section) -> Iterator[Any]:
        """Records of one contig from some place on, as `records` gives them.

        Others may come before those that the section wants.

        Raises:
            LoadError: The file is damaged there.
        """
        read = BcfRecords if self._is_binary else VcfRecords
        place = f"{section.contig}:{section.start + 1}-{section.end}"
        with failures_of(self.path, lambda: place):
            for record in read(self.path, declared_by(self._reader), section):
                if section.contig != record.CHROM or section.end < record.POS:
                    break
                yield record

    def region(self, name: str, start: int, end: int) -> Iterator[Any]:
        """The records that overlap an interval, by the index beside the file.

        Args:
            name: A contig, as the file has it.
            start, end: 0-based, half-open.

        Raises:
            LoadError: The file has no index, or is damaged there.
        """
        if self._index() is None:
            raise LoadError(f"{self.path} has no index (.tbi or .csi) beside it")
        quoted = f"{{{name}}}" if ":" in name else name
        reader = cyvcf2.VCF(str(self.path))  # one that has not moved
        try:
            if name not in reader.seqnames:
                return
            with failures_of(self.path, lambda: f"{name}:{start + 1}-{end}"):
                yield from reader(f"{quoted}:{start + 1}-{end}")
        finally:
            reader.close()

    def _index(self) -> Path | None:
        indexes = (self.path.with_name(self.path.name + suffix) for suffix in (".tbi", ".csi"))
        return next((index for index in indexes if index.is_file()), None)

    def _all_records(self) -> Iterator[Any]:
        declared = declared_by(self._reader)
        if self._is_wide:
            yield from (BcfRecords if self._is_binary else VcfRecords)(self.path, declared)
            return
        contigs = set(declared.contigs.values())
        passed = 0
        for record in self._reader:
            if record.CHROM not in contigs and not self._is_binary:
                break
            yield record
            passed += 1
        else:
            return
        # What cyvcf2 cannot read it takes for a record where the contig is not declared.
        yield from islice(VcfRecords(self.path, declared), passed, None)

    def close(self) -> None:
        """Give the file back."""
        self._reader.close()


@contextmanager
def failures_of(path: Path, place: Callable[[], str] = lambda: "its header") -> Iterator[None]:
    """Turn what the readers raise about a file into a `LoadError`.

    Args:
        path: Of the file.
        place: Says how far it was read.
    """
    try:
        yield
    except DamagedFile as error:
        raise LoadError(f"{path} is damaged or not valid VCF at {place()}: {error}") from error
    except OSError as error:
        raise LoadError(f"{path} is not a VCF or BCF file") from error
    except Exception as error:
        # The library has no exception of its own: it raises Exception itself, and nothing else
        # that is raised on purpose is exactly that.
        if type(error) is not Exception:
            raise
        raise LoadError(f"{path} is damaged or not valid VCF at {place()}") from error


def _require_end(path: Path) -> None:
    """Refuse a file that is cut short where the reader would not notice."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(18)
            file.seek(max(0, size - len(_BGZF_END)))
            tail = file.read()
    except OSError as error:
        raise LoadError(f"{path} cannot be read: {error.strerror}") from error
    if not head:
        raise LoadError(f"{path} is empty")
    if head.startswith(_GZIP):
        if head[12:14] == b"BC" and tail != _BGZF_END:
            raise LoadError(f"{path} is cut short: it lacks the block that ends a BGZF file")
    elif not head.startswith(_BCF) and not tail.endswith(b"\n"):
        raise LoadError(f"{path} is cut short: its last line does not end with a newline")


def stated_assembly(path: Path, header: str) -> str | None:
    """The assembly that a VCF header states, if it does.

    The lengths of the chromosomes decide where the header has them (the mitochondrion apart: hg19
    has one of its own), else the name of the reference.

    Raises:
        LoadError: The lengths are of none that is known.
    """
    agreeing = dict.fromkeys(ASSEMBLIES, 0)
    measured = False
    # PLINK writes where its last variant lies in the place of a length.
    for fields in () if _PLINK in header else _CONTIG.findall(header):
        contig, size = _CONTIG_ID.search(fields), _CONTIG_LENGTH.search(fields)
        name = chromosome(contig[1]) if contig else None
        if size is None or name is None or name == "MT":
            continue
        measured = True
        for candidate in ASSEMBLIES:
            agreeing[candidate] += int(size[1]) == length(candidate, name)
    if measured:
        best = max(agreeing, key=lambda candidate: agreeing[candidate])
        if agreeing[best]:
            return best
        raise LoadError(
            f"{path} is on neither {' nor '.join(ASSEMBLIES)}: the chromosome lengths in its "
            "header are of another assembly"
        )
    named = {
        candidate
        for names in _NAMED.findall(header)
        for candidate, pattern in _ASSEMBLY_NAMES
        if pattern.search("".join(names))
    }
    return named.pop() if len(named) == 1 else None
