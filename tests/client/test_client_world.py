"""The client against a beacon and a network of ours, whose true answers are known."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from beacon.client import (
    Answer,
    AsyncBeacon,
    Beacon,
    CarriedVariant,
    Case,
    Refused,
    Variant,
    Withheld,
)
from tests.client.world import NETWORK_ID, World

A = Variant("GRCh38", "17", 7577120, "G", "A")
ABSENT = Variant("GRCh38", "17", 7577120, "G", "C")
SEIZURE = "HP:0001250"


@pytest.fixture
async def beacon(small_world: World) -> AsyncIterator[AsyncBeacon]:
    async with AsyncBeacon(small_world.beacon) as client:
        yield client


@pytest.fixture
async def network(small_world: World) -> AsyncIterator[AsyncBeacon]:
    async with AsyncBeacon(small_world.network, timeout_s=60) as client:
        yield client


def counts(answer: Answer) -> dict[str | None, tuple[bool | None, int | None]]:
    return {one.dataset_id: (one.exists, one.count) for one in answer.sets}


async def test_a_beacon_says_what_it_is(beacon: AsyncBeacon) -> None:
    about = await beacon.about()

    assert (about.id, about.name, about.api_version) == ("org.example.live", "Live", "v2.2.0")
    assert (about.is_network, about.batch_max) == (False, 1000)


async def test_a_network_says_that_it_is_one(network: AsyncBeacon) -> None:
    about = await network.about()

    assert (about.id, about.is_network, about.streams) == (NETWORK_ID, True, True)


async def test_a_variant_is_looked_up_in_every_dataset(beacon: AsyncBeacon) -> None:
    known = await beacon.lookup("17-7577121-G-A", assembly="GRCh38")
    absent = await beacon.lookup(ABSENT)

    assert known.exists is True
    assert counts(known)["open"] == (True, 1)
    assert counts(known)["suomi"] == (False, 0)
    assert counts(known)["faint"] == (True, None)
    assert absent.exists is False
    assert "hidden" not in counts(known)


async def test_frequencies_come_with_records(beacon: AsyncBeacon) -> None:
    answer = await beacon.lookup("21-45864731-C-G", assembly="GRCh38", granularity="record")

    (suomi,) = [one for one in answer.sets if one.dataset_id == "suomi"]
    assert [(one.allele_count, one.allele_number) for one in suomi.frequencies] == [(3, 6)]


async def test_people_are_counted_as_far_as_it_is_told(beacon: AsyncBeacon) -> None:
    carriers = await beacon.count("individuals", variant=A)
    both = await beacon.count("individual", variant=A, filters=[SEIZURE])

    assert counts(carriers)["open"] == (True, 2)
    assert counts(both)["open"] == (True, 2)
    # One dataset says only that there are some.
    assert counts(carriers)["faint"] == (True, None)
    assert carriers.low == 2
    assert carriers.high is None


async def test_a_filter_may_be_said_as_beacon_writes_it(beacon: AsyncBeacon) -> None:
    exactly = {"id": SEIZURE, "includeDescendantTerms": False}

    with_kinds = await beacon.count(filters=[SEIZURE])
    alone = await beacon.count(filters=[exactly])

    assert counts(with_kinds)["open"] == (True, 3)
    assert counts(alone)["open"] == (True, 1)


async def test_everybody_is_read_page_by_page(beacon: AsyncBeacon) -> None:
    found = [one async for one in beacon.individuals(page=4)]

    of_open = [one["id"] for one in found if one.dataset_id == "open"]
    assert sorted(of_open) == [f"I{number:02}" for number in range(1, 26)]
    assert {one.beacon_id for one in found} == {"org.example.live"}


async def test_people_who_are_not_told_of_are_not_nobody(small_world: World) -> None:
    async with AsyncBeacon(small_world.countries.urls["BE"]) as counting:
        with pytest.raises(Withheld):
            _ = [one async for one in counting.individuals()]


async def test_datasets_are_listed(beacon: AsyncBeacon) -> None:
    # Of the others there are no records for the public.
    assert [one["id"] async for one in beacon.datasets()] == ["open"]


async def test_many_variants_are_asked_about_at_once(beacon: AsyncBeacon) -> None:
    wrong = Variant("GRCh38", "17", 10**9 - 1, "G", "A")
    bad = Variant("GRCh38", "no_such", 1, "G", "A")
    asked = {"a": A, "b": ABSENT, "far": wrong, "bad": bad}
    found = {key: one async for key, one in beacon.batch(asked, granularity="count")}

    assert {key: getattr(one, "exists", type(one)) for key, one in found.items()} == {
        "a": True,
        "b": False,
        "far": False,
        "bad": Refused,
    }


async def test_a_batch_may_ask_who_carries_variants(beacon: AsyncBeacon) -> None:
    asked = [A, ABSENT]
    found = {key: one async for key, one in beacon.batch(asked, entry_type="individuals")}

    assert set(found) == {"17-7577121-G-A", "17-7577121-G-C"}
    assert isinstance(found["17-7577121-G-A"], Answer)
    assert counts(found["17-7577121-G-A"])["open"] == (True, 2)


async def test_a_network_says_who_said_what(network: AsyncBeacon, small_world: World) -> None:
    seen = next(one for one in small_world.countries.truth if all(one.carriers))
    variant = Variant("GRCh38", seen.chromosome, seen.pos - 1, seen.ref, seen.alt)
    answer = await network.count("individuals", variant=variant)

    assert answer.exists is True
    assert {one.id: one.status for one in answer.members} == {
        "at.example.beacon": "hit",
        "be.example.beacon": "hit",
        "org.example.live": "miss",
    }
    assert {one.beacon_id: one.count for one in answer.sets if one.exists} == {
        "at.example.beacon": len(seen.carriers[0]),
        "be.example.beacon": len(seen.carriers[1]),
    }
    assert answer.count == sum(map(len, seen.carriers))


async def test_a_network_answers_in_parts(network: AsyncBeacon) -> None:
    parts = [one async for one in network.stream(A, entry_type="individuals")]

    assert parts[0].kind == "accepted"
    assert parts[-1].kind == "complete"
    members = {one.member.id: one for one in parts if one.member is not None}
    assert set(members) == {"at.example.beacon", "be.example.beacon", "org.example.live"}
    live = members["org.example.live"].answer
    assert live is not None
    assert counts(live)["open"] == (True, 2)
    (summary,) = [one.answer for one in parts if one.kind == "summary"]
    assert summary is not None
    assert summary.exists is True


async def test_a_beacon_answers_a_stream_in_one_part(beacon: AsyncBeacon) -> None:
    parts = [one async for one in beacon.stream(A)]

    assert [one.kind for one in parts] == ["summary", "complete"]
    assert parts[0].answer is not None
    assert parts[0].answer.exists is True


async def test_people_like_a_case_are_found(beacon: AsyncBeacon) -> None:
    carried = CarriedVariant(A, "homozygous")
    features = (SEIZURE, "HP:9999999")
    case = Case(features=features, excluded=("HP:0000618",), variants=(carried,))
    answer = await beacon.match(case, granularity="record", limit=3)

    assert (await beacon.about()).has_match
    assert answer.exists is True
    assert "open" in {one.dataset_id for one in answer.sets}
    assert {one.dataset_id for one in answer.matches} == {"open"}
    assert {one.kind for one in answer.matches[0].reasons} >= {"feature"}
    assert answer.unknown == ("HP:9999999",)
    (of_open,) = [one for one in answer.sets if one.dataset_id == "open"]
    assert answer.low >= of_open.bands[-1].low >= 1


async def test_a_network_finds_people_like_a_case(network: AsyncBeacon) -> None:
    answer = await network.match(Case(features=(SEIZURE,)))

    assert answer.exists is True
    assert {one.id: one.status for one in answer.members}["org.example.live"] == "hit"


async def test_a_token_that_is_not_valid_is_refused(small_world: World) -> None:
    async with AsyncBeacon(small_world.beacon, token="not-a-token") as client:
        with pytest.raises(Refused) as caught:
            await client.count()

    assert caught.value.status == 401


def test_who_does_not_await_gets_the_same(small_world: World) -> None:
    with Beacon(small_world.beacon) as beacon:
        assert beacon.about().id == "org.example.live"
        assert beacon.lookup(A).exists is True
        assert beacon.lookup(ABSENT).exists is False
        assert counts(beacon.count(variant=A))["open"] == (True, 2)
        assert [one["id"] for one in beacon.datasets()] == ["open"]
        assert {key for key, _ in beacon.batch([A, ABSENT])} == {str(A), str(ABSENT)}
        assert [one.kind for one in beacon.stream(A)] == ["summary", "complete"]


async def test_it_works_where_a_loop_is_running_already(small_world: World) -> None:
    with Beacon(small_world.beacon) as beacon:
        assert beacon.lookup(A).exists is True


def test_whoever_leaves_in_the_middle_leaves_nothing_open(small_world: World) -> None:
    with Beacon(small_world.beacon) as beacon:
        for one in beacon.individuals(page=2):
            assert one["id"]
            break
        assert beacon.about().batch_max == 1000
    with beacon:
        assert beacon.lookup(A).exists is True
