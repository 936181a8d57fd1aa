"""The home of the small world that the client is tried in: three beacons, and their network.

One is served from the world of the conformance checks, with people who have features; the two
others are countries of a cohort, with genotypes alone.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from beacon.client import Beacon
from beacon.settings import MemberSettings
from tests.network.real_beacons import Country, Running, running, serving_network

COUNTRIES = (Country(0, "AT"), Country(1, "BE"))
"""Who shows records, and who no more than counts."""

NETWORK_ID = "eu.example.network"
MET_S = 120.0


@dataclass(frozen=True, slots=True)
class World:
    """What runs: the URLs of one beacon and of the network, and what is true of the countries."""

    beacon: str
    network: str
    countries: Running


@contextmanager
def world(mongo_uri: str, beacon: str, folder: Path) -> Iterator[World]:
    """Serve the countries and the network until the context ends.

    Args:
        mongo_uri: Where the countries are kept.
        beacon: The URL of the API of the first member.
        folder: Empty; files go there.
    """
    cohort = folder / "cohort"
    cohort.mkdir()
    with running(mongo_uri, cohort, COUNTRIES) as countries:
        members = {
            "org.example.live": MemberSettings(
                name="Live", country="FI", url=beacon, allow_private=True, disjoint=True
            ),
            **countries.members(),
        }
        with network_in_thread(members, folder / "network") as network:
            wait_until_met(network)
            yield World(beacon, network, countries)


def wait_until_met(network: str) -> None:
    """A network asks nobody that has not said yet what it is."""
    until = time.monotonic() + MET_S
    with Beacon(network) as beacon:
        while not all(one.is_answer for one in beacon.count("g_variants").members):
            assert time.monotonic() < until
            time.sleep(0.1)


@contextmanager
def network_in_thread(members: Mapping[str, MemberSettings], folder: Path) -> Iterator[str]:
    """The URL of a network that answers while its caller waits, too, as synchronous ones do."""
    loop = asyncio.new_event_loop()
    is_up, ends = threading.Event(), asyncio.Event()
    urls: list[str] = []

    async def serve() -> None:
        async with serving_network(NETWORK_ID, members, folder) as url:
            urls.append(url)
            is_up.set()
            await ends.wait()

    def run() -> None:
        try:
            loop.run_until_complete(serve())
        finally:
            is_up.set()
            loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    is_up.wait()
    try:
        (url,) = urls
        yield url
    finally:
        if not loop.is_closed():
            loop.call_soon_threadsafe(ends.set)
        thread.join()
