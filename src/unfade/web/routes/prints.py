"""/photos/…/prints, /up and /cuts: where the prints lie on a scan, which way is up, and one of them as a
photograph of its own."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from unfade.frame.framing import require_within
from unfade.queue.options import Id
from unfade.queue.records import PhotoRecord
from unfade.web import sandbox
from unfade.web.cutting import cut
from unfade.web.problems import described, not_found
from unfade.web.requests import Cut, UpQuery
from unfade.web.responses import PhotoResponse, PrintsResponse, UpResponse
from unfade.web.routes.bodies import BoundedRoute
from unfade.web.routes.contract import API, CHANGES, MadeKey, S, at, bare

LOOKED_AT_PX = 512  # the model sees 128
router = APIRouter(prefix=API, route_class=BoundedRoute)


@router.post("/photos/{photo_id}/prints", tags=["photographs"], responses=described(*CHANGES, "unreadable", "busy"))
async def post_prints(photo_id: Id, service: S) -> PrintsResponse:
    """Find the prints on a scan: their outlines, and those of the picture proper in each."""
    photo = await run_in_threadpool(service.photo, photo_id)
    with ExitStack() as stack:
        try:
            source = await run_in_threadpool(stack.enter_context, service.store.local(f"photos/{photo.id}/original"))
        except FileNotFoundError:
            raise not_found("photograph") from None
        limit = service.sandbox.limits.max_megapixels
        found = await service.sandbox.run(sandbox.find_outlines, source=str(source), max_megapixels=limit, **_framed(photo))
    return PrintsResponse.model_validate(found)


def _framed(photo: PhotoRecord) -> dict[str, Any]:
    """How a photograph's file is framed, as the sandbox takes it."""
    return {} if photo.frame is None else photo.frame.model_dump()


@router.post("/photos/{photo_id}/up", tags=["photographs"], responses=described(*CHANGES, "unreadable", "busy"))
async def post_up(photo_id: Id, body: UpQuery, service: S) -> UpResponse:
    """Which way a photograph, or a part of it, is up: the turn that would set it upright."""
    photo = await run_in_threadpool(service.photo, photo_id)
    require_within(photo.name, photo.width, photo.height, crop=None, corners=body.corners)
    with service.store.workspace() as folder:
        await service.put_small(photo.id, LOOKED_AT_PX, folder / "picture")
        models = service.settings.models
        told = await service.sandbox.run(
            sandbox.tell_up,
            picture=str(folder / "picture"),
            models=None if models is None else str(models),
            corners=body.corners,
            width=photo.width,
        )
    return UpResponse.model_validate(told)


@router.post("/photos/{photo_id}/cuts", tags=["photographs"], status_code=201, responses=described(*CHANGES, "unreadable", "busy"))
async def post_cut(photo_id: Id, body: Cut, request: Request, response: Response, service: S, key: MadeKey = None) -> PhotoResponse:
    """Turn, straighten or crop a photograph, or cut a print out of it: a new one, from the same file.

    A quarter turn and a box of whole pixels move samples and change none; anything else resamples once. The
    photograph that it was cut from stays.
    """
    photo = await run_in_threadpool(service.photo, photo_id)
    made = await cut(service, photo, body.corners, body.turn, number=body.number, photo_id=bare(key))
    response.headers["Location"] = at(request, f"/photos/{made.id}")
    return await run_in_threadpool(service.photo_response, made)
