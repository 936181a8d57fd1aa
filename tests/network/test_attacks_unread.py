"""A beacon that passes over variation parameters has everybody: it is found out, and not asked."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from beacon.framework.access import EVERYTHING
from beacon.framework.query import Filter
from beacon.framework.response import Identity, Organisation
from beacon.network.catalogue import member_document
from beacon.network.discovery import Discovery
from beacon.network.remote import Remotes
from beacon.settings import CountSettings, DialectSettings, Naming, Reporting, Shape, Verb
from tests.network.asking import network_of, question, states, status_of
from tests.network.fake_members import Answers, Behaviour, Computes, FakeMember, Received, Says
from tests.network.foreign_member import Foreign

IDENTITY = Identity(
    beacon_id="eu.example.network",
    name="Example",
    base_url="https://example.org/api",
    organisation=Organisation(id="org", name="Org", url="https://example.org/"),
)
HIS = {"d1": 7}


def reader(received: Received, *, shape: str = "flat", deaf: tuple[str, ...] = ()) -> Any:
    """Has one allele of chromosome 17; without parameters that it reads, everybody is counted."""
    parameters = received.json["query"].get("requestParameters", {})
    asked = parameters.get("g_variant") if shape == "nested" else parameters
    counted = HIS
    if asked and "start" in asked and received.path not in deaf:
        counted = HIS if asked["start"] == [43_094_691] else {"d1": 0}
    granularity = received.json["query"]["requestedGranularity"]
    return Answers(counted).document(FakeMember("fi"), granularity)


def flat(received: Received) -> Any:
    return reader(received)


def nested_but_people(received: Received) -> Any:
    return reader(received, shape="nested", deaf=("/individuals",))


EVERYBODY: Behaviour = Answers(HIS)


@contextlib.asynccontextmanager
async def foreign(behaviour: Behaviour) -> AsyncIterator[FakeMember]:
    async with FakeMember("fi.example", behaviour, reads_variation=False) as fake:
        yield fake


async def asked(fake: FakeMember, entry_type: str = "genomicVariant", **changes: Any) -> Any:
    """State and reason of the only member of a network, and its counts."""
    async with network_of([fake.member("fi", **changes)], meet=True) as network:
        answer = await network.search(question(entry_type=entry_type), EVERYTHING)
    (document,) = status_of(answer.info)["members"]
    return document["status"], document.get("reason"), [one.count for one in answer.result_sets]


async def test_whoever_declares_nested_parameters_and_reads_flat_ones_is_asked_so():
    async with foreign(Computes(flat)) as fake:
        found = await asked(fake)

    assert found == ("hit", None, [7])
    assert fake.received[-1].json["query"]["requestParameters"]["start"] == [43_094_691]


async def test_whoever_reads_neither_is_not_asked_for_variants():
    async with foreign(EVERYBODY) as fake:
        found = await asked(fake)
        after = fake.received[-1].json["query"]["requestParameters"]

    assert found == ("notApplicable", "does not read variation parameters", [])
    assert "43094691" not in str(after)


async def test_it_is_still_asked_what_needs_no_variant():
    async with (
        foreign(EVERYBODY) as fake,
        network_of([fake.member("fi")], meet=True) as network,
    ):
        people = question(variation=None, filters=(Filter(id="HP:0001250"),))
        answer = await network.search(people, EVERYTHING)

    assert states(answer.info) == {"fi": "hit"}


@pytest.mark.parametrize(
    ("entry_type", "state"), [("genomicVariant", "hit"), ("individual", "notApplicable")]
)
async def test_variants_may_be_read_for_one_entry_type_and_not_for_another(entry_type, state):
    async with foreign(Computes(nested_but_people)) as fake:
        found = await asked(fake, entry_type)

    assert found[0] == state


async def test_many_questions_at_once_do_not_reach_it_either():
    async with foreign(EVERYBODY) as fake:
        fake.documents["/service-info"] |= {"extensions": {"batch": {"maxItems": 10}}}
        async with network_of([fake.member("fi")], meet=True) as network:
            answers = [one async for one in network.search_many([question()] * 2, EVERYTHING)]

    assert [states(one.info)["fi"] for _, one in answers] == ["notApplicable"] * 2
    assert not [one for one in fake.received if one.path == "/batch"]


async def test_the_settings_of_a_member_are_kept_to():
    settings = DialectSettings(parameters=Shape.NESTED)
    async with foreign(Computes(flat)) as fake:
        found = await asked(fake, dialect=settings)

    assert found[:2] == ("notApplicable", "does not read variation parameters")


async def test_noise_may_say_yes_to_the_canary():
    noisy = CountSettings(reporting=Reporting.NOISY, scale=2.0)
    async with foreign(EVERYBODY) as fake:
        found = await asked(fake, counts=noisy)

    assert found[0] == "hit"


async def test_a_member_that_only_answers_get_is_told_in_its_dialect():
    settings = DialectSettings(verb=Verb.GET, sequences=Naming.BARE)
    behaviour = Foreign(alleles={"d1": {"17-43094691-G-A": 3}}, names_sets=True, verbs=("GET",))
    async with foreign(behaviour) as fake:
        found = await asked(fake, dialect=settings)

    assert found == ("hit", None, [1])


async def test_it_is_told_to_everybody_who_looks_it_up():
    async with foreign(EVERYBODY) as fake:
        member = fake.member("fi")
        async with Remotes([member]) as remotes:
            discovery = Discovery([member], remotes, refresh_s=900, folder=None)
            await discovery.look(member)
            page = member_document(
                IDENTITY, member, discovery.of("fi"), remotes.condition(member.id)
            )

    said = page["response"]["variationParameters"]
    assert said.startswith("does not read variation parameters of genomicVariant, individual")


async def test_it_is_found_out_again_at_each_look_and_kept_when_it_cannot_be(tmp_path: Path):
    async with foreign(EVERYBODY) as fake:
        member = fake.member("fi")
        async with Remotes([member]) as remotes:
            discovery = Discovery([member], remotes, refresh_s=900, folder=tmp_path)
            looks = [await discovery.look(member) for _ in range(2)]
            unread = [discovery.of("fi").unread_variation]  # type: ignore[union-attr]
            fake.behaviour = Says(b"{}", status=503)
            fake.filtering_terms.append({"id": "HP:0001250", "type": "ontologyTerm"})
            looks.append(await discovery.look(member))
            unread.append(discovery.of("fi").unread_variation)  # type: ignore[union-attr]
            fake.behaviour = Computes(lambda received: reader(received, shape="nested"))
            looks.append(await discovery.look(member))
            unread.append(discovery.of("fi").unread_variation)  # type: ignore[union-attr]

    assert looks == [True, False, True, True]
    assert unread[0] == unread[1] != ()
    assert unread[2] == ()


async def test_a_beacon_that_reads_its_questions_is_not_suspected():
    async with FakeMember("fi.example", Answers(HIS)) as fake:
        found = await asked(fake)

    assert found == ("hit", None, [7])
