"""A VCF loaded with a reference sequence: REF is compared with it, and indels are moved."""

from __future__ import annotations

from pathlib import Path

from memory_sink import MemorySink

from beacon.load.vcf import load_vcf

# 17:1001 is the first base after 1,000 of A.
BASES = "A" * 1000 + "CGTGTGTGA" + "C" * 1000
HEAD = (
    "##fileformat=VCFv4.2\n##contig=<ID=17>\n"
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
    "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1\n"
)


def bases(name: str, start: int, end: int) -> str:
    return BASES[start:end] if name == "17" else ""


def load(tmp_path: Path, *lines: str, with_sequence: bool = True):
    path = tmp_path / "calls.vcf"
    path.write_text(HEAD + "".join(f"17\t{line}\t.\t.\t.\tGT\t0/1\n" for line in lines))
    sink = MemorySink()
    report = load_vcf(sink, "d", "GRCh38", [path], bases=bases if with_sequence else None)
    return sink.published["d"], report


def test_indels_are_moved_as_far_left_as_the_sequence_lets_them(tmp_path):
    release, report = load(tmp_path, "1006\t.\tGTG\tG", "1004\t.\tGTG\tG", "1002\t.\tG\tA")

    moved, same, substitution = (one.allele for one in release.observations)
    assert moved == same
    assert (moved.start, moved.reference_bases, moved.anchor) == (1001, "GT", "C")
    assert substitution.vcf == (1002, "G", "A")
    assert release.is_left_shifted
    assert report.ok


def test_without_a_sequence_indels_stay_where_they_are(tmp_path):
    release, _ = load(tmp_path, "1006\t.\tGTG\tG", with_sequence=False)

    assert release.observations[0].allele.start == 1005
    assert not release.is_left_shifted


def test_a_record_whose_reference_is_not_that_of_the_sequence_is_not_loaded(tmp_path):
    release, report = load(tmp_path, "1002\t.\tT\tA", "1001\t.\tC\tA")

    (finding,) = report.not_loaded.values()
    assert finding.examples[0].reason == "REF is not what the reference sequence has"
    assert finding.examples[0].detail == "REF is T, the reference sequence has G"
    assert [one.allele.vcf for one in release.observations] == [(1001, "C", "A")]


def test_the_annotation_of_a_moved_indel_comes_with_it(tmp_path):
    path = tmp_path / "calls.vcf"
    described = "Allele|Consequence|IMPACT|SYMBOL|Gene"
    path.write_text(
        HEAD.replace(
            "#CHROM",
            "##INFO=<ID=CSQ,Number=.,Type=String,"
            f'Description="Consequence annotations from Ensembl VEP. Format: {described}">\n#CHROM',
        )
        + "17\t1006\t.\tGTG\tG\t.\t.\tCSQ=-|frameshift_variant|HIGH|GENE1|ENSG1\tGT\t0/1\n"
    )
    sink = MemorySink()
    load_vcf(sink, "d", "GRCh38", [path], bases=bases)

    (observation,) = sink.published["d"].observations
    assert observation.allele.start == 1001
    assert observation.annotation["molecularAttributes"]["geneIds"] == ["GENE1"]
