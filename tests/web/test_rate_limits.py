"""How much one caller may ask, by the clock and over HTTP."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from aiohttp.test_utils import TestClient, TestServer
from multidict import CIMultiDict
from small_beacon import SETTINGS, STORE, SYNTHETIC, Start

from beacon import composition
from beacon.framework.access import NOTHING, Access, Asker
from beacon.framework.answer import Answer
from beacon.framework.errors import SettingsError, TooManyRequests
from beacon.framework.query import Query, VariationQuery
from beacon.settings import LimitSettings, ServerSettings, Settings
from beacon.web.client_addresses import ClientAddresses
from beacon.web.rate_limits import RateLimits
from tests.auth.mock_broker import World

ASK = "/api/individuals?requestedGranularity=boolean"
VARIANT = "/api/g_variants?referenceName=17&start={}&alternateBases=A"
ANN = Access(grants={}, asker=Asker(identities=("ann",)))
BEN = Access(grants={}, asker=Asker(identities=("ben",)))


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def limited(**limits: Any) -> Settings:
    return msgspec.structs.replace(SETTINGS, limits=LimitSettings(**limits))


class Arrived(dict[Any, Any]):
    """What limits look at of a request: where it came from, its headers, and room for notes."""

    def __init__(self, host: str, headers: dict[str, str]) -> None:
        self.remote = host
        self.headers = CIMultiDict(headers)


def request(host: str = "192.0.2.1", **headers: str) -> Any:
    """A request that came from somewhere."""
    return Arrived(host, headers)


def made(clock: Clock, *, workers: int = 1, **limits: int) -> RateLimits:
    return RateLimits(
        LimitSettings(**limits),
        ClientAddresses(),
        workers=workers,
        clock=clock,
        wall_clock=clock,
    )


def answered(limits: RateLimits, host: str = "192.0.2.1") -> bool:
    """Whether a request of the public is let through."""
    one = request(host)
    try:
        limits.enter(one)
    except TooManyRequests:
        return False
    limits.leave(one)
    return True


def of_person(limits: RateLimits, access: Access, questions: int = 1) -> bool:
    one = request(Authorization="Bearer x")
    try:
        limits.enter(one)
        limits.admit(one, access, questions)
    except TooManyRequests:
        return False
    finally:
        limits.leave(one)
    return True


def test_without_limits_nothing_is_counted() -> None:
    assert not made(Clock()).is_on


def test_so_many_at_once_and_then_so_many_a_minute() -> None:
    clock = Clock()
    limits = made(clock, requests_per_minute_public=30, burst=3)
    at_once = [answered(limits) for _ in range(5)]
    clock.now += 2
    after_two_seconds = [answered(limits) for _ in range(2)]
    clock.now += 3600
    after_an_hour = [answered(limits) for _ in range(5)]

    assert at_once == [True] * 3 + [False] * 2
    assert after_two_seconds == [True, False]
    assert after_an_hour == [True] * 3 + [False] * 2


def test_it_says_when_to_ask_again() -> None:
    limits = made(Clock(), requests_per_minute_public=6, burst=1)
    limits.enter(request())
    with pytest.raises(TooManyRequests, match="6 a minute are answered; ask again in 10 s") as one:
        limits.enter(request())

    assert one.value.retry_after_s == 10


def test_addresses_are_counted_apart_and_ipv6_by_network() -> None:
    limits = made(Clock(), requests_per_minute_public=1, burst=1)
    hosts = [
        "192.0.2.1",
        "192.0.2.2",
        "::ffff:192.0.2.1",
        "2001:db8::1",
        "2001:db8::ffff:1",
        "2001:db8:0:1::1",
        "fe80::1%eth0",
    ]

    assert [answered(limits, one) for one in hosts] == [True, True, False, True, False, True, True]


def test_a_person_is_counted_by_name_wherever_they_are() -> None:
    limits = made(Clock(), requests_per_minute=1, requests_per_minute_public=1, burst=2)

    assert [of_person(limits, ANN) for _ in range(3)] == [True, True, False]
    assert of_person(limits, BEN)
    assert answered(limits)


def test_a_batch_costs_as_many_as_it_asks_and_what_it_cannot_pay_is_owed() -> None:
    clock = Clock()
    limits = made(clock, requests_per_minute=60, requests_per_minute_public=60, burst=10)
    batch = of_person(limits, ANN, questions=40)
    at_once = of_person(limits, ANN)
    clock.now += 25
    still_owed = of_person(limits, ANN)
    clock.now += 10
    paid = of_person(limits, ANN)

    assert [batch, at_once, still_owed, paid] == [True, False, False, True]


def test_a_batch_of_the_public_costs_as_many_as_it_asks() -> None:
    limits = made(Clock(), requests_per_minute_public=60, burst=10)
    one = request()
    limits.enter(one)
    limits.admit(one, NOTHING, 10)

    assert not answered(limits)


def test_credentials_that_name_nobody_are_counted_by_address_apart_from_the_public() -> None:
    clock = Clock()
    limits = made(clock, requests_per_minute_public=60, burst=3)
    outcomes = []
    for _ in range(5):
        one = request(Authorization="Bearer guess")
        try:
            limits.enter(one)
            outcomes.append("checked")
        except TooManyRequests:
            outcomes.append("refused")
        limits.leave(one)

    assert outcomes == ["checked"] * 3 + ["refused"] * 2
    assert answered(limits)
    assert answered(limits, "192.0.2.9")


def test_workers_share_the_limits() -> None:
    limits = made(Clock(), workers=4, requests_per_minute_public=60, burst=8)

    assert [answered(limits) for _ in range(3)] == [True, True, False]


def test_distinct_variants_a_day() -> None:
    clock = Clock()
    limits = made(clock, variants_per_day_public=2)
    outcomes = [counted(limits, start) for start in (1, 2, 1, 3, 2)]
    elsewhere = counted(limits, 3, "192.0.2.9")
    clock.now += 86_400
    tomorrow = counted(limits, 3)

    assert outcomes == [True, True, True, False, True]
    assert elsewhere
    assert tomorrow


def counted(limits: RateLimits, start: int, host: str = "192.0.2.1") -> bool:
    variation = VariationQuery(start=(start,))
    one = request(host)
    limits.enter(one)
    try:
        limits.count_variant(one, NOTHING, Query(entry_type="individual", variation=variation))
    except TooManyRequests as error:
        return not 0 < error.retry_after_s <= 86_400
    finally:
        limits.leave(one)
    return True


def test_memory_is_bounded() -> None:
    limits = made(Clock(), requests_per_minute_public=60, burst=5)
    for number in range(50_000):
        limits._of_public.take(str(number), 1)
    buckets = limits._of_public

    assert len(buckets._recent) + len(buckets._earlier) <= 40_000


def test_who_asked_a_moment_ago_is_not_forgotten_when_many_others_ask() -> None:
    limits = made(Clock(), requests_per_minute_public=60, burst=1)
    first = answered(limits)
    for number in range(20_000):
        limits._of_public.take(str(number), 1)

    assert first
    assert not answered(limits)


def test_counting_takes_microseconds() -> None:
    limits = made(Clock(), requests_per_minute_public=10_000_000, burst=10_000_000, concurrent=4)
    requests = [request() for _ in range(2000)]
    began = time.perf_counter()
    for one in requests:
        limits.enter(one)
        limits.admit(one, NOTHING)
        limits.leave(one)
    seconds = (time.perf_counter() - began) / len(requests)

    assert seconds < 100e-6  # 6 µs on a quiet machine


PROXIES = ("10.0.0.0/8", "2001:db8:ffff::1")


@pytest.mark.parametrize(
    ("host", "forwarded", "address"),
    [
        ("192.0.2.1", None, "192.0.2.1"),
        ("192.0.2.1", "198.51.100.7", "192.0.2.1"),  # not a proxy: it may write what it likes
        ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.7", "198.51.100.7"),  # the client wrote the first
        ("10.0.0.1", "198.51.100.7, 10.9.9.9", "198.51.100.7"),
        ("10.0.0.1", "10.1.1.1, 10.9.9.9", "10.1.1.1"),
        ("10.0.0.1", "198.51.100.7, nonsense", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.7:4711", "198.51.100.7"),
        ("10.0.0.1", "[2001:db8::7]:4711", "2001:db8::/64"),
        ("2001:db8:ffff::1", "2001:db8::7", "2001:db8::/64"),
        ("::ffff:10.0.0.1", "198.51.100.7", "198.51.100.7"),
    ],
)
def test_a_proxy_is_believed_when_it_is_trusted(
    host: str, forwarded: str | None, address: str
) -> None:
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}

    assert ClientAddresses(PROXIES).of(request(host, **headers)) == address


def test_a_proxy_that_is_no_address_is_named() -> None:
    settings = Settings(server=ServerSettings(trusted_proxies=("10.0.0.1/8",)))
    with pytest.raises(SettingsError, match=r"server.trusted_proxies: 10.0.0.1/8"):
        composition.rates(settings)


async def test_one_too_many_is_429_and_says_when_to_ask_again(start: Start) -> None:
    client = await start(STORE, limited(requests_per_minute_public=1, burst=2))
    statuses = [(await client.get(ASK)).status for _ in range(3)]
    response = await client.get(ASK)
    document = await response.json()

    assert statuses == [200, 200, 429]
    assert 1 <= int(response.headers["Retry-After"]) <= 60
    assert document["error"]["errorCode"] == 429
    assert "too many requests: 1 a minute" in document["error"]["errorMessage"]


async def test_everything_counts_but_what_machines_watch(start: Start) -> None:
    client = await start(STORE, limited(requests_per_minute_public=1, burst=1))
    watched = [(await client.get(path)).status for path in ("/livez", "/readyz", "/metrics") * 2]
    first = (await client.get("/api/info")).status
    others = [
        (await client.get(path)).status
        for path in ("/api/info", "/nowhere", ASK + "&testMode=true", ASK + "&access_token=x")
    ]

    assert watched == [200] * 6
    assert first == 200
    assert others == [429] * 4


async def test_what_pages_bring_along_counts_against_nobody(start: Start) -> None:
    client = await start(STORE, limited(requests_per_minute_public=1, burst=1))
    files = [(await client.get("/static/0/portal.css")).status for _ in range(4)]
    first = (await client.get(ASK)).status
    second = (await client.get(ASK)).status

    assert 429 not in files
    assert (first, second) == (200, 429)


async def test_guessing_credentials_is_stopped_and_the_public_goes_on(start: Start) -> None:
    client = await start(STORE, limited(requests_per_minute_public=1, burst=3))
    guesses = [
        (await client.get(ASK, headers={"Authorization": f"Bearer {number}"})).status
        for number in range(5)
    ]
    public = (await client.get(ASK)).status

    assert guesses == [401] * 3 + [429] * 2
    assert public == 200


async def test_questions_of_a_batch_count(start: Start) -> None:
    client = await start(STORE, limited(requests_per_minute_public=1, burst=5))
    items = [{"id": str(number)} for number in range(5)]
    body = {"entryType": "individual", "items": items}
    batch = await client.post("/api/batch", json=body)
    after = await client.get(ASK)

    assert batch.status == 200
    assert after.status == 429


async def test_variants_that_the_public_asks_about_count_in_batches_too(start: Start) -> None:
    client = await start(STORE, limited(variants_per_day_public=2))
    first = await client.get(VARIANT.format(100))
    items = [
        {"id": str(number), "requestParameters": {"start": [number]}} for number in (100, 200, 300)
    ]
    shared = {"requestParameters": {"referenceName": "17", "alternateBases": "A"}}
    batch = await client.post(
        "/api/batch", json={"query": shared, "items": items}, headers={"Accept": "application/json"}
    )
    told = (await batch.json())["results"]
    refused = await client.get(VARIANT.format(400))
    again = await client.get(VARIANT.format(200))
    other = await client.get(ASK)

    assert first.status == 200
    assert [one.get("error", {}).get("errorCode") for one in told] == [None, None, 429]
    assert refused.status == 429
    assert "variants were asked about" in await refused.text()
    assert (again.status, other.status) == (200, 200)


class Slow:
    """A source that takes its time."""

    def __init__(self) -> None:
        self.let_go = asyncio.Event()
        self.asked = asyncio.Event()

    async def search(
        self, query: Query, access: Access, *, deadline_s: float | None = None
    ) -> Answer:
        self.asked.set()
        await self.let_go.wait()
        return await STORE.search(query, access)

    async def filtering_terms(self, query: Any, access: Access) -> Any:
        return await STORE.filtering_terms(query, access)

    async def check(self) -> None:
        return None


async def test_one_caller_cannot_have_everything_at_once(start: Start) -> None:
    slow = Slow()
    client = await start(slow, limited(concurrent=2))
    two = [asyncio.create_task(client.get(ASK)) for _ in range(2)]
    await slow.asked.wait()
    await asyncio.sleep(0.2)
    third = await client.get(ASK)
    watched = await client.get("/livez")
    slow.let_go.set()
    answers = [(await one).status for one in two]
    after = await client.get(ASK)

    assert third.status == 429
    assert third.headers["Retry-After"] == "1"
    assert watched.status == 200
    assert answers == [200, 200]
    assert after.status == 200


async def test_who_goes_away_makes_room(start: Start) -> None:
    slow = Slow()
    client = await start(slow, limited(concurrent=1, deadline_s=1.0))
    late = await client.get(ASK)
    slow.let_go.set()
    after = await client.get(ASK)

    assert (late.status, after.status) == (504, 200)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with World() as one:
        yield one


async def test_people_are_limited_by_who_they_are(world: World, tmp_path: Any) -> None:
    settings = msgspec.structs.replace(
        limited(requests_per_minute=1, requests_per_minute_public=1, burst=2),
        data_dir=str(tmp_path),
    )
    app = composition.app(settings, STORE, SYNTHETIC, world.authenticator)
    ann, ben = ({"Authorization": f"Bearer {world.passport(sub=one)}"} for one in ("ann", "ben"))
    ann_again = {"Authorization": f"Bearer {world.passport(sub='ann', jti='another')}"}
    async with TestClient(TestServer(app)) as client:
        of_ann = [(await client.get(ASK, headers=one)).status for one in (ann, ann, ann, ann_again)]
        of_ben = (await client.get(ASK, headers=ben)).status
        public = (await client.get(ASK)).status

    assert of_ann == [200, 200, 429, 429]
    assert of_ben == 200
    assert public == 200
