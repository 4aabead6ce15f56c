"""What a browser shows of photographs and results: small whole pictures, and tiles to pan and zoom."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from unfade import tile_pyramid
from unfade.queue.options import Id
from unfade.web import sandbox, sharing
from unfade.web.downloads import attachment
from unfade.web.problems import described, not_found
from unfade.web.responses import (
    TilesResponse,
)
from unfade.web.routes.contract import API, COMMON, IMMUTABLE, JPEG, OF_JOB, S, Side, at, binary
from unfade.web.service import Service

router = APIRouter(prefix=API)


async def _view_of(
    service: Service, *, photo_id: str | None = None, job_id: str | None = None, before_id: str | None = None
) -> tuple[str, tile_pyramid.Index]:
    """The path of the view of a photograph, of a job's result, or of what a job began with (`before_id`), and
    its index."""
    try:
        if before_id is not None:
            job, result = await run_in_threadpool(service.done_job, before_id)
            if result.frame is None:
                return await _view_of(service, photo_id=job.photo_id)
            path = f"{result.folder}/before"
            return path, await service.pyramid(path, source=f"photos/{job.photo_id}/original", frame=result.frame)
        if photo_id is not None:
            photo = await run_in_threadpool(service.photo, photo_id)
            path = f"photos/{photo.id}/view"
            return path, await service.pyramid(path, source=None)
        assert job_id is not None
        _, result = await run_in_threadpool(service.done_job, job_id)
        path = f"{result.folder}/view"
        return path, await service.pyramid(path, source=f"{result.folder}/result")
    except FileNotFoundError:
        raise not_found("picture") from None


async def _image(service: Service, side_px: int, **thing: str) -> Response:
    path, index = await _view_of(service, **thing)
    return await _part(service, path, index, tile_pyramid.fit_name(index, side_px))


async def _part(service: Service, path: str, index: tile_pyramid.Index, name: str) -> Response:
    try:
        data = await service.pyramid_part(path, index, name)
    except FileNotFoundError:
        raise not_found("picture") from None
    return Response(data, media_type="image/jpeg", headers=IMMUTABLE)


async def _tiles(service: Service, address: str, **thing: str) -> TilesResponse:
    _, index = await _view_of(service, **thing)
    return TilesResponse(
        width=index.width,
        height=index.height,
        tile_px=tile_pyramid.TILE_PX,
        min_level=index.min_level,
        max_level=index.max_level,
        url=f"{address}/tiles/{{level}}/{{column}}/{{row}}",
    )


async def _tile(service: Service, level: int, column: int, row: int, **thing: str) -> Response:
    path, index = await _view_of(service, **thing)
    return await _part(service, path, index, f"{level}/{column}/{row}")


@router.get("/photos/{photo_id}/image", tags=["pictures"], response_class=Response, responses=JPEG | described(*COMMON))
async def get_photo_image(photo_id: Id, service: S, side_px: Side = 1024) -> Response:
    """The whole photograph as a browser can show it: JPEG, sRGB, upright; 256, 512, 1024 or 2048 pixels."""
    return await _image(service, side_px, photo_id=photo_id)


@router.get("/photos/{photo_id}/tiles", tags=["pictures"], responses=described(*COMMON))
async def get_photo_tiles(photo_id: Id, request: Request, service: S) -> TilesResponse:
    """How the photograph is cut into tiles."""
    return await _tiles(service, at(request, f"/photos/{photo_id}"), photo_id=photo_id)


@router.get(
    "/photos/{photo_id}/tiles/{level}/{column}/{row}", tags=["pictures"], response_class=Response, responses=JPEG | described(*COMMON)
)
async def get_photo_tile(photo_id: Id, level: int, column: int, row: int, service: S) -> Response:
    """One tile of the photograph."""
    return await _tile(service, level, column, row, photo_id=photo_id)


@router.get("/jobs/{job_id}/image", tags=["pictures"], response_class=Response, responses=JPEG | described(*OF_JOB))
async def get_job_image(job_id: Id, service: S, side_px: Side = 1024) -> Response:
    """A job's result as a browser can show it, whole."""
    return await _image(service, side_px, job_id=job_id)


@router.get("/jobs/{job_id}/tiles", tags=["pictures"], responses=described(*OF_JOB))
async def get_job_tiles(job_id: Id, request: Request, service: S) -> TilesResponse:
    """How a job's result is cut into tiles."""
    return await _tiles(service, at(request, f"/jobs/{job_id}"), job_id=job_id)


@router.get("/jobs/{job_id}/tiles/{level}/{column}/{row}", tags=["pictures"], response_class=Response, responses=JPEG | described(*OF_JOB))
async def get_job_tile(job_id: Id, level: int, column: int, row: int, service: S) -> Response:
    """One tile of a job's result."""
    return await _tile(service, level, column, row, job_id=job_id)


@router.get("/jobs/{job_id}/before/image", tags=["pictures"], response_class=Response, responses=JPEG | described(*OF_JOB, "busy"))
async def get_before_image(job_id: Id, service: S, side_px: Side = 1024) -> Response:
    """What a job began with, whole: the photograph in the job's frame, if it has one."""
    return await _image(service, side_px, before_id=job_id)


@router.get("/jobs/{job_id}/before/tiles", tags=["pictures"], responses=described(*OF_JOB, "busy"))
async def get_before_tiles(job_id: Id, request: Request, service: S) -> TilesResponse:
    """How what a job began with is cut into tiles: they lie as its result's do."""
    return await _tiles(service, at(request, f"/jobs/{job_id}/before"), before_id=job_id)


@router.get(
    "/jobs/{job_id}/before/tiles/{level}/{column}/{row}",
    tags=["pictures"],
    response_class=Response,
    responses=JPEG | described(*OF_JOB, "busy"),
)
async def get_before_tile(job_id: Id, level: int, column: int, row: int, service: S) -> Response:
    """One tile of what a job began with."""
    return await _tile(service, level, column, row, before_id=job_id)


ENDINGS = {"pair": "before-after.jpg", "sweep": "before-after.webp"}
Share = Annotated[Literal["pair", "sweep"], Query(description="One picture beside the other (JPEG), or a short animation (WebP).")]


@router.get(
    "/jobs/{job_id}/share",
    tags=["pictures"],
    response_class=Response,
    responses=binary("image/jpeg", "image/webp") | described(*OF_JOB, "busy"),
)
async def get_job_share(job_id: Id, service: S, kind: Share = "pair") -> Response:
    """Before and after in one small picture, to be sent to others."""
    job, _ = await run_in_threadpool(service.done_job, job_id)
    photo = await run_in_threadpool(service.photo, job.photo_id)
    with service.store.workspace() as folder:
        for name, thing in (("before", {"before_id": job.id}), ("after", {"job_id": job.id})):
            path, index = await _view_of(service, **thing)
            try:
                data = await service.pyramid_part(path, index, tile_pyramid.fit_name(index, sharing.SIDE_PX))
            except FileNotFoundError:
                raise not_found("picture") from None
            await run_in_threadpool((folder / name).write_bytes, data)
        before, after, target = (str(folder / name) for name in ("before", "after", "shared"))
        await service.sandbox.run(sandbox.share, before=before, after=after, target=target, kind=kind, name=photo.name)
        made = await run_in_threadpool((folder / "shared").read_bytes)
    headers = attachment(f"{Path(photo.name).stem}.{ENDINGS[kind]}")
    return Response(made, media_type="image/jpeg" if kind == "pair" else "image/webp", headers=headers)
