"""Members that are asked over TLS: who they are is checked before anything is sent."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest

from beacon.network.remote import Remotes
from beacon.network.states import State
from beacon.web.server import new_loop
from tests.network.certificates import Authority
from tests.network.remote_requests import QUICK, ask, failure_of
from tests.network.scripted_server import Says, plain, scripted


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def trusted(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """The authority, as one of those of the system."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    return authority


async def asked_twice(tls: ssl.SSLContext, host: str) -> list[int]:
    """Requests over each connection, when the second ends the first one."""
    async with scripted(plain(), Says(closes=True), plain(), tls=tls, host=host) as server:
        member = server.member()
        async with Remotes([member]) as remotes:
            assert [(await ask(remotes, member)).status for _ in range(3)] == [200] * 3
    return [len(one) for one in server.requests]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_member_is_asked_that_is_who_it_should_be(trusted: Authority, host: str) -> None:
    assert await asked_twice(trusted.server(host), host) == [2, 2]


def test_so_it_is_on_the_event_loop_of_the_server(trusted: Authority) -> None:
    with asyncio.Runner(loop_factory=new_loop) as runner:
        assert runner.run(asked_twice(trusted.server("localhost"), "localhost")) == [2, 2]


async def test_nothing_is_sent_to_who_goes_by_another_name(trusted: Authority) -> None:
    tls = trusted.server("beacon.example.org")
    async with scripted(plain(), tls=tls, host="localhost") as server:
        member = server.member()
        async with Remotes([member]) as remotes:
            failure = await failure_of(remotes, member)

    assert (failure.state, failure.reason) == (
        State.UNREACHABLE,
        "its certificate is not accepted",
    )
    assert server.requests == []


async def test_nothing_is_sent_to_whom_nobody_vouches_for(authority: Authority) -> None:
    tls = authority.server("localhost")
    async with scripted(plain(), tls=tls, host="localhost") as server:
        member = server.member()
        async with Remotes([member]) as remotes:
            failure = await failure_of(remotes, member)

    assert failure.reason == "its certificate is not accepted"
    assert server.requests == []


async def test_who_does_not_speak_tls_is_asked_nothing() -> None:
    async with scripted(plain()) as server:
        member = server.member(urls=(server.url.replace("http:", "https:"),))
        async with Remotes([member], manners=QUICK) as remotes:
            failure = await failure_of(remotes, member)

    assert failure.state is State.UNREACHABLE
    assert not any(server.requests)
