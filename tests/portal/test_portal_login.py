"""Logging in to the pages through the server, and what is refused on the way there and back."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
import structlog
from yarl import URL

from tests.auth.mock_broker import NOON
from tests.portal.login_broker import (
    ALICE,
    Browser,
    LoginWorld,
    Site,
    session_cookie,
)


async def test_whoever_logs_in_is_known_and_comes_back_to_where_they_were(
    browser: Browser, here: LoginWorld
) -> None:
    before = await browser.who()

    answer = await browser.get("/login?return_to=/who%3Fq%3D17-1-G-A%26x%3D1")

    assert before == "public"
    assert (answer.status, answer.text) == (200, ALICE)
    assert answer.url.path_qs == "/who?q=17-1-G-A&x=1"
    (asked,) = here.broker.asked_to_log_in
    assert asked["scope"] == "openid ga4gh_passport_v1"
    assert asked["client_id"] == "portal"
    assert asked["redirect_uri"] == f"{browser.root}/login/callback"
    assert await browser.who() == ALICE


async def test_the_browser_gets_no_token(browser: Browser, here: LoginWorld) -> None:
    back = await browser.begin()

    answer = await browser.get(back, follow=False)

    cookie = session_cookie(answer)
    assert cookie.endswith("HttpOnly; Path=/; SameSite=Lax")
    assert list(browser.cookies) == [browser.session_cookie]
    assert len(browser.cookies[browser.session_cookie]) == 43
    shown = f"{answer.text} {answer.headers}"
    assert "eyJ" not in shown
    assert answer.headers["Cache-Control"] == "no-store"
    (form,) = here.broker.redeemed
    assert form["code_verifier"] not in f"{back} {here.broker.asked_to_log_in} {shown}"


async def test_over_tls_cookies_are_of_this_host_and_secure(here: LoginWorld) -> None:
    site = await here.site("https://beacon.example.org")
    browser = await here.browser(site)
    begun = await browser.get("/login?return_to=/who", follow=False)
    attempt = begun.headers["Set-Cookie"]
    sent_back = await browser.get(begun.headers["Location"], follow=False)
    back = URL(sent_back.headers["Location"])

    answer = await browser.get(
        f"/login/callback?{back.raw_query_string}",
        follow=False,
        headers={"Cookie": attempt.partition(";")[0]},
    )

    assert back.origin() == URL("https://beacon.example.org")
    assert attempt.startswith("__Host-beacon-login-")
    assert session_cookie(answer).startswith("__Host-beacon-session=")
    assert answer.headers["Location"] == "https://beacon.example.org/who"
    for cookie in answer.headers.getall("Set-Cookie"):
        assert cookie.endswith("; Secure")
        assert {"HttpOnly", "Path=/", "SameSite=Lax"} < set(cookie.split("; "))
        assert "Domain" not in cookie


@pytest.mark.parametrize(
    "return_to",
    [
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example/",
        "https:evil.example",
        "javascript:alert(1)",
        "/%2fevil.example",
        "/%5cevil.example",
        "/%252f%252fevil.example",
        "/./../x",
        "/.//evil.example",
        "/\tevil",
        "/x\r\nSet-Cookie: a=b",
        "/%0d%0aSet-Cookie:a=b",
        "/who@evil.example\\",
        "/é",
        "/login",
        "/login/callback?code=1",
        "/logout",
        "who",
        "",
        "/" + "a" * 1001,
    ],
)
async def test_nobody_is_sent_elsewhere_from_logging_in(browser: Browser, return_to: str) -> None:
    back = await browser.begin(quote(return_to, safe=""))

    answer = await browser.get(back, follow=False)

    assert answer.headers["Location"] == f"{browser.root}/"


def _without(back: URL, *names: str) -> URL:
    return back.with_query([(k, v) for k, v in back.query.items() if k not in names])


CALLBACKS: list[tuple[str, Any, int, str, str]] = [
    ("no state", lambda b: _without(b, "state"), 400, "login.stale", "state"),
    ("a state of nobody", lambda b: b.update_query(state="A" * 43), 400, "login.stale", "state"),
    ("a state of others", lambda b: b.update_query(state="é"), 400, "login.stale", "state"),
    ("two states", lambda b: b.extend_query(state="x"), 400, "login.stale", "state"),
    ("two codes", lambda b: b.extend_query(code="x"), 400, "login.stale", "state"),
    ("another issuer", lambda b: b.update_query(iss="https://e/"), 400, "login.failed", "issuer"),
    ("an empty issuer", lambda b: b.update_query(iss=""), 400, "login.failed", "issuer"),
    ("no code", lambda b: _without(b, "code"), 400, "login.failed", "code"),
    ("a long code", lambda b: b.update_query(code="x" * 4097), 400, "login.failed", "code"),
    ("a code of nobody", lambda b: b.update_query(code="x"), 400, "login.failed", "invalid_grant"),
    ("denied", lambda b: b.update_query(error="access_denied"), 403, "login.denied", "denied"),
    ("an error", lambda b: b.update_query(error="<b>"), 400, "login.failed", "error"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "status", "text", "reason"),
    [one[1:] for one in CALLBACKS],
    ids=[one[0] for one in CALLBACKS],
)
async def test_what_does_not_come_from_the_provider_logs_nobody_in(
    browser: Browser, change: Any, status: int, text: str, reason: str
) -> None:
    back = URL(await browser.begin())

    with structlog.testing.capture_logs() as lines:
        answer = await browser.get(str(change(back)))

    assert (answer.status, answer.text.split()[0]) == (status, text)
    assert [one["reason"] for one in lines if one["event"] == "login_failed"] == [reason]
    assert back.query["code"] not in str(lines)
    assert browser.session_cookie not in browser.cookies
    assert await browser.who() == "public"


@pytest.mark.parametrize("error", ["server_error", "temporarily_unavailable"])
async def test_a_provider_that_is_away_says_so_or_does_not(
    browser: Browser, here: LoginWorld, error: str
) -> None:
    here.broker.answer = {"error": error}
    said = await browser.get("/login?return_to=/who")
    here.broker.answer, here.broker.is_down = None, True

    broken = await browser.get("/login?return_to=/who")

    for answer in (said, broken):
        assert (answer.status, answer.text) == (503, "login.broker_away /who")
        assert answer.headers["Retry-After"] == "5"
    here.broker.is_down = False
    assert (await browser.get("/login?return_to=/who")).text == ALICE


TOKENS: list[tuple[str, dict[str, Any], str]] = [
    ("id token for another client", {"claims": {"aud": "other"}}, "id_token_audience"),
    ("id token for nobody", {"claims": {"aud": None}}, "id_token_audience"),
    ("id token for several", {"claims": {"aud": ["portal", "b"]}}, "id_token_audience"),
    ("id token asked by another", {"claims": {"azp": "other"}}, "id_token_audience"),
    ("id token of another login", {"claims": {"nonce": "other"}}, "id_token_nonce"),
    ("id token of no login", {"claims": {"nonce": None}}, "id_token_nonce"),
    ("id token that has expired", {"claims": {"exp": NOON - 1}}, "id_token_expired"),
    ("id token without an end", {"claims": {"exp": None}}, "id_token_times"),
    ("id token of the future", {"claims": {"iat": NOON + 3600}}, "id_token_times"),
    ("id token of another issuer", {"claims": {"iss": "https://e.example"}}, "id_token_issuer"),
    ("id token about nobody", {"claims": {"sub": None}}, "id_token_subject"),
    ("id token with another's access token", {"claims": {"at_hash": "x"}}, "id_token_token_hash"),
    ("logout token", {"claims": {"events": {}}}, "id_token_token_type"),
    ("visa as id token", {"claims": {"ga4gh_visa_v1": {}}}, "id_token_token_type"),
    ("bearer token as id token", {"claims": {"typ": "Bearer"}}, "id_token_token_type"),
    ("access token as id token", {"header": {"typ": "at+jwt"}}, "id_token_token_type"),
    ("unsigned id token", {"header": {"alg": "none"}}, "id_token_algorithm"),
    ("id token of an unknown key", {"header": {"kid": "x"}}, "id_token_key_id"),
    ("id token with keys elsewhere", {"header": {"jku": "https://e.example"}}, "id_token_key_url"),
    ("no id token", {"given": {"id_token": None}}, "no_id_token"),
    ("no id token but text", {"given": {"id_token": "x"}}, "id_token_format"),
    ("access token of another", {"token_claims": {"sub": "bob"}}, "access_token_of_another"),
    ("access token for another", {"token_claims": {"aud": "urn:x"}}, "access_token_audience"),
    ("access token of no use", {"token_claims": {"scope": "x"}}, "access_token_scope"),
    ("opaque access token", {"given": {"access_token": "opaque-token"}}, "access_token_format"),
    ("a portal that is not known", {"refused": "invalid_client"}, "invalid_client"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "reason"), [one[1:] for one in TOKENS], ids=[one[0] for one in TOKENS]
)
async def test_tokens_that_are_not_valid_log_nobody_in(
    browser: Browser, here: LoginWorld, changes: dict[str, Any], reason: str
) -> None:
    for name, value in changes.items():
        setattr(here.broker, name, value)

    with structlog.testing.capture_logs() as lines:
        answer = await browser.get("/login?return_to=/who")

    assert (answer.status, answer.text) == (400, "login.failed /who")
    assert [one["reason"] for one in lines if one["event"] == "login_failed"] == [reason]
    assert "eyJ" not in str(lines)
    assert await browser.who() == "public"


async def test_several_audiences_are_fine_when_the_token_says_who_asked(
    browser: Browser, here: LoginWorld
) -> None:
    here.broker.claims = {"aud": ["portal", "b"], "azp": "portal"}

    answer = await browser.get("/login?return_to=/who")

    assert answer.text == ALICE


async def test_who_began_to_log_in_in_another_browser_cannot_finish_in_this_one(
    here: LoginWorld, site: Site, browser: Browser
) -> None:
    attacker = await here.browser(site)
    here.broker.subject = "mallory"
    back = await attacker.begin()

    answer = await browser.get(back)

    assert (answer.status, answer.text) == (400, "login.stale /")
    assert await browser.who() == "public"


async def test_an_answer_of_the_provider_is_good_once(browser: Browser) -> None:
    begun = await browser.get("/login?return_to=/who", follow=False)
    attempt = begun.headers["Set-Cookie"].partition(";")[0]
    sent_back = await browser.get(begun.headers["Location"], follow=False)
    back = sent_back.headers["Location"]
    first = await browser.get(back)
    browser.session.cookie_jar.clear()

    again = await browser.get(back)
    with_its_cookie = await browser.get(back, headers={"Cookie": attempt})

    assert first.text == ALICE
    assert (again.status, again.text) == (400, "login.stale /")
    assert (with_its_cookie.status, with_its_cookie.text) == (400, "login.stale /who")
    assert await browser.who() == "public"


async def test_logging_in_may_take_ten_minutes(browser: Browser, here: LoginWorld) -> None:
    back = await browser.begin()
    here.world.clock.now += 601

    answer = await browser.get(back)

    assert (answer.status, answer.text) == (400, "login.stale /")


async def test_two_tabs_log_in_at_the_same_time(browser: Browser) -> None:
    first, second = await browser.begin("/who?tab=1"), await browser.begin("/who?tab=2")

    later = await browser.get(second)
    sooner = await browser.get(first)

    assert (later.text, later.url.query["tab"]) == (ALICE, "2")
    assert (sooner.text, sooner.url.query["tab"]) == (ALICE, "1")
    assert list(browser.cookies) == [browser.session_cookie]


async def test_logins_that_are_given_up_do_not_pile_up(browser: Browser) -> None:
    for _ in range(20):
        await browser.begin()

    assert len(browser.cookies) <= 4
    assert (await browser.get("/login?return_to=/who")).text == ALICE


async def test_what_a_provider_calls_people_is_asked_for_and_cleaned(
    here: LoginWorld,
) -> None:
    site = await here.site(scope="openid profile ga4gh_passport_v1")
    browser = await here.browser(site)
    here.broker.claims = {"name": None}
    here.broker.people["alice"] = {"sub": "alice", "name": "\u202eDr\x00 <Alice>" + "e" * 100}

    answer = await browser.get("/login?return_to=/who")

    assert answer.text == "alice called Dr <Alice>" + "e" * 70
