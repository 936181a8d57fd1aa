"""Published cases, some of them held out: whether the others lead to their gene or disease."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pymongo

from beacon.framework.access import EVERYTHING
from beacon.framework.query import Case, Granularity, Pagination, Query
from beacon.load import packages
from beacon.load.phenopackets import load_phenopackets
from beacon.model import cases
from beacon.model.ontology import Ontology
from beacon.mongo.sink import MongoSink
from beacon.mongo.store import MongoStore

DATASET = "published"
DECOYS = 9
"""Candidate genes beside the right one."""

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Published:
    """A case as it was published."""

    id: str
    packet: dict[str, Any]
    case: Case
    answers: frozenset[str]
    """Its genes and diseases."""


@dataclass(frozen=True)
class Split:
    """Cases to look up, and those to look them up in."""

    held_out: Sequence[Published]
    known: Sequence[Published]


@dataclass(frozen=True)
class Hits:
    """Shares of cases whose gene or disease is that of the first, or of one of the first ten."""

    first: float
    in_ten: float


def read(path: Path) -> list[Published]:
    """The cases of a file of phenopackets, one a line."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        packets = [json.loads(line) for line in lines]
    found = []
    for packet in packets:
        case = cases.case_of_phenopacket(packet)
        diagnoses = [one.get("diagnosis", {}) for one in packet.get("interpretations", ())]
        diseases = {one["disease"]["id"] for one in diagnoses if "disease" in one}
        answers = frozenset((*case.genes, *diseases))
        found.append(Published(packet["id"], packet, case, answers))
    return found


def split(published: Sequence[Published], number: int, *, by_gene: bool, seed: int = 1) -> Split:
    """Hold some cases out whose gene others have, too.

    Args:
        published: All cases.
        number: How many to hold out.
        by_gene: Whether genes take turns, however many cases each has; else each case is as likely.
        seed: Of the choice.
    """
    rng = random.Random(seed)
    by_name: dict[str, list[Published]] = {}
    for one in published:
        for gene in one.case.genes:
            by_name.setdefault(gene, []).append(one)
    chosen: dict[str, Published] = {}
    if by_gene:
        left = {gene: rng.sample(those, len(those)) for gene, those in sorted(by_name.items())}
        while len(chosen) < number and left:
            for gene in rng.sample(sorted(left), len(left)):
                one = left[gene].pop()
                if len(left[gene]) <= 1:  # somebody must be left to be found
                    del left[gene]
                if one.case.features and len(left.get(gene, ())) and len(chosen) < number:
                    chosen[one.id] = one
    else:
        fit = [
            one
            for one in published
            if one.case.features and any(len(by_name[gene]) > 1 for gene in one.case.genes)
        ]
        chosen = {one.id: one for one in rng.sample(fit, number)}
    return Split(
        held_out=tuple(chosen.values()),
        known=tuple(one for one in published if one.id not in chosen),
    )


def load(
    client: pymongo.MongoClient[dict[str, Any]], name: str, known: Split, folder: Path
) -> None:
    """Put the cases that are known into a database."""
    sink = MongoSink(client[name])
    for ontology in packages.ontologies():
        if ontology.prefix == "HP":
            sink.put_ontology(ontology.read())
    path = folder / "known.jsonl"
    path.write_text("".join(json.dumps(one.packet) + "\n" for one in known.known))
    load_phenopackets(sink, DATASET, [path], assembly="GRCh38")


async def ranks(
    store: MongoStore, asked: Iterable[Published], change: Callable[[Case], Case]
) -> tuple[Hits, float]:
    """How often those who are found have the answer, and the median of seconds that it took."""
    first = in_ten = number = 0
    times = []
    for one in asked:
        query = Query(
            entry_type="individual",
            case=change(one.case),
            granularity=Granularity.RECORD,
            pagination=Pagination(limit=10),
        )
        begun = time.perf_counter()
        (found,) = (await store.search(query, EVERYTHING)).result_sets
        times.append(time.perf_counter() - begun)
        right = [bool(_ANSWERS[record["id"]] & one.answers) for record in found.records]
        number += 1
        first += right[:1] == [True]
        in_ten += any(right)
    return Hits(first / number, in_ten / number), statistics.median(times)


_ANSWERS: dict[str, frozenset[str]] = {}


def remember(published: Iterable[Published]) -> None:
    """Keep what is right for those who are found."""
    _ANSWERS.update({one.id: one.answers for one in published})


def with_features_only(case: Case) -> Case:
    """A case of which nothing is known but its features."""
    return Case(features=case.features, excluded=case.excluded, least=1e-6)


def with_candidate_genes(genes: Sequence[str], seed: int = 1) -> Callable[[Case], Case]:
    """A case with its gene among others, none of them marked."""
    rng = random.Random(seed)

    def change(case: Case) -> Case:
        candidates = {*case.genes[:1], *rng.sample(list(genes), DECOYS)}
        return Case(
            features=case.features,
            excluded=case.excluded,
            genes=tuple(sorted(candidates)),
            least=1e-6,
        )

    return change


class Baseline:
    """Resnik's best match average, with the information of terms from the cases themselves."""

    def __init__(self, known: Sequence[Published], ontology: Ontology) -> None:
        self._known = known
        ancestors = {
            term: ontology.ancestors(term)
            for one in known
            for term in one.case.features
            if term in ontology.terms
        }
        used = Counter(
            above
            for one in known
            for above in {each for term in one.case.features for each in ancestors.get(term, ())}
        )
        self._ontology = ontology
        self._terms = sorted(ancestors)
        place = {term: number for number, term in enumerate(self._terms)}
        self._information = {
            term: -np.log2((count + 0.5) / (len(known) + 1)) for term, count in used.items()
        }
        self._under: dict[str, list[int]] = {}
        for term, above in ancestors.items():
            for each in above:
                self._under.setdefault(each, []).append(place[term])
        self._of = [
            np.array([place[term] for term in one.case.features if term in place], int)
            for one in known
        ]
        self._sizes = np.array([len(one) for one in self._of])
        self._flat = np.concatenate(self._of)
        self._starts = np.concatenate([[0], np.cumsum(self._sizes)[:-1]])[self._sizes > 0]

    def hits(self, asked: Iterable[Published]) -> Hits:
        """How often the best have the answer."""
        first = in_ten = number = 0
        for one in asked:
            scores = self._scores(one)
            best = np.argsort(-scores, kind="stable")[:10]
            right = [bool(self._known[place].answers & one.answers) for place in best]
            number += 1
            first += right[0]
            in_ten += any(right)
        return Hits(first / number, in_ten / number)

    def _scores(self, one: Published) -> F64:
        rows = []
        for feature in one.case.features:
            row = np.zeros(len(self._terms))
            above = [each for each in self._ontology.ancestors(feature) if each in self._under]
            for each in sorted(above, key=self._information.__getitem__):
                row[self._under[each]] = self._information[each]
            rows.append(row)
        some = self._sizes > 0
        asked = np.zeros((len(rows), len(self._known)))
        for number, row in enumerate(rows):
            asked[number, some] = np.maximum.reduceat(row[self._flat], self._starts)
        best = np.max(rows, axis=0)
        answered = np.zeros(len(self._known))
        answered[some] = np.add.reduceat(best[self._flat], self._starts) / self._sizes[some]
        scores: F64 = (asked.mean(axis=0) + answered) / 2
        return scores


async def strangers(store: MongoStore, asked: Sequence[Published]) -> list[float]:
    """Scores of pairs of people with neither gene nor disease in common, 0 where below all."""
    found = []
    for one in asked:
        case = with_features_only(one.case)
        query = Query(
            entry_type="individual",
            case=case,
            granularity=Granularity.RECORD,
            pagination=Pagination(limit=1_000),
        )
        (told,) = (await store.search(query, EVERYTHING)).result_sets
        scores = [
            record["score"] for record in told.records if not _ANSWERS[record["id"]] & one.answers
        ]
        unlike = sum(1 for answers in _ANSWERS.values() if not answers & one.answers)
        found += scores + [0.0] * (unlike - len(scores))
    return found


def study(uri: str, path: Path, folder: Path, number: int, *, by_gene: bool) -> dict[str, float]:
    """All figures of one split; see `docs/benchmarks.md`."""
    published = read(path)
    parts = split(published, number, by_gene=by_gene)
    remember(parts.known)
    (ontology,) = (one.read() for one in packages.ontologies() if one.prefix == "HP")
    genes = sorted({gene for one in published for gene in one.case.genes})
    name = "published_cases"
    with pymongo.MongoClient[dict[str, Any]](uri) as client:
        client.drop_database(name)
        load(client, name, parts, folder)
    baseline = Baseline(parts.known, ontology).hits(parts.held_out)

    async def measured() -> dict[str, float]:
        async with pymongo.AsyncMongoClient[dict[str, Any]](uri) as client:
            store = MongoStore(client[name])
            alone, seconds = await ranks(store, parts.held_out, with_features_only)
            with_genes, of_genes = await ranks(store, parts.held_out, with_candidate_genes(genes))
            others = await strangers(store, parts.held_out[:10])
        return {
            "first, features": alone.first,
            "in ten, features": alone.in_ten,
            "first, baseline": baseline.first,
            "in ten, baseline": baseline.in_ten,
            "first, features and ten genes": with_genes.first,
            "in ten, features and ten genes": with_genes.in_ten,
            "ms a case, features": seconds * 1e3,
            "ms a case, features and ten genes": of_genes * 1e3,
            "strangers, median": statistics.median(others),
            "strangers, 99 %": float(np.quantile(others, 0.99)),
            "strangers, 99.9 %": float(np.quantile(others, 0.999)),
        }

    return asyncio.run(measured())
