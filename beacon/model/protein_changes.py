"""The home of how changes of proteins are written: `V600E` and `p.Val600Glu`."""

from __future__ import annotations

import re
from functools import lru_cache

_ONE_OF_THREE = {
    "Ala": "A",
    "Arg": "R",
    "Asn": "N",
    "Asp": "D",
    "Asx": "B",
    "Cys": "C",
    "Gln": "Q",
    "Glu": "E",
    "Glx": "Z",
    "Gly": "G",
    "His": "H",
    "Ile": "I",
    "Leu": "L",
    "Lys": "K",
    "Met": "M",
    "Phe": "F",
    "Pro": "P",
    "Pyl": "O",
    "Sec": "U",
    "Ser": "S",
    "Ter": "*",
    "Thr": "T",
    "Trp": "W",
    "Tyr": "Y",
    "Val": "V",
    "Xaa": "X",
}
_THREE_OF_ONE = {one: three for three, one in _ONE_OF_THREE.items()}
_CODES = "|".join(_ONE_OF_THREE)
_RESIDUE = re.compile(_CODES)
_IN_THREE = re.compile(rf"(?:{_CODES})\d+.*|\*\d+(?:{_CODES}).*")
_SILENT = re.compile(rf"(?P<one>{_CODES})(?P<position>\d+)(?P=one)")
_IN_ONE = re.compile(r"(?P<old>[A-Z*])(?P<position>\d+)(?P<new>[A-Z*]|=|\?|fs|del|dup)")


@lru_cache(maxsize=1 << 16)
def change_forms(text: str) -> tuple[str, ...]:
    """A protein change in one-letter and in three-letter codes, as clients may ask for it.

    Args:
        text: `p.Val600Glu`, `p.(Val600Glu)`, `Val600Glu` or `V600E`, without an accession.

    Returns:
        `("V600E", "p.Val600Glu")`; a single form when only one is known; nothing for what names no
        residue (`p.?`, `p.=`). A stop is `*` in the first and `Ter` in the second.
    """
    bare = text.removeprefix("p.").strip("()")
    if _IN_THREE.fullmatch(bare):
        three = _SILENT.sub(r"\g<one>\g<position>=", bare.replace("*", "Ter"))
        return _RESIDUE.sub(lambda found: _ONE_OF_THREE[found[0]], three), f"p.{three}"
    simple = _IN_ONE.fullmatch(bare)
    if simple is None:
        return ()
    old, position, new = simple["old"], simple["position"], simple["new"]
    if old not in _THREE_OF_ONE:
        return ()
    if new == old:
        new = "="
    three = f"p.{_THREE_OF_ONE[old]}{position}{_THREE_OF_ONE.get(new, new)}"
    return f"{old}{position}{new}", three


def residue_change(position: str, old: str, new: str, *, frameshift: bool = False) -> str:
    """`V600E` of a position and residues; empty where the residues alone do not tell the change.

    Args:
        position: of the first residue, from 1.
        old: residues of the reference, one-letter codes.
        new: residues instead; the same or nothing when the change is silent.
        frameshift: the change is named by the first residue that differs.
    """
    if not position.isdecimal() or not old.isascii() or not old:
        return ""
    if frameshift:
        same = 0
        while same < min(len(old), len(new)) and old[same] == new[same]:
            same += 1
        return f"{old[same]}{int(position) + same}fs" if same < len(old) else ""
    if len(old) != 1 or len(new) > 1:
        return ""
    return f"{old}{position}{new if new and new != old else '='}"
