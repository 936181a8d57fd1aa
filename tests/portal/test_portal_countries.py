"""The pages about who answers: countries, datasets and the state of a network."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from beacon.portal.languages import CODES
from tests.portal.portal_world import EXTERNAL, Client, network, one_beacon

HTML = {"Accept": "text/html"}


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def countries(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Client]:
    """All tests read, and none changes anything."""
    async with network(tmp_path_factory.mktemp("network")) as client:
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def beacon() -> AsyncIterator[Client]:
    async with one_beacon() as client:
        yield client


async def page(client: Client, path: str, status: int = 200) -> str:
    response = await client.get(path, headers=HTML, allow_redirects=False)
    assert response.status == status
    return await response.text()


def plain(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


async def test_every_country_is_listed_with_how_it_does_and_how_it_tells_numbers(
    countries: Client,
) -> None:
    html = await page(countries, "/countries")

    text = plain(html)
    assert "3 countries can be asked here. Answering at the moment: 2." in text
    assert "Finland Institute of fi" in text
    assert "Spain Red de España Institute of es" in text
    assert "Fewer than 10 are shown as 10. Example: 7 is shown as 10." in text
    assert 'class="state failed">does not answer' in html
    assert "No number of people is known of 2." in text


@pytest.mark.parametrize("language", CODES)
@pytest.mark.parametrize("path", ["/countries", "/countries/fi", "/countries/no", "/status"])
async def test_pages_are_there_in_every_language(
    countries: Client, path: str, language: str
) -> None:
    html = await page(countries, f"{path}?lang={language}")

    assert f'<html lang="{language}">' in html
    assert "style=" not in html


async def test_the_page_of_a_country_says_who_runs_it_and_what_its_datasets_may_be_used_for(
    countries: Client,
) -> None:
    html = await page(countries, "/countries/fi")

    text = plain(html)
    assert 'href="https://fi.example.org/"' in html
    assert 'href="mailto:help@fi.example.org"' in html
    assert "Families &lt;of&gt; patients" in html
    assert "People 3 Reference genome GRCh38 Technology WGS Version 3" in text
    assert "May be used for research on a specific disease: epilepsy DUO:0000007" in text
    assert "On these conditions approval of an ethics committee required DUO:0000021" in text
    assert f'href="{EXTERNAL}"' in html
    assert "Rare diseases" in text


async def test_an_address_that_would_run_in_the_page_is_no_link(countries: Client) -> None:
    html = await page(countries, "/countries/fi")

    assert "javascript:" not in html


async def test_only_the_country_of_the_page_is_asked_for_its_datasets(countries: Client) -> None:
    html = await page(countries, "/countries/es")

    assert "fi-rare" not in html
    assert "es-rare" in html


async def test_a_country_that_is_down_is_not_said_to_have_no_datasets(countries: Client) -> None:
    text = plain(await page(countries, "/countries/no"))

    assert "Its datasets could not be read just now" in text
    assert "None that you may see" not in text


async def test_a_country_that_there_is_not_has_no_page(countries: Client) -> None:
    html = await page(countries, "/countries/atlantis", status=404)

    assert "<h1>" in html


async def test_the_state_of_every_country_is_told_with_when_it_last_answered(
    countries: Client,
) -> None:
    html = await page(countries, "/status")

    text = plain(html)
    assert "Countries that answer: 2 of 3" in text
    assert re.search(r"Finland answers \d+ s ago \d\d:\d\d UTC", text)
    assert re.search(
        r"Norway does not answer .*(last tried|down since) \d\d:\d\d UTC none yet", text
    )
    assert "Beacon v2.2.0" in text
    assert 'href="/api/network/members"' in html


async def test_datasets_of_a_network_are_with_its_countries(countries: Client) -> None:
    response = await countries.get("/datasets", allow_redirects=False)

    assert response.status == 302
    assert response.headers["Location"] == "/countries"


@pytest.mark.parametrize("path", ["/countries", "/datasets"])
async def test_a_beacon_that_is_asked_alone_shows_its_datasets(beacon: Client, path: str) -> None:
    html = await page(beacon, path)

    assert "Rare diseases" in html
    assert "research on a specific disease" in html
    assert 'href="mailto:help@fi.example.org"' in html
    assert "People 3" in plain(html)


@pytest.mark.parametrize("path", ["/status", "/countries/fi"])
async def test_a_beacon_that_is_asked_alone_has_no_countries(beacon: Client, path: str) -> None:
    html = await page(beacon, path, status=404)

    assert "<h1>" in html
