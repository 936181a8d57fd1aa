"""Asking a beacon over HTTP, by turns as GET and as POST, which must mean the same."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient
from truth import Seen

Filter = dict[str, Any]
Open = Callable[..., Any]
"""Opens a beacon with some of the datasets, for as long as its context lasts."""


class Asker:
    """A client of one beacon that asks one of its datasets."""

    def __init__(
        self, client: TestClient[web.Request, web.Application], dataset_id: str, assembly: str
    ) -> None:
        self._client = client
        self._turns = itertools.cycle((False, True))
        self.dataset_id = dataset_id
        self.assembly = assembly

    async def result_set(
        self,
        path: str,
        parameters: dict[str, Any] | None = None,
        filters: Sequence[Filter] = (),
        *,
        granularity: str = "count",
        skip: int = 0,
        limit: int = 10,
    ) -> dict[str, Any]:
        """The result set of the dataset, hit or miss."""
        posted = next(self._turns) or any(len(one) > 1 and "operator" not in one for one in filters)
        if posted:
            query = {
                "requestParameters": parameters or {},
                "filters": list(filters),
                "requestedGranularity": granularity,
                "includeResultsetResponses": "ALL",
                "pagination": {"skip": skip, "limit": limit},
            }
            body = {"meta": {"apiVersion": "2.0"}, "query": query}
            asked = self._client.post(f"/api/{path}", json=body)
        else:
            flat = {
                name: ",".join(map(str, value)) if isinstance(value, list) else str(value)
                for name, value in (parameters or {}).items()
            }
            if filters:
                flat["filters"] = ",".join(_compact(one) for one in filters)
            flat |= {
                "requestedGranularity": granularity,
                "includeResultsetResponses": "ALL",
                "skip": str(skip),
                "limit": str(limit),
            }
            asked = self._client.get(f"/api/{path}", params=flat)
        async with asked as response:
            document = await response.json()
            if response.status != 200:
                raise AssertionError(f"{response.status} for {parameters} {filters}: {document}")
        sets = document["response"]["resultSets"]
        return next(one for one in sets if one["id"] == self.dataset_id)

    async def count(
        self,
        path: str,
        parameters: dict[str, Any] | None = None,
        filters: Sequence[Filter] = (),
    ) -> int:
        """How many there are; existence must say the same."""
        found = await self.result_set(path, parameters, filters)
        if found["exists"] is not (found["resultsCount"] > 0):
            raise AssertionError(f"exists and resultsCount disagree: {found}")
        return int(found["resultsCount"])

    async def records(
        self,
        path: str,
        parameters: dict[str, Any] | None = None,
        filters: Sequence[Filter] = (),
        *,
        skip: int = 0,
        limit: int = 10,
    ) -> list[dict[str, Any]]:
        """One page of records."""
        found = await self.result_set(
            path, parameters, filters, granularity="record", skip=skip, limit=limit
        )
        results: list[dict[str, Any]] = found.get("results", [])
        return results

    async def all_records(
        self, path: str, parameters: dict[str, Any], filters: Sequence[Filter] = (), *, limit: int
    ) -> list[dict[str, Any]]:
        """All pages, one after the other."""
        gathered: list[dict[str, Any]] = []
        for skip in itertools.count():
            page = await self.records(path, parameters, filters, skip=skip, limit=limit)
            gathered += page
            if len(page) < limit:
                return gathered
        raise AssertionError

    def sequence(self, allele: Seen) -> dict[str, Any]:
        """The question for one allele as its file spells it."""
        return {
            "assemblyId": self.assembly,
            "referenceName": allele.chromosome,
            "start": [allele.pos - 1],
            "referenceBases": allele.ref,
            "alternateBases": allele.alt,
        }

    def range(self, chromosome: str, start: int, end: int) -> dict[str, Any]:
        """The question for an interval."""
        return {
            "assemblyId": self.assembly,
            "referenceName": chromosome,
            "start": [start],
            "end": [end],
        }


def frequencies(record: dict[str, Any]) -> tuple[int, int, int, int, int]:
    """Allele count and number, heterozygous, homozygous and hemizygous people of a record."""
    (population,) = record["frequencyInPopulations"]
    total = population["frequencies"][0]
    return (
        total["alleleCount"],
        total["alleleNumber"],
        total["alleleCountHeterozygous"],
        total["alleleCountHomozygous"],
        total["alleleCountHemizygous"],
    )


def expected_frequencies(allele: Seen) -> tuple[int, int, int, int, int]:
    """The same by brute force."""
    return (
        allele.count,
        allele.number,
        allele.heterozygous,
        allele.homozygous,
        allele.hemizygous,
    )


def _compact(one: Filter) -> str:
    return f"{one['id']}:{one['operator']}{one['value']}" if "operator" in one else str(one["id"])
