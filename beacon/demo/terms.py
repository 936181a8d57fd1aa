"""The home of the demo's vocabulary: ontology terms, countries and units."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Term:
    """An ontology term: a CURIE and its label."""

    id: str
    label: str

    @property
    def record(self) -> dict[str, str]:
        """As a record carries it."""
        return {"id": self.id, "label": self.label}


@dataclass(frozen=True, slots=True)
class Country:
    """Where a person comes from, which is what the frequencies of alleles differ by."""

    key: str
    origin: Term
    ancestry: Term


EUROPEAN = Term("HANCESTRO:0005", "European")

COUNTRIES = (
    Country("FI", Term("GAZ:00002937", "Finland"), Term("HANCESTRO:0321", "Finnish")),
    Country("EE", Term("GAZ:00002959", "Estonia"), Term("HANCESTRO:0360", "Estonian")),
    Country("NO", Term("GAZ:00002699", "Norway"), EUROPEAN),
    Country("SE", Term("GAZ:00002729", "Sweden"), EUROPEAN),
    Country("IE", Term("GAZ:00002943", "Ireland"), EUROPEAN),
    Country("DE", Term("GAZ:00002646", "Germany"), EUROPEAN),
    Country("PL", Term("GAZ:00002939", "Poland"), EUROPEAN),
    Country("PT", Term("GAZ:00004126", "Portugal"), EUROPEAN),
    Country("ES", Term("GAZ:00000591", "Spain"), EUROPEAN),
    Country("IT", Term("GAZ:00002650", "Italy"), EUROPEAN),
    Country("GR", Term("GAZ:00002945", "Greece"), EUROPEAN),
)
COUNTRY = {country.key: country for country in COUNTRIES}

FEMALE = Term("NCIT:C16576", "female")
MALE = Term("NCIT:C20197", "male")

CENTIMETRE = Term("NCIT:C49668", "Centimeter")
KILOGRAM = Term("NCIT:C28252", "Kilogram")
KILOGRAM_PER_SQUARE_METRE = Term("NCIT:C49671", "Kilogram per Square Meter")
GRAM_PER_DECILITRE = Term("NCIT:C64783", "Gram per Deciliter")
MILLIGRAM_PER_DECILITRE = Term("NCIT:C67015", "Milligram per Deciliter")

HEIGHT = Term("LOINC:8302-2", "Body height")
WEIGHT = Term("LOINC:29463-7", "Body weight")
BMI = Term("LOINC:39156-5", "BMI")
HAEMOGLOBIN = Term("LOINC:718-7", "Hemoglobin")
LDL_CHOLESTEROL = Term("LOINC:13457-7", "LDL cholesterol")

REFERENCE_SAMPLE = Term("EFO:0009654", "reference sample")
NEOPLASTIC_SAMPLE = Term("EFO:0009656", "neoplastic sample")
SPECIMEN = Term("OBI:0001479", "specimen from organism")
BLOOD = Term("UBERON:0000178", "blood")
BIOPSY = Term("NCIT:C15189", "Biopsy")
PRIMARY_NEOPLASM = Term("NCIT:C84509", "Primary Malignant Neoplasm")
GENOMIC_SOURCE = Term("GENEPIO:0001966", "genomic source")
SEQUENCER = Term("OBI:0002630", "Illumina NovaSeq 6000")
