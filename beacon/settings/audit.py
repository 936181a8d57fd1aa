"""The home of the settings of the audit trail."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from beacon.settings.values import Seconds, Section


class AuditSettings(Section, frozen=True, kw_only=True):
    """What is written down of every access to data, and how long it is kept."""

    enabled: Annotated[
        bool,
        Meta(
            description="Whether every access to data is written down before it is answered. What "
            "cannot be written down is then not answered."
        ),
    ] = True
    folder: Annotated[
        str,
        Meta(
            description="Folder of the audit trail. Empty: `audit` in `data_dir`. A relative one "
            "starts at the folder of the settings file.",
            extra={"path": True},
        ),
    ] = ""
    fsync_s: Annotated[
        Seconds,
        Meta(
            description="Seconds within which lines are forced to the disk. A process that dies "
            "loses none; a machine that loses power loses these."
        ),
    ] = 0.1
    keep_days: Annotated[
        int, Meta(description="Days after which files are deleted. 0: they are kept.", ge=0)
    ] = 0
