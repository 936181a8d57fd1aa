"""What tests of the audit are made of: a trail in a folder, and beacons that write to it."""

from __future__ import annotations

import json
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from aiohttp.test_utils import TestClient, TestServer

from beacon import auditing, composition
from beacon.audit.chain import Link
from beacon.audit.recording import AuditTrail
from beacon.audit.trail import Trail
from beacon.audit.verifying import ChainReport, verify
from beacon.auth.authenticator import Authenticator
from beacon.framework.source import Source
from beacon.memory import MemoryDataset, MemoryStore
from beacon.metrics import Metrics
from beacon.settings import DatasetPolicy, Level, PolicySettings, ServerSettings, Settings
from tests.auth.mock_broker import DAC, DATASET

KEY = b"k" * 32
FEMALE = {"id": "NCIT:C16576", "label": "female"}
TOLD: dict[str, Any] = {"min_count": 1, "accept_risk": "invented people"}
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)


class Clock:
    """A time that is set by hand."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def people(*names: str) -> MemoryDataset:
    return MemoryDataset(
        assembly="GRCh38",
        records={"individual": [{"id": one, "sex": FEMALE} for one in names]},
    )


STORE = MemoryStore({"open": people("o1", "o2"), "granted": people("g1", "g2", "g3")})


def settings_in(folder: Path) -> Settings:
    """An open dataset, and one that takes a grant."""
    return Settings(
        data_dir=str(folder),
        server=ServerSettings(base_url="https://beacon.example.org/api"),
        policy=PolicySettings(
            datasets={
                "open": DatasetPolicy(public={"individual": Level.COUNT}, **TOLD),
                "granted": DatasetPolicy(
                    visa_value=DATASET,
                    dac=(DAC,),
                    tiers={"controlled": {"individual": Level.RECORD}},
                    **TOLD,
                ),
            }
        ),
    )


@asynccontextmanager
async def serving(
    settings: Settings,
    source: Source = STORE,
    authenticator: Authenticator | None = None,
    metrics: Metrics | None = None,
) -> AsyncIterator[tuple[Any, AuditTrail]]:
    """A client of a beacon that writes everything down, and its audit."""
    metrics = metrics or Metrics()
    async with auditing.opened(settings, composition.keys, metrics) as audit:
        assert audit is not None
        app = composition.app(settings, source, source, authenticator, metrics, audit)
        async with TestClient(TestServer(app, max_field_size=1 << 17)) as client:
            yield client, audit


def lines(folder: Path, kind: str | None = "access") -> list[dict[str, Any]]:
    """What the files say, by file and line."""
    found = [
        json.loads(line)
        for path in sorted(folder.glob("*.jsonl"))
        for line in path.read_bytes().splitlines()
    ]
    return [one for one in found if kind is None or one["kind"] == kind]


def written_by(folder: Path, count: int, clock: Clock | None = None, **changes: Any) -> None:
    """A process that writes so many lines and ends."""
    trail = Trail.open(folder, KEY, clock=clock or Clock(), **changes)
    for number in range(count):
        trail.append(b'{"kind":"access","word":"%d"}' % number, day_of(clock))
    trail.close()


def day_of(clock: Clock | None = None) -> str:
    return (clock or Clock()).now.date().isoformat()


def checked(folder: Path, earlier: dict[int, Link] | None = None) -> ChainReport:
    """The report of the only chain."""
    (found,) = verify(folder, KEY, earlier)
    return found


def found_in(settings: Settings) -> tuple[ChainReport, ...]:
    """The reports of a beacon's trail."""
    return verify(auditing.folder(settings), auditing.key(composition.keys(settings)))


@contextmanager
def full_disk(size_bytes: int) -> Iterator[None]:
    """No file grows beyond a size, as when the disk is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        # The log of this process is a file, too.
        with structlog.testing.capture_logs():
            yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
