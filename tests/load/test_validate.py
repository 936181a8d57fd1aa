"""`beacon validate`: every kind of file, and nonsense of every kind, in one line each."""

from __future__ import annotations

import gzip
import io
import json
import random
import zipfile
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from beacon.cli import main
from beacon.framework.errors import LoadError
from beacon.load.report import Report
from beacon.load.validate import validate

DATA = Path(__file__).parents[2].parent / "shared" / "data"
HEADER = (
    "##fileformat=VCFv4.2\n##contig=<ID=22,length=50818468>\n"
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
)
SITES = f"{HEADER}#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
CALLS = f"{SITES[:-1]}\tFORMAT\tS1\n"
WHOLE_FILE = "the file cannot be loaded"


def check(path: Path, content: bytes | str) -> Report:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return validate([path], assembly="GRCh38")


LOADABLE: dict[str, tuple[str, dict[str, int]]] = {
    "calls.vcf": (
        f"{CALLS}22\t16050075\t.\tA\tG\t.\t.\t.\tGT\t0/1\n",
        {"genomicVariant": 1},
    ),
    "sites.vcf": (f"{SITES}22\t16050075\t.\tA\tG\t.\t.\tX=1\n", {"genomicVariant": 1}),
    "counts.vcf": (
        f"{SITES}22\t16050075\t.\tA\tG\t.\t.\tAC=1;AN=10;AF=0.1\n".replace(
            "#CHROM",
            '##INFO=<ID=AC,Number=A,Type=Integer,Description="">\n'
            '##INFO=<ID=AN,Number=1,Type=Integer,Description="">\n#CHROM',
        ),
        {"genomicVariant": 1},
    ),
    "individuals.json": ('[{"id": "p", "sex": {"id": "NCIT:C16576"}}]', {"individual": 1}),
    "packet.json": (
        '{"id": "x", "subject": {"id": "p", "sex": "FEMALE"}, '
        '"metaData": {"phenopacketSchemaVersion": "2.0"}}',
        {"individual": 1},
    ),
    "family.ped": ("F1\tp\t0\t0\t1\t2\n", {"individual": 1}),
    "people.csv": ("id,sex|id\np,NCIT:C16576\n", {"individual": 1}),
    "tiny.obo": ("[Term]\nid: HP:0000001\nname: All\n", {"ontology": 1}),
    "terms.csv": ("id,label\nHP:0000001,All\n", {"ontology": 1}),
    "genes.bed": ("17\t10\t20\tBRCA1\n", {"gene table": 1}),
    "assessed.bed": ("17\t10\t20\n", {"assessed regions": 1}),
    "genes.txt": ("#chromosome\tstart\tend\tsymbol\n17\t11\t20\tBRCA1\n", {"gene table": 1}),
}


@pytest.mark.parametrize("name", LOADABLE)
def test_every_kind_of_file_is_recognised(tmp_path: Path, name: str) -> None:
    content, expected = LOADABLE[name]

    report = check(tmp_path / name, content)

    assert report.not_loaded == {}
    assert dict(report.loaded) == expected


def test_a_folder_is_gone_through_to_the_bottom(tmp_path: Path) -> None:
    for number, (name, (content, _)) in enumerate(LOADABLE.items()):
        folder = tmp_path / str(number % 3) / "below"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    (tmp_path / "README.md").write_text("what is here")
    (tmp_path / ".hidden.csv").write_text("nonsense")

    report = validate([tmp_path], assembly="GRCh38")

    assert report.ok
    assert len(report.files) == len(LOADABLE) + 1
    assert report.nothing_to_load == {"README.md (no file of a kind that is loaded)": 1}


def test_a_problem_names_file_row_column_and_what_would_be_right(tmp_path: Path) -> None:
    report = check(tmp_path / "individuals.csv", "id,phenotypicFeatures|excluded\np,perhaps\n")
    (problem,) = report.not_loaded["neither TRUE nor FALSE"].examples

    assert (problem.file, problem.place, problem.field, problem.detail) == (
        "individuals.csv",
        "row 2",
        "phenotypicFeatures|excluded",
        "`perhaps` was found; TRUE or FALSE was expected",
    )


def test_a_site_that_cannot_be_loaded_is_named(tmp_path: Path) -> None:
    report = check(tmp_path / "sites.vcf", f"{SITES}22\t50818469\t.\tA\tG\t.\t.\t.\n")

    assert report.not_loaded["outside the chromosome"].examples[0].place == "record 1 (22:50818469)"


def test_the_command_ends_with_1_when_anything_would_not_load(tmp_path: Path) -> None:
    good, bad = tmp_path / "people.csv", tmp_path / "individuals.csv"
    good.write_text("id,sex|id\np,NCIT:C16576\n")
    bad.write_text("id,sex|id\n,NCIT:C16576\n")

    fine = CliRunner().invoke(main, ["validate", str(good), "--json"])
    wrong = CliRunner().invoke(main, ["validate", str(tmp_path), "--json"])

    assert (fine.exit_code, json.loads(fine.stdout)["ok"]) == (0, True)
    assert (wrong.exit_code, json.loads(wrong.stdout)["ok"]) == (1, False)
    assert json.loads(wrong.stdout)["notLoaded"][0]["examples"][0]["place"] == "row 2"


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("anything", "else")
    return buffer.getvalue()


_NOISE = random.Random(1).randbytes(5000)
_ROWS = b"id,sex|id,sex|label\n" + b"p,NCIT:C16576,female\n" * 5000
NONSENSE: dict[str, bytes] = {
    "empty": b"",
    "blank": b" \n\n",
    "noise": _NOISE,
    "zeros": bytes(5000),
    "one letter": b"x",
    "prose": b"Dear colleague,\nplease find attached.\n",
    "utf-16": "id,sex|id\np,NCIT:C1\n".encode("utf-16"),
    "latin-1": "id,sex|id\np\xe4,NCIT:C1\n".encode("latin-1"),
    "gzip cut short": gzip.compress(_ROWS)[:60],
    "gzip cut late": gzip.compress(_ROWS)[:-9],
    "gzip damaged": gzip.compress(_NOISE)[:1000] + bytes(200) + gzip.compress(_NOISE)[1200:],
    "gzip of nothing": gzip.compress(b""),
    "gzip header": b"\x1f\x8b",
    "zip": _zip(),
    "zip cut short": _zip()[:40],
    "old Excel": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
    "wide line": b"a," * 1_000_000 + b"\n1\n",
    "wide line without end": b"a\t" * 1_000_000,
    "wrong delimiter": b"id:sex|id\np:NCIT:C1\n",
    "same header twice": b"id,sex|id,id\np,NCIT:C1,q\n",
    "open quote": b'id,sex|id\n"p,NCIT:C1\n',
    "carriage returns": b"id,sex|id\rp,NCIT:C1\r",
    "open JSON": b'[{"id": "p"',
    "deep JSON": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "JSON of numbers": b"[1, 2, 3]",
    "JSON text": b'"individual"',
    "JSON null": b"null",
    "broken lines": b'{"id": "p"}\n{"id": \n',
    "lone surrogate": b'[{"id": "\\ud800", "sex": {"id": "NCIT:C1"}}]',
    "packet of nothing": b'{"subject": 5, "metaData": []}',
    "graphs of nothing": b'{"graphs": 5}',
    "VCF header only": b"##fileformat=VCFv4.2\n",
    "VCF of words": CALLS.encode() + b"chromosome\tposition\n",
    "VCF cut short": (CALLS + "22\t16050075\t.\tA\tG\t.\t.\t.\tGT\t0/").encode(),
    "VCF with a wrong place": CALLS.replace("##contig=<ID=22,length=50818468>\n", "").encode()
    + b"22\tx\t.\tA\tG\t.\t.\t.\tGT\t0/1\n",
    "BCF header": b"BCF\2\2" + bytes(20),
}
HARMLESS = {"header only": b"id,sex|id\n"}
NAMES = (
    "individuals.csv",
    "people.tsv",
    "notes.txt",
    "individuals.csv.gz",
    "cohort.xlsx",
    "individuals.json",
    "data.jsonl",
    "data.json.gz",
    "calls.vcf",
    "calls.vcf.gz",
    "calls.bcf",
    "family.ped",
    "regions.bed",
    "genes.bed.gz",
    "terms.obo",
    "counts.parquet",
    "thing",
)


@pytest.mark.parametrize("name", NAMES)
def test_nonsense_of_every_kind_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    """Whatever is in a file and whatever it is called, there is a sentence and no traceback."""
    for kind, content in NONSENSE.items():
        report = check(tmp_path / name, content)

        assert not report.ok or report.nothing_to_load or _is_text_for(name, kind), kind
        for finding in report.not_loaded.values():
            for problem in finding.examples:
                assert "\n" not in problem.detail, kind
                assert problem.reason != WHOLE_FILE or problem.detail, kind


def _is_text_for(name: str, kind: str) -> bool:
    """Nonsense that is none under some names: loadable as it is."""
    return (name, kind) in {
        ("individuals.csv", "broken lines"),
    }


def test_nonsense_in_a_folder_does_not_hide_what_is_right(tmp_path: Path) -> None:
    for number, content in enumerate(NONSENSE.values()):
        (tmp_path / f"individuals-{number}.csv").write_bytes(content)
    (tmp_path / "runs.csv").write_text("id,biosampleId,runDate\nr,s,2020-01-01\n")

    report = validate([tmp_path])

    assert report.loaded["run"] == 1
    assert len(report.files) == len(NONSENSE) + 1
    assert not report.ok


def test_tables_that_end_at_their_header_hold_nothing_to_load(tmp_path: Path) -> None:
    report = check(tmp_path / "individuals.csv", HARMLESS["header only"])

    assert report.ok
    assert report.nothing_to_load == {"individuals.csv (no rows below the header)": 1}


def test_paths_that_are_not_there_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="does not exist"):
        validate([tmp_path / "absent"])
    with pytest.raises(LoadError, match="holds no file"):
        validate([tmp_path])


# The files that the VCF specification has for testing validators


def outcome(path: Path) -> str:
    report = validate([path], assembly="GRCh38")
    if WHOLE_FILE in report.not_loaded:
        return "refused"
    return "loaded" if report.ok else "reported"


# Of files that break a rule of VCF, those whose genotypes cannot be told are refused, and alleles
# that are none are reported one by one. What a beacon never asks for is not looked at: QUAL, ID,
# FILTER, the order of records, the declarations of fields, and values of other FORMAT and INFO
# fields.
NOT_LOADED = {
    "empty": 1,
    "empty_sample": 1,
    "fileformat": 1,
    "header": 2,
    "meta": 3,
    "body_alt": 3,
    "body_chrom": 5,
    "body_pos": 3,
    "body_ref": 3,
    "body_format": 4,
    "body_no_newline": 5,
    "body_sample": 7,
}


def test_what_becomes_of_the_invalid_files_of_the_specification() -> None:
    folder = DATA / "vcf-edge/hts-specs_vcf4.3/failed"
    if not folder.is_dir():
        pytest.skip("the real data are not here")
    found = Counter(
        path.stem.removeprefix("failed_").rstrip("0123456789").rstrip("_")
        for path in folder.iterdir()
        if outcome(path) != "loaded"
    )

    assert found == NOT_LOADED
    assert len(list(folder.iterdir())) - found.total() == 186


def test_what_becomes_of_the_valid_files_of_the_specification() -> None:
    folders = [DATA / "vcf-edge" / f"hts-specs_vcf{version}/passed" for version in ("4.3", "4.5")]
    if not folders[0].is_dir():
        pytest.skip("the real data are not here")
    found = {
        path.name for folder in folders for path in folder.iterdir() if outcome(path) != "loaded"
    }

    assert found == {
        "complexfile_passed_000.vcf",  # on GRCh37
        "zero_length_LAA.vcf",  # no newline at its end, as if it were cut short
        "passed_body_chrom.vcf",  # contigs that are no human chromosomes
        "passed_body_id.vcf",
        "passed_body_info.vcf",
        "passed_body_pos.vcf",
        "passed_body_samples.vcf",  # a record without genotypes
    }
