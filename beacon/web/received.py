"""The home of what requests bring: parameters and bodies, decoded, before anybody reads them."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from urllib.parse import parse_qsl

from aiohttp import hdrs, web

from beacon.framework.errors import InvalidRequest, UnsupportedMediaType

_PARAMETERS_MAX = 1000


def parameters_of(request: web.Request) -> list[tuple[str, str]]:
    """Name and value of each parameter of the URL, decoded; a plus sign is a space.

    Raises:
        InvalidRequest: They are not UTF-8, or far too many.
    """
    text = request.rel_url.raw_query_string
    if not text:
        return []
    try:
        return parse_qsl(
            text, keep_blank_values=True, errors="strict", max_num_fields=_PARAMETERS_MAX
        )
    except ValueError as error:
        raise InvalidRequest("the parameters are not UTF-8, or too many") from error


JSON = ("application/json",)


async def body_of(
    request: web.Request, timeout_s: float, media_types: Collection[str] = JSON
) -> bytes:
    """The body of a request, decompressed.

    Args:
        request: What came.
        timeout_s: Seconds that it may take to arrive.
        media_types: What it may say that it is; it may also say nothing.

    Raises:
        UnsupportedMediaType: It says that it is something else.
        InvalidRequest: It does not arrive whole, or cannot be decompressed.
    """
    declared = request.headers.get(hdrs.CONTENT_TYPE)
    if declared is not None and request.content_type not in media_types:
        raise UnsupportedMediaType(f"the body must be {' or '.join(media_types)}")
    try:
        async with asyncio.timeout(timeout_s):
            return await request.read()
    except web.RequestPayloadError as error:
        raise InvalidRequest("the body is cut off or cannot be decompressed") from error
    except TimeoutError as error:
        raise InvalidRequest(f"the body did not arrive within {timeout_s:g} s") from error
