"""Annotations in VCF: what is said of an allele lands on that allele, in Beacon's words."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import cyvcf2
import pytest

from beacon import schemas
from beacon.load.annotation_entries import as_minimal, as_vep, info_fields
from beacon.load.annotations import Annotator
from beacon.model.allele import Allele, structural_from_vcf
from beacon.model.assemblies import chromosome
from beacon.model.consequences import consequences

SHARED = Path(__file__).parents[2].parent / "shared" / "data"


def field(name: str, description: str) -> str:
    return f'##INFO=<ID={name},Number=.,Type=String,Description="{description}">\n'


CSQ = field(
    "CSQ",
    "Consequence annotations from Ensembl VEP. Format: Allele|Consequence|SYMBOL|Gene|HGVSc|HGVSp"
    "|CANONICAL|MANE_SELECT|ALLELE_NUM|LoF_info",
)
CSQ_UNNUMBERED = CSQ.replace("|ALLELE_NUM|LoF_info", "")
ANN = field("ANN", "Functional annotations: 'Allele | Annotation | Annotation_Impact | Gene_Name'")
BCSQ = field("BCSQ", "Local consequence annotation from BCFtools/csq. Format: 'consequence|gene'")
EFF = field(
    "EFF",
    "Predicted effects for this variant.Format: 'Effect ( Effect_Impact | Functional_Class | "
    "Codon_Change | Amino_Acid_Change| Amino_Acid_length | Gene_Name | Transcript_BioType | "
    "Gene_Coding | Transcript_ID | Exon_Rank  | Genotype_Number [ | ERRORS | WARNINGS ] )'",
)
CLINVAR = (
    "##fileDate=2026-02-26\n##source=ClinVar\n"
    + "".join(map(field, ("CLNSIG", "CLNREVSTAT", "CLNDN", "CLNDISDB"), "abcd"))
    + field("MC", "comma separated list of molecular consequence")
)


def fragments(
    header: str, info: Mapping[str, Any], reference: str, *alternates: str, identifier: str = ""
) -> list[dict[str, Any] | None]:
    """What is said of each ALT of a record at 1:100."""
    annotator = Annotator.of(header)
    assert annotator is not None
    return [
        annotator.fragment(
            info,
            identifier,
            index,
            structural_from_vcf("1", 100, reference, alternate, svlen=10)
            if alternate.startswith("<")
            else Allele.from_vcf("1", 100, reference, alternate),
            reference,
            alternate,
            alternates,
        )
        for index, alternate in enumerate(alternates)
    ]


def genes(found: list[dict[str, Any] | None]) -> list[list[str]]:
    return [one["molecularAttributes"]["geneIds"] if one else [] for one in found]


def csq(allele: str, gene: str, number: object = "") -> str:
    return f"{allele}|missense_variant|{gene}|||||||{number}|".replace("|||||||", "||||||", 1)


def ann(allele: str, gene: str) -> str:
    return f"{allele}|missense_variant|MODERATE|{gene}|id|transcript|NM_1|||c.1A>C|p.Val1Glu|||||"


@pytest.mark.parametrize(
    ("reference", "alternates", "labels"),
    [
        pytest.param("A", ("C", "G"), ("C", "G"), id="substitutions"),
        pytest.param("CTT", ("C", "CT"), ("-", "T"), id="deletions lose the shared base"),
        pytest.param("C", ("CA", "G"), ("CA", "G"), id="no base is shared by all"),
        pytest.param("CA", ("C", "CAA"), ("-", "AA"), id="deletion and insertion"),
        pytest.param("CA", ("*", "C"), ("*", "-"), id="a spanning deletion shares no base"),
        pytest.param("CA", ("CT", "GA"), ("CT", "GA"), id="same length: nothing is cut"),
        pytest.param("CAT", ("CGT", "CAG"), ("G", "G"), id="reduced to the same: nobody's"),
        pytest.param("CAT", ("CGT", "C"), ("G", "AT"), id="labels of no spelling: nobody's"),
    ],
)
def test_vep_entries_land_on_the_allele_they_name(reference, alternates, labels):
    value = ",".join(map(csq, labels, ("ONE", "TWO")))
    found = fragments(CSQ_UNNUMBERED, {"CSQ": value}, reference, *alternates)
    unknown = labels in (("G", "G"), ("G", "AT"))

    assert genes(found) == ([[], []] if unknown else [["ONE"], ["TWO"]])


def test_the_number_of_an_allele_decides_where_vep_gives_it():
    value = f"{csq('T', 'ONE', 2)},{csq('T', 'TWO', 1)}"
    found = fragments(CSQ, {"CSQ": value}, "CAT", "CGT", "CTT")

    assert genes(found) == [["TWO"], ["ONE"]]


def test_a_split_record_keeps_only_what_is_said_of_its_own_allele():
    substitutions = {"CSQ": f"{csq('T', 'ONE', 1)},{csq('G', 'TWO', 2)}"}
    deletions = {"CSQ": f"{csq('-', 'LONG', 1)},{csq('T', 'SHORT', 2)}"}
    told = {**deletions, "OLD_MULTIALLELIC": "1:100:CTT/C/CT"}

    assert genes(fragments(CSQ, substitutions, "C", "G")) == [["TWO"]]
    # `-` is what `CTT` to `C` was called, and `CT` to `C` would be called the same.
    assert genes(fragments(CSQ, deletions, "CT", "C")) == [[]]
    assert genes(fragments(CSQ, told, "CT", "C")) == [["SHORT"]]
    assert genes(fragments(CSQ, told, "CTT", "C")) == [["LONG"]]


def test_snpeff_entries_land_on_the_alt_they_write():
    value = ",".join(map(ann, ("C", "CT", "CT-C"), ("ONE", "TWO", "SOMATIC")))

    assert genes(fragments(ANN, {"ANN": value}, "CTT", "C", "CT")) == [["ONE"], ["TWO"]]
    assert genes(fragments(ANN, {"ANN": ann("<DEL>", "ONE")}, "C", "<DEL>")) == [["ONE"]]


def test_old_snpeff_entries_land_on_the_allele_of_their_number():
    value = ",".join(
        f"NON_SYNONYMOUS_CODING(MODERATE|MISSENSE|Gtg/Gag|p.Val1Glu/c.2T>A|9|{gene}|||NM_1|1|{n})"
        for gene, n in (("ONE", 1), ("TWO", 2))
    )
    found = fragments(EFF, {"EFF": value}, "T", "A", "C")

    assert genes(found) == [["ONE"], ["TWO"]]
    assert found[0] == {
        "molecularAttributes": {
            "geneIds": ["ONE"],
            "aminoacidChanges": ["V1E", "p.Val1Glu"],
            "molecularEffects": [{"id": "SO:0001583", "label": "missense_variant"}],
        },
        "identifiers": {"transcriptHGVSIds": ["NM_1:c.2T>A"], "proteinHGVSIds": ["NM_1:p.Val1Glu"]},
    }


def test_entries_that_name_no_allele_are_nobodys_where_there_are_several():
    unnumbered = EFF.replace(" | Genotype_Number", "")
    value = "INTRON(MODIFIER|||||ONE|||NM_1|1)"

    assert genes(fragments(unnumbered, {"EFF": value}, "T", "A", "C")) == [[], []]
    assert genes(fragments(unnumbered, {"EFF": value}, "T", "A")) == [["ONE"]]


def test_bcftools_entries_land_on_the_allele_of_their_change_of_dna():
    value = (
        "missense|ONE|T1|protein_coding|+|1V>1E|100A>C,"
        "*missense|TWO|T1|protein_coding|+|1V>1D|100A>G+109T>A,"
        "intron|BOTH|T2|protein_coding,@120"
    )
    found = fragments(BCSQ, {"BCSQ": value}, "A", "C", "G")

    assert genes(found) == [["ONE", "BOTH"], ["TWO", "BOTH"]]
    assert [one["molecularAttributes"]["aminoacidChanges"][0] for one in found] == ["V1E", "V1D"]
    # Of an insertion it is not known whether it lies in the intron whole.
    assert genes(fragments(BCSQ, {"BCSQ": value}, "A", "C", "AG")) == [["ONE"], []]


def test_the_most_severe_comes_first_then_what_mane_selected_then_what_is_canonical():
    value = ",".join(
        f"C|{effect}|{gene}||{gene}:c.1|||{mane}||".replace("|||", f"||{canonical}|", 1)
        for effect, gene, canonical, mane in (
            ("intron_variant", "INTRON", "YES", "NM_1"),
            ("missense_variant", "OTHER", "", ""),
            ("missense_variant&splice_region_variant", "CANONICAL", "YES", ""),
            ("missense_variant", "MANE", "YES", "NM_1"),
            ("stop_gained", "SEVERE", "", ""),
        )
    )
    (found,) = fragments(CSQ, {"CSQ": value}, "A", "C")

    assert genes([found]) == [["SEVERE", "MANE", "CANONICAL", "OTHER", "INTRON"]]
    assert [term["label"] for term in found["molecularAttributes"]["molecularEffects"]] == [
        "stop_gained",
        "missense_variant",
        "splice_region_variant",
        "intron_variant",
    ]


def test_percent_encoding_and_commas_of_plugins_are_read_as_meant():
    value = (
        "C|synonymous_variant|A%2CB||E1:c.3A>C|P1:p.Leu1%3D||||GERP:1,ORF:2,"
        "C|intron_variant|D|||||||"
    )
    (found,) = fragments(CSQ, {"CSQ": value}, "A", "C")

    assert genes([found]) == [["A,B", "D"]]
    assert found["identifiers"]["proteinHGVSIds"] == ["P1:p.Leu1="]
    assert found["molecularAttributes"]["aminoacidChanges"] == ["L1=", "p.Leu1="]


CLINVAR_INFO = {
    "CLNSIG": "Pathogenic/Likely_pathogenic|risk_factor",
    "CLNREVSTAT": "criteria_provided,_multiple_submitters,_no_conflicts",
    "CLNDN": "Breast-ovarian_cancer,_familial,_susceptibility_to,_2|Seizure|ADA2-related_disorder",
    "CLNDISDB": "MedGen:C2675520,MONDO:MONDO:0012933,OMIM:612555"
    "|Human_Phenotype_Ontology:HP:0001250,MedGen:C0036572|.",
    "CLNHGVS": "NC_000001.11:g.100A>C",
    "GENEINFO": "BRCA2:675|ZAR1L:646799",
    "MC": "SO:0001587|nonsense,SO:0001627|intron_variant",
    "RS": (80359550,),
    "ALLELEID": 46,
}


def test_clinvar_says_what_a_variant_means_for_each_condition():
    (found,) = fragments(CLINVAR, CLINVAR_INFO, "A", "C", identifier="209598")
    interpretations = found["variantLevelData"]["clinicalInterpretations"]

    assert found["identifiers"] == {
        "genomicHGVSId": "NC_000001.11:g.100A>C",
        "clinvarVariantId": "clinvar:209598",
        "variantAlternativeIds": [
            {
                "id": "dbSNP:rs80359550",
                "notes": "dbSNP id",
                "reference": "https://www.ncbi.nlm.nih.gov/snp/rs80359550",
            }
        ],
    }
    assert found["molecularAttributes"] == {
        "geneIds": ["BRCA2", "ZAR1L"],
        "molecularEffects": [
            {"id": "SO:0001587", "label": "stop_gained"},
            {"id": "SO:0001627", "label": "intron_variant"},
        ],
    }
    assert [
        (one["conditionId"], one["effect"]["label"], one["category"]["id"])
        for one in interpretations[::2]
    ] == [
        (
            "MONDO:0012933",
            "Breast-ovarian cancer, familial, susceptibility to, 2",
            "MONDO:0000001",
        ),
        ("HP:0001250", "Seizure", "HP:0000118"),
        ("ADA2-related disorder", "disease", "MONDO:0000001"),
    ]
    assert [one["clinicalRelevance"] for one in interpretations[:2]] == [
        "pathogenic",
        "likely pathogenic",
    ]
    assert interpretations[0]["annotatedWith"]["version"] == "2026-02-26"
    assert interpretations[0]["info"]["significance"] == "Pathogenic/Likely pathogenic|risk factor"
    assert_conforms(found)


@pytest.mark.parametrize(
    ("significance", "relevances"),
    [
        ("Benign", ["benign"]),
        ("Pathogenic,_low_penetrance", ["pathogenic"]),
        ("5|2", ["pathogenic", "benign"]),
        ("Conflicting_classifications_of_pathogenicity", [None]),
        ("drug_response", [None]),
        ("no_classification_for_the_single_variant", []),
    ],
)
def test_only_the_five_classes_are_stated_as_clinical_relevance(significance, relevances):
    info = {"CLNSIG": significance, "CLNDN": "not_provided", "CLNDISDB": "MedGen:C3661900"}
    (found,) = fragments(CLINVAR, info, "A", "C", identifier="1")
    stated = found.get("variantLevelData", {}).get("clinicalInterpretations", [])

    assert [one.get("clinicalRelevance") for one in stated] == relevances


def test_clinvar_copied_into_another_file_counts_for_the_allele_it_is_of():
    header = CLINVAR.replace("##source=ClinVar\n", "").replace("ID=", "ID=CLINVAR_")
    info = {f"CLINVAR_{key}": value for key, value in CLINVAR_INFO.items()}
    found = fragments(header, info, "A", "C", "G", identifier="rs7;209598")
    del info["CLINVAR_CLNHGVS"]

    assert found[0]["identifiers"]["clinvarVariantId"] == "clinvar:209598"
    assert found[0]["variantLevelData"]["clinicalInterpretations"][0]["annotatedWith"][
        "version"
    ] == ("not stated")
    assert found[1].keys() == {"identifiers"}  # dbSNP's, which is of the place
    assert fragments(header, info, "A", "C", "G") == [None, None]
    assert fragments(header, info, "A", "C") != [None]


def test_ids_of_dbsnp_in_the_id_column_are_given_where_they_are_of_the_allele():
    info = {"ANN": ",".join(map(ann, ("C", "CAA"), ("ONE", "TWO")))}
    found = fragments(ANN, info, "CA", "C", "CAA", identifier="rs1;rs2")

    assert all("variantAlternativeIds" not in one["identifiers"] for one in found)


def test_known_variants_of_vep_count_since_it_goes_by_the_allele():
    entry = "C|intron_variant|rs5&COSV7"
    csq_known = field("CSQ", "Consequence by VEP. Format: Allele|Consequence|Existing_variation")
    (old,) = fragments(f"##VEP=v85 cache\n{csq_known}", {"CSQ": entry}, "A", "C")
    (new,) = fragments(f'##VEP="v110" time\n{csq_known}', {"CSQ": entry}, "A", "C")

    assert "identifiers" not in old
    assert [one["id"] for one in new["identifiers"]["variantAlternativeIds"]] == ["dbSNP:rs5"]


def test_a_file_without_known_annotation_has_no_annotator():
    merged_calls = field("MC", "Merged calls.") + field("AF", "Allele frequency. Format: A|B")

    assert Annotator.of("##fileformat=VCFv4.3\n" + merged_calls) is None


def test_a_record_without_annotation_has_no_fragment():
    for value in (None, ".", ""):
        assert fragments(CSQ + ANN + BCSQ + EFF, {"CSQ": value, "ANN": value}, "A", "C") == [None]


def test_alleles_are_spelled_as_vep_spells_them():
    assert as_vep("CTT", ["C", "CT", "*"]) == ["-", "T", "*"]
    assert as_vep("C", ["<DEL>", "<DUP:TANDEM>"]) == ["deletion", "tandem_duplication"]
    assert as_minimal("CAT", ["CGT", "CATT", "T"]) == ["G", "T", "-"]


def assert_conforms(fragment: dict[str, Any]) -> None:
    record = {
        "variantInternalId": "v",
        "variation": {
            "variantType": "SNP",
            "alternateBases": "C",
            "location": {
                "type": "SequenceLocation",
                "sequence_id": "refseq:NC_000001.11",
                "interval": {
                    "type": "SequenceInterval",
                    "start": {"type": "Number", "value": 99},
                    "end": {"type": "Number", "value": 100},
                },
            },
        },
        **fragment,
    }

    assert schemas.conforms("entry_types/genomicVariant.json", record)


# Real files, read here line by line and entry by entry.

ANNOTATED = (
    "vcf-annotated/cbi_pathogenic_chr22_2504.GRCh37.vcf.gz",
    "vcf-annotated/cyvcf2_test.snpeff.vcf",
    "vcf-annotated/gemini_clinvar_gene_pheno.vcf",
    "vcf-annotated/gemini_test5.vep.snpeff.vcf",
    "vcf-annotated/scout_643594.clinical.GRCh37.vcf.gz",
    "vcf-annotated/scout_643594.research.GRCh37.vcf.gz",
    "vcf-annotated/slivar_ashk-trio_BCSQ.GRCh37.vcf.gz",
    "vcf-annotated/vcf2maf_gnomad_b38.vcf.gz",
    "vcf-af-sites/exac_subset.GRCh37.vcf.gz",
    "vcf-af-sites/gnomad_v2.1_exomes_chr1_293.GRCh37.vcf.gz",
    "vcf-af-sites/gnomad_v3.1_genomes.GRCh38.vcf",
    "vcf-af-sites/gnomad_v4.0_exomes_chr1_101.GRCh38.vcf",
    "vcf-af-sites/gnomad_v4.0_exomes_chrX.GRCh38.vcf.gz",
    "vcf-af-sites/hail_gnomad_exomes_r2.1.1_chr1.GRCh37.vcf.gz",
)


def shared(name: str) -> Path:
    path = SHARED / name
    if not path.is_file():
        pytest.skip("the real data are not here")
    return path


def header_and_records(path: Path) -> tuple[str, Iterator[list[str]]]:
    opened = gzip.open if path.name.endswith("gz") else open
    with opened(path, "rt") as file:
        lines = file.read().splitlines()
    header = "\n".join(line for line in lines if line.startswith("#"))
    return header, (line.split("\t", 8)[:8] for line in lines if not line.startswith("#"))


def own_entries(
    key: str, value: str, alternate: str, places: dict[str, int]
) -> Iterator[tuple[str, str]]:
    """Gene and consequences of each entry of the allele, by splitting alone."""
    rows = [entry.split("|") for entry in value.split(",")]
    match key:
        case "EFF":
            for row in rows:
                yield row[5], row[0].partition("(")[0]
        case "BCSQ":
            for row in rows:
                if len(row) > 1:
                    yield row[1], row[0].lstrip("*")
        case "ANN":
            for row in rows:
                yield ("" if row[1] == "intergenic_region" else row[3]), row[1]
        case _:
            rows = [row for row in rows if len(row) > max(places["Consequence"], places["SYMBOL"])]
            where = places.get("Allele", -1)
            several = len({row[where] for row in rows}) > 1 and where >= 0
            for row in rows:
                if not several or row[where] == alternate:
                    gene = row[places["SYMBOL"]] or row[places["Gene"]]
                    yield gene, row[places["Consequence"]]


@pytest.mark.parametrize("name", ANNOTATED)
def test_every_entry_of_a_real_file_is_in_the_fragment_of_its_allele(name):
    header, records = header_and_records(shared(name))
    annotator = Annotator.of(header)
    declared = info_fields(header)
    known = [key for key in ("CSQ", "vep", "ANN", "EFF", "BCSQ") if key in declared]
    seen = 0
    for chrom, pos, identifier, reference, alternate, _, _, columns in records:
        info = dict(pair.partition("=")[::2] for pair in columns.split(";"))
        assert "," not in alternate
        allele = Allele.from_vcf(chromosome(chrom), int(pos), reference, alternate)
        fragment = annotator.fragment(
            info, identifier, 0, allele, reference, alternate, [alternate]
        )
        expected_genes, expected_terms = set(), set()
        for key in known:
            names = re.sub(r".*Format: ", "", declared[key]).split("|")
            places = {place: number for number, place in enumerate(names)}
            for gene, effects in own_entries(key, info.get(key, ""), alternate, places):
                if not effects:
                    continue
                expected_genes.add(gene)
                expected_terms |= {term.id for term in consequences(effects.replace("+", "&"))}
                assert len(consequences(effects)) == effects.count("&") + 1, effects
                seen += 1
        if not expected_terms:
            continue
        attributes = fragment["molecularAttributes"]
        clinvar_genes = {part.split(":")[0] for part in info.get("CLINVAR_GENEINFO", "").split("|")}
        assert expected_genes - {""} <= set(attributes.get("geneIds", ()))
        assert set(attributes.get("geneIds", ())) <= expected_genes | clinvar_genes
        assert expected_terms <= {term["id"] for term in attributes["molecularEffects"]}
        if "CLINVAR_MC" not in info:
            assert len(attributes["molecularEffects"]) == len(expected_terms)
        assert_conforms(fragment)

    assert seen


@pytest.mark.parametrize("name", ["vcf-annotated/gemini_test5.vep.snpeff.vcf", ANNOTATED[7]])
def test_fragments_are_the_same_by_cyvcf2(name):
    path = shared(name)
    header, records = header_and_records(path)
    annotator = Annotator.of(header)
    for record, row in zip(cyvcf2.VCF(str(path)), records, strict=True):
        allele = Allele.from_vcf("1", record.POS, record.REF, record.ALT[0])
        info = dict(pair.partition("=")[::2] for pair in row[7].split(";"))
        arguments = (0, allele, record.REF, record.ALT[0], record.ALT)

        assert annotator.fragment(record.INFO, record.ID, *arguments) == annotator.fragment(
            info, row[2], *arguments
        )


def test_all_of_clinvar_conforms_and_keeps_its_numbers():
    header, records = header_and_records(
        shared("vcf-af-sites/clinvar_20260226_chr13_chr17.GRCh38.vcf.gz")
    )
    annotator = Annotator.of(header)
    for chrom, pos, identifier, reference, alternate, _, _, columns in records:
        if alternate == ".":
            continue
        info = dict(pair.partition("=")[::2] for pair in columns.split(";"))
        allele = Allele.from_vcf(chrom, int(pos), reference, alternate)
        found = annotator.fragment(info, identifier, 0, allele, reference, alternate, [alternate])
        assert found["identifiers"]["clinvarVariantId"] == f"clinvar:{identifier}"
        assert found["identifiers"]["genomicHGVSId"] == info["CLNHGVS"]
        genes = [gene.split(":")[0] for gene in info.get("GENEINFO", "").split("|")]
        assert found.get("molecularAttributes", {}).get("geneIds", [""]) == genes
        conditions = {
            one["info"]["significance"].replace(" ", "_")
            for one in found.get("variantLevelData", {}).get("clinicalInterpretations", ())
        }
        stated = info.get("CLNSIG", "no_classification")
        assert conditions == (set() if stated.startswith("no_classification") else {stated})
        assert_conforms(found)


def test_another_annotator_of_the_same_file_agrees():
    """Genes, changes and effects; HGVS on the file's own assembly, where the other took GRCh38."""
    header, records = header_and_records(
        shared("vcf-annotated/cbi_pathogenic_chr22_2504.GRCh37.vcf.gz")
    )
    expected = {
        one["variantInternalId"]: one
        for one in json.loads(
            gzip.decompress(
                shared("vcf-annotated/cbi_pathogenic_chr22_2504.expectedBFF.json.gz").read_bytes()
            )
        )
    }
    annotator = Annotator.of(header)
    for chrom, pos, identifier, reference, alternate, _, _, columns in records:
        info = dict(pair.partition("=")[::2] for pair in columns.split(";"))
        allele = Allele.from_vcf(chrom, int(pos), reference, alternate)
        found = annotator.fragment(info, identifier, 0, allele, reference, alternate, [alternate])
        other = expected[f"chr{chrom}_{pos}_{reference}_{alternate}"]
        attributes, others = found["molecularAttributes"], other["molecularAttributes"]
        changes = {
            f"p.{change.replace('*', 'Ter')}"
            for change in others["aminoacidChanges"]
            if change.strip(".")
        }
        effects = {name for term in others["molecularEffects"] for name in term["label"].split("&")}
        meant = {
            (one["effect"]["label"].replace("_", " "), one["clinicalRelevance"])
            for one in other["variantLevelData"]["clinicalInterpretations"]
        }
        said = {
            (one["effect"]["label"], one.get("clinicalRelevance"))
            for one in found["variantLevelData"]["clinicalInterpretations"]
        }

        assert set(attributes["geneIds"]) >= set(others["geneIds"])  # ClinVar names more
        assert changes <= set(attributes.get("aminoacidChanges", ()))
        assert effects <= {term["label"] for term in attributes["molecularEffects"]}
        assert meant <= said
        identifiers, theirs = found["identifiers"], other["identifiers"]
        assert identifiers["clinvarVariantId"] == theirs.get(
            "clinvarVariantId", identifiers["clinvarVariantId"]
        )
        if ".10:g" in theirs["genomicHGVSId"]:
            assert identifiers["genomicHGVSId"] == theirs["genomicHGVSId"]
