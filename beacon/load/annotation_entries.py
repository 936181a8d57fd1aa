"""The home of what one entry of an annotation says, and of which allele it says it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol
from urllib.parse import unquote

from beacon.model.allele import Allele
from beacon.model.consequences import Consequence

UNPREFERRED = 3
"""Preference of a transcript that nobody singled out; lower is more preferred."""

_VEP_NAMES = {
    "<DEL>": "deletion",
    "<DUP>": "duplication",
    "<DUP:TANDEM>": "tandem_duplication",
    "<INS>": "insertion",
    "<INV>": "inversion",
    "<CNV>": "copy_number_variation",
}


class Info(Protocol):
    """INFO of a record, as `cyvcf2.Variant.INFO`."""

    def get(self, key: str, default: Any = None, /) -> Any:
        """The value of a field: text, a number, a tuple, a flag, or the default."""


@dataclass(frozen=True, slots=True)
class Site:
    """One alternate allele among those of its record.

    Attributes:
        index: which of the alternates, from 0.
        allele: the same allele, as the model has it.
        reference_bases: REF as written.
        alternates: all ALTs as written.

    """

    index: int
    allele: Allele
    reference_bases: str
    alternates: Sequence[str]

    @property
    def is_single_base(self) -> bool:
        """Whether the record has substitutions of a single base and nothing else."""
        return len(self.reference_bases) == 1 and all(
            len(alternate) == 1 and alternate.isalpha() for alternate in self.alternates
        )


class Entry(NamedTuple):
    """What an annotator says of one allele and one transcript or feature."""

    consequences: tuple[Consequence, ...]
    genes: tuple[str, ...] = ()
    preference: int = UNPREFERRED
    genomic_hgvs: str = ""
    transcript_hgvs: str = ""
    protein_hgvs: str = ""
    changes: tuple[str, ...] = ()
    known_ids: str = ""


def text(value: Any) -> str:
    """A value of INFO as text, empty when it is missing."""
    if isinstance(value, str):
        return "" if value == "." else value
    if value is None or isinstance(value, bool):
        return ""
    if isinstance(value, tuple | list):
        return ",".join(map(str, value))
    return str(value)


def decoded(value: str) -> str:
    """Text without percent-encoding, which annotators use for what VCF reserves."""
    return unquote(value) if "%" in value else value


Spell = Callable[[str, Sequence[str]], list[str]]


def labels_of(
    site: Site, labels: Collection[str], spellings: Sequence[Spell], info: Info
) -> frozenset[str]:
    """Which of the allele labels that a record's entries have are those of one allele.

    A way of writing alleles counts only if it accounts for every label of the record, each as one
    allele: otherwise what is written is not known, and nothing is said. A record that was split
    after it was annotated has labels of alleles that it no longer has; then the alleles that it
    says it had decide, and failing these, single bases where nothing else is in it.

    Args:
        labels: all that occur in the record.
        spellings: the ways in which the annotator may write alleles, the likeliest first.
        info: where a split record has its former alleles.
    """
    alternates = site.alternates
    if len(alternates) == 1 and len(labels) == 1:
        return frozenset(labels)
    written = set(labels)
    if (name := _matching(site.index, site.reference_bases, alternates, written, spellings)) != "":
        return frozenset((name,))
    former = _former_alleles(site, info) if len(alternates) == 1 else None
    if former is not None:
        index, reference, originals = former
        name = _matching(index, reference, originals, written, spellings)
        return frozenset((name,)) if name else frozenset()
    if site.is_single_base and all(len(label) == 1 and label.isalpha() for label in written):
        return frozenset((alternates[site.index],))
    return frozenset()


def _matching(
    index: int,
    reference: str,
    alternates: Sequence[str],
    labels: set[str],
    spellings: Sequence[Spell],
) -> str:
    for spell in spellings:
        names = spell(reference, alternates)
        if len(set(names)) == len(names) and labels <= set(names):
            return names[index]
    return ""


def _former_alleles(site: Site, info: Info) -> tuple[int, str, Sequence[str]] | None:
    """The alleles of the record that this one was split from, and which of them it is now."""
    former = text(info.get("OLD_MULTIALLELIC"))  # such as `1:13404:G/A/T`
    _, _, place = former.partition(":")
    pos, _, alleles = place.partition(":")
    reference, *alternates = alleles.split("/")
    if not pos.isdecimal() or not alternates or site.allele.structural:
        return None
    name = site.allele.reference_name
    for index, alternate in enumerate(alternates):
        if alternate.isalpha() and Allele.from_vcf(name, int(pos), reference, alternate) == (
            site.allele
        ):
            return index, reference, alternates
    return None


def as_written(_reference: str, alternates: Sequence[str]) -> list[str]:
    """Alleles as ALT has them."""
    return list(alternates)


def as_vep(reference: str, alternates: Sequence[str]) -> list[str]:
    """Alleles as Ensembl writes them.

    The first base is cut when all alleles of a record share it and one of them has another length;
    `-` is what then has no base left.
    """
    if any(alternate.startswith("<") for alternate in alternates):
        return [_VEP_NAMES.get(alternate, alternate) for alternate in alternates]
    changed = [alternate for alternate in alternates if alternate != "*"]
    if not any(len(alternate) != len(reference) for alternate in changed):
        return list(alternates)
    if len({one[:1] for one in (reference, *changed)}) > 1:
        return list(alternates)
    return [one if one == "*" else one[1:] or "-" for one in alternates]


def as_minimal(reference: str, alternates: Sequence[str]) -> list[str]:
    """Alleles each reduced to what changed, from the start first, as Ensembl's `--minimal` does."""
    names = []
    for alternate in alternates:
        ref, alt = reference, alternate
        while ref and alt and ref[0] == alt[0]:
            ref, alt = ref[1:], alt[1:]
        while ref and alt and ref[-1] == alt[-1]:
            ref, alt = ref[:-1], alt[:-1]
        names.append(alt or "-")
    return names


def by_number(_reference: str, alternates: Sequence[str]) -> list[str]:
    """Alleles by their place among the ALTs, from 1."""
    return [str(number) for number in range(1, len(alternates) + 1)]


def info_fields(raw_header: str) -> Mapping[str, str]:
    """The INFO fields that a VCF header declares, with their descriptions."""
    fields = {}
    for line in raw_header.splitlines():
        if line.startswith("##INFO=<ID="):
            identifier = line[len("##INFO=<ID=") :].partition(",")[0]
            described = line.partition('Description="')[2]
            fields[identifier] = described.rpartition('"')[0]
    return fields
