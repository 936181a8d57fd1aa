"""The home of `Pools`: connections to the hosts of members, made by rule and kept for a while."""

from __future__ import annotations

import asyncio
import ssl
from functools import cached_property
from typing import NamedTuple

from aiohappyeyeballs import start_connection

from beacon.addresses import AddressRefused, any_socket, public_socket
from beacon.network.connections import Connection
from beacon.network.guard import Manners
from beacon.network.incoming import NoConnection
from beacon.network.names import Names
from beacon.network.states import MemberFailure, State

NEXT_ADDRESS_S = 0.25
"""How long an address may be silent before the next one of a host is tried as well."""


class Origin(NamedTuple):
    """Who is spoken to. Those that may have private addresses share no connection with others."""

    is_secure: bool
    host: str
    port: int
    allow_private: bool


class Pools:
    """All connections, those that are in use and those that are kept, until it is closed."""

    def __init__(self, manners: Manners) -> None:
        """Nothing is taken from the environment but which authorities are trusted."""
        self.manners = manners
        self.names = Names(manners.dns_cache_s)
        self.open: set[Connection] = set()
        self._pools: dict[Origin, Pool] = {}
        self._sweeping: asyncio.TimerHandle | None = None
        self._emptied: asyncio.Event | None = None

    def of(self, origin: Origin) -> Pool:
        """The connections to a host and port."""
        pool = self._pools.get(origin)
        if pool is None:
            pool = self._pools[origin] = Pool(self, origin)
        return pool

    @cached_property
    def trust(self) -> ssl.SSLContext:
        """Who vouches for hosts: the authorities of the system. Names of hosts are checked."""
        return ssl.create_default_context()

    async def close(self) -> None:
        """Close every connection, and wait until they are."""
        self.names.close()
        if self._sweeping is not None:
            self._sweeping.cancel()
        self._emptied = asyncio.Event()
        for one in tuple(self.open):
            one.abandon()
        if self.open:
            await self._emptied.wait()

    def lost(self, connection: Connection) -> None:
        """One is closed."""
        self.open.discard(connection)
        if self._emptied is not None and not self.open:
            self._emptied.set()

    def sweep_later(self, now: float) -> None:
        """See to it that what is not used from now on is closed in time."""
        if self._sweeping is None:
            loop = asyncio.get_running_loop()
            self._sweeping = loop.call_at(now + self.manners.keep_alive_s, self._sweep)

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        since = loop.time() - self.manners.keep_alive_s
        oldest = [one for pool in self._pools.values() if (one := pool.close_idle(since))]
        self._sweeping = None
        if oldest:
            self.sweep_later(min(oldest))


class Pool:
    """The connections to one host and port."""

    def __init__(self, pools: Pools, origin: Origin) -> None:
        """There are none yet."""
        self._pools, self._origin = pools, origin
        self._idle: list[Connection] = []

    def take(self) -> Connection | None:
        """One that is kept, the last used first, to be used by nobody else meanwhile."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                return connection
        return None

    async def connect(self) -> Connection:
        """A new one.

        Raises:
            NoConnection: There is none, or not in time.
            MemberFailure: Where it leads, or who answers there, is not permitted.
        """
        origin, pools = self._origin, self._pools
        loop = asyncio.get_running_loop()
        connect_s = pools.manners.connect_s
        try:
            found = await pools.names.addresses(origin.host, origin.port)
        except OSError as error:
            raise NoConnection("its host name is not known") from error
        try:
            async with asyncio.timeout(connect_s):
                sock = await start_connection(
                    found,
                    happy_eyeballs_delay=NEXT_ADDRESS_S,
                    loop=loop,
                    socket_factory=any_socket if origin.allow_private else public_socket,
                )
                _, connection = await loop.create_connection(
                    lambda: Connection(self),
                    sock=sock,
                    ssl=pools.trust if origin.is_secure else None,
                    server_hostname=origin.host if origin.is_secure else None,
                )
        except TimeoutError as error:
            pools.names.forget(origin.host, origin.port)
            raise NoConnection(f"no connection within {connect_s:g} s") from error
        except AddressRefused as error:
            raise MemberFailure(State.UNREACHABLE, "its address is not a public one") from error
        except ssl.SSLError as error:
            raise MemberFailure(State.UNREACHABLE, "its certificate is not accepted") from error
        except (OSError, RuntimeError) as error:
            # The event loop raises either when a socket is closed meanwhile.
            pools.names.forget(origin.host, origin.port)
            refused = isinstance(error, ConnectionRefusedError)
            raise NoConnection("refuses connections" if refused else "no connection") from error
        return connection

    def close_idle(self, since: float) -> float | None:
        """Close what was not used since then; since when the longest of the others was not."""
        gone = [one for one in self._idle if one.idle_since <= since]
        del self._idle[: len(gone)]
        for one in gone:
            one.abandon()
        return self._idle[0].idle_since if self._idle else None

    def made(self, connection: Connection) -> None:
        """One is open."""
        self._pools.open.add(connection)

    def keep(self, connection: Connection) -> None:
        """One can be used again."""
        connection.idle_since = now = asyncio.get_running_loop().time()
        self._idle.append(connection)
        self._pools.sweep_later(now)

    def lost(self, connection: Connection) -> None:
        """One is closed."""
        if connection in self._idle:
            self._idle.remove(connection)
        self._pools.lost(connection)
