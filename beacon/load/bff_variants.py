"""The home of genomic variation records: from a record to the allele and who carries it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from beacon.framework.answer import Record
from beacon.framework.source import Load, SourceFile
from beacon.load.report import Problem, Report
from beacon.model.filters import zygosity_code
from beacon.model.variation import (
    Allele,
    Observation,
    UnreadableVariation,
    Zygosity,
    allele_from_record,
    internal_id,
)

_BY_WORD = (
    ("hemizyg", Zygosity.HEMI),
    ("heterozyg", Zygosity.HET),
    ("homozyg", Zygosity.HOM),
)
_UNREADABLE = "variation not understood"
_BATCH = 1_000
_WAITING = SourceFile(name="waiting records", digest="waiting")
"""Stands for the waiting records where a load remembers how far it got with each file."""
_IDENTITY = frozenset(("variation", "variantInternalId", "_position"))
_GENOTYPE = re.compile(r"[\d.]+(?:[/|][\d.]+)*")


class Variant:
    """A record that is understood: its allele, its carriers by name, and the record to keep."""

    __slots__ = ("allele", "carriers", "file", "place", "record")

    def __init__(self, record: Record, allele: Allele, *, file: str, place: str) -> None:
        self.record, self.allele, self.file, self.place = record, allele, file, place
        self.carriers: list[tuple[str, Zygosity]] = []


def read_variant(
    record: Record, assembly: str, report: Report, *, file: str, place: str
) -> Variant | None:
    """The variant that a record describes, or `None` when the report says why it cannot be.

    Args:
        assembly: What the dataset is on. A record that says it is on another is not loaded.
    """
    reason = _UNREADABLE
    try:
        found, allele = allele_from_record(record["variation"], record)
        if found is not None and found != assembly:
            reason = "on another assembly"
            raise UnreadableVariation(f"it is on {found}, and the dataset on {assembly}")
    except UnreadableVariation as error:
        report.lose(_not_understood(error, file=file, place=place, reason=reason))
        return None
    identifier = record.get("variantInternalId")
    if not isinstance(identifier, str) or not identifier:
        given = internal_id(allele, assembly)
        record = {**record, "variantInternalId": given}
        report.warn(
            Problem(
                file=file,
                place=place,
                field="variantInternalId",
                reason="variantInternalId is missing",
                detail=f"it is given {given}",
            )
        )
    variant = Variant(record, allele, file=file, place=place)
    variant.carriers = list(_carriers(record, report, file=file, place=place))
    return variant


def waiting_record(
    record: Record, report: Report, *, source: SourceFile, number: int, file: str, place: str
) -> Record | None:
    """The record as it is kept until the assembly of the dataset is known.

    `None` when it could not be an allele on any, and the report says why. The id puts the records
    of a file in order and is the same whenever the file is read.
    """
    try:
        allele_from_record(record["variation"], record)
    except UnreadableVariation as error:
        report.lose(_not_understood(error, file=file, place=place))
        return None
    report.waiting += 1
    report.warn(
        Problem(
            file=file,
            place=place,
            field="variation.location",
            reason="waiting for the assembly of the dataset",
            detail="it is kept, and answered from once a load tells the assembly",
        )
    )
    return {
        "id": f"{source.digest}:{number:012}",
        "file": file,
        "place": place,
        "record": record,
    }


def load_waiting(load: Load, report: Report) -> bool:
    """Hand over as alleles what waited for the assembly, if this load has one.

    Returns:
        Whether there was something.
    """
    if load.assembly is None:
        return False
    if load.position(_WAITING):
        return True
    taken = 0
    batch: list[Variant] = []
    for one in load.waiting():
        taken += 1
        report.items += 1
        variant = read_variant(
            one["record"], load.assembly, report, file=one["file"], place=one["place"]
        )
        if variant is not None:
            report.loaded["genomicVariant"] += 1
            batch.append(variant)
        if len(batch) == _BATCH:
            load.write_alleles(observations(batch, load.rows, report))
            batch = []
    if batch:
        load.write_alleles(observations(batch, load.rows, report))
    if taken:
        load.mark(_WAITING, taken)
    return taken > 0


def read_zygosity(zygosity: object) -> Zygosity:
    """What a `zygosity` says: by its GENO id, else by its label, a word or a genotype."""
    if not isinstance(zygosity, Mapping):
        return Zygosity.UNSPECIFIED
    by_term = zygosity_code(str(zygosity.get("id") or ""))
    if by_term is not Zygosity.UNSPECIFIED:
        return by_term
    label = str(zygosity.get("label") or "").strip().lower()
    if _GENOTYPE.fullmatch(label):
        return _of_genotype(re.split(r"[/|]", label))
    return next((code for word, code in _BY_WORD if word in label), Zygosity.UNSPECIFIED)


def named_assembly(record: Any) -> str | None:
    """The assembly that a genomic variation record says it is on, if it does."""
    if not isinstance(record, dict) or not isinstance(record.get("variation"), dict):
        return None
    try:
        return allele_from_record(record["variation"], record)[0]
    except UnreadableVariation:
        return None


def observations(
    variants: Sequence[Variant],
    rows_of: Callable[[Sequence[str]], Any],
    report: Report,
    *,
    asserted: bool = True,
) -> list[Observation]:
    """The variants with their carriers' rows; all names are asked for at once.

    Args:
        asserted: Whether their records are all there is to say of them. Otherwise they are added to
            what others say, and how the variant is written and called is left to those.
    """
    names = list(dict.fromkeys(name for one in variants for name, _ in one.carriers))
    rows = dict(zip(names, np.asarray(rows_of(names)).tolist(), strict=True)) if names else {}
    return [_observation(variant, rows, report, asserted) for variant in variants]


def _not_understood(
    error: UnreadableVariation, *, file: str, place: str, reason: str = _UNREADABLE
) -> Problem:
    return Problem(file=file, place=place, field="variation", reason=reason, detail=str(error))


def _observation(
    variant: Variant, rows: Mapping[str, int], report: Report, asserted: bool
) -> Observation:
    by_row: dict[int, Zygosity] = {}
    for name, code in variant.carriers:
        if by_row.setdefault(rows[name], code) != code:
            report.warn(
                Problem(
                    file=variant.file,
                    place=variant.place,
                    field="caseLevelData",
                    reason="a carrier is listed twice with different zygosity; the first counts",
                    detail=f"biosampleId {name}",
                )
            )
    return Observation(
        allele=variant.allele,
        rows=np.fromiter(by_row, np.uint32, len(by_row)),
        zygosity=np.fromiter(by_row.values(), np.uint8, len(by_row)),
        annotation=variant.record if asserted else _fragment(variant.record),
        asserted=asserted,
    )


def _fragment(record: Record) -> Record | None:
    """What a record says of a variant beside what it is; `None` when that is nothing."""
    left = {key: value for key, value in record.items() if key not in _IDENTITY}
    return left or None


def _carriers(
    record: Record, report: Report, *, file: str, place: str
) -> Iterator[tuple[str, Zygosity]]:
    """Name and zygosity code of each carrier; the individual stands in for a missing biosample."""
    cases = record.get("caseLevelData") or ()
    for number, case in enumerate(cases if isinstance(cases, list) else ()):
        fields = case if isinstance(case, dict) else {}
        name = fields.get("biosampleId") or fields.get("individualId")
        if isinstance(name, str) and name:
            yield name, read_zygosity(fields.get("zygosity"))
        else:
            report.warn(
                Problem(
                    file=file,
                    place=place,
                    field=f"caseLevelData[{number}].biosampleId",
                    reason="a carrier has no biosampleId and is not counted",
                )
            )


def _of_genotype(alleles: Sequence[str]) -> Zygosity:
    if any("." in allele for allele in alleles):
        return Zygosity.UNSPECIFIED
    if len(alleles) > 1:
        return Zygosity.HOM if len(set(alleles)) == 1 else Zygosity.HET
    # Some software writes `01` for 0/1.
    return _of_genotype(list(alleles[0])) if alleles[0] in ("01", "10", "11") else Zygosity.HEMI
