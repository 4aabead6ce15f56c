"""The server process: a socket, the application, and its workers."""

from __future__ import annotations

import ipaddress
import logging
import signal
import socket
from collections.abc import Callable

import uvicorn

from unfade.settings import Settings
from unfade.web.app import create_app
from unfade.web.connections import ACCEPT_AT_ONCE, BoundedServer, Places, max_connections, protocol_class
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


def serve(settings: Settings, *, say: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT.

    `say` tells the person at the terminal. Raises `OSError` where the address cannot be listened on.
    """
    logging.basicConfig(level=logging.INFO, format="%(levelname)s server: %(message)s")
    for name in ("huey", "uvicorn"):
        logging.getLogger(name).setLevel(logging.WARNING)
    listening = socket.create_server(
        (settings.host, settings.port), family=socket.AF_INET6 if ":" in settings.host else socket.AF_INET, backlog=512
    )
    # Connections inherit it. asyncio sets it only on sockets that know their protocol, and these do not.
    # Without it the second half of an answer waits for the acknowledgement of the first, which a browser
    # holds back for 40 ms.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    supervisor = Supervisor(settings.workers, settings.grace_s)
    places = Places(max_connections(), frozenset(name.strip() for name in settings.trusted_proxies.split(",")))
    config = uvicorn.Config(
        create_app(settings, wake=supervisor.wake),
        access_log=False,  # addresses hold ids, which are secrets
        log_config=None,
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=settings.trusted_proxies,
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
