"""The home of `Case`: what is told of somebody when others like them are looked for.

It has a place for terms, genes and variants, and for nothing else: no names, dates, identifiers or
free text can be in one, and whatever is made of a phenopacket is made here, before anything is
sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal, Self, TypeVar, get_args

from beacon.client.envelopes import Document, mapping, objects
from beacon.client.variants import Variant

FEATURES_MAX = 100
GENES_MAX = 20
VARIANTS_MAX = 20

Value = TypeVar("Value")

Zygosity = Literal["heterozygous", "homozygous", "hemizygous"]

# What cannot be a sentence, a name or a date: prefix and accession, and symbols of genes.
_TERM = re.compile(r"[A-Za-z][A-Za-z_]{0,19}:[A-Za-z]?\d{1,12}", re.ASCII)
_GENE = re.compile(
    r"(?:HGNC:\d{1,7}|C(?:\d{1,2}|X|Y)orf\d{1,4}[A-Z]?|[A-Z][A-Z0-9-]{0,19})", re.ASCII
)
_PROTEIN = re.compile(r"[A-Z]\d{1,6}(?:[A-Z*=])", re.ASCII)
_EFFECT = re.compile(r"(?:SO:\d{1,9}|[a-z0-9_]{1,60})", re.ASCII)


@dataclass(frozen=True, slots=True)
class CarriedVariant:
    """A variant that somebody has.

    Attributes:
        variant: Which.
        zygosity: On how many copies; `None` if that is not known.
        gene: Symbol of the gene that it is in.
        aminoacid_change: In letters, `R101Q`.
        molecular_effect: A term of SO or its name, `missense_variant`.
    """

    variant: Variant
    zygosity: Zygosity | None = None
    gene: str | None = None
    aminoacid_change: str | None = None
    molecular_effect: str | None = None

    def __post_init__(self) -> None:
        if self.zygosity is not None and self.zygosity not in get_args(Zygosity):
            raise ValueError(f"{self.zygosity!r} is no zygosity of {get_args(Zygosity)}")
        for name, value, form in (
            ("gene", self.gene, _GENE),
            ("aminoacid_change", self.aminoacid_change, _PROTEIN),
            ("molecular_effect", self.molecular_effect, _EFFECT),
        ):
            if value is not None and not form.fullmatch(value):
                raise ValueError(f"{name} cannot be {value[:40]!r}")

    def document(self) -> Document:
        """As it is sent."""
        further = {
            "zygosity": self.zygosity,
            "geneId": self.gene,
            "aminoacidChange": self.aminoacid_change,
            "molecularEffect": self.molecular_effect,
        }
        known = {name: value for name, value in further.items() if value is not None}
        return self.variant.parameters | known


@dataclass(frozen=True, slots=True)
class Case:
    """What somebody has and has not.

    Attributes:
        features: Ids of terms that apply, `HP:0001250`.
        excluded: Ids of terms that were looked for and do not apply.
        genes: Symbols of suspected genes, or ids of HGNC.
        variants: What was found.
    """

    features: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    genes: tuple[str, ...] = ()
    variants: tuple[CarriedVariant, ...] = ()

    def __post_init__(self) -> None:
        for name in ("features", "excluded", "genes", "variants"):
            given = getattr(self, name)
            if isinstance(given, str):
                raise ValueError(f"{name} are a list: [{given!r}]")
            object.__setattr__(self, name, tuple(dict.fromkeys(given)))
        _check("features and excluded", len(self.features) + len(self.excluded), FEATURES_MAX)
        _check("genes", len(self.genes), GENES_MAX)
        _check("variants", len(self.variants), VARIANTS_MAX)
        for one in (*self.features, *self.excluded):
            if not _TERM.fullmatch(one):
                raise ValueError(f"{one[:40]!r} is no id of a term; HP:0001250 would be one")
        for one in self.genes:
            if not _GENE.fullmatch(one):
                raise ValueError(f"{one[:40]!r} is no gene; SCN1A would be one")

    @classmethod
    def from_phenopacket(cls, packet: Mapping[str, Any]) -> Self:
        """What a phenopacket says of terms, genes and variants; nothing else is taken.

        Features of the subject are taken, and genes and variants of interpretations that were not
        rejected. A variant needs a VCF record of bases; of any other, its gene is taken. What does
        not have the form of an id or a symbol is left out, and so is what is more than may be
        asked with: features that were excluded go before those that apply.
        """
        features: list[str] = []
        excluded: list[str] = []
        for one in objects(packet.get("phenotypicFeatures")):
            term = mapping(one.get("type")).get("id")
            if isinstance(term, str) and _TERM.fullmatch(term):
                # Version 1 called it `negated`.
                is_excluded = bool(one.get("excluded") or one.get("negated"))
                (excluded if is_excluded else features).append(term)
        found = [*_genomic(packet)]
        taken = _first(features, FEATURES_MAX)
        others = [one for one in excluded if one not in taken]
        return cls(
            features=taken,
            excluded=_first(others, FEATURES_MAX - len(taken)),
            genes=_first((gene for gene, _ in found if gene is not None), GENES_MAX),
            variants=_first((one for _, one in found if one is not None), VARIANTS_MAX),
        )

    def document(self) -> Document:
        """As it is sent."""
        features: list[Document] = [{"id": one} for one in self.features]
        features += [{"id": one, "excluded": True} for one in self.excluded]
        parts: Document = {
            "features": features,
            "genes": list(self.genes),
            "variants": [one.document() for one in self.variants],
        }
        return {name: listed for name, listed in parts.items() if listed}


def case_of(given: Case | Mapping[str, Any]) -> Case:
    """A case as it is, or what a phenopacket says that has a place in one."""
    return given if isinstance(given, Case) else Case.from_phenopacket(given)


def _first(given: Iterable[Value], most: int) -> tuple[Value, ...]:
    """The first ones, each once."""
    return tuple(islice(dict.fromkeys(given), most))


def _check(name: str, number: int, most: int) -> None:
    if number > most:
        raise ValueError(f"{number} {name}; at most {most} can be asked with")


def _genomic(packet: Mapping[str, Any]) -> Iterator[tuple[str | None, CarriedVariant | None]]:
    """The gene and the variant of each genomic interpretation, as far as there are any."""
    for interpretation in objects(packet.get("interpretations")):
        diagnosis = mapping(interpretation.get("diagnosis"))
        for one in objects(diagnosis.get("genomicInterpretations")):
            if one.get("interpretationStatus") == "REJECTED":
                continue
            gene = mapping(one.get("gene") or one.get("geneDescriptor"))
            if gene:
                yield _gene(gene), None
            descriptor = mapping(
                mapping(one.get("variantInterpretation")).get("variationDescriptor")
            )
            if descriptor:
                context = _gene(mapping(descriptor.get("geneContext")))
                yield context, _variant(descriptor, context)


def _gene(element: Mapping[str, Any]) -> str | None:
    for value in (element.get("symbol"), element.get("valueId")):
        if isinstance(value, str) and _GENE.fullmatch(value):
            return value
    return None


def _variant(descriptor: Mapping[str, Any], gene: str | None) -> CarriedVariant | None:
    record = mapping(descriptor.get("vcfRecord"))
    assembly = _ASSEMBLIES.get(str(record.get("genomeAssembly")).lower().partition(".p")[0])
    place = [str(record.get(one) or "") for one in ("chrom", "pos", "ref", "alt")]
    if assembly is None or not _CHROMOSOME.fullmatch(place[0]):
        return None
    try:
        variant = Variant.parse("-".join(place), assembly=assembly)
    except ValueError:
        return None
    state = mapping(descriptor.get("allelicState")).get("id")
    return CarriedVariant(
        variant,
        zygosity=_ZYGOSITIES.get(str(state)),
        gene=gene,
        aminoacid_change=_protein_change(objects(descriptor.get("expressions"))),
    )


def _protein_change(expressions: Iterable[Mapping[str, Any]]) -> str | None:
    """The change of one amino acid that an expression names, `R101Q`."""
    for one in expressions:
        found = _HGVS_PROTEIN.search(str(one.get("value") or ""))
        if found is not None:
            before, after = _LETTERS.get(found[1]), _LETTERS.get(found[3])
            if before is not None and after is not None:
                return f"{before}{found[2]}{after}"
    return None


_ASSEMBLIES = {"grch38": "GRCh38", "hg38": "GRCh38", "grch37": "GRCh37", "hg19": "GRCh37"}
_CHROMOSOME = re.compile(r"(?:chr)?(?:[1-9]|1\d|2[0-2]|X|Y|MT?)|NC_\d{6}\.\d{1,2}", re.IGNORECASE)
_ZYGOSITIES: Mapping[str, Zygosity] = {
    "GENO:0000134": "hemizygous",
    "GENO:0000135": "heterozygous",
    "GENO:0000136": "homozygous",
    "GENO:0000402": "heterozygous",  # compound heterozygous: of this allele there is one
}
_HGVS_PROTEIN = re.compile(r":p\.\(?([A-Z][a-z]{2})(\d{1,6})([A-Z][a-z]{2}|\*|=)\)?$")
_LETTERS = {
    **{"Ala": "A", "Arg": "R", "Asn": "N", "Asp": "D", "Cys": "C", "Gln": "Q", "Glu": "E"},
    **{"Gly": "G", "His": "H", "Ile": "I", "Leu": "L", "Lys": "K", "Met": "M", "Phe": "F"},
    **{"Pro": "P", "Ser": "S", "Thr": "T", "Trp": "W", "Tyr": "Y", "Val": "V"},
    **{"Ter": "*", "*": "*"},
}
