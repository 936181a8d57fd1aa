"""The home of the reader: text in, the question that it is out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from msgspec import structs

from beacon.framework.query import VariationQuery
from beacon.model.assemblies import canonical_assembly, chromosome
from beacon.model.reference import NO_REFERENCES, References
from beacon.portal.reading import addresses
from beacon.portal.reading.changes import alleles, read_change, region
from beacon.portal.reading.cleaning import Cleaned, clean
from beacon.portal.reading.expressions import read_expression
from beacon.portal.reading.gene_names import GeneNames
from beacon.portal.reading.names import (
    Transcribed,
    Translated,
    gene_called,
    near,
    read_identifier,
    read_name,
)
from beacon.portal.reading.placing import Placing
from beacon.portal.reading.proteins import protein_change
from beacon.portal.reading.values import Doubt, NotRead, Reading, Suggestion
from beacon.portal.reading.written import Range, Sequence, Written, named_sequence

_SYMBOL = re.compile(
    r"(?P<name>HGNC:[0-9]{1,6}|(?:ENSG[0-9]{11})(?=\.[0-9]{1,3})"
    r"|[A-Za-z0-9][A-Za-z0-9\-_.@/]{0,24}(?: [A-Za-z0-9\-]{1,6})??)(?:\.[0-9]{1,3})?(?: gene| ?:)?",
    re.IGNORECASE,
)
_ENSEMBL_GENE = re.compile(r"ENSG[0-9]{11}(?:\.[0-9]{1,3})?", re.IGNORECASE)
_NAME_MAX = 40
_LIKE_A_SYMBOL = re.compile(r"[A-Za-z][A-Za-z0-9\-]{1,14}")
_BEGINS_WITH_PLACE = re.compile(r"(?:chr)?[0-9]", re.IGNORECASE)
_GENE_BESIDE = re.compile(
    r"\(?(?P<gene>[A-Za-z][A-Za-z0-9\-]{1,24})\)?[ ,;:]{1,2}(?P<rest>(?:chr|NC_)?[0-9XYM].*)",
    re.IGNORECASE,
)
_NUMBERS = re.compile(r"[0-9][0-9 .,\-]{0,40}")


class Reader:
    """Reads what somebody typed or pasted. Made once, and the same for every text.

    Args:
        genes: what genes are called and where they lie.
        references: the sequences that what is typed is compared with.
        default_assembly: canonical; what a position is on when nothing says so.
    """

    def __init__(
        self,
        genes: GeneNames,
        references: References = NO_REFERENCES,
        default_assembly: str = "GRCh38",
    ) -> None:
        self._genes = genes
        self._placing = Placing(genes, references, default_assembly)

    def read(self, text: str, assembly: str | None = None) -> Reading:
        """The question that a text is.

        Args:
            text: anything.
            assembly: that whoever typed it has chosen; what the text says itself counts more.

        Raises:
            NotRead: it is none; says what was wrong.
        """
        chosen = None if assembly is None else canonical_assembly(assembly)
        cleaned = clean(text)
        if found := addresses.page(cleaned.text):
            what, said = found
            inside = clean(what)
            cleaned = replace(inside, assembly=inside.assembly or said)
        elif (said_by_name := addresses.parameters(cleaned.text)) is not None:
            return self._asked(said_by_name, chosen)
        reading = self._cleaned(cleaned, chosen)
        if not cleaned.doubts:
            return reading
        return structs.replace(reading, doubts=(*cleaned.doubts, *reading.doubts))

    def suggest(self, text: str, limit: int = 8) -> tuple[Suggestion, ...]:
        """Genes with a symbol, former symbol or alias that begins like the text."""
        bare = text.strip()
        return self._genes.suggest(bare, limit) if len(bare) <= _NAME_MAX else ()

    def _cleaned(self, cleaned: Cleaned, chosen: str | None) -> Reading:
        """What the first of those who read one form of text each makes of it."""
        text = cleaned.text
        if not text:
            raise NotRead("empty")
        if (rs_id := read_identifier(text)) is not None:
            return _of_rs_id(rs_id)
        preferred = cleaned.assembly or chosen
        written = read_expression(cleaned)
        if written is None:
            if (gene := self._gene(text, preferred)) is not None:
                return gene
            if not _BEGINS_WITH_PLACE.match(text):
                if (named := read_name(text, self._genes)) is not None:
                    return _of_name(named)
                if (place := self._beside_gene(text)) is not None:
                    return self._cleaned(replace(cleaned, text=place), chosen)
            written = read_change(cleaned)
        if written is not None:
            return self._placing.read(written, cleaned.assembly, chosen)
        return self._unknown_gene(text)

    def _gene(self, text: str, preferred: str | None) -> Reading | None:
        """A gene by any of its names; other readings are others of that name, and where it lies."""
        found = _SYMBOL.fullmatch(text)
        if found is None or chromosome(found["name"].partition(" ")[0]) is not None:
            return None
        name = found["name"]
        called = None if text.isdecimal() else self._genes.find(name)
        change = protein_change(text)
        if called is None or (change is not None and called.how in ("alias", "previous")):
            return None  # V600E is a change more often than the gene that somebody called so
        _, doubts = gene_called(name, self._genes) or ("", ())
        first, *rest = called.symbols
        others: list[Reading] = [_of_gene(symbol) for symbol in rest]
        places = self._genes.genes[first].places
        for assembly in sorted(
            places, key=lambda one: one != (preferred or self._placing.default_assembly)
        ):
            place = places[assembly]
            sequence = Sequence(place.reference_name)
            others.append(self._placing.on(Range(sequence, place.start, place.end), assembly))
        if change is not None:
            others.append(_of_name(Translated(change, None, (Doubt("gene_missing"),))))
        return structs.replace(_of_gene(first), doubts=doubts, others=tuple(others))

    def _beside_gene(self, text: str) -> str | None:
        """The place in `BRCA1 17-43094692-G-A`: it says more than what it is called."""
        found = _GENE_BESIDE.fullmatch(text)
        return found["rest"] if found and self._genes.find(found["gene"]) else None

    def _unknown_gene(self, text: str) -> Reading:
        """What no table of genes has may be a gene all the same, where there is no table.

        Raises:
            NotRead: always, where there is one.
        """
        if _NUMBERS.fullmatch(text):
            raise NotRead("number_alone", text=text)
        if _ENSEMBL_GENE.fullmatch(text) or (not self._genes and _LIKE_A_SYMBOL.fullmatch(text)):
            symbol = text.upper().partition(".")[0]
            doubt = Doubt("gene_unknown", {"gene": symbol})
            return structs.replace(_of_gene(symbol), gene=None, doubts=(doubt,))
        if _LIKE_A_SYMBOL.fullmatch(text):
            similar = near(text, self._genes)
            if similar:
                raise NotRead("gene_unknown_near", text=text, near=similar)
            raise NotRead("gene_unknown", text=text)
        raise NotRead("not_understood", text=text)

    def _asked(self, said: Mapping[str, str], chosen: str | None) -> Reading:
        """The question that the parameters of an address ask.

        Raises:
            NotRead: they ask none that can be read.
        """
        stated = _assembly(said.get("assemblyid") or said.get("rs") or "")
        form = said.get("genomicalleleshortform")
        change = said.get("aminoacidchange")
        if form or change or "geneid" in said:
            text = form or f"{said.get('geneid', '')} {change or ''}".strip()
            cleaned = clean(text)
            return self._cleaned(replace(cleaned, assembly=cleaned.assembly or stated), chosen)
        sequence = named_sequence(said.get("referencename") or said.get("chrom") or "")
        ref = said.get("referencebases") or said.get("ref") or ""
        if (named := canonical_assembly(ref)) is not None:
            stated, ref = named, ""  # an older way to say the assembly
        alt = said.get("alternatebases") or said.get("allele") or said.get("alt") or ""
        start, end, pos = (said.get(name, "") for name in ("start", "end", "pos"))
        for number in (start, end, pos):
            if number and not (number.isascii() and number.isdecimal() and len(number) <= 10):
                raise NotRead("parameters")
        if start:
            pos = str(int(start) + 1)  # Beacon counts from 0
        written: Written
        if pos and alt:
            written = alleles(sequence, pos, ref, alt)
        elif pos:
            written = region(sequence, pos, end or pos, said.get("varianttype") or None)
        else:
            written = Range(sequence, 0, None)
        return self._placing.read(written, stated, chosen)


def _assembly(name: str) -> str | None:
    """The canonical assembly of a parameter, `None` if it has none.

    Raises:
        NotRead: it names one that is not served.
    """
    if not name:
        return None
    if (assembly := canonical_assembly(name)) is None:
        raise NotRead("assembly_unsupported", assembly=name)
    return assembly


def _of_gene(symbol: str) -> Reading:
    return Reading(
        kind="gene",
        variation=VariationQuery(gene_id=symbol),
        assembly=None,
        name=symbol,
        gene=symbol,
    )


def _of_rs_id(rs_id: str) -> Reading:
    """Of all that variants are called, beacons of ours know rsIDs by the parameter for HGVS."""
    return Reading(
        kind="identifier",
        variation=VariationQuery(genomic_allele_short_form=rs_id),
        assembly=None,
        name=rs_id,
        doubts=(Doubt("annotations_only"),),
    )


def _of_name(said: Transcribed | Translated) -> Reading:
    """Expressions and changes of proteins are what a beacon's records are compared with."""
    compared = Doubt("annotations_only")
    if isinstance(said, Translated):
        change = said.change
        return Reading(
            kind="aminoacid",
            variation=VariationQuery(gene_id=said.gene, aminoacid_change=change.one),
            assembly=None,
            name=f"{said.gene} {change.three}" if said.gene else change.three,
            gene=said.gene,
            doubts=(*said.doubts, compared),
        )
    reading = Reading(
        kind="hgvs",
        variation=VariationQuery(genomic_allele_short_form=said.name),
        assembly=None,
        name=said.name,
        gene=said.gene,
        doubts=(*said.doubts, compared),
    )
    if said.protein is None:
        return reading
    return structs.replace(reading, others=(_of_name(Translated(said.protein, said.gene)),))
