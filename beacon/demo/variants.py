"""The home of the demo's alleles: published ones as they are, background ones invented.

Published alleles have their true GRCh38 coordinates and names; `grch37.py` knows where they are on
GRCh37. Structural alleles marked `synthetic` lie where such events are found, with invented
breakpoints. Background alleles lie within real genes, at invented positions and with invented
reference bases.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from beacon.demo.terms import Term
from beacon.model import assemblies

ASSEMBLY = "GRCh38"

MISSENSE = Term("SO:0001583", "missense_variant")
STOP_GAINED = Term("SO:0001587", "stop_gained")
FRAMESHIFT = Term("SO:0001589", "frameshift_variant")
INFRAME_DELETION = Term("SO:0001822", "inframe_deletion")
UTR_3 = Term("SO:0001624", "3_prime_UTR_variant")
ABLATION = Term("SO:0001893", "transcript_ablation")
EXON_LOSS = Term("SO:0001572", "exon_loss_variant")
AMPLIFICATION = Term("SO:0001889", "transcript_amplification")


@dataclass(frozen=True, slots=True)
class Gene:
    """A gene in interbase coordinates, half-open: [start, end)."""

    symbol: str
    reference_name: str
    start: int
    end: int


# MANE Select transcripts of GRCh38; VCF and GFF are 1-based, so one is taken from each start.
GENES = tuple(
    Gene(symbol, name, first - 1, last)
    for symbol, name, first, last in (
        ("F5", "1", 169511951, 169586481),
        ("GBA1", "1", 155234452, 155241249),
        ("ACADM", "1", 75724709, 75763679),
        ("APOB", "2", 21001429, 21044073),
        ("IDH1", "2", 208236229, 208255071),
        ("FGFR3", "4", 1793293, 1808867),
        ("APC", "5", 112737885, 112846239),
        ("HFE", "6", 26087429, 26098343),
        ("CFTR", "7", 117480025, 117668665),
        ("BRAF", "7", 140730665, 140924929),
        ("EGFR", "7", 55019017, 55211628),
        ("ELN", "7", 74028173, 74069907),
        ("HBB", "11", 5225464, 5227071),
        ("F2", "11", 46719213, 46739506),
        ("MYBPC3", "11", 47331406, 47352702),
        ("KRAS", "12", 25205246, 25250929),
        ("PAH", "12", 102836889, 102917244),
        ("PTPN11", "12", 112418947, 112509918),
        ("BRCA2", "13", 32315508, 32400268),
        ("GJB2", "13", 20187470, 20192938),
        ("ATP7B", "13", 51932669, 52011450),
        ("SERPINA1", "14", 94376747, 94388602),
        ("MYH7", "14", 23412740, 23435660),
        ("FBN1", "15", 48408313, 48645709),
        ("PKD1", "16", 2088708, 2135898),
        ("MEFV", "16", 3242027, 3256633),
        ("PRRT2", "16", 29812193, 29815881),
        ("BRCA1", "17", 43044295, 43125364),
        ("TP53", "17", 7668421, 7687490),
        ("NF1", "17", 31094977, 31377675),
        ("COL1A1", "17", 50184101, 50201631),
        ("PMP22", "17", 15229779, 15265326),
        ("TTR", "18", 31591877, 31598821),
        ("LDLR", "19", 11089463, 11133820),
        ("RYR1", "19", 38433691, 38587564),
        ("APOE", "19", 44905796, 44909393),
        ("TBX1", "22", 19760778, 19767334),
        ("DMD", "X", 31119222, 33211549),
        ("MECP2", "X", 154021573, 154097717),
        ("G6PD", "X", 154531391, 154546846),
        ("MT-TL1", "MT", 3230, 3304),
        ("MT-CO1", "MT", 5904, 7445),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownAllele:
    """A published allele, as a VCF line would have it.

    `pos` is VCF POS, 1-based, with the anchor base; for a structural allele `alt` is symbolic,
    `pos` is the base before the event and `end` its last base (1-based inclusive).
    `relevance` is empty for an allele that is a risk, not a cause.
    `frequency` is country key → allele frequency among people from there, `""` for the others.
    """

    key: str
    name: str
    pos: int
    ref: str
    alt: str
    genes: tuple[str, ...]
    effect: Term
    condition: Term
    relevance: str = "pathogenic"
    aminoacid_changes: tuple[str, ...] = ()
    genomic_hgvs: str = ""
    transcript_hgvs: tuple[str, ...] = ()
    protein_hgvs: tuple[str, ...] = ()
    clinvar: str = ""
    rsid: str = ""
    end: int | None = None
    synthetic: bool = False
    assembly: str = ASSEMBLY
    frequency: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_structural(self) -> bool:
        """Whether the alternate is symbolic, such as `<DEL>`."""
        return self.end is not None

    @property
    def variant_type(self) -> str:
        """`SNP`, `INS`, `DEL` or `DUP`."""
        if self.is_structural:
            return self.alt.strip("<>")
        if len(self.ref) == len(self.alt):
            return "SNP"
        return "DEL" if len(self.ref) > len(self.alt) else "INS"

    @property
    def internal_id(self) -> str:
        """The id under which the same allele is known when it comes from the VCF."""
        if self.end is not None:
            first = self.pos + 1
            return f"{self.assembly}-{self.name}-{first}-{self.end}-{self.variant_type}"
        return f"{self.assembly}-{self.name}-{self.pos}-{self.ref}-{self.alt}"

    def record(self) -> dict[str, Any]:
        """The annotation: a genomicVariation record without carriers, which the VCF has."""
        start = self.pos if self.is_structural else self.pos - 1
        end = self.end if self.end is not None else start + len(self.ref)
        variation: dict[str, Any] = {
            "variantType": self.variant_type,
            "location": {
                "type": "SequenceLocation",
                "sequence_id": f"refseq:{assemblies.refseq(self.assembly, self.name)}",
                "interval": {
                    "type": "SequenceInterval",
                    "start": {"type": "Number", "value": start},
                    "end": {"type": "Number", "value": end},
                },
            },
            "alternateBases": "" if self.is_structural else self.alt,
        }
        if not self.is_structural:
            variation["referenceBases"] = self.ref
        identifiers: dict[str, Any] = {}
        if self.genomic_hgvs:
            identifiers["genomicHGVSId"] = self.genomic_hgvs
        if self.transcript_hgvs:
            identifiers["transcriptHGVSIds"] = list(self.transcript_hgvs)
        if self.protein_hgvs:
            identifiers["proteinHGVSIds"] = list(self.protein_hgvs)
        if self.clinvar:
            identifiers["clinvarVariantId"] = f"clinvar:{self.clinvar}"
        if self.rsid:
            identifiers["variantAlternativeIds"] = [
                {
                    "id": f"dbSNP:{self.rsid}",
                    "reference": f"https://www.ncbi.nlm.nih.gov/snp/{self.rsid}",
                }
            ]
        attributes: dict[str, Any] = {
            "geneIds": list(self.genes),
            "molecularEffects": [self.effect.record],
        }
        if self.aminoacid_changes:
            attributes["aminoacidChanges"] = list(self.aminoacid_changes)
        interpretation: dict[str, Any] = {
            "conditionId": self.condition.id,
            "effect": self.condition.record,
        }
        if self.relevance:
            interpretation["clinicalRelevance"] = self.relevance
        record: dict[str, Any] = {
            "variantInternalId": self.internal_id,
            "variation": variation,
            "molecularAttributes": attributes,
            "variantLevelData": {"clinicalInterpretations": [interpretation]},
        }
        if identifiers:
            record["identifiers"] = identifiers
        if self.synthetic:
            record["info"] = {"note": "Invented breakpoints, where such events are found."}
        return record
