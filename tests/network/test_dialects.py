"""Members are asked in the dialect that they understand, and never asked anything else."""

from __future__ import annotations

import dataclasses
import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from beacon.framework.entry_types import endpoints
from beacon.framework.query import (
    Filter,
    Granularity,
    Include,
    Operator,
    Pagination,
    Query,
    RequestedSchema,
    VariationQuery,
    Within,
)
from beacon.framework.request import Limits, decode_get, decode_post
from beacon.model.entry_types import MODEL
from beacon.network.dialects import Dialect, dialect_of_version, spoken
from beacon.network.requests import RECORDS_BYTES, SUMMARY_BYTES, encode
from beacon.network.states import MemberFailure, State
from beacon.settings import DialectSettings, Naming, Shape, Verb

LENIENT = dataclasses.replace(MODEL, check_variation=lambda variation: None)
BY_PATTERN = {one.pattern: one for one in endpoints(MODEL)}
ALLELE = VariationQuery(
    assembly_id="GRCh38",
    reference_name="17",
    start=(7577120,),
    reference_bases="G",
    alternate_bases="A",
)
VARIANT = Query(entry_type="genomicVariant", granularity=Granularity.COUNT, variation=ALLELE)
SEIZURES = Filter(id="HP:0001250", scope="individual")


def body_of(query, **dialect):
    return json.loads(encode(query, Dialect(**dialect), MODEL).body)


def parameters_of(variation, **dialect):
    asked = body_of(replace(VARIANT, variation=variation), **dialect)["query"]
    return asked["requestParameters"]


def test_the_default_is_what_the_schemas_say():
    request = encode(replace(VARIANT, filters=(SEIZURES,)), Dialect(), MODEL)

    assert (request.method, request.target) == ("POST", "/g_variants")
    assert json.loads(request.body) == {
        "meta": {"apiVersion": "v2.2.0", "requestedSchemas": []},
        "query": {
            "requestParameters": {
                "g_variant": {
                    "assemblyId": "GRCh38",
                    "referenceName": "17",
                    "start": [7577120],
                    "referenceBases": "G",
                    "alternateBases": "A",
                }
            },
            "filters": [{"id": "HP:0001250", "scope": "individual"}],
            "includeResultsetResponses": "ALL",
            "requestedGranularity": "count",
            "pagination": {"skip": 0, "limit": 10},
            "testMode": False,
        },
    }


@pytest.mark.parametrize("include", Include)
@pytest.mark.parametrize("granularity", [one for one in Granularity if one])
def test_all_result_sets_are_asked_for(include, granularity):
    query = replace(VARIANT, include=include, include_given=True, granularity=granularity)

    assert body_of(query)["query"]["includeResultsetResponses"] == "ALL"


def test_records_that_nobody_sees_are_not_fetched():
    page = Pagination(skip=3, limit=100)
    records = replace(VARIANT, granularity=Granularity.RECORD, pagination=page, include_given=True)
    misses = body_of(replace(records, include=Include.MISS))["query"]
    nothing = body_of(replace(records, include=Include.NONE))["query"]

    assert body_of(records)["query"]["pagination"] == {"skip": 3, "limit": 100}
    assert misses["requestedGranularity"] == "record"
    assert misses["pagination"] == {"skip": 0, "limit": 1}
    assert nothing["requestedGranularity"] == "count"


def test_only_pages_of_records_may_be_long():
    records = replace(VARIANT, granularity=Granularity.RECORD)

    assert encode(VARIANT, Dialect(), MODEL).limit_bytes == SUMMARY_BYTES
    assert encode(records, Dialect(), MODEL).limit_bytes == RECORDS_BYTES


@pytest.mark.parametrize(
    ("query", "target"),
    [
        (replace(VARIANT, entry_id="a/b?c", variation=None), "/g_variants/a%2Fb%3Fc"),
        (replace(VARIANT, within=Within("individual", "p 1")), "/individuals/p%201/g_variants"),
        (Query(entry_type="dataset"), "/datasets"),
    ],
)
def test_paths_are_encoded(query, target):
    assert encode(query, Dialect(), MODEL).target == target
    in_path = Dialect(api_version="v2.0.0", version_in_path=True)
    assert encode(query, in_path, MODEL).target == f"/v2.0.0{target}"


def test_flat_parameters_lie_beside_the_datasets():
    query = replace(VARIANT, dataset_ids=("a", "b"))
    flat = body_of(query, nested=False)["query"]["requestParameters"]
    listed = body_of(query, nested=False, listed_datasets=True)["query"]["requestParameters"]

    assert "g_variant" not in flat
    assert flat["start"] == [7577120]
    assert flat["datasets"] == {"datasetIds": ["a", "b"]}
    assert listed == {**flat, "datasets": ["a", "b"]}


def test_a_single_position_may_be_a_number():
    bracket = replace(ALLELE, start=(1, 2), end=(3, 4), reference_bases=None, alternate_bases=None)

    assert parameters_of(ALLELE, nested=False, scalar_positions=True)["start"] == 7577120
    assert parameters_of(bracket, nested=False, scalar_positions=True)["start"] == [1, 2]


@pytest.mark.parametrize(
    ("reference_name", "assembly_id", "prefix", "said"),
    [
        ("17", "GRCh38", None, ("17", "GRCh38")),
        ("17", "hg38", "chr", ("chr17", "GRCh38")),
        ("17", "GRCh38", "refseq", ("refseq:NC_000017.11", "GRCh38")),
        ("17", "GRCh37", "refseq", ("refseq:NC_000017.10", "GRCh37")),
        ("refseq:NC_000017.11", None, "", ("17", "GRCh38")),
        ("NC_000017.10", None, "chr", ("chr17", "GRCh37")),
        ("chrM", "GRCh38", "", ("MT", "GRCh38")),
        ("MT", "GRCh38", "chr", ("chrM", "GRCh38")),
        ("17", None, "refseq", ("17", None)),  # an accession would name an assembly
        ("17", None, "chr", ("chr17", None)),
        ("GL000220.1", "GRCh38", "chr", ("GL000220.1", "GRCh38")),
        ("17", "T2T-CHM13v2.0", "chr", ("17", "T2T-CHM13v2.0")),
        ("NC_000017.10", "GRCh38", "chr", ("NC_000017.10", "GRCh38")),  # no question at all
    ],
)
def test_sequences_are_called_as_the_member_calls_them(reference_name, assembly_id, prefix, said):
    variation = replace(ALLELE, reference_name=reference_name, assembly_id=assembly_id)

    asked = parameters_of(variation, prefix=prefix)["g_variant"]

    assert (asked["referenceName"], asked.get("assemblyId")) == said


def test_both_ends_of_a_fusion_are_called_alike():
    variation = VariationQuery(assembly_id="GRCh38", reference_name="17", mate_name="NC_000009.12")

    asked = parameters_of(variation, prefix="chr")["g_variant"]

    assert (asked["referenceName"], asked["mateName"]) == ("chr17", "chr9")


def test_scopes_may_be_plural():
    unknown = Filter(id="HP:0001250", scope="patients")
    without = Filter(id="HP:0001250")
    query = Query(entry_type="individual", filters=(SEIZURES, unknown, without))

    assert [one.get("scope") for one in body_of(query, plural_scopes=True)["query"]["filters"]] == [
        "individuals",
        "patients",
        None,
    ]


def test_filters_may_be_text():
    adults = Filter(id="age", operator=Operator.GREATER, value="P18Y")
    query = Query(entry_type="individual", filters=(adults, Filter(id="HP:0001250")))

    assert body_of(query, filters_as_text=True)["query"]["filters"] == ["age:>P18Y", "HP:0001250"]


@pytest.mark.parametrize("entry_id", [".", ".."])
def test_an_id_that_would_lead_to_another_path_is_not_asked_for(entry_id):
    single = Query(entry_type="individual", entry_id=entry_id)
    linked = Query(entry_type="biosample", within=Within("individual", entry_id))

    for one in (single, linked):
        with pytest.raises(MemberFailure) as failure:
            encode(one, Dialect(), MODEL)
        assert failure.value.state is State.NOT_APPLICABLE


@pytest.mark.parametrize(
    "dialect", [Dialect(filters_as_text=True), Dialect(verb="GET")], ids=["text", "get"]
)
def test_what_a_dialect_cannot_say_is_not_asked(dialect):
    """Without its scope, or with its descendants, a filter is another question."""
    exactly = Filter(id="HP:0001250", include_descendant_terms=False)

    for one in (SEIZURES, exactly):
        with pytest.raises(MemberFailure) as failure:
            encode(Query(entry_type="individual", filters=(one,)), dialect, MODEL)

        assert failure.value.state is State.NOT_APPLICABLE
        assert "HP:" not in failure.value.reason


def test_a_get_may_have_the_names_of_the_openapi_documents():
    variation = VariationQuery(gene_id="BRCA1", genomic_allele_short_form="NC_000017.11:g.1A>C")
    query = replace(VARIANT, variation=variation)

    by_schema = encode(query, Dialect(verb="GET"), MODEL).target
    by_openapi = encode(query, Dialect(verb="GET", openapi_names=True), MODEL).target

    assert "geneId=BRCA1&genomicAlleleShortForm=NC_000017.11%3Ag.1A%3EC" in by_schema
    assert "geneid=BRCA1&allele=NC_000017.11%3Ag.1A%3EC" in by_openapi


def test_schemas_of_other_entries_are_not_asked_for():
    """Some servers deliver the first entry type that is named, whatever the path says."""
    wanted = RequestedSchema(entity_type="genomicVariation", schema="v")
    query = replace(
        VARIANT,
        requested_schemas=(RequestedSchema(entity_type="individual", schema="i"), wanted),
    )

    assert body_of(query)["meta"]["requestedSchemas"] == [
        {"entityType": "genomicVariation", "schema": "v"}
    ]


@pytest.mark.parametrize(
    ("api_version", "dialect"),
    [
        (None, Dialect()),
        ("", Dialect()),
        ("next", Dialect()),
        ("v2.2.0", Dialect()),
        ("v2.1.1", Dialect(api_version="v2.1.1")),
        ("2.0", Dialect(api_version="2.0", nested=False, prefix="")),
        ("v2.0.0-draft.4", Dialect(api_version="v2.0.0-draft.4", nested=False, prefix="")),
        ("v2.10", Dialect(api_version="v2.10")),
    ],
)
def test_versions_before_2_1_are_asked_flat(api_version, dialect):
    assert dialect_of_version(api_version) == dialect


SPELLED = st.builds(
    VariationQuery,
    assembly_id=st.sampled_from(["GRCh37", "GRCh38"]),
    reference_name=st.sampled_from(["1", "chr9", "X", "MT"]),
    start=st.lists(st.integers(0, 10**9), max_size=2).map(tuple),
    end=st.lists(st.integers(1, 10**9), max_size=2).map(tuple),
    reference_bases=st.none() | st.text("ACGTN", max_size=3),
    alternate_bases=st.none() | st.text("ACGTN", max_size=3),
    variant_type=st.none() | st.just("DEL"),
    gene_id=st.none() | st.just("BRCA1"),
)
QUERIES = st.builds(
    Query,
    entry_type=st.just("individual"),
    variation=st.none() | SPELLED,
    filters=st.lists(
        st.builds(Filter, id=st.sampled_from(["HP:0001250", "NCIT:C16576"])), max_size=2
    ).map(tuple),
    dataset_ids=st.lists(st.sampled_from(["a", "b"]), unique=True, max_size=2).map(tuple),
    granularity=st.sampled_from([Granularity.BOOLEAN, Granularity.COUNT, Granularity.RECORD]),
    pagination=st.builds(Pagination, skip=st.integers(0, 9), limit=st.integers(1, 99)),
    test_mode=st.booleans(),
)
DIALECTS = st.builds(
    Dialect,
    api_version=st.sampled_from(["v2.0.0", "2.1"]),
    verb=st.sampled_from(["GET", "POST"]),
    nested=st.booleans(),
    scalar_positions=st.booleans(),
    listed_datasets=st.booleans(),
    plural_scopes=st.booleans(),
    openapi_names=st.booleans(),
    version_in_path=st.booleans(),
)


@settings(deadline=None, max_examples=100)
@given(QUERIES, DIALECTS)
def test_every_dialect_asks_the_same(query, dialect):
    """A beacon that reads all of them, as ours does, reads the same question from each."""
    request = encode(query, dialect, MODEL)

    target = urlsplit(request.target)
    endpoint = BY_PATTERN[target.path.removeprefix(f"/{dialect.api_version}")]
    if request.method == "GET":
        pairs = parse_qsl(target.query, keep_blank_values=True)
        asked = decode_get(endpoint, {}, pairs, LENIENT, Limits())
    else:
        asked = decode_post(endpoint, {}, request.body, LENIENT, Limits())
    assert asked == replace(
        query, api_version=dialect.api_version, include=Include.ALL, include_given=True
    )


@pytest.mark.parametrize(
    ("said", "changed"),
    [
        ({}, {}),
        ({"verb": Verb.GET, "openapi_names": True}, {"verb": "GET", "openapi_names": True}),
        ({"parameters": Shape.NESTED}, {"nested": True}),
        ({"sequences": Naming.REFSEQ}, {"prefix": "refseq"}),
        ({"plural_scopes": True, "scalar_positions": True},) * 2,
        ({"filters_as_text": True, "listed_datasets": True},) * 2,
    ],
)
def test_settings_know_better_than_what_a_member_declares(
    said: dict[str, Any], changed: dict[str, Any]
) -> None:
    declared = dialect_of_version("v2.0.0")

    found = spoken(declared, DialectSettings(**said))

    assert found == replace(declared, **changed)
