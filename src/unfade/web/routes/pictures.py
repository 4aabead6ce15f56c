"""What a browser shows of photographs and results: small whole pictures, and tiles to pan and zoom."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, cast

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from unfade import tile_pyramid
from unfade.archive.manifest import Entry
from unfade.errors import UnreadableError
from unfade.queue.options import Id
from unfade.web import sandbox, sharing
from unfade.web.downloads import attachment
from unfade.web.problems import described, not_found
from unfade.web.responses import (
    TilesResponse,
)
from unfade.web.review import Review
from unfade.web.review import Side as ReviewSide
from unfade.web.routes.contract import API, COMMON, IMMUTABLE, JPEG, OF_JOB, S, Side, at, binary
from unfade.web.service import Service

router = APIRouter(prefix=API)


async def view_of(
    service: Service,
    *,
    photo_id: str | None = None,
    job_id: str | None = None,
    before_id: str | None = None,
    result: str | None = None,
    side: str = "after",
) -> tuple[str, tile_pyramid.Index]:
    """The path of the view of a photograph, of a job's result, of what a job began with (`before_id`), or of
    a `side` of an archive's result; and its index. Raises a 404."""
    try:
        if result is not None:
            return await _archive_view(service, int(result), cast("ReviewSide", side))
        if before_id is not None:
            job, made = await run_in_threadpool(service.done_job, before_id)
            if made.frame is None:
                return await view_of(service, photo_id=job.photo_id)
            path = f"{made.folder}/before"
            return path, await service.pyramid(path, source=f"photos/{job.photo_id}/original", frame=made.frame)
        if photo_id is not None:
            photo = await run_in_threadpool(service.photo, photo_id)
            path = f"photos/{photo.id}/view"
            return path, await service.pyramid(path, source=None)
        assert job_id is not None
        _, made = await run_in_threadpool(service.done_job, job_id)
        path = f"{made.folder}/view"
        return path, await service.pyramid(path, source=f"{made.folder}/result")
    except FileNotFoundError:
        raise not_found("picture") from None


async def _archive_view(service: Service, number: int, side: ReviewSide) -> tuple[str, tile_pyramid.Index]:
    review = service.review
    if review is None:
        raise not_found("archive")
    entry = await run_in_threadpool(review.entry, number)
    try:
        return await _view_of_entry(service, review, entry, side)
    except UnreadableError:
        now = await run_in_threadpool(review.entry, number)
        if now.place == entry.place:
            raise
        return await _view_of_entry(service, review, now, side)  # a decision moved it after it was found, and before it was read


async def _view_of_entry(service: Service, review: Review, entry: Entry, side: ReviewSide) -> tuple[str, tile_pyramid.Index]:
    path = review.view_path(entry, side)
    frame = await run_in_threadpool(review.frame, entry) if side == "before" else None
    return path, await service.pyramid(path, source=lambda: review.picture(entry, side), frame=frame)


async def image(service: Service, side_px: int, **thing: str) -> Response:
    """The smallest whole picture of a view that is at least so long."""
    path, index = await view_of(service, **thing)
    return await part(service, path, index, tile_pyramid.fit_name(index, side_px))


async def part(service: Service, path: str, index: tile_pyramid.Index, name: str) -> Response:
    """A tile or a whole picture of a view, by its name in it. Raises a 404."""
    try:
        data = await service.pyramid_part(path, index, name)
    except FileNotFoundError:
        raise not_found("picture") from None
    return Response(data, media_type="image/jpeg", headers=IMMUTABLE)


async def tiles(service: Service, request: Request, path: str, **thing: str) -> TilesResponse:
    """How a view is cut into tiles; `path`: of the thing in the API."""
    _, index = await view_of(service, **thing)
    return TilesResponse(
        width=index.width,
        height=index.height,
        tile_px=tile_pyramid.TILE_PX,
        min_level=index.min_level,
        max_level=index.max_level,
        url=f"{at(request, path)}/tiles/{{level}}/{{column}}/{{row}}",
    )


async def tile(service: Service, level: int, column: int, row: int, **thing: str) -> Response:
    """One tile of a view. Raises a 404."""
    path, index = await view_of(service, **thing)
    return await part(service, path, index, f"{level}/{column}/{row}")


@router.get("/photos/{photo_id}/image", tags=["pictures"], response_class=Response, responses=JPEG | described(*COMMON))
async def get_photo_image(photo_id: Id, service: S, side_px: Side = 1024) -> Response:
    """The whole photograph as a browser can show it: JPEG, sRGB, upright; 256, 512, 1024 or 2048 pixels."""
    return await image(service, side_px, photo_id=photo_id)


@router.get("/photos/{photo_id}/tiles", tags=["pictures"], responses=described(*COMMON))
async def get_photo_tiles(photo_id: Id, request: Request, service: S) -> TilesResponse:
    """How the photograph is cut into tiles."""
    return await tiles(service, request, f"/photos/{photo_id}", photo_id=photo_id)


@router.get(
    "/photos/{photo_id}/tiles/{level}/{column}/{row}", tags=["pictures"], response_class=Response, responses=JPEG | described(*COMMON)
)
async def get_photo_tile(photo_id: Id, level: int, column: int, row: int, service: S) -> Response:
    """One tile of the photograph."""
    return await tile(service, level, column, row, photo_id=photo_id)


@router.get("/jobs/{job_id}/image", tags=["pictures"], response_class=Response, responses=JPEG | described(*OF_JOB))
async def get_job_image(job_id: Id, service: S, side_px: Side = 1024) -> Response:
    """A job's result as a browser can show it, whole."""
    return await image(service, side_px, job_id=job_id)


@router.get("/jobs/{job_id}/tiles", tags=["pictures"], responses=described(*OF_JOB))
async def get_job_tiles(job_id: Id, request: Request, service: S) -> TilesResponse:
    """How a job's result is cut into tiles."""
    return await tiles(service, request, f"/jobs/{job_id}", job_id=job_id)


@router.get("/jobs/{job_id}/tiles/{level}/{column}/{row}", tags=["pictures"], response_class=Response, responses=JPEG | described(*OF_JOB))
async def get_job_tile(job_id: Id, level: int, column: int, row: int, service: S) -> Response:
    """One tile of a job's result."""
    return await tile(service, level, column, row, job_id=job_id)


@router.get("/jobs/{job_id}/before/image", tags=["pictures"], response_class=Response, responses=JPEG | described(*OF_JOB, "busy"))
async def get_before_image(job_id: Id, service: S, side_px: Side = 1024) -> Response:
    """What a job began with, whole: the photograph in the job's frame, if it has one."""
    return await image(service, side_px, before_id=job_id)


@router.get("/jobs/{job_id}/before/tiles", tags=["pictures"], responses=described(*OF_JOB, "busy"))
async def get_before_tiles(job_id: Id, request: Request, service: S) -> TilesResponse:
    """How what a job began with is cut into tiles: they lie as its result's do."""
    return await tiles(service, request, f"/jobs/{job_id}/before", before_id=job_id)


@router.get(
    "/jobs/{job_id}/before/tiles/{level}/{column}/{row}",
    tags=["pictures"],
    response_class=Response,
    responses=JPEG | described(*OF_JOB, "busy"),
)
async def get_before_tile(job_id: Id, level: int, column: int, row: int, service: S) -> Response:
    """One tile of what a job began with."""
    return await tile(service, level, column, row, before_id=job_id)


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
            path, index = await view_of(service, **thing)
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
