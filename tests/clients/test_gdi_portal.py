"""What the European user portal sends to a beacon, and what it reads in the answer."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.clients.live import BY_COUNTRY
from tests.conformance import seed
from tests.conformance.client import Beacon, Document, Reply, answered

VERSION = "/v2.0.0"
POPULATION = re.compile(r"(?:[A-Z]{2}(?:_[MF])?|[MF])")
COUNTS = (
    "alleleFrequency",
    "population",
    "alleleCount",
    "alleleNumber",
    "alleleCountHomozygous",
    "alleleCountHeterozygous",
    "alleleCountHemizygous",
)


def search(beacon: Beacon, path: str, parameters: Any, filters: tuple[Document, ...] = ()) -> Reply:
    """The portal's one form of a search: always `record`, always `HIT`."""
    return answered(
        beacon.send(
            VERSION + path,
            {
                "meta": {"apiVersion": "v2.0.0"},
                "query": {
                    "includeResultsetResponses": "HIT",
                    "requestedGranularity": "record",
                    "testMode": False,
                    "pagination": {"skip": 0, "limit": 1},
                    "filters": list(filters),
                    "requestParameters": parameters,
                },
            },
        )
    )


def individuals(beacon: Beacon, *filters: Document, parameters: Any = ()) -> dict[str, int]:
    """Dataset → people, as the portal reads it."""
    reply = search(beacon, "/individuals", list(parameters), filters)
    return {
        one["id"]: one["resultsCount"]
        for one in reply.document["response"]["resultSets"]
        if one["setType"] == "dataset" and one.get("resultsCount", 0) > 0
    }


def test_count_is_given_where_records_are_asked_for(beacon: Beacon) -> None:
    female = {"id": seed.FEMALE["id"], "scope": "individual"}
    reply = search(beacon, "/individuals", [], (female,))

    assert individuals(beacon, female) == {"open": 13, "partial": 1, "shy": 1}
    assert not reply.sets["shy"].get("results")
    assert "resultsCount" not in reply.sets["faint"]


@pytest.mark.parametrize(
    "parameters",
    [
        [{"assemblyId": "GRCh38", "referenceName": "17", "start": "7577120",
          "referenceBases": "G", "alternateBases": "A"}],
        [{"assemblyId": "GRCh38"}, {"referenceName": "17"}, {"start": "7577120"},
         {"referenceBases": "G"}, {"alternateBases": "A"}],
        [{"g_variant": {"assemblyId": "GRCh38", "referenceName": "17", "start": ["7577120"],
                        "referenceBases": "G", "alternateBases": "A"}}],
        {"assemblyId": "GRCh38", "referenceName": "17", "start": "7577120",
         "referenceBases": "G", "alternateBases": "A"},
    ],
)  # fmt: skip
def test_parameters_come_as_maps_in_an_array_or_as_one_map(beacon: Beacon, parameters: Any) -> None:
    carriers = search(beacon, "/individuals", parameters)
    seizures = {"id": "HP:0001250", "scope": "individual"}
    both = search(beacon, "/individuals", parameters, (seizures,))

    assert {one: carriers.sets[one].get("resultsCount") for one in carriers.sets} == {
        "open": 2,
        "partial": 2,
        "shy": 2,
        "faint": None,
    }
    assert both.sets["shy"]["resultsCount"] == 1
    assert both.received["requestParameters"] == {
        "g_variant": {
            "assemblyId": "GRCh38",
            "referenceName": "17",
            "start": [7577120],
            "referenceBases": "G",
            "alternateBases": "A",
        }
    }


def compared(field: str, operator: str, value: str) -> Document:
    return {"id": field, "operator": operator, "value": value, "scope": "individual"}


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (compared("BMI", ">=", "25"), 3),
        (compared("BMI", "!=", "25"), 3),
        (compared("BMI", "!", "25"), 3),
        (compared("BMI", "=", "25"), 2),
        (compared("Height-standing", "<", "180"), 1),
        (compared("LOINC:8308-9", ">", "1.75 m"), 1),
        (compared("Height-standing", "!=", "175"), 1),
        (compared("karyotypicSex", "=", "X%"), 10),
        (compared("karyotypicSex", "!=", "%Y"), 5),
    ],
)
def test_facets_compare_with_every_operator(beacon: Beacon, asked: Document, found: int) -> None:
    assert individuals(beacon, asked).get("open") == found


def test_people_are_not_filtered_by_populations(beacon: Beacon) -> None:
    """Passed over, a filter of populations would make an answer about everybody."""
    for name in ("sexFilter", "countryFilter"):
        asked = {"id": name, "operator": "=", "value": "FI", "scope": "population"}

        assert individuals(beacon, asked) == {}


def test_frequencies_are_filtered_by_populations(beacon: Beacon) -> None:
    def populations(*asked: tuple[str, str]) -> list[str]:
        filters = tuple(
            {"id": name, "operator": "=", "value": value, "scope": "population"}
            for name, value in asked
        )
        (record,) = search(beacon, "/g_variants", [{"geneId": "EGFR"}], filters).records("suomi")
        sources = record.get("frequencyInPopulations", [])
        return [one["population"] for source in sources for one in source["frequencies"]]

    assert populations(("countryFilter", "FI")) == ["FI", "FI_F"]
    assert populations(("sexFilter", "M")) == ["M"]
    assert populations(("sexFilter", "F"), ("countryFilter", "FI")) == ["FI_F"]
    assert populations(("countryFilter", "ES")) == []


def test_allele_frequencies_are_read_from_variants(beacon: Beacon) -> None:
    reply = search(
        beacon,
        "/g_variants",
        {
            "g_variant": {
                "assemblyId": "GRCh38",
                "referenceName": "21",
                "start": ["45864730"],
                "referenceBases": "C",
                "alternateBases": "G",
            }
        },
    )
    (record,) = reply.records("suomi")
    (source,) = record["frequencyInPopulations"]
    (frequency,) = source["frequencies"]

    assert source["source"]
    assert source["sourceReference"]
    assert set(COUNTS) <= frequency.keys()
    assert {name: frequency[name] for name in COUNTS if name != "population"} == {
        "alleleFrequency": 0.5,
        "alleleCount": 3,
        "alleleNumber": 6,
        "alleleCountHomozygous": 1,
        "alleleCountHeterozygous": 1,
        "alleleCountHemizygous": 0,
    }
    assert "caseLevelData" not in record


def test_loaded_frequencies_come_back_as_they_were(beacon: Beacon) -> None:
    """Frequencies by country and sex, in the portal's own spelling of populations."""
    (record,) = search(beacon, "/g_variants", [{"geneId": "EGFR"}]).records("suomi")
    frequencies = record["frequencyInPopulations"][0]["frequencies"]

    assert [one["population"] for one in frequencies] == ["FI", "FI_F", "M"]
    assert all(POPULATION.fullmatch(one["population"]) for one in frequencies)
    assert record["frequencyInPopulations"] == BY_COUNTRY["frequencyInPopulations"]


def test_filtering_terms_can_be_offered_as_facets(beacon: Beacon) -> None:
    reply = beacon.get(VERSION + "/filtering_terms")
    terms = reply.document["response"]["filteringTerms"]

    assert reply.status == 200
    assert {"HP:0001250", "LOINC:39156-5", "NCIT:C16576"} <= {one["id"] for one in terms}
    assert all(one["id"] and one["type"] for one in terms)
    assert not any(one["id"] == "HP:0031910" for one in terms)
