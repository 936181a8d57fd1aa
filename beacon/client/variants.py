"""The home of `Variant`: one allele at one place, as it is asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Self

_TEXT = re.compile(
    r"(?:chr)?(?P<name>[A-Za-z0-9_.]{1,40})[-:](?P<pos>[1-9]\d{0,9})[-:]"
    r"(?P<ref>[A-Z]{1,10000})[-:>](?P<alt>[A-Z]{1,10000})",
    re.IGNORECASE | re.ASCII,
)
_BASES = re.compile(r"[ACGTURYSWKMBDHVN]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Variant:
    """An allele.

    Attributes:
        assembly: Of the reference, `GRCh38` or `GRCh37`.
        reference_name: The chromosome, `17`, `X`, `MT`.
        start: Where it begins, 0-based.
        reference_bases: What is there in the reference, in capitals.
        alternate_bases: What is there instead.
    """

    assembly: str
    reference_name: str
    start: int
    reference_bases: str
    alternate_bases: str

    def __post_init__(self) -> None:
        if self.start < 0:
            raise ValueError(f"start is {self.start}; the first base of a sequence is 0")
        for bases in (self.reference_bases, self.alternate_bases):
            if not _BASES.fullmatch(bases):
                raise ValueError(f"{bases[:20]!r} are no bases, in capitals")

    @classmethod
    def parse(cls, text: str, *, assembly: str) -> Self:
        """Read a variant as it is written after a VCF: `17-43094692-G-A`, with a 1-based position.

        `chr17:43094692:G>A` is the same.

        Raises:
            ValueError: It is not written so.
        """
        found = _TEXT.fullmatch(text.strip())
        if found is None:
            raise ValueError(f"{text[:60]!r} is no variant; 17-43094692-G-A would be one")
        name = found["name"].upper()
        # The one conversion of positions: a VCF counts from 1.
        return cls(
            assembly,
            "MT" if name == "M" else name,
            int(found["pos"]) - 1,
            found["ref"].upper(),
            found["alt"].upper(),
        )

    def __str__(self) -> str:
        """As `parse` reads it, with a 1-based position."""
        pos = self.start + 1
        return f"{self.reference_name}-{pos}-{self.reference_bases}-{self.alternate_bases}"

    @property
    def parameters(self) -> dict[str, Any]:
        """The variation parameters of Beacon v2 that ask for it."""
        return {
            "assemblyId": self.assembly,
            "referenceName": self.reference_name,
            "start": [self.start],
            "referenceBases": self.reference_bases,
            "alternateBases": self.alternate_bases,
        }


def variant_of(given: Variant | str, assembly: str | None) -> Variant:
    """What a caller means; raises `ValueError` for a text without an assembly."""
    if isinstance(given, Variant):
        return given
    if assembly is None:
        raise ValueError("say which assembly the variant is on, such as assembly='GRCh38'")
    return Variant.parse(given, assembly=assembly)
