"""The home of the catalogue: who the members of a network are, and how each of them does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from beacon.framework.extensions import MEMBERS
from beacon.framework.information import Document
from beacon.framework.response import Identity
from beacon.network.conditions import BreakerState, Condition
from beacon.network.dialects import spoken
from beacon.network.members import Member
from beacon.network.metadata import DatasetAbout, Metadata
from beacon.network.summary import count_policy
from beacon.settings import CountSettings, MemberAccessSettings, Reporting, Via


def members_document(
    identity: Identity,
    members: Sequence[Member],
    metadata: Mapping[str, Metadata],
    conditions: Mapping[str, Condition],
) -> Document:
    """`/network/members`: every member, in short.

    Args:
        metadata: What members say of themselves, by id.
        conditions: How they do, by id; one that is missing has not been asked yet.
    """
    described = [
        _summary(one, identity, metadata.get(one.id), conditions.get(one.id)) for one in members
    ]
    return {"meta": _meta(identity), "response": {"members": described}}


def member_document(
    identity: Identity, member: Member, metadata: Metadata | None, condition: Condition | None
) -> Document:
    """`/network/members/{id}`: one member, with its datasets and what it can be asked."""
    described = _summary(member, identity, metadata, condition)
    if metadata is not None:
        described |= {
            "description": metadata.description,
            "organization": metadata.organisation,
            "contactUrl": metadata.contact_url,
            "environment": metadata.environment,
            "version": metadata.version,
            "updateDateTime": metadata.updated_at,
            "defaultGranularity": (
                None if metadata.default_granularity is None else metadata.default_granularity.wire
            ),
            "securityLevels": list(metadata.security_levels),
            "filteringTerms": len(metadata.terms),
            "batchMaxItems": metadata.batch_max or None,
            "variationParameters": _variation_in_words(member, metadata),
            "linkedEntryTypes": {
                one.id: sorted(one.linked)
                for one in metadata.entry_types.values()
                if one.linked is not None
            },
            "ontologies": [
                _known({"id": one.id, "name": one.name, "version": one.version})
                for one in metadata.resources
            ],
            "datasets": [_dataset(one) for one in metadata.datasets.values()],
        }
    if condition is not None:
        described |= {
            "requests": dict(condition.counts),
            "inFlight": condition.in_flight,
            "waiting": condition.waiting,
            "lastFailureDateTime": _time(condition.last_failure_at),
            "lastFailure": condition.last_failure,
        }
    return {"meta": _meta(identity), "response": _known(described)}


def _summary(
    member: Member, identity: Identity, metadata: Metadata | None, condition: Condition | None
) -> Document:
    described: dict[str, Any] = {
        "id": member.id,
        "name": member.name,
        "country": member.country,
        "url": member.urls[0],
        "documentUrl": identity.url(f"{MEMBERS}/{quote(member.id, safe='')}"),
        "state": state_in_words(condition),
        "people": member.people,
        "counts": counts_document(member.counts),
        "countsInWords": counts_in_words(member.counts),
        "askedAs": _ASKED_AS[member.access.via],
        "askedInWords": asked_in_words(member.access),
    }
    if condition is not None:
        described |= {
            "since": _time(condition.since),
            "lastAnswerDateTime": _time(condition.last_answer_at),
            "latencyMs": _known({"p50": _ms(condition.p50_ms), "p95": _ms(condition.p95_ms)}),
        }
    if metadata is not None:
        described |= {
            "beaconId": metadata.beacon_id,
            "apiVersion": metadata.api_version,
            "isNetwork": metadata.is_network,
            "entryTypes": list(metadata.entry_types),
            "assemblies": sorted(metadata.served_assemblies),
            "numberOfDatasets": len(metadata.datasets) if metadata.has_all_datasets else None,
            "describedDateTime": _time(datetime.fromtimestamp(metadata.fetched_at, UTC)),
        }
    return _known(described)


def state_in_words(condition: Condition | None) -> str:
    """`answering`, `notAnswering`, `recovering`, or `unknown` before there was any answer."""
    if condition is None:
        return "unknown"
    match condition.breaker:
        case BreakerState.OPEN:
            return "notAnswering"
        case BreakerState.PROBATION:
            return "recovering"
    if condition.last_answer_at is not None:
        return "answering"
    return "unknown" if condition.last_failure_at is None else "notAnswering"


def counts_in_words(counts: CountSettings) -> str:
    """What a member's counts can be taken for, as a sentence for people."""
    policy = count_policy(counts)
    return f"{policy[0].upper()}{policy[1:]}."


def counts_document(counts: CountSettings) -> Document:
    """What a member's counts can be taken for, for programs: no setting that says nothing here."""
    described: Document = {"reporting": counts.reporting.value}
    match counts.reporting:
        case Reporting.RAISED | Reporting.ZEROED | Reporting.OMITTED | Reporting.BOOLEAN:
            described["threshold"] = counts.threshold
        case Reporting.ROUNDED | Reporting.ROUNDED_UP:
            described["step"] = counts.step
        case Reporting.NOISY:
            described["scale"] = counts.scale
    return described


def asked_in_words(access: MemberAccessSettings) -> str:
    """As whom a member is asked, as a sentence for people."""
    match access.via:
        case Via.NONE:
            return "It is asked as the public; nothing is sent to it of who asks."
        case Via.EXCHANGE:
            return (
                "It is asked as the caller, with a token for it alone that the caller's identity "
                "provider gives; without credentials, as the public."
            )
        case Via.CREDENTIAL if access.public:
            return "It is asked as this network, whoever asks."
        case Via.CREDENTIAL:
            return (
                "It is asked as this network when the caller shows credentials; otherwise as the "
                "public."
            )


_ASKED_AS = {Via.NONE: "public", Via.EXCHANGE: "caller", Via.CREDENTIAL: "network"}


def _variation_in_words(member: Member, metadata: Metadata) -> str:
    if metadata.unread_variation:
        return f"does not read variation parameters of {', '.join(metadata.unread_variation)}"
    return "nested" if spoken(metadata.dialect, member.dialect).nested else "flat"


def _dataset(dataset: DatasetAbout) -> Document:
    return _known(
        {
            "id": dataset.id,
            "name": dataset.name,
            "description": dataset.description,
            "assemblies": list(dataset.assemblies) or None,
            "dataUse": [
                _known({"id": one, "label": label or None}) for one, label in dataset.data_use
            ]
            or None,
            "updateDateTime": dataset.updated_at,
        }
    )


def _meta(identity: Identity) -> Document:
    return {
        "beaconId": identity.beacon_id,
        "apiVersion": identity.api_version,
        "returnedSchemas": [],
    }


def _ms(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _known(described: Document) -> Document:
    return {key: value for key, value in described.items() if value is not None}
