"""The home of the demo's stories: which alleles bring which diseases and phenotypes.

A `Story` is a disease that runs in families or arises anew; a `Risk` is a common allele that makes
a common condition likelier. How often a feature is present is plausible, not taken from a study.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from beacon.demo import known_alleles as known
from beacon.demo.terms import Term


class Inheritance(StrEnum):
    """How the alleles of a story come to a person."""

    DOMINANT = "dominant"
    DE_NOVO = "de novo"
    RECESSIVE = "recessive"
    X_RECESSIVE = "X-linked recessive"
    X_DOMINANT = "X-linked dominant, de novo"
    MITOCHONDRIAL = "mitochondrial"


@dataclass(frozen=True, slots=True)
class Feature:
    """A phenotypic feature and the share of affected people who have it."""

    term: Term
    share: float


@dataclass(frozen=True, slots=True)
class Story:
    """A disease with the alleles that cause it.

    `alleles` are keys of `KNOWN_ALLELES`; a recessive patient has two of them, the first being the
    commonest. `onset` is the range of ages of onset and `height` the z-score shift of the height,
    both in years and standard deviations; `haemoglobin` (g/dL) and `ldl` (mg/dL) replace the mean.
    """

    disease: Term
    inheritance: Inheritance
    alleles: tuple[str, ...]
    families: int
    onset: tuple[int, int]
    features: tuple[Feature, ...]
    countries: tuple[str, ...] = ()
    height: float = 0.0
    haemoglobin: float | None = None
    ldl: float | None = None


@dataclass(frozen=True, slots=True)
class Tumour:
    """A cancer with the allele that only the tumour has."""

    diagnosis: Term
    allele: str
    site: Term
    patients: int
    share: float
    onset: tuple[int, int] = (38, 79)


@dataclass(frozen=True, slots=True)
class Risk:
    """A common condition, and the allele that makes it likelier.

    `baseline` is the share of carriers of fewer than `copies` alleles who have it, `share` that of
    the others, both among people of at least `onset` years. Without an allele everybody is alike.
    """

    disease: Term | None
    features: tuple[Feature, ...]
    onset: int
    baseline: float
    allele: str | None = None
    copies: int = 1
    share: float = 0.0


def _features(text: str) -> tuple[Feature, ...]:
    """Lines of `HP id share label`."""
    found = []
    for line in text.strip().splitlines():
        term_id, share, label = line.split(maxsplit=2)
        found.append(Feature(Term(f"HP:{term_id}", label), float(share)))
    return tuple(found)


STORIES = (
    Story(
        known.CYSTIC_FIBROSIS, Inheritance.RECESSIVE,
        ("CFTR-F508del", "CFTR-G542X", "CFTR-G551D"), 26, (0, 3),
        _features("""
            0002110 0.65 Bronchiectasis
            0002205 0.85 Recurrent respiratory infections
            0001738 0.80 Exocrine pancreatic insufficiency
            0001508 0.45 Failure to thrive
            0000819 0.15 Diabetes mellitus"""),
        ("IE", "DE", "NO", "SE", "PT", "ES", "IT", "PL"), height=-0.5,
    ),
    Story(
        known.SICKLE_CELL_ANAEMIA, Inheritance.RECESSIVE, ("HBB-S",), 18, (0, 2),
        _features("""
            0001878 0.95 Hemolytic anemia
            0030058 0.90 Sickled erythrocytes
            0001744 0.50 Splenomegaly
            0000952 0.45 Jaundice
            0001297 0.12 Stroke"""),
        ("PT", "GR", "IT", "IE"), haemoglobin=8.4,
    ),
    Story(
        known.BETA_THALASSAEMIA, Inheritance.RECESSIVE, ("HBB-Q40X",), 10, (0, 2),
        _features("""
            0001903 1.00 Anemia
            0001744 0.70 Splenomegaly
            0002240 0.50 Hepatomegaly
            0004322 0.35 Short stature"""),
        ("IT", "GR"), height=-1.0, haemoglobin=7.2,
    ),
    Story(
        known.HYPERTHERMIA, Inheritance.DOMINANT, ("RYR1-G2434R", "RYR1-R614C"), 9, (4, 40),
        _features("""
            0002047 0.60 Malignant hyperthermia
            0003236 0.55 Elevated circulating creatine kinase concentration
            0003198 0.15 Myopathy"""),
    ),
    Story(
        known.DUCHENNE, Inheritance.X_RECESSIVE, ("DMD-exons-45-50", "DMD-exon-51"), 14, (1, 5),
        _features("""
            0003323 0.95 Progressive muscle weakness
            0003391 0.85 Gowers sign
            0003707 0.80 Calf muscle pseudohypertrophy
            0003236 0.95 Elevated circulating creatine kinase concentration
            0001644 0.40 Dilated cardiomyopathy
            0001250 0.05 Seizure"""),
    ),
    Story(
        known.POLYCYSTIC_KIDNEY, Inheritance.DOMINANT, ("PKD1-exons",), 8, (22, 50),
        _features("""
            0000113 0.98 Polycystic kidney dysplasia
            0000822 0.75 Hypertension
            0001407 0.60 Hepatic cysts
            0012622 0.45 Chronic kidney disease
            0000790 0.35 Hematuria"""),
    ),
    Story(
        known.HYPERCHOLESTEROLAEMIA, Inheritance.DOMINANT, ("LDLR-G592E", "APOB-R3527Q"), 18,
        (15, 50),
        _features("""
            0003124 1.00 Hypercholesterolemia
            0001114 0.25 Xanthelasma
            0001084 0.30 Corneal arcus"""),
        ldl=245.0,
    ),
    Story(
        Term("HP:0001083", "Ectopia lentis"), Inheritance.DOMINANT, ("FBN1-E2447K",), 5, (3, 20),
        _features("""
            0001083 0.95 Ectopia lentis
            0000545 0.70 Myopia
            0001166 0.20 Arachnodactyly
            0002616 0.15 Aortic root aneurysm"""),
        height=0.8,
    ),
    Story(
        known.RETT, Inheritance.X_DOMINANT, ("MECP2-R168X", "MECP2-R294X"), 12, (1, 2),
        _features("""
            0012171 0.90 Stereotypical hand wringing
            0001263 1.00 Global developmental delay
            0001250 0.65 Seizure
            0002650 0.60 Scoliosis
            0000729 0.55 Autistic behavior"""),
        height=-1.2,
    ),
    Story(
        known.PHENYLKETONURIA, Inheritance.RECESSIVE, ("PAH-R408W",), 12, (0, 1),
        _features("""
            0004923 1.00 Hyperphenylalaninemia
            0001249 0.10 Intellectual disability"""),
        ("EE", "PL", "IE", "DE"),
    ),
    Story(
        known.GAUCHER, Inheritance.RECESSIVE, ("GBA1-N409S",), 6, (5, 45),
        _features("""
            0001744 0.90 Splenomegaly
            0002240 0.65 Hepatomegaly
            0001903 0.50 Anemia"""),
        ("PT", "PL", "DE"),
    ),
    Story(
        known.MCAD_DEFICIENCY, Inheritance.RECESSIVE, ("ACADM-K329E",), 8, (0, 3),
        _features("""
            0001943 0.60 Hypoglycemia
            0003215 0.85 Dicarboxylic aciduria
            0002240 0.30 Hepatomegaly"""),
        ("DE", "PL", "NO", "EE"),
    ),
    Story(
        known.ACHONDROPLASIA, Inheritance.DE_NOVO, ("FGFR3-G380R",), 9, (0, 1),
        _features("""
            0008873 1.00 Disproportionate short-limb short stature
            0000256 0.90 Macrocephaly"""),
        height=-6.0,
    ),
    Story(
        known.DEAFNESS_1A, Inheritance.RECESSIVE, ("GJB2-35delG",), 12, (0, 3),
        _features("0000407 1.00 Sensorineural hearing impairment"),
        ("EE", "GR", "IT", "DE", "PT"),
    ),
    Story(
        known.MEDITERRANEAN_FEVER, Inheritance.RECESSIVE, ("MEFV-M694V",), 7, (3, 18),
        _features("""
            0001954 0.98 Recurrent fever
            0002829 0.60 Arthralgia
            0011034 0.15 Amyloidosis"""),
        ("GR", "IT"),
    ),
    Story(
        known.WILSON, Inheritance.RECESSIVE, ("ATP7B-H1069Q",), 8, (8, 35),
        _features("""
            0200032 0.60 Kayser-Fleischer ring
            0002240 0.60 Hepatomegaly
            0001337 0.45 Tremor"""),
        ("PL", "DE", "EE"),
    ),
    Story(
        known.AMYLOID_NEUROPATHY, Inheritance.DOMINANT, ("TTR-V50M",), 10, (28, 60),
        _features("""
            0009830 0.95 Peripheral neuropathy
            0011034 0.90 Amyloidosis
            0001638 0.40 Cardiomyopathy"""),
        ("PT", "SE"),
    ),
    Story(
        known.MELAS, Inheritance.MITOCHONDRIAL, ("MT-TL1-3243",), 7, (4, 35),
        _features("""
            0002401 0.70 Stroke-like episode
            0001250 0.70 Seizure
            0000407 0.60 Sensorineural hearing impairment
            0000819 0.35 Diabetes mellitus
            0003200 0.50 Ragged-red muscle fibers"""),
        ("FI", "NO", "SE", "DE"), height=-0.8,
    ),
    Story(
        known.DELETION_22Q11, Inheritance.DE_NOVO, ("22q11-deletion",), 16, (0, 4),
        _features("""
            0001636 0.30 Tetralogy of Fallot
            0001629 0.35 Ventricular septal defect
            0000175 0.25 Cleft palate
            0002901 0.55 Hypocalcemia
            0001263 0.75 Global developmental delay"""),
    ),
    Story(
        known.WILLIAMS, Inheritance.DE_NOVO, ("7q11-deletion",), 8, (0, 3),
        _features("""
            0004381 0.65 Supravalvular aortic stenosis
            0100025 0.90 Overfriendliness
            0001263 0.95 Global developmental delay"""),
        height=-1.0,
    ),
    Story(
        known.DELETION_16P11, Inheritance.DE_NOVO, ("16p11-deletion",), 9, (1, 8),
        _features("""
            0001263 0.75 Global developmental delay
            0000729 0.35 Autistic behavior
            0001513 0.55 Obesity
            0001250 0.25 Seizure"""),
    ),
    Story(
        known.CMT1A, Inheritance.DOMINANT, ("PMP22-duplication",), 12, (5, 30),
        _features("""
            0009830 0.98 Peripheral neuropathy
            0001761 0.80 Pes cavus
            0001284 0.75 Areflexia
            0001288 0.60 Gait disturbance"""),
    ),
    Story(
        known.NEUROFIBROMATOSIS, Inheritance.DOMINANT, ("NF1-R1830C",), 6, (0, 10),
        _features("0004322 0.40 Short stature"),
        height=-0.8,
    ),
    Story(
        known.SPINAL_ATROPHY, Inheritance.RECESSIVE, ("SMN1-deletion",), 9, (0, 2),
        _features("""
            0003323 0.95 Progressive muscle weakness
            0001284 0.85 Areflexia
            0002650 0.50 Scoliosis"""),
    ),
    Story(
        known.G6PD_DEFICIENCY, Inheritance.X_RECESSIVE, ("G6PD-S188F",), 8, (1, 30),
        _features("""
            0004802 0.60 Episodic hemolytic anemia
            0000952 0.45 Jaundice"""),
        ("GR", "IT"), haemoglobin=12.2,
    ),
    Story(
        known.HEREDITARY_BREAST_OVARIAN, Inheritance.DOMINANT,
        ("BRCA1-5382insC", "BRCA1-185delAG", "BRCA2-6174delT"), 16, (32, 62),
        _features("0003002 0.70 Breast carcinoma"),
        ("PL", "EE", "DE", "IT"),
    ),
    Story(
        known.LI_FRAUMENI, Inheritance.DOMINANT, ("TP53-R175H", "TP53-R248Q", "TP53-R273H"), 7,
        (8, 45),
        _features("0003002 0.50 Breast carcinoma"),
    ),
)  # fmt: skip

TUMOURS = (
    Tumour(known.MELANOMA, "BRAF-V600E", Term("UBERON:0002097", "skin of body"), 14, 0.5),
    Tumour(known.LUNG_ADENOCARCINOMA, "EGFR-L858R", Term("UBERON:0002048", "lung"), 12, 0.3),
    Tumour(known.COLON_ADENOCARCINOMA, "KRAS-G12D", Term("UBERON:0001155", "colon"), 14, 0.3),
    Tumour(known.GLIOBLASTOMA, "IDH1-R132H", Term("UBERON:0000955", "brain"), 8, 0.3),
    Tumour(known.BREAST_CARCINOMA, "TP53-R175H", Term("UBERON:0000310", "breast"), 12, 0.25),
)

RISKS = (
    Risk(
        known.HAEMOCHROMATOSIS,
        _features("0002829 0.60 Arthralgia\n0002240 0.40 Hepatomegaly"),
        35, 0.0, "HFE-C282Y", 2, 0.55,
    ),
    Risk(
        known.THROMBOPHILIA,
        _features("0002625 0.80 Deep venous thrombosis\n0002204 0.35 Pulmonary embolism"),
        25, 0.008, "F5-Leiden", 1, 0.12,
    ),
    Risk(
        known.ALZHEIMER,
        _features("0000726 0.90 Dementia\n0002354 0.95 Memory impairment"),
        65, 0.03, "APOE-e4", 1, 0.16,
    ),
    Risk(
        known.ALPHA_1_ANTITRYPSIN, _features("0002097 0.60 Emphysema"),
        30, 0.0, "SERPINA1-Z", 2, 0.8,
    ),
    # Carriers of one CFTR allele are a little more prone to it than others.
    Risk(
        None, _features("0002110 1.0 Bronchiectasis"),
        20, 0.006, "CFTR-F508del", 1, 0.08,
    ),
    Risk(Term("MONDO:0005148", "type 2 diabetes mellitus"), (), 35, 0.08),
    Risk(
        Term("MONDO:0005044", "hypertensive disorder"), _features("0000822 0.95 Hypertension"),
        40, 0.25,
    ),
    Risk(Term("MONDO:0004979", "asthma"), _features("0002099 0.95 Asthma"), 5, 0.07),
    Risk(Term("MONDO:0005277", "migraine disorder"), _features("0002076 1.0 Migraine"), 15, 0.08),
    Risk(Term("MONDO:0005178", "osteoarthritis"), _features("0002829 0.7 Arthralgia"), 50, 0.18),
    Risk(Term("MONDO:0004981", "atrial fibrillation"), _features("0011675 1.0 Arrhythmia"), 60,
         0.07),
    Risk(None, _features("0000545 1.0 Myopia"), 10, 0.20),
)  # fmt: skip
"""What anybody may have, whatever else they have."""
