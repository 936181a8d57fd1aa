"""Who asks as somebody does who attacks is told of, once a day."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import structlog
from audited import DAY, KEY, Clock, lines

from beacon.audit.alarms import QUESTIONS_A_DAY, RARE_A_DAY
from beacon.audit.recording import FOLLOW_S, AuditTrail, open_audit
from beacon.framework.access import Access, Asker
from beacon.framework.audit import Accessed
from beacon.framework.decisions import Decision
from beacon.framework.query import Granularity, Query
from beacon.metrics import AuditMetrics, Metrics

QUERY = Query(entry_type="individual", granularity=Granularity.COUNT)
A, B, C = (Asker(identities=(one * 32,)) for one in "abc")
FEW = Decision(dataset_id="ds", level=Granularity.COUNT, rare=True)
MANY = Decision(dataset_id="ds", level=Granularity.COUNT)


def opened(folder: Path, clock: Clock | None = None, metrics: Metrics | None = None):
    return open_audit(
        folder,
        KEY,
        dataset_ids=("ds",),
        metrics=AuditMetrics(metrics or Metrics()),
        fsync_s=0.01,
        keep_days=0,
        clock=clock or Clock(),
    )


def ask(audit: AuditTrail, asker: Asker | None, times: int = 1, *decisions: Decision) -> None:
    for _ in range(times):
        audit.record(
            Accessed(
                request_id="1",
                endpoint="/api/individuals",
                status=200,
                access=Access(grants={}, asker=asker),
                query=QUERY,
                decisions=decisions or (MANY,),
            )
        )


def refuse(audit: AuditTrail, asker: Asker | None, times: int = 1) -> None:
    for _ in range(times):
        audit.record(
            Accessed(
                request_id="1",
                endpoint="/api/individuals",
                status=403,
                asker=asker,
                has_credentials=True,
            )
        )


def alarms(folder: Path) -> list[tuple[str, str | None, float]]:
    return [
        (one["alarm"], one.get("person", "")[:1] or one.get("dataset"), one["value"])
        for one in lines(folder, "alarm")
    ]


async def test_twenty_rare_answers_in_a_day(tmp_path: Path) -> None:
    async with opened(tmp_path) as audit:
        ask(audit, A, RARE_A_DAY - 1, FEW)
        before = alarms(tmp_path)
        ask(audit, A, 30, FEW, MANY)
        ask(audit, B, RARE_A_DAY - 1, FEW)
        ask(audit, None, 2 * RARE_A_DAY, FEW)

    assert before == []
    assert alarms(tmp_path) == [("rare", "a", 20)]


async def test_a_thousand_questions_in_a_day(tmp_path: Path) -> None:
    clock = Clock()
    async with opened(tmp_path, clock) as audit:
        for _ in range(2):
            ask(audit, A, QUESTIONS_A_DAY - 1)
            clock.now += DAY
        before = alarms(tmp_path)
        ask(audit, A, QUESTIONS_A_DAY)

    assert before == []
    assert alarms(tmp_path) == [("questions", "a", 1000)]


async def test_a_third_refused_of_twenty(tmp_path: Path) -> None:
    async with opened(tmp_path) as audit:
        refuse(audit, A, 6)
        ask(audit, A, 30)
        refuse(audit, B, 7)
        ask(audit, B, 13)
        refuse(audit, None, 20)

    assert alarms(tmp_path) == [("denied", "b", 0.35), ("denied", "u", 1.0)]


async def test_what_the_ledger_knows(tmp_path: Path) -> None:
    async with opened(tmp_path) as audit:
        audit.alarms.spent(A, "ds", 0.4)
        audit.alarms.spent(A, "ds", 0.5)
        audit.alarms.spent(A, "ds", 0.9)
        for asker, row in ((A, 7), (B, 8), (B, 7), (A, 8), (A, 7)):
            audit.alarms.exhausted(asker, "ds", (row, row + 100))
        before = len(alarms(tmp_path))
        audit.alarms.exhausted(C, "ds", range(9))

    assert before == 1
    assert alarms(tmp_path) == [("spent", "a", 0.5), ("exhausted", "ds", 3)]


async def test_an_alarm_is_logged_and_counted(tmp_path: Path) -> None:
    metrics = Metrics()
    with structlog.testing.capture_logs() as logged:
        async with opened(tmp_path, metrics=metrics) as audit:
            audit.alarms.spent(A, "ds", 0.5)

    assert [(one["event"], one["alarm"]) for one in logged] == [("audit_alarm", "spent")]
    assert b'beacon_audit_alarms_total{alarm="spent"} 1.0' in metrics.exposition()


@pytest.mark.parametrize("is_next_day", [False, True])
async def test_what_was_done_today_is_known_after_a_start(
    tmp_path: Path, *, is_next_day: bool
) -> None:
    clock = Clock()
    async with opened(tmp_path, clock) as audit:
        ask(audit, A, RARE_A_DAY - 1, FEW)
        ask(audit, B, RARE_A_DAY, FEW)
    if is_next_day:
        clock.now += DAY
    async with opened(tmp_path, clock) as audit:
        ask(audit, A, 1, FEW)
        ask(audit, B, 1, FEW)

    again = [] if is_next_day else [("rare", "a", 20)]
    assert alarms(tmp_path) == [("rare", "b", 20), *again]


async def test_processes_count_together(tmp_path: Path) -> None:
    async with opened(tmp_path) as one, opened(tmp_path) as other:
        ask(one, A, 12, FEW)
        ask(other, A, 7, FEW)
        before = alarms(tmp_path)
        await asyncio.sleep(FOLLOW_S * 2.5)
        ask(one, A, 1, FEW)
        await asyncio.sleep(FOLLOW_S * 2.5)
        ask(other, A, 1, FEW)

    assert before == []
    assert alarms(tmp_path) == [("rare", "a", 20)]
