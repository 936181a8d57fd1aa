"""Reading ontologies and genes, from files and from installed packages."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from memory_sink import MemorySink

from beacon.framework.errors import LoadError
from beacon.load.genes import read_genes
from beacon.load.ontologies import is_newer, read_ontology
from beacon.load.reference import ensure_reference
from beacon.model.ontology import Ontology, Term

DATA = Path(__file__).parent.parent / "data" / "load"
PURL = "http://purl.obolibrary.org/obo/"


def test_obo_terms_keep_labels_and_parents_and_lose_the_obsolete():
    ontology = read_ontology(DATA / "tiny.obo")

    assert ontology.terms == {
        "HP:0000001": Term("All"),
        "HP:0000118": Term("Phenotypic abnormality", ("HP:0000001",)),
        "HP:0000707": Term("Abnormality of the nervous system", ("HP:0000118",)),
    }
    assert ontology.resource.version == "2025-01-16"
    assert ontology.resource.namespace_prefix == "HP"


def test_obographs_say_the_same_as_obo(tmp_path):
    def node(local: str, label: str, **more: object) -> dict[str, object]:
        return {"id": PURL + local, "lbl": label, "type": "CLASS", **more}

    graph = {
        "id": f"{PURL}hp.json",
        "meta": {"version": f"{PURL}hp/releases/2025-01-16/hp.json"},
        "nodes": [
            node("HP_0000001", "All"),
            node("HP_0000118", "Phenotypic abnormality"),
            node("HP_0000707", "Abnormality of the nervous system"),
            node("HP_0000057", "obsolete", meta={"deprecated": True}),
            {"id": f"{PURL}BFO_1", "type": "PROPERTY"},
        ],
        "edges": [
            {"sub": f"{PURL}HP_0000118", "pred": "is_a", "obj": f"{PURL}HP_0000001"},
            {"sub": f"{PURL}HP_0000707", "pred": "is_a", "obj": f"{PURL}HP_0000118"},
            {"sub": f"{PURL}HP_0000707", "pred": f"{PURL}BFO_1", "obj": f"{PURL}HP_0000001"},
        ],
    }
    path = tmp_path / "hp.json.gz"
    path.write_bytes(gzip.compress(json.dumps({"graphs": [graph]}).encode()))
    ontology = read_ontology(path)

    assert ontology.terms == read_ontology(DATA / "tiny.obo").terms
    assert ontology.resource.version == "2025-01-16"


def test_a_table_of_terms_is_an_ontology(tmp_path):
    path = tmp_path / "duo.csv"
    path.write_text("id,label,parents\nDUO:1,use,\nDUO:2,research,DUO:1\n")
    ontology = read_ontology(path)

    assert ontology.descendants("DUO:1") == {"DUO:1", "DUO:2"}


@pytest.mark.parametrize("content", ["", "hello", '{"graphs": 3}', '{"a": 1}'])
def test_a_file_without_terms_is_refused(tmp_path, content):
    path = tmp_path / "x.obo"
    path.write_text(content)

    with pytest.raises(LoadError):
        read_ontology(path)


@pytest.mark.parametrize(
    ("version", "than", "newer"),
    [
        ("2025-01-16", "2024-12-31", True),
        ("3.90.0", "3.82.0", True),
        ("3.9", "3.10", False),
        ("2025-01-16", "2025-01-16", False),
        (None, "1", False),
        ("1", None, True),
    ],
)
def test_releases_are_compared_by_number(version, than, newer):
    assert is_newer(version, than) is newer


def test_gene_tables_become_half_open_and_lose_patches():
    genes = read_genes(DATA / "genes.txt")

    assert genes["ENSG00000000002"] == ("17", 100, 200)
    assert genes["TWICE"] == ("17", 1000, 1300)  # the longer one, not the one on a patch
    assert genes["PAR"] == ("X", 10, 20)
    assert "" not in genes
    assert "ENSG00000000001" not in genes


def test_bed_is_half_open_already(tmp_path):
    path = tmp_path / "genes.bed.gz"
    path.write_bytes(gzip.compress(b"track name=x\nchr17\t100\t200\tGENE\t0\t+\n"))

    assert read_genes(path) == {"GENE": ("17", 100, 200)}


@pytest.mark.parametrize("content", ["", "17\t100\n", "17\ta\tb\tG\n", "17\t200\t100\tG\n"])
def test_a_table_without_genes_is_refused(tmp_path, content):
    path = tmp_path / "genes.tsv"
    path.write_text(content)

    with pytest.raises(LoadError):
        read_genes(path)


@pytest.fixture(scope="module")
def reference() -> MemorySink:
    sink = MemorySink()
    ensure_reference(sink)
    return sink


def test_installed_packages_bring_ontologies_and_genes(reference):
    ontologies = reference.ontologies

    assert set(ontologies) == {"HP", "MONDO", "EFO", "UBERON", "HANCESTRO", "ICD10"}
    assert "HP:0000707" in ontologies["HP"].descendants("HP:0000118")
    assert "MONDO:0000001" in ontologies["MONDO"].ancestors("MONDO:0005070")
    assert "ICD10:IX" in ontologies["ICD10"].ancestors("ICD10:I42.0")
    assert "ICD10:I42" in ontologies["ICD10"].ancestors("ICD10:I420")
    assert reference.genes["GRCh37"][0]["TP53"] == ("17", 7565096, 7590856)
    assert reference.genes["GRCh38"][0]["TP53"] == ("17", 7661778, 7687550)


def test_reference_data_that_is_up_to_date_stays(reference):
    assert ensure_reference(reference) == ()


def test_an_older_release_gives_way_and_a_newer_one_stays(reference):
    sink = MemorySink(ontologies=dict(reference.ontologies), genes=dict(reference.genes))
    newer = _released(reference.ontologies["HP"], "2999-01-01")
    sink.put_ontology(newer)
    sink.put_ontology(_released(reference.ontologies["EFO"], "3.1.0"))
    sink.put_genes("GRCh37", {"GENE": ("1", 0, 1)}, "my-genes.bed")
    brought = ensure_reference(sink)

    assert [one.partition(" ")[0] for one in brought] == ["EFO"]
    assert sink.ontologies["HP"] is newer
    assert sink.genes["GRCh37"][1] == "my-genes.bed"


def _released(ontology: Ontology, version: str) -> Ontology:
    resource = type(ontology.resource)(
        id=ontology.resource.id,
        version=version,
        namespace_prefix=ontology.resource.namespace_prefix,
    )
    return Ontology(resource, ontology.terms)


def test_terms_tell_more_the_fewer_diseases_are_known_to_have_them(reference):
    ontology = reference.ontologies["HP"]
    nervous, seizure, febrile = map(
        ontology.information, ("HP:0000707", "HP:0001250", "HP:0002373")
    )

    assert 0 < nervous < seizure < febrile
    assert ontology.described["HP:0000118"] == max(ontology.described.values()) > 10_000


def test_an_ontology_that_was_kept_without_diseases_is_brought_in_again(reference):
    kept = reference.ontologies["HP"]
    sink = MemorySink(ontologies=dict(reference.ontologies), genes=dict(reference.genes))
    sink.put_ontology(Ontology(kept.resource, kept.terms))

    assert [one.partition(" ")[0] for one in ensure_reference(sink)] == ["HP"]
    assert ensure_reference(sink) == ()
