"""The way out: a `Query` becomes the GET or the POST request that is read as the same `Query`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from beacon.framework.entry_types import Model
from beacon.framework.errors import InvalidRequest
from beacon.framework.parameters import (
    request_parameters,
    requested_schemas,
    token_of_filter,
    variation_parameters,
)
from beacon.framework.query import (
    Filter,
    Include,
    Query,
    Similarity,
)


def encode_get(query: Query, model: Model) -> tuple[str, list[tuple[str, str]]]:
    """The path (percent-encoded) and parameters (not encoded) that `decode_get` reads as `query`.

    Raises:
        InvalidRequest: Only a POST can say it, such as a filter with a scope.
    """
    pairs = [("apiVersion", query.api_version)]
    if query.requested_schemas:
        schemas = [
            one.schema if one.entity_type is None else None for one in query.requested_schemas
        ]
        pairs.append(("requestedSchemas", _joined("requestedSchemas", schemas)))
    if query.variation is not None:
        for name, value in variation_parameters(query.variation).items():
            text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
            pairs.append((name, text))
    if query.dataset_ids:
        pairs.append(("datasetIds", _joined("datasetIds", query.dataset_ids)))
    if filters := (*query.filters, *query.population_filters):
        pairs.append(("filters", _joined("filters", map(token_of_filter, filters))))
    if query.include_given or query.include is not Include.HIT:
        pairs.append(("includeResultsetResponses", query.include.value))
    pairs += [
        ("skip", str(query.pagination.skip)),
        ("limit", str(query.pagination.limit)),
        ("requestedGranularity", query.granularity.wire),
    ]
    if query.test_mode:
        pairs.append(("testMode", "true"))
    return _path(query, model), pairs


def encode_post(query: Query, model: Model) -> tuple[str, dict[str, Any]]:
    """The path (percent-encoded) and JSON body that `decode_post` reads as `query`."""
    pagination = {"skip": query.pagination.skip, "limit": query.pagination.limit}
    asked: dict[str, Any] = {
        "pagination": pagination,
        "requestedGranularity": query.granularity.wire,
        "testMode": query.test_mode,
    }
    if parameters := request_parameters(query):
        asked["requestParameters"] = parameters
    if query.filters or query.population_filters:
        filters = (*query.filters, *query.population_filters)
        asked["filters"] = [_encode_filter(one) for one in filters]
    if query.include_given or query.include is not Include.HIT:
        asked["includeResultsetResponses"] = query.include.value
    meta = {
        "apiVersion": query.api_version,
        "requestedSchemas": requested_schemas(query.requested_schemas),
    }
    return _path(query, model), {"meta": meta, "query": asked}


def _path(query: Query, model: Model) -> str:
    path = model.by_id(query.entry_type).path
    if query.within is not None:
        root = model.by_id(query.within.entry_type).path
        return f"/{root}/{quote(query.within.id, safe='')}/{path}"
    if query.entry_id is not None:
        return f"/{path}/{quote(query.entry_id, safe='')}"
    return f"/{path}"


def _joined(name: str, values: Iterable[str | None]) -> str:
    texts = list(values)
    found = [text for text in texts if text and "," not in text and text == text.strip()]
    if len(found) < len(texts):
        raise InvalidRequest(f"{name} cannot be said in a GET request; use POST")
    return ",".join(found)


def _encode_filter(asked: Filter) -> dict[str, Any]:
    encoded: dict[str, Any] = {"id": asked.id}
    if not asked.include_descendant_terms:
        encoded["includeDescendantTerms"] = False
    if asked.similarity is not Similarity.EXACT:
        encoded["similarity"] = asked.similarity.value
    if asked.operator is not None:
        encoded |= {"operator": asked.operator.value, "value": asked.value}
    if asked.scope is not None:
        encoded["scope"] = asked.scope
    return encoded
