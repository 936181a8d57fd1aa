"""The way of a question through networks, and its end."""

from __future__ import annotations

import pytest

from beacon.framework.access import EVERYTHING
from beacon.framework.errors import InvalidRequest, Unauthorized
from beacon.network import hops
from beacon.network.hops import DEADLINE, PATH, Callers, LoopDetected


async def test_a_question_from_a_client_came_no_way():
    access = await Callers("eu.example.network", 3).identify({})

    assert access == EVERYTHING
    assert access.via == ()


async def test_the_way_is_carried_on():
    access = await Callers("eu.example.network", 3).identify({PATH: "a.example, b.example"})

    assert access.via == ("a.example", "b.example")
    assert hops.headers(access.via, "eu.example.network", 10.0) == {
        PATH: "a.example,b.example,eu.example.network",
        DEADLINE: "9700",
    }


async def test_a_question_that_was_here_before_goes_no_further():
    callers = Callers("eu.example.network", 3)

    with pytest.raises(LoopDetected):
        await callers.identify({PATH: "eu.example.network,b.example"})


async def test_a_way_has_an_end():
    callers = Callers("eu.example.network", 2)

    assert (await callers.identify({PATH: "a.example"})).via == ("a.example",)
    with pytest.raises(LoopDetected):
        await callers.identify({PATH: "a.example,b.example"})


@pytest.mark.parametrize("way", ["", "a.example,,b.example", "a b", "a\x00", "x" * 129])
async def test_a_way_that_makes_no_sense_is_refused(way: str):
    with pytest.raises(InvalidRequest):
        await Callers("eu.example.network", 3).identify({PATH: way})


async def test_credentials_are_never_taken_for_nothing():
    with pytest.raises(Unauthorized):
        await Callers("eu.example.network", 3).identify({"Authorization": "Bearer x"})


def test_a_nested_network_is_left_some_time_however_little_there_is():
    assert hops.headers((), "eu.example.network", 0.1)[DEADLINE] == "1"
