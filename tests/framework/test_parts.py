"""Answers in parts and answers to many questions, before they are sent anywhere."""

from __future__ import annotations

import asyncio
import dataclasses
import json

import msgspec
import pytest

from beacon.framework.access import Access
from beacon.framework.answer import Answer, ResultSet, Terms
from beacon.framework.errors import InvalidRequest, NotFound, SourceUnavailable
from beacon.framework.query import Granularity, Query
from beacon.framework.request import Limits
from beacon.framework.service import Service
from beacon.framework.stream_encoding import EVENTS, LINES, event_id, from_event_id, part_document
from beacon.framework.streaming import Part

COUNTED = Access(grants={"real": {"*": Granularity.COUNT}})
RECORDS = Query(entry_type="individual", granularity=Granularity.RECORD)
PEOPLE = ResultSet(dataset_id="real", count=2, records=({"id": "a"}, {"id": "b"}))
HIDDEN = ResultSet(dataset_id="hidden", count=7)
FOUND = Answer(result_sets=(PEOPLE, HIDDEN))


class TwoParts:
    """A source that streams what it found, and knows one earlier question."""

    async def search(self, query, access, *, deadline_s=None):
        if query.entry_id == "away":
            raise SourceUnavailable("away")
        await asyncio.sleep(0)
        return FOUND

    async def filtering_terms(self, query, access):
        return Terms()

    async def check(self):
        return None

    async def stream(self, query, access, *, deadline_s=None):
        for number, kind in ((1, "member"), (2, "summary")):
            yield Part(number=number, kind=kind, about={"queryId": "q"}, answer=FOUND)

    def resume(self, query_id, access, *, after=0):
        return self.stream(self.question(query_id, access), access)

    def question(self, query_id, access):
        if query_id != "q":
            raise NotFound("no such question")
        return RECORDS


@pytest.fixture
def service(identity, model):
    source = TwoParts()
    return Service(
        identity=identity, model=model, source=source, test_source=source, limits=Limits()
    )


@pytest.fixture
def strict(service):
    """The service, with lists of people that want a condition."""
    entry_types = tuple(
        msgspec.structs.replace(one, non_filtered_queries_allowed=one.id != "individual")
        for one in service.model.entry_types
    )
    model = dataclasses.replace(service.model, entry_types=entry_types)
    return dataclasses.replace(service, model=model)


@pytest.mark.parametrize("way", ["stream", "resume"])
async def test_every_part_is_held_to_what_the_caller_may_learn(service, way):
    parts = service.stream(RECORDS, COUNTED) if way == "stream" else service.resume("q", COUNTED)

    told = [one async for one in parts]

    assert [one.kind for one in told] == ["member", "summary"]
    for one in told:
        (shown,) = one.disclosed.result_sets
        assert (shown.dataset_id, shown.count, shown.records) == ("real", 2, None)
        assert one.disclosed.total == 2


async def test_a_stream_needs_a_condition_where_an_answer_does(strict):
    with pytest.raises(InvalidRequest, match="not listed whole"):
        await anext(strict.stream(RECORDS, COUNTED))


async def test_many_are_each_held_to_what_the_caller_may_learn(strict):
    away = msgspec.structs.replace(RECORDS, entry_id="away")
    one_person = msgspec.structs.replace(RECORDS, entry_id="a")

    found = dict([one async for one in strict.answer_many([RECORDS, away, one_person], COUNTED)])

    assert isinstance(found[0], InvalidRequest)
    assert isinstance(found[1], SourceUnavailable)
    assert found[2].granularity is Granularity.COUNT
    assert [one.dataset_id for one in found[2].result_sets] == ["real"]


async def test_what_is_not_kept_is_not_found(service):
    with pytest.raises(NotFound):
        service.question("other", COUNTED)
    with pytest.raises(NotFound):
        await anext(service.resume("other", COUNTED))


async def test_a_document_of_a_part_is_one_line_whatever_it_holds(service, identity, model):
    part = await anext(service.stream(RECORDS, COUNTED))
    odd = msgspec.structs.replace(part, about={"reason": "two\nlines\r\u2028"})
    document = part_document(odd, RECORDS, identity, model)

    line = LINES.line("member", document, None)
    event = EVENTS.line("member", document, "q/1")

    assert line.count(b"\n") == 1
    assert json.loads(line)["about"]["reason"] == "two\nlines\r\u2028"
    assert event.startswith(b"event: member\nid: q/1\ndata: {")
    assert event.count(b"\n") == 4


@pytest.mark.parametrize(("query_id", "number"), [("q", 1), ("a/b", 20), ("x-_", 0)])
def test_the_name_of_an_event_tells_question_and_number(query_id, number):
    assert from_event_id(event_id(query_id, number)) == (query_id, number)


@pytest.mark.parametrize("text", ["", "q", "/", "/1", "q/", "q/-1", "q/x", "q/²", "q/" + "9" * 20])
def test_what_names_no_event_is_none(text):
    assert from_event_id(text) is None
