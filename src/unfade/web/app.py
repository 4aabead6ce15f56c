"""The server is put together: the page, the API, health and metrics, behind the guard."""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from fastapi.responses import FileResponse
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from unfade.queue.messages import recover, sweep
from unfade.queue.worker import SWEEP_S
from unfade.settings import Settings
from unfade.web import problems, routes
from unfade.web.guard import Guard
from unfade.web.problems import Problem
from unfade.web.responses import HealthResponse, ProblemResponse
from unfade.web.service import Service

log = logging.getLogger(__name__)
PAGE = Path(__file__).parent / "page"
STALE_S = 3600.0
_PAGE_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".webp": "image/webp",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
    ".md": "text/plain; charset=utf-8",
}


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
                method = scope["method"] if scope["method"] in ("GET", "HEAD", "POST", "PUT", "DELETE") else "other"
                self._requests.labels(method, route, str(message["status"])).inc()
                self._seconds.labels(route).observe(time.perf_counter() - began)
            await send(message)

        await self._app(scope, receive, send_counted)


def _watch_ledger(service: Service, registry: CollectorRegistry) -> None:
    """Gauges that look into the ledger when they are asked."""
    numbers: dict[str, tuple[str, Callable[[], float]]] = {
        "unfade_jobs_queued": ("Jobs that wait", lambda: service.ledger.counts()[0]),
        "unfade_jobs_running": ("Jobs that run", lambda: service.ledger.counts()[1]),
        "unfade_jobs_done": ("Jobs done since the ledger began", lambda: service.ledger.total("done")),
        "unfade_jobs_failed": ("Jobs failed since the ledger began", lambda: service.ledger.total("failed")),
        "unfade_workers": ("Workers that live", service.ledger.workers),
        "unfade_disk_free_bytes": ("Free space for photographs", service.store.free_bytes),
    }
    for name, (text, number) in numbers.items():
        Gauge(name, text, registry=registry).set_function(number)


def create_app(settings: Settings, *, wake: Callable[[], None] = lambda: None) -> Guard:
    """The application, behind its guard.

    Opens the ledger and the files; its lifespan looks after lost jobs and lets go in the end.

    `wake` is called when there is something for workers to do.
    """
    service = Service(settings, wake=wake)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        _clear_scratch(service.store.scratch)
        keeper = asyncio.create_task(_keep(service))
        await run_in_threadpool(service.sandbox.warm)
        yield
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)
        service.close()

    app = FastAPI(
        title="Unfade",
        version=version("unfade"),
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.service = service
    problems.install(app)
    routes.install(app)
    registry = CollectorRegistry()
    _watch_ledger(service, registry)
    _add_health(app, service, registry)
    _add_openapi(app)
    _add_page(app)
    return Guard(Meter(app, registry), service.rules)


def _clear_scratch(scratch: Path) -> None:
    """Remove what a process that was killed has left on its way."""
    for folder in scratch.iterdir():
        if time.time() - folder.stat().st_mtime > STALE_S:
            shutil.rmtree(folder, ignore_errors=True)


async def _keep(service: Service) -> None:
    """Put lost jobs back and delete what has expired, for as long as the server runs; workers do the same."""
    swept = 0.0
    while True:
        try:
            await run_in_threadpool(recover, service.ledger, service.queue, service.settings)
            if time.monotonic() - swept > 60:
                await run_in_threadpool(sweep, service.ledger, service.store, now=time.time())
                await run_in_threadpool(service.shelves.sweep)
                swept = time.monotonic()
        except Exception:
            log.exception("sweeping did not succeed; it is tried again")
        await asyncio.sleep(SWEEP_S)


def _add_health(app: FastAPI, service: Service, registry: CollectorRegistry) -> None:
    @app.get("/healthz", tags=["health"])
    def get_health() -> HealthResponse:
        """Whether the server works, and whether there is a worker."""
        queued, running = service.ledger.counts()
        workers = service.ledger.workers()
        return HealthResponse(
            status="ok" if workers else "no-worker", version=version("unfade"), queued=queued, running=running, workers=workers
        )

    @app.get(
        "/metrics",
        tags=["health"],
        response_class=Response,
        responses=problems.described("token-needed") | {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    )
    def get_metrics() -> Response:
        """Prometheus's text format."""
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


def _add_openapi(app: FastAPI) -> None:
    schema: dict[str, Any] = get_openapi(
        title="Unfade",
        version=app.version,
        summary="Restores and colors old photographs.",
        description="Errors are application/problem+json (RFC 9457). Ids cannot be guessed: who holds one may see, change and delete it.",
        routes=app.routes,
    )
    components = schema.setdefault("components", {})
    components["schemas"]["ProblemResponse"] = ProblemResponse.model_json_schema()
    for name in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(name, None)
    components["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer"},
        "cookie": {"type": "apiKey", "in": "cookie", "name": "unfade_session"},
    }
    schema["security"] = [{}, {"token": []}, {"cookie": []}]

    @app.get("/api/openapi.json", include_in_schema=False)
    def openapi() -> dict[str, Any]:
        return schema


def _add_page(app: FastAPI) -> None:
    def page_file(path: str) -> Response:
        """A file of the page; nothing outside its folder, whatever the path says."""
        if "\0" in path:
            raise Problem("not-found", "There is nothing at this address.")
        file = (PAGE / path).resolve()
        media_type = _PAGE_TYPES.get(file.suffix)
        if media_type is None or not file.is_relative_to(PAGE.resolve()) or not file.is_file():
            raise Problem("not-found", "There is nothing at this address.")
        return FileResponse(file, media_type=media_type, headers={"Cache-Control": "no-cache"})

    @app.get("/", include_in_schema=False)
    def index() -> Response:
        return page_file("index.html")

    @app.get("/favicon.ico", include_in_schema=False)
    def icon() -> Response:
        return page_file("favicon.ico")

    @app.get("/manifest.webmanifest", include_in_schema=False)
    def manifest() -> Response:
        return page_file("manifest.webmanifest")

    @app.get("/page/{path:path}", include_in_schema=False)
    def page(path: str, request: Request) -> Response:
        return page_file(path)
