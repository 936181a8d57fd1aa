"""Withdrawal of consent: people leave every answer by one write, then their data are deleted.

First the people's ids are remembered as digests, so that whatever happens later can be finished and
no load brings them back. Then a release is published whose records, rows and terms are built
without them, and whose manifest masks their rows in all that is stored of alleles. Then the alleles
are written again without them. When no answer can be running any more that reads what they are in,
that is deleted, and the mask is taken off. Each step may be interrupted; withdrawing again goes on.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec
from pymongo.database import Database
from pyroaring import BitMap

from beacon.framework.errors import OperatorError
from beacon.model.ontology import Ontologies
from beacon.mongo import documents
from beacon.mongo.barred import (
    ANALYSIS,
    BIOSAMPLE,
    INDIVIDUAL,
    RUN,
    Barred,
    Id,
)
from beacon.mongo.freed_records import FreedRecords
from beacon.mongo.history import (
    forget_others,
    keep_release,
    layers_of,
    number_release,
    serve_release,
)
from beacon.mongo.load_register import (
    close_load,
    collect_garbage,
    forget_load,
    next_slot,
    owner,
    refuse_if_alive,
    settle,
)
from beacon.mongo.observed import count_observed, has_uncarried, zygosities_without
from beacon.mongo.people import write_layer
from beacon.mongo.purge import purge_alleles, sweep
from beacon.mongo.roster import Attachment, Roster
from beacon.mongo.roster_documents import roster_from_documents

Documents = Database[dict[str, Any]]
Manifest = dict[str, Any]


class Withdrawal(msgspec.Struct, frozen=True, kw_only=True):
    """Who is meant, before anything is done.

    Attributes:
        people: The name that was given → the individual whose it is.
        already: Names of people who withdrew before.
        releases: The other releases of the dataset, which go as they hold the people too.
        pending: Whether an earlier withdrawal was interrupted, and will be finished as well.
    """

    people: dict[str, str]
    already: tuple[str, ...]
    releases: tuple[int, ...]
    pending: bool


def plan_withdrawal(database: Documents, dataset_id: str, names: Sequence[str]) -> Withdrawal:
    """Find out whose the ids are: of individuals, biosamples or samples.

    Raises:
        OperatorError: A name is nobody's, or of several people; or nobody is named.
    """
    manifest = _published(database, dataset_id)
    barred = Barred(database, dataset_id)
    owners_of: dict[str, set[str]] = {}
    for roster in _rosters(database, dataset_id, manifest):
        for name, individual in _names(roster):
            owners_of.setdefault(name, set()).add(individual)
    people: dict[str, str] = {}
    already = []
    for name in dict.fromkeys(names):
        owners = sorted(owners_of.get(name, ()))
        if len(owners) > 1:
            raise OperatorError(
                f'"{name}" may be any of {", ".join(owners)} in "{dataset_id}"; '
                "name the person by a sample that nobody else has"
            )
        if owners:
            people[name] = owners[0]
        elif barred.named(name):
            already.append(name)
        else:
            raise OperatorError(
                f'"{name}" is no individual, biosample or sample of "{dataset_id}"; '
                "nobody was withdrawn"
            )
    if not people and not already and not barred.pending:
        raise OperatorError("say who withdraws: ids of individuals, biosamples or samples")
    found = database[documents.RELEASES].find(
        {"dataset": dataset_id, "release": {"$ne": manifest["release"]}}, {"release": 1}
    )
    return Withdrawal(
        people=people,
        already=tuple(already),
        releases=tuple(sorted(one["release"] for one in found)) if people else (),
        pending=barred.pending,
    )


def withdraw(
    database: Documents,
    dataset_id: str,
    names: Sequence[str],
    *,
    ontologies: Ontologies,
    grace_s: float,
    advance: Callable[[int], None] = lambda _: None,
    masked: Callable[[], None] = lambda: None,
) -> Withdrawal:
    """Take people out of a dataset for good, and finish what an earlier withdrawal began.

    Args:
        grace_s: How long an answer may still be read from a release that is no longer served.
        advance: Called with the number of documents of alleles that were looked at.
        masked: Called once the people are in no answer any more.

    Raises:
        OperatorError: See `plan_withdrawal`; or the dataset is being loaded.
    """
    planned = plan_withdrawal(database, dataset_id, names)
    if not planned.people and not planned.pending:
        return planned
    barred = Barred(database, dataset_id)
    before = _published(database, dataset_id)
    rosters = list(_rosters(database, dataset_id, before))
    individuals = sorted(set(planned.people.values()))
    added = [_ids(individual, rosters) for individual in individuals]
    # From here on no load begins; whoever began one before is found below.
    barred.add(added, pending=True)
    loads = list(database[documents.LOADS].find({"dataset": dataset_id, "open": True}))
    try:
        for load in loads:
            refuse_if_alive(load, dataset_id)
    except OperatorError:
        if not planned.pending:
            barred.retract(len(added))
        raise
    for load in loads:
        if not settle(database, load):
            forget_load(database, load)
    manifest = _published(database, dataset_id)
    manifest = _mask(database, manifest, barred, ontologies)
    masked()
    forget_others(database, dataset_id)
    # What loads remembered of their samples while they ran.
    others = sorted(layers_of(manifest) - {manifest["metadata"]})
    database[documents.ROSTER].delete_many({"l": {"$in": others}})
    rows = BitMap.deserialize(manifest["withdrawn"]) if manifest.get("withdrawn") else BitMap()
    if rows:
        manifest = _purge(database, manifest, rows, barred, ontologies, advance)
    collect_garbage(database, grace_s)
    time.sleep(grace_s)
    sweep(database, manifest, rows)
    if rows:
        _unmask(database, manifest)
    collect_garbage(database, grace_s)
    barred.finish()
    return planned


def readmit(database: Documents, dataset_id: str, name: str) -> None:
    """Let later loads bring somebody again who had withdrawn, whatever they were called by.

    The dataset's files no longer count as loaded, since any of them may hold the person.

    Raises:
        OperatorError: Nobody of that name has withdrawn from the dataset.
    """
    barred = Barred(database, dataset_id)
    if barred.pending:
        raise OperatorError(
            f"a withdrawal is not finished; finish it first: beacon datasets withdraw {dataset_id}"
        )
    if not barred.readmit(name):
        raise OperatorError(f'nobody called "{name}" has withdrawn from "{dataset_id}"')
    database[documents.RELEASES].update_many(
        {"dataset": dataset_id}, {"$set": {"manifest.files": []}}
    )
    database[documents.MANIFESTS].update_one({"_id": dataset_id}, {"$set": {"files": []}})


# Whose the ids are ------------------------------------------------------------------------------


def _published(database: Documents, dataset_id: str) -> Manifest:
    manifest = database[documents.MANIFESTS].find_one({"_id": dataset_id})
    if manifest is None:
        raise OperatorError(f'there is no published dataset "{dataset_id}"')
    return manifest


def _rosters(database: Documents, dataset_id: str, manifest: Manifest) -> Iterator[Roster]:
    """Those of the served release and of all others that are kept."""
    kept = database[documents.RELEASES].distinct("manifest.metadata", {"dataset": dataset_id})
    for layer in dict.fromkeys([manifest["metadata"], *kept]):
        yield _roster(database, layer)


def _roster(database: Documents, layer: int) -> Roster:
    return roster_from_documents(database[documents.ROSTER].find({"l": layer}).sort("_id", 1))


def _names(roster: Roster) -> Iterator[tuple[str, str]]:
    """What somebody may be called, with the individual that it is."""
    for name in roster.individuals:
        yield name, name
    for row in range(roster.size):
        for kind, name in _names_of_row(roster, row):
            if kind == BIOSAMPLE:
                yield name, roster.individuals[roster.individual_of[row]]


def _names_of_row(roster: Roster, row: int) -> list[Id]:
    if roster.individual_of[row] < 0:
        return []
    found = [(INDIVIDUAL, roster.individuals[roster.individual_of[row]])]
    if roster.biosample_of[row] >= 0:
        found.append((BIOSAMPLE, roster.biosamples[roster.biosample_of[row]]))
    if row < len(roster.samples):
        found.append((BIOSAMPLE, roster.samples[row]))
    return found


def _ids(individual: str, rosters: Iterable[Roster]) -> set[Id]:
    """All ids of a person, and of what hangs on the person."""
    ids: set[Id] = {(INDIVIDUAL, individual)}
    for roster in rosters:
        if individual not in roster.individuals:
            continue
        ordinal = roster.individuals.index(individual)
        rows = (roster.individual_of == ordinal).nonzero()[0].tolist()
        for row in rows:
            ids.update(_names_of_row(roster, row))
        theirs = set(rows)
        for kind, attached in ((RUN, roster.runs), (ANALYSIS, roster.analyses)):
            ids.update((kind, name) for name in _hanging(attached, theirs))
    return ids


def _hanging(attached: Attachment, rows: set[int]) -> Iterator[str]:
    for number, name in enumerate(attached.ids):
        start, end = attached.ends[number], attached.ends[number + 1]
        if not rows.isdisjoint(attached.rows[start:end].tolist()):
            yield name


# Out of every answer ----------------------------------------------------------------------------


def _mask(
    database: Documents, manifest: Manifest, barred: Barred, ontologies: Ontologies
) -> Manifest:
    """Publish a release without those who are barred; the same manifest if there are none."""
    roster = _roster(database, manifest["metadata"])
    gone = [
        row
        for row in range(roster.size)
        if any(barred.holds(one) for one in _names_of_row(roster, row)[:1])
    ]
    if not gone:
        return manifest
    slot = next_slot(database)
    _open_load(database, manifest, slot)
    samples = list(roster.samples)
    for row in gone:
        if row < len(samples):
            samples[row] = ""
    records = FreedRecords(database, manifest["metadata"], barred)
    masked = dict(manifest)
    masked["counts"] = write_layer(database, slot, samples, records.owners(), records, ontologies)
    masked["metadata"] = slot
    masked["empty_rows"] = samples.count("")
    masked["release"] = number_release(database, manifest["_id"], slot)
    masked["updated"] = datetime.datetime.now(datetime.UTC)
    if manifest.get("record"):
        masked["record"] = records.freed(manifest["record"])
    rows = BitMap([row for row in gone if row < len(samples)])
    if manifest.get("withdrawn"):
        rows |= BitMap.deserialize(manifest["withdrawn"])
    if rows:
        masked["withdrawn"] = bytes(rows.serialize())
        masked["zygosities"] = zygosities_without(database, manifest, rows)
        if not masked["zygosities"] and not has_uncarried(database, manifest):
            masked["observed"] = 0  # whoever counts finds nothing
    keep_release(database, masked, manifest, slot=slot, kind="withdrawal", serve=True)
    if not serve_release(database, masked, manifest):
        raise OperatorError(
            f'dataset "{manifest["_id"]}" was dropped or rolled back by somebody else meanwhile; '
            "withdraw the people again"
        )
    close_load(database, slot)
    return masked


# Out of the data --------------------------------------------------------------------------------


def _purge(
    database: Documents,
    manifest: Manifest,
    rows: BitMap,
    barred: Barred,
    ontologies: Ontologies,
    advance: Callable[[int], None],
) -> Manifest:
    """Serve alleles without those who are masked, from a slot of their own."""
    slot = next_slot(database)
    _open_load(database, manifest, slot)
    purged = manifest | purge_alleles(
        database, manifest, slot, rows, barred, ontologies, advance=advance
    )
    if slot in layers_of(purged):
        _replace(database, manifest, purged)
        close_load(database, slot)
    else:
        forget_load(database, {"_id": slot})
    return purged


def _unmask(database: Documents, manifest: Manifest) -> None:
    """Take the mask off, when nobody is behind it any more."""
    purged = manifest | count_observed(database, {"layers": (), "shift": 0, **manifest})
    del purged["withdrawn"]
    _replace(database, manifest, purged)


def _replace(database: Documents, manifest: Manifest, purged: Manifest) -> None:
    """Serve another state of the same release."""
    purged["updated"] = datetime.datetime.now(datetime.UTC)
    # The history first: whoever rolls back later must not bring the older state back.
    database[documents.RELEASES].update_one(
        {"dataset": manifest["_id"], "release": manifest["release"]}, {"$set": {"manifest": purged}}
    )
    if not serve_release(database, purged, manifest):
        raise OperatorError(f'dataset "{manifest["_id"]}" was dropped by somebody else meanwhile')


def _open_load(database: Documents, manifest: Manifest, slot: int) -> None:
    """Note whose a slot is, so that it goes should we die before it is served."""
    database[documents.LOADS].insert_one(
        {
            "_id": slot,
            "dataset": manifest["_id"],
            "open": True,
            "digests": [],
            "base": manifest["release"],
            "owner": owner(),
            "layers": [slot],
        }
    )
