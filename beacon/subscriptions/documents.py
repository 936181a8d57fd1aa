"""How standing questions are told to their owners: JSON documents."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from beacon.framework.response import Identity
from beacon.subscriptions.kept import Notification, Status, Subscription
from beacon.subscriptions.seams import is_followed
from beacon.subscriptions.states import Place, State

Document = dict[str, Any]

_EXPIRED = (
    "the rights that it was made with are not known to hold any more; PATCH it with "
    '{"status": "active"} and a token that is valid now'
)


def answer(identity: Identity, response: Document) -> Document:
    """A whole answer."""
    meta = {"beaconId": identity.beacon_id, "apiVersion": identity.api_version}
    return {"meta": meta, "response": response}


def subscription_document(one: Subscription, now: float, *, is_network: bool) -> Document:
    """One standing question, without the secret of its webhook."""
    status = one.status(now)
    document: Document = {
        "id": one.id,
        "name": one.name or None,
        "status": status.value,
        "reason": _EXPIRED if status is Status.EXPIRED else None,
        "problem": None,
        "createdAt": _moment(one.created),
        "rightsHoldUntil": _moment(one.until),
        "asksAs": "network" if is_network else "caller",
        "underBudget": one.is_limited,
        "question": one.question,
        "askedAt": None if one.asked_at is None else _moment(one.asked_at),
        "states": [
            {"where": where, **_place(place), "followed": is_followed(one.releases.get(where))}
            for where, place in one.places.items()
        ],
        "unread": sum(not each.read for each in one.notifications),
    }
    if one.trouble is not None:
        document["problem"] = {
            "kind": one.trouble.problem.value,
            "message": one.trouble.message,
            "since": _moment(one.trouble.since),
        }
    if one.webhook is not None:
        document["webhook"] = {"url": one.webhook.url}
    return document


def inbox_document(subscriptions: Iterable[Subscription], now: float, *, unread: bool) -> Document:
    """All notifications of a person, the newest first, and what else needs looking at."""
    told: list[tuple[float, Document]] = []
    attention: list[Document] = []
    for one in subscriptions:
        told += [
            (each.at, _notification(one, each))
            for each in one.notifications
            if not (unread and each.read)
        ]
        expired = one.status(now) is Status.EXPIRED
        if expired or one.trouble is not None:
            shown = subscription_document(one, now, is_network=False)
            kept = ("id", "name", "status", "reason", "problem")
            attention.append({key: shown[key] for key in kept})
    told.sort(key=lambda pair: pair[0], reverse=True)
    return {"notifications": [each for _, each in told], "attention": attention}


def _notification(one: Subscription, each: Notification) -> Document:
    document: Document = {
        "id": each.id,
        "subscription": one.id,
        "name": one.name or None,
        "at": _moment(each.at),
        "where": each.where,
        "from": _state(each.before, each.was_at_least),
        "to": _state(each.after, each.at_least),
        "read": each.read,
    }
    if each.delivery is not None:
        document["webhook"] = {
            "status": each.delivery.sending.value,
            "attempts": each.delivery.attempts,
        }
    return document


def _place(place: Place) -> Document:
    return _state(place.state, place.at_least)


def _state(state: State, at_least: int | None) -> Document:
    if state is not State.HIT or at_least is None:
        return {"state": state.value}
    return {"state": state.value, "atLeast": at_least}


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(min(seconds, _LAST_S), UTC).isoformat(timespec="seconds")


_LAST_S = 253_402_300_799.0  # the last second of the year 9999
