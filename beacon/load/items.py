"""The home of what readers of people's files hand over: records, each with where it came from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from beacon.load.report import Problem


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One record read from a file, or why it could not be made.

    Attributes:
        file: the file's name.
        place: where in the file, as people count: `row 5`, `record 3`.
        entry_type: entry type id of the record.
        record: the record, of the Beacon default model; `None` when `problems` say why there is
            none.
        columns: JSON path of the record → column it came from, for files that have columns.
        problems: what is wrong; with a record they are warnings.
    """

    file: str
    place: str
    entry_type: str
    record: dict[str, Any] | None = None
    columns: Mapping[str, str] = {}
    problems: tuple[Problem, ...] = ()
