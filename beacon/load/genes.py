"""The home of gene tables: where each gene lies, by its symbol."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path

from beacon.framework.errors import LoadError
from beacon.model.assemblies import chromosome

Genes = Mapping[str, tuple[str, int, int]]
"""Symbol → canonical chromosome, start, end (0-based, half-open)."""

_GZIP = b"\x1f\x8b"
_ENSEMBL_GENE = re.compile(r"ENSG\d+")


def read_genes(path: Path) -> Genes:
    """Read a gene table.

    Two layouts, told apart by the name: BED (`.bed`: chromosome, start, end, symbol; 0-based,
    half-open) and the tab-separated table that Ensembl BioMart exports (chromosome, first base,
    last base, symbol, gene id; 1-based, both ends included). Either may be gzipped. Lines that
    begin with `#` are comments.

    Genes on anything but 1-22, X, Y and MT (patches, alternate haplotypes) and genes without a
    symbol are left out. Ensembl gene ids are keys too, where the table has them. A symbol that
    occurs more than once means its longest gene; of equally long ones the first in the file, so
    that a gene on both X and Y is the one on the chromosome that the table lists first.

    Raises:
        LoadError: The file is not such a table.
    """
    one_based = not path.name.removesuffix(".gz").endswith(".bed")
    genes: dict[str, tuple[str, int, int]] = {}
    for number, fields in _lines(path):
        try:
            name, first, last, symbol = fields[0], int(fields[1]), int(fields[2]), fields[3]
        except (IndexError, ValueError) as error:
            raise LoadError(
                f"{path}, line {number}: chromosome, start, end and symbol were expected, "
                "separated by tabs"
            ) from error
        canonical = chromosome(name)
        start = first - 1 if one_based else first  # Ensembl counts from 1
        if canonical is None:
            continue
        if not 0 <= start < last:
            raise LoadError(f"{path}, line {number}: a gene from {first} to {last} is none")
        region = (canonical, start, last)
        keys = [symbol, *(one for one in fields[4:5] if _ENSEMBL_GENE.fullmatch(one))]
        for key in filter(None, keys):
            known = genes.get(key)
            if known is None or last - start > known[2] - known[1]:
                genes[key] = region
    if not genes:
        raise LoadError(f"{path} holds no gene")
    return genes


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        content = path.read_bytes()
        if content.startswith(_GZIP):
            # Not `gzip.decompress`: of the many members of bgzip it copies all that follow each.
            content = gzip.GzipFile(fileobj=BytesIO(content)).read()
        text = content.decode()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise LoadError(f"{path} cannot be read as text: {error}") from error
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() and not line.startswith(("#", "track ", "browser ")):
            yield number, line.split("\t")
