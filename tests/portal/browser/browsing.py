"""A browser, and visits to pages that keep an account of whatever the pages did."""

from __future__ import annotations

import contextlib
import importlib.resources
import os
import shutil
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Browser, ConsoleMessage, Error, Page, Request, async_playwright

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
"""The program of a browser: Debian's package is `chromium`."""

DESKTOP, PHONE = (1280, 900), (380, 780)
_WCAG = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
_AXE = importlib.resources.files("axe_playwright_python").joinpath("axe.min.js")

# Refusals are told on the console, too, but not which of them are of this page.
_TELL_REFUSALS = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error("refused by policy", event.violatedDirective, event.blockedURI, event.sample);
});
"""


@dataclass(slots=True)
class Visit:
    """A page of the portal, open in a browser.

    Attributes:
        requests: Addresses of everything that was asked for, fragments left away.
        complaints: What the console has of errors, and errors that no script caught.
        weights: Bytes over the wire, headers left away, by address.
    """

    page: Page
    url: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    weights: dict[str, int] = field(default_factory=dict)

    async def go(self, path: str) -> None:
        """Open a page of the portal."""
        await self.page.goto(self.url + path)

    async def look_up(self, path: str) -> None:
        """Open a page of results, and wait until all have answered."""
        await self.go(path)
        await self.answered()

    async def answered(self, timeout_s: float = 15) -> None:
        """Wait until every row has said, and the page has nothing more to come."""
        await self.page.wait_for_selector("tr[id^=row-]", timeout=timeout_s * 1000)
        await self.page.wait_for_selector(
            "#rows .state.pending, #stop", state="detached", timeout=timeout_s * 1000
        )

    async def states(self) -> dict[str, str]:
        """By country: the shape of its state, such as `hit` or `failed`."""
        found: dict[str, str] = await self.page.evaluate(
            """() => Object.fromEntries([...document.querySelectorAll("#rows tr[id^=row-]")].map(
              (row) => [row.querySelector("th").innerText.trim().split("\\n")[0],
                        row.querySelector(".state").classList[1]]))"""
        )
        return found

    async def faults(self) -> list[str]:
        """What axe finds against WCAG 2.2 AA, each with the elements that it is about."""
        await self.page.evaluate(_AXE.read_text(encoding="utf-8"))
        found: dict[str, Any] = await self.page.evaluate(
            "(tags) => axe.run(document, { runOnly: tags, resultTypes: ['violations'] })",
            list(_WCAG),
        )
        return [
            f"{one['impact']} {one['id']}: "
            + "; ".join(f"{node['html'][:160]} ({node['failureSummary']})" for node in one["nodes"])
            for one in found["violations"]
        ]

    async def spills(self) -> list[str]:
        """Elements that stick out at the side of the window, but for those that may be scrolled."""
        found: list[str] = await self.page.evaluate(
            """() => {
              const width = document.documentElement.clientWidth;
              const scrolls = (one) => one && one !== document.body
                && (/auto|scroll|hidden/.test(getComputedStyle(one).overflowX)
                    || scrolls(one.parentElement));
              return [...document.body.querySelectorAll("*")]
                .filter((one) => one.getBoundingClientRect().right > width + 1 && !scrolls(one)
                        && one.getBoundingClientRect().width > 0)
                .map((one) => one.outerHTML.slice(0, 120));
            }"""
        )
        return found

    async def overlaps(self) -> list[str]:
        """Words of pictures that lie on each other."""
        found: list[str] = await self.page.evaluate(
            """() => [...document.querySelectorAll("svg")].flatMap((picture) => {
              const words = [...picture.querySelectorAll("text")]
                .map((one) => [one.textContent.trim(), one.getBoundingClientRect()])
                .filter(([text, box]) => text && box.width);
              return words.flatMap(([text, box], place) => words.slice(place + 1)
                .filter(([, other]) => box.left < other.right && other.left < box.right
                        && box.top + 2 < other.bottom && other.top + 2 < box.bottom)
                .map(([other]) => `${text} | ${other}`));
            })"""
        )
        return found


@contextlib.asynccontextmanager
async def browsing() -> AsyncIterator[Browser]:
    """A browser without a window, which asks nobody for anything by itself."""
    arguments = ["--disable-background-networking", "--disable-component-update", "--no-pings"]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM,
            # A container has no user namespaces to make a sandbox of, and pages are ours.
            args=[*arguments, "--no-sandbox"],
        )
        try:
            yield browser
        finally:
            await browser.close()


@contextlib.asynccontextmanager
async def visiting(
    browser: Browser,
    url: str,
    *,
    javascript: bool = True,
    dark: bool = False,
    size: tuple[int, int] = DESKTOP,
    language: str = "en-GB",
    is_calm: bool = True,
    tolerated: Sequence[str] = (),
) -> AsyncIterator[Visit]:
    """Somebody's first visit: nothing is kept from others.

    At its end it fails where a page asked another host for anything, was refused something by its
    policy, or had an error in a script.

    Args:
        is_calm: Whether nothing moves, as somebody may set for all programs.
        tolerated: Beginnings of what the console may say.
    """
    context = await browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        java_script_enabled=javascript,
        color_scheme="dark" if dark else "light",
        locale=language,
        reduced_motion="reduce" if is_calm else "no-preference",
    )
    context.set_default_timeout(60_000)
    page = await context.new_page()
    visit = Visit(page, url)

    def asked(request: Request) -> None:
        visit.requests.append(request.url.partition("#")[0])

    def said(message: ConsoleMessage) -> None:
        if message.type == "error":
            visit.complaints.append(f"{message.text} {message.location.get('url', '')}")

    def failed(error: Exception) -> None:
        visit.complaints.append(str(error))

    async def arrived(request: Request) -> None:
        try:
            sizes = await request.sizes()
        except Error:
            if page.is_closed():  # the visit is over
                return
            raise
        visit.weights[request.url] = sizes["responseBodySize"]

    context.on("request", asked)
    page.on("console", said)
    page.on("pageerror", failed)
    page.on("requestfinished", arrived)
    if javascript:
        await context.add_init_script(_TELL_REFUSALS)
    try:
        yield visit
    finally:
        await context.close()
    abroad = [one for one in visit.requests if urlsplit(one).netloc != urlsplit(url).netloc]
    complaints = [one for one in visit.complaints if not one.startswith(tuple(tolerated))]
    assert not abroad, abroad
    assert not complaints, complaints
