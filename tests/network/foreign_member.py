"""A beacon that is not ours: version 2.0, with flat parameters and answers without result sets."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import web

from tests.network.fake_members import Document, FakeMember, Received

BEACON_ID = "org.foreign.beacon"
VERSION = "v2.0.0"

_NAMES = re.compile(r"(?:\d|1\d|2[0-2]|X|Y|MT)")
_PLACE = ("referenceName", "start", "referenceBases", "alternateBases", "assemblyId")
_RANK = ("boolean", "count", "record")


class Refused(Exception):
    """A question that it does not answer, with the status that says so."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Foreign:
    """How it answers. It passes over whatever it does not know, and is asked for everything then.

    Attributes:
        alleles: Dataset → `17-7577120-G-A` → carriers. Positions are 0-based.
        people: Dataset → id of a filter → people.
        most: The granularity that it answers at most.
        names_sets: Whether counts come with result sets; without, only records do.
        refusals: Whether errors have a status of their own or come with 200.
        verbs: What it answers to.
    """

    alleles: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    people: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    most: Literal["boolean", "count", "record"] = "record"
    names_sets: bool = False
    refusals: Literal["by status", "by code"] = "by status"
    verbs: Sequence[str] = ("GET", "POST")

    async def answer(
        self, fake: FakeMember, received: Received, request: web.BaseRequest
    ) -> web.StreamResponse:
        try:
            if received.method not in self.verbs:
                raise Refused(405, "Method Not Allowed")
            return web.json_response(self._document(received))
        except Refused as refused:
            status = 200 if self.refusals == "by code" else refused.status
            error = {"errorCode": refused.status, "errorMessage": str(refused)}
            return web.json_response({"meta": _meta("boolean"), "error": error}, status=status)

    def _document(self, received: Received) -> Document:
        path = received.path.removeprefix(f"/{VERSION}")
        query, parameters = _asked(received)
        asked = query.get("requestedGranularity", "boolean")
        if asked not in _RANK:
            raise Refused(400, f"{asked} is not a valid granularity")
        granularity = min(asked, self.most, key=_RANK.index)
        match path:
            case "/datasets":
                return _listed(self.alleles.keys() | self.people.keys())
            case "/g_variants":
                counts = self._variants(parameters)
            case "/individuals":
                counts = self._people(query.get("filters") or [], parameters)
            case _:
                raise Refused(404, f"{path} was not found at https://foreign.example.org:5050/api")
        total = sum(counts.values())
        summary: Document = {"exists": total > 0, "numTotalResults": total}
        if granularity == "boolean":
            del summary["numTotalResults"]
        document: Document = {
            "meta": _meta(granularity),
            "responseSummary": summary,
            "info": None,
            "beaconHandovers": None,
        }
        if granularity == "record" or self.names_sets:
            include = query.get("includeResultsetResponses", "HIT")
            document["response"] = {
                "resultSets": [
                    _result_set(name, count, granularity)
                    for name, count in counts.items()
                    if include == "ALL" or (include == "HIT" and count)
                ]
            }
        return document

    def _variants(self, parameters: Mapping[str, Any]) -> dict[str, int]:
        return {
            name: sum(1 for one, _ in _fitting(alleles, parameters))
            for name, alleles in self.alleles.items()
        }

    def _people(
        self, filters: Sequence[Mapping[str, Any]], parameters: Mapping[str, Any]
    ) -> dict[str, int]:
        if filters:
            ids = [one["id"] for one in filters]
            return {
                name: min(people.get(one, 0) for one in ids) for name, people in self.people.items()
            }
        return {
            name: sum(count for _, count in _fitting(alleles, parameters))
            for name, alleles in self.alleles.items()
        }


def foreign_member(behaviour: Foreign) -> FakeMember:
    """Such a beacon, to be served as any other of the fake ones."""
    return FakeMember(BEACON_ID, behaviour, api_version=VERSION)


def _asked(received: Received) -> tuple[dict[str, Any], dict[str, Any]]:
    """What it reads of a request: options, and the parameters that it knows."""
    if received.method == "GET":
        query: dict[str, Any] = dict(received.query)
        parameters: Any = query
        if "filters" in query:
            query["filters"] = [{"id": one} for one in query["filters"].split(",")]
    else:
        query = json.loads(received.body).get("query", {})
        parameters = query.get("requestParameters", {})
    known = {name: parameters[name] for name in _PLACE if name in parameters}
    reference_name = known.get("referenceName", "1")
    if not _NAMES.fullmatch(str(reference_name)):
        raise Refused(400, f"'{reference_name}' must be a number between 1-22, X, Y or MT")
    if "referenceName" in known and "assemblyId" not in known:
        raise Refused(400, "assemblyId is required")
    return query, known


def _fitting(alleles: Mapping[str, int], parameters: Mapping[str, Any]) -> list[tuple[str, int]]:
    start = parameters.get("start")
    wanted = (
        parameters.get("referenceName"),
        start[0] if isinstance(start, list) else start,
        parameters.get("referenceBases"),
        parameters.get("alternateBases"),
    )
    return [
        (name, count)
        for name, count in alleles.items()
        if all(
            asked is None or str(asked) == part
            for asked, part in zip(wanted, name.split("-"), strict=True)
        )
    ]


def _meta(granularity: str) -> Document:
    """As that version has it, with parameters echoed in any shape."""
    return {
        "beaconId": BEACON_ID,
        "apiVersion": VERSION,
        "returnedGranularity": granularity,
        "returnedSchemas": [{"entityType": "genomicVariation", "schema": "beacon-g_variant-v2"}],
        "receivedRequestSummary": {"requestParameters": [], "filters": [], "pagination": None},
        "testMode": None,
    }


def _listed(names: Collection[str]) -> Document:
    collections = [{"id": name, "name": f"Dataset {name}"} for name in sorted(names)]
    return {
        "meta": _meta("record"),
        "responseSummary": {"exists": bool(names), "numTotalResults": len(names)},
        "response": {"collections": collections},
        "info": None,
    }


def _result_set(name: str, count: int, granularity: str) -> Document:
    found: Document = {
        "id": name,
        "setType": "dataset",
        "exists": count > 0,
        "resultsCount": count,
        "results": [],
        "resultsHandover": None,
        "info": {},
    }
    if granularity == "boolean":
        del found["resultsCount"]
    if granularity == "record":
        found["results"] = [{"variantInternalId": f"{name}:{n}"} for n in range(count)]
    return found
