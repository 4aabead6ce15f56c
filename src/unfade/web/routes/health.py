"""/healthz and /metrics: for whoever watches the server."""

from __future__ import annotations

import logging
from importlib.metadata import version

from fastapi import APIRouter, Request, Response
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from unfade.errors import AwayError
from unfade.web.problems import described
from unfade.web.responses import HealthResponse
from unfade.web.routes.contract import S

log = logging.getLogger(__name__)
router = APIRouter(tags=["health"])


@router.get("/healthz", responses={503: {"model": HealthResponse, "description": "The ledger or the storage is away"}})
def get_health(response: Response, service: S) -> HealthResponse:
    """Whether the server works, and whether there is a worker. 503 where its ledger or its storage cannot
    be reached.
    """
    queued = running = workers = 0
    try:
        service.ledger.check()
        queued, running = service.ledger.counts()
        workers = service.ledger.workers()
        status = "ok" if workers else "no-worker"
        try:
            service.store.check()
        except AwayError as error:
            log.warning("%s", error)
            status = "storage-away"
    except (AwayError, OSError) as error:
        log.warning("%s", error)
        status = "ledger-away"
    if status.endswith("-away"):
        response.status_code = 503
        response.headers["Retry-After"] = "5"
    return HealthResponse.model_validate(
        {"status": status, "version": version("unfade"), "queued": queued, "running": running, "workers": workers}
    )


@router.get(
    "/metrics",
    response_class=Response,
    responses=described("token-needed") | {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def get_metrics(request: Request) -> Response:
    """Prometheus's text format."""
    return Response(generate_latest(request.app.state.registry), media_type=CONTENT_TYPE_LATEST)
