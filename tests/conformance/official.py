"""The home of the specification's own schemas, as an oracle; not part of the repository."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

FOLDER = Path(__file__).parents[2].parent / "shared" / "schemas"
FRAMEWORK = FOLDER / "v2.2.0" / "framework" / "json"
MODEL = FOLDER / "v2.2.0" / "models" / "json" / "beacon-v2-default-model"
PUBLISHED = "https://raw.githubusercontent.com/ga4gh-beacon/beacon-v2/main/"
VRS = "https://w3id.org/ga4gh/schema/vrs/1.3/vrs.json"

PATHS = {
    "requests/beaconRequestBody.json": "framework/json/requests/beaconRequestBody.json",
    "responses/beaconServiceInfo.json": (
        "framework/json/responses/ga4gh-service-info-1-0-0-schema.json"
    ),
    **{
        f"responses/{name}.json": f"framework/json/responses/{name}.json"
        for name in (
            "beaconBooleanResponse",
            "beaconCollectionsResponse",
            "beaconConfigurationResponse",
            "beaconCountResponse",
            "beaconEntryTypesResponse",
            "beaconErrorResponse",
            "beaconFilteringTermsResponse",
            "beaconInfoResponse",
            "beaconMapResponse",
            "beaconResultsetsResponse",
        )
    },
    **{
        f"entry_types/{entry_type}.json": (
            f"models/json/beacon-v2-default-model/{folder}/defaultSchema.json"
        )
        for entry_type, folder in {
            "analysis": "analyses",
            "biosample": "biosamples",
            "cohort": "cohorts",
            "dataset": "datasets",
            "genomicVariant": "genomicVariations",
            "individual": "individuals",
            "run": "runs",
        }.items()
    },
}
"""Our name of a schema → where the specification keeps the one it must agree with."""


def is_present() -> bool:
    """Whether the schemas lie beside the checkout."""
    return FOLDER.is_dir()


@cache
def validator(name: str) -> Any:
    """The specification's validator for what we call `name`, formats asserted."""
    return jsonschema_rs.Draft202012Validator(
        {"$ref": PUBLISHED + PATHS[name]},
        registry=_registry(),
        validate_formats=True,
    )


@cache
def _registry() -> jsonschema_rs.Registry:
    root = FOLDER / "v2.2.0"
    resources = [
        (PUBLISHED + path.relative_to(root).as_posix(), _read(path))
        for path in root.rglob("*.json")
        if "example" not in path.name and path.name != "endpoints.json"
    ]
    resources.append((VRS, _read(FOLDER / "vrs" / "1.3" / "vrs.json")))
    return jsonschema_rs.Registry(resources, draft=jsonschema_rs.Draft202012)


def examples() -> dict[str, tuple[str, Any]]:
    """Every official example of a whole document: label → (our schema name, document)."""
    by_stem = {Path(path).stem: name for name, path in PATHS.items() if "framework" in path}
    by_stem["beaconInfo"] = "responses/beaconInfoResponse.json"
    by_stem["beaconResultsetResponse"] = "responses/beaconResultsetsResponse.json"
    found = {}
    for path in sorted(FRAMEWORK.glob("re*/examples-fullDocuments/*.json")):
        stem = path.stem.replace("_example", "").removesuffix("-example")
        stem = stem.removesuffix("-MIN").removesuffix("-MID").removesuffix("-MAX")
        found[path.name] = (by_stem[stem], _read(path))
    by_folder = {Path(path).parts[-2]: name for name, path in PATHS.items() if "models" in path}
    for path in sorted(MODEL.glob("*/examples/*.json")):
        if not path.name.startswith("pedigree"):
            found[path.name] = (by_folder[path.parts[-3]], _read(path))
    return found


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
