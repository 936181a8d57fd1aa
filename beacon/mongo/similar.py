"""The home of who is similar to a case: everybody's score, and the reasons of some."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from pymongo.errors import PyMongoError
from pyroaring import BitMap

from beacon.framework.budget import cost_of_limit
from beacon.framework.query import BANDS, Case, Query
from beacon.model import matching
from beacon.model.matching import Carried, Shared
from beacon.model.ontology import Ontologies
from beacon.model.phenotypes import Phenotypes, Reason
from beacon.model.variation_query import VariationCondition
from beacon.mongo.allele_keys import allele_key
from beacon.mongo.found import Carriers, Found, Packed
from beacon.mongo.layers import Dataset, Layers
from beacon.mongo.phenotype_scores import PhenotypeScores, TermColumns
from beacon.mongo.plan import Plan
from beacon.mongo.ranges import SharedRanges
from beacon.mongo.scan import Scan, variant_id
from beacon.mongo.stored_alleles import Alleles

F64 = npt.NDArray[np.float64]
Kept = OrderedDict[Hashable, "asyncio.Future[Any]"]

_COLUMNS_KEPT = 8
_SCORES_KEPT = 8
"""Vectors of everybody's similarities: the bands of a case are asked for one after the other."""


@dataclass(frozen=True, slots=True)
class PlannedCase:
    """A case as one dataset is asked for it.

    Attributes:
        case: The case.
        phenotypes: Its features.
        conditions: Its variants; `None` for what the dataset cannot have.
        ontologies: Where terms and their labels are from.
    """

    case: Case
    phenotypes: Phenotypes
    conditions: tuple[VariationCondition | None, ...]
    ontologies: Ontologies


@dataclass(frozen=True, slots=True)
class Similar:
    """Who is similar: scores by the ordinal of individuals, and what they carry by locus."""

    scores: Mapping[int, float]
    carried: Mapping[int, Mapping[str, list[Carried]]]


@dataclass(frozen=True, slots=True)
class _Candidates:
    """The alleles of a dataset that share something with a case: each with what, and its record."""

    alleles: Sequence[tuple[Found, Sequence[Shared], Mapping[str, Any] | None]]
    carriers: Carriers


class Similarities:
    """Compares individuals with cases.

    Args:
        layers: Where features and rosters are.
        scan: Finds alleles.
        alleles: Reads who carries them.
    """

    def __init__(self, layers: Layers, scan: Scan, alleles: Alleles) -> None:
        self._layers = layers
        self._scan = scan
        self._alleles = alleles
        self._columns: Kept = OrderedDict()
        self._scores: Kept = OrderedDict()
        self._preparing: asyncio.Task[None] | None = None

    def prepare(self, datasets: Iterable[Dataset], ontologies: Ontologies) -> None:
        """Begin to put the features of the largest datasets into columns, for the cases to come."""
        if self._preparing is None or self._preparing.done():
            largest = sorted(datasets, key=lambda one: -one.rows)[:_COLUMNS_KEPT]
            self._preparing = asyncio.create_task(self._prepare(largest, ontologies))

    async def _prepare(self, datasets: Iterable[Dataset], ontologies: Ontologies) -> None:
        with suppress(PyMongoError):  # whoever asks with a case is told
            for one in datasets:
                await self._term_columns(one.metadata, ontologies)

    async def _term_columns(self, layer: int, ontologies: Ontologies) -> TermColumns | None:
        features = await self._layers.features(layer)
        ontology = ontologies.by_prefix.get("HP")
        if features is None or ontology is None:
            return None
        made: TermColumns = await _kept(
            self._columns,
            (layer, ontology),
            _COLUMNS_KEPT,
            partial(TermColumns, features, ontology),
        )
        return made

    async def found(self, plan: Plan, planned: PlannedCase, shared: SharedRanges) -> Similar:
        """Whoever is at least as similar as the case wants, but those who have withdrawn."""
        carried = await self._carried(plan, planned, shared)
        phenotypic = await self._similarities(plan, planned, carried)
        best = {
            one: found.score
            for one, of_person in carried.items()
            if (found := matching.best_of(planned.case, of_person)) is not None
        }
        of_phenotypes, of_genome = matching.weights(planned.case)
        scores: dict[int, float] = {}
        if phenotypic is not None:
            whole = of_phenotypes * np.maximum(phenotypic, 0.0)
            for one, score in best.items():
                whole[one] += of_genome * score
            chosen = np.flatnonzero(np.round(whole, 9) >= planned.case.least)
            scores = {int(one): matching.rounded(float(whole[one])) for one in chosen}
        else:
            alone = {one: matching.score_of(planned.case, 0.0, best[one]) for one in best}
            scores = {one: score for one, score in alone.items() if score >= planned.case.least}
        return Similar(scores, carried)

    async def rows(self, plan: Plan, similar: Similar) -> BitMap:
        """The rows of those who are similar."""
        roster = await self._layers.roster(plan.dataset.metadata)
        chosen = np.zeros(len(roster.individuals) + 1, bool)  # the last: rows that are nobody's
        chosen[list(similar.scores)] = True
        rows = BitMap(np.flatnonzero(chosen[roster.individual_of]).astype(np.uint32))
        return rows - plan.dataset.withdrawn if plan.dataset.withdrawn else rows

    async def described(
        self, plan: Plan, planned: PlannedCase, similar: Similar, ordinals: Iterable[int]
    ) -> list[dict[str, Any]]:
        """What is told of some who are similar."""
        roster = await self._layers.roster(plan.dataset.metadata)
        features = await self._layers.features(plan.dataset.metadata)

        def told() -> list[dict[str, Any]]:
            found = []
            for one in ordinals:
                present, absent = ([], []) if features is None else features.of(one)
                found.append(
                    matching.described(
                        planned.case,
                        roster.individuals[one],
                        planned.phenotypes.reasons(present, absent),
                        self._best(planned.case, similar, one),
                        planned.ontologies,
                    )
                )
            return found

        # Milliseconds for each of them, in which other answers go on.
        return await asyncio.to_thread(told)

    @staticmethod
    def _best(case: Case, similar: Similar, ordinal: int) -> Reason | None:
        return matching.best_of(case, similar.carried.get(ordinal, {}))

    # Phenotypes ---------------------------------------------------------------------------------

    async def _similarities(
        self, plan: Plan, planned: PlannedCase, carried: Mapping[int, Any]
    ) -> F64 | None:
        """Of everybody by ordinal, exact wherever it can matter; `None` where it never can."""
        layer = plan.dataset.metadata
        of_phenotypes, _ = matching.weights(planned.case)
        columns = None
        if of_phenotypes:
            columns = await self._term_columns(layer, planned.ontologies)
        if columns is None:
            return None
        least = min(*BANDS.values(), planned.case.least) / of_phenotypes
        asked = (planned.case.features, planned.case.excluded, least)

        def compared() -> F64:
            return PhenotypeScores(columns, planned.phenotypes).similarities(least)

        key = (layer, columns.ontology, asked)
        vector: F64 = await _kept(self._scores, key, _SCORES_KEPT, compared)
        known = np.array(sorted(carried), np.int64)
        if len(known):
            # What they carry may make up for features that alone would not do.
            vector = vector.copy()
            vector[known] = PhenotypeScores(columns, planned.phenotypes).of(known)
        return vector

    # Genome -------------------------------------------------------------------------------------

    async def _carried(
        self, plan: Plan, planned: PlannedCase, shared: SharedRanges
    ) -> Mapping[int, Mapping[str, list[Carried]]]:
        """What individuals carry of the candidates, by ordinal and locus."""
        case, dataset, tally = planned.case, plan.dataset, plan.tally
        if not case.has_candidates or dataset.assembly is None:
            return {}
        # Bands of a case, and attempts to pay for them, differ in whom they leave out.
        read: _Candidates = await shared.once(
            dataset.id, lambda: self._candidates(plan, planned, shared)
        )
        roster = await self._layers.roster(dataset.metadata)
        withdrawn = dataset.withdrawn or BitMap()
        gone = np.zeros(dataset.rows, bool)
        gone[list(withdrawn)] = True
        limit = matching.common_limit(dataset.rows - dataset.empty_rows - len(withdrawn))
        found: dict[int, dict[str, list[Carried]]] = {}
        for one, shares, record in read.alleles:
            at_least = _carriers_of(one) - len(withdrawn)
            if at_least > limit and not (tally and cost_of_limit(at_least, limit)):
                continue
            codes = read.carriers.codes(one)
            codes = codes[~gone[codes >> 2]]
            if tally is not None:
                tally.passed_over_from(limit, (codes >> 2).astype(np.int64))
            if len(codes) > limit:
                continue
            name = variant_id(one.allele, dataset.assembly, record)
            copies: dict[int, int] = {}
            for code in codes.tolist():
                person = int(roster.individual_of[code >> 2])
                if person >= 0:
                    copies[person] = max(copies.get(person, 0), matching.copies_of(code & 3))
            for person, number in copies.items():
                for each in shares:
                    of_person = found.setdefault(person, {})
                    of_person.setdefault(each.locus, []).append(Carried(each, name, number))
        return found

    async def _candidates(
        self, plan: Plan, planned: PlannedCase, shared: SharedRanges
    ) -> _Candidates:
        case, dataset = planned.case, plan.dataset
        same: dict[str, list[int]] = {}
        bare = replace(plan, query=Query(entry_type="individual"), filters=(), tally=None)
        for place, condition in enumerate(planned.conditions):
            if condition is None:
                continue
            asked = replace(bare, variation=condition, zygosities=None)
            async for window in self._scan.windows(asked, shared):
                for one in window.all():
                    same.setdefault(allele_key(one.allele), []).append(place)
        records = await self._scan.of_genes(dataset, case.genes)
        window = await self._alleles.by_keys(dataset, {*same, *records})
        everything = window.all()
        missing = [one for one in everything if allele_key(one.allele) not in records]
        records = {**records, **await self._alleles.records(dataset, missing)}
        alleles = []
        for one in everything:
            key = allele_key(one.allele)
            record = records.get(key)
            shares = list(matching.shared_with(case, same.get(key, ()), record))
            if shares:
                alleles.append((one, shares, record))
        return _Candidates(alleles, await self._alleles.carriers(window))


async def _kept(kept: Kept, key: Hashable, most: int, make: Callable[[], Any]) -> Any:
    """What is kept by a key; made once, in a thread, however many ask for it at the same time."""
    found = kept.get(key)
    if found is None:
        found = kept[key] = asyncio.ensure_future(asyncio.to_thread(make))
        found.add_done_callback(partial(_forget_failure, kept, key))
        if len(kept) > most:
            kept.popitem(last=False)
    kept.move_to_end(key)
    # One caller's deadline must not cancel what others wait for.
    return await asyncio.shield(found)


def _forget_failure(kept: Kept, key: Hashable, done: asyncio.Future[Any]) -> None:
    if done.cancelled() or done.exception() is not None:
        kept.pop(key, None)


def _carriers_of(found: Found) -> int:
    if isinstance(found, Packed):
        return found.block.number("carriers", found.index)
    return int(found.document["n"][0])


def planned_case(
    query: Query, conditions: Iterable[VariationCondition | None], ontologies: Ontologies
) -> PlannedCase | None:
    """The case of a question; `None` when it has none."""
    case = query.case
    if case is None:
        return None
    phenotypes = matching.phenotypes(case, ontologies)
    return PlannedCase(case, phenotypes, tuple(conditions), ontologies)
