"""Who asks, and how much each may: clients are told apart by their network address, and take turns.

Of IPv6 a client is a /64, which is what one household or machine is given. Behind a proxy the address is
the one the proxy names, if the proxy is trusted.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import ipaddress
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Receive, Scope, Send

CLIENT: ContextVar[str] = ContextVar("client", default="")
"""The client whose request is served: the guard sets it, and limits further in count by it."""

PEER = "unfade.peer"  # in a request's scope: whose connection it is, whatever a proxy says


def network_of(address: str) -> str:
    """Whom an address belongs to, as far as limits go.

    >>> network_of("192.0.2.7"), network_of("::ffff:192.0.2.7"), network_of("2001:db8:1:2:3:4:5:6")
    ('192.0.2.7', '192.0.2.7', '2001:db8:1:2::/64')
    """
    try:
        found = ipaddress.ip_address(address.split("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((int(found) >> 64 << 64, 64)))


def mark_of(client: str) -> str:
    """A client as the ledger keeps it: told from others, not to be read back at a glance."""
    return hashlib.blake2s(client.encode(), key=b"unfade client", digest_size=8).hexdigest()


@dataclass(frozen=True)
class Proxies:
    """The proxies whose word on addresses and prefixes counts: addresses and networks, with commas
    between; `*`: all.
    """

    listed: str

    def include(self, address: str) -> bool:
        """Whether an address is one of them."""
        if self.listed.strip() == "*":
            return True
        try:
            found = ipaddress.ip_address(address.split("%")[0])
        except ValueError:
            return address in self._names()
        for name in self._names():
            with contextlib.suppress(ValueError):
                if found in ipaddress.ip_network(name, strict=False):
                    return True
        return False

    def _names(self) -> list[str]:
        return [name.strip() for name in self.listed.split(",") if name.strip()]


class RememberPeer:
    """ASGI middleware outside that which believes proxies: notes whose connection a request came by."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Note, and hand on."""
        if scope["type"] == "http" and scope.get("client"):
            scope[PEER] = scope["client"][0]
        await self._app(scope, receive, send)


@dataclass
class Pace:
    """How often each client does something: a bucket of `burst` that fills by `per_minute`.

    Remembers the last 10,000 clients.
    """

    per_minute: float
    burst: float | None = None
    _buckets: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)

    def wait_s(self, client: str, now: float) -> float:
        """0 if this is within the pace, which counts it; else seconds until it will be."""
        most = self.per_minute if self.burst is None else self.burst
        level, at = self._buckets.pop(client, (most, now))
        level = min(most, level + (now - at) * self.per_minute / 60)
        fits = level >= 1
        self._buckets[client] = (level - 1 if fits else level, now)
        if len(self._buckets) > 10_000:
            self._buckets.popitem(last=False)
        return 0.0 if fits else (1 - level) * 60 / self.per_minute


class TooManyError(Exception):
    """A client does so much at once already that more has to wait."""


class AtOnce:
    """How much of one kind each client does at once. Used in the event loop's thread."""

    def __init__(self, each: int, of_all: int | None = None) -> None:
        self._each, self._of_all = each, of_all
        self._now: Counter[str] = Counter()

    @contextmanager
    def one(self, client: str) -> Iterator[None]:
        """Do one more for as long as the block runs. Raises `TooManyError`."""
        if self._now[client] >= self._each or (self._of_all is not None and self._now.total() >= self._of_all):
            if not self._now[client]:
                del self._now[client]
            raise TooManyError
        self._now[client] += 1
        try:
            yield
        finally:
            self._now[client] -= 1
            if not self._now[client]:
                del self._now[client]


class Turns:
    """So many places for work, for which clients wait in turn: one that asks for much waits behind its own.

    No client has all places at once, so that another's work begins at once. Used in the event loop's thread.
    """

    def __init__(self, places: int, *, waiting_each: int, waiting_all: int) -> None:
        self._places, self._waiting_each, self._waiting_all = places, waiting_each, waiting_all
        self._working: Counter[str] = Counter()
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @property
    def _each(self) -> int:
        return max(1, self._places - 1)

    def _may_work(self, client: str) -> bool:
        return self._working.total() < self._places and self._working[client] < self._each

    @asynccontextmanager
    async def one(self, client: str) -> AsyncIterator[None]:
        """Have a place for as long as the block runs, once it is this client's turn.

        Raises `TooManyError`.
        """
        if not self._may_work(client):
            await self._wait(client)
        else:
            self._working[client] += 1
        try:
            yield
        finally:
            self._working[client] -= 1
            if not self._working[client]:
                del self._working[client]
            self._call_next()

    async def _wait(self, client: str) -> None:
        queue = self._waiting.setdefault(client, deque())
        if len(queue) >= self._waiting_each or sum(map(len, self._waiting.values())) >= self._waiting_all:
            if not queue:
                del self._waiting[client]
            raise TooManyError
        called: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(called)
        try:
            await called
        except asyncio.CancelledError:
            if called.done() and not called.cancelled():  # called and cancelled at once: the place goes to the next
                self._working[client] -= 1
                self._call_next()
            elif called in queue:
                queue.remove(called)
            raise

    def _call_next(self) -> None:
        """Give free places to those whose turn it is; whoever gets one goes to the end of the line."""
        for client in list(self._waiting):
            queue = self._waiting[client]
            while queue and queue[0].done():  # it was cancelled
                queue.popleft()
            if not queue:
                del self._waiting[client]
            elif self._may_work(client):
                self._working[client] += 1
                self._waiting.move_to_end(client)
                queue.popleft().set_result(None)
                if not queue:
                    del self._waiting[client]
