"""The home of `Country`: who is behind the answers of a network, by what it tells of members."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from beacon.portal.datasets import link_of, text_of

Document = Mapping[str, Any]

SHAPES: Mapping[str, str] = {
    "answering": "hit",
    "recovering": "cannot",
    "notAnswering": "failed",
    "unknown": "pending",
}
"""How the state of a member looks, beside its word."""

_SAMPLE = 7
"""The number of people that examples are about, where nothing else is told better."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What numbers can be taken for.

    Attributes:
        reporting: `exact`, `raised`, `zeroed`, `omitted`, `rounded`, `rounded_up`, `boolean` or
            `noisy`.
    """

    reporting: str
    threshold: int = 1
    step: int = 1
    scale: float = 0.0

    @classmethod
    def of(cls, stated: Document) -> Counts:
        """From `counts` of a member."""
        return cls(
            reporting=str(stated["reporting"]),
            threshold=int(stated.get("threshold", 1)),
            step=int(stated.get("step", 1)),
            scale=float(stated.get("scale", 0)),
        )

    @property
    def key(self) -> str:
        """The name of the text that says it."""
        if self.reporting == "boolean":
            return "counts_boolean_from" if self.threshold > 1 else "counts_boolean"
        below_one = self.reporting in ("raised", "zeroed", "omitted") and self.threshold <= 1
        return "counts_exact" if below_one else f"counts_{self.reporting}"

    @property
    def values(self) -> Mapping[str, Any]:
        """What the text is filled in with: numbers, and `count` and `shown` for an example."""
        return {
            "threshold": self.threshold,
            "step": self.step,
            "scale": f"{self.scale:g}",
            "count": self._count,
            "shown": self._shown,
        }

    @property
    def _count(self) -> int:
        match self.key:
            case "counts_raised" | "counts_zeroed" | "counts_omitted" | "counts_boolean_from":
                return max(self.threshold * 7 // 10, 1)
            case "counts_rounded" | "counts_rounded_up":
                return 4 * self.step + max(self.step * 7 // 10, 1)
            case "counts_noisy":
                return _SAMPLE + round(3 * self.scale)
            case _:
                return _SAMPLE

    @property
    def _shown(self) -> int:
        match self.key:
            case "counts_raised":
                return self.threshold
            case "counts_zeroed":
                return 0
            case "counts_rounded":
                return (self._count + self.step // 2) // self.step * self.step
            case "counts_rounded_up":
                return -(-self._count // self.step) * self.step
            case "counts_noisy":
                return self._count + max(round(self.scale), 1)
            case _:
                return self._count


@dataclass(frozen=True, slots=True)
class Country:
    """A member of a network.

    Attributes:
        country: ISO 3166, where it is one country's.
        people: How many it has, as the network was told.
        counts: `None` where a network does not say.
        asked_as: `public`, `caller` or `network`.
        since: Since when it is left alone because it fails, while it is.
        failure: Why it last failed to answer, in English.
        organisation: Who runs it. Its own document about itself, and the network's about it, agree.
        dataset_ids: All of them, as the network calls them; empty where they are not all known.
        known_datasets: What it told the network of its datasets, as entries of that type.
        described_at: When it told that.
    """

    id: str
    name: str
    country: str | None
    url: str
    document_url: str
    state: str
    people: int | None
    counts: Counts | None
    asked_as: str
    since: datetime | None
    last_answer: datetime | None
    last_failure: datetime | None
    failure: str
    p50_ms: float | None
    p95_ms: float | None
    api_version: str
    version: str
    environment: str
    is_network: bool
    entry_types: tuple[str, ...]
    assemblies: tuple[str, ...]
    number_of_datasets: int | None
    description: str
    organisation: str
    organisation_description: str
    address: str
    welcome_url: str | None
    contact_url: str | None
    filtering_terms: int | None
    dataset_ids: tuple[str, ...]
    known_datasets: tuple[Document, ...]
    described_at: datetime | None

    @property
    def shape(self) -> str:
        """How its state looks."""
        return SHAPES.get(self.state, "pending")

    @classmethod
    def of(cls, stated: Document, info: Document) -> Country:
        """From what a network tells.

        Args:
            stated: The `response` of `/network/members/{id}`.
            info: The `response` of the member's own `/info`; empty where there is none.
        """
        organisation = info.get("organization")
        organisation = organisation if isinstance(organisation, Mapping) else {}
        latency, counts = stated.get("latencyMs") or {}, stated.get("counts")
        datasets, number = stated.get("datasets") or (), stated.get("numberOfDatasets")
        member_id = str(stated["id"])
        return cls(
            id=member_id,
            name=str(stated.get("name") or member_id),
            country=stated.get("country"),
            url=str(stated["url"]),
            document_url=str(stated["documentUrl"]),
            state=str(stated["state"]),
            people=stated.get("people"),
            counts=None if counts is None else Counts.of(counts),
            asked_as=str(stated["askedAs"]),
            since=_time(stated.get("since")),
            last_answer=_time(stated.get("lastAnswerDateTime")),
            last_failure=_time(stated.get("lastFailureDateTime")),
            failure=text_of(stated.get("lastFailure")),
            p50_ms=latency.get("p50"),
            p95_ms=latency.get("p95"),
            api_version=text_of(stated.get("apiVersion")),
            version=text_of(stated.get("version")),
            environment=text_of(stated.get("environment")),
            is_network=bool(stated.get("isNetwork")),
            entry_types=tuple(stated.get("entryTypes") or ()),
            assemblies=tuple(stated.get("assemblies") or ()),
            number_of_datasets=number,
            description=text_of(stated.get("description")),
            organisation=text_of(organisation.get("name") or stated.get("organization")),
            organisation_description=text_of(organisation.get("description")),
            address=text_of(organisation.get("address")),
            welcome_url=link_of(organisation.get("welcomeUrl") or info.get("welcomeUrl")),
            contact_url=link_of(organisation.get("contactUrl") or stated.get("contactUrl")),
            filtering_terms=stated.get("filteringTerms"),
            dataset_ids=tuple(f"{member_id}:{one['id']}" for one in datasets) if number else (),
            known_datasets=tuple(_entry(one) for one in datasets),
            described_at=_time(stated.get("describedDateTime")),
        )


def infos(document: Document | None) -> Mapping[str, Document]:
    """What members say of themselves, by the id each gives itself: of a network's `/info`."""
    found = {}
    for one in (document or {}).get("responses") or ():
        response = one.get("response") if isinstance(one, Mapping) else None
        if isinstance(response, Mapping) and isinstance(response.get("id"), str):
            found[response["id"]] = response
    return found


def ago(moment: datetime, now: datetime) -> tuple[str, int]:
    """How long ago something was, in the largest unit that there is one of.

    Returns:
        The name of the text, and its number.
    """
    seconds = max(int((now - moment).total_seconds()), 0)
    for name, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= length:
            return f"ago_{name}", seconds // length
    return "ago_seconds", seconds


def _entry(stated: Document) -> Document:
    """A dataset as the network knows it, in the form of an entry."""
    assemblies = stated.get("assemblies") or ()
    return {
        **{name: value for name, value in stated.items() if name not in ("assemblies", "dataUse")},
        "info": {"assemblyId": ", ".join(assemblies)},
        "dataUseConditions": {"duoDataUse": stated.get("dataUse") or []},
    }


def _time(written: Any) -> datetime | None:
    """A moment in UTC; what cannot be read is none."""
    if not isinstance(written, str):
        return None
    try:
        found = datetime.fromisoformat(written)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
