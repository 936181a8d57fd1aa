"""The home of the reader: what somebody typed or pasted in the one box, as a question."""

from beacon.portal.reading.gene_names import GeneNames, NamedGene, Place, gene_names
from beacon.portal.reading.reader import Reader
from beacon.portal.reading.values import Doubt, NotRead, Reading, Suggestion

__all__ = [
    "Doubt",
    "GeneNames",
    "NamedGene",
    "NotRead",
    "Place",
    "Reader",
    "Reading",
    "Suggestion",
    "gene_names",
]
