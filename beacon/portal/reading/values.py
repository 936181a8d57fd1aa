"""The home of what the reader says: a `Reading`, what it doubts, and why it could not read."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from beacon.framework.errors import InvalidRequest
from beacon.framework.query import VariationQuery

_SHOWN_MAX = 60
_WORDS_MAX = 5  # the columns of a VCF that name a variant


class Doubt(msgspec.Struct, frozen=True):
    """Something that the reader is not sure of, or that whoever asks should know.

    `code` is the end of the translation key `doubt.<code>`, `values` fill its placeholders.
    """

    code: str
    values: dict[str, str] = {}


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """One way to read a text.

    Attributes:
        kind: `variant` (a position and bases, or a structural variant by its extent and type),
            `region`, `gene`, `aminoacid`, or `hgvs` (an expression that beacons look up or
            interpret themselves).
        variation: what a beacon is asked.
        assembly: canonical; `None` where the question does not need one.
        name: as it is shown and linked, and read back as the same: `17-43094692-G-A` (1-based, as
            in VCF), `17:43000000-43100000` (1-based, both ends included), `BRCA1`,
            `BRCA1 p.Gln893Ter`, `NM_007294.4:c.2677C>T`.
        hgvs: the genomic expression, where it is certain. Insertions and deletions stand at the
            rightmost place of a repeat in it, so without a reference sequence they have none,
            unless it was what was typed.
        gene: approved symbol, if known.
        doubts: the most important first.
        others: other ways to read the same text, the best first; these have no others.
    """

    kind: str
    variation: VariationQuery
    assembly: str | None
    name: str
    hgvs: str | None = None
    gene: str | None = None
    doubts: tuple[Doubt, ...] = ()
    others: tuple[Reading, ...] = ()


class NotRead(InvalidRequest):
    """The text is no question. `code` is the end of `unread.<code>`, `values` fill that text."""

    def __init__(self, code: str, **values: str) -> None:
        super().__init__(f"the text cannot be read as a question: {code.replace('_', ' ')}")
        self.code = code
        self.values = {name: shown(value) for name, value in values.items()}


class Suggestion(NamedTuple):
    """A gene that what was typed may become: its approved symbol, and the name that matched."""

    symbol: str
    said_as: str


def shown(text: str) -> str:
    """The beginning of a text, short enough for a sentence and without what follows in a row."""
    words = text.split(None, _WORDS_MAX)
    whole = " ".join(words[:_WORDS_MAX])
    if len(words) > _WORDS_MAX or len(whole) > _SHOWN_MAX:
        return f"{whole[: _SHOWN_MAX - 1]}…"
    return whole
