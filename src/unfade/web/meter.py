"""What is counted, for Prometheus: requests, and what the ledger knows."""

from __future__ import annotations

import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from unfade.errors import AwayError
from unfade.web.service import Service

_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE")


class Meter:
    """ASGI middleware that counts requests and how long their answers take to begin."""

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        self._app = app
        self._requests = Counter("unfade_http_requests", "Requests answered", ["method", "route", "status"], registry=registry)
        self._seconds = Histogram("unfade_http_seconds", "Seconds until an answer begins", ["route"], registry=registry)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on, and count."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()

        async def send_counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                # the route's pattern, never the address: ids in it are secrets
                route = getattr(scope.get("route"), "path", "none")
                method = scope["method"] if scope["method"] in _METHODS else "other"
                self._requests.labels(method, route, str(message["status"])).inc()
                self._seconds.labels(route).observe(time.perf_counter() - began)
            await send(message)

        await self._app(scope, receive, send_counted)


def watch_ledger(service: Service, registry: CollectorRegistry) -> None:
    """Gauges that look into the ledger when they are asked; not a number while it cannot be reached."""
    numbers: dict[str, tuple[str, Callable[[], float]]] = {
        "unfade_jobs_queued": ("Jobs that wait", lambda: service.ledger.counts()[0]),
        "unfade_jobs_running": ("Jobs that run", lambda: service.ledger.counts()[1]),
        "unfade_jobs_done": ("Jobs done since the ledger began", lambda: service.ledger.total("done")),
        "unfade_jobs_failed": ("Jobs failed since the ledger began", lambda: service.ledger.total("failed")),
        "unfade_workers": ("Workers that live", service.ledger.workers),
        "unfade_disk_free_bytes": ("Free space for photographs", service.store.free_bytes),
    }
    for name, (text, number) in numbers.items():
        Gauge(name, text, registry=registry).set_function(_or_nan(number))


def _or_nan(number: Callable[[], float]) -> Callable[[], float]:
    def asked() -> float:
        try:
            return number()
        except (AwayError, OSError):
            return float("nan")

    return asked
