"""As whom members are asked, as settings say it: what cannot be meant refuses to start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from beacon import network_access, network_composition
from beacon.framework.errors import SettingsError
from beacon.network.catalogue import asked_in_words
from beacon.network.members import members
from beacon.settings import MemberAccessSettings, Settings

BROKER = {
    "issuer": "https://login.example/",
    "jwks_url": "https://login.example/jwks",
    "audiences": ["urn:network"],
    "visas_from": ["passport"],
}
ENDPOINT = {"url": "https://login.example/token", "client_id": "network", "secret_file": "/key"}
EXCHANGE = {"via": "exchange", "audience": "urn:fi"}


def settings(
    access: Any = None,
    *,
    url: str = "https://fi.example/api",
    more: Any = None,
    endpoints: Any = None,
    brokers: Any = None,
) -> Settings:
    usual = {"name": "Finland", "country": "FI"}
    listed = {"fi": {**usual, "url": url, "access": access or {}}}
    for name, about in (more or {}).items():
        listed[name] = {**usual, "url": f"https://{name}.example/api", "access": about}
    document = {
        "auth": {"brokers": {"login": BROKER} if brokers is None else brokers},
        "network": {
            "members": listed,
            "token_endpoints": {"login": ENDPOINT} if endpoints is None else endpoints,
        },
    }
    return msgspec.convert(document, Settings)


def test_members_are_asked_as_the_public_unless_told_otherwise() -> None:
    (member,) = network_composition.network_members(settings(endpoints={}))

    assert member.access == MemberAccessSettings()
    assert "nothing is sent to it of who asks" in asked_in_words(member.access)


def test_a_member_that_is_asked_as_the_caller() -> None:
    (member,) = network_composition.network_members(settings(EXCHANGE))

    assert member.access.audience == "urn:fi"
    assert "asked as the caller" in asked_in_words(member.access)


@pytest.mark.parametrize(
    ("access", "message"),
    [
        ({"audience": "urn:fi"}, "via = 'none' has no use for audience"),
        ({"via": "exchange"}, "audience is empty"),
        ({**EXCHANGE, "token_file": "/t"}, "'exchange' has no use for token_file"),
        ({**EXCHANGE, "public": True}, "'exchange' has no use for public"),
        ({"via": "credential"}, "either out of token_file or from token_endpoint"),
        (
            {"via": "credential", "token_file": "/t", "token_endpoint": "login"},
            "either out of token_file or from token_endpoint",
        ),
        (
            {"via": "credential", "token_file": "/t", "audience": "urn:fi"},
            "are of tokens from token_endpoint",
        ),
        ({"via": "credential", "token_endpoint": "elsewhere"}, "token_endpoints has login"),
        ({"via": "exchange", "audience": "urn:network"}, "that of this network, too"),
    ],
)
def test_what_makes_no_sense_of_a_member_is_refused(access: Any, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        network_composition.network_members(settings(access))


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"url": "http://fi.example/api"}, "must be https"),
        ({"url": "http://127.0.0.1/api"}, "must be https"),
        ({"more": {"ee": EXCHANGE}}, 'that of "fi", too'),
        ({"endpoints": {}}, "token_endpoints has none by the name"),
        ({"endpoints": {"log-in": ENDPOINT}}, "token_endpoints has none by the name"),
        ({"endpoints": {"login": ENDPOINT, "idle": ENDPOINT}}, "token_endpoints.idle is neither"),
        ({"brokers": {}}, "token_endpoints has none by the name"),
    ],
)
def test_what_would_leak_or_fail_is_refused(how: Any, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        network_composition.network_members(settings(EXCHANGE, **how))


def test_a_credential_for_callers_needs_somebody_who_vouches_for_them() -> None:
    access = {"via": "credential", "token_file": "/t"}
    with pytest.raises(SettingsError, match="nobody can show anything"):
        network_composition.network_members(settings(access, brokers={}, endpoints={}))

    opened = settings({**access, "public": True}, brokers={}, endpoints={})
    (member,) = network_composition.network_members(opened)
    assert asked_in_words(member.access) == "It is asked as this network, whoever asks."


async def test_a_token_file_that_is_not_there_is_told_at_the_start(tmp_path: Path) -> None:
    access = {"via": "credential", "token_file": str(tmp_path / "none")}
    chosen = settings(access, endpoints={})

    with pytest.raises(SettingsError, match=r'members\."fi"\.access\.token_file'):
        async with network_access.open_identities(chosen, members(chosen.network.members)):
            pass


def test_a_network_without_brokers_says_so() -> None:
    assert network_access.security(settings(brokers={}, endpoints={}))["credentials"] == []
    assert network_access.security_levels(settings(brokers={}, endpoints={})) == ("PUBLIC",)
