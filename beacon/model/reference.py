"""The home of reference sequences as the model sees them: their bases, and places they share.

What reads files is `beacon/reference_files.py`; here is only what can be asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

Bases = Callable[[str, int, int], str]
"""(canonical sequence name, interbase start, end) → the bases there, upper case.

Shorter where the sequence ends, empty for a sequence that is not known.
"""


class Place(NamedTuple):
    """Where a base of one assembly lies in another.

    `reference_name` is canonical, `None` for a sequence that has no such name; `position` is
    0-based; `is_reverse` says that the strands are opposite.
    """

    reference_name: str | None
    position: int
    is_reverse: bool


Places = Callable[[str, int], tuple[Place, ...]]
"""(canonical sequence name, 0-based position of a base) → where it lies: nowhere, once, or more."""


@dataclass(frozen=True, slots=True, eq=False)
class References:
    """What is known of the assemblies that are served.

    Attributes:
        bases: by canonical assembly.
        chains: by the canonical assemblies from which and to which they lead.
    """

    bases: Mapping[str, Bases] = field(default_factory=dict)
    chains: Mapping[tuple[str, str], Places] = field(default_factory=dict)


NO_REFERENCES = References()

AMBIGUITY_CODES: Mapping[str, str] = {
    "R": "AG",
    "Y": "CT",
    "S": "CG",
    "W": "AT",
    "K": "GT",
    "M": "AC",
    "B": "CGT",
    "D": "AGT",
    "H": "ACT",
    "V": "ACG",
}
"""What a letter stands for that is more than one base (IUPAC); N, which is any, apart."""

_COMPLEMENT = str.maketrans("ACGTURYSWKMBDHVN", "TGCAAYRSWMKVHDBN")


def reverse_complement(bases: str) -> str:
    """The same bases read on the other strand; IUPAC codes are turned, too."""
    return bases.translate(_COMPLEMENT)[::-1]
