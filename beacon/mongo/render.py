"""Records as they are delivered: from columns, carriers, annotations and the roster."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np
import numpy.typing as npt

from beacon.framework.answer import Record
from beacon.framework.query import Granularity
from beacon.model.allele import Allele
from beacon.model.annotation import merged
from beacon.model.filters import ZYGOSITIES
from beacon.model.identifiers import identifiers_of
from beacon.model.links import LevelOf, hidden_links
from beacon.model.reference import Bases
from beacon.model.variation import variation_of
from beacon.mongo.found import Found
from beacon.mongo.layers import Dataset
from beacon.mongo.roster import Roster
from beacon.mongo.scan import variant_id

_HAPLOID = {
    "X": ("GENO:0000604", "hemizygous X-linked"),
    "Y": ("GENO:0000605", "hemizygous Y-linked"),
    "MT": ("GENO:0000602", "homoplasmic"),
}
"""What a call of a single allele means, by chromosome (GENO)."""


class CaseLevel:
    """Which parts of `caseLevelData` the caller may see of a dataset, and who the rows are.

    Args:
        limit: Carriers that are named at most.
    """

    def __init__(self, level_of: LevelOf, roster: Roster, limit: int) -> None:
        self.biosamples = level_of("biosample") is Granularity.RECORD
        self.hidden_links = hidden_links(level_of)
        self.roster = roster
        self.limit = limit

    def biosample(self, row: int) -> str:
        """The biosample that a row is, or the name its genotypes go by."""
        ordinal = int(self.roster.biosample_of[row])
        return self.roster.biosamples[ordinal] if ordinal >= 0 else self.roster.samples[row]

    def individual(self, row: int) -> str:
        """The person that a row is of."""
        return self.roster.individuals[int(self.roster.individual_of[row])]


def render_variant(
    found: Found,
    record: Record | None,
    codes: Any,
    dataset: Dataset,
    case_level: CaseLevel | None,
    frequencies: list[Record],
    bases: Bases | None,
) -> Record:
    """One genomic variation.

    Args:
        record: What is said of it: as it was loaded, if it was loaded as a record, and then it
            comes back field for field.
        codes: The carriers that count, `row << 2 | zygosity`; `None` when nobody may see them.
        frequencies: By population, see `Frequencies`.
        bases: The reference sequence, to name insertions and deletions by.
    """
    allele = found.allele
    assembly = dataset.assembly or ""
    rendered: dict[str, Any] = dict(record) if record is not None else {}
    stated = rendered.pop("caseLevelData", None)
    name = variant_id(allele, assembly, record)
    rendered["variantInternalId"] = name
    rendered["id"] = name
    if "variation" not in rendered:
        # Not a record that comes back as it was: what follows from the allele is added.
        rendered["variation"] = variation_of(allele, assembly)
        if known := identifiers_of(allele, assembly, bases):
            said = rendered.get("identifiers")
            rendered["identifiers"] = merged(said, known) if said else known
    if frequencies and "frequencyInPopulations" not in rendered:
        rendered["frequencyInPopulations"] = frequencies
    if case_level is not None and codes is not None and case_level.biosamples:
        entries = _case_level_data(allele, stated, codes[: case_level.limit], case_level)
        if entries:
            rendered["caseLevelData"] = entries
        if len(codes) > case_level.limit:
            rendered["info"] = {**rendered.get("info", {}), "caseLevelDataTotal": len(codes)}
    return rendered


def _case_level_data(
    allele: Allele, stated: Any, codes: Any, case_level: CaseLevel
) -> list[dict[str, Any]]:
    """What is said of carriers: as loaded where the record did, else made of the genotype."""
    given: dict[str, list[dict[str, Any]]] = {}
    for entry in stated or ():
        given.setdefault(str(entry.get("biosampleId")), []).append(entry)
    entries: list[dict[str, Any]] = []
    for code in codes:
        row, zygosity = int(code) >> 2, int(code) & 3
        biosample = case_level.biosample(row)
        of_row = given.get(biosample)
        if of_row is None and row < len(case_level.roster.samples):
            # A record may name the sample as the genotypes do.
            of_row = given.get(case_level.roster.samples[row])
        if of_row is not None:
            entries += [_without(entry, case_level.hidden_links) for entry in of_row]
            continue
        entry = {"biosampleId": biosample, "individualId": case_level.individual(row)}
        made: dict[str, Any] = _without(entry, case_level.hidden_links)
        made["zygosity"] = _zygosity(allele.reference_name, zygosity)
        entries.append(made)
    return entries


def _zygosity(reference_name: str, code: int) -> dict[str, str]:
    term, label = ZYGOSITIES[code]
    if code == 2:
        term, label = _HAPLOID.get(reference_name, (term, label))
    return {"id": term, "label": label}


def _without(entry: dict[str, Any], names: AbstractSet[str]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key not in names}


def codes_among(
    codes: Any, among: npt.NDArray[np.bool_] | None, zygosities: frozenset[int] | None
) -> Any:
    """The carriers that count, `row << 2 | zygosity` each.

    Args:
        among: Of every row of the dataset, whether it counts; `None` is all of them.
    """
    if zygosities is not None:
        codes = codes[np.isin(codes & 3, list(zygosities))]
    return codes if among is None else codes[among[codes >> 2]]
