"""The home of what is tidied before a text is read: characters, lines, columns, assemblies, digits.

What a line of a VCF says of people is dropped here, before anything else looks at the text.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from beacon.model.assemblies import canonical_assembly
from beacon.portal.reading.values import Doubt, NotRead

LONGEST = 4096
"""Characters of one line that are read; genotypes and most of INFO do not count."""
_LONGEST_OTHER = 1024
"""Characters where not all are ASCII; some of them stand for many."""

_COLUMNS = 8
"""Columns of a VCF up to INFO; FORMAT and the samples follow."""
_STACKED_MAX = 6
_INFO = re.compile(r"(?:^|;)((?:END|SVLEN|SVTYPE)=[^;]{1,40})")

_DASHES = "‐‑‒–—―−⁃﹘﹣"  # noqa: RUF001 - that is what it is about
_ARROWS = "→⟶⇒➔➜➝➞⟹"
_QUOTES = "´“”„‟«»‹›"  # noqa: RUF001
_APOSTROPHES = "’‘ʼ′"  # noqa: RUF001
_CHARACTERS = (
    dict.fromkeys(map(ord, _DASHES), "-")
    | dict.fromkeys(map(ord, _ARROWS), ">")
    | dict.fromkeys(map(ord, _QUOTES), None)
    | dict.fromkeys(map(ord, _APOSTROPHES), "'")
    | dict.fromkeys((0x00AD, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x2060, 0xFEFF), None)
    | dict.fromkeys((0x2215, 0x2044), "/")
    | {0x2217: "*"}
)
_DRAWN_ARROW = re.compile(r"\s*(?:[-=]{1,2}>|\|>|>{2,3})\s*")
_SPACES = re.compile(r"\s+")
_ENDING = re.compile(r"(?<=[\w)\]*=?])[.,;!]{1,9}$")

_ASSEMBLY = re.compile(
    r"[\[({]?(?<![A-Za-z0-9])(?:(?:NCBI |genome )?build ?(?P<build>3[78])"
    r"|GRCh[ \-_]?(?P<grch>3[78])(?:[.\- ]?p[0-9]{1,2})?"
    r"|(?P<name>hg19|hg38|b37|b38|hs37d5|hs37|hs38dh|hs38|GC[AF]_000001405\.[0-9]{1,3})"
    r"(?:\.p[0-9]{1,2})?"
    r"|(?P<other>hg1[678]|NCBI ?3[56]|(?:T2T[ \-]?)?CHM13(?:v[0-9.]{1,4})?"
    r"|GRCm3[89]|mm(?:9|10|39)))"
    r"(?![A-Za-z0-9])[\])}]?[:\-_,/]?",
    re.IGNORECASE,
)
_HINTS = ("hg", "grc", "b3", "build", "hs3", "000001405", "ncbi", "chm", "mm")
_CHROMOSOME = re.compile(
    r"^(?:chromosome?|chrom|kromosomi|cromosoma|chr)[ ._:\-]*(?=(?:[0-9]{1,2}|[XYM]|MT)\b)",
    re.IGNORECASE,
)
_POSITION = re.compile(r"(?<![A-Za-z0-9&?])(?:position|pos)[ .:]{1,3}(?=[0-9])", re.IGNORECASE)
_GROUPED = re.compile(
    r"(?<=[\s:\-_(])[0-9]{1,3}(?:(?:,[0-9]{3}){1,4}|(?:\.[0-9]{3}){1,4}|(?:'[0-9]{3}){1,4})"
    r"(?![0-9])"
)
_APART = re.compile(
    r"(?:(?<=[:\-])|(?<=: )|(?<=- ))[0-9]{1,3}(?: [0-9]{3}){1,4}(?![0-9])"
    r"|(?<=\s)[0-9]{1,3}(?: [0-9]{3}){2,4}(?![0-9])"
)
_GROUPING = str.maketrans("", "", ".,'")
_NOT_DIGITS = re.compile(r"[^0-9]")


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A text that can be read.

    Attributes:
        text: one line without needless characters; words for assemblies are gone.
        assembly: canonical, that the text says.
        is_ucsc: whether it said so in UCSC's words (`hg19`).
        doubts: what was left out.
    """

    text: str
    assembly: str | None = None
    is_ucsc: bool = False
    doubts: tuple[Doubt, ...] = ()


def clean(text: str) -> Cleaned:
    """A text as it can be read.

    Raises:
        NotRead: it is empty, too long, or names assemblies that are not served.
    """
    line, doubts = _line(text)
    line = tidy(_without_samples(line))
    if not line:
        raise NotRead("empty")
    if "://" in line or ("=" in line and ("&" in line or "?" in line)):
        return Cleaned(line, doubts=doubts)  # the address of a page; its assembly is a parameter
    line, assembly, is_ucsc = _without_assembly(line)
    line = _POSITION.sub("", _CHROMOSOME.sub("chr", line, count=1), count=1)
    return Cleaned(ungrouped(line), assembly, is_ucsc, doubts)


def tidy(line: str) -> str:
    """Characters that stand for others as those, single spaces, nothing needless at the ends."""
    if len(line) > LONGEST:
        raise NotRead("too_long", most=str(LONGEST))
    if not line.isascii():
        if len(line) > _LONGEST_OTHER:
            raise NotRead("too_long", most=str(_LONGEST_OTHER))
        line = unicodedata.normalize("NFKC", line)[:LONGEST]
        line = line.translate(_CHARACTERS)
    line = line.replace('"', "").replace("`", "")
    line = _SPACES.sub(" ", line).strip(" '")
    line = _DRAWN_ARROW.sub(">", line) if ">" in line else line
    if line.startswith("(") and line.endswith(")") and line.count("(") == 1:
        line = line[1:-1].strip()
    return _ENDING.sub("", line).rstrip(" '")


def ungrouped(line: str) -> str:
    """Positions without the separators that group their digits."""
    if "," in line and " " not in line and ":" not in line and "-" not in line:
        return line.replace(",", " ")  # a row of fields
    if ", " in line or ";" in line:
        line = _SPACES.sub(" ", line.replace(", ", " ").replace(";", " ")).strip()
    line = _GROUPED.sub(lambda found: _NOT_DIGITS.sub("", found[0]), line)
    return _APART.sub(lambda found: found[0].replace(" ", ""), line)


def _line(text: str) -> tuple[str, tuple[Doubt, ...]]:
    """The one line to read: the first that is no heading."""
    lines = [
        line
        for line in text.lstrip("\ufeff").splitlines()
        if line.strip() and not line.startswith("#")
    ]
    if len(lines) <= 1:
        return (lines[0] if lines else ""), ()
    if len(lines) <= _STACKED_MAX and not any(len(line.split(None, 1)) > 1 for line in lines):
        return " ".join(lines), ()  # cells of a table, one below the other
    return lines[0], (Doubt("several_lines", {"count": str(len(lines))}),)


def _without_samples(line: str) -> str:
    """The first columns of a VCF's line, with no more of INFO than says how far it goes."""
    has_tabs = "\t" in line
    fields = line.strip().split("\t" if has_tabs else None, _COLUMNS)
    if len(fields) < _COLUMNS or not (has_tabs or _is_number(fields[1])):
        return line
    # Spaces may be inside what is between two tabs, and columns are told apart by spaces below.
    columns = ["".join(field.split()) or "." for field in fields[:5]]
    extent = _INFO.findall(fields[7].upper())
    return " ".join((*columns, *extent[:3]))


def _is_number(text: str) -> bool:
    return text.translate(_GROUPING).isdecimal()


def _without_assembly(line: str) -> tuple[str, str | None, bool]:
    lower = line.lower()
    if not any(hint in lower for hint in _HINTS):
        return line, None, False
    said: dict[str, str] = {}
    for found in _ASSEMBLY.finditer(line):
        word = found[0].strip("[](){}:-_, ")
        if found["other"]:
            raise NotRead("assembly_unsupported", assembly=word)
        number = found["build"] or found["grch"]
        assembly = f"GRCh{number}" if number else canonical_assembly(found["name"])
        if assembly is None:
            raise NotRead("assembly_unsupported", assembly=word)
        said[assembly] = word
    if not said:
        return line, None, False
    if len(said) > 1:
        raise NotRead("assembly_contradiction", first=said["GRCh37"], second=said["GRCh38"])
    (assembly, word), *_ = said.items()
    line = _SPACES.sub(" ", _ASSEMBLY.sub(" ", line)).strip(" ,;")
    return line, assembly, word.lower() == "hg19"
