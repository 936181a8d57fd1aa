"""The home of the variants of phenopackets: from a genomic interpretation to a variant record."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from beacon.load.phenopacket_elements import Element, elements, mapping, term, texts, whole
from beacon.model.allele import Allele, UnreadableVariation, internal_id, structural_from_vcf
from beacon.model.assemblies import canonical_assembly, chromosome, implied_assembly, refseq
from beacon.model.filters import ZYGOSITIES
from beacon.model.hgvs import GenomicName, parse_genomic
from beacon.model.protein_changes import change_forms
from beacon.model.variation import allele_from_record, variation_of

RELEVANCE: Mapping[str, str] = {
    "BENIGN": "benign",
    "LIKELY_BENIGN": "likely benign",
    "UNCERTAIN_SIGNIFICANCE": "uncertain significance",
    "LIKELY_PATHOGENIC": "likely pathogenic",
    "PATHOGENIC": "pathogenic",
}
"""`acmgPathogenicityClassification` → `clinicalRelevance`."""

_DISEASE = {"id": "MONDO:0000001", "label": "disease"}
_ZYGOSITY = {term_id: {"id": term_id, "label": label} for term_id, label in ZYGOSITIES}
_BASES = re.compile(r"[ACGTURYSWKMBDHVN]+", re.IGNORECASE)
_CLINVAR = re.compile(r"(?:clinvar:)?(\d+)", re.IGNORECASE)
_LONGEST_UNKNOWN = 10_000


class NoPlace(ValueError):
    """A variant that no allele can be made of.

    Attributes:
        reason: the same text for all of a kind.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def has_variant(genomic: Element) -> bool:
    """Whether a genomic interpretation is of a variant; else it is of a gene."""
    return bool(mapping(genomic.get("variantInterpretation")).get("variationDescriptor"))


def variant(
    genomic: Element, disease: object, *, biosample_id: str, individual_id: str
) -> dict[str, Any]:
    """The genomic variation record of one genomic interpretation, with its one carrier.

    Where there is a VCF record it says what the variant is, else a genomic HGVS expression, else a
    VRS allele or copy number.

    Args:
        disease: of the diagnosis that it is part of.

    Raises:
        NoPlace: None of them is there, or can be read.
    """
    interpretation = mapping(genomic.get("variantInterpretation"))
    descriptor = mapping(interpretation.get("variationDescriptor"))
    assembly, allele = _allele(descriptor)
    record: dict[str, Any] = {
        "variantInternalId": internal_id(allele, assembly),
        "variation": variation_of(allele, assembly),
    }
    if implied_assembly(refseq(assembly, allele.reference_name)) is None:
        # The mitochondrion has one accession on every assembly.
        record["_position"] = {"assemblyId": assembly}
    identifiers, changes = _names(descriptor)
    if identifiers:
        record["identifiers"] = identifiers
    symbol = mapping(descriptor.get("geneContext")).get("symbol")
    attributes = {"geneIds": [symbol] if symbol else [], "aminoacidChanges": changes}
    if any(attributes.values()):
        record["molecularAttributes"] = {name: list_ for name, list_ in attributes.items() if list_}
    case: dict[str, Any] = {"biosampleId": biosample_id, "individualId": individual_id}
    if (zygosity := _zygosity(descriptor)) is not None:
        case["zygosity"] = zygosity
    said = _clinical(genomic, interpretation, term(disease))
    if said is not None:
        if "clinicalRelevance" in said:
            of_variant = {k: v for k, v in said.items() if k != "interpretationStatus"}
            record["variantLevelData"] = {"clinicalInterpretations": [of_variant]}
        case["clinicalInterpretations"] = [said]
    elif genomic.get("interpretationStatus"):
        case["info"] = {"interpretationStatus": genomic["interpretationStatus"]}
    record["caseLevelData"] = [case]
    return record


def described(genomic: Element) -> str:
    """What a variant is called, for a message about it."""
    descriptor = mapping(mapping(genomic.get("variantInterpretation")).get("variationDescriptor"))
    expressions = (one.get("value") for one in elements(descriptor.get("expressions")))
    names = (descriptor.get("label"), *expressions, descriptor.get("id"), "a variant")
    return str(next(name for name in names if name))


def _clinical(
    genomic: Element, interpretation: Element, disease: dict[str, Any] | None
) -> dict[str, Any] | None:
    """What the variant has to do with the disease; `None` where it is said to have nothing."""
    status = genomic.get("interpretationStatus")
    relevance = RELEVANCE.get(str(interpretation.get("acmgPathogenicityClassification")))
    if disease is None or (relevance is None and status in (None, "REJECTED", "UNKNOWN_STATUS")):
        return None
    said: dict[str, Any] = {
        "conditionId": disease["id"],
        "effect": disease,
        "category": dict(_DISEASE),
    }
    if relevance is not None:
        said["clinicalRelevance"] = relevance
    if status is not None:
        said["interpretationStatus"] = status
    return said


def _zygosity(descriptor: Element) -> dict[str, Any] | None:
    stated = term(descriptor.get("allelicState"))
    return None if stated is None else {**_ZYGOSITY.get(stated["id"], {}), **stated}


def _names(descriptor: Element) -> tuple[dict[str, Any], list[str]]:
    """`identifiers`, and the amino acid changes that the names of proteins say."""
    genomic: list[str] = []
    transcripts: list[str] = []
    proteins: list[str] = []
    by_syntax = {"hgvs.g": genomic, "hgvs.m": genomic, "hgvs.c": transcripts, "hgvs.n": transcripts}
    by_syntax["hgvs.p"] = proteins
    for expression in elements(descriptor.get("expressions")):
        text = str(expression.get("value") or "").strip()
        syntax = str(expression.get("syntax") or "").lower()
        if syntax == "hgvs":  # it does not say of what; the text does
            found = re.search(r":([gmcnp])\.", text)
            syntax = f"hgvs.{found[1]}" if found else syntax
        if text and syntax in by_syntax:
            by_syntax[syntax].append(text)
    named: dict[str, Any] = {}
    if genomic:
        named["genomicHGVSId"] = genomic[0]
    if transcripts:
        named["transcriptHGVSIds"] = transcripts
    if proteins:
        named["proteinHGVSIds"] = proteins
    others: list[dict[str, Any]] = []
    for name in (descriptor.get("id"), *texts(descriptor.get("xrefs"))):
        if isinstance(name, str) and name:
            clinvar = _CLINVAR.fullmatch(name) if ":" in name else None
            if clinvar:
                named["clinvarVariantId"] = f"clinvar:{clinvar[1]}"
            else:
                others.append({"id": name})
    if others:
        if descriptor.get("label"):
            others[0]["notes"] = descriptor["label"]
        named["variantAlternativeIds"] = others
    changes = (form for text in proteins for form in change_forms(text.rpartition(":")[2]))
    return named, list(dict.fromkeys(changes))


def _allele(descriptor: Element) -> tuple[str, Allele]:
    try:
        if descriptor.get("vcfRecord"):
            return _of_vcf(mapping(descriptor["vcfRecord"]))
        for expression in elements(descriptor.get("expressions")):
            name = parse_genomic(str(expression.get("value") or "").strip())
            if name is not None:
                return _of_hgvs(name, str(expression["value"]))
        if descriptor.get("variation"):
            return _of_vrs(mapping(descriptor["variation"]))
    except UnreadableVariation as error:
        raise NoPlace("variation not understood", str(error)) from error
    raise NoPlace(
        "the variant has no place in the genome",
        "a vcfRecord, a genomic HGVS expression or a VRS variation would give it one",
    )


def _of_vcf(record: Element) -> tuple[str, Allele]:
    written = {name: str(record.get(name) or "") for name in ("genomeAssembly", "chrom", "ref")}
    alt, pos = str(record.get("alt") or ""), whole(record.get("pos"))
    assembly = canonical_assembly(written["genomeAssembly"]) or implied_assembly(written["chrom"])
    if assembly is None:
        raise NoPlace(
            "the assembly of the vcfRecord is unknown",
            f"genomeAssembly is {written['genomeAssembly']!r}; GRCh38 or hg19 would be one",
        )
    name = chromosome(written["chrom"])
    if name is None:
        raise UnreadableVariation(f"chrom {written['chrom']!r} is no sequence that is known")
    if not isinstance(pos, int) or pos < 1:
        raise UnreadableVariation(f"pos {record.get('pos')!r} is no position; the first base is 1")
    if _BASES.fullmatch(written["ref"]) and _BASES.fullmatch(alt):
        if written["ref"].upper() == alt.upper():
            raise UnreadableVariation(f"reference and alternate bases are both {alt[:20]!r}")
        return assembly, Allele.from_vcf(name, pos, written["ref"], alt)
    if alt.startswith("<") or any(mark in alt for mark in "[]"):
        said = dict(
            part.split("=", 1) for part in str(record.get("info") or "").split(";") if "=" in part
        )
        end, length = said.get("END", ""), said.get("SVLEN", "").removeprefix("-")
        if end.isdecimal() or length.isdecimal() or not alt.startswith("<"):
            return assembly, structural_from_vcf(
                name,
                pos,
                written["ref"],
                alt,
                end=int(end) if end.isdecimal() else None,
                svlen=int(length) if length.isdecimal() else None,
            )
        raise UnreadableVariation(f"{alt} without END or SVLEN in its info does not say how far")
    raise UnreadableVariation(f"ref {written['ref']!r} and alt {alt!r} are no alleles of a VCF")


def _of_hgvs(name: GenomicName, text: str) -> tuple[str, Allele]:
    if name.assembly is None:
        raise UnreadableVariation(f"{text} does not say which assembly it is on")
    spelling = name.spelling()
    if spelling is None and name.change in ("dup", "inv"):
        kind = name.change.upper()
        structural = Allele(
            name.reference_name, name.start, name.end, "", "", kind, structural=True
        )
        return name.assembly, structural
    if spelling is None and name.end - name.start > _LONGEST_UNKNOWN:
        if name.alternate_bases:
            raise UnreadableVariation(f"{text} replaces bases that it does not write")
        structural = Allele(
            name.reference_name, name.start, name.end, "", "", "DEL", structural=True
        )
        return name.assembly, structural
    spelling = spelling or name.spelling(lambda _, start, end: "N" * (end - start))
    if spelling is None or spelling.reference_bases == spelling.alternate_bases:
        raise UnreadableVariation(f"{text} changes nothing that can be told")
    return name.assembly, Allele.from_bases(name.reference_name, *spelling)


def _of_vrs(variation: Element) -> tuple[str, Allele]:
    """An allele or a copy number, in the spelling that protocol buffers give VRS."""
    allele = mapping(variation.get("allele"))
    copies = mapping(variation.get("copyNumber"))
    if allele:
        location = mapping(allele.get("sequenceLocation"))
        literal = mapping(allele.get("literalSequenceExpression"))
        rendered: dict[str, Any] = {
            "type": "Allele",
            "location": _location(location),
            "state": {"type": "LiteralSequenceExpression", "sequence": literal.get("sequence")},
        }
    elif copies:
        derived = mapping(copies.get("derivedSequenceExpression"))
        number = mapping(copies.get("number"))
        rendered = {
            "type": "CopyNumberCount",
            "subject": _location(mapping(derived.get("location"))),
            "copies": {"type": "Number", "value": number.get("value")},
        }
    else:
        raise UnreadableVariation("of VRS, alleles and copy numbers with a sequence are read")
    assembly, found = allele_from_record(rendered)
    if assembly is None:
        raise UnreadableVariation("the sequence of the VRS location does not say its assembly")
    return assembly, found


def _location(location: Element) -> dict[str, Any]:
    interval = mapping(location.get("sequenceInterval"))
    return {
        "type": "SequenceLocation",
        "sequence_id": location.get("sequenceId"),
        "interval": {
            "type": "SequenceInterval",
            # A number that is not written is 0.
            "start": {
                "type": "Number",
                "value": mapping(interval.get("startNumber")).get("value", 0),
            },
            "end": {"type": "Number", "value": mapping(interval.get("endNumber")).get("value", 0)},
        },
    }
