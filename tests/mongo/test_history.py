"""Releases that are kept: listed, published later, and gone back to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pymongo
import pytest

from beacon.framework.errors import OperatorError
from beacon.load.vcf import load_vcf
from beacon.mongo import documents
from beacon.mongo.history import history, publish_release, roll_back, unpublished_datasets
from beacon.mongo.sink import MongoSink
from beacon.mongo.store import MongoStore
from tests.mongo.test_releases import ASSEMBLY, Documents, Reader, sizes, vcf


@pytest.fixture
def stored(mongo_uri: str, database: str) -> Iterator[Documents]:
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        yield client[database]


@pytest.fixture
def sink(stored: Documents) -> MongoSink:
    return MongoSink(stored, grace_s=0)


@pytest.fixture
async def reader(mongo_uri: str, database: str) -> AsyncIterator[Reader]:
    async with pymongo.AsyncMongoClient[dict[str, Any]](mongo_uri) as client:
        yield Reader(MongoStore(client[database], refresh_s=0))


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """A file for each of four people, at a place they share and at one of their own."""
    return [
        vcf(
            tmp_path / f"{number}.vcf",
            [f"S{number}"],
            {"1000 A G": ["0/1"], f"{number + 2}000 C T": ["1/1"]},
        )
        for number in range(4)
    ]


def states(stored: Documents) -> list[tuple[int, str]]:
    return [(one.release, one.state) for one in history(stored, "d")]


async def test_older_releases_are_listed_and_can_be_gone_back_to(
    sink: MongoSink, stored: Documents, reader: Reader, files: list[Path]
) -> None:
    answers = []
    for path in files[:3]:
        load_vcf(sink, "d", ASSEMBLY, [path])
        answers.append(await reader.everything())
    listed = history(stored, "d")
    gone = roll_back(stored, "d")
    second = await reader.everything()
    roll_back(stored, "d", 1)
    first = await reader.everything()
    forward = publish_release(stored, "d", 3)
    third = await reader.everything()

    assert [one.files for one in listed] == [("2.vcf",), ("1.vcf",), ("0.vcf",)]
    assert [one.state for one in listed] == ["published", "kept", "kept"]
    assert listed[0].holds == {"individual": 3, "biosample": 3, "genomicVariant": 4}
    assert gone == (3, 2)
    assert forward == 3
    assert [first, second, third] == answers


async def test_files_of_a_release_that_was_rolled_back_can_be_loaded_again(
    sink: MongoSink, stored: Documents, reader: Reader, files: list[Path]
) -> None:
    load_vcf(sink, "d", ASSEMBLY, [files[0]])
    load_vcf(sink, "d", ASSEMBLY, [files[1]])
    before = await reader.everything()
    roll_back(stored, "d")
    report = load_vcf(sink, "d", ASSEMBLY, [files[1]])

    assert report.already_loaded == []
    assert await reader.everything() == before
    assert states(stored) == [(3, "published"), (2, "kept"), (1, "kept")]


async def test_only_so_many_releases_are_kept(
    stored: Documents, reader: Reader, files: list[Path]
) -> None:
    sink = MongoSink(stored, grace_s=0, keep=1)
    for path in files:
        load_vcf(sink, "d", ASSEMBLY, [path])
    before = await reader.everything()
    sink.drop("nothing")  # and collects what is garbage
    layers = stored[documents.ROSTER].distinct("l", {"p": "individuals"})
    with pytest.raises(OperatorError, match=r"release 2 .* is not kept; those that are: 3, 4"):
        roll_back(stored, "d", 2)

    assert states(stored) == [(4, "published"), (3, "kept")]
    assert len(layers) == 2
    assert await reader.everything() == before


async def test_a_release_is_kept_back_until_it_is_published(
    sink: MongoSink, stored: Documents, reader: Reader, files: list[Path]
) -> None:
    held = MongoSink(stored, grace_s=0, serve=False)
    load_vcf(held, "d", ASSEMBLY, [files[0]])
    unseen = (await reader.count("individual"), unpublished_datasets(stored))
    first = publish_release(stored, "d")
    load_vcf(held, "d", ASSEMBLY, [files[1]])
    before = await reader.count("individual")
    second = publish_release(stored, "d")

    assert unseen == (None, ["d"])
    assert (first, before, second) == (1, 1, 2)
    assert await reader.count("individual") == 2
    with pytest.raises(OperatorError, match="no unpublished release"):
        publish_release(stored, "d")


async def test_a_release_is_not_published_over_what_it_lacks(
    sink: MongoSink, stored: Documents, reader: Reader, files: list[Path]
) -> None:
    load_vcf(sink, "d", ASSEMBLY, [files[0]])
    load_vcf(MongoSink(stored, grace_s=0, serve=False), "d", ASSEMBLY, [files[1]])
    load_vcf(sink, "d", ASSEMBLY, [files[2]])
    with pytest.raises(OperatorError, match="was made from release 1 and lacks"):
        publish_release(stored, "d", 2)
    with pytest.raises(OperatorError, match="to go back: beacon datasets rollback d --to 1"):
        publish_release(stored, "d", 1)
    with pytest.raises(OperatorError, match="to go forward"):
        roll_back(stored, "d", 3)
    roll_back(stored, "d", 1)
    publish_release(stored, "d", 2)

    assert await reader.count("individual") == 2
    assert set(await reader.carriers(1000, "A", "G")) == {"S0", "S1"}


async def test_numbers_of_releases_do_not_repeat(
    sink: MongoSink, stored: Documents, files: list[Path]
) -> None:
    load_vcf(sink, "d", ASSEMBLY, [files[0]])
    load_vcf(sink, "d", ASSEMBLY, [files[1]])
    roll_back(stored, "d")
    load_vcf(sink, "d", ASSEMBLY, [files[2]])
    before = states(stored)
    sink.drop("d")
    load_vcf(sink, "d", ASSEMBLY, [files[0]])

    assert before == [(3, "published"), (2, "kept"), (1, "kept")]
    assert states(stored) == [(4, "published")]


def test_a_dropped_dataset_leaves_no_release(
    sink: MongoSink, stored: Documents, files: list[Path]
) -> None:
    load_vcf(sink, "d", ASSEMBLY, [files[0]])
    load_vcf(sink, "d", ASSEMBLY, [files[1]])
    load_vcf(MongoSink(stored, grace_s=0, serve=False), "d", ASSEMBLY, [files[2]])
    sink.drop("d")

    assert sizes(stored).keys() <= {documents.LOADS}
    with pytest.raises(OperatorError, match='there is no dataset "d"'):
        history(stored, "d")


async def test_a_load_that_began_before_a_rollback_is_refused(
    sink: MongoSink, stored: Documents, reader: Reader, files: list[Path]
) -> None:
    load_vcf(sink, "d", ASSEMBLY, [files[0]])
    load_vcf(sink, "d", ASSEMBLY, [files[1]])
    load = sink.open("d", assembly=ASSEMBLY, files=[])
    load.write_records("individual", [{"id": "S9"}])
    roll_back(stored, "d")
    with pytest.raises(OperatorError, match="rolled back or dropped by somebody else"):
        load.publish()
    load.abandon()

    assert await reader.count("individual") == 1
    assert states(stored) == [(2, "kept"), (1, "published")]
