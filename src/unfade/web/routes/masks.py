"""/photos/…/masks: damage as a person marks it, component by component and with a brush."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from unfade import masks
from unfade.brush import Stroke
from unfade.queue.options import Id
from unfade.queue.records import MaskRecord
from unfade.web import sandbox
from unfade.web.problems import described, not_found
from unfade.web.requests import MaskDrawing, MaskEdit
from unfade.web.responses import (
    ComponentAtResponse,
    ComponentsResponse,
    MaskResponse,
    mask_response,
)
from unfade.web.routes.bodies import BoundedRoute
from unfade.web.routes.contract import API, CHANGES, COMMON, FILE, IMMUTABLE, MadeKey, S, bare, binary
from unfade.web.service import Service

Answered = TypeVar("Answered")
router = APIRouter(prefix=API, route_class=BoundedRoute)


@router.post(
    "/photos/{photo_id}/masks",
    tags=["masks"],
    status_code=201,
    responses=described(*CHANGES, "not-a-photograph", "unreadable", "busy"),
    openapi_extra={"requestBody": {"required": True, "content": {"image/png": {"schema": FILE}}}},
)
async def post_mask(photo_id: Id, request: Request, service: S, scale: bool = False, key: MadeKey = None) -> MaskResponse:
    """Upload a mask: a PNG of the photograph's size, light = lost.

    With `scale`, one of another size and the same shape is enlarged.
    """
    photo = await run_in_threadpool(service.photo, photo_id)
    with service.store.workspace() as folder:
        upload = folder / "upload"
        with upload.open("wb") as out:
            async for piece in request.stream():
                await run_in_threadpool(out.write, piece)
        mask = await service.take_mask(photo, upload, scale=scale, mask_id=bare(key))
    return mask_response(mask)


def mask_file(service: Service, photo_id: str, mask_id: str) -> Response:
    """A mask as it is kept. Raises a 404."""
    try:
        data = service.store.read(f"photos/{photo_id}/masks/{mask_id}.png")
    except FileNotFoundError:
        raise not_found("mask") from None
    return Response(data, media_type="image/png", headers=IMMUTABLE)


@router.get(
    "/photos/{photo_id}/masks/{mask_id}",
    tags=["masks"],
    response_class=Response,
    responses=binary("image/png") | described(*COMMON, "busy"),
)
async def get_mask(
    photo_id: Id,
    mask_id: Id,
    service: S,
    side_px: Annotated[int | None, Query(ge=1, le=100_000)] = None,
    overlay: Annotated[str | None, Query(pattern="^[0-9a-fA-F]{6}$", description="This color where lost, transparent elsewhere.")] = None,
) -> Response:
    """A mask as PNG, white = lost; smaller, or as a colored overlay, if asked."""
    await run_in_threadpool(service.mask, photo_id, mask_id)
    if side_px is None and overlay is None:
        return await run_in_threadpool(mask_file, service, photo_id, mask_id)

    def run(source: Path, folder: Path) -> Awaitable[Any]:
        return service.sandbox.run(sandbox.show_mask, source=str(source), target=str(folder / "shown"), side_px=side_px, overlay=overlay)

    return await _of_mask(service, photo_id, mask_id, run, lambda _, folder: _png(folder / "shown"))


@router.get(
    "/photos/{photo_id}/masks/{mask_id}/depth",
    tags=["masks"],
    response_class=Response,
    responses=binary("image/png") | described(*COMMON, "busy"),
)
async def get_mask_depth(photo_id: Id, mask_id: Id, service: S, side_px: Annotated[int | None, Query(ge=1, le=100_000)] = None) -> Response:
    """How far each repaired pixel is from anything known, as a layer (PNG with alpha).

    Amber where that is near, violet where an invention is large, transparent where nothing was lost.
    """
    await run_in_threadpool(service.mask, photo_id, mask_id)

    def run(source: Path, folder: Path) -> Awaitable[Any]:
        return service.sandbox.run(sandbox.show_depth, source=str(source), target=str(folder / "shown"), side_px=side_px)

    return await _of_mask(service, photo_id, mask_id, run, lambda _, folder: _png(folder / "shown"))


def _png(file: Path) -> Response:
    return Response(file.read_bytes(), media_type="image/png", headers=IMMUTABLE)


async def _of_mask(
    service: Service, photo_id: str, mask_id: str, run: Callable[[Path, Path], Awaitable[Any]], answer: Callable[[Any, Path], Answered]
) -> Answered:
    with ExitStack() as stack:
        folder = stack.enter_context(service.store.workspace())
        try:
            source = await run_in_threadpool(stack.enter_context, service.store.local(f"photos/{photo_id}/masks/{mask_id}.png"))
            if not await run_in_threadpool(source.is_file):
                raise FileNotFoundError
        except FileNotFoundError:
            raise not_found("mask") from None
        return answer(await run(source, folder), folder)


@router.get("/photos/{photo_id}/masks/{mask_id}/objects", tags=["masks"], responses=described(*COMMON))
def get_objects(
    photo_id: Id, mask_id: Id, service: S, limit: Annotated[int, Query(ge=1, le=masks.MAX_COMPONENTS)] = masks.MAX_COMPONENTS
) -> ComponentsResponse:
    """A mask's pieces, largest first: each can be kept as it is."""
    service.mask(photo_id, mask_id)
    try:
        found = json.loads(service.store.read(f"photos/{photo_id}/masks/{mask_id}.json"))
    except FileNotFoundError:
        raise not_found("mask") from None
    return ComponentsResponse.model_validate({"mask_id": mask_id, "total": found["total"], "objects": found["objects"][:limit]})


@router.get("/photos/{photo_id}/masks/{mask_id}/at", tags=["masks"], responses=described(*COMMON, "busy"))
async def get_object_at(
    photo_id: Id,
    mask_id: Id,
    x: Annotated[float, Query(ge=0, le=1e6)],
    y: Annotated[float, Query(ge=0, le=1e6)],
    service: S,
    radius_px: Annotated[float, Query(ge=0, le=500)] = 0,
) -> ComponentAtResponse:
    """The piece of damage at a place of the photograph, or no further from it than `radius_px`."""
    await run_in_threadpool(service.mask, photo_id, mask_id)

    def run(source: Path, folder: Path) -> Awaitable[Any]:
        return service.sandbox.run(sandbox.find_component, source=str(source), x=x, y=y, radius_px=radius_px)

    return await _of_mask(service, photo_id, mask_id, run, lambda found, _: ComponentAtResponse(object=found["object"]))


@router.post("/photos/{photo_id}/masks/{mask_id}/edits", tags=["masks"], status_code=201, responses=described(*CHANGES, "busy"))
async def post_mask_edit(photo_id: Id, mask_id: Id, body: MaskEdit, service: S, key: MadeKey = None) -> MaskResponse:
    """A new mask: this one without some of its pieces, and with brush strokes over it."""
    photo = await run_in_threadpool(service.photo, photo_id)
    await run_in_threadpool(service.mask, photo_id, mask_id)

    def run(source: Path, _: Path) -> Awaitable[MaskRecord]:
        def make(target: Path, facts: Path) -> Awaitable[Any]:
            return service.sandbox.run(
                sandbox.edit_mask,
                source=str(source),
                target=str(target),
                facts=str(facts),
                remove=list(body.remove),
                largest_px=body.largest_dust_px,
                strokes=_strokes_of(body),
            )

        return service.keep_mask(photo, make, mask_id=bare(key))

    return await _of_mask(service, photo_id, mask_id, run, lambda mask, _: mask_response(mask))


@router.post("/photos/{photo_id}/masks/edits", tags=["masks"], status_code=201, responses=described(*CHANGES, "busy"))
async def post_mask_drawing(photo_id: Id, body: MaskDrawing, service: S, key: MadeKey = None) -> MaskResponse:
    """A mask of the photograph's size, of brush strokes alone."""
    photo = await run_in_threadpool(service.photo, photo_id)

    def make(target: Path, facts: Path) -> Awaitable[Any]:
        return service.sandbox.run(
            sandbox.draw_mask,
            target=str(target),
            facts=str(facts),
            width=photo.width,
            height=photo.height,
            strokes=_strokes_of(body),
        )

    return mask_response(await service.keep_mask(photo, make, mask_id=bare(key)))


def _strokes_of(body: MaskEdit | MaskDrawing) -> list[Stroke]:
    return [stroke.drawn() for stroke in body.strokes]


@router.delete("/photos/{photo_id}/masks/{mask_id}", tags=["masks"], status_code=204, responses=described(*CHANGES))
def delete_mask(photo_id: Id, mask_id: Id, service: S) -> Response:
    """Delete a mask. Jobs that used it keep their results."""
    service.mask(photo_id, mask_id)
    service.ledger.remove_mask(photo_id, mask_id)
    for ending in ("png", "json"):
        service.store.remove(f"photos/{photo_id}/masks/{mask_id}.{ending}")
    return Response(status_code=204)
