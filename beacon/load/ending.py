"""The home of how a load ends: published, forgotten, or left open to go on with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from beacon.framework.errors import LoadError, LoadInterrupted
from beacon.framework.source import Load
from beacon.load.report import Report


@contextmanager
def settled(load: Load, report: Report) -> Iterator[None]:
    """Forget a load that fails, keep one that was interrupted for the next time, end the report."""
    try:
        yield
    except LoadInterrupted:
        raise
    except LoadError:
        load.abandon()
        raise
    finally:
        report.finish()


def conclude(load: Load, report: Report, *, is_new: bool) -> None:
    """Publish a load of which every item is accounted for.

    Args:
        is_new: Whether it brought anything; else the published release stays as it is.
    """
    report.check_complete()
    if is_new:
        report.dataset = load.publish()
    else:
        load.abandon()
