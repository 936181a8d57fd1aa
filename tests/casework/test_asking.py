"""How a network is asked about many alleles: with as much as it allows, and again what may pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from beacon.casework.asking import Network
from beacon.casework.connecting import connected
from beacon.casework.failures import CaseError, NetworkGone
from beacon.casework.told import Told
from beacon.client import Variant
from tests.client.scripted_beacon import Scripted, says, says_lines, scripted

BATCH = {"extensions": {"batch": {"maxItems": 1000}}}
ALLELES = [Variant("GRCh38", "17", 100 + number, "G", "A") for number in range(3)]


def seen(name: str) -> dict[str, Any]:
    return {"id": name, "responseSummary": {"exists": True, "numTotalResults": 1}}


def failed(name: str, status: int) -> dict[str, Any]:
    return {"id": name, "error": {"errorCode": status, "errorMessage": "not this one"}}


END = {"complete": True, "items": 3, "answered": 3}


async def ask(*batches: Any) -> tuple[Sequence[Told], Scripted]:
    script = {"/service-info": [says(BATCH)], "/batch": list(batches)}
    async with scripted(script) as server, connected(server.url) as beacon:
        network = await Network.meet(beacon)
        return await network.told(ALLELES), server


def ids(server: Scripted) -> list[list[str]]:
    return [[item["id"] for item in one.body["items"]] for one in server.at("/batch")]


async def test_what_may_pass_is_asked_again_and_nothing_else() -> None:
    told, server = await ask(
        says_lines(seen("2"), failed("1", 504), failed("0", 400), END),
        says_lines(seen("1"), END),
    )

    assert [one.state for one in told] == ["unknown", "seen", "seen"]
    assert "not this one" in told[0].failure
    assert ids(server) == [["0", "1", "2"], ["1"]]


async def test_who_may_not_see_records_asks_for_counts() -> None:
    told, server = await ask(
        says_lines(*(failed(name, 403) for name in "012"), END),
        says_lines(*(seen(name) for name in "012"), END),
    )

    granularities = [one.body["query"]["requestedGranularity"] for one in server.at("/batch")]
    assert [one.state for one in told] == ["seen"] * 3
    assert granularities == ["record", "count"]


async def test_an_allele_that_keeps_failing_is_not_known() -> None:
    told, server = await ask(says_lines(seen("0"), seen("2"), failed("1", 504), END))

    assert told[1].state == "unknown"
    assert told[1].failure
    assert ids(server)[1:] == [["1"]]


async def test_a_network_without_any_answer_is_gone() -> None:
    with pytest.raises(NetworkGone):
        await ask(says_lines(*(failed(name, 503) for name in "012"), END))


async def test_everything_that_leaves_is_handed_over_before() -> None:
    sent: list[bytes] = []
    script = {"/service-info": [says(BATCH)], "/batch": [says_lines(END)]}
    async with scripted(script) as server, connected(server.url, sent=sent.append) as beacon:
        with pytest.raises(NetworkGone):
            await (await Network.meet(beacon)).told(ALLELES)

    assert len(sent) == len(server.at("/batch")) > 0


async def test_a_url_that_is_none_is_said() -> None:
    with pytest.raises(CaseError, match="URL"):
        async with connected("network.example.org"):
            pytest.fail("it was connected")
