"""No answer says more than the rules of the caller: on every path, in every form, to everybody."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from random import Random
from typing import Any

import msgspec
import pytest
from marked_world import (
    ENTRY_TYPES,
    KINDS,
    OF_PEOPLE,
    TIERS,
    Document,
    People,
    Shows,
    allowed,
    least,
    marks,
    matching,
    policy_document,
    policy_of,
    store,
    touched,
)
from protected_world import document, service, terms

from beacon.framework.entry_types import Endpoint, endpoints
from beacon.framework.query import (
    Filter,
    Granularity,
    Include,
    Pagination,
    Query,
    VariationQuery,
    Within,
)
from beacon.model.entry_types import MODEL
from beacon.web.app import Serving, create_app

WORLD = {
    "d1": People.some(30, ill=range(7), members=range(20), few=(3,)),
    "d2": People.some(24, ill=range(20), members=range(4, 22), few=range(12)),
}
EVERY = [one for one in endpoints(MODEL) if one.kind != "filtering_terms"]
OF_TERMS = [one for one in endpoints(MODEL) if one.kind == "filtering_terms"]
COMBINATIONS = [
    tiers for size in range(len(TIERS) + 1) for tiers in itertools.combinations(TIERS, size)
]


def an_id(rng: Random, entry_type: str) -> str:
    name = rng.choice(tuple(WORLD))
    if entry_type == "dataset":
        return name
    number = {"cohort": 0, "genomicVariant": rng.randrange(3)}.get(entry_type, rng.randrange(24))
    return f"{name}-{KINDS[entry_type]}{number}"


def a_question(rng: Random, endpoint: Endpoint, granularity: Granularity) -> Query:
    filters = []
    for _ in range(rng.choice([0, 0, 1, 1, 2])):
        scope = rng.choice(["individual", "biosample"])
        local = rng.choice(["all", "ill", "ill", *(["well"] if scope == "biosample" else [])])
        name = rng.choice(tuple(WORLD))
        filters.append(Filter(id=f"{name}_{KINDS[scope]}:{local}", scope=scope))
    variation = VariationQuery(
        reference_name="17", start=(rng.choice([90, 250]),), end=(310,), assembly_id="GRCh38"
    )
    within = None if endpoint.within is None else Within(endpoint.within, "")
    if within is not None:
        within = Within(within.entry_type, an_id(rng, within.entry_type))
    return Query(
        entry_type=endpoint.entry_type,
        entry_id=an_id(rng, endpoint.entry_type) if endpoint.kind == "single" else None,
        within=within,
        variation=variation if rng.random() < 0.3 else None,
        filters=tuple(filters),
        include=rng.choice(list(Include)),
        include_given=True,
        granularity=granularity,
        pagination=Pagination(skip=rng.choice([0, 0, 1]), limit=rng.choice([2, 100])),
    )


def path_of(endpoint: Endpoint, query: Query) -> str:
    named = query.entry_id or (query.within.id if query.within else "")
    return "/api" + endpoint.pattern.replace("{id}", named)


def body_of(query: Query) -> Document:
    asked: Document = {
        "includeResultsetResponses": query.include,
        "requestedGranularity": query.granularity.wire,
        "pagination": {"skip": query.pagination.skip, "limit": query.pagination.limit},
        "filters": [{"id": one.id, "scope": one.scope} for one in query.filters],
    }
    if query.variation is not None:
        asked["requestParameters"] = {
            "g_variant": {
                "assemblyId": "GRCh38",
                "referenceName": "17",
                "start": list(query.variation.start),
                "end": list(query.variation.end),
            }
        }
    return {"meta": {"apiVersion": "v2.2.0"}, "query": asked}


def check_numbers(rules: Document, query: Query, tiers: tuple[str, ...], answer: Document) -> None:
    """Each result set against what is true, and against the rules as they are written."""
    counts = []
    for told in answer.get("response", {}).get("resultSets", []):
        name, people = told["id"], WORLD[told["id"]]
        levels = {one: allowed(rules, name, one, tiers) for one in touched(query)}
        assert all(levels.values())
        entries = matching(name, people, query)
        is_each = query.entry_type not in OF_PEOPLE
        most = max(map(len, entries), default=0) if is_each else len(entries)

        def enough(level: int, levels: dict[str, int] = levels, name: str = name) -> int:
            return max(
                least(rules, name, one, tiers, min(level, highest))
                for one, highest in levels.items()
            )

        is_about_nobody = query.entry_type in ("dataset", "cohort") and not touched(query) - {
            "dataset",
            "cohort",
        }
        if told["exists"] and not is_about_nobody:
            assert most >= max(enough(1), 1)
        if "resultsCount" in told:
            assert min(query.granularity, levels[query.entry_type]) >= Granularity.COUNT
            counts.append(told["resultsCount"])
        if told.get("resultsCount") and not is_about_nobody:
            assert most >= enough(2)
            if is_each:
                assert told["resultsCount"] <= sum(len(one) >= enough(2) for one in entries)
            elif told["countPrecision"] == "exact":
                assert told["resultsCount"] == most
                assert people.number - most >= enough(2) or enough(2) <= 1
            else:
                whole = people.number
                if query.within is not None and query.within.entry_type == "cohort":
                    assert told["resultsCount"] in (whole, len(people.members))
                else:
                    assert told["resultsCount"] == whole
        if told.get("results"):
            assert min(query.granularity, levels[query.entry_type]) == Granularity.RECORD
    summary = answer["responseSummary"]
    if query.include is Include.ALL and query.entry_type in (*OF_PEOPLE, "genomicVariant"):
        sets = answer.get("response", {}).get("resultSets", [])
        assert not sets or summary["exists"] is any(one["exists"] for one in sets)
        assert not counts or summary["numTotalResults"] == sum(counts)


@pytest.mark.parametrize("seed", range(4))
async def test_nothing_above_the_rule_is_anywhere_in_an_answer(
    seed: int, aiohttp_client: Any
) -> None:
    """Every endpoint and granularity, by everybody: each text and number is of somebody's rule."""
    rng = Random(seed)
    rules = policy_document(rng, WORLD)
    source = service(store(WORLD))
    for tiers in COMBINATIONS:
        policy = policy_of(rules, tiers)
        app = create_app(source, policy.identify, Serving(access_log=False))
        client = await aiohttp_client(app)
        is_open = any(allowed(rules, one, kind, tiers) for one in WORLD for kind in ENTRY_TYPES)
        for endpoint, granularity in itertools.product(EVERY, list(Granularity)[1:]):
            query = a_question(rng, endpoint, granularity)
            path, body = path_of(endpoint, query), body_of(query)
            response = await client.post(path, json=body)
            if not is_open:
                assert response.status == (403 if tiers else 401)
                continue
            text = await response.text()
            for name, entry_type in marks(text) - marks(json.dumps(body) + path):
                assert allowed(rules, name, entry_type, tiers) == Granularity.RECORD
            if response.status == 200:
                check_numbers(rules, query, tiers, json.loads(text))
            else:
                assert response.status in (400, 404)


@pytest.mark.parametrize("seed", range(4))
async def test_no_term_above_the_rule_is_listed(seed: int, aiohttp_client: Any) -> None:
    rng = Random(seed)
    rules = policy_document(rng, WORLD)
    for tiers in COMBINATIONS:
        policy = policy_of(rules, tiers)
        app = create_app(service(store(WORLD)), policy.identify, Serving(access_log=False))
        client = await aiohttp_client(app)
        for pattern in ("/filtering_terms", *(one.pattern for one in OF_TERMS)):
            path = "/api" + pattern.replace("{id}", rng.choice(["d1", "d2", "d1-C0"]))
            response = await client.get(path)
            for line in (
                json.loads(await response.text()).get("response", {}).get("filteringTerms", [])
            ):
                for name, entry_type in marks(line["id"]):
                    fewest = least(rules, name, entry_type, tiers, 1)
                    kept = WORLD[name].ill if line["id"].endswith(":ill") else range(10)
                    assert allowed(rules, name, entry_type, tiers) >= Granularity.BOOLEAN
                    assert len(kept) >= fewest


def worlds() -> Iterator[dict[str, People]]:
    """Alike but for how many are ill, and how many of these carry what."""
    for ill in (0, 1, 4, 5, 9, 10, 12, 15, 20, 21, 25, 29, 30):
        yield {
            "d1": People.some(30, ill=range(ill), members=range(20), few=range(ill // 2)),
            "d2": WORLD["d2"],
        }


def places(rules: Document) -> list[tuple[tuple[str, ...], str]]:
    found: list[tuple[tuple[str, ...], str]] = []
    for name, of_dataset in rules["datasets"].items():
        found += [((name, "public"), one) for one in of_dataset["public"]]
        for tier, given in of_dataset["tiers"].items():
            found += [((name, "tiers", tier), one) for one in given]
    return found


def without(rules: Document, place: tuple[str, ...], name: str) -> Document | None:
    """The rules less one; `None` where another one, by `*`, would take its place."""
    less: Document = json.loads(json.dumps(rules))
    of = less["datasets"]
    for one in place:
        of = of[one]
    del of[name]
    return None if name != "*" and "*" in of else less


@pytest.mark.parametrize("seed", range(6))
async def test_without_a_rule_an_answer_says_nothing_that_it_did_not_say_with_it(seed: int) -> None:
    """Data that look alike to a caller look alike to whoever has one rule less."""
    rng = Random(seed)
    rules = policy_document(rng, ["d1", "d2"])
    who = await Shows(TIERS).caller({})
    whole = policy_of(rules, TIERS).access(who)
    sources = [store(one) for one in worlds()]
    queries = [
        msgspec.structs.replace(
            a_question(rng, rng.choice(EVERY), rng.choice(list(Granularity)[1:])),
            include=Include.ALL,
            pagination=Pagination(limit=100),
        )
        for _ in range(6)
    ]
    told = [[await document(one, query, whole) for one in sources] for query in queries]
    listed = [(await terms(one, whole)).terms for one in sources]
    for place, name in rng.sample(places(rules), min(len(places(rules)), 8)):
        less = without(rules, place, name)
        if less is None:
            continue
        narrower = policy_of(less, TIERS).access(who)
        for query, answers in zip(queries, told, strict=True):
            seen: dict[bytes, bytes] = {}
            for source, answer in zip(sources, answers, strict=True):
                narrow = await document(source, query, narrower)
                assert seen.setdefault(answer, narrow) == narrow, query
        for source, before in zip(sources, listed, strict=True):
            after = {(one.type, one.id) for one in (await terms(source, narrower)).terms}
            assert after <= {(one.type, one.id) for one in before}
