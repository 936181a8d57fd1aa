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

from beacon.framework.query import BANDS, Case, Query
from beacon.model import matching
from beacon.model.allele import Zygosity
from beacon.model.matching import Carried, Shared
from beacon.model.ontology import Ontologies, Ontology
from beacon.model.phenotypes import Phenotypes, Reason
from beacon.model.variation_query import VariationCondition
from beacon.mongo.allele_keys import allele_key
from beacon.mongo.found import Carriers, Found, Packed
from beacon.mongo.layers import Dataset, Layers
from beacon.mongo.phenotype_scores import PhenotypeScores, TermColumns
from beacon.mongo.plan import Plan
from beacon.mongo.ranges import SharedRanges
from beacon.mongo.roster import Roster
from beacon.mongo.scan import Scan, variant_id
from beacon.mongo.stored_alleles import Alleles

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
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
        regardless: Whether it must not matter how many carry an allele.
    """

    case: Case
    phenotypes: Phenotypes
    conditions: tuple[VariationCondition | None, ...]
    ontologies: Ontologies
    regardless: bool


@dataclass(frozen=True, slots=True)
class CarriedAllele:
    """An allele that shares something with a case.

    Attributes:
        shares: What it shares.
        name: What it is called.
        people: Who carries it, by ordinal, each once, ascending.
        copies: How many of it each of them has; 2 is two or more.
    """

    shares: Sequence[Shared]
    name: str
    people: I64
    copies: I64


@dataclass(frozen=True, slots=True)
class Similar:
    """Who is similar: scores by the ordinal of individuals, and what may be carried."""

    scores: Mapping[int, float]
    alleles: Sequence[CarriedAllele]

    def carried_by(self, ordinal: int) -> Mapping[str, list[Carried]]:
        """What one individual carries, by locus."""
        found: dict[str, list[Carried]] = {}
        for one in self.alleles:
            place = int(np.searchsorted(one.people, ordinal))
            if place < len(one.people) and one.people[place] == ordinal:
                for each in one.shares:
                    carried = Carried(each, one.name, int(one.copies[place]))
                    found.setdefault(each.locus, []).append(carried)
        return found


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
        self._prepared: set[tuple[int, Ontology | None]] = set()

    def prepare(self, datasets: Iterable[Dataset], ontologies: Ontologies) -> None:
        """Begin to put the features of the largest datasets into columns, for the cases to come."""
        if self._preparing is None or self._preparing.done():
            largest = sorted(datasets, key=lambda one: -one.rows)[:_COLUMNS_KEPT]
            wanted = {(one.metadata, ontologies.by_prefix.get("HP")) for one in largest}
            if wanted - self._prepared:
                self._prepared = wanted
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
        alleles = await self._carried(plan, planned, shared)
        people, genome = _genome(planned.case, alleles)
        phenotypic = await self._similarities(plan, planned, people)
        of_phenotypes, of_genome = matching.weights(planned.case)
        if phenotypic is None:
            whole, among = of_genome * genome, people
        else:
            whole = of_phenotypes * np.maximum(phenotypic, 0.0)
            whole[people] += of_genome * genome
            among = np.arange(len(whole))
        whole = np.round(whole, 9)
        chosen = np.flatnonzero(whole >= planned.case.least)
        scores = dict(zip(among[chosen].tolist(), whole[chosen].tolist(), strict=True))
        return Similar({one: matching.rounded(score) for one, score in scores.items()}, alleles)

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
        return matching.best_of(case, similar.carried_by(ordinal))

    # Phenotypes ---------------------------------------------------------------------------------

    async def _similarities(self, plan: Plan, planned: PlannedCase, carriers: I64) -> F64 | None:
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
        if len(carriers):
            # What they carry may make up for features that alone would not do.
            vector = vector.copy()
            compare = PhenotypeScores(columns, planned.phenotypes).of
            vector[carriers] = await asyncio.to_thread(compare, carriers)
        return vector

    # Genome -------------------------------------------------------------------------------------

    async def _carried(
        self, plan: Plan, planned: PlannedCase, shared: SharedRanges
    ) -> list[CarriedAllele]:
        """The alleles that share something with the candidates, and who carries them."""
        case, dataset, tally = planned.case, plan.dataset, plan.tally
        if not case.has_candidates or dataset.assembly is None:
            return []
        # Bands of a case, and attempts to pay for them, differ in whom they leave out.
        read: _Candidates = await shared.once(
            dataset.id, lambda: self._candidates(plan, planned, shared)
        )
        roster = await self._layers.roster(dataset.metadata)
        withdrawn = dataset.withdrawn or BitMap()
        gone = np.zeros(dataset.rows, bool)
        gone[list(withdrawn)] = True
        rows = dataset.rows - dataset.empty_rows - len(withdrawn)
        found: list[CarriedAllele] = []
        for one, shares, record in read.alleles:
            at_least = _carriers_of(one) - len(withdrawn)
            if matching.is_common(at_least, rows) and not planned.regardless:
                continue
            codes = read.carriers.codes(one)
            codes = codes[~gone[codes >> 2]]
            if matching.is_common(len(codes), rows) and not planned.regardless:
                continue
            people, copies = _copies(roster, codes)
            if tally is not None and _is_chosen_with_others(case, shares):
                tally.chosen(people)
            name = variant_id(one.allele, dataset.assembly, record)
            found.append(CarriedAllele(shares, name, people, copies))
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
            sharing = matching.shared_regardless if planned.regardless else matching.shared_with
            if shares := list(sharing(case, same.get(key, ()), record)):
                alleles.append((one, shares, record))
        return _Candidates(alleles, await self._alleles.carriers(window))


def _copies(roster: Roster, codes: npt.NDArray[np.uint32]) -> tuple[I64, I64]:
    """Who carries an allele, by ordinal, and in how many copies, by the codes of its carriers."""
    people = roster.individual_of[codes >> 2].astype(np.int64)
    copies = np.where((codes & 3) == Zygosity.HET, 1, 2)
    known = people >= 0
    found, place = np.unique(people[known], return_inverse=True)
    most = np.zeros(len(found), np.int64)
    np.maximum.at(most, place, copies[known])
    return found, most


def _genome(case: Case, alleles: Sequence[CarriedAllele]) -> tuple[I64, F64]:
    """Who carries any of some alleles, ascending, with the score that `matching.best_of` gives."""
    by_locus: dict[str, list[tuple[float, CarriedAllele]]] = {}
    for one in alleles:
        for each in one.shares:
            by_locus.setdefault(each.locus, []).append((matching.POINTS[each.kind], one))
    people = np.unique(np.concatenate([np.zeros(0, np.int64), *(one.people for one in alleles)]))
    best = np.zeros(len(people))
    for locus, of_locus in by_locus.items():
        points, copies = np.zeros(len(people)), np.zeros(len(people), np.int64)
        for worth, one in of_locus:
            places = np.searchsorted(people, one.people)
            points[places] = np.maximum(points[places], worth)
            copies[places] += one.copies
        if matching.needs_two(case, locus):
            points = np.where(copies < 2, points * matching.ONE_OF_TWO, points)
        best = np.maximum(best, points)
    return people, best


def _is_chosen_with_others(case: Case, shares: Iterable[Shared]) -> bool:
    """Whether an allele was named beside others, so that its carriers are among those of others."""
    is_alone = len(case.variants) == 1 and not (case.features or case.genes)
    return not is_alone and any(one.kind == matching.SAME_VARIANT for one in shares)


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
    query: Query,
    conditions: Iterable[VariationCondition | None],
    ontologies: Ontologies,
    *,
    regardless: bool,
) -> PlannedCase | None:
    """The case of a question; `None` when it has none."""
    case = query.case
    if case is None:
        return None
    phenotypes = matching.phenotypes(case, ontologies)
    return PlannedCase(case, phenotypes, tuple(conditions), ontologies, regardless)
