"""What a network says of itself and of its members."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from beacon.framework import information
from beacon.framework.answer import Resource
from beacon.framework.extensions import Extensions
from beacon.framework.query import Pagination, Within
from beacon.framework.response import Identity, Organisation, encode
from beacon.framework.source import TermsQuery
from beacon.model.entry_types import MODEL
from beacon.model.ontology import Ontologies, Ontology, Term
from beacon.network.catalogue import (
    counts_document,
    counts_in_words,
    member_document,
    members_document,
)
from beacon.network.conditions import BreakerState, Condition
from beacon.network.discovery import Discovery
from beacon.network.members import Member
from beacon.network.merged_information import documents, filtering_terms
from beacon.network.merged_terms import merge_terms
from beacon.network.metadata import DatasetAbout, Metadata, NamedOntology, ServedType
from beacon.network.remote import Remotes
from beacon.network.vocabulary import ListedTerm
from beacon.settings import CountSettings, Reporting
from tests.conformance import official
from tests.network.fake_members import FakeMember

IDENTITY = Identity(
    beacon_id="eu.example.network",
    name="Example Network",
    base_url="https://network.example.org/api",
    organisation=Organisation(id="org.example", name="Example", url="https://example.org/"),
)
HP = Ontologies(
    {
        "HP": Ontology(
            Resource(id="hp"),
            {
                "HP:0001250": Term("Seizure"),
                "HP:0002373": Term("Febrile seizure", ("HP:0001250",)),
            },
        )
    }
)


def member(member_id: str, **changes: Any) -> Member:
    known: dict[str, Any] = {
        "id": member_id,
        "name": f"Beacon of {member_id}",
        "country": member_id,
        "urls": (f"https://{member_id.lower()}.example.org/api",),
        "hosts": frozenset({f"{member_id.lower()}.example.org:443"}),
    }
    return Member(**{**known, **changes})


FI, EE = member("FI"), member("EE")


def serving(**linked: tuple[str, ...] | None) -> Metadata:
    """Of a member that serves these entry types, with what is linked to them."""
    return Metadata(
        entry_types={
            entry_type: ServedType(
                id=entry_type,
                path=MODEL.by_id(entry_type).path,
                linked=None if others is None else dict.fromkeys(others, "there"),
            )
            for entry_type, others in linked.items()
        },
        info={"meta": {}, "response": {"id": "x"}},
    )


def terms(**listed: str) -> dict[str, ListedTerm]:
    """Ontology terms of individuals, by id with `_` for `:`."""
    return {
        name.replace("_", ":"): ListedTerm("ontologyTerm", label, ("individual",))
        for name, label in listed.items()
    }


class Known(Discovery):
    """What is known of members, without having asked them."""

    def __init__(self, metadata: Mapping[str, Metadata], ontologies: Ontologies) -> None:
        members = [member(one) for one in metadata]
        super().__init__(
            members, Remotes(members), refresh_s=900, folder=None, ontologies=ontologies
        )
        self._metadata = metadata
        self._terms = merge_terms(metadata, MODEL)

    def of(self, member_id: str) -> Metadata | None:
        return self._metadata.get(member_id)

    def all(self) -> Mapping[str, Metadata]:
        return self._metadata


KNOWN = Known(
    {
        "FI": Metadata(
            terms=terms(HP_0001250="Seizure", HP_0001507="Growth abnormality"),
            resources=(NamedOntology(id="hp", namespace_prefix="HP"),),
            datasets={"d1": DatasetAbout(id="d1")},
            has_all_datasets=True,
        ),
        "EE": Metadata(
            terms={
                **terms(HP_0001250=""),
                "HP:0002373": ListedTerm("ontologyTerm", "Febrile seizure", ("biosample",)),
                "age": ListedTerm("alphanumeric", "Age", ("individual",)),
            },
            resources=(NamedOntology(id="hp", namespace_prefix="HP", version="2025-01-01"),),
            datasets={"d2": DatasetAbout(id="d2")},
            has_all_datasets=True,
        ),
    },
    HP,
)


class TestDocuments:
    def test_the_map_is_the_union_of_what_members_serve_on_the_networks_own_urls(self) -> None:
        known = {
            "FI": serving(genomicVariant=("individual",)),
            "EE": serving(individual=("genomicVariant",)),
        }

        found = documents(IDENTITY, MODEL, (FI, EE), known)

        sets = found["/map"]["response"]["endpointSets"]
        assert list(sets) == ["genomicVariant", "individual"]
        assert sets["individual"]["rootUrl"] == "https://network.example.org/api/individuals"
        assert list(sets["individual"]["endpoints"]) == ["genomicVariant"]
        assert list(found["/configuration"]["response"]["entryTypes"]) == list(sets)
        assert list(found["/entry_types"]["response"]["entryTypes"]) == list(sets)

    @pytest.mark.parametrize("unmet", [{}, {"EE": Metadata()}], ids=["never met", "silent"])
    def test_a_member_that_says_nothing_may_serve_anything(
        self, unmet: dict[str, Metadata]
    ) -> None:
        known = {"FI": serving(genomicVariant=()), **unmet}

        found = documents(IDENTITY, MODEL, (FI, EE), known)

        assert len(found["/map"]["response"]["endpointSets"]) == len(MODEL.entry_types)

    def test_info_holds_what_members_say_of_themselves(self) -> None:
        known = {"FI": serving(genomicVariant=()), "EE": Metadata()}

        info = documents(IDENTITY, MODEL, (FI, EE), known)["/info"]

        assert info["response"]["id"] == "eu.example.network"
        assert info["isAggregated"] is True
        assert info["responses"] == [{"meta": {}, "response": {"id": "x"}}]

    def test_service_info_tells_the_extensions(self) -> None:
        extensions = Extensions(batch_max=1000, streaming=True, members=True)

        found = documents(IDENTITY, MODEL, (), {}, extensions)["/service-info"]

        assert found["extensions"]["batch"]["maxItems"] == 1000
        assert found["extensions"]["network"]["membersUrl"].endswith("/api/network/members")

    @pytest.mark.skipif(not official.is_present(), reason="the official schemas are not there")
    @pytest.mark.parametrize(
        ("path", "schema"),
        [
            ("/info", "beaconInfoResponse"),
            ("/map", "beaconMapResponse"),
            ("/configuration", "beaconConfigurationResponse"),
            ("/entry_types", "beaconEntryTypesResponse"),
        ],
    )
    def test_documents_are_what_the_specification_wants(self, path: str, schema: str) -> None:
        known = {"FI": serving(genomicVariant=("individual",), dataset=()), "EE": serving()}
        validator = official.validator(f"responses/{schema}.json")

        document = documents(IDENTITY, MODEL, (FI,), known)[path]

        assert list(validator.iter_errors(msgspec.json.decode(encode(document)))) == []


class TestTerms:
    def test_terms_are_merged_by_id(self) -> None:
        found = filtering_terms(TermsQuery(), (FI, EE), KNOWN)

        by_id = {one.id: one for one in found.terms}
        assert list(by_id) == ["HP:0001250", "HP:0001507", "HP:0002373", "age"]
        assert by_id["HP:0001250"].label == "Seizure"
        assert [one.version for one in found.resources] == ["2025-01-01"]

    def test_terms_come_in_pages_and_by_entry_type(self) -> None:
        page = TermsQuery(pagination=Pagination(skip=1, limit=2))
        of_biosamples = TermsQuery(entry_type="biosample")

        pages = [filtering_terms(one, (FI, EE), KNOWN).terms for one in (page, of_biosamples)]

        assert [one.id for one in pages[0]] == ["HP:0002373", "age"]
        assert [one.id for one in pages[1]] == ["HP:0002373"]

    @pytest.mark.parametrize("dataset_id", ["d1", "FI:d1"])
    def test_terms_of_a_dataset_are_those_of_the_member_that_has_it(self, dataset_id: str) -> None:
        query = TermsQuery(within=Within("dataset", dataset_id))

        found = filtering_terms(query, (FI, EE), KNOWN).terms

        assert [one.id for one in found] == ["HP:0001250", "HP:0001507"]

    def test_each_term_says_who_understands_it_and_how(self) -> None:
        found = listed(TermsQuery())

        understood = {
            one["id"]: one["info"]["understoodBy"] for one in found["response"]["filteringTerms"]
        }
        assert understood == {
            "HP:0001250": {"FI": "exact", "EE": "exact"},
            "HP:0001507": {"FI": "exact"},
            "HP:0002373": {"FI": "ancestor", "EE": "exact"},
            "age": {"EE": "exact"},
        }

    @pytest.mark.parametrize(
        ("prefix", "found"),
        [
            ("seiz", ["HP:0001250", "HP:0002373"]),  # known to most first
            ("febrile  SEIZ", ["HP:0002373"]),
            ("hp:00015", ["HP:0001507"]),
            ("eizure", []),  # not where a word starts
        ],
    )
    def test_terms_are_found_by_how_words_start(self, prefix: str, found: list[str]) -> None:
        document = listed(TermsQuery(prefix=prefix))

        assert [one["id"] for one in document["response"]["filteringTerms"]] == found

    def test_long_texts_are_compared_whole(self) -> None:
        label = "a very long label of a term that ends in one"
        known = {"FI": Metadata(terms=terms(HP_1=f"{label} way", HP_2=f"{label} other"))}

        found = merge_terms(known, MODEL).starting_with(f"{label} w")

        assert [one.term.id for one in found] == ["HP:1"]

    def test_spellings_of_a_term_are_one(self) -> None:
        known = {
            "FI": Metadata(terms={"HP_0001250": ListedTerm("ontologyTerm")}),
            "EE": Metadata(terms={"HP:0001250": ListedTerm("ontologyTerm")}),
        }

        (found,) = merge_terms(known, MODEL).terms

        assert found.term.id == "HP:0001250"
        assert found.members == ("FI", "EE")

    @pytest.mark.skipif(not official.is_present(), reason="the official schemas are not there")
    def test_the_list_is_what_the_specification_wants(self) -> None:
        validator = official.validator("responses/beaconFilteringTermsResponse.json")

        document = listed(TermsQuery())

        assert list(validator.iter_errors(msgspec.json.decode(encode(document)))) == []


def listed(query: TermsQuery) -> dict[str, Any]:
    return information.filtering_terms(filtering_terms(query, (FI, EE), KNOWN), IDENTITY)


NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def condition(**changes: Any) -> Condition:
    known: dict[str, Any] = {
        "breaker": BreakerState.CLOSED,
        "since": None,
        "in_flight": 0,
        "waiting": 0,
        "last_answer_at": NOON,
        "last_failure_at": None,
        "last_failure": None,
        "p50_ms": 12.34,
        "p95_ms": 56.78,
        "counts": {"answered": 3},
        "retries": 0,
        "hedges": 0,
    }
    return Condition(**{**known, **changes})


class TestCatalogue:
    def test_members_are_listed_with_how_they_do(self) -> None:
        found = members_document(IDENTITY, (FI, EE), KNOWN.all(), {"FI": condition()})

        finland, estonia = found["response"]["members"]
        assert finland["state"] == "answering"
        assert finland["latencyMs"] == {"p50": 12.3, "p95": 56.8}
        assert finland["lastAnswerDateTime"] == "2026-03-01T12:00:00Z"
        assert finland["numberOfDatasets"] == 1
        assert finland["documentUrl"] == "https://network.example.org/api/network/members/FI"
        assert estonia["state"] == "unknown"

    @pytest.mark.parametrize(
        ("changes", "state"),
        [
            ({"breaker": BreakerState.OPEN, "since": NOON}, "notAnswering"),
            ({"breaker": BreakerState.PROBATION}, "recovering"),
            ({"last_answer_at": None}, "unknown"),
            ({"last_answer_at": None, "last_failure_at": NOON}, "notAnswering"),
        ],
    )
    def test_the_state_follows_from_the_condition(
        self, changes: dict[str, Any], state: str
    ) -> None:
        found = members_document(IDENTITY, (FI,), {}, {"FI": condition(**changes)})

        assert found["response"]["members"][0]["state"] == state

    def test_one_member_is_described_with_its_datasets_and_their_use(self) -> None:
        dataset = DatasetAbout(
            id="d1", assemblies=("GRCh38",), data_use=(("DUO:0000042", "general research use"),)
        )
        known = Metadata(beacon_id="fi.example", datasets={"d1": dataset}, batch_max=100)

        found = member_document(IDENTITY, FI, known, condition())["response"]

        assert found["beaconId"] == "fi.example"
        assert found["batchMaxItems"] == 100
        assert found["datasets"] == [
            {
                "id": "d1",
                "assemblies": ["GRCh38"],
                "dataUse": [{"id": "DUO:0000042", "label": "general research use"}],
            }
        ]

    def test_a_member_that_was_never_met_is_described_from_the_settings(self) -> None:
        found = member_document(IDENTITY, FI, None, None)["response"]

        assert found["name"] == "Beacon of FI"
        assert found["countsInWords"] == "Counts as they are."

    @pytest.mark.parametrize("reporting", Reporting)
    def test_every_way_to_report_counts_has_words(self, reporting: Reporting) -> None:
        words = counts_in_words(CountSettings(reporting=reporting, threshold=10, step=5, scale=2.0))

        assert words.endswith(".")

    @pytest.mark.parametrize(
        ("reporting", "told"),
        [
            (Reporting.EXACT, {}),
            (Reporting.RAISED, {"threshold": 10}),
            (Reporting.BOOLEAN, {"threshold": 10}),
            (Reporting.ROUNDED, {"step": 5}),
            (Reporting.NOISY, {"scale": 2.0}),
        ],
    )
    def test_how_counts_are_reported_is_told_to_programs(
        self, reporting: Reporting, told: dict[str, Any]
    ) -> None:
        counts = CountSettings(reporting=reporting, threshold=10, step=5, scale=2.0)

        assert counts_document(counts) == {"reporting": reporting.value, **told}


async def test_a_network_describes_the_beacons_that_it_has_met() -> None:
    async with AsyncExitStack() as stack:
        fakes = [
            await stack.enter_async_context(FakeMember(f"{one}.example")) for one in ("fi", "ee")
        ]
        members = [fake.member(fake.beacon_id) for fake in fakes]
        remotes = await stack.enter_async_context(Remotes(members))
        discovery = Discovery(members, remotes, refresh_s=900, folder=None)
        for one in members:
            await discovery.look(one)

        found = documents(IDENTITY, MODEL, members, discovery.all())

    assert [one["response"]["id"] for one in found["/info"]["responses"]] == [
        "fi.example",
        "ee.example",
    ]
    assert "127.0.0.1" not in str(found["/map"])
