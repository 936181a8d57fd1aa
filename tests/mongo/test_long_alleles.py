"""Alleles of many bases are kept one by one, and asked for in pieces that the database takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymongo
import pytest

from beacon.framework.source import SourceFile
from beacon.model.allele import Allele, Observation
from beacon.mongo.allele_keys import fits_block, in_questions
from beacon.mongo.sink import MongoSink

ONE = np.array([0], np.uint32)
HET = np.array([0], np.uint8)
LONG = 10_000


@pytest.fixture
def sink(mongo_uri: str, database: str) -> Any:
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        yield MongoSink(client[database], grace_s=0)


def load(sink: MongoSink, name: str, alleles: list[Allele]) -> int:
    file = SourceFile(name=name, digest=name)
    opened = sink.open("d", assembly="GRCh38", files=[file])
    opened.rows([name])
    opened.write_alleles([Observation(one, ONE, HET) for one in alleles])
    opened.mark(file, 1)
    opened.finish(file)
    return opened.publish()["genomicVariant"]


@pytest.mark.parametrize(
    ("ref", "alt"), [("A" + "C" * LONG, "A"), ("A", "A" + "C" * LONG)], ids=["deleted", "inserted"]
)
def test_thousands_of_long_alleles_of_one_place_are_loaded_and_loaded_again(sink, ref, alt):
    alleles = [Allele.from_vcf("17", 1_000 + number, ref, alt) for number in range(2_000)]

    assert load(sink, "first", alleles) == 2_000
    assert load(sink, "second", alleles) == 2_000


def test_only_short_alleles_go_to_blocks():
    assert fits_block(Allele.from_vcf("17", 1, "A", "A" + "C" * 100))
    assert not fits_block(Allele.from_vcf("17", 1, "A", "A" + "C" * LONG))
    assert not fits_block(Allele.from_vcf("17", 1, "A" + "C" * LONG, "A"))


def test_keys_are_asked_for_in_as_few_pieces_as_the_database_takes():
    long, short = "C" * (5 << 20), "A"

    assert [len(some) for some in in_questions([short, long, short, long])] == [3, 1]
    assert list(in_questions([])) == []
