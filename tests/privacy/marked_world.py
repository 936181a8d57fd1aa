"""Datasets of which every text says whose it is, rules for them, and what is true of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

import msgspec
from protected_world import FEMALE, MALE, variant, visa

from beacon.auth.callers import Caller, Visa
from beacon.auth.policy import Policy
from beacon.framework.query import Query
from beacon.memory import MemoryDataset, MemoryStore
from beacon.model.entry_types import MODEL
from beacon.settings import PolicySettings

Document = dict[str, Any]

KINDS = {
    "individual": "P",
    "biosample": "B",
    "run": "R",
    "analysis": "A",
    "genomicVariant": "V",
    "cohort": "C",
    "dataset": "D",
}
ENTRY_TYPES = tuple(KINDS)
OF_PEOPLE = ("individual", "biosample", "run", "analysis")
LEVELS = ("none", "boolean", "count", "record")
POSITIONS = {0: 100, 1: 200, 2: 300}
"""Number of a variant → 1-based position."""

_TERMS = "https://doi.org/10.1038/s41431-018-0219-y"
TIERS: dict[str, tuple[Visa, ...]] = {
    "registered": (visa("ResearcherStatus", _TERMS), visa("AcceptedTermsAndPolicies", _TERMS)),
    "staff": (visa("AffiliationAndRole", "faculty@uni.example"),),
}
_STAFF = {"all_of": [{"type": "AffiliationAndRole", "value_pattern": "faculty@*"}]}
_MARK = re.compile(r"(d\d|hidden)[-_]([PBRAVCD])(?![a-z])")


@dataclass(frozen=True)
class People:
    """Who is in a dataset: numbers of people by what is true of them."""

    number: int
    ill: frozenset[int]
    members: frozenset[int]
    carriers: Mapping[int, frozenset[int]]

    @classmethod
    def some(
        cls, number: int, ill: Iterable[int], members: Iterable[int], few: Iterable[int]
    ) -> People:
        everybody = frozenset(range(number))
        return cls(
            number,
            frozenset(ill),
            frozenset(members),
            {0: frozenset(ill), 1: everybody, 2: frozenset(few)},
        )


def records(name: str, people: People) -> dict[str, list[Document]]:
    """The records of a dataset; each text that is about an entry begins with its mark."""

    def term(kind: str, local: str) -> Document:
        return {"id": f"{name}_{kind}:{local}", "label": f"{name}-{kind} {local}"}

    numbers = range(people.number)
    return {
        "dataset": [
            {
                "id": name,
                "name": f"{name}-D",
                "dataUseConditions": {"duoDataUse": [{**term("D", "all"), "version": "1"}]},
            }
        ],
        "cohort": [{"id": f"{name}-C0", "name": f"{name}-C", "cohortType": "study-defined"}],
        "individual": [
            {
                "id": f"{name}-P{one}",
                "sex": FEMALE if one % 2 else MALE,
                "diseases": [
                    {"diseaseCode": term("P", local)}
                    for local in ("all", *(["ill"] if one in people.ill else []))
                ],
                "info": {"cohortIds": [f"{name}-C0"] if one in people.members else ["other"]},
            }
            for one in numbers
        ],
        "biosample": [
            {
                "id": f"{name}-B{one}",
                "individualId": f"{name}-P{one}",
                "biosampleStatus": term("B", "ill" if one in people.ill else "well"),
                "sampleOriginType": term("B", "all"),
            }
            for one in numbers
        ],
        "run": [
            {
                "id": f"{name}-R{one}",
                "biosampleId": f"{name}-B{one}",
                "individualId": f"{name}-P{one}",
                "runDate": "2021-01-01",
                "librarySource": term("R", "all"),
            }
            for one in numbers
        ],
        "analysis": [
            {
                "id": f"{name}-A{one}",
                "runId": f"{name}-R{one}",
                "biosampleId": f"{name}-B{one}",
                "individualId": f"{name}-P{one}",
                "analysisDate": "2021-01-01",
                "pipelineName": f"{name}-A",
            }
            for one in numbers
        ],
        "genomicVariant": [
            variant(f"{name}-V{number}", POSITIONS[number], ())
            | {
                "caseLevelData": [
                    {"biosampleId": f"{name}-B{one}", "individualId": f"{name}-P{one}"}
                    for one in sorted(carriers)
                ],
                "identifiers": {"genomicHGVSId": f"{name}-V"},
            }
            for number, carriers in people.carriers.items()
        ],
    }


def store(world: Mapping[str, People]) -> MemoryStore:
    return MemoryStore(
        {
            name: MemoryDataset(assembly="GRCh38", records=records(name, people))
            for name, people in world.items()
        }
    )


def marks(text: str) -> set[tuple[str, str]]:
    """Dataset and entry type of whatever a text is about."""
    kinds = {kind: entry_type for entry_type, kind in KINDS.items()}
    return {(name, kinds[kind]) for name, kind in _MARK.findall(text)}


# Rules ------------------------------------------------------------------------------------------


def rules(rng: Random) -> Document:
    found: Document = {}
    for entry_type in rng.sample(("*", *ENTRY_TYPES), rng.randint(2, 6)):
        level = rng.choice(LEVELS)
        least = rng.choice([1, 2, 5, 10])
        if level == "record" and entry_type in ("*", *OF_PEOPLE):
            least = 1
        found[entry_type] = {"level": level, "min_count": least}
    return found


def policy_document(rng: Random, datasets: Iterable[str]) -> Document:
    return {
        "tiers": {"staff": _STAFF},
        "datasets": {
            name: {
                "accept_risk": "invented people",
                "public": rules(rng) if rng.random() < 0.7 else {},
                "tiers": {one: rules(rng) for one in TIERS if rng.random() < 0.8},
            }
            for name in datasets
        },
    }


class Shows:
    """Takes everybody for somebody with the visas of some tiers."""

    def __init__(self, tiers: Iterable[str]) -> None:
        self.visas = tuple(one for tier in tiers for one in TIERS[tier])

    async def caller(self, headers: Mapping[str, str]) -> Caller | None:
        if not self.visas:
            return None
        return Caller(issuer="https://b.example", subject="s", visas=self.visas, expires=1e12)


def policy_of(document: Document, tiers: Iterable[str]) -> Policy:
    settings = msgspec.convert(document, PolicySettings)
    return Policy.from_settings(settings, tuple(one.id for one in MODEL.entry_types), Shows(tiers))


def _rules_of(document: Document, dataset: str, entry_type: str, tiers: Iterable[str]) -> Any:
    of_dataset = document["datasets"].get(dataset, {"public": {}, "tiers": {}})
    for given in (of_dataset["public"], *(of_dataset["tiers"].get(one, {}) for one in tiers)):
        yield given.get(entry_type, given.get("*", {"level": "none", "min_count": 1}))


def allowed(document: Document, dataset: str, entry_type: str, tiers: Iterable[str]) -> int:
    """The most that any rule of the caller's says, as the file reads: 0 (`none`) to 3."""
    of_type = _rules_of(document, dataset, entry_type, tiers)
    return max(LEVELS.index(one["level"]) for one in of_type)


def least(
    document: Document, dataset: str, entry_type: str, tiers: Iterable[str], level: int
) -> int:
    """The fewest people that a rule which grants a level tells of."""
    return min(
        (
            int(one["min_count"])
            for one in _rules_of(document, dataset, entry_type, tiers)
            if LEVELS.index(one["level"]) >= level
        ),
        default=10**9,
    )


# What is true -----------------------------------------------------------------------------------


def touched(query: Query) -> set[str]:
    found = {query.entry_type} | {one.scope for one in query.filters if one.scope}
    if query.variation is not None:
        found.add("genomicVariant")
    return found | ({query.within.entry_type} if query.within else set())


def matching(name: str, people: People, query: Query) -> list[frozenset[int]]:
    """Whom each entry that a question is about is of, by looking at everybody."""
    found = frozenset(range(people.number))
    for one in query.filters:
        dataset, _, local = one.id.partition("_")
        if dataset == name and local.endswith(":ill"):
            found &= people.ill
        elif dataset == name and local.endswith(":well"):
            found -= people.ill
        elif dataset != name or not local.endswith(":all"):
            return []
    asked_alleles = set(POSITIONS)
    if query.variation is not None:
        start, end = query.variation.start[0], query.variation.end[0]
        asked_alleles = {one for one, pos in POSITIONS.items() if start < pos <= end}
        found &= frozenset().union(*(people.carriers[one] for one in asked_alleles))
    for entry_type, entry_id in (
        (query.entry_type, query.entry_id),
        *([(query.within.entry_type, query.within.id)] if query.within else []),
    ):
        if entry_id is None:
            continue
        of_dataset, _, local = entry_id.partition("-")
        if of_dataset != name:
            return []
        if entry_type == "genomicVariant":
            asked_alleles &= {int(local[1:])}
            found &= people.carriers[int(local[1:])]
        elif entry_type == "cohort":
            found &= people.members
        elif entry_type != "dataset":
            found &= {int(local[1:])}
    if query.entry_type == "genomicVariant":
        carriers = (people.carriers[one] & found for one in sorted(asked_alleles))
        return [one for one in carriers if one]
    if query.entry_type in OF_PEOPLE:
        return [frozenset((one,)) for one in found]
    return [found] if found else []
