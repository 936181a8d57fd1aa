"""The way in: a GET or a POST request becomes a `Query`.

GET text and JSON values pass through the same tables of readers, so that both verbs accept the
same and mean the same. In a GET, a comma always separates: a value that holds one needs POST.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from beacon.framework.entry_types import Endpoint, Model
from beacon.framework.errors import InvalidRequest
from beacon.framework.parameters import (
    DATASET_NAMES,
    DATASETS,
    FILTER,
    GET_LISTS,
    GET_NAMES,
    GET_OPTIONS,
    GROUPS_MAX,
    INT64_MAX,
    META,
    OPTIONS,
    PAGINATION,
    TERMS,
    VARIATION,
    VARIATION_NAMES,
    check_characters,
    read_all,
    show,
    with_names,
)
from beacon.framework.query import (
    Filter,
    Granularity,
    Operator,
    Pagination,
    Query,
    VariationQuery,
    Within,
)
from beacon.framework.source import TermsQuery


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much one request may ask. Pages count records, depth counts nested brackets."""

    page_max: int = 1000
    page_default: int = 10
    filters_max: int = 100
    default_granularity: Granularity = Granularity.BOOLEAN
    body_depth: int = 32


def decode_get(
    entry: Endpoint,
    path_params: Mapping[str, str],
    query: Iterable[tuple[str, str]],
    model: Model,
    limits: Limits,
) -> Query:
    """Read a GET request.

    Args:
        entry: The endpoint that the path belongs to.
        path_params: `{"id": …}` where the path has one, decoded.
        query: Name and decoded value of each parameter, in order. Unknown names are ignored.
        model: Names entry types and judges variation parameters.
        limits: Defaults and bounds.

    Raises:
        InvalidRequest: Some parameter is malformed or contradicts another.
    """
    variation: dict[str, str] = {}
    options: dict[str, str] = {}
    for name, value in query:
        parameter = GET_NAMES.get(name)
        if parameter is None:
            continue
        if not value.isprintable():
            check_characters(name, value)
        asked = variation if parameter in VARIATION else options
        known = asked.get(parameter)
        if known is None:
            asked[parameter] = value
        elif parameter in GET_LISTS:
            asked[parameter] = f"{known},{value}"
        elif known != value:
            raise InvalidRequest(f"{name} is given twice, as {show(known)} and {show(value)}")
    return _query(
        entry,
        path_params,
        model,
        limits,
        read_all(variation, VARIATION, "") if variation else None,
        read_all(options, GET_OPTIONS, "") if options else {},
    )


def decode_post(
    entry: Endpoint,
    path_params: Mapping[str, str],
    body: bytes,
    model: Model,
    limits: Limits,
) -> Query:
    """Read a POST request: as `decode_get`, from a JSON body.

    What clients put beside `query` instead of into it is accepted; inside wins.

    Raises:
        InvalidRequest: The body is not a JSON object, or some part of it is malformed.
    """
    document = with_names(_document(body, limits))
    query = with_names(_object(document.get("query"), "query"))
    options = {
        **read_all(document, OPTIONS, ""),
        **read_all(query, OPTIONS, "query."),
        **read_all(_object(document.get("meta"), "meta"), META, "meta."),
    }
    pagination, where = _placed(document, query, "pagination")
    options.update(read_all(_object(pagination, where), PAGINATION, f"{where}."))
    filters, where = _placed(document, query, "filters")
    if filters is not None:
        options["filters"] = _filters(filters, where, model, limits)
    variation: dict[str, Any] = {}
    parameters, where = _placed(document, query, "requestParameters")
    if parameters is not None:
        dataset_ids = _read_parameters(parameters, where, variation, model)
        options["dataset_ids"] = tuple(dict.fromkeys(dataset_ids))
    return _query(entry, path_params, model, limits, variation, options)


def decode_terms(
    entry: Endpoint | None,
    path_params: Mapping[str, str],
    query: Iterable[tuple[str, str]],
) -> tuple[TermsQuery, bool]:
    """Read a GET of filtering terms; `entry` is `None` for those of the whole beacon.

    Returns:
        The question, and whether it is asked in test mode. Without a limit all terms are meant:
        a client that got the first ten would take them for all.
    """
    asked: dict[str, str] = {}
    for name, value in query:
        if name in TERMS and asked.setdefault(name, value) != value:
            raise InvalidRequest(f"{name} is given twice, with different values")
    options = read_all(asked, TERMS, "")
    test_mode = options.pop("test_mode", False)
    limit = options.get("limit", 0)
    pagination = _page(options.get("skip", 0), limit) if limit else Pagination(limit=0)
    within = None
    if entry is not None and entry.within is not None:
        within = Within(entry.within, _entry_id(path_params))
    entry_type = entry.entry_type if entry is not None and within is None else None
    prefix = options.get("prefix")
    if prefix is not None:
        check_characters("prefix", prefix)
    asked_for = TermsQuery(
        entry_type=entry_type, within=within, prefix=prefix or None, pagination=pagination
    )
    return asked_for, test_mode


def _query(
    entry: Endpoint,
    path_params: Mapping[str, str],
    model: Model,
    limits: Limits,
    variation: Mapping[str, Any] | None,
    options: dict[str, Any],
) -> Query:
    if len(options.get("filters", ())) > limits.filters_max:
        raise InvalidRequest(f"more than {limits.filters_max} filters in one request")
    if variation:
        options["variation"] = asked = VariationQuery(**variation)
        model.check_variation(asked)
    filters = options.get("filters", ())
    of_populations = tuple(one for one in filters if model.shows(entry.entry_type, one))
    if of_populations:
        options["filters"] = tuple(one for one in filters if one not in of_populations)
        options["population_filters"] = of_populations
    if entry.kind == "single":
        options["entry_id"] = _entry_id(path_params)
    elif entry.within is not None:
        options["within"] = Within(entry.within, _entry_id(path_params))
    if "include" in options:
        options["include_given"] = True
    if "granularity" not in options:
        options["granularity"] = limits.default_granularity
    skip = options.pop("skip", 0)
    limit = min(options.pop("limit", limits.page_default), limits.page_max)
    # A limit of 0 is the largest page there may be, with no page before it.
    options["pagination"] = _page(skip, limit) if limit else _page(0, limits.page_max)
    return Query(entry_type=entry.entry_type, **options)


def _page(skip: int, limit: int) -> Pagination:
    if skip * limit > INT64_MAX:
        raise InvalidRequest(f"skip is {skip}; pages of {limit} records do not reach so far")
    return Pagination(skip=skip, limit=limit)


def _entry_id(path_params: Mapping[str, str]) -> str:
    entry_id = path_params["id"]
    if not entry_id.isprintable():
        check_characters("id", entry_id)
    return entry_id


def _document(body: bytes, limits: Limits) -> dict[str, Any]:
    if not body.lstrip()[:1] == b"{":
        raise InvalidRequest('the body must be a JSON object such as {"meta": {…}, "query": {…}}')
    if rb"\u0000" in body:
        raise InvalidRequest("the body holds a NUL character")
    try:
        document: dict[str, Any] = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"the body is not JSON: {error}") from error
    except RecursionError as error:
        raise InvalidRequest(f"the body is nested deeper than {limits.body_depth}") from error
    # As many brackets as levels are allowed cannot be too deep: most bodies need no walk.
    if body.count(b"{") + body.count(b"[") > limits.body_depth:
        _check_depth(document, limits.body_depth)
    return document


def _check_depth(document: Any, depth: int) -> None:
    level = [document]
    for _ in range(depth):
        children = [one.values() if type(one) is dict else one for one in level]
        level = [x for values in children for x in values if type(x) is dict or type(x) is list]
        if not level:
            return
    raise InvalidRequest(f"the body is nested deeper than {depth}")


def _object(value: Any, where: str) -> dict[str, Any]:
    if value is None:
        return {}
    if type(value) is not dict:
        raise InvalidRequest(f"{where} is {show(value)}; it must be an object")
    return value


def _placed(document: Mapping[str, Any], query: Mapping[str, Any], key: str) -> tuple[Any, str]:
    inside = query.get(key)
    return (inside, f"query.{key}") if inside is not None else (document.get(key), key)


def _filters(raw: Any, where: str, model: Model, limits: Limits) -> tuple[Filter, ...]:
    if type(raw) is not list:
        raise InvalidRequest(f"{where} is {show(raw)}; it must be a list of objects")
    if len(raw) > limits.filters_max:
        raise InvalidRequest(f"{where} holds {len(raw)} filters; at most {limits.filters_max}")
    return tuple(_filter(one, f"{where}[{index}]", model) for index, one in enumerate(raw))


def _filter(raw: Any, where: str, model: Model) -> Filter:
    parts = read_all(_object(raw, where), FILTER, f"{where}.")
    if "id" not in parts:
        raise InvalidRequest(f"{where}.id is missing; a filter is an object with an id")
    if "value" in parts:
        parts.setdefault("operator", Operator.EQUAL)
    elif "operator" in parts:
        raise InvalidRequest(f"{where}.value is missing; an operator needs one to compare with")
    scope = parts.get("scope")
    if scope is not None:
        parts["scope"] = model.canonical(scope) or scope
    return Filter(**parts)


def _read_parameters(raw: Any, where: str, variation: dict[str, Any], model: Model) -> list[str]:
    """Add the variation parameters of any accepted shape to `variation`; return dataset ids.

    A list of objects (some portals send one) is taken as if it were one object.
    """
    dataset_ids: list[str] = []
    groups = raw if type(raw) is list else [raw]
    if len(groups) > GROUPS_MAX:
        raise InvalidRequest(f"{where} holds {len(groups)} objects; at most {GROUPS_MAX}")
    for group in groups:
        flat = {}
        for key, value in _object(group, where).items():
            if key in VARIATION_NAMES:
                flat[key] = value
            elif key in DATASET_NAMES:
                named = value if type(value) is dict else {key: value}
                for name in named:
                    if name not in DATASET_NAMES:
                        # Passed over, it would ask every dataset.
                        raise InvalidRequest(f"{where}.{key}.{name} is unknown; use datasetIds")
                for names in read_all(named, DATASETS, f"{where}.").values():
                    dataset_ids += names
            elif model.canonical(key) == model.canonical("g_variant") is not None:
                _add_variation(_object(value, f"{where}.{key}"), f"{where}.{key}.", variation)
            else:
                known = ", ".join(["g_variant", "datasets", *VARIATION])
                raise InvalidRequest(f"{where}.{key} is unknown; known are {known}")
        if flat:
            _add_variation(flat, f"{where}.", variation)
    return dataset_ids


def _add_variation(raw: Mapping[str, Any], where: str, variation: dict[str, Any]) -> None:
    for name in raw:
        if name not in VARIATION_NAMES:
            raise InvalidRequest(f"{where}{name} is unknown; known are {', '.join(VARIATION)}")
    found = read_all(raw, VARIATION_NAMES, where)
    if not variation and len(found) == len(raw):
        variation.update(found)
        return
    for name, value in raw.items():
        for attribute, asked in read_all({name: value}, VARIATION_NAMES, where).items():
            if variation.setdefault(attribute, asked) != asked:
                raise InvalidRequest(f"{where}{name} is given twice, with different values")
