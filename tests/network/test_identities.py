"""As whom members are asked: tokens are had once, kept while they hold, and are nobody else's."""

from __future__ import annotations

import asyncio
import copy
import pickle
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
import pytest

from beacon.framework.access import EVERYTHING, Access, Asker
from beacon.framework.errors import Forbidden, SourceUnavailable
from beacon.network.askers import Credentials, introduced
from beacon.network.identities import AWAY_S, OFTEN_S, REFUSED_S, AsWhom, For, Identities
from beacon.network.members import Member
from beacon.network.shown import PUBLIC, Shown
from beacon.network.states import MemberFailure, State
from beacon.settings import MemberAccessSettings, Via

NOON = 1_800_000_000.0


@dataclass
class Clock:
    now: float = NOON

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Given:
    token: str
    expires: float


@dataclass
class Tokens:
    """Gives numbered tokens, and remembers for what."""

    clock: Clock
    lifetime_s: float = 3600.0
    error: Exception | None = None
    asked: list[tuple[str, str, For]] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def exchanged(self, token: str, issuer: str, wanted: For) -> Given:
        self.asked.append((token, issuer, wanted))
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return Given(f"token-number-{len(self.asked)}", self.clock.now + self.lifetime_s)

    async def own(self, name: str, wanted: For) -> Given:
        return await self.exchanged("", name, wanted)


def member(member_id: str = "fi", **access: object) -> Member:
    settings = {"via": Via.EXCHANGE, "audience": f"urn:{member_id}", **access}
    return Member(
        id=member_id,
        name=member_id,
        country="FI",
        urls=(f"https://{member_id}.example/api",),
        hosts=frozenset({f"{member_id}.example:443"}),
        access=msgspec.convert(settings, MemberAccessSettings),
    )


FI, EE = member("fi"), member("ee")
PUBLICLY = msgspec.structs.replace(FI, access=MemberAccessSettings())


def access(
    token: str = "tokenofalice", person: str = "p1", purpose: str | None = None, **about: float
) -> Access:
    asker = introduced(
        Asker(identities=(person,)),
        {"Authorization": f"Bearer {token}"},
        issuer="https://login.example",
        expires=about.get("expires", NOON + 36_000),
    )
    return Access(grants=EVERYTHING.grants, asker=asker, purpose=purpose)


@dataclass
class Setting:
    clock: Clock
    tokens: Tokens
    identities: Identities

    async def shown(self, to: Member = FI, by: Access | None = None, within_s: float = 10) -> str:
        deadline = asyncio.get_running_loop().time() + within_s
        shown = await self.identities.shown(to, by or access(), deadline=deadline)
        return shown.headers.get("Authorization", "").removeprefix("Bearer ")

    async def fails(self, **how: object) -> MemberFailure:
        with pytest.raises(MemberFailure) as caught:
            await self.shown(**how)  # type: ignore[arg-type]
        return caught.value


@pytest.fixture
async def setting() -> Setting:
    clock = Clock()
    tokens = Tokens(clock)
    tokens.gate.set()
    own_audiences = frozenset({"urn:network"})
    return Setting(
        clock,
        tokens,
        Identities((FI, EE), tokens, own_audiences=own_audiences, clock=clock, kept=3),
    )


async def test_the_public_is_shown_to_nobody(setting: Setting) -> None:
    assert await setting.shown(by=EVERYTHING) == ""
    assert await setting.shown(to=PUBLICLY) == ""
    assert setting.tokens.asked == []


def test_who_asks_is_told_apart_by_person_token_and_purpose() -> None:
    identities = Identities((FI,))
    same, other_token, other_person, for_care = (
        identities.as_whom(FI, one)
        for one in (
            access(),
            access(token="newtoken"),
            access(person="p2"),
            access(purpose="DUO:0000043"),
        )
    )

    assert same == identities.as_whom(FI, access())
    assert len({same, other_token, other_person, for_care}) == 4
    assert identities.as_whom(FI, EVERYTHING) is None
    assert identities.as_whom(PUBLICLY, access(purpose="DUO:0000043")) is None


def test_what_a_member_tells_the_network_is_everybodys_who_may_ask_so() -> None:
    closed = member(via=Via.CREDENTIAL, token_file="x", audience="")
    opened = member(via=Via.CREDENTIAL, token_file="x", audience="", public=True)
    identities = Identities((closed,))

    assert identities.as_whom(closed, EVERYTHING) is None
    assert identities.as_whom(closed, access()) == AsWhom("", "", None)
    assert identities.as_whom(opened, EVERYTHING) == identities.as_whom(opened, access(person="q"))


async def test_a_token_is_for_one_member_and_none_of_the_others(setting: Setting) -> None:
    await setting.shown(to=EE)

    ((token, issuer, wanted),) = setting.tokens.asked
    assert (token, issuer) == ("tokenofalice", "https://login.example")
    assert (wanted.audience, wanted.resource) == ("urn:ee", "https://ee.example/api")
    assert wanted.not_for == {"urn:network", "urn:fi", "https://fi.example/api"}


async def test_a_token_is_kept_until_shortly_before_its_end(setting: Setting) -> None:
    first = await setting.shown()
    setting.clock.now += 3569
    assert await setting.shown() == first
    setting.clock.now += 2

    assert await setting.shown() != first


async def test_a_short_lived_token_is_used_for_three_quarters_of_its_life(
    setting: Setting,
) -> None:
    setting.tokens.lifetime_s = 8
    first = await setting.shown()
    setting.clock.now += 5.9
    assert await setting.shown() == first
    setting.clock.now += 0.2

    assert await setting.shown() != first


async def test_a_token_does_not_outlive_what_it_was_given_for(setting: Setting) -> None:
    by = access(expires=NOON + 100)
    first = await setting.shown(by=by)
    setting.clock.now += 76
    assert await setting.shown(by=by) != first
    setting.clock.now += 25

    failure = await setting.fails(by=by)
    assert failure.state is State.RESTRICTED


async def test_who_comes_meanwhile_waits_for_the_same_token(setting: Setting) -> None:
    setting.tokens.gate.clear()
    waiting = [asyncio.create_task(setting.shown()) for _ in range(50)]
    impatient = await setting.fails(within_s=0.02)
    waiting[0].cancel()
    setting.tokens.gate.set()

    assert len(set(await asyncio.gather(*waiting[1:]))) == 1
    assert impatient.state is State.UNREACHABLE
    assert len(setting.tokens.asked) == 1


@pytest.mark.parametrize(
    ("error", "state", "while_s"),
    [
        (Forbidden("no token"), State.RESTRICTED, REFUSED_S),
        (SourceUnavailable("away"), State.UNREACHABLE, AWAY_S),
    ],
)
async def test_what_failed_is_not_tried_again_at_once(
    setting: Setting, error: Exception, state: State, while_s: float
) -> None:
    setting.tokens.error = error
    failures = [await setting.fails() for _ in range(5)]
    assert {(one.state, one.reason) for one in failures} == {(state, str(error))}
    assert len(setting.tokens.asked) == 1
    assert (await setting.fails(to=EE)).state is state
    setting.tokens.error = None
    setting.clock.now += while_s + 0.1

    assert await setting.shown()


async def test_a_token_that_its_member_does_not_accept_is_exchanged_anew_now_and_then(
    setting: Setting,
) -> None:
    async def refused() -> str:
        deadline = asyncio.get_running_loop().time() + 1
        shown = await setting.identities.shown(FI, access(), deadline=deadline)
        with pytest.raises(MemberFailure):
            shown.check(401, b"")
        assert shown.token is not None
        return shown.token

    first = await refused()
    assert await refused() == first
    setting.clock.now += OFTEN_S
    assert await refused() == first

    assert await refused() != first


async def test_tokens_that_are_kept_have_a_bound(setting: Setting) -> None:
    callers = [access(token=f"tokennumber{n}") for n in range(5)]
    for one in callers:
        await setting.shown(by=one)
    before = len(setting.tokens.asked)
    await setting.shown(by=callers[-1])
    assert len(setting.tokens.asked) == before
    await setting.shown(by=callers[0])

    assert len(setting.tokens.asked) == before + 1


def test_a_token_cannot_be_shown_or_written_by_mistake() -> None:
    by = access(token="averysecrettoken")

    for text in (repr(by), str(by.asker), repr(Shown({"Authorization": "averysecret"}, "avery"))):
        assert "averysecret" not in text
    assert isinstance(by.asker, Asker)
    for write in _WRITERS:
        with pytest.raises(TypeError):
            write(by)
    assert Credentials("a", issuer="", expires=0) == Credentials("a", issuer="x", expires=1)
    assert Credentials("a", issuer="", expires=0) != Credentials("b", issuer="", expires=0)


_WRITERS: tuple[Callable[[object], object], ...] = (
    msgspec.json.encode,
    msgspec.to_builtins,
    pickle.dumps,
    copy.deepcopy,
)


@pytest.mark.parametrize("token", ["head.claims-of-alice.signature-of-it", "opaque-token-of-alice"])
def test_a_reason_that_repeats_the_token_is_replaced(token: str) -> None:
    shown = Shown({"Authorization": f"Bearer {token}"}, token)
    for text in (token, f"bad token {token[-13:]}", f"{token[:15]}… is wrong"):
        cleared = shown.cleared(MemberFailure(State.NOT_APPLICABLE, text))
        assert cleared.state is State.NOT_APPLICABLE
        assert cleared.reason == "repeats what it was shown of who asks"

    known = MemberFailure(State.NOT_APPLICABLE, "does not know HP:0000001")
    assert shown.cleared(known) is known
    assert PUBLIC.cleared(known) is known
    with pytest.raises(MemberFailure):
        shown.check(200, f'{{"x": "{token}"}}'.encode())
    PUBLIC.check(401, token.encode())
