"""/photos/…/sources: where else in the photograph a hole could be filled from."""

from __future__ import annotations

from contextlib import ExitStack

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool

from unfade.queue.options import Id
from unfade.web import sandbox
from unfade.web.problems import described, not_found
from unfade.web.requests import SourceQuery
from unfade.web.responses import SourcesResponse
from unfade.web.routes.bodies import BoundedRoute
from unfade.web.routes.contract import API, CHANGES, S

LOOKED_AT_PX = 512
router = APIRouter(prefix=API, route_class=BoundedRoute)


@router.post("/photos/{photo_id}/sources", tags=["masks"], responses=described(*CHANGES, "busy"))
async def post_sources(photo_id: Id, body: SourceQuery, service: S) -> SourcesResponse:
    """The places of a photograph that go on as the surroundings of a hole do, best first: for `heals`."""
    photo = await run_in_threadpool(service.photo, photo_id)
    with ExitStack() as stack:
        folder = stack.enter_context(service.store.workspace())
        mask = None
        await service.put_small(photo.id, LOOKED_AT_PX, folder / "picture")
        try:
            if body.mask is not None:
                await run_in_threadpool(service.mask, photo.id, body.mask)
                mask = await run_in_threadpool(stack.enter_context, service.store.local(f"photos/{photo.id}/masks/{body.mask}.png"))
        except FileNotFoundError:
            raise not_found("photograph") from None
        found = await service.sandbox.run(
            sandbox.find_places,
            picture=str(folder / "picture"),
            mask=None if mask is None else str(mask),
            strokes=[stroke.drawn() for stroke in body.strokes],
            width=photo.width,
        )
    return SourcesResponse.model_validate(found)
