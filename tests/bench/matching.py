"""How long a case takes among as many people as there may be, and how well it is matched.

python -m tests.bench.matching --people 1000000
python -m tests.bench.matching --cases phenopacket-store.jsonl.gz --held-out 400
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from random import Random

import numpy as np
import rich.console
import rich.table

from beacon.framework.query import Case
from beacon.load import packages
from beacon.model.ontology import Ontology
from beacon.model.phenotypes import Phenotypes
from beacon.mongo.embedded import embedded_mongod
from beacon.mongo.features import Column, Features
from beacon.mongo.phenotype_scores import PhenotypeScores, TermColumns
from tests.bench.published_cases import study

FEATURES = 12
"""That somebody has on average."""


def main() -> None:
    """Print the figures as tables."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.matching",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--people", type=int, default=0, help="synthetic people to compare with")
    parser.add_argument("--cases", type=Path, help="published cases, as phenopackets, one a line")
    parser.add_argument("--held-out", type=int, default=400, help="cases that are looked up")
    given = parser.parse_args()
    if given.people:
        _print(f"{given.people:,} people, {FEATURES} features each", scale(given.people))
    if given.cases:
        for by_gene in (True, False):
            with (
                tempfile.TemporaryDirectory(prefix="beacon-bench-") as folder,
                embedded_mongod(Path(folder)) as uri,
            ):
                figures = study(uri, given.cases, Path(folder), given.held_out, by_gene=by_gene)
            how = "genes take turns" if by_gene else "each case as likely"
            _print(f"{given.held_out} published cases held out, {how}", figures)


def _print(title: str, figures: dict[str, float]) -> None:
    table = rich.table.Table(title=title)
    table.add_column("")
    table.add_column("", justify="right")
    for name, value in figures.items():
        table.add_row(name, f"{value:.3g}")
    rich.console.Console().print(table)


def scale(people: int) -> dict[str, float]:
    """Processor time for all of so many people, without the database, in one thread."""
    (ontology,) = (one.read() for one in packages.ontologies() if one.prefix == "HP")
    features = synthetic(people, ontology)
    begun = time.thread_time()
    columns = TermColumns(features, ontology)
    prepared = time.thread_time() - begun
    rng = Random(2)
    seconds = []
    for least in (0.2, 0.4):
        times = []
        for _ in range(7):
            case = case_of(features, rng.randrange(people))
            begun = time.thread_time()
            phenotypes = Phenotypes(case.features, case.excluded, ontology)
            PhenotypeScores(columns, phenotypes).similarities(least)
            times.append(time.thread_time() - begun)
        seconds.append(statistics.median(times))
    return {
        "s to prepare, once": prepared,
        "ms a case, phenotype": seconds[0] * 1e3,
        "ms a case, phenotype and candidates": seconds[1] * 1e3,
        "MB of features": (features.present.terms.nbytes + features.absent.terms.nbytes) / 1e6,
    }


def synthetic(people: int, ontology: Ontology) -> Features:
    """People whose features are as often as those of diseases are."""
    terms = [one for one in ontology.terms if ontology.described.get(one)]
    shares = np.array([ontology.described[one] for one in terms], float) ** 0.7
    rng = np.random.default_rng(1)

    def column(mean: float) -> Column:
        sizes = rng.poisson(mean, people)
        ends = np.concatenate([[0], np.cumsum(sizes)])
        chosen = rng.choice(len(terms), int(ends[-1]), p=shares / shares.sum())
        return Column(ends.astype(np.int64), chosen.astype(np.int32))

    return Features(tuple(terms), column(FEATURES), column(FEATURES / 2))


def case_of(features: Features, ordinal: int) -> Case:
    """A case with the features of one of them."""
    present, absent = features.of(ordinal)
    return Case(
        features=tuple(sorted(set(present))),
        excluded=tuple(sorted(set(absent) - set(present))),
    )


if __name__ == "__main__":
    main()
