"""A part of a photograph becomes a photograph of its own: turned, straightened, cropped, or one print of a
scan."""

from __future__ import annotations

import shutil
from contextlib import ExitStack

import numpy as np
from starlette.concurrency import run_in_threadpool

from unfade.frame import quads
from unfade.frame.geometry import Frame
from unfade.queue.records import FrameRecord, PhotoRecord, new_id
from unfade.web import sandbox
from unfade.web.problems import Problem, not_found
from unfade.web.requests import clean_name
from unfade.web.sandbox import Facts
from unfade.web.service import Service

Corners = tuple[tuple[float, float], ...] | None


async def cut(
    service: Service, photo: PhotoRecord, corners: Corners, turn: int, *, number: int | None = None, photo_id: str | None = None
) -> PhotoRecord:
    """A new photograph from a part of `photo`, under `photo_id` where there is one for it.

    What came before under that id, if it was cut just so. It is made from the file itself, so that a part of
    a part is resampled once. Raises a 404, a 422, a 507, or what decoding raises.
    """
    frame = _within(photo, Frame(corners, turn))
    there = None if photo_id is None else await run_in_threadpool(service.ledger.photo, photo_id)
    if there is not None:
        if there.frame != frame or there.bytes != photo.bytes:
            raise Problem("invalid", "This Idempotency-Key belongs to another photograph; make a new one for each.")
        return there
    await run_in_threadpool(service.require_room)
    with ExitStack() as stack:
        folder = stack.enter_context(service.store.workspace())
        try:
            source = await run_in_threadpool(stack.enter_context, service.store.local(f"photos/{photo.id}/original"))
            await run_in_threadpool(shutil.copyfile, source, folder / "original")
        except FileNotFoundError:
            raise not_found("photograph") from None
        facts: Facts = await service.sandbox.run(
            sandbox.develop,
            source=str(folder / "original"),
            view=str(folder / "view"),
            max_megapixels=service.settings.max_megapixels,
            **frame.model_dump(),
        )
        made = photo.model_copy(
            update={
                "id": photo_id or new_id(),
                "name": _named(photo.name, number),
                "masks": (),
                "frame": frame,
                "file_size": photo.file_size or (photo.width, photo.height),
                "width": facts["width"],
                "height": facts["height"],
                "has_color": facts["has_color"],
            }
        )
        await run_in_threadpool(service.keep, made, folder / "original", folder / "view")
    return made


def _named(name: str, number: int | None) -> str:
    """The name of one of several: page.jpg becomes page-2.jpg."""
    if number is None:
        return name
    stem, dot, ending = name.rpartition(".")
    return clean_name(f"{stem}-{number}{dot}{ending}" if stem else f"{name}-{number}")


def _within(photo: PhotoRecord, inner: Frame) -> FrameRecord:
    """A frame of a photograph, as a frame of its file."""
    if photo.frame is None or photo.file_size is None:
        return FrameRecord(corners=inner.corners, turn=inner.turn)
    outer = photo.frame.frame()
    back = np.linalg.inv(outer.homography(*photo.file_size))
    own = quads.box(photo.width, photo.height) if inner.corners is None else np.asarray(inner.corners, float)
    moved = own @ back[:2, :2].T + back[:2, 2]
    moved /= (own @ back[2, :2] + back[2, 2])[:, None]
    # In the file's own order, and the turn said: a box of whole pixels then still moves samples.
    first = np.roll(moved, -(outer.turn // 90), axis=0)
    return FrameRecord(corners=tuple((float(x), float(y)) for x, y in first), turn=(outer.turn + inner.turn) % 360)
