"""The home of what a network tells of itself, made anew only when a member has changed."""

from __future__ import annotations

from collections.abc import Mapping

from beacon.framework.entry_types import Model
from beacon.framework.extensions import MEMBERS, Extensions
from beacon.framework.information import Document
from beacon.framework.response import Identity
from beacon.network.catalogue import member_document, members_document
from beacon.network.discovery import Discovery
from beacon.network.merged_information import documents
from beacon.network.remote import Remotes


class Pages:
    """The documents of a network, by path, as of now."""

    def __init__(
        self,
        identity: Identity,
        model: Model,
        remotes: Remotes,
        discovery: Discovery,
        extensions: Extensions,
        *,
        security: Document | None = None,
    ) -> None:
        """`remotes` and `discovery` are of the same members.

        Args:
            security: What is said of the credentials that are taken.
        """
        self._identity, self._model = identity, model
        self._remotes, self._discovery = remotes, discovery
        self._extensions, self._security = extensions, security
        self._members = {one.id: one for one in discovery.members}
        self._merged: tuple[int, Mapping[str, Document]] = (-1, {})

    async def documents(self, path: str) -> Document | None:
        """A document; `None` when there is none at that path."""
        if not path.startswith(MEMBERS):
            return self._informational().get(path)
        member_id = path.removeprefix(MEMBERS).removeprefix("/")
        if not member_id:
            conditions = {one: self._remotes.condition(one) for one in self._members}
            return members_document(
                self._identity, self._discovery.members, self._discovery.all(), conditions
            )
        member = self._members.get(member_id)
        if member is None:
            return None
        return member_document(
            self._identity,
            member,
            self._discovery.of(member_id),
            self._remotes.condition(member_id),
        )

    def _informational(self) -> Mapping[str, Document]:
        generation = self._discovery.generation
        if self._merged[0] != generation:
            merged = documents(
                self._identity,
                self._model,
                self._discovery.members,
                self._discovery.all(),
                self._extensions,
                self._security,
            )
            self._merged = (generation, merged)
        return self._merged[1]
