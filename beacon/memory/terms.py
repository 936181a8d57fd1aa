"""What the datasets in memory can be filtered by, as `/filtering_terms` lists it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from beacon.framework.answer import FilteringTerm
from beacon.memory.rows import Entry, JoinedDataset
from beacon.memory.search import ENTRY_TYPES
from beacon.model import filters
from beacon.model.fields import FIELD_BY_NAME, Reading
from beacon.model.filterable import is_listed
from beacon.model.ontology import Ontologies

_TYPES = ("ontologyTerm", "alphanumeric", "custom")


class TermGatherer:
    """Collects the terms of the entries it is shown, each once however many entries have it."""

    def __init__(self, ontologies: Ontologies) -> None:
        self._ontologies = ontologies
        self._found: dict[tuple[str, str], _Advertised] = {}

    def terms(self) -> list[FilteringTerm]:
        """What was gathered: ontology terms, attributes, custom ids, each by id."""
        order = sorted(self._found, key=lambda key: (_TYPES.index(key[0]), key[1]))
        return [self._found[key].term(*key) for key in order]

    def gather(self, dataset: JoinedDataset, entry_type: str, people_min: int = 1) -> None:
        """Look at the entries of one type.

        Args:
            dataset: Whose entries.
            entry_type: Which.
            people_min: Terms of fewer people are left out; terms of variants, where fewer of these
                have them; and zygosities, of which nobody counts whose they are.
        """
        entries = dataset.entries[entry_type]
        few = _few(dataset, entry_type, entries, people_min)

        def note(kind: str, term_id: str, label: str | None) -> _Advertised:
            return self._found.setdefault((kind, term_id), _Advertised()).seen(entry_type, label)

        fields = FIELD_BY_NAME[entry_type]
        shared = Counter(one for entry in entries for one in entry.custom)
        for entry in entries:
            for term_id, label in entry.terms.items():
                if term_id in few:
                    continue
                note("ontologyTerm", term_id, self._ontologies.label(term_id) or label)
            for custom_id, label in entry.custom.items():
                if custom_id not in few and is_listed(entry_type, custom_id, shared[custom_id]):
                    note("custom", custom_id, label)
            for attribute, values in entry.values.items():
                if "=" + attribute in few:
                    continue
                advertised = note("alphanumeric", attribute, entry.labels[attribute])
                named = fields.get(attribute)
                if named is not None and named.reading is Reading.CATEGORY:
                    texts = {value.text for value in values}
                    advertised.values |= {one for one in texts if f"{attribute}:{one}" not in few}
            for carrier in entry.carriers if people_min <= 1 else ():
                note("ontologyTerm", *filters.ZYGOSITIES[carrier.zygosity])


def _few(
    dataset: JoinedDataset, entry_type: str, entries: Sequence[Entry], people_min: int
) -> frozenset[str]:
    """Terms, and attributes with `=` before them, that too few people have."""
    if people_min <= 1 or entry_type in ("dataset", "cohort"):
        return frozenset()
    rows: dict[str, set[int]] = {}
    variants: Counter[str] = Counter()
    for entry in entries:
        names = {*entry.terms, *entry.custom, *("=" + one for one in entry.values)}
        variants.update(names)
        for name in names:
            rows.setdefault(name, set()).update(entry.rows)
    sizes = {name: dataset.people(frozenset(having)) for name, having in rows.items()}
    if entry_type == "genomicVariant":
        sizes = {name: size for name, size in variants.items() if not name.startswith("=")}
    return frozenset(name for name, size in sizes.items() if size < people_min)


@dataclass(slots=True)
class _Advertised:
    """A filtering term while it is put together."""

    label: str | None = None
    scopes: set[str] = field(default_factory=set)
    values: set[str] = field(default_factory=set)

    def seen(self, entry_type: str, label: str | None) -> _Advertised:
        self.label = self.label or label or None
        self.scopes.add(entry_type)
        return self

    def term(self, kind: str, term_id: str) -> FilteringTerm:
        return FilteringTerm(
            type=kind,
            id=term_id,
            label=self.label,
            scopes=tuple(one for one in ENTRY_TYPES if one in self.scopes),
            values=tuple(sorted(self.values)),
        )
