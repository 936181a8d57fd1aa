"""PED files: what they say is added to people, and what cannot be is named by row and column."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pymongo
import pytest
from memory_sink import MemorySink

from beacon.framework.access import ANY, Access
from beacon.framework.errors import LoadError
from beacon.framework.query import Filter, Granularity, Pagination, Query
from beacon.load.bff import load_bff
from beacon.load.pedigree import disease_term, load_pedigree
from beacon.mongo.sink import MongoSink
from beacon.mongo.store import MongoStore

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
TRIO = "F1 kid dad mum 1 2\nF1 dad 0 0 1 1\nF1 mum 0 0 2 0\n"
FEMALE = {"id": "NCIT:C16576", "label": "female"}
MALE = {"id": "NCIT:C20197", "label": "male"}
UNKNOWN = {"id": "NCIT:C17998", "label": "unknown"}


def loaded(
    tmp_path: Path, text: str, sink: MemorySink | None = None, **options: Any
) -> tuple[dict[str, Any], Any]:
    path = tmp_path / "family.ped"
    path.write_text(text)
    sink = sink or MemorySink()
    report = load_pedigree(sink, "d", [path], **options)
    return sink.published["d"].records["individual"], report


def known(tmp_path: Path, **entities: Any) -> MemorySink:
    folder = tmp_path / "known"
    folder.mkdir()
    for name, records in entities.items():
        (folder / f"{name}.json").write_text(json.dumps(records))
    sink = MemorySink()
    load_bff(sink, "d", [folder])
    return sink


@pytest.mark.parametrize(
    "text",
    [
        TRIO,
        TRIO.replace(" ", "\t"),
        "#FID IID PID MID SEX PHENO\n" + TRIO,
        "Family ID\tIndividual ID\tPaternal ID\tMaternal ID\tGender\tPhenotype\tPopulation\n"
        + TRIO.replace(" ", "\t").replace("\n", "\tFIN\n"),
        "# a family\n\n" + TRIO,
    ],
    ids=["spaces", "tabs", "commented header", "header and more columns", "comment"],
)
def test_every_layout_gives_the_same_people(tmp_path, text):
    people, report = loaded(tmp_path, text)

    assert report.ok
    assert not report.warnings
    assert {name: record["sex"] for name, record in people.items()} == {
        "kid": MALE,
        "dad": MALE,
        "mum": FEMALE,
    }
    assert people["kid"]["info"] == {
        "familyId": "F1",
        "parents": [{"role": "father", "id": "dad"}, {"role": "mother", "id": "mum"}],
        "affected": True,
    }
    # Whether the mother is affected is not known.
    assert people["mum"]["info"] == {"familyId": "F1"}


def test_all_of_a_family_have_its_pedigree(tmp_path):
    disease = disease_term("MONDO:0005015", "diabetes")
    people, _ = loaded(tmp_path, TRIO + "F1 sis dad mum 2 1\nF2 alone 0 0 2 2\n", disease=disease)
    (pedigree,) = people["dad"]["pedigrees"]

    assert all(people[name]["pedigrees"] == [pedigree] for name in ("kid", "mum", "sis"))
    assert "pedigrees" not in people["alone"]
    assert pedigree["id"] == "F1"
    assert pedigree["disease"] == {"diseaseCode": disease}
    assert pedigree["numSubjects"] == 4
    assert [
        (one["memberId"], one["role"]["label"], one["affected"]) for one in pedigree["members"]
    ] == [
        ("kid", "Proband", True),
        ("dad", "Father", False),
        ("mum", "Mother", False),
        ("sis", "Sibling", False),
    ]


@pytest.mark.parametrize(
    ("text", "place", "column", "reason"),
    [
        ("F a 0 0 3 1", "row 1", "Sex", "not a code of a sex"),
        ("#F I P M Sex S\nF a 0 0 3 1", "row 2", "Sex", "not a code of a sex"),
        ("F a 0 0 1", "row 1", "", "too few columns"),
        ("F 0 0 0 1 1", "row 1", "Individual ID", "no id"),
        (
            "F a 0 0 1 1\nF a 0 0 2 1",
            "row 2",
            "Individual ID",
            "the id occurs more than once; the first counts",
        ),
        ("F a a 0 1 1", "row 1", "Paternal ID", "somebody is their own parent"),
        (
            "F a b 0 1 1\nF b 0 0 2 1",
            "row 1",
            "Paternal ID",
            "a parent is of the wrong sex",
        ),
        (
            "F a 0 b 1 1\nF b 0 0 1 1",
            "row 1",
            "Maternal ID",
            "a parent is of the wrong sex",
        ),
        (
            "F a b 0 1 1\nF b c 0 1 1\nF c a 0 1 1",
            "row 1",
            "Paternal ID",
            "the parents go round in a circle",
        ),
    ],
)
def test_a_row_that_cannot_be_right_is_not_loaded_and_named(tmp_path, text, place, column, reason):
    people, report = loaded(tmp_path, text + "\nG z 0 0 2 1\n")
    problem = report.not_loaded[reason].examples[0]

    assert (problem.place, problem.field) == (place, column)
    assert "z" in people


def test_a_row_with_two_faults_is_lost_once_and_both_are_named(tmp_path):
    _, report = loaded(tmp_path, "F a a 0 3 1\nG z 0 0 2 1\n")

    assert set(report.not_loaded) == {"not a code of a sex", "somebody is their own parent"}
    assert sum(found.count for found in report.not_loaded.values()) == 1


def test_a_circle_keeps_out_those_who_are_in_it_and_nobody_else(tmp_path):
    people, _ = loaded(tmp_path, "F a b 0 1 1\nF b a 0 1 1\nF c b 0 1 1\n")

    assert list(people) == ["c"]


def test_a_parent_without_a_row_and_a_status_that_is_none_are_warnings(tmp_path):
    people, report = loaded(tmp_path, "F a b 0 1 1.5\n")

    assert report.ok
    assert {reason: found.examples[0].field for reason, found in report.warnings.items()} == {
        "a parent is not in the file": "Paternal ID",
        "not a code of being affected; it is left out": "Phenotype",
    }
    assert people["a"]["info"] == {"familyId": "F", "parents": [{"role": "father", "id": "b"}]}


def test_what_is_known_of_people_stays_and_what_was_not_is_added(tmp_path):
    kid = {
        "id": "kid",
        "sex": UNKNOWN,
        "ethnicity": {"id": "HANCESTRO:0321"},
        "info": {"age": "P9Y"},
        "pedigrees": [{"id": "other", "disease": {"diseaseCode": FEMALE}, "members": []}],
    }
    mum = {"id": "mum", "sex": {"id": "NCIT:C46113"}}
    sink = known(tmp_path, individuals=[kid, mum])
    people, report = loaded(tmp_path, TRIO, sink)

    assert report.ok
    assert people["kid"]["sex"] == MALE
    assert people["kid"]["ethnicity"] == kid["ethnicity"]
    assert people["kid"]["info"]["age"] == "P9Y"
    assert people["kid"]["info"]["affected"] is True
    assert [one["id"] for one in people["kid"]["pedigrees"]] == ["other", "F1"]
    assert people["mum"]["sex"] == mum["sex"]
    assert set(people) == {"kid", "dad", "mum"}


def test_another_sex_than_the_known_one_is_refused(tmp_path):
    sink = known(tmp_path, individuals=[{"id": "kid", "sex": FEMALE}])
    people, report = loaded(tmp_path, TRIO, sink)
    problem = report.not_loaded["the sex is known to be another"].examples[0]

    assert (problem.place, problem.field) == ("row 1", "Sex")
    assert people["kid"] == {"id": "kid", "sex": FEMALE}
    assert set(people) == {"kid", "dad", "mum"}


def test_a_file_may_name_people_by_their_biosamples(tmp_path):
    sample = {"biosampleStatus": UNKNOWN, "sampleOriginType": UNKNOWN}
    sink = known(
        tmp_path,
        individuals=[{"id": "P1", "sex": MALE}],
        biosamples=[{"id": "kid", "individualId": "P1", **sample}],
    )
    people, _ = loaded(tmp_path, TRIO, sink)

    assert set(people) == {"P1", "dad", "mum"}
    assert people["dad"]["pedigrees"][0]["members"][0]["memberId"] == "P1"


def test_a_disease_that_was_told_is_not_forgotten(tmp_path):
    sink = MemorySink()
    loaded(tmp_path, TRIO, sink, disease=disease_term("MONDO:0005015"))
    people, _ = loaded(tmp_path, TRIO.replace("mum 1 2", "mum 1 1"), sink)

    assert people["dad"]["pedigrees"][0]["disease"]["diseaseCode"] == {"id": "MONDO:0005015"}


@pytest.mark.parametrize("disease", ["diabetes", ""])
def test_a_disease_is_a_term(disease):
    with pytest.raises(LoadError, match="no id of a term"):
        disease_term(disease)


@pytest.mark.parametrize(
    ("name", "people", "warnings"),
    [
        ("metadata-other/1KGP_2504_and_698_with_GIAB.ped", 3203, {"a parent is not in the file"}),
        ("metadata-other/1kg_20130606_g1k.ped", 3501, set()),
        ("vcf-annotated/scout_643594.ped", 3, set()),
    ],
)
def test_real_files_are_loaded_whole(name, people, warnings):
    if not SHARED.is_dir():
        pytest.skip("the real data are not here")
    report = load_pedigree(MemorySink(), "d", [SHARED / name])

    assert report.ok
    assert report.loaded == {"individual": people}
    assert set(report.warnings) == warnings


async def test_a_sex_that_was_added_can_be_asked_for(mongo_uri, database, tmp_path):
    path, bff = tmp_path / "family.ped", tmp_path / "individuals.json"
    path.write_text(TRIO)
    bff.write_text(json.dumps([{"id": "mum", "sex": UNKNOWN, "ethnicity": FEMALE}]))
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        sink = MongoSink(client[database])
        load_bff(sink, "d", [bff])
        load_pedigree(sink, "d", [path])
    async with pymongo.AsyncMongoClient[dict[str, Any]](mongo_uri) as client:
        answer = await MongoStore(client[database]).search(
            Query(
                entry_type="individual",
                granularity=Granularity.RECORD,
                pagination=Pagination(limit=0),
                filters=(Filter(id="NCIT:C16576"),),
            ),
            Access(grants={"d": {ANY: Granularity.RECORD}}),
        )
    (found,) = answer.result_sets

    assert [record["id"] for record in found.records] == ["mum"]
    assert found.records[0]["ethnicity"] == FEMALE
    assert found.records[0]["pedigrees"][0]["numSubjects"] == 3
