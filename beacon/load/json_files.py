"""The home of reading JSON files record by record, and of telling which entry type they hold."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import msgspec

from beacon.framework.errors import LoadError

_NAME = re.compile(r".+\.(json|jsonl|ndjson)(\.gz)?", re.IGNORECASE)
_BY_LINE = re.compile(r".+\.(jsonl|ndjson)(\.gz)?", re.IGNORECASE)
_GZIP = b"\x1f\x8b"
_DECODER = msgspec.json.Decoder()
# The last is what nesting without end leads to.
_NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

# Longer names first: `individualsVcf.json` is still a file of individuals.
_BY_FILE_NAME = (
    ("genomicvariation", "genomicVariant"),
    ("g_variant", "genomicVariant"),
    ("individual", "individual"),
    ("biosample", "biosample"),
    ("analys", "analysis"),
    ("cohort", "cohort"),
    ("dataset", "dataset"),
    ("run", "run"),
)
_BY_PROPERTY = (
    ("variation", "genomicVariant"),
    ("variantInternalId", "genomicVariant"),
    ("cohortType", "cohort"),
    ("pipelineName", "analysis"),
    ("analysisDate", "analysis"),
    ("runDate", "run"),
    ("libraryStrategy", "run"),
    ("platformModel", "run"),
    ("biosampleStatus", "biosample"),
    ("sampleOriginType", "biosample"),
    ("dataUseConditions", "dataset"),
    ("sex", "individual"),
    ("phenotypicFeatures", "individual"),
    ("diseases", "individual"),
    ("name", "dataset"),
)
_NO_ENTITY = (
    ("caseleveldata", "carriers by position, an index that other software makes for itself"),
    ("targets", "sample names by position, an index that other software makes for itself"),
    ("filtering_terms", "filtering terms, which are drawn from the records themselves"),
    ("filteringterms", "filtering terms, which are drawn from the records themselves"),
    ("counts", "counts, which are drawn from the records themselves"),
)


class NotJson(msgspec.Struct, frozen=True):
    """What stands for a line that is not JSON; `message` says why."""

    message: str


def is_json(path: Path) -> bool:
    """Whether the name is one of a JSON or JSON Lines file."""
    return _NAME.fullmatch(path.name) is not None


def no_entity(path: Path) -> str | None:
    """Why a file that belongs to a set of BFF files is not one of records, if it is not."""
    name = path.name.lower()
    return next((why for start, why in _NO_ENTITY if name.startswith(start)), None)


def entry_type_by_name(name: str) -> str | None:
    """The entry type that a file, or the sheet of a workbook, is named after."""
    lower = name.lower()
    return next((kind for start, kind in _BY_FILE_NAME if lower.startswith(start)), None)


def entry_type_of(path: Path) -> str:
    """The entry type of a file's records: by its name, else by what the first of them have.

    Raises:
        LoadError: Neither tells.
    """
    if (named := entry_type_by_name(path.name)) is not None:
        return named
    for _, record in read_records(path):
        if isinstance(record, dict):
            for key, entry_type in _BY_PROPERTY:
                if key in record:
                    return entry_type
            break
    raise LoadError(
        f"{path} could be of any entry type; name it individuals.json, biosamples.json, runs.json, "
        "analyses.json, cohorts.json, datasets.json or genomicVariations.json"
    )


def read_records(path: Path) -> Iterator[tuple[str, Any]]:
    """The records of a JSON array, of a single object, or of JSON Lines, each with its place.

    Files may be gzipped. JSON Lines are read line by line, and a line that is not JSON comes out as
    `NotJson`; anything else is read whole.

    Raises:
        LoadError: The file cannot be read, or is not JSON.
    """
    try:
        with _open(path) as file:
            if _BY_LINE.fullmatch(path.name) or _has_lines(file):
                yield from _read_lines(file)
                return
            content = file.read()
    except (OSError, EOFError, zlib.error) as error:
        raise LoadError(f"{path} cannot be read, or is cut short: {error}") from error
    try:
        document: Any = _DECODER.decode(content)
    except _NOT_JSON as error:
        raise LoadError(f"{path} is not JSON: {error}") from error
    records = document if isinstance(document, list) else [document]
    for number, record in enumerate(records, start=1):
        yield f"record {number}", record


def _open(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        zipped = file.read(2) == _GZIP
    return gzip.open(path, "rb") if zipped else path.open("rb")  # type: ignore[return-value]


def _has_lines(file: IO[bytes]) -> bool:
    """Whether the first two lines are objects, each complete."""
    complete = 0
    for line in file:
        if not line.strip():
            continue
        try:
            complete += isinstance(_DECODER.decode(line), dict)
        except _NOT_JSON:
            break
        if complete != 1:
            break
    file.seek(0)
    return complete == 2


def _read_lines(file: IO[bytes]) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        try:
            record = _DECODER.decode(line)
        except _NOT_JSON as error:
            record = NotJson(str(error))
        yield f"line {number}", record
