"""Writing an access down costs next to nothing."""

from __future__ import annotations

import time
from pathlib import Path

from audited import KEY

from beacon.audit.recording import AuditTrail, open_audit
from beacon.framework.access import Access, Asker
from beacon.framework.audit import Accessed
from beacon.framework.decisions import Decision
from beacon.framework.query import Filter, Granularity, Query, VariationQuery
from beacon.metrics import AuditMetrics, Metrics

LIMIT_US = 50
SLOWER = 4
"""Times that this machine may be slower than the one that the limit was set for."""

RULES = tuple(f'policy.datasets."a".tiers.{one}.individual' for one in ("registered", "other"))
ACCESSED = Accessed(
    request_id="5e0c91d2ab1f",
    endpoint="/api/individuals",
    status=200,
    access=Access(
        grants={},
        rules={"a": {"individual": RULES}},
        asker=Asker(
            identities=("a" * 32,),
            organisation="b" * 32,
            tiers=("public", "registered"),
            visa_issuers=("rems",),
        ),
        purpose="DUO:0000043",
    ),
    query=Query(
        entry_type="individual",
        filters=(Filter(id="HP:0000001"), Filter(id="NCIT:C16576")),
        variation=VariationQuery(reference_name="17", start=(7577120,), alternate_bases="A"),
        granularity=Granularity.COUNT,
    ),
    granted=Granularity.COUNT,
    decisions=tuple(
        Decision(dataset_id=one, level=Granularity.COUNT, release="1", charge=1) for one in "ab"
    ),
)


async def test_a_line_costs_at_most_50_us(tmp_path: Path) -> None:
    async with open_audit(
        tmp_path,
        KEY,
        dataset_ids=("a", "b"),
        metrics=AuditMetrics(Metrics()),
        fsync_s=0.1,
        keep_days=0,
    ) as audit:
        best = min(cost_us(audit) for _ in range(10))

    assert best < LIMIT_US * SLOWER


def cost_us(audit: AuditTrail, times: int = 300) -> float:
    """Processor time of one line."""
    started = time.process_time()
    for _ in range(times):
        audit.record(ACCESSED)
    return (time.process_time() - started) / times * 1e6
