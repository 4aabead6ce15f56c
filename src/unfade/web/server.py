"""The server process: a socket, the application, and its workers."""

from __future__ import annotations

import ipaddress
import signal
import socket
from collections.abc import Callable
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from unfade.errors import UsageError
from unfade.queue import logs
from unfade.settings import Settings
from unfade.web.app import create_app
from unfade.web.clients import Proxies, RememberPeer
from unfade.web.connections import ACCEPT_AT_ONCE, BACKLOG, BoundedServer, Places, max_connections, protocol_class
from unfade.web.supervisor import Supervisor


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach this address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def network_address() -> str | None:
    """This machine's address in its network, by which other devices reach it; None if it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: it only asks which way out would be taken (RFC 5737)
        except OSError:
            return None
        found = str(probe.getsockname()[0])
    return None if is_loopback(found) or found == "0.0.0.0" else found


def announcement(settings: Settings, port: int, network: str | None) -> list[str]:
    """What the person at the terminal is told: where the page is, for this machine and for others, and a
    warning.

    `network`: this machine's address in its network.
    """

    def address(host: str) -> str:
        token = "" if settings.token is None else f"#token={settings.token.get_secret_value()}"
        return f"http://{f'[{host}]' if ':' in host else host}:{port}/{token}"

    everywhere = settings.host in ("0.0.0.0", "::")
    lines = [f"Unfade is at {address('localhost' if everywhere else settings.host)}"]
    if everywhere and network is not None:
        lines.append(f"From a phone or another computer in this network: {address(network)}")
    if settings.token is None and not is_loopback(settings.host):
        lines.append("Warning: whoever can reach this machine can use it. Set UNFADE_TOKEN to a secret, and give it to those who may.")
    return lines


def _listening(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises `UsageError`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        said = getattr(error, "strerror", None) or error
        raise UsageError(f"{host}:{port} cannot be listened on ({said}); choose another with --host and --port") from error


def serve(settings: Settings, *, say: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT.

    `say` tells the person at the terminal. Raises `UsageError` where the settings name what cannot be used.
    """
    logs.set_up("server")
    supervisor = Supervisor(settings.workers, settings.grace_s)
    app = create_app(settings, wake=supervisor.wake)
    listening = _listening(settings.host, settings.port)
    # Connections inherit it. asyncio sets it only on sockets that know their protocol, and these do not.
    # Without it the second half of an answer waits for the acknowledgement of the first, which a browser
    # holds back for 40 ms.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    places = Places(max_connections(), Proxies(settings.trusted_proxies))
    config = uvicorn.Config(
        RememberPeer(cast(ASGIApp, ProxyHeadersMiddleware(cast(Any, app), settings.trusted_proxies))),
        access_log=False,  # addresses hold ids, which are secrets
        log_config=None,
        server_header=False,
        proxy_headers=False,  # done already, inside what remembers the peer
        timeout_graceful_shutdown=5,
        timeout_keep_alive=20,
        http=protocol_class(places),
        ws="none",
        backlog=ACCEPT_AT_ONCE,
        h11_max_incomplete_event_size=32_768,
        lifespan="on",
    )
    for line in announcement(settings, listening.getsockname()[1], network_address()):
        say(line)
    supervisor.start()
    # uvicorn ends gracefully on these, and then raises them once more. By then they are to do nothing: the
    # workers are yet to end.
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        BoundedServer(config).run(sockets=[listening])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        supervisor.stop()
