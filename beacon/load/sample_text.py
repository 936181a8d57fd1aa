"""The home of reading the sample columns of a VCF line, all samples at once.

Only what is beyond doubt is read here. For anything else the answer is `None`, and the line is for
a parser that goes from byte to byte.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from beacon.load.genotypes import (
    ABSENT,
    MISSING,
    Genotypes,
    PairEncoding,
    only_first_alternate,
)

_Bytes = npt.NDArray[np.uint8]
_Places = npt.NDArray[np.intp]

_TAB, _COLON, _DOT = ord("\t"), ord(":"), ord(".")
_HAPLOID_REFERENCE = np.uint16(int.from_bytes(b"0\t", "little"))
_CALL = np.uint32(0x00FFFFFF)
_CLOSED = np.uint32(_TAB << 24)
_ALLELE = np.full(256, ABSENT, np.int8)
_ALLELE[ord("0") : ord("9") + 1] = range(10)
_ALLELE[_DOT] = MISSING
_NO_ALLELE, _WRONG = 0x80, 0x0101  # the bit for phase is free: it marks what is no allele
_BINARY_FIRST = np.where(_ALLELE == ABSENT, 1, 2 * _ALLELE.astype(np.uint16) + 2).astype("<u2")
_BINARY_SECOND = _BINARY_FIRST << 8
_IS_PHASE = np.isin(np.arange(256), list(b"|/"))
_IS_END = np.isin(np.arange(256), list(b"\t:"))


def _text(separator: bytes) -> PairEncoding:
    calls = (b"0" + separator + b"0", b"1" + separator + b"0", b"0" + separator + b"1")
    words = (*calls, b"1" + separator + b"1")
    return PairEncoding(*(np.uint32(int.from_bytes(word + b"\t", "little")) for word in words))


_PHASED, _UNPHASED = _text(b"|"), _text(b"/")

_ENDS_NUMBER = np.isin(np.arange(256), list(b"\t:,|/"))


def fields_of(text: str, types: Mapping[str, str]) -> list[str] | None:
    """The fields of a FORMAT, if columns of it can be read here: GT, then whole numbers.

    Args:
        types: What the header declares of FORMAT fields.
    """
    keys = text.split(":")
    plain = keys[0] == "GT" and types.get("GT", "String") == "String"
    plain &= all(types.get(key) == "Integer" for key in keys[1:])
    return keys if plain and len(set(keys)) == len(keys) else None


def read_samples(text: bytes, samples: int, fields: int) -> Genotypes | None:
    """The genotypes of all samples, or `None` if they are not plain.

    Args:
        text: The sample columns, each with a tab behind it.
        fields: How many FORMAT has.
    """
    if fields == 1:
        if len(text) == 4 * samples and (found := _fixed_diploid(text)) is not None:
            return found
        if len(text) == 2 * samples:
            return _fixed_haploid(text)
        if b":" in text:
            return None
    return _any_width(text, samples, fields)


def _fixed_diploid(text: bytes) -> Genotypes | None:
    """Every column is like `0|1`."""
    encoding = _PHASED if text[1] == ord("|") else _UNPHASED
    words = np.frombuffer(text, "<u4")
    columns = (words != encoding.reference).nonzero()[0]
    others = words[columns]
    if (both := only_first_alternate(others, encoding)) is not None:
        return Genotypes(words.size, 2, columns, both=both)
    pairs = _pairs(others, others >> 24 == _TAB)
    return None if pairs is None else Genotypes(words.size, 2, columns, pairs=pairs)


def _fixed_haploid(text: bytes) -> Genotypes | None:
    """Every column is like `0`."""
    words = np.frombuffer(text, "<u2")
    columns = (words != _HAPLOID_REFERENCE).nonzero()[0]
    others = words[columns].view(np.uint8).reshape(-1, 2)
    alleles = _ALLELE.take(others[:, :1])
    if (alleles == ABSENT).any() or (others[:, 1] != _TAB).any():
        return None
    return Genotypes(words.size, 1, columns, alleles=alleles)


def _any_width(text: bytes, samples: int, fields: int) -> Genotypes | None:
    """Columns are like `0|1` or `0`, with other fields or without."""
    line = np.frombuffer(text, np.uint8)
    tabs = (line == _TAB).nonzero()[0]
    if tabs.size != samples or b"\0" in text:
        return None
    begins = np.empty(samples, np.intp)
    begins[0], begins[1:] = 0, tabs[:-1] + 1
    # Four bytes from each begin on; the view overlaps itself and is only indexed.
    padded = text + b"\0\0\0"
    words = np.ndarray((len(text),), "<u4", padded, strides=(1,))[begins]
    fourth = words >> 24
    closed = (fourth == _TAB) | (fourth == _COLON)
    encoding = _PHASED if text[1] == ord("|") else _UNPHASED
    words &= _CALL
    words |= _CLOSED
    columns = ((words != encoding.reference) | ~closed).nonzero()[0]
    words, closed = words[columns], closed[columns]
    both = only_first_alternate(words, encoding) if closed.all() else None
    pairs = _pairs(words, closed) if both is None else None
    if both is None and pairs is None:
        return None
    if fields > 1:
        haploid = 0 if pairs is None else int(np.count_nonzero(pairs >> 8 == _NO_ALLELE))
        if not _is_sound(text, line, tabs, fields, samples - haploid):
            return None
    return Genotypes(samples, 2, columns, both=both, pairs=pairs)


def _pairs(
    words: npt.NDArray[np.uint32], closed: npt.NDArray[np.bool_]
) -> npt.NDArray[np.uint16] | None:
    """Calls as pairs of bytes, as BCF has them, if each is a call of one digit or two.

    Args:
        words: The first three bytes of each column; the fourth does not matter.
        closed: Whether something ends after the third byte.
    """
    text = words.view(np.uint8)
    first, second, third = _BINARY_FIRST.take(text[::4]), text[1::4], text[2::4]
    is_diploid = _IS_PHASE.take(second) & closed
    is_haploid = _IS_END.take(second)
    last = _BINARY_SECOND.take(third)
    last[is_haploid] = _NO_ALLELE << 8
    if not (is_diploid | is_haploid).all():
        return None
    pairs = first | last
    return None if (pairs & _WRONG).any() else pairs


def _is_sound(text: bytes, line: _Bytes, tabs: _Places, fields: int, phases: int) -> bool:
    """Whether what is beside GT is whole numbers, in no more fields than FORMAT has.

    Args:
        phases: How many `|` and `/` there are in GT.
    """
    colons = (line == _COLON).nonzero()[0]
    if not _are_few(colons, tabs, fields - 1):
        return False
    # Digits and what separates them are right in any order: an empty number is a missing one.
    others = text.translate(None, b"0123456789,:\t")
    points = others.count(b".")
    if len(others) - points != phases or others.count(b"|") + others.count(b"/") != phases:
        return False
    places = (line == _DOT).nonzero()[0]
    alone = _ENDS_NUMBER.take(line[places - 1]) & _ENDS_NUMBER.take(line[places + 1])
    return bool(alone.all())


def _are_few(colons: _Places, tabs: _Places, most: int) -> bool:
    """Whether no sample has more colons than that."""
    if colons.size == tabs.size * most:
        first, last = colons[::most], colons[most - 1 :: most]
        if (last < tabs).all() and (first[1:] > tabs[:-1]).all():
            return True
    counts = np.diff(np.searchsorted(colons, tabs), prepend=0)
    return bool(counts.max() <= most)
