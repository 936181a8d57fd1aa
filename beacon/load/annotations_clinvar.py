"""The home of reading ClinVar: its own VCF files, and its INFO fields copied into others."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from beacon.load.annotation_entries import Info, Site, decoded, text
from beacon.model.consequences import Consequence, consequence_of_id

TOOL_NAME = "ClinVar"
"""`annotatedWith.toolName` of the interpretations: a later release replaces an earlier one."""

_OWN_FILE = re.compile(r"^##source=ClinVar\s*$", re.MULTILINE | re.IGNORECASE)
_FILE_DATE = re.compile(r"^##fileDate=(\S+)", re.MULTILINE)
_NOT_STATED = "not stated"
_SIGNIFICANCE = "CLNSIG"
_BESIDE = ("CLNREVSTAT", "CLNDN", "CLNACC")

_CLASSES = {
    "benign": "benign",
    "likely_benign": "likely benign",
    "uncertain_significance": "uncertain significance",
    "likely_pathogenic": "likely pathogenic",
    "pathogenic": "pathogenic",
    # As numbers, until 2017.
    "0": "uncertain significance",
    "2": "benign",
    "3": "likely benign",
    "4": "likely pathogenic",
    "5": "pathogenic",
}
_CODES = {"1": "not provided", "6": "drug response", "7": "histocompatibility", "255": "other"}
_SPLIT = re.compile(r"[|/]|,_?")
_NO_CLASSIFICATION = "no_classification"

# The first database of these that knows a condition gives it its id.
_DATABASES = ("MONDO", "OMIM", "Orphanet", "HP", "MedGen", "MeSH")
_DISEASE = {"id": "MONDO:0000001", "label": "disease"}
_PHENOTYPE = {"id": "HP:0000118", "label": "Phenotypic abnormality"}

_SUBSTITUTION = re.compile(r":[gm]\.\d+([ACGT])>([ACGT])$")
_CACHED = 1 << 14


class Statement(NamedTuple):
    """What ClinVar says of one allele."""

    variation_id: str = ""
    genomic_hgvs: str = ""
    genes: tuple[str, ...] = ()
    consequences: tuple[Consequence, ...] = ()
    rs_ids: tuple[str, ...] = ()
    interpretations: tuple[dict[str, Any], ...] = ()


@dataclass(slots=True)
class ClinvarReader:
    """Reads the fields that begin with `prefix`, which is empty in ClinVar's own files."""

    prefix: str
    is_own_file: bool
    has_consequences: bool
    version: str
    _interpretations: dict[tuple[str, ...], tuple[dict[str, Any], ...]] = field(
        default_factory=dict
    )
    _consequences: dict[str, tuple[Consequence, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, fields: Mapping[str, str], raw_header: str) -> ClinvarReader | None:
        """The reader of a file whose header declares the fields.

        Args:
            fields: INFO fields with their descriptions.
        """
        prefixes = [
            name.removesuffix(_SIGNIFICANCE)
            for name in fields
            if name.endswith(_SIGNIFICANCE)
            and not fields.keys().isdisjoint(
                name.removesuffix(_SIGNIFICANCE) + other for other in _BESIDE
            )
        ]
        if not prefixes:
            return None
        prefix = min(prefixes, key=len)
        own = not prefix and _OWN_FILE.search(raw_header) is not None
        date = _FILE_DATE.search(raw_header) if own else None
        return cls(
            prefix=prefix,
            is_own_file=own,
            # Elsewhere MC may be anything, such as merged calls.
            has_consequences="consequence" in fields.get(f"{prefix}MC", ""),
            version=date[1] if date else _NOT_STATED,
        )

    def read(self, info: Info, identifier: str, site: Site) -> Statement | None:
        """What is said of the allele of a site, `None` if nothing is.

        Args:
            identifier: The ID column: ClinVar's number of the variation, in its own files.
        """
        get, prefix = info.get, self.prefix
        significance = text(get(f"{prefix}CLNSIG"))
        hgvs = decoded(text(get(f"{prefix}CLNHGVS")))
        if not self.is_own_file and not (
            (significance or hgvs) and _is_of(site, hgvs, significance)
        ):
            return None
        interpretations = self._interpretations_of(
            significance,
            text(get(f"{prefix}CLNREVSTAT")),
            text(get(f"{prefix}CLNDN")),
            text(get(f"{prefix}CLNDISDB")),
        )
        genes = text(get(f"{prefix}GENEINFO"))
        rs_ids = text(get(f"{prefix}RS")) if self.is_own_file or prefix else ""
        return Statement(
            variation_id=next((part for part in identifier.split(";") if part.isdecimal()), ""),
            genomic_hgvs=hgvs.partition(",")[0],
            genes=tuple(gene.partition(":")[0] for gene in genes.split("|")) if genes else (),
            consequences=self._consequences_of(text(get(f"{prefix}MC"))),
            rs_ids=tuple(rs_ids.replace(",", "|").split("|")) if rs_ids else (),
            interpretations=interpretations,
        )

    def _consequences_of(self, written: str) -> tuple[Consequence, ...]:
        """The terms of `SO:0001583|missense_variant,SO:0001627|intron_variant`."""
        if not written or not self.has_consequences:
            return ()
        known = self._consequences.get(written)
        if known is None:
            pairs = (pair.partition("|") for pair in written.split(","))
            known = tuple(
                consequence_of_id(accession, name)
                for accession, _, name in pairs
                if accession.startswith("SO:")
            )
            _remember(self._consequences, written, known)
        return known

    def _interpretations_of(
        self, significance: str, review: str, names: str, ids: str
    ) -> tuple[dict[str, Any], ...]:
        if not significance or significance.startswith(_NO_CLASSIFICATION):
            return ()
        written = (significance, review, names, ids)
        known = self._interpretations.get(written)
        if known is None:
            source = {
                "toolName": TOOL_NAME,
                "version": self.version,
                "toolReferences": {"url": "https://www.ncbi.nlm.nih.gov/clinvar/"},
            }
            said = {"significance": _in_words(_CODES.get(significance, significance))}
            if review:
                said["reviewStatus"] = _in_words(review)
            known = tuple(
                {
                    "conditionId": condition_id,
                    "effect": effect,
                    "category": category,
                    **({"clinicalRelevance": relevance} if relevance else {}),
                    "annotatedWith": source,
                    "info": said,
                }
                for condition_id, effect, category in _conditions(names, ids)
                for relevance in _relevances(significance)
            )
            _remember(self._interpretations, written, known)
        return known


def _remember(cache: dict[Any, Any], key: Any, value: Any) -> None:
    if len(cache) >= _CACHED:
        cache.clear()
    cache[key] = value


def _is_of(site: Site, hgvs: str, significance: str) -> bool:
    """Whether copied fields are of this allele: whoever copied them may have gone by the place."""
    substitution = _SUBSTITUTION.search(hgvs)
    if substitution is not None:
        allele = site.allele
        return substitution.groups() == (allele.reference_bases, allele.alternate_bases)
    if len(site.alternates) > 1:
        return False
    # Before 2017 each of the alleles had its own code: `5,0`.
    codes = set(significance.split(","))
    return len(codes) == 1 or not all(code.replace("|", "").isdecimal() for code in codes)


@lru_cache(maxsize=_CACHED)
def _relevances(significance: str) -> tuple[str, ...]:
    """The classes of the five that are stated, each once; conflicting ones are none.

    `Pathogenic/Likely_pathogenic` sums up submitters who said one and submitters who said the
    other: it is both.
    """
    parts = (part.lower() for part in _SPLIT.split(significance))
    return tuple(dict.fromkeys(_CLASSES[part] for part in parts if part in _CLASSES)) or ("",)


def _conditions(names: str, ids: str) -> list[tuple[str, dict[str, str], dict[str, str]]]:
    """Of each condition its id, the term, and the kind of condition.

    A condition that no database knows goes by its name, and the term is that of any disease.
    """
    listed_names, listed_ids = names.split("|"), ids.split("|")
    if len(listed_names) != len(listed_ids):
        listed_ids = [""] * len(listed_names)
    conditions: dict[str, tuple[str, dict[str, str], dict[str, str]]] = {}
    for name, known in zip(listed_names, listed_ids, strict=True):
        condition = _condition(name, known)
        conditions.setdefault(condition[0], condition)
    return list(conditions.values())


@lru_cache(maxsize=_CACHED)
def _condition(written: str, known: str) -> tuple[str, dict[str, str], dict[str, str]]:
    name = _in_words(written) or "not provided"
    found = _known_ids(known)
    identifier = next((found[one] for one in _DATABASES if one in found), None)
    if identifier is None:
        return name, _DISEASE, _DISEASE
    category = _PHENOTYPE if identifier.startswith("HP:") else _DISEASE
    return identifier, {"id": identifier, "label": name}, category


def _known_ids(written: str) -> dict[str, str]:
    """The ids of a condition by database: `MONDO:MONDO:0014306,OMIM:615688`."""
    found: dict[str, str] = {}
    for one in written.split(","):
        database, _, identifier = one.partition(":")
        if not identifier:
            continue
        if identifier.startswith(("MONDO:", "HP:")):  # the prefix stands there already
            database = identifier.partition(":")[0]
            found.setdefault(database, identifier)
        else:
            found.setdefault(database, f"{database}:{identifier}")
    return found


def _in_words(written: str) -> str:
    return decoded("" if written == "." else written).replace("_", " ")
