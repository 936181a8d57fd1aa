"""Replies of members as bytes, and what is read of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from beacon.framework.query import Granularity, Query, VariationQuery
from beacon.network.members import Member
from beacon.network.remote import RawReply
from beacon.network.replies import decode
from beacon.network.states import MemberFailure, MemberReply
from beacon.settings import CountSettings, Reporting

QUERY = Query(
    entry_type="individual",
    variation=VariationQuery(
        assembly_id="GRCh38", reference_name="17", start=(7577120,), alternate_bases="A"
    ),
    granularity=Granularity.RECORD,
)
META = {"beaconId": "org.leaf", "returnedGranularity": "record"}


def member(reporting: Reporting = Reporting.EXACT) -> Member:
    return Member(
        id="fi",
        name="Finland",
        country="FI",
        urls=("https://fi.example.org",),
        hosts=frozenset({"fi.example.org:443"}),
        counts=CountSettings(reporting=reporting, threshold=5, step=10, scale=2.0),
    )


def raw(document: Any, status: int = 200) -> RawReply:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return RawReply(status=status, body=body, content_type="application/json")


def read(
    document: Any, query: Query = QUERY, reporting: Reporting = Reporting.EXACT
) -> MemberReply:
    return decode(raw(document), query, member(reporting))


def failure(document: Any, query: Query = QUERY, status: int = 200) -> MemberFailure:
    with pytest.raises(MemberFailure) as caught:
        decode(raw(document, status), query, member())
    return caught.value


def with_sets(*result_sets: Any, **rest: Any) -> dict[str, Any]:
    return {"meta": META, "response": {"resultSets": list(result_sets)}, **rest}
