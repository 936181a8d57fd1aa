"""The home of the rule that tells which network addresses may be connected to.

It is applied to the address that is being connected to, when its socket is made: nothing that a
name server says at another moment can lead anywhere else.
"""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any

AddrInfo = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[Any, ...]]
"""As `socket.getaddrinfo` gives it."""


class AddressRefused(OSError):
    """A connection was not made because of where it leads."""

    def __init__(self) -> None:
        # The same words for every address of a host: the client library then keeps this error.
        super().__init__("the address is not one that may be connected to")


def is_permitted(address: str, *, allow_private: bool) -> bool:
    """Whether a connection to an IP address may be made.

    Args:
        address: In the usual notation, IPv4 or IPv6; one that stands for an IPv4 address is taken
            for that.
        allow_private: Private, loopback, link-local and shared addresses are permitted too;
            addresses of no single host never are.
    """
    try:
        ip = _meant(ip_address(address))
    except ValueError:
        return False
    if ip.is_loopback:
        return allow_private
    if ip.is_unspecified or ip.is_multicast or ip.is_reserved:
        return False
    return allow_private or (ip.is_global and not getattr(ip, "is_site_local", False))


def public_socket(addr_info: AddrInfo) -> socket.socket:
    """A socket to connect to a public address with.

    Raises:
        AddressRefused: The address is not public.
    """
    return _socket(addr_info, allow_private=False)


def any_socket(addr_info: AddrInfo) -> socket.socket:
    """A socket to connect to an address of any single host with.

    Raises:
        AddressRefused: The address is that of no single host.
    """
    return _socket(addr_info, allow_private=True)


def _socket(addr_info: AddrInfo, *, allow_private: bool) -> socket.socket:
    family, kind, protocol, _, address = addr_info
    if not is_permitted(str(address[0]), allow_private=allow_private):
        raise AddressRefused
    return socket.socket(family, kind, protocol)


def _meant(ip: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 address stands for, if it does, or itself."""
    if isinstance(ip, IPv4Address):
        return ip
    if ip in _TRANSLATED:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or ip


# RFC 6052: what resolvers give for IPv4 hosts in networks that have IPv6 only.
_TRANSLATED = IPv6Network("64:ff9b::/96")
