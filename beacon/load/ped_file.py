"""The home of reading PED files: families by row, each checked against the other rows."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from beacon.framework.errors import LoadError
from beacon.load.items import Item
from beacon.load.pedigree_members import Disease, Member, pedigree_records
from beacon.load.report import Problem

COLUMNS = ("Family ID", "Individual ID", "Paternal ID", "Maternal ID", "Sex", "Phenotype")
"""The columns of a PED file, by their order; more may follow."""

UNKNOWN_SEX = "unknown"
_SEX_WORDS = {
    "1": "male",
    "male": "male",
    "m": "male",
    "2": "female",
    "female": "female",
    "f": "female",
    "0": UNKNOWN_SEX,
    "-9": UNKNOWN_SEX,
    "other": UNKNOWN_SEX,
    "unknown": UNKNOWN_SEX,
    ".": UNKNOWN_SEX,
}
_SEX_TERMS = {
    "male": {"id": "NCIT:C20197", "label": "male"},
    "female": {"id": "NCIT:C16576", "label": "female"},
    UNKNOWN_SEX: {"id": "NCIT:C17998", "label": "unknown"},
}
_SEX_OF_TERM = {
    "NCIT:C20197": "male",
    "NCIT:C46112": "male",
    "NCIT:C16576": "female",
    "NCIT:C46113": "female",
    "NCIT:C17998": UNKNOWN_SEX,
}
_AFFECTED = {"1": False, "unaffected": False, "2": True, "affected": True}
_STATUS_UNKNOWN = frozenset(("0", "-9", ".", "unknown", ""))
_NOBODY = frozenset(("0", ".", ""))
_HEADER = frozenset(("sex", "gender"))
_NAME = re.compile(r".+\.(ped|fam)", re.IGNORECASE)


def is_ped(path: Path) -> bool:
    """Whether the name is one of a PED or FAM file."""
    return _NAME.fullmatch(path.name) is not None


def sex_of(term: object) -> str:
    """`male`, `female` or `unknown` for a term of a record; any other term's own id."""
    identifier = term.get("id") if isinstance(term, Mapping) else None
    return _SEX_OF_TERM.get(str(identifier or "NCIT:C17998"), str(identifier))


@dataclass(slots=True)
class _Row:
    number: int
    member: Member
    sex: str
    problems: list[Problem] = field(default_factory=list)
    usable: bool = True


@dataclass(frozen=True, slots=True)
class PedFile:
    """A PED file: six columns or more, by tabs or spaces, comments by `#`, maybe a header."""

    path: Path
    disease: Disease | None = None

    @property
    def entry_types(self) -> Collection[str]:
        """People."""
        return ("individual",)

    def read(self) -> Iterator[Item]:
        """The people, by row. A row that contradicts itself or others is none."""
        columns, rows = self._rows()
        by_id: dict[str, _Row] = {}
        for row in rows:
            self._check_id(row, by_id, columns)
        for row in rows:
            self._check_parents(row, by_id, columns)
        for row in _ancestors_of_themselves(by_id):
            detail = f"{row.member.id} would be an ancestor of itself"
            self._refuse(row, columns[2], "the parents go round in a circle", detail)
        usable = [row.member for row in rows if row.usable]
        pedigrees = pedigree_records(usable, disease=self.disease)
        places = {"id": columns[1], "sex": columns[4], "pedigrees": columns[0]}
        for row in rows:
            yield Item(
                file=self.path.name,
                place=f"row {row.number}",
                entry_type="individual",
                record=_record(row, pedigrees) if row.usable else None,
                columns=places,
                problems=tuple(row.problems),
            )

    def _rows(self) -> tuple[Sequence[str], list[_Row]]:
        try:
            lines = self.path.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise LoadError(f"{self.path} cannot be read as text: {error}") from error
        columns: Sequence[str] = COLUMNS
        rows: list[_Row] = []
        for number, line in enumerate(lines, start=1):
            cells = _cells(line.lstrip("#"))
            if not cells:
                continue
            if not rows and _HEADER & {cell.lower() for cell in cells}:
                if len(cells) >= len(COLUMNS) and cells[4].lower() in _HEADER:
                    columns = cells
            elif not line.startswith("#"):
                rows.append(self._row(number, cells, columns))
        return columns, rows

    def _row(self, number: int, cells: list[str], columns: Sequence[str]) -> _Row:
        if len(cells) < len(COLUMNS):
            row = _Row(number, Member("", ""), UNKNOWN_SEX)
            detail = f"it has {len(cells)}; {', '.join(COLUMNS)} were expected"
            self._refuse(row, "", "too few columns", detail)
            return row
        family, identifier, father, mother, sex, phenotype = cells[: len(COLUMNS)]
        affected = _AFFECTED.get(phenotype.lower())
        member = Member(family, identifier, _parent(father), _parent(mother), affected)
        row = _Row(number, member, _SEX_WORDS.get(sex.lower(), UNKNOWN_SEX))
        if sex.lower() not in _SEX_WORDS:
            detail = f"it is {sex!r}; 1 is male, 2 female, 0 unknown"
            self._refuse(row, columns[4], "not a code of a sex", detail)
        if affected is None and phenotype.lower() not in _STATUS_UNKNOWN:
            detail = f"it is {phenotype!r}; 1 is unaffected, 2 affected, 0 unknown"
            self._note(row, columns[5], "not a code of being affected; it is left out", detail)
        return row

    def _check_id(self, row: _Row, by_id: dict[str, _Row], columns: Sequence[str]) -> None:
        identifier = row.member.id
        if not identifier:  # of a row that is too short
            return
        if identifier in _NOBODY:
            detail = f"{identifier} stands for nobody"
            self._refuse(row, columns[1], "no id", detail)
        elif identifier in by_id:
            detail = f"{identifier} is in row {by_id[identifier].number} already"
            self._refuse(row, columns[1], "the id occurs more than once; the first counts", detail)
        else:
            by_id[identifier] = row

    def _check_parents(self, row: _Row, by_id: Mapping[str, _Row], columns: Sequence[str]) -> None:
        member = row.member
        for column, parent, wrong in (
            (columns[2], member.father, "female"),
            (columns[3], member.mother, "male"),
        ):
            if parent is None:
                continue
            known = by_id.get(parent)
            if parent == member.id:
                self._refuse(row, column, "somebody is their own parent", parent)
            elif known is None:
                detail = f"{parent} has no row"
                self._note(row, column, "a parent is not in the file", detail)
            elif known.sex == wrong:
                detail = f"{parent} is {wrong} in row {known.number}"
                self._refuse(row, column, "a parent is of the wrong sex", detail)

    def _refuse(self, row: _Row, column: str, reason: str, detail: str) -> None:
        # What keeps the row out comes before what would only be a warning.
        row.problems.insert(0, self._problem(row, column, reason, detail))
        row.usable = False

    def _note(self, row: _Row, column: str, reason: str, detail: str) -> None:
        row.problems.append(self._problem(row, column, reason, detail))

    def _problem(self, row: _Row, column: str, reason: str, detail: str) -> Problem:
        return Problem(
            file=self.path.name,
            place=f"row {row.number}",
            field=column,
            reason=reason,
            detail=detail,
        )


def _cells(line: str) -> list[str]:
    if "\t" in line:
        cells = [cell.strip() for cell in line.split("\t")]
        return cells if any(cells) else []
    return line.split()


def _parent(text: str) -> str | None:
    return None if text in _NOBODY else text


def _record(row: _Row, pedigrees: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    member = row.member
    info: dict[str, Any] = {}
    if member.family not in _NOBODY:
        info["familyId"] = member.family
    parents = (("father", member.father), ("mother", member.mother))
    if member.parents:
        info["parents"] = [{"role": role, "id": one} for role, one in parents if one is not None]
    if member.affected is not None:
        info["affected"] = member.affected
    record: dict[str, Any] = {"id": member.id, "sex": dict(_SEX_TERMS[row.sex])}
    if member.id in pedigrees and member.family not in _NOBODY:
        record["pedigrees"] = [pedigrees[member.id]]
    record["info"] = info
    return record


def _ancestors_of_themselves(by_id: Mapping[str, _Row]) -> list[_Row]:
    """Those that come back to themselves by way of their parents."""
    done: set[str] = set()
    found: list[_Row] = []
    for start in by_id:
        path: list[str] = []
        todo = [(start, False)]
        while todo:
            name, is_left = todo.pop()
            if is_left:
                path.pop()
                done.add(name)
                continue
            if name in path:
                circle = path[path.index(name) :]
                if len(circle) > 1:  # being one's own parent is another problem
                    found += [by_id[one] for one in circle]
                continue
            if name in done or name not in by_id:
                continue
            path.append(name)
            todo.append((name, True))
            todo += [(parent, False) for parent in by_id[name].member.parents]
    return list({row.number: row for row in found}.values())
