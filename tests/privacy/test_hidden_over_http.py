"""Who may not see a dataset cannot tell whether there is one: not by a byte, not by a header."""

from __future__ import annotations

import itertools
import json
from random import Random
from typing import Any

import pytest
from aiohttp import web
from marked_world import People, policy_document, policy_of, store
from protected_world import service
from test_the_promise import EVERY, OF_TERMS, WORLD, a_question, body_of, path_of

from beacon.framework.query import Granularity
from beacon.web.app import Serving, create_app

ONE = People.some(40, ill=range(33), members=range(12), few=range(5))
OTHER = People.some(3, ill=(), members=(), few=())
DEPLOYMENTS = [
    WORLD,
    {**WORLD, "hidden": ONE},
    {"hidden": OTHER, **WORLD},
    {**WORLD, "unnamed": ONE},
]
SAID_BY_ITSELF = (
    "/",
    "/api/",
    "/api/info",
    "/api/map",
    "/api/configuration",
    "/api/entry_types",
    "/api/service-info",
    "/api/openapi.json",
    "/api/nothing",
)
OF_THE_MOMENT = ("Date", "X-Request-ID")


async def said(response: Any) -> tuple[Any, ...]:
    headers = [(name, one) for name, one in response.headers.items() if name not in OF_THE_MOMENT]
    return response.status, sorted(headers), await response.read()


@pytest.mark.parametrize("seed", range(2))
async def test_a_hidden_dataset_changes_no_byte(seed: int, aiohttp_client: Any) -> None:
    rng = Random(seed)
    rules = policy_document(rng, [*WORLD, "hidden"])
    of_staff = {"*": {"level": "record", "min_count": 1}}
    rules["datasets"]["hidden"] |= {"public": {}, "tiers": {"staff": of_staff}}
    if rng.random() < 0.5:
        rules["datasets"]["hidden"]["tiers"] = {}
    rules["datasets"]["d1"]["public"]["dataset"] = {"level": "boolean", "min_count": 1}
    for tiers in ((), ("registered",)):
        clients = []
        for number, deployment in enumerate(DEPLOYMENTS):
            # The rules of a dataset that is hidden may be there or not, as it may be itself.
            kept = {**rules, "datasets": dict(rules["datasets"])}
            if number == 0:
                del kept["datasets"]["hidden"]
            app = create_app(
                service(store(deployment)),
                policy_of(kept, tiers).identify,
                Serving(access_log=False),
            )
            clients.append(await aiohttp_client(app))

        async def alike(clients: list[Any], method: str, path: str, **sent: Any) -> None:
            answers = [await said(await one.request(method, path, **sent)) for one in clients]
            assert all(one == answers[0] for one in answers), (method, path, sent)

        for path in SAID_BY_ITSELF:
            await alike(clients, "GET", path)
        for endpoint, name in itertools.product(OF_TERMS, ("d1", "hidden")):
            await alike(clients, "GET", "/api" + endpoint.pattern.replace("{id}", name))
        await alike(clients, "GET", "/api/filtering_terms")
        items: list[dict[str, Any]] = []
        for endpoint, granularity in itertools.product(EVERY, list(Granularity)[1:]):
            query = a_question(rng, endpoint, granularity)
            path, body = path_of(endpoint, query), body_of(query)
            if rng.random() < 0.3:
                path = path.replace("d2-", "hidden-").replace("/d2/", "/hidden/")
            if rng.random() < 0.2:
                body["query"].setdefault("requestParameters", {})["datasets"] = ["hidden", "d1"]
            if rng.random() < 0.2:
                body["query"]["filters"] = [{"id": "hidden_P:all", "scope": "individual"}]
            await alike(clients, "POST", path, json=body)
            if endpoint.kind == "collection" and endpoint.entry_type == "individual":
                asked = {key: body["query"][key] for key in ("filters",)}
                items.append({"id": str(len(items)), **asked})
        batch = {"entryType": "individual", "items": items}
        await alike(
            clients, "POST", "/api/batch", json=batch, headers={"Accept": "application/json"}
        )


async def test_the_deployments_do_differ(aiohttp_client: Any) -> None:
    """Or the test above would compare nothing."""
    rules = {
        "datasets": {
            "hidden": {
                "accept_risk": "invented people",
                "public": {"*": {"level": "record", "min_count": 1}},
            }
        }
    }
    bodies = set()
    for deployment in DEPLOYMENTS[:3]:
        app: web.Application = create_app(
            service(store(deployment)), policy_of(rules, ()).identify, Serving(access_log=False)
        )
        client = await aiohttp_client(app)
        response = await client.post(
            "/api/individuals",
            json={"meta": {}, "query": {"filters": [{"id": "hidden_P:all"}]}},
        )
        bodies.add(json.dumps(json.loads(await response.text()).get("responseSummary")))

    assert len(bodies) > 1
