"""Tiers: what callers must show, what that opens, and which rules make no sense."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from beacon import settings_file
from beacon.auth.callers import Caller, Visa
from beacon.auth.policy import PURPOSE, Policy
from beacon.framework.access import Protection
from beacon.framework.errors import Forbidden, InvalidRequest, SettingsError, Unauthorized
from beacon.framework.query import Granularity
from beacon.model.entry_types import MODEL
from beacon.settings import PolicySettings

NONE, BOOLEAN = Granularity.NONE, Granularity.BOOLEAN
COUNT, RECORD = Granularity.COUNT, Granularity.RECORD
ENTRY_TYPES = tuple(one.id for one in MODEL.entry_types)
EXAMPLE = Path(__file__).parents[2] / "deploy/settings/policy-example.toml"
TERMS = "https://doi.org/10.1038/s41431-018-0219-y"
OTHER_TERMS = "https://gdi.example.org/terms/v3"
COHORT, FREQUENCIES = "GOE-FI-COHORT-001", "GOE-FI-FREQUENCIES-001"
CARE = "DUO:0000043"


def visa(kind: str, value: str, source: str = "https://s.example", by: str | None = "so") -> Visa:
    return Visa(
        type=kind, value=value, source=source, by=by, asserted=0.0, expires=1e12, issuer="x"
    )


def caller(*visas: Visa) -> Caller:
    return Caller(issuer="https://b.example", subject="s", visas=visas, expires=1e12)


def registered(value: str = TERMS, agreed: str | None = None) -> tuple[Visa, ...]:
    return (
        visa("ResearcherStatus", value),
        visa("AcceptedTermsAndPolicies", agreed or value, by="self"),
    )


def grant(dataset_id: str = COHORT, **more: Any) -> Visa:
    said = {
        "value": f"https://gdi.example.org/datasets/{dataset_id}",
        "source": "https://dac.fi.example.org",
        "by": "dac",
    }
    return visa("ControlledAccessGrants", **(said | more))


CLINICIAN = visa("AffiliationAndRole", "gdi.clinician@hospital.example.org")


def policy(document: Mapping[str, Any], authenticator: Any = None) -> Policy:
    return Policy.from_settings(
        msgspec.convert(document, PolicySettings), ENTRY_TYPES, authenticator
    )


@pytest.fixture(scope="module")
def example() -> Policy:
    return Policy.from_settings(settings_file.load(EXAMPLE, {}).policy, ENTRY_TYPES)


@pytest.mark.parametrize(
    ("visas", "purpose", "levels"),
    [
        ((), None, (NONE, NONE)),
        (registered(), None, (COUNT, COUNT)),
        (registered(OTHER_TERMS), None, (COUNT, COUNT)),
        (registered(TERMS, OTHER_TERMS), None, (NONE, NONE)),
        (registered()[:1], None, (NONE, NONE)),
        (registered()[1:], None, (NONE, NONE)),
        (registered("https://doi.org/10.1038/S41431-018-0219-y"), None, (NONE, NONE)),
        (registered(TERMS + "/"), None, (NONE, NONE)),
        ((visa("ResearcherStatus", TERMS), grant()), None, (RECORD, RECORD)),
        ((grant(),), None, (RECORD, RECORD)),
        ((grant(by="so"),), None, (NONE, NONE)),
        ((grant(by=None),), None, (NONE, NONE)),
        ((grant(source="https://dac.se.example.org"),), None, (NONE, NONE)),
        ((grant(value="https://evil.example/GOE-FI-COHORT-001"),), None, (NONE, NONE)),
        ((grant(value=COHORT),), None, (NONE, NONE)),
        ((grant(FREQUENCIES),), None, (NONE, NONE)),
        ((CLINICIAN,), CARE, (NONE, NONE)),
        ((*registered(), CLINICIAN), CARE, (COUNT, COUNT)),
    ],
)
def test_callers_learn_what_their_visas_open(
    example: Policy, visas: tuple[Visa, ...], purpose: str | None, levels: tuple[Granularity, ...]
) -> None:
    access = example.access(caller(*visas), purpose)

    assert (access.level(COHORT, "individual"), access.level(COHORT, "run")) == levels


def test_a_purpose_opens_and_protects_less(example: Policy) -> None:
    clinician = caller(*registered(), CLINICIAN)
    for purpose, least in ((None, 10), ("DUO:0000042", 10), (CARE, 5)):
        access = example.access(clinician, purpose)
        assert access.protection(COHORT, "individual", COUNT).min_count == least


def test_each_level_is_protected_as_the_rule_that_grants_it_says(example: Policy) -> None:
    access = example.access(caller(*registered(), CLINICIAN), CARE)

    assert access.level(COHORT, "genomicVariant") is COUNT
    assert access.protection(COHORT, "genomicVariant", BOOLEAN) == Protection(min_count=3)
    assert access.protection(COHORT, "genomicVariant", COUNT) == Protection(
        min_count=10, round_to=10
    )


def test_the_matrix_is_as_it_is_printed(example: Policy) -> None:
    """Public, registered, healthcare and controlled, of a variant and of a person."""
    callers = {
        "public": (None, None),
        "registered": (caller(*registered()), None),
        "controlled": (caller(grant(), grant(FREQUENCIES)), None),
    }
    found = {
        name: (
            access.level(FREQUENCIES, "genomicVariant"),
            access.protection(FREQUENCIES, "genomicVariant", RECORD).min_count,
            access.level(COHORT, "genomicVariant"),
            access.level(COHORT, "individual"),
        )
        for name, (who, purpose) in callers.items()
        for access in (example.access(who, purpose),)
    }

    assert found == {
        "public": (RECORD, 10, NONE, NONE),
        "registered": (RECORD, 10, COUNT, COUNT),
        "controlled": (RECORD, 1, RECORD, RECORD),
    }


def test_nothing_is_inherited() -> None:
    """Who is registered has what is said for the registered and for everybody, and no more."""
    of_dataset = {
        "public": {"*": "boolean", "run": "none"},
        "tiers": {"registered": {"individual": "count", "run": "none"}},
    }
    access = policy({"datasets": {"d": of_dataset}}).access(caller(*registered()))

    assert {one: access.level("d", one) for one in ("individual", "biosample", "run")} == {
        "individual": COUNT,
        "biosample": BOOLEAN,
        "run": NONE,
    }


def test_what_a_combination_amounts_to_is_worked_out_once(example: Policy) -> None:
    first = example.access(caller(*registered()))
    again = example.access(caller(*registered(), visa("ResearcherStatus", "https://x.example")))

    assert first.grants is again.grants


ONE = {"d": {"public": {"*": "count"}}}
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"datasets": {"d": {"tiers": {"registred": {}}}}}, "did you mean registered"),
    ({"datasets": {"d": {"tiers": {"public": {}}}}}, "rules for everybody are"),
    ({"datasets": {"d": {"tiers": {"registered": {"person": "count"}}}}}, "is not an entry type"),
    ({"datasets": {"d": {"tiers": {"controlled": {"*": "count"}}}}}, "visa_value: the tier"),
    (
        {"datasets": {"d": {"visa_value": "v", "tiers": {"controlled": {"*": "count"}}}}},
        "dac: the tier",
    ),
    ({"tiers": {"public": {"all_of": [{"type": "ResearcherStatus"}]}}}, "everybody belongs"),
    ({"tiers": {"x": {}}}, "a tier that everybody belongs to is public"),
    ({"tiers": {"x": {"all_of": [{"type": "ResearchStatus"}]}}}, "did you mean ResearcherStatus"),
    ({"tiers": {"x": {"all_of": [{"tier": "registred"}]}}}, "did you mean registered"),
    ({"tiers": {"x": {"all_of": [{"tier": "x"}]}}}, "requires itself"),
    ({"tiers": {"x": {"all_of": [{"tier": "registered", "by": ["so"]}]}}}, "no further conditions"),
    (
        {"tiers": {"x": {"all_of": [{"type": "ResearcherStatus", "by": ["boss"]}]}}},
        "'boss' is not known",
    ),
    (
        {"tiers": {"x": {"all_of": [{"type": "ResearcherStatus", "value": ["${dataset.dac}"]}]}}},
        "is no reference; there is",
    ),
    (
        {
            "tiers": {
                "x": {
                    "all_of": [{"type": "ResearcherStatus", "value": ["a"], "value_pattern": "b"}]
                }
            }
        },
        "exclude each other",
    ),
    ({"datasets": {"d": {"min_count": 5, "public": {"*": "record"}}}}, "whoever reads the records"),
    (
        {"datasets": {"d": {"membership_sensitive": True, "public": {"individual": "boolean"}}}},
        "membership_sensitive",
    ),
    (
        {
            "datasets": {
                "d": {
                    "membership_sensitive": True,
                    "min_count": 10,
                    "below": "threshold",
                    "tiers": {"registered": {"individual": "count"}},
                }
            }
        },
        "tells that there are some",
    ),
    (
        {
            "datasets": {
                "d": {
                    "public": {"individual": {"level": "count", "min_count": 10, "round_to": 10}},
                    "tiers": {"registered": {"individual": {"level": "count", "min_count": 20}}},
                }
            }
        },
        "one of the two must protect more in all",
    ),
]


@pytest.mark.parametrize(("document", "said"), REFUSED, ids=[said for _, said in REFUSED])
def test_rules_that_make_no_sense_refuse_to_start(document: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        policy(document)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[policy.tiers.x.all_of]]\ntyp = "a"', "did you mean policy.tiers.x.all_of.0..type"),
        ('[policy.datasets.d.public]\nrun = { levl = "count" }', "did you mean .*level"),
        ("[policy.datasets.d.tiers.registered]\nrun = { level = 'count', min = 3 }", "min_count"),
        ('[policy.datasets.d]\nvisa = "x"', "did you mean policy.datasets.d.visa_value"),
    ],
)
def test_keys_that_there_are_not_refuse_to_start(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "beacon.toml"
    path.write_text(text)

    with pytest.raises(SettingsError, match=said):
        settings_file.load(path, {})


class Shows:
    """Takes `Bearer good` for somebody with the visas it was given, and nothing else."""

    def __init__(self, *visas: Visa) -> None:
        self.visas = visas

    async def caller(self, headers: Mapping[str, str]) -> Caller | None:
        if "Authorization" not in headers:
            return None
        if headers["Authorization"] != "Bearer good":
            raise Unauthorized("not valid")
        return caller(*self.visas)


HIDDEN = {"secret": {"tiers": {"registered": {"*": "count"}}}}
GOOD = {"Authorization": "Bearer good"}


async def test_where_nothing_is_public_somebody_unknown_is_asked_who_they_are() -> None:
    for datasets in ({}, HIDDEN):
        with pytest.raises(Unauthorized, match="nothing is public"):
            await policy({"datasets": datasets}, Shows()).identify({})


async def test_valid_credentials_that_open_nothing_are_forbidden_all() -> None:
    for datasets in ({}, HIDDEN):
        with pytest.raises(Forbidden):
            await policy({"datasets": datasets}, Shows()).identify(GOOD)


async def test_credentials_that_are_not_valid_are_never_the_public() -> None:
    with pytest.raises(Unauthorized, match="not valid"):
        await policy({"datasets": ONE}, Shows()).identify({"Authorization": "Bearer bad"})


async def test_credentials_open_what_their_tiers_open() -> None:
    opened = policy({"datasets": {**ONE, **HIDDEN}}, Shows(*registered()))

    assert (await opened.identify({})).level("secret", "individual") is NONE
    assert (await opened.identify(GOOD)).level("secret", "individual") is COUNT
    assert (await opened.identify(GOOD)).level("d", "individual") is COUNT


async def test_a_purpose_is_read_from_its_header() -> None:
    tiers = {
        "care": {
            "all_of": [{"type": "AffiliationAndRole", "value_pattern": "gdi.clinician@*"}],
            "purpose": {"required": True, "allow": [CARE]},
        }
    }
    document = {"tiers": tiers, "datasets": {"d": {"tiers": {"care": {"individual": "boolean"}}}}}
    opened = policy(document, Shows(CLINICIAN))

    assert (await opened.identify({**GOOD, PURPOSE: f"{CARE}; case 7"})).grants
    with pytest.raises(Forbidden):
        await opened.identify({**GOOD, PURPOSE: "DUO:0000042"})
    with pytest.raises(InvalidRequest):
        await opened.identify({**GOOD, PURPOSE: "because"})
