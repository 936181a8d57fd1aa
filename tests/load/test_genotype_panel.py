"""Genotypes that are decoded many records at once: the same as one record at a time."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cyvcf2
import numpy as np
import pytest
from isal import igzip
from memory_sink import MemorySink

from beacon.framework.errors import LoadError
from beacon.framework.source import NOBODY
from beacon.load.bcf_records import BcfRecords
from beacon.load.byte_stream import DamagedFile
from beacon.load.genotypes import Calls, Columns
from beacon.load.vcf import load_vcf
from beacon.load.vcf_file import MANY_SAMPLES, VcfFile
from beacon.load.vcf_header import declared_by

SAMPLES = MANY_SAMPLES + 100
RECORDS = 700  # several panels, and blocks that are read at once

BIALLELIC = ("0|0", "0|1", "1|0", "1|1")
DIPLOID = (*BIALLELIC, "0/1", "./.", "1/.", ".|0", "1|2", "2|2", "0/3")
KINDS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "biallelic": ("C", "GT", BIALLELIC),
    "nobody": ("C", "GT", ("0|0",)),
    "everybody": ("C", "GT", ("1|1",)),
    "diploid": ("C,G,T", "GT", DIPLOID),
    "two ploidies": ("C,G,T", "GT", (*DIPLOID, "0", "1", ".")),
    "haploid": ("C", "GT", ("0", "1", ".")),
    "three copies": ("C,G,T", "GT", ("0/0/1", "0/0/0", "./1/2", "1/1/1", "0|1")),
    "many alleles": (",".join("C" * n for n in range(1, 80)), "GT", ("0|0", "0|70", "70|79")),
    "no genotypes": ("C", "DP", ("1", "2", ".")),
    "more fields": ("C", "GT:DP", ("0|0:1", "0|1:2", "1|1:.")),
    "genotypes last": ("C", "DP:GT", ("1:0|0", "2:0|1", ".:1|1")),
}


def write(path: Path, kinds: list[str], seed: int = 7) -> Path:
    """A BCF of records of these kinds, in this order."""
    random = np.random.default_rng(seed)
    names = "\t".join(f"S{number}" for number in range(SAMPLES))
    text = path.with_suffix(".vcf")
    with text.open("w") as file:
        file.write(
            "##fileformat=VCFv4.2\n##contig=<ID=1,length=249250621>\n"
            '##FORMAT=<ID=GT,Number=1,Type=String,Description="x">\n'
            '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="x">\n'
            f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{names}\n"
        )
        for pos, kind in enumerate(kinds, start=100):
            alternates, form, calls = KINDS[kind]
            weights = random.dirichlet(np.ones(len(calls)) / 2)
            written = "\t".join(np.array(calls)[random.choice(len(calls), SAMPLES, p=weights)])
            file.write(f"1\t{pos}\trs{pos}\tA\t{alternates}\t.\tPASS\t.\t{form}\t{written}\n")
    reader = cyvcf2.VCF(str(text))
    writer = cyvcf2.Writer(str(path), reader, "wb")
    for record in reader:
        writer.write_record(record)
    writer.close()
    return path


@pytest.fixture(scope="module")
def mixed(tmp_path_factory) -> Path:
    kinds = np.random.default_rng(3).choice(sorted(KINDS), RECORDS).tolist()
    return write(tmp_path_factory.mktemp("panel") / "mixed.bcf", kinds)


def plain(record: Any, columns: Columns) -> list[Any]:
    if "GT" not in record.FORMAT:
        return [record.POS]
    calls = Calls.of(record, columns)
    found = [record.POS, calls.allele_number, calls.highest, *map(set, calls.called)]
    for allele in range(1, len(record.ALT) + 2):
        rows, zygosity, count = calls.carriers(allele)
        assert (rows.dtype, zygosity.dtype) == (np.uint32, np.uint8)
        found.append((rows.tolist(), zygosity.tolist(), count))
    return found


def all_of(records: Iterator[Any], columns: Columns) -> list[list[Any]]:
    return [plain(record, columns) for record in records]


def ours(path: Path) -> BcfRecords:
    return BcfRecords(path, declared_by(cyvcf2.VCF(str(path))))


@pytest.mark.parametrize("withdrawn", [0.0, 0.3, 1.0])
def test_neighbours_do_not_change_what_a_record_says(mixed, withdrawn):
    random = np.random.default_rng(5)
    rows = random.permutation(SAMPLES).astype(np.uint32)
    rows[random.random(SAMPLES) < withdrawn] = NOBODY
    expected = all_of(cyvcf2.VCF(str(mixed)), Columns(rows))

    assert all_of(iter(ours(mixed)), Columns(rows)) == expected


@pytest.mark.parametrize("kind", KINDS)
def test_neighbours_of_one_kind(tmp_path, kind):
    path = write(tmp_path / "one.bcf", [kind] * 5)
    rows = np.arange(SAMPLES, dtype=np.uint32)

    assert all_of(iter(ours(path)), Columns(rows)) == all_of(cyvcf2.VCF(str(path)), Columns(rows))


def test_records_are_read_alike_for_other_people_and_in_any_order(mixed):
    """As when a file is read for some people, then for others."""
    everybody = Columns(np.arange(SAMPLES, dtype=np.uint32))
    half = np.arange(SAMPLES, dtype=np.uint32)
    half[::2] = NOBODY
    some = Columns(half)
    records = list(ours(mixed))
    expected = [(plain(one, everybody), plain(one, some)) for one in cyvcf2.VCF(str(mixed))]
    found = [(plain(one, everybody), plain(one, some)) for one in reversed(records)]

    assert found[::-1] == expected


@pytest.mark.parametrize("damaged", [0, 1, 216, 217, 218, RECORDS - 1])
def test_records_before_the_damage_are_read(tmp_path, damaged):
    path = write(tmp_path / "whole.bcf", ["biallelic"] * RECORDS)
    content = bytearray(igzip.decompress(path.read_bytes()))
    place = 9 + int.from_bytes(content[5:9], "little")
    for _ in range(damaged):
        place += 8 + sum(
            int.from_bytes(content[place + at : place + at + 4], "little") for at in (0, 4)
        )
    content[place + 32] = 0x11  # ID is a number
    broken = tmp_path / "broken.bcf"
    broken.write_bytes(content)
    columns = Columns(np.arange(SAMPLES, dtype=np.uint32))
    expected = all_of(cyvcf2.VCF(str(path)), columns)[:damaged]
    found: list[list[Any]] = []

    with pytest.raises(DamagedFile, match="not text"):
        found.extend(plain(one, columns) for one in ours(broken))
    assert found == expected
    with pytest.raises(LoadError, match=f"at record {damaged + 1}: "):
        list(VcfFile(broken, "GRCh37").records())


@pytest.mark.parametrize("place", [32, 40, 41, 42, 43, 44, 45, 46])
def test_a_record_damaged_behind_others_like_it_is_refused_as_by_itself(tmp_path, place):
    """What records share is read once; a record that differs in a byte shares nothing."""
    path = write(tmp_path / "whole.bcf", ["biallelic"] * 3)
    content = igzip.decompress(path.read_bytes())
    header = 9 + int.from_bytes(content[5:9], "little")
    begins = [header]
    for _ in range(2):
        sizes = (content[begins[-1] + at : begins[-1] + at + 4] for at in (0, 4))
        begins.append(begins[-1] + 8 + sum(int.from_bytes(one, "little") for one in sizes))
    last = bytearray(content[begins[2] :])
    rows = np.arange(SAMPLES, dtype=np.uint32)
    for value in range(256):
        last[place] = value
        alone, behind = tmp_path / "alone.bcf", tmp_path / "behind.bcf"
        alone.write_bytes(content[:header] + last)
        behind.write_bytes(content[: begins[2]] + last)
        by_itself, together = said_of(alone, rows), said_of(behind, rows)

        assert together[2:] == by_itself


def said_of(path: Path, rows: Any) -> list[Any]:
    """What there is of each record, and the refusal if there is one."""
    columns = Columns(rows)
    declared = declared_by(cyvcf2.VCF(str(path)))
    found: list[Any] = []
    try:
        found.extend(
            (one.CHROM, one.REF, one.ALT, one.FORMAT, plain(one, columns))
            for one in BcfRecords(path, declared)
        )
    except DamagedFile as error:
        found.append(str(error))
    return found


def loaded(sink: MemorySink) -> list[Any]:
    """What a load brought, in the order of the file."""
    return [
        (
            one.allele,
            one.rows.tolist(),
            one.zygosity.tolist(),
            [set(rows) for rows in one.called or ()],
            one.allele_number,
            one.allele_count,
        )
        for one in sink.published["d"].observations
    ]


def test_a_load_of_bcf_is_that_of_the_same_text(mixed):
    from_text, from_bcf = MemorySink(), MemorySink()
    by_text = load_vcf(from_text, "d", "GRCh37", [mixed.with_suffix(".vcf")])
    by_bcf = load_vcf(from_bcf, "d", "GRCh37", [mixed])
    text, bcf = by_text.as_dict(), by_bcf.as_dict()

    assert loaded(from_bcf) == loaded(from_text)
    assert (bcf["loaded"], bcf["items"]) == (text["loaded"], text["items"])
    assert [(one["reason"], one["count"]) for one in bcf["notLoaded"]] == [
        (one["reason"], one["count"]) for one in text["notLoaded"]
    ]
    assert {one["place"] for finding in bcf["notLoaded"] for one in finding["examples"]} == {
        one["place"] for finding in text["notLoaded"] for one in finding["examples"]
    }


def test_a_load_of_bcf_goes_on_at_its_mark(tmp_path):
    path = write(tmp_path / "long.bcf", ["biallelic", "diploid", "haploid"] * 1_700)
    whole, stopped = MemorySink(), MemorySink(stop_after_mark=1)
    report = load_vcf(whole, "d", "GRCh37", [path])
    with pytest.raises(KeyboardInterrupt):
        load_vcf(stopped, "d", "GRCh37", [path])
    again = load_vcf(stopped, "d", "GRCh37", [path])

    assert loaded(stopped) == loaded(whole)
    assert again.as_dict() == report.as_dict()


def test_how_often_garbage_is_looked_for_is_as_before_after_a_load(tmp_path):
    before = gc.get_threshold()
    load_vcf(MemorySink(), "d", "GRCh37", [write(tmp_path / "one.bcf", ["biallelic"])])

    assert gc.get_threshold() == before


def test_a_record_without_genotypes_has_no_calls(tmp_path):
    path = write(tmp_path / "none.bcf", ["no genotypes"])
    (record,) = ours(path)

    with pytest.raises(ValueError, match="no genotypes"):
        record.calls(np.arange(SAMPLES, dtype=np.uint32))
