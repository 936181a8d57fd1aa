"""Loads into a sink with a reference sequence keep indels where they are farthest to the left."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymongo
import pytest

from beacon.framework.source import SourceFile
from beacon.model.allele import Allele, Observation
from beacon.mongo.sink import MongoSink

BASES = "A" * 1000 + "CGTGTGTGA" + "C" * 1000
ONE = np.array([0], np.uint32)
HET = np.array([0], np.uint8)
# The second and the third of the repeats of GT is deleted: the same change.
SECOND, THIRD = (Allele.from_vcf("17", pos, "GTG", "G") for pos in (1004, 1006))


def bases(name: str, start: int, end: int) -> str:
    return BASES[start:end] if name == "17" else ""


@pytest.fixture
def sink(mongo_uri: str, database: str) -> Any:
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        sink = MongoSink(client[database], grace_s=0)
        sink.shift_by({"GRCh38": bases})
        yield sink


def load(sink: MongoSink, name: str, *alleles: Allele) -> None:
    file = SourceFile(name=name, digest=name)
    opened = sink.open("d", assembly="GRCh38", files=[file])
    opened.rows([name])
    record = {"variantInternalId": name, "variation": {}}
    opened.write_alleles(
        [Observation(one, ONE, HET, annotation=record, asserted=True) for one in alleles]
    )
    opened.mark(file, 1)
    opened.finish(file)
    opened.publish()


def test_two_places_of_one_change_are_one_allele(sink):
    load(sink, "first", SECOND)
    load(sink, "second", THIRD)

    (manifest,) = sink.manifests()
    assert (manifest["observed"], manifest["normalised"]) == (1, True)


def test_annotations_find_the_allele_wherever_they_have_it(sink):
    load(sink, "first", SECOND)
    file = SourceFile(name="said", digest="said")
    opened = sink.open("d", assembly="GRCh38", files=[file])

    assert opened.annotate([(THIRD, {"molecularAttributes": {"geneIds": ["G"]}})]) == 1
    opened.abandon()


def test_a_dataset_of_which_a_part_was_not_shifted_is_not_normalised(
    sink, mongo_uri: str, database: str
):
    load(sink, "first", SECOND)
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        load(MongoSink(client[database], grace_s=0), "second", THIRD)
    (manifest,) = sink.manifests()

    assert (manifest["observed"], manifest["normalised"]) == (2, False)


def test_people_who_came_first_do_not_keep_questions_from_being_shifted(sink):
    file = SourceFile(name="people", digest="people")
    opened = sink.open("d", assembly=None, files=[file])
    opened.write_records("individual", [{"id": "first"}])
    opened.finish(file)
    opened.publish()
    load(sink, "first", SECOND)

    (manifest,) = sink.manifests()
    assert manifest["normalised"] is True


def test_annotations_find_an_allele_that_was_loaded_without_the_reference(sink):
    sink.shift_by({})
    load(sink, "first", THIRD)
    sink.shift_by({"GRCh38": bases})
    file = SourceFile(name="said", digest="said")
    opened = sink.open("d", assembly="GRCh38", files=[file])

    assert opened.annotate([(THIRD, {"molecularAttributes": {"geneIds": ["G"]}})]) == 1
