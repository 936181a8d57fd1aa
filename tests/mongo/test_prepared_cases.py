"""What cases need of a dataset is made ready before the first, and bands are asked together."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random
from typing import Any

import pytest

from beacon.framework import matching
from beacon.framework.access import EVERYTHING
from beacon.framework.matching import MatchRequest
from beacon.mongo import similar
from beacon.mongo.sink import MongoSink
from beacon.mongo.store import MongoStore
from tests.contract.test_cases_agree import ONTOLOGIES, case, cohort
from tests.contract.test_sources_agree import load
from tests.privacy.test_budget import opened, stored

__all__ = ["opened", "stored"]


@pytest.fixture
def filled(stored: Any, tmp_path: Path) -> None:
    sink = MongoSink(stored, grace_s=0)
    for ontology in ONTOLOGIES:
        sink.put_ontology(ontology)
    load(sink, "d1", cohort(Random(3), "GRCh38"), tmp_path)


@pytest.mark.usefixtures("filled")
async def test_who_is_ready_has_put_features_into_columns(
    opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []
    original = similar.TermColumns
    loop, begun = asyncio.get_running_loop(), asyncio.Event()

    def counted(*given: Any) -> similar.TermColumns:
        made.append(given)
        loop.call_soon_threadsafe(begun.set)
        return original(*given)

    monkeypatch.setattr(similar, "TermColumns", counted)
    mongo = MongoStore(opened, refresh_s=0)
    await mongo.check()
    async with asyncio.timeout(240):
        await begun.wait()

    question = matching.queries(MatchRequest(case=of_features()))[-1]
    await mongo.search(question, EVERYTHING)
    await mongo.check()

    assert len(made) == 1


def of_features() -> Any:
    """A case of which phenotypes are compared."""
    rng = Random(5)
    while True:
        found = case(rng, {})
        if found.features:
            return found


@pytest.mark.usefixtures("filled")
async def test_bands_that_are_asked_together_are_those_asked_one_by_one(opened: Any) -> None:
    mongo = MongoStore(opened, refresh_s=0)
    rng, records = Random(7), {"d1": cohort(Random(3), "GRCh38")}
    for _ in range(20):
        bands = matching.queries(MatchRequest(case=case(rng, records)))
        together = await mongo.search_together(bands, EVERYTHING)

        assert together == [await mongo.search(one, EVERYTHING) for one in bands]
