"""Where attacks take place: people, two beacons over the same database, and what is found out.

One beacon has no protections; on it every attack must succeed, or its test proves nothing. The
other has those that registered callers meet.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np

from tests.attacks import live, loading, people
from tests.attacks.live import Account, Accounts, Beacon, Protections, Told
from tests.attacks.measures import Power, power, queries_to, roc
from tests.attacks.people import Cohorts, Floats, Places
from tests.auth.mock_broker import World

DATABASE = "attacked"
AT_A_TIME = 8
"""Attackers who ask at the same time."""

NUMBERS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
"""Of questions, after which power is told."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How large everything is."""

    name: str
    people: int
    regions: int
    sizes: tuple[int, ...]
    targets: int
    random_questions: int
    pairs: int
    repeats: int
    cells: int
    timings: int
    honest_people: int
    honest_questions: int
    spends: int

    @property
    def middle(self) -> int:
        """The size of the dataset on which what is dear is tried."""
        return self.sizes[len(self.sizes) // 2]


FULL = Scale(
    name="full",
    people=4000,
    regions=200,
    sizes=(100, 500, 1000),
    targets=200,
    random_questions=60,
    pairs=100,
    repeats=1000,
    cells=10_000,
    timings=2000,
    honest_people=10_000,
    honest_questions=1000,
    spends=4000,
)
FAST = Scale(
    name="fast",
    people=600,
    regions=80,
    sizes=(60,),
    targets=60,
    random_questions=12,
    pairs=10,
    repeats=80,
    cells=300,
    timings=60,
    honest_people=2000,
    honest_questions=60,
    spends=100,
)


@dataclass(frozen=True, slots=True)
class Arm:
    """One attack on one beacon: what it reached, and what it had to.

    `at_least` and `at_most` are the limits; the value is the power unless something else is said.
    """

    attack: str
    beacon: str
    title: str
    value: float
    measure: str = "power at 5 % false positives"
    at_least: float | None = None
    at_most: float | None = None
    people: int | None = None
    targets: int | None = None
    interval: tuple[float, float] | None = None
    questions: float | None = None
    roc: list[tuple[float, float]] = field(default_factory=list)
    curve: list[tuple[int, float]] = field(default_factory=list)
    queries_to_95: int | None = None
    note: str = ""

    @property
    def ok(self) -> bool:
        """Whether the limit is kept."""
        return bool(
            (self.at_least is None or self.value >= self.at_least)
            and (self.at_most is None or self.value <= self.at_most)
        )


def limits(*, off: bool, control: float | None, protected: float) -> dict[str, Any]:
    """Of an arm: what a control must reach, if anything, or what must not get through."""
    return {"at_least": control} if off else {"at_most": protected}


@dataclass
class Scores:
    """What attackers concluded of targets, after each of their questions.

    Rows are targets, padded with their last score; `questions` counts those that were asked.
    """

    inside: list[Floats] = field(default_factory=list)
    outside: list[Floats] = field(default_factory=list)

    def arm(self, attack: str, beacon: str, title: str, **more: Any) -> Arm:
        """The power that was reached."""
        inside, outside = self._table(self.inside), self._table(self.outside)
        reached: Power = power(inside[:, -1], outside[:, -1])
        numbers = [one for one in NUMBERS if one < inside.shape[1]]
        curve = [
            (one, round(power(inside[:, one - 1], outside[:, one - 1]).power, 4)) for one in numbers
        ]
        places = [one - 1 for one in numbers]
        return Arm(
            attack,
            beacon,
            title,
            reached.power,
            targets=reached.targets,
            interval=(round(reached.low, 4), round(reached.high, 4)),
            questions=float(np.mean([len(one) for one in (*self.inside, *self.outside)])),
            roc=roc(inside[:, -1], outside[:, -1]),
            curve=[*curve, (inside.shape[1], round(reached.power, 4))],
            queries_to_95=queries_to(
                inside[:, [*places, -1]], outside[:, [*places, -1]], [*numbers, inside.shape[1]]
            ),
            **more,
        )

    def _table(self, scores: Sequence[Floats]) -> Floats:
        longest = max(len(one) for one in (*self.inside, *self.outside))
        return np.array([np.pad(one, (0, longest - len(one)), "edge") for one in scores])


@dataclass(frozen=True)
class Stage:
    """Everything that an attack needs. `off` and `on` answer from the same database."""

    scale: Scale
    uri: str
    folder: Path
    cohorts: Cohorts
    world: World
    session: aiohttp.ClientSession
    accounts: Accounts
    off: Beacon
    on: Beacon

    def datasets(self, size: int) -> list[str]:
        """The datasets of so many people each."""
        return [one for one, members in self.cohorts.members.items() if len(members) == size]

    def account(self, *name: object, organisation: str | None = None) -> Account:
        return self.accounts.registered("-".join(map(str, name)), organisation)

    @asynccontextmanager
    async def beacon(
        self, name: str, database: str, dataset_ids: Sequence[str], protections: Protections
    ) -> AsyncIterator[Beacon]:
        """Another beacon, until the end of the block."""
        async with live.beacon(
            self.folder,
            name,
            uri=self.uri,
            database=database,
            world=self.world,
            dataset_ids=dataset_ids,
            protections=protections,
            session=self.session,
        ) as one:
            yield one

    async def each_target(
        self,
        size: int,
        attack: Callable[[str, int], Awaitable[Floats]],
        most: int | None = None,
    ) -> Scores:
        """The scores of an attack on the targets of all datasets of a size.

        Args:
            size: Of the datasets.
            attack: Takes dataset and target, and returns a score after each question.
            most: Targets of each kind.
        """
        datasets = self.datasets(size)
        of_each = None if most is None else -(-most // len(datasets))
        places = asyncio.Semaphore(AT_A_TIME)

        async def one(dataset_id: str, target: int) -> Floats:
            async with places:
                return np.atleast_1d(await attack(dataset_id, target))

        scores = Scores()
        for dataset_id in datasets:
            for targets, into in (
                (self.cohorts.targets_in[dataset_id], scores.inside),
                (self.cohorts.targets_out[dataset_id], scores.outside),
            ):
                into += await asyncio.gather(*(one(dataset_id, int(t)) for t in targets[:of_each]))
        return scores


@asynccontextmanager
async def set_up(scale: Scale, uri: str, folder: Path) -> AsyncIterator[Stage]:
    """Invent people, load them, and start both beacons."""
    genomes = people.simulate(scale.people, scale.regions)
    cohorts = people.split(genomes, scale.sizes, scale.targets)
    await asyncio.to_thread(loading.load, uri, DATABASE, folder, cohorts)
    timeout = aiohttp.ClientTimeout(total=900)
    async with World() as world, aiohttp.ClientSession(timeout=timeout) as session:
        common: dict[str, Any] = {
            "uri": uri,
            "database": DATABASE,
            "world": world,
            "dataset_ids": list(cohorts.members),
            "session": session,
        }
        async with (
            live.beacon(folder, "off", protections=live.OFF, **common) as off,
            live.beacon(folder, "on", protections=Protections(), **common) as on,
        ):
            yield Stage(scale, uri, folder, cohorts, world, session, Accounts(world), off, on)


@dataclass(frozen=True, slots=True)
class Scraped:
    """What a beacon without protections tells of all alleles: one number a site."""

    carriers: Floats
    copies: Floats


async def scrape(stage: Stage, dataset_id: str) -> Scraped:
    """Page through all alleles of a dataset, with their frequencies."""
    cohorts = stage.cohorts
    genomes = cohorts.genomes
    site_of = {
        (genomes.chromosome(site), int(start)): site for site, start in enumerate(genomes.start)
    }
    carriers, copies = np.zeros(len(site_of)), np.zeros(len(site_of))
    account = stage.account("scraper")
    skip = 0
    while True:
        parameters = {
            "requestedGranularity": "record",
            "limit": "1000",
            "skip": str(skip),
            "datasets": dataset_id,
        }
        status, raw = await stage.off.get("/api/g_variants", account, parameters)
        assert status == 200, raw
        (found,) = json.loads(raw)["response"]["resultSets"] or [{"results": []}]
        for record in found["results"]:
            _, chromosome, position, *_ = record["variantInternalId"].split("-")
            total = record["frequencyInPopulations"][0]["frequencies"][0]
            site = site_of[chromosome, int(position) - 1]
            copies[site] = total["alleleCount"]
            carriers[site] = total["alleleCount"] - total["alleleCountHomozygous"]
        if len(found["results"]) < 1000:
            return Scraped(carriers, copies)
        skip += 1


def numbers(told: Sequence[Told]) -> Places:
    """Of answers; an account that is refused is told of nobody."""
    return np.array([one.number for one in told], dtype=np.int64)
