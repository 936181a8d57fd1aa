"""Our schemas say of every document what the specification's own schemas say of it."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

import jsonschema_rs
import pytest
from jsonschema import Draft202012Validator

from beacon import schemas
from tests.conformance import official
from tests.conformance.documents import AGE, DOCUMENTS, FEMALE, LEGACY, PLACE

needs_official = pytest.mark.skipif(
    not official.is_present(), reason="the specification's own schemas are not beside the checkout"
)

REPLACEMENTS: tuple[Any, ...] = (
    *(None, True, -1, 0, 1.5, [], {}, [1, "x"], {"id": "HP:0001250"}, {"id": 1}),
    *("", "x", "a:1", "HP:0001250", ":1", "a:", "NCIT", "<DEL>", "acgt", "ACGTN", "12345"),
    *("2021-10-18", "2021-13-40", "2021-1-1", "20211018", "2021-10-18T09:30:00Z"),
    *("2021-10-18T09:30:00", "2021-10-18 09:30", "HIT", "hit", "record", "RECORD", "prod", "PROD"),
    *("https://example.org/{id}", "https://example.org/{", "/relative", "mailto:a@b.example"),
)
"""What takes the place of every value in turn: every type, and text of every form and none."""

PAIRS = 200
"""Documents per schema in which two places are changed at once."""


@cache
def ours(name: str) -> Any:
    """Our schema, as it stands in the file, run by the validator that runs the official one."""
    registry = jsonschema_rs.Registry(
        [(schemas.BASE_URI + one, schemas.schema(one)) for one in schemas.names()],
        draft=jsonschema_rs.Draft202012,
    )
    return jsonschema_rs.Draft202012Validator(
        {"$ref": schemas.BASE_URI + name}, registry=registry, validate_formats=True
    )


@pytest.mark.parametrize("name", schemas.names())
def test_schema_is_one_and_all_its_references_resolve(name: str) -> None:
    document = schemas.schema(name)
    resolver = schemas.registry().resolver(schemas.BASE_URI + name)

    Draft202012Validator.check_schema(document)
    for reference in _references(document):
        assert resolver.lookup(reference).contents is not None


def test_every_schema_of_whole_documents_is_compared() -> None:
    """`common/` holds parts, and what lies outside folders is not the specification's."""
    whole = {name for name in schemas.names() if "/" in name and not name.startswith("common/")}

    assert whole == set(DOCUMENTS)
    with pytest.raises(KeyError):
        schemas.validator("entry_types/nothing.json")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_right_documents_are_accepted(name: str) -> None:
    for document in DOCUMENTS[name]:
        assert [schemas.describe(e) for e in schemas.validator(name).iter_errors(document)] == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_right_documents_leave_no_property_unused(name: str) -> None:
    """Whatever a schema can say about a property, the comparisons below have tried."""
    used = {key for document in DOCUMENTS[name] for key in _keys(document)}

    assert _properties(schemas.schema(name)) <= used


@needs_official
@pytest.mark.parametrize(
    ("name", "document"),
    official.examples().values() if official.is_present() else (),
    ids=official.examples() if official.is_present() else (),
)
def test_official_example_has_the_same_verdict(name: str, document: Any) -> None:
    expected = official.validator(name).is_valid(document)

    assert ours(name).is_valid(document) == expected
    assert schemas.validator(name).is_valid(document) == expected


@needs_official
@pytest.mark.parametrize("name", DOCUMENTS)
def test_changed_document_has_the_same_verdict(name: str) -> None:
    """One change anywhere: a key dropped, a key added, a value of another type or form."""
    differing = [
        (change, changed)
        for document in DOCUMENTS[name]
        for change, changed in _changes(document)
        if ours(name).is_valid(changed) != official.validator(name).is_valid(changed)
    ]

    assert differing == []


@needs_official
@pytest.mark.parametrize("name", DOCUMENTS)
def test_twice_changed_document_has_the_same_verdict(name: str) -> None:
    chance = random.Random(name)
    differing = []
    for _ in range(PAIRS):
        first = _any_change(chance, chance.choice(DOCUMENTS[name]))
        changed = _any_change(chance, first)
        if ours(name).is_valid(changed) != official.validator(name).is_valid(changed):
            differing.append(changed)

    assert differing == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_validator_and_schema_have_the_same_verdict(name: str) -> None:
    """What the package checks with, formats of its own included, against another implementation."""
    validator = schemas.validator(name)
    changes = [one for document in DOCUMENTS[name] for one in _changes(document)]
    differing = [
        (change, changed)
        for change, changed in changes[:: max(1, len(changes) // PAIRS)]
        if validator.is_valid(changed) != ours(name).is_valid(changed)
    ]

    assert differing == []


@pytest.mark.parametrize(
    ("name", "document", "sentence"),
    [
        (
            "entry_types/run.json",
            {"id": "r1", "runDate": "2021-10-18"},
            "`biosampleId` is required and missing.",
        ),
        (
            "entry_types/individual.json",
            {"id": 1, "sex": FEMALE},
            "`id` must be text, not a number (1).",
        ),
        (
            "entry_types/individual.json",
            {"id": "i", "sex": "male"},
            '`sex` must be an object, not text ("male").',
        ),
        (
            "entry_types/individual.json",
            {"id": "i", "sex": {"id": "male"}},
            '`sex.id` must be an identifier with its prefix, such as HP:0001250, not "male".',
        ),
        (
            "entry_types/individual.json",
            {
                "id": "i",
                "sex": FEMALE,
                "diseases": [{"diseaseCode": FEMALE, "ageOfOnset": {"age": AGE}}],
            },
            "`diseases[0].ageOfOnset` fits none of the forms age, ageRange, gestationalAge, "
            "timestamp, timeInterval, ontologyTerm. Nearest: "
            "`diseases[0].ageOfOnset.iso8601duration` is required and missing.",
        ),
        (
            "entry_types/individual.json",
            {
                "id": "i",
                "sex": FEMALE,
                "diseases": [{"diseaseCode": FEMALE, "ageOfOnset": {**AGE, **FEMALE}}],
            },
            "`diseases[0].ageOfOnset` fits more than one of the forms age, ageRange, "
            "gestationalAge, timestamp, timeInterval, ontologyTerm; it must fit only one.",
        ),
        (
            "entry_types/run.json",
            {"id": "r", "biosampleId": "b", "runDate": "2021-10-18", "libraryLayout": "paired"},
            '`libraryLayout` must be one of PAIRED, SINGLE, not "paired".',
        ),
        (
            "entry_types/run.json",
            {"id": "r", "biosampleId": "b", "runDate": "2021-10-18T00:00:00Z"},
            '`runDate` must be a date such as 2021-10-18, not "2021-10-18T00:00:00Z".',
        ),
        (
            "entry_types/genomicVariant.json",
            {
                "variantInternalId": "v",
                "variation": {**LEGACY, "location": {**PLACE, "sequence_id": "chr17"}},
            },
            "`variation` fits none of the forms molecularVariation, systemicVariation, "
            "legacyVariation. Nearest: `variation.location.sequence_id` must be an identifier "
            'with its prefix, such as refseq:NC_000017.11, not "chr17".',
        ),
        (
            "common/time.json",
            {"start": "2021-10-18T09:30:00Z", "end": "2021-10-18T09:30:00Z", "note": "x"},
            "`document` fits none of the forms age, ageRange, gestationalAge, timestamp, "
            "timeInterval, ontologyTerm. Nearest: `note` is not known there; "
            "known are start, end.",
        ),
        (
            "common/location.json#/$defs/number",
            {"type": "Numeral", "value": 1},
            '`type` must be "Number", not "Numeral".',
        ),
        (
            "entry_types/dataset.json",
            {"id": "d", "name": "d", "dataUseConditions": {"duoDataUse": []}},
            "`dataUseConditions.duoDataUse`: [] should be non-empty.",
        ),
    ],
)
def test_description_says_where_and_what_would_be_right(
    name: str, document: Any, sentence: str
) -> None:
    validator = Draft202012Validator(
        {"$ref": schemas.BASE_URI + name},
        registry=schemas.registry(),
        format_checker=schemas.formats(),
    )

    assert [schemas.describe(error) for error in validator.iter_errors(document)] == [sentence]


def test_every_missing_key_is_named() -> None:
    errors = schemas.validator("entry_types/run.json").iter_errors({})

    assert [schemas.describe(error) for error in errors] == [
        "`id` is required and missing.",
        "`biosampleId` is required and missing.",
        "`runDate` is required and missing.",
    ]


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"]
        for value in schema.values():
            yield from _references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _references(value)


def _properties(schema: Any) -> set[str]:
    """The names under every `properties` of one file."""
    found: set[str] = set()
    if isinstance(schema, dict):
        properties = schema.get("properties")
        if isinstance(properties, dict):
            found |= set(properties)
        for value in schema.values():
            found |= _properties(value)
    elif isinstance(schema, list):
        for value in schema:
            found |= _properties(value)
    return found


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    for child in _children(value):
        yield from _keys(child)


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _changes(document: Any) -> Iterator[tuple[str, Any]]:
    """Every document that is one change away, with the name of the change."""
    for path in _paths(document):
        if path:
            yield f"drop {path}", _edited(document, path[:-1], partial(_without, path[-1]))
        yield f"extend {path}", _edited(document, path, _extended)
        for value in REPLACEMENTS:
            yield f"{path} = {value!r}", _edited(document, path, partial(_replaced, value))


def _any_change(chance: random.Random, document: Any) -> Any:
    path = chance.choice(list(_paths(document)))
    match chance.randrange(3):
        case 0 if path:
            return _edited(document, path[:-1], partial(_without, path[-1]))
        case 1:
            return _edited(document, path, _extended)
        case _:
            value = chance.choice(REPLACEMENTS)
            return _edited(document, path, partial(_replaced, value))


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, dict | list):
        steps = value.items() if isinstance(value, dict) else enumerate(value)
        for step, child in steps:
            yield from _paths(child, (*path, step))


def _edited(value: Any, path: tuple[Any, ...], edit: Callable[[Any], Any]) -> Any:
    """A copy with the value at the path edited; what is not on the path is shared."""
    if not path:
        return edit(value)
    step, *rest = path
    parent = copy.copy(value)
    parent[step] = _edited(value[step], tuple(rest), edit)
    return parent


def _replaced(value: Any, _: Any) -> Any:
    return value


def _without(step: Any, parent: Any) -> Any:
    parent = copy.copy(parent)
    del parent[step]
    return parent


def _extended(value: Any) -> Any:
    """One more key in an object, the first element once more in a list."""
    match value:
        case dict():
            return {**value, "extraKey": "x"}
        case list():
            return value + value[:1]
        case _:
            return value
