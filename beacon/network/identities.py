"""The home of `Identities`: as whom each member is asked, and the tokens that show it.

A caller's token goes to the broker that issued it, to be exchanged for one that is good for a
single member; what that member is sent is the latter.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import NamedTuple, Protocol, Self

import structlog

from beacon.credential_files import CredentialFile
from beacon.framework.access import Access
from beacon.framework.errors import Forbidden, SettingsError, SourceUnavailable
from beacon.network.askers import Credentials, Introduced
from beacon.network.members import Member
from beacon.network.shown import PUBLIC, PURPOSE, Shown
from beacon.network.states import MemberFailure, State
from beacon.settings import Via

KEPT_MAX = 20_000
"""Tokens that are kept; those used longest ago are forgotten first."""

EARLY_S = 30.0
"""Seconds before its end from which on a token is not used any more; of a short-lived one it is the
last quarter."""

REFUSED_S = 30.0
"""Seconds for which a broker that gave no token is not asked for the same one again."""

AWAY_S = 2.0
"""The same, for one that did not answer."""

OFTEN_S = 60.0
"""Seconds for which a token is kept that its member does not accept."""

REREAD_S = 4.0
"""Seconds for which the content of a token file is taken for what it is."""

log = structlog.stdlib.get_logger()


class Issued(Protocol):
    """A token to be shown. `expires` is in seconds since 1970."""

    @property
    def token(self) -> str:
        """As it is sent."""

    @property
    def expires(self) -> float:
        """When it is good for nothing any more."""


@dataclass(frozen=True, slots=True)
class For:
    """What a token is to be for: one member, and nobody in `not_for`."""

    audience: str
    resource: str
    scope: str
    not_for: frozenset[str]


class TokenSource(Protocol):
    """Where tokens for members are had.

    Both raise `Forbidden` when there is none to be had, and `SourceUnavailable` when there is none
    now; their messages are for whoever asks.
    """

    async def exchanged(self, token: str, issuer: str, wanted: For) -> Issued:
        """A token for a member in exchange for a caller's, from that token's issuer."""

    async def own(self, name: str, wanted: For) -> Issued:
        """A token of this network's own for a member, from the endpoint of that name."""


class AsWhom(NamedTuple):
    """Whose answers a member's are, so that nobody else is given them.

    `person` and `digest` are a caller's pseudonym and the digest of the token that was shown; both
    are empty for what the member tells this network, whoever asks.
    """

    person: str
    digest: str
    purpose: str | None


@dataclass(frozen=True, slots=True)
class _Token:
    """A token that is kept for as long as it says, or less."""

    token: str = field(repr=False)
    expires: float


@dataclass(frozen=True, slots=True)
class _Held:
    """What came of asking for a token, and between which times that holds."""

    outcome: Issued | MemberFailure
    since: float
    until: float


_Name = tuple[str, str]
"""The digest of the caller's token, or nothing, and the id of a member."""


class Identities:
    """As whom members are asked, as an asynchronous context.

    Tokens are kept in memory alone, under the digest of the caller's.
    """

    def __init__(
        self,
        members: Sequence[Member],
        tokens: TokenSource | None = None,
        *,
        own_audiences: frozenset[str] = frozenset(),
        clock: Callable[[], float] = time.time,
        kept: int = KEPT_MAX,
    ) -> None:
        """Nothing is asked for yet.

        Args:
            members: Of the network.
            tokens: Where tokens are had; not needed while all members are asked as the public, or
                with a token out of a file.
            own_audiences: What tokens for this network have as their `aud`.
            clock: Seconds since 1970.
            kept: Tokens that are remembered.
        """
        self._tokens, self._clock, self._kept = tokens, clock, kept
        named = {one.id: {*filter(None, (one.access.audience, _resource(one)))} for one in members}
        self._wanted = {
            one.id: For(
                audience=one.access.audience,
                resource=_resource(one),
                scope=one.access.scope,
                not_for=own_audiences.union(*named.values()) - named[one.id],
            )
            for one in members
        }
        self._held: OrderedDict[_Name, _Held] = OrderedDict()
        self._under_way: dict[_Name, asyncio.Task[_Held]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def as_whom(self, member: Member, access: Access) -> AsWhom | None:
        """On whose behalf a member is asked; `None` is the public's."""
        match member.access.via:
            case Via.EXCHANGE if isinstance(access.asker, Introduced):
                asker = access.asker
                return AsWhom(asker.person, asker.credentials.digest, access.purpose)
            case Via.CREDENTIAL if access.asker is not None or member.access.public:
                return AsWhom("", "", access.purpose)
        return None

    async def shown(self, member: Member, access: Access, *, deadline: float) -> Shown:
        """What a member is shown of who asks.

        Args:
            deadline: By the clock of the event loop, for the answer of the member. Half of the
                time until then is left to it.

        Raises:
            MemberFailure: There is nothing to show where something has to be: `RESTRICTED` when
                the broker gives no token, `UNREACHABLE` when it cannot be asked.
        """
        whom = self.as_whom(member, access)
        if whom is None:
            return PUBLIC
        name = (whom.digest, member.id)
        now = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout_at(now + (deadline - now) / 2):
                issued = await self._issued(name, member, access)
        except TimeoutError:
            raise MemberFailure(State.UNREACHABLE, _SLOW) from None
        headers = {"Authorization": f"Bearer {issued.token}"}
        if whom.purpose is not None:
            headers[PURPOSE] = whom.purpose
        return Shown(headers, issued.token, partial(self._forget, name))

    async def _issued(self, name: _Name, member: Member, access: Access) -> Issued:
        held = self._held.get(name)
        if held is None or held.until <= self._clock():
            task = self._under_way.get(name)
            if task is None:
                task = asyncio.create_task(self._outcome(name, member, access))
                self._under_way[name] = task
            # Whoever waits may give up; the others go on waiting.
            held = await asyncio.shield(task)
        else:
            self._held.move_to_end(name)
        if isinstance(held.outcome, MemberFailure):
            raise MemberFailure(held.outcome.state, held.outcome.reason)
        return held.outcome

    async def _exchanged(self, credentials: Credentials, wanted: For) -> Issued:
        if self._tokens is None:
            raise Forbidden("no identity provider gives tokens for it")
        issued = await self._tokens.exchanged(credentials.reveal(), credentials.issuer, wanted)
        # What was given for a token is worth nothing when that is not.
        expires = min(issued.expires, credentials.expires)
        if expires <= self._clock():
            raise Forbidden("what the caller showed has expired")
        return _Token(issued.token, expires)

    async def _own(self, member: Member) -> Issued:
        access = member.access
        if access.token_file:
            token = await asyncio.to_thread(token_file(member).read)
            return _Token(token, self._clock() + REREAD_S * 4 / 3)
        if self._tokens is None:
            raise Forbidden("no identity provider gives tokens for it")
        return await self._tokens.own(access.token_endpoint, self._wanted[member.id])

    async def _outcome(self, name: _Name, member: Member, access: Access) -> _Held:
        try:
            if member.access.via is Via.EXCHANGE and isinstance(access.asker, Introduced):
                credentials = access.asker.credentials
                issued = await self._exchanged(credentials, self._wanted[member.id])
            else:
                issued = await self._own(member)
        except (Forbidden, SourceUnavailable, SettingsError) as error:
            held = self._failed(name, error)
        else:
            now = self._clock()
            early_s = min(EARLY_S, (issued.expires - now) / 4)
            held = _Held(issued, now, issued.expires - early_s)
        finally:
            del self._under_way[name]
        self._held[name] = held
        self._held.move_to_end(name)
        if len(self._held) > self._kept:
            self._held.popitem(last=False)
        return held

    def _failed(self, name: _Name, error: Exception) -> _Held:
        now = self._clock()
        match error:
            case Forbidden():
                state, reason, while_s = State.RESTRICTED, str(error), REFUSED_S
            case SourceUnavailable():
                state, reason, while_s = State.UNREACHABLE, str(error), AWAY_S
            case _:
                log.error("token_file_not_read", member=name[1], reason=str(error))
                reason = "what this network shows it cannot be had"
                state, while_s = State.UNREACHABLE, AWAY_S
        return _Held(MemberFailure(state, reason), now, now + while_s)

    def _forget(self, name: _Name) -> None:
        """The member did not accept a token: the next one who asks gets a new one."""
        held = self._held.get(name)
        if held is not None and self._clock() - held.since >= OFTEN_S:
            del self._held[name]


def token_file(member: Member) -> CredentialFile:
    """The file of the token that this network shows to a member."""
    key = f'network.members."{member.id}".access.token_file'
    return CredentialFile(key, member.access.token_file)


def _resource(member: Member) -> str:
    return member.access.resource or member.urls[0]


_SLOW = "the identity provider that gives tokens for it did not answer in time"
