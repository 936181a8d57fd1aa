"""A network over given members, and the questions that tests put to it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from beacon.framework.query import Granularity, Include, Query, VariationQuery
from beacon.model.entry_types import MODEL
from beacon.network.asked import ALONE_S
from beacon.network.discovery import Discovery
from beacon.network.guard import Manners
from beacon.network.members import Member
from beacon.network.network import Network
from beacon.network.remote import Remotes
from beacon.settings import NetworkSettings

NETWORK_ID = "eu.example.network"

ALLELE = VariationQuery(
    assembly_id="GRCh38",
    reference_name="17",
    start=(43_094_691,),
    reference_bases="G",
    alternate_bases="A",
)


def question(**changes: Any) -> Query:
    """A count of carriers of one allele, unless told otherwise."""
    asked: dict[str, Any] = {
        "entry_type": "individual",
        "variation": ALLELE,
        "granularity": Granularity.COUNT,
        "include": Include.ALL,
        "include_given": True,
    }
    return Query(**{**asked, **changes})


@contextlib.asynccontextmanager
async def network_of(
    members: Sequence[Member],
    *,
    manners: Manners = Manners(),  # noqa: B008 - frozen
    folder: Path | None = None,
    meet: bool = False,
    alone_s: float = ALONE_S,
    **settings: Any,
) -> AsyncIterator[Network]:
    """A network over members; with `meet` it asks first what each of them says of itself."""
    chosen = NetworkSettings(**settings)
    async with Remotes(members, manners=manners) as remotes:
        discovery = Discovery(members, remotes, refresh_s=chosen.refresh_s, folder=folder)
        if meet:
            for member in members:
                await discovery.look(member)
        async with Network(
            members,
            remotes,
            discovery,
            MODEL,
            network_id=NETWORK_ID,
            settings=chosen,
            alone_s=alone_s,
        ) as network:
            yield network


def status_of(info: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """`networkStatus` of an answer."""
    assert info is not None
    status: Mapping[str, Any] = info["networkStatus"]
    return status


def states(info: Mapping[str, Any] | None) -> dict[str, str]:
    """Member id → state."""
    return {one["beaconId"]: one["status"] for one in status_of(info)["members"]}
