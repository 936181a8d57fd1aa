"""The home of lists: what is looked at of each of their lines, and what its answers add up to."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from beacon.framework.errors import BeaconError
from beacon.framework.query import Query
from beacon.portal.look_up import (
    FAILED,
    HIT,
    PEOPLE,
    VARIANTS,
    Bounds,
    Frequency,
    LookUp,
    questions,
)
from beacon.portal.reading import NotRead, Reading

Document = Mapping[str, Any]

Reads = Callable[[str, str | None], Reading]
"""The question that a text is, on an assembly; raises `NotRead` where it is none."""

SEEN, NOT_SEEN, PARTLY, UNKNOWN = "seen", "not_seen", "partly", "unknown"
"""What is known of a variant: somebody has it; everybody looked, and nobody has it; nobody who
looked has it, but not everybody did; nobody could say."""

SHAPES: Mapping[str, str] = {
    SEEN: "hit",
    NOT_SEEN: "miss",
    PARTLY: "cannot",
    UNKNOWN: "failed",
}
"""How that looks: only what everybody has looked for looks like a no."""

_FIELDS = 5
_INFO_COLUMN = 7
_OF_VCF = 8
_NUMBER = re.compile(r"[0-9]{1,10}")
_BASES = re.compile(r"[A-Za-z]{1,4096}")
_ALTERNATES = re.compile(r"[A-Za-z0-9<>\[\]:_.,*\-]{1,4096}")
_EXTENT = re.compile(r"(?:^|;)((?:END|SVLEN|SVTYPE)=[^;]{1,40})")
_NO_ALLELE = frozenset({".", "*", "<*>", "<NON_REF>"})
_PLAIN = re.compile(r"(?:chr)?(?:[0-9]{1,2}|[XYM]|MT)|NC_[0-9]{6}\.[0-9]{1,2}", re.IGNORECASE)


def lines_of(text: str, most: int | None = None) -> tuple[list[str], int, int]:
    """The lines of a text that can be asked, without anything that a VCF says of people.

    A line with several alternate alleles becomes several; one without any becomes none.

    Args:
        text: Of one line many may be made, each nearly as long as it.
        most: Lines that are kept; of the others it is only counted how many there are.

    Returns:
        The lines, how many there are beyond `most`, and how many lines of a VCF became none.
    """
    found: list[str] = []
    in_vcf, left, omitted = False, 0, 0
    for line in text.lstrip("\ufeff").splitlines():
        if line.startswith("#"):
            in_vcf = in_vcf or line.startswith(("##fileformat=VCF", "#CHROM"))
        elif line.strip():
            alleles = bare(line.strip(), in_vcf=in_vcf)
            omitted += not alleles
            room = len(alleles) if most is None else max(most - len(found), 0)
            found.extend(alleles[:room])
            left += len(alleles[room:])
    return found, left, omitted


def bare(line: str, *, in_vcf: bool = False) -> Sequence[str]:
    """What is looked at of a line: of a VCF's, CHROM, POS, REF, ALT and an allele's extent.

    Args:
        line: Without blanks around it.
        in_vcf: Whether it is of a VCF for certain: if it is damaged, nothing of it is looked at.
    """
    fields = line.split("\t") if "\t" in line else line.split(None, _OF_VCF)
    if len(fields) < _FIELDS or not _NUMBER.fullmatch(fields[1]):
        return () if in_vcf else (line,)
    chrom, pos, third, ref, alts = fields[:_FIELDS]
    is_vcf = in_vcf or len(fields) >= _OF_VCF
    if not (_BASES.fullmatch(ref) and _ALTERNATES.fullmatch(alts)):
        return () if is_vcf else (" ".join(fields[:_FIELDS]),)
    if not is_vcf and third.isdecimal() and int(third) == int(pos) + len(ref) - 1:
        return (" ".join(fields[:_FIELDS]),)  # where it begins and ends, as other tables have it
    extent = _EXTENT.findall(fields[_INFO_COLUMN]) if len(fields) > _INFO_COLUMN else []
    return tuple(
        _allele(chrom, pos, ref, alt, extent) for alt in alts.split(",") if alt not in _NO_ALLELE
    )


def _allele(chrom: str, pos: str, ref: str, alt: str, extent: Sequence[str]) -> str:
    if _PLAIN.fullmatch(chrom) and _BASES.fullmatch(alt):
        return f"{chrom}-{pos}-{ref}-{alt}"
    if _BASES.fullmatch(alt):
        extent = ()
    return "\t".join((chrom, pos, ".", ref, alt, ".", ".", ";".join(extent) or "."))


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a list as it was read, or why it could not be."""

    number: int
    sent: str
    reading: Reading | None = None
    unread: NotRead | None = None


def read(reads: Reads, number: int, sent: str, assembly: str | None) -> Line:
    """Read a line.

    Args:
        reads: Reads one text.
        number: Of the line, from 1.
        assembly: That the list is on, where somebody said so.
    """
    try:
        return Line(number, sent, reading=reads(sent, assembly))
    except NotRead as error:
        return Line(number, sent, unread=error)


def queries_of(lines: Sequence[Line]) -> list[Query]:
    """The questions about some lines: as many and in such order that `Outcome.take` knows them."""
    return [
        query
        for line in lines
        if line.reading is not None
        for query in questions(line.reading.variation)
    ]


@dataclass(slots=True)
class Outcome:
    """What the answers about one line add up to.

    Attributes:
        errors: Why a question has no answer, by its place.
        heard: The places of the questions of which it is known how they fared.
    """

    line: Line
    found: LookUp = field(default_factory=LookUp)
    errors: dict[int, BeaconError] = field(default_factory=dict)
    heard: set[int] = field(default_factory=set)

    def take(self, place: int, answer: Document | BeaconError) -> bool:
        """Take in the answer to one question; returns whether that was the last."""
        self.heard.add(place)
        if isinstance(answer, BeaconError):
            self.errors[place] = answer
        else:
            for part in _parts(answer):
                self.found.take(place, part)
        return len(self.heard) == len((VARIANTS, PEOPLE))

    @property
    def state(self) -> str:
        """What is known."""
        if self.hit:
            return SEEN
        if not self.answered:
            return UNKNOWN
        return PARTLY if self.unheard else NOT_SEEN

    @property
    def shape(self) -> str:
        """How that looks."""
        return SHAPES[self.state]

    @property
    def hit(self) -> int:
        """How many have it."""
        return self.found.counts.get(HIT, 0)

    @property
    def answered(self) -> int:
        """How many said yes or no."""
        return self.found.answered

    @property
    def unheard(self) -> int:
        """How many did not say, could not, or may not."""
        return self.found.asked - self.found.answered

    @property
    def people(self) -> Bounds | None:
        """How many people have it; whoever did not say may have any number."""
        return self.found.people if self.answered else None

    @property
    def total(self) -> Frequency | None:
        """The counts of the allele in all who told theirs, where anybody did."""
        if self.found.total is not None:
            return self.found.total
        told = self._told
        return told[0] if len(told) == 1 else None

    @property
    def highest(self) -> float | None:
        """The highest frequency that anybody told."""
        told = [one.frequency for one in self._told]
        return max((one for one in told if one is not None), default=None)

    @property
    def _told(self) -> list[Frequency]:
        """The counts of those who have it: not those of an answer that was kept from before."""
        return [total for row in self.found.hits if (total := row.total) is not None]

    @property
    def error(self) -> BeaconError | None:
        """Why nothing is known, where that is one reason."""
        return self.line.unread or self.errors.get(VARIANTS) or self.errors.get(PEOPLE)

    @property
    def may_be_asked_again(self) -> bool:
        """Whether something failed, rather than that somebody may not say or cannot."""
        failed = any(row.state in FAILED or row.is_pending for row in self.found.rows.values())
        return failed or bool(self.errors)

    def values(self) -> dict[str, Any]:
        """All of it, in exact numbers."""
        people, total = self.people, self.total
        return {
            "state": self.state,
            "hit": self.hit,
            "answered": self.answered,
            "asked": self.found.asked,
            "unheard": self.unheard,
            "people_lower": None if people is None else people.lower,
            "people_upper": None if people is None else people.upper,
            "allele_count": None if total is None else total.count,
            "allele_number": None if total is None else total.number,
            "allele_frequency": None if total is None else total.frequency,
            "highest_frequency": self.highest,
            "each": self._each,
            "error": None if self.error is None else str(self.error),
        }

    @property
    def _each(self) -> dict[str, str]:
        """The state of each by name; of those who share theirs, with what else tells them apart."""
        rows = list(self.found.rows.values())
        names = Counter(row.name for row in rows)
        return {
            row.name if names[row.name] == 1 else f"{row.name} ({row.id})": row.state
            for row in rows
        }


def _parts(answer: Document) -> Iterator[Document]:
    """An answer as the parts in which a stream would have given it."""
    members = (answer.get("info") or {}).get("networkStatus", {}).get("members", ())
    sets = (answer.get("response") or {}).get("resultSets") or ()
    for about in members:
        own = [one for one in sets if one.get("beaconId") == about["beaconId"]]
        yield {"kind": "member", "about": about, "answer": {"response": {"resultSets": own}}}
    yield {"kind": "summary", "answer": answer}
