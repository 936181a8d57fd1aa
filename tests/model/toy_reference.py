"""Made-up reference sequences for tests: a few bases somewhere on a chromosome."""

from __future__ import annotations

from pathlib import Path

from beacon.model.assemblies import length
from beacon.model.reference import Bases


def bases_from(text: str, start: int = 0, name: str = "17") -> Bases:
    """A chromosome of which only `text`, from `start` on, is not N."""

    def bases(asked: str, low: int, high: int) -> str:
        if asked != name:
            return ""
        size = start + len(text) if start == 0 else length("GRCh38", name)
        known = (
            text[at - start] if start <= at < start + len(text) else "N"
            for at in range(low, min(high, size))
        )
        return "".join(known)

    return bases


def write_fasta(path: Path, sequences: dict[str, tuple[int, int, str]]) -> Path:
    """An indexed FASTA, by name: length, and where which bases are; what is around them is a hole.

    A hole takes no room on the disk, so that a chromosome can have its whole length.
    """
    index = []
    with path.open("wb") as file:
        for name, (size, start, bases) in sequences.items():
            file.write(f">{name}\n".encode())
            begin = file.tell()
            index.append(f"{name}\t{size}\t{begin}\t{size}\t{size + 1}\n")
            file.seek(begin + start)
            file.write(bases.encode())
            file.seek(begin + size)
            file.write(b"\n")
    path.with_name(path.name + ".fai").write_text("".join(index))
    return path
