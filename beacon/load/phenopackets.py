"""The home of the phenopacket loader: people and their variants from GA4GH Phenopackets v2."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from beacon.framework.source import Load, Sink
from beacon.load.items import Item
from beacon.load.json_files import NotJson, is_json, read_records
from beacon.load.pedigree_members import Member, pedigree_records
from beacon.load.phenopacket_elements import Element, elements, mapping
from beacon.load.phenopacket_people import biosample, individual, sample_of
from beacon.load.phenopacket_variants import NoPlace, described, has_variant, variant
from beacon.load.progress import Progress
from beacon.load.records import load_items
from beacon.load.report import Problem, Report
from beacon.load.source_files import find_files

_READ_VERSION = "2"
_AFFECTED = {"AFFECTED": True, "UNAFFECTED": False}
_PACKET_KEYS = ("subject", "phenotypicFeatures", "diseases", "interpretations", "biosamples")
_OF_ANOTHER = "the biosample is another person's"


def load_phenopackets(
    sink: Sink,
    dataset_id: str,
    paths: Sequence[Path],
    *,
    assembly: str | None = None,
    progress: Progress | None = None,
    listing: Path | None = None,
) -> Report:
    """Load phenopackets, families and cohorts of them into a dataset, and publish.

    Of every packet there is an individual, whose id is the packet's, the biosamples that it has,
    and the variants that its interpretations name, added to what the dataset says of them already.

    Args:
        paths: JSON files, or folders that are searched to the bottom. A file holds one message, a
            JSON array of them, or one a line; it may be gzipped.
        assembly: What the dataset is on; without it, what the first variant says.
        listing: A file that every problem is appended to, as JSON Lines.

    Raises:
        LoadError: A file cannot be loaded as asked; nothing was published.
    """
    files = [PhenopacketFile(path) for path in find_files(_searched(paths), is_json)]
    return load_items(
        sink,
        dataset_id,
        files,
        assembly=assembly,
        asserted=False,
        merge=_Owners(),
        progress=progress,
        listing=listing,
    )


def _searched(paths: Sequence[Path]) -> list[Path]:
    """The paths, a folder replaced by the JSON files at any depth of it, if it has any."""
    found: list[Path] = []
    for path in paths:
        inside = sorted(file for file in path.rglob("*") if file.is_file() and is_json(file))
        found += inside if path.is_dir() and inside else [path]
    return found


@dataclass(frozen=True, slots=True)
class PhenopacketFile:
    """A file of phenopackets, families or cohorts."""

    path: Path

    @property
    def entry_types(self) -> Collection[str]:
        """What becomes of them."""
        return ("cohort", "individual", "biosample", "genomicVariant")

    def read(self) -> Iterator[Item]:
        """The records of each message: people first, then samples, then variants."""
        for place, message in read_records(self.path):
            yield from _Message(self.path.name, place).items(message)


@dataclass(frozen=True, slots=True)
class _Message:
    """Where a message is."""

    file: str
    place: str

    def items(self, message: Any) -> Iterator[Item]:
        """The records of a message of any kind."""
        if isinstance(message, NotJson):
            yield self._lost(
                "individual", Problem(**self._at, reason="not JSON", detail=message.message)
            )
            return
        if not isinstance(message, dict):
            detail = f"it is {type(message).__name__}; an object was expected"
            yield self._lost(
                "individual", Problem(**self._at, reason="not an object", detail=detail)
            )
            return
        if isinstance(message.get("proband"), dict):
            yield from self._family(message)
        elif isinstance(message.get("members"), list):
            yield from self._cohort(message)
        else:
            yield from self._packet(message)

    @property
    def _at(self) -> dict[str, str]:
        return {"file": self.file, "place": self.place}

    def _item(self, entry_type: str, record: dict[str, Any]) -> Item:
        return Item(file=self.file, place=self.place, entry_type=entry_type, record=record)

    def _lost(self, entry_type: str, problem: Problem) -> Item:
        return Item(file=self.file, place=self.place, entry_type=entry_type, problems=(problem,))

    def _family(self, family: Element) -> Iterator[Item]:
        """The members of a family; each has the pedigree of all."""
        family_id = str(family.get("id") or "")
        packets = [mapping(family["proband"]), *elements(family.get("relatives"))]
        ids = {str(subject_id(packet)): identity(packet, family_id) for packet in packets}
        persons = list(elements(mapping(family.get("pedigree")).get("persons")))
        members = [_member(person, family_id, ids) for person in persons]
        proband = ids[str(subject_id(packets[0]))]
        diseases = [one for one in elements(packets[0].get("diseases")) if not one.get("excluded")]
        disease = mapping(diseases[0].get("term")) if diseases else None
        pedigrees = pedigree_records(members, disease=disease, proband=proband)
        for packet in packets:
            for item in self._packet(packet, family_id):
                record = item.record or {}
                if item.entry_type == "individual" and record.get("id") in pedigrees:
                    record["pedigrees"] = [pedigrees[record["id"]]]
                yield item

    def _cohort(self, cohort: Element) -> Iterator[Item]:
        """A cohort and its members."""
        cohort_id = str(cohort.get("id") or "")
        packets = list(elements(cohort["members"]))
        ids = [identity(packet, cohort_id) for packet in packets]
        record = {
            "id": cohort_id,
            "name": str(cohort.get("description") or cohort_id),
            "cohortType": "study-defined",
            "info": {"individualIds": [one for one in ids if one]},
        }
        yield self._item("cohort", record)
        for packet in packets:
            yield from self._packet(packet, cohort_id)

    def _packet(self, packet: Element, within: str = "") -> Iterator[Item]:
        if (problem := self._unusable(packet, within)) is not None:
            yield self._lost("individual", problem)
            return
        identifier = identity(packet, within)
        yield self._item("individual", individual(packet, identifier))
        samples = [str(one["id"]) for one in elements(packet.get("biosamples")) if one.get("id")]
        for one in elements(packet.get("biosamples")):
            yield self._item("biosample", biosample(one, identifier))
        variants = [
            (mapping(one.get("diagnosis")).get("disease"), genomic)
            for one in elements(packet.get("interpretations"))
            for genomic in elements(mapping(one.get("diagnosis")).get("genomicInterpretations"))
            if has_variant(genomic)
        ]
        carriers = [self._carrier(genomic, packet, samples, identifier) for _, genomic in variants]
        if identifier in carriers and identifier not in samples:
            yield self._item("biosample", sample_of(identifier))
        for (disease, genomic), carrier in zip(variants, carriers, strict=True):
            yield self._variant(genomic, disease, carrier, identifier)

    def _unusable(self, packet: Element, within: str) -> Problem | None:
        """Why nothing can be made of a packet, if so."""
        if not any(key in packet for key in _PACKET_KEYS):
            detail = f"it has none of {', '.join(_PACKET_KEYS)}"
            return Problem(**self._at, reason="not a phenopacket", detail=detail)
        version = str(mapping(packet.get("metaData")).get("phenopacketSchemaVersion") or "2")
        if not version.startswith(_READ_VERSION):
            return Problem(
                **self._at,
                field="metaData.phenopacketSchemaVersion",
                reason="phenopacket of another version",
                detail=f"it is of version {version}; version 2 is read",
            )
        if not identity(packet, within):
            detail = "`id` of the phenopacket is missing; it is what the person is known by here"
            return Problem(**self._at, field="id", reason="no id", detail=detail)
        return None

    def _carrier(
        self, genomic: Element, packet: Element, samples: Sequence[str], identifier: str
    ) -> str | None:
        """The biosample that has a variant: as said, else the only one, else the person's own."""
        named = genomic.get("subjectOrBiosampleId")
        if named in samples:
            return str(named)
        if named in (None, "", subject_id(packet), packet.get("id")):
            return samples[0] if len(samples) == 1 else identifier
        return None

    def _variant(
        self, genomic: Element, disease: object, carrier: str | None, identifier: str
    ) -> Item:
        if carrier is None:
            problem = Problem(
                **self._at,
                field="subjectOrBiosampleId",
                reason="the variant is of somebody else",
                detail=f"{genomic.get('subjectOrBiosampleId')} is neither the subject of the "
                "phenopacket nor one of its biosamples",
            )
            return self._lost("genomicVariant", problem)
        try:
            record = variant(genomic, disease, biosample_id=carrier, individual_id=identifier)
        except NoPlace as error:
            detail = f"{described(genomic)}: {error}"
            problem = Problem(
                **self._at, field="variationDescriptor", reason=error.reason, detail=detail
            )
            return self._lost("genomicVariant", problem)
        return self._item("genomicVariant", record)


def subject_id(packet: Element) -> object:
    """What a packet calls its subject."""
    return mapping(packet.get("subject")).get("id")


def identity(packet: Element, within: str = "") -> str:
    """The id of the individual that a packet describes, empty if it has none.

    It is the packet's own: many subjects of many publications are called `Patient 1`. A member of a
    family or cohort whose packet has no id is known by that of the whole and its own.
    """
    own = str(packet.get("id") or "")
    subject = str(subject_id(packet) or "")
    return own or (f"{within}:{subject}" if within and subject else "")


def _member(person: Element, family_id: str, ids: dict[str, str]) -> Member:
    def named(key: str) -> str | None:
        name = str(person.get(key) or "0")
        return None if name == "0" else ids.get(name) or f"{family_id}:{name}"

    return Member(
        family=str(person.get("familyId") or family_id),
        id=named("individualId") or "",
        father=named("paternalId"),
        mother=named("maternalId"),
        affected=_AFFECTED.get(str(person.get("affectedStatus"))),
    )


@dataclass(slots=True)
class _Owners:
    """Keeps a biosample with the person whose it was first: ids of samples are not unique either.

    The biosample keeps its own id, because genotypes go by it.
    """

    owners: dict[str, str] = field(default_factory=dict)
    refused: set[tuple[str, str]] = field(default_factory=set)

    def __call__(self, load: Load, item: Item) -> Item:
        """The item, or why its biosample cannot be what it says."""
        record = item.record or {}
        match item.entry_type:
            case "biosample":
                sample, person = str(record["id"]), str(record["individualId"])
                owner = self._owner(load, sample, person)
                if owner == person:
                    return item
                self.refused.add((sample, person))
            case "genomicVariant":
                (case,) = record["caseLevelData"]
                sample, person = case["biosampleId"], case["individualId"]
                if (sample, person) not in self.refused:
                    return item
                owner = self.owners[sample]
            case _:
                return item
        problem = Problem(
            file=item.file,
            place=item.place,
            field="biosamples",
            reason=_OF_ANOTHER,
            detail=f"{sample} is of {owner}, and of {person} here",
        )
        return msgspec.structs.replace(item, record=None, problems=(problem,))

    def _owner(self, load: Load, sample: str, person: str) -> str:
        known = self.owners.get(sample)
        if known is None:
            # A sample that stands for a person has the id of the phenopacket.
            old = None if sample == person else load.record("biosample", sample)
            known = self.owners[sample] = str((old or {}).get("individualId") or person)
        return known
