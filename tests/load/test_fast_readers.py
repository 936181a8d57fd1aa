"""Reading VCF and BCF fast: the same records as `cyvcf2` reads, or the same refusal."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import cyvcf2
import numpy as np
import pysam
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from isal import igzip

from beacon.framework.errors import LoadError
from beacon.load.bcf_records import BcfRecords
from beacon.load.byte_stream import DamagedFile
from beacon.load.genotypes import Calls, Columns
from beacon.load.vcf_file import MANY_SAMPLES, VcfFile
from beacon.load.vcf_header import Declared, declared_by
from beacon.load.vcf_records import VcfRecord, VcfRecords

SHARED = Path(__file__).parents[2] / "../shared/data"
FOLDERS = ("vcf-edge", "vcf-genotypes", "vcf-annotated", "vcf-sv")
FILES = sorted(
    path
    for folder in FOLDERS
    for path in (SHARED / folder).rglob("*.vcf*")
    if path.name.endswith((".vcf", ".vcf.gz", ".vcf.bgz"))
)
MOST = 60  # records compared of a file
REFUSED = "refused"


def plain_value(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(plain_value, value))
    return "NaN" if isinstance(value, float) and math.isnan(value) else value


def plain_record(record: Any, columns: Columns) -> dict[str, Any]:
    """Everything that the loader can ask of a record."""
    names = ("CHROM", "POS", "ID", "REF", "ALT", "FORMAT")
    plain = {name: getattr(record, name) for name in names}
    plain["INFO"] = {key: plain_value(record.INFO.get(key)) for key, _ in record.INFO}
    plain["absent"] = record.INFO.get("NO_SUCH_KEY")
    if "GT" in record.FORMAT and columns.rows.size:
        calls = Calls.of(record, columns)
        plain["AN"], plain["highest"] = calls.allele_number, calls.highest
        plain["called"] = [set(one) for one in calls.called]
        for allele in range(1, calls.highest + 1):
            rows, zygosity, count = calls.carriers(allele)
            plain[f"carriers of {allele}"] = (rows.tolist(), zygosity.tolist(), count)
    return plain


def read(records: Iterable[Any], samples: int) -> list[Any]:
    """What a reader makes of a file, up to where it refuses to go on."""
    columns = Columns(np.arange(samples, dtype=np.uint32))
    found: list[Any] = []
    try:
        found.extend(plain_record(record, columns) for record in islice(records, MOST))
    except DamagedFile:
        found.append(REFUSED)
    except Exception as error:
        if type(error) is not Exception:  # what cyvcf2 raises
            raise
        found.append(REFUSED)
    return found


def opened(path: Path) -> tuple[cyvcf2.VCF, Declared]:
    try:
        reader = cyvcf2.VCF(str(path))
    except Exception as error:
        pytest.skip(f"its header is refused: {error}")
    return reader, declared_by(reader)


def read_by_cyvcf2(path: Path, folder: Path) -> list[Any]:
    """What `cyvcf2` makes of a file.

    All contigs are declared to it, and lines without any are kept from it: it takes what it cannot
    read for a record where the contig is not known, and reads memory that is not its own.
    """
    content = igzip.decompress(raw) if (raw := path.read_bytes())[:2] == b"\x1f\x8b" else raw
    content = content if content.endswith(b"\n") else content + b"\n"
    head, columns, body = re.split(rb"^(#[^#].*\n)", content, maxsplit=1, flags=re.MULTILINE)
    lines, refused = body.splitlines(keepends=True)[:MOST], []
    for number, line in enumerate(lines):
        if not re.match(rb"[^\s<>,\"]+(\t|\n)", line):
            lines, refused = lines[:number], [REFUSED]
            break
    known = set(cyvcf2.VCF(str(path)).seqnames)
    names = {line.split(b"\t")[0].strip() for line in lines} - {name.encode() for name in known}
    contigs = b"".join(b"##contig=<ID=%s>\n" % name for name in sorted(names))
    copy = folder / "copy.vcf"
    copy.write_bytes(head + contigs + columns + b"".join(lines))
    reader = cyvcf2.VCF(str(copy))
    found = read(reader, len(reader.samples))
    return found if REFUSED in found else found + refused


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_text_is_read_or_refused_as_cyvcf2_does(path, tmp_path):
    _, declared = opened(path)
    if not declared.samples:
        pytest.skip("no samples")
    expected = read_by_cyvcf2(path, tmp_path)

    assert read(VcfRecords(path, declared), declared.samples) == expected


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_bcf_is_read_as_cyvcf2_does(path, tmp_path):
    reader, declared = opened(path)
    if not declared.samples or REFUSED in read_by_cyvcf2(path, tmp_path):
        pytest.skip("nothing to make BCF of")
    binary = as_bcf(path, tmp_path / "file.bcf")
    if binary is None:
        pytest.skip("cannot be written as BCF")
    reader, declared = opened(binary)
    expected = read(reader, declared.samples)

    assert read(BcfRecords(binary, declared), declared.samples) == expected


def as_bcf(path: Path, to: Path) -> Path | None:
    reader = cyvcf2.VCF(str(path))
    writer = cyvcf2.Writer(str(to), reader, "wb")
    try:
        for record in islice(reader, MOST):
            writer.write_record(record)
    except Exception:
        return None
    finally:
        writer.close()
    return to


HEADER = (
    "##fileformat=VCFv4.2\n##contig=<ID=1,length=249250621>\n"
    '##FILTER=<ID=LOW,Description="x">\n'
    '##INFO=<ID=AF,Number=A,Type=Float,Description="x">\n'
    '##INFO=<ID=END,Number=1,Type=Integer,Description="x">\n'
    '##INFO=<ID=DB,Number=0,Type=Flag,Description="x">\n'
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="x">\n'
    '##FORMAT=<ID=AD,Number=R,Type=Integer,Description="x">\n'
    '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="x">\n'
    '##FORMAT=<ID=DS,Number=1,Type=Float,Description="x">\n'
    '##FORMAT=<ID=FT,Number=1,Type=String,Description="x">\n'
    "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tA\tB\tC\n"
)


def one_line(path: Path, *fields: str) -> Path:
    path.write_bytes((HEADER + "\t".join(fields) + "\n").encode())
    return path


SITE = ("1", "10", ".", "A", "C", ".", "PASS", ".")


@pytest.mark.parametrize(
    "fields",
    [
        *[
            (*SITE, form, *samples.split())
            for form, samples in [
                ("GT", "0|0 0|1 1|1"),
                ("GT", "0/0 0|1 1/1"),
                ("GT", "0/. ./. ./1"),
                ("GT", "0 1 ."),
                ("GT", "0 0/1 1"),
                ("GT", "0/1/1 0/0/0 ./././"),
                ("GT", "0/10 10/10 0"),
                ("GT", "0/12 1|1 0|0"),
                ("GT", "0|0 0-1 1|1"),
                ("GT", "0|0 0|x 1|1"),
                ("GT", "0|0 x|0 1|1"),
                ("GT", "0|0 0|1"),
                ("GT", "0|0 0|1 1|1 0|1"),
                ("GT", "0|0 0|1:3 1|1"),
                ("GT", "|0/1 0|1 1|1"),
                ("GT", "0|0 /// 1|1"),
                ("GT:DP", "0/0:1 0/1:. 1/1"),
                ("GT:DP", "0/0:1 0:. 1/1:22"),
                ("GT:DP", "0/0:1 0/1:1:2 1/1:3"),
                ("GT:DP", "0/0 0/1:1:2 1/1:3"),
                ("GT:DP", "0/0:1 0/1:x 1/1:3"),
                ("GT:DP", "0/0:1 0/1:1.5 1/1:3"),
                ("GT:DP", "0/0:1 0/1:.. 1/1:3"),
                ("GT:DP", "0/0:1 0/1:-1 1/1:3"),
                ("GT:DP", "0/0:1 0/1:1-1 1/1:3"),
                ("GT:DP", "0/0:1 0:1/1 1/1:3"),
                ("GT:DP", "0/0:1 0:1|1 1:3"),
                ("GT:AD:DP", "0/0:1,2:3 0/1:.:. 1/1:,:"),
                ("GT:AD:DP", "0/0:1,2:3:4 0/1:2 1/1:3,4:5"),
                ("GT:DS", "0/0:0.1 0/1:1e-3 1/1:1.2.3"),
                ("GT:FT", "0/0:PASS 0/1:x 1/1"),
                ("GT:ZZ", "0/0:PASS 0/1:x 1/1"),
                ("GT:GT", "0/0:0/0 0/1:0/1 1/1:1/1"),
                ("GT:", "0/0 0/1 1/1"),
                ("DP:GT", "1:0/0 2:0/1 3:1/1"),
                ("DP", "1 2 3"),
                (".", ". . ."),
            ]
        ],
        *[
            (*SITE[:column], value, *SITE[column + 1 :], "GT", "0|0", "0|1", "1|1")
            for column, value in [
                (0, "2"),
                (0, "a<b"),
                (0, ""),
                (1, "x"),
                (1, "-1"),
                (1, "0"),
                (1, "1.5"),
                (1, "99999999999"),
                (2, "rs1;rs2"),
                (2, "é"),
                (3, "a"),
                (3, ""),
                (4, "."),
                (4, "C,G"),
                (4, "C,"),
                (4, "<DEL>"),
                (5, "x"),
                (6, "LOW;PASS"),
                (6, "NEW"),
                (6, "A,B"),
                (6, "."),
                (7, "AF=0.1"),
                (7, "AF=0.1,.,1e-5"),
                (7, "AF=1e60,nan,inf,x"),
                (7, "AF"),
                (7, "AF="),
                (7, "END=20"),
                (7, "END=."),
                (7, "END=12abc"),
                (7, "END=99999999999"),
                (7, "END=+5,-"),
                (7, "DB"),
                (7, "DB=3"),
                (7, "NEW=3,4;OTHER"),
                (7, "AF=0.1;AF=0.2"),
                (7, ";;DB;"),
                (7, "A,B=3"),
                (7, "A b=3"),
                (7, "NEW=é"),
            ]
        ],
        ("1", "10", ".", "A", "C", ".", "PASS", ".", "GT"),
        ("1", "10", ".", "A"),
        ("",),
        ("#1", "10"),
        (*SITE, "GT", "0|0", "0|1", "1|1", ""),
        (*SITE, "GT", "0|0", "0|1", "1|1\r"),
        (*SITE, "GT", "0", "1", "1\r"),
        (*SITE, "GT:DP", "0|0:1", "0|1:2", "1|1:3\r"),
    ],
    ids="|".join,
)
def test_a_line_is_read_or_refused_as_cyvcf2_does(tmp_path, fields):
    path = one_line(tmp_path / "line.vcf", *fields)
    _, declared = opened(path)
    expected = read_by_cyvcf2(path, tmp_path)

    assert read(VcfRecords(path, declared), 3) == expected


def test_plain_lines_do_not_need_cyvcf2(tmp_path):
    path = one_line(tmp_path / "line.vcf", *SITE, "GT:AD:DP", "0|0:1,2:3", "0:.:.", "1/1")
    (record,) = VcfRecords(path, declared_by(cyvcf2.VCF(str(path))))

    assert isinstance(record, VcfRecord)


def test_bcf_that_ends_within_a_record_is_refused(tmp_path):
    text = one_line(tmp_path / "line.vcf", *SITE, "GT", "0|0", "0|1", "1|1")
    whole = as_bcf(text, tmp_path / "whole.bcf")
    assert whole is not None
    declared = declared_by(cyvcf2.VCF(str(whole)))
    cut = tmp_path / "cut.bcf"
    cut.write_bytes(igzip.decompress(whole.read_bytes())[:-1])

    with pytest.raises(DamagedFile, match="ends within a record"):
        list(BcfRecords(cut, declared))


@settings(max_examples=200, deadline=None)
@given(place=st.integers(0, 80), byte=st.integers(0, 255))
def test_damaged_bcf_is_not_read_where_cyvcf2_refuses_it(tmp_path_factory, place, byte):
    folder = tmp_path_factory.mktemp("bcf")
    site = (*SITE[:7], "AF=0.5;END=20;DB")
    text = one_line(folder / "line.vcf", *site, "GT:DP", "0|0:1", "0|1:2", "1|1:3")
    whole = as_bcf(text, folder / "whole.bcf")
    assert whole is not None
    declared = declared_by(cyvcf2.VCF(str(whole)))
    content = bytearray(igzip.decompress(whole.read_bytes()))
    begin = 9 + int.from_bytes(content[5:9], "little")
    # After the lengths and the count of samples: those cyvcf2 does not check before it uses them.
    place = begin + 32 + 8 + place % (len(content) - begin - 40)
    content[place] = byte
    damaged = folder / "damaged.bcf"
    damaged.write_bytes(content)

    try:
        refused = not len(list(cyvcf2.VCF(str(damaged))))
    except Exception:
        refused = True

    assert not refused or read(BcfRecords(damaged, declared), 3) == [REFUSED]


@pytest.mark.parametrize("kind", ["vcf", "vcf.gz", "bcf"])
def test_a_file_cut_anywhere_is_noticed(tmp_path, kind):
    lines = [
        "\t".join(("1", str(pos), *SITE[2:], "GT", *["0|1"] * MANY_SAMPLES))
        for pos in range(1, 300)
    ]
    header = HEADER.replace("\tA\tB\tC", "".join(f"\tS{n}" for n in range(MANY_SAMPLES)))
    text = tmp_path / "text.vcf"
    text.write_text(header + "\n".join(lines) + "\n")
    path = tmp_path / f"whole.{kind}"
    if kind == "vcf":
        path = text
    elif kind == "bcf":
        writer = cyvcf2.Writer(str(path), reader := cyvcf2.VCF(str(text)), "wb")
        for record in reader:
            writer.write_record(record)
        writer.close()
    else:
        pysam.tabix_compress(str(text), str(path), force=True)
    content = path.read_bytes()
    uncut = VcfFile(path, "GRCh37")
    assert len(list(uncut.records())) == len(lines)
    uncut.close()
    for size in range(len(content) // 3, len(content) - 1, len(content) // 7):
        cut = tmp_path / f"cut.{kind}"
        cut.write_bytes(content[:size])

        with pytest.raises(LoadError, match=r"cut short|damaged"):
            list(VcfFile(cut, "GRCh37").records())


def test_gzip_that_is_not_bgzf_is_noticed_to_be_cut(tmp_path):
    text = one_line(tmp_path / "line.vcf", *SITE, "GT", "0|0", "0|1", "1|1")
    declared = declared_by(cyvcf2.VCF(str(text)))
    whole = igzip.compress(text.read_bytes())
    cut = tmp_path / "cut.vcf.gz"
    cut.write_bytes(whole[:-9])

    with pytest.raises(DamagedFile):
        list(VcfRecords(cut, declared))


def test_a_region_has_the_records_that_overlap_it(tmp_path):
    calls = ("GT", "0|0", "0|1", "1|1")
    lines = ["\t".join(("1", str(pos), *SITE[2:], *calls)) for pos in (5, 10, 15)]
    text = tmp_path / "text.vcf"
    text.write_text(HEADER + "\n".join(lines) + "\n")
    path = Path(pysam.tabix_index(str(text), preset="vcf", keep_original=True))
    file = VcfFile(path, "GRCh37")

    assert [record.POS for record in file.region("1", 9, 15)] == [10, 15]
    assert [record.POS for record in file.region("2", 9, 15)] == []
    file.close()


def test_a_region_needs_an_index(tmp_path):
    file = VcfFile(one_line(tmp_path / "a.vcf", *SITE, "GT", "0|0", "0|1", "1|1"), "GRCh37")

    with pytest.raises(LoadError, match="has no index"):
        list(file.region("1", 0, 10))
    file.close()
