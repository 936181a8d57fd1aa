"""The home of who is similar to a case, from memory: everybody and every allele is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from beacon.framework.query import Case
from beacon.memory.rows import Entry, JoinedDataset
from beacon.model import matching
from beacon.model.liftover import applied
from beacon.model.matching import Carried, Shared
from beacon.model.ontology import Ontologies
from beacon.model.phenotypes import Reason
from beacon.model.reference import References
from beacon.model.variation_query import Genes


class Similar:
    """Compares the people of a dataset with a case.

    Args:
        case: Whom with.
        dataset: Whose people.
        ontologies: What features are terms of.
        genes: Where genes lie.
        references: Sequences of the assemblies, and the chains between them.
        regardless: Whether it must not matter how many carry an allele.
    """

    def __init__(
        self,
        case: Case,
        dataset: JoinedDataset,
        ontologies: Ontologies,
        genes: Genes,
        references: References,
        *,
        regardless: bool,
    ) -> None:
        self._regardless = regardless
        self._case = case
        self._ontologies = ontologies
        self._phenotypes = matching.phenotypes(case, ontologies)
        self._alleles = list(self._shared(dataset, genes, references))

    def described(self, individual: Entry) -> Mapping[str, Any] | None:
        """How similar somebody is, and in what; `None` when not similar enough."""
        reasons = self._phenotypes.reasons(*matching.features_of(individual.record))
        found = matching.described(
            self._case, individual.id, reasons, self._genomic(individual), self._ontologies
        )
        return found if found["score"] >= self._case.least else None

    def _shared(
        self, dataset: JoinedDataset, genes: Genes, references: References
    ) -> list[tuple[Entry, list[Shared]]]:
        """The alleles that share something with the candidates, and what."""
        if dataset.assembly is None or not self._case.has_candidates:
            return []
        conditions = [
            applied(one.variation, dataset.assembly, genes, references)[0]
            for one in self._case.variants
        ]
        found = []
        for entry in dataset.entries["genomicVariant"]:
            allele = entry.allele
            is_common = matching.is_common(len(entry.rows), len(dataset.rows))
            if allele is None or (is_common and not self._regardless):
                continue
            same = [
                place
                for place, condition in enumerate(conditions)
                if condition is not None and condition.matches(allele, entry.record)
            ]
            sharing = matching.shared_regardless if self._regardless else matching.shared_with
            if shared := list(sharing(self._case, same, entry.record)):
                found.append((entry, shared))
        return found

    def _genomic(self, individual: Entry) -> Reason | None:
        """The best that somebody carries."""
        carried: dict[str, list[Carried]] = {}
        for entry, shared in self._alleles:
            copies = max(
                (
                    matching.copies_of(one.zygosity)
                    for one in entry.carriers
                    if one.row in individual.rows
                ),
                default=0,
            )
            if copies:
                for one in shared:
                    carried.setdefault(one.locus, []).append(Carried(one, entry.id, copies))
        return matching.best_of(self._case, carried)
