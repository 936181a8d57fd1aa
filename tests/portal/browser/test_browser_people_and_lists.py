"""Looking for people by what they have, and many variants at once."""

from __future__ import annotations

from playwright.async_api import Browser

from tests.portal.browser.browsing import visiting
from tests.portal.browser.world import ABSENT, VARIANT, Answers, World

MANY = 1000


async def test_people_are_asked_for_with_the_keyboard_alone(browser: Browser, world: World):
    """A word is typed, a term is chosen from what is suggested, and Enter asks."""
    async with visiting(browser, world.url) as visit:
        await visit.go("/people")
        await visit.page.focus("#term-0")
        await visit.page.keyboard.type("seiz", delay=20)
        await visit.page.wait_for_selector("[role=option]:visible")
        is_open = await visit.page.get_attribute("#term-0", "aria-expanded")
        await visit.page.keyboard.press("ArrowDown")
        marked = await visit.page.get_attribute("#term-0", "aria-activedescendant")
        faults = await visit.faults()
        await visit.page.keyboard.press("Enter")
        chosen = await visit.page.input_value("#term-0")
        is_closed = await visit.page.get_attribute("#term-0", "aria-expanded")
        await visit.page.keyboard.press("Enter")
        await visit.page.wait_for_selector("#rows .state.hit")
        await visit.page.wait_for_selector("#rows .state.pending", state="detached")
        spain = await visit.page.locator("#rows tr:has-text('Spain')").inner_text()

    assert is_open == "true"
    assert marked
    assert faults == []
    assert "HP:0001250" in chosen
    assert is_closed == "false"
    assert "30" in spain  # three of four people there have it


async def test_escape_closes_the_suggestions_and_keeps_the_text(browser: Browser, world: World):
    async with visiting(browser, world.url) as visit:
        await visit.go("/people")
        await visit.page.focus("#term-0")
        await visit.page.keyboard.type("seiz", delay=20)
        await visit.page.wait_for_selector("[role=option]:visible")
        await visit.page.keyboard.press("Escape")
        kept = await visit.page.input_value("#term-0")
        shown = await visit.page.locator("[role=option]:visible").count()

    assert kept == "seiz"
    assert shown == 0


async def test_people_are_asked_for_without_scripts(browser: Browser, world: World):
    async with visiting(browser, world.url, javascript=False) as visit:
        await visit.go("/people")
        await visit.page.fill("#term-0", "HP:0001250")
        await visit.page.keyboard.press("Enter")
        await visit.page.wait_for_selector("#rows .state.hit")
        pending = await visit.page.locator("#rows .state.pending").count()

    assert pending == 0


async def test_a_list_is_read_here_and_then_asked(browser: Browser, world: World):
    async with visiting(browser, world.url) as visit:
        await visit.go("/list")
        await visit.page.fill("#lines", f"{VARIANT}\n{ABSENT}\nthis is nothing\n")
        await visit.page.click("#list-read")
        await visit.page.wait_for_selector("#unread:visible")
        unread = await visit.page.locator("#unread tbody tr").count()
        await visit.page.click("#list-ask")
        await visit.page.wait_for_selector("#variants tbody tr")
        await visit.page.wait_for_selector("#variants .state.pending", state="detached")
        rows = await visit.page.locator("#variants tbody tr").all_text_contents()

    assert unread == 1
    assert len(rows) == 2
    assert VARIANT in rows[0]
    assert ABSENT in rows[1]


async def test_a_list_of_a_thousand_is_asked(browser: Browser, world: World):
    """And the page can be used meanwhile."""
    lines = "\n".join(f"17-{43_000_000 + place}-A-G" for place in range(MANY))
    sweden = world.members["Sweden"]
    usual, sweden.behaviour = sweden.behaviour, Answers({"genomes": 0})
    async with visiting(browser, world.url) as visit:
        await visit.go("/list")
        await visit.page.fill("#lines", lines)
        await visit.page.click("#list-read")
        await visit.page.wait_for_selector("#list-ask:visible")
        await visit.page.click("#list-ask")
        await visit.page.wait_for_selector("#variants .state.pending", state="attached")
        await visit.page.wait_for_function(
            "() => document.querySelector('#variants .state:not(.pending)')"
        )
        pending = await visit.page.locator("#variants .state.pending").count()
        await visit.page.wait_for_selector(
            "#variants .state.pending", state="detached", timeout=150_000
        )
        rows = await visit.page.locator("#variants tbody tr").count()
    sweden.behaviour = usual

    assert pending > 0  # rows were filled, and could be read, before all were known
    assert rows == MANY
