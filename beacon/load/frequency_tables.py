"""The home of sites with counts in tables: TSV, CSV and Parquet, a row for each allele.

Some tables have a row for each allele and population instead; the rows of one allele are brought
together, for which rows of one position have to follow each other.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from beacon.framework.errors import LoadError
from beacon.load.frequency_batches import Batch
from beacon.load.frequency_mapping import Mapping, Stratum, strata_of
from beacon.load.frequency_rows import Chunk, Rows, text_of
from beacon.model.allele import Observation

TEXT = (".tsv", ".csv", ".txt", ".tsv.gz", ".csv.gz", ".txt.gz")
PARQUET = (".parquet",)
SUFFIXES = TEXT + PARQUET

_AT_ONCE = 2_000  # rows


class TableSites:
    """A table of sites with counts.

    Attributes:
        names: Its columns.

    Raises:
        LoadError: It has no header, or cannot be read.
    """

    has_genotypes = False

    def __init__(self, path: Path, assembly: str) -> None:
        self.path = path
        self._assembly = assembly
        self.size: int | None = None
        self.names: list[str] = []
        if path.name.endswith(PARQUET):
            self._read_schema()
        else:
            with _rows(path) as rows:
                self.names = next(rows, [])
        if len(self.names) < 2 or len(set(self.names)) < len(self.names):
            raise LoadError(f"{path} has no header line that names its columns, each once")

    def strata(self, mapping: Mapping) -> tuple[Stratum, ...]:
        """Who is counted, everybody first.

        Raises:
            LoadError: Everybody is not, or a column is missing.
        """
        self._site_columns(mapping)
        strata = strata_of(mapping, self.names, str(self.path))
        named = mapping.columns.population
        if named is None:
            return strata
        column = self._column(named)
        codes = {
            text_of(code)
            for chunk in self._chunks([column])
            for code in dict.fromkeys(chunk[column])
        }
        codes.discard(mapping.everybody or "")
        labels = sorted(mapping.populations.get(code, code) for code in codes - {""})
        return (*strata, *(Stratum(label, strata[0].kinds) for label in labels))

    def batches(self, mapping: Mapping, batch: Batch) -> Iterator[tuple[int, list[Observation]]]:
        """The observations of some rows at a time, each time with the rows read so far.

        Raises:
            LoadError: The file is damaged, or rows of one position lie apart.
        """
        sites = self._site_columns(mapping)
        strata = self.strata(mapping)
        population = mapping.columns.population and self._column(mapping.columns.population)
        wanted = [column for column in (*sites.values(), population) if column is not None]
        counted = strata[:1] if population is not None else strata
        for stratum in counted:
            fields = (*stratum.kinds, stratum.allele_frequency, stratum.carriers, stratum.people)
            wanted += [field for field in fields if field is not None]
        rows = Rows(self.path, self._assembly, mapping, batch, sites, counted)
        step = rows.by_population if population is not None else rows.by_allele
        for chunk in self._chunks(list(dict.fromkeys(wanted))):
            observations = step(chunk, population)
            yield rows.number, observations
        yield rows.number, rows.rest()

    def _site_columns(self, mapping: Mapping) -> dict[str, str | None]:
        """The column of each part of a site; `None` is one that the table does without."""
        columns = mapping.columns
        in_name = columns.chromosome_in_file_name
        return {
            "chromosome": self._column(columns.chromosome, needed=in_name is None),
            "pos": self._column(columns.pos),
            "reference": self._column(columns.reference),
            "alternate": self._column(columns.alternate),
            "end": self._column(columns.end, needed=False),
            "svlen": self._column(columns.svlen, needed=False),
        }

    def _column(self, wanted: str, *, needed: bool = True) -> Any:
        for name in self.names:
            if name.lstrip("#").lower() == wanted.lower():
                return name
        if needed:
            raise LoadError(
                f"{self.path} has no column {wanted}; it has {', '.join(self.names[:20])}"
            )
        return None

    def _read_schema(self) -> None:
        parquet = _parquet()
        try:
            with parquet.ParquetFile(self.path) as file:
                self.names = list(file.schema_arrow.names)
                self.size = int(file.metadata.num_rows)
        except (OSError, ValueError) as error:  # what the library's own errors are
            raise LoadError(f"{self.path} is not a Parquet file, or damaged: {error}") from error

    def _chunks(self, columns: Sequence[str]) -> Iterator[Chunk]:
        if self.path.name.endswith(PARQUET):
            yield from self._parquet_chunks(columns)
        else:
            yield from self._text_chunks(columns)

    def _text_chunks(self, columns: Sequence[str]) -> Iterator[Chunk]:
        places = [self.names.index(column) for column in columns]
        with _rows(self.path) as rows:
            next(rows)
            before = 0
            while taken := list(islice(rows, _AT_ONCE)):
                widths = list(map(len, taken))
                if set(widths) != {len(self.names)}:
                    self._say_where(widths, before)
                before += len(taken)
                yield _columns_of(taken, columns, places)

    def _say_where(self, widths: Sequence[int], before: int) -> None:
        """Name the first row that is not as wide as the header, `before` rows after the first."""
        for number, width in enumerate(widths, start=before + 1):
            if width != len(self.names):
                raise LoadError(
                    f"{self.path} is damaged at row {number}: it has {width} columns, "
                    f"its header {len(self.names)}"
                )

    def _parquet_chunks(self, columns: Sequence[str]) -> Iterator[Chunk]:
        parquet = _parquet()
        try:
            with parquet.ParquetFile(self.path) as file:
                for rows in file.iter_batches(batch_size=_AT_ONCE, columns=list(columns)):
                    yield {name: rows.column(name).to_pylist() for name in columns}
        except (OSError, ValueError) as error:  # what the library's own errors are
            raise LoadError(f"{self.path} is damaged: {error}") from error


def _columns_of(
    rows: Sequence[Sequence[str]], columns: Sequence[str], places: Sequence[int]
) -> Chunk:
    turned = list(zip(*rows, strict=True))
    return {column: turned[place] for column, place in zip(columns, places, strict=True)}


@contextmanager
def _rows(path: Path) -> Iterator[Iterator[list[str]]]:
    """The rows of a text table, its header first; lines that begin with `##` are left out.

    Raises:
        LoadError: It is damaged.
    """
    try:
        with (
            path.open("rb") as stored,
            gzip.GzipFile(fileobj=stored) if path.name.endswith(".gz") else stored as file,
            io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text,
        ):
            lines = (line for line in text if not line.startswith("##"))
            if ".csv" in path.suffixes:
                yield csv.reader(lines)
            else:
                yield (line.rstrip("\r\n").split("\t") for line in lines)
    except (OSError, EOFError, ValueError, zlib.error, csv.Error) as error:
        raise LoadError(f"{path} is damaged or not a table: {error}") from error


def _parquet() -> Any:
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise LoadError(
            'Parquet files need the optional extra "parquet": pip install "genome-beacon[parquet]"'
        ) from error
    return parquet
