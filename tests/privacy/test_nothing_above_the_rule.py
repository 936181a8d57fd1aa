"""Random rules, callers and questions: no answer says more than a reader of the rules expects."""

from __future__ import annotations

import json
from collections.abc import Mapping
from random import Random
from typing import Any

import msgspec
import pytest
from protected_world import cohort, document, service, store, terms, visa

from beacon.auth.callers import Caller, Visa
from beacon.auth.policy import Policy
from beacon.framework.query import Filter, Granularity, Include, Pagination, Query, VariationQuery
from beacon.model.entry_types import MODEL
from beacon.settings import PolicySettings
from beacon.web.app import Serving, create_app

ENTRY_TYPES = tuple(one.id for one in MODEL.entry_types)
PATHS = {one.id: one.path for one in MODEL.entry_types}
LEVELS = ("none", "boolean", "count", "record")
TERMS = "https://doi.org/10.1038/s41431-018-0219-y"
TIERS: dict[str, tuple[Visa, ...]] = {
    "registered": (visa("ResearcherStatus", TERMS), visa("AcceptedTermsAndPolicies", TERMS)),
    "staff": (visa("AffiliationAndRole", "faculty@uni.example"),),
}
STAFF = {"all_of": [{"type": "AffiliationAndRole", "value_pattern": "faculty@*"}]}
DATASETS = ("d1", "d2", "secret")

Document = dict[str, Any]


class Shows:
    """Takes everybody for somebody with the visas it was given."""

    def __init__(self, tiers: tuple[str, ...]) -> None:
        self.visas = tuple(one for tier in tiers for one in TIERS[tier])

    async def caller(self, headers: Mapping[str, str]) -> Caller | None:
        if not self.visas:
            return None
        return Caller(issuer="https://b.example", subject="s", visas=self.visas, expires=1e12)


def rules(rng: Random) -> Document:
    """Rules for some entry types; the numbers of people are protected by dataset."""
    found: Document = {}
    for entry_type in rng.sample(("*", *ENTRY_TYPES), rng.randint(1, 4)):
        level = rng.choice(LEVELS)
        found[entry_type] = {"level": "count" if level == "record" else level}
        if level == "record":
            found[entry_type] = {"level": level, "min_count": 1, "round_to": 1}
    return found


def policy_document(rng: Random) -> Document:
    datasets = {}
    for name in DATASETS:
        least = rng.choice([1, 2, 5, 10])
        datasets[name] = {
            "min_count": least,
            "accept_risk": "invented people",
            "public": rules(rng) if name != "secret" and rng.random() < 0.7 else {},
            "tiers": {one: rules(rng) for one in TIERS if name != "secret" and rng.random() < 0.7},
        }
    return {"tiers": {"staff": STAFF}, "datasets": datasets}


def policy_of(document: Document, tiers: tuple[str, ...]) -> Policy:
    settings = msgspec.convert(document, PolicySettings)
    return Policy.from_settings(settings, ENTRY_TYPES, Shows(tiers))


def question(rng: Random) -> Query:
    variation = VariationQuery(
        reference_name="17", start=(90,), end=(rng.choice([101, 210]),), assembly_id="GRCh38"
    )
    scopes = (None, *ENTRY_TYPES)
    names = ("MONDO:1", "NCIT:C16576", "MONDO:9")
    return Query(
        entry_type=rng.choice(ENTRY_TYPES),
        variation=variation if rng.random() < 0.4 else None,
        filters=tuple(
            Filter(id=rng.choice(names), scope=rng.choice(scopes))
            for _ in range(rng.choice([0, 0, 1, 2]))
        ),
        include=rng.choice(list(Include)),
        include_given=True,
        granularity=rng.choice(list(Granularity)[1:]),
        pagination=Pagination(skip=rng.choice([0, 0, 1]), limit=rng.choice([2, 100])),
    )


def allowed(document: Document, dataset: str, entry_type: str, tiers: tuple[str, ...]) -> int:
    """The reference: the most that any tier's own rule says, as the file reads."""
    of_dataset = document["datasets"][dataset]
    levels = [0]
    for given in (of_dataset["public"], *(of_dataset["tiers"].get(one, {}) for one in tiers)):
        rule = given.get(entry_type, given.get("*", {"level": "none"}))
        levels.append(LEVELS.index(rule["level"]))
    return max(levels)


def protected_from(
    document: Document, dataset: str, entry_type: str, tiers: tuple[str, ...], level: int
) -> int:
    """The reference: the least number that a rule which grants this level lets through."""
    of_dataset = document["datasets"][dataset]
    found = []
    for given in (of_dataset["public"], *(of_dataset["tiers"].get(one, {}) for one in tiers)):
        rule = given.get(entry_type, given.get("*", {"level": "none"}))
        if LEVELS.index(rule["level"]) >= max(level, 1):
            found.append(rule.get("min_count", of_dataset["min_count"]))
    return min(found, default=10**9)


def check(document: Document, query: Query, tiers: tuple[str, ...], answer: Document) -> None:
    """Nothing in an answer is above the rule."""
    sets = answer.get("response", {}).get("resultSets", [])
    touched = {one.scope for one in query.filters if one.scope} | {query.entry_type}
    if query.variation is not None:
        touched.add("genomicVariant")
    for one in sets:
        levels = [allowed(document, one["id"], touch, tiers) for touch in touched]
        level = min(query.granularity, allowed(document, one["id"], query.entry_type, tiers))
        assert all(levels)
        assert "resultsCount" not in one or level >= Granularity.COUNT
        assert "results" not in one or level == Granularity.RECORD
        is_of_people = query.entry_type not in ("dataset", "cohort", "genomicVariant")
        if is_of_people and one.get("resultsCount"):
            least = protected_from(document, one["id"], query.entry_type, tiers, 2)
            assert one["resultsCount"] >= least
        for record in one.get("results", []):
            names_people = "caseLevelData" in record
            assert not names_people or allowed(document, one["id"], "biosample", tiers) == 3
    counts = [one["resultsCount"] for one in sets if "resultsCount" in one]
    if query.include is Include.ALL and counts and query.entry_type not in ("dataset", "cohort"):
        assert answer["responseSummary"]["numTotalResults"] == sum(counts)
        assert answer["responseSummary"]["exists"] is any(one["exists"] for one in sets)


def posted(query: Query) -> Document:
    body: Document = {
        "includeResultsetResponses": query.include,
        "requestedGranularity": query.granularity.wire,
        "pagination": {"skip": query.pagination.skip, "limit": query.pagination.limit},
        "filters": [
            {"id": one.id} | ({"scope": one.scope} if one.scope else {}) for one in query.filters
        ],
    }
    if query.variation is not None:
        body["requestParameters"] = {
            "g_variant": {
                "assemblyId": "GRCh38",
                "referenceName": "17",
                "start": list(query.variation.start),
                "end": list(query.variation.end),
            }
        }
    return {"meta": {"apiVersion": "v2.2.0"}, "query": body}


def got(query: Query) -> dict[str, str]:
    parameters = {
        "includeResultsetResponses": str(query.include),
        "requestedGranularity": query.granularity.wire,
        "skip": str(query.pagination.skip),
        "limit": str(query.pagination.limit),
    }
    if query.variation is not None:
        parameters |= {
            "assemblyId": "GRCh38",
            "referenceName": "17",
            "start": str(query.variation.start[0]),
            "end": str(query.variation.end[0]),
        }
    return parameters


WORLD = {"d1": cohort(range(4), range(6)), "d2": cohort(range(12), range(25)), "secret": cohort([])}


@pytest.mark.parametrize("seed", range(15))
async def test_no_answer_is_above_the_rule(seed: int, aiohttp_client: Any) -> None:
    """By GET and by POST, over HTTP."""
    rng = Random(seed)
    written = policy_document(rng)
    tiers = tuple(one for one in TIERS if rng.random() < 0.6)
    policy = policy_of(written, tiers)
    app = create_app(service(store(WORLD)), policy.identify, Serving(access_log=False))
    client = await aiohttp_client(app)
    is_open = any(allowed(written, one, entry, tiers) for one in DATASETS for entry in ENTRY_TYPES)
    for _ in range(20):
        query = question(rng)
        path = f"/api/{PATHS[query.entry_type]}"
        response = await client.post(path, json=posted(query))
        if not is_open:
            assert response.status == (403 if tiers else 401)
            continue
        text = await response.text()
        if response.status == 400:
            continue
        assert "secret" not in text
        assert response.headers.getall("Vary")[0] == "Authorization, X-Beacon-Purpose"
        assert response.headers["Cache-Control"] == "private, no-store"
        check(written, query, tiers, json.loads(text))
        if not query.filters:
            by_get = await (await client.get(path, params=got(query))).json()
            assert by_get["responseSummary"] == json.loads(text)["responseSummary"]
            assert by_get.get("response") == json.loads(text).get("response")


@pytest.mark.parametrize("seed", range(10))
async def test_hidden_datasets_change_no_byte(seed: int) -> None:
    """The same questions to beacons that differ in a dataset that is hidden."""
    rng = Random(seed)
    written = policy_document(rng)
    other = {**WORLD, "secret": cohort(range(20), range(30)), "unnamed": cohort(range(15))}
    without = {name: one for name, one in WORLD.items() if name != "secret"}
    policy = policy_of(written, ("registered",))
    access = policy.access(await Shows(("registered",)).caller({}))
    for _ in range(30):
        query = question(rng)
        expected = await document(store(WORLD), query, access)

        assert await document(store(other), query, access) == expected
        assert await document(store(without), query, access) == expected
    for asked in ({}, {"entry_type": "individual"}):
        listed = await terms(store(WORLD), access, **asked)
        assert await terms(store(other), access, **asked) == listed
        assert await terms(store(without), access, **asked) == listed


@pytest.mark.parametrize("seed", range(20))
async def test_without_a_rule_answers_only_shrink(seed: int) -> None:
    rng = Random(seed)
    written = policy_document(rng)
    tiers = tuple(TIERS)
    who = await Shows(tiers).caller({})
    whole = policy_of(written, tiers).access(who)
    queries = [msgspec.structs.replace(question(rng), include=Include.ALL) for _ in range(25)]
    source = store(WORLD)
    for place, name in _places(written):
        less = json.loads(json.dumps(written))
        _at(less, place).pop(name)
        if name != "*" and "*" in _at(less, place):
            continue  # another rule takes its place
        narrower = policy_of(less, tiers).access(who)
        for query in rng.sample(queries, 8):
            _is_no_more(
                json.loads(await _asked(source, query, narrower)),
                json.loads(await _asked(source, query, whole)),
            )
        listed = {one.id for one in (await terms(source, narrower)).terms}
        assert listed <= {one.id for one in (await terms(source, whole)).terms}


def _places(written: Document) -> list[tuple[tuple[str, ...], str]]:
    found = []
    for name, of_dataset in written["datasets"].items():
        found += [((name, "public"), rule) for rule in of_dataset["public"]]
        for tier, given in of_dataset["tiers"].items():
            found += [((name, "tiers", tier), rule) for rule in given]
    return found


def _at(written: Document, place: tuple[str, ...]) -> Document:
    found = written["datasets"]
    for one in place:
        found = found[one]
    return found


async def _asked(source: Any, query: Query, access: Any) -> bytes:
    found = await document(source, query, access)
    return found if found.startswith(b"{") else b"{}"


def _is_no_more(less: Document, more: Document) -> None:
    if not more:
        return  # such as a question that needs an assembly where several are open
    sets = {one["id"]: one for one in more.get("response", {}).get("resultSets", [])}
    for one in less.get("response", {}).get("resultSets", []):
        other = sets[one["id"]]
        assert one["exists"] <= other["exists"]
        assert "resultsCount" not in one or "resultsCount" in other or other["exists"]
        assert "results" not in one or "results" in other or not one["results"]
        if one.get("results"):
            assert len(one["results"]) <= len(other["results"])
