"""The home of where a request comes from: the network address that limits are counted by."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

from aiohttp import hdrs, web

from beacon.framework.errors import SettingsError

_KEPT = 8192
_IPV6_BITS = 64
"""What one customer of a provider has at least: within it an address costs nothing."""

_FORWARDED_MAX = 500

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class ClientAddresses:
    """Names whoever asks by an IPv4 address, or by an IPv6 network of 64 bits.

    A proxy says in `X-Forwarded-For` for whom it asks. Anybody can write that header, so it is
    read from its end, and only as far as proxies that are trusted wrote it.
    """

    def __init__(self, trusted_proxies: Iterable[str] = ()) -> None:
        """Check the addresses and networks of the proxies.

        Raises:
            SettingsError: One of them is no address and no network.
        """
        self._trusted = tuple(_network(one) for one in trusted_proxies)
        # Whoever asks usually asks again.
        self.of_host = lru_cache(maxsize=_KEPT)(_of_host)
        self.is_trusted = lru_cache(maxsize=_KEPT)(self._is_trusted)
        self._through = lru_cache(maxsize=_KEPT)(self._before)

    def of(self, request: web.Request) -> str:
        """Who sent a request; empty when that cannot be said, as of a Unix socket."""
        host = request.remote or ""
        if not self._trusted or not self.is_trusted(host):
            return self.of_host(host)
        text = ",".join(request.headers.getall(hdrs.X_FORWARDED_FOR, ()))
        return self._through(host, text[-_FORWARDED_MAX:])

    def _before(self, host: str, forwarded: str) -> str:
        """Who asked the first of the trusted proxies, of which `host` is the last."""
        for hop in reversed([_without_port(one.strip()) for one in forwarded.split(",")]):
            # What is malformed was not written by a proxy that is trusted.
            if not self.of_host(hop):
                break
            host = hop
            if not self.is_trusted(hop):
                break
        return self.of_host(host)

    def _is_trusted(self, host: str) -> bool:
        address = _address(host)
        return address is not None and any(address in one for one in self._trusted)


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise SettingsError(
            f"server.trusted_proxies: {text} is not an address or a network, such as 10.0.0.0/8"
        ) from error


def _of_host(host: str) -> str:
    address = _address(host)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((int(address) >> _IPV6_BITS << _IPV6_BITS, _IPV6_BITS)))
    return "" if address is None else str(address)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An address; one of IPv4 that is written as IPv6 is the same one."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _without_port(hop: str) -> str:
    """`192.0.2.1:4711` and `[2001:db8::1]:4711` are written by some proxies."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop
