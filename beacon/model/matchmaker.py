"""The home of Matchmaker Exchange 1.1: a patient as its servers describe one, and its results.

Of a patient only what can be compared is read: features, genes and variants. Who asks about whom,
labels, contacts and ages are passed over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from beacon.framework.errors import BeaconError, InvalidRequest
from beacon.framework.matching import MatchAnswer
from beacon.framework.parameters import show
from beacon.framework.query import Case
from beacon.framework.response import Identity
from beacon.model.assemblies import canonical_assembly
from beacon.model.cases import case_of

MEDIA_TYPE = "application/vnd.ga4gh.matchmaker.v1.1+json"
FORMER_MEDIA_TYPE = "application/vnd.ga4gh.matchmaker.v1.0+json"
VERSIONS = ("1.0", "1.1")


class Unprocessable(BeaconError):
    """The request is JSON, but no patient as the exchange describes one."""

    status = 422


def case_of_patient(body: bytes) -> Case:
    """What can be compared of the patient in a request.

    A zygosity is the number of copies that have the variant; positions are 0-based. Features that
    were not observed are excluded ones.

    Raises:
        InvalidRequest: The body is not JSON.
        Unprocessable: Something is missing that the exchange requires, or makes no sense.
    """
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequest(f"the body is not JSON: {error}") from error
    patient = document.get("patient") if isinstance(document, Mapping) else None
    if not isinstance(patient, Mapping):
        raise Unprocessable("patient is missing")
    if not isinstance(patient.get("id"), str) or not patient["id"]:
        raise Unprocessable("patient.id is missing")
    contact = patient.get("contact")
    if not isinstance(contact, Mapping) or not contact.get("name") or not contact.get("href"):
        raise Unprocessable("patient.contact has to have a name and a href")
    features = list(_objects(patient.get("features")))
    genomic = list(_objects(patient.get("genomicFeatures")))
    if not features and not genomic:
        raise Unprocessable("patient has neither features nor genomicFeatures")
    try:
        return case_of(
            {
                "features": [
                    {"id": str(one.get("id")), "excluded": one.get("observed") == "no"}
                    for one in features
                ],
                "genes": [gene for one in genomic if (gene := _gene(one)) is not None],
                "variants": [found for one in genomic if (found := _variant(one)) is not None],
            }
        )
    except InvalidRequest as error:
        raise Unprocessable(str(error)) from error


def results(
    found: MatchAnswer, identity: Identity, *, disclaimer: str, terms: str
) -> dict[str, Any]:
    """The answer of the exchange: those who are similar, none by name.

    Of each only what it has in common with the patient is told. Contact is whoever keeps the data.
    """
    organisation = identity.organisation
    contact: dict[str, Any] = {
        "name": organisation.name,
        "institution": organisation.name,
        "href": organisation.contact_url or identity.welcome_url or identity.base_url,
    }
    told: dict[str, Any] = {
        "results": [
            {
                "score": {"patient": one["score"]},
                "patient": _patient(one, contact, str(one.get("beaconId"))),
            }
            for one in found.matches
        ],
        "disclaimer": disclaimer,
    }
    if terms:
        told["terms"] = terms
    return told


def _patient(one: Mapping[str, Any], contact: Mapping[str, Any], beacon_id: str) -> dict[str, Any]:
    patient: dict[str, Any] = {
        "id": f"{beacon_id}:{one['id']}",
        "label": f"{beacon_id}, dataset {one['datasetId']}",
        "contact": dict(contact),
        "species": "NCBITaxon:9606",
    }
    reasons = [each for each in one.get("reasons") or () if isinstance(each, Mapping)]
    features = {
        each["found"]["id"]: {
            "id": each["found"]["id"],
            "observed": "no" if each["kind"] == "agreement" else "yes",
        }
        for each in reasons
        if each.get("kind") in ("feature", "agreement") and "found" in each
    }
    if features:
        patient["features"] = list(features.values())
    genes = [each["gene"] for each in reasons if each.get("gene")]
    if genes:
        patient["genomicFeatures"] = [{"gene": {"id": gene}} for gene in genes]
    return patient


def _gene(one: Mapping[str, Any]) -> str | None:
    gene = one.get("gene")
    found = gene.get("id") if isinstance(gene, Mapping) else None
    return found if isinstance(found, str) and found else None


def _variant(one: Mapping[str, Any]) -> dict[str, Any] | None:
    """A variant whose bases are given; of any other only the gene counts."""
    given = one.get("variant")
    if not isinstance(given, Mapping):
        return None
    names = ("referenceName", "referenceBases", "alternateBases")
    if not all(isinstance(given.get(name), str) for name in names):
        return None
    start, copies = given.get("start"), one.get("zygosity")
    if not isinstance(start, int):
        raise Unprocessable(f"variant.start is {show(start)}; it must be a number")
    kind = one.get("type")
    found: dict[str, Any] = {
        "assemblyId": canonical_assembly(str(given.get("assembly"))) or str(given.get("assembly")),
        **{name: given[name] for name in names},
        "start": [start],
        "geneId": _gene(one),
        "zygosity": {1: "heterozygous", 2: "homozygous"}.get(copies) if copies else None,
        "molecularEffect": kind.get("id") if isinstance(kind, Mapping) else None,
    }
    return {name: value for name, value in found.items() if value is not None}


def _objects(value: object) -> Iterator[Mapping[str, Any]]:
    found = value if isinstance(value, list) else []
    return (one for one in found if isinstance(one, Mapping))
