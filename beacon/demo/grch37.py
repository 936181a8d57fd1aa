"""The home of the demo's places on GRCh37: where each stretch of GRCh38 that it uses lies there.

The stretches are the genes with a margin, and the surroundings of the ends of structural alleles.
All of them run in the same direction on both assemblies and have no gaps, so one number says where
a stretch lies: how far its bases are from where they are on GRCh38.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from beacon.demo.genotypes import Site
from beacon.demo.variants import ASSEMBLY as GRCH38
from beacon.demo.variants import KnownAllele
from beacon.model import assemblies

GRCH37 = "GRCh37"


class Stretch(NamedTuple):
    """Bases [start, end) of GRCh38, interbase; on GRCh37 each lies `shift` further right."""

    name: str
    start: int
    end: int
    shift: int


STRETCHES = tuple(
    Stretch(*one)
    for one in (
        ("1", 75723708, 75764679, 465685),
        ("1", 155233451, 155242249, -30209),
        ("1", 169510950, 169587481, -30762),
        ("2", 21000428, 21045073, 222872),
        ("2", 208235228, 208256071, 864724),
        ("4", 1792292, 1809867, 1727),
        ("5", 70924886, 70925286, -704173),
        ("5", 70952815, 70953215, -704173),
        ("5", 112736884, 112847239, -664303),
        ("6", 26086428, 26099343, 228),
        ("7", 55018016, 55212628, 67693),
        ("7", 73330251, 73330651, -585997),
        ("7", 74027172, 74070907, -585670),
        ("7", 74727972, 74728372, -585662),
        ("7", 117479024, 117669665, -359946),
        ("7", 140729664, 140925929, -300200),
        ("11", 5224463, 5228071, 21230),
        ("11", 46718212, 46740506, 21550),
        ("11", 47330405, 47353702, 21551),
        ("12", 25204245, 25251929, 152934),
        ("12", 102835888, 102918244, 393778),
        ("12", 112417946, 112510918, 437804),
        ("13", 20186469, 20193938, 574139),
        ("13", 32314507, 32401268, 574137),
        ("13", 51931668, 52012450, 574136),
        ("14", 23411739, 23436660, 469209),
        ("14", 94375746, 94389602, 466337),
        ("15", 48407312, 48646709, 292197),
        ("16", 2087707, 2136898, 50001),
        ("16", 3241026, 3257633, 50000),
        ("16", 29638475, 29638875, 11321),
        ("16", 29811192, 29816881, 11321),
        ("16", 30188331, 30188731, 11321),
        ("17", 7667420, 7688490, -96682),
        ("17", 14194397, 14194797, -96683),
        ("17", 15228778, 15266326, -96683),
        ("17", 15567389, 15567789, -96686),
        ("17", 31093976, 31378675, -1672982),
        ("17", 43043294, 43126364, -1847983),
        ("17", 50183100, 50202631, -1922639),
        ("18", 31590876, 31599821, -2420037),
        ("19", 11088462, 11134820, 110676),
        ("19", 38432690, 38588564, 490640),
        ("19", 44904795, 44910393, 503257),
        ("22", 18912030, 18912430, -12487),
        ("22", 19759777, 19768334, -12477),
        ("22", 21465472, 21465872, 354289),
        ("X", 31118221, 33212549, 18117),
        ("X", 154020572, 154077866, -734549),
        ("X", 154530390, 154537990, -771785),
    )
)


def shift(name: str, start: int, end: int) -> int | None:
    """How far to the right bases [start, end) of GRCh38 lie on GRCh37; `None` if that is unknown.

    The mitochondrion is the same sequence on both.
    """
    if name == "MT":
        return 0
    for one in STRETCHES:
        if one.name == name and one.start <= start and end <= one.end:
            return one.shift
    return None


def site_on_grch37(site: Site) -> Site | None:
    """The same line of a VCF on GRCh37; `None` where nothing is known of its place."""
    here = shift(site.name, site.pos - 1, site.pos - 1 + len(site.ref))
    if here is None or site.end is None:
        return None if here is None else replace(site, pos=site.pos + here)
    last = shift(site.name, site.end - 1, site.end)
    return None if last is None else replace(site, pos=site.pos + here, end=site.end + last)


def known_on_grch37(known: KnownAllele) -> KnownAllele:
    """A published allele on GRCh37.

    Raises:
        LookupError: Nothing is known of its place.
    """
    here = shift(known.name, known.pos - 1, known.pos - 1 + len(known.ref))
    last = here if known.end is None else shift(known.name, known.end - 1, known.end)
    if here is None or last is None:
        raise LookupError(known.key)
    return replace(
        known,
        assembly=GRCH37,
        pos=known.pos + here,
        end=None if known.end is None else known.end + last,
        genomic_hgvs=_hgvs(known, here),
    )


def _hgvs(known: KnownAllele, here: int) -> str:
    if not known.genomic_hgvs:
        return ""
    _, _, rest = known.genomic_hgvs.partition(":")
    moved = re.sub(r"\d+", lambda position: str(int(position[0]) + here), rest)
    return f"{assemblies.refseq(GRCH37, known.name)}:{moved}"


@dataclass(frozen=True, slots=True)
class _End:
    """One side of a chain: a whole sequence, and [start, end) of it."""

    assembly: str
    name: str
    start: int
    end: int

    def __str__(self) -> str:
        size = assemblies.length(self.assembly, self.name)
        return f"chr{self.name} {size} + {self.start} {self.end}"


def chains() -> tuple[str, str]:
    """Chain files of the stretches: from GRCh38 to GRCh37, and back."""
    pairs = [
        (
            _End(GRCH38, one.name, one.start, one.end),
            _End(GRCH37, one.name, one.start + one.shift, one.end + one.shift),
        )
        for one in STRETCHES
    ]
    there = "".join(_chain(pairs))
    back = "".join(_chain([(end, start) for start, end in pairs]))
    return there, back


def _chain(pairs: list[tuple[_End, _End]]) -> Iterator[str]:
    for number, (source, target) in enumerate(pairs, start=1):
        size = source.end - source.start
        yield f"chain {size} {source} {target} {number}\n{size}\n\n"
