"""One VCF per person: the same alleles, carriers and numbers as a file with everybody in it."""

from __future__ import annotations

import gzip
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest
from memory_sink import MemorySink

from beacon.framework.errors import LoadError
from beacon.load.report import Report
from beacon.load.single_samples import Sizes, is_for_single_samples, load_single_samples
from beacon.load.vcf import load_vcf
from beacon.model.allele import Allele, Zygosity
from beacon.model.assessment import Asked, PersonFileSaid, PlaceSaid, Statement

SHARED = Path(__file__).parents[2] / "../shared/data"
HEADER = (
    "##fileformat=VCFv4.2\n"
    '##INFO=<ID=END,Number=1,Type=Integer,Description="Last base">\n'
    '##INFO=<ID=SVTYPE,Number=1,Type=String,Description="Type">\n'
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
    '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Depth">\n'
    "##contig=<ID=22>\n##contig=<ID=X>\n##contig=<ID=Y>\n##contig=<ID=MT>\n##contig=<ID=odd>\n"
)
HET, HOM, HEMI, UNSPECIFIED = Zygosity


SITE = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT"]


def columns(*samples: str) -> str:
    return "\t".join([*SITE, *samples])


def write(path: Path, sample: str, records: str) -> Path:
    """A VCF from records of which blanks separate the columns."""
    lines = ["\t".join(line.split()) for line in records.strip().splitlines()]
    text = HEADER + "\n".join([columns(*sample.split()), *lines]) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


class Seen(NamedTuple):
    carriers: dict[str, int]
    twice: frozenset[str] | None
    once: frozenset[str] | None
    allele_count: int | None
    allele_number: int


def seen(sink: MemorySink) -> dict[Allele, Seen]:
    """What a dataset has of each allele, by the names of samples."""
    release = sink.published["d"]
    names = {row: name for name, row in release.samples.items()}
    found: dict[Allele, Seen] = {}
    for one in release.observations:
        assert one.allele not in found
        rows = [int(row) for row in one.rows]
        assert rows == sorted(rows)
        found[one.allele] = Seen(
            {names[row]: int(code) for row, code in zip(rows, one.zygosity, strict=True)},
            one.called and frozenset(names[row] for row in one.called.twice),
            one.called and frozenset(names[row] for row in one.called.once),
            one.allele_count,
            one.allele_number,
        )
    return found


def merged(
    paths: Sequence[Path], assessed: Path | None = None, sizes: Sizes | None = None
) -> tuple[dict[Allele, Seen], Report]:
    sink = MemorySink()
    report = load_single_samples(
        sink, "d", "GRCh37", paths, assessed=assessed, sizes=sizes or Sizes(), process_count=1
    )
    return seen(sink), report


def snv(pos: int, reference: str = "A", alternate: str = "C", name: str = "22") -> Allele:
    return Allele.from_vcf(name, pos, reference, alternate)


# What files assess ---------------------------------------------------------------------------


def test_reference_blocks_say_who_was_looked_at(tmp_path):
    write(
        tmp_path / "a.g.vcf",
        "A",
        """22 100 . A <NON_REF> . . END=149 GT:DP 0/0:30
        22 150 . A C,<NON_REF> . . . GT:DP 0/1:30
        22 151 . A <NON_REF> . . END=180 GT:DP ./.:0
        22 181 . A <NON_REF> . . END=300 GT:DP 0:9""",
    )
    write(
        tmp_path / "b.g.vcf",
        "B",
        """22 120 . A C,<NON_REF> . . . GT:DP 1/1:30
        22 121 . A <NON_REF> . . END=300 GT:DP 0/0:30
        22 160 . A T . . . GT 0/1
        22 200 . A T . . . GT 0/1
        22 301 . A T . . . GT 0/1""",
    )
    found, report = merged([tmp_path])

    assert found[snv(120)] == Seen({"B": HOM}, {"A", "B"}, set(), 2, 4)
    assert found[snv(150)] == Seen({"A": HET}, {"A", "B"}, set(), 1, 4)
    assert found[snv(160, "A", "T")] == Seen({"B": HET}, {"B"}, set(), 1, 2)
    assert found[snv(200, "A", "T")] == Seen({"B": HET}, {"B"}, {"A"}, 1, 3)
    assert found[snv(301, "A", "T")].twice == {"B"}
    assert report.nothing_to_load == {"reference block": 6}
    assert (report.records, report.items, report.alleles) == (9, 11, 5)
    assert not report.warnings


def test_records_without_alternates_are_reference_blocks(tmp_path):
    write(tmp_path / "a.vcf", "A", "22 100 . A . . . DP=3 GT 0/0\n22 101 . A . . . . GT ./.")
    write(tmp_path / "b.vcf", "B", "22 99 . A . . . . GT 0/0\n22 100 . A C . . . GT 0/1")
    found, report = merged([tmp_path])

    assert found == {snv(100): Seen({"B": HET}, {"A", "B"}, set(), 1, 4)}
    assert report.items == 4


def test_regions_say_who_was_looked_at_where_no_record_does(tmp_path):
    write(tmp_path / "a.vcf.gz", "A", "22 150 . A C . . . GT 0/1\n22 180 . A C . . . GT ./.")
    write(tmp_path / "b.vcf.gz", "B", "22 180 . A C . . . GT 1/1\n22 400 . A C . . . GT 0/1")
    (tmp_path / "a.bed").write_text("track\nchr22\t100\t300\tname\nchrUn_1\t0\t5\n")
    (tmp_path / "b.bed.gz").write_bytes(gzip.compress(b"22\t149\t150\n22 170 200\n"))
    found, report = merged([tmp_path])

    assert found[snv(150)] == Seen({"A": HET}, {"A", "B"}, set(), 1, 4)
    assert found[snv(180)] == Seen({"B": HOM}, {"B"}, set(), 2, 2)
    assert found[snv(400)] == Seen({"B": HET}, None, None, 1, 0)
    assert [one.count for one in report.warnings.values()] == [1]


def test_outside_the_regions_of_its_file_a_carrier_tells_nothing_of_others(tmp_path):
    """Unless everybody whose file has regions is accounted for there."""
    write(
        tmp_path / "a.vcf",
        "A",
        """22 50 . A C . . . GT 0/1
        22 60 . A C . . . GT 0/1
        22 70 . A C . . . GT 0/1
        22 98 . AAAA A . . . GT 0/1
        22 400 . A C . . . GT 0/0""",
    )
    write(tmp_path / "b.vcf", "B", "22 60 . A C . . . GT 1/1\n22 70 . A C . . . GT ./.")
    write(tmp_path / "c.g.vcf", "C", "22 1 . A <*> . . END=1000 GT 0/0\n22 150 . A C . . . GT 0/1")
    (tmp_path / "a.bed").write_text("22\t100\t300\n")
    (tmp_path / "b.bed").write_text("22\t90\t200\n")
    found, report = merged([tmp_path])
    ((reason, finding),) = report.warnings.items()

    assert found[snv(50)] == Seen({"A": HET}, None, None, 1, 0)
    assert found[snv(60)] == Seen({"A": HET, "B": HOM}, {"A", "B", "C"}, set(), 3, 6)
    assert found[snv(70)] == Seen({"A": HET}, {"A", "C"}, set(), 1, 4)
    # It begins outside, and B's regions contain it.
    deletion = found[Allele.from_vcf("22", 98, "AAAA", "A")]
    assert deletion == Seen({"A": HET}, {"A", "B", "C"}, set(), 1, 6)
    # C's blocks and B's regions say it; a reference call outside the regions is no carrier's.
    assert found[snv(150)] == Seen({"C": HET}, {"A", "B", "C"}, set(), 1, 6)
    assert found[snv(400)] == Seen({}, {"A", "C"}, set(), 0, 4)
    assert "frequencies are not known" in reason
    assert finding.count == 5
    assert {(one.file, one.place) for one in finding.examples} == {
        ("a.vcf", "4 alleles"),
        ("b.vcf", "1 allele"),
    }


def test_a_persons_deletion_from_an_earlier_window_overlaps(tmp_path):
    border = 65_536
    write(
        tmp_path / "a.vcf",
        "A",
        f"""22 {border - 9} . {"A" * 14} A . . . GT 0/1
        22 {border + 5} . A <*> . . END={border + 20} GT 0""",
    )
    write(
        tmp_path / "b.vcf",
        "B",
        f"""22 {border - 20} . A <*> . . END={border + 1} GT 0/0
        22 {border + 2} . AAAAA A . . . GT 0/1""",
    )
    across, _ = merged([tmp_path], sizes=Sizes(window=1))
    at_once, _ = merged([tmp_path])
    second = Allele.from_vcf("22", border + 2, "AAAAA", "A")

    assert across == at_once
    assert across[second] == Seen({"B": HET}, {"A", "B"}, set(), 1, 4)


def test_what_is_taken_up_again_knows_of_the_deletions_before(tmp_path):
    write(
        tmp_path / "a.vcf",
        "A",
        f"22 100 . {'A' * 14} A . . . GT 0/1\n22 114 . A <*> . . END=300 GT 0",
    )
    write(tmp_path / "b.vcf", "B", "22 1 . A <*> . . END=110 GT 0/0\n22 111 . AAAAA A . . . GT 0/1")
    sizes = Sizes(alleles=1)
    whole, broken = MemorySink(), MemorySink(stop_after_mark=1)
    load_single_samples(whole, "d", "GRCh37", [tmp_path], sizes=sizes)
    with pytest.raises(KeyboardInterrupt):
        load_single_samples(broken, "d", "GRCh37", [tmp_path], sizes=sizes)
    load_single_samples(broken, "d", "GRCh37", [tmp_path], sizes=sizes)

    assert seen(broken) == seen(whole)
    assert seen(whole)[Allele.from_vcf("22", 111, "AAAAA", "A")].twice == {"A", "B"}


def test_without_blocks_or_regions_frequencies_are_not_known(tmp_path):
    write(tmp_path / "a.vcf", "A", "22 150 . A C . . . GT 0/1\n22 180 . A C . . . GT 1/1")
    write(tmp_path / "b.vcf", "B", "22 180 . A C . . . GT 0/1")
    found, report = merged([tmp_path])
    ((reason, finding),) = report.warnings.items()

    assert found[snv(150)] == Seen({"A": HET}, None, None, 1, 0)
    assert found[snv(180)] == Seen({"A": HOM, "B": HET}, {"A", "B"}, set(), 3, 4)
    assert "frequencies are not known" in reason
    assert finding.count == 1
    assert "--assessed" in finding.examples[0].detail


def test_one_file_that_says_nothing_makes_a_number_unknown(tmp_path):
    write(tmp_path / "a.g.vcf", "A", "22 100 . A <*> . . END=200 GT 0/0")
    write(tmp_path / "b.vcf", "B", "22 150 . A C . . . GT 0/1")
    write(tmp_path / "c.vcf", "C", "22 160 . A C . . . GT 0/1")
    found, _ = merged([tmp_path / "a.g.vcf", tmp_path / "b.vcf"])
    with_c, _ = merged([tmp_path])

    assert found[snv(150)] == Seen({"B": HET}, {"A", "B"}, set(), 1, 4)
    assert with_c[snv(150)] == Seen({"B": HET}, None, None, 1, 0)


def test_another_allele_at_the_same_place_was_looked_at_too(tmp_path):
    write(tmp_path / "a.g.vcf", "A", "22 100 . A C,<NON_REF> . . . GT 0/1")
    write(tmp_path / "b.g.vcf", "B", "22 100 . A T,<NON_REF> . . . GT 1/1")
    write(tmp_path / "c.g.vcf", "C", "22 98 . GGA G . . . GT 0/1\n22 90 . G . . . . GT 0/0")
    write(tmp_path / "d.g.vcf", "D", "22 99 . G C . . . GT 1\n22 90 . G . . . . GT 0/0")
    found, _ = merged([tmp_path])

    assert found[snv(100)] == Seen({"A": HET}, {"A", "B", "C"}, set(), 1, 6)
    deletion = found[Allele.from_vcf("22", 98, "GGA", "G")]
    assert deletion == Seen({"C": HET}, {"A", "B", "C"}, {"D"}, 1, 7)


def test_on_y_and_mt_a_region_is_one_copy_and_on_x_what_the_records_say(tmp_path):
    write(tmp_path / "m.vcf", "M", "X 5000000 . A C . . . GT 1\nX 100000 . A C . . . GT 0/1")
    write(tmp_path / "f.vcf", "F", "X 6000000 . A C . . . GT 0/1\nMT 100 . A C . . . GT 1/1")
    write(tmp_path / "n.vcf", "N", "Y 5000000 . A C . . . GT 1\nY 5000100 . A C . . . GT .")
    write(tmp_path / "o.vcf", "O", "Y 5000010 . A C . . . GT .\nY 5000020 . A C . . . GT 0")
    write(tmp_path / "p.vcf", "P", "Y 5000010 . A C . . . GT .")
    everywhere = tmp_path / "all.bed"
    everywhere.write_text("X\t0\t155270560\nY\t0\t59373566\nMT\t0\t16569\n")
    found, _ = merged([tmp_path], assessed=everywhere)

    others = {"N", "O", "P"}
    assert found[snv(5_000_000, name="X")] == Seen({"M": HEMI}, {"F"} | others, {"M"}, 1, 9)
    assert found[snv(6_000_000, name="X")] == Seen({"F": HET}, {"F"} | others, {"M"}, 1, 9)
    assert found[snv(100_000, name="X")] == Seen({"M": HET}, {"F", "M"} | others, set(), 1, 10)
    # On Y nobody counts whose file has no call there: women, and men of whom nothing is said.
    assert found[snv(5_000_000, name="Y")] == Seen({"N": HEMI}, set(), {"N", "O"}, 1, 2)
    assert found[snv(100, name="MT")] == Seen({"F": HOM}, {"F"}, {"M"} | others, 2, 6)


# Everything is accounted for -------------------------------------------------------------------


ODDITIES = """odd 5 . A C . . . GT 0/1
22 0 . A C . . . GT 0/1
22 100 . A C,G . . . GT 1/2
22 101 . A * . . . GT 0/1
22 102 . A <DEL> . . SVTYPE=DEL;END=500 GT 0/1
22 103 . R C . . . GT 0/1
22 104 . A a . . . GT 0/1
22 105 . AC GC . . . GT 1|1
22 106 . A C . . . DP:GT 3:0/1
22 107 . A C . . . DP 3
22 108 . a c,<*> . . . GT .|1
22 109 . A AT . . . GT 1/.
22 110 . A C . . . GT 0/0
22 111 . N C . . . GT 0/1
22 112 . A C . . . GT 0/2
22 113 . A ]22:500]A . . SVTYPE=BND GT 0/1
22 114 . A <NON_REF> . . DP=3;END=120 GT 0/0
22 115 . A C . . . GT 0/0/1
22 60000000 . A C . . . GT 0/1"""


@pytest.mark.parametrize("name", ["a.vcf", "a.vcf.gz"])
def test_a_file_is_read_as_by_the_other_loader(tmp_path, name):
    path = write(tmp_path / name, "A", ODDITIES)
    streamed = MemorySink()
    expected = load_vcf(streamed, "d", "GRCh37", [path])
    found, report = merged([path])
    carriers = {allele: one.carriers for allele, one in seen(streamed).items()}

    assert {allele: one.carriers for allele, one in found.items()} == carriers
    assert report.loaded == expected.loaded
    assert report.nothing_to_load == expected.nothing_to_load
    assert report.not_loaded == expected.not_loaded
    assert (report.records, report.items) == (expected.records, expected.items)


def test_with_a_reference_sequence_alleles_are_checked_and_moved_as_by_the_other_loader(tmp_path):
    path = write(
        tmp_path / "a.vcf",
        "A",
        """22 101 . A C . . . GT 0/1
        22 102 . A C . . . GT 0/1
        22 106 . AAA A . . . GT 0/1
        22 107 . CA C . . . GT 0/1
        22 111 . A AA . . . GT 1/1""",
    )

    def bases(name: str, start: int, end: int) -> str:
        return "".join("C" if at == 101 else "A" for at in range(start, end))

    streamed, own = MemorySink(), MemorySink()
    expected = load_vcf(streamed, "d", "GRCh37", [path], bases=bases)
    report = load_single_samples(own, "d", "GRCh37", [path], reference=lambda: bases)

    assert {one: it.carriers for one, it in seen(own).items()} == {
        one: it.carriers for one, it in seen(streamed).items()
    }
    assert report.not_loaded == expected.not_loaded
    assert report.not_loaded["REF is not what the reference sequence has"].count == 2
    assert own.published["d"].is_left_shifted


def test_all_that_is_not_loaded_can_be_listed(tmp_path):
    write(tmp_path / "a.vcf", "A", ODDITIES)
    write(tmp_path / "b.vcf", "B", "22 1 . R C . . . GT 0/1")
    listing = tmp_path / "lost.jsonl"
    sink = MemorySink()
    report = load_single_samples(sink, "d", "GRCh37", [tmp_path], listing=listing, process_count=1)
    lost = sum(finding.count for finding in report.not_loaded.values())

    assert len(listing.read_text().splitlines()) == lost + len(report.warnings)


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("22\tx\t.\tA\tC\t.\t.\t.\tGT\t0/1", 3),
        ("22\t7\t.\tA\tC", 3),
    ],
)
def test_a_damaged_line_ends_the_load(tmp_path, line, place):
    path = write(tmp_path / "a.vcf", "A", "22 1 . A C . . . GT 0/1\n22 2 . A R . . . GT 0/1")
    with path.open("a") as file:
        file.write(f"{line}\n22\t9\t.\tA\tC\t.\t.\t.\tGT\t0/1\n")
    sink = MemorySink()

    with pytest.raises(LoadError, match=f"a.vcf is damaged or not valid VCF at record {place}"):
        load_single_samples(sink, "d", "GRCh37", [path], process_count=1)
    assert not sink.published
    assert not sink.open_loads


def test_a_file_that_does_not_inflate_ends_the_load(tmp_path):
    path = write(tmp_path / "a.vcf.gz", "A", "22 1 . A C . . . GT 0/1\n" * 5_000)
    path.write_bytes(path.read_bytes()[:-200])

    with pytest.raises(LoadError, match="damaged"):
        load_single_samples(MemorySink(), "d", "GRCh37", [path], process_count=1)


# Which files -----------------------------------------------------------------------------------


def test_files_of_single_people_are_told_from_a_cohort(tmp_path):
    record = "22 1 . A C . . . GT 0/1"
    one = write(tmp_path / "1.vcf", "A", record)
    other = write(tmp_path / "2.vcf", "B", record)
    again = write(tmp_path / "3.vcf", "A", "X 1 . A C . . . GT 0/1")
    pair = write(tmp_path / "4.vcf", "C D", f"{record} 0/1")
    part = write(tmp_path / "5.vcf", "C D", "X 1 . A C . . . GT 0/1 0/1")
    blocks = write(tmp_path / "6.vcf", "E F", "X 1 . A . . . . GT 0/0 0/0")
    many = write(tmp_path / "7.vcf", " ".join("ABCDEFGHIJKLMNOPQ"), f"{record} {'0/1 ' * 16}")

    assert is_for_single_samples([one], "GRCh37")
    assert is_for_single_samples([one, other], "GRCh37")
    assert is_for_single_samples([one, again], "GRCh37")
    assert is_for_single_samples([one, pair], "GRCh37")
    assert is_for_single_samples([blocks], "GRCh37")
    assert not is_for_single_samples([pair], "GRCh37")
    assert not is_for_single_samples([pair, part], "GRCh37")
    assert not is_for_single_samples([many], "GRCh37")


def test_a_persons_sequences_may_be_in_files_of_their_own(tmp_path):
    write(tmp_path / "a22.vcf", "A", "22 100 . A C . . . GT 0/1")
    write(tmp_path / "aX.vcf", "A", "X 100000 . A C . . . GT 0/1")
    write(tmp_path / "b.vcf", "B", "22 100 . A C . . . GT 0/1\nX 100001 . A C . . . GT 0/1")
    (tmp_path / "all.bed").write_text("22\t0\t1000\nX\t0\t1000000\n")
    found, _ = merged([tmp_path], tmp_path / "all.bed")

    assert found[snv(100)] == Seen({"A": HET, "B": HET}, {"A", "B"}, set(), 2, 4)
    assert found[snv(100_001, name="X")] == Seen({"B": HET}, {"A", "B"}, set(), 1, 4)
    assert found[snv(100_000, name="X")].allele_number == 4


def test_a_person_is_not_read_twice_at_the_same_place(tmp_path):
    write(tmp_path / "a.vcf", "A", "22 100 . A C . . . GT 0/1")
    write(tmp_path / "b.vcf", "A", "22 200 . A C . . . GT 0/1")

    with pytest.raises(LoadError, match="sample A has records on 22 in both"):
        merged([tmp_path])


def test_trios_and_bcf_are_read_too(tmp_path):
    write(
        tmp_path / "t.vcf",
        "A B C",
        "22 100 . A C,<*> . . . GT 0/1 0/0 ./.\n22 101 . A <*> . . END=200 GT 0/0 0 ./.",
    )
    write(tmp_path / "d.g.vcf", "D", "22 90 . A <*> . . END=149 GT 0/0\n22 150 . AT A . . . GT 0/1")
    found, _ = merged([tmp_path])

    assert found[snv(100)] == Seen({"A": HET}, {"A", "B", "D"}, set(), 1, 6)
    assert found[Allele.from_vcf("22", 150, "AT", "A")] == Seen({"D": HET}, {"A", "D"}, {"B"}, 1, 5)


# Annotations -----------------------------------------------------------------------------------


ANNOTATED = HEADER.replace(
    "##FORMAT",
    '##INFO=<ID=CSQ,Number=.,Type=String,Description="Consequence annotations from Ensembl VEP. '
    'Format: Allele|Consequence|IMPACT|SYMBOL|Gene|Feature_type|Feature">\n##FORMAT',
    1,
)


def write_annotated(path: Path, sample: str, *records: str) -> Path:
    lines = ["\t".join(one.split()) for one in records]
    path.write_text(ANNOTATED + "\n".join([columns(*sample.split()), *lines]) + "\n")
    return path


def said(sink: MemorySink) -> dict[Allele, tuple[list[str], list[str]]]:
    """Genes and dbSNP ids by allele."""
    return {
        one.allele: (
            one.annotation.get("molecularAttributes", {}).get("geneIds", []),
            [
                known["id"]
                for known in one.annotation.get("identifiers", {}).get("variantAlternativeIds", ())
            ],
        )
        for one in sink.published["d"].observations
        if one.annotation
    }


def test_what_files_say_of_alleles_is_kept_and_the_first_that_has_the_allele_says_it(tmp_path):
    csq = "CSQ={}|missense_variant|MODERATE|{}|ENSG1|Transcript|ENST1"
    rs1, g1, g2 = "rs1", csq.format("C", "GENE1"), csq.format("C", "GENE2")
    write(tmp_path / "0.vcf", "Z", "22 100 . A C . . . GT 0/1")
    write_annotated(
        tmp_path / "1.vcf",
        "A",
        f"22 100 {rs1} A C . . DP=3;{g1} GT 0/1",
        f"22 200 . AT A . . {csq.format('-', 'GENE3')} GT 0/1",
        f"22 300 . A C,G . . {g1},{csq.format('G', 'GENE4')[4:]} GT 1/2",
        f"22 400 . A C,<NON_REF> . . {g1} GT 0/1",
        "22 500 . A C . . . GT 0/1",
        f"22 600 . N <DEL> . . END=700;SVTYPE=DEL;{csq.format('deletion', 'GENE5')} GT 0/1",
    )
    write_annotated(tmp_path / "2.vcf", "B", f"22 100 . A C . . {g2} GT 0/1")
    write_annotated(
        tmp_path / "3.vcf",
        "C D",
        f"22 100 . A C . . {g2} GT 0/1 0/0",
        f"22 {3 * 65_536} . A C . . {g2} GT 0/1 0/0",
    )
    streamed = MemorySink()
    load_vcf(streamed, "d", "GRCh37", [tmp_path / "1.vcf"])
    answers = []
    for sizes in (Sizes(), Sizes(segment=1, window=1)):
        sink = MemorySink()
        load_single_samples(sink, "d", "GRCh37", [tmp_path], sizes=sizes)
        answers.append(said(sink))

    assert answers[0] == answers[1]
    assert answers[0] == said(streamed) | {snv(3 * 65_536): (["GENE2"], [])}
    assert answers[0][snv(100)] == (["GENE1"], ["dbSNP:rs1"])
    assert answers[0][snv(300, "A", "G")] == (["GENE4"], [])
    assert len(answers[0]) == 7


# Again, and when it stops ------------------------------------------------------------------------


def test_an_interrupted_merge_goes_on_where_it_was(tmp_path):
    for number in range(4):
        records = "\n".join(
            f"22 {pos} . A C . . . GT 0/1" for pos in range(100 + number, 400, 1 + number)
        )
        write(tmp_path / f"{number}.vcf", f"S{number}", records)
    (tmp_path / "all.bed").write_text("22\t0\t1000\n")
    sizes = Sizes(alleles=40)
    assessed = tmp_path / "all.bed"
    whole = MemorySink()
    load_single_samples(whole, "d", "GRCh37", [tmp_path], assessed=assessed, sizes=sizes)
    broken = MemorySink(stop_after_mark=3)
    with pytest.raises(KeyboardInterrupt):
        load_single_samples(broken, "d", "GRCh37", [tmp_path], assessed=assessed, sizes=sizes)
    written = len(broken.open_loads["d"].release.observations)
    load_single_samples(broken, "d", "GRCh37", [tmp_path], assessed=assessed, sizes=sizes)

    assert 0 < written < 300
    assert seen(broken) == seen(whole)


def test_a_file_is_loaded_again_when_its_regions_are_new(tmp_path):
    path = write(tmp_path / "a.vcf", "A", "22 100 . A C . . . GT 0/1")
    sink = MemorySink()
    load_single_samples(sink, "d", "GRCh37", [path])
    again = load_single_samples(sink, "d", "GRCh37", [path])
    (tmp_path / "a.bed").write_text("22\t0\t1000\n")
    with_regions = load_single_samples(sink, "d", "GRCh37", [path])

    assert again.already_loaded == [str(path)]
    assert with_regions.already_loaded == []


def test_where_people_were_looked_at_is_handed_over_with_what_other_loads_need(tmp_path):
    write(tmp_path / "a.vcf", "A", "22 100 . A C . . . GT 0/1\n22 400 . A C . . . GT ./.")
    write(tmp_path / "b.vcf", "B", "22 500 . A C . . . GT 0/1")
    write(tmp_path / "c.g.vcf", "C", "22 1 . A <*> . . END=200 GT 0/0\n22 201 . A C . . . GT 1")
    (tmp_path / "all.bed").write_text("22\t0\t450\n")
    sink = MemorySink()
    for folder in (tmp_path / "a.vcf", tmp_path / "b.vcf"):
        load_single_samples(sink, "d", "GRCh37", [folder], assessed=tmp_path / "all.bed")
    report = load_single_samples(sink, "d", "GRCh37", [tmp_path / "c.g.vcf"])
    told = sink.published["d"].said
    files = [one for one in told if isinstance(one, PersonFileSaid)]
    places = [one for one in told if isinstance(one, PlaceSaid)]
    asked = Asked.of([snv(100), snv(201), snv(300), snv(400), snv(449), snv(500)])
    copies = [Statement.of(one.regions, one.rest).copies(asked).tolist() for one in places]

    assert not report.warnings
    assert [(one.row, one.codes, one.says, one.is_bounded) for one in files] == [
        (0, (22,), True, True),
        (1, (22,), True, True),
        (2, (22,), True, False),
    ]
    assert places[0].regions == places[1].regions != b""
    assert places[2].regions == b""
    assert copies == [[2, 2, 2, 0, 2, 0], [2, 2, 2, 2, 2, 2], [2, 1, 0, 0, 0, 0]]


def test_processes_read_what_one_process_reads(tmp_path):
    for number in range(5):
        write(
            tmp_path / f"{number}.vcf.gz",
            f"S{number}",
            f"22 {90 + number} . A C . . . GT 0/1\n{ODDITIES}",
        )
    one, two = MemorySink(), MemorySink()
    report = load_single_samples(one, "d", "GRCh37", [tmp_path], process_count=1)
    other = load_single_samples(two, "d", "GRCh37", [tmp_path], process_count=2)

    assert seen(one) == seen(two)
    assert report.as_dict() == other.as_dict()


# Against a file with everybody ---------------------------------------------------------------


@dataclass
class Joint:
    """The records of a joint file as text, split into columns."""

    samples: list[str]
    records: list[list[str]]

    def write(self, path: Path) -> Path:
        lines = ["\t".join(record) for record in self.records]
        path.write_text(HEADER + "\n".join([columns(*self.samples), *lines]) + "\n")
        return path

    def calls(self, number: int) -> Iterator[tuple[list[str], str]]:
        for record in self.records:
            yield record[:9], record[9 + number]


def joint(records_max: int) -> Joint:
    path = SHARED / "vcf-genotypes/1kg_p3_chr22_first10k.GRCh37.vcf.gz"
    if not path.exists():
        pytest.skip("the shared data are not here")
    records: list[list[str]] = []
    with gzip.open(path, "rt") as lines:
        for line in lines:
            if line.startswith("##"):
                continue
            columns = line.rstrip("\n").split("\t")
            if line.startswith("#"):
                samples = columns[9:]
                continue
            end = [one for one in columns[7].split(";") if one.startswith(("END=", "SVTYPE="))]
            columns[7] = ";".join(end) or "."
            records.append(columns)
            if len(records) == records_max:
                break
    return Joint(samples, records)


def carried(found: dict[Allele, Seen]) -> dict[Allele, Seen]:
    return {allele: one for allele, one in found.items() if one.carriers}


def expected(joint: Joint, folder: Path) -> dict[Allele, Seen]:
    sink = MemorySink()
    load_vcf(sink, "d", "GRCh37", [joint.write(folder / "joint.vcf")])
    return carried(seen(sink))


def test_files_of_single_people_with_regions_give_what_the_joint_file_gives(tmp_path):
    cohort = joint(700)
    people = tmp_path / "people"
    people.mkdir()
    for number, sample in enumerate(cohort.samples):
        lines = [
            " ".join([*site, call])
            for site, call in cohort.calls(number)
            if call not in ("0|0", "0/0")
        ]
        write(people / f"{sample}.vcf", sample, "\n".join(lines))
    everywhere = tmp_path / "all.bed"
    everywhere.write_text("22\t0\t51304566\n")
    found, report = merged([people], everywhere)

    assert len(cohort.samples) == 2504
    assert carried(found) == expected(cohort, tmp_path)
    assert report.ok


def test_gvcfs_with_missing_blocks_give_what_the_joint_file_gives(tmp_path):
    source = joint(600)
    chance = random.Random(4)
    # Records that overlap would share the blocks between them.
    records: list[list[str]] = []
    for record in source.records:
        plain = len(record[3]) == 1 and all(len(alt) == 1 for alt in record[4].split(","))
        if plain and (not records or int(record[1]) > int(records[-1][1])):
            records.append(record[: 9 + 120])
    cohort = Joint(source.samples[:120], records)
    for number in range(120):
        at = 0
        while (at := at + chance.randint(1, 60)) < len(records):
            for _ in range(chance.randint(1, 10)):
                if at < len(records):
                    records[at][9 + number] = "./."
                at += 1
    people = tmp_path / "people"
    people.mkdir()
    for number, sample in enumerate(cohort.samples):
        lines, at = [], 16_000_000
        for site, call in cohort.calls(number):
            pos = int(site[1])
            if call in ("0|0", "./."):
                between = "0/0" if call == "0|0" else "./."
                lines.append(f"22 {at} . N <NON_REF> . . END={pos} GT {between}")
            else:
                if at < pos:
                    lines.append(f"22 {at} . N <NON_REF> . . END={pos - 1} GT 0/0")
                lines.append(" ".join([*site[:4], f"{site[4]},<NON_REF>", *site[5:], call]))
            at = pos + 1
        write(people / f"{sample}.g.vcf.gz", sample, "\n".join(lines))
    found, report = merged([people])

    assert carried(found) == expected(cohort, tmp_path)
    assert len({one.allele_number for one in found.values()}) > 10
    assert report.ok


def test_a_gvcf_of_a_caller_is_accounted_for():
    path = SHARED / "vcf-edge/bio2zarr_CEUTrio_gvcf.vcf.gz"
    if not path.exists():
        pytest.skip("the shared data are not here")
    found, report = merged([path])

    assert is_for_single_samples([path], "GRCh37")
    assert report.ok
    assert report.nothing_to_load["reference block"] > report.alleles > 10
    assert all(one.allele_number == 2 for one in carried(found).values())


# Against counting base by base -------------------------------------------------------------------


BASES = "ACGT"


def by_base(files: dict[str, list[tuple[int, str, str, str]]]) -> dict[Allele, tuple[set, set]]:
    """Who has two alleles called at each allele, and who one, counted in the plainest way."""
    alleles = {
        Allele.from_vcf("22", pos, ref, alt)
        for records in files.values()
        for pos, ref, alt, _ in records
        if alt != "<*>"
    }
    copies_of = {"0/0": 2, "0/1": 2, "1/1": 2, "1": 1, "0": 1, "./.": 0}
    answer = {}
    for allele in alleles:
        start, end = allele.footprint
        sets: tuple[set[str], set[str], set[str]] = (set(), set(), set())
        for name, records in files.items():
            own = overlapping = None
            covered = {}
            for pos, ref, alt, call in records:
                first, last = pos - 1, pos - 1 + len(ref)
                copies = copies_of[call]
                if alt == "<*>":
                    for base in range(first, last):
                        covered.setdefault(base, copies)
                    continue
                this = Allele.from_vcf("22", pos, ref, alt)
                if this == allele:
                    own = copies
                if this.footprint[0] < end and this.footprint[1] > start:
                    overlapping = max(copies, overlapping or 0)
            called = own if own is not None else overlapping
            if called is None:
                there = {covered.get(base, 0) for base in range(start, end)}
                called = there.pop() if len(there) == 1 else 0
            sets[called].add(name)
        answer[allele] = (sets[2], sets[1])
    return answer


@pytest.mark.parametrize("seed", range(12))
def test_who_was_looked_at_is_as_counted_base_by_base(tmp_path, seed):
    chance = random.Random(seed)
    choices = [1, 50, 10_000]
    sizes = Sizes(segment=chance.choice(choices), window=chance.choice(choices))
    origin = 3 * 65_536 - 40  # the windows end in the middle of it
    files: dict[str, list[tuple[int, str, str, str]]] = {}
    for name in "ABCDEFG":
        records, pos = [], 1
        while pos < 80:
            kind = chance.random()
            size = chance.randint(1, 6)
            call = chance.choice(["0/1", "1/1", "1", "./."])
            if kind < 0.45:
                block = chance.choice(["0/0", "0/0", "0", "./."])
                records.append((origin + pos, "A" * size, "<*>", block))
            elif kind < 0.7:
                records.append((origin + pos, "A", chance.choice("CGT"), call))
                size = 1
            elif kind < 0.85:
                records.append(
                    (origin + pos, "G" + "A" * (size - 1), "G", call)
                    if size > 1
                    else (origin + pos, "A", "AC", call)
                )
            pos += size
        files[name] = records
        lines = [
            f"22 {at} . {ref[0]} <*> . . END={at + len(ref) - 1} GT {call}"
            if alt == "<*>"
            else f"22 {at} . {ref} {alt},<*> . . . GT {call}"
            for at, ref, alt, call in records
        ]
        write(tmp_path / f"{name}.vcf", name, "22 1 . A . . . . GT 0/0\n" + "\n".join(lines))
    found, _ = merged([tmp_path], sizes=sizes)

    assert {allele: (one.twice, one.once) for allele, one in found.items()} == by_base(files)
