"""/archive: the results of an archive are reviewed, the riskiest first. Only where the server was given a
manifest."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response

from unfade.archive.manifest import Entry
from unfade.files.names import readable
from unfade.queue.options import RequestModel
from unfade.web.problems import described, not_found
from unfade.web.responses import ArchiveEntryResponse, ArchiveResponse, TilesResponse
from unfade.web.review import Review, Side
from unfade.web.routes.bodies import BoundedRoute
from unfade.web.routes.contract import API, CHANGES, COMMON, IMMUTABLE, JPEG, S
from unfade.web.routes.contract import Side as SidePx
from unfade.web.routes.iiif import INFO, Region, Size, base_response, image_response, info_response
from unfade.web.routes.pictures import image, tile, tiles

router = APIRouter(prefix=f"{API}/archive", tags=["archive"], route_class=BoundedRoute)
Number = Annotated[int, Path(ge=1, le=2**53)]
Which = Annotated[Literal["open", "decided", "all"], Query(description="Not decided about yet, decided, or all.")]
SMALL_PX = 480


class DecisionRequest(RequestModel):
    """What a person decided; null: to be decided anew."""

    decision: Literal["accepted", "refused"] | None


def _review(service: S) -> Review:
    if service.review is None:
        raise not_found("archive")
    return service.review


def _entry(entry: Entry) -> ArchiveEntryResponse:
    told = {name: getattr(entry, name) for name in ArchiveEntryResponse.model_fields}
    told["name"] = readable(entry.name)
    told |= {name: tuple(map(readable, told[name])) for name in ("reasons", "notes")}
    return ArchiveEntryResponse.model_validate(told)


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


@router.post("/results/{number}/decision", responses=described(*CHANGES, "unwritable"))
def post_decision(number: Number, body: DecisionRequest, service: S) -> ArchiveEntryResponse:
    """Accept a result, or refuse it: it is then taken out of the delivery."""
    return _entry(_review(service).decide(number, body.decision))


@router.get("/results/{number}/{side}/image", response_class=Response, responses=JPEG | described(*COMMON, "unreadable"))
async def get_archive_image(number: Number, side: Side, service: S, side_px: SidePx = 1024) -> Response:
    """The master (`before`) or the result (`after`) as a browser can show it: JPEG, sRGB, upright."""
    review = _review(service)
    if side_px <= SMALL_PX:  # made by the run: a queue of hundreds decodes nothing
        return Response(review.thumbnail(review.entry(number), side), media_type="image/jpeg", headers=IMMUTABLE)
    return await image(service, side_px, result=str(number), side=side)


@router.get("/results/{number}/{side}/tiles", responses=described(*COMMON, "unreadable"))
async def get_archive_tiles(number: Number, side: Side, request: Request, service: S) -> TilesResponse:
    """How the master or the result is cut into tiles."""
    return await tiles(service, request, f"/archive/results/{number}/{side}", result=str(number), side=side)


@router.get(
    "/results/{number}/{side}/tiles/{level}/{column}/{row}", response_class=Response, responses=JPEG | described(*COMMON, "unreadable")
)
async def get_archive_tile(number: Number, side: Side, level: int, column: int, row: int, service: S) -> Response:
    """One tile of the master or the result."""
    return await tile(service, level, column, row, result=str(number), side=side)


@router.get("/results/{number}/{side}/iiif", response_class=Response, include_in_schema=False)
def get_archive_base(number: Number, side: Side, request: Request, service: S) -> Response:
    """Leads to `info.json`."""
    return base_response(request, service, f"/archive/results/{number}/{side}/iiif")


@router.get("/results/{number}/{side}/iiif/info.json", response_class=Response, responses=INFO | described(*COMMON, "unreadable"))
async def get_archive_info(number: Number, side: Side, request: Request, service: S) -> Response:
    """The master or the result as a IIIF Image API 3 resource of level 0."""
    return await info_response(request, service, f"/archive/results/{number}/{side}/iiif", result=str(number), side=side)


@router.get(
    "/results/{number}/{side}/iiif/{region}/{size}/{rotation}/{picture}",
    response_class=Response,
    responses=JPEG | described(*COMMON, "unreadable"),
)
async def get_archive_region(number: Number, side: Side, region: Region, size: Size, rotation: Size, picture: Size, service: S) -> Response:
    """A part of the master or the result that `info.json` lists."""
    return await image_response(service, region, size, rotation, picture, result=str(number), side=side)
