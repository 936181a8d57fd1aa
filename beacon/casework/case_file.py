"""The home of reading a patient's VCF: from all records to the alleles that may matter.

What costs little is looked at first. Genotypes are read only of records that pass the filters, lie
where they should, are rare, and have an effect; effects are read in full only of what is carried.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast

import cyvcf2

from beacon.casework.candidates import Candidate, annotated, is_wanted, ranked
from beacon.casework.failures import CaseError
from beacon.casework.family import Family
from beacon.casework.inheritance import (
    Call,
    Trio,
    inheritance_of,
    is_single_copy,
    zygosity,
)
from beacon.casework.places import Places
from beacon.casework.population import PopulationFrequencies
from beacon.framework.errors import LoadError
from beacon.load.annotation_entries import text
from beacon.load.annotations import Annotator
from beacon.load.annotations_snpeff import AnnReader
from beacon.load.annotations_vep import VepReader
from beacon.load.progress import Progress, Silent
from beacon.load.vcf_alleles import NOTHING, AlleleReader, Unusable
from beacon.load.vcf_file import VcfFile, failures_of
from beacon.load.vcf_header import declared_by
from beacon.model.assemblies import chromosome

SEVERE_STEMS = (
    *("ablation", "loss", "lost", "fusion", "rearranged", "chromosome_number", "splice", "stop"),
    *("frameshift", "frame_shift", "initiator", "rare_amino_acid", "amplification"),
    *("duplication", "inversion", "deletion", "deleted", "insertion", "elongation", "truncation"),
    *("inframe", "missense", "non_synonymous", "protein_altering", "structural_interaction"),
    *("protein_protein", "nonsense", "utr_3_del", "utr_5_del"),
)
"""The name of every effect that is severe enough has one of these in it, in lower case."""

STATED_IMPACTS = ("|HIGH|", "|MODERATE|", "splice", "truncation", "elongation")
"""One of these is in every such annotation that states an impact, as CSQ and ANN mostly do."""

_TOLD_EVERY = 2_000  # records


class _Keyed(Protocol):
    """A reader of an annotation: `key` is the field of INFO that it reads."""

    key: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for in a file.

    Attributes:
        max_frequency: in any population that the file's INFO has.
        genes: symbols; all genes if there are none.
        places: `None` is everywhere.
    """

    max_frequency: float = 0.01
    genes: tuple[str, ...] = ()
    places: Places | None = None


@dataclass(slots=True)
class Account:
    """What became of the records: how many were read, and why others than `kept` were not kept.

    `dropped` counts records by the first reason, in the order in which they are looked at.
    """

    records: int = 0
    dropped: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Header:
    """What a VCF says before its records: samples, assembly, and what its INFO tells.

    Attributes:
        assembly: canonical.
        annotator: `None` where nothing is said of effects or by ClinVar.
        effects: the fields of INFO that tell consequences and genes.
    """

    path: Path
    samples: tuple[str, ...]
    assembly: str
    annotator: Annotator | None
    effects: tuple[str, ...]
    frequencies: PopulationFrequencies

    @property
    def has_effects(self) -> bool:
        """Whether consequences and genes are told."""
        return bool(self.effects)


def read_header(path: Path, assembly: str | None) -> Header:
    """Open a VCF, and see what can be done with it.

    Args:
        assembly: What its coordinates are on, where the file does not say.

    Raises:
        CaseError: Its assembly is not known.
        LoadError: It is no VCF, has no samples, or is on another assembly.
    """
    file = VcfFile(path, assembly)
    with closing(file):
        if file.assembly is None:
            raise CaseError(f"{path} does not say its assembly; say --assembly GRCh37 or GRCh38")
        annotator = Annotator.of(file.header)
        return Header(
            path=path,
            samples=tuple(file.samples),
            assembly=file.assembly,
            annotator=annotator,
            effects=() if annotator is None else tuple(map(_key_of, annotator.readers)),
            frequencies=PopulationFrequencies.of(file.header),
        )


def read_candidates(
    header: Header, family: Family, wanted: Wanted, progress: Progress | None = None
) -> tuple[list[Candidate], Account]:
    """The patient's alleles that may matter, the most promising first.

    Raises:
        LoadError: The file is damaged.
    """
    reading = _Reading(header, family, wanted, progress or Silent())
    return ranked(reading.candidates()), reading.account


@dataclass(slots=True)
class _Reading:
    """One pass over a file; `_rare` are the ALTs of the record at hand that are rare."""

    header: Header
    family: Family
    wanted: Wanted
    progress: Progress
    account: Account = field(default_factory=Account)
    _columns: dict[str, int] = field(default_factory=dict)
    _names: dict[str, str | None] = field(default_factory=dict)
    _declared: frozenset[str] = frozenset()
    _alleles: AlleleReader = field(init=False)
    _effect_keys: tuple[tuple[str, bool], ...] = ()
    _rare: tuple[int, ...] = ()
    _clinvar_key: str = ""
    _genes: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        header, annotator = self.header, self.header.annotator
        self._alleles = AlleleReader(header.path.name, header.assembly)
        self._genes = frozenset(one.upper() for one in self.wanted.genes)
        if annotator is not None:
            self._effect_keys = tuple(
                (_key_of(one), _states_impact(one)) for one in annotator.readers
            )
            if annotator.clinvar is not None:
                self._clinvar_key = f"{annotator.clinvar.prefix}CLNSIG"

    def candidates(self) -> Iterator[Candidate]:
        file = cyvcf2.VCF(str(self.header.path), samples=list(self.family.columns), threads=2)
        self._columns = {name: place for place, name in enumerate(file.samples)}
        self._declared = frozenset(declared_by(file).contigs.values())
        self.progress.file(f"reading {self.header.path.name}", None)
        try:
            with failures_of(self.header.path, self._place):
                yield from self._of_records(file)
        except LoadError as error:
            raise CaseError(str(error)) from error
        finally:
            file.close()
            self.progress.advance(self.account.records % _TOLD_EVERY)

    def _place(self) -> str:
        return f"record {self.account.records + 1}"

    def _of_records(self, file: Any) -> Iterator[Candidate]:
        for record in file:
            self.account.records += 1
            if not self.account.records % _TOLD_EVERY:
                self.progress.advance(_TOLD_EVERY)
            reason = self._first_reason(record)
            if reason is not None:
                self.account.dropped[reason] += 1
                continue
            yield from self._of_record(record)

    def _first_reason(self, record: Any) -> str | None:
        """Why a record is passed over, by what it says of no person."""
        if record.FILTER is not None:  # PASS and `.` are None
            return "filtered by the caller"
        name = self._name(record.CHROM)
        if name is None:
            return "on another sequence than 1-22, X, Y and MT"
        places = self.wanted.places
        pos = record.POS
        if places is not None and not places.overlap(name, pos - 1, pos - 1 + len(record.REF)):
            return "outside the regions"
        alternates = record.ALT
        info = record.INFO
        self._rare = tuple(
            index for index in range(len(alternates)) if self._is_rare(info, index, alternates)
        )
        if not self._rare:
            return "common in a population" if alternates else "no alternate allele"
        if self.header.has_effects and not self._may_have_effect(info):
            return "no effect on a protein or on splicing"
        return None

    def _of_record(self, record: Any) -> Iterator[Candidate]:
        calls = record.genotypes if "GT" in record.FORMAT else []
        place = self._columns[self.family.patient]
        if not calls:
            self.account.dropped["without genotypes"] += 1
            return
        carried = {one for one in calls[place][:-1] if one > 0}
        if not carried:
            self.account.dropped["not the patient's"] += 1
            return
        alternates = record.ALT
        for number in sorted(carried):
            index = number - 1
            if index >= len(alternates) or alternates[index] in NOTHING:
                continue
            if index not in self._rare:
                self.account.dropped["common in a population"] += 1
                continue
            candidate = self._candidate(record, index, calls)
            if candidate is not None:
                yield candidate

    def _candidate(self, record: Any, index: int, calls: Sequence[Any]) -> Candidate | None:
        try:
            allele = self._alleles.allele(record, index)
        except Unusable as error:
            self.account.dropped[error.reason] += 1
            return None
        if allele.structural:
            self.account.dropped["structural: not known by its bases"] += 1
            return None
        fragment = None
        if self.header.annotator is not None:
            fragment = self.header.annotator.fragment(
                record.INFO, record.ID, index, allele, record.REF, record.ALT[index], record.ALT
            )
        trio = self._trio(record, index, calls)
        family, name = self.family, allele.reference_name
        single = is_single_copy(self.header.assembly, name, record.POS, family.sex, trio.patient)
        affected = [
            role
            for role, column in (("father", family.father), ("mother", family.mother))
            if column in family.affected
        ]
        candidate = Candidate(
            assembly=self.header.assembly,
            allele=allele,
            trio=trio,
            inheritance=inheritance_of(name, trio, single=single, affected=affected),
            zygosity=zygosity(name, trio.patient, single=single),
            frequency=self.header.frequencies.of_allele(record.INFO, index, len(record.ALT)),
            **annotated(fragment),
        )
        if not is_wanted(candidate, needs_effect=self.header.has_effects):
            self.account.dropped["no effect on a protein or on splicing"] += 1
            return None
        genes = (fragment or {}).get("molecularAttributes", {}).get("geneIds", ())
        if (
            self._genes
            and self.header.has_effects
            and self._genes.isdisjoint(one.upper() for one in genes)
        ):
            self.account.dropped["in other genes"] += 1
            return None
        return candidate

    def _trio(self, record: Any, index: int, calls: Sequence[Any]) -> Trio:
        qualities = _numbers(record, "GQ")
        depths = record.format("AD") if "AD" in record.FORMAT else None
        phases = _numbers(record, "PS")

        def call(name: str | None) -> Call | None:
            if name is None:
                return None
            place = self._columns[name]
            return _call(
                calls[place],
                index + 1,
                quality=None if qualities is None else qualities[place],
                depths=None if depths is None else depths[place],
                phase_set=f"{record.CHROM}:{None if phases is None else phases[place]}",
            )

        patient = call(self.family.patient)
        assert patient is not None  # noqa: S101 - the patient always has a name
        return Trio(patient, call(self.family.father), call(self.family.mother))

    def _is_rare(self, info: Any, index: int, alternates: Sequence[str]) -> bool:
        frequency = self.header.frequencies.of_allele(info, index, len(alternates))
        return frequency is None or frequency <= self.wanted.max_frequency

    def _may_have_effect(self, info: Any) -> bool:
        if self._clinvar_key and info.get(self._clinvar_key) is not None:
            return True
        for key, states_impact in self._effect_keys:
            said = text(info.get(key))
            stems: Sequence[str] = STATED_IMPACTS
            if not states_impact:
                said, stems = said.lower(), SEVERE_STEMS
            for stem in stems:
                if stem in said:
                    return True
        return False

    def _name(self, contig: str) -> str | None:
        if contig not in self._names:
            self._names[contig] = name = chromosome(contig)
            if name is None and contig not in self._declared and (self._declared or " " in contig):
                # The library takes a line that it cannot read for one of another contig.
                raise CaseError(
                    f"{self.header.path} is damaged or not valid VCF at record "
                    f"{self.account.records}: its header has no contig {contig[:40]!r}"
                )
        return self._names[contig]


def _key_of(reader: object) -> str:
    return cast("_Keyed", reader).key


def _states_impact(reader: object) -> bool:
    return isinstance(reader, AnnReader) or (
        isinstance(reader, VepReader) and "IMPACT" in reader.places
    )


def _numbers(record: Any, key: str) -> list[float | None] | None:
    """One number for each column; `None` in place of what is missing."""
    if key not in record.FORMAT:
        return None
    values = record.format(key)
    if values is None or values.dtype.kind not in "if":
        return None
    return [_stated(row[0]) for row in values]


def _stated(value: Any) -> float | None:
    number = float(value)
    return number if number >= 0 else None  # missing is a very negative number, or none


def _call(
    genotype: Sequence[Any],
    number: int,
    *,
    quality: float | None,
    depths: Any,
    phase_set: str,
) -> Call:
    """What a genotype says of the allele with this number among the record's.

    Args:
        genotype: Alleles, -1 for a missing one and -2 for one that is not there; then whether
            they are phased.
    """
    *alleles, phased = genotype
    alleles = [one for one in alleles if one != -2]
    copies = alleles.count(number)
    haplotype = None
    if phased and len(alleles) == 2 and copies == 1:
        haplotype = (phase_set, alleles.index(number))
    share = None
    if depths is not None and depths.dtype.kind == "i" and len(depths) > number:
        reads = [max(int(one), 0) for one in depths]
        share = reads[number] / sum(reads) if sum(reads) else None
    return Call(
        copies=copies,
        called=sum(one >= 0 for one in alleles),
        ploidy=len(alleles),
        quality=quality,
        share=share,
        haplotype=haplotype,
    )
