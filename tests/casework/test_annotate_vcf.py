"""`beacon annotate-vcf`: what is written, what leaves, and that it can be gone on with."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cyvcf2
import pytest

from beacon.casework.annotating import part_of, progress_of
from beacon.casework.vcf_lines import FIELDS
from tests.casework import family_files
from tests.casework.commands import run
from tests.casework.conftest import Files
from tests.casework.countries import World
from tests.casework.family_files import COMMON, ON_X, ONE_COPY, PATIENT, RARE, UNSEEN
from tests.client.world import network_in_thread
from tests.network.real_beacons import ROOT

REAL = ROOT.parent / "shared/data/vcf-annotated/varfish_NA12878_dragen.vcf"
BATCHES = 120


def annotate(source: Path, output: Path, url: str, *more: object) -> Path:
    result = run("annotate-vcf", source, "--network", url, "-o", output, *more)
    assert result.exit_code == 0, result.stderr
    return output


def read(path: Path) -> str:
    content = path.read_bytes()
    return (gzip.decompress(content) if path.suffix == ".gz" else content).decode()


def added(path: Path) -> dict[str, dict[str, str]]:
    """By allele of records with one ALT, what was added, without the prefix."""
    found = {}
    for line in read(path).splitlines():
        if line.startswith("#"):
            continue
        columns = line.split("\t")
        pairs = (one.partition("=") for one in columns[7].split(";"))
        name = "-".join((columns[0], columns[1], columns[3], columns[4]))
        found[name] = {
            key.removeprefix("BEACON_"): value
            for key, _, value in pairs
            if key.startswith("BEACON_")
        }
    return found


def test_every_allele_is_told_of(countries: World, family: Files) -> None:
    out = annotate(family.vcf, family.folder / "out.vcf", countries.network)

    found = added(out)
    assert found[COMMON] == {
        "AC": "90",
        "AN": "600",
        "AF": "0.15",
        "AF_UPPER": ".",
        "COUNTRIES": "AT|BE|BG",
        "NOT_ANSWERED": ".",
    }
    assert found[RARE]["AC"] == "2"
    assert found[UNSEEN] == {
        "AC": "0",
        "AN": "600",
        "AF": "0",
        "AF_UPPER": "0.00498",
        "COUNTRIES": ".",
        "NOT_ANSWERED": ".",
    }
    # Bulgaria has it, and does not tell how often.
    assert (found[ONE_COPY]["AC"], found[ONE_COPY]["COUNTRIES"]) == (".", "BG")


def test_who_did_not_answer_is_marked_and_the_count_is_not_zero(
    countries: World, family: Files
) -> None:
    found = added(annotate(family.vcf, family.folder / "out.vcf", countries.partial))

    assert {one["NOT_ANSWERED"] for one in found.values()} == {"FI"}
    assert (found[UNSEEN]["AC"], found[UNSEEN]["AF"]) == (".", ".")
    assert found[ON_X]["AC"] == "."
    assert found[RARE]["AC"] == "2"


def test_all_else_stays_as_it_is(countries: World, family: Files) -> None:
    out = annotate(family.vcf, family.folder / "out.vcf", countries.network, "--batch", 3)

    def without_ours(text: str) -> list[str]:
        lines = [one for one in text.splitlines() if not one.startswith("##INFO=<ID=BEACON_")]
        lines = [one for one in lines if not one.startswith("##beaconNetwork")]
        return [
            "\t".join(
                ";".join(part for part in column.split(";") if not part.startswith("BEACON_"))
                for column in line.split("\t")
            )
            for line in lines
        ]

    assert without_ours(read(out)) == family.vcf.read_text().splitlines()


def test_the_output_is_bgzip_with_an_index_that_others_read(
    countries: World, family: Files
) -> None:
    out = annotate(family.vcf, family.folder / "out.vcf.gz", countries.network)

    file = cyvcf2.VCF(str(out))
    (record,) = file("2:166012346-166012346")
    declared = {file.get_header_type(name)["ID"] for name, _, _ in FIELDS}
    assert record.INFO["BEACON_AC"] == 2
    assert len(declared) == len(FIELDS)
    assert out.with_name("out.vcf.gz.tbi").is_file()
    assert not progress_of(out).exists()
    file.close()


def test_done_twice_it_is_the_same(countries: World, family: Files) -> None:
    once = annotate(family.vcf, family.folder / "once.vcf", countries.network)
    twice = annotate(once, family.folder / "twice.vcf", countries.network)

    assert twice.read_bytes() == once.read_bytes()


def test_each_alternate_has_its_own_value(countries: World, family: Files) -> None:
    several = family.folder / "several.vcf"
    line = "2\t166012346\t.\tG\tC,A,<DEL>,*\t.\tPASS\tEND=166012400\tGT\t0/1\n"
    several.write_text(family_files.header(PATIENT) + line)

    out = annotate(several, family.folder / "out.vcf", countries.network)

    (found,) = added(out).values()
    assert found["AC"] == "0,2,.,."
    assert found["COUNTRIES"] == ".,AT,.,."


def test_genotypes_and_names_stay_here(countries: World, family: Files) -> None:
    log = family.folder / "log.jsonl"

    annotate(family.vcf, family.folder / "out.vcf", countries.network, "--log", log)

    text = log.read_text()
    assert PATIENT not in text
    assert "Larsen" not in text
    assert "0/1" not in text
    items = [one for line in text.splitlines() for one in json.loads(line)["items"]]
    keys = {key for one in items for key in one["requestParameters"]["g_variant"]}
    assert keys == {
        *("assemblyId", "referenceName", "start", "end", "referenceBases", "alternateBases")
    }


def many(family: Files) -> Path:
    """A file with a record for each of many batches of one."""
    path = family.folder / "many.vcf.gz"
    rows = (
        family_files.row(f"17-{43_000_100 + 10 * number}-G-A", ".", ("0/1",))
        for number in range(BATCHES)
    )
    with gzip.open(path, "wt") as file:
        file.write(family_files.header(PATIENT) + "".join(rows))
    return path


def started(source: Path, output: Path, url: str) -> subprocess.Popen[str]:
    """The command in a process of its own, when it has written some and not all of it."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "tests.casework.commands", "annotate-vcf", str(source)),
            *("--network", url, "-o", str(output), "--batch", "1"),
        ],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    until = time.monotonic() + 240
    while written(output) < 5 and time.monotonic() < until and process.poll() is None:
        time.sleep(0.01)
    return process


def written(output: Path) -> int:
    try:
        return int(json.loads(progress_of(output).read_bytes())["records"])
    except FileNotFoundError:
        return 0


@pytest.mark.parametrize("name", ["out.vcf.gz", "out.vcf"])
def test_killed_it_goes_on_and_nothing_differs(countries: World, family: Files, name: str) -> None:
    source, out = many(family), family.folder / name
    whole = annotate(source, family.folder / "whole.vcf", countries.network)

    process = started(source, out, countries.network)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    before = written(out)
    with part_of(out).open("ab") as file:
        file.write(b"half a block")  # what was on its way
    refused = run("annotate-vcf", source, "--network", countries.network, "-o", out)
    annotate(source, out, countries.network, "--resume")

    assert 0 < before < BATCHES
    assert refused.exit_code == 2
    assert "--resume" in refused.stderr
    assert read(out) == read(whole)


def test_a_network_that_goes_is_waited_for_and_then_gone_on_with(
    countries: World, family: Files
) -> None:
    source, out = many(family), family.folder / "out.vcf.gz"
    whole = annotate(source, family.folder / "whole.vcf", countries.network)

    with network_in_thread(countries.members, family.folder / "passing") as url:
        process = started(source, out, url)
    _, said = process.communicate(timeout=120)
    before = written(out)
    annotate(source, out, countries.network, "--resume")

    assert process.returncode == 1
    assert "--resume" in said
    assert 0 < before < BATCHES
    assert read(out) == read(whole)


def test_another_file_is_not_gone_on_with(countries: World, family: Files) -> None:
    out = family.folder / "out.vcf.gz"
    process = started(many(family), out, countries.network)
    process.send_signal(signal.SIGKILL)
    process.communicate()

    result = run("annotate-vcf", family.vcf, "--network", countries.network, "-o", out, "--resume")

    assert result.exit_code == 2
    assert "another input" in result.stderr


def test_it_can_stand_between_two_others(countries: World, family: Files) -> None:
    expected = annotate(family.vcf, family.folder / "out.vcf", countries.network)

    process = subprocess.run(
        [
            *(sys.executable, "-m", "tests.casework.commands", "annotate-vcf", "-"),
            *("--network", countries.network, "-o", "-"),
        ],
        cwd=ROOT,
        input=gzip.compress(family.vcf.read_bytes()),
        stdout=subprocess.PIPE,
        check=True,
        env={**os.environ, "TERM": "dumb"},
    )

    assert process.stdout == expected.read_bytes()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"BCF\2\2", "bcftools view"),
        (b"nothing\n", "no line that begins with #CHROM"),
        (b"##fileformat=VCFv4.2\n#CHROM\tPOS\n", "does not say its assembly"),
        (b"##reference=GRCh38\n#CHROM\tPOS\n17\tlater\n", "record 1 is no record"),
        (gzip.compress(b"##reference=GRCh38\n#CHROM\tPOS\n" * 99, mtime=0)[:-20], "cut short"),
    ],
)
def test_what_is_no_vcf_is_refused(
    countries: World, tmp_path: Path, content: bytes, message: str
) -> None:
    source = tmp_path / "in.vcf"
    source.write_bytes(content)

    result = run("annotate-vcf", source, "--network", countries.beacon, "-o", tmp_path / "out.vcf")

    assert result.exit_code == 2
    assert message in result.stderr
    assert not (tmp_path / "out.vcf").exists()


@pytest.mark.skipif(not REAL.is_file(), reason="no real files here")
def test_a_real_file_keeps_its_records(countries: World, tmp_path: Path) -> None:
    out = annotate(REAL, tmp_path / "out.vcf.gz", countries.network)

    def records(path: Path) -> Sequence[tuple[Any, ...]]:
        file = cyvcf2.VCF(str(path))
        found = [(one.CHROM, one.POS, one.REF, tuple(one.ALT), one.genotypes) for one in file]
        file.close()
        return found

    assert records(out) == records(REAL)
