"""The home of `About`: what a beacon says of itself, as far as it matters to who asks it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from beacon.client.envelopes import mapping, text
from beacon.client.ranges import whole


@dataclass(frozen=True, slots=True)
class About:
    """What a beacon says of itself.

    Attributes:
        id: What it calls itself, in answers, too.
        name: For people.
        api_version: Of Beacon that it speaks, `v2.2.0`; `None` where it does not say.
        is_network: Whether it asks other beacons.
        batch_max: Questions that it takes in one request; 0 if it takes them one by one.
        has_match: Whether it looks for people who are like a case.
        streams: Whether it answers in parts.
    """

    id: str
    name: str
    api_version: str | None
    is_network: bool
    batch_max: int
    has_match: bool
    streams: bool


def read_about(info: Mapping[str, Any], service: Mapping[str, Any]) -> About:
    """Read `/info` and `/service-info`; the second is empty where there is none."""
    said, meta = mapping(info.get("response")), mapping(info.get("meta"))
    offered = mapping(service.get("extensions"))
    artifact = text(mapping(service.get("type")).get("artifact")) or ""
    beacon_id = text(said.get("id")) or text(meta.get("beaconId")) or text(service.get("id")) or ""
    return About(
        id=beacon_id,
        name=text(said.get("name")) or beacon_id,
        api_version=api_version_of(info),
        is_network="network" in offered or "network" in artifact.lower(),
        batch_max=whole(mapping(offered.get("batch")).get("maxItems")) or 0,
        has_match=bool(offered.get("match")),
        streams=bool(offered.get("streaming")),
    )


def api_version_of(info: Mapping[str, Any]) -> str | None:
    """The version of Beacon that `/info` names."""
    said, meta = mapping(info.get("response")), mapping(info.get("meta"))
    return text(said.get("apiVersion")) or text(meta.get("apiVersion"))
