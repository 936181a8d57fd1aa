"""The home of the consequences of variants: what annotators call them, in the Sequence Ontology."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple


class Consequence(NamedTuple):
    """A term of the Sequence Ontology; the lower `severity`, the more severe."""

    severity: int
    id: str
    label: str


# Severity as Ensembl orders it; what only others use stands beside what is like it.
_TERMS = """
SO:0001893 transcript_ablation
SO:0001879 feature_ablation
SO:0001572 exon_loss_variant
SO:0001565 gene_fusion
SO:0002086 bidirectional_gene_fusion
SO:0000904 rearranged_at_DNA_level
SO:1000182 chromosome_number_variation
SO:0001574 splice_acceptor_variant
SO:0001575 splice_donor_variant
SO:0001629 splice_site_variant
SO:0001587 stop_gained
SO:0001589 frameshift_variant
SO:0001578 stop_lost
SO:0002012 start_lost
SO:0001582 initiator_codon_variant
SO:0002008 rare_amino_acid_variant
SO:0001889 transcript_amplification
SO:1000035 duplication
SO:1000036 inversion
SO:0000159 deletion
SO:0000667 insertion
SO:0001907 feature_elongation
SO:0001906 feature_truncation
SO:0001824 disruptive_inframe_insertion
SO:0001826 disruptive_inframe_deletion
SO:0001823 conservative_inframe_insertion
SO:0001825 conservative_inframe_deletion
SO:0001821 inframe_insertion
SO:0001822 inframe_deletion
SO:0001820 inframe_indel
SO:0001650 inframe_variant
SO:0001583 missense_variant
SO:0001818 protein_altering_variant
SO:0002093 structural_interaction_variant
SO:0001093 protein_protein_contact
SO:0002013 5_prime_UTR_truncation
SO:0002015 3_prime_UTR_truncation
SO:0001787 splice_donor_5th_base_variant
SO:0001630 splice_region_variant
SO:0002170 splice_donor_region_variant
SO:0002169 splice_polypyrimidine_tract_variant
SO:0001626 incomplete_terminal_codon_variant
SO:0000680 non_canonical_start_codon
SO:0002019 start_retained_variant
SO:0001567 stop_retained_variant
SO:0001819 synonymous_variant
SO:0001580 coding_sequence_variant
SO:0001620 mature_miRNA_variant
SO:0000276 miRNA
SO:0001988 5_prime_UTR_premature_start_codon_gain_variant
SO:0001623 5_prime_UTR_variant
SO:0001624 3_prime_UTR_variant
SO:0001792 non_coding_transcript_exon_variant
SO:0001791 exon_variant
SO:0001627 intron_variant
SO:0002018 conserved_intron_variant
SO:0001621 NMD_transcript_variant
SO:0001619 non_coding_transcript_variant
SO:0001968 coding_transcript_variant
SO:0001576 transcript_variant
SO:0001564 gene_variant
SO:0002011 intragenic_variant
SO:0002153 genic_upstream_transcript_variant
SO:0002152 genic_downstream_transcript_variant
SO:0001631 upstream_gene_variant
SO:0001632 downstream_gene_variant
SO:0001895 TFBS_ablation
SO:0001892 TFBS_amplification
SO:0001782 TF_binding_site_variant
SO:0001894 regulatory_region_ablation
SO:0001891 regulatory_region_amplification
SO:0001566 regulatory_region_variant
SO:0002017 conserved_intergenic_variant
SO:0001628 intergenic_variant
SO:0000605 intergenic_region
SO:0000110 sequence_feature
SO:0002073 no_sequence_alteration
SO:0001060 sequence_variant
"""

_OTHER_NAMES = {
    # Former names of Ensembl, and what ClinVar writes.
    "nc_transcript_variant": "non_coding_transcript_variant",
    "non-coding_transcript_variant": "non_coding_transcript_variant",
    "non_coding_exon_variant": "non_coding_transcript_exon_variant",
    "nonsense": "stop_gained",
    # SnpEff, where it departs from the ontology.
    "3_prime_UTR_truncation+exon_loss": "3_prime_UTR_truncation",
    "5_prime_UTR_truncation+exon_loss": "5_prime_UTR_truncation",
    "exon_loss": "exon_loss_variant",
    # bcftools csq; most of its names only lack `_variant`.
    "3_prime_utr": "3_prime_UTR_variant",
    "5_prime_utr": "5_prime_UTR_variant",
    "non_coding": "non_coding_transcript_variant",
    "inframe_altering": "protein_altering_variant",
    # SnpEff before it wrote terms of the ontology.
    "CDS": "coding_sequence_variant",
    "CODON_CHANGE": "coding_sequence_variant",
    "CODON_CHANGE_PLUS_CODON_DELETION": "disruptive_inframe_deletion",
    "CODON_CHANGE_PLUS_CODON_INSERTION": "disruptive_inframe_insertion",
    "CODON_DELETION": "inframe_deletion",
    "CODON_INSERTION": "inframe_insertion",
    "DOWNSTREAM": "downstream_gene_variant",
    "EXON": "exon_variant",
    "EXON_DELETED": "exon_loss_variant",
    "FRAME_SHIFT": "frameshift_variant",
    "GENE": "gene_variant",
    "INTERGENIC": "intergenic_region",
    "INTERGENIC_CONSERVED": "conserved_intergenic_variant",
    "INTRAGENIC": "intragenic_variant",
    "INTRON": "intron_variant",
    "INTRON_CONSERVED": "conserved_intron_variant",
    "MICRO_RNA": "miRNA",
    "NON_SYNONYMOUS_CODING": "missense_variant",
    "NON_SYNONYMOUS_START": "initiator_codon_variant",
    "NON_SYNONYMOUS_STOP": "stop_retained_variant",
    "RARE_AMINO_ACID": "rare_amino_acid_variant",
    "REGULATION": "regulatory_region_variant",
    "SPLICE_SITE_ACCEPTOR": "splice_acceptor_variant",
    "SPLICE_SITE_DONOR": "splice_donor_variant",
    "SPLICE_SITE_REGION": "splice_region_variant",
    "START_GAINED": "5_prime_UTR_premature_start_codon_gain_variant",
    "START_LOST": "start_lost",
    "STOP_GAINED": "stop_gained",
    "STOP_LOST": "stop_lost",
    "SYNONYMOUS_CODING": "synonymous_variant",
    "SYNONYMOUS_START": "start_retained_variant",
    "SYNONYMOUS_STOP": "stop_retained_variant",
    "TRANSCRIPT": "transcript_variant",
    "UPSTREAM": "upstream_gene_variant",
    "UTR_3_DELETED": "3_prime_UTR_truncation",
    "UTR_3_PRIME": "3_prime_UTR_variant",
    "UTR_5_DELETED": "5_prime_UTR_truncation",
    "UTR_5_PRIME": "5_prime_UTR_variant",
}

_BY_NAME = {
    label: Consequence(severity, accession, label)
    for severity, (accession, label) in enumerate(map(str.split, _TERMS.strip().splitlines()))
}
_BY_ID = {term.id: term for term in _BY_NAME.values()}

UNKNOWN_SEVERITY = len(_BY_NAME)
"""Of what says nothing of a consequence, or of one that is not known: after all others."""


def consequence(name: str) -> Consequence | None:
    """The term of a name that VEP, SnpEff, bcftools or ClinVar use; `None` of any other."""
    return _BY_NAME.get(_OTHER_NAMES.get(name, name)) or _BY_NAME.get(f"{name}_variant")


def consequence_of_id(accession: str, name: str) -> Consequence:
    """The term of an accession such as `SO:0001583`, by the given name if it is not known here."""
    return _BY_ID.get(accession) or Consequence(UNKNOWN_SEVERITY, accession, name)


@lru_cache(maxsize=1 << 12)
def consequences(names: str) -> tuple[Consequence, ...]:
    """The terms of names joined by `&`, as annotators write several."""
    found = (consequence(name) for name in names.split("&"))
    return tuple(term for term in found if term is not None)
