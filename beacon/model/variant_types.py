"""The home of the vocabulary of variant types: which words mean the same, and which include others.

Beacon leaves `variantType` open, so the same deletion is a `DEL`, an `EFO:0030067` or an
`SO:0001743` depending on who wrote it. Types compare without regard to case; upper case is ours.
"""

from __future__ import annotations

import re
from functools import lru_cache

# Words for one thing. The first is what this software writes for alleles it names itself.
_SYNONYMS: tuple[tuple[str, ...], ...] = (
    ("SNP", "SNV", "SO:0001483"),
    ("MNP", "MNV", "SO:0002007"),
    ("INS", "SO:0000667"),
    ("INDEL", "DELINS", "SO:1000032"),
    ("DEL", "EFO:0030067", "SO:0001743", "SO:0000159"),
    ("DUP", "EFO:0030070", "SO:0001742", "SO:1000035"),
    ("CNV", "SO:0001019"),
    ("INV", "SO:1000036"),
)
# Narrower kinds that asking for the wider one finds too; the reverse does not hold.
_NARROWER: dict[str, tuple[str, ...]] = {
    "DEL": ("EFO:0030068", "EFO:0020073"),
    "EFO:0020073": ("EFO:0030069",),
    "DUP": ("EFO:0030071", "EFO:0030072"),
    "EFO:0030072": ("EFO:0030073",),
    "CNV": ("DEL", "DUP"),
}
# "Indel" in a small-variant sense: a 5 Mb <DEL> is no indel, whatever its type says.
_NARROWER_OF_SEQUENCE_ALLELES: dict[str, tuple[str, ...]] = {"INDEL": ("INS", "DEL")}

_PREFERRED = {word: words[0] for words in _SYNONYMS for word in words}
_WORDS = {words[0]: words for words in _SYNONYMS}


@lru_cache(maxsize=1024)
def types_accepted(variant_type: str, *, structural: bool) -> frozenset[str]:
    """Every upper-case type that a query for `variant_type` finds.

    `structural` says for which alleles: structural ones, or those known by their bases. Only
    `INDEL` differs: it finds insertions and deletions that are known by their bases. An unknown
    type finds itself.
    """
    narrower = _NARROWER if structural else {**_NARROWER, **_NARROWER_OF_SEQUENCE_ALLELES}
    accepted: set[str] = set()
    pending = [variant_type.strip().upper()]
    while pending:
        word = pending.pop()
        word = _PREFERRED.get(word, word)
        accepted.update(_WORDS.get(word, (word,)))
        pending.extend(narrower.get(word, ()))
    return frozenset(accepted)


def type_of_bases(reference_bases: str, alternate_bases: str) -> str:
    """`SNP`, `MNP`, `INS`, `DEL` or `INDEL`, from trimmed bases."""
    if len(reference_bases) == len(alternate_bases):
        return "SNP" if len(reference_bases) == 1 else "MNP"
    if not reference_bases:
        return "INS"
    return "INDEL" if alternate_bases else "DEL"


def type_of_record(declared: str, of_bases: str) -> str:
    """The one type of an allele whose record declares one type and whose bases show another.

    A declared type that merely is wider or another word (`INDEL`, `SNV`) gives way to what the
    bases show, so that a query for `INS` finds what its author called an `INDEL`. One that says
    something else (`DUP` on an insertion) is knowledge that bases cannot show, and stays.
    """
    if not declared.strip() or of_bases in types_accepted(declared, structural=False):
        return of_bases
    return declared.strip().upper()


# <CN2> counts copies on one haplotype, where 1 is normal; <CN=2> copies in a diploid genome.
_COPIES = re.compile(r"CN(?P<diploid>=?)(?P<copies>\d+)")
_REPEATS = re.compile(r"STR\d+")


def type_of_symbol(symbol: str) -> str:
    """The type that a symbolic VCF ALT stands for: `DUP:TANDEM` → `DUP`, `CN0` → `DEL`.

    `symbol` comes without its angle brackets. Copy numbers below the normal one are losses, above
    it gains, the normal one is a `CNV`. A symbol that is not known stays what it is.
    """
    base = symbol.upper().partition(":")[0]
    if counted := _COPIES.fullmatch(base):
        difference = int(counted["copies"]) - (2 if counted["diploid"] else 1)
        return "DEL" if difference < 0 else "DUP" if difference > 0 else "CNV"
    if _REPEATS.fullmatch(base):
        return "STR"
    return "CNV" if base == "MCNV" else base
