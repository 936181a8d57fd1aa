"""The home of links that lead out of a look-up: to the same question and answer in other forms,
and to other sites that know of the same variant or gene."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import quote, urlencode

from beacon.framework.entry_types import Model
from beacon.framework.query import Query
from beacon.framework.request_encoding import encode_get
from beacon.framework.response import Identity
from beacon.portal.facts import Facts
from beacon.portal.reading import Reading

Asked = Mapping[str, str]
"""What was asked, by the names of a form: `q`, `assembly`."""


class Site(NamedTuple):
    """Another site, and where it is about the same."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Links:
    """The same look-up in other forms, as absolute addresses.

    Attributes:
        answers: Of the API: the variants, and the people.
        deep: Of this page.
        private: Of this page, with the question where no server is told of it.
    """

    answers: tuple[str, str]
    deep: str
    private: str


def links(
    reading: Reading, asked: Asked, queries: tuple[Query, Query], identity: Identity, model: Model
) -> Links:
    """The links of a look-up."""
    root = identity.base_url.rstrip("/").removesuffix("/api")
    variants, people = (_answer(query, identity, model) for query in queries)
    question = urlencode({name: value for name, value in asked.items() if value})
    if reading.kind == "variant" and reading.assembly and reading.name.count("-") == _DASHES:
        deep = f"{root}/v/{quote(f'{reading.assembly}-{reading.name}')}"
    else:
        deep = f"{root}/search?{question}"
    return Links((variants, people), deep, f"{root}/search#{question}")


def sites(reading: Reading, facts: Facts) -> list[Site]:
    """Other sites about the same variant or gene."""
    if reading.kind == "variant":
        return _of_variant(reading, facts)
    if reading.kind == "gene" and reading.gene:
        gene = quote(reading.gene)
        return [
            Site("gnomAD", f"https://gnomad.broadinstitute.org/gene/{gene}?dataset=gnomad_r4"),
            Site("ClinVar", f"https://www.ncbi.nlm.nih.gov/clinvar/?term={gene}%5Bgene%5D"),
            Site("Ensembl", f"https://www.ensembl.org/Homo_sapiens/Gene/Summary?g={gene}"),
        ]
    return []


def _of_variant(reading: Reading, facts: Facts) -> list[Site]:
    parts = reading.name.split("-")
    found = []
    is_old = reading.assembly == "GRCh37"
    if len(parts) == _DASHES + 1 and all(parts):
        dataset = "gnomad_r2_1" if is_old else "gnomad_r4"
        name = quote(reading.name)
        url = f"https://gnomad.broadinstitute.org/variant/{name}?dataset={dataset}"
        found.append(Site("gnomAD", url))
        host = "grch37.ensembl.org" if is_old else "www.ensembl.org"
        start = int(parts[1]) if parts[1].isdigit() else 1
        place = f"{quote(parts[0])}:{start}-{start + max(len(parts[2]), 1) - 1}"
        found.append(Site("Ensembl", f"https://{host}/Homo_sapiens/Location/View?r={place}"))
    if facts.clinvar:
        url = f"https://www.ncbi.nlm.nih.gov/clinvar/variation/{facts.clinvar[0]}/"
        found.append(Site("ClinVar", url))
    elif hgvs := reading.hgvs or next(iter(facts.genomic), None):
        term = quote(f'"{hgvs}"', safe="")
        found.append(Site("ClinVar", f"https://www.ncbi.nlm.nih.gov/clinvar/?term={term}"))
    found += [Site("dbSNP", f"https://www.ncbi.nlm.nih.gov/snp/{one}") for one in facts.rs]
    return found


def _answer(query: Query, identity: Identity, model: Model) -> str:
    path, pairs = encode_get(query, model)
    return f"{identity.url(path)}?{urlencode(pairs)}"


_DASHES = 3
