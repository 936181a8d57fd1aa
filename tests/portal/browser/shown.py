"""The pages and states that there are, and how to get a browser there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.portal.browser.browsing import Visit
from tests.portal.browser.world import ABSENT, VARIANT

Prepare = Callable[[Visit], Awaitable[None]]

LISTED = f"{VARIANT}\n{ABSENT}\nchr17:43094692 G>T\nBRCA1 p.Gln893Ter\nnonsense in a line\n"


@dataclass(frozen=True, slots=True)
class Shown:
    """A page in one state.

    Attributes:
        name: Of its picture, too.
        path: Where it is.
        prepare: What is done there before it is looked at.
        status: What the server says to the path.
        needs_javascript: Whether the state is one that only scripts bring about.
    """

    name: str
    path: str
    prepare: Prepare
    status: int = 200
    needs_javascript: bool = False

    async def show(self, visit: Visit) -> int:
        """Go there; returns the status."""
        response = await visit.page.goto(visit.url + self.path)
        assert response is not None
        if response.status == self.status:
            await self.prepare(visit)
        return response.status


async def _nothing(visit: Visit) -> None:
    await visit.page.wait_for_selector("main h1")


async def _typed(visit: Visit) -> None:
    await visit.page.locator("#q").press_sequentially("chr17:43094692 G>A", delay=5)
    await visit.page.wait_for_selector("#read-as p")


async def _waiting(visit: Visit) -> None:
    await visit.page.wait_for_selector("#rows .state.hit")


async def _answered(visit: Visit) -> None:
    await visit.answered()


async def _asked_people(visit: Visit) -> None:
    await visit.page.wait_for_selector("main table .state")
    await visit.page.wait_for_selector("main table .state.pending", state="detached")


async def _listed(visit: Visit) -> None:
    await visit.page.fill("#lines", LISTED)
    await visit.page.click("#list-read")
    await visit.page.wait_for_selector("#readings tbody tr")


async def _listed_and_asked(visit: Visit) -> None:
    await _listed(visit)
    await visit.page.click("#list-ask")
    await visit.page.wait_for_selector("#variants tbody tr")
    await visit.page.wait_for_selector("#variants .state.pending", state="detached")
    await visit.page.wait_for_selector("#stop", state="hidden")


SEIZURE = "HP:0001250"

ALL = (
    Shown("start", "/", _nothing),
    Shown("start-typed", "/", _typed, needs_javascript=True),
    Shown("result-waiting", f"/search?q={VARIANT}", _waiting, needs_javascript=True),
    Shown("result", f"/search?q={VARIANT}", _answered),
    Shown("result-absent", f"/search?q={ABSENT}", _answered),
    Shown("result-gene", "/search?q=BRCA1", _answered),
    Shown("result-region", "/search?q=17:43094600-43094800", _answered),
    Shown("not-read", "/search?q=%3F%3F%3F", _nothing, status=400),
    Shown("no-such-page", "/nowhere", _nothing, status=404),
    Shown("people", "/people", _nothing),
    Shown("people-result", f"/people?term={SEIZURE}", _asked_people),
    Shown("list", "/list", _nothing),
    Shown("list-read", "/list", _listed, needs_javascript=True),
    Shown("list-result", "/list", _listed_and_asked, needs_javascript=True),
    Shown("countries", "/countries", _nothing),
    Shown("country", "/countries/fi.example.beacon", _nothing),
    Shown("country-away", "/countries/no.example.beacon", _nothing),
    Shown("status", "/status", _nothing),
    Shown("help", "/help", _nothing),
)
"""Every page, in every state that looks different."""
