"""The reader of the box is made once, by whoever needs it first, and nobody else waits."""

from __future__ import annotations

import asyncio
import threading

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from beacon.portal.reading import GeneNames, Reader
from beacon.portal.reading_later import ReaderLater
from beacon.portal_composition import known_genes


async def test_it_is_made_once_for_all_who_wait() -> None:
    made: list[int] = []

    def make() -> Reader:
        made.append(threading.get_ident())
        return Reader(GeneNames())

    later = ReaderLater(make)
    await asyncio.gather(*(later.ready() for _ in range(5)))

    assert len(made) == 1
    assert made != [threading.get_ident()]
    assert later.read("17-43094692-G-A").name == "17-43094692-G-A"


async def test_a_failure_is_told_and_tried_again() -> None:
    results: list[Reader | OSError] = [OSError("the file is away"), Reader(GeneNames())]

    def make() -> Reader:
        found = results.pop(0)
        if isinstance(found, OSError):
            raise found
        return found

    later = ReaderLater(make)
    with pytest.raises(OSError, match="away"):
        await later.ready()
    await later.ready()

    assert later.suggest("BRCA") == ()


async def test_it_is_made_some_time_after_an_application_has_started() -> None:
    made = threading.Event()

    def make() -> Reader:
        made.set()
        return Reader(GeneNames())

    app = web.Application()
    app.cleanup_ctx.append(ReaderLater(make, warmed_s=0.01).warmed)
    async with TestServer(app):
        is_made = await asyncio.to_thread(made.wait, 5)

    assert is_made


def test_genes_are_known_by_all_their_names_and_in_both_assemblies() -> None:
    genes = known_genes()
    if not genes:
        pytest.skip("no package brings the names of genes")
    found = genes.find("brca1")

    assert found is not None
    assert found.symbols == ("BRCA1",)
    assert set(genes.genes["BRCA1"].places) <= {"GRCh37", "GRCh38"}
