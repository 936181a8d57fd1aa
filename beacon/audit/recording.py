"""The home of `AuditTrail`: writes every access down before it is answered."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
from collections.abc import AsyncIterator, Collection
from pathlib import Path

import structlog

from beacon.audit import entries
from beacon.audit.alarms import Alarms
from beacon.audit.entries import (
    DAY,
    PUBLIC,
    UNVERIFIED,
    AccessEntry,
    AlarmEntry,
    DatasetEntry,
)
from beacon.audit.following import Following
from beacon.audit.questions import hashed
from beacon.audit.trail import Clock, Trail, now, written
from beacon.framework.access import Access
from beacon.framework.audit import Accessed
from beacon.framework.decisions import Decision
from beacon.framework.errors import AuditUnavailable
from beacon.framework.query import Granularity, Query
from beacon.metrics import AuditMetrics

FOLLOW_S = 2.0
"""How often a process looks at what the others have written."""

_DATASET = "dataset"
_WIRE = {one: one.wire for one in Granularity}

log = structlog.stdlib.get_logger()


def chain_key(key: bytes) -> bytes:
    """The key that lines are sealed with, of the key of the audit."""
    return hmac.digest(key, b"chain", "sha256")


class AuditTrail:
    """The audit of one process.

    Attributes:
        alarms: Counts what is written; the ledger of budgets tells it what it knows.
    """

    def __init__(
        self,
        trail: Trail,
        key: bytes,
        dataset_ids: Collection[str],
        metrics: AuditMetrics,
        clock: Clock = now,
    ) -> None:
        """Write to a trail.

        Args:
            trail: Where to.
            key: Of which questions are hashed.
            dataset_ids: Those that the settings name: what a question names beyond them may be
                anything, and is not written down.
            metrics: Where alarms and failures are counted.
            clock: Says when something happened.
        """
        self._trail, self._clock, self._metrics = trail, clock, metrics
        self._key = hmac.digest(key, b"question", "sha256")
        self._dataset_ids = frozenset(dataset_ids)
        self._to_sync = asyncio.Event()
        self.alarms = Alarms(self._alarm, self._today)

    def record(self, accessed: Accessed) -> None:
        """Write an access down.

        Raises:
            AuditUnavailable: It cannot be written down.
        """
        entry = self._entry(accessed, written(self._clock()))
        try:
            self._trail.append(entries.encode(entry), entry.at[:DAY])
        except AuditUnavailable as error:
            cause = error.__cause__
            reason = cause.strerror if isinstance(cause, OSError) else None
            self._metrics.failures.inc()
            log.error("audit_unavailable", reason=reason)
            self._to_sync.set()
            raise
        self._to_sync.set()
        self.alarms.seen(entry)

    async def catch_up(self, following: Following) -> None:
        """Count what others have written today."""
        today = self._today()
        for entry in await asyncio.to_thread(lambda: tuple(following.lines(today))):
            self.alarms.seen(entry, told=False)

    async def keep_on_disk(self, fsync_s: float) -> None:
        """Force lines to the disk in groups, as long as this runs."""
        while True:
            await self._to_sync.wait()
            self._to_sync.clear()
            await asyncio.to_thread(self._trail.sync)
            if not self._trail.is_on_disk:
                self._to_sync.set()
            await asyncio.sleep(fsync_s)

    def _today(self) -> str:
        return written(self._clock())[:DAY]

    def _entry(self, accessed: Accessed, at: str) -> AccessEntry:
        access, query = accessed.access, accessed.query
        asker = accessed.asker if access is None else access.asker
        return AccessEntry(
            at=at,
            request=accessed.request_id,
            endpoint=accessed.endpoint,
            status=accessed.status,
            person=_NOBODY[accessed.has_credentials] if asker is None else asker.person,
            organisation=None if asker is None else asker.organisation,
            tiers=() if asker is None else asker.tiers,
            visa_issuers=() if asker is None else asker.visa_issuers,
            purpose=None if access is None else access.purpose,
            entry_type=None if query is None else query.entry_type,
            asked=None if query is None else _WIRE[query.granularity],
            granted=None if query is None else _WIRE[accessed.granted],
            datasets=self._datasets(accessed),
            question=None if query is None else hashed(self._key, query),
            via=0 if access is None else len(access.via),
            members=accessed.members,
            reason=accessed.reason,
        )

    def _datasets(self, accessed: Accessed) -> tuple[DatasetEntry, ...]:
        query, access, decisions = accessed.query, accessed.access, accessed.decisions
        if query is None or access is None:
            return ()
        reached = tuple(_dataset_entry(one, query, access) for one in decisions)
        named = [one for one in _named(query) if one in self._dataset_ids]
        if not named:
            return reached
        known = {one.dataset_id for one in decisions}
        return reached + tuple(
            DatasetEntry(id=one, decision="withheld", level=_WIRE[Granularity.NONE])
            for one in dict.fromkeys(named)
            if one not in known
        )

    def _alarm(self, alarm: str, *, person: str | None, dataset: str | None, value: float) -> None:
        at = written(self._clock())
        entry = AlarmEntry(at=at, alarm=alarm, person=person, dataset=dataset, value=value)
        log.warning("audit_alarm", alarm=alarm, person=person, dataset=dataset, value=value)
        self._metrics.alarms.labels(alarm).inc()
        # What was asked is written down already; that it is a lot is in the log at least.
        with contextlib.suppress(AuditUnavailable):
            self._trail.append(entries.encode(entry), at[:DAY])
        self._to_sync.set()


_NOBODY = {False: PUBLIC, True: UNVERIFIED}


def _dataset_entry(decision: Decision, query: Query, access: Access) -> DatasetEntry:
    dataset_id, level = decision.dataset_id, decision.level
    if level is Granularity.NONE:
        return DatasetEntry(id=dataset_id, decision="withheld", level=_WIRE[level])
    return DatasetEntry(
        id=dataset_id,
        decision="answered",
        level=_WIRE[level],
        rules=access.rules.get(dataset_id, {}).get(query.entry_type, ()),
        rare=decision.rare,
        release=decision.release,
        charge=decision.charge,
    )


def _named(query: Query) -> tuple[str, ...]:
    """The datasets that a question is about, by name."""
    if query.within is not None and query.within.entry_type == _DATASET:
        return (*query.dataset_ids, query.within.id)
    if query.entry_id is not None and query.entry_type == _DATASET:
        return (*query.dataset_ids, query.entry_id)
    return query.dataset_ids


@contextlib.asynccontextmanager
async def open_audit(
    folder: Path,
    key: bytes,
    *,
    dataset_ids: Collection[str],
    metrics: AuditMetrics,
    fsync_s: float,
    keep_days: int,
    clock: Clock = now,
) -> AsyncIterator[AuditTrail]:
    """The audit, as long as it is open.

    Args:
        folder: Of the files.
        key: Of everything that is keyed in them.
        dataset_ids: Those that the settings name.
        metrics: Where alarms and failures are counted.
        fsync_s: Seconds between the groups that are forced to the disk.
        keep_days: Days after which files are deleted; 0 is never.
        clock: Says when something happened.

    Raises:
        SettingsError: The folder cannot be written to.
    """
    trail = Trail.open(folder, chain_key(key), keep_days=keep_days, clock=clock)
    audit = AuditTrail(trail, key, dataset_ids, metrics, clock)
    following = Following(folder)
    tasks: list[asyncio.Task[None]] = []

    async def follow() -> None:
        while True:
            await asyncio.sleep(FOLLOW_S)
            _pass_over(trail, following)
            await audit.catch_up(following)

    try:
        await audit.catch_up(following)
        tasks = [asyncio.create_task(audit.keep_on_disk(fsync_s)), asyncio.create_task(follow())]
        yield audit
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(trail.close)


def _pass_over(trail: Trail, following: Following) -> None:
    """What this process writes it has counted already."""
    if trail.path is not None:
        following.skip(trail.path)
