"""Questions to the store, timed; every count that is known is compared with the truth."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from pymongo.asynchronous.database import AsyncDatabase

from beacon.framework.access import ANY, Access
from beacon.framework.query import Filter, Granularity, Pagination, Query, VariationQuery
from beacon.model.allele import Allele
from beacon.mongo.store import MongoStore
from tests.bench.cohort import ASSEMBLY, FEMALE, MAIN, REGION, SMALL, Cohort
from tests.bench.measure import Results, interleaved, tell

ACCESS = Access(
    grants={
        name: {ANY: Granularity.COUNT, "genomicVariant": Granularity.RECORD}
        for name in (MAIN, *SMALL)
    }
)
"""Records of variants, counts of people: what a public beacon gives."""
PLAIN = "bench_plain"
PLAIN_SIZE = 20_000


class WrongAnswer(AssertionError):
    """The store's answer is not the truth: no time means anything then."""


def allele_query(allele: Allele) -> VariationQuery:
    """The question after exactly this allele, as a client would spell it."""
    pos, ref, alt = allele.vcf
    return VariationQuery(
        assembly_id=ASSEMBLY,
        reference_name=allele.reference_name,
        start=(pos - 1,),
        reference_bases=ref,
        alternate_bases=alt,
    )


class Questions:
    """Asks one store, about random members of one cohort."""

    def __init__(self, database: AsyncDatabase[dict[str, Any]], cohort: Cohort) -> None:
        self.database = database
        self.cohort = cohort
        self.store = MongoStore(database)
        self.random = np.random.default_rng(2)
        self._plain = database[PLAIN]

    async def count(self, query: Query, expected: int | None = None) -> int:
        """The sum over datasets."""
        answer = await self.store.search(query, ACCESS)
        found = sum(one.count for one in answer.result_sets)
        if expected is not None and found != expected:
            raise WrongAnswer(f"{found} instead of {expected} for {query}")
        return found

    async def ping(self) -> None:
        """The least that a round trip costs."""
        await self.database.command("ping")

    async def plain(self) -> None:
        """A small document by its key."""
        await self._plain.find_one({"_id": int(self.random.integers(PLAIN_SIZE))})

    def some(self, among: Sequence[int] | Any, size: int = 1) -> list[int]:
        """Random indexes of alleles."""
        return [int(one) for one in self.random.choice(among, size)]

    # One allele ---------------------------------------------------------------------------------

    async def carriers_of_one(self) -> None:
        """How many people carry a random allele."""
        (index,) = self.some(len(self.cohort.alleles))
        await self.count(self.people_with(index), int(self.cohort.carriers[index]))

    async def one_variant(self) -> None:
        """Whether there is a random allele."""
        (index,) = self.some(len(self.cohort.alleles))
        await self.count(self.variant(self.cohort.alleles[index], (MAIN,)), 1)

    async def no_variant(self) -> None:
        """An allele that nobody has."""
        position = REGION[1] - int(self.random.integers(1, 1_000_000))
        absent = Allele.from_vcf(REGION[0], position, "A", "C")
        await self.count(self.variant(absent, (MAIN,)), 0)

    async def in_small(self, datasets: tuple[str, ...]) -> None:
        """Whether there is a random allele, in one or several datasets."""
        (index,) = self.some(len(self.cohort.small))
        query = self.variant(self.cohort.small[index], datasets)
        having = self.cohort.small_carriers[: len(datasets)]
        await self.count(query, sum(int(carriers[index] > 0) for carriers in having))

    def variant(self, allele: Allele, datasets: tuple[str, ...]) -> Query:
        """A count of variants."""
        return Query(
            entry_type="genomicVariant",
            variation=allele_query(allele),
            dataset_ids=datasets,
            granularity=Granularity.COUNT,
        )

    def people_with(self, index: int, *terms: str) -> Query:
        """A count of people."""
        return Query(
            entry_type="individual",
            variation=allele_query(self.cohort.alleles[index]),
            filters=tuple(Filter(id=term) for term in terms),
            dataset_ids=(MAIN,),
            granularity=Granularity.COUNT,
        )

    # Regions ------------------------------------------------------------------------------------

    async def region(
        self, width: int, *, entry_type: str = "genomicVariant", term: str = ""
    ) -> int:
        """A random stretch: the count of variants and a page of ten, or people who have a term."""
        alleles = self.cohort.alleles
        last = alleles[-1].start - width
        start = int(self.random.integers(alleles[0].start, max(last, alleles[0].start + 1)))
        query = Query(
            entry_type=entry_type,
            variation=VariationQuery(
                assembly_id=ASSEMBLY,
                reference_name=REGION[0],
                start=(start,),
                end=(start + width,),
            ),
            filters=(Filter(id=term),) if term else (),
            dataset_ids=(MAIN,),
            granularity=Granularity.COUNT if term else Granularity.RECORD,
            pagination=Pagination(limit=10),
        )
        return await self.count(query)

    # People -------------------------------------------------------------------------------------

    async def joint(self, among: Iterator[int]) -> None:
        """People who carry an allele and have a condition or a kind of it."""
        index = next(among)
        term = f"BENCH:{self.random.integers(10)}"
        expected = None
        if index in self.cohort.kept:
            expected = int(self.cohort.terms[term][self.cohort.kept[index]].sum())
        await self.count(self.people_with(index, term), expected)

    async def three_terms(self) -> None:
        """People with two conditions, or kinds of them, of one sex."""
        first, second = self.random.choice(10, 2, replace=False)
        terms = (FEMALE, f"BENCH:{first}", f"BENCH:{second}")
        having = [self.cohort.terms[term] for term in terms]
        query = Query(
            entry_type="individual",
            filters=tuple(Filter(id=term) for term in terms),
            dataset_ids=(MAIN,),
            granularity=Granularity.COUNT,
        )
        await self.count(query, int((having[0] & having[1] & having[2]).sum()))


async def ask(questions: Questions, results: Results, rounds: int) -> None:
    """All sections that need no server in between."""
    cohort = questions.cohort
    await questions.store.check()

    results.section("One allele (each time another)")
    taken = await interleaved(
        {
            "ping": questions.ping,
            "find_one by int _id": questions.plain,
            "people who carry it, count": questions.carriers_of_one,
            "variant, count": questions.one_variant,
            "variant that is not there, count": questions.no_variant,
        },
        rounds,
    )
    tell(results, taken, "ping")

    results.section("Eight datasets")
    taken = await interleaved(
        {
            "one dataset": lambda: questions.in_small(SMALL[:1]),
            "eight datasets": lambda: questions.in_small(SMALL),
        },
        rounds // 2,
    )
    tell(results, taken, "one dataset")

    results.section("Regions")
    taken = await interleaved(
        {
            "ping": questions.ping,
            "1 kb, count and page of 10": lambda: questions.region(1_000),
            "50 kb, count and page of 10": lambda: questions.region(50_000),
            "50 kb and a condition, count of people": lambda: questions.region(
                50_000, entry_type="individual", term=f"BENCH:{questions.random.integers(10)}"
            ),
        },
        max(rounds // 10, 10),
    )
    tell(results, taken, "ping")

    results.section("An allele and a condition with its kinds")
    frequencies = {
        "one carrier": np.flatnonzero(cohort.carriers == 1),
        "1% carry it": cohort.with_carriers(0.007, 0.014),
        "10% carry it": cohort.with_carriers(0.07, 0.14),
    }
    rivals: dict[str, Any] = {"ping": questions.ping}
    for name, among in frequencies.items():
        if len(among):
            endless = _endless(questions, among)
            rivals[name] = lambda endless=endless: questions.joint(endless)
    tell(results, await interleaved(rivals, rounds // 4), "ping")

    results.section("People by three terms with their kinds")
    taken = await interleaved({"ping": questions.ping, "count": questions.three_terms}, rounds // 2)
    tell(results, taken, "ping")

    results.section("Many at once")
    await _loops(questions, results)


def _endless(questions: Questions, among: Any) -> Iterator[int]:
    while True:
        yield from questions.some(among, 100)


async def _loops(questions: Questions, results: Results) -> None:
    indexes = questions.some(len(questions.cohort.alleles), 5_000)
    started = time.perf_counter()
    for index in indexes:
        await questions.count(questions.people_with(index))
    serial = time.perf_counter() - started
    results.add("5,000 alleles, one after the other", serial * 1e3, "ms")

    waiting = iter(indexes)

    async def worker() -> None:
        for index in waiting:
            await questions.count(questions.people_with(index))

    started = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(64)))
    together = time.perf_counter() - started
    results.add(
        "5,000 alleles, 64 at a time",
        together * 1e3,
        "ms",
        ratio=together / serial,
        of="one by one",
        note=f"{5_000 / together:,.0f} searches/s",
    )
