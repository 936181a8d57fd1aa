"""Puts standing questions together: who asks, what is published, and where they are kept."""

from __future__ import annotations

import contextlib
import hashlib
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from beacon.auth.authenticator import Authenticator
from beacon.auth.callers import Caller, Visa
from beacon.auth.issuers import Trust
from beacon.auth.policy import PURPOSE, Policy, read_purpose
from beacon.auth.pseudonyms import Pseudonyms
from beacon.framework.access import EVERYTHING, Access
from beacon.framework.audit import Audit
from beacon.framework.errors import Forbidden, SettingsError, SourceUnavailable, Unauthorized
from beacon.framework.service import Service
from beacon.mongo import documents
from beacon.network.discovery import Discovery
from beacon.network.metadata import Metadata
from beacon.portal.login_sealing import Sealing
from beacon.secrets_file import Keys
from beacon.settings import Settings
from beacon.subscriptions.cases import Cases
from beacon.subscriptions.file_rows import FileRows
from beacon.subscriptions.looking import CASE, QUERY, Looking
from beacon.subscriptions.mongo_rows import COLLECTION, MongoRows
from beacon.subscriptions.questions import Asking, Questions
from beacon.subscriptions.rounds import Rounds, going
from beacon.subscriptions.seams import UNSAID, Kind, Releases, Store, Who
from beacon.subscriptions.standing import Limits, Standing
from beacon.subscriptions.vault import Vault
from beacon.subscriptions.webhooks import Sender

LOOK_S = 2.0
"""Seconds between looks whether anything is due."""

_DAY_S = 86_400.0
_HOUR_S = 3_600.0


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    """Who asked: what was verified of them, and no token."""

    caller: Caller
    purpose: str | None = None


Opened = Callable[[Caller, str | None], Access]
"""What a caller may learn who asks for a purpose."""


@dataclass(frozen=True, slots=True)
class KnownCallers:
    """Callers who show a token once, and are taken for who they were for a while.

    Attributes:
        authenticator: Says who shows a token.
        opened: What policy opens to them at this moment.
        trust: Whose word is taken at this moment: of who is no longer trusted, nothing is kept.
        lasts_s: Seconds for which somebody is taken for who they were, at most.
        clock: Seconds since 1970.
    """

    authenticator: Authenticator
    opened: Opened
    trust: Trust
    lasts_s: float
    clock: Callable[[], float]

    async def who(self, headers: Mapping[str, str]) -> Who:
        """See `Callers`."""
        purpose = read_purpose(headers.get(PURPOSE))
        caller = await self.authenticator.caller(headers)
        access = None if caller is None else self.opened(caller, purpose)
        if caller is None or access is None or access.asker is None:
            raise Unauthorized(
                "a standing question has to be somebody's: come with an access token",
                reason="none_shown",
            )
        kept = _Kept(caller=caller, purpose=purpose)
        return Who(
            asker=access.asker,
            access=access,
            kept=msgspec.json.encode(kept),
            until=self._until(caller),
        )

    def access(self, kept: bytes) -> Access:
        """See `Callers`."""
        known = msgspec.json.decode(kept, type=_Kept)
        access = self.opened(self._still(known.caller), known.purpose)
        if not access.grants and access.grants is not EVERYTHING.grants:
            raise Forbidden(
                "nothing is open here to whoever asked, by the visas that they showed then and "
                "the rules of today",
                asker=access.asker,
            )
        return access

    def _until(self, caller: Caller) -> float:
        """Until when nothing that was verified ends. The token itself only says who it is now."""
        until = min((one.expires for one in caller.visas), default=float("inf"))
        if caller.linked:
            # Which visas say that accounts are linked, and until when, is told by this alone.
            until = min(until, caller.expires)
        return min(until, self.clock() + self.lasts_s)

    def _still(self, caller: Caller) -> Caller:
        """A caller, as far as those are still believed who said so."""
        revoked = self.trust.revoked_identities
        broker = self.trust.brokers.get(caller.issuer)
        if broker is None or (caller.issuer, caller.subject) in revoked:
            raise Forbidden("whoever asked is not known here any more")
        return msgspec.structs.replace(
            caller,
            linked=tuple(one for one in caller.linked if one not in revoked),
            visas=tuple(one for one in caller.visas if self._is_believed(one, broker.name)),
        )

    def _is_believed(self, visa: Visa, broker: str) -> bool:
        issuers = self.trust.visa_issuers.values()
        issuer = next((one for one in issuers if one.name == visa.issuer), None)
        assertion = None if issuer is None else issuer.assertions.get(visa.type)
        if issuer is None or assertion is None or broker not in issuer.brokers:
            return False
        now = self.clock()
        return (
            now < min(visa.expires, visa.asserted + assertion.max_age_s)
            and visa.source in assertion.sources
            and (not assertion.by or visa.by in assertion.by)
        )


def check(settings: Settings) -> None:
    """Check that standing questions can be somebody's.

    Raises:
        SettingsError: They are wanted, and nobody can be known.
    """
    if settings.subscriptions.enabled and not settings.auth.brokers:
        raise SettingsError(
            "subscriptions.enabled: a standing question has to be somebody's; auth.brokers must "
            "name who says who callers are"
        )


def mongo_releases(database: AsyncDatabase[dict[str, Any]]) -> Releases:
    """The releases of the datasets of a beacon, by its manifests."""

    async def releases() -> Mapping[str, str]:
        try:
            found = await database[documents.MANIFESTS].find({}, {"release": 1}).to_list()
        except PyMongoError as error:
            raise SourceUnavailable("the database does not answer") from error
        return {one["_id"]: str(one["release"]) for one in found}

    return releases


def member_releases(discovery: Discovery) -> Releases:
    """What is known of the members of a network, as one digest each."""
    digests: dict[str, tuple[Metadata, str]] = {}

    async def releases() -> Mapping[str, str]:
        if not discovery.has_tried_all:
            # Who was not met yet would look like one that has changed.
            raise SourceUnavailable("the members have not all been met yet; try again soon")
        known = discovery.all()
        for member_id, metadata in known.items():
            last = digests.get(member_id)
            if last is None or last[0] is not metadata:
                digests[member_id] = (metadata, _digest(metadata))
        return {one: digests[one][1] for one in known}

    return releases


def _digest(metadata: Metadata) -> str:
    """Another one whenever a member says something else of its data, its terms, or its version."""
    said = (
        metadata.version,
        metadata.updated_at,
        sorted((one.id, one.updated_at) for one in metadata.datasets.values()),
        metadata.terms,
        metadata.info,
    )
    plain = msgspec.json.encode(said, order="sorted")
    digest = hashlib.blake2b(plain, digest_size=16).hexdigest()
    dated = metadata.updated_at or any(one.updated_at for one in metadata.datasets.values())
    return digest if dated else UNSAID + digest


@contextlib.asynccontextmanager
async def open_for_beacon(
    settings: Settings,
    service: Service,
    policy: Policy,
    audit: Audit | None,
    keys: Callable[[Settings], Keys],
    authenticator: Authenticator | None,
    database: AsyncDatabase[dict[str, Any]],
) -> AsyncIterator[Standing | None]:
    """The standing questions of a beacon while this is open; `None` where there are to be none.

    Raises:
        SettingsError: Nobody can be known.
    """
    check(settings)
    if not settings.subscriptions.enabled or authenticator is None:
        yield None
        return
    asking = Asking(service, audit, settings.limits.deadline_s, is_network=False)
    async with _opened(
        settings,
        _Parts(
            service=service,
            callers=_callers(settings, authenticator, policy.access),
            kinds=_kinds(asking),
            releases=mongo_releases(database),
            store=MongoRows(database[COLLECTION]),
            key=keys(settings).derive(_KEY),
            is_network=False,
        ),
    ) as standing:
        yield standing


@contextlib.asynccontextmanager
async def open_for_network(
    settings: Settings,
    service: Service,
    pseudonyms: Pseudonyms | None,
    audit: Audit | None,
    keys: Callable[[Settings], Keys],
    authenticator: Authenticator | None,
    discovery: Discovery,
) -> AsyncIterator[Standing | None]:
    """The standing questions of a network, as `open_for_beacon`.

    Members are asked as this network or as the public: no token is kept that could be exchanged.
    """
    check(settings)
    if not settings.subscriptions.enabled or authenticator is None or pseudonyms is None:
        yield None
        return
    names = pseudonyms

    def opened(caller: Caller, purpose: str | None) -> Access:
        asker = names.asker(caller, ())
        return Access(grants=EVERYTHING.grants, asker=asker, purpose=purpose)

    asking = Asking(service, audit, settings.network.stream_deadline_s, is_network=True)
    async with (
        FileRows(Path(settings.data_dir)) as store,
        _opened(
            settings,
            _Parts(
                service=service,
                callers=_callers(settings, authenticator, opened),
                kinds=_kinds(asking),
                releases=member_releases(discovery),
                store=store,
                key=keys(settings).derive(_KEY),
                is_network=True,
            ),
        ) as standing,
    ):
        yield standing


_KEY = "subscriptions"


@dataclass(frozen=True, slots=True)
class _Parts:
    service: Service
    callers: KnownCallers
    kinds: Mapping[str, Kind]
    releases: Releases
    store: Store
    key: bytes
    is_network: bool


def _kinds(asking: Asking) -> Mapping[str, Kind]:
    return {QUERY: Questions(asking), CASE: Cases(asking)}


def _callers(settings: Settings, authenticator: Authenticator, opened: Opened) -> KnownCallers:
    return KnownCallers(
        authenticator=authenticator,
        opened=opened,
        trust=Trust.from_settings(settings.auth),
        lasts_s=settings.subscriptions.rights_days * _DAY_S,
        clock=time.time,
    )


@contextlib.asynccontextmanager
async def _opened(settings: Settings, parts: _Parts) -> AsyncIterator[Standing]:
    own = settings.subscriptions
    every_s = own.every_hours * _HOUR_S
    looking = Looking(
        callers=parts.callers,
        kinds=parts.kinds,
        releases=parts.releases,
        every_s=every_s,
        clock=time.time,
        chance=random.random,
    )
    names, sealed = (_derived(parts.key, label) for label in (b"owners", b"sealed"))
    vault = Vault(parts.store, Sealing(sealed), names, time.time)
    async with Sender(allow_loopback=own.allow_loopback_http) as sender:
        rounds = Rounds(
            vault=vault,
            looking=looking,
            sender=sender,
            look_s=min(LOOK_S, every_s),
            clock=time.time,
            chance=random.random,
        )
        async with going(rounds):
            yield Standing(
                vault=vault,
                looking=looking,
                limits=Limits(
                    per_caller=own.per_caller,
                    webhooks=own.webhooks,
                    allow_loopback_http=own.allow_loopback_http,
                ),
                identity=parts.service.identity,
                clock=time.time,
                is_network=parts.is_network,
            )


def _derived(key: bytes, label: bytes) -> bytes:
    return hashlib.blake2b(label, key=key, digest_size=32).digest()
