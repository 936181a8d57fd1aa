"""The home of families: pedigrees of the Beacon model, and how PED files are loaded."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from beacon.framework.answer import Record
from beacon.framework.errors import LoadError
from beacon.framework.source import Load, Sink
from beacon.load.items import Item
from beacon.load.ped_file import UNKNOWN_SEX, PedFile, is_ped, sex_of
from beacon.load.pedigree_members import UNKNOWN_DISEASE, Disease
from beacon.load.progress import Progress
from beacon.load.records import load_items
from beacon.load.report import Problem, Report
from beacon.load.source_files import find_files

_CURIE = re.compile(r"\w[^:\s]*:\S+")


def load_pedigree(
    sink: Sink,
    dataset_id: str,
    paths: Sequence[Path],
    *,
    disease: Disease | None = None,
    progress: Progress | None = None,
    listing: Path | None = None,
) -> Report:
    """Load PED files into a dataset, and publish.

    What they say of people is added to what the dataset knows of them: the sex where it was not
    known, the pedigree, the parents and whether they are affected. Somebody whose sex is known to
    be another is not loaded.

    Args:
        paths: PED or FAM files, or folders of them. They name people by the id of the individual or
            of a biosample.
        disease: What `affected` means, an ontology term; the files do not say.
        listing: A file that every problem is appended to, as JSON Lines.

    Raises:
        LoadError: A file cannot be loaded as asked; nothing was published.
    """
    return load_items(
        sink,
        dataset_id,
        [PedFile(path, disease) for path in find_files(paths, is_ped)],
        merge=_Known(),
        progress=progress,
        listing=listing,
    )


def disease_term(disease: str | None, label: str | None = None) -> Disease | None:
    """The term of a disease by its id, `None` for none.

    Raises:
        LoadError: It is no id of a term, or there is only a label.
    """
    if disease is None and label is None:
        return None
    if disease is None or not _CURIE.fullmatch(disease):
        raise LoadError(f"disease {disease!r} is no id of a term; MONDO:0005015 would be one")
    return {"id": disease, "label": label} if label else {"id": disease}


@dataclass(slots=True)
class _Known:
    """Adds what a file says of people to what the dataset knows of them."""

    persons: dict[str, str] = field(default_factory=dict)

    def __call__(self, load: Load, item: Item) -> Item:
        """The item with the whole record of the person, or why it contradicts that."""
        stated = _renamed(item.record or {}, lambda name: self._person(load, name))
        known = load.record("individual", stated["id"])
        if known is None:
            return msgspec.structs.replace(item, record=stated)
        ours, theirs = sex_of(known.get("sex")), sex_of(stated["sex"])
        if UNKNOWN_SEX not in (ours, theirs) and ours != theirs:
            problem = Problem(
                file=item.file,
                place=item.place,
                field=item.columns["sex"],
                reason="the sex is known to be another",
                detail=f"{stated['id']} is {_named(stated['sex'])} here, and in the dataset "
                f"{_named(known['sex'])}",
            )
            return msgspec.structs.replace(item, record=None, problems=(problem,))
        return msgspec.structs.replace(item, record=added(known, stated))

    def _person(self, load: Load, name: str) -> str:
        """The individual that a file means: the one of that id, or whose biosample it is."""
        found = self.persons.get(name)
        if found is None:
            found = name
            if load.record("individual", name) is None:
                sample = load.record("biosample", name) or {}
                found = str(sample.get("individualId") or name)
            self.persons[name] = found
        return found


def added(known: Record, stated: Record) -> dict[str, Any]:
    """What is known of a person, with what a pedigree file says of them.

    Of one family the later file counts, unless only the earlier one tells the disease.
    """
    merged = {**known}
    if sex_of(known.get("sex")) == UNKNOWN_SEX:
        merged["sex"] = stated["sex"]
    pedigrees = {one.get("id"): one for one in known.get("pedigrees") or ()}
    for pedigree in stated.get("pedigrees") or ():
        old = pedigrees.get(pedigree["id"])
        if old is None or _tells_disease(pedigree) or not _tells_disease(old):
            pedigrees[pedigree["id"]] = pedigree
    if pedigrees:
        merged["pedigrees"] = list(pedigrees.values())
    info = known.get("info")
    merged["info"] = {**(info if isinstance(info, Mapping) else {}), **stated["info"]}
    return merged


def _tells_disease(pedigree: Record) -> bool:
    disease = pedigree.get("disease")
    return isinstance(disease, Mapping) and disease.get("diseaseCode") != UNKNOWN_DISEASE


def _renamed(record: Record, person: Callable[[str], str]) -> dict[str, Any]:
    """The record with the people in it by the ids of their individuals."""
    renamed = {**record, "id": person(record["id"]), "info": {**record["info"]}}
    if "parents" in record["info"]:
        renamed["info"]["parents"] = [
            {**parent, "id": person(parent["id"])} for parent in record["info"]["parents"]
        ]
    if "pedigrees" in record:
        renamed["pedigrees"] = [
            {
                **pedigree,
                "members": [
                    {**member, "memberId": person(member["memberId"])}
                    for member in pedigree["members"]
                ],
            }
            for pedigree in record["pedigrees"]
        ]
    return renamed


def _named(sex: Mapping[str, Any]) -> str:
    return str(sex.get("label") or sex.get("id"))
