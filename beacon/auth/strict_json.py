"""The home of reading JSON that a stranger wrote: one meaning, or none."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any


def read_object(data: bytes) -> Mapping[str, Any]:
    """The JSON object in UTF-8 text.

    Raises:
        ValueError: It is none; or a key comes twice, a number is none, a text cannot be written
            down, or it is nested too deeply.
    """
    try:
        document = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_without_twins,
            parse_constant=_no_number,
            parse_float=_finite,
        )
        # An escaped half of a surrogate pair is valid JSON and no text.
        json.dumps(document, ensure_ascii=False).encode("utf-8")
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(document, dict):
        raise ValueError("not an object")
    return document


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a key comes twice")
    return document


def _no_number(_text: str) -> float:
    raise ValueError("not a number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("not a finite number")
    return number
