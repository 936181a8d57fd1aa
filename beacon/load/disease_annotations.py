"""The home of what diseases are known by: annotations of the Human Phenotype Ontology."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from beacon.model.ontology import Ontology

_DISEASE, _QUALIFIER, _TERM, _ASPECT = 0, 2, 3, 10
_PHENOTYPE = "P"


def described_diseases(lines: Iterable[str], ontology: Ontology) -> dict[str, int]:
    """How many diseases have a term or a kind of it, by term.

    Args:
        lines: Of `phenotype.hpoa`: a disease and a term each, by tabs. What is said of inheritance,
            onset and course is passed over, as is what a disease does not have.
        ontology: What terms are kinds of.
    """
    terms_of: dict[str, set[str]] = {}
    for line in lines:
        fields = line.rstrip("\n").split("\t")
        if len(fields) <= _ASPECT or fields[_ASPECT] != _PHENOTYPE or fields[_QUALIFIER]:
            continue
        terms_of.setdefault(fields[_DISEASE], set()).update(ontology.ancestors(fields[_TERM]))
    found = Counter(term for terms in terms_of.values() for term in terms)
    return {term: count for term, count in found.items() if term in ontology.terms}
