"""The metrics of one process, in Prometheus' format. No label says what was asked, or of whom."""

from __future__ import annotations

import os

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.multiprocess import MultiProcessCollector

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The environment variable by which several worker processes add up their metrics in one folder;
the client library reads it when it is imported."""

_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """The counters of one process.

    Attributes:
        registry: What is registered here is shown with the rest.
        requests: Requests by endpoint pattern, method and HTTP status.
        seconds: Time to answer by endpoint pattern.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "beacon_requests",
            "Requests answered.",
            ["endpoint", "method", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "beacon_request_seconds",
            "Time to answer a request.",
            ["endpoint"],
            buckets=_BUCKETS_S,
            registry=self.registry,
        )

    def observe(self, endpoint: str, method: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        self.requests.labels(endpoint, method, str(status)).inc()
        self.seconds.labels(endpoint).observe(seconds)

    def exposition(self) -> bytes:
        """Everything counted so far, by all workers of this beacon."""
        if SHARED_FOLDER not in os.environ:
            return generate_latest(self.registry)
        shared = CollectorRegistry()
        MultiProcessCollector(shared)  # type: ignore[no-untyped-call]
        return generate_latest(shared)


class CredentialMetrics:
    """The counters of one process about what callers show to say who they are.

    Made once for a `Metrics`. Outcomes are `accepted` or the code of the reason why not.

    Attributes:
        credentials: Access tokens and passports by outcome.
        visas: Visas by the name of their issuer, `unknown` or as in the settings, and outcome.
    """

    def __init__(self, metrics: Metrics) -> None:
        self.credentials = Counter(
            "beacon_credentials",
            "Access tokens and passports by what became of them.",
            ["outcome"],
            registry=metrics.registry,
        )
        self.visas = Counter(
            "beacon_visas",
            "Visas by issuer and what became of them.",
            ["issuer", "outcome"],
            registry=metrics.registry,
        )


class AuditMetrics:
    """The counters of one process about the audit trail. Made once for a `Metrics`.

    Attributes:
        alarms: Alarms by name; who or what they are about is in the trail.
        failures: Accesses that could not be written down, and were not answered.
    """

    def __init__(self, metrics: Metrics) -> None:
        self.alarms = Counter(
            "beacon_audit_alarms",
            "Alarms that the audit raised, by name.",
            ["alarm"],
            registry=metrics.registry,
        )
        self.failures = Counter(
            "beacon_audit_failures",
            "Accesses that were not answered because they could not be written down.",
            registry=metrics.registry,
        )


class MemberMetrics:
    """The counters of one process about the beacons that a network asks.

    Made once for a `Metrics`. Members go by the ids that they have in the settings: there are only
    so many.

    Attributes:
        outcomes: Questions by member and state, such as `hit` or `timeout`.
        seconds: Time until a member's reply, by member.
        breaker_open: 1 while a member is not asked because it does not answer.
    """

    def __init__(self, metrics: Metrics) -> None:
        self.outcomes = Counter(
            "beacon_member_outcomes",
            "What became of questions at members.",
            ["member", "state"],
            registry=metrics.registry,
        )
        self.seconds = Histogram(
            "beacon_member_seconds",
            "Time until the reply of a member.",
            ["member"],
            buckets=_BUCKETS_S,
            registry=metrics.registry,
        )
        self.breaker_open = Gauge(
            "beacon_member_breaker_open",
            "1 while a member is not asked because it does not answer.",
            ["member"],
            registry=metrics.registry,
            # Each process finds out for itself; whoever did last knows best.
            multiprocess_mode="mostrecent",
        )
        # To find them by their labels takes longer than to count.
        self._outcomes: dict[tuple[str, str], Counter] = {}
        self._seconds: dict[str, Histogram] = {}

    def observe(self, member: str, state: str, seconds: float | None = None) -> None:
        """Count one outcome; `seconds` until the reply, when there was one."""
        outcomes = self._outcomes.get((member, state))
        if outcomes is None:
            outcomes = self._outcomes[member, state] = self.outcomes.labels(member, state)
        outcomes.inc()
        if seconds is not None:
            times = self._seconds.get(member)
            if times is None:
                times = self._seconds[member] = self.seconds.labels(member)
            times.observe(seconds)

    def set_breaker(self, member: str, *, is_open: bool) -> None:
        """Say whether a member is left in peace."""
        self.breaker_open.labels(member).set(int(is_open))
