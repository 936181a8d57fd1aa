"""The home of `Language`: what pages say, in one language, and which one a reader understands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

FOLDER = Path(__file__).parent / "languages"
CODES = ("en", "fi", "es", "de", "fr")
"""The languages that there are, the first for whoever understands none of them."""

Texts = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Language:
    """One language.

    Attributes:
        code: ISO 639-1.
        texts: by section and name.
    """

    code: str
    texts: Texts

    def text(self, key: str, **values: Any) -> str:
        """What stands under `section.name`, with `{placeholders}` filled in."""
        section, _, name = key.partition(".")
        said = self.texts[section][name]
        return said.format_map(values) if values else said

    def has(self, key: str) -> bool:
        """Whether there is a text of this name."""
        section, _, name = key.partition(".")
        return name in self.texts.get(section, {})

    @property
    def name(self) -> str:
        """What it calls itself."""
        return self.texts["language"]["name"]


def languages() -> Mapping[str, Language]:
    """All languages, by code, read from their files."""
    return {code: Language(code, _texts(FOLDER / f"{code}.json")) for code in CODES}


def preferred(accept_language: str, codes: Sequence[str] = CODES) -> str:
    """The language of a reader, by the header `Accept-Language` (RFC 9110, 12.5.4).

    Returns:
        The first of `codes` where the reader understands none of them.
    """
    wishes: list[tuple[float, int, str]] = []
    for place, one in enumerate(accept_language.split(",")[:30]):
        name, _, parameter = one.strip().partition(";")
        code = name.strip().lower().split("-")[0]
        if code in codes:
            wishes.append((-_weight(parameter), place, code))
    wanted = [one for one in sorted(wishes) if one[0] < 0]
    return wanted[0][2] if wanted else codes[0]


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return min(max(float(value), 0.0), 1.0)
    except ValueError:
        return 0.0


def _texts(path: Path) -> Texts:
    return msgspec.json.decode(path.read_bytes(), type=dict[str, dict[str, str]])
