"""The home of `Names`: how the names of members become addresses."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from beacon.addresses import AddrInfo

THREADS = 32
"""Names that are looked up at a time; one that nobody knows can take its thread for seconds."""


class Names:
    """Asks the system, in threads of its own: slow name servers hold up nothing else."""

    def __init__(self, kept_s: float) -> None:
        """`kept_s` are the seconds that addresses are good for."""
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="names")
        self._kept_s = kept_s
        self._found: dict[tuple[str, int], tuple[float, Sequence[AddrInfo]]] = {}
        self._sought: dict[tuple[str, int], asyncio.Future[Sequence[AddrInfo]]] = {}

    async def addresses(self, host: str, port: int) -> Sequence[AddrInfo]:
        """The addresses of a host, as `socket.getaddrinfo` gives them.

        Raises:
            OSError: It has none, or nobody could say.
        """
        loop = asyncio.get_running_loop()
        known = self._found.get((host, port))
        if known is not None and loop.time() < known[0]:
            return known[1]
        sought = self._sought.get((host, port))
        if sought is None:
            sought = loop.run_in_executor(self._threads, _look_up, host, port)
            self._sought[host, port] = sought
            sought.add_done_callback(lambda done: self._end(host, port, done))
        # Others may wait for the same.
        return await asyncio.shield(sought)

    def forget(self, host: str, port: int) -> None:
        """Look its addresses up anew next time: nothing was there."""
        self._found.pop((host, port), None)

    def close(self) -> None:
        """Let the threads go, without waiting for what they wait for."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _end(self, host: str, port: int, done: asyncio.Future[Sequence[AddrInfo]]) -> None:
        del self._sought[host, port]
        if not done.cancelled() and done.exception() is None:
            until = asyncio.get_running_loop().time() + self._kept_s
            self._found[host, port] = (until, done.result())


def _look_up(host: str, port: int) -> Sequence[AddrInfo]:
    try:
        # A host that is an address needs no interface of its family to be one.
        flags = socket.AI_NUMERICHOST if _is_address(host) else socket.AI_ADDRCONFIG
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    except UnicodeError as error:
        raise OSError(f"{host!r} cannot be a host name") from error


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdecimal()
