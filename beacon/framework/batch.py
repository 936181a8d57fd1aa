"""The home of many questions in one request: how they are read, and how each is answered.

What all questions share is said once. Each is read as a POST request of its own would be.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from beacon.framework.disclosure import Disclosed
from beacon.framework.entry_types import Endpoint, Model
from beacon.framework.errors import BeaconError, InvalidRequest
from beacon.framework.parameters import check_characters, show, with_names
from beacon.framework.query import Query
from beacon.framework.request import Limits, decode_post
from beacon.framework.response import Identity, answer_parts, encode

SHARED_MAX_BYTES = 64 * 1024
"""Of what all questions share: it is read again with each."""

ID_MAX_CHARACTERS = 128

_ENTRY_TYPE = "genomicVariant"
_OF_ITEM = {"requestParameters": b"{[", "filters": b"["}
"""What an item may say, and how that begins where it can be joined with what is said for all."""
_NOTHING = msgspec.Raw(b"null")

Raws = Mapping[str, msgspec.Raw]


class Item(msgspec.Struct, frozen=True):
    """One question of a batch as it came; `id` is what the client calls it."""

    id: str
    asked: Raws


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """A batch whose questions are still to be read, one by one: any of them may be wrong."""

    entry: Endpoint
    meta: msgspec.Raw
    shared: Raws
    items: tuple[Item, ...]
    test_mode: bool


class _Document(msgspec.Struct):
    items: list[dict[str, msgspec.Raw]]
    meta: msgspec.Raw = _NOTHING
    query: dict[str, msgspec.Raw] | None = None
    entryType: str | None = None  # noqa: N815


def decode_batch(body: bytes, model: Model, limits: Limits, items_max: int) -> Batch:
    """Read a batch as far as its questions share it.

    Raises:
        InvalidRequest: The body is no batch, holds too many questions, does not tell them apart,
            or what they share is malformed.
    """
    try:
        document = msgspec.json.decode(body, type=_Document)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"the body is not a batch: {error}") from error
    except RecursionError as error:
        raise InvalidRequest(f"the body is nested deeper than {limits.body_depth}") from error
    if len(document.items) > items_max:
        raise InvalidRequest(f"items holds {len(document.items)} questions; at most {items_max}")
    shared = with_names(document.query or {})
    if len(document.meta) + sum(map(len, shared.values())) > SHARED_MAX_BYTES:
        raise InvalidRequest(f"meta and query are larger than {SHARED_MAX_BYTES} bytes")
    entry = _entry(_ENTRY_TYPE if document.entryType is None else document.entryType, model)
    # Without its parameters: they need not make a question before an item has added its own.
    without = {key: value for key, value in shared.items() if key != "requestParameters"}
    common = decode_post(entry, {}, _post(document.meta, without), model, limits)
    return Batch(
        entry=entry,
        meta=msgspec.Raw(bytes(document.meta)),
        shared=shared,
        items=tuple(_items(document.items)),
        test_mode=common.test_mode,
    )


def query_of(batch: Batch, item: Item, model: Model, limits: Limits) -> Query:
    """Read one question.

    Raises:
        InvalidRequest: It is malformed, or says what can only be said for all.
    """
    asked = with_names(item.asked)
    for name in asked:
        if name not in _OF_ITEM:
            raise InvalidRequest(
                f"{name} is said for all questions, in query; an item has {', '.join(_OF_ITEM)}"
            )
    joined = {
        name: _joined(batch.shared.get(name), asked.get(name), begins)
        for name, begins in _OF_ITEM.items()
    }
    body = _post(batch.meta, {**batch.shared, **joined})
    return decode_post(batch.entry, {}, body, model, limits)


def encode_item(
    item_id: str, disclosed: Disclosed, query: Query, identity: Identity, model: Model
) -> bytes:
    """The answer to one question, without `meta`, on one line."""
    return encode({"id": item_id, **answer_parts(disclosed, query, identity, model)})


def encode_item_error(item_id: str, error: BeaconError) -> bytes:
    """Why one question has no answer, on one line."""
    return encode({"id": item_id, "error": {"errorCode": error.status, "errorMessage": str(error)}})


def encode_end(items: int, answered: int) -> bytes:
    """The last line: without it, lines are missing."""
    return encode(_end(items, answered))


def encode_document(lines: list[bytes], answered: int, identity: Identity) -> bytes:
    """All lines as one document, `results`."""
    meta = {"beaconId": identity.beacon_id, "apiVersion": identity.api_version}
    results = [msgspec.Raw(line) for line in lines]
    return msgspec.json.encode({"meta": meta, "results": results, **_end(len(lines), answered)})


def _end(items: int, answered: int) -> dict[str, Any]:
    return {"complete": True, "items": items, "answered": answered}


def _entry(entry_type: str, model: Model) -> Endpoint:
    entry_type_id = model.canonical(entry_type)
    if entry_type_id is None:
        known = ", ".join(one.id for one in model.entry_types)
        raise InvalidRequest(f"entryType is {show(entry_type)}; it must be one of {known}")
    path = model.by_id(entry_type_id).path
    return Endpoint(pattern=f"/{path}", kind="collection", entry_type=entry_type_id)


def _items(raw: list[dict[str, msgspec.Raw]]) -> Iterator[Item]:
    seen = set()
    for index, one in enumerate(raw):
        try:
            item_id = msgspec.json.decode(one.get("id", _NOTHING), type=str)
        except msgspec.DecodeError:
            item_id = ""
        if not 1 <= len(item_id) <= ID_MAX_CHARACTERS:
            raise InvalidRequest(
                f"items[{index}].id must be a string of 1 to {ID_MAX_CHARACTERS} characters"
            )
        check_characters(f"items[{index}].id", item_id)
        if item_id in seen:
            raise InvalidRequest(f"items[{index}].id is {show(item_id)}, as that of another item")
        seen.add(item_id)
        yield Item(item_id, {key: value for key, value in one.items() if key != "id"})


def _joined(shared: msgspec.Raw | None, own: msgspec.Raw | None, begins: bytes) -> Any:
    """What is said for all and what is said of one: together they narrow a question."""
    given = [one for one in (shared, own) if one is not None and bytes(one) != b"null"]
    if len(given) < 2:
        return given[0] if given else None
    if not all(bytes(one)[:1] in begins for one in given):
        return given[1]  # what cannot be joined is refused for what it is
    return [part for one in given for part in _parts(one)]


def _parts(raw: msgspec.Raw) -> list[msgspec.Raw]:
    if bytes(raw)[:1] == b"[":
        return msgspec.json.decode(raw, type=list[msgspec.Raw])
    return [raw]


def _post(meta: msgspec.Raw, query: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode({"meta": meta, "query": query})
