"""Loading BFF: every layout is read, what cannot be used is named, what is odd is warned of."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from memory_sink import MemorySink

from beacon.framework.errors import LoadError
from beacon.load.bff import load_bff
from beacon.load.bff_variants import read_zygosity
from beacon.model.allele import Allele, Zygosity

FEMALE = {"id": "NCIT:C16576", "label": "female"}
PEOPLE = [{"id": "P1", "sex": FEMALE}, {"id": "P2", "sex": FEMALE}]
HET_TERM = {"id": "GENO:0000135", "label": "heterozygous"}


def variant(**changes: Any) -> dict[str, Any]:
    return {
        "variantInternalId": "v1",
        "variation": {
            "variantType": "SNP",
            "referenceBases": "G",
            "alternateBases": "A",
            "location": {
                "type": "SequenceLocation",
                "sequence_id": "refseq:NC_000017.11",
                "interval": {
                    "type": "SequenceInterval",
                    "start": {"type": "Number", "value": 7577120},
                    "end": {"type": "Number", "value": 7577121},
                },
            },
        },
        "caseLevelData": [{"biosampleId": "B1", "zygosity": HET_TERM}, {"biosampleId": "B2"}],
        **changes,
    }


ALLELE = Allele.from_vcf("17", 7577121, "G", "A")


def folder(path: Path, **files: Any) -> Path:
    path.mkdir(exist_ok=True)
    for name, content in files.items():
        (path / f"{name}.json").write_text(json.dumps(content))
    return path


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("individuals.json", json.dumps(PEOPLE, indent=1)),
        ("individuals.json", "\n".join(map(json.dumps, PEOPLE))),
        ("individuals.jsonl", "\n".join(map(json.dumps, PEOPLE)) + "\n\n"),
        ("people.json", json.dumps(PEOPLE)),
    ],
    ids=["array", "lines", "jsonl", "other name"],
)
def test_every_layout_gives_the_same_records(tmp_path, name, content, zipped):
    path = tmp_path / (f"{name}.gz" if zipped else name)
    path.write_bytes(gzip.compress(content.encode()) if zipped else content.encode())
    sink = MemorySink()
    report = load_bff(sink, "d", [path])

    assert list(sink.published["d"].records["individual"].values()) == PEOPLE
    assert report.loaded == {"individual": 2}
    assert report.ok
    assert not report.warnings


def test_a_single_object_is_one_record(tmp_path):
    path = tmp_path / "cohorts.json"
    path.write_text(json.dumps({"id": "c", "name": "C", "cohortType": "study-defined"}, indent=1))
    report = load_bff(MemorySink(), "d", [path])

    assert report.loaded == {"cohort": 1}


def test_a_folder_is_loaded_whole_and_what_is_no_entity_is_said(tmp_path):
    folder(
        tmp_path,
        individuals=PEOPLE,
        genomicVariationsVcf=[variant()],
        biosamples=[
            {
                "id": "B1",
                "individualId": "P1",
                "biosampleStatus": FEMALE,
                "sampleOriginType": FEMALE,
            }
        ],
        targets=[{"biosampleIds": ["B1"]}],
    )
    report = load_bff(MemorySink(), "d", [tmp_path])

    assert report.loaded == {"individual": 2, "biosample": 1, "genomicVariant": 1}
    assert [kind.partition(" ")[0] for kind in report.nothing_to_load] == ["targets.json"]
    assert report.ok


def test_a_variant_comes_with_its_carriers_and_as_it_was(tmp_path):
    folder(tmp_path, genomicVariations=[{"_id": {"$oid": "x"}, **variant()}])
    sink = MemorySink()
    load_bff(sink, "d", [tmp_path])
    (found,) = sink.published["d"].observations

    assert sink.published["d"].assembly == "GRCh38"
    assert found.annotation == variant()
    assert sink.carriers("d", ALLELE) == {"B1": Zygosity.HET, "B2": Zygosity.UNSPECIFIED}


def test_a_carrier_listed_twice_counts_once(tmp_path):
    cases = [{"biosampleId": "B1", "zygosity": HET_TERM}, {"biosampleId": "B1"}, {"id": "?"}]
    folder(tmp_path, genomicVariations=[variant(caseLevelData=cases)])
    sink = MemorySink()
    report = load_bff(sink, "d", [tmp_path])

    assert sink.carriers("d", ALLELE) == {"B1": Zygosity.HET}
    assert "a carrier has no biosampleId and is not counted" in report.warnings
    assert any("listed twice" in reason for reason in report.warnings)


@pytest.mark.parametrize(
    ("zygosity", "code"),
    [
        ({"id": "GENO:0000136"}, Zygosity.HOM),
        ({"id": "GENO:GENO_0000458", "label": "1/0"}, Zygosity.HET),
        ({"id": "GENO:0000604"}, Zygosity.HEMI),
        ({"id": "GENO:0000137", "label": "0|1"}, Zygosity.HET),
        ({"label": "1/1"}, Zygosity.HOM),
        ({"label": "10"}, Zygosity.HET),
        ({"label": "1"}, Zygosity.HEMI),
        ({"label": "./1"}, Zygosity.UNSPECIFIED),
        ({"label": "Homozygous"}, Zygosity.HOM),
        (None, Zygosity.UNSPECIFIED),
    ],
)
def test_zygosity_is_read_from_term_or_label(zygosity, code):
    assert read_zygosity(zygosity) is code


def test_what_cannot_be_used_is_not_loaded_and_named(tmp_path):
    lines = ['{"id": "P1", "sex": {"id": "NCIT:C16576"}}', "{oops", "[]", '{"sex": {}}']
    (tmp_path / "individuals.jsonl").write_text("\n".join(lines))
    folder(
        tmp_path,
        genomicVariations=[variant(), {"variantInternalId": "v2"}, variant(variation={"a": 1})],
    )
    report = load_bff(MemorySink(), "d", [tmp_path])
    places = {reason: found.examples[0].place for reason, found in report.not_loaded.items()}

    assert report.loaded == {"individual": 1, "genomicVariant": 1}
    assert places == {
        "not JSON": "line 2",
        "not an object": "line 3",
        "no id": "line 4",
        "no variation": "record 2",
        "variation not understood": "record 3",
    }
    assert not report.ok


def test_a_record_that_departs_from_its_schema_is_loaded_with_a_warning(tmp_path):
    folder(tmp_path, individuals=[{"id": "P1", "sex": "MALE", "measures": [{"odd": True}]}])
    sink = MemorySink()
    report = load_bff(sink, "d", [tmp_path])
    (problem,) = report.warnings["individual: `sex` is not as the schema wants it"].examples

    assert (problem.file, problem.place, problem.field) == ("individuals.json", "record 1", "sex")
    assert problem.detail == '`sex` must be an object, not text ("MALE").'
    assert sink.published["d"].records["individual"]["P1"]["measures"] == [{"odd": True}]
    assert report.ok


def test_the_record_of_the_dataset_describes_it(tmp_path):
    one = {"id": "d", "name": "Ours"}
    folder(tmp_path, datasets=[one, {"id": "other", "name": "Another"}])
    sink = MemorySink()
    report = load_bff(sink, "d", [tmp_path])

    assert sink.published["d"].records["dataset"] == {"d": one}
    assert report.not_loaded["describes another dataset"].count == 1


def test_the_only_record_of_a_dataset_file_is_given_the_id_of_the_dataset(tmp_path):
    folder(tmp_path, datasets=[{"id": "former", "name": "Ours"}])
    sink = MemorySink()
    report = load_bff(sink, "d", [tmp_path])

    assert sink.published["d"].records["dataset"]["d"] == {
        "id": "d",
        "name": "Ours",
        "info": {"sourceId": "former"},
    }
    assert "the dataset record had another id" in report.warnings


def test_variants_on_another_assembly_are_not_loaded(tmp_path):
    folder(tmp_path, genomicVariations=[variant()])
    report = load_bff(MemorySink(), "d", [tmp_path], assembly="hg19")

    assert report.not_loaded["on another assembly"].count == 1


def bare_variant(**changes: Any) -> dict[str, Any]:
    """One that names no assembly."""
    bare = variant(**changes)
    bare["variation"]["location"]["sequence_id"] = "HGVSid:17:g.7577121G>A"
    return bare


WAITING = "waiting for the assembly of the dataset"


def test_variants_that_name_no_assembly_wait_for_one(tmp_path):
    folder(tmp_path, individuals=PEOPLE, genomicVariations=[bare_variant()])
    sink = MemorySink()
    first = load_bff(sink, "d", [tmp_path])
    waiting = list(sink.published["d"].observations)
    second = load_bff(sink, "d", [tmp_path], assembly="GRCh37")
    (found,) = sink.published["d"].observations

    assert (first.ok, first.waiting, first.warnings[WAITING].count) == (True, 1, 1)
    assert first.loaded == {"individual": 2}
    assert waiting == []
    assert second.loaded == {"genomicVariant": 1}
    assert sink.published["d"].assembly == "GRCh37"
    assert "genomicVariant" not in sink.published["d"].records
    assert found.annotation == bare_variant()
    assert sink.carriers("d", ALLELE) == {"B1": Zygosity.HET, "B2": Zygosity.UNSPECIFIED}


def test_variants_that_name_no_assembly_are_on_that_of_the_dataset(tmp_path):
    named = folder(tmp_path / "a", genomicVariations=[variant()])
    bare = folder(tmp_path / "b", genomicVariations=[bare_variant(variantInternalId="v2")])
    sink = MemorySink()
    load_bff(sink, "d", [named])
    report = load_bff(sink, "d", [bare])

    assert (report.loaded, report.waiting) == ({"genomicVariant": 1}, 0)
    assert [one.annotation["variantInternalId"] for one in sink.published["d"].observations] == [
        "v1",
        "v2",
    ]


def test_what_waited_comes_before_what_the_next_load_says(tmp_path):
    bare = folder(tmp_path / "a", genomicVariations=[bare_variant(variantInternalId="older")])
    named = folder(tmp_path / "b", genomicVariations=[variant(variantInternalId="newer")])
    sink = MemorySink()
    load_bff(sink, "d", [bare])
    load_bff(sink, "d", [named])

    assert [one.annotation["variantInternalId"] for one in sink.published["d"].observations] == [
        "older",
        "newer",
    ]


def test_what_could_be_no_allele_on_any_assembly_does_not_wait(tmp_path):
    folder(tmp_path, genomicVariations=[bare_variant(), {"variation": {"a": 1}}])
    report = load_bff(MemorySink(), "d", [tmp_path])

    assert report.waiting == 1
    assert report.not_loaded["variation not understood"].examples[0].place == "record 2"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("individuals.json", b'[{"id": "P1"}', "is not JSON"),
        ("individuals.json.gz", gzip.compress(b'[{"id": "P1"}]', mtime=0)[:-12], "cut short"),
        ("things.json", b'[{"id": "P1"}]', "could be of any entry type"),
        ("targets.json", b"[]", "none of the files holds records"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    sink = MemorySink()

    with pytest.raises(LoadError, match=message):
        load_bff(sink, "d", [tmp_path / name])
    assert (sink.published, sink.open_loads) == ({}, {})


def test_an_interrupted_load_goes_on_where_it_was(tmp_path):
    people = [{"id": f"P{number}", "sex": FEMALE} for number in range(5_100)]
    folder(tmp_path, individuals=people)
    sink = MemorySink(stop_after_mark=1)
    with pytest.raises(KeyboardInterrupt):
        load_bff(sink, "d", [tmp_path])
    report = load_bff(sink, "d", [tmp_path])
    again = load_bff(sink, "d", [tmp_path])

    assert report.loaded == {"individual": 5_100}
    assert list(sink.published["d"].records["individual"].values()) == people
    assert len(again.already_loaded) == 1
