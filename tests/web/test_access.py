"""Who learns what over HTTP: no rule, no dataset, and no credentials ignored."""

from __future__ import annotations

from typing import Any

import pytest
from small_beacon import Client

from beacon.auth.policy import Policy
from beacon.framework.errors import SettingsError
from beacon.framework.query import Granularity
from beacon.settings import DatasetPolicy, Level, PolicySettings


async def ask(client: Client, path: str) -> dict[str, Any]:
    document: dict[str, Any] = await (await client.get("/api" + path)).json()
    return document


async def test_dataset_without_a_rule_does_not_exist(client: Client) -> None:
    asked = await ask(client, "/individuals?requestedGranularity=record&limit=0")
    named = await ask(client, "/individuals?requestedGranularity=count&datasetIds=secret")
    by_id = await ask(client, "/individuals/s1")

    assert asked["responseSummary"]["numTotalResults"] == 3
    assert "secret" not in str(asked)
    assert named["responseSummary"] == {
        "exists": False,
        "numTotalResults": 0,
        "countPrecision": "exact",
    }
    assert by_id["responseSummary"]["exists"] is False


async def test_each_dataset_tells_no_more_than_its_rule(client: Client) -> None:
    answer = await ask(client, "/individuals?requestedGranularity=record")
    sets = {one["id"]: one for one in answer["response"]["resultSets"]}

    assert [one["id"] for one in sets["open"]["results"]] == ["o1", "o2"]
    assert sets["counted"]["resultsCount"] == 1
    assert "results" not in sets["counted"]


@pytest.mark.parametrize("value", ["Bearer abc", "Bearer", "Basic YTpi", ""])
async def test_credentials_that_cannot_be_verified_are_refused(client: Client, value: str) -> None:
    for path in ("/individuals", "/filtering_terms", "/datasets/filtering_terms"):
        response = await client.get("/api" + path, headers={"Authorization": value})

        assert response.status == 401
        assert response.headers["WWW-Authenticate"] == "Bearer"


async def test_test_mode_asks_nobody_who_they_are_and_touches_no_real_data(client: Client) -> None:
    response = await client.get(
        "/api/individuals?testMode=true&requestedGranularity=record",
        headers={"Authorization": "Bearer abc"},
    )
    answer = await response.json()

    assert answer["meta"]["testMode"] is True
    assert [one["id"] for one in answer["response"]["resultSets"]] == ["synthetic"]


@pytest.mark.parametrize(
    ("datasets", "named"),
    [
        ({"*": DatasetPolicy()}, "every dataset is named"),
        ({"a": DatasetPolicy(public={"individuals": Level.COUNT})}, "did you mean individual"),
        ({"a": DatasetPolicy(public={"xyz": Level.COUNT})}, "one of individual"),
    ],
)
def test_rule_that_makes_no_sense_is_refused(
    datasets: dict[str, DatasetPolicy], named: str
) -> None:
    with pytest.raises(SettingsError, match=named):
        Policy.from_settings(PolicySettings(datasets=datasets), ["individual", "biosample"])


async def test_default_is_that_no_dataset_exists() -> None:
    access = await Policy.from_settings(PolicySettings(), ["individual"]).identify({})

    assert access.level("any", "individual") is Granularity.NONE
