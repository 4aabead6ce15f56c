"""Connections are bounded: how many there are, and how long a client may take over its half of a request.

uvicorn waits as long as it takes for the rest of a request's head, and for a client that reads its answer
slowly. Some 1,000 clients that send half a line and no more would then take every file descriptor of the
process. Here:

- A head that is not whole within `HEAD_S` ends its connection. So does an answer of which nothing is read for
  `STALL_S`.
- Where as many connections are open as may be, a new one takes the place of the one that has waited longest
  for its head. So whoever sends a whole request at once is always served.
- A client may have `share` of all connections; beyond that, its own longest wait ends first.
- Nothing of this is logged.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from typing import cast

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from unfade.web.clients import Proxies, network_of

HEAD_S = 10.0  # a slow phone sends a head in one or two seconds
STALL_S = 60.0
RESERVED_FILES = 384  # for the ledger's connections (3 for each of 40 threads), files, pipes to children, accepting itself
WANTED_FILES = 8192
ACCEPT_AT_ONCE = 32  # asyncio takes in so many before it looks at what came of the first
BACKLOG = 1024  # what the kernel holds meanwhile


def max_connections() -> int:
    """How many connections this process has file descriptors for; its soft limit is raised if it may be."""
    if sys.platform == "win32":
        return 512
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED_FILES if hard == resource.RLIM_INFINITY else min(WANTED_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    files = WANTED_FILES if soft == resource.RLIM_INFINITY else min(WANTED_FILES, soft)
    return max(16, files - RESERVED_FILES)


@dataclass
class Places:
    """Which connections there are, and which of them wait for the rest of a head, the longest first."""

    limit: int
    proxies: Proxies  # theirs are the connections of many
    open: int = 0
    of: Counter[str] = field(default_factory=Counter)
    waiting: OrderedDict[BoundedProtocol, str] = field(default_factory=OrderedDict)

    @property
    def share(self) -> int:
        """How many one client may have: the rest is for the others."""
        return max(8, self.limit * 3 // 4)

    def enter(self, connection: BoundedProtocol, client: str) -> BoundedProtocol | None:
        """Count a connection in; gives the one that has to go for it."""
        self.open += 1
        self.of[client] += 1
        self.waiting[connection] = client
        if self.of[client] > self.share and not self.proxies.include(client):
            displaced = next(other for other, whose in self.waiting.items() if whose == client)
        elif self.open > self.limit:
            displaced = next(iter(self.waiting))
        else:
            return None
        del self.waiting[displaced]  # it ends a moment later; the next one has to displace another
        return displaced

    def leave(self, connection: BoundedProtocol, client: str) -> None:
        """Count a connection out."""
        self.open -= 1
        self.of[client] -= 1
        if not self.of[client]:
            del self.of[client]
        self.waiting.pop(connection, None)

    def wait(self, connection: BoundedProtocol, client: str) -> None:
        """A connection waits for a head from now on."""
        self.waiting.pop(connection, None)
        self.waiting[connection] = client

    def serve(self, connection: BoundedProtocol) -> None:
        """A connection's head is whole."""
        self.waiting.pop(connection, None)


class BoundedProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 with bounds on what a client may keep waiting."""

    places: Places  # of the server; set by `protocol_class`

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See `asyncio.Protocol`."""
        super().connection_made(transport)
        self._client = network_of(self.client[0] if self.client else "")
        self._head_timer: asyncio.TimerHandle | None = None
        self._stall_timer: asyncio.TimerHandle | None = None
        self._await_head()
        displaced = self.places.enter(self, self._client)
        if displaced is not None:
            displaced.end()

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._stop(self._head_timer)
        self._stop(self._stall_timer)
        self.places.leave(self, self._client)
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """What has come is looked at; a whole head ends the wait for it."""
        before = self.cycle
        super().handle_events()
        if self.cycle is not before:
            self._stop(self._head_timer)
            self._head_timer = None
            if not self.cycle.response_complete:
                self.places.serve(self)

    def on_response_complete(self) -> None:
        """The answer is out: the next head may come, and has its time, too."""
        self._await_head()
        self.places.wait(self, self._client)
        super().on_response_complete()

    def pause_writing(self) -> None:
        """The client reads more slowly than we write."""
        super().pause_writing()
        self._stop(self._stall_timer)
        self._stall_timer = self.loop.call_later(STALL_S, self.end)

    def resume_writing(self) -> None:
        """The client has read on."""
        super().resume_writing()
        self._stop(self._stall_timer)
        self._stall_timer = None

    def end(self) -> None:
        """Close the connection now, whatever is on its way."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.abort()

    def _await_head(self) -> None:
        self._stop(self._head_timer)
        self._head_timer = self.loop.call_later(HEAD_S + self.timeout_keep_alive * bool(self.cycle), self.end)

    @staticmethod
    def _stop(timer: asyncio.TimerHandle | None) -> None:
        if timer is not None:
            timer.cancel()


def protocol_class(places: Places) -> type[asyncio.Protocol]:
    """The protocol for uvicorn, of a server that has these places."""
    return cast(type[asyncio.Protocol], type("Bounded", (BoundedProtocol,), {"places": places}))


class BoundedServer(uvicorn.Server):
    """uvicorn's server that takes in few connections at once, while the kernel keeps many waiting."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        await super().startup(sockets)
        for listening in sockets or ():
            listening.listen(BACKLOG)
