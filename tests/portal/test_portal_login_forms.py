"""Forms of people who are logged in, and the pages that say what became of logging in or out."""

from __future__ import annotations

import html

import pytest

from beacon.portal.languages import CODES, languages
from tests.portal.login_broker import (
    ALICE,
    Browser,
    LoginWorld,
    Site,
    logged_in,
)


async def test_logging_out_ends_the_session_for_good(browser: Browser, here: LoginWorld) -> None:
    cookie = await logged_in(browser)

    answer = await browser.post("/logout", {"csrf": await browser.csrf_token()})

    assert answer.status == 200
    assert answer.text == f"login.logged_out / {here.broker.url}/logout?client_id=portal"
    assert browser.cookies == {}
    assert await browser.who() == "public"
    kept = await browser.get("/who", headers={"Cookie": f"{browser.session_cookie}={cookie}"})
    assert (kept.status, kept.text) == (401, "login.expired /who")


async def test_logging_out_twice_is_no_failure(browser: Browser) -> None:
    await logged_in(browser)
    form = {"csrf": await browser.csrf_token()}
    await browser.post("/logout", form)

    again = await browser.post("/logout", form)

    assert (again.status, again.text.split()[0]) == (200, "login.logged_out")


FORGERIES: list[tuple[str, dict[str, str], bool]] = [
    ("another site", {"Origin": "https://evil.example"}, True),
    ("a page of no origin", {"Origin": "null"}, False),
    ("another port", {"Origin": "http://127.0.0.1:1"}, True),
    ("another site, as browsers say", {"Sec-Fetch-Site": "cross-site"}, True),
    ("another host of this site", {"Sec-Fetch-Site": "same-site"}, True),
    ("another site that says it is this one",
     {"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"}, True),
    ("this site without a token", {}, False),
]  # fmt: skip


@pytest.mark.parametrize("path", ["/logout", "/change"])
@pytest.mark.parametrize(
    ("headers", "with_token"), [one[1:] for one in FORGERIES], ids=[one[0] for one in FORGERIES]
)
async def test_forms_of_others_change_nothing(
    browser: Browser, path: str, headers: dict[str, str], *, with_token: bool
) -> None:
    await logged_in(browser)
    token = await browser.csrf_token()
    form = {"csrf": token} if with_token else {"csrf": token[:-1] + "x"}

    answer = await browser.post(path, form, **headers)

    assert answer.status == 403
    assert await browser.who() == ALICE


async def test_forms_of_this_site_are_taken(browser: Browser) -> None:
    anonymous = await browser.post("/change")
    await logged_in(browser)
    token = await browser.csrf_token()

    by_form = await browser.post("/change", {"csrf": token})
    # What a page sends that tells nobody where its readers come from.
    unnamed = await browser.post(
        "/change", {"csrf": token}, Origin="null", Sec_Fetch_Site="same-origin"
    )
    by_an_old_browser = await browser.post("/change", {"csrf": token}, Origin="null")
    by_script = await browser.post("/change", X_CSRF_Token=token)

    for answer in (anonymous, by_form, unnamed, by_an_old_browser, by_script):
        assert (answer.status, answer.text) == (200, "changed")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "null", "Sec_Fetch_Site": "same-origin"}, 200),
        ({"Origin": "null"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
    ],
)
async def test_a_form_that_only_asks_must_be_of_this_site(
    browser: Browser, headers: dict[str, str], status: int
) -> None:
    await logged_in(browser)

    answer = await browser.post("/ask", {}, **headers)

    assert answer.status == status


async def test_the_token_of_a_form_is_of_one_session(
    here: LoginWorld, site: Site, browser: Browser
) -> None:
    other = await here.browser(site)
    await logged_in(browser)
    await logged_in(other)

    answer = await browser.post("/change", {"csrf": await other.csrf_token()})

    assert answer.status == 403


@pytest.mark.parametrize("language", CODES)
@pytest.mark.parametrize("error", ["access_denied", "server_error", "invalid_request"])
async def test_what_went_wrong_is_said_in_the_language_of_the_reader(
    reader: Browser, here: LoginWorld, language: str, error: str
) -> None:
    here.broker.answer = {"error": error, "code": "secret-code"}
    texts = languages()[language]

    answer = await reader.get("/login?return_to=/who", headers={"Accept-Language": language})

    key = {"access_denied": "login.denied", "server_error": "login.broker_away"}
    assert html.escape(texts.text(key.get(error, "login.failed"))) in answer.text.replace(
        "&#39;", "&#x27;"
    )
    assert 'href="/login?return_to=/who"' in answer.text
    assert 'href="/who"' in answer.text
    assert "secret-code" not in answer.text
    assert "default-src" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "private, no-store"


async def test_whoever_logs_out_is_told_of_the_provider(reader: Browser, here: LoginWorld) -> None:
    await logged_in(reader)

    answer = await reader.post("/logout", {"csrf": await reader.csrf_token()})

    assert "You are logged out here." in answer.text
    assert f'href="{here.broker.url}/logout?client_id=portal"' in answer.text
    assert "Logged in as" not in answer.text


async def test_a_page_says_that_the_session_has_ended(reader: Browser) -> None:
    answer = await reader.get("/who?q=1", headers={"Cookie": f"{reader.session_cookie}=x"})

    assert answer.status == 401
    assert "You were logged out, because your session has ended." in answer.text
    assert 'href="/who?q=1"' in answer.text
    assert "Logged in as" not in answer.text
