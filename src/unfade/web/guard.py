"""WHO MAY ASK, FROM WHERE, AND HOW MUCH: everything that is decided before a request reaches its function.

In this order: the name by which the server is called (against DNS rebinding), the site that asks (against
cross-site request forgery), how often, the token, and how much is sent and how slowly. Every answer gets the
headers that keep browsers from doing what was not meant.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import socket
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from unfade.settings import Settings
from unfade.web.problems import Problem

COOKIE = "unfade_session"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
OPEN_PATHS = frozenset({"/api/v1/session", "/healthz"})
STALL_S = 20.0  # an upload of which nothing comes for so long is given up
GUESSES_PER_MINUTE = 30  # of the token, from one address
DRAIN_BYTES, DRAIN_S = 256 << 20, 20.0
SMALL_BODY_BYTES = 4 << 20  # what is not a picture: options, with 100,000 object ids
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; font-src 'self'; "
    "manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


@dataclass(frozen=True)
class Rules:
    """What the settings allow."""

    token: str | None
    hosts: frozenset[str]
    max_upload_bytes: int
    upload_timeout_s: float
    requests_per_minute: int

    def cookie(self) -> str:
        """What a browser keeps instead of the token: it proves that the token was shown, and does not tell
        it.
        """
        assert self.token is not None
        return hmac.new(self.token.encode(), b"unfade session 1", hashlib.sha256).hexdigest()

    @property
    def shelf(self) -> str | None:
        """The id of the shelf of everyone who knows the token; None without one."""
        if self.token is None:
            return None
        made = hmac.new(self.token.encode(), b"unfade shelf 1", hashlib.sha256).digest()[:24]
        return base64.urlsafe_b64encode(made).decode()

    def knows(self, headers: Headers) -> bool:
        """Whether the request shows the token, or a cookie that was given for it."""
        if self.token is None:
            return True
        scheme, _, shown = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self.is_token(shown.strip()):
            return True
        try:
            morsel = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return False
        return morsel is not None and hmac.compare_digest(morsel.value.encode(), self.cookie().encode())

    def is_token(self, shown: str) -> bool:
        """Whether this is the token; takes as long whatever it is."""
        return self.token is not None and hmac.compare_digest(shown.encode(), self.token.encode())


def rules_of(settings: Settings) -> Rules:
    """The rules that the settings say."""
    named = {name.strip().lower() for name in settings.hosts.split(",") if name.strip()}
    return Rules(
        token=None if settings.token is None else settings.token.get_secret_value(),
        hosts=frozenset(named | {"localhost", socket.gethostname().lower()}),
        max_upload_bytes=int(settings.max_upload_mb * 1e6),
        upload_timeout_s=settings.upload_timeout_s,
        requests_per_minute=settings.requests_per_minute,
    )


def host_of(header: str) -> str | None:
    """The name in a Host header, without its port, in small letters; None where it makes no sense."""
    try:
        name = urlsplit(f"//{header}").hostname
        _ = urlsplit(f"//{header}").port
    except ValueError:
        return None
    return name.rstrip(".") if name else None


def is_known_host(header: str, hosts: frozenset[str]) -> bool:
    """Whether the server may be called so. An address is always right: rebinding needs a name."""
    name = host_of(header)
    if name is None:
        return False
    try:
        ipaddress.ip_address(name.split("%")[0])
    except ValueError:
        return name in hosts
    return True


def is_same_origin(headers: Headers) -> bool:
    """Whether a request that changes something comes from our own page, or from no page at all (a script
    sends neither header).
    """
    site = headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    if origin is None:
        return True
    try:
        asked = urlsplit(origin).netloc
    except ValueError:
        return False
    return asked.lower() == headers.get("host", "").lower()


@dataclass
class Pace:
    """How often each address asks: a bucket of a minute's requests that fills steadily.

    Remembers the last 10,000 addresses.
    """

    per_minute: int
    _buckets: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)

    def wait_s(self, address: str, now: float) -> float:
        """0 if the request is within the pace, which counts it; else seconds until one will be."""
        level, at = self._buckets.pop(address, (float(self.per_minute), now))
        level = min(float(self.per_minute), level + (now - at) * self.per_minute / 60)
        fits = level >= 1
        self._buckets[address] = (level - 1 if fits else level, now)
        if len(self._buckets) > 10_000:
            self._buckets.popitem(last=False)
        return 0.0 if fits else (1 - level) * 60 / self.per_minute


def _takes_pictures(path: str) -> bool:
    return path in ("/api/v1/photos", "/api/v1/restore", "/api/v1/colorize") or (
        path.startswith("/api/v1/photos/") and path.endswith("/masks")
    )


async def _drain(receive: Receive) -> None:
    """Read on for a while, and throw it away: who is still sending does not hear an answer, but sees a broken
    connection.
    """
    rest, deadline = DRAIN_BYTES, time.monotonic() + DRAIN_S
    while rest > 0:
        try:
            message = await asyncio.wait_for(receive(), max(0.0, deadline - time.monotonic()))
        except TimeoutError:
            return
        if message["type"] != "http.request" or not message.get("more_body", False):
            return
        rest -= len(message.get("body", b""))


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self._app, self._rules = app, rules
        self._pace = Pace(rules.requests_per_minute)
        self._guesses = Pace(min(GUESSES_PER_MINUTE, rules.requests_per_minute))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or hand on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith("/api/") or scope["path"] == "/metrics":
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        problem = self._refusal(scope)
        if problem is not None:
            if problem.code == "too-large":
                await _drain(receive)
            await problem.response()(scope, receive, send_guarded)
            return
        await self._app(scope, self._measured(scope, receive), send_guarded)

    def _refusal(self, scope: Scope) -> Problem | None:
        headers, path, rules = Headers(scope=scope), scope["path"], self._rules
        changes = scope["method"] not in SAFE_METHODS
        if not is_known_host(headers.get("host", ""), rules.hosts):
            return Problem("wrong-host", "The server does not go by that name; whoever runs it can add names with UNFADE_HOSTS.")
        if changes and not is_same_origin(headers):
            return Problem("cross-origin", "Another site asked for this; open the page of this server itself.")
        known = rules.knows(headers)
        guesses = not known and ("authorization" in headers or (changes and path in OPEN_PATHS))
        if changes or guesses:
            address = scope["client"][0] if scope.get("client") else ""
            wait_s = (self._guesses if guesses else self._pace).wait_s(address, time.monotonic())
            if wait_s > 0:
                return Problem("rate", "These are too many requests in a short time; wait a moment.", retry_after_s=wait_s)
        if (path.startswith("/api/") or path == "/metrics") and path not in OPEN_PATHS and not known:
            return Problem("token-needed", "This server wants its token first.")
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit():
            return Problem("bad-request", "The Content-Length makes no sense.")
        if int(length) > self._limit(path):
            return self._too_large(path)
        return None

    def _limit(self, path: str) -> int:
        # a form has a little around its file
        return self._rules.max_upload_bytes + 65_536 if _takes_pictures(path) else SMALL_BODY_BYTES

    def _too_large(self, path: str) -> Problem:
        megabytes = self._rules.max_upload_bytes / 1e6 if _takes_pictures(path) else SMALL_BODY_BYTES / 1e6
        return Problem(
            "too-large",
            f"The upload has more than {megabytes:,.0f} MB, which is the limit of this server.",
            headers={"Connection": "close"},
        )

    def _measured(self, scope: Scope, receive: Receive) -> Receive:
        """`receive` that raises `Problem` once too much has come, or too slowly."""
        limit, deadline, got, ended = self._limit(scope["path"]), time.monotonic() + self._rules.upload_timeout_s, 0, False

        async def measured() -> Message:
            nonlocal got, ended
            if ended:  # what is awaited from here on is the end of the connection, which may take as long as it likes
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), min(STALL_S, max(0.0, deadline - time.monotonic())))
            except TimeoutError:
                detail = "The upload came too slowly, and was given up; try again on a better connection."
                raise Problem("too-slow", detail, headers={"Connection": "close"}) from None
            if message["type"] == "http.request":
                got += len(message.get("body", b""))
                ended = not message.get("more_body", False)
                if got > limit:
                    await _drain(receive)
                    raise self._too_large(scope["path"])
            return message

        return measured
