"""WHO MAY ASK, FROM WHERE, AND HOW MUCH: everything that is decided before a request reaches its
function.

In this order: the name by which the server is called (against DNS rebinding), the site that asks (against
cross-site request forgery), how often and how much at once, the token, and how much is sent and how
slowly. Every answer gets the headers that keep browsers from doing what was not meant.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import re
import socket
import time
from collections import OrderedDict
from contextlib import ExitStack
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from unfade.errors import UsageError
from unfade.settings import Settings
from unfade.web.clients import CLIENT, PEER, AtOnce, Pace, Proxies, TooManyError, network_of
from unfade.web.problems import Problem

COOKIE = "unfade_session"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
OPEN_PATHS = frozenset({"/api/v1/session", "/healthz"})
STALL_S = 20.0  # an upload of which nothing comes for so long is given up
GUESSES_PER_MINUTE = 30  # of the token, from one client
STRANGERS_GUESSES_PER_MINUTE = 60  # from all who never showed it, together: many addresses make no more guesses
AT_ONCE, UPLOADS_AT_ONCE = 100, 16  # requests of one client; a browser has six for each page that it shows
DRAIN_BYTES, DRAIN_S = 256 << 20, 20.0
EDIT_BYTES = 1 << 20  # what holds 100,000 numbers of components, or 50,000 points of strokes
SMALL_BYTES = 64 << 10  # any other body that is no picture
PREFIX = "unfade.prefix"  # in a request's scope: the path under which a proxy shows this server
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
    proxies: Proxies
    root_path: str

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
        own = self.cookie().encode()
        return any(hmac.compare_digest(value.encode(), own) for value in cookies_of(headers, COOKIE))

    def is_token(self, shown: str) -> bool:
        """Whether this is the token; takes as long whatever it is."""
        return self.token is not None and hmac.compare_digest(shown.encode(), self.token.encode())


def rules_of(settings: Settings) -> Rules:
    """The rules that the settings say. Raises `UsageError` for a root path that is none."""
    if settings.root_path and not is_prefix(settings.root_path):
        raise UsageError(f"the root path is {settings.root_path}, under which no server can lie; write it as /unfade")
    named = {name.strip().lower() for name in settings.hosts.split(",") if name.strip()}
    return Rules(
        token=None if settings.token is None else settings.token.get_secret_value(),
        hosts=frozenset(named | {"localhost", socket.gethostname().lower()}),
        max_upload_bytes=int(settings.max_upload_mb * 1e6),
        upload_timeout_s=settings.upload_timeout_s,
        requests_per_minute=settings.requests_per_minute,
        proxies=Proxies(settings.trusted_proxies),
        root_path=settings.root_path,
    )


def cookies_of(headers: Headers, name: str) -> list[str]:
    """The values of our cookie in the Cookie headers, whatever other programs of this host have put
    beside it.

    Each browser sends what it was given, and many programs write what RFC 6265 forbids: nothing but our
    own name and value is read.
    """
    parts = (part.strip().partition("=") for header in headers.getlist("cookie") for part in header.split(";"))
    return [value.strip().strip('"') for found, _, value in parts if found.strip() == name]


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


def is_prefix(said: str) -> bool:
    """Whether this is a path that a server may lie under: whole names, each after a slash.

    >>> is_prefix("/photos/unfade"), is_prefix("//evil.example"), is_prefix("/a\\r\\nb"), is_prefix("")
    (True, False, False, False)
    """
    return len(said) <= 200 and re.fullmatch(r"(/[A-Za-z0-9_~-][A-Za-z0-9_~.-]*)+", said) is not None


def _headless(send: Send) -> Send:
    """`send` for an answer to HEAD: it ends where its body would begin."""
    over = False

    async def send_head(message: Message) -> None:
        nonlocal over
        if message["type"] == "http.response.start":
            await send(message)
            over = True
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        elif not over:
            await send(message)

    return send_head


def _guarded(path: str, send: Send) -> Send:
    """`send` that gives every answer the headers that keep browsers in check."""

    async def send_guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            if path.startswith("/api/") or path == "/metrics":
                headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return send_guarded


class Strangers:
    """Clients that have never shown the token share a limit on guesses.

    Those that have shown it are remembered, and do not.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[str, None] = OrderedDict()
        self._pace = Pace(STRANGERS_GUESSES_PER_MINUTE, burst=GUESSES_PER_MINUTE)

    def know(self, client: str) -> None:
        """Remember that a client has shown the token."""
        self._known[client] = None
        self._known.move_to_end(client)
        if len(self._known) > 1000:
            self._known.popitem(last=False)

    def wait_s(self, client: str, now: float) -> float:
        """0 if a guess is within the limit, which counts it; else seconds until it will be."""
        return 0.0 if client in self._known else self._pace.wait_s("", now)


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self._app, self._rules = app, rules
        self._pace = Pace(rules.requests_per_minute)
        self._guesses = Pace(min(GUESSES_PER_MINUTE, rules.requests_per_minute))
        self._strangers = Strangers()
        self._requests, self._uploads = AtOnce(AT_ONCE), AtOnce(UPLOADS_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or hand on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope = self._at_home(scope)
        send = _guarded(scope["path"], _headless(send) if scope["method"] == "HEAD" else send)
        if not scope["path"]:  # the prefix without a slash: the page's addresses count from where it lies
            await Response(status_code=308, headers={"Location": f"{scope[PREFIX]}/"})(scope, receive, send)
            return
        client = network_of(scope["client"][0]) if scope.get("client") else ""
        with ExitStack() as held:
            problem = self._refusal(scope, client) or self._too_much(scope, client, held)
            if problem is not None:
                if problem.code == "too-large" and "expect" not in Headers(scope=scope):
                    await _drain(receive)
                await problem.response()(scope, receive, send)
                return
            if scope["method"] == "HEAD":
                scope = dict(scope, method="GET")
            token = CLIENT.set(client)
            try:
                await self._app(scope, self._measured(scope, receive), send)
            finally:
                CLIENT.reset(token)

    def _at_home(self, scope: Scope) -> Scope:
        """The request as it would be without a proxy that shows the server under a prefix.

        The prefix is the setting's, or what a trusted proxy says. A proxy may have taken it off the path,
        or not.
        """
        prefix = self._rules.root_path
        peer = scope.get(PEER) or (scope["client"][0] if scope.get("client") else "")
        if not prefix and self._rules.proxies.include(peer):
            said = Headers(scope=scope).get("x-forwarded-prefix", "").rstrip("/")
            prefix = said if is_prefix(said) else ""
        path = scope["path"]
        if prefix and (path == prefix or path.startswith(f"{prefix}/")):
            path = path[len(prefix) :]
        return dict(scope, path=path, root_path="", **{PREFIX: prefix})

    def _too_much(self, scope: Scope, client: str, held: ExitStack) -> Problem | None:
        """Count a request in for as long as `held` lasts; a problem where its client has too many at once."""
        try:
            held.enter_context(self._requests.one(client))
            if scope["method"] == "POST" and _takes_pictures(scope["path"]):
                held.enter_context(self._uploads.one(client))
        except TooManyError:
            return Problem("rate", "These are too many requests at once; wait until some are answered.", retry_after_s=1)
        return None

    def _refusal(self, scope: Scope, client: str) -> Problem | None:
        headers, path, rules = Headers(scope=scope), scope["path"], self._rules
        changes = scope["method"] not in SAFE_METHODS
        if not is_known_host(headers.get("host", ""), rules.hosts):
            return Problem("wrong-host", "The server does not go by that name; whoever runs it can add names with UNFADE_HOSTS.")
        if changes and not is_same_origin(headers):
            return Problem("cross-origin", "Another site asked for this; open the page of this server itself.")
        known = rules.knows(headers)
        if known:
            self._strangers.know(client)
        guesses = not known and ("authorization" in headers or (changes and path in OPEN_PATHS))
        if changes or guesses:
            now = time.monotonic()
            wait_s = (self._guesses if guesses else self._pace).wait_s(client, now)
            if guesses and wait_s == 0:
                wait_s = self._strangers.wait_s(client, now)
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
        if _takes_pictures(path):
            return self._rules.max_upload_bytes + 65_536  # a form has a little around its file
        return EDIT_BYTES if path.endswith(("/jobs", "/preview", "/edits", "/zips")) else SMALL_BYTES

    def _too_large(self, path: str) -> Problem:
        if _takes_pictures(path):
            detail = f"The upload has more than {self._rules.max_upload_bytes / 1e6:,.0f} MB, which is the limit of this server."
        else:
            detail = f"The request has more than {self._limit(path) >> 10:,} kB, which is the limit at this address."
        return Problem("too-large", detail, headers={"Connection": "close"})

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
