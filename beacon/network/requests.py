"""The way to a member: a `Query` becomes the request that its dialect of Beacon wants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from beacon.framework.entry_types import Model
from beacon.framework.errors import InvalidRequest
from beacon.framework.parameters import token_of_filter
from beacon.framework.query import Granularity, Include, Pagination, Query, VariationQuery
from beacon.framework.request_encoding import encode_get, encode_post
from beacon.model.assemblies import asked_assembly, chromosome, refseq
from beacon.network.dialects import Dialect, Prefix
from beacon.network.states import MemberFailure, State

SUMMARY_BYTES = 256 * 1024
"""The longest answer without records that is read."""

RECORDS_BYTES = 8 * 1024 * 1024
"""The longest page of records that is read."""


class MemberRequest(msgspec.Struct, frozen=True, kw_only=True, cache_hash=True):
    """What is sent to a member.

    `target` is what comes after its base URL, percent-encoded: `/g_variants?start=1`. An answer
    that is longer than `limit_bytes` is not read to its end.
    """

    method: str
    target: str
    body: bytes | None = None
    limit_bytes: int = SUMMARY_BYTES
    accept: str = "application/json"


def encode(query: Query, dialect: Dialect, model: Model) -> MemberRequest:
    """A question as a member of that dialect is asked it.

    All result sets are always asked for: who missed is as much of an answer as who hit. Nothing is
    left to a member's defaults, which differ.

    Raises:
        MemberFailure: The dialect cannot say it; `NOT_APPLICABLE`.
    """
    if _DOTS & {query.entry_id, None if query.within is None else query.within.id}:
        # In a path they would mean another one.
        raise MemberFailure(State.NOT_APPLICABLE, "can be asked for no entry of that id")
    asked = _asked(query, dialect, model)
    limit_bytes = RECORDS_BYTES if asked.granularity is Granularity.RECORD else SUMMARY_BYTES
    root = f"/{quote(dialect.api_version, safe='')}" if dialect.version_in_path else ""
    if dialect.verb == "GET":
        path, pairs = _encode_get(asked, dialect, model)
        target = f"{root}{path}?{urlencode(pairs, quote_via=quote)}"
        return MemberRequest(method="GET", target=target, limit_bytes=limit_bytes)
    path, body = encode_post(asked, model)
    return MemberRequest(
        method="POST",
        target=f"{root}{path}",
        body=msgspec.json.encode(_spoken(body, asked, dialect, model)),
        limit_bytes=limit_bytes,
    )


def _asked(query: Query, dialect: Dialect, model: Model) -> Query:
    granularity, pagination = query.granularity, query.pagination
    if granularity is Granularity.RECORD and not query.wants_records:
        if query.include is Include.NONE:
            granularity = Granularity.COUNT
        else:
            # Old servers name their result sets only along with records: one will do.
            pagination = Pagination(skip=0, limit=1)
    return msgspec.structs.replace(
        query,
        api_version=dialect.api_version,
        include=Include.ALL,
        include_given=True,
        granularity=granularity,
        pagination=pagination,
        # They are applied here: many a member would take them for conditions.
        population_filters=(),
        variation=_respelled(query.variation, dialect.prefix),
        # Some servers deliver the first entity that is named here, whatever the path says.
        requested_schemas=tuple(
            one
            for one in query.requested_schemas
            if one.entity_type is None or model.canonical(one.entity_type) == query.entry_type
        ),
    )


def _respelled(variation: VariationQuery | None, prefix: Prefix | None) -> VariationQuery | None:
    """The same question with sequences called otherwise, as far as they are known.

    An accession names the assembly, too, which has to be said apart when it is gone.
    """
    if variation is None or prefix is None or variation.reference_name is None:
        return variation
    try:
        assembly = asked_assembly(variation.reference_name, variation.assembly_id)
    except InvalidRequest:
        return variation
    mate_name = variation.mate_name
    return msgspec.structs.replace(
        variation,
        assembly_id=assembly,
        reference_name=_named(variation.reference_name, assembly, prefix),
        mate_name=None if mate_name is None else _named(mate_name, assembly, prefix),
    )


def _named(reference_name: str, assembly: str | None, prefix: Prefix) -> str:
    name = chromosome(reference_name)
    if name is None:
        return reference_name
    match prefix:
        case "refseq":
            return f"refseq:{refseq(assembly, name)}" if assembly else reference_name
        case "chr":
            return "chrM" if name == "MT" else f"chr{name}"
        case _:
            return name


def _encode_get(asked: Query, dialect: Dialect, model: Model) -> tuple[str, list[tuple[str, str]]]:
    try:
        path, pairs = encode_get(asked, model)
    except InvalidRequest as error:
        raise MemberFailure(State.NOT_APPLICABLE, "cannot be asked for so much by GET") from error
    if dialect.openapi_names:
        pairs = [(_OPENAPI_NAMES.get(name, name), value) for name, value in pairs]
    return path, pairs


def _spoken(
    body: Mapping[str, Any], asked: Query, dialect: Dialect, model: Model
) -> Mapping[str, Any]:
    """A body of version 2.2 in the member's dialect."""
    query = dict(body["query"])
    if parameters := query.get("requestParameters"):
        query["requestParameters"] = _parameters(parameters, dialect)
    if dialect.filters_as_text and asked.filters:
        tokens = [token_of_filter(one) for one in asked.filters]
        if None in tokens:
            raise MemberFailure(State.NOT_APPLICABLE, "takes only plain filters")
        query["filters"] = tokens
    elif dialect.plural_scopes and asked.filters:
        query["filters"] = [_with_plural(one, model) for one in query["filters"]]
    return {**body, "query": query}


def _parameters(nested: Mapping[str, Any], dialect: Dialect) -> dict[str, Any]:
    spoken = dict(nested)
    variation = spoken.pop("g_variant", None)
    if variation is not None:
        if dialect.scalar_positions:
            variation = {
                name: value[0] if isinstance(value, tuple) and len(value) == 1 else value
                for name, value in variation.items()
            }
        spoken = {"g_variant": variation, **spoken} if dialect.nested else {**variation, **spoken}
    if dialect.listed_datasets and "datasets" in spoken:
        spoken["datasets"] = spoken["datasets"]["datasetIds"]
    return spoken


def _with_plural(one: Mapping[str, Any], model: Model) -> Mapping[str, Any]:
    entry_type = model.canonical(one.get("scope", ""))
    return one if entry_type is None else {**one, "scope": model.by_id(entry_type).path}


_DOTS = frozenset({".", ".."})
_OPENAPI_NAMES = {"geneId": "geneid", "genomicAlleleShortForm": "allele"}
