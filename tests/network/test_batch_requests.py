"""How many questions are written for members."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from beacon.framework.access import EVERYTHING
from beacon.framework.query import Granularity, Query, VariationQuery
from beacon.model.entry_types import MODEL
from beacon.network.asked import Asked
from beacon.network.batches import Place, _Writer
from beacon.network.dialects import Dialect
from beacon.network.planning import Ask
from tests.network.asking import question


async def places(queries: Sequence[Query]) -> list[Place]:
    """The questions as one member is asked them."""
    asked = [Asked(one, EVERYTHING, (), "net", {}, lambda _: None) for one in queries]
    await asyncio.sleep(0)
    return [
        (place, asked[place], Ask(query=one, dialect=Dialect()))
        for place, one in enumerate(queries)
    ]


def at(start: int, **changes: object) -> Query:
    variation = VariationQuery(assembly_id="GRCh38", reference_name="17", start=(start,))
    return question(variation=variation, **changes)


async def test_what_several_members_are_asked_alike_is_written_once() -> None:
    queries = [at(number) for number in range(250)]
    writer = _Writer(MODEL)

    first = list(writer.requests(await places(queries), 100))
    second = list(writer.requests(await places(queries), 100))
    fewer = list(writer.requests((await places(queries))[1:], 100))

    assert [len(part) for _, part in first] == [100, 100, 50]
    assert [one is other for (one, _), (other, _) in zip(first, second, strict=True)] == [True] * 3
    assert fewer[0][0].body != first[0][0].body


async def test_questions_that_differ_in_more_than_the_variation_are_asked_apart() -> None:
    queries = [at(1), at(2, granularity=Granularity.BOOLEAN), at(3)]

    found = list(_Writer(MODEL).requests(await places(queries), 100))

    assert [[place for place, _, _ in part] for _, part in found] == [[0, 2], [1]]
