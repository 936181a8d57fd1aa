"""The home of changes of proteins as people write them: `V600E`, `p.(Gln893*)`, `Glu23fs`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

_THREE = {
    "A": "Ala",
    "R": "Arg",
    "N": "Asn",
    "D": "Asp",
    "B": "Asx",
    "C": "Cys",
    "Q": "Gln",
    "E": "Glu",
    "Z": "Glx",
    "G": "Gly",
    "H": "His",
    "I": "Ile",
    "L": "Leu",
    "K": "Lys",
    "M": "Met",
    "F": "Phe",
    "P": "Pro",
    "O": "Pyl",
    "U": "Sec",
    "*": "Ter",
    "S": "Ser",
    "T": "Thr",
    "W": "Trp",
    "Y": "Tyr",
    "V": "Val",
    "X": "Xaa",
}
_ONE = {three.upper(): one for one, three in _THREE.items()} | {"STOP": "*"}


class _Style(NamedTuple):
    """One way to write residues."""

    change: re.Pattern[str]
    residue: re.Pattern[str]


def _style(residue: str) -> _Style:
    stop = r"(?:\*|TER|X)"
    change = (
        rf"(?P<old>{residue})(?P<position>[0-9]{{1,6}})"
        rf"(?:_(?P<old_last>{residue})(?P<last>[0-9]{{1,6}}))?"
        rf"(?:(?P<word>DELINS|DEL|DUP|INS)(?P<inserted>(?:{residue}){{0,100}})"
        rf"|(?P<shift>(?:{residue})?)FS(?P<until>{stop}(?P<count>[0-9]{{1,5}}|\?)?)?"
        rf"|(?P<new>{residue}|=)"
        rf"|(?P<extended>{residue}|\?)?EXT(?P<extension>(?:{stop}|-)(?:[0-9]{{1,5}}|\?)))"
    )
    return _Style(re.compile(change), re.compile(residue))


_STYLES = (
    _style("(?:" + "|".join([*(one for one in _ONE if one != "STOP"), "STOP", r"\*", "X"]) + ")"),
    _style(r"[ACDEFGHIKLMNPQRSTVWYUOBZX*]"),
)


@dataclass(frozen=True, slots=True)
class ProteinChange:
    """A change of a protein in both codes.

    Attributes:
        three: `p.Gln893Ter`.
        one: `Q893*`, as Beacons write it.
        is_stop_by_x: whether X was taken for a stop, as it once meant.
    """

    three: str
    one: str
    is_stop_by_x: bool = False


def protein_change(text: str) -> ProteinChange | None:
    """A change of a protein, with or without `p.` and parentheses, in any case."""
    bare = text.strip()
    if bare[:2].lower() == "p.":
        bare = bare[2:].strip()
    bare = bare.strip("()").replace(" ", "").upper()
    if len(bare) > 400:
        return None
    for style in _STYLES:
        if found := style.change.fullmatch(bare):
            return _change(found, style)
    return None


def _change(found: re.Match[str], style: _Style) -> ProteinChange | None:
    old, new = _one(found["old"]), _one(found["new"] or "")
    by_x = new == "X" and old != "X"
    if by_x:
        new = "*"
    if new == old:
        new = "="
    place = f"{old}{found['position']}"
    if found["last"]:
        if int(found["last"]) <= int(found["position"]) or not found["word"]:
            return None
        place += f"_{_one(found['old_last'])}{found['last']}"
    if found["word"]:
        inserted = "".join(_one(one) for one in style.residue.findall(found["inserted"]))
        word = found["word"].lower()
        if (word in ("ins", "delins")) != bool(inserted) or (word == "ins") > bool(found["last"]):
            return None
        return ProteinChange(
            f"p.{_threes(place)}{word}{_threes(inserted)}", place + word + inserted
        )
    if found["new"]:
        return ProteinChange(f"p.{_threes(place)}{_threes(new)}", place + new, by_x)
    if found["extension"]:
        extended = _one(found["extended"] or "")
        tail = re.sub(r"^(?:TER|X)", "*", found["extension"])
        return ProteinChange(
            f"p.{_threes(place)}{_threes(extended)}ext{tail.replace('*', 'Ter')}",
            f"{place}{extended}ext{tail}",
        )
    shift, count = _one(found["shift"] or ""), found["count"] or ""
    until = found["until"] is not None and bool(count)
    return ProteinChange(
        f"p.{_threes(place)}{_threes(shift)}fs{'Ter' + count if until else ''}",
        f"{place}{shift}fs{'*' + count if until else ''}",
    )


def _one(residue: str) -> str:
    return residue if len(residue) <= 1 else _ONE[residue]


def _threes(text: str) -> str:
    """One-letter codes as three-letter ones; everything else stays."""
    return "".join(_THREE.get(one, one) for one in text)
