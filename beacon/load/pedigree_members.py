"""The home of pedigrees as records have them: the members of a family, and their roles in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Disease = Mapping[str, Any]
"""An ontology term: `id`, and maybe `label`."""

UNKNOWN_DISEASE = {"id": "NCIT:C17998", "label": "unknown"}
"""The disease of a pedigree that does not say which; the model wants one."""

_PROBAND = {"id": "NCIT:C64435", "label": "Proband"}
_MOTHER = {"id": "NCIT:C25189", "label": "Mother"}
_FATHER = {"id": "NCIT:C25174", "label": "Father"}
_SIBLING = {"id": "NCIT:C25204", "label": "Sibling"}
_OTHER = {"id": "NCIT:C17998", "label": "unknown"}


@dataclass(frozen=True, slots=True)
class Member:
    """One person of a family; parents are ids of members, or of people who are not there.

    `affected` is `None` where that is not known.
    """

    family: str
    id: str
    father: str | None = None
    mother: str | None = None
    affected: bool | None = None

    @property
    def parents(self) -> tuple[str, ...]:
        """Those that are known."""
        return tuple(one for one in (self.father, self.mother) if one is not None)


def pedigree_records(
    members: Sequence[Member], *, disease: Disease | None = None, proband: str | None = None
) -> dict[str, dict[str, Any]]:
    """The pedigree of each person, by id; the same for all of a family, none for who is alone.

    Roles are towards the proband: the one named, else the first affected child with a parent in the
    family, the first affected, the first child. The model has a yes or no for affected; who is not
    known to be affected has a no.

    Args:
        disease: What `affected` means.
    """
    families: dict[str, list[Member]] = {}
    for member in members:
        families.setdefault(member.family, []).append(member)
    found = {}
    for family, ours in families.items():
        if len(ours) == 1:
            continue
        centre = _proband(ours, proband)
        pedigree = {
            "id": family,
            "disease": {"diseaseCode": dict(disease or UNKNOWN_DISEASE)},
            "members": [
                {
                    "memberId": member.id,
                    "role": dict(_role(member, centre)),
                    "affected": member.affected is True,
                }
                for member in ours
            ],
            "numSubjects": len(ours),
        }
        for member in ours:
            found[member.id] = pedigree
    return found


def _proband(members: Sequence[Member], named: str | None) -> Member:
    ids = {member.id for member in members}
    ranked = (
        lambda one: one.id == named,
        lambda one: one.affected is True and not ids.isdisjoint(one.parents),
        lambda one: one.affected is True,
        lambda one: not ids.isdisjoint(one.parents),
    )
    for wanted in ranked:
        for member in members:
            if wanted(member):
                return member
    return members[0]


def _role(member: Member, proband: Member) -> Mapping[str, str]:
    if member.id == proband.id:
        return _PROBAND
    if member.id == proband.mother:
        return _MOTHER
    if member.id == proband.father:
        return _FATHER
    return _OTHER if set(member.parents).isdisjoint(proband.parents) else _SIBLING
