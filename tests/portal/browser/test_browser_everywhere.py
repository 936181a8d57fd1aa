"""What holds of every page, in each of its states."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser

from beacon.portal.languages import CODES, languages
from beacon.portal.static_files import FOLDER
from tests.portal.browser.browsing import PHONE, Visit, visiting
from tests.portal.browser.shown import ALL, Shown
from tests.portal.browser.world import VARIANT, World

FIRST_VIEW_BYTES = 150_000
JAVASCRIPT_BYTES = 60_000
STYLES_BYTES = 30_000
AT_LEAST_PX = 24  # WCAG 2.2, 2.5.8

# The console repeats the status of a page that says what went wrong.
_FAILED = "Failed to load resource: the server responded with a status of 40"


@pytest.mark.parametrize("shown", ALL, ids=lambda one: one.name)
async def test_nobody_is_kept_out_of_a_page(browser: Browser, world: World, shown: Shown):
    """WCAG 2.2 AA as far as a program can tell: light, dark, on a phone, and by keyboard alone."""
    async with visiting(browser, world.url, tolerated=[_FAILED]) as visit:
        status = await shown.show(visit)
        in_light = await visit.faults()
        beside = await visit.spills() + await visit.overlaps()
        unseen, reached, reachable = await _by_keyboard(visit)
        while reachable != await visit.page.evaluate(_REACHABLE):  # an answer came meanwhile
            unseen, reached, reachable = await _by_keyboard(visit)
        await visit.page.emulate_media(color_scheme="dark")
        in_dark = await visit.faults()
        await visit.page.emulate_media(color_scheme="light")
        await visit.page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
        on_a_phone = await visit.spills() + await visit.overlaps()
        too_small = await visit.page.evaluate(_TOO_SMALL, AT_LEAST_PX)
        to_log_in = await visit.page.locator("[href^='/login'], [action='/logout']").count()

    assert status == shown.status
    assert in_light == []
    assert in_dark == []
    assert beside == []
    assert on_a_phone == []
    assert too_small == []
    assert unseen == []
    assert reached == sorted(reached)
    assert len(reached) == reachable
    assert to_log_in == 0  # it is not set up


async def _by_keyboard(visit: Visit) -> tuple[list[str], list[int], int]:
    """Press Tab from the top on: what is focused without an outline, the stops, how many there are.

    Stops are places among everything that can be focused, in the order of the page.
    """
    page = visit.page
    await page.evaluate("document.activeElement.blur(), window.scrollTo(0, 0)")
    await page.locator("body").evaluate("(body) => { body.tabIndex = -1; body.focus(); }")
    reachable: int = await page.evaluate(_REACHABLE)
    reached: list[int] = []
    unseen: list[str] = []
    for _ in range(reachable + 1):
        await page.keyboard.press("Tab")
        stop = await page.evaluate(_STOP)
        if stop is None or stop["place"] in reached:
            break
        reached.append(stop["place"])
        if not stop["outlined"]:
            unseen.append(stop["html"])
    return unseen, reached, reachable


_FOCUSABLE = """
const all = [...document.querySelectorAll(
    "a[href], button, input, select, textarea, summary, [tabindex]")]
  .filter((one) => one.tabIndex >= 0 && !one.disabled && one.type !== "hidden"
          && one.checkVisibility({ visibilityProperty: true })
          && !(one.type === "radio" && !one.checked));
"""
_REACHABLE = "() => {" + _FOCUSABLE + "return all.length; }"
_STOP = (
    "() => {"
    + _FOCUSABLE
    + """
  const one = document.activeElement;
  if (!one || one === document.body || one === document.documentElement) return null;
  const style = getComputedStyle(one);
  return { place: all.indexOf(one), html: one.outerHTML.slice(0, 120),
           outlined: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 };
}"""
)


_TOO_SMALL = """(least) =>
  [...document.querySelectorAll("button, select, input, summary, nav a")]
    .filter((one) => one.checkVisibility() && one.type !== "hidden")
    .map((one) => [/radio|checkbox/.test(one.type) && one.labels?.[0] ? one.labels[0] : one, one])
    .filter(([area]) => Math.min(area.getBoundingClientRect().height,
                                 area.getBoundingClientRect().width) < least)
    .map(([, one]) => one.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize("code", CODES)
async def test_a_page_keeps_its_question_in_another_language(
    browser: Browser, world: World, code: str
):
    async with visiting(browser, world.url, language="sv-SE") as visit:
        await visit.go(f"/search?q={VARIANT}")
        await visit.page.click(f"footer a[hreflang={code}]")
        await visit.page.wait_for_selector(f"html[lang={code}]")
        asked = await visit.page.input_value("#q")
        await visit.go("/")
        remembered = await visit.page.get_attribute("html", "lang")
        heading = await visit.page.inner_text("h1")

    assert asked == VARIANT
    assert remembered == code
    assert heading == languages()[code].text("start.question_network")


async def test_a_browser_is_spoken_to_in_its_own_language(browser: Browser, world: World):
    async with visiting(browser, world.url, language="de-AT") as visit:
        await visit.go("/")
        language = await visit.page.get_attribute("html", "lang")

    assert language == "de"


async def test_the_first_view_is_light(browser: Browser, world: World):
    """HTML, styles, scripts and pictures, as they come over the wire."""
    for path in ("/", f"/search?q={VARIANT}&whole=1"):
        async with visiting(browser, world.url) as visit:
            await visit.page.goto(visit.url + path, wait_until="networkidle")

        assert 0 < sum(visit.weights.values()) < FIRST_VIEW_BYTES, visit.weights


def test_all_scripts_and_styles_together_are_small():
    sizes = {path.name: path.stat().st_size for path in FOLDER.iterdir()}

    assert sum(size for name, size in sizes.items() if name.endswith(".js")) <= JAVASCRIPT_BYTES
    assert sum(size for name, size in sizes.items() if name.endswith(".css")) <= STYLES_BYTES


async def test_there_is_no_page_to_log_in_at_where_that_is_not_set_up(
    browser: Browser, world: World
):
    async with visiting(browser, world.url, tolerated=[_FAILED]) as visit:
        response = await visit.page.goto(f"{visit.url}/login")

    assert response is not None
    assert response.status == 404


async def test_the_first_stop_of_the_keyboard_leads_past_the_navigation(
    browser: Browser, world: World
):
    async with visiting(browser, world.url) as visit:
        await visit.go("/help")
        await visit.page.keyboard.press("Tab")
        first = await _focused(visit)
        is_seen = await visit.page.locator(".skip").bounding_box()
        await visit.page.keyboard.press("Enter")
        await visit.page.keyboard.press("Tab")
        is_inside = await visit.page.evaluate(
            "document.querySelector('main').contains(document.activeElement)"
        )

    assert first == "#content"
    assert is_seen is not None
    assert is_seen["x"] >= 0
    assert is_inside


async def _focused(visit: Visit) -> str:
    name: str = await visit.page.evaluate(
        "document.activeElement.getAttribute('href') ?? document.activeElement.id"
    )
    return name
