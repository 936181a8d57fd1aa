"""The service: from a question to what may be told."""

from __future__ import annotations

import asyncio
import dataclasses

import msgspec
import pytest

from beacon.framework.access import NOTHING, Access
from beacon.framework.answer import Answer, FilteringTerm, ResultSet, Terms
from beacon.framework.errors import DeadlineExceeded, InvalidRequest, SourceUnavailable
from beacon.framework.query import Filter, Granularity, Query, Within
from beacon.framework.request import Limits
from beacon.framework.service import Service
from beacon.framework.source import TermsQuery


class OneDataset:
    """A source of one dataset with two people, which can take its time."""

    def __init__(self, dataset_id: str, *, delay_s: float = 0, failure: Exception | None = None):
        self.dataset_id = dataset_id
        self.delay_s = delay_s
        self.failure = failure

    async def search(self, query, access, *, deadline_s=None):
        await self._wait()
        if not access.datasets([self.dataset_id], [query.entry_type]):
            return Answer()
        return Answer(result_sets=(ResultSet(dataset_id=self.dataset_id, count=2),))

    async def filtering_terms(self, query, access):
        await self._wait()
        if not access.datasets([self.dataset_id], ["individual"]):
            return Terms()
        return Terms(terms=(FilteringTerm(type="custom", id=self.dataset_id),))

    async def check(self):
        await self._wait()

    async def _wait(self):
        await asyncio.sleep(self.delay_s)
        if self.failure is not None:
            raise self.failure


@pytest.fixture
def service(identity, model):
    return Service(
        identity=identity,
        model=model,
        source=OneDataset("real"),
        test_source=OneDataset("synthetic"),
        limits=Limits(),
    )


COUNTED = Access(grants={"real": {"*": Granularity.COUNT}})
RECORDS = Query(entry_type="individual", granularity=Granularity.RECORD)


async def test_answers_are_disclosed_as_far_as_access_goes(service):
    disclosed = await service.answer(RECORDS, COUNTED)

    assert disclosed.granularity is Granularity.COUNT
    assert [one.dataset_id for one in disclosed.result_sets] == ["real"]
    assert disclosed.result_sets[0].records is None


async def test_without_access_there_is_nothing(service):
    disclosed = await service.answer(RECORDS, NOTHING)

    assert (disclosed.exists, disclosed.result_sets) == (False, ())


@pytest.mark.parametrize("access", [NOTHING, COUNTED])
async def test_test_mode_is_answered_in_full_from_synthetic_records(service, access):
    disclosed = await service.answer(msgspec.structs.replace(RECORDS, test_mode=True), access)

    assert disclosed.granularity is Granularity.RECORD
    assert [one.dataset_id for one in disclosed.result_sets] == ["synthetic"]
    assert disclosed.result_sets[0].records == ()


async def test_filtering_terms_follow_access(service):
    assert [one.id for one in (await service.filtering_terms(TermsQuery(), COUNTED)).terms] == [
        "real"
    ]
    assert await service.filtering_terms(TermsQuery(), NOTHING) == Terms()


async def test_filtering_terms_in_test_mode_are_synthetic(service):
    terms = await service.filtering_terms(TermsQuery(), NOTHING, test_mode=True)

    assert [one.id for one in terms.terms] == ["synthetic"]


@pytest.fixture
def strict(service):
    """The service, with lists of people that want a condition."""
    entry_types = tuple(
        msgspec.structs.replace(one, non_filtered_queries_allowed=one.id != "individual")
        for one in service.model.entry_types
    )
    model = dataclasses.replace(service.model, entry_types=entry_types)
    return dataclasses.replace(service, model=model)


async def test_some_entry_types_are_not_listed_whole(strict):
    with pytest.raises(InvalidRequest, match="/individuals is not listed whole"):
        await strict.answer(RECORDS, COUNTED)


@pytest.mark.parametrize(
    "condition",
    [
        {"filters": (Filter(id="a"),)},
        {"entry_id": "I1"},
        {"within": Within("dataset", "real")},
        {"entry_type": "biosample"},
        {"test_mode": True},
    ],
    ids=lambda condition: next(iter(condition)),
)
async def test_they_are_answered_with_a_condition(strict, condition):
    disclosed = await strict.answer(msgspec.structs.replace(RECORDS, **condition), COUNTED)

    assert disclosed.exists


@pytest.mark.parametrize("deadline_s", [0.01, 0])
async def test_a_slow_source_is_not_waited_for(service, deadline_s):
    slow = dataclasses.replace(service, source=OneDataset("real", delay_s=30))

    with pytest.raises(DeadlineExceeded, match="did not answer within"):
        await slow.answer(RECORDS, COUNTED, deadline_s)
    with pytest.raises(DeadlineExceeded):
        await slow.filtering_terms(TermsQuery(), COUNTED, deadline_s)


async def test_a_source_that_gives_up_by_itself_is_late_too(service):
    late = dataclasses.replace(service, source=OneDataset("real", failure=TimeoutError()))

    with pytest.raises(DeadlineExceeded, match="in time"):
        await late.answer(RECORDS, COUNTED)


async def test_a_source_that_cannot_say_is_no_empty_answer(service):
    broken = dataclasses.replace(
        service, source=OneDataset("real", failure=SourceUnavailable("down"))
    )

    with pytest.raises(SourceUnavailable, match="down"):
        await broken.answer(RECORDS, COUNTED)
