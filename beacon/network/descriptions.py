"""The way in of what a member says of itself: its informational documents become `Metadata`.

Whatever a document has that it should not have is passed over: a member that describes itself
badly is asked as if it had said nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from sys import intern
from typing import Any
from urllib.parse import urlsplit

import msgspec

from beacon.framework.entry_types import Model
from beacon.framework.query import Granularity
from beacon.model.assemblies import canonical_assembly
from beacon.network.dialects import Dialect, dialect_of_version
from beacon.network.envelopes import is_deep
from beacon.network.members import Member
from beacon.network.metadata import DatasetAbout, Metadata, NamedOntology, ServedType
from beacon.network.states import MemberFailure, State
from beacon.network.vocabulary import ListedTerm

TERMS_MAX = 200_000
DATASETS_MAX = 10_000
INFO_BYTES = 64 * 1024
"""A longer `/info` is read, but not repeated."""

_TEXT_MAX = 500
_VERSION = re.compile(r"/v2(\.\d+){0,2}(?=/)")
_TERM_TYPES = {"alphanumeric": "alphanumeric", "custom": "custom"}

Json = Mapping[str, Any]


def metadata_from(
    documents: Mapping[str, bytes],
    member: Member,
    model: Model,
    *,
    fetched_at: float,
    before: Metadata | None = None,
) -> Metadata:
    """What a member's documents say, by path (`/info`, `/map`, `/configuration`, …).

    Args:
        before: What was known; stands for documents that are not there now.

    Raises:
        MemberFailure: None of the documents is what it should be.
    """
    read = {path: document for path, body in documents.items() if (document := _read(body))}
    if not read:
        raise MemberFailure(State.BAD_RESPONSE, "nothing that it says of itself can be read")
    known: dict[str, Any] = {"fetched_at": fetched_at}
    for path, take in _TAKEN.items():
        if path in read:
            known.update(take(read[path], model))
    if len(documents.get("/info", b"")) > INFO_BYTES or is_deep(known.get("info") or {}):
        known["info"] = None
    if before is None or "/map" in read:
        known["entry_types"] = _entry_types(read, model)
        known["dialect"] = _dialect(read, known.get("api_version"), member)
    return Metadata(**known) if before is None else msgspec.structs.replace(before, **known)


def _read(body: bytes) -> Json | None:
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(document, dict) or "error" in document:
        return None
    return document


def _from_info(document: Json, model: Model) -> dict[str, Any]:
    response, meta = _object(document, "response"), _object(document, "meta")
    organisation, info = _object(response, "organization"), _object(response, "info")
    assemblies, lifts = [], []
    for one in _objects(info, "assemblies"):
        name = canonical_assembly(_text(one, "assemblyId") or "")
        if name is not None:
            assemblies.append(name)
            lifts += [(name, other) for other in _texts(one, "questionsAreLiftedTo")]
    return {
        "beacon_id": _text(meta, "beaconId") or _text(response, "id"),
        "name": _text(response, "name"),
        "description": _text(response, "description"),
        "organisation": _text(organisation, "name"),
        "contact_url": _text(organisation, "contactUrl"),
        "version": _text(response, "version"),
        "environment": _text(response, "environment"),
        "api_version": _text(response, "apiVersion") or _text(meta, "apiVersion"),
        "updated_at": _text(response, "updateDateTime"),
        "assemblies": tuple(assemblies),
        "lifts": tuple(lifts),
        "is_network": _is_network(document, response),
        "info": document,
    }


def _is_network(document: Json, response: Json) -> bool:
    places = (document, response, _object(response, "info"))
    flags = ("isAggregated", "isAggregator", "isBeaconNetwork")
    return "responses" in document or any(
        place.get(flag) is True for place in places for flag in flags
    )


def _from_service_info(document: Json, model: Model) -> dict[str, Any]:
    extensions = _object(document, "extensions")
    most = _object(extensions, "batch").get("maxItems")
    return {
        "batch_max": most if type(most) is int and most > 0 else 0,
        "compares_cases": bool(_object(extensions, "match")),
        "expands_descendants": (
            _object(extensions, "filteringTerms").get("descendantsAreFound") is True
        ),
    }


def _from_configuration(document: Json, model: Model) -> dict[str, Any]:
    security = _object(_object(document, "response"), "securityAttributes")
    granularity = _text(security, "defaultGranularity")
    return {
        "default_granularity": next(
            (one for one in Granularity if one.wire == granularity and one > Granularity.NONE), None
        ),
        "security_levels": tuple(_texts(security, "securityLevels")),
    }


def _from_terms(document: Json, model: Model) -> dict[str, Any]:
    response = _object(document, "response")
    terms: dict[str, ListedTerm] = {}
    for one in _objects(response, "filteringTerms"):
        term_id = _text(one, "id")
        if term_id is None or len(terms) >= TERMS_MAX:
            continue
        scopes = tuple(
            intern(scope)
            for given in (*_texts(one, "scopes"), *_texts(one, "scope"))
            if (scope := model.canonical(given)) is not None
        )
        if term_id in terms:
            scopes = tuple(dict.fromkeys((*terms[term_id].scopes, *scopes)))
        terms[intern(term_id)] = ListedTerm(
            type=_TERM_TYPES.get(_text(one, "type") or "", "ontologyTerm"),
            label=intern(_text(one, "label") or ""),
            scopes=scopes,
            values=tuple(_texts(one, "values"))[:1000],
        )
    return {"terms": terms, "resources": tuple(_resources(response))}


def _resources(response: Json) -> Iterator[NamedOntology]:
    for one in _objects(response, "resources")[:1000]:
        resource_id = _text(one, "id")
        if resource_id is not None:
            yield NamedOntology(
                id=resource_id,
                name=_text(one, "name"),
                url=_text(one, "url"),
                version=_text(one, "version"),
                namespace_prefix=_text(one, "nameSpacePrefix") or _text(one, "namespacePrefix"),
                iri_prefix=_text(one, "iriPrefix"),
            )


def _from_datasets(document: Json, model: Model) -> dict[str, Any]:
    response = _object(document, "response")
    records = _objects(response, "collections")
    for result_set in _objects(response, "resultSets"):
        records += _objects(result_set, "results")
    datasets: dict[str, DatasetAbout] = {}
    for record in records[:DATASETS_MAX]:
        dataset = _dataset(record)
        if dataset is not None:
            datasets.setdefault(dataset.id, dataset)
    total = _object(document, "responseSummary").get("numTotalResults")
    is_whole = len(records) <= DATASETS_MAX and isinstance(total, int) and total <= len(records)
    return {"datasets": datasets, "has_all_datasets": bool(datasets) and is_whole}


def _dataset(record: Json) -> DatasetAbout | None:
    dataset_id = _text(record, "id")
    if dataset_id is None:
        return None
    info = _object(record, "info")
    named = (
        *_texts(record, "assemblyId"),
        *_texts(record, "assembly"),
        *_texts(info, "assemblyId"),
        *_texts(info, "assembly"),
        *_texts(info, "assemblies"),
    )
    found = (canonical_assembly(one) for one in named)
    uses = _objects(_object(record, "dataUseConditions"), "duoDataUse")
    return DatasetAbout(
        id=dataset_id,
        name=_text(record, "name"),
        description=_text(record, "description"),
        assemblies=tuple(dict.fromkeys(one for one in found if one is not None)),
        data_use=tuple(
            (term_id, _text(one, "label") or "")
            for one in uses[:100]
            if (term_id := _text(one, "id")) is not None
        ),
        updated_at=_text(record, "updateDateTime"),
    )


_TAKEN = {
    "/info": _from_info,
    "/service-info": _from_service_info,
    "/configuration": _from_configuration,
    "/filtering_terms": _from_terms,
    "/datasets": _from_datasets,
}


def _entry_types(read: Mapping[str, Json], model: Model) -> dict[str, ServedType]:
    """What the map serves; without a map, what the configuration or the entry types name."""
    defined: dict[str, Json] = {}
    for path in ("/entry_types", "/configuration"):
        entry_types = _object(_object(read.get(path, {}), "response"), "entryTypes")
        for name, definition in entry_types.items():
            entry_type = model.canonical(name)
            if entry_type is not None and isinstance(definition, dict):
                defined[entry_type] = definition
    found: dict[str, ServedType] = {}
    sets = _object(_object(read.get("/map", {}), "response"), "endpointSets")
    for name, endpoints in sets.items():
        if not isinstance(endpoints, dict):
            continue
        entry_type = model.canonical(_text(endpoints, "entryType") or name)
        if entry_type is None:
            continue
        listed_whole = defined.get(entry_type, {}).get("nonFilteredQueriesAllowed") is not False
        found[entry_type] = ServedType(
            id=entry_type,
            path=_last_part(_text(endpoints, "rootUrl")) or model.by_id(entry_type).path,
            linked=_linked(endpoints, model),
            listed_whole=listed_whole,
        )
    return found or {
        entry_type: ServedType(
            id=entry_type,
            path=model.by_id(entry_type).path,
            listed_whole=definition.get("nonFilteredQueriesAllowed") is not False,
        )
        for entry_type, definition in defined.items()
    }


def _linked(endpoints: Json, model: Model) -> dict[str, str] | None:
    linked = {}
    for name, endpoint in _object(endpoints, "endpoints").items():
        if isinstance(endpoint, dict):
            entry_type = model.canonical(_text(endpoint, "returnedEntryType") or name)
            path = _last_part(_text(endpoint, "url"))
            if entry_type is not None and path is not None:
                linked[entry_type] = path
    return linked or None


def _last_part(url: str | None) -> str | None:
    """Hosts in a map are never looked at: nothing is sent but below a member's own URL."""
    if url is None:
        return None
    try:
        path = urlsplit(url).path
    except ValueError:
        return None
    return path.rstrip("/").rpartition("/")[2] or None


def _dialect(read: Mapping[str, Json], api_version: str | None, member: Member) -> Dialect:
    dialect = dialect_of_version(api_version)
    # A version in all paths of the map that the member's own URL has not.
    sets = _object(_object(read.get("/map", {}), "response"), "endpointSets")
    roots = [
        url
        for endpoints in sets.values()
        if isinstance(endpoints, dict) and (url := _text(endpoints, "rootUrl")) is not None
    ]
    if not roots or any(_VERSION.search(f"{url}/") for url in member.urls):
        return dialect
    versions = {found[0][1:] for url in roots if (found := _VERSION.search(url))}
    if len(versions) == 1 and all(_VERSION.search(url) for url in roots):
        (version,) = versions
        return msgspec.structs.replace(dialect, api_version=version, version_in_path=True)
    return dialect


def _object(document: Json, key: str) -> Json:
    value = document.get(key)
    return value if isinstance(value, dict) else {}


def _objects(document: Json, key: str) -> list[Json]:
    value = document.get(key)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _text(document: Json, key: str) -> str | None:
    value = document.get(key)
    return value[:_TEXT_MAX] if isinstance(value, str) and value else None


def _texts(document: Json, key: str) -> list[str]:
    value = document.get(key)
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        return []
    return [one[:_TEXT_MAX] for one in value if isinstance(one, str) and one]
