"""/jobs: a photograph is restored; how far that is; what came of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from unfade.queue.options import Id, Options
from unfade.queue.records import OVER
from unfade.web.downloads import attachment, drops, result_response, zip_of
from unfade.web.problems import described, not_found
from unfade.web.requests import Location, ResultFormat
from unfade.web.responses import (
    JobResponse,
)
from unfade.web.routes.contract import API, CHANGES, COMMON, OF_JOB, PICTURES, RECORD, STREAM, JobIds, Quality, S, binary
from unfade.web.routes.masks import mask_file
from unfade.web.service import Service

EVENTS_S = 0.3
router = APIRouter(prefix=API)


@router.post("/photos/{photo_id}/jobs", tags=["jobs"], status_code=202, responses=described(*CHANGES, "queue-full"))
def post_job(photo_id: Id, body: Options, response: Response, service: S) -> JobResponse:
    """Have a photograph restored, colored, or both."""
    job = service.submit(service.photo(photo_id), body)
    response.headers["Location"] = f"/api/v1/jobs/{job.id}"
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


async def _events(service: Service, job_ids: Sequence[str]) -> AsyncIterator[ServerSentEvent]:
    """What is new of these jobs, until all are over."""
    said: dict[str, str | None] = {}

    def look() -> dict[str, str | None]:
        jobs = {job_id: service.ledger.job(job_id) for job_id in job_ids if said.get(job_id, "") is not None}
        over.update(job_id for job_id, job in jobs.items() if job is None or job.state in OVER)
        return {job_id: None if job is None else service.job_response(job).model_dump_json() for job_id, job in jobs.items()}

    over: set[str] = set()
    while True:
        for job_id, state in (await run_in_threadpool(look)).items():
            if state is None:
                yield ServerSentEvent(json.dumps({"id": job_id}), event="gone")
            elif state != said.get(job_id, ""):
                yield ServerSentEvent(state, event="job")
            said[job_id] = state
        if len(over) == len(set(job_ids)):
            yield ServerSentEvent("{}", event="end")
            return
        await asyncio.sleep(EVENTS_S)


@router.get("/jobs/{job_id}/events", tags=["jobs"], response_class=Response, responses=STREAM | described(*COMMON))
def get_job_events(job_id: Id, service: S) -> EventSourceResponse:
    """Server-sent events: the job at once and at each change (`job`), then `end`."""
    return EventSourceResponse(_events(service, [service.job(job_id).id]))


@router.get("/events", tags=["jobs"], response_class=Response, responses=STREAM | described("token-needed", "invalid"))
def get_events(jobs: JobIds, service: S) -> EventSourceResponse:
    """Server-sent events of many jobs in one stream; for those that are not there, `gone`."""
    return EventSourceResponse(_events(service, list(dict.fromkeys(jobs.split(",")))))


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

    What a format cannot hold, X-Unfade-Losses says.
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


@router.get("/zip", tags=["jobs"], response_class=Response, responses=binary("application/zip") | described(*OF_JOB))
def getzip_of(
    jobs: JobIds, service: S, format: ResultFormat = "same", quality: Quality = None, location: Location | None = None
) -> StreamingResponse:
    """The results of several jobs, and their records, in one file."""
    wanted = [service.done_job(job_id) for job_id in dict.fromkeys(jobs.split(","))]
    found = [(job, service.photo(job.photo_id), result) for job, result in wanted]
    pieces = zip_of(service, found, format, quality, drops(service, location))
    return StreamingResponse(pieces, media_type="application/zip", headers=attachment("unfade.zip"))
