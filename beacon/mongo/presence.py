"""Which alleles a release has, whoever carries them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pymongo.database import Database

from beacon.model.allele import Allele
from beacon.model.assemblies import code as chromosome_code
from beacon.mongo import documents
from beacon.mongo.allele_keys import allele_key, fits_block, in_questions
from beacon.mongo.blocks import Block
from beacon.mongo.documents import block_id


def present(
    database: Database[dict[str, Any]],
    manifest: Mapping[str, Any],
    slots_of: Mapping[int, Sequence[int]],
    alleles: Sequence[Allele],
) -> list[bool]:
    """Of each allele whether a release has it.

    Args:
        slots_of: The slots that have blocks of a chromosome, by its code.
    """
    shift = int(manifest.get("shift") or 0)
    keys: dict[int, tuple[int, int]] = {}
    for allele in alleles:
        code = chromosome_code(allele.reference_name)
        for slot in slots_of.get(code, ()) if fits_block(allele) else ():
            keys[block_id(shift, code, allele.start >> shift, slot)] = (
                code,
                allele.start >> shift,
            )
    columns = {"n": 1, "h": 1, "x": 1}
    newest: dict[tuple[int, int], dict[str, Any]] = {}
    found = database[documents.BLOCKS].find({"_id": {"$in": list(keys)}}, columns)
    for document in found.sort("_id", 1):  # the newest slot comes last
        newest[keys[document["_id"]]] = document
    blocks = {place: Block(document) for place, document in newest.items()}
    layer = manifest.get("structural") or 0
    bulky = {f"{layer:05}|{allele_key(one)}" for one in alleles if not fits_block(one)}
    structural = {
        one["_id"]
        for asked in in_questions(bulky)
        for one in database[documents.STRUCTURAL].find({"_id": {"$in": asked}}, {"_id": 1})
    }
    found_there = []
    for allele in alleles:
        if not fits_block(allele):
            found_there.append(f"{layer:05}|{allele_key(allele)}" in structural)
            continue
        place = (chromosome_code(allele.reference_name), allele.start >> shift)
        block = blocks.get(place)
        bases = (allele.reference_bases, allele.alternate_bases)
        found_there.append(block is not None and block.find(allele.start, *bases) is not None)
    return found_there
