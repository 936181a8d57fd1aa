"""The home of `Discovery`: keeps what members say of themselves fresh, and remembers it."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec
import structlog

from beacon.framework.entry_types import Model
from beacon.model.entry_types import MODEL
from beacon.model.ontology import Ontologies
from beacon.network import canary
from beacon.network.descriptions import metadata_from
from beacon.network.members import Member
from beacon.network.merged_terms import NO_TERMS, MergedTerms, merge_terms
from beacon.network.metadata import Metadata
from beacon.network.requests import MemberRequest
from beacon.network.states import MemberFailure, State
from beacon.network.vocabulary import NO_ONTOLOGIES

if TYPE_CHECKING:
    from beacon.network.remote import RawReply, Remotes

RETRY_S = 15.0
"""Seconds after which a member that could not be met at all is tried again, then twice as long."""

SPREAD = 0.2
"""By how much of its length a wait is longer or shorter, so that members are met one by one."""

_WAIT_S = 30.0
_CANARY_WAIT_S = 10.0
_MIB = 1024 * 1024
_DOCUMENTS: Mapping[str, tuple[str, int]] = {
    "/info": ("/info", _MIB),
    "/service-info": ("/service-info", _MIB),
    "/map": ("/map", _MIB),
    "/configuration": ("/configuration", _MIB),
    "/entry_types": ("/entry_types", _MIB),
    "/datasets": ("/datasets?requestedGranularity=record&limit=1000", 8 * _MIB),
    "/filtering_terms": ("/filtering_terms?limit=0", 8 * _MIB),
}
"""What is read of a member: path → target and the most bytes that are taken."""

_FOR_GOOD = frozenset({400, 401, 403, 404, 405, 410, 501})
"""Statuses by which a member says that it has no such document, for us."""

log = structlog.stdlib.get_logger()


def _spread() -> float:
    return 1 - SPREAD + 2 * SPREAD * secrets.randbelow(1000) / 1000


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What lies on disk of one member."""

    url: str
    digest: str
    metadata: Metadata


class Discovery:
    """What members can be asked, as of the last time that each could be met.

    Nobody waits for it: `of` gives what is known, from this process, an earlier one, or nothing.

    Args:
        refresh_s: Seconds between looks at a member, give or take a fifth.
        folder: Where the last good state is kept; `None` keeps none.
        ontologies: What tells the kinds of terms, for the list of all members' terms.
        spread: Factor of each wait.
    """

    def __init__(
        self,
        members: Sequence[Member],
        remotes: Remotes,
        *,
        refresh_s: float,
        folder: Path | None,
        model: Model = MODEL,
        ontologies: Ontologies = NO_ONTOLOGIES,
        spread: Callable[[], float] = _spread,
    ) -> None:
        self.members = tuple(members)
        self.ontologies = ontologies
        self._remotes, self._model = remotes, model
        self._refresh_s, self._folder, self._spread = refresh_s, folder, spread
        self._known: dict[str, _Kept] = {}
        self._checked_at: dict[str, float] = {}
        self._tried: set[str] = set()
        self._in_part: set[str] = set()
        self._terms = NO_TERMS
        self._changed = asyncio.Event()
        self._generation = 0

    @property
    def generation(self) -> int:
        """Rises whenever something that members say of themselves has changed."""
        return self._generation

    @property
    def terms(self) -> MergedTerms:
        """The filtering terms of all members, as of the last change."""
        return self._terms

    def of(self, member_id: str) -> Metadata | None:
        """What is known of a member; `None` when nothing ever was."""
        kept = self._known.get(member_id)
        return None if kept is None else kept.metadata

    def all(self) -> Mapping[str, Metadata]:
        """What is known of each member that something is known of, in the members' order."""
        return {
            one.id: self._known[one.id].metadata for one in self.members if one.id in self._known
        }

    def checked_at(self, member_id: str) -> float | None:
        """When a member was last met, in seconds since 1970; `None`: not by this process."""
        return self._checked_at.get(member_id)

    @property
    def has_tried_all(self) -> bool:
        """Whether every member has been met, or could not be, or is known from before."""
        return all(one.id in self._tried or one.id in self._known for one in self.members)

    async def run(self) -> None:
        """Look at every member now and then, until cancelled."""
        await self._remember()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._merge_when_changed())
            for member in self.members:
                group.create_task(self._watch(member))

    async def look(self, member: Member) -> bool:
        """Ask one member what it says of itself, now.

        Returns:
            Whether that is something new.

        Raises:
            MemberFailure: It could not be met, or says nothing that can be read.
        """
        documents, is_whole = await self._fetch(member)
        digest = _digest(documents)
        self._checked_at[member.id] = time.time()
        known = self._known.get(member.id)
        if known is not None and known.digest == digest:
            metadata = known.metadata
        else:
            before = None if is_whole or known is None else known.metadata
            # Long lists of terms take a while to read, and everybody's answers would wait for it.
            metadata = await asyncio.to_thread(
                metadata_from,
                documents,
                member,
                self._model,
                fetched_at=time.time(),
                before=before,
            )
        metadata, is_tested = await self._tested(member, metadata)
        self._in_part.discard(member.id)
        if not (is_whole and is_tested):
            self._in_part.add(member.id)
        if known is not None and metadata is known.metadata:
            return False
        await asyncio.to_thread(metadata.vocabulary.prepare, self.ontologies)
        kept = _Kept(url=member.urls[0], digest=digest, metadata=metadata)
        self._know(member, kept)
        if self._folder is not None:
            await asyncio.to_thread(_write, self._folder, member, kept)
        return True

    async def _tested(self, member: Member, metadata: Metadata) -> tuple[Metadata, bool]:
        """With what the canary says of it; else of an earlier one, and that it is so."""

        async def send(request: MemberRequest) -> RawReply:
            deadline = asyncio.get_running_loop().time() + _CANARY_WAIT_S
            return await self._remotes.ask(member, request, deadline=deadline)

        try:
            found = await canary.tested(metadata, member, self._model, send)
        except MemberFailure:
            known = self._known.get(member.id)
            return metadata if known is None else canary.carried_over(
                metadata, known.metadata
            ), False
        if found.unread_variation and found is not metadata:
            log.warning(
                "member_ignores_variation",
                member=member.id,
                entry_types=list(found.unread_variation),
            )
        return found, True

    async def _watch(self, member: Member) -> None:
        retry_s = min(RETRY_S, self._refresh_s)
        while True:
            try:
                changed = await self.look(member)
            except MemberFailure as error:
                log.warning("member_not_met", member=member.id, state=error.state.value)
                wait_s, retry_s = retry_s, min(2 * retry_s, self._refresh_s)
            else:
                if changed:
                    log.info("member_met", member=member.id)
                if member.id in self._in_part:
                    wait_s, retry_s = retry_s, min(2 * retry_s, self._refresh_s)
                else:
                    wait_s, retry_s = self._refresh_s, min(RETRY_S, self._refresh_s)
            self._tried.add(member.id)
            await asyncio.sleep(wait_s * self._spread())

    async def _fetch(self, member: Member) -> tuple[dict[str, bytes], bool]:
        """The documents that the member has, by path, and whether none could not be got."""
        documents: dict[str, bytes] = {}
        is_whole = True
        for path, (target, limit_bytes) in _DOCUMENTS.items():
            try:
                body = await self._document(member, target, limit_bytes)
            except MemberFailure:
                if path == "/info":
                    raise  # a member that is away need not be asked seven times
                is_whole = False
                continue
            if body is not None:
                documents[path] = body
        return documents, is_whole

    async def _document(self, member: Member, target: str, limit_bytes: int) -> bytes | None:
        """A document, or `None` when the member has none."""
        deadline = asyncio.get_running_loop().time() + _WAIT_S
        request = MemberRequest(method="GET", target=target, limit_bytes=limit_bytes)
        reply = await self._remotes.ask(member, request, deadline=deadline)
        if reply.status == 200:
            return reply.body
        if reply.status in _FOR_GOOD:
            return None
        raise MemberFailure(State.UNREACHABLE, f"answered with status {reply.status}")

    def _know(self, member: Member, kept: _Kept) -> None:
        self._known[member.id] = kept
        self._generation += 1
        self._changed.set()

    async def _remember(self) -> None:
        if self._folder is None:
            return
        for member in self.members:
            kept = await asyncio.to_thread(_kept, self._folder, member)
            if kept is not None and member.id not in self._known:
                await asyncio.to_thread(kept.metadata.vocabulary.prepare, self.ontologies)
                self._know(member, kept)

    async def _merge_when_changed(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            known = self.all()
            self._terms = await asyncio.to_thread(merge_terms, known, self._model)


def _digest(documents: Mapping[str, bytes]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for path, body in documents.items():
        digest.update(f"{path} {len(body)} ".encode())
        digest.update(body)
    return digest.hexdigest()


def _file(folder: Path, member: Member) -> Path:
    return folder / f"{quote(member.id, safe='')}.json"


def _write(folder: Path, member: Member, kept: _Kept) -> None:
    file = _file(folder, member)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Written beside and renamed: a process that dies meanwhile leaves the older one whole.
        part = file.with_suffix(".part")
        part.write_bytes(msgspec.json.encode(kept))
        part.replace(file)
    except OSError as error:
        log.warning("member_not_remembered", member=member.id, reason=error.strerror)


def _kept(folder: Path, member: Member) -> _Kept | None:
    try:
        kept = msgspec.json.decode(_file(folder, member).read_bytes(), type=_Kept)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return kept if kept.url == member.urls[0] else None


@contextlib.asynccontextmanager
async def discovering(discovery: Discovery) -> AsyncIterator[None]:
    """Keep what is known of members fresh, as long as the context is open."""
    task = asyncio.ensure_future(discovery.run())
    task.add_done_callback(_tell)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _tell(task: asyncio.Task[None]) -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None:
        # Questions are answered all the same, by what was known.
        log.error("discovery_ended", exc_info=error)
