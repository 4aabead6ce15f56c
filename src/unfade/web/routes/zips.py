"""/zips: the results of several jobs in one file."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from unfade.queue.options import Id
from unfade.web.downloads import attachment, drops
from unfade.web.problems import described, not_found
from unfade.web.requests import Location, ResultFormat, ZipOrder
from unfade.web.responses import ZipResponse
from unfade.web.routes.bodies import BoundedRoute
from unfade.web.routes.contract import API, CHANGES, OF_JOB, JobIds, MadeKey, Quality, S, at, bare, binary
from unfade.web.service import Service
from unfade.web.zips import Zip, gathered

router = APIRouter(prefix=API, tags=["jobs"], route_class=BoundedRoute)
ZIP = binary("application/zip")


@router.get("/zip", response_class=Response, responses=ZIP | described(*OF_JOB, "unwritable"))
def get_zip(
    jobs: JobIds, service: S, format: ResultFormat = "same", quality: Quality = None, location: Location | None = None
) -> StreamingResponse:
    """The results of several jobs, and their records, in one file. Its records.json says what is left out."""
    return _zip(service, jobs.split(","), Zip(service, format, quality, drops(service, location)))


@router.post("/zips", status_code=201, responses=described(*CHANGES, "not-ready", "job-failed", "unwritable"))
def post_zip(body: ZipOrder, request: Request, response: Response, service: S, key: MadeKey = None) -> ZipResponse:
    """Order a zip of the results of many jobs; tells what will be left out of it, and why."""
    items, left = gathered(service, body.jobs, body.format)
    service.require_room()
    url = at(request, f"/zips/{service.zips.keep(body, bare(key))}")
    response.headers["Location"] = url
    return ZipResponse(url=url, files=len(items), left_out=left)


@router.get("/zips/{zip_id}", response_class=Response, responses=ZIP | described(*OF_JOB, "unwritable"))
async def get_ordered_zip(zip_id: Id, service: S) -> StreamingResponse:
    """The zip that was ordered, for an hour. Its records.json says what is left out."""
    order = await run_in_threadpool(service.zips.order, zip_id)
    if order is None:
        raise not_found("zip")
    made = Zip(service, order.format, order.quality, drops(service, order.location))
    return await run_in_threadpool(_zip, service, order.jobs, made)


def _zip(service: Service, job_ids: Sequence[str], made: Zip) -> StreamingResponse:
    pieces = made.pieces(*gathered(service, job_ids, made.format))
    return StreamingResponse(pieces, media_type="application/zip", headers=attachment("unfade.zip"))
