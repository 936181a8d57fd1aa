"""The OpenAPI description of what is served, self-contained, from the same table as the routes."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any
from urllib.parse import urldefrag

from beacon.framework import extensions
from beacon.framework.batch import ID_MAX_CHARACTERS
from beacon.framework.entry_types import Endpoint, Model, endpoints
from beacon.framework.extensions import EVENT_STREAM, NDJSON, Extensions
from beacon.framework.parameters import GET_LISTS
from beacon.framework.query import Granularity, Include
from beacon.framework.response import Identity

Document = dict[str, Any]

_RESPONSES = {
    "/": "beaconInfoResponse",
    "/info": "beaconInfoResponse",
    "/service-info": "beaconServiceInfo",
    "/configuration": "beaconConfigurationResponse",
    "/entry_types": "beaconEntryTypesResponse",
    "/map": "beaconMapResponse",
    "/filtering_terms": "beaconFilteringTermsResponse",
}
_ERROR = "responses/beaconErrorResponse.json"
_TERMS = "responses/beaconFilteringTermsResponse.json"
_BODY = "requests/beaconRequestBody.json"

_TEXT: Document = {"type": "string", "minLength": 1}
_NATURAL: Document = {"type": "integer", "format": "int64", "minimum": 0, "maximum": 2**63 - 1}
_BASES: Document = {"type": "string", "pattern": "^[ACGTUNRYSWKMBDHV]*$"}
_NAMES: Document = {"type": "array", "items": {"type": "string", "pattern": "^[^,]+$"}}
_POSITIONS: Document = {"type": "array", "items": _NATURAL, "minItems": 1, "maxItems": 2}

_PAGE: Mapping[str, tuple[str, Document]] = {
    "skip": ("Pages to leave out.", {**_NATURAL, "maximum": 2**31 - 1, "default": 0}),
    "limit": ("Records of each result set in a page; 0 is as many as allowed.", _NATURAL),
}
_TEST: Mapping[str, tuple[str, Document]] = {
    "testMode": ("Answer from synthetic records.", {"type": "boolean", "default": False}),
}
_QUERY: Mapping[str, tuple[str, Document]] = {
    "apiVersion": ("The version that the client speaks.", _TEXT),
    "requestedSchema": ("The schema that records are wanted in.", _TEXT),
    **_PAGE,
    **_TEST,
    "requestedGranularity": (
        "How much to tell, at most.",
        {"type": "string", "enum": [one.wire for one in Granularity if one]},
    ),
    "includeResultsetResponses": (
        "Which result sets to show.",
        {"type": "string", "enum": [one.value for one in Include], "default": "HIT"},
    ),
    "datasetIds": ("Only these datasets.", _NAMES),
    "filters": ("Term ids, or id:operatorvalue as in `age:>P70Y`; joined by AND.", _NAMES),
    "assemblyId": ("Such as `GRCh38`; a RefSeq accession says it by itself.", _TEXT),
    "referenceName": ("A chromosome, such as `refseq:NC_000017.11` or `17`.", _TEXT),
    "start": ("0-based, inclusive; two values bracket the start.", _POSITIONS),
    "end": ("0-based, exclusive; two values bracket the end.", _POSITIONS),
    "referenceBases": ("Bases of the reference; `N` is any one base.", _BASES),
    "alternateBases": ("Bases instead of them; `N` is any one base.", _BASES),
    "variantType": ("Such as `DEL`, or a term of EFO or SO.", _TEXT),
    "variantMinLength": ("Bases, inclusive.", _NATURAL),
    "variantMaxLength": ("Bases, inclusive.", {**_NATURAL, "minimum": 1}),
    "geneId": ("A gene symbol (HGNC).", _TEXT),
    "aminoacidChange": ("In one-letter form, such as `V600E`.", _TEXT),
    "genomicAlleleShortForm": ("A HGVS description.", _TEXT),
}
_SCHEMA_PARAMETER: Mapping[str, tuple[str, Document]] = {
    "requestedSchema": ("`ga4gh-service-info-v1.0` for that form of the description.", _TEXT),
}
_ID = [{"name": "id", "in": "path", "required": True, "schema": _TEXT}]
_NUMBER: Document = {"type": "integer", "minimum": 0, "maximum": 10**9 - 1, "default": 0}
_WAITING = [
    {
        "name": "Prefer",
        "in": "header",
        "description": "`wait=3`: answer within 3 seconds (RFC 7240).",
        "schema": {"type": "string", "pattern": "^wait=[1-9][0-9]{0,5}$"},
    },
    {
        "name": "Beacon-Deadline-Ms",
        "in": "header",
        "description": "Milliseconds that are left for the answer.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 10**9 - 1},
    },
]
_FLAG: Document = {"type": "boolean", "default": False}
_PARTS: Document = {one: {"schema": _TEXT} for one in (NDJSON, EVENT_STREAM)}
_RESULTS: Document = {
    "type": "object",
    "required": ["meta", "results", "complete", "items", "answered"],
    "properties": {
        "results": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id"],
                "properties": {
                    "id": {"type": "string"},
                    "responseSummary": {"type": "object"},
                    "response": {"type": "object"},
                    "info": {"type": "object"},
                    "error": {"type": "object"},
                },
            },
        },
        "complete": {"type": "boolean", "const": True},
        "items": {"type": "integer"},
        "answered": {"type": "integer"},
    },
}
_STATE: Document = {
    "type": "object",
    "required": ["state"],
    "properties": {
        "state": {"type": "string", "enum": ["hit", "miss", "notCovered", "unknown"]},
        "atLeast": {"type": "integer", "minimum": 1},
        "where": {"type": "string"},
        "followed": {"type": "boolean", "description": "Whether a new release is noticed."},
    },
}
_SUBSCRIPTION: Document = {
    "type": "object",
    "required": ["id", "status", "createdAt", "rightsHoldUntil", "asksAs", "question", "states"],
    "properties": {
        "id": _TEXT,
        "name": _TEXT,
        "status": {"type": "string", "enum": ["active", "paused", "expired"]},
        "reason": _TEXT,
        "problem": {"type": "object"},
        "asksAs": {"type": "string", "enum": ["caller", "network"]},
        "underBudget": {"type": "boolean"},
        "question": {"type": "object"},
        "states": {"type": "array", "items": _STATE},
        "webhook": {
            "type": "object",
            "required": ["url"],
            "properties": {
                "url": _TEXT,
                "secret": {"type": "string", "description": "Told once, when it is made."},
            },
        },
        "unread": {"type": "integer"},
    },
}
_INBOX: Document = {
    "type": "object",
    "required": ["notifications", "attention"],
    "properties": {
        "notifications": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id", "subscription", "at", "where", "from", "to", "read"],
                "properties": {"from": _STATE, "to": _STATE, "read": {"type": "boolean"}},
            },
        },
        "attention": {"type": "array", "items": {"type": "object"}},
    },
}


def openapi(
    model: Model,
    identity: Identity,
    schemas: Mapping[str, Mapping[str, Any]] | None = None,
    offered: Extensions = extensions.NONE,
) -> Document:
    """Every route, verb, parameter and body.

    Args:
        offered: What there is beyond the specification.
        schemas: JSON Schemas by their path below `/schemas/`, such as
            `responses/beaconErrorResponse.json`. They become components, and references between
            them (relative, or absolute below `/schemas/`) point to each other there. What is not
            among them is described as any object.
    """
    embedded = _embed(schemas or {}, identity.url("/schemas/"))
    paths: dict[str, Document] = {}
    for path, name in _RESPONSES.items():
        asked = {"/filtering_terms": {**_PAGE, **_TEST}, "/service-info": {}}
        parameters = asked.get(path, _SCHEMA_PARAMETER if path in ("/", "/info") else {})
        response = _reference(f"responses/{name}.json", embedded)
        summary = name.removeprefix("beacon").removesuffix("Response")
        paths[path] = {"get": _operation(path, "get", summary, parameters, response, embedded)}
    for endpoint in endpoints(model):
        paths[endpoint.pattern] = _path_item(endpoint, model, embedded, offered)
    paths.update(_extensions(model, embedded, offered))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": identity.name,
            "description": identity.description or "A GA4GH Beacon.",
            "version": identity.version,
            "x-beacon-api-version": identity.api_version,
        },
        "servers": [{"url": identity.url("")}],
        "paths": paths,
        "components": {
            "schemas": embedded,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
        # Signed in or not: some datasets are open, and what is not is left out.
        "security": [{}, {"bearer": []}],
    }


def _path_item(
    endpoint: Endpoint, model: Model, schemas: Mapping[str, Document], offered: Extensions
) -> Document:
    entry_type = model.by_id(endpoint.entry_type)
    summary = f"{entry_type.name}: {endpoint.kind.replace('_', ' ')}"
    item: Document = {}
    if "{id}" in endpoint.pattern:
        item["parameters"] = _ID
    if endpoint.kind == "filtering_terms":
        terms = _reference(_TERMS, schemas)
        parameters = {**_PAGE, **_TEST}
        get = _operation(endpoint.pattern, "get", summary, parameters, terms, schemas)
        return {**item, "get": get}
    is_list = bool(entry_type.collection_of) and endpoint.kind == "collection"
    full = "beaconCollectionsResponse" if is_list else "beaconResultsetsResponse"
    # Not `oneOf`: a fuller answer satisfies the schemas of the poorer ones as well.
    answers = ("beaconBooleanResponse", "beaconCountResponse", full)
    response = {"anyOf": [_reference(f"responses/{name}.json", schemas) for name in answers]}
    get = _operation(endpoint.pattern, "get", summary, _QUERY, response, schemas)
    post = _operation(endpoint.pattern, "post", summary, {}, response, schemas)
    post["requestBody"] = {"required": True, "content": _json(_reference(_BODY, schemas))}
    for operation in (get, post):
        operation["parameters"] += _WAITING
        if offered.streaming:
            operation["responses"]["200"]["content"] |= _PARTS
    return {**item, "get": get, "post": post}


def _extensions(
    model: Model, schemas: Mapping[str, Document], offered: Extensions
) -> Mapping[str, Document]:
    """The paths that the specification does not have."""
    paths: dict[str, Document] = {}
    if offered.batch_max:
        post = _operation(extensions.BATCH, "post", "Many questions at once", {}, _RESULTS, schemas)
        post["parameters"] += _WAITING
        post["requestBody"] = {"required": True, "content": _json(_batch(model, offered))}
        post["responses"]["200"]["content"] |= {NDJSON: {"schema": _TEXT}}
        paths[extensions.BATCH] = {"post": post}
    if offered.match:
        post = _operation(extensions.MATCH, "post", "People like a patient", {}, _OBJECT, schemas)
        post["parameters"] += _WAITING
        post["requestBody"] = {"required": True, "content": _json(_MATCH)}
        paths[extensions.MATCH] = {"post": post}
    if offered.streaming:
        after = {"after": ("The number of the last part that the client has.", _NUMBER)}
        get = _operation(extensions.QUESTION, "get", "More parts of an answer", after, {}, schemas)
        get["responses"]["200"]["content"] = dict(_PARTS)
        get["responses"]["204"] = {"description": "There will be no more."}
        paths[extensions.QUESTION] = {"parameters": _ID, "get": get}
    if offered.members:
        any_object = {"type": "object"}
        all_of_them = _operation(extensions.MEMBERS, "get", "Members", {}, any_object, schemas)
        one = _operation(extensions.MEMBER, "get", "One member", {}, any_object, schemas)
        paths[extensions.MEMBERS] = {"get": all_of_them}
        paths[extensions.MEMBER] = {"parameters": _ID, "get": one}
    if offered.subscriptions:
        paths.update(_standing(model, schemas))
    return paths


def _standing(model: Model, schemas: Mapping[str, Document]) -> Mapping[str, Document]:
    """The paths of standing questions: for callers with credentials alone."""

    def operation(
        path: str,
        verb: str,
        summary: str,
        response: Document,
        body: Document | None = None,
        parameters: Mapping[str, tuple[str, Document]] | None = None,
    ) -> Document:
        shown = {
            "type": "object",
            "required": ["meta", "response"],
            "properties": {"meta": {"type": "object"}, "response": response},
        }
        made = _operation(path, verb, summary, parameters or {}, shown, schemas)
        made["security"] = [{"bearer": []}]
        if body is not None:
            made["requestBody"] = {"required": True, "content": _json(body)}
        return made

    one = {
        "type": "object",
        "required": ["subscription"],
        "properties": {"subscription": _SUBSCRIPTION},
    }
    some = {
        "type": "object",
        "required": ["subscriptions"],
        "properties": {"subscriptions": {"type": "array", "items": _SUBSCRIPTION}},
    }
    asked = {
        "type": "object",
        "required": ["query"],
        "additionalProperties": False,
        "properties": {
            "meta": {"type": "object", "description": "As in every question."},
            "query": {"type": "object", "description": "As in every question."},
            "entryType": {"type": "string", "enum": [each.id for each in model.entry_types]},
            "name": {"type": "string", "maxLength": 200},
            "webhook": {
                "type": "object",
                "required": ["url"],
                "additionalProperties": False,
                "properties": {"url": {"type": "string", "format": "uri", "maxLength": 2000}},
            },
        },
    }
    wanted = {
        "type": "object",
        "required": ["status"],
        "additionalProperties": False,
        "properties": {"status": {"type": "string", "enum": ["paused", "active"]}},
    }
    read = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "read": {"type": "array", "items": _TEXT},
            "all": {"type": "boolean"},
        },
    }
    every, each, inbox = extensions.SUBSCRIPTIONS, extensions.SUBSCRIPTION, extensions.INBOX
    create = operation(every, "post", "Let a question stand", one, asked)
    create["responses"]["201"] = create["responses"].pop("200")
    delete = operation(each, "delete", "Delete a standing question", one)
    delete["responses"]["204"] = {"description": "It is gone, with what it told."}
    del delete["responses"]["200"]
    unread = {"unread": ("Leave out what is marked as read.", _FLAG)}
    return {
        every: {
            "get": operation(every, "get", "Standing questions", some),
            "post": create,
        },
        inbox: {
            "get": operation(
                inbox, "get", "What standing questions told", _INBOX, parameters=unread
            ),
            "post": operation(inbox, "post", "Mark as read", _INBOX, read),
        },
        each: {
            "parameters": _ID,
            "get": operation(each, "get", "A standing question", one),
            "patch": operation(each, "patch", "Pause, resume or renew one", one, wanted),
            "delete": delete,
        },
    }


_OBJECT: Document = {"type": "object"}

_STRINGS: Document = {"type": "array", "items": {"type": "string"}}

_MATCH: Document = {
    "type": "object",
    "required": ["query"],
    "properties": {
        "meta": _OBJECT,
        "query": {
            "type": "object",
            "description": "With either a case or a phenopacket.",
            "properties": {
                "case": {
                    "type": "object",
                    "properties": {
                        "features": {
                            "type": "array",
                            "items": {
                                "type": "object",
                                "required": ["id"],
                                "properties": {
                                    "id": {"type": "string"},
                                    "excluded": {"type": "boolean"},
                                },
                            },
                        },
                        "genes": _STRINGS,
                        "variants": {"type": "array", "items": _OBJECT},
                    },
                },
                "phenopacket": _OBJECT,
                "datasets": _STRINGS,
                "requestedGranularity": {"enum": ["boolean", "count", "record"]},
                "pagination": {
                    "type": "object",
                    "properties": {"limit": {"type": "integer", "minimum": 1}},
                },
            },
        },
    },
}
"""The body of a request to `/match`."""


def _batch(model: Model, offered: Extensions) -> Document:
    """The body of a batch."""
    item = {
        "type": "object",
        "required": ["id"],
        "properties": {
            "id": {"type": "string", "minLength": 1, "maxLength": ID_MAX_CHARACTERS},
            "requestParameters": {"type": "object"},
            "filters": {"type": "array", "items": {"type": "object"}},
        },
    }
    return {
        "type": "object",
        "required": ["items"],
        "properties": {
            "meta": {"type": "object", "description": "As in every question."},
            "query": {"type": "object", "description": "What all questions share."},
            "entryType": {"type": "string", "enum": [one.id for one in model.entry_types]},
            "items": {"type": "array", "items": item, "maxItems": offered.batch_max},
        },
    }


def _operation(
    pattern: str,
    verb: str,
    summary: str,
    parameters: Mapping[str, tuple[str, Document]],
    response: Document,
    schemas: Mapping[str, Document],
) -> Document:
    words = [part.strip("{}").replace("-", "_") for part in pattern.split("/") if part]
    return {
        "operationId": "_".join([verb, *(words or ["root"])]),
        "summary": summary,
        "parameters": [_parameter(name, *row) for name, row in parameters.items()],
        "responses": {
            "200": {"description": "The answer.", "content": _json(response)},
            "default": {
                "description": "An error, and what would be right.",
                "content": _json(_reference(_ERROR, schemas)),
            },
        },
    }


def _parameter(name: str, description: str, schema: Document) -> Document:
    parameter: Document = {"name": name, "in": "query", "description": description}
    parameter["schema"] = schema
    if name in GET_LISTS:
        parameter |= {"style": "form", "explode": False}
    return parameter


def _json(schema: Document) -> Document:
    return {"application/json": {"schema": schema}}


def _reference(path: str, schemas: Mapping[str, Document]) -> Document:
    name = _component(path)
    return {"$ref": f"#/components/schemas/{name}"} if name in schemas else {"type": "object"}


def _component(path: str) -> str:
    return path.removesuffix(".json").replace("/", ".")


def _embed(schemas: Mapping[str, Mapping[str, Any]], root: str) -> dict[str, Document]:
    names = {path: _component(path) for path in schemas}
    return {names[path]: _relocate(schema, path, names, root) for path, schema in schemas.items()}


def _relocate(value: Any, path: str, names: Mapping[str, str], root: str) -> Any:
    """The schema at `path` with its references to the others turned into component references."""
    if isinstance(value, list):
        return [_relocate(one, path, names, root) for one in value]
    if not isinstance(value, Mapping):
        return value
    relocated = {}
    for key, one in value.items():
        if key == "$ref" and isinstance(one, str):
            relocated[key] = _relocate_reference(one, path, names, root)
        elif not (key in ("$id", "$schema") and isinstance(one, str)):
            # An identifier of its own would make references relative to it again.
            relocated[key] = _relocate(one, path, names, root)
    return relocated


def _relocate_reference(reference: str, path: str, names: Mapping[str, str], root: str) -> str:
    target, fragment = urldefrag(reference)
    if target.startswith(root):
        target = target.removeprefix(root)
    elif target:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    name = names.get(target or path)
    return reference if name is None else f"#/components/schemas/{name}{fragment}"
