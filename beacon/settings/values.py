"""The home of the kinds of values that several tables of the settings share."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from beacon.framework.query import Granularity

Port = Annotated[int, Meta(ge=0, le=65535)]
Seconds = Annotated[float, Meta(gt=0)]
Count = Annotated[int, Meta(ge=1)]


class Level(StrEnum):
    """A granularity as settings spell it."""

    NONE = "none"
    BOOLEAN = "boolean"
    COUNT = "count"
    RECORD = "record"

    @property
    def granularity(self) -> Granularity:
        """The value that the rest of the software works with."""
        return Granularity[self.name]


class Asked(StrEnum):
    """A granularity that a question may ask for: `none` is a rule, not a question."""

    BOOLEAN = "boolean"
    COUNT = "count"
    RECORD = "record"

    @property
    def granularity(self) -> Granularity:
        """The value that the rest of the software works with."""
        return Granularity[self.name]


class AssemblyName(StrEnum):
    """A reference assembly as settings spell it."""

    GRCH37 = "GRCh37"
    GRCH38 = "GRCh38"


class Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the settings file."""
