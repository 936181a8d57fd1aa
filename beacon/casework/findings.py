"""The home of findings: a candidate, what others say of it, and what that comes to, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from beacon.casework.candidates import Candidate
from beacon.casework.told import PARTLY, SEEN, UNKNOWN, UNSEEN, Told, Voice
from beacon.client import Match, MatchAnswer

ALIKE = 0.4
"""How similar a phenotype is, of 1, from which on it is called so: that of the band `good`."""

_GENOME = ("sameVariant", "sameCodon", "sameGene")
_SHARE = 0.5
"""Of a score that is of phenotype and genome, what is of the phenotype. That somebody has the same
variant puts them into a higher band, but does not make what they have more alike."""

TOO_COMMON = "too common"
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class People:
    """People who are known to have an allele, or one like it.

    Attributes:
        same_variant: How many have the allele itself, by band; those in none under an empty text.
        alike: How many of these have a similar phenotype.
        same_gene: How many have another one of the same codon or gene, and not this one.
    """

    same_variant: Mapping[str, int] = field(default_factory=dict)
    alike: int = 0
    same_gene: int = 0

    @property
    def count(self) -> int:
        """How many have it, of those who were told of one by one."""
        return sum(self.same_variant.values())


@dataclass(frozen=True, slots=True)
class Finding:
    """A candidate that was asked about.

    Attributes:
        people: `None` where nobody was looked for with it.
        max_frequency: From which on it counts as too common.
    """

    candidate: Candidate
    told: Told
    max_frequency: float
    people: People | None = None

    @property
    def is_too_common(self) -> bool:
        """Whether it is more frequent than a rare disease allows, whatever chance has done."""
        least = self.told.least
        return least is not None and least > self.max_frequency

    @property
    def verdict(self) -> str:
        """What is known, in words. Silence is never told as a no."""
        told = self.told
        if self.is_too_common:
            return f"{TOO_COMMON} (AF {percent(told.frequency or 0)})"
        match told.state:
            case "seen":
                said = self._seen()
            case "unseen":
                among = f" in {told.looked:,} alleles" if told.looked else ""
                said = f"unseen{among}"
            case "partly":
                said = f"not known: {of_voices(told.silent)}; unseen by {names(told.unseen)}"
            case _:
                why = told.failure or of_voices(told.silent) or "nobody answered"
                said = f"not known: {why}"
        return said

    def _seen(self) -> str:
        told, people = self.told, self.people
        if people is not None and people.count:
            said = f"seen in {counted(people.count, 'person', 'people')}"
            if people.alike == people.count:
                said += ", with a similar phenotype"
            elif people.alike:
                said += f", {people.alike} with a similar phenotype"
            else:
                said += ", none with a similar phenotype"
        elif told.counted is not None:
            allele_count = told.counted.allele_count
            said = (
                f"seen {counted(allele_count, 'time', 'times')} (AF {percent(told.frequency or 0)})"
            )
        else:
            said = f"seen in {names(told.seen)}, how often is not told"
        if told.silent:
            said += f"; not known: {of_voices(told.silent)}"
        return said

    @property
    def rank(self) -> tuple[Any, ...]:
        """What it is ordered by: what others have with a similar phenotype, then as before."""
        people = self.people or People()
        return (self.is_too_common, -people.alike, -people.count, self.candidate.rank)

    def document(self) -> dict[str, Any]:
        """All of it, as JSON."""
        one, told = self.candidate, self.told
        document: dict[str, Any] = {
            "variant": one.name,
            "assembly": one.assembly,
            "gene": one.gene,
            "aminoacidChange": one.change,
            "consequence": one.consequence,
            "inheritance": one.inheritance.value,
            "flagged": one.inheritance.is_flagged,
            "alsoIn": one.origin,
            "zygosity": one.zygosity,
            "clinvar": list(one.clinvar),
            "frequencyInFile": one.frequency,
            "verdict": self.verdict,
            "tooCommon": self.is_too_common,
            "network": told_document(told),
        }
        if self.people is not None:
            document["people"] = {
                "sameVariant": dict(self.people.same_variant),
                "similarPhenotype": self.people.alike,
                "sameGene": self.people.same_gene,
            }
        return {key: value for key, value in document.items() if value not in (None, "", [])}


def told_document(told: Told) -> dict[str, Any]:
    """What others say of an allele, as JSON."""
    document: dict[str, Any] = {
        "state": {SEEN: "seen", UNSEEN: "unseen", PARTLY: "notKnown", UNKNOWN: "notKnown"}[
            told.state
        ],
        "seenIn": [voice.id for voice in told.seen],
        "unseenIn": [voice.id for voice in told.unseen],
        "notAnswered": [{"id": voice.id, "why": voice.why} for voice in told.silent],
    }
    if told.failure:
        document["failure"] = told.failure
    if told.counted is not None:
        document["alleleCount"] = told.counted.allele_count
        document["alleleNumber"] = told.counted.allele_number
        document["alleleFrequency"] = told.frequency
        document["countries"] = {
            country: {"alleleCount": count, "alleleNumber": number}
            for country, count, number in told.counted.countries
        }
    if told.looked:
        document["allelesLookedAt"] = told.looked
        document["highestFrequency"] = told.highest
    return document


def findings(
    candidates: Sequence[Candidate],
    told: Sequence[Told],
    matched: MatchAnswer | None,
    max_frequency: float,
) -> list[Finding]:
    """The findings of a case, the most telling first.

    Args:
        told: Of each candidate, in their order.
        matched: `None` where nobody was looked for.
    """
    made = []
    for candidate, one in zip(candidates, told, strict=True):
        finding = Finding(candidate, one, max_frequency)
        if matched is not None and not finding.is_too_common:
            finding = Finding(candidate, one, max_frequency, _people(candidate, matched.matches))
        made.append(finding)
    return sorted(made, key=lambda one: one.rank)


def _people(candidate: Candidate, matches: Iterable[Match]) -> People:
    bands: Counter[str] = Counter()
    alike = same_gene = 0
    for match in matches:
        kinds = {reason.kind for reason in match.reasons if _is_about(reason.asked, candidate)}
        if "sameVariant" in kinds:
            bands[match.band or ""] += 1
            alike += _phenotype(match) >= ALIKE
        elif kinds & {"sameCodon", "sameGene"}:
            same_gene += 1
    return People(dict(bands), alike, same_gene)


def _phenotype(match: Match) -> float:
    """How similar the phenotype of somebody with a variant of the case is, of 1."""
    return sum(one.score for one in match.reasons if one.kind not in _GENOME) / _SHARE


def _is_about(asked: Any, candidate: Candidate) -> bool:
    """Whether a reason is about a candidate: it names the allele that was asked, or the gene."""
    if isinstance(asked, Mapping):
        asked = asked.get("id") or asked.get("label")
    return asked in (candidate.name, f"{candidate.assembly}-{candidate.name}") or (
        bool(candidate.gene) and asked == candidate.gene
    )


def percent(share: float) -> str:
    """A frequency as people read it: `2.1 %`, `0.0037 %`."""
    return f"{share * 100:.2g} %" if share < 0.1 else f"{share * 100:.0f} %"


def counted(number: int, one: str, many: str) -> str:
    """`1 person`, `3 people`."""
    return f"{number:,} {one if number == 1 else many}"


def names(voices: Sequence[Voice]) -> str:
    """Who they are, the first few."""
    shown = [voice.name for voice in voices[:_SHOWN]]
    more = len(voices) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def of_voices(voices: Sequence[Voice]) -> str:
    """Who could not say, and why: `Finland did not answer in time`."""
    by_reason: dict[str, list[Voice]] = {}
    for voice in voices:
        by_reason.setdefault(voice.why.partition(":")[0] or "did not say", []).append(voice)
    return "; ".join(f"{names(who)} {why}" for why, who in by_reason.items())
