"""Tables of records: every template, every format, and what is said of what is wrong."""

from __future__ import annotations

import csv
import datetime
import gzip
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from memory_sink import MemorySink

from beacon.framework.errors import LoadError
from beacon.load import table_columns
from beacon.load.items import Item
from beacon.load.json_files import entry_type_by_name
from beacon.load.record_checks import departures
from beacon.load.table_rows import EXCEL_CELL
from beacon.load.tables import load_tables, open_table

DATA = Path(__file__).parents[2].parent / "shared" / "data"
TEMPLATES = (
    "metadata-cineca/ega_v2_csv",
    "metadata-other/ega_v2_csv_Rare-diseases",
    "metadata-other/ega_v2_csv_all-fields",
    "metadata-other/ega_v2_csv_genomicVariations",
    "metadata-other/ega_v2_csv_mandatory-fields",
    "metadata-other/ega_v2_csv_templates",
    "metadata-other/ega_v2_csv_test",
)
RENDERED = {
    "metadata-cineca/ega_v2_csv": "metadata-cineca/ega_v2_bff",
    "metadata-other/ega_v2_csv_all-fields": "metadata-other/ega_v2_bff_all-fields",
    "metadata-other/ega_v2_csv_Rare-diseases": "metadata-other/ega_v2_bff_Rare-diseases",
}
SEX = "sex|id,sex|label"


@pytest.fixture(scope="module")
def data() -> Path:
    if not DATA.is_dir():
        pytest.skip("the real data are not here")
    return DATA


def read(path: Path, *lines: str) -> list[Item]:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return list(open_table(path).read())


def one(path: Path, *lines: str) -> Item:
    (item,) = read(path, *lines)
    return item


def record(path: Path, *lines: str) -> dict[str, Any]:
    item = one(path, *lines)
    assert item.problems == ()
    assert item.record is not None
    return item.record


def said(item: Item) -> list[tuple[str, str, str]]:
    return [(problem.place, problem.field, problem.reason) for problem in item.problems]


@pytest.fixture
def individuals(tmp_path: Path) -> Path:
    return tmp_path / "individuals.csv"


# The templates that are in use


def test_templates_have_no_unknown_column_but_those_the_model_has_no_place_for(
    data: Path,
) -> None:
    unknown = set()
    for folder in TEMPLATES:
        for path in (data / folder).rglob("*.csv"):
            entry_type = entry_type_by_name(path.name)
            if entry_type is None:
                continue
            with path.open(encoding="utf-8-sig", newline="") as file:
                header = next(csv.reader(file))
            unknown |= {name for name in header if table_columns.find(entry_type, name) is None}

    assert unknown == {
        # A dose interval has a quantity, an interval and a frequency; a term it has not.
        "treatments|doseIntervals|id",
        "treatments|doseIntervals|label",
        # No property of an alternative id.
        "identifiers|variantAlternativeIds|type",
        # A count is a number; these are the properties of what is counted.
        *(
            f"variation|count|{name}"
            for name in ("_id", "chr", "gene_id", "interval", "sequence_id", "species_id")
        ),
        # Derived sequences lie on sequences, not on chromosomes.
        *(
            f"variation|state|{where}location|{name}"
            for where in ("", "components|", "seq_expr|")
            for name in ("chr", "species_id")
        ),
    }


@pytest.mark.parametrize("folder", TEMPLATES)
def test_every_table_of_the_templates_is_read(data: Path, folder: str) -> None:
    lost = [
        (item.file, item.place, item.problems[0].reason)
        for path in sorted((data / folder).rglob("*.csv"))
        for item in open_table(path).read()
        if item.record is None
    ]

    # The one row: 2,421 samples, and the zygosity of 109.
    expected = [("genomicVariations.csv", "row 115", "lists of unequal length")]
    assert lost == (expected if folder == TEMPLATES[0] else [])


# What the rendering does otherwise, and why that is not followed:
LAST_OF_LIST = "of several elements only the last is kept, at times more than once"
NO_INFO = "`info` is left out"
NO_JSON = "a cell that holds JSON is left out"
NO_PLAIN_TIME = "an age in a column without a further step is left out"
NO_TEXTS = "a list of texts in one cell is left out"
FIRST_ROW = "every row has the measured value of the first"
NO_HALF_RANGE = "a reference range without an upper bound is left out"


def difference_class(path: str, ours: Any, theirs: Any, first: Any = None) -> str | None:
    if theirs is None:
        name = path.rpartition(".")[2]
        if path == ".info":
            return NO_INFO
        if name in ("distribution", "modifiers"):
            return NO_JSON
        if name == "ageAtProcedure":
            return NO_PLAIN_TIME
        if name == "geneIds":
            return NO_TEXTS
        if name == "referenceRange" and "high" not in ours:
            return NO_HALF_RANGE
    elif isinstance(ours, list) and theirs:
        same = all(not [*differences(ours[-1], other, f"{path}[]")] for other in theirs)
        half = all(
            {difference_class(*found) for found in differences(ours[-1], other, f"{path}[]")}
            <= {NO_PLAIN_TIME}
            for other in theirs
        )
        if same or half:
            return LAST_OF_LIST
        if (
            path == ".measurements"
            and theirs[0]["measurementValue"] == first["measures"][0]["measurementValue"]
        ):
            value = theirs[0]["measurementValue"]["value"]
            last = {
                **ours[-1],
                "measurementValue": {**ours[-1]["measurementValue"], "value": value},
            }
            return None if difference_class(path, [last], theirs) is None else FIRST_ROW
    return None


def differences(ours: Any, theirs: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in ours.keys() | theirs.keys():
            yield from differences(ours.get(key), theirs.get(key), f"{path}.{key}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for mine, other in zip(ours, theirs, strict=True):
            yield from differences(mine, other, f"{path}[]")
    elif ours != theirs:
        yield path, ours, theirs


@pytest.mark.parametrize(
    ("folder", "records", "expected"),
    [
        (
            "metadata-cineca/ega_v2_csv",
            11_022,
            {LAST_OF_LIST: 3_747, NO_INFO: 5_009, NO_JSON: 4, NO_TEXTS: 1_004},
        ),
        (
            "metadata-other/ega_v2_csv_all-fields",
            43,
            {
                LAST_OF_LIST: 1,
                FIRST_ROW: 19,
                NO_INFO: 43,
                NO_JSON: 1,
                NO_PLAIN_TIME: 40,
                NO_HALF_RANGE: 20,
            },
        ),
        ("metadata-other/ega_v2_csv_Rare-diseases", 2, {}),
    ],
)
def test_records_equal_the_rendering_of_the_same_cohort(
    data: Path, folder: str, records: int, expected: dict[str, int]
) -> None:
    compared, found, others = 0, Counter[str | None](), []
    for path in sorted((data / folder).glob("*.csv")):
        if path.name == "cohorts.csv" and "all-fields" in folder:
            continue  # rendered from another file: even the id differs
        rendered = json.loads((data / RENDERED[folder] / f"{path.stem}.json").read_bytes())
        items = list(open_table(path).read())
        assert len(items) == len(rendered)
        for item, theirs in zip(items, rendered, strict=True):
            if item.record is None:
                continue
            compared += 1
            # The rendering adds two keys, and has the older name of the measurements.
            theirs = {
                {"measures": "measurements"}.get(key, key): value
                for key, value in theirs.items()
                if key not in ("_id", "datasetId")
            }
            for path_, mine, other in differences(item.record, theirs):
                kind = difference_class(path_, mine, other, rendered[0])
                found[kind] += 1
                others += [] if kind else [(item.file, item.place, path_, mine, other)]

    assert others == []
    assert compared == records
    assert dict(found) == expected


def test_tables_load_into_a_dataset(data: Path) -> None:
    sink = MemorySink()

    report = load_tables(sink, "cineca", [data / TEMPLATES[0]], assembly="GRCh37")

    assert report.loaded["individual"] == 2504
    assert report.loaded["genomicVariant"] == 1004
    assert sum(finding.count for finding in report.not_loaded.values()) == 1
    individual = sink.published["cineca"].records["individual"]["HG00096"]
    assert [one["measurementValue"]["value"] for one in individual["measurements"]] == [
        26.63838307,
        85.6358,
        179.2973,
    ]


def test_a_folder_of_empty_templates_is_refused_in_words(data: Path) -> None:
    with pytest.raises(LoadError, match="none of the tables has rows"):
        load_tables(MemorySink(), "d", [data / "metadata-other/ega_v2_csv_templates"])


# Cells


def test_parallel_lists_make_objects_by_position(individuals: Path) -> None:
    header = "id,diseases|diseaseCode|id,diseases|diseaseCode|label,diseases|familyHistory"
    made = record(individuals, header, "p,ICD10:G35|ICD10:J11,MS|,TRUE|false")

    assert made["diseases"] == [
        {"diseaseCode": {"id": "ICD10:G35", "label": "MS"}, "familyHistory": True},
        {"diseaseCode": {"id": "ICD10:J11"}, "familyHistory": False},
    ]


def test_one_value_counts_for_all_elements(individuals: Path) -> None:
    header = "id,diseases|diseaseCode|id,diseases|severity|id"
    made = record(individuals, header, "p,ICD10:G35|ICD10:J11,HP:0012828")

    assert [one["severity"] for one in made["diseases"]] == [{"id": "HP:0012828"}] * 2


def test_lists_of_unequal_length_keep_the_row_out(individuals: Path) -> None:
    header = "id,measures|assayCode|id,measures|date"
    row = "p,LOINC:1-1|LOINC:2-2|LOINC:3-3,2020-01-01|2020-01-02"
    item = one(individuals, header, row)

    assert item.record is None
    assert said(item) == [
        ("row 2", "measures|assayCode|id, measures|date", "lists of unequal length")
    ]
    assert item.problems[0].detail.startswith(
        "measures|assayCode|id has 3 values, measures|date 2;"
    )


def test_a_list_within_the_only_element_has_its_own_values(individuals: Path) -> None:
    header = "id,pedigrees|id,pedigrees|members|memberId,pedigrees|members|affected"
    made = record(individuals, header, "p,F1,a|b,TRUE|FALSE")

    assert made["pedigrees"] == [
        {
            "id": "F1",
            "members": [
                {"memberId": "a", "affected": True},
                {"memberId": "b", "affected": False},
            ],
        }
    ]


def test_lists_of_terms_and_of_texts_lie_in_one_column(tmp_path: Path) -> None:
    sample = record(tmp_path / "biosamples.csv", "id,diagnosticMarkers", "s,NCIT:C1|NCIT:C2")
    variant = record(
        tmp_path / "genomicVariations.csv",
        "variantInternalId,molecularAttributes|geneIds,molecularAttributes|aminoacidChanges",
        "v,BRCA1|BRCA2,.",
    )

    assert sample["diagnosticMarkers"] == [{"id": "NCIT:C1"}, {"id": "NCIT:C2"}]
    assert variant["molecularAttributes"] == {"geneIds": ["BRCA1", "BRCA2"]}


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("P32Y6M", {"iso8601duration": "P32Y6M"}),
        ("HP:0003577", {"id": "HP:0003577"}),
        ("2020-01-02T03:04:05Z", "2020-01-02T03:04:05Z"),
        ('{"weeks": 30}', {"weeks": 30}),
    ],
)
def test_a_time_may_be_one_cell(individuals: Path, cell: str, expected: Any) -> None:
    quoted = cell.replace('"', '""')
    header = "id,diseases|diseaseCode|id,diseases|ageOfOnset"
    made = record(individuals, header, f'p,ICD10:G35,"{quoted}"')

    assert made["diseases"][0]["ageOfOnset"] == expected


@pytest.mark.parametrize(
    ("column", "cell", "reason"),
    [
        ("phenotypicFeatures|excluded", "maybe", "neither TRUE nor FALSE"),
        ("measures|measurementValue|value", "26;3", "not a number"),
        ("measures|measurementValue|value", "1e999", "not a number"),
        ("measures|measurementValue|value", "9" * 30, "not a number"),
        ("measures|observationMoment|weeks", "2.5", "not a whole number"),
        ("diseases|ageOfOnset", "{weeks", "not JSON"),
        ("info", '{""a"": NaN}', "not JSON"),
    ],
)
def test_a_cell_that_cannot_be_read_keeps_its_row_out(
    individuals: Path, column: str, cell: str, reason: str
) -> None:
    item = one(individuals, f"id,{column}", f'p,"{cell}"')

    if column == "info":
        assert item.problems[0].reason == reason
    assert item.record is None
    assert said(item) == [("row 2", column, reason)]
    assert "was found; " in item.problems[0].detail


def test_a_decimal_comma_is_named(individuals: Path) -> None:
    item = one(individuals, "id;measures|measurementValue|value", "p;26,6")

    assert "with a point, not a comma" in item.problems[0].detail


@pytest.mark.parametrize(
    ("column", "cell", "reason"),
    [
        ("exposures|duration", "14 months", "not a duration"),
        ("diseases|ageOfOnset", "5/8/99 17:21", "a value where an object is expected"),
        ("sex", "female", "a value where an object is expected"),
        ("diseases|diseaseCode|id", "HP:1,HP:2", "several identifiers in one"),
        ("sexx|id", "NCIT:C16576", "individual: unknown column, not loaded"),
    ],
)
def test_what_is_doubtful_is_a_warning(
    individuals: Path, column: str, cell: str, reason: str
) -> None:
    item = one(individuals, f"id,{column}", f'p,"{cell}"')

    assert item.record is not None
    assert said(item) == [("row 2", column, reason)]


def test_an_unknown_column_is_named_once_with_the_nearest(individuals: Path) -> None:
    items = read(individuals, "id,disease|diseaseCode|id", "p,HP:1", "q,HP:2")

    assert [said(item) for item in items[1:]] == [[]]
    assert "nearest known column is diseases|diseaseCode|id" in items[0].problems[0].detail


def test_separators_and_case_of_column_names_do_not_matter(individuals: Path) -> None:
    made = record(individuals, "ID,diseases_diseaseCode.id,Sex|Label", "p,ICD10:G35,female")

    assert made == {
        "id": "p",
        "diseases": [{"diseaseCode": {"id": "ICD10:G35"}}],
        "sex": {"label": "female"},
    }


def test_what_a_schema_does_not_want_is_reported_with_its_column(individuals: Path) -> None:
    item = one(individuals, f"id,{SEX},measures|date", "p,NCIT:C16576,female,8/11/24")
    assert item.record is not None
    found = departures(
        "individual", item.record, file=item.file, place=item.place, columns=item.columns
    )

    # The assay is missing: the column that would have it is named.
    assert {"measures|date", "measurements|assayCode"} <= {problem.field for problem in found}


def test_info_is_json_or_text(individuals: Path) -> None:
    first, second = read(individuals, "id,info", 'p,"{""a"":\xa0{""b"": 1}}"', "q,free text")

    assert first.record == {"id": "p", "info": {"a": {"b": 1}}}
    assert second.record == {"id": "q", "info": {"info": "free text"}}


def test_several_samples_in_one_cell_are_doubtful(tmp_path: Path) -> None:
    item = one(tmp_path / "runs.csv", "id,biosampleId,runDate", "r,S1|S2,2020-01-01")

    assert item.record is not None
    assert said(item) == [("row 2", "biosampleId", "several values where one is expected")]


def test_a_cell_that_excel_cut_off_is_recognised(tmp_path: Path) -> None:
    names = "|".join(f"SAMPLE{number:05}" for number in range(4000))[:EXCEL_CELL]
    header = "variantInternalId,caseLevelData|biosampleId,caseLevelData|zygosity|id"
    item = one(tmp_path / "genomicVariations.csv", header, f"v,{names},a:b|a:c")

    assert item.record is None
    assert "Excel cuts cells off at 32,767" in item.problems[0].detail


# Formats


@pytest.mark.parametrize("name", ["individuals.csv", "individuals.tsv", "individuals.txt"])
@pytest.mark.parametrize("delimiter", ["\t", ",", ";"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_the_header_tells_the_delimiter(
    tmp_path: Path, name: str, delimiter: str, ends: str, bom: str
) -> None:
    path = tmp_path / name
    lines = [delimiter.join(("id", "sex|id", "sex|label"))]
    lines.append(delimiter.join(("p", "NCIT:C16576", '"female, ""F"";\tor so"')))
    path.write_bytes((bom + ends.join(lines)).encode())

    (item,) = open_table(path).read()

    assert item.record == {
        "id": "p",
        "sex": {"id": "NCIT:C16576", "label": 'female, "F";\tor so'},
    }


def test_rows_count_as_in_a_spreadsheet(individuals: Path) -> None:
    rows = ('p,NCIT:C1,"two\nlines"', "", "q,NCIT:C2,x")
    items = read(individuals, f"id,{SEX}", *rows)

    assert [item.place for item in items] == ["row 2", "row 4"]
    assert items[0].record is not None
    assert items[0].record["sex"]["label"] == "two\nlines"


def test_gzipped_tables_are_read(tmp_path: Path) -> None:
    path = tmp_path / "individuals.tsv.gz"
    path.write_bytes(gzip.compress(b"id\tsex|id\np\tNCIT:C1\n"))

    assert [item.record for item in open_table(path).read()] == [
        {"id": "p", "sex": {"id": "NCIT:C1"}}
    ]


def test_columns_tell_the_entry_type_where_the_name_does_not(tmp_path: Path) -> None:
    item = one(tmp_path / "export.csv", "id,biosampleStatus|id,individualId", "s,EFO:1,p")

    assert item.entry_type == "biosample"


def test_rows_that_are_longer_or_shorter_than_the_header(individuals: Path) -> None:
    longer, shorter = read(individuals, f"id,{SEX}", "p,NCIT:C1,x,more", "q,NCIT:C2")

    assert longer.record is None
    assert said(longer) == [("row 2", "", "more cells than columns")]
    assert shorter.record is not None
    assert said(shorter) == [("row 3", "", "fewer cells than columns")]


def workbook(path: Path, sheets: dict[str, list[list[Any]]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def test_a_workbook_has_a_sheet_for_each_entry_type(tmp_path: Path) -> None:
    day = datetime.datetime(2020, 9, 11)
    path = workbook(
        tmp_path / "cohort.xlsx",
        {
            "Read me": [["how to fill this in"]],
            "individuals": [
                ["id", "measures|measurementValue|value", "phenotypicFeatures|excluded"],
                [1001.0, 26.5, True],
                [None, None, None],
                ["p", 7, "FALSE"],
            ],
            "Biosamples": [["id", "collectionDate"], ["s", day]],
            "datasets": [["id", "createDateTime"], ["d", day]],
        },
    )
    table = open_table(path)

    assert set(table.entry_types) == {"individual", "biosample", "dataset"}
    assert [(item.entry_type, item.place, item.record) for item in table.read()] == [
        (
            "individual",
            "sheet individuals, row 2",
            {
                "id": "1001",
                "measurements": [{"measurementValue": {"value": 26.5}}],
                "phenotypicFeatures": [{"excluded": True}],
            },
        ),
        (
            "individual",
            "sheet individuals, row 4",
            {
                "id": "p",
                "measurements": [{"measurementValue": {"value": 7}}],
                "phenotypicFeatures": [{"excluded": False}],
            },
        ),
        ("biosample", "sheet Biosamples, row 2", {"id": "s", "collectionDate": "2020-09-11"}),
        ("dataset", "sheet datasets, row 2", {"id": "d", "createDateTime": "2020-09-11T00:00:00Z"}),
    ]


def test_a_formula_without_its_result_keeps_the_row_out(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "cohort.xlsx",
        {"individuals": [["id", "measures|measurementValue|value"], ["p", "=1+1"], ["q", 2]]},
    )
    first, second = open_table(path).read()

    assert said(first) == [
        (
            "sheet individuals, row 2",
            "measures|measurementValue|value",
            "a formula without a result",
        )
    ]
    assert second.record is not None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        ("id,sex|id\nJ\xfcrgen,NCIT:C1\n".encode("latin-1"), "line 2 is not UTF-8 .byte 0xFC"),
        ("id,sex|id\n".encode("utf-16"), "is UTF-16 text"),
        (b"PK\x03\x04rest", "name a workbook .xlsx"),
        (b"id\0,sex|id\n", "binary data"),
        (b"id,sex|id,id\np,x,y\n", r"columns A \(id\) and C \(id\) are the same"),
        (b"id,sex|id,SEX_ID\np,x,y\n", r"columns B \(sex\|id\) and C \(SEX_ID\) are the same"),
        (b'id,sex|id\n"p,x\n', "row 2: .*no closing one"),
        (b'id,sex|id\n"p"q,x\n', "row 2: .*after a closing double quote"),
        (b"id,sex|id\rp,x\r", "carriage return alone"),
        (b"foo:bar:baz\n1:2:3\n", "separated by tabs, commas or semicolons"),
        (b"a," * 1_000_000 + b"\np\n", "1,000,000 columns"),
    ],
)
def test_a_file_that_is_no_table_is_refused_in_words(
    individuals: Path, content: bytes, message: str
) -> None:
    individuals.write_bytes(content)

    with pytest.raises(LoadError, match=message):
        list(open_table(individuals).read())
