"""Loading VCF: every call is read as it is meant, and every allele is accounted for."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import cyvcf2
import pytest
from memory_sink import MemorySink

from beacon.framework.errors import LoadError
from beacon.load.report import Report
from beacon.load.vcf import load_vcf
from beacon.model.allele import Allele, Observation, Zygosity

DATA = Path(__file__).parent.parent / "data" / "load"
HET, HOM, HEMI, UNSPECIFIED = Zygosity


def vcf(path: Path, records: str, *, samples: str = "A B", header: str = "") -> Path:
    columns = "#CHROM POS ID REF ALT QUAL FILTER INFO FORMAT"
    fields = '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
    rows = [f"{columns} {samples}", *records.strip().splitlines()]
    lines = "\n".join("\t".join(row.split()) for row in rows)
    path.write_text(f"##fileformat=VCFv4.3\n{header}{fields}{lines}\n")
    return path


@pytest.fixture(scope="module")
def loaded() -> tuple[MemorySink, Report]:
    sink = MemorySink()
    return sink, load_vcf(sink, "d", "hg38", [DATA / "calls.vcf"])


def observation(sink: MemorySink, allele: Allele) -> Observation:
    (found,) = (one for one in sink.published["d"].observations if one.allele == allele)
    return found


SNV = Allele.from_vcf("1", 100, "A", "C")
LONG_DELETION = Allele.from_vcf("1", 200, "CAAG", "C")
SHORT_DELETION = Allele.from_vcf("1", 200, "CAAG", "CA")
ON_X = Allele.from_vcf("X", 300, "G", "T")
ON_MT = Allele.from_vcf("MT", 400, "G", "A")
UNSEEN = Allele.from_vcf("1", 500, "A", "T")
MIXED = Allele.from_vcf("1", 600, "A", "T")


@pytest.mark.parametrize(
    ("allele", "carriers", "allele_count", "allele_number"),
    [
        pytest.param(SNV, {"A": HET, "B": HOM}, 3, 6, id="phased or not, one missing"),
        pytest.param(LONG_DELETION, {"A": HET, "C": UNSPECIFIED}, 2, 7, id="half call"),
        pytest.param(SHORT_DELETION, {"A": HET, "B": HET, "D": HOM}, 4, 7, id="second alternate"),
        pytest.param(ON_X, {"A": HET, "B": HEMI, "C": HOM}, 4, 6, id="haploid males"),
        pytest.param(ON_MT, {"A": HEMI, "D": HEMI}, 2, 3, id="haploid and not X or Y"),
        pytest.param(UNSEEN, {}, 0, 6, id="called and not seen"),
        pytest.param(MIXED, {"A": HET, "B": HOM, "C": HET}, 6, 9, id="three, two and one copies"),
    ],
)
def test_calls_are_read_as_they_are_meant(loaded, allele, carriers, allele_count, allele_number):
    sink, _ = loaded
    found = observation(sink, allele)

    assert sink.carriers("d", allele) == carriers
    assert (found.allele_count, found.allele_number) == (allele_count, allele_number)


def test_structural_alleles_keep_what_info_says_of_them(loaded):
    sink, _ = loaded
    deletion, breakend = (
        one.allele for one in sink.published["d"].observations if one.allele.structural
    )

    assert (deletion.variant_type, deletion.start, deletion.end) == ("DEL", 1000, 2000)
    assert (deletion.length, deletion.info["cipos"]) == (1000, [-5, 5])
    assert (breakend.variant_type, breakend.info["mate"]) == ("BND", "17:198982")


def test_every_allele_of_the_file_is_accounted_for(loaded):
    _, report = loaded
    lost = {reason: finding.count for reason, finding in report.not_loaded.items()}

    assert report.records == 19
    assert report.items == 21
    assert report.alleles == 10
    assert report.nothing_to_load == {"reference block": 2, "spanning deletion": 1}
    assert lost == {
        "unknown chromosome": 1,
        "REF is not a sequence of bases": 1,
        "the record has no genotypes": 1,
        "ALT is not a sequence of bases": 1,
        "REF and ALT are the same": 1,
        "a genotype names an allele that the record does not have": 1,
        "outside the chromosome": 1,
        "structural variant not understood": 1,
    }
    assert not report.ok


def test_what_is_not_loaded_is_named_with_file_record_and_column(loaded):
    _, report = loaded
    (example,) = report.not_loaded["outside the chromosome"].examples

    assert (example.file, example.field) == ("calls.vcf", "POS")
    assert example.place == "record 18 (chr1:248956422)"
    assert "248,956,422" in example.detail


def test_all_that_is_not_loaded_can_be_listed(tmp_path):
    listing = tmp_path / "lost.jsonl"
    report = load_vcf(MemorySink(), "d", "GRCh38", [DATA / "calls.vcf"], listing=listing)
    lines = [json.loads(line) for line in listing.read_text().splitlines()]

    assert len(lines) == sum(finding.count for finding in report.not_loaded.values())
    assert {line["kind"] for line in lines} == {"notLoaded"}


def test_compressed_text_and_bcf_give_the_same(tmp_path, loaded):
    sink, report = loaded
    zipped = tmp_path / "calls.vcf.gz"
    zipped.write_bytes(gzip.compress((DATA / "calls.vcf").read_bytes()))
    binary = tmp_path / "calls.bcf"
    source = vcf(tmp_path / "b.vcf", "1 100 . A C . . . GT 0/1 1|1", header="##contig=<ID=1>\n")
    reader = cyvcf2.VCF(str(source))
    writer = cyvcf2.Writer(str(binary), reader, "wb")
    for record in reader:
        writer.write_record(record)
    writer.close()
    reader.close()
    from_zip, from_bcf = MemorySink(), MemorySink()
    zip_report = load_vcf(from_zip, "d", "GRCh38", [zipped])
    load_vcf(from_bcf, "d", "GRCh38", [binary])

    assert zip_report.loaded == report.loaded
    assert from_zip.carriers("d", MIXED) == sink.carriers("d", MIXED)
    assert from_bcf.carriers("d", SNV) == {"A": HET, "B": HOM}


def test_a_sample_of_several_files_is_one_person(tmp_path):
    one = vcf(tmp_path / "1.vcf", "1 100 . A C . . . GT 0/1 0/0", samples="A B")
    two = vcf(tmp_path / "2.vcf", "chr2 100 . A C . . . GT 0/1 0/0", samples="B C")
    sink = MemorySink()
    load_vcf(sink, "d", "GRCh38", [tmp_path])

    assert [one.name, two.name] == ["1.vcf", "2.vcf"]
    assert sink.published["d"].samples == {"A": 0, "B": 1, "C": 2}
    assert sink.carriers("d", Allele.from_vcf("2", 100, "A", "C")) == {"B": HET}


GRCH38_HEADER = "##contig=<ID=chr1,length=248956422>\n"


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (GRCH38_HEADER, "is on GRCh38 by its own header, and was to be loaded as GRCh37"),
        ("##reference=file:///data/GRCh38.fa\n", "is on GRCh38"),
        ("##contig=<ID=20,length=62435964>\n", "neither GRCh37 nor GRCh38"),
    ],
)
def test_a_file_on_another_assembly_is_refused(tmp_path, header, message):
    path = vcf(tmp_path / "a.vcf", "1 100 . A C . . . GT 0/1 0/0", header=header)
    sink = MemorySink()

    with pytest.raises(LoadError, match=message):
        load_vcf(sink, "d", "GRCh37", [path])
    assert sink.published == {}


def test_an_accession_of_another_assembly_is_refused(tmp_path):
    path = vcf(tmp_path / "a.vcf", "NC_000001.11 100 . A C . . . GT 0/1 0/0")
    sink = MemorySink()

    with pytest.raises(LoadError, match="which is of GRCh38"):
        load_vcf(sink, "d", "GRCh37", [path])
    assert sink.open_loads == {}


def test_a_file_without_samples_is_refused(tmp_path):
    path = tmp_path / "sites.vcf"
    path.write_text("##fileformat=VCFv4.3\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n")

    with pytest.raises(LoadError, match="has no samples"):
        load_vcf(MemorySink(), "d", "GRCh38", [path])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("text.vcf", b"hello\n", "is not a VCF or BCF file"),
        ("empty.vcf", b"", "is empty"),
        ("cut.vcf", (DATA / "calls.vcf").read_bytes()[:-5], "is cut short"),
        ("record.vcf", (DATA / "calls.vcf").read_bytes() + b"chr1\tx\n", "damaged"),
        ("header.vcf", b"##fileformat=VCFv4.3\n##x\n", "its header"),
        ("half.vcf.gz", gzip.compress((DATA / "calls.vcf").read_bytes())[:300], "damaged|header"),
    ],
)
def test_a_damaged_file_is_refused_with_the_reason(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    sink = MemorySink()

    with pytest.raises(LoadError, match=message):
        load_vcf(sink, "d", "GRCh38", [path])
    assert sink.published == {}
    assert sink.open_loads == {}


def test_a_bgzf_file_cut_between_blocks_is_refused(tmp_path):
    """Every block of it is whole, so that a reader comes to its end without complaint."""
    path = tmp_path / "cut.vcf.gz"
    writer = cyvcf2.Writer(str(path), cyvcf2.VCF(str(DATA / "calls.vcf")), "wz")
    writer.write_header()
    writer.close()
    path.write_bytes(path.read_bytes()[:-28])

    with pytest.raises(LoadError, match="is cut short"):
        load_vcf(MemorySink(), "d", "GRCh38", [path])


def test_the_same_genotypes_are_not_counted_twice(tmp_path):
    one = vcf(tmp_path / "1.vcf", "1 100 . A C . . . GT 0/1 0/0")
    (tmp_path / "2.vcf").write_bytes(one.read_bytes())

    with pytest.raises(LoadError, match="the same file"):
        load_vcf(MemorySink(), "d", "GRCh38", [tmp_path])


def test_a_loaded_file_is_passed_over(tmp_path):
    path = vcf(tmp_path / "1.vcf", "1 100 . A C . . . GT 0/1 0/0")
    sink = MemorySink()
    load_vcf(sink, "d", "GRCh38", [path])
    again = load_vcf(sink, "d", "GRCh38", [path])

    assert again.already_loaded == [str(path)]
    assert again.alleles == 0
    assert again.ok
    assert len(sink.published["d"].observations) == 1
    assert sink.open_loads == {}


def test_an_interrupted_load_goes_on_where_it_was(tmp_path):
    records = "\n".join(f"1 {pos} . A C,* . . . GT 0/1 0/0" for pos in range(1, 12_001))
    path = vcf(tmp_path / "big.vcf", records)
    whole, sink = MemorySink(), MemorySink(stop_after_mark=2)
    expected = load_vcf(whole, "d", "GRCh38", [path])
    with pytest.raises(KeyboardInterrupt):
        load_vcf(sink, "d", "GRCh38", [path])
    assert sink.published == {}
    report = load_vcf(sink, "d", "GRCh38", [path])

    alleles = [one.allele for one in sink.published["d"].observations]
    assert alleles == [one.allele for one in whole.published["d"].observations]
    assert report.as_dict() == expected.as_dict()
    assert report.nothing_to_load == {"spanning deletion": 12_000}


def test_an_unknown_assembly_is_refused_with_the_known_ones():
    with pytest.raises(LoadError, match="one of GRCh37, GRCh38"):
        load_vcf(MemorySink(), "d", "hg18", [DATA / "calls.vcf"])
