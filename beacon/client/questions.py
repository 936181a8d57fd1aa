"""The home of questions: what is asked, and how that is said in the dialect of a beacon."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from beacon.client.envelopes import Document
from beacon.client.variants import Variant

Granularity = Literal["boolean", "count", "record"]
"""How much is to be told: yes or no, how many, or the entries themselves."""

Filter = str | Mapping[str, Any]
"""The id of a term, `HP:0001250`, or a filter as Beacon v2 writes it in JSON."""

IMPOSSIBLE = Variant("GRCh38", "1", 0, "A", "C")
"""An allele where no base is known: who says yes to it does not read what is asked."""

_PATHS = {
    "analysis": "analyses",
    "biosample": "biosamples",
    "cohort": "cohorts",
    "dataset": "datasets",
    "genomicVariant": "g_variants",
    "genomicVariation": "g_variants",
    "individual": "individuals",
    "run": "runs",
}
_TYPES = {path: entry_type for entry_type, path in _PATHS.items()} | {
    "g_variants": "genomicVariant"
}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}", re.ASCII)
_VERSION = re.compile(r"v?(\d{1,3})\.(\d{1,3})(?!\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a beacon is spoken to.

    `nested` says whether variation parameters are in `requestParameters.g_variant`, or in
    `requestParameters` itself, as servers of version 2.0 read them.
    """

    api_version: str = "v2.2.0"
    nested: bool = True

    @property
    def other(self) -> Dialect:
        """The same with the other shape of parameters."""
        return Dialect(self.api_version, not self.nested)


def dialect_of(api_version: str | None) -> Dialect:
    """What to assume of a beacon of that version; one that makes no sense is the newest."""
    found = _VERSION.match(api_version or "")
    if api_version is None or found is None:
        return Dialect()
    return Dialect(api_version, nested=(int(found[1]), int(found[2])) >= (2, 1))


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. A page holds `limit` records of each dataset; `skip` counts pages."""

    granularity: Granularity = "count"
    variant: Variant | None = None
    filters: tuple[Filter, ...] = ()
    skip: int = 0
    limit: int = 10

    def body(self, dialect: Dialect) -> Document:
        """The body of the request. All result sets are wanted: a no is an answer, too."""
        query: Document = {
            "requestedGranularity": self.granularity,
            "includeResultsetResponses": "ALL",
            "pagination": {"skip": self.skip, "limit": self.limit},
            "testMode": False,
        }
        if self.filters:
            query["filters"] = filters_of(self.filters)
        if self.variant is not None:
            query["requestParameters"] = parameters_of(self.variant, dialect)
        return {"meta": meta_of(dialect), "query": query}


def meta_of(dialect: Dialect) -> Document:
    """`meta` of a request."""
    return {"apiVersion": dialect.api_version, "requestedSchemas": []}


def filters_of(filters: Sequence[Filter]) -> list[Document]:
    """Filters as a request has them."""
    return [{"id": one} if isinstance(one, str) else dict(one) for one in filters]


def parameters_of(variant: Variant, dialect: Dialect) -> Document:
    """`requestParameters` that ask for a variant."""
    return {"g_variant": variant.parameters} if dialect.nested else variant.parameters


def path_of(entry_type: str) -> str:
    """The path of an entry type, given as `individual` or as `individuals`; own ones as they are.

    Raises:
        ValueError: It can be no name of one.
    """
    if not _NAME.fullmatch(entry_type):
        raise ValueError(f"{entry_type!r} is no entry type; individuals would be one")
    return f"/{_PATHS.get(entry_type, entry_type)}"


def entry_type_of(name: str) -> str:
    """The id of an entry type, given as `individual` or as `individuals`."""
    return _TYPES.get(path_of(name)[1:], name)


def filters_given(filters: Sequence[Filter]) -> tuple[Filter, ...]:
    """Filters as a caller gives them; raises `ValueError` for one text instead of a list."""
    if isinstance(filters, str):
        raise ValueError(f"filters are a list: [{filters!r}]")
    return tuple(filters)
