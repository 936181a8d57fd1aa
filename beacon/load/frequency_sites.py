"""The home of sites: what one line of a file, of whatever kind, says of which alleles it is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from beacon.load.vcf_alleles import NOTHING, REFERENCE_BLOCK

NOTHING_TO_COUNT = {**NOTHING, ".": REFERENCE_BLOCK, "": REFERENCE_BLOCK}
"""ALTs that stand for no allele of the site's own."""

_WHOLE = re.compile(r"-?\d{1,18}")


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of an INFO column, looked up when they are asked for."""

    text: bytes

    def get(self, name: str) -> Any:
        """The value of a field: numbers as numbers, several as a tuple, `None` for none."""
        wanted = name.encode() + b"="
        if self.text.startswith(wanted):
            start = len(wanted)
        else:
            at = self.text.find(b";" + wanted)
            if at < 0:
                return None
            start = at + 1 + len(wanted)
        return _typed(self.text[start:].partition(b";")[0].decode(errors="replace"))


@dataclass(slots=True)
class Site:
    """A site with the names that VCF gives its parts, for `AlleleReader`."""

    CHROM: str
    POS: int
    REF: str
    ALT: list[str]
    info: bytes

    @property
    def INFO(self) -> Fields:  # noqa: N802
        """The INFO column."""
        return Fields(self.info)


def _typed(text: str) -> Any:
    if "," in text:
        return tuple(_typed(part) for part in text.split(","))
    if text in (".", ""):
        return None
    return int(text) if _WHOLE.fullmatch(text) else text
