"""The home of the human reference assemblies: their sequences, and every name people call them by.

Canonical names are `GRCh37` and `GRCh38` for assemblies and `1`…`22`, `X`, `Y`, `MT` for sequences.
Anything else that a client or a file may write (`hg38`, `GCF_000001405.39`, `chr17`,
`refseq:NC_000017.11`, `CM000679.2`, `17`) is translated to them here and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import lru_cache
from types import MappingProxyType

import msgspec

from beacon.framework.errors import InvalidRequest

NAMES: tuple[str, ...] = (*(str(number) for number in range(1, 23)), "X", "Y", "MT")
"""Canonical sequence names, in genome order: the index plus one is the sequence's code."""


class Sequence(msgspec.Struct, frozen=True):
    """One sequence of an assembly: canonical name, accessions, and length in bases."""

    name: str
    refseq: str
    genbank: str
    length: int


class Reference(msgspec.Struct, frozen=True):
    """A sequence that a request means: canonical assembly and canonical sequence name."""

    assembly: str
    name: str


_MITOCHONDRION = Sequence("MT", "NC_012920.1", "J01415.2", 16_569)

# From the assembly reports of NCBI: name, then RefSeq version and length in GRCh37 and in GRCh38.
# RefSeq numbers are NC_000001 to NC_000024. GenBank's run on from CM000663, in version 1 for GRCh37
# and 2 for GRCh38.
_NUCLEAR = """
 1 10 249250621 11 248956422
 2 11 243199373 12 242193529
 3 11 198022430 12 198295559
 4 11 191154276 12 190214555
 5  9 180915260 10 181538259
 6 11 171115067 12 170805979
 7 13 159138663 14 159345973
 8 10 146364022 11 145138636
 9 11 141213431 12 138394717
10 10 135534747 11 133797422
11  9 135006516 10 135086622
12 11 133851895 12 133275309
13 10 115169878 11 114364328
14  8 107349540  9 107043718
15  9 102531392 10 101991189
16  9  90354753 10  90338345
17 10  81195210 11  83257441
18  9  78077248 10  80373285
19  9  59128983 10  58617616
20 10  63025520 11  64444167
21  8  48129895  9  46709983
22 10  51304566 11  50818468
 X 10 155270560 11 156040895
 Y  9  59373566 10  57227415
"""


def _sequences(column: int, genbank_version: int) -> Mapping[str, Sequence]:
    table = {}
    for number, line in enumerate(_NUCLEAR.split("\n")[1:-1], start=1):
        name, *columns = line.split()
        version, length = columns[column : column + 2]
        table[name] = Sequence(
            name,
            f"NC_{number:06d}.{version}",
            f"CM{662 + number:06d}.{genbank_version}",
            int(length),
        )
    return MappingProxyType({**table, "MT": _MITOCHONDRION})


ASSEMBLIES: Mapping[str, Mapping[str, Sequence]] = MappingProxyType(
    {"GRCh37": _sequences(0, 1), "GRCh38": _sequences(2, 2)}
)
"""Canonical assembly → canonical sequence name → `Sequence`."""

# The refget digests of the same sequences, in GRCh37 and in GRCh38: SHA-512 of the whole sequence
# in upper case, shortened to 24 bytes. Each is as at least two independent tables have it.
_REFGET = """
 1 S_KjnFVz-FE7M0W6yoaUDgYxLPc1jyWU Ya6Rs7DHhDeg7YaOSg1EoNi3U_nQ9SvO
 2 9KdcA9ZpY1Cpvxvg8bMSLYDUpsX6GDLO pnAqCRBrTsUoBghSD1yp_jXWSmlbdh4g
 3 VNBualIltAyi2AI_uXcKU7M9XUOuA7MS Zu7h9AggXxhTaGVsy7h_EZSChSZGcmgX
 4 iy7Zfceb5_VGtTQzJ-v5JpPbpeifHD_V HxuclGHh0XCDuF8x6yQrpHUBL7ZntAHc
 5 vbjOdMfHJvTjK_nqvFvpaSKhZillW0SX aUiQCzCPZ2d0csHbMSbh2NzInhonSXwI
 6 KqaUhJMW3CDjhoVtBetdEKT1n6hM-7Ek 0iKlIQk2oZLoeOG9P1riRU6hvL5Ux8TV
 7 IW78mgV5Cqf6M24hy52hPjyyo5tCCd86 F-LrLMe1SRpfUZHkQmvkVKFEGaoDeHul
 8 tTm7wmhz0G4lpt8wPspcNkAD_qiminj6 209Z7zJ-mFypBEWLk4rNC6S_OxY5p7bs
 9 HBckYGQ4wYG9APHLpjoQ9UUe9v7NxExt KEO-4XBcm1cxeo_DIQ8_ofqGUkp4iZhI
10 -BOZ8Esn8J88qDwNiSEwUr5425UXdiGX ss8r_wB0-b9r44TQTMmVTI92884QvBiB
11 XXi2_O1ly-CCOi3HP5TypAw7LtC6niFG 2NkFm8HK88MqeNkCgj78KidCAXgnsfV1
12 105bBysLoDFQHhajooTAUyUkNiZ8LJEH 6wlJpONE3oNb4D69ULmEXhqyDZ4vwNfl
13 Ewb9qlgTqN6e_XQiRVYpoUfZJHXeiUfH _0wi-qoDrvram155UmcSC-zA5ZK4fpLT
14 5Ji6FGEKfejK1U6BMScqrdKJK8GqmIGf eK4D2MosgK_ivBkgi6FVPg5UXs1bYESm
15 zIMZb3Ft7RdWa5XYq0PxIlezLY2ccCgt AsXvWL1-2i5U_buw6_niVIxD6zTbAuS6
16 W6wLoIFOn4G7cjopxPxYNk2lcEqhLQFb yC_0RBj3fgBlvgyAuycbzdubtLxq-rE0
17 AjWXsI7AkTK35XW9pgd3UbjpC3MAevlz dLZ15tNO1Ur0IcGjwc3Sdi_0A6Yf4zm7
18 BTj4BDaaHYoPhD3oY2GdwC_l0uqZ92UD vWwFhJ5lQDMhh-czg06YtlWqu0lvFAZV
19 ItRDD47aMoioDCNW_occY5fWKZBKlxCX IIB53T8CNeJJdUqzn9V_JnRtQadwWCbl
20 iy_UbUrvECxFRX5LPTH_KPojdlT7BKsf -A1QmD_MatoqxvgVxBLZTONHz9-c7nQo
21 LpTaNW-hwuY_yARP0rtarCnpCQLkgVCg 5ZUqxCmDDgN4xTRbaSjN8LwgZironmB8
22 XOgHwwR3Upfp5sZYk6ZKzvV25a4RBVu8 7B7SHsmchAR0dFcDCuSFjJAo7tX87krQ
 X v7noePfnNpK8ghYXEqZ9NukMXW7YeNsm w0WZEvgJF0zf_P4yyTzjjv9oW1z61HHP
 Y BT7QyW5iXaX_1PSX-msSGYsqRdMKqkj- 8_liLu1aycC0tPQPFmUaGXJLDs5SbPZ5
"""
_REFGET_OF = {("GRCh37", "MT"): "k3grVkjY-hoWcCUojHw6VU6GE3MZ8Sct"}
_REFGET_OF["GRCh38", "MT"] = _REFGET_OF["GRCh37", "MT"]
for _line in _REFGET.split("\n")[1:-1]:
    _name, _digest_37, _digest_38 = _line.split()
    _REFGET_OF["GRCh37", _name], _REFGET_OF["GRCh38", _name] = _digest_37, _digest_38

_CODES = {name: code for code, name in enumerate(NAMES, start=1)}

# Lower-cased name → (canonical name, the assembly it implies or None). Accessions fix the assembly,
# except the mitochondrion's, which both share.
_BY_NAME: dict[str, tuple[str, str | None]] = {}
for _name in NAMES:
    for _alias in (_name, f"chr{_name}"):
        _BY_NAME[_alias.lower()] = (_name, None)
for _alias, _name in {"m": "MT", "chrm": "MT", "23": "X", "24": "Y"}.items():
    _BY_NAME[_alias] = (_name, None)
for _assembly, _table in ASSEMBLIES.items():
    for _sequence in _table.values():
        _implied = None if _sequence.name == "MT" else _assembly
        for _accession in (_sequence.refseq, _sequence.genbank):
            _BY_NAME[_accession.lower()] = (_sequence.name, _implied)
            _BY_NAME[_accession.lower().partition(".")[0]] = (_sequence.name, None)

_ASSEMBLY_NAME = re.compile(
    r"(?:(?P<b37>grch37|hg19|b37|hs37d5|hs37)|(?P<b38>grch38|hg38|b38|hs38dh|hs38))(?:\.p\d+)?",
    re.IGNORECASE,
)
# Patches keep the accession and raise its version; these are the first versions of GRCh38.
_FIRST_GRCH37 = {"GCF": 13, "GCA": 1}
_FIRST_GRCH38 = {"GCF": 26, "GCA": 15}
_ASSEMBLY_ACCESSION = re.compile(r"(GCF|GCA)_000001405\.(\d+)", re.IGNORECASE)
_NAMESPACE = re.compile(r"(?:refseq|insdc|genbank):", re.IGNORECASE)


@lru_cache(maxsize=1024)
def canonical_assembly(assembly_id: str) -> str | None:
    """`GRCh37` or `GRCh38` for any of their names or accessions, `None` for anything else."""
    text = _NAMESPACE.sub("", assembly_id.strip(), count=1)
    if named := _ASSEMBLY_NAME.fullmatch(text):
        return "GRCh37" if named["b37"] else "GRCh38"
    if accession := _ASSEMBLY_ACCESSION.fullmatch(text):
        archive, version = accession[1].upper(), int(accession[2])
        if version >= _FIRST_GRCH38[archive]:
            return "GRCh38"
        if version >= _FIRST_GRCH37[archive]:
            return "GRCh37"
    return None


@lru_cache(maxsize=4096)
def _named(name: str) -> tuple[str, str | None] | None:
    return _BY_NAME.get(_NAMESPACE.sub("", name.strip(), count=1).lower())


def chromosome(name: str) -> str | None:
    """The canonical name of a sequence, whatever it is called; `None` if it is none of the 25."""
    found = _named(name)
    return found[0] if found else None


def implied_assembly(name: str) -> str | None:
    """The assembly that an accession fixes; `None` for bare names and the mitochondrion."""
    found = _named(name)
    return found[1] if found else None


def code(name: str) -> int:
    """The number of a canonical sequence name: 1…22, X 23, Y 24, MT 25.

    Raises:
        KeyError: not a canonical name.

    """
    return _CODES[name]


def refseq(assembly: str, name: str) -> str:
    """The RefSeq accession with version of a canonical sequence (`NC_000017.11`).

    Raises:
        KeyError: not canonical names.

    """
    return ASSEMBLIES[assembly][name].refseq


def refget(assembly: str, name: str) -> str | None:
    """The refget digest of a sequence, without `SQ.`; `None` if it is none of the 25."""
    return _REFGET_OF.get((assembly, name))


def length(assembly: str, name: str) -> int:
    """The number of bases of a canonical sequence.

    Raises:
        KeyError: not canonical names.

    """
    return ASSEMBLIES[assembly][name].length


def asked_assembly(reference_name: str | None, assembly_id: str | None) -> str | None:
    """The assembly that a request names, by `assemblyId` or by an accession, `None` if by neither.

    Raises:
        InvalidRequest: a name is unknown, or the two disagree.

    """
    asked = None
    if assembly_id is not None:
        asked = canonical_assembly(assembly_id)
        if asked is None:
            raise InvalidRequest(
                f"assemblyId {assembly_id!r} is not known; "
                "GRCh37, GRCh38, hg19, hg38 and GCF_000001405.39 are."
            )
    if reference_name is None:
        return asked
    _, implied = _known(reference_name)
    if implied is not None and asked is not None and implied != asked:
        raise InvalidRequest(
            f"referenceName {reference_name!r} belongs to {implied}, "
            f"but assemblyId {assembly_id!r} is {asked}."
        )
    return implied or asked


def resolve(reference_name: str, assembly_id: str | None, served: Collection[str]) -> Reference:
    """The sequence a request means, given the canonical assemblies that are `served`.

    A bare chromosome without an assembly means the only assembly served.

    Raises:
        InvalidRequest: unknown or contradictory names, or several assemblies are possible.

    """
    assembly = asked_assembly(reference_name, assembly_id)
    name, _ = _known(reference_name)
    if assembly is None:
        if len(set(served)) != 1:
            raise InvalidRequest(
                f"referenceName {reference_name!r} needs an assemblyId: "
                f"this beacon serves {' and '.join(sorted(set(served))) or 'no assembly'}."
            )
        (assembly,) = set(served)
    return Reference(assembly, name)


def _known(reference_name: str) -> tuple[str, str | None]:
    found = _named(reference_name)
    if found is None:
        raise InvalidRequest(
            f"referenceName {reference_name!r} is not known; "
            "17, chr17, refseq:NC_000017.11, NC_000017.11 and CM000679.2 are."
        )
    return found
