"""The home of the people of phenopackets: from a packet to an individual and its biosamples.

Of an element of a packet, what has a place in the Beacon model goes there. The rest stays together
in `info` under the packet's own name for it, beside the term that tells which element it is of.
Dates of birth and files are not kept: the one identifies, the others mean nothing elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from beacon.load.phenopacket_elements import (
    Element,
    Placed,
    disease,
    elements,
    feature,
    mapping,
    measurement,
    procedure,
    radiation,
    reference,
    regimen,
    term,
    terms,
    texts,
    time,
    treatment,
)

UNKNOWN = {"id": "NCIT:C17998", "label": "unknown"}


_SPECIMEN = {"id": "OBI:0001479", "label": "specimen from organism"}


SEXES = {
    "FEMALE": {"id": "NCIT:C16576", "label": "female"},
    "MALE": {"id": "NCIT:C20197", "label": "male"},
    "OTHER_SEX": {"id": "NCIT:C45908", "label": "intersex"},
}
"""Sex of a phenopacket → term; any other is `UNKNOWN`."""


_HUMAN = "NCBITaxon:9606"


_SAMPLE_PROPERTIES = (
    "histologicalDiagnosis",
    "tumorProgression",
    "tumorGrade",
    "pathologicalStage",
    "sampleProcessing",
    "sampleStorage",
)


_SAMPLE_LISTS = ("pathologicalTnmFinding", "diagnosticMarkers")


_SAMPLE_ONLY = frozenset(
    {
        "id",
        "individualId",
        "materialSample",
        "sampledTissue",
        "timeOfCollection",
        "procedure",
        "description",
        "phenotypicFeatures",
        "measurements",
        "files",
        *_SAMPLE_PROPERTIES,
        *_SAMPLE_LISTS,
    }
)


def individual(packet: Element, identifier: str) -> dict[str, Any]:
    """The individual that a packet describes.

    Args:
        identifier: of the individual; what the packet calls its subject is kept beside others in
            `info.alternateIds`.
    """
    subject = mapping(packet.get("subject"))
    record: dict[str, Any] = {
        "id": identifier,
        "sex": dict(SEXES.get(str(subject.get("sex")), UNKNOWN)),
    }
    if (karyotype := subject.get("karyotypicSex")) not in (None, "UNKNOWN_KARYOTYPE"):
        record["karyotypicSex"] = karyotype
    info: dict[str, Any] = {}
    _add(record, info, "phenotypicFeatures", packet, feature)
    _add(record, info, "diseases", packet, disease)
    _add(record, info, "measurements", packet, measurement)
    _add_actions(record, info, packet)
    info |= _about(subject, identifier) | _interpretations(packet)
    references = mapping(packet.get("metaData")).get("externalReferences")
    if references:
        info["externalReferences"] = [reference(one) for one in elements(references)]
    if info:
        record["info"] = info
    return record


def biosample(sample: Element, individual_id: str) -> dict[str, Any]:
    """A biosample of a packet; it is of the individual named here, whatever it says itself."""
    record: dict[str, Any] = {
        "id": sample.get("id"),
        "individualId": individual_id,
        "biosampleStatus": term(sample.get("materialSample")) or dict(UNKNOWN),
        "sampleOriginType": dict(_SPECIMEN),
    }
    if (tissue := term(sample.get("sampledTissue"))) is not None:
        record["sampleOriginDetail"] = tissue
    for name in _SAMPLE_PROPERTIES:
        if (found := term(sample.get(name))) is not None:
            record[name] = found
    for name in _SAMPLE_LISTS:
        if found_all := terms(sample.get(name)):
            record[name] = found_all
    info: dict[str, Any] = {
        key: value for key, value in sample.items() if key not in _SAMPLE_ONLY and value
    }
    if mapping(info.get("taxonomy")).get("id") == _HUMAN:
        del info["taxonomy"]
    match time(sample.get("timeOfCollection")):
        case {"iso8601duration": age}:
            record["collectionMoment"] = age
        case str() as moment:
            record["collectionDate"] = moment[:10]
        case None:
            pass
        case other:
            info["timeOfCollection"] = other
    if isinstance(sample.get("procedure"), Mapping):
        record["obtentionProcedure"], rest = procedure(sample["procedure"])
        if record["obtentionProcedure"] is None:
            del record["obtentionProcedure"]
        if rest:
            info["procedure"] = rest
    if sample.get("description"):
        record["notes"] = sample["description"]
    _add(record, info, "phenotypicFeatures", sample, feature)
    _add(record, info, "measurements", sample, measurement)
    if info:
        record["info"] = info
    return record


def sample_of(individual_id: str) -> dict[str, Any]:
    """The biosample of somebody of whom variants are known, and no sample."""
    return {
        "id": individual_id,
        "individualId": individual_id,
        "biosampleStatus": dict(UNKNOWN),
        "sampleOriginType": dict(_SPECIMEN),
    }


def _add(
    record: dict[str, Any],
    info: dict[str, Any],
    name: str,
    source: Element,
    convert: Callable[[Element], Placed],
) -> None:
    """Convert the elements of one list of a packet or a sample."""
    placed, unplaced = [], []
    for element in elements(source.get(name)):
        made, rest = convert(element)
        if made is not None:
            placed.append(made)
        if rest:
            unplaced.append(rest)
    if placed:
        record[name] = placed
    if unplaced:
        info[name] = unplaced


_ACTIONS: Mapping[str, tuple[str, Callable[[Element], Placed]]] = {
    "procedure": ("interventionsOrProcedures", procedure),
    "treatment": ("treatments", treatment),
    "therapeuticRegimen": ("treatments", regimen),
    "radiationTherapy": ("interventionsOrProcedures", radiation),
}


def _add_actions(record: dict[str, Any], info: dict[str, Any], packet: Element) -> None:
    for action in elements(packet.get("medicalActions")):
        rest = {key: value for key, value in action.items() if key not in _ACTIONS and value}
        named = [name for name in _ACTIONS if isinstance(action.get(name), Mapping)]
        for name in named:
            target, convert = _ACTIONS[name]
            made, left = convert(action[name])
            if made is not None:
                record.setdefault(target, []).append(made)
            if left:
                rest[name] = left
            elif rest:
                # What is said of an action means nothing without the action.
                rest[name] = {key: action[name][key] for key in _KEYS if key in action[name]}
        if rest:
            info.setdefault("medicalActions", []).append(rest)


_KEYS = ("code", "agent", "ontologyClass", "modality")


def _about(subject: Element, identifier: str) -> dict[str, Any]:
    """What `info` keeps of the subject."""
    info: dict[str, Any] = {}
    names = [subject.get("id"), *texts(subject.get("alternateIds"))]
    others = [name for name in dict.fromkeys(texts(names)) if name != identifier]
    if others:
        info["alternateIds"] = others
    # `age` is what the first version of the format called it.
    match time(subject.get("timeAtLastEncounter") or subject.get("age")):
        case {"iso8601duration": age}:
            info["age"] = age
        case None:
            pass
        case other:
            info["timeAtLastEncounter"] = other
    vital = mapping(subject.get("vitalStatus"))
    if vital.get("status", "UNKNOWN_STATUS") != "UNKNOWN_STATUS":
        info["vitalStatus"] = dict(vital)
        if (moment := time(vital.get("timeOfDeath"))) is not None:
            info["vitalStatus"]["timeOfDeath"] = moment
    if (gender := term(subject.get("gender"))) is not None:
        info["gender"] = gender
    taxonomy = term(subject.get("taxonomy"))
    if taxonomy is not None and taxonomy["id"] != _HUMAN:
        info["taxonomy"] = taxonomy
    return info


def _interpretations(packet: Element) -> dict[str, Any]:
    """What interpretations say of the person: diagnoses, and genes without a variant."""
    found = []
    for one in elements(packet.get("interpretations")):
        diagnosis = mapping(one.get("diagnosis"))
        kept: dict[str, Any] = {"id": one.get("id"), "progressStatus": one.get("progressStatus")}
        kept["disease"] = term(diagnosis.get("disease"))
        kept["summary"] = one.get("summary")
        kept["genes"] = [
            {
                "id": gene.get("valueId"),
                "symbol": gene.get("symbol"),
                "interpretationStatus": genomic.get("interpretationStatus"),
            }
            for genomic in elements(diagnosis.get("genomicInterpretations"))
            if (gene := mapping(genomic.get("geneDescriptor") or genomic.get("gene")))
        ]
        found.append({key: value for key, value in kept.items() if value})
    return {"interpretations": found} if found else {}
