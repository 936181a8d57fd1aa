"""The home of the files of a load: which there are, and what identifies each."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

from beacon.framework.errors import LoadError
from beacon.framework.source import SourceFile
from beacon.load.progress import Progress

_BLOCK_BYTES = 1 << 20


def find_files(paths: Iterable[Path], accept: Callable[[Path], bool]) -> list[Path]:
    """The files named, and for each folder named the acceptable files in it, in order.

    Raises:
        LoadError: A path does not exist, or there is nothing to load.
    """
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(file for file in path.iterdir() if file.is_file() and accept(file))
            if not inside:
                raise LoadError(f"{path} holds no file that could be loaded")
            files += inside
        elif path.is_file():
            files.append(path)
        elif path.exists():
            raise LoadError(f"{path} is neither a file nor a folder; a file was expected")
        else:
            raise LoadError(f"{path} does not exist")
    if not files:
        raise LoadError("no file was given")
    return list(dict.fromkeys(files))


def identify(path: Path, progress: Progress) -> SourceFile:
    """The file's name and the SHA-256 of its bytes.

    Raises:
        LoadError: The file cannot be read.
    """
    digest = hashlib.sha256()
    try:
        progress.file(f"{path.name} (digest)", path.stat().st_size)
        with path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
                progress.advance(len(block))
    except OSError as error:
        raise LoadError(f"{path} cannot be read: {error.strerror}") from error
    return SourceFile(name=str(path), digest=digest.hexdigest())
