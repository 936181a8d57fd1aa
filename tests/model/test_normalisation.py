"""Left-shifting: where insertions and deletions come to rest, and what the reference must say."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pysam
import pysam.bcftools
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_reference import bases_from

from beacon.model.allele import Allele
from beacon.model.normalisation import FARTHEST, Room, left_shifted, reference_mismatch, room

SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "genes-reference"
#            0123456789012345678
REFERENCE = "GGATTTTCACACACGTACC"
bases = bases_from(REFERENCE)


def written(start: int, ref: str, alt: str) -> Allele:
    return Allele.from_bases("17", start, ref, alt)


@pytest.mark.parametrize(
    ("allele", "expected"),
    [
        (written(6, "T", ""), (2, "AT", "A")),  # one of a run
        (written(3, "TT", ""), (2, "ATT", "A")),  # already leftmost
        (written(7, "", "T"), (2, "A", "AT")),  # after the run
        (written(12, "AC", ""), (6, "TCA", "T")),  # a repeat of two, which turns
        (written(14, "", "AC"), (6, "T", "TCA")),
        (written(11, "CACG", "CG"), (6, "TCA", "T")),  # a spelling that trims to a deletion
        (written(14, "G", ""), (13, "CG", "C")),  # nothing to move along
        (written(1, "G", ""), (0, "G", "")),  # to the very beginning, where no base is before it
        (written(18, "", "C"), (16, "A", "AC")),
    ],
)
def test_indels_go_as_far_left_as_they_can(allele: Allele, expected: tuple[int, str, str]) -> None:
    assert left_shifted(allele, bases).anchored == expected


@pytest.mark.parametrize(
    "allele",
    [
        written(5, "T", "G"),
        written(5, "TT", "GG"),
        written(5, "TT", "GCG"),
        written(6, "N", ""),
        Allele("17", 3, 7, "", "", "DEL", structural=True),
        Allele.from_bases("18", 6, "T", ""),  # a sequence that the reference does not have
    ],
)
def test_others_stay_as_they_are(allele: Allele) -> None:
    assert left_shifted(allele, bases) is allele


def test_a_known_anchor_is_added() -> None:
    assert left_shifted(written(3, "T", ""), bases).anchor == "A"


def test_a_declared_type_is_kept() -> None:
    doubled = Allele("17", 7, 7, "", "T", "DUP")

    assert left_shifted(doubled, bases) == Allele("17", 3, 3, "", "T", "DUP")


@given(
    text=st.text("AC", min_size=1, max_size=30),
    place=st.floats(0, 1),
    changed=st.text("AC", min_size=1, max_size=6),
    inserts=st.booleans(),
)
def test_moving_is_what_trying_every_place_gives(
    text: str, place: float, changed: str, inserts: bool
) -> None:
    """The same haplotype, the leftmost of all spellings, and the room is all of them."""
    at = round(place * len(text))
    allele = (
        Allele.from_bases("17", at, "", changed)
        if inserts
        else Allele.from_bases("17", at, text[at : at + len(changed)] or text[:1], "")
    )
    if not inserts and at == len(text):
        allele = Allele.from_bases("17", 0, text[:1], "")
    haplotype = edited(text, allele)
    size = len(allele.reference_bases or allele.alternate_bases)
    same = [
        start
        for start in range(len(text) + 1)
        if haplotype in candidates(text, start, size, haplotype, inserts)
    ]
    known = bases_from(text + "G")

    moved = left_shifted(allele, known)

    assert edited(text, moved) == haplotype
    assert moved.start == min(same)
    assert left_shifted(moved, known) == moved
    assert room(allele, known) == Room(allele.start - min(same), max(same) - allele.start)


def edited(text: str, allele: Allele) -> str:
    assert text[allele.start : allele.end] == allele.reference_bases
    return text[: allele.start] + allele.alternate_bases + text[allele.end :]


def candidates(text: str, start: int, size: int, haplotype: str, inserts: bool) -> list[str]:
    if inserts:
        return [text[:start] + haplotype[start : start + size] + text[start:]]
    return [text[:start] + text[start + size :]] if start + size <= len(text) else []


@pytest.mark.parametrize(("far", "moves"), [(FARTHEST, True), (FARTHEST + 1, False)])
def test_the_walk_is_bounded(far: int, moves: bool) -> None:
    asked: list[tuple[int, int]] = []
    text = "G" + "A" * far + "C"

    def counted(name: str, start: int, end: int) -> str:
        asked.append((start, end))
        return text[start:end]

    allele = Allele.from_bases("17", far + 1, "", "A")

    assert left_shifted(allele, counted).start == (1 if moves else far + 1)
    assert len(asked) < 10  # in chunks, not base by base
    right = room(Allele.from_bases("17", 1, "", "A"), counted)
    assert right == (Room(0, far) if moves else None)


@pytest.mark.parametrize(
    ("start", "ref", "mismatch"),
    [
        (0, "GGATTT", None),
        (0, "ggat", None),
        (2, "C", "A"),
        (2, "ATG", "ATT"),
        (2, "N", None),
        (17, "CCC", "CC"),  # beyond the end
    ],
)
def test_the_whole_ref_is_compared(start: int, ref: str, mismatch: str | None) -> None:
    assert reference_mismatch("17", start, ref, bases) == mismatch


def test_codes_of_the_reference_fit_what_they_stand_for() -> None:
    masked = bases_from("NNRC")

    assert reference_mismatch("17", 0, "ACGC", masked) is None
    assert reference_mismatch("17", 0, "ACTC", masked) == "NNRC"
    assert reference_mismatch("18", 0, "ACTC", masked) is None  # not known


def test_bcftools_moves_them_to_the_same_places(tmp_path: Path) -> None:
    """Real indels of chromosome 20, each put at a random place of those it could have."""
    fasta, sites = SHARED / "chr20_1Mb_GRCh37_vg.fa", SHARED / "chr20_1Mb_GRCh37_vg_sites.vcf.gz"
    if not fasta.is_file():
        pytest.skip("the real data are not here")
    copy = tmp_path / "z.fa"
    copy.write_bytes(fasta.read_bytes())
    pysam.faidx(str(copy))
    text = pysam.FastaFile(str(copy)).fetch("z")
    known = bases_from(text)
    rng = Random(1)
    spelled: list[tuple[int, str, str]] = []
    with pysam.VariantFile(str(sites)) as file:
        for record in file:
            assert reference_mismatch("17", record.pos - 1, str(record.ref), known) is None
            for alt in record.alts or ():
                if alt.startswith("<"):
                    continue
                allele = Allele.from_vcf("17", record.pos, str(record.ref), alt)
                space = room(allele, known)
                if space is None:
                    continue
                moved = rng.randint(-space.left, space.right)
                spelled.append(placed(text, allele, moved))
    lines = ["##fileformat=VCFv4.2", "##contig=<ID=z,length=1000000>"]
    lines.append("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO")
    for number, (pos, ref, alt) in enumerate(spelled):
        lines.append(f"z\t{pos}\t{number}\t{ref}\t{alt}\t.\t.\t.")
    (tmp_path / "in.vcf").write_text("\n".join(lines) + "\n")

    normal = pysam.bcftools.norm("-f", str(copy), str(tmp_path / "in.vcf"))

    expected = {}
    for line in normal.splitlines():
        if not line.startswith("#"):
            _, pos, number, ref, alt, *_ = line.split("\t")
            expected[int(number)] = (int(pos), ref, alt)
    shifted = [left_shifted(Allele.from_vcf("17", *one), known).vcf for one in spelled]
    assert len(spelled) > 500
    assert dict(enumerate(shifted)) == expected


def placed(text: str, allele: Allele, moved: int) -> tuple[int, str, str]:
    """The same change, elsewhere in its repeat, as a VCF writes it."""
    start = allele.start + moved
    changed = allele.reference_bases or allele.alternate_bases
    turn = moved % len(changed)
    changed = changed[turn:] + changed[:turn]
    anchor = text[start - 1]
    long = anchor + changed
    return (start, long, anchor) if allele.reference_bases else (start, anchor, long)
