"""Photographs and results as IIIF images (level 0)."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from starlette.responses import RedirectResponse

from unfade.queue.options import Id
from unfade.web import iiif
from unfade.web.problems import described
from unfade.web.routes.contract import API, COMMON, JPEG, OF_JOB, S, at
from unfade.web.routes.pictures import part, view_of
from unfade.web.service import Service

router = APIRouter(prefix=API, tags=["iiif"])
INFO: dict[int | str, dict[str, Any]] = {200: {"content": {iiif.MEDIA_TYPE.partition(";")[0]: {"schema": {"type": "object"}}}}}
Region = Annotated[str, Path(max_length=40)]
Size = Annotated[str, Path(max_length=20)]


def absolute(request: Request, path: str) -> str:
    """An address of the API from its scheme on, as IIIF wants it."""
    return f"{request.url.scheme}://{request.url.netloc}{at(request, path)}"


def open_to_viewers(service: Service, response: Response) -> Response:
    """Let viewers on the sites that the settings name show it."""
    if service.settings.iiif_origin:
        response.headers["Access-Control-Allow-Origin"] = service.settings.iiif_origin
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


async def info_response(request: Request, service: Service, path: str, **thing: str) -> Response:
    """The `info.json` of a view."""
    _, index = await view_of(service, **thing)
    document = json.dumps(iiif.info(absolute(request, path), index))
    return open_to_viewers(service, Response(document, media_type=iiif.MEDIA_TYPE))


async def image_response(service: Service, region: str, size: str, rotation: str, picture: str, **thing: str) -> Response:
    """A tile or a whole picture of a view, by its IIIF address."""
    path, index = await view_of(service, **thing)
    return open_to_viewers(service, await part(service, path, index, iiif.part_of(index, region, size, rotation, picture)))


def base_response(request: Request, service: Service, path: str) -> Response:
    """An image's own address leads to its `info.json`."""
    return open_to_viewers(service, RedirectResponse(at(request, f"{path}/info.json"), status_code=303))


@router.get("/photos/{photo_id}/iiif", response_class=Response, include_in_schema=False)
def get_photo_base(photo_id: Id, request: Request, service: S) -> Response:
    """Leads to `info.json`."""
    return base_response(request, service, f"/photos/{photo_id}/iiif")


@router.get("/photos/{photo_id}/iiif/info.json", response_class=Response, responses=INFO | described(*COMMON))
async def get_photo_info(photo_id: Id, request: Request, service: S) -> Response:
    """The photograph as a IIIF Image API 3 resource of level 0."""
    return await info_response(request, service, f"/photos/{photo_id}/iiif", photo_id=photo_id)


@router.get("/photos/{photo_id}/iiif/{region}/{size}/{rotation}/{picture}", response_class=Response, responses=JPEG | described(*COMMON))
async def get_photo_region(photo_id: Id, region: Region, size: Size, rotation: Size, picture: Size, service: S) -> Response:
    """A part of the photograph that `info.json` lists."""
    return await image_response(service, region, size, rotation, picture, photo_id=photo_id)


@router.get("/jobs/{job_id}/iiif", response_class=Response, include_in_schema=False)
def get_job_base(job_id: Id, request: Request, service: S) -> Response:
    """Leads to `info.json`."""
    return base_response(request, service, f"/jobs/{job_id}/iiif")


@router.get("/jobs/{job_id}/iiif/info.json", response_class=Response, responses=INFO | described(*OF_JOB))
async def get_job_info(job_id: Id, request: Request, service: S) -> Response:
    """A job's result as a IIIF Image API 3 resource of level 0."""
    return await info_response(request, service, f"/jobs/{job_id}/iiif", job_id=job_id)


@router.get("/jobs/{job_id}/iiif/{region}/{size}/{rotation}/{picture}", response_class=Response, responses=JPEG | described(*OF_JOB))
async def get_job_region(job_id: Id, region: Region, size: Size, rotation: Size, picture: Size, service: S) -> Response:
    """A part of the result that `info.json` lists."""
    return await image_response(service, region, size, rotation, picture, job_id=job_id)
