"""The home of `Facts`: what records say of a variant itself, rather than of who has it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from beacon.portal.records import Document, inner, objects, text_of, texts
from beacon.portal.rows import Row

_RS = re.compile(r"(?:dbSNP:)?(rs[0-9]{1,12})", re.IGNORECASE)
_CLINVAR = re.compile(r"(?:clinvar:)?([0-9]{1,9})", re.IGNORECASE)
_PROTEIN_PLACE = re.compile(r"(?:p\.\(?)?([A-Za-z]{1,3})([0-9]{1,5})(?![0-9])")


@dataclass(frozen=True, slots=True)
class Interpretation:
    """What one country says that a variant means.

    Attributes:
        relevance: In the words of the specification, such as `likely pathogenic`; may be empty.
        condition: What it causes; may be empty.
    """

    source: str
    relevance: str
    condition: str

    @property
    def key(self) -> str:
        """The end of the name of its text, where its words are those of the specification."""
        return self.relevance.strip().lower().replace(" ", "_")


@dataclass(slots=True)
class Facts:
    """What is known of a variant, each once, in the order in which it was told.

    Attributes:
        effects: The consequences, as labels.
        rs, clinvar: Identifiers, without what they are of.
    """

    genes: list[str] = field(default_factory=list)
    genomic: list[str] = field(default_factory=list)
    transcript: list[str] = field(default_factory=list)
    protein: list[str] = field(default_factory=list)
    effects: list[str] = field(default_factory=list)
    rs: list[str] = field(default_factory=list)
    clinvar: list[str] = field(default_factory=list)
    interpretations: list[Interpretation] = field(default_factory=list)

    def take(self, row: Row, record: Document) -> None:
        """Take in what one country's record says."""
        molecular, identifiers = inner(record, "molecularAttributes"), inner(record, "identifiers")
        _add(self.genes, texts(molecular.get("geneIds")))
        _add(self.genomic, texts(identifiers.get("genomicHGVSId")))
        _add(self.transcript, texts(identifiers.get("transcriptHGVSIds")))
        _add(self.protein, texts(identifiers.get("proteinHGVSIds")))
        if not self.protein:
            _add(self.protein, texts(molecular.get("aminoacidChanges")))
        _add(self.effects, map(_label, objects(molecular.get("molecularEffects"))))
        others = [text_of(one.get("id")) for one in _others(identifiers)]
        _add(self.rs, (match[1].lower() for one in others if (match := _RS.fullmatch(one))))
        told = _CLINVAR.fullmatch(text_of(identifiers.get("clinvarVariantId")))
        _add(self.clinvar, () if told is None else (told[1],))
        level = inner(record, "variantLevelData")
        for one in objects(level.get("clinicalInterpretations")):
            condition = _label(inner(one, "effect")) or text_of(one.get("conditionId"))
            said = Interpretation(row.name, text_of(one.get("clinicalRelevance")), condition)
            if len(self.interpretations) < _MOST and said not in self.interpretations:
                self.interpretations.append(said)

    @property
    def protein_places(self) -> set[int]:
        """Which amino acids it changes, counted from 1, by any of its names."""
        return {place for one in self.protein if (place := protein_place(one)) is not None}

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known."""
        return not any(getattr(self, name) for name in self.__slots__)


def protein_place(change: str) -> int | None:
    """Which amino acid a change is of, such as 893 of `NP_009225.1:p.Gln893Ter` or `Q893*`."""
    match = _PROTEIN_PLACE.match(change.rpartition(":")[2])
    return None if match is None else int(match[2])


def _others(identifiers: Document) -> Iterator[Document]:
    return objects(identifiers.get("variantAlternativeIds"))


def _label(term: Document) -> str:
    return (text_of(term.get("label")) or text_of(term.get("id"))).replace("_", " ")


def _add(known: list[str], more: Iterator[str] | tuple[str, ...]) -> None:
    new = (one for one in dict.fromkeys(more) if one and one not in known)
    known += islice(new, _MOST - len(known))


_MOST = 60
"""Of one kind: more than anybody reads, and few enough to be told apart at once."""
