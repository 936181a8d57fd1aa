"""The home of VCF as lines: what is asked about a record, and what is added to its INFO.

Everything else of a line stays as it is, byte for byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, cast

from isal import igzip, isal_zlib

from beacon.casework.failures import CaseError
from beacon.casework.told import SEEN, UNSEEN, Told, Voice
from beacon.client import Variant
from beacon.model.assemblies import chromosome

PREFIX = "BEACON_"

FIELDS = (
    (
        "BEACON_AC",
        "Integer",
        "Alleles seen in the network, in all who tell counts; 0 only if everybody looked and "
        "nobody has it; missing where that is not known, or was not asked",
    ),
    (
        "BEACON_AN",
        "Integer",
        "Alleles among which they were seen; of an allele that nobody has, those that were "
        "looked at within 20 bases",
    ),
    ("BEACON_AF", "Float", "BEACON_AC by BEACON_AN"),
    (
        "BEACON_AF_UPPER",
        "Float",
        "Of an allele that nobody has: the frequency at which it would have been seen with 95 % "
        "probability",
    ),
    ("BEACON_COUNTRIES", "String", "Who has it, separated by |"),
    (
        "BEACON_NOT_ANSWERED",
        "String",
        "Who could not say whether they have it, separated by |",
    ),
)
"""Name, type and description of what is added; all have a value for each ALT."""

_INFO, _COLUMNS = 7, 8
_ALLELE = re.compile(rb"[ACGT]+", re.IGNORECASE)
_OURS = re.compile(rb"##INFO=<ID=BEACON_|##beaconNetwork=")
_GZIP = b"\x1f\x8b"
_BCF = b"BCF"
_RESERVED = re.compile(r"[^A-Za-z0-9_.~-]")
_DAMAGED = (EOFError, OSError, cast("type[Exception]", isal_zlib.error))


@dataclass(frozen=True, slots=True)
class Record:
    """A line of a VCF.

    Attributes:
        line: Without its end, and without what an earlier run has added.
        end: `\\n`, maybe with `\\r` before it, or nothing where the file lacks it.
        asked: Of each ALT the allele that is asked about, `None` for one that has no bases or lies
            on no chromosome.
    """

    line: bytes
    end: bytes
    asked: tuple[Variant | None, ...]


def lines_of(file: IO[bytes], name: str) -> Iterator[bytes]:
    """The lines of a VCF with their ends, inflated where it is gzip or BGZF.

    Args:
        name: For messages.

    Raises:
        CaseError: It is BCF, or damaged.
    """
    begins = file.peek(2)[:2] if hasattr(file, "peek") else b""
    stream = file
    if begins == _GZIP:
        stream = cast("IO[bytes]", igzip.IGzipFile(fileobj=file))  # type: ignore[no-untyped-call]
    try:
        first = True
        for line in stream:
            if first and line.startswith(_BCF):
                raise CaseError(f"{name} is BCF; `bcftools view {name}` makes VCF of it")
            first = False
            yield line
    except _DAMAGED as error:
        raise CaseError(f"{name} is damaged or cut short: {error}") from error


def header_of(lines: Iterator[bytes], name: str) -> list[bytes]:
    """The header, without what an earlier run has added, up to the line with the columns.

    Raises:
        CaseError: It is no VCF.
    """
    header: list[bytes] = []
    for line in lines:
        if not line.startswith(b"#"):
            break
        if line.startswith(b"#CHROM\t"):
            return [*header, line]
        if not _OURS.match(line):
            header.append(line)
    raise CaseError(f"{name} is no VCF: it has no line that begins with #CHROM")


def added_to_header(header: Sequence[bytes], network: str) -> Iterator[bytes]:
    """The header with what is added declared in it."""
    *before, columns = header
    yield from before
    end = b"\r\n" if columns.endswith(b"\r\n") else b"\n"
    for identifier, kind, description in FIELDS:
        declared = f'##INFO=<ID={identifier},Number=A,Type={kind},Description="{description}">'
        yield declared.encode() + end
    yield f"##beaconNetwork={network}".encode() + end
    yield columns


def record_of(line: bytes, assembly: str, place: str) -> Record:
    """Read a line as far as it is asked about.

    Args:
        place: For messages.

    Raises:
        CaseError: It is no record.
    """
    text = line.rstrip(b"\r\n")
    end = line[len(text) :]
    columns = text.split(b"\t", _COLUMNS)
    if len(columns) < _COLUMNS or not columns[1].isdigit():
        raise CaseError(f"{place} is no record of a VCF: {text[:60].decode(errors='replace')!r}")
    info = b";".join(
        one for one in columns[_INFO].split(b";") if not one.startswith(PREFIX.encode())
    )
    columns[_INFO] = info or b"."
    name = chromosome(columns[0].decode(errors="replace"))
    pos, reference = int(columns[1]), columns[3]
    alternates = columns[4].split(b",")
    asked = tuple(
        None
        if name is None or pos < 1 or not (_is_bases(reference) and _is_bases(alternate))
        else Variant(
            assembly, name, pos - 1, reference.decode().upper(), alternate.decode().upper()
        )
        for alternate in alternates
    )
    return Record(b"\t".join(columns), end, asked)


def _is_bases(text: bytes) -> bool:
    return _ALLELE.fullmatch(text) is not None


def annotated(record: Record, told: Sequence[Told | None], network: Voice) -> bytes:
    """The line with what is known of its alleles.

    Args:
        told: Of each ALT, `None` for one that was not asked about.
        network: Who was asked; it is named where there was no answer at all.
    """
    if not any(one is not None for one in told):
        return record.line + record.end
    values = [_values(one, network) for one in told]
    added = b";".join(
        f"{identifier}={','.join(value[place] for value in values)}".encode()
        for place, (identifier, _, _) in enumerate(FIELDS)
    )
    columns = record.line.split(b"\t", _COLUMNS)
    info = columns[_INFO]
    columns[_INFO] = added if info == b"." else info + b";" + added
    return b"\t".join(columns) + record.end


def _values(told: Told | None, network: Voice) -> tuple[str, ...]:
    """The values of one allele, in the order of `FIELDS`."""
    if told is None:
        return (".",) * len(FIELDS)
    count = number = frequency = None
    if told.state == SEEN and told.counted is not None:
        count, number = told.counted.allele_count, told.counted.allele_number
        frequency = told.counted.frequency
    elif told.state == UNSEEN:
        count, number = 0, told.looked or None
        frequency = 0.0 if told.looked else None
    silent = (network,) if told.failure else told.silent
    return (
        _number(count),
        _number(number),
        "." if frequency is None else f"{frequency:.6g}",
        "." if told.highest is None else f"{told.highest:.3g}",
        _names(told.seen),
        _names(silent),
    )


def _number(value: int | None) -> str:
    return "." if value is None else str(value)


def _names(voices: Sequence[Voice]) -> str:
    """Names without what VCF reserves, each once, in alphabetical order."""
    names = {_RESERVED.sub(_encoded, voice.short) for voice in voices}
    return "|".join(sorted(names)) or "."


def _encoded(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode())
