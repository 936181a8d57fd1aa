"""The home of variants and regions that are written as a chromosome, positions and bases."""

from __future__ import annotations

import re

from beacon.portal.reading.cleaning import Cleaned
from beacon.portal.reading.values import Doubt, NotRead
from beacon.portal.reading.written import (
    BASES,
    Bracket,
    Change,
    Range,
    Sequence,
    Written,
    as_bases,
    named_sequence,
    of_bases,
    position,
)

_EMPTY = ("", "-", ".")
_ALTERNATES_MAX = 50
_NO_ALLELE = ("*", "<*>", "<NON_REF>", "<X>")
_STRUCTURAL = {
    "DEL": "DEL",
    "DELETION": "DEL",
    "LOSS": "DEL",
    "DUP": "DUP",
    "DUPLICATION": "DUP",
    "GAIN": "DUP",
    "INV": "INV",
    "INVERSION": "INV",
    "INS": "INS",
    "INSERTION": "INS",
    "CNV": "CNV",
}
_TYPES = "|".join(sorted(_STRUCTURAL, key=len, reverse=True))
_NAME = (
    r"(?P<name>chr[_.]?[0-9A-Za-z]{1,20}(?:_[A-Za-z][0-9A-Za-z_]{0,20})?"
    r"|[A-Za-z]{2}_[0-9]{1,12}(?:\.[0-9]{1,3})?|[0-9A-Za-z]{1,20}(?:\.[0-9]{1,3})?)"
)
_ALTERNATE = re.compile(r"(?i:[ACGTUNRYSWKMBDHV,*]{1,4096})|[-.*]|[^ ]*[<\[\]][^ ]*")
_ALLELE = r"[A-Za-z]{1,4096}|<[A-Za-z0-9:=_*]{1,30}>|[-.*]"
# Each separator is one of few, so that there is one way to match and none to try in vain.
_DASHED = re.compile(
    rf"{_NAME}[-_](?P<pos>[0-9]{{1,20}})[-_]"
    r"(?P<ref>[A-Za-z]{0,4096}|[-.])[-_](?P<alt>[A-Za-z]{0,4096}|[-.])"
)
_COMPACT = re.compile(
    rf"{_NAME} ?[:\-_ ] ?(?P<pos>[0-9]{{1,20}}) ?[:\-_ ]? ?(?P<ref>[A-Za-z]{{1,4096}}|[-.]) ?"
    r"[>/:\-_ ,|] ?(?P<alt>(?:[A-Za-z]{1,4096}|[-.*])(?:[,/](?:[A-Za-z]{1,4096}|\*)){0,50})"
)
_REGION = re.compile(
    rf"{_NAME} ?[:\-_ ] ?(?P<first>[0-9]{{1,20}})"
    r"(?: ?(?:-|_|:|\.{2,3}|(?: |^)to | ) ?(?P<last>[0-9]{1,20}))?"
    rf"(?P<exact>[ :,;\-]?) ?[(<]?(?P<type>{_TYPES})?[)>]?",
    re.IGNORECASE,
)
_TYPE_FIRST = re.compile(
    rf"(?P<type>{_TYPES})[ :(]{{1,2}}(?P<rest>[^ ].{{0,200}}?)\)?", re.IGNORECASE
)
_ONE_ALLELE = re.compile(
    rf"{_NAME} ?[:\-_ ] ?[0-9]{{1,20}} ?[:\-_ >]? ?[ACGTUacgtu]{{1,4096}}[->]?"
)
_SHORT_EXPRESSION = re.compile(
    rf"{_NAME} ?: ?(?P<rest>[0-9]{{1,20}}(?:_[0-9]{{1,20}})?"
    r"(?:del|dup|ins|inv)[A-Za-z0-9]{0,4096})",
    re.IGNORECASE,
)
_ARRAY = re.compile(
    r"(?:(?:arr|seq|sseq|ogm) ?)?(?P<name>[0-9]{1,2}|X|Y)[pq][0-9.pqter]{0,20} ?"
    r"\((?P<first>[0-9]{1,10})[_\-](?P<last>[0-9]{1,10})\) ?[x×](?P<copies>[0-9])",  # noqa: RUF001
    re.IGNORECASE,
)
_CHROMOSOME = re.compile(r"chr[_.]?(?:[0-9]{1,2}|X|Y|MT?)", re.IGNORECASE)
_BAND = re.compile(
    r"(?:chr)?(?:[0-9]{1,2}|X|Y)[pq](?:[0-9]{1,2}(?:\.[0-9]{1,3})?)?(?:-[pq][0-9.]{1,6})?"
)


def expression_without_kind(text: str) -> str | None:
    """`chr17:100_102del` as the genomic expression that it is short for."""
    found = _SHORT_EXPRESSION.fullmatch(text)
    return f"{found['name']}:g.{found['rest']}" if found else None


def read_change(cleaned: Cleaned) -> Written | None:
    """A variant or region by its coordinates, `None` for any other text.

    Raises:
        NotRead: it is one, but not a possible one.
    """
    text = cleaned.text
    if (row := _row(cleaned)) is not None:
        return row
    if found := _DASHED.fullmatch(text) or _COMPACT.fullmatch(text):
        sequence = _sequence(found["name"], cleaned)
        # With nothing at all for the empty allele it is an id of ours: the base that follows.
        between = found["ref"] == ""
        return _alleles(sequence, found["pos"], found["ref"], found["alt"], between=between)
    if found := _ARRAY.fullmatch(text):
        return _array(_sequence(found["name"], cleaned), found)
    if (region := _region(cleaned)) is not None:
        return region
    if _ONE_ALLELE.fullmatch(text):
        raise NotRead("alternate_missing", text=text)
    if _CHROMOSOME.fullmatch(text):
        return Range(_sequence(text, cleaned), 0, None)
    if _BAND.fullmatch(text):
        raise NotRead("cytoband", text=text)
    return None


def alleles(
    sequence: Sequence, pos: str, ref: str, alt: str, doubts: tuple[Doubt, ...] = ()
) -> Written:
    """What `CHROM POS REF ALT` says; an unknown reference is an empty text.

    Raises:
        NotRead: it is no change.
    """
    if ref:
        return _alleles(sequence, pos, ref, alt)
    unknown = (Doubt("reference_missing"), *doubts)
    return of_bases(sequence, position(pos) - 1, "N", (as_bases(alt),), unknown)


def region(sequence: Sequence, first: str, last: str, variant_type: str | None = None) -> Range:
    """A region by its first and last base, 1-based.

    Raises:
        NotRead: it ends before it begins.
    """
    start, end = position(first) - 1, position(last)
    if end <= start:
        raise NotRead("backwards", first=first, last=last)
    return Range(sequence, start, end, variant_type)


def _sequence(name: str, cleaned: Cleaned) -> Sequence:
    return named_sequence(name, is_ucsc=cleaned.is_ucsc and name[:3].lower() == "chr")


def _row(cleaned: Cleaned) -> Written | None:
    """Fields: a line of a VCF, of a BED, or of what annotators take."""
    fields = cleaned.text.split(" ")
    if len(fields) < 3 or not _is_number(fields[1]) or not fields[0].replace("_", "").isalnum():
        return None
    name, pos, third, *rest = fields
    if not rest:
        return _bed(_sequence(name, cleaned), pos, third) if _is_number(third) else None
    if _is_number(third):
        if rest[0].strip("<>").upper() in _STRUCTURAL:
            return _typed(_sequence(name, cleaned), pos, third, rest[0].strip("<>"), exact=False)
        pair = rest[0].split("/") if "/" in rest[0] else rest
        if len(pair) < 2 or not all(re.fullmatch(_ALLELE, one) for one in pair[:2]):
            return None
        return _spanning(_sequence(name, cleaned), pos, third, pair[0], pair[1])
    if len(rest) == 1 or (
        # More than an id, REF and ALT can be: REF, ALT and something else.
        BASES.fullmatch(third.upper())
        and BASES.fullmatch(rest[0].upper())
        and not _ALTERNATE.fullmatch(rest[1])
    ):
        if not (re.fullmatch(_ALLELE, third) and re.fullmatch(_ALLELE, rest[0].split(",")[0])):
            return None
        return _alleles(_sequence(name, cleaned), pos, third, rest[0])
    ref, alt, info = rest[0], rest[1], rest[2:]
    if not re.fullmatch(r"[A-Za-z.\-]{1,4096}", ref) or not alt:
        return None
    if alt == ".":
        raise NotRead("no_change")
    return _alleles(_sequence(name, cleaned), pos, ref, alt, info=info)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 20


def _bed(sequence: Sequence, first: str, last: str) -> Range:
    """Three fields are a region; in a BED file its first base would be the next one."""
    if first == "0" and position(last):
        return Range(sequence, 0, position(last))
    written = region(sequence, first, last)
    if written.end == written.start + 1:
        return written
    doubt = Doubt("bed_or_region", {"first": str(written.start + 2)})
    other = Range(sequence, written.start + 1, written.end)
    return Range(sequence, written.start, written.end, None, (doubt,), (other,))


def _alleles(
    sequence: Sequence,
    pos: str,
    ref: str,
    alt: str,
    *,
    between: bool = False,
    info: list[str] | None = None,
) -> Written:
    """REF and ALTs; `between` says that an empty REF stands before the base at `pos`."""
    wanted = [
        one for one in re.split(r"[,/|]", alt)[:_ALTERNATES_MAX] if one.upper() not in _NO_ALLELE
    ]
    if not wanted:
        raise NotRead("no_change")
    at = position(pos)
    if any("[" in one or "]" in one for one in wanted):
        raise NotRead("breakend")
    if wanted[0].startswith("<"):
        return _symbolic(sequence, at, ref, wanted[0].strip("<>"), info or [])
    alternates = tuple(
        "" if one in _EMPTY else as_bases(one) for one in wanted if not one.startswith("<")
    )
    if ref not in _EMPTY:
        doubts = (Doubt("empty_allele"),) if "" in alternates else ()
        return of_bases(sequence, at - 1, as_bases(ref), alternates, doubts)
    if alternates == ("",):
        raise NotRead("no_change")
    first, second = (at - 1, at) if between else (at, at - 1)
    doubt = Doubt("insertion_place", {"after": str(first), "before": str(first + 1)})
    main = of_bases(sequence, first, "", alternates, (doubt,))
    other = of_bases(sequence, second, "", alternates[:1])
    return Change(
        sequence, main.start, "", main.alternate_bases, None, main.doubts, (*main.others, other)
    )


def _spanning(sequence: Sequence, first: str, last: str, ref: str, alt: str) -> Written:
    """First and last base and two alleles: what ANNOVAR, VEP and MAF write."""
    start, end = position(first), position(last)
    reference_bases = "" if ref in _EMPTY else as_bases(ref)
    alternate_bases = "" if alt in _EMPTY else as_bases(alt)
    if reference_bases:
        if end - start + 1 != len(reference_bases):
            raise NotRead("length_differs", first=first, last=last, bases=ref)
        return of_bases(sequence, start - 1, reference_bases, (alternate_bases,))
    if end not in (start - 1, start, start + 1):
        raise NotRead("length_differs", first=first, last=last, bases=ref)
    # Between `start` and `end` (MAF), after `start` (ANNOVAR), or between `end` and `start` (VEP).
    return of_bases(sequence, min(start, end), "", (alternate_bases,))


def _symbolic(sequence: Sequence, pos: int, ref: str, symbol: str, info: list[str]) -> Written:
    """A symbolic allele, which goes from the base after POS to END."""
    told = dict(part.split("=", 1) for part in ";".join(info).upper().split(";") if "=" in part)
    base = symbol.upper().partition(":")[0]
    copies = re.fullmatch(r"CN=?([0-9]{1,3})", base)
    if copies:
        base = "DEL" if int(copies[1]) < (2 if "=" in symbol else 1) else "DUP"
    if base not in _STRUCTURAL:
        raise NotRead("symbolic_unknown", type=f"<{symbol}>")
    variant_type = _STRUCTURAL[base]
    if variant_type == "INS":
        return Bracket(sequence, (max(pos - 1, 0), pos), (pos, pos + 1), "INS")
    end_text = told.get("END", "").split(",")[0]
    length_text = told.get("SVLEN", "").split(",")[0].lstrip("-")
    if _is_number(end_text):
        end = position(end_text)
    elif _is_number(length_text):
        end = pos + int(length_text)
    else:
        raise NotRead("symbolic_extent", type=f"<{symbol}>")
    if end <= pos:
        raise NotRead("backwards", first=str(pos), last=str(end))
    return structural(sequence, pos, end, variant_type)


def structural(sequence: Sequence, start: int, end: int, variant_type: str) -> Bracket:
    """A structural variant of exactly this extent; any of that type there is the other reading."""
    wider = Range(sequence, start, end, variant_type)
    return Bracket(sequence, (start, start + 1), (end, end + 1), variant_type, None, (), (wider,))


def _typed(sequence: Sequence, first: str, last: str, said: str, *, exact: bool) -> Range | Bracket:
    within = region(sequence, first, last, _STRUCTURAL[said.upper()])
    end = within.end or 0
    precisely = structural(sequence, within.start, end, within.variant_type or "")
    if exact:
        return precisely
    other = Bracket(sequence, precisely.starts, precisely.ends, precisely.variant_type)
    return Range(sequence, within.start, end, within.variant_type, (), (other,))


def _region(cleaned: Cleaned) -> Range | Bracket | None:
    text = cleaned.text
    if said := _TYPE_FIRST.fullmatch(text):
        text = f"{said['rest']} {said['type']}"
    found = _REGION.fullmatch(text)
    if found is None:
        return None
    first, last = found["first"], found["last"]
    if last is None and found["name"].isdecimal() and text.count(" ") == 0 and ":" not in text:
        return None  # two numbers
    sequence = _sequence(found["name"], cleaned)
    if found["type"] is None:
        return region(sequence, first, last or first)
    exact = found["exact"] == "-"
    return _typed(sequence, first, last or first, found["type"], exact=exact)


def _array(sequence: Sequence, found: re.Match[str]) -> Written:
    """A result of an array as ISCN writes it: `17q21.31(43044295_43125483)x1`."""
    normal = 2 if sequence.name not in ("X", "Y") else 1
    copies = int(found["copies"])
    if copies == 2 or (normal == 1 and copies == 1):
        return region(sequence, found["first"], found["last"], "CNV")
    said = "DEL" if copies < 2 else "DUP"
    return _typed(sequence, found["first"], found["last"], said, exact=False)
