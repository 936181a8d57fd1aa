"""The home of genomic expressions: HGVS on chromosomes, and SPDI."""

from __future__ import annotations

import re

from beacon.model.assemblies import ASSEMBLIES, length
from beacon.model.hgvs import GenomicName, parse_genomic
from beacon.portal.reading.changes import expression_without_kind, structural
from beacon.portal.reading.cleaning import Cleaned
from beacon.portal.reading.values import NotRead
from beacon.portal.reading.written import (
    Bracket,
    Change,
    Range,
    Sequence,
    Unspelt,
    Written,
    as_bases,
    named_sequence,
    of_bases,
    position,
)

STRUCTURAL_FROM = 50
"""Bases from which a `del`, `dup` or `inv` may be kept as a structural variant, by its extent."""

_EXPRESSION = re.compile(
    r"(?:(?P<name>[A-Za-z0-9_.\-]{1,40}) ?(?:\([A-Za-z0-9_.\-]{1,40}\))? ?[: ] ?)?"
    r"(?P<kind>[gm])\. ?(?P<rest>[^ ].*)",
    re.IGNORECASE,
)
_LETTERS = re.compile(r"(del|ins|dup|inv|con)|((?:(?!del|ins|dup|inv|con)[A-Z])+)", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]{1,20}")
_POSITIONS_MAX = 100
_UNCERTAIN = re.compile(
    r"\((?P<low>\?|[0-9]{1,10})_(?P<high>\?|[0-9]{1,10})\)_"
    r"\((?P<from>\?|[0-9]{1,10})_(?P<to>\?|[0-9]{1,10})\)(?P<change>del|dup|inv)"
)
_SPDI = re.compile(
    r"(?P<name>NC_[0-9]{6}(?:\.[0-9]{1,3})?) ?: ?(?P<start>[0-9]{1,20}) ?: ?"
    r"(?P<deleted>[A-Za-z]{0,4096}|[0-9]{1,10}) ?: ?(?P<inserted>[A-Za-z]{0,4096})",
    re.IGNORECASE,
)


def read_expression(cleaned: Cleaned) -> Written | None:
    """A variant by genomic HGVS or SPDI, `None` for any other text.

    Raises:
        NotRead: it is one, but not a possible or not a supported one.
    """
    if spdi := _SPDI.fullmatch(cleaned.text):
        return _spdi(spdi)
    found = _EXPRESSION.fullmatch(expression_without_kind(cleaned.text) or cleaned.text)
    if found is None:
        return None
    name, kind = found["name"], found["kind"].lower()
    if name is None:
        if kind == "g":
            raise NotRead("chromosome_needed", text=cleaned.text)
        name = "MT"
    elif name.upper().startswith(("LRG_", "NG_", "NT_", "NW_")):
        return None
    elif kind == "m" and name.upper().startswith("MT-"):
        name = "MT"  # a gene of the mitochondrion
    is_ucsc = cleaned.is_ucsc and name[:3].lower() == "chr"
    sequence = named_sequence(name, is_ucsc=is_ucsc)
    if kind == "m" and sequence.name != "MT":
        raise NotRead("hgvs", text=cleaned.text)
    return _genomic(sequence, _rest(found["rest"]), cleaned.text)


def _rest(text: str) -> str:
    """What follows `g.`: words in lower case, bases in upper case, no blanks."""
    bare = "".join(text.split())
    if bare.startswith("(") and bare.endswith(")") and bare.count("(") == 1:
        bare = bare[1:-1]
    return _LETTERS.sub(
        lambda found: found[1].lower() if found[1] else found[2].upper().replace("U", "T"), bare
    )


def _genomic(sequence: Sequence, rest: str, text: str) -> Written:
    # By a bare name, so that positions of either assembly are read; which one is decided later.
    said = parse_genomic(f"{sequence.name}:g.{rest}")
    if said is not None:
        return _said(sequence, said, _without_bases(rest))
    if uncertain := _UNCERTAIN.fullmatch(rest):
        return _uncertain(sequence, rest, uncertain)
    if rest.endswith("="):
        raise NotRead("no_change")
    numbers = [
        position(number) for number in _NUMBER.findall(rest[:_POSITIONS_MAX].partition("[")[0])
    ]
    longest = max(length(assembly, sequence.name) for assembly in ASSEMBLIES)
    if numbers and max(numbers) > longest:
        return Range(sequence, max(numbers) - 1, max(numbers))  # is refused for where it is
    raise NotRead("hgvs", text=text)


def _said(sequence: Sequence, said: GenomicName, rest: str) -> Written:
    others: tuple[Written, ...] = ()
    if said.change in ("del", "dup", "inv") and said.end - said.start >= STRUCTURAL_FROM:
        others = (structural(sequence, said.start, said.end, said.change.upper()),)
    spelling = said.spelling()
    if spelling is None:
        return Unspelt(sequence, rest, said.start, said.end, (), others)
    start, reference_bases, alternate_bases = spelling
    change = of_bases(sequence, start, reference_bases, (alternate_bases,), expression=rest)
    if not others:
        return change
    return Change(sequence, start, reference_bases, alternate_bases, rest, change.doubts, others)


def _without_bases(rest: str) -> str:
    """The bases that `del`, `dup` and `inv` take along follow from the reference."""
    return re.sub(r"(del|dup|inv)(?:[ACGTN]+|[0-9]+)", r"\1", rest)


def _uncertain(sequence: Sequence, rest: str, found: re.Match[str]) -> Bracket:
    """Where each end lies is known between two bases, or to one side alone."""
    low, high, first, last = (
        None if found[name] == "?" else position(found[name])
        for name in ("low", "high", "from", "to")
    )
    until = high or first or last
    since = first or high or low
    if until is None or since is None or (low is None and high is None):
        raise NotRead("hgvs", text=rest)
    starts = (low - 1 if low else 0, until)
    ends = None if last is None else (since, last + 1)
    if starts[0] >= starts[1] or (ends and (ends[0] >= ends[1] or starts[0] >= ends[1])):
        raise NotRead("hgvs", text=rest)
    return Bracket(sequence, starts, ends, found["change"].upper(), rest)


def _spdi(found: re.Match[str]) -> Written:
    """`NC_000017.11:43094691:G:A`: the only one of these whose positions begin at 0."""
    sequence = named_sequence(found["name"])
    start = 0 if not found["start"].strip("0") else position(found["start"])
    deleted, inserted = found["deleted"], found["inserted"]
    alternate_bases = as_bases(inserted) if inserted else ""
    if deleted.isdecimal() and (size := int(deleted)):
        span = f"{start + 1}_{start + size}" if size > 1 else f"{start + 1}"
        change = f"delins{alternate_bases}" if alternate_bases else "del"
        return Unspelt(sequence, span + change, start, start + size)
    reference_bases = as_bases(deleted) if deleted.isalpha() else ""
    if not reference_bases and not alternate_bases:
        raise NotRead("no_change")
    return of_bases(sequence, start, reference_bases, (alternate_bases,))
