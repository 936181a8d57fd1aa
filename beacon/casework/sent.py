"""The home of the log of what left: the body of every request, as it was sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from beacon.casework.failures import CaseError


class SentLog:
    """JSON Lines: a body is written before it is sent, so that none leaves without its line."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def __call__(self, body: bytes) -> None:
        """Write a body that is about to be sent."""
        self._file.write(body.replace(b"\n", b" ") + b"\n")
        self._file.flush()


@contextmanager
def sent_log(path: Path | None) -> Iterator[SentLog | None]:
    """The log at a path, which is added to; `None` for none.

    Raises:
        CaseError: It cannot be written.
    """
    if path is None:
        yield None
        return
    try:
        file = path.open("ab")
    except OSError as error:
        raise CaseError(f"{path} cannot be written: {error.strerror}") from error
    with file:
        yield SentLog(file)
