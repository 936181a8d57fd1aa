"""The home of ontology files: OBO, obographs JSON and tables, as `model.ontology.Ontology`."""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from beacon.framework.answer import Resource
from beacon.framework.errors import LoadError
from beacon.model.ontology import Ontology, Term

Terms = dict[str, Term]

_NAMES = {
    "DUO": "Data Use Ontology",
    "EFO": "Experimental Factor Ontology",
    "GENO": "Genotype Ontology",
    "HANCESTRO": "Human Ancestry Ontology",
    "HP": "Human Phenotype Ontology",
    "ICD10": "International Classification of Diseases, 10th revision",
    "MONDO": "Mondo Disease Ontology",
    "NCIT": "NCI Thesaurus",
    "Orphanet": "Orphanet Rare Disease Ontology",
    "SO": "Sequence Ontology",
    "UBERON": "Uberon multi-species anatomy ontology",
}
_IRI_PREFIXES = {
    "EFO": "http://www.ebi.ac.uk/efo/EFO_",
    "ICD10": "http://id.who.int/icd/release/10/",
    "Orphanet": "http://www.orpha.net/ORDO/Orphanet_",
}
_OBO_PURL = "http://purl.obolibrary.org/obo/"

_GZIP = b"\x1f\x8b"
_RELEASE = re.compile(r"\d+(?:[-.]\d+)+|\d+")
_TERM_IRI = re.compile(r".*[/#]([A-Za-z][A-Za-z0-9]*)_([A-Za-z0-9.\-]+)")
_IS_A = ("is_a", "http://www.w3.org/2000/01/rdf-schema#subClassOf")


def read_ontology(path: Path, prefix: str | None = None) -> Ontology:
    """Read one ontology from an OBO file, an obographs JSON file, or a table; gzip will do.

    A table is CSV or TSV with columns `id` and `label`, and perhaps `parents`, ids joined by `|`.
    Obsolete terms are left out. Terms of other ontologies that the file imports are left out too,
    but what they link stays linked.

    Args:
        prefix: The ontology to take (`HP`); by default the one that the file is about.

    Raises:
        LoadError: The file holds no ontology, or none of that prefix.
    """
    try:
        content = path.read_bytes()
        if content.startswith(_GZIP):
            content = gzip.decompress(content)
        text = content.decode("utf-8-sig")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise LoadError(f"{path} cannot be read as text: {error}") from error
    name = path.name.removesuffix(".gz")
    if text.lstrip().startswith("{"):
        terms, about, version = _parse_obographs(text, path)
    elif name.endswith((".csv", ".tsv")):
        terms, about, version = _parse_table(text), Path(name).stem, None
    else:
        terms, about, version = parse_obo(text)
    if not terms:
        raise LoadError(
            f"{path} holds no terms; an OBO file, obographs JSON, or a table with columns "
            "id and label was expected"
        )
    chosen = prefix or _prefix(terms, about)
    own = own_terms(terms, chosen)
    if not own:
        raise LoadError(f"{path} holds no terms of {chosen}")
    return Ontology(resource(chosen, release(version) or release(name)), own)


def resource(prefix: str, version: str | None) -> Resource:
    """What the beacon says of an ontology."""
    return Resource(
        id=prefix.lower(),
        name=_NAMES.get(prefix, prefix),
        url=f"{_OBO_PURL}{prefix.lower()}.owl" if prefix not in _IRI_PREFIXES else None,
        version=version,
        namespace_prefix=prefix,
        iri_prefix=_IRI_PREFIXES.get(prefix, f"{_OBO_PURL}{prefix}_"),
    )


def release(text: str | None) -> str | None:
    """The date or number in the name of a release: `hp/releases/2025-01-16` is `2025-01-16`."""
    found = _RELEASE.search(text or "")
    return found[0] if found else None


def is_newer(version: str | None, than: str | None) -> bool:
    """Whether one release comes after another, comparing number by number."""
    return _numbers(version) > _numbers(than)


def parse_obo(text: str) -> tuple[Terms, str | None, str | None]:
    """The live terms of an OBO file, the name of its ontology, and its `data-version`."""
    terms: Terms = {}
    header: dict[str, str] = {}
    for stanza, lines in _stanzas(text):
        if stanza == "":
            header = dict(line.split(": ", 1) for line in lines if ": " in line)
        elif stanza == "Term":
            _take_term(lines, terms)
    return terms, header.get("ontology"), header.get("data-version")


def own_terms(terms: Mapping[str, Term], prefix: str) -> Terms:
    """The terms of one prefix, where a parent of another ontology gives way to its own parents."""
    start = f"{prefix}:"

    def own_parents(parents: Iterable[str], seen: frozenset[str]) -> Iterator[str]:
        for parent in parents:
            if parent.startswith(start):
                yield parent
            elif parent in terms and parent not in seen:
                yield from own_parents(terms[parent].parents, seen | {parent})

    return {
        term_id: Term(term.label, tuple(dict.fromkeys(own_parents(term.parents, frozenset()))))
        for term_id, term in terms.items()
        if term_id.startswith(start)
    }


def _stanzas(text: str) -> Iterator[tuple[str, list[str]]]:
    name, lines = "", list[str]()
    for line in io.StringIO(text):
        if line.startswith("["):
            yield name, lines
            name, lines = line.strip().strip("[]"), []
        elif line.strip():
            lines.append(line.rstrip("\r\n"))
    yield name, lines


def _take_term(lines: Iterable[str], terms: Terms) -> None:
    term_id, label, parents = "", None, list[str]()
    for line in lines:
        tag, _, value = line.partition(": ")
        if tag == "id":
            term_id = value.split(" ", 1)[0]
        elif tag == "name":
            label = value
        elif tag == "is_a":
            parents.append(value.split(" ", 1)[0])
        elif tag == "is_obsolete" and value.startswith("true"):
            return
    if term_id:
        terms[term_id] = Term(label, tuple(parents))


def _parse_obographs(text: str, path: Path) -> tuple[Terms, str | None, str | None]:
    try:
        document: Any = msgspec.json.decode(text)
        graphs = document["graphs"]
        nodes = [node for graph in graphs for node in graph["nodes"]]
        edges = [edge for graph in graphs for edge in graph.get("edges", ())]
        labels = {
            curie: node.get("lbl")
            for node in nodes
            if (curie := _curie(node["id"])) is not None
            and node.get("type", "CLASS") == "CLASS"
            and not node.get("meta", {}).get("deprecated")
        }
        parents: dict[str, list[str]] = {}
        for edge in edges:
            child, parent = _curie(edge["sub"]), _curie(edge["obj"])
            if edge["pred"] in _IS_A and child in labels and parent is not None:
                parents.setdefault(child, []).append(parent)
    except (msgspec.DecodeError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise LoadError(f"{path} is not an ontology in obographs JSON: {error}") from error
    terms = {curie: Term(label, tuple(parents.get(curie, ()))) for curie, label in labels.items()}
    about = str(graphs[0].get("id", "")) if graphs else ""
    return terms, about, _obographs_version(graphs[0].get("meta") or {}) if graphs else None


def _obographs_version(meta: Mapping[str, Any]) -> str | None:
    for property_value in meta.get("basicPropertyValues", ()):
        if str(property_value.get("pred", "")).endswith("versionInfo"):
            return str(property_value.get("val"))
    version = meta.get("version")
    return None if version is None else str(version)


def _parse_table(text: str) -> Terms:
    first = text.partition("\n")[0]
    rows = csv.DictReader(io.StringIO(text), delimiter="\t" if "\t" in first else ",")
    columns = rows.fieldnames or ()
    if "id" not in columns or "label" not in columns:
        return {}
    return {
        row["id"]: Term(
            row["label"] or None,
            tuple(parent for parent in (row.get("parents") or "").split("|") if parent),
        )
        for row in rows
        if row["id"]
    }


def _prefix(terms: Mapping[str, Term], about: str | None) -> str:
    """The prefix that the file's ontology is named for, else the one that most terms have."""
    counts = Counter(term_id.partition(":")[0] for term_id in terms)
    named = re.sub(r"\.(owl|json|obo)$", "", (about or "").rstrip("/").rpartition("/")[2])
    for prefix in counts:
        if prefix.lower() == named.lower():
            return prefix
    return counts.most_common(1)[0][0]


def _curie(iri: str) -> str | None:
    """`http://purl.obolibrary.org/obo/HP_0000001` as `HP:0000001`; a CURIE stays as it is."""
    if (found := _TERM_IRI.fullmatch(iri)) is not None:
        return f"{found[1]}:{found[2]}"
    return iri if ":" in iri and "/" not in iri else None


def _numbers(version: str | None) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version or ""))
