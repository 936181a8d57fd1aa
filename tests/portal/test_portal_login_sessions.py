"""How long people stay logged in, where, and what ends it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import structlog

from tests.auth.mock_broker import NOON
from tests.portal.login_broker import (
    ALICE,
    TOKEN_S,
    Browser,
    LoginWorld,
    Site,
    logged_in,
    login_world,
    session_cookie,
)


async def test_logging_in_again_ends_the_session_before(
    here: LoginWorld, site: Site, browser: Browser
) -> None:
    before = await logged_in(browser)
    after = await logged_in(browser)
    thief = await here.browser(site)

    stolen = await thief.get("/who", headers={"Cookie": f"{browser.session_cookie}={before}"})

    assert before != after
    assert await browser.who() == ALICE
    assert (stolen.status, stolen.text) == (401, "login.expired /who")


async def test_what_a_browser_sends_as_authorization_is_nobody(
    browser: Browser, here: LoginWorld
) -> None:
    token = here.world.access_token()

    answer = await browser.get("/who", headers={"Authorization": f"Bearer {token}"})

    assert answer.text == "public"


@pytest.mark.parametrize("value", ["x", "A" * 43, "A" * 5000, "..%2f", '"quoted"'])
async def test_a_session_that_nobody_began_is_never_taken_for_the_public(
    browser: Browser, value: str
) -> None:
    answer = await browser.get("/who", headers={"Cookie": f"{browser.session_cookie}={value}"})

    assert (answer.status, answer.text) == (401, "login.expired /who")
    assert f'{browser.session_cookie}="";' in session_cookie(answer)


async def test_what_a_script_is_told_of_the_end_of_a_session_the_next_page_tells_too(
    browser: Browser, here: LoginWorld
) -> None:
    await logged_in(browser)
    here.world.clock.now += 100_000

    by_script = await browser.get("/who", headers={"Sec-Fetch-Dest": "empty"})
    page = await browser.get("/who", headers={"Sec-Fetch-Dest": "document"})

    assert [by_script.status, page.status] == [401, 401]
    assert await browser.who() == "public"


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_page_of_a_session_that_is_gone_does_not_go_on_as_the_public(
    browser: Browser, method: str
) -> None:
    await logged_in(browser)
    token = {"X-CSRF-Token": await browser.csrf_token()}
    await browser.post("/logout", {"csrf": token["X-CSRF-Token"]})

    if method == "GET":
        answer = await browser.get("/who", headers=token)
    else:
        answer = await browser.post("/ask", **token)

    assert answer.status == 401
    assert answer.text.startswith("login.expired")


async def test_a_session_ends_when_it_is_not_used(browser: Browser, here: LoginWorld) -> None:
    here.broker.token_claims = {"exp": NOON + 80_000}
    here.broker.given = {"expires_in": None}
    await logged_in(browser)
    for _ in range(3):
        here.world.clock.now += 29 * 60
        assert await browser.who() == ALICE
    here.world.clock.now += 31 * 60

    answer = await browser.get("/who?q=1")

    assert (answer.status, answer.text) == (401, "login.expired /who?q=1")
    assert await browser.who() == "public"


async def test_a_session_ends_however_much_it_is_used(browser: Browser, here: LoginWorld) -> None:
    await logged_in(browser)
    for _ in range(47):
        here.world.clock.now += 600
        assert await browser.who() == ALICE
    here.world.clock.now += 601

    answer = await browser.get("/who")

    assert (answer.status, answer.text) == (401, "login.expired /who")


async def test_tokens_are_renewed_before_they_end(browser: Browser, here: LoginWorld) -> None:
    cookie = await logged_in(browser)
    here.world.clock.now += TOKEN_S - 20

    first = await browser.who()
    second = await browser.who()

    assert (first, second) == (ALICE, ALICE)
    assert [one["grant_type"] for one in here.broker.redeemed] == [
        "authorization_code",
        "refresh_token",
    ]
    assert browser.cookies[browser.session_cookie] == cookie


async def test_requests_at_the_same_time_renew_a_token_once(
    browser: Browser, here: LoginWorld
) -> None:
    await logged_in(browser)
    here.world.clock.now += TOKEN_S + 20

    said = await asyncio.gather(*(browser.who() for _ in range(12)))

    assert set(said) == {ALICE}
    assert len(here.broker.redeemed) == 2


async def test_a_session_ends_with_the_token_when_there_is_no_other(
    browser: Browser, here: LoginWorld
) -> None:
    here.broker.gives_refresh_tokens = False
    await logged_in(browser)
    here.world.clock.now += TOKEN_S - 20
    still = await browser.who()
    here.world.clock.now += 21

    answer = await browser.get("/who")

    assert still == ALICE
    assert (answer.status, answer.text) == (401, "login.expired /who")
    assert await browser.who() == "public"


@pytest.mark.parametrize(
    "change",
    [{"refused": "invalid_grant"}, {"token_claims": {"sub": "bob"}}],
    ids=["refused", "of another"],
)
async def test_a_session_ends_when_its_token_is_not_renewed(
    browser: Browser, here: LoginWorld, change: dict[str, Any]
) -> None:
    await logged_in(browser)
    here.world.clock.now += TOKEN_S + 20
    for name, value in change.items():
        setattr(here.broker, name, value)

    answer = await browser.get("/who")

    assert (answer.status, answer.text) == (401, "login.expired /who")


async def test_a_session_outlives_a_provider_that_is_away(
    browser: Browser, here: LoginWorld
) -> None:
    await logged_in(browser)
    here.broker.is_down = True
    here.world.clock.now += TOKEN_S - 20
    before = await browser.who()
    here.world.clock.now += 40

    away = await browser.get("/who")
    here.broker.is_down = False

    assert before == ALICE
    assert (away.status, away.text) == (503, "login.broker_away /who")
    assert await browser.who() == ALICE


async def test_a_token_that_is_refused_ends_the_session(browser: Browser, here: LoginWorld) -> None:
    await logged_in(browser)
    here.broker.userinfo_status = 401
    here.world.clock.now += 301  # and the keys and visas are looked at again
    here.world.authenticator._known.clear()

    with structlog.testing.capture_logs() as lines:
        answer = await browser.get("/who")

    assert (answer.status, answer.text) == (401, "login.refused /who")
    assert browser.cookies == {}
    assert "session_refused" in [one["event"] for one in lines]
    assert await browser.who() == "public"


async def test_every_process_of_a_server_knows_a_session(
    here: LoginWorld, site: Site, browser: Browser
) -> None:
    other = await here.site(site.root)
    await logged_in(browser)

    elsewhere = await browser.get(f"{other.root}/who")
    here.world.clock.now += TOKEN_S + 20
    at_once = await asyncio.gather(
        *(browser.get(f"{root}/who") for root in (site.root, other.root) * 4)
    )

    assert elsewhere.text == ALICE
    assert {one.text for one in at_once} == {ALICE}
    assert len(here.broker.redeemed) == 2


async def test_a_session_outlives_a_restart_and_no_token_is_in_a_file(tmp_path: Path) -> None:
    async with login_world(tmp_path) as here:
        site = await here.site()
        browser = await here.browser(site)
        cookie = await logged_in(browser)
        written = b"".join(one.read_bytes() for one in (tmp_path / "data").rglob("*.sqlite*"))
        refresh_tokens = list(here.broker.refresh_tokens)
        await site.server.close()

        after = await here.site(site.root)
        answer = await browser.get(f"{after.root}/who")

        assert answer.text == ALICE
        assert len(written) > 4096
        for secret in ("eyJ", "alice", "Alice", cookie, *refresh_tokens):
            assert secret.encode() not in written
        modes = {one.stat().st_mode & 0o077 for one in (tmp_path / "data" / "portal").iterdir()}
        assert modes == {0}


async def test_two_sites_at_one_host_do_not_log_each_other_out(
    here: LoginWorld, browser: Browser
) -> None:
    other = await here.site()
    await logged_in(browser)

    elsewhere = await browser.get(f"{other.root}/who")

    assert elsewhere.text == "public"
    assert await browser.who() == ALICE
