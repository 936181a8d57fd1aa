"""The home of the reference data that every beacon wants: ontologies and genes, kept up to date."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from beacon.load import packages
from beacon.load.genes import Genes
from beacon.load.ontologies import is_newer
from beacon.model.ontology import Ontology

_FROM_PACKAGE = "genmod "


class ReferenceSink(Protocol):
    """Where reference data goes; it belongs to no dataset."""

    def ontology_versions(self) -> Mapping[str, str]:
        """Prefix → version of the ontologies that are there."""

    def described_ontologies(self) -> Collection[str]:
        """Prefixes of those of which it is known what their terms are known of."""

    def put_ontology(self, ontology: Ontology) -> None:
        """Put an ontology in the place of what there was of its prefix."""

    def gene_versions(self) -> Mapping[str, str]:
        """Assembly → version of the gene tables that are there."""

    def put_genes(self, assembly: str, genes: Genes, version: str) -> None:
        """Put a gene table in the place of what there was for its assembly."""


def ensure_reference(sink: ReferenceSink) -> tuple[str, ...]:
    """Bring in what installed packages have and the sink has not, or has of an older release.

    What somebody loaded from a file stays, unless it is an ontology older than the package's.
    Nothing is parsed when everything is up to date.

    Returns:
        What was brought in, in words.
    """
    brought = []
    ontology_versions = sink.ontology_versions()
    described = sink.described_ontologies()
    for packaged in packages.ontologies():
        present = ontology_versions.get(packaged.prefix)
        is_poorer = (
            present == packaged.version
            and packaged.prefix == packages.DESCRIBED
            and packaged.prefix not in described
        )
        if present is None or is_poorer or is_newer(packaged.version, present):
            sink.put_ontology(packaged.read())
            brought.append(f"{packaged.prefix} {packaged.version}")
    gene_versions = sink.gene_versions()
    for table in packages.genes():
        present = gene_versions.get(table.assembly)
        if present is None or (
            present.startswith(_FROM_PACKAGE) and is_newer(table.version, present)
        ):
            sink.put_genes(table.assembly, table.read(), table.version)
            brought.append(f"genes of {table.assembly} ({table.version})")
    return tuple(brought)
