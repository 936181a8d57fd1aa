"""Loading frequencies: every count is handed over as the file has it, or is accounted for."""

from __future__ import annotations

import functools
import gzip
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from frequency_sink import FrequencySink

from beacon.framework.errors import LoadError
from beacon.load import frequencies, frequency_vcf
from beacon.load.frequencies import choose_mapping, load_frequencies
from beacon.load.frequency_mapping import read_mapping
from beacon.load.report import Report
from beacon.model.allele import Allele

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
SITES, STRUCTURAL, GENOTYPES = "vcf-af-sites", "vcf-sv", "vcf-genotypes"
COUNTED = [
    ("evs", f"{SITES}/evs_subset.GRCh37.vcf.gz"),
    ("exac", f"{SITES}/exac_subset.GRCh37.vcf.gz"),
    ("gnomad-v2", f"{SITES}/gnomad_v2.1_exomes_chr1_293.GRCh37.vcf.gz"),
    ("gnomad-v2", f"{SITES}/hail_gnomad_exomes_r2.1.1_chr1.GRCh37.vcf.gz"),
    ("gnomad-v3", f"{SITES}/gnomad_v3.1_genomes.GRCh38.vcf"),
    ("gnomad-v4", f"{SITES}/gnomad_v4.0_exomes_chr1_101.GRCh38.vcf"),
    ("gnomad-v4", f"{SITES}/gnomad_v4.0_exomes_chrX.GRCh38.vcf.gz"),
    ("gnomad-sv-v2", f"{STRUCTURAL}/gnomad_v2.1_sv_sites.GRCh37.vcf"),
    ("gnomad-sv-v4", f"{STRUCTURAL}/gnomad_v4.0_sv_chr1_262.GRCh38.vcf.gz"),
    ("gnomad-cnv-v4", f"{STRUCTURAL}/gnomad_v4.0_cnv.GRCh38.vcf.gz"),
    ("1000-genomes-30x", f"{GENOTYPES}/1kg_pgx_genes_3202samples.GRCh38.vcf.gz"),
    ("plain", f"{GENOTYPES}/1kg_p3_chr22_first10k.GRCh37.vcf.gz"),
]
NOT_STATED = -1


def shared(name: str) -> Path:
    path = SHARED / name
    if not path.is_file():
        pytest.skip("the real data are not here")
    return path


def assembly_of(path: Path) -> str:
    return "GRCh38" if "GRCh38" in path.name else "GRCh37"


def load(path: Path, sink: FrequencySink | None = None, preset: str | None = None) -> Report:
    mapping = read_mapping(preset).mapping if preset else None
    return load_frequencies(
        sink or FrequencySink(), "d", assembly_of(path), [path], mapping=mapping
    )


@functools.cache
def loaded(path: Path) -> tuple[FrequencySink, Report]:
    sink = FrequencySink()
    return sink, load(path, sink)


def vcf(path: Path, *records: str) -> Path:
    """A file of records written `CHROM POS REF ALT INFO`."""
    rows = [["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO"]]
    for record in records:
        chrom, pos, ref, alt, info = record.split()
        rows.append([chrom, pos, ".", ref, alt, ".", ".", info])
    names = dict.fromkeys(name for record in records for name in re.findall(r"(\w+)=", record))
    header = "".join(f'##INFO=<ID={name},Number=.,Type=Integer,Description="">\n' for name in names)
    lines = "".join("\t".join(row) + "\n" for row in rows)
    path.write_text(f"##fileformat=VCFv4.3\n{header}{lines}")
    return path


def records(path: Path) -> Iterator[tuple[list[str], dict[str, str]]]:
    """The columns of each record and its INFO, by splitting text and nothing else."""
    with (
        path.open("rb") as stored,
        gzip.GzipFile(fileobj=stored) if path.suffix == ".gz" else stored as lines,
    ):
        for line in lines:
            if not line.startswith(b"#"):
                columns = [column.decode() for column in line.rstrip().split(b"\t", 8)[:8]]
                items = (item.partition("=") for item in columns[7].split(";"))
                yield columns, {name: value for name, _, value in items}


@pytest.mark.parametrize(("preset", "name"), COUNTED, ids=lambda value: Path(value).name)
def test_every_allele_of_a_real_file_is_accounted_for(preset: str, name: str) -> None:
    path = shared(name)

    chosen = choose_mapping([path], assembly_of(path))
    sink, report = loaded(path)

    assert chosen.name == preset
    assert report.items == sum(len(columns[4].split(",")) for columns, _ in records(path))
    lost = sum(finding.count for finding in report.not_loaded.values())
    assert report.items == report.alleles + lost + report.nothing_to_load.total()
    assert len(sink.published["d"].observations) == report.alleles
    assert lost == (11 if preset == "exac" else 0)  # split without splitting the counts


def gnomad(suffixes: dict[str, str]) -> Callable[[str], list[str]]:
    def fields(label: str) -> list[str]:
        parts = [suffixes.get(part, part) for part in label.split("_") if part != "Total"]
        return ["_".join((kind, *parts)) for kind in ("AC", "AN", "-", "nhomalt", "-")]

    return fields


def exac(label: str) -> list[str]:
    if label == "Total":
        return ["AC_Adj", "AN_Adj", "AC_Het", "AC_Hom", "AC_Hemi"]
    return [f"{kind}_{label}" for kind in ("AC", "AN", "Het", "Hom", "Hemi")]


def thousand_genomes(label: str) -> list[str]:
    end = "" if label == "Total" else f"_{label}"
    return [f"AC{end}", f"AN{end}", f"AC_Het{end}", f"AC_Hom{end}", "-"]


def gnomad_sv(label: str) -> list[str]:
    words = {"F": "FEMALE", "M": "MALE"}
    parts = [words.get(part, part) for part in label.split("_") if part != "Total"]
    men = parts if parts[-1:] == ["MALE"] else [*parts, "MALE"]
    fields = ["_".join((*parts, kind)) for kind in ("AC", "AN", "N_HET", "N_HOMALT")]
    return [*fields, "-" if parts[-1:] == ["FEMALE"] else "_".join((*men, "N_HEMIALT"))]


def gnomad_cnv(label: str) -> list[str]:
    return [*(field[:-2] + kind for field, kind in zip(gnomad_sv(label)[:2], ("SC", "SN"),
            strict=True)), "-", "-", "-"]  # fmt: skip


V2 = gnomad({"F": "female", "M": "male"})
V3 = gnomad({"F": "XX", "M": "XY"})
FIELDS = {
    "exac": exac,
    "gnomad-v2": V2,
    "gnomad-v3": V3,
    "gnomad-v4": V3,
    "gnomad-sv-v2": gnomad_sv,
    "gnomad-sv-v4": gnomad_sv,
    "gnomad-cnv-v4": gnomad_cnv,
    "1000-genomes-30x": thousand_genomes,
}
STRATA = {"exac": 8, "gnomad-v2": 36, "gnomad-v3": 33, "gnomad-v4": 30, "1000-genomes-30x": 6}


@pytest.mark.parametrize(
    ("preset", "name"),
    [pair for pair in COUNTED if pair[0] in FIELDS],
    ids=lambda value: Path(value).name,
)
def test_counts_are_those_of_the_file(preset: str, name: str) -> None:
    """All populations, both sexes, all alleles: what splitting the text of INFO finds."""
    path = shared(name)
    sink, _ = loaded(path)
    observed = iter(sink.published["d"].observations)
    fields = {label: FIELDS[preset](label) for label in sink.names}

    compared = 0
    for columns, info in records(path):
        alternates = columns[4].split(",")
        if preset == "exac" and "," in info["AC_Adj"]:
            continue  # not loaded
        for index in range(len(alternates)):
            one = next(observed)
            assert one.strata is not None
            for label, counts in zip(sink.names, one.strata.tolist(), strict=True):
                expected = []
                for field in fields[label]:
                    values = info.get(field, str(NOT_STATED)).split(",")
                    expected.append(int(values[index if len(values) > 1 else 0]))
                if preset == "1000-genomes-30x":
                    expected[3] //= 2  # alleles, two for each person
                if alternates == ["<CNV>"]:
                    at = fields[label][0].removesuffix("AC")
                    people = [int(info[f"{at}CN_{kind}"]) for kind in ("NONREF_COUNT", "NUMBER")]
                    expected = [*people, *[NOT_STATED] * 3] if people[1] else expected
                assert counts == expected, (columns[:5], label)
                compared += 1
            assert one.allele_number == one.strata[0, 1]
            assert one.allele_count == one.strata[0, 0]
            assert one.rows.size == 0
    assert next(observed, None) is None
    assert compared > 0
    assert len(sink.names) == STRATA.get(preset, len(sink.names))


def test_evs_people_are_counted_by_genotype() -> None:
    """`TAC` lists the alternates and then the reference; `GTS` names what `GTC` counts."""
    sink = FrequencySink()
    load(shared(COUNTED[0][1]), sink)

    snv = sink.strata(Allele.from_vcf("1", 69428, "T", "G"))
    deletion = sink.strata(Allele.from_vcf("1", 69620, "TA", "T"))
    assert snv == {
        "Total": (327, 10670, 141, 93, 0),
        "European American": (313, 6848, 129, 92, 0),
        "African American": (14, 3822, 12, 1, 0),
    }
    assert deletion["Total"] == (2, 7612, 0, 1, 0)


def test_evs_genotypes_of_several_alternates_and_of_men() -> None:
    mapping = read_mapping("evs").mapping
    names = {"TAC": "3,4,13", "GTS": "AA,AC,AT,CC,CT,TT,A,C,T", "GTC": "0,1,1,1,0,5,1,1,1"}
    info = ";".join(f"{name}={value}" for name, value in names.items()).encode()
    strata = frequency_vcf.strata_of(mapping, list(names), "f")
    reader = frequency_vcf.InfoReader(mapping, strata)

    cells = reader.read(info, [b"A", b"C"], sex_linked=True)

    assert cells == [b"3 20 2 0 1", b"4 20 1 1 1"]


def test_gdi_parquet_has_the_chromosome_in_its_name() -> None:
    sink = FrequencySink()
    path = shared(f"{SITES}/gdi_allele-freq-chr3_40-50Mb.GRCh37.parquet")
    pytest.importorskip("pyarrow")

    report = load(path, sink)

    assert report.alleles == report.records == report.items == 272_689
    assert sink.strata(Allele.from_vcf("3", 45864731, "T", "C"))["DEMO"][1] == 5008
    assert sink.strata(Allele.from_vcf("3", 40000020, "A", "T")) == {
        "Total": (1, 5008, NOT_STATED, NOT_STATED, NOT_STATED),
        "DEMO": (1, 5008, NOT_STATED, NOT_STATED, NOT_STATED),
    }


def test_gdi_fields_are_read_by_country_and_sex(tmp_path: Path) -> None:
    sink = FrequencySink()
    path = vcf(
        tmp_path / "gdi.vcf",
        "1 100 A C,G AC=5,1;AN=100;AC_Hom=2,0;AC_Het=3,1;AC_FI=2,1;AN_FI=40;AC_FI_F=1,0;AN_FI_F=20",
        "1 200 A C AC=5;AN=100;AC_Hom=2;AC_Het=3;AC_FI=2;AN_FI=40;AC_FI_F=1;AN_FI_F=20",
    )

    load(path, sink)

    one = (5, 100, 3, 1, NOT_STATED)
    none = (NOT_STATED,) * 3
    both = {"Total": one, "FI": (2, 40, *none), "FI_F": (1, 20, *none)}
    assert sink.strata(Allele.from_vcf("1", 100, "A", "C")) == both
    assert sink.strata(Allele.from_vcf("1", 200, "A", "C")) == both
    assert sink.strata(Allele.from_vcf("1", 100, "A", "G")) == {
        "Total": (1, 100, 1, 0, NOT_STATED),
        "FI": (1, 40, *none),
        "FI_F": (0, 20, *none),
    }


def test_hemizygous_men_are_counted_outside_the_pseudoautosomal_regions(tmp_path: Path) -> None:
    sink = FrequencySink()
    counts = "AC=9;AN=30;nhomalt=1;AC_XY=5;AN_XY=10;nhomalt_XY=0;AC_XX=4;AN_XX=20;AC_remaining=0"
    path = vcf(
        tmp_path / "g.GRCh38.vcf",
        f"chrX 9000000 A C {counts};non_par",
        f"chrX 9000001 A C {counts}",
        f"chr1 9000001 A C {counts};non_par",
    )

    load(path, sink, preset="gnomad-v4")

    hemizygous = [
        sink.strata(Allele.from_vcf(chrom, pos, "A", "C"))["Total"][4]
        for chrom, pos in (("X", 9000000), ("X", 9000001), ("1", 9000001))
    ]
    assert hemizygous == [5, NOT_STATED, NOT_STATED]


def test_records_are_read_by_what_they_have_and_not_by_what_the_ones_before_had(
    tmp_path: Path,
) -> None:
    sink = FrequencySink()
    path = vcf(
        tmp_path / "f.vcf",
        "1 100 A C AC=1;AN=10",
        "1 101 A C AC=1;AN=10;AC_Hom=0",
        "1 102 A C AC_Hom=0;AC=2;AN=10",
        "1 103 A C AN=10;DB;AC=2;DP=7",
        "1 104 A C DP=7;DB;AC=3.0;AN=10",
        "1 105 A C AC_Het=1;AC=3;AN=10",
        "1 106 A C AC=4;AN=10;AC_Het=.",
    )

    load(path, sink)

    found = [tuple(one.strata[0].tolist()) for one in sink.published["d"].observations]  # type: ignore[index]
    assert found == [
        (1, 10, -1, -1, -1),
        (1, 10, -1, 0, -1),
        (2, 10, -1, 0, -1),
        (2, 10, -1, -1, -1),
        (3, 10, -1, -1, -1),
        (3, 10, 1, -1, -1),
        (4, 10, -1, -1, -1),
    ]


@pytest.mark.parametrize(
    ("info", "reason"),
    [
        ("AC=1;DP=1", "the allele number is not stated"),
        ("AC=.;AN=10", "the allele count is not stated"),
        ("AC=x;AN=10", "the allele count is not a whole number"),
        ("AC=1.5;AN=10", "the allele count is not a whole number"),
        ("AC=-1;AN=10", "the allele count is negative"),
        ("AC=1,2;AN=10", "the allele count is not one value for each alternate"),
        ("AC=11;AN=10", "more alleles seen than called"),
    ],
)
def test_an_allele_without_counts_of_everybody_is_lost_with_the_reason(
    tmp_path: Path, info: str, reason: str
) -> None:
    path = vcf(tmp_path / "f.vcf", "1 99 A C AC=0;AN=10", f"1 100 A C {info}")

    report = load(path)

    assert (report.items, report.alleles) == (2, 1)  # seen in nobody is known, too
    assert {reason: found.count for reason, found in report.not_loaded.items()} == {reason: 1}
    assert report.not_loaded[reason].examples[0].place == "record 2 (1:100)"


@pytest.mark.parametrize(
    ("info", "kept", "reason"),
    [
        ("AC=3;AN=9;AC_Hom=3", (3, 9, -1, -1, -1), "an odd number of homozygous alleles"),
        ("AC=3;AN=9;AC_Hom=4", (3, 9, -1, -1, -1), "more copies in people than alleles seen"),
        ("AC=3;AN=9;AC_Het=x", (3, 9, -1, -1, -1), "the heterozygous of a population is not a "),
    ],
)
def test_counts_that_cannot_be_are_not_stated_with_a_warning(
    tmp_path: Path, info: str, kept: tuple[int, ...], reason: str
) -> None:
    sink = FrequencySink()

    report = load(vcf(tmp_path / "f.vcf", f"1 100 A C {info}"), sink)

    assert sink.strata(Allele.from_vcf("1", 100, "A", "C"))["Total"] == kept
    assert [warning.startswith(reason) for warning in report.warnings] == [True]


def test_a_population_with_more_seen_than_called_is_not_stated(tmp_path: Path) -> None:
    sink = FrequencySink()

    report = load(vcf(tmp_path / "f.vcf", "1 100 A C AC=3;AN=9;AC_FI=5;AN_FI=4"), sink)

    assert sink.strata(Allele.from_vcf("1", 100, "A", "C"))["FI"] == (NOT_STATED,) * 5
    assert list(report.warnings) == ["more alleles seen than called in a population"]


def test_genotypes_are_passed_over_and_the_report_says_so() -> None:
    _, report = loaded(shared(COUNTED[-1][1]))

    (warning,) = report.warnings
    assert warning == "genotypes are not loaded here, only the counts that the file states"


def test_a_count_is_made_of_a_frequency_only_where_the_mapping_says_so(tmp_path: Path) -> None:
    path = vcf(tmp_path / "f.vcf", "1 100 A C AF=0.0149;AN=200")
    mapping = tmp_path / "m.toml"
    mapping.write_text(
        'title = "m"\nhomozygous_counts = "people"\ncounts_from_frequency = true\n[[strata]]\n'
        'label = "Total"\nallele_frequency = "AF"\nallele_number = "AN"\n'
    )
    sink = FrequencySink()
    load(path, sink, preset=str(mapping))

    assert sink.strata(Allele.from_vcf("1", 100, "A", "C"))["Total"][:2] == (3, 200)
    with pytest.raises(LoadError, match="no counts that a preset knows"):
        load(path)


TABLE = """\
#chrom	pos	ref	alt	AC	AN	AC_FI	AN_FI	AC_FI_Het
1	100	A	C	3	20	1	10	1
chr1	101	AT	A	0	20	0	10	
1	102	A	A,T	1	20	1	10	.
1	x	A	T	1	20	1	10	.
1	104	A	T	1	NA	1	10	.
1	200	N	<DEL>	1	20	1	10	.
"""


@pytest.mark.parametrize("suffix", [".tsv", ".csv", ".tsv.gz", ".parquet"])
def test_tables_have_a_row_for_each_allele(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"t{suffix}"
    write_table(path, TABLE.replace("alt\t", "alt\tEND\t").replace("\t<DEL>", "\t<DEL>\t300"))
    sink = FrequencySink()

    report = load(path, sink)

    assert sink.names == ["Total", "FI"]
    assert sink.strata(Allele.from_vcf("1", 100, "A", "C")) == {
        "Total": (3, 20, -1, -1, -1),
        "FI": (1, 10, 1, -1, -1),
    }
    assert sink.strata(Allele.from_vcf("1", 101, "AT", "A"))["FI"] == (0, 10, -1, -1, -1)
    deletion = sink.published["d"].observations[-1].allele
    assert (deletion.start, deletion.end, deletion.variant_type) == (200, 300, "DEL")
    assert (report.records, report.items, report.alleles) == (6, 6, 3)
    assert set(report.not_loaded) == {
        "several alternates in one row",
        "outside the chromosome",
        "the allele number is not stated",
    }


def write_table(path: Path, text: str) -> None:
    rows = [line.split("\t") for line in text.splitlines()]
    rows = [row[:4] + [""] * (len(rows[0]) - len(row)) + row[4:] for row in rows]
    if path.suffix == ".parquet":
        parquet = pytest.importorskip("pyarrow.parquet")
        columns = dict(zip(rows[0], zip(*rows[1:], strict=True), strict=True))
        parquet.write_table(pytest.importorskip("pyarrow").table(columns), path)
        return
    if ".csv" in path.suffixes:
        rows = [[f'"{cell}"' for cell in row] for row in rows]
    joined = "".join(("," if ".csv" in path.suffixes else "\t").join(row) + "\n" for row in rows)
    path.write_bytes(gzip.compress(joined.encode()) if path.suffix == ".gz" else joined.encode())


LONG = """\
POS	REF	ALT	POPULATION	AC	AN	AC_HOM
100	A	C	FI	3	20	2
100	A	C	FI_F	1	10	0
100	A	G	FI	1	20	0
100	A	C	SE	4	40	4
101	A	C	SE	4	40	
101	A	C	SE	5	40	
"""


def test_rows_of_the_populations_of_an_allele_are_brought_together(tmp_path: Path) -> None:
    path = tmp_path / "allele-freq-chr7.4.tsv"
    path.write_text(LONG)
    sink = FrequencySink()

    report = load(path, sink)

    none = (NOT_STATED,) * 5
    assert sink.strata(Allele.from_vcf("7", 100, "A", "C")) == {
        "Total": (7, 60, -1, 3, -1),  # the sum of FI and SE; the women of FI are in FI
        "FI": (3, 20, -1, 1, -1),
        "FI_F": (1, 10, -1, 0, -1),
        "SE": (4, 40, -1, 2, -1),
    }
    assert sink.strata(Allele.from_vcf("7", 100, "A", "G")) == {
        "Total": (1, 20, -1, 0, -1),
        "FI": (1, 20, -1, 0, -1),
        "FI_F": none,
        "SE": none,
    }
    assert (report.records, report.items, report.alleles) == (6, 4, 3)
    assert list(report.not_loaded) == ["an allele has a population twice"]


def test_rows_of_populations_have_to_be_sorted(tmp_path: Path) -> None:
    path = tmp_path / "allele-freq-chr7.4.tsv"
    path.write_text(LONG + "100\tA\tC\tNO\t1\t2\t\n")
    sink = FrequencySink()

    with pytest.raises(LoadError, match="is not sorted: 7:100 comes after 7:101"):
        load(path, sink)
    assert not sink.published


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("f.tsv", "CHROM\tPOS\tREF\tALT\tAC\tAN\n1\t100\tA\n", "damaged at row 1"),
        ("f.tsv", "CHROM\tPOS\tREF\tAC\tAN\n1\t1\tA\t1\t2\n", "no column ALT"),
        ("f.tsv", "", "no header line"),
        ("f.csv.gz", "POS,AC\n", "damaged or not a table"),
        ("f.parquet", "PAR1", "not a Parquet file"),
        ("f.docx", "x", "neither VCF"),
        (
            "allele-freq.tsv",
            "POS\tREF\tALT\tPOPULATION\tAC\tAN\n1\tA\tC\tFI\t1\t2\n",
            "no column C",
        ),
    ],
)
def test_a_table_that_cannot_be_read_publishes_nothing(
    tmp_path: Path, name: str, content: str, problem: str
) -> None:
    path = tmp_path / name
    path.write_text(content)
    sink = FrequencySink()

    with pytest.raises(LoadError, match=problem):
        load(path, sink)
    assert not sink.published


def test_files_that_need_different_mappings_are_refused(tmp_path: Path) -> None:
    one = vcf(tmp_path / "one.vcf", "1 100 A C AC=3;AN=9")
    other = vcf(tmp_path / "other.vcf", "1 100 A C AC=3;AN=9;AC_FI=1;AN_FI=2")

    with pytest.raises(LoadError, match="recognised as plain and"):
        load_frequencies(FrequencySink(), "d", "GRCh37", [one, other])


def test_populations_of_all_files_of_a_load_have_one_order(tmp_path: Path) -> None:
    one = vcf(tmp_path / "one.vcf", "1 100 A C AC=3;AN=9;AC_SE=1;AN_SE=2")
    other = vcf(tmp_path / "other.vcf", "1 200 A C AC=3;AN=9;AC_FI=1;AN_FI=3")
    sink = FrequencySink()

    load_frequencies(sink, "d", "GRCh37", [one, other])

    assert sink.names == ["Total", "SE", "FI"]
    assert sink.strata(Allele.from_vcf("1", 200, "A", "C"))["SE"] == (NOT_STATED,) * 5
    assert sink.strata(Allele.from_vcf("1", 200, "A", "C"))["FI"][:2] == (1, 3)


@pytest.mark.parametrize("kind", ["vcf", "tsv"])
def test_an_interrupted_load_goes_on_where_it_was(tmp_path: Path, kind: str) -> None:
    size = frequencies.MARK_EVERY + 2_500
    path = tmp_path / f"allele-freq-chr1.{kind}"
    if kind == "vcf":
        vcf(path, *(f"1 {pos} A C AC=3;AN=9" for pos in range(1, size + 1)))
    else:
        rows = (f"{pos}\tA\tC\tFI\t3\t9\n" for pos in range(1, size + 1))
        path.write_text("POS\tREF\tALT\tPOPULATION\tAC\tAN\n" + "".join(rows))
    sink = FrequencySink(stop_after_mark=1)
    with pytest.raises(KeyboardInterrupt):
        load(path, sink)

    report = load(path, sink)

    assert report.alleles == size
    observed = [one.allele.start for one in sink.published["d"].observations]
    assert observed == list(range(size))
    assert load(path, sink).already_loaded == [str(path)]


def test_a_file_on_another_assembly_is_refused() -> None:
    path = shared(COUNTED[2][1])

    with pytest.raises(LoadError, match="GRCh37"):
        load_frequencies(FrequencySink(), "d", "GRCh38", [path])


def test_a_damaged_file_publishes_nothing(tmp_path: Path) -> None:
    path = vcf(tmp_path / "f.vcf", "1 100 A C AC=3;AN=9")
    path.write_text(path.read_text() + "1\t200\tA\n")
    sink = FrequencySink()

    with pytest.raises(LoadError, match="record 2: it has 3 columns"):
        load(path, sink)
    assert not sink.published
