"""The home of reference files: sequences in indexed FASTA, and chains from one to another.

What they say is for the model to use (`beacon/model/reference.py`); here is only the reading.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import pysam
from liftover import ChainFile

from beacon.framework.errors import SettingsError
from beacon.model.assemblies import ASSEMBLIES, chromosome, implied_assembly, length
from beacon.model.reference import Place, References
from beacon.settings import AssemblyName, Settings

WINDOW = 1 << 14
"""Bases that are read at once."""

_WINDOWS_MAX = 1024  # 16 MB
_COMPRESSED = (".gz", ".bgz")


class ReferenceSequence:
    """The bases of one assembly, from an indexed FASTA.

    Sequences may be called `17`, `chr17`, `NC_000017.11` or `CM000679.2`. One that is as long as no
    chromosome of the assembly is an error, except for the mitochondrion: `chrM` of UCSC's hg19 is
    another sequence and is passed over. Not for several threads at once.

    Args:
        path: The FASTA, plain or compressed by bgzip, with `.fai` (and `.gzi`) beside it.
        assembly: Canonical.

    Raises:
        SettingsError: There is no such file or index, or the file is of another assembly.
    """

    def __init__(self, path: Path, assembly: str) -> None:
        self.path = path
        self.assembly = assembly
        suffixes = (".fai", ".gzi") if path.suffix in _COMPRESSED else (".fai",)
        for one in (path, *(path.with_name(path.name + suffix) for suffix in suffixes)):
            if not one.is_file():
                hint = "" if one == path else f"; `samtools faidx {path}` makes it"
                raise SettingsError(f"the FASTA of {assembly}: there is no file {one}{hint}")
        try:
            self._file = pysam.FastaFile(str(path))
        except (OSError, ValueError) as error:
            raise SettingsError(f"the FASTA of {assembly}: {path} cannot be read") from error
        self._name_in_file = self._names()
        self.names = frozenset(self._name_in_file)
        """Canonical names of the chromosomes that the file has."""
        self._window = lru_cache(_WINDOWS_MAX)(self._read)

    def bases(self, name: str, start: int, end: int) -> str:
        """The bases of [start, end), upper case.

        Fewer where the sequence ends, none if the file does not have it.

        Args:
            name: Canonical sequence name.
            start: Interbase; below 0 counts as 0.
        """
        start = max(start, 0)
        if start >= end or name not in self._name_in_file:
            return ""
        first, last = start // WINDOW, (end - 1) // WINDOW
        if first == last:
            return self._window(name, first)[start - first * WINDOW : end - first * WINDOW]
        end = min(end, length(self.assembly, name))
        if last - first > _WINDOWS_MAX // 4:  # would drive out everything else
            return self._file.fetch(self._name_in_file[name], start, end).upper()
        windows = (self._window(name, number) for number in range(first, last + 1))
        return "".join(windows)[start - first * WINDOW : end - first * WINDOW]

    def _read(self, name: str, number: int) -> str:
        start = number * WINDOW
        if start >= length(self.assembly, name):
            return ""
        return self._file.fetch(self._name_in_file[name], start, start + WINDOW).upper()

    def _names(self) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for written, size in zip(self._file.references, self._file.lengths, strict=True):
            name = chromosome(written)
            if name is None or name in found:
                continue
            expected = length(self.assembly, name)
            if size != expected and name == "MT":
                continue
            if size != expected or implied_assembly(written) not in (None, self.assembly):
                raise SettingsError(
                    f"the FASTA of {self.assembly}: {written} in {self.path} has {size:,} bases, "
                    f"chromosome {name} of {self.assembly} has {expected:,}"
                )
            found[name] = written
        if not found:
            raise SettingsError(
                f"the FASTA of {self.assembly}: {self.path} has no chromosome that is known"
            )
        return found


class Chain:
    """Where bases of one assembly lie in another, from a UCSC or Ensembl chain file.

    Args:
        path: The chain file, compressed or not.
        source: Canonical assembly that it leads from.
        target: Canonical assembly that it leads to.

    Raises:
        SettingsError: There is no such file, or it leads from or to other sequences.
    """

    def __init__(self, path: Path, source: str, target: str) -> None:
        what = f"the chain from {source} to {target}"
        if not path.is_file():
            raise SettingsError(f"{what}: there is no file {path}")
        try:
            _check_chain(path, source, target)
            self._file = ChainFile(str(path))
        except (OSError, EOFError, ValueError, zlib.error) as error:
            raise SettingsError(f"{what}: {path}: {error}") from error
        self._chromosome = lru_cache(maxsize=None)(chromosome)

    def places(self, name: str, position: int) -> tuple[Place, ...]:
        """Where a base lies: nowhere, once, or more often.

        Args:
            name: Canonical sequence name.
            position: 0-based.
        """
        return tuple(
            Place(self._chromosome(found), there, strand == "-")
            for found, there, strand in self._file[f"chr{name}"][position]
        )


def _check_chain(path: Path, source: str, target: str) -> None:
    """Refuse a chain of other assemblies, or the other way round, by the lengths it states."""
    checked = False
    with gzip.open(path, "rt") if path.suffix in _COMPRESSED else path.open() as lines:
        for line in lines:
            if not line.startswith("chain"):
                continue
            fields = line.split()
            if len(fields) < 9:
                raise ValueError("this is no chain file")
            for assembly, name, size in ((source, *fields[2:4]), (target, *fields[7:9])):
                known = chromosome(name)
                if known is None or known == "MT":
                    continue
                checked = True
                if int(size) != length(assembly, known):
                    raise ValueError(
                        f"{name} has {int(size):,} bases, in {assembly} it has "
                        f"{length(assembly, known):,}"
                    )
    if not checked:
        raise ValueError("no chromosome in it is known")


def reference_sequence(settings: Settings, assembly: str) -> ReferenceSequence | None:
    """The reference sequence that the settings name for a canonical assembly, if any.

    Raises:
        SettingsError: It cannot be used.
    """
    named = settings.assemblies.get(AssemblyName(assembly))
    if named is None or not named.fasta:
        return None
    return ReferenceSequence(Path(named.fasta), assembly)


def references(settings: Settings) -> References:
    """Everything that the settings name about assemblies, opened.

    Raises:
        SettingsError: A file cannot be used.
    """
    sequences = {
        assembly: sequence.bases
        for assembly in ASSEMBLIES
        if (sequence := reference_sequence(settings, assembly)) is not None
    }
    chains = {}
    for source, named in settings.assemblies.items():
        for target, path in named.chain_to.items():
            if source == target:
                raise SettingsError(f"assemblies.{source.value}.chain_to leads to {target.value}")
            chain = Chain(Path(path), source.value, target.value)
            chains[source.value, target.value] = chain.places
    return References(sequences, chains)
