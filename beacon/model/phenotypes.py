"""The home of how alike the features of two people are, from 0 to 1, and of what each part adds.

Every feature of either side counts with the information (Resnik 1995) of the best that it has in
common with the other side, over the information of all features; features that both sides were
looked at for and do not have add a little, features that one has and the other was found not to
have take away. What two strangers have in common is taken off.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from beacon.model.ontology import Ontology

CHANCE = 0.3
"""The similarity of phenotypes that strangers seldom reach: one pair of published cases in twenty
does."""

AGREED_BITS = 1.0
"""What it counts that somebody was looked at for a feature of the case's, and neither has it."""

CONTRADICTED = 0.05
"""Share of a feature's information that is taken off where the other side is without it."""

_PHENOTYPES = "HP:0000118"


@dataclass(frozen=True, slots=True)
class Reason:
    """A part of a score.

    Attributes:
        kind: `feature`, `agreement`, `contradiction`, `chance`, or what is shared of the genome.
        score: What it adds.
        asked: What of the case it is about.
        found: What of the other one.
        common: Of two terms, what both are kinds of.
        gene: Of what is shared of the genome, where it is known.
    """

    kind: str
    score: float
    asked: str | None = None
    found: str | None = None
    common: str | None = None
    gene: str | None = None


class Phenotypes:
    """The features of a case, to compare others with.

    Args:
        features: Ids of what the patient has; what the ontology does not have is passed over.
        excluded: Of what the patient was found not to have.
        ontology: Where the terms are from.
    """

    def __init__(
        self, features: Iterable[str], excluded: Iterable[str], ontology: Ontology
    ) -> None:
        self._ontology = ontology
        self.features = tuple(one for one in features if self.counts(one))
        self.excluded = tuple(one for one in excluded if self.counts(one))

    def counts(self, term_id: str) -> bool:
        """Whether a term is a phenotypic abnormality; else nobody is compared by it."""
        terms = self._ontology.terms
        if term_id not in terms:
            return False
        return _PHENOTYPES not in terms or _PHENOTYPES in self._ontology.ancestors(term_id)

    @cached_property
    def information(self) -> float:
        """Of all features, in bits."""
        return sum(map(self._ontology.information, self.features))

    def similarity(self, present: Sequence[str], absent: Sequence[str]) -> float:
        """How similar somebody's features are, less than 0 where less than strangers' are.

        Args:
            present: What somebody has, each once.
            absent: What somebody was found not to have, each once.
        """
        return sum(one.score for one in self.reasons(present, absent))

    def reasons(self, present: Sequence[str], absent: Sequence[str]) -> list[Reason]:
        """The parts of `similarity`, in the order of the case's features.

        Nobody is similar, or dissimilar, without a feature on both sides.
        """
        present = [one for one in present if self.counts(one)]
        absent = [one for one in absent if self.counts(one)]
        if not present or not self.features:
            return []
        parts = self._shared(present)
        agreed = [
            Reason("agreement", AGREED_BITS, asked, found) for asked, found in self._agreed(absent)
        ]
        against = [
            Reason("contradiction", -CONTRADICTED * weight, asked, found)
            for weight, asked, found in self._contradicted(present, absent)
        ]
        whole = self.information + sum(map(self._ontology.information, present))
        whole += AGREED_BITS * len(agreed)
        if not whole:
            return []
        scale = 1 / (whole * (1 - CHANCE))
        told = [replace(one, score=one.score * scale) for one in (*parts, *agreed, *against)]
        return [*told, Reason("chance", -CHANCE / (1 - CHANCE))]

    def _shared(self, present: Sequence[str]) -> list[Reason]:
        """What each feature of the case finds best, with whatever finds that feature best."""
        common = {
            (asked, one): self._common(asked, one) for asked in self.features for one in present
        }
        found_by: dict[str, float] = dict.fromkeys(self.features, 0.0)
        for one in present:
            best = max(self.features, key=lambda asked: (common[asked, one][0], asked))
            found_by[best] += common[best, one][0]
        reasons = []
        for asked in self.features:
            found = max(present, key=lambda one: (common[asked, one][0], one))
            shared, above = common[asked, found]
            if shared + found_by[asked]:
                score = shared + found_by[asked]
                reasons.append(Reason("feature", score, asked, found, above))
        return reasons

    def _common(self, one: str, other: str) -> tuple[float, str]:
        """The most telling that two terms are kinds of, and how telling that is."""
        ontology = self._ontology
        both = ontology.ancestors(one) & ontology.ancestors(other)
        return max(((ontology.information(term), term) for term in both), default=(0.0, ""))

    def _agreed(self, absent: Iterable[str]) -> list[tuple[str, str]]:
        """What neither has: an excluded feature of the case, or a kind of one."""
        excluded = set(self.excluded)
        return [
            (min(known), one)
            for one in absent
            if (known := excluded & self._ontology.ancestors(one))
        ]

    def _contradicted(
        self, present: Iterable[str], absent: Iterable[str]
    ) -> list[tuple[float, str, str]]:
        """What one side has and the other is without: how telling, the case's and the other's."""
        ontology = self._ontology
        found = []
        for one in absent:
            having = [each for each in self.features if one in ontology.ancestors(each)]
            if having:
                found.append((ontology.information(one), min(having), one))
        excluded = set(self.excluded)
        for one in present:
            without = excluded & ontology.ancestors(one)
            if without:
                weight, asked = max((ontology.information(each), each) for each in without)
                found.append((weight, asked, one))
        return found
