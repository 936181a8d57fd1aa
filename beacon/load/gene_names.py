"""The home of HGNC's table: what each human gene is and was called."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

from beacon.framework.errors import LoadError

_COLUMNS = (
    "HGNC ID",
    "Approved symbol",
    "Status",
    "Alias symbols",
    "Previous symbols",
    "Ensembl gene ID",
    "Locus type",
)
_CODING = "gene with protein product"


class ApprovedGene(NamedTuple):
    """A gene with an approved symbol.

    Attributes:
        aliases: other symbols in use.
        previous: symbols that were once approved.
        ids: `HGNC:1100`, and `ENSG00000012048` where it is known.
        is_coding: whether it makes a protein.
    """

    symbol: str
    aliases: tuple[str, ...]
    previous: tuple[str, ...]
    ids: tuple[str, ...]
    is_coding: bool


def read_gene_names(path: Path) -> tuple[ApprovedGene, ...]:
    """Read a table that was downloaded from HGNC: tab-separated, with its headings.

    Entries and symbols that were withdrawn are left out.

    Raises:
        LoadError: The file is not such a table.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            missing = set(_COLUMNS).difference(rows.fieldnames or ())
            if missing:
                raise LoadError(f"{path} has no column {' and no column '.join(sorted(missing))}")
            return tuple(_gene(row) for row in rows if row["Status"] == "Approved")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise LoadError(f"{path} cannot be read as a table of gene names: {error}") from error


def _gene(row: dict[str, str]) -> ApprovedGene:
    ensembl = row["Ensembl gene ID"]
    return ApprovedGene(
        symbol=row["Approved symbol"],
        aliases=_listed(row["Alias symbols"]),
        previous=_listed(row["Previous symbols"]),
        ids=(row["HGNC ID"], *([ensembl] if ensembl else ())),
        is_coding=row["Locus type"] == _CODING,
    )


def _listed(text: str) -> tuple[str, ...]:
    return tuple(one for part in (text or "").split(",") if (one := part.strip().strip('"')))
