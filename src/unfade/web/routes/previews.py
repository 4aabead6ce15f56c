"""/photos/…/preview: a small picture of what options would do, at once."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Response
from starlette.concurrency import run_in_threadpool

from unfade.queue.options import Id, Options
from unfade.queue.records import JobRecord, PhotoRecord
from unfade.web.problems import Problem, described, not_found
from unfade.web.requests import PreviewOptions
from unfade.web.routes.bodies import BoundedRoute
from unfade.web.routes.contract import API, CHANGES, JPEG, S
from unfade.web.service import Service

TIMEOUT_S = 30.0
router = APIRouter(prefix=API, route_class=BoundedRoute)


@router.post(
    "/photos/{photo_id}/preview",
    tags=["jobs"],
    response_class=Response,
    responses=JPEG | described(*CHANGES, "superseded", "job-failed", "queue-full", "busy"),
)
async def post_preview(photo_id: Id, body: PreviewOptions, service: S) -> Response:
    """The whole photograph, small, as these options would make it: an answer in about a second, beside the
    queue.
    """
    options = Options.model_validate(body.model_dump(exclude={"side_px", "strokes"}))
    photo = await run_in_threadpool(service.photo, photo_id)
    job = await run_in_threadpool(_submit, service, photo, options, body)
    path = f"photos/{photo.id}/previews/{job.id}.jpg"
    try:
        ended = await service.ended(job.id, timeout_s=TIMEOUT_S, poll_s=0.03)
        if ended is None or ended.state == "failed":
            await run_in_threadpool(service.photo, photo_id)  # a 404 if that is why
        if ended is None:
            raise Problem("busy", "The preview took too long; try again in a moment.", retry_after_s=5)
        if ended.state == "cancelled":
            raise Problem("superseded", "A newer preview of this photograph was asked for.")
        if ended.state == "failed":
            raise Problem("job-failed", ended.error or "The preview failed.")
        try:
            data = await run_in_threadpool(service.store.read, path)
        except FileNotFoundError:
            raise not_found("photograph") from None
        return Response(data, media_type="image/jpeg")
    finally:
        await asyncio.shield(run_in_threadpool(_forget_preview, service, job.id, path))


def _submit(service: Service, photo: PhotoRecord, options: Options, body: PreviewOptions) -> JobRecord:
    return service.submit(photo, options, "preview", side_px=body.side_px, strokes=body.strokes)


def _forget_preview(service: Service, job_id: str, path: str) -> None:
    service.ledger.remove_job(job_id)
    service.store.remove(path)
