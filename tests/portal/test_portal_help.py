"""Help, the description for browsers, and the page in the place of one that there is not."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from xml.etree import ElementTree

import pytest
import pytest_asyncio
from yarl import URL

from beacon.portal.help_page import SECTIONS
from beacon.portal.languages import CODES
from tests.portal.portal_world import Client, one_beacon

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
OPENSEARCH = "{http://a9.com/-/spec/opensearch/1.1/}"


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def beacon() -> AsyncIterator[Client]:
    """All tests read, and none changes anything."""
    async with one_beacon() as client:
        yield client


@pytest.mark.parametrize("language", CODES)
async def test_help_is_there_in_every_language(beacon: Client, language: str) -> None:
    response = await beacon.get(f"/help?lang={language}")
    html = await response.text()

    assert response.status == 200
    assert all(f'<h2 id="{section}">' in html for section in SECTIONS)
    assert "style=" not in html


async def test_every_link_within_the_help_leads_somewhere(beacon: Client) -> None:
    html = await (await beacon.get("/help")).text()

    assert set(re.findall(r'href="#([^"]+)"', html)) <= set(re.findall(r'id="([^"]+)"', html))


async def test_every_state_is_explained_with_its_shape(beacon: Client) -> None:
    html = await (await beacon.get("/help")).text()

    for shape in ("hit", "miss", "closed", "cannot", "failed", "pending"):
        assert f'class="state {shape}"' in html


async def test_browsers_are_told_how_to_search_here_by_whole_addresses(beacon: Client) -> None:
    response = await beacon.get("/opensearch.xml")
    found = ElementTree.fromstring(await response.read())

    assert response.content_type == "application/opensearchdescription+xml"
    first = found.findall(f"{OPENSEARCH}Url")[0]
    assert first.get("template") == "https://beacon.example.org/search?q={searchTerms}"
    short = found.findtext(f"{OPENSEARCH}ShortName")
    assert short is not None
    assert 0 < len(short) <= 16


@pytest.mark.parametrize("path", ["/nowhere", "/apiary", "/help/more"])
async def test_readers_get_a_page_in_the_place_of_one_that_there_is_not(
    beacon: Client, path: str
) -> None:
    response = await beacon.get(path, headers=HTML)

    assert response.status == 404
    assert response.content_type == "text/html"
    assert "There is no such page" in await response.text()
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]


async def test_no_address_makes_links_to_another_site(beacon: Client) -> None:
    url = URL(f"{beacon.make_url('')}".rstrip("/") + "//elsewhere.example/x", encoded=True)

    async with beacon.session.get(url, headers=HTML) as response:
        page = await response.text()

    assert 'href="/elsewhere.example/x?lang=fi"' in page
    assert 'href="//' not in page


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/nowhere", {"Accept": "application/json"}),
        ("/api/nowhere", HTML),
        ("/api/v2/nowhere", HTML),
        ("/api/individuals/nobody/nothing", HTML),
    ],
)
async def test_programs_get_json(beacon: Client, path: str, headers: dict[str, str]) -> None:
    response = await beacon.get(path, headers=headers)

    assert response.status == 404
    assert response.content_type == "application/json"
    assert (await response.json())["error"]["errorCode"] == 404


async def test_what_is_sent_to_nowhere_gets_json(beacon: Client) -> None:
    response = await beacon.post("/nowhere", headers=HTML)

    assert response.status == 404
    assert response.content_type == "application/json"
