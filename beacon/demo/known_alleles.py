"""The home of the published alleles that the demo's stories turn on."""

from __future__ import annotations

from beacon.demo.terms import Term
from beacon.demo.variants import (
    ABLATION,
    AMPLIFICATION,
    EXON_LOSS,
    FRAMESHIFT,
    INFRAME_DELETION,
    MISSENSE,
    STOP_GAINED,
    UTR_3,
    KnownAllele,
)

CYSTIC_FIBROSIS = Term("MONDO:0009061", "cystic fibrosis")
SICKLE_CELL_ANAEMIA = Term("MONDO:0011382", "sickle cell anemia")
SICKLE_C_DISEASE = Term("MONDO:0016669", "sickle cell-hemoglobin c disease syndrome")
BETA_THALASSAEMIA = Term("MONDO:0019402", "beta thalassemia")
LI_FRAUMENI = Term("MONDO:0018875", "Li-Fraumeni syndrome")
HEREDITARY_BREAST_OVARIAN = Term("MONDO:0003582", "hereditary breast ovarian cancer syndrome")
HAEMOCHROMATOSIS = Term("MONDO:0021001", "hemochromatosis type 1")
FACTOR_V_THROMBOPHILIA = Term(
    "MONDO:0008560", "thrombophilia due to activated protein C resistance"
)
THROMBOPHILIA = Term("MONDO:0002305", "thrombophilia")
ALZHEIMER = Term("MONDO:0004975", "Alzheimer disease")
HYPERTHERMIA = Term("MONDO:0007783", "malignant hyperthermia, susceptibility to, 1")
DUCHENNE = Term("MONDO:0010679", "Duchenne muscular dystrophy")
POLYCYSTIC_KIDNEY = Term("MONDO:0008263", "polycystic kidney disease 1")
HYPERCHOLESTEROLAEMIA = Term("MONDO:0007750", "hypercholesterolemia, familial, 1")
HYPERCHOLESTEROLAEMIA_B = Term("MONDO:0007751", "hypercholesterolemia, autosomal dominant, type B")
RETT = Term("MONDO:0010726", "Rett syndrome")
PHENYLKETONURIA = Term("MONDO:0009861", "phenylketonuria")
GAUCHER = Term("MONDO:0009265", "Gaucher disease type I")
MCAD_DEFICIENCY = Term("MONDO:0008721", "medium chain acyl-CoA dehydrogenase deficiency")
ALPHA_1_ANTITRYPSIN = Term("MONDO:0013282", "alpha 1-antitrypsin deficiency")
ACHONDROPLASIA = Term("MONDO:0007037", "achondroplasia")
DEAFNESS_1A = Term("MONDO:0009076", "autosomal recessive nonsyndromic hearing loss 1A")
MEDITERRANEAN_FEVER = Term("MONDO:0018088", "familial Mediterranean fever")
WILSON = Term("MONDO:0010200", "Wilson disease")
AMYLOID_NEUROPATHY = Term("MONDO:0007100", "familial amyloid neuropathy")
MELAS = Term("MONDO:0010789", "MELAS syndrome")
DELETION_22Q11 = Term("MONDO:0018923", "22q11.2 deletion syndrome")
CMT1A = Term("MONDO:0007309", "Charcot-Marie-Tooth disease type 1A")
WILLIAMS = Term("MONDO:0008678", "Williams syndrome")
DELETION_16P11 = Term("MONDO:0012756", "proximal 16p11.2 microdeletion syndrome")
NEUROFIBROMATOSIS = Term("MONDO:0018975", "neurofibromatosis type 1")
SPINAL_ATROPHY = Term("MONDO:0001516", "spinal muscular atrophy")
G6PD_DEFICIENCY = Term("MONDO:0005775", "G6PD deficiency")
MELANOMA = Term("NCIT:C3224", "Melanoma")
LUNG_ADENOCARCINOMA = Term("NCIT:C3512", "Lung Adenocarcinoma")
COLON_ADENOCARCINOMA = Term("NCIT:C4349", "Colon Adenocarcinoma")
GLIOBLASTOMA = Term("NCIT:C3058", "Glioblastoma")
BREAST_CARCINOMA = Term("NCIT:C4872", "Breast Carcinoma")


def _snp(
    key: str,
    place: str,
    gene: str,
    change: str,
    condition: Term,
    *,
    transcript: str,
    protein: str = "",
    accession: str,
    effect: Term = MISSENSE,
    relevance: str = "pathogenic",
    clinvar: str = "",
    rsid: str = "",
    frequency: dict[str, float] | None = None,
) -> KnownAllele:
    """A substitution; `place` is `name:pos ref>alt`, `change` one or more one-letter changes."""
    name, rest = place.split(":")
    pos, bases = rest.split(" ")
    ref, alt = bases.split(">")
    kind = "m" if name == "MT" else "g"
    return KnownAllele(
        key=key,
        name=name,
        pos=int(pos),
        ref=ref,
        alt=alt,
        genes=(gene,),
        effect=effect,
        condition=condition,
        relevance=relevance,
        aminoacid_changes=tuple(change.split()),
        genomic_hgvs=f"{accession}:{kind}.{pos}{ref}>{alt}",
        transcript_hgvs=tuple(transcript.split()),
        protein_hgvs=tuple(protein.split()),
        clinvar=clinvar,
        rsid=rsid,
        frequency=frequency or {},
    )


def _event(
    key: str,
    place: str,
    alt: str,
    genes: str,
    condition: Term,
    *,
    effect: Term = ABLATION,
    synthetic: bool = False,
) -> KnownAllele:
    """A deletion or duplication; `place` is `name:first-last`, 1-based inclusive."""
    name, span = place.split(":")
    first, last = span.split("-")
    return KnownAllele(
        key=key,
        name=name,
        pos=int(first) - 1,  # VCF: the base before the event
        ref="N",
        alt=alt,
        end=int(last),
        genes=tuple(genes.split()),
        effect=effect,
        condition=condition,
        synthetic=synthetic,
    )


SUBSTITUTIONS = (
    _snp("F5-Leiden", "1:169549811 C>T", "F5", "R534Q", FACTOR_V_THROMBOPHILIA,
         transcript="NM_000130.5:c.1601G>A", protein="NP_000121.2:p.Arg534Gln",
         accession="NC_000001.11", clinvar="642", rsid="rs6025",
         frequency={"": 0.02, "SE": 0.05, "GR": 0.045, "FI": 0.012, "PT": 0.015, "ES": 0.012}),
    _snp("F2-20210", "11:46739505 G>A", "F2", "", THROMBOPHILIA,
         transcript="NM_000506.5:c.*97G>A", accession="NC_000011.10", effect=UTR_3,
         clinvar="13310", rsid="rs1799963",
         frequency={"": 0.008, "IT": 0.02, "GR": 0.02, "PT": 0.018, "ES": 0.022}),
    _snp("GBA1-N409S", "1:155235843 T>C", "GBA1", "N409S", GAUCHER,
         transcript="NM_000157.4:c.1226A>G", protein="NP_000148.2:p.Asn409Ser",
         accession="NC_000001.11", clinvar="4290", rsid="rs76763715",
         frequency={"": 0.001, "PT": 0.004, "ES": 0.004, "PL": 0.003}),
    _snp("ACADM-K329E", "1:75761161 A>G", "ACADM", "K329E", MCAD_DEFICIENCY,
         transcript="NM_000016.6:c.985A>G", protein="NP_000007.1:p.Lys329Glu",
         accession="NC_000001.11", clinvar="3586", rsid="rs77931234",
         frequency={"": 0.004, "DE": 0.007, "PL": 0.007, "FI": 0.001, "IT": 0.001}),
    _snp("APOB-R3527Q", "2:21006288 C>T", "APOB", "R3527Q", HYPERCHOLESTEROLAEMIA_B,
         transcript="NM_000384.3:c.10580G>A", protein="NP_000375.3:p.Arg3527Gln",
         accession="NC_000002.12", rsid="rs5742904", frequency={"": 0.001}),
    _snp("IDH1-R132H", "2:208248388 C>T", "IDH1", "R132H", GLIOBLASTOMA,
         transcript="NM_005896.4:c.395G>A", protein="NP_005887.2:p.Arg132His",
         accession="NC_000002.12", rsid="rs121913500"),
    _snp("FGFR3-G380R", "4:1804392 G>A", "FGFR3", "G380R", ACHONDROPLASIA,
         transcript="NM_000142.5:c.1138G>A", protein="NP_000133.1:p.Gly380Arg",
         accession="NC_000004.12", clinvar="16327", rsid="rs28931614"),
    _snp("HFE-C282Y", "6:26092913 G>A", "HFE", "C282Y", HAEMOCHROMATOSIS,
         transcript="NM_000410.4:c.845G>A", protein="NP_000401.1:p.Cys282Tyr",
         accession="NC_000006.12", clinvar="9", rsid="rs1800562",
         frequency={"": 0.055, "IE": 0.11, "GR": 0.01, "IT": 0.015, "FI": 0.035, "ES": 0.03}),
    _snp("HFE-H63D", "6:26090951 C>G", "HFE", "H63D", HAEMOCHROMATOSIS,
         transcript="NM_000410.4:c.187C>G", protein="NP_000401.1:p.His63Asp",
         accession="NC_000006.12", relevance="", clinvar="10",
         rsid="rs1799945", frequency={"": 0.13, "PT": 0.18, "ES": 0.20, "FI": 0.10}),
    _snp("CFTR-G542X", "7:117587778 G>T", "CFTR", "G542*", CYSTIC_FIBROSIS,
         transcript="NM_000492.4:c.1624G>T", protein="NP_000483.3:p.Gly542Ter",
         accession="NC_000007.14", effect=STOP_GAINED, clinvar="7115", rsid="rs113993959",
         frequency={"": 0.0005, "PT": 0.001, "ES": 0.002}),
    _snp("CFTR-G551D", "7:117587806 G>A", "CFTR", "G551D", CYSTIC_FIBROSIS,
         transcript="NM_000492.4:c.1652G>A", protein="NP_000483.3:p.Gly551Asp",
         accession="NC_000007.14", rsid="rs75527207", frequency={"": 0.0003, "IE": 0.003}),
    _snp("BRAF-V600E", "7:140753336 A>T", "BRAF", "V600E", MELANOMA,
         transcript="NM_004333.6:c.1799T>A", protein="NP_004324.2:p.Val600Glu",
         accession="NC_000007.14", clinvar="13961", rsid="rs113488022"),
    _snp("EGFR-L858R", "7:55191822 T>G", "EGFR", "L858R", LUNG_ADENOCARCINOMA,
         transcript="NM_005228.5:c.2573T>G", protein="NP_005219.2:p.Leu858Arg",
         accession="NC_000007.14", clinvar="16609", rsid="rs121434568"),
    _snp("HBB-S", "11:5227002 T>A", "HBB", "E7V", SICKLE_CELL_ANAEMIA,
         transcript="NM_000518.5:c.20A>T", protein="NP_000509.1:p.Glu7Val",
         accession="NC_000011.10", clinvar="15333", rsid="rs334",
         frequency={"": 0.0004, "GR": 0.006, "PT": 0.004, "ES": 0.001}),
    _snp("HBB-C", "11:5227003 C>T", "HBB", "E7K", SICKLE_C_DISEASE,
         transcript="NM_000518.5:c.19G>A", protein="NP_000509.1:p.Glu7Lys",
         accession="NC_000011.10", rsid="rs33930165",
         frequency={"": 0.0, "PT": 0.002, "ES": 0.002}),
    _snp("HBB-Q40X", "11:5226774 G>A", "HBB", "Q40*", BETA_THALASSAEMIA,
         transcript="NM_000518.5:c.118C>T", protein="NP_000509.1:p.Gln40Ter",
         accession="NC_000011.10", effect=STOP_GAINED, rsid="rs11549407",
         frequency={"": 0.0002, "IT": 0.008, "GR": 0.006, "ES": 0.001}),
    _snp("KRAS-G12D", "12:25245350 C>T", "KRAS", "G12D", COLON_ADENOCARCINOMA,
         transcript="NM_004985.5:c.35G>A", protein="NP_004976.2:p.Gly12Asp",
         accession="NC_000012.12", clinvar="12582", rsid="rs121913529"),
    _snp("PAH-R408W", "12:102840493 G>A", "PAH", "R408W", PHENYLKETONURIA,
         transcript="NM_000277.3:c.1222C>T", protein="NP_000268.1:p.Arg408Trp",
         accession="NC_000012.12", clinvar="577", rsid="rs5030858",
         frequency={"": 0.003, "EE": 0.012, "PL": 0.011, "IE": 0.007, "FI": 0.001}),
    _snp("ATP7B-H1069Q", "13:51944145 G>T", "ATP7B", "H1069Q", WILSON,
         transcript="NM_000053.4:c.3207C>A", protein="NP_000044.2:p.His1069Gln",
         accession="NC_000013.11", rsid="rs76151636", frequency={"": 0.001, "PL": 0.005}),
    _snp("SERPINA1-Z", "14:94378610 C>T", "SERPINA1", "E366K", ALPHA_1_ANTITRYPSIN,
         transcript="NM_000295.5:c.1096G>A", protein="NP_000286.3:p.Glu366Lys",
         accession="NC_000014.9", clinvar="17967", rsid="rs28929474",
         frequency={"": 0.015, "SE": 0.024, "NO": 0.022, "EE": 0.026, "GR": 0.005, "ES": 0.012}),
    _snp("FBN1-E2447K", "15:48425483 C>T", "FBN1", "E2447K", Term("HP:0001083", "Ectopia lentis"),
         transcript="NM_000138.5:c.7339G>A", protein="NP_000129.3:p.Glu2447Lys",
         accession="NC_000015.10"),
    _snp("MEFV-M694V", "16:3243407 T>C", "MEFV", "M694V", MEDITERRANEAN_FEVER,
         transcript="NM_000243.3:c.2080A>G", protein="NP_000234.1:p.Met694Val",
         accession="NC_000016.10", clinvar="2538", rsid="rs61752717",
         frequency={"": 0.0002, "GR": 0.006, "IT": 0.002, "ES": 0.001}),
    _snp("TP53-R175H", "17:7675088 C>T", "TP53", "R175H", LI_FRAUMENI,
         transcript="NM_000546.6:c.524G>A", protein="NP_000537.3:p.Arg175His",
         accession="NC_000017.11", clinvar="12374", rsid="rs28934578"),
    _snp("TP53-R248Q", "17:7674220 C>T", "TP53", "R248Q", LI_FRAUMENI,
         transcript="NM_000546.6:c.743G>A", protein="NP_000537.3:p.Arg248Gln",
         accession="NC_000017.11", clinvar="12356", rsid="rs11540652"),
    _snp("TP53-R273H", "17:7673802 C>T", "TP53", "R273H", LI_FRAUMENI,
         transcript="NM_000546.6:c.818G>A", protein="NP_000537.3:p.Arg273His",
         accession="NC_000017.11", clinvar="12366", rsid="rs28934576"),
    _snp("NF1-R1830C", "17:31327718 C>T", "NF1", "R1830C", NEUROFIBROMATOSIS,
         transcript="NM_001042492.3:c.5488C>T", protein="NP_001035957.1:p.Arg1830Cys",
         accession="NC_000017.11"),
    _snp("TTR-V50M", "18:31592974 G>A", "TTR", "V50M", AMYLOID_NEUROPATHY,
         transcript="NM_000371.4:c.148G>A", protein="NP_000362.1:p.Val50Met",
         accession="NC_000018.10", rsid="rs28933979",
         frequency={"": 0.0, "PT": 0.004, "SE": 0.003, "ES": 0.001}),
    _snp("TTR-V142I", "18:31598655 G>A", "TTR", "V142I", AMYLOID_NEUROPATHY,
         transcript="NM_000371.4:c.424G>A", protein="NP_000362.1:p.Val142Ile",
         accession="NC_000018.10", rsid="rs76992529"),
    _snp("LDLR-G592E", "19:11116928 G>A", "LDLR", "G592E", HYPERCHOLESTEROLAEMIA,
         transcript="NM_000527.5:c.1775G>A", protein="NP_000518.1:p.Gly592Glu",
         accession="NC_000019.10", rsid="rs137929307", frequency={"": 0.0005}),
    _snp("RYR1-R614C", "19:38457545 C>T", "RYR1", "R614C", HYPERTHERMIA,
         transcript="NM_000540.3:c.1840C>T", protein="NP_000531.2:p.Arg614Cys",
         accession="NC_000019.10", rsid="rs118192172"),
    _snp("RYR1-G2434R", "19:38499993 G>A", "RYR1", "G2434R", HYPERTHERMIA,
         transcript="NM_000540.3:c.7300G>A", protein="NP_000531.2:p.Gly2434Arg",
         accession="NC_000019.10", rsid="rs121918593"),
    _snp("APOE-e4", "19:44908684 T>C", "APOE", "C130R", ALZHEIMER,
         transcript="NM_000041.4:c.388T>C", protein="NP_000032.1:p.Cys130Arg",
         accession="NC_000019.10", relevance="", rsid="rs429358",
         frequency={"": 0.15, "FI": 0.19, "SE": 0.20, "NO": 0.19, "IT": 0.09, "GR": 0.08,
                    "ES": 0.10}),
    _snp("APOE-e2", "19:44908822 C>T", "APOE", "R176C", ALZHEIMER,
         transcript="NM_000041.4:c.526C>T", protein="NP_000032.1:p.Arg176Cys",
         accession="NC_000019.10", relevance="", rsid="rs7412",
         frequency={"": 0.07, "FI": 0.045}),
    _snp("MECP2-R168X", "X:154031326 G>A", "MECP2", "R168* R180*", RETT,
         transcript="NM_004992.4:c.502C>T NM_001110792.2:c.538C>T",
         protein="NP_001104262.1:p.Arg180Ter", accession="NC_000023.11", effect=STOP_GAINED,
         rsid="rs61748421"),
    _snp("MECP2-R294X", "X:154030948 G>A", "MECP2", "R294* R306*", RETT,
         transcript="NM_004992.4:c.880C>T NM_001110792.2:c.916C>T",
         protein="NP_001104262.1:p.Arg306Ter", accession="NC_000023.11", effect=STOP_GAINED),
    _snp("G6PD-S188F", "X:154534419 G>A", "G6PD", "S188F", G6PD_DEFICIENCY,
         transcript="NM_001360016.2:c.563C>T", protein="NP_001346945.1:p.Ser188Phe",
         accession="NC_000023.11", rsid="rs5030868",
         frequency={"": 0.0, "GR": 0.03, "IT": 0.012, "ES": 0.002}),
    _snp("MT-TL1-3243", "MT:3243 A>G", "MT-TL1", "", MELAS, transcript="",
         accession="NC_012920.1", effect=Term("SO:0001619", "non_coding_transcript_variant"),
         clinvar="9589", rsid="rs199474657"),
)  # fmt: skip

INDELS = (
    KnownAllele(
        key="CFTR-F508del", name="7", pos=117559590, ref="ATCT", alt="A", genes=("CFTR",),
        effect=INFRAME_DELETION, condition=CYSTIC_FIBROSIS, aminoacid_changes=("F508del",),
        genomic_hgvs="NC_000007.14:g.117559592_117559594del",
        transcript_hgvs=("NM_000492.4:c.1521_1523del",), protein_hgvs=("NP_000483.3:p.Phe508del",),
        clinvar="7105", rsid="rs113993960",
        frequency={"": 0.011, "IE": 0.018, "FI": 0.004, "DE": 0.014, "GR": 0.009, "ES": 0.009},
    ),
    KnownAllele(
        key="BRCA1-185delAG", name="17", pos=43124027, ref="ACT", alt="A", genes=("BRCA1",),
        effect=FRAMESHIFT, condition=HEREDITARY_BREAST_OVARIAN,
        transcript_hgvs=("NM_007294.4:c.68_69del",), clinvar="17662", rsid="rs80357914",
    ),
    KnownAllele(
        key="BRCA1-5382insC", name="17", pos=43057062, ref="T", alt="TG", genes=("BRCA1",),
        effect=FRAMESHIFT, condition=HEREDITARY_BREAST_OVARIAN,
        transcript_hgvs=("NM_007294.4:c.5266dup",), clinvar="17677", rsid="rs80357906",
        frequency={"": 0.0, "PL": 0.003, "EE": 0.002},
    ),
    KnownAllele(
        key="BRCA2-6174delT", name="13", pos=32340300, ref="GT", alt="G", genes=("BRCA2",),
        effect=FRAMESHIFT, condition=HEREDITARY_BREAST_OVARIAN,
        transcript_hgvs=("NM_000059.4:c.5946del",), clinvar="9325", rsid="rs80359550",
    ),
    KnownAllele(
        key="GJB2-35delG", name="13", pos=20189546, ref="AC", alt="A", genes=("GJB2",),
        effect=FRAMESHIFT, condition=DEAFNESS_1A,
        transcript_hgvs=("NM_004004.6:c.35del",), clinvar="17004", rsid="rs80338939",
        frequency={"": 0.009, "GR": 0.018, "IT": 0.016, "EE": 0.022, "FI": 0.006, "ES": 0.012},
    ),
)  # fmt: skip

EVENTS = (
    _event("22q11-deletion", "22:18912231-21465672", "<DEL>", "TBX1", DELETION_22Q11),
    _event("PMP22-duplication", "17:14194598-15567589", "<DUP>", "PMP22", CMT1A,
           effect=AMPLIFICATION),
    _event("7q11-deletion", "7:73330452-74728172", "<DEL>", "ELN", WILLIAMS),
    _event("16p11-deletion", "16:29638676-30188531", "<DEL>", "PRRT2", DELETION_16P11),
    _event("SMN1-deletion", "5:70925087-70953015", "<DEL>", "SMN1", SPINAL_ATROPHY,
           synthetic=True),
    _event("DMD-exons-45-50", "X:31790001-32100000", "<DEL>", "DMD", DUCHENNE,
           effect=EXON_LOSS, synthetic=True),
    _event("DMD-exon-51", "X:31770001-31778000", "<DEL>", "DMD", DUCHENNE,
           effect=EXON_LOSS, synthetic=True),
    _event("PKD1-exons", "16:2090001-2100000", "<DEL>", "PKD1", POLYCYSTIC_KIDNEY,
           effect=EXON_LOSS, synthetic=True),
)  # fmt: skip

KNOWN_ALLELES = {allele.key: allele for allele in (*SUBSTITUTIONS, *INDELS, *EVENTS)}
