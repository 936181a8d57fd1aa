"""The home of sites with counts in VCF and BCF files, read as text: a line is one record."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import cyvcf2

from beacon.framework.errors import LoadError
from beacon.load.byte_stream import DamagedFile, blocks
from beacon.load.frequency_batches import Batch, Place
from beacon.load.frequency_info import InfoReader
from beacon.load.frequency_mapping import Mapping, Stratum, strata_of
from beacon.load.frequency_sites import NOTHING_TO_COUNT, Site
from beacon.load.vcf_alleles import AlleleReader, Unusable
from beacon.load.vcf_file import VcfFile
from beacon.model.allele import Observation

_AT_ONCE = 2_000  # records
_INFO_ID = re.compile(rb"##INFO=<(?:[^\"]*,)?ID=([^,>]+)", re.MULTILINE)
_COLUMNS = 8
_SEX_LINKED = ("X", "Y")


class VcfSites:
    """A VCF or BCF file of which only the sites and their counts are of interest.

    Attributes:
        names: The INFO fields that its header declares, and those of its first record.
        has_genotypes: Whether it has samples, which are passed over.

    Raises:
        LoadError: It is no VCF, is cut short, or is on another assembly.
    """

    def __init__(self, path: Path, assembly: str) -> None:
        self.path = path
        self._assembly = assembly
        file = VcfFile(path, assembly, needs_samples=False)
        self.has_genotypes = bool(file.samples)
        self.size = file.record_count()
        file.close()
        self.names = list(dict.fromkeys(self._names()))

    def strata(self, mapping: Mapping) -> tuple[Stratum, ...]:
        """Who is counted, everybody first.

        Raises:
            LoadError: Everybody is not.
        """
        return strata_of(mapping, self.names, str(self.path))

    def batches(self, mapping: Mapping, batch: Batch) -> Iterator[tuple[int, list[Observation]]]:
        """The observations of some records at a time, each time with the records read so far.

        Raises:
            LoadError: The file is damaged.
        """
        strata = {stratum.label: stratum for stratum in self.strata(mapping)}
        info = InfoReader(mapping, [strata.get(label) for label in batch.labels])
        alleles = AlleleReader(batch.file_name, self._assembly)
        number = 0
        for line in self._lines():
            if line.startswith(b"#"):
                continue
            number += 1
            self._take(line, number, batch, info, alleles)
            if number % _AT_ONCE == 0:
                yield number, batch.drain()
        yield number, batch.drain()

    def _take(
        self, line: bytes, number: int, batch: Batch, reader: InfoReader, alleles: AlleleReader
    ) -> None:
        """Add the alleles of one record."""
        columns = line.split(b"\t", _COLUMNS)
        if len(columns) < _COLUMNS:
            raise LoadError(
                f"{self.path} is damaged or not valid VCF at record {number}: it has "
                f"{len(columns)} columns instead of {_COLUMNS} or more"
            )
        chrom, ref, alt = columns[0].decode(), columns[3], columns[4]
        info = columns[7]
        alternates = alt.decode().split(",")
        report = batch.report
        report.records += 1
        report.items += len(alternates)
        pos = int(columns[1]) if columns[1].isdigit() else 0
        place = Place("record", number, chrom, pos)
        site = Site(chrom, pos, ref.decode(), alternates, info)
        cells = None
        for index, alternate in enumerate(alternates):
            if alternate in NOTHING_TO_COUNT:
                report.nothing_to_load[NOTHING_TO_COUNT[alternate]] += 1
                continue
            try:
                allele = alleles.allele(site, index)
            except Unusable as unusable:
                batch.lose(place, unusable.reason, unusable.field, unusable.detail)
                continue
            if cells is None:
                sex_linked = allele.reference_name in _SEX_LINKED
                cells = reader.read(info, alt.split(b","), sex_linked=sex_linked)
            batch.add(allele, place, cells[index])

    def _lines(self) -> Iterator[bytes]:
        """The lines of the file, without the ends of lines; of a BCF the records alone.

        Raises:
            LoadError: It is damaged.
        """
        if self.path.name.endswith(".bcf"):
            for record in cyvcf2.VCF(str(self.path), samples=[]):
                yield str(record).rstrip("\n").encode()
            return
        rest = b""
        try:
            for block in blocks(self.path):
                lines = (rest + block).split(b"\n")
                rest = lines.pop()
                for line in lines:
                    if line:
                        yield line.removesuffix(b"\r")
        except (OSError, DamagedFile) as error:
            raise LoadError(f"{self.path} is damaged: {error}") from error
        if rest:
            yield rest.removesuffix(b"\r")

    def _names(self) -> Iterator[str]:
        """The INFO fields that the header declares, and then those of the first record."""
        if self.path.name.endswith(".bcf"):
            file = VcfFile(self.path, self._assembly, needs_samples=False)
            header = file.header.encode()
            file.close()
            yield from (name.decode() for name in _INFO_ID.findall(header))
        for line in self._lines():
            if not line.startswith(b"#"):
                info = line.split(b"\t", _COLUMNS)[7:8]
                items = info[0].split(b";") if info else []
                yield from (item.partition(b"=")[0].decode(errors="replace") for item in items)
                return
            if match := _INFO_ID.match(line):
                yield match[1].decode(errors="replace")
