"""The home of what a server understands beyond the specification, and of how it says so."""

from __future__ import annotations

from typing import Any

import msgspec

from beacon.framework.response import Identity

NDJSON = "application/x-ndjson"
"""One JSON document a line."""

EVENT_STREAM = "text/event-stream"
"""Server-sent events, as browsers read them."""

BATCH = "/batch"
MATCH = "/match"
MEMBERS = "/network/members"
MEMBER = "/network/members/{id}"
QUESTION = "/network/queries/{id}"
SUBSCRIPTIONS = "/subscriptions"
SUBSCRIPTION = "/subscriptions/{id}"
INBOX = "/subscriptions/inbox"


class Extensions(msgspec.Struct, frozen=True, kw_only=True):
    """Which of the extensions there are.

    `batch_max` is how many questions one request to `/batch` may hold, 0 when there is none.
    `streaming` says that answers can be had in parts, and again by the id of the question.
    `members` says that the beacons behind this one are described. `finds_descendants` says that a
    term finds its kinds, too, whether or not anybody lists it. `subscriptions` says that questions
    can stand.
    """

    batch_max: int = 0
    streaming: bool = False
    members: bool = False
    finds_descendants: bool = False
    match: bool = False
    subscriptions: bool = False


NONE = Extensions()


def described(extensions: Extensions, identity: Identity) -> dict[str, Any]:
    """`extensions` of `/service-info`: those that there are, with absolute URLs."""
    found: dict[str, Any] = {}
    if extensions.batch_max:
        found["batch"] = {"url": identity.url(BATCH), "maxItems": extensions.batch_max}
    if extensions.match:
        found["match"] = {"url": identity.url(MATCH)}
    if extensions.streaming:
        found["streaming"] = {
            "mediaTypes": [NDJSON, EVENT_STREAM],
            "resumeUrl": identity.url(QUESTION),
        }
    if extensions.finds_descendants:
        found["filteringTerms"] = {"descendantsAreFound": True}
    if extensions.members:
        found["network"] = {"membersUrl": identity.url(MEMBERS)}
    if extensions.subscriptions:
        found["subscriptions"] = {
            "url": identity.url(SUBSCRIPTIONS),
            "inboxUrl": identity.url(INBOX),
            "asksAs": "network" if extensions.members else "caller",
        }
    return found
