"""Opens the audit trail as the settings say."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from beacon.audit.recording import AuditTrail, chain_key, open_audit
from beacon.metrics import AuditMetrics, Metrics
from beacon.secrets_file import Keys
from beacon.settings import Settings

_KEY = "audit"


def folder(settings: Settings) -> Path:
    """Where the files of the trail are."""
    given = settings.audit.folder
    return Path(given) if given else Path(settings.data_dir) / "audit"


def key(keys: Keys) -> bytes:
    """What the lines of the trail are sealed with."""
    return chain_key(keys.derive(_KEY))


@contextlib.asynccontextmanager
async def opened(
    settings: Settings, keys: Callable[[Settings], Keys], metrics: Metrics
) -> AsyncIterator[AuditTrail | None]:
    """The audit, as long as it is open; `None` where the settings want none.

    Args:
        settings: The section `audit`, and the datasets that the policy names.
        keys: Reads the keys of the deployment.
        metrics: Where alarms and failures are counted.

    Raises:
        SettingsError: The folder cannot be written to.
    """
    own = settings.audit
    if not own.enabled:
        yield None
        return
    async with open_audit(
        folder(settings),
        keys(settings).derive(_KEY),
        dataset_ids=settings.policy.datasets,
        metrics=AuditMetrics(metrics),
        fsync_s=own.fsync_s,
        keep_days=own.keep_days,
    ) as audit:
        yield audit
