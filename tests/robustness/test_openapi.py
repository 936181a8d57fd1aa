"""Every operation of `/openapi.json`, asked at random: no failure, no answer beside the document.

What is asked for follows the document (and so is accepted or makes no sense, such as an end before
its start) or departs from it on purpose.
"""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import BaseSchema, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.config import GenerationConfig, ProjectConfig, ProjectsConfig, SchemathesisConfig
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.conformance.client import Beacon
from tests.conformance.conftest import BODY_MAX_BYTES

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES = {GenerationMode.POSITIVE: 6, GenerationMode.NEGATIVE: 3}
ACCEPTED = {GenerationMode.POSITIVE: 0.25, GenerationMode.NEGATIVE: 0.0}
"""The least part of the questions that must be answered, or little is tested but refusals."""
EXPECTED = {GenerationMode.POSITIVE: {200, 400}, GenerationMode.NEGATIVE: {200, 400, 404, 405}}


@pytest.fixture(scope="module")
def document(beacon: Beacon) -> BaseSchema:
    # Everybody is the public here: whoever brings credentials is refused before anything else.
    generation = GenerationConfig(with_security_parameters=False)
    project = ProjectConfig(generation=generation)
    return schemathesis.openapi.from_url(
        f"{beacon.base_url}/openapi.json",
        config=SchemathesisConfig(projects=ProjectsConfig(default=project)),
    )


@pytest.mark.parametrize("mode", list(EXAMPLES), ids=lambda one: one.value)
def test_every_operation_does_as_the_document_says(
    document: BaseSchema, mode: GenerationMode
) -> None:
    found = list(document.get_all_operations())
    operations = [one.ok() for one in found if isinstance(one, Ok)]
    assert len(operations) == len(found)
    if mode is GenerationMode.NEGATIVE:  # an address alone cannot be said wrong
        operations = [one for one in operations if len(one.query) or len(one.body)]
    accepted = asked = 0

    for operation in operations:

        @settings(
            max_examples=EXAMPLES[mode],
            database=None,
            deadline=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(mode))
        def attack(case: Case[Any]) -> None:
            nonlocal accepted, asked
            for name in ("Prefer", "Beacon-Deadline-Ms"):  # less time than any answer takes
                case.headers.pop(name, None)
            response = case.call_and_validate(checks=CHECKS)
            asked += 1
            accepted += response.status_code == 200
            is_too_long = len(response.request.body or b"") > BODY_MAX_BYTES
            expected = {413} if is_too_long else EXPECTED[mode]
            assert response.status_code in expected, case.as_curl_command()

        attack()
    assert asked > len(operations)
    assert accepted > asked * ACCEPTED[mode]
