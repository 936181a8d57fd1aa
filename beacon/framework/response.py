"""The way out: answers and errors as the bytes that leave, in whichever form the question earned.

Every result set says for itself how much it tells: what is withheld has no key at all.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec

from beacon.framework.answer import Reported
from beacon.framework.disclosure import Disclosed, DisclosedSet
from beacon.framework.entry_types import Model
from beacon.framework.parameters import request_parameters, requested_schemas
from beacon.framework.query import Granularity, Include, Query


class Organisation(msgspec.Struct, frozen=True, kw_only=True):
    """Who runs the beacon. `url` is its web site, an absolute URL."""

    id: str
    name: str
    url: str
    description: str | None = None
    address: str | None = None
    contact_url: str | None = None
    logo_url: str | None = None


class Assembly(msgspec.Struct, frozen=True, kw_only=True):
    """What clients should know of how alleles on a reference assembly are kept and asked for.

    `lifted_to` are the assemblies of datasets that questions on this one are lifted to.
    """

    name: str
    indels_left_shifted: bool
    lifted_to: tuple[str, ...]


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who this beacon is, as it tells everybody.

    `beacon_id` is a reversed domain name, `base_url` the absolute URL under which the endpoints
    lie, `environment` one of `prod`, `test`, `dev` and `staging`, `version` that of the software.
    `security_levels` are `PUBLIC`, `REGISTERED` and `CONTROLLED`, as far as any dataset has them.
    `accepted_risks` are datasets that everybody knows of, and why they tell of fewer people than
    is usual. Times are RFC 3339.
    """

    beacon_id: str
    name: str
    base_url: str
    organisation: Organisation
    api_version: str = "v2.2.0"
    environment: str = "prod"
    version: str = "0"
    description: str | None = None
    welcome_url: str | None = None
    alternative_url: str | None = None
    documentation_url: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    default_granularity: Granularity = Granularity.BOOLEAN
    security_levels: tuple[str, ...] = ("CONTROLLED",)
    assemblies: tuple[Assembly, ...] = ()
    accepted_risks: tuple[tuple[str, str], ...] = ()

    def url(self, path: str) -> str:
        """The absolute URL of a path that starts with a slash."""
        return f"{self.base_url.rstrip('/')}{path}"


def encode_answer(disclosed: Disclosed, query: Query, identity: Identity, model: Model) -> bytes:
    """An answer as JSON.

    Plain boolean and count answers have no result sets, unless the client named the sets it wants
    or asked for records: then every set appears with as much as may be told of it.
    """
    meta = answer_meta(disclosed, query, identity, model)
    return encode({"meta": meta, **answer_parts(disclosed, query, identity, model)})


def answer_meta(
    disclosed: Disclosed, query: Query, identity: Identity, model: Model
) -> dict[str, Any]:
    """`meta` of an answer."""
    return {
        **_EntryTypeFacts.of(identity, model, query.entry_type).meta,
        "returnedGranularity": _WIRE[disclosed.granularity],
        "testMode": query.test_mode,
        "receivedRequestSummary": _request_summary(query),
    }


def answer_parts(
    disclosed: Disclosed, query: Query, identity: Identity, model: Model
) -> dict[str, Any]:
    """All of an answer but its `meta`: `responseSummary`, and `response` and `info` if any."""
    document: dict[str, Any] = {}
    is_collection = _EntryTypeFacts.of(identity, model, query.entry_type).is_collection
    is_list = is_collection and query.entry_id is None
    if disclosed.granularity is Granularity.RECORD or (
        _asks_for_sets(query, disclosed) and not is_list
    ):
        document["responseSummary"] = _summary(disclosed)
        document["response"] = _response(disclosed, is_collection, is_list)
    elif disclosed.total is not None:
        document["responseSummary"] = {
            "exists": disclosed.exists,
            "numTotalResults": disclosed.total,
            "countPrecision": disclosed.precision,
            **_adjusted(disclosed),
        }
    else:
        document["responseSummary"] = {"exists": disclosed.exists}
    if disclosed.info:
        document["info"] = disclosed.info
    return document


def encode_error(status: int, message: str, query: Query | None, identity: Identity) -> bytes:
    """An error as JSON; `query` is what was asked, when the request got that far.

    The schema wants the meta of an answer, whole, even where nothing was understood.
    """
    if query is None:
        summary: dict[str, Any] = {
            "apiVersion": identity.api_version,
            "requestedSchemas": [],
            "pagination": {},
            "requestedGranularity": _WIRE[identity.default_granularity],
        }
    else:
        summary = _request_summary(query)
    return encode(
        {
            "meta": {
                "beaconId": identity.beacon_id,
                "apiVersion": identity.api_version,
                "returnedSchemas": [],
                "returnedGranularity": _WIRE[Granularity.BOOLEAN],
                "receivedRequestSummary": summary,
            },
            "error": {"errorCode": status, "errorMessage": message},
        }
    )


def encode(document: Any) -> bytes:
    """A document as JSON without any null: Beacon leaves out what is not known."""
    encoded = _ENCODER.encode(document)
    # The word is rare, the walk is dear, and almost no document needs it.
    if b"null" in encoded:
        return _ENCODER.encode(_without_nulls(document))
    return encoded


_ENCODER = msgspec.json.Encoder()
_WIRE = {one: one.wire for one in Granularity}


class _EntryTypeFacts(msgspec.Struct, frozen=True):
    """What every answer about one entry type says alike."""

    meta: dict[str, Any]
    is_collection: bool

    @staticmethod
    @lru_cache(maxsize=64)
    def of(identity: Identity, model: Model, entry_type_id: str) -> _EntryTypeFacts:
        entry_type = model.by_id(entry_type_id)
        schema = identity.url(f"/schemas/{entry_type.schema_path}")
        return _EntryTypeFacts(
            meta={
                "beaconId": identity.beacon_id,
                "apiVersion": identity.api_version,
                "returnedSchemas": [{"entityType": entry_type_id, "schema": schema}],
            },
            is_collection=bool(entry_type.collection_of),
        )


def _asks_for_sets(query: Query, disclosed: Disclosed) -> bool:
    if query.include is Include.NONE:
        return False
    if query.include_given or query.granularity is Granularity.RECORD:
        return True
    # What several beacons said is worth little without saying which of them said what.
    return any(one.reported is not None for one in disclosed.result_sets)


def _request_summary(query: Query) -> dict[str, Any]:
    summary: dict[str, Any] = {
        "apiVersion": query.api_version,
        "requestedSchemas": requested_schemas(query.requested_schemas),
        "pagination": {"skip": query.pagination.skip, "limit": query.pagination.limit},
        "requestedGranularity": _WIRE[query.granularity],
        "includeResultsetResponses": query.include,
        "testMode": query.test_mode,
    }
    if query.filters or query.population_filters:
        summary["filters"] = [str(one) for one in (*query.filters, *query.population_filters)]
    if query.variation is not None or query.dataset_ids:
        summary["requestParameters"] = request_parameters(query)
    return summary


def _summary(disclosed: Disclosed) -> dict[str, Any]:
    summary: dict[str, Any] = {"exists": disclosed.exists}
    if disclosed.total is not None:
        summary["numTotalResults"] = disclosed.total
        if disclosed.precision != "exact":
            # Not among this section's own properties, but the sum would pass for exact without.
            summary["countPrecision"] = disclosed.precision
            summary |= _adjusted(disclosed)
    return summary


def _adjusted(told: Disclosed | DisclosedSet | Reported) -> dict[str, Any]:
    return {"countAdjustedTo": list(told.adjusted_to)} if told.adjusted_to else {}


def _response(disclosed: Disclosed, is_collection: bool, is_list: bool) -> dict[str, Any]:
    if is_list:
        return {"collections": _records(disclosed)}
    response: dict[str, Any] = {"resultSets": [_result_set(one) for one in disclosed.result_sets]}
    if is_collection and disclosed.granularity is Granularity.RECORD:
        # One dataset or cohort: the specification says result sets, its implementers collections.
        response["collections"] = _records(disclosed)
    return response


def _records(disclosed: Disclosed) -> list[Any]:
    return [record for one in disclosed.result_sets for record in one.records or ()]


def _result_set(disclosed: DisclosedSet) -> dict[str, Any]:
    result_set: dict[str, Any] = {
        "id": disclosed.dataset_id,
        "setType": "dataset",
        "exists": disclosed.exists,
    }
    reported = disclosed.reported
    if reported is not None:
        result_set["beaconId"] = reported.beacon_id
        result_set["setType"] = reported.set_type
        if reported.handovers is not None:
            result_set["resultsHandovers"] = reported.handovers
    if disclosed.count is not None:
        result_set["resultsCount"] = disclosed.count
        result_set["countPrecision"] = (
            disclosed.precision if reported is None else reported.precision
        )
        result_set |= _adjusted(disclosed)
        if reported is not None and reported.adjusted_to:
            result_set["countAdjustedTo"] = list(reported.adjusted_to)
    if disclosed.records is not None:
        result_set["results"] = disclosed.records
    elif reported is not None:
        # Clients of beacon networks read version 2.1, where the list is required.
        result_set["results"] = []
    if disclosed.info:
        result_set["info"] = disclosed.info
    return result_set


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(one) for key, one in value.items() if one is not None}
    if isinstance(value, list | tuple):
        return [_without_nulls(one) for one in value if one is not None]
    return value
