"""/photos/…/prints: where the prints lie on a scan, and the picture proper in each."""

from __future__ import annotations

from contextlib import ExitStack

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool

from unfade.queue.options import Id
from unfade.web import sandbox
from unfade.web.problems import described, not_found
from unfade.web.responses import PrintsResponse
from unfade.web.routes.bodies import BoundedRoute
from unfade.web.routes.contract import API, CHANGES, S

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
        found = await service.sandbox.run(sandbox.find_outlines, source=str(source), max_megapixels=service.sandbox.limits.max_megapixels)
    return PrintsResponse.model_validate(found)
