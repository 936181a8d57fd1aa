"""The home of the elements of phenopackets: terms, times, features, diseases, actions and others.

Of an element, what has a place in the Beacon model goes there; the rest is handed back, beside the
term that tells which element it is of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

Element = Mapping[str, Any]
Placed = tuple[dict[str, Any] | None, dict[str, Any]]
"""What an element became, if anything, and what of it has no place."""


def mapping(value: object) -> Element:
    """An object, an empty one in place of anything else."""
    return value if isinstance(value, Mapping) else {}


def elements(value: object) -> Iterator[Element]:
    """The objects of a list."""
    return (
        (one for one in value if isinstance(one, Mapping)) if isinstance(value, list) else iter(())
    )


def texts(value: object) -> list[str]:
    """The texts of a list that are not empty."""
    return [one for one in value if isinstance(one, str) and one] if isinstance(value, list) else []


def term(value: object) -> dict[str, Any] | None:
    """An ontology class, `None` if it has no id."""
    identifier = value.get("id") if isinstance(value, Mapping) else None
    if not isinstance(value, Mapping) or not isinstance(identifier, str) or not identifier:
        return None
    label = value.get("label")
    return {"id": identifier, "label": label} if label else {"id": identifier}


def time(value: object) -> Any:
    """A time element as the Beacon model has it; `None` for nothing, or for what it is not.

    That is an age, a range of ages, a gestational age, an ontology term, an interval or a
    timestamp.
    """
    if isinstance(value, str):
        return value
    element = mapping(value)
    for name, read in _TIMES.items():
        if element.get(name):
            return read(element[name])
    if element.get("iso8601duration"):
        return _age(element)
    return None


def _age(value: Any) -> Any:
    return {"iso8601duration": mapping(value).get("iso8601duration")}


def _age_range(value: Any) -> Any:
    return {end: _age(mapping(value).get(end)) for end in ("start", "end")}


def _gestational_age(value: Any) -> Any:
    return {name: whole(number) for name, number in mapping(value).items()}


def _interval(value: Any) -> Any:
    return {end: mapping(value).get(end) for end in ("start", "end")}


_TIMES: Mapping[str, Callable[[Any], Any]] = {
    "age": _age,
    "ageRange": _age_range,
    "gestationalAge": _gestational_age,
    "ontologyClass": term,
    "timestamp": str,
    "interval": _interval,
}


def whole(value: Any) -> Any:
    """A whole number; JSON of protocol buffers writes those of 64 bits as text."""
    return int(value) if isinstance(value, str) and value.isdecimal() else value


def terms(value: object) -> list[dict[str, Any]]:
    """The ontology classes of a list that have an id."""
    return [found for one in elements(value) if (found := term(one)) is not None]


def reference(value: object) -> dict[str, Any]:
    """An external reference as the Beacon model has it."""
    element = mapping(value)
    named = {"id": element.get("id"), "reference": element.get("reference")}
    return {
        key: text for key, text in (*named.items(), ("notes", element.get("description"))) if text
    }


def _rest(element: Element, key: str, used: Iterable[str]) -> dict[str, Any]:
    """What is left of an element, with the term that says which it is; nothing if that is all."""
    taken = {key, *used}
    left = {name: value for name, value in element.items() if name not in taken and value}
    return {key: element.get(key), **left} if left else {}


def feature(element: Element) -> Placed:
    """A phenotypic feature."""
    what = term(element.get("type"))
    if what is None:
        return None, dict(element)
    # Nearly all there are: a term, looked for and there or not there.
    record: dict[str, Any] = {"featureType": what}
    if element.get("excluded"):
        record["excluded"] = True
    if len(element) == len(record):
        return record, {}
    if (severity := term(element.get("severity"))) is not None:
        record["severity"] = severity
    for name in ("onset", "resolution"):
        if (moment := time(element.get(name))) is not None:
            record[name] = moment
    if modifiers := terms(element.get("modifiers")):
        record["modifiers"] = modifiers
    if element.get("description"):
        record["notes"] = element["description"]
    rest = _rest(
        element,
        "type",
        ("excluded", "severity", "onset", "resolution", "modifiers", "description", "evidence"),
    )
    further = list(elements(element.get("evidence")))
    code = term(further[0].get("evidenceCode")) if further else None
    if code is not None:
        first, *further = further
        record["evidence"] = {"evidenceCode": code}
        if first.get("reference"):
            record["evidence"]["reference"] = reference(first["reference"])
    if further:
        rest = {"type": element["type"], **rest, "evidence": further}
    return record, rest


def disease(element: Element) -> Placed:
    """A disease that somebody has; one that is excluded has no place."""
    code = term(element.get("term"))
    if code is None or element.get("excluded"):
        # The model has no word for a disease that somebody does not have.
        return None, dict(element)
    record: dict[str, Any] = {"diseaseCode": code}
    if (onset := time(element.get("onset"))) is not None:
        record["ageOfOnset"] = onset
    rest = _rest(element, "term", ("excluded", "onset", "diseaseStage"))
    stages = terms(element.get("diseaseStage"))
    if stages:
        record["stage"] = stages[0]
    if stages[1:]:
        rest = {"term": element["term"], **rest, "diseaseStage": stages[1:]}
    return record, rest


def measurement(element: Element) -> Placed:
    """A measurement."""
    assay = term(element.get("assay"))
    value = _measured(element)
    if assay is None or value is None:
        return None, dict(element)
    record: dict[str, Any] = {"assayCode": assay, "measurementValue": value}
    used = ["value", "complexValue", "timeObserved", "description"]
    if (moment := time(element.get("timeObserved"))) is not None:
        record["observationMoment"] = moment
    if element.get("description"):
        record["notes"] = element["description"]
    how, rest_of_procedure = procedure(mapping(element.get("procedure")))
    if how is not None and not rest_of_procedure:
        record["procedure"] = how
        used.append("procedure")
    return record, _rest(element, "assay", used)


def _measured(element: Element) -> dict[str, Any] | None:
    value = mapping(element.get("value"))
    if value.get("quantity"):
        return quantity(value["quantity"])
    if value.get("ontologyClass"):
        return term(value["ontologyClass"])
    typed = [
        {"quantityType": term(one.get("type")), "quantity": quantity(one.get("quantity"))}
        for one in elements(mapping(element.get("complexValue")).get("typedQuantities"))
    ]
    complete = typed and all(None not in one.values() for one in typed)
    return {"typedQuantities": typed} if complete else None


def quantity(value: object) -> dict[str, Any] | None:
    """A quantity, `None` if it has no unit. A number that is not written is 0."""
    element = mapping(value)
    unit = term(element.get("unit"))
    if unit is None:
        return None
    record: dict[str, Any] = {"unit": unit, "value": element.get("value", 0)}
    bounds = mapping(element.get("referenceRange"))
    if bounds:
        record["referenceRange"] = {
            "unit": term(bounds.get("unit")) or unit,
            "low": bounds.get("low", 0),
            "high": bounds.get("high", 0),
        }
    return record


def procedure(element: Element) -> Placed:
    """A procedure."""
    code = term(element.get("code"))
    if code is None:
        return None, dict(element)
    record: dict[str, Any] = {"procedureCode": code}
    if (site := term(element.get("bodySite"))) is not None:
        record["bodySite"] = site
    match time(element.get("performed")):
        case None:
            pass
        case str() as moment:
            record["dateOfProcedure"] = moment[:10]
        case moment:
            record["ageAtProcedure"] = moment
    return record, _rest(element, "code", ("bodySite", "performed"))


def treatment(element: Element) -> Placed:
    """A treatment; doses that lack amount, frequency or time have no place."""
    agent = term(element.get("agent"))
    if agent is None:
        return None, dict(element)
    record: dict[str, Any] = {"treatmentCode": agent}
    if (route := term(element.get("routeOfAdministration"))) is not None:
        record["routeOfAdministration"] = route
    if (dose := quantity(element.get("cumulativeDose"))) is not None:
        record["cumulativeDose"] = dose
    whole_doses, partial = [], []
    for one in elements(element.get("doseIntervals")):
        made = {
            "quantity": quantity(one.get("quantity")),
            "scheduleFrequency": term(one.get("scheduleFrequency")),
            "interval": _interval(one["interval"]) if one.get("interval") else None,
        }
        if None in made.values() or None in mapping(made["interval"]).values():
            partial.append(dict(one))
        else:
            whole_doses.append(made)
    if whole_doses:
        record["doseIntervals"] = whole_doses
    used = ("routeOfAdministration", "cumulativeDose", "doseIntervals")
    rest = _rest(element, "agent", used)
    if partial:
        rest = {"agent": element["agent"], **rest, "doseIntervals": partial}
    return record, rest


def regimen(element: Element) -> Placed:
    """A therapeutic regimen, as a treatment."""
    code = term(element.get("ontologyClass"))
    if code is None:
        return None, dict(element)
    record: dict[str, Any] = {"treatmentCode": code}
    match time(element.get("startTime")):
        case {"iso8601duration": age}:
            record["ageAtOnset"] = {"iso8601duration": age}
            return record, _rest(element, "ontologyClass", ("startTime",))
    return record, _rest(element, "ontologyClass", ())


def radiation(element: Element) -> Placed:
    """A radiation therapy, as a procedure."""
    code = term(element.get("modality"))
    if code is None:
        return None, dict(element)
    record: dict[str, Any] = {"procedureCode": code}
    if (site := term(element.get("bodySite"))) is not None:
        record["bodySite"] = site
    return record, _rest(element, "modality", ("bodySite",))
