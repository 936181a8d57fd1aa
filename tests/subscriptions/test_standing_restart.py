"""A server that is killed between a change and its delivery tells of it once, when it is back."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from tests.network.real_beacons import free_port
from tests.subscriptions.standing_world import Asker, Receiver, Standing, toml, until


@contextlib.asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """`beacon serve`; yields the URL of its API, and the process."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "beacon.cli", "serve", "--port", "0", "--no-access-log"),
        *("--settings", str(folder / "settings.toml")),
        stderr=asyncio.subprocess.PIPE,
        env=dict(os.environ),
    )
    assert process.stderr is not None
    draining = None
    try:
        line = await asyncio.wait_for(process.stderr.readline(), 120)
        draining = asyncio.create_task(process.stderr.read())
        yield json.loads(line)["url"], process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
        if draining is not None:
            await draining


async def is_ready(alice: Asker) -> bool:
    status, _ = await alice.send("GET")
    return status == 200


async def attempts(alice: Asker) -> list[tuple[str, int]]:
    told = (await alice.inbox())["notifications"]
    return [(one["webhook"]["status"], one["webhook"]["attempts"]) for one in told]


async def test_who_is_killed_before_delivery_delivers_once_when_back(standing: Standing) -> None:
    settings = standing.settings(dataset={"membership_sensitive": False})
    document = msgspec.to_builtins(settings)
    kept = ("data_dir", "mongo", "portal", "auth", "policy", "subscriptions")
    (standing.folder / "settings.toml").write_text(toml({key: document[key] for key in kept}))
    receiver = Receiver(port=free_port())
    async with serving(standing.folder) as (url, process):
        alice = standing.asker(url)
        await until(lambda: is_ready(alice))
        made = await alice.stand(webhook={"url": receiver.url})
        standing.load(1)

        async def has_failed_once() -> bool:
            found = await attempts(alice)
            return bool(found) and found[0][1] >= 1

        await until(has_failed_once)
        process.send_signal(signal.SIGKILL)
        await process.wait()
    receiver.secret = made["webhook"]["secret"]
    async with receiver, serving(standing.folder) as (url, _):
        alice = standing.asker(url)
        await until(lambda: is_ready(alice))
        await until(lambda: bool(receiver.accepted))

        async def is_delivered() -> bool:
            return [one for one, _ in await attempts(alice)] == ["delivered"]

        await until(is_delivered)
        told = (await alice.inbox())["notifications"]
        await asyncio.sleep(3)

    ((message, body),) = receiver.accepted
    assert [one["id"] for one in told] == [message]
    assert body["data"]["subscription"] == made["id"]
    assert receiver.forged == 0
