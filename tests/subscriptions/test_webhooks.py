"""Webhooks: signed, to addresses that may be told, and no further."""

from __future__ import annotations

import base64
import time

import pytest

from beacon.framework.errors import InvalidRequest
from beacon.subscriptions.kept import Webhook
from beacon.subscriptions.webhooks import Outcome, Sender, check_url, new_secret, signature
from tests.subscriptions.standing_world import Receiver


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/hook",
        "ftp://example.org/hook",
        "https://user:password@example.org/hook",
        "https://example.org/hook#part",
        "https://localhost/hook",
        "https://127.0.0.1/hook",
        "https://10.0.0.1/hook",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/hook",
        "https://[fd00::1]/hook",
        "https://[::ffff:10.0.0.1]/hook",
        "https:///hook",
        "nowhere",
        "https://example.org/" + 2000 * "x",
    ],
)
def test_an_address_that_may_not_be_told_is_refused(url: str) -> None:
    with pytest.raises(InvalidRequest):
        check_url(url, allow_loopback=False)


def test_loopback_has_to_be_allowed_and_allows_nothing_else() -> None:
    assert check_url("http://127.0.0.1:8080/x", allow_loopback=True)
    with pytest.raises(InvalidRequest):
        check_url("http://10.0.0.1:8080/x", allow_loopback=True)


def test_the_signature_is_that_of_standard_webhooks() -> None:
    """The example of the specification's own libraries."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'

    made = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)

    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_secrets_are_long_and_another_each_time() -> None:
    made = {new_secret() for _ in range(3)}

    assert len(made) == 3
    assert {len(base64.b64decode(one.removeprefix("whsec_"))) for one in made} == {32}


async def sent(receiver: Receiver, *, allow_loopback: bool = True) -> Outcome:
    webhook = Webhook(url=receiver.url, secret=new_secret())
    receiver.secret = webhook.secret
    async with Sender(allow_loopback=allow_loopback) as sender:
        return await sender.send(webhook, "msg_1", b"{}", time.time())


async def test_a_receiver_that_checks_the_signature_takes_it() -> None:
    async with Receiver() as receiver:
        assert await sent(receiver) is Outcome.DELIVERED

    assert receiver.accepted == [("msg_1", {})]
    assert not receiver.forged


async def test_a_redirect_is_not_followed() -> None:
    async with Receiver() as inside, Receiver(statuses=[307], location=inside.url) as receiver:
        assert await sent(receiver) is Outcome.FAILED

    assert inside.attempts == []
    assert inside.forged == 0


async def test_what_is_not_allowed_any_more_is_not_told() -> None:
    async with Receiver() as receiver:
        assert await sent(receiver, allow_loopback=False) is Outcome.FAILED

    assert receiver.attempts == []


async def test_a_receiver_that_wants_no_more_is_believed() -> None:
    async with Receiver(statuses=[410]) as receiver:
        assert await sent(receiver) is Outcome.GONE
