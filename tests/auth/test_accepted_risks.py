"""Of how few people a tier is told, and that somebody says why when it is of fewer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from aiohttp.test_utils import TestClient, TestServer

from beacon import composition
from beacon.auth.policy import Rules
from beacon.framework.access import Access
from beacon.framework.errors import SettingsError
from beacon.framework.query import Granularity
from beacon.memory import MemoryStore
from beacon.model.entry_types import MODEL
from beacon.settings import PolicySettings, Settings
from tests.web.real_server import served

ENTRY_TYPES = tuple(one.id for one in MODEL.entry_types)
OF_PEOPLE = ("genomicVariant", "individual", "biosample", "run", "analysis")
RESEARCHER = [{"type": "ResearcherStatus", "value": ["https://example.org/terms"]}]
GRANT = [{"type": "ControlledAccessGrants", "value": ["https://example.org/all"]}]
TIERS = {
    "students": {"all_of": RESEARCHER},
    "granted": {"all_of": GRANT},
    "team": {"all_of": [{"tier": "granted"}, *RESEARCHER]},
    "ward": {"all_of": [{"tier": "healthcare"}]},
}
SAYS = {"visa_value": "https://example.org/d", "dac": ["https://dac.example.org"]}


def rules(dataset: Mapping[str, Any], tiers: Mapping[str, Any] = TIERS) -> Rules:
    document = {"tiers": tiers, "datasets": {"d": {**SAYS, **dataset}}}
    return Rules(msgspec.convert(document, PolicySettings), ENTRY_TYPES)


def least(dataset: Mapping[str, Any], tier: str, entry_type: str = "individual") -> int:
    """How few people a rule tells of."""
    (found,) = (
        one.protection.min_count
        for one in rules(dataset).datasets[0].granted
        if (one.tier, one.entry_type) == (tier, entry_type)
    )
    return found


@pytest.mark.parametrize(
    ("tier", "level", "expected"),
    [
        ("registered", "boolean", 10),
        ("registered", "count", 10),
        ("students", "count", 10),
        ("healthcare", "boolean", 3),
        ("healthcare", "count", 5),
        ("ward", "count", 5),
        ("controlled", "count", 1),
        ("granted", "record", 1),
        ("team", "record", 1),
    ],
)
def test_a_rule_that_says_nothing_tells_of_as_few_as_is_usual(
    tier: str, level: str, expected: int
) -> None:
    assert least({"tiers": {tier: {"individual": level}}}, tier) == expected


@pytest.mark.parametrize("entry_type", ENTRY_TYPES)
def test_everybody_is_told_of_ten_or_more(entry_type: str) -> None:
    expected = 10 if entry_type in OF_PEOPLE else 1

    assert least({"public": {"*": "count"}}, "public", entry_type) == expected


def test_what_is_said_counts() -> None:
    at_rule = {"public": {"individual": {"level": "count", "min_count": 30}, "run": "count"}}

    assert least(at_rule, "public") == 30
    assert least({"min_count": 20, **at_rule}, "public") == 30
    assert least({"min_count": 20, **at_rule}, "public", "run") == 20
    assert least({"min_count": 20, "tiers": {"granted": {"run": "count"}}}, "granted", "run") == 20


def test_another_meaning_of_controlled_is_a_tier_like_any() -> None:
    found = rules(
        {"tiers": {"controlled": {"run": "count"}}}, {"controlled": {"all_of": RESEARCHER}}
    )

    assert [one.protection.min_count for one in found.datasets[0].granted] == [10]


FEWER: list[tuple[dict[str, Any], str]] = [
    ({"min_count": 9, "public": {"*": "count"}}, "10 are usual"),
    ({"public": {"run": {"level": "boolean", "min_count": 1}}}, "of 1 or more people of run"),
    ({"min_count": 5, "tiers": {"registered": {"individual": "count"}}}, "registered"),
    ({"min_count": 2, "tiers": {"healthcare": {"individual": "boolean"}}}, "3 are usual"),
    ({"min_count": 4, "tiers": {"healthcare": {"individual": "count"}}}, "5 are usual"),
    ({"min_count": 4, "tiers": {"healthcare": {"genomicVariant": "record"}}}, "5 are usual"),
    ({"min_count": 1, "public": {"genomicVariant": "record"}}, "genomicVariant"),
]


@pytest.mark.parametrize(("dataset", "said"), FEWER, ids=[str(one) for one, _ in FEWER])
def test_fewer_are_told_only_where_somebody_says_why(dataset: dict[str, Any], said: str) -> None:
    accepted = rules({**dataset, "accept_risk": "consented to by everybody"}).datasets[0]

    assert accepted.risks()
    with pytest.raises(SettingsError, match=said) as refused:
        rules(dataset)
    assert "accept_risk" in str(refused.value)


def test_why_is_said_in_words() -> None:
    with pytest.raises(SettingsError, match="says nothing"):
        rules({"accept_risk": "  ", "public": {"*": "count"}})


def test_records_of_people_need_both_to_be_said() -> None:
    with pytest.raises(SettingsError, match=r"min_count = 1.*accept_risk"):
        rules({"public": {"individual": "record"}})
    with pytest.raises(SettingsError, match="accept_risk"):
        rules({"min_count": 1, "public": {"individual": "record"}})

    found = rules({"min_count": 1, "accept_risk": "synthetic", "public": {"individual": "record"}})
    access: Access = found.access((), None)
    assert access.level("d", "individual") is Granularity.RECORD
    assert access.protection("d", "individual").is_open


def test_what_is_usual_is_no_risk() -> None:
    unsaid = {"public": {"*": "count"}, "tiers": {"controlled": {"*": "record"}}}

    assert rules(unsaid).datasets[0].risks() == ()
    assert rules({**unsaid, "accept_risk": "to be sure"}).datasets[0].risks() == ()


async def test_info_says_which_risks_of_public_datasets_are_accepted() -> None:
    policy = {
        "datasets": {
            "open": {"accept_risk": "synthetic", "min_count": 1, "public": {"*": "record"}},
            "closed": {"accept_risk": "secret", "tiers": {"registered": {"*": "count"}}},
            "careful": {"public": {"*": "count"}},
        }
    }
    settings = Settings(policy=msgspec.convert(policy, PolicySettings))
    app = composition.app(settings, MemoryStore({}), MemoryStore({}))
    async with TestClient(TestServer(app)) as client:
        told = await (await client.get("/api/info")).json()

    assert told["response"]["info"]["acceptedRisks"] == [{"datasetId": "open", "why": "synthetic"}]


def test_the_log_says_so_at_the_start(tmp_path: Any, mongo_uri: str, database: str) -> None:
    (tmp_path / "settings.toml").write_text(
        f'[mongo]\nuri = "{mongo_uri}"\ndatabase = "{database}"\n'
        '[policy.datasets.ds]\naccept_risk = "synthetic"\npublic = { "*" = "count" }\n'
    )
    with served(tmp_path):
        pass
    lines = (tmp_path / "log").read_text().splitlines()
    (risk,) = (one for one in map(msgspec.json.decode, lines) if one["event"] == "risk_accepted")

    assert (risk["level"], risk["dataset"], risk["why"]) == ("warning", "ds", "synthetic")
