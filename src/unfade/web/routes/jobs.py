"""/jobs: a photograph is restored; how far that is; what came of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from fastapi import APIRouter, Request, Response
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool

from unfade.queue.options import Id, Options
from unfade.web.clients import CLIENT, TooManyError
from unfade.web.downloads import attachment, drops, result_response
from unfade.web.problems import Problem, described, not_found
from unfade.web.requests import Location, ResultFormat
from unfade.web.responses import (
    JobResponse,
)
from unfade.web.routes.bodies import BoundedRoute
from unfade.web.routes.contract import API, CHANGES, COMMON, OF_JOB, PICTURES, RECORD, STREAM, JobIds, JobKey, Quality, S, at, binary
from unfade.web.routes.masks import mask_file
from unfade.web.service import Service

router = APIRouter(prefix=API, route_class=BoundedRoute)


@router.post("/photos/{photo_id}/jobs", tags=["jobs"], status_code=202, responses=described(*CHANGES, "queue-full"))
def post_job(photo_id: Id, body: Options, request: Request, response: Response, service: S, key: JobKey = None) -> JobResponse:
    """Have a photograph restored, colored, or both."""
    job = service.submit(service.photo(photo_id), body, key=None if key is None else key.strip('"'))
    response.headers["Location"] = at(request, f"/jobs/{job.id}")
    return service.job_response(job)


@router.get("/jobs/{job_id}", tags=["jobs"], responses=described(*COMMON))
def get_job(job_id: Id, service: S) -> JobResponse:
    """A job, and how far it has come."""
    return service.job_response(service.job(job_id))


@router.delete("/jobs/{job_id}", tags=["jobs"], status_code=204, responses=described(*CHANGES))
def delete_job(job_id: Id, service: S) -> Response:
    """Stop a job, if it is not done, and delete what came of it. Its mask stays until the photograph goes."""
    job = service.job(job_id)
    service.ledger.remove_job(job.id)
    service.store.remove(f"photos/{job.photo_id}/jobs/{job.id}")
    return Response(status_code=204)


def _stream(service: Service, job_ids: Sequence[str]) -> EventSourceResponse:
    """What is new of these jobs, as server-sent events.

    Raises a 429 for a client that has many streams already.
    """
    held = ExitStack()
    try:
        held.enter_context(service.watch.streams.one(CLIENT.get()))
    except TooManyError:
        detail = "These are too many streams of events at once; close some, or ask for many jobs in one."
        raise Problem("rate", detail, retry_after_s=5) from None

    async def events() -> AsyncIterator[ServerSentEvent]:
        with held:
            async for event in service.watch.events(job_ids):
                yield event

    return EventSourceResponse(events(), background=BackgroundTask(held.close))


@router.get("/jobs/{job_id}/events", tags=["jobs"], response_class=Response, responses=STREAM | described(*COMMON))
async def get_job_events(job_id: Id, service: S) -> EventSourceResponse:
    """Server-sent events: the job at once and at each change (`job`), then `end`."""
    job = await run_in_threadpool(service.job, job_id)
    return _stream(service, [job.id])


@router.get("/events", tags=["jobs"], response_class=Response, responses=STREAM | described("token-needed", "invalid"))
async def get_events(jobs: JobIds, service: S) -> EventSourceResponse:
    """Server-sent events of many jobs in one stream; for those that are not there, `gone`."""
    return _stream(service, list(dict.fromkeys(jobs.split(","))))


@router.get(
    "/jobs/{job_id}/result",
    tags=["jobs"],
    response_class=Response,
    responses=binary(*PICTURES) | described(*OF_JOB, "unwritable", "busy"),
)
async def get_result(
    job_id: Id, service: S, format: ResultFormat = "same", quality: Quality = None, location: Location | None = None
) -> Response:
    """What came out, in the format that came in (`same`) or another.

    What a format cannot hold, X-Unfade-Losses says; what was noticed, X-Unfade-Notes.
    """
    job, result = await run_in_threadpool(service.done_job, job_id)
    photo = await run_in_threadpool(service.photo, job.photo_id)
    return await result_response(service, job, photo, result, format, quality, drops(service, location))


@router.get("/jobs/{job_id}/mask", tags=["jobs"], response_class=Response, responses=binary("image/png") | described(*OF_JOB))
def get_job_mask(job_id: Id, service: S) -> Response:
    """The damage that was found, or the mask that was given: PNG, white = lost."""
    job, _ = service.done_job(job_id)
    if job.mask_id is None:
        raise not_found("mask")
    return mask_file(service, job.photo_id, job.mask_id)


@router.get("/jobs/{job_id}/record", tags=["jobs"], response_class=Response, responses=RECORD | described(*OF_JOB))
def get_record(job_id: Id, service: S) -> Response:
    """What was done: steps, models, strengths, how many pixels changed."""
    job, result = service.done_job(job_id)
    try:
        data = service.store.read(f"{result.folder}/record.json")
    except FileNotFoundError:
        raise not_found("record") from None
    name = f"{Path(service.photo(job.photo_id).name).stem}.restored.json"
    return Response(data, media_type="application/json", headers=attachment(name))
