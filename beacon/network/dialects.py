"""The home of `Dialect`: how beacons of different makes and versions are spoken to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

import msgspec

from beacon.settings import DialectSettings, Naming, Shape, Verb

Prefix = Literal["", "chr", "refseq"]


class Dialect(msgspec.Struct, frozen=True, kw_only=True):
    """How a member wants to be asked. The default is what version 2.2 of the schemas says.

    Attributes:
        api_version: What is sent as `apiVersion`.
        verb: `GET` for a member that answers nothing else.
        nested: Whether variation parameters are in `requestParameters.g_variant` or, as many
            servers have it, in `requestParameters` itself.
        prefix: How sequences are called: `None` as the client calls them, `""` for `17`, `chr` for
            `chr17`, `refseq` for `refseq:NC_000017.11`.
        scalar_positions: Whether a single position is a number instead of a list of one.
        listed_datasets: Whether ids of datasets are a plain list in `requestParameters.datasets`.
        filters_as_text: Whether filters are strings, as in a GET, instead of objects.
        plural_scopes: Whether the scope of a filter is `individuals` instead of `individual`.
        openapi_names: Whether a GET has the names of the specification's OpenAPI documents,
            `geneid` and `allele`, instead of those of its schemas.
        version_in_path: Whether paths start with the version, `/v2.0.0/individuals`.
    """

    api_version: str = "v2.2.0"
    verb: Literal["GET", "POST"] = "POST"
    nested: bool = True
    prefix: Prefix | None = None
    scalar_positions: bool = False
    listed_datasets: bool = False
    filters_as_text: bool = False
    plural_scopes: bool = False
    openapi_names: bool = False
    version_in_path: bool = False


def dialect_of_version(api_version: str | None) -> Dialect:
    """What to assume of a member that tells no more than its version.

    The text of 2.0 left the shape of `requestParameters` open: servers of that time read flat ones
    and want `17` along with an assembly, which every other understands as well. A version that
    makes no sense is taken for the newest.
    """
    found = _VERSION.match(api_version or "")
    if api_version is None or found is None:
        return Dialect()
    if (int(found["major"]), int(found["minor"])) < (2, 1):
        return Dialect(api_version=api_version, nested=False, prefix="")
    return Dialect(api_version=api_version)


@lru_cache(maxsize=1024)
def spoken(declared: Dialect, settings: DialectSettings) -> Dialect:
    """The dialect of a member: what it declares, but where its settings know better."""
    found = msgspec.structs.replace(
        declared,
        verb="GET" if settings.verb is Verb.GET else declared.verb,
        scalar_positions=settings.scalar_positions,
        listed_datasets=settings.listed_datasets,
        filters_as_text=settings.filters_as_text,
        plural_scopes=settings.plural_scopes,
        openapi_names=settings.openapi_names,
    )
    if settings.parameters is not Shape.DECLARED:
        found = msgspec.structs.replace(found, nested=settings.parameters is Shape.NESTED)
    if settings.sequences is not Naming.DECLARED:
        found = msgspec.structs.replace(found, prefix=_PREFIXES[settings.sequences])
    return found


_PREFIXES: Mapping[Naming, Prefix] = {Naming.BARE: "", Naming.CHR: "chr", Naming.REFSEQ: "refseq"}
_VERSION = re.compile(r"v?(?P<major>\d{1,3})\.(?P<minor>\d{1,3})(?!\d)", re.ASCII)
