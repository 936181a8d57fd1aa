"""Which addresses may be connected to."""

from __future__ import annotations

import socket

import pytest

from beacon.addresses import AddressRefused, any_socket, is_permitted, public_socket


@pytest.mark.parametrize(
    "address",
    [
        "193.166.3.2",
        "2001:708:10:8::2",
        "64:ff9b::c1a6:302",  # 193.166.3.2, behind a translator
        "2002:c1a6:302::1",  # 193.166.3.2, through a tunnel
        "::ffff:193.166.3.2",
    ],
)
def test_public_addresses_are_for_every_member(address: str) -> None:
    assert is_permitted(address, allow_private=False)
    assert is_permitted(address, allow_private=True)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.9.10",
        "10.0.0.1",
        "172.16.5.4",
        "192.168.1.1",
        "169.254.169.254",  # where clouds keep their credentials
        "100.64.0.1",  # shared by the customers of a carrier
        "192.0.2.1",  # for documents
        "198.18.0.1",  # for benches
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd12:3456::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a00:1",  # 10.0.0.1, behind a translator
        "2002:a00:1::1",  # 10.0.0.1, through a tunnel
        "2001:0:53aa:64c:0:0:80ff:fffe",  # Teredo
    ],
)
def test_inner_addresses_are_for_members_that_may_have_them(address: str) -> None:
    assert not is_permitted(address, allow_private=False)
    assert is_permitted(address, allow_private=True)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "255.255.255.255",
        "240.0.0.1",
        "224.0.0.1",
        "239.255.255.250",
        "::",
        "ff02::1",
        "::ffff:0.0.0.0",
        "::ffff:224.0.0.1",
        "::127.0.0.1",
        "64:ff9b::e000:1",  # 224.0.0.1
        "localhost",
        "127.1",
        "2130706433",
        "0x7f.0.0.1",
        "",
    ],
)
def test_addresses_of_no_single_host_are_for_nobody(address: str) -> None:
    assert not is_permitted(address, allow_private=False)
    assert not is_permitted(address, allow_private=True)


def test_sockets_are_made_for_permitted_addresses_only() -> None:
    here = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 80))
    nowhere = (socket.AF_INET6, socket.SOCK_STREAM, 0, "", ("ff02::1", 80, 0, 0))

    any_socket(here).close()
    with pytest.raises(AddressRefused):
        public_socket(here)
    with pytest.raises(AddressRefused):
        any_socket(nowhere)
