"""Who is in the data? Attacks A1 to A3 and A8: by alleles and their frequencies."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tests.attacks import attackers
from tests.attacks.attackers import Knowledge, Mechanism
from tests.attacks.live import PUBLIC
from tests.attacks.people import Bits, Floats, Places
from tests.attacks.stage import Arm, Scraped, Stage, numbers, scrape

LIMIT = 0.25
"""Of power: what the budget allows, 0.20, and twice the standard error at 200 targets."""

BUDGET = 0.6453
SPENT_AT = BUDGET - 0.1
"""From here on somebody is left out, since one question more may cost a tenth."""

COMMON = 0.01
"""Alleles at least this frequent are common."""

ACCOUNTS = 5


@dataclass(frozen=True)
class Membership:
    """The attacks on who is in the data, on one stage.

    `scraped` is what the beacon without protections told of every dataset.
    """

    stage: Stage
    scraped: Mapping[str, Scraped]

    @classmethod
    async def of(cls, stage: Stage) -> Membership:
        return cls(stage, {one: await scrape(stage, one) for one in stage.cohorts.members})

    @property
    def carried(self) -> Bits:
        return self.stage.cohorts.genomes.carried

    def mechanism(self, size: int, *, boolean: bool = False, off: bool = False) -> Mechanism:
        if off:
            return Mechanism(size, 1, 1, boolean)
        return Mechanism(size, boolean=boolean, noise=self.stage.on.protections.noise or 0.0)

    def sources(self) -> dict[str, Floats]:
        cohorts = self.stage.cohorts
        return {"oracle frequencies": cohorts.oracle, "held-out frequencies": cohorts.held_out}

    # A1 ---------------------------------------------------------------------------------------

    async def random_order(self) -> list[Arm]:
        """Shringarpure and Bustamante: is it there, of the target's alleles, in any order?"""
        genomes = self.stage.cohorts.genomes

        def hets(target: int, number: int) -> Places:
            sites = np.flatnonzero(genomes.dosage[:, target] == 1)
            return np.random.default_rng(target).permutation(sites)[:number]

        arms = []
        for size in self.stage.scale.sizes:

            async def control(dataset_id: str, target: int) -> Floats:
                there = self.scraped[dataset_id].carriers[hets(target, 5000)] > 0
                # Members are never told no; the more questions, the more that says.
                return np.cumsum(np.where(there, 0.0, -1.0))

            scores = await self.stage.each_target(size, control)
            arms.append(
                scores.arm(
                    "A1",
                    "off",
                    "yes or no, random order, no frequencies",
                    people=size,
                    at_least=0.9 if size <= 500 else None,
                )
            )

        async def protected(dataset_id: str, target: int) -> Floats:
            sites = hets(target, self.stage.scale.random_questions)
            told = await self.ask("a1", dataset_id, target, sites, boolean=True)
            return np.cumsum(np.where(told > 0, 0.0, -1.0))

        middle = self.stage.scale.middle
        scores = await self.stage.each_target(middle, protected, self.some)
        arms.append(
            scores.arm(
                "A1",
                "registered",
                "yes or no, random order, no frequencies",
                people=middle,
                at_most=LIMIT,
            )
        )
        return arms

    # A2 ---------------------------------------------------------------------------------------

    async def best_order(self) -> list[Arm]:
        """The alleles that tell most first, by the likelihood of what is told."""
        arms = []
        for size in self.stage.scale.sizes:
            for source, frequencies in self.sources().items():
                off = Knowledge(self.mechanism(size, off=True), frequencies)
                scores = await self.stage.each_target(size, self._control(off, 50))
                arms.append(
                    scores.arm(
                        "A2",
                        "off",
                        f"counts, best order, {source}",
                        people=size,
                        at_least=0.95,
                    )
                )
        for size in self.stage.scale.sizes:
            # A yes or no about variants has no noise.
            known = Knowledge(self.mechanism(size, boolean=True), self.stage.cohorts.oracle)

            def chosen(carries: Bits, known: Knowledge = known) -> Places:
                regions = self.stage.cohorts.genomes.region
                return attackers.within_budget(known, carries, BUDGET, regions)

            protected = self._protected(f"a2-{size}", known, chosen)
            scores = await self.stage.each_target(size, protected)
            arms.append(
                scores.arm(
                    "A2",
                    "registered",
                    "yes or no, best order within the budget, oracle frequencies",
                    people=size,
                    at_most=LIMIT,
                )
            )
        return arms

    # A3 ---------------------------------------------------------------------------------------

    async def frequencies(self) -> list[Arm]:
        """Homer and others: common alleles, those the target carries and those it lacks."""
        genomes, oracle = self.stage.cohorts.genomes, self.stage.cohorts.oracle
        common = np.flatnonzero((oracle >= COMMON) & (oracle <= 1 - COMMON))
        arms = []
        for size in self.stage.scale.sizes:

            async def control(dataset_id: str, target: int, size: int = size) -> Floats:
                told = self.scraped[dataset_id].copies[common] / (2 * size)
                own = genomes.dosage[common][:, [target]].astype(np.float64)
                return attackers.likelihood_of_frequencies(own, told, oracle[common])

            scores = await self.stage.each_target(size, control)
            arms.append(
                scores.arm(
                    "A3",
                    "off",
                    f"frequencies of all {len(common)} common alleles",
                    people=size,
                    at_least=0.9 if size == min(self.stage.scale.sizes) else None,
                )
            )
        for size in self.stage.scale.sizes[:2]:
            known = Knowledge(self.mechanism(size), oracle)

            def chosen(carries: Bits, known: Knowledge = known) -> Places:
                """Those lacked first: no budget is charged for them."""
                number = self.stage.scale.random_questions
                lacked = attackers.not_charged(known, carries, number, genomes.region)
                own = self._common_within_budget(known, carries)[:number]
                return np.concatenate((lacked, own))

            protected = self._protected(f"a3-{size}", known, chosen)
            scores = await self.stage.each_target(size, protected)
            arms.append(
                scores.arm(
                    "A3",
                    "registered",
                    "counts of alleles that most have and the target lacks, then of common ones",
                    people=size,
                    at_most=LIMIT,
                )
            )
        return arms

    @property
    def some(self) -> int:
        """Targets of an attack with many questions."""
        return max(self.stage.scale.targets // 2, 20)

    def _common_within_budget(self, known: Knowledge, carries: Bits) -> Places:
        wanted = carries & (known.frequencies >= COMMON)
        regions = self.stage.cohorts.genomes.region
        return attackers.within_budget(known, wanted, BUDGET, regions)

    # A8 ---------------------------------------------------------------------------------------

    async def colluding(self) -> list[Arm]:
        """Several accounts of one organisation ask of the same target, and add up."""
        size = self.stage.scale.middle
        genomes = self.stage.cohorts.genomes
        known = Knowledge(self.mechanism(size, boolean=True), self.stage.cohorts.oracle)

        async def attack(dataset_id: str, target: int) -> Floats:
            carries = self.carried[:, target]
            sites = attackers.within_budget(
                known, carries, ACCOUNTS * SPENT_AT, genomes.region, per_region=2
            )
            # Dealt out like cards, so that each account has its share of what is dear.
            found = []
            for one in range(ACCOUNTS):
                account = self.stage.account(
                    "a8", dataset_id, target, one, organisation=f"i{target}.example.org"
                )
                own = sites[one::ACCOUNTS]
                told = numbers(
                    await self.stage.on.alleles(account, dataset_id, genomes, own, boolean=True)
                )
                found.append(known.scores(own, np.ones(len(own), bool), told))
            return np.cumsum(np.concatenate(found))

        begun = await self._alarms()
        scores = await self.stage.each_target(size, attack, self.some)
        title = f"{ACCOUNTS} accounts of one organisation, best order"
        return [
            scores.arm("A8", "registered", title, people=size, at_most=0.6),
            Arm(
                "A8",
                "registered",
                "alarms by the time that the last of them was told",
                await self._alarms() - begun,
                measure="number",
                at_least=1,
                people=size,
            ),
        ]

    async def _alarms(self) -> float:
        """How many the beacon has raised."""
        status, raw = await self.stage.on.get("/metrics", PUBLIC)
        assert status == 200, raw
        lines = raw.decode().splitlines()
        return sum(
            float(line.split()[-1]) for line in lines if line.startswith("beacon_audit_alarms_t")
        )

    async def ask(
        self,
        name: str,
        dataset_id: str,
        target: int,
        sites: Sequence[int] | Places,
        *,
        boolean: bool,
    ) -> Places:
        """What an account of its own is told of the target's alleles."""
        account = self.stage.account(name, len(self.stage.cohorts.members[dataset_id]), target)
        genomes = self.stage.cohorts.genomes
        told = await self.stage.on.alleles(account, dataset_id, genomes, sites, boolean=boolean)
        return numbers(told)

    # What they share --------------------------------------------------------------------------

    def _control(self, known: Knowledge, number: int) -> Callable[[str, int], Awaitable[Floats]]:
        async def control(dataset_id: str, target: int) -> Floats:
            sites = attackers.best_first(known, self.carried[:, target], number)
            told = self.scraped[dataset_id].carriers[sites].astype(np.int64)
            return np.cumsum(known.scores(sites, np.ones(len(sites), bool), told))

        return control

    def _protected(
        self, name: str, known: Knowledge, chosen: Callable[[Bits], Places]
    ) -> Callable[[str, int], Awaitable[Floats]]:
        """Asks what was chosen, and believes nothing about who must be left out by then."""

        async def protected(dataset_id: str, target: int) -> Floats:
            carries = self.carried[:, target]
            sites = chosen(carries)
            boolean = known.mechanism.boolean
            told = await self.ask(name, dataset_id, target, sites, boolean=boolean)
            scores = known.scores(sites, carries[sites], told)
            charged = np.where(carries[sites], known.mechanism.cost(told.astype(float)), 0.0)
            before = np.cumsum(charged) - charged
            return np.cumsum(np.where(carries[sites] & (before > SPENT_AT), 0.0, scores))

        return protected
