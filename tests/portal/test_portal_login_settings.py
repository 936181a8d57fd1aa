"""Where people log in, as settings say it: what cannot be meant refuses to start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from beacon import portal_access
from beacon.framework.errors import SettingsError
from beacon.settings import Settings

Document = dict[str, Any]


def settings(tmp_path: Path, login: Document | None = None, **changes: Any) -> Settings:
    secret = tmp_path / "secret"
    secret.write_text("a password")
    secret.chmod(0o600)
    usual = {
        "broker": "login",
        "client_id": "portal",
        "client_auth": "client_secret_basic",
        "secret_file": str(secret),
        "authorization_url": "https://login.example/authorize",
        "token_url": "https://login.example/token",
    }
    broker = {
        "issuer": "https://login.example/",
        "jwks_url": "https://login.example/jwks",
        "audiences": ["urn:portal"],
        "visas_from": ["passport"],
    }
    document: Document = {
        "server": {"base_url": "https://beacon.example/api"},
        "auth": {"brokers": {"login": broker}},
        "portal": {"login": {**usual, **(login or {})}},
        **changes,
    }
    return msgspec.convert(document, Settings)


def test_without_a_broker_nobody_logs_in() -> None:
    portal_access.check(Settings())

    assert not portal_access.can_log_in(Settings())


def test_people_log_in_at_a_broker_of_the_settings(tmp_path: Path) -> None:
    made = settings(tmp_path)

    portal_access.check(made)

    assert portal_access.can_log_in(made)
    assert portal_access.site_root(made) == "https://beacon.example"


@pytest.mark.parametrize(
    ("base_url", "root"),
    [
        ("https://beacon.example/fi/api", "https://beacon.example/fi"),
        ("http://127.0.0.1:5050/api", "http://127.0.0.1:5050"),
        ("http://localhost:5050/api", "http://localhost:5050"),
        ("", "http://127.0.0.1:5050"),
    ],
)
def test_the_site_is_beside_the_api(tmp_path: Path, base_url: str, root: str) -> None:
    assert portal_access.site_root(settings(tmp_path, server={"base_url": base_url})) == root


@pytest.mark.parametrize(
    ("login", "message"),
    [
        ({"broker": "lifescience"}, "portal.login.broker is 'lifescience'; auth.brokers has login"),
        ({"broker": ""}, "portal.login.broker is empty: name the one of auth.brokers"),
        ({"client_id": ""}, "portal.login.client_id is empty: it must be what the broker calls"),
        ({"secret_file": ""}, "portal.login.secret_file is empty: it must be the file of the key"),
        ({"secret_file": "/nowhere"}, "portal.login.secret_file /nowhere: No such file"),
        ({"client_auth": "private_key_jwt"}, "holds no key for RS256"),
        ({"authorization_url": ""}, "portal.login.authorization_url is empty: it must be where"),
        ({"token_url": ""}, "portal.login.token_url is empty: it must be the token endpoint"),
        ({"authorization_url": "http://login.example/"}, "authorization_url must start with https"),
        ({"token_url": "http://login.example/"}, "portal.login.token_url must start with https"),
        ({"token_url": "http://127.0.0.1/"}, "portal.login.token_url must start with https"),
        ({"end_session_url": "http://login.example/"}, "end_session_url must start with https"),
        ({"scope": "ga4gh_passport_v1"}, "portal.login.scope must have openid in it"),
    ],
)
def test_what_cannot_be_meant_refuses_to_start(
    tmp_path: Path, login: Document, message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        portal_access.check(settings(tmp_path, login))


@pytest.mark.parametrize(
    ("server", "message"),
    [
        ({"base_url": "http://beacon.example/api"}, "base_url must start with https"),
        ({"base_url": "https://beacon.example/beacon"}, "base_url must end in /api"),
        ({"host": "0.0.0.0"}, "server.base_url is empty"),
    ],
)
def test_browsers_have_to_be_sent_back_safely(
    tmp_path: Path, server: Document, message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        portal_access.check(settings(tmp_path, server=server))


def test_a_secret_that_everybody_can_read_is_none(tmp_path: Path) -> None:
    made = settings(tmp_path)
    (tmp_path / "secret").chmod(0o644)

    with pytest.raises(SettingsError, match="can be read by everybody"):
        portal_access.check(made)


def test_a_portal_that_is_not_served_is_not_looked_at(tmp_path: Path) -> None:
    made = settings(tmp_path, portal={"enabled": False, "login": {"broker": "nobody"}})

    portal_access.check(made)

    assert not portal_access.can_log_in(made)
