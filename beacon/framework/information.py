"""What a beacon says of itself: the informational documents, from its identity and its model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from beacon.framework import extensions
from beacon.framework.answer import FilteringTerm, Resource, Terms
from beacon.framework.entry_types import EntryType, Model, endpoints
from beacon.framework.extensions import Extensions
from beacon.framework.response import Assembly, Identity, Organisation

SERVICE_INFO_SCHEMA = "ga4gh-service-info-v1.0"
"""As `requestedSchema` of `/` and `/info`: the service description in that schema."""

Document = dict[str, Any]

_OFFICIAL = "https://raw.githubusercontent.com/ga4gh-beacon/beacon-v2/v2.2.0/framework/json"
_CONFIGURATION_SCHEMA = f"{_OFFICIAL}/configuration/beaconConfigurationSchema.json"
_MAP_SCHEMA = f"{_OFFICIAL}/configuration/beaconMapSchema.json"
_PRODUCTION_STATUS = {"prod": "PROD", "test": "TEST", "staging": "TEST", "dev": "DEV"}


def documents(
    identity: Identity, model: Model, offered: Extensions = extensions.NONE
) -> Mapping[str, Document]:
    """Every informational document that never changes, by its path."""
    about = info(identity, model)
    return {
        "/": about,
        "/info": about,
        "/service-info": service_info(identity, offered),
        "/configuration": configuration(identity, model),
        "/entry_types": entry_types(identity, model),
        "/map": beacon_map(identity, model),
    }


def info(
    identity: Identity,
    model: Model,
    requested_schema: str | None = None,
    offered: Extensions = extensions.NONE,
) -> Document:
    """`/info`, which `/` repeats; a schema that is not known is answered in our own."""
    if requested_schema == SERVICE_INFO_SCHEMA:
        about = {"meta": _meta(identity, model)}
        return info_in_service_schema(about, service_info(identity, offered))
    response = {
        "id": identity.beacon_id,
        "name": identity.name,
        "apiVersion": identity.api_version,
        "environment": identity.environment,
        "organization": _organisation(identity.organisation),
        "description": identity.description,
        "version": identity.version,
        "welcomeUrl": identity.welcome_url,
        "alternativeUrl": identity.alternative_url,
        "createDateTime": identity.created_at,
        "updateDateTime": identity.updated_at,
        "info": _further(identity) or None,
    }
    return {"meta": _meta(identity, model), "response": _known(response)}


def _further(identity: Identity) -> Document:
    found: Document = {}
    if identity.assemblies:
        found["assemblies"] = [_assembly(one) for one in identity.assemblies]
    if identity.accepted_risks:
        found["acceptedRisks"] = [
            {"datasetId": dataset_id, "why": why} for dataset_id, why in identity.accepted_risks
        ]
    return found


def info_in_service_schema(about: Mapping[str, Any], service: Mapping[str, Any]) -> Document:
    """`/info` for whoever asked for the schema of `/service-info`, made of both documents."""
    returned = [{"entityType": "info", "schema": SERVICE_INFO_SCHEMA}]
    return {"meta": {**about["meta"], "returnedSchemas": returned}, "response": dict(service)}


def service_info(identity: Identity, offered: Extensions = extensions.NONE) -> Document:
    """`/service-info`: GA4GH service info 1.0.0, without the envelope that Beacon has elsewhere.

    `extensions` says what is understood beyond the specification.
    """
    organisation = {"name": identity.organisation.name, "url": identity.organisation.url}
    return _known(
        {
            "id": identity.beacon_id,
            "name": identity.name,
            "type": {"group": "org.ga4gh", "artifact": "beacon", "version": identity.api_version},
            "description": identity.description,
            "organization": organisation,
            "contactUrl": identity.organisation.contact_url,
            "documentationUrl": identity.documentation_url,
            "createdAt": identity.created_at,
            "updatedAt": identity.updated_at,
            "environment": identity.environment,
            "version": identity.version,
            "extensions": extensions.described(offered, identity) or None,
        }
    )


def configuration(identity: Identity, model: Model) -> Document:
    """`/configuration`: maturity, security and the entry types."""
    response = {
        "$schema": _CONFIGURATION_SCHEMA,
        "maturityAttributes": {"productionStatus": _PRODUCTION_STATUS[identity.environment]},
        "securityAttributes": {
            "defaultGranularity": identity.default_granularity.wire,
            "securityLevels": list(identity.security_levels),
        },
        "entryTypes": _definitions(identity, model),
    }
    return {"meta": _meta(identity, model), "response": response}


def entry_types(identity: Identity, model: Model) -> Document:
    """`/entry_types`: the same definitions as in `/configuration`."""
    return {
        "meta": _meta(identity, model),
        "response": {"entryTypes": _definitions(identity, model)},
    }


def beacon_map(identity: Identity, model: Model) -> Document:
    """`/map`: exactly the endpoints that are served, as absolute URLs.

    The endpoints of filtering terms deliver no entry type, so the map has no place for them.
    """
    sets: dict[str, Document] = {}
    for endpoint in endpoints(model):
        url = identity.url(endpoint.pattern)
        match endpoint.kind:
            case "collection":
                sets[endpoint.entry_type] = {
                    "entryType": endpoint.entry_type,
                    "rootUrl": url,
                    "openAPIEndpointsDefinition": identity.url("/openapi.json"),
                    "endpoints": {},
                }
            case "single":
                sets[endpoint.entry_type]["singleEntryUrl"] = url
            case "linked":
                linked = {"url": url, "returnedEntryType": endpoint.entry_type}
                sets[str(endpoint.within)]["endpoints"][endpoint.entry_type] = linked
            case "filtering_terms":
                continue
    return {
        "meta": _meta(identity, model),
        "response": {"$schema": _MAP_SCHEMA, "endpointSets": sets},
    }


def filtering_terms(terms: Terms, identity: Identity) -> Document:
    """A page of `/filtering_terms`, and the ontologies that its terms come from."""
    return {
        "meta": {
            "beaconId": identity.beacon_id,
            "apiVersion": identity.api_version,
            "returnedSchemas": [],
        },
        "response": {
            "filteringTerms": [_filtering_term(one) for one in terms.terms],
            "resources": [_resource(one) for one in terms.resources],
        },
    }


def _meta(identity: Identity, model: Model) -> Document:
    return {
        "beaconId": identity.beacon_id,
        "apiVersion": identity.api_version,
        "returnedSchemas": [
            {"entityType": one.id, "schema": _schema_url(identity, one)}
            for one in model.entry_types
        ],
    }


def _organisation(organisation: Organisation) -> Document:
    return _known(
        {
            "id": organisation.id,
            "name": organisation.name,
            "description": organisation.description,
            "address": organisation.address,
            "welcomeUrl": organisation.url,
            "contactUrl": organisation.contact_url,
            "logoUrl": organisation.logo_url,
        }
    )


def _assembly(assembly: Assembly) -> Document:
    return {
        "assemblyId": assembly.name,
        "indelsAreLeftShifted": assembly.indels_left_shifted,
        "questionsAreLiftedTo": list(assembly.lifted_to),
    }


def _definitions(identity: Identity, model: Model) -> Document:
    return {one.id: _definition(identity, model, one) for one in model.entry_types}


def _definition(identity: Identity, model: Model, entry_type: EntryType) -> Document:
    term_id, label = entry_type.ontology_term
    definition: Document = {
        "id": entry_type.id,
        "name": entry_type.name,
        "description": entry_type.description,
        "ontologyTermForThisType": {"id": term_id, "label": label},
        "partOfSpecification": entry_type.part_of_specification,
        "defaultSchema": {
            "id": entry_type.schema_id,
            "name": f"Default schema of {entry_type.name.lower()}",
            "referenceToSchemaDefinition": _schema_url(identity, entry_type),
            "schemaVersion": entry_type.schema_id.rpartition("-")[2],
        },
        "additionallySupportedSchemas": [],
        "nonFilteredQueriesAllowed": entry_type.non_filtered_queries_allowed,
    }
    if entry_type.collection_of:
        members = map(model.by_id, entry_type.collection_of)
        definition["aCollectionOf"] = [{"id": one.id, "name": one.name} for one in members]
    return definition


def _schema_url(identity: Identity, entry_type: EntryType) -> str:
    return identity.url(f"/schemas/{entry_type.schema_path}")


def _filtering_term(term: FilteringTerm) -> Document:
    described = {
        "type": term.type,
        "id": term.id,
        "label": term.label,
        "scopes": list(term.scopes) or None,
        "values": list(term.values) or None,
        "info": term.info,
    }
    return _known(described)


def _resource(resource: Resource) -> Document:
    described = {
        **msgspec.structs.asdict(resource),
        # The schema spells it one way and its own example the other: clients read either.
        "nameSpacePrefix": resource.namespace_prefix,
        "namespacePrefix": resource.namespace_prefix,
        "iriPrefix": resource.iri_prefix,
    }
    del described["namespace_prefix"], described["iri_prefix"]
    return _known(described)


def _known(described: Document) -> Document:
    return {key: value for key, value in described.items() if value is not None}
