"""Filters of populations choose among frequencies, and never among variants."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from beacon.framework.access import EVERYTHING
from beacon.framework.answer import Answer, Reported, ResultSet
from beacon.framework.disclosure import disclose
from beacon.framework.entry_types import endpoints
from beacon.framework.errors import InvalidRequest
from beacon.framework.request import Limits, decode_post
from beacon.framework.request_encoding import encode_post
from beacon.model.entry_types import MODEL

ENDPOINTS = {one.pattern: one for one in endpoints(MODEL)}
LABELS = ["Total", "F", "M", "FI", "FI_F", "FI_M", "ES", "ES_F", "finnish ancestry"]
RECORD = {
    "variantInternalId": "v1",
    "frequencyInPopulations": [
        {
            "source": "here",
            "sourceReference": "dataset:d",
            "frequencies": [{"population": one, "alleleFrequency": 0.1} for one in LABELS],
        }
    ],
}


def asked(*filters: dict[str, Any], path: str = "/g_variants"):
    body = {"query": {"filters": list(filters), "requestedGranularity": "record"}}
    return decode_post(ENDPOINTS[path], {}, json.dumps(body).encode(), MODEL, Limits())


def sex(value: str) -> dict[str, Any]:
    return {"id": "sexFilter", "operator": "=", "value": value, "scope": "population"}


def country(value: str) -> dict[str, Any]:
    return {"id": "countryFilter", "operator": "=", "value": value, "scope": "population"}


def shown(query) -> list[str]:
    assert MODEL.view is not None
    record = MODEL.view.narrowed(RECORD, query.population_filters)
    return [
        one["population"]
        for source in record.get("frequencyInPopulations", ())
        for one in source["frequencies"]
    ]


@pytest.mark.parametrize(
    ("filters", "labels"),
    [
        ([sex("F")], ["F", "FI_F", "ES_F"]),
        ([sex("male")], ["M", "FI_M"]),
        ([sex("NCIT:C16576")], ["F", "FI_F", "ES_F"]),
        ([country("FI")], ["FI", "FI_F", "FI_M"]),
        ([country("es"), sex("F")], ["ES_F"]),
        ([country("DE")], []),
    ],
)
def test_only_frequencies_of_the_populations_asked_for_are_shown(filters, labels):
    assert shown(asked(*filters)) == labels


def test_a_variant_without_such_frequencies_stays():
    assert MODEL.view is not None
    record = MODEL.view.narrowed(RECORD, asked(country("DE")).population_filters)

    assert record == {"variantInternalId": "v1"}


def test_they_are_no_conditions_and_are_echoed():
    query = asked({"id": "GENO:0000136"}, sex("F"))

    assert [one.id for one in query.filters] == ["GENO:0000136"]
    assert [one.id for one in query.population_filters] == ["sexFilter"]


def test_a_request_with_them_says_them_again():
    query = asked(sex("F"), {"id": "GENO:0000136"})
    _, body = encode_post(query, MODEL)
    again = decode_post(ENDPOINTS["/g_variants"], {}, json.dumps(body).encode(), MODEL, Limits())

    assert again == query


@pytest.mark.parametrize(
    "wrong",
    [
        sex("X"),
        country("Finland"),
        {**sex("F"), "operator": ">"},
        {**sex("F"), "id": "ageFilter"},
        {"id": "sexFilter", "scope": "population"},
    ],
)
def test_what_names_no_population_is_refused(wrong):
    with pytest.raises(InvalidRequest):
        asked(wrong)


def test_of_people_they_are_ordinary_filters():
    query = asked(sex("F"), path="/individuals")

    assert query.population_filters == ()
    assert len(query.filters) == 1


@pytest.mark.parametrize("reported", [False, True])
def test_answers_of_ones_own_and_of_other_beacons_are_narrowed(reported: bool):
    query = asked(sex("F"), country("FI"))
    own: tuple[Any, ...] = () if reported else (RECORD,)
    relayed = (msgspec.Raw(json.dumps(RECORD).encode()),)
    found = ResultSet(
        dataset_id="d",
        count=1,
        records=own,
        reported=Reported(beacon_id="fi", exists=True, records=relayed) if reported else None,
    )

    assert MODEL.view is not None
    view = MODEL.view
    disclosed = disclose(
        Answer(result_sets=(found,)),
        query,
        EVERYTHING,
        lambda record: view.narrowed(record, query.population_filters),
    )

    (one,) = disclosed.result_sets
    assert one.records is not None
    frequencies = json.loads(msgspec.json.encode(one.records))[0]["frequencyInPopulations"][0]
    assert [each["population"] for each in frequencies["frequencies"]] == ["FI_F"]
