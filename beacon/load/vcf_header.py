"""The home of what a VCF header declares, by name and by the numbers that BCF uses instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_DICTIONARY = ("FILTER", "INFO", "FORMAT")
_TYPES = ("Integer", "Float", "Flag")


@dataclass(frozen=True, slots=True)
class Declared:
    """What a header declares.

    Attributes:
        samples: How many there are.
        contigs: Their names, by number.
        names: Of filters, INFO and FORMAT fields, by number.
        info: The type of each INFO field: `Integer`, `Float`, `Flag` or `String`.
        formats: The same of FORMAT fields.
        filters: Their names.
    """

    samples: int
    contigs: Mapping[int, str]
    names: Mapping[int, str]
    info: Mapping[str, str]
    formats: Mapping[str, str]
    filters: frozenset[str]


def declared_by(reader: Any) -> Declared:
    """What the header of an open `cyvcf2.VCF` declares."""
    contigs: dict[int, str] = {}
    names: dict[int, str] = {0: "PASS"}  # whether it is declared or not
    types: dict[str, dict[str, str]] = {kind: {} for kind in _DICTIONARY}
    for line in reader.header_iter():
        kind = line.type
        if kind == "CONTIG":
            contigs[int(line["IDX"])] = line["ID"]
        elif kind in types:
            names[int(line["IDX"])] = line["ID"]
            types[kind][line["ID"]] = _type_of(line)
    return Declared(
        samples=len(reader.samples),
        contigs=contigs,
        names=names,
        info=types["INFO"],
        formats=types["FORMAT"],
        filters=frozenset(types["FILTER"]) | {"PASS"},
    )


def _type_of(line: Any) -> str:
    try:
        stated = line["Type"]
    except KeyError:  # a filter has none, and a damaged line may not
        return "String"
    return stated if stated in _TYPES else "String"
