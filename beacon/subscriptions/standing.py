"""The home of `Standing`: what people do with their standing questions."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec
from msgspec.structs import replace

from beacon.framework.errors import BeaconError, InvalidRequest, NotFound
from beacon.framework.response import Identity
from beacon.subscriptions import documents, webhooks
from beacon.subscriptions.kept import Problem, Subscription, Webhook
from beacon.subscriptions.looking import Looking, kind_of
from beacon.subscriptions.seams import Who
from beacon.subscriptions.states import compared
from beacon.subscriptions.vault import Vault

QUESTION_BYTES = 64 * 1024
"""The largest question that may stand."""

NAME_CHARACTERS = 200

_NO_META = msgspec.Raw(b"null")

Document = Mapping[str, Any]


class TooManyStanding(BeaconError):
    """The caller has as many standing questions as may be."""

    status = 409


class _WebhookAsked(msgspec.Struct, forbid_unknown_fields=True):
    url: str


class _Created(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    query: dict[str, msgspec.Raw]
    meta: msgspec.Raw = _NO_META
    entryType: str | None = None  # noqa: N815
    name: str = ""
    webhook: _WebhookAsked | None = None


class _Wanted(StrEnum):
    PAUSED = "paused"
    ACTIVE = "active"


class _Changed(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    status: _Wanted


class _Read(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    read: list[str] | None = None
    all: bool = False


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What callers may have: standing questions each, and whether webhooks, and where."""

    per_caller: int
    webhooks: bool
    allow_loopback_http: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """The standing questions of a beacon or a network."""

    vault: Vault
    looking: Looking
    limits: Limits
    identity: Identity
    clock: Callable[[], float]
    is_network: bool

    async def who(self, headers: Mapping[str, str]) -> Who:
        """Who sends a request; raises as `Callers.who`."""
        return await self.looking.callers.who(headers)

    async def create(self, who: Who, body: bytes, request_id: str) -> Document:
        """Let a question stand, and ask it for the first time, which nobody is told of.

        Raises:
            InvalidRequest: It is malformed, or cannot stand.
            TooManyStanding: There are as many already as may be.
            Forbidden: Nothing may be learnt here.
            BeaconError: There is no answer now; then it does not stand.
        """
        asked = _decoded(body, _Created)
        name = _name(asked.name)
        question = _question(asked)
        webhook = self._webhook(asked.webhook)
        read = self.looking.read(kind_of(asked.query), question)
        if len(await self.vault.of(who.asker)) >= self.limits.per_caller:
            raise self._too_many()
        # As it is asked later, not as its owner could ask now: else the next answer would differ.
        access = self.looking.callers.access(who.kept)
        answered = await self.looking.ask(read, access, request_id)
        now = self.clock()
        places, _ = compared({}, answered.places)
        subscription = Subscription(
            id=f"{int(now * 1000):012x}{secrets.token_hex(10)}",
            name=name,
            kind=kind_of(asked.query),
            question=msgspec.Raw(question),
            caller=who.kept,
            created=now,
            until=who.until,
            look_at=self.looking.next_look(now),
            webhook=webhook,
            places=places,
            releases=answered.releases,
            asked_at=now,
            is_limited=answered.is_limited,
        )
        if not await self.vault.add(subscription, who.asker, self.limits.per_caller):
            raise self._too_many()
        shown = self._shown(subscription)
        if webhook is not None:
            shown["webhook"] = {"url": webhook.url, "secret": webhook.secret}
        return documents.answer(self.identity, {"subscription": shown})

    async def list(self, who: Who) -> Document:
        """All of a person."""
        found = await self.vault.of(who.asker)
        shown = [self._shown(one) for one in found]
        return documents.answer(self.identity, {"subscriptions": shown})

    async def get(self, who: Who, subscription_id: str) -> Document:
        """One; raises `NotFound` when there is none of that id that is this person's."""
        return self._one(await self._own(who, subscription_id))

    async def change(self, who: Who, subscription_id: str, body: bytes) -> Document:
        """Pause one, or resume it, which also renews it with the rights of whoever does.

        Raises:
            NotFound: There is none of that id that is this person's.
            InvalidRequest: It is not said which.
            Forbidden: Nothing may be learnt here any more.
        """
        wanted = _decoded(body, _Changed).status
        await self._own(who, subscription_id)
        now = self.clock()
        if wanted is _Wanted.PAUSED:
            changed = await self.vault.change(
                subscription_id, lambda one: replace(one, is_paused=True)
            )
        else:
            self.looking.callers.access(who.kept)

            def resumed(one: Subscription) -> Subscription:
                earliest = (one.asked_at or 0.0) + self.looking.every_s
                trouble = one.trouble
                if trouble is not None and trouble.problem is Problem.NOT_PERMITTED:
                    trouble = None
                return replace(
                    one,
                    is_paused=False,
                    caller=who.kept,
                    until=who.until,
                    trouble=trouble,
                    look_at=max(now, earliest),
                )

            changed = await self.vault.change(subscription_id, resumed, who.asker)
        if changed is None:
            raise _no_such()
        return self._one(changed)

    async def delete(self, who: Who, subscription_id: str) -> None:
        """Delete one with all its notifications; raises as `get`."""
        await self._own(who, subscription_id)
        await self.vault.remove(subscription_id)

    async def inbox(self, who: Who, *, unread: bool) -> Document:
        """The notifications of a person, the newest first.

        Args:
            unread: Whether those are left out that were marked as read.
        """
        found = await self.vault.of(who.asker)
        shown = documents.inbox_document(found, self.clock(), unread=unread)
        return documents.answer(self.identity, shown)

    async def mark(self, who: Who, body: bytes) -> Document:
        """Mark notifications as read: those that are named, or all.

        Raises:
            InvalidRequest: It is not said which.
        """
        asked = _decoded(body, _Read)
        if (asked.read is None) is not asked.all:
            raise InvalidRequest('say which: {"read": [ids]} or {"all": true}')
        ids = set(asked.read or ())

        def is_meant(notification_id: str) -> bool:
            return asked.all or notification_id in ids

        def marked(one: Subscription) -> Subscription:
            told = tuple(
                replace(each, read=True) if is_meant(each.id) else each
                for each in one.notifications
            )
            return replace(one, notifications=told)

        for one in await self.vault.of(who.asker):
            if any(is_meant(each.id) and not each.read for each in one.notifications):
                await self.vault.change(one.id, marked)
        return await self.inbox(who, unread=True)

    async def _own(self, who: Who, subscription_id: str) -> Subscription:
        found = await self.vault.find(subscription_id, who.asker)
        if found is None:
            raise _no_such()
        return found

    def _webhook(self, asked: _WebhookAsked | None) -> Webhook | None:
        if asked is None:
            return None
        if not self.limits.webhooks:
            raise InvalidRequest("webhooks are not told here; look into the inbox")
        url = webhooks.check_url(asked.url, allow_loopback=self.limits.allow_loopback_http)
        return Webhook(url=url, secret=webhooks.new_secret())

    def _too_many(self) -> TooManyStanding:
        return TooManyStanding(
            f"at most {self.limits.per_caller} standing questions of one person; delete one first"
        )

    def _one(self, subscription: Subscription) -> Document:
        return documents.answer(self.identity, {"subscription": self._shown(subscription)})

    def _shown(self, subscription: Subscription) -> dict[str, Any]:
        return documents.subscription_document(
            subscription, self.clock(), is_network=self.is_network
        )


def _no_such() -> NotFound:
    return NotFound("no such standing question")


def _decoded(body: bytes, form: type[Any]) -> Any:
    try:
        return msgspec.json.decode(body, type=form)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequest(f"the body is not as expected: {error}") from error


def _name(text: str) -> str:
    name = text.strip()
    if len(name) > NAME_CHARACTERS or not name.isprintable():
        raise InvalidRequest(f"name must be a line of {NAME_CHARACTERS} characters at most")
    return name


def _question(asked: _Created) -> bytes:
    """What is kept of a question: as it came, to be read anew whenever it is asked."""
    document: dict[str, Any] = {"query": asked.query}
    if bytes(asked.meta) != b"null":
        document["meta"] = asked.meta
    if asked.entryType is not None:
        document["entryType"] = asked.entryType
    question = msgspec.json.encode(document)
    if len(question) > QUESTION_BYTES:
        raise InvalidRequest(f"the question is larger than {QUESTION_BYTES} bytes")
    return question
