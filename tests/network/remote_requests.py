"""Ways to put a request to a member, and to look at what becomes of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from types import MappingProxyType

import pytest

from beacon.network.guard import Manners
from beacon.network.members import Member, host_of
from beacon.network.remote import Condition, RawReply, Remotes
from beacon.network.requests import MemberRequest
from beacon.network.states import MemberFailure
from tests.network.fake_members import (
    FakeMember,
)

QUESTION = MemberRequest(
    method="POST", target="/g_variants", body=b'{"query": {"requestedGranularity": "count"}}'
)
QUICK = Manners(
    connect_s=0.5, probe_s=0.05, probe_max_s=0.2, probe_timeout_s=0.3, retry_pause_s=0.01
)

HEDGING = Manners(hedge_min_s=0.2)


async def ask(
    remotes: Remotes,
    member: Member,
    request: MemberRequest = QUESTION,
    *,
    seconds: float = 5.0,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> RawReply:
    deadline = asyncio.get_running_loop().time() + seconds
    return await remotes.ask(member, request, deadline=deadline, headers=headers)


async def failure_of(
    remotes: Remotes, member: Member, request: MemberRequest = QUESTION, *, seconds: float = 5.0
) -> MemberFailure:
    with pytest.raises(MemberFailure) as caught:
        await ask(remotes, member, request, seconds=seconds)
    return caught.value


async def lines_of(
    remotes: Remotes, member: Member, request: MemberRequest, *, seconds: float = 5.0
) -> list[bytes]:
    deadline = asyncio.get_running_loop().time() + seconds
    lines = remotes.lines(member, request, deadline=deadline)
    return [one async for one in lines]


def batch(items: int, limit_bytes: int = 1_000_000, *, id_length: int = 1) -> MemberRequest:
    body = {
        "query": {"requestedGranularity": "count"},
        "items": [{"id": str(number).zfill(id_length)} for number in range(items)],
    }
    return MemberRequest(
        method="POST",
        target="/batch",
        body=json.dumps(body).encode(),
        limit_bytes=limit_bytes,
        accept="application/x-ndjson",
    )


def condition(remotes: Remotes, member: Member) -> Condition:
    return remotes.condition(member.id)


async def until(true: Callable[[], bool], seconds: float = 12.0) -> None:
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)


async def fail(remotes: Remotes, member: Member, times: int, seconds: float = 1.0) -> None:
    for _ in range(times):
        await failure_of(remotes, member, seconds=seconds)


async def failure_of_lines(remotes: Remotes, member: Member) -> MemberFailure:
    with pytest.raises(MemberFailure) as caught:
        await lines_of(remotes, member, batch(1))
    return caught.value


def both(fake: FakeMember, copy: FakeMember) -> Member:
    return fake.member(
        urls=(fake.url, copy.url), hosts=frozenset({host_of(fake.url), host_of(copy.url)})
    )
