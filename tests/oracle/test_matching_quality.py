"""Published cases that are held out lead to their gene or disease, more often than a baseline."""

from __future__ import annotations

from pathlib import Path

import pytest

from beacon.framework.query import BANDS
from tests.bench.published_cases import study

STORE = "phenopackets/phenopacket-store.jsonl.gz"
HELD_OUT = 60


@pytest.fixture(scope="module")
def figures(
    mongo_uri: str, data: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, float]:
    folder = tmp_path_factory.mktemp("published")
    return study(mongo_uri, data / STORE, folder, HELD_OUT, by_gene=True)


def test_features_alone_find_more_than_resnik_does(figures: dict[str, float]) -> None:
    assert figures["first, features"] >= figures["first, baseline"] + 0.03
    assert figures["in ten, features"] >= figures["in ten, baseline"]


def test_candidate_genes_find_nearly_all(figures: dict[str, float]) -> None:
    assert figures["first, features and ten genes"] >= 0.9
    assert figures["in ten, features and ten genes"] >= 0.95


def test_strangers_score_low(figures: dict[str, float]) -> None:
    assert figures["strangers, median"] == 0
    assert figures["strangers, 99 %"] < BANDS["good"]
