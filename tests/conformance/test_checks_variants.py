"""Conformance checks 63 to 102: questions about genomic variation."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance import seed
from tests.conformance.checks import check, rows
from tests.conformance.client import Beacon, answered, refused

SITE: dict[str, Any] = {"referenceName": "refseq:NC_000017.11"}
Q1: dict[str, Any] = {**SITE, "start": [7577120], "referenceBases": "G", "alternateBases": "A"}
Q5 = {**SITE, "start": [7572837], "end": [7578641]}
Q6 = {**Q5, "variantType": "DEL"}
BRACKET = {**SITE, "start": [5000000, 7676592], "end": [7669607, 10000000]}
CHR8 = {"referenceName": "refseq:NC_000008.11"}
CHR9 = {"referenceName": "refseq:NC_000009.12"}


def _range(start: int, end: int, **more: Any) -> dict[str, Any]:
    return {**SITE, "start": [start], "end": [end], **more}


def _bracket(start: tuple[int, int], end: tuple[int, int], **more: Any) -> dict[str, Any]:
    return {**SITE, "start": list(start), "end": list(end), **more}


WORKED_EXAMPLES: list[tuple[dict[str, Any], str]] = [
    (Q1, "A"),
    ({**Q1, "alternateBases": "N"}, "AB"),
    ({**SITE, "start": [7577120], "alternateBases": "T"}, "B"),
    ({**Q1, "start": [7577121]}, ""),
    (Q5, "ABCDEGHI"),
    (Q6, "CEHI"),
    ({**Q6, "variantMaxLength": 1000}, "C"),
    ({**Q6, "variantMinLength": 1000}, "EHI"),
    ({**Q5, "alternateBases": "A"}, "A"),
    (_range(7577121, 7577122, variantMaxLength=100), ""),
    (_range(7577119, 7577120, variantMaxLength=100), ""),
    (_range(7577120, 7577121, variantMaxLength=100), "AB"),
    (_range(7668420, 7687490), "EFGHIJ"),
    ({**BRACKET, "variantType": "DEL"}, "EFHI"),
    (BRACKET, "EFGHIJ"),
    (_bracket((7675360, 7675361), (7676734, 7676735)), "F"),
    (_bracket((5000000, 7675360), (7669607, 10000000), variantType="DEL"), "EHI"),
    (_range(7577400, 7577600, alternateBases="N"), ""),
    ({**SITE, "start": [7577000], "referenceBases": "CAAG", "alternateBases": "C"}, "C"),
    ({**Q1, "referenceName": "17", "assemblyId": "GRCh38"}, "A"),
    ({**Q1, "referenceName": "NC_000017.10"}, ""),
    ({"geneId": "TP53", "variantType": "DEL"}, "EFHI"),
    ({**BRACKET, "variantType": "EFO:0030067"}, "EFHI"),
]


@pytest.mark.parametrize(("g_variant", "expected"), rows(63, WORKED_EXAMPLES))
def test_worked_example(beacon: Beacon, g_variant: dict[str, Any], expected: str) -> None:
    """Checks 63 to 85."""
    assert beacon.ids("/g_variants", g_variant=g_variant) == set(expected)


@check(80, 81)
def test_worked_examples_with_two_halves(beacon: Beacon) -> None:
    """Checks 80 and 81: the second halves of the rows 18 and 19."""
    assert beacon.ids("/g_variants", g_variant=_range(7577400, 7577600, alternateBases="NGG")) == {
        "D"
    }
    trimmed = {**SITE, "start": [7577001], "referenceBases": "AAG", "alternateBases": ""}
    assert beacon.ids("/g_variants", g_variant=trimmed) == {"C"}


@check(86)
@pytest.mark.parametrize(
    ("start", "end", "found"),
    [
        (7674856, 7674857, False),  # ends where J starts
        (7674856, 7674858, True),
        (7674857, 7674858, True),
        (7674858, 7674859, False),  # starts where J ends
        (7674857, 7674859, True),
    ],
)
def test_range_is_half_open(beacon: Beacon, start: int, end: int, found: bool) -> None:
    """Check 86."""
    asked = _range(start, end, variantMaxLength=1)

    assert beacon.ids("/g_variants", g_variant=asked) == ({"J"} if found else set())


@check(87)
@pytest.mark.parametrize(
    ("start", "end", "found"),
    [
        ((7675360, 7675361), (7676734, 7676735), True),
        ((7675360, 7675400), (7676734, 7676800), True),  # lower bounds are included
        ((7675300, 7675361), (7676700, 7676735), True),
        ((7675361, 7675400), (7676734, 7676735), False),
        ((7675300, 7675360), (7676734, 7676735), False),  # upper bounds are not
        ((7675360, 7675361), (7676735, 7676800), False),
        ((7675360, 7675361), (7676700, 7676734), False),
    ],
)
def test_bracket_is_half_open(
    beacon: Beacon, start: tuple[int, int], end: tuple[int, int], found: bool
) -> None:
    """Check 87."""
    asked = _bracket(start, end, variantType="DEL")

    assert beacon.ids("/g_variants", g_variant=asked) == ({"F"} if found else set())


@check(88)
def test_precise_bracket_finds_what_a_sequence_query_finds(beacon: Beacon) -> None:
    """Check 88."""
    by_bracket = beacon.ids(
        "/g_variants", g_variant=_bracket((7577120, 7577121), (7577121, 7577122))
    )

    assert by_bracket == beacon.ids("/g_variants", g_variant={**Q1, "alternateBases": "N"})


@check(89)
def test_variant_that_spans_the_range_is_found(beacon: Beacon) -> None:
    """Check 89."""
    assert beacon.ids("/g_variants", g_variant=_range(7500000, 7500001)) == {"E", "G", "H"}


@check(90)
@pytest.mark.parametrize(
    ("bases", "expected"),
    [
        ({"alternateBases": "ANNT"}, {"O4"}),
        ({"alternateBases": "NN"}, {"O2"}),
        ({"alternateBases": "NNNNN"}, {"O5"}),
        ({"alternateBases": "ACGT", "referenceBases": "NNNN"}, {"O4"}),
        ({"alternateBases": "ACGT", "referenceBases": "TCCN"}, {"O4"}),
        ({"alternateBases": "ACGT", "referenceBases": "NNN"}, set()),
        ({"alternateBases": "ACKT"}, {"O4"}),  # K is G or T
        ({"alternateBases": "ACMT"}, set()),
    ],
)
def test_wildcard_stands_for_one_base(
    beacon: Beacon, bases: dict[str, str], expected: set[str]
) -> None:
    """Check 90."""
    assert beacon.ids("/g_variants", g_variant={**CHR8, "start": [1000], **bases}) == expected


@check(90, 100)
@pytest.mark.parametrize("bases", ["A.*T", "A?", "[ACGT]", "^A", "A|C", "<DEL>", "acgt", "A C"])
def test_bases_that_are_none_are_refused(beacon: Beacon, bases: str) -> None:
    """Checks 90 and 100."""
    for name in ("alternateBases", "referenceBases"):
        asked = {**Q1, name: bases}
        beacon.refused("/g_variants", {"requestParameters": {"g_variant": asked}})
        refused(beacon.get("/g_variants", **asked), 400)


@check(91)
@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("DUP", {"M", "N"}),
        ("EFO:0030070", {"M", "N"}),
        ("SO:0001742", {"M", "N"}),
        ("DEL", {"L"}),
        ("EFO:0030067", {"L"}),
        ("SO:0001743", {"L"}),
        ("del", {"L"}),
        ("EFO:0020073", {"L"}),
        ("EFO:0030069", {"L"}),
        ("EFO:0030071", set()),
        ("EFO:0030068", set()),
    ],
)
def test_types_of_one_meaning_find_the_same(beacon: Beacon, asked: str, expected: set[str]) -> None:
    """Check 91."""
    assert beacon.ids("/g_variants", g_variant={**CHR9, "variantType": asked}) == expected


@check(91)
def test_narrower_type_does_not_find_the_wider(beacon: Beacon) -> None:
    """Check 91: what is only known to be a loss is no complete loss."""
    asked = {**BRACKET, "variantType": "EFO:0030069"}

    assert beacon.ids("/g_variants", g_variant=asked) == set()


@check(92)
@pytest.mark.parametrize(
    ("lengths", "expected"),
    [
        ({"variantMinLength": 3, "variantMaxLength": 3}, {"C"}),
        ({"variantMinLength": 4, "variantMaxLength": 1000}, set()),
        ({"variantMinLength": 2, "variantMaxLength": 2}, {"D"}),
        ({"variantMaxLength": 1}, {"A", "B"}),
        ({"variantMinLength": 1, "variantMaxLength": 3}, {"A", "B", "C", "D"}),
    ],
)
def test_lengths_are_inclusive(beacon: Beacon, lengths: dict[str, int], expected: set[str]) -> None:
    """Check 92."""
    assert beacon.ids("/g_variants", g_variant={**Q5, **lengths}) == expected


@check(82, 93)
@pytest.mark.parametrize("assembly", [None, "GRCh38", "hg38", "GRCh38.p13", "GCF_000001405.39"])
@pytest.mark.parametrize(
    "reference_name",
    ["17", "chr17", "NC_000017.11", "refseq:NC_000017.11", "CM000679.2", 17],
)
def test_names_of_one_chromosome_find_the_same(
    beacon: Beacon, reference_name: str | int, assembly: str | None
) -> None:
    """Checks 82 and 93."""
    asked = {**Q1, "referenceName": reference_name}
    if assembly is not None:
        asked["assemblyId"] = assembly

    assert beacon.ids("/g_variants", g_variant=asked) == {"A"}


@check(93)
def test_no_coordinates_of_another_assembly(beacon: Beacon, two_assemblies: Beacon) -> None:
    """Check 93."""
    contradiction: dict[str, Any] = {**Q1, "assemblyId": "GRCh37"}
    ambiguous: dict[str, Any] = {**Q1, "referenceName": "17"}
    for asked in (contradiction, ambiguous):
        refused(two_assemblies.get("/g_variants", **asked), 400)
    refused(beacon.get("/g_variants", **contradiction), 400)
    for name, expected in (("NC_000017.10", ("old-A", "old")), ("NC_000017.11", ("A", "open"))):
        reply = answered(
            two_assemblies.get(
                "/g_variants", **{**Q1, "referenceName": name}, requestedGranularity="record"
            )
        )
        assert reply.ids(expected[1]) == [expected[0]]
        assert list(reply.sets) == [expected[1]]


@check(93)
def test_hidden_dataset_makes_no_name_ambiguous(beacon: Beacon) -> None:
    """Check 93: `old` is on another assembly, and nobody may notice."""
    assert beacon.ids("/g_variants", g_variant={**Q1, "referenceName": "17"}) == {"A"}


@check(94)
def test_gene(beacon: Beacon) -> None:
    """Check 94."""
    assert beacon.ids("/g_variants", g_variant={"geneId": "TP53"}) == set("EFGHIJ")
    assert beacon.ids("/g_variants", g_variant={"geneId": "TP53", "variantType": "DUP"}) == {"G"}
    assert beacon.ids("/g_variants", g_variant={"geneId": "BRAF"}) == {"K"}
    assert beacon.ids("/g_variants", g_variant={"geneId": "NO-SUCH-GENE"}) == set()
    assert beacon.ids("/g_variants", g_variant={**SITE, "geneId": "BRAF"}) == set()


@check(95)
@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"aminoacidChange": "V600E"}, True),
        ({"aminoacidChange": "V600E", "geneId": "BRAF"}, True),
        ({"aminoacidChange": "V600E", "geneId": "TP53"}, False),
        ({"aminoacidChange": "V600"}, False),
        ({"genomicAlleleShortForm": "NC_000007.14:g.140753336A>T"}, True),
        ({"genomicAlleleShortForm": "NM_004333.6:c.1799T>A"}, True),
        ({"genomicAlleleShortForm": "NP_004324.2:p.Val600Glu"}, True),
        ({"genomicAlleleShortForm": "NM_004333.6:c.1799T"}, False),
    ],
)
def test_annotation(beacon: Beacon, asked: dict[str, str], found: bool) -> None:
    """Check 95."""
    assert beacon.ids("/g_variants", g_variant=asked) == ({"K"} if found else set())


@check(96)
def test_lists_in_a_get(beacon: Beacon) -> None:
    """Check 96."""
    name = "referenceName=refseq:NC_000017.11&requestedGranularity=record&limit=0"
    raws = (
        "start=5000000,7676592&end=7669607,10000000",
        "start=5000000&start=7676592&end=7669607&end=10000000",
        "start=5000000%2C7676592&end=7669607%2C10000000",
    )
    replies = [answered(beacon.get("/g_variants", raw=f"{raw}&{name}")) for raw in raws]

    by_post = beacon.ask("/g_variants", g_variant=BRACKET, datasets=()).document["response"]
    assert [reply.document["response"] for reply in replies] == [by_post] * len(raws)


@check(97)
def test_parameters_by_their_other_names(beacon: Beacon) -> None:
    """Check 97."""
    options = "requestedGranularity=record&limit=0&datasetIds=open"
    for raw, expected in (
        ("geneid=BRAF", ["K"]),
        ("allele=NM_004333.6:c.1799T%3EA", ["K"]),
        ("geneid=TP53&variantType=DUP", ["G"]),
    ):
        reply = answered(beacon.get("/g_variants", raw=f"{raw}&{options}"))

        assert reply.ids() == expected
        assert reply.received["requestParameters"]["g_variant"].keys() <= {
            "geneId",
            "genomicAlleleShortForm",
            "variantType",
        }


@check(98)
@pytest.mark.parametrize(
    "parameters",
    [
        {"g_variant": Q6},
        {"genomicVariant": Q6},
        Q6,
        [Q5, {"variantType": "DEL"}],
        {"g_variant": {**Q6, "start": 7572837, "end": "7578641"}},
        {"g_variant": {**Q6, "start": ["7572837"]}},
    ],
)
def test_shapes_of_parameters_mean_the_same(beacon: Beacon, parameters: Any) -> None:
    """Check 98."""
    query = {"requestParameters": parameters, "requestedGranularity": "record"}
    for reply in (
        beacon.post("/g_variants", query),
        beacon.post(
            "/g_variants", {"requestedGranularity": "record"}, requestParameters=parameters
        ),
    ):
        assert set(answered(reply).ids()) == set("CEHI")
        assert reply.received["requestParameters"] == {"g_variant": Q6}


@check(99)
def test_datasets_can_be_chosen(beacon: Beacon) -> None:
    """Check 99."""
    for chosen, expected in (
        (["open"], ["open"]),
        (["shy", "open"], ["open", "shy"]),
        (["nothing"], []),
        (["nothing", "open"], ["open"]),
        (["hidden"], []),
    ):
        shapes: list[Any] = [
            {"datasets": {"datasetIds": chosen}},
            {"datasets": chosen},
            {"datasetIds": chosen},
        ]
        replies = [
            beacon.post(
                "/g_variants", {"requestParameters": one, "includeResultsetResponses": "ALL"}
            )
            for one in shapes
        ]
        replies += [
            beacon.get(
                "/g_variants",
                raw=f"{name}={','.join(chosen)}",
                includeResultsetResponses="ALL",
            )
            for name in ("datasetIds", "datasets")
        ]
        for reply in replies:
            assert sorted(answered(reply).sets) == expected
            assert reply.summary["exists"] == bool(expected)


@check(100)
@pytest.mark.parametrize(
    "asked",
    [
        {**SITE, "start": [7577120]},
        {**SITE, "start": [7577120], "referenceBases": "G"},
        {**SITE, "start": [7577120], "variantType": "SNP"},
        {**SITE, "start": [7577120], "variantMinLength": 1},
        {**SITE, "start": [1, 2]},
        {**SITE, "end": [2]},
        {**SITE, "end": [1, 2]},
        {**SITE, "start": [1, 2], "end": [3]},
        {**SITE, "start": [1], "end": [2, 3]},
        {**SITE, "start": [1, 2, 3], "end": [4]},
        {**SITE, "start": [1, 2, 3], "end": [4, 5, 6]},
        {**SITE, "start": [], "end": [5]},
        {**SITE, "start": [-1], "end": [5]},
        {**SITE, "start": [1.5], "end": [5]},
        {**SITE, "start": ["x"], "end": [5]},
        {**SITE, "start": [6], "end": [5]},
        {**SITE, "start": [5], "end": [5]},
        {**SITE, "start": [6, 5], "end": [8, 9]},
        {**SITE, "start": [5, 6], "end": [9, 8]},
        {"start": [1], "end": [5]},
        {"start": [1], "alternateBases": "A"},
        {"assemblyId": "GRCh38", "start": [1], "end": [5]},
        {**Q1, "alternateBases": "<DEL>"},
        {**Q1, "alternateBases": "a"},
        {**Q1, "referenceName": "chr99"},
        {**Q1, "assemblyId": "GRCh99"},
        {**Q1, "mateName": "9"},
        {**Q5, "variantMinLength": -1},
        {**Q5, "variantMaxLength": 0},
        {**Q5, "variantMinLength": 9, "variantMaxLength": 8},
        {"geneId": ["TP53", "BRAF"]},
        {"geneId": {"$ne": ""}},
        {**Q5, "varianType": "DEL"},
        {**Q5, "variantType": ""},
    ],
    ids=str,
)
def test_parameters_that_make_no_question_are_refused(
    beacon: Beacon, asked: dict[str, Any]
) -> None:
    """Check 100, on every kind of endpoint, as no source may see such a thing."""
    for path in ("/g_variants", "/individuals", "/datasets", "/biosamples/B01/g_variants"):
        assert beacon.refused(path, {"requestParameters": {"g_variant": asked}})


@check(101)
def test_carriers_of_a_variant(beacon: Beacon) -> None:
    """Check 101."""
    expected = {
        "/individuals": {"I01", "I02"},
        "/biosamples": {"B01", "B02"},
        "/runs": {"R01", "R02"},
        "/analyses": {"A01", "A02"},
    }
    for path, found in expected.items():
        assert beacon.ids(path, g_variant=Q1) == found
    assert beacon.ids("/individuals", g_variant={"geneId": "BRAF"}) == {"I11", "I25"}
    # Nobody is known to carry Z, though the variant is known.
    unseen = {**CHR8, "start": [9000], "alternateBases": "C"}
    assert beacon.ids("/g_variants", g_variant=unseen) == {"Z"}
    assert beacon.ids("/individuals", g_variant=unseen) == set()


@check(101)
def test_collections_with_a_variant(beacon: Beacon) -> None:
    """Check 101, for datasets and cohorts."""
    gain = {**SITE, "start": [7354708, 7354709], "end": [7671298, 7671299]}
    for asked, datasets, cohorts in (
        (Q1, ["open"], []),  # I01 and I02 are in neither cohort
        (gain, ["open"], ["diabetes"]),
        ({"geneId": "NO-SUCH-GENE"}, [], []),
    ):
        for path, found in (("/datasets", datasets), ("/cohorts", cohorts)):
            reply = beacon.ask(path, g_variant=asked)

            assert [one["id"] for one in reply.document["response"]["collections"]] == found
            assert reply.summary == {"exists": bool(found), "numTotalResults": len(found)}


@check(101)
def test_only_carriers_that_are_asked_for_are_shown(beacon: Beacon) -> None:
    """Check 101: caseLevelData of a variant names those who meet the other conditions."""
    reply = beacon.ask("/g_variants", g_variant=Q1, filters=[seed.FEMALE["id"]])
    [record] = reply.records()

    assert [one["individualId"] for one in record["caseLevelData"]] == ["I01"]


@check(102)
@pytest.mark.parametrize(
    ("start", "reference_bases", "alternate_bases", "found"),
    [
        (7577499, "T", "TGG", "D"),
        (7577500, "", "GG", "D"),
        (7577000, "CAAG", "C", "C"),
        (7577001, "AAG", "", "C"),
        (7577499, "T", "TG", ""),
        (7577499, "", "GG", ""),
        (7577000, "AAG", "", ""),
    ],
)
def test_both_notations_of_an_indel(
    beacon: Beacon, start: int, reference_bases: str, alternate_bases: str, found: str
) -> None:
    """Check 102."""
    asked = {
        **SITE,
        "start": [start],
        "referenceBases": reference_bases,
        "alternateBases": alternate_bases,
    }

    assert beacon.ids("/g_variants", g_variant=asked) == set(found)
