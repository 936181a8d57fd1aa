"""The parameters of a request: what each is called on the wire, and what values it takes.

The same readers take the text of a GET and the JSON values of a POST.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from beacon.framework.errors import InvalidRequest
from beacon.framework.query import (
    Filter,
    Granularity,
    Include,
    Operator,
    Query,
    RequestedSchema,
    Similarity,
    VariationQuery,
)

INT64_MAX = 2**63 - 1
GROUPS_MAX = 100
"""Objects in a list of request parameters; one would do."""
_SHOWN_CHARACTERS = 80


class Unfit(ValueError):
    """A value that a reader cannot take; the message says what would be right."""


Reader = Callable[[Any], Any]
Table = Mapping[str, tuple[str, Reader]]
"""Wire name → attribute and reader. A reader raises `Unfit`."""


def _text(value: Any) -> str:
    if type(value) is not str or not value:
        raise Unfit("a string with at least one character")
    return value


def _bases(value: Any) -> str:
    if type(value) is not str:
        raise Unfit("a string of bases, or an empty one")
    return value


def _name(value: Any) -> str:
    return str(value) if type(value) is int else _text(value)


def _number_or_text(value: Any) -> str:
    return str(value) if type(value) in (int, float) else _text(value)


def _natural(value: Any) -> int:
    number = value
    if type(value) is str and len(value) < 20 and value.isascii() and value.isdecimal():
        number = int(value)
    elif type(value) is float and value.is_integer():
        number = int(value)  # JSON Schema counts 1.0 among the integers
    # Not `isinstance`: a bool is an int to Python, and no number to anybody else.
    if type(number) is not int or not 0 <= number <= INT64_MAX:
        raise Unfit("an integer from 0 to 2^63-1")
    return number


def _positive(value: Any) -> int:
    number = _natural(value)
    if number == 0:
        raise Unfit("an integer from 1 to 2^63-1")
    return number


def _positions(value: Any) -> tuple[int, ...]:
    if type(value) is str:
        value = value.split(",")
    try:
        found = tuple(map(_natural, value)) if type(value) is list else (_natural(value),)
    except Unfit:
        found = ()
    if not 1 <= len(found) <= 2:
        raise Unfit("one or two integers from 0 to 2^63-1")
    return found


def _boolean(value: Any) -> bool:
    if type(value) is bool:
        return value
    if type(value) is str and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise Unfit("true or false")


def _one_of(choices: Mapping[str, Any]) -> Reader:
    def read(value: Any) -> Any:
        if type(value) is not str or value not in choices:
            raise Unfit(f"one of {', '.join(choices)}")
        return choices[value]

    return read


def _names(value: Any) -> tuple[str, ...]:
    if type(value) is str:
        return tuple(dict.fromkeys(filter(None, map(str.strip, value.split(",")))))
    if type(value) is not list or not all(type(one) is str and one for one in value):
        raise Unfit("a list of strings")
    return tuple(value)


def _scopes(value: Any) -> str | None:
    if type(value) is str:
        return value
    if type(value) is not list or len(value) > 1 or not all(type(one) is str for one in value):
        raise Unfit("the name of one entry type")
    return value[0] if value else None


def _schema_ids(value: Any) -> tuple[RequestedSchema, ...]:
    return tuple(RequestedSchema(schema=one) for one in _names(value))


def _schemas(value: Any) -> tuple[RequestedSchema, ...]:
    if type(value) is not list:
        raise Unfit("a list of objects with entityType and schema")
    found = []
    for one in value:
        entity_type, schema = (
            (one.get("entityType"), one.get("schema")) if type(one) is dict else (None, one)
        )
        if not all(part is None or type(part) is str for part in (entity_type, schema)):
            raise Unfit("a list of objects whose entityType and schema are strings")
        found.append(RequestedSchema(entity_type=entity_type, schema=schema))
    return tuple(found)


# The first character decides whether a colon ends an id: `age:>P70Y`, but not `HP:0001250`. The
# greedy start makes it the last such colon, so that a CURIE may name an attribute.
_FILTER_TOKEN = re.compile(r"(.+):(<=|>=|!=|[<>=!])(.*)", re.DOTALL)


def _filter_of_token(token: str) -> Filter:
    parts = _FILTER_TOKEN.fullmatch(token)
    if parts is None:
        return Filter(id=token)
    filter_id, operator, value = parts.groups()
    if not value:
        raise Unfit("ids, or id:operatorvalue as in age:>P70Y; a value is missing")
    return Filter(id=filter_id, operator=_OPERATORS[operator], value=value)


def _filter_tokens(value: Any) -> tuple[Filter, ...]:
    return tuple(map(_filter_of_token, filter(None, map(str.strip, value.split(",")))))


_OPERATORS = {**{one.value: one for one in Operator}, "!=": Operator.NOT}
_GRANULARITIES = {one.wire: one for one in Granularity if one is not Granularity.NONE}

VARIATION: Table = {
    "assemblyId": ("assembly_id", _text),
    "referenceName": ("reference_name", _name),
    "start": ("start", _positions),
    "end": ("end", _positions),
    "referenceBases": ("reference_bases", _bases),
    "alternateBases": ("alternate_bases", _bases),
    "variantType": ("variant_type", _text),
    "variantMinLength": ("variant_min_length", _natural),
    "variantMaxLength": ("variant_max_length", _positive),
    "mateName": ("mate_name", _name),
    "geneId": ("gene_id", _text),
    "aminoacidChange": ("aminoacid_change", _text),
    "genomicAlleleShortForm": ("genomic_allele_short_form", _text),
}
VARIATION_ATTRIBUTES = tuple((name, attribute) for name, (attribute, _) in VARIATION.items())
_VARIATION_ALIASES = {"geneid": "geneId", "allele": "genomicAlleleShortForm"}
VARIATION_NAMES: Table = {
    **VARIATION,
    **{alias: VARIATION[name] for alias, name in _VARIATION_ALIASES.items()},
}
DATASET_NAMES = ("datasetIds", "datasets", "dataset")
DATASETS: Table = {name: (name, _names) for name in DATASET_NAMES}

OPTIONS: Table = {
    "includeResultsetResponses": ("include", _one_of({one.value: one for one in Include})),
    "requestedGranularity": ("granularity", _one_of(_GRANULARITIES)),
    "testMode": ("test_mode", _boolean),
}
AS_IN_PYTHON = {
    "include_resultset_responses": "includeResultsetResponses",
    "request_parameters": "requestParameters",
    "requested_granularity": "requestedGranularity",
    "test_mode": "testMode",
}
"""Names of a POST body as some clients write them; passed over, they would ask for everything."""

PAGINATION: Table = {"skip": ("skip", _natural), "limit": ("limit", _natural)}
META: Table = {
    "apiVersion": ("api_version", _number_or_text),
    "requestedSchemas": ("requested_schemas", _schemas),
}
TERMS: Table = {
    **PAGINATION,
    "testMode": ("test_mode", _boolean),
    "prefix": ("prefix", _text),
}
GET_OPTIONS: Table = {
    **OPTIONS,
    **PAGINATION,
    "apiVersion": ("api_version", _text),
    "requestedSchemas": ("requested_schemas", _schema_ids),
    "datasetIds": ("dataset_ids", _names),
    "filters": ("filters", _filter_tokens),
}
GET_NAMES = {
    **{name: name for name in (*VARIATION, *GET_OPTIONS)},
    **_VARIATION_ALIASES,
    "datasets": "datasetIds",
    "requestedSchema": "requestedSchemas",
}
GET_LISTS = frozenset({"start", "end", "filters", "datasetIds", "requestedSchemas"})
FILTER: Table = {
    "id": ("id", _text),
    "includeDescendantTerms": ("include_descendant_terms", _boolean),
    "similarity": ("similarity", _one_of({one.value: one for one in Similarity})),
    "operator": ("operator", _one_of(_OPERATORS)),
    "value": ("value", _number_or_text),
    "scope": ("scope", _scopes),
    "scopes": ("scope", _scopes),
}


def read_all(raw: Mapping[str, Any], table: Table, where: str) -> dict[str, Any]:
    """Attribute → value of whatever the table knows; JSON null is "not given"."""
    found = {}
    for name, value in raw.items():
        row = table.get(name)
        if row is None or value is None:
            continue
        try:
            found[row[0]] = row[1](value)
        except Unfit as unfit:
            raise InvalidRequest(f"{where}{name} is {show(value)}; it must be {unfit}") from None
    return found


def check_characters(name: str, value: str) -> None:
    """Raises `InvalidRequest` for text that no JSON and no database can hold."""
    if "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise InvalidRequest(f"{name} holds a NUL character or a lone surrogate")


def show(value: Any) -> str:
    """A value as a message quotes it: JSON, cut when it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"


def token_of_filter(asked: Filter) -> str | None:
    """A filter as a GET says it; `None` when it has more to say than that."""
    token = str(asked)
    try:
        return token if _filter_of_token(token) == asked else None
    except Unfit:
        return None


def variation_parameters(variation: VariationQuery) -> dict[str, Any]:
    """The parameters that were asked, by the names they have on the wire."""
    return {
        name: value
        for name, attribute in VARIATION_ATTRIBUTES
        if (value := getattr(variation, attribute)) is not None and value != ()
    }


def request_parameters(query: Query) -> dict[str, Any]:
    """`requestParameters` in the one shape the schema allows: objects by what they are of."""
    parameters: dict[str, Any] = {}
    if query.variation is not None:
        parameters["g_variant"] = variation_parameters(query.variation)
    if query.dataset_ids:
        parameters["datasets"] = {"datasetIds": query.dataset_ids}
    return parameters


def requested_schemas(schemas: Sequence[RequestedSchema]) -> list[dict[str, str]]:
    """`requestedSchemas` as a request and its echo carry them, without what was not given."""
    named = ((("entityType", one.entity_type), ("schema", one.schema)) for one in schemas)
    return [{key: value for key, value in pairs if value is not None} for pairs in named]


def with_names(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """An object of a POST body with its names as the specification has them."""
    if AS_IN_PYTHON.keys().isdisjoint(raw):
        return raw
    return {AS_IN_PYTHON.get(name, name): value for name, value in raw.items()}
