"""The pages about people: the form without scripts, the answer by lines, and what is suggested."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from html import unescape

import pytest

from beacon.framework.errors import SourceUnavailable
from beacon.portal.languages import CODES
from tests.portal.people_world import Client, Told, member, people_pages, streamed

DELETION = "7-117559590-ATCT-A"
ASKED = f"/people?filter=HP:0002110&variant={DELETION}"


def network() -> Told:
    return Told(
        members=(
            member("fi", "hit", bounds=[6, 6]),
            member("de", "hit", bounds=[1, 800]),
            member("es", "notApplicable", reason="does not know HP:0002110"),
            member("no", "timeout"),
            member(
                "se",
                "miss",
                bounds=[0, 0],
                applied={
                    "filters": [{"asked": "HP:0002110", "how": "mapped", "put": "HP:0002099"}]
                },
            ),
        ),
        bounds={"lower": 7, "upper": 806, "why": ["de: only yes or no", "no: timeout"]},
    )


@pytest.fixture
def told() -> Told:
    return network()


@pytest.fixture
async def client(told: Told) -> AsyncIterator[Client]:
    async with people_pages(told) as client:
        yield client


def words(html: str) -> str:
    """The text of a page or of a part of one."""
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def row_of(html: str, name: str) -> str:
    found = re.search(rf'<tr id="row-{name}">.*?</tr>', html, re.DOTALL)
    assert found is not None
    return words(found[0])


async def test_the_empty_page_has_a_form_and_examples(client: Client) -> None:
    html = await (await client.get("/people")).text()

    assert html.count('name="term"') == 1
    assert f'href="{ASKED}"' in unescape(html)
    assert "style=" not in html
    assert "<script>" not in html


async def test_what_was_typed_becomes_an_address(client: Client) -> None:
    response = await client.get(
        f"/people?term=bronchiectasis&kinds=exactly&near=exact&variant={DELETION}",
        allow_redirects=False,
    )

    assert response.status == 303
    assert response.headers["Location"] == (f"/people?filter=HP:0002110~exactly&variant={DELETION}")


async def test_every_country_has_its_own_answer(client: Client, told: Told) -> None:
    html = await (await client.get(f"{ASKED}&whole=1")).text()

    assert "7 to 806 people" in words(html)
    assert "has such people 6 as asked" in row_of(html, "fi")
    assert "1 to 800" in row_of(html, "de")
    assert "cannot answer this does not know HP:0002110" in row_of(html, "es")
    assert "did not answer in time not known" in row_of(html, "no")
    assert "HP:0002110 was asked as HP:0002099" in row_of(html, "se")
    assert "HP:0002099: Asthma" in row_of(html, "se")
    assert "DE: says only yes or no" in words(html)
    assert [one.entry_type for one in told.asked] == ["individual"]


async def test_who_cannot_answer_is_never_nought(client: Client) -> None:
    html = await (await client.get(f"{ASKED}&whole=1")).text()

    for name in ("es", "no"):
        cells = re.search(rf'<tr id="row-{name}">.*?</tr>', html, re.DOTALL)
        assert cells is not None
        assert re.search(r">\s*0\s*<", cells[0]) is None
        assert 'class="state miss"' not in cells[0]


async def test_the_page_comes_before_anybody_is_asked(client: Client, told: Told) -> None:
    html = await (await client.get(ASKED)).text()

    assert told.asked == []
    assert f'content="0;url={ASKED.replace("&", "&amp;")}&amp;whole=1"' in html


async def test_rows_come_as_lines(client: Client) -> None:
    lines = await streamed(client, ASKED)

    ids = [line["id"] for line in lines if line["kind"] == "part"]
    assert ids[0] == "rows"
    assert [one for one in ids if one.startswith("row-")] == [
        "row-fi",
        "row-de",
        "row-es",
        "row-no",
        "row-se",
    ]
    assert ids[-1] == "findings"
    assert lines[-1] == {"kind": "complete"}
    strips = [words(line["html"]) for line in lines if line.get("id") == "strip"]
    assert "4 pending" in strips[1]
    assert "7 to 806 people" in strips[-1]


async def test_an_answer_that_breaks_off_says_so() -> None:
    told = network()
    told.fails = SourceUnavailable("the network is away")
    async with people_pages(told) as client:
        lines = await streamed(client, ASKED)

    assert lines[-2]["id"] == "strip"
    assert "the network is away" in lines[-2]["html"]
    assert lines[-1] == {"kind": "failed"}


async def test_by_post_nothing_is_in_an_address(client: Client) -> None:
    fields = {"term": "HP:0002110", "kinds": "all", "near": "exact", "variant": DELETION}
    response = await client.post("/people", data=fields)
    html = await response.text()

    assert response.status == 200
    assert "7 to 806 people" in words(html)
    assert not re.search(r'(href|content|url)="[^"]*(HP:0002110|117559590)', html)
    assert '<form class="people-form" action="/people" method="post"' in html


async def test_wrong_lines_keep_everything_that_was_typed(client: Client, told: Told) -> None:
    response = await client.get(
        "/people?term=asthma&kinds=all&near=exact&term=zzz&kinds=exactly&near=high"
        f"&sex=NCIT:C16576&age-from=x&age-unit=M&variant={DELETION}"
    )
    html = await response.text()

    assert response.status == 400
    assert told.asked == []
    assert [one in html for one in ('value="asthma"', 'value="zzz"', 'value="x"')] == [True] * 3
    assert f'value="{DELETION}"' in html
    assert '<option value="NCIT:C16576" selected>' in html
    assert '<option value="M" selected>' in html
    assert 'name="choose" value="0 MONDO:0004979"' in html
    assert 'href="#term-1"' in html


async def test_one_of_several_terms_is_chosen(client: Client) -> None:
    response = await client.get(
        "/people?term=asthma&kinds=all&near=exact&choose=0+MONDO:0004979", allow_redirects=False
    )

    assert response.headers["Location"] == "/people?filter=MONDO:0004979"


@pytest.mark.parametrize(("press", "lines"), [("add=1", 2), ("remove=0", 1)])
async def test_lines_come_and_go_without_scripts(client: Client, press: str, lines: int) -> None:
    html = await (await client.get(f"/people?term=asthma&kinds=all&near=exact&{press}")).text()

    assert html.count('name="term"') == lines
    assert ('value="asthma"' in html) == (press == "add=1")


async def test_too_many_conditions_are_refused_with_their_number() -> None:
    async with people_pages(network(), filters_max=2) as client:
        response = await client.get("/people?filter=HP:0000001&filter=HP:0000002&filter=HP:0000003")
        html = await response.text()

    assert response.status == 400
    assert "More than 2 conditions" in words(html)
    assert html.count('name="term"') == 3


@pytest.mark.parametrize("language", CODES)
async def test_every_page_is_there_in_every_language(client: Client, language: str) -> None:
    asked = "filter=HP:0002110~exactly~low&filter=HP:0009999&filter=NCIT:C16576"
    asked += "&filter=ageOfOnset:%3E%3DP1Y&filter=BMI:%3E30"
    pages = (
        "/people?",
        "/people?term=HP:1&term=asthma&term=XX:1&age-from=x&zygosity=GENO:0000135",
        f"/people?{asked}&whole=1",
    )
    statuses = [(await client.get(f"{path}&lang={language}")).status for path in pages]

    assert statuses == [200, 400, 200]


async def test_text_from_outside_is_never_markup(client: Client) -> None:
    nasty = "%3Cscript%3Ealert(1)%3C/script%3E"
    for path in (f"/people?term={nasty}", f"/people?filter={nasty}&filter=HP:{nasty}"):
        assert "<script>alert" not in await (await client.get(path)).text()


async def test_suggestions_say_who_understands_them(client: Client) -> None:
    response = await client.get("/suggest?q=sei&scope=individual")
    found = (await response.json())["suggestions"]

    assert found == [
        {
            "id": "HP:0001250",
            "label": "Seizure",
            "name": "Seizure (HP:0001250)",
            "understood": "known in 1 of 3 countries · 1 through a broader term · not listed in 1",
        }
    ]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("asth", ["HP:0002099", "MONDO:0004979"]),
        ("HP:00021", ["HP:0002110"]),
        ("BMI", []),
        ("", []),
    ],
)
async def test_only_terms_that_need_no_value_are_suggested(
    client: Client, text: str, ids: list[str]
) -> None:
    found = await (await client.get("/suggest", params={"q": text})).json()

    assert [one["id"] for one in found["suggestions"]] == ids


async def test_of_one_beacon_the_datasets_are_the_rows() -> None:
    told = Told(
        (), sets={"a": [{"id": "clinic", "exists": True, "resultsCount": 4}]}, is_network=False
    )
    async with people_pages(told) as client:
        html = await (await client.get("/people?filter=HP:0002110&whole=1")).text()
        found = await (await client.get("/suggest?q=sei")).json()

    assert "has such people 4" in row_of(html, "clinic")
    assert "4 people" in words(html)
    assert found["suggestions"][0]["understood"] == ""
