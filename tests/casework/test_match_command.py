"""`beacon match`: what it asks, what leaves, and what it makes of the answers."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from beacon.casework.case_file import Wanted, read_candidates, read_header
from beacon.casework.family import Family
from beacon.casework.leaving import leaving, read_phenopacket
from tests.casework import family_files
from tests.casework.commands import run
from tests.casework.conftest import Files
from tests.casework.countries import World
from tests.casework.family_files import COMMON, ONE_COPY, PATIENT, RARE, UNSEEN
from tests.network.real_beacons import free_port


def asked(family: Files, *more: object) -> Any:
    """What the command prints as JSON."""
    result = run(
        *("match", family.vcf, "--phenopacket", family.packet, "--ped", family.ped),
        *("--json", *more),
    )
    assert result.exit_code == 0, result.stderr
    # The networks of the tests are in this process, and log to the same place.
    return json.loads(result.stdout[result.stdout.index("{\n") :])


def sent(log: Path) -> list[Any]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def places(document: Any) -> set[int]:
    """The 1-based positions in a request, wherever they are."""
    if isinstance(document, dict):
        if "start" in document and "referenceBases" in document:
            return {document["start"][0] + 1}
        return set().union(*(places(one) for one in document.values()))
    return set().union(*(places(one) for one in document)) if isinstance(document, list) else set()


def test_what_is_known_is_told_of_each_variant(countries: World, family: Files) -> None:
    found = asked(family, "--network", countries.network)

    by_name = {one["variant"]: one for one in found["findings"]}
    assert by_name[COMMON]["tooCommon"]
    assert by_name[COMMON]["verdict"].startswith("too common")
    assert by_name[COMMON]["network"]["alleleCount"] == 90
    assert by_name[COMMON]["network"]["alleleNumber"] == 600
    assert by_name[RARE]["network"]["seenIn"] == ["at.example.beacon"]
    assert by_name[UNSEEN]["network"]["state"] == "unseen"
    assert by_name[UNSEEN]["verdict"] == "unseen in 600 alleles"
    assert by_name[ONE_COPY]["verdict"] == "seen in Beacon BG, how often is not told"
    assert found["findings"][-1]["variant"] == COMMON


def test_who_did_not_answer_is_named_and_nothing_is_unseen(countries: World, family: Files) -> None:
    found = asked(family, "--network", countries.partial)

    by_name = {one["variant"]: one for one in found["findings"]}
    assert by_name[UNSEEN]["network"]["state"] == "notKnown"
    assert by_name[UNSEEN]["verdict"].startswith("not known: Finland")
    assert by_name[RARE]["verdict"].startswith("seen ")
    assert "Finland" in by_name[RARE]["verdict"]


def test_a_single_beacon_can_be_asked(countries: World, family: Files) -> None:
    found = asked(family, "--network", countries.beacon)

    states = {one["variant"]: one["network"]["state"] for one in found["findings"]}
    assert states[RARE] == "seen"
    assert states[UNSEEN] == "unseen"


def test_people_who_have_it_and_are_alike_are_told_of(countries: World, family: Files) -> None:
    found = asked(family, "--network", countries.beacon)

    by_name = {one["variant"]: one for one in found["findings"]}
    assert by_name[RARE]["verdict"] == "seen in 2 people, 1 with a similar phenotype"
    assert found["findings"][0]["variant"] == RARE
    assert by_name[COMMON].get("people") is None
    ((bands,),) = [[one["bands"] for one in found["alike"]["sets"]]]
    assert [one["band"] for one in bands] == ["strong", "good", "possible"]
    assert bands[-1]["low"] >= 2


def test_nothing_of_whose_it_is_leaves(countries: World, family: Files) -> None:
    log = family.folder / "log.jsonl"

    found = asked(family, "--network", countries.network, "--log", log, "--max-variants", 4)

    text = log.read_text()
    secrets = [PATIENT, "Larsen", "Mette", family_files.PACKET_ID, family_files.BIRTHDAY, "Holm"]
    assert [one for one in secrets if one.lower() in text.lower()] == []
    first, *_ = bodies = sent(log)
    assert len(bodies) >= 2
    assert len(first["items"]) == 4
    of_variants = set().union(*map(places, bodies))
    assert of_variants == {one["pos"] for one in found["sent"]["variants"]}
    assert len(of_variants) == 4


def test_a_dry_run_prints_what_leaves_and_asks_nobody(family: Files) -> None:
    nobody = f"http://127.0.0.1:{free_port()}/api"

    found = asked(family, "--network", nobody, "--dry-run")

    assert found["features"] == ["HP:0001250"]
    assert found["excluded"] == ["HP:0000252"]
    assert found["genes"] == ["BRCA1", "CFTR", "HBB", "MECP2", "SCN1A"]
    by_pos = {one["pos"]: one for one in found["variants"]}
    assert by_pos[5_226_774] == {
        "assembly": "GRCh38",
        "chromosome": "11",
        "pos": 5_226_774,
        "referenceBases": "G",
        "alternateBases": "T",
        "zygosity": "homozygous",
        "gene": "HBB",
        "aminoacidChange": "E7D",
    }


def test_zygosity_can_be_kept(family: Files) -> None:
    found = asked(family, "--dry-run", "--no-zygosity")

    assert [one for one in found["variants"] if "zygosity" in one] == []


def test_the_order_says_nothing_of_what_is_thought_of_them(family: Files) -> None:
    header = read_header(family.vcf, None)
    candidates, _ = read_candidates(header, Family(PATIENT), Wanted())
    person = read_phenopacket(family.packet)

    orders = {
        leaving(candidates, person, with_zygosity=True, order=Random(seed)).alleles
        for seed in range(8)
    }

    assert len(orders) > 4
    assert {frozenset(one) for one in orders} == {frozenset(next(iter(orders)))}


def test_tables_are_printed(countries: World, family: Files) -> None:
    result = run(
        *("match", family.vcf, "--phenopacket", family.packet, "--sample", PATIENT),
        *("--network", countries.network),
    )

    assert result.exit_code == 0
    assert "What others know" in result.stdout
    assert "gnomAD_AF" in result.stderr  # which frequencies were gone by


def test_a_network_that_is_gone_is_an_error_and_no_answer(family: Files) -> None:
    result = run(
        *("match", family.vcf, "--phenopacket", family.packet, "--ped", family.ped),
        *("--network", f"http://127.0.0.1:{free_port()}/api"),
    )

    assert result.exit_code == 1
    assert "did not answer" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--sample", "Nobody"], "its samples are"),
        ([], "say --sample NAME"),
        (["--sample", PATIENT, "--regions", "{packet}"], "chromosome, start and end"),
    ],
)
def test_what_cannot_be_done_is_said_with_status_2(
    family: Files, more: list[str], message: str
) -> None:
    options = [one.format(packet=family.packet) for one in more]

    result = run("match", family.vcf, "--phenopacket", family.packet, "--dry-run", *options)

    assert result.exit_code == 2
    assert message in result.stderr


def test_without_annotations_genes_or_regions_are_needed(family: Files) -> None:
    bare = family.folder / "bare.vcf"
    bare.write_text(family.vcf.read_text().replace("BCSQ", "OTHER").replace("BCFtools", "none"))
    bed = family.folder / "one.bed"
    bed.write_text("chr11\t5226770\t5226780\n")
    command = ("match", bare, "--phenopacket", family.packet, "--ped", family.ped, "--dry-run")

    without = run(*command)
    within = run(*command, "--regions", bed, "--json")

    assert without.exit_code == 2
    assert "--genes or --regions" in without.stderr
    assert [one["pos"] for one in json.loads(within.stdout)["variants"]] == [5_226_774]
