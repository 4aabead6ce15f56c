"""The server is put together: the page, the API, health and metrics, behind the guard."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.concurrency import run_in_threadpool

from unfade.queue.messages import recover, succeeds, sweep
from unfade.queue.worker import SWEEP_S
from unfade.settings import Settings
from unfade.web import meter, openapi, problems, routes
from unfade.web.guard import Guard
from unfade.web.review import sweep_views
from unfade.web.routes.page import PageFiles
from unfade.web.service import Service

Chore = Callable[[], object]


def create_app(settings: Settings, *, wake: Callable[[], None] = lambda: None) -> Guard:
    """The application, behind its guard.

    Opens the ledger and the files; its lifespan looks after lost jobs and lets go in the end.

    `wake` is called when there is something for workers to do. Raises `UsageError` where the settings
    name what cannot be used.
    """
    service = Service(settings, wake=wake)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
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
    app.state.service, app.state.page, app.state.registry = service, PageFiles(), CollectorRegistry()
    problems.install(app)
    routes.install(app)
    openapi.add(app)
    meter.watch_ledger(service, app.state.registry)
    return Guard(meter.Meter(app, app.state.registry), service.rules)


async def _keep(service: Service) -> None:
    """Put lost jobs back and delete what has expired, for as long as the server runs; workers do the same."""
    often: tuple[Chore, ...] = (service.store.scratch.clear, lambda: recover(service.ledger, service.queue, service.settings))
    seldom: tuple[Chore, ...] = (
        lambda: sweep(service.ledger, service.store, now=time.time()),
        service.shelves.sweep,
        service.zips.sweep,
        lambda: sweep_views(service.store),
    )
    swept = 0.0
    while True:
        for chore in often:
            await run_in_threadpool(succeeds, chore)
        if time.monotonic() - swept > 60 and all([await run_in_threadpool(succeeds, chore) for chore in seldom]):
            swept = time.monotonic()
        await asyncio.sleep(SWEEP_S)
