"""Over HTTP: every access to data is one line, which says who may have learnt how much and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from audited import FEMALE, STORE, found_in, full_disk, lines, serving, settings_in
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beacon import auditing
from beacon.framework.access import Access
from beacon.framework.answer import Answer
from beacon.framework.errors import SourceUnavailable
from beacon.framework.query import Query
from beacon.memory import MemoryStore
from beacon.settings import AuditSettings
from tests.auth.mock_broker import NOON, World

ALL = "/api/individuals?requestedGranularity=record"
COUNT = "/api/individuals?requestedGranularity=count"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_an_answer_to_the_public_is_a_line(tmp_path: Path) -> None:
    async with serving(settings_in(tmp_path)) as (client, _):
        response = await client.get(f"{ALL}&filters=NCIT:C16576")

    (line,) = lines(tmp_path / "audit")
    assert response.status == 200
    assert line["request"] == response.headers["X-Request-ID"]
    assert line["at"].endswith("+00:00")
    assert {key: line[key] for key in ("person", "endpoint", "entry_type", "status")} == {
        "person": "public",
        "endpoint": "/api/individuals",
        "entry_type": "individual",
        "status": 200,
    }
    assert (line["asked"], line["granted"]) == ("record", "count")
    assert line["datasets"] == [
        {
            "id": "open",
            "decision": "answered",
            "level": "count",
            "rules": ['policy.datasets."open".public.individual'],
        }
    ]


async def test_who_is_known_is_named_by_a_pseudonym(tmp_path: Path, world: World) -> None:
    token = world.passport(world.visa())
    headers = {**bearer(token), "X-Beacon-Purpose": "DUO:0000043; for a patient"}
    async with serving(settings_in(tmp_path), authenticator=world.authenticator) as (client, _):
        for _ in range(2):
            assert (await client.get(ALL, headers=headers)).status == 200

    one, other = lines(tmp_path / "audit")
    assert one["person"] == other["person"]
    assert len(one["person"]) == 32
    assert one["visa_issuers"] == ["rems"]
    assert "controlled" in one["tiers"]
    assert one["purpose"] == "DUO:0000043"
    granted = next(of for of in one["datasets"] if of["id"] == "granted")
    assert granted["rules"] == ['policy.datasets."granted".tiers.controlled.individual']
    assert granted["level"] == "record"


async def test_what_is_named_and_not_granted_is_withheld(tmp_path: Path) -> None:
    async with serving(settings_in(tmp_path)) as (client, _):
        await client.post(
            "/api/individuals",
            json={
                "query": {
                    "requestParameters": {"datasets": ["granted", "my-secret-note"]},
                    "requestedGranularity": "count",
                }
            },
        )
        await client.get("/api/datasets/granted/individuals")

    first, second = lines(tmp_path / "audit")
    withheld = {"id": "granted", "decision": "withheld", "level": "none"}
    assert first["datasets"] == [withheld]
    assert first["granted"] == "none"
    assert second["datasets"] == [withheld]
    assert "note" not in str(lines(tmp_path / "audit", None))


async def test_refused_credentials_are_a_line_with_the_reason(tmp_path: Path, world: World) -> None:
    only_granted = settings_in(tmp_path)
    datasets = {"granted": only_granted.policy.datasets["granted"]}
    only_granted = msgspec.structs.replace(
        only_granted, policy=msgspec.structs.replace(only_granted.policy, datasets=datasets)
    )
    async with serving(only_granted, authenticator=world.authenticator) as (client, _):
        tokens = (world.access_token(exp=NOON - 900, iat=NOON - 1800), world.access_token(), None)
        for token in tokens:
            await client.get(COUNT, headers={} if token is None else bearer(token))
        await client.get(f"{COUNT}&access_token=x")

    found = lines(tmp_path / "audit")
    assert [(one["status"], one["reason"]) for one in found] == [
        (401, "expired"),
        (403, "opens_nothing"),
        (401, "none_shown"),
        (401, "in_url"),
    ]
    people = [one["person"] for one in found]
    assert [people[0], *people[2:]] == ["unverified", "public", "public"]
    assert len(people[1]) == 32


async def test_each_question_of_a_batch_is_a_line(tmp_path: Path) -> None:
    items: list[Any] = [{"id": str(n), "filters": [{"id": FEMALE["id"]}]} for n in range(3)]
    items.append({"id": "bad", "filters": [{"id": 3}]})
    async with serving(settings_in(tmp_path)) as (client, _):
        for accept in ("application/json", "application/x-ndjson"):
            response = await client.post(
                "/api/batch",
                json={"entryType": "individual", "items": items},
                headers={"Accept": accept},
            )
            assert response.status == 200, await response.text()
            await response.read()

    found = lines(tmp_path / "audit")
    assert [one["endpoint"] for one in found] == ["/api/batch"] * 6
    assert {one["entry_type"] for one in found} == {"individual"}
    assert len({one["question"] for one in found}) == 1


async def test_filtering_terms_are_a_line_and_information_is_none(tmp_path: Path) -> None:
    async with serving(settings_in(tmp_path)) as (client, _):
        for path in ("info", "map", "entry_types", "filtering_terms", "individuals/x/nothing"):
            await client.get(f"/api/{path}")

    assert [one["endpoint"] for one in lines(tmp_path / "audit")] == ["/api/filtering_terms"]


async def test_test_mode_and_what_cannot_be_read_are_not_written_down(tmp_path: Path) -> None:
    async with serving(settings_in(tmp_path)) as (client, _):
        await client.get(f"{COUNT}&testMode=true")
        await client.get("/api/individuals?limit=many")

    assert lines(tmp_path / "audit") == []


class Away:
    """A source that is not there."""

    async def search(
        self, query: Query, access: Access, *, deadline_s: float | None = None
    ) -> Answer:
        if query.entry_type == "biosample":
            raise KeyError("a failure")
        raise SourceUnavailable("the database is away")

    filtering_terms = MemoryStore.filtering_terms

    async def check(self) -> None:
        return None


async def test_what_failed_after_it_was_asked_is_a_line(tmp_path: Path) -> None:
    async with serving(settings_in(tmp_path), Away()) as (client, _):
        await client.get(COUNT)
        await client.get("/api/biosamples")

    assert [one["status"] for one in lines(tmp_path / "audit")] == [503, 500]


async def test_the_same_question_has_the_same_hash_and_no_other(tmp_path: Path) -> None:
    same = (
        "/api/individuals?filters=NCIT:C16576,age%3E3",
        "/api/individuals?filters=age%3E3,NCIT:C16576&limit=3&skip=2",
        "/api/individuals?filters=NCIT:C16576,age%3E3&requestedGranularity=count",
    )
    others = ("/api/individuals?filters=NCIT:C16576,age%3E4", "/api/individuals/NCIT:C16576")
    async with serving(settings_in(tmp_path)) as (client, _):
        for path in (*same, *others):
            await client.get(path)

    hashes = [one["question"] for one in lines(tmp_path / "audit")]
    assert len(set(hashes[: len(same)])) == 1
    assert len(set(hashes)) == 3


_TEXT = st.text(st.characters(categories=("L", "N"), max_codepoint=0x2FF), min_size=6, max_size=16)


@given(
    names=st.lists(_TEXT, min_size=5, max_size=5, unique=True), position=st.integers(10**6, 10**8)
)
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_no_variant_token_or_id_is_in_the_files(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], position: int
) -> None:
    one_id, term, dataset, token, other = (f"{name}Zq" for name in names)
    folder = tmp_path_factory.mktemp("beacon")
    asked = (
        ("/api/individuals/" + one_id, {}),
        ("/api/individuals/" + one_id + "/g_variants", {"filters": term}),
        ("/api/individuals", {"filters": term, "datasets": dataset}),
        (
            "/api/g_variants",
            {"referenceName": "17", "start": position, "alternateBases": "ACGTACGTA"},
        ),
        ("/api/g_variants", {"genomicAlleleShortForm": f"NM_{position}.1:c.3A>G"}),
        ("/api/filtering_terms", {"prefix": term}),
        ("/api/datasets/" + dataset + "/individuals", {}),
        ("/api/individuals", {"access_token": token}),
    )
    async with serving(settings_in(folder)) as (client, _):
        for path, parameters in asked:
            await client.get(path, params=parameters)
        await client.get(COUNT, headers=bearer(token.encode().hex()))
        await client.post("/api/individuals/" + other, json={"query": {"filters": [{"id": term}]}})
    found = b"".join(path.read_bytes() for path in (folder / "audit").iterdir())

    assert found.count(b'"kind":"access"') >= 8
    secrets = (*(one_id, term, dataset, token, other), token.encode().hex())
    for secret in (*secrets, str(position), "ACGTACGTA", "127.0.0.1"):
        assert secret.encode() not in found


async def test_what_cannot_be_written_down_is_not_answered(tmp_path: Path) -> None:
    own = settings_in(tmp_path)
    async with serving(own) as (client, _):
        before = (await client.get(COUNT)).status
        (path,) = (tmp_path / "audit").glob("*.jsonl")
        for room in (0, 1, 100):  # in the middle of a line, too
            with full_disk(path.stat().st_size + room):
                refused = await client.get(COUNT)
                said = await refused.json()
                batch = await client.post(
                    "/api/batch", json={"entryType": "individual", "items": [{"id": "1"}]}
                )
        after = (await client.get(COUNT)).status
        metrics = await (await client.get("/metrics")).text()

    assert (before, refused.status, batch.status, after) == (200, 503, 503, 200)
    assert said["error"]["errorMessage"] == "the audit cannot be written"
    assert "beacon_audit_failures_total 6.0" in metrics
    assert [one["status"] for one in lines(tmp_path / "audit")] == [200, 200]
    assert [one.broken for one in found_in(own)] == [None]


async def test_nothing_is_written_where_nothing_is_wanted(tmp_path: Path) -> None:
    own = msgspec.structs.replace(settings_in(tmp_path), audit=AuditSettings(enabled=False))
    async with auditing.opened(own, lambda _: pytest.fail("no key is needed"), Any) as audit:
        assert audit is None

    assert not (tmp_path / "audit").exists()
    assert not (tmp_path / "secret").exists()


async def test_the_store_is_as_it_was(tmp_path: Path) -> None:
    """What the audit is told of a question is in no answer."""
    async with serving(settings_in(tmp_path), STORE) as (client, _):
        body = await (await client.get(f"{ALL}&includeResultsetResponses=ALL")).text()

    assert "decision" not in body
    assert "charge" not in body
