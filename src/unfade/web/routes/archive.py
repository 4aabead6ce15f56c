"""/archive: the results of an archive are reviewed, the riskiest first. Only where the server was given a
manifest."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from unfade.archive.manifest import Entry
from unfade.files.names import readable
from unfade.queue.options import RequestModel
from unfade.web.problems import described, not_found
from unfade.web.responses import ArchiveEntryResponse, ArchiveResponse, TilesResponse
from unfade.web.review import Review, Side, mark_of
from unfade.web.routes.bodies import BoundedRoute
from unfade.web.routes.contract import API, CHANGES, COMMON, IMMUTABLE, JPEG, REVALIDATED, UNCHANGED, S, has
from unfade.web.routes.contract import Side as SidePx
from unfade.web.routes.iiif import INFO, Region, Size, base_response, image_response, info_response, open_to_viewers
from unfade.web.routes.pictures import image, tile, tiles
from unfade.web.service import Service

router = APIRouter(prefix=f"{API}/archive", tags=["archive"], route_class=BoundedRoute)
Number = Annotated[int, Path(ge=1, le=2**53)]
Which = Annotated[Literal["open", "decided", "all"], Query(description="Not decided about yet, decided, or all.")]
Made = Annotated[str | None, Query(max_length=64, description="The result's `made`: its picture at this address is then kept for a day.")]
PICTURE = JPEG | UNCHANGED | described(*COMMON, "unreadable")
SMALL_PX = 480


class DecisionRequest(RequestModel):
    """What a person decided; null: to be decided anew. `made`: of the result that they saw; a newer one is
    not decided about."""

    decision: Literal["accepted", "refused"] | None
    made: str | None = Field(default=None, max_length=64)


def _review(service: S) -> Review:
    if service.review is None:
        raise not_found("archive")
    return service.review


def _entry(entry: Entry) -> ArchiveEntryResponse:
    told = {name: getattr(entry, name) for name in ArchiveEntryResponse.model_fields}
    told["name"] = readable(entry.name)
    told |= {name: tuple(map(readable, told[name])) for name in ("reasons", "notes")}
    return ArchiveEntryResponse.model_validate(told | {"made": mark_of(entry)})


async def _picture(request: Request, service: Service, number: int, made: str | None, draw: Callable[[], Awaitable[Response]]) -> Response:
    """What `draw` draws of a result, or a 304 where the client has it.

    The number stays when a master is done again: only an address that names what was made always means the
    same picture.
    """
    mark = mark_of(await run_in_threadpool(_review(service).entry, number))
    headers = {"ETag": f'"{mark}"'} | (IMMUTABLE if made == mark else REVALIDATED)
    if has(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    answer = await draw()
    answer.headers.update(headers)
    return answer


@router.get("", responses=described(*COMMON))
def get_archive(
    service: S,
    which: Which = "open",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
) -> ArchiveResponse:
    """How many results there are to review, and those of the highest risk."""
    review = _review(service)
    entries = [_entry(entry) for entry in review.entries(which, limit=limit, offset=offset)]
    return ArchiveResponse(**review.counts(), entries=entries)


@router.get("/results/{number}", responses=described(*COMMON))
def get_archive_result(number: Number, service: S) -> ArchiveEntryResponse:
    """One result, and what was decided about it."""
    return _entry(_review(service).entry(number))


@router.post("/results/{number}/decision", responses=described(*CHANGES, "unwritable", "superseded"))
def post_decision(number: Number, body: DecisionRequest, service: S) -> ArchiveEntryResponse:
    """Accept a result, or refuse it: it is then taken out of the delivery."""
    return _entry(_review(service).decide(number, body.decision, body.made))


@router.get("/results/{number}/{side}/image", response_class=Response, responses=PICTURE)
async def get_archive_image(
    number: Number, side: Side, request: Request, service: S, side_px: SidePx = 1024, made: Made = None
) -> Response:
    """The master (`before`) or the result (`after`) as a browser can show it: JPEG, sRGB, upright."""

    async def draw() -> Response:
        if side_px > SMALL_PX:
            return await image(service, side_px, result=str(number), side=side)
        review = _review(service)  # made by the run: a queue of hundreds decodes nothing
        small = await run_in_threadpool(lambda: review.thumbnail(review.entry(number), side))
        return Response(small, media_type="image/jpeg")

    return await _picture(request, service, number, made, draw)


@router.get("/results/{number}/{side}/tiles", responses=described(*COMMON, "unreadable"))
async def get_archive_tiles(number: Number, side: Side, request: Request, service: S) -> TilesResponse:
    """How the master or the result is cut into tiles."""
    return await tiles(service, request, f"/archive/results/{number}/{side}", result=str(number), side=side)


@router.get("/results/{number}/{side}/tiles/{level}/{column}/{row}", response_class=Response, responses=PICTURE)
async def get_archive_tile(
    number: Number, side: Side, level: int, column: int, row: int, request: Request, service: S, made: Made = None
) -> Response:
    """One tile of the master or the result."""
    return await _picture(request, service, number, made, lambda: tile(service, level, column, row, result=str(number), side=side))


@router.get("/results/{number}/{side}/iiif", response_class=Response, include_in_schema=False)
def get_archive_base(number: Number, side: Side, request: Request, service: S) -> Response:
    """Leads to `info.json`."""
    return base_response(request, service, f"/archive/results/{number}/{side}/iiif")


@router.get("/results/{number}/{side}/iiif/info.json", response_class=Response, responses=INFO | described(*COMMON, "unreadable"))
async def get_archive_info(number: Number, side: Side, request: Request, service: S) -> Response:
    """The master or the result as a IIIF Image API 3 resource of level 0."""
    return await info_response(request, service, f"/archive/results/{number}/{side}/iiif", result=str(number), side=side)


@router.get("/results/{number}/{side}/iiif/{region}/{size}/{rotation}/{picture}", response_class=Response, responses=PICTURE)
async def get_archive_region(
    number: Number, side: Side, region: Region, size: Size, rotation: Size, picture: Size, request: Request, service: S
) -> Response:
    """A part of the master or the result that `info.json` lists."""

    async def draw() -> Response:
        return await image_response(service, region, size, rotation, picture, result=str(number), side=side)

    return open_to_viewers(service, await _picture(request, service, number, None, draw))
