"""The home of reading annotations: from INFO of a VCF to fragments of genomic variation records."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from beacon.load.annotation_entries import Entry, Info, Site, info_fields
from beacon.load.annotations_bcsq import BcsqReader
from beacon.load.annotations_clinvar import ClinvarReader, Statement
from beacon.load.annotations_snpeff import AnnReader, EffReader
from beacon.load.annotations_vep import VepReader
from beacon.model.allele import Allele
from beacon.model.consequences import UNKNOWN_SEVERITY, Consequence

KNOWN_FIELDS = "CSQ or vep (VEP), ANN or EFF (SnpEff), BCSQ (bcftools csq), CLNSIG (ClinVar)"
"""What headers have to declare one of, in words."""

_RS = re.compile(r"rs\d+")
_NOTHING_SAID = Statement()


class _Reader(Protocol):
    def entries(self, info: Info, site: Site) -> Iterator[Entry]: ...


@dataclass(frozen=True, slots=True)
class Annotator:
    """Makes fragments of genomic variation records of what a file says of its alleles."""

    readers: Sequence[_Reader]
    clinvar: ClinvarReader | None

    @classmethod
    def of(cls, raw_header: str) -> Annotator | None:
        """The annotator of a file, `None` if its header declares no annotation that is known."""
        fields = info_fields(raw_header)
        readers = [
            reader
            for key, description in fields.items()
            if (reader := _reader(key, description, raw_header)) is not None
        ]
        clinvar = ClinvarReader.of(fields, raw_header)
        return cls(readers, clinvar) if readers or clinvar else None

    def fragment(
        self,
        info: Info,
        identifier: str | None,
        index: int,
        allele: Allele,
        reference_bases: str,
        alternate_bases: str,
        alternates: Sequence[str],
    ) -> dict[str, Any] | None:
        """What is said of one alternate allele of a record, `None` if nothing is.

        Transcripts and genes are in order of severity; of equally severe ones those that MANE
        selected come first, then canonical ones. The fragment shares parts with others: change a
        copy.

        Args:
            info: `cyvcf2.Variant.INFO`, or a mapping.
            identifier: The ID column.
            index: Which of the alternates it is, from 0.
            allele: The same allele, as the model has it.
            reference_bases: REF as written.
            alternate_bases: The ALT as written.
            alternates: All ALTs as written.
        """
        if alternates[index] != alternate_bases:
            raise ValueError(f"ALT {index} is {alternates[index]}, not {alternate_bases}")
        site = Site(index, allele, reference_bases, alternates)
        entries = [entry for reader in self.readers for entry in reader.entries(info, site)]
        if len(entries) > 1:
            entries.sort(key=_rank)
        identifier = identifier or ""
        said = (self.clinvar and self.clinvar.read(info, identifier, site)) or _NOTHING_SAID
        fragment: dict[str, Any] = {}
        if attributes := _attributes(entries, said):
            fragment["molecularAttributes"] = attributes
        if identifiers := _identifiers(entries, said, _rs_ids(identifier, site)):
            fragment["identifiers"] = identifiers
        if said.interpretations:
            fragment["variantLevelData"] = {"clinicalInterpretations": list(said.interpretations)}
        return fragment or None


def _reader(key: str, description: str, raw_header: str) -> _Reader | None:
    if key == "BCSQ" or "BCFtools/csq" in description:
        return BcsqReader(key)
    if (vep := VepReader.of(key, description, raw_header)) is not None:
        return vep
    if key == "ANN":
        return AnnReader()
    return EffReader.of(description) if key == "EFF" else None


def _rank(entry: Entry) -> tuple[int, int]:
    terms = entry.consequences
    if len(terms) == 1:  # nearly every entry
        return terms[0].severity, entry.preference
    return min(terms).severity if terms else UNKNOWN_SEVERITY, entry.preference


def _attributes(entries: Sequence[Entry], said: Statement) -> dict[str, Any]:
    if not entries:  # ClinVar alone, as in its own files
        return _filled(geneIds=_distinct(said.genes), molecularEffects=_terms({*said.consequences}))
    terms: dict[str, Consequence] = {}
    for entry in entries:
        for term in entry.consequences:
            terms[term.id] = term
    for term in said.consequences:
        terms.setdefault(term.id, term)
    genes = dict.fromkeys(gene for entry in entries for gene in entry.genes)
    genes.update(dict.fromkeys(said.genes))
    return _filled(
        geneIds=list(genes),
        aminoacidChanges=_distinct(change for entry in entries for change in entry.changes),
        molecularEffects=_terms(terms.values()),
    )


def _terms(found: Iterable[Consequence]) -> list[dict[str, str]]:
    return [{"id": term.id, "label": term.label} for term in sorted(found)]


def _identifiers(
    entries: Sequence[Entry], said: Statement, rs_ids: Sequence[str]
) -> dict[str, Any]:
    known = [*rs_ids, *(f"rs{number}" for number in said.rs_ids if number.isdecimal())]
    for entry in entries:
        if entry.known_ids:
            known += _RS.findall(entry.known_ids)
    genomic = [said.genomic_hgvs, *(entry.genomic_hgvs for entry in entries)]
    return _filled(
        genomicHGVSId=next(filter(None, genomic), ""),
        transcriptHGVSIds=_distinct([entry.transcript_hgvs for entry in entries]),
        proteinHGVSIds=_distinct([entry.protein_hgvs for entry in entries]),
        clinvarVariantId=f"clinvar:{said.variation_id}" if said.variation_id else "",
        variantAlternativeIds=[
            {
                "id": f"dbSNP:{rs_id}",
                "notes": "dbSNP id",
                "reference": f"https://www.ncbi.nlm.nih.gov/snp/{rs_id}",
            }
            for rs_id in dict.fromkeys(known)
        ],
    )


def _rs_ids(identifier: str, site: Site) -> list[str]:
    """The dbSNP ids in the ID column, as far as they are of this allele.

    dbSNP gives one id to all substitutions of a base, but other alleles of a record may have ids
    each of their own.
    """
    if not identifier or not (len(site.alternates) == 1 or site.is_single_base):
        return []
    return [part for part in identifier.split(";") if _RS.fullmatch(part)]


def _distinct(values: Iterable[str]) -> list[str]:
    return [value for value in dict.fromkeys(values) if value]


def _filled(**properties: Any) -> dict[str, Any]:
    return {key: value for key, value in properties.items() if value}
