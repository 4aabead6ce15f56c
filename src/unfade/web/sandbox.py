"""STRANGERS' FILES ARE DECODED: in a sandbox, a child process with a limit on memory and time.

A crash or a hang kills it and nothing else.

The server decodes nothing itself. A child is forked from a helper process that has the libraries loaded (a
few milliseconds), does one chore on files of this machine, and ends. It answers in JSON, never pickle: a
child that a hostile file has taken over must not be able to run code here.
"""

from __future__ import annotations

import asyncio
import json
import logging
import multiprocessing
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, SpawnContext
from pathlib import Path
from typing import Any, TypedDict, cast

import cv2
import numpy as np

from unfade import brush, errors, masks, tile_pyramid
from unfade.archive import invented
from unfade.arrays import Mask
from unfade.errors import TooLargeError, UnfadeError, UnreadableError, UsageError
from unfade.files import photo
from unfade.files.location import has_location, without_location
from unfade.frame.geometry import Frame
from unfade.frame.prints import find_prints
from unfade.frame.upright import which_way
from unfade.healing import find_sources
from unfade.models.session import cpu_limit
from unfade.monochrome import is_color
from unfade.record import Framed
from unfade.settings import Settings, open_sessions
from unfade.web import sharing
from unfade.web.clients import CLIENT, TooManyError, Turns
from unfade.web.problems import Problem

log = logging.getLogger(__name__)
NAME = "the file"  # what messages call it: they must hold no name of the user's
MAX_WAITING, WAITING_EACH = 64, 24  # chores of all, and of one client: the page uploads three photographs at once
WARM_S = 60.0
DRAW_S = 30.0  # what draws on a mask takes no longer, whatever a photograph may take to decode
COLOR_SIDE_PX = 512  # whether a photograph is in color is told from a small copy


@dataclass(frozen=True)
class Limits:
    """What one child may take."""

    max_megapixels: float
    memory_bytes: int
    timeout_s: float


def limits_of(settings: Settings) -> Limits:
    """The limits that the settings say, or that follow from them."""
    if settings.decode_memory_mb is not None:
        memory = settings.decode_memory_mb << 20
    else:  # libraries and threads reserve up to 2 GiB of addresses; samples, the decoder's copy and the view take 20 bytes a pixel
        memory = (2 << 30) + int(settings.max_megapixels * 20e6)
    return Limits(settings.max_megapixels, memory, settings.decode_timeout_s)


# --- what a child does


class Facts(TypedDict):
    """What a photograph is."""

    width: int
    height: int
    bits: int
    channels: int
    format: str
    has_color: bool
    has_location: bool
    notes: list[str]


Corners = list[tuple[float, float]] | None


def _opened(source: str, max_megapixels: float, corners: Corners, turn: int) -> photo.Photo:
    """A photograph as it was framed."""
    frame = Frame(None if corners is None else tuple((x, y) for x, y in corners), turn)
    return frame.apply(photo.read(source, max_megapixels=max_megapixels, name=NAME))


def develop(*, source: str, view: str, max_megapixels: float, corners: Corners = None, turn: int = 0) -> Facts:
    """Decode an upload, frame it, and write its view."""
    picture = _opened(source, max_megapixels, corners, turn)
    tile_pyramid.build(picture, Path(view))
    return {
        "width": picture.width,
        "height": picture.height,
        "bits": picture.bits,
        "channels": picture.channels,
        "format": picture.format or "png",
        "has_color": is_color(tile_pyramid.small(picture, COLOR_SIDE_PX)),
        "has_location": has_location(picture.metadata),
        "notes": list(picture.notes),
    }


def show(*, source: str, view: str, max_megapixels: float, frame: dict[str, Any] | None = None) -> dict[str, Any]:
    """Write the view of a result, or of a photograph in a job's frame."""
    picture = photo.read(source, max_megapixels=max_megapixels, name=NAME)
    if frame is not None:
        picture = Frame.recorded(Framed.from_json(frame)).apply(picture)
    tile_pyramid.build(picture, Path(view))
    return {}


def take_mask(*, source: str, target: str, facts: str, width: int, height: int, scale: bool, max_megapixels: float) -> masks.MaskFacts:
    """Decode an uploaded mask of a photograph of `width` x `height`.

    With `scale`, one of another size and the same shape is enlarged.
    """
    drawn = photo.read(source, max_megapixels=max_megapixels, name=masks.NAME)
    lost = masks.drawn(drawn)
    if (drawn.width, drawn.height) != (width, height):
        if not scale or abs(drawn.width * height / (drawn.height * width) - 1) > 0.02:
            sizes = f"the mask is {drawn.width}x{drawn.height} pixels and the photograph is {width}x{height}"
            raise UsageError(f"{sizes}; {'they must be of one shape' if scale else 'they must be of one size'}")
        lost = cv2.resize(lost.view(np.uint8) * 255, (width, height), interpolation=cv2.INTER_LINEAR) >= 128
    return masks.write_mask(lost, Path(target), Path(facts))


def edit_mask(
    *, source: str, target: str, facts: str, remove: list[int], largest_px: int | None, strokes: list[brush.Stroke]
) -> masks.MaskFacts:
    """Take components out of a mask, then draw on it."""
    rest = masks.without(masks.read_mask(source), remove, largest_px)
    return masks.write_mask(brush.draw(rest, strokes), Path(target), Path(facts))


def draw_mask(*, target: str, facts: str, width: int, height: int, strokes: list[brush.Stroke]) -> masks.MaskFacts:
    """Draw on an empty mask."""
    return masks.write_mask(brush.draw(np.zeros((height, width), bool), strokes), Path(target), Path(facts))


def _reduced(mask: Mask, side_px: int | None) -> Mask:
    """A mask whose longer side is at most `side_px`: lost where anything of it is."""
    longer = max(mask.shape)
    if side_px is None or side_px >= longer:
        return mask
    size = max(1, round(mask.shape[1] * side_px / longer)), max(1, round(mask.shape[0] * side_px / longer))
    lost: Mask = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
    return lost


def _put_png(picture: np.ndarray, target: str) -> None:
    encoded, data = cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 3])
    assert encoded
    Path(target).write_bytes(data.tobytes())


def show_mask(*, source: str, target: str, side_px: int | None, overlay: str | None) -> dict[str, Any]:
    """A mask smaller, or as a color on transparent."""
    strength: np.ndarray = _reduced(masks.read_mask(source), side_px).view(np.uint8) * 255
    if overlay is not None:
        painted = np.empty((*strength.shape, 4), np.uint8)
        painted[:, :, :3] = [int(overlay[at : at + 2], 16) for at in (4, 2, 0)]
        painted[:, :, 3] = strength
        strength = painted
    _put_png(strength, target)
    return {}


def show_depth(*, source: str, target: str, side_px: int | None) -> dict[str, Any]:
    """How far each pixel of a mask is from what is known, as a layer; smaller, if asked."""
    layer = invented.shaded(invented.depth(_reduced(masks.read_mask(source), side_px)))
    _put_png(cv2.cvtColor(layer, cv2.COLOR_RGBA2BGRA), target)
    return {}


def find_component(*, source: str, x: float, y: float, radius_px: float) -> dict[str, Any]:
    """Which component of a mask lies at a place."""
    return {"object": masks.component_at(masks.read_mask(source), x, y, radius_px)}


class Outlined(TypedDict):
    """Prints on a photograph, and what is not sure about them."""

    prints: list[dict[str, Any]]
    doubt: str | None


def find_outlines(*, source: str, max_megapixels: float, corners: Corners = None, turn: int = 0) -> Outlined:
    """Where the prints lie on a photograph, and the picture proper in each."""
    found = find_prints(_opened(source, max_megapixels, corners, turn))
    return {"prints": found.as_json(), "doubt": found.doubt or None}


class Up(TypedDict):
    """Which way is up: what a photograph is to be turned by, and whether that is sure."""

    turn: int
    probability: float
    sure: bool


def tell_up(*, picture: str, models: str | None, corners: Corners, width: int) -> Up:
    """Which way is up within these corners of a photograph of this `width`.

    `picture` is a small JPEG file of the server's own; `models`: the folder of the settings.
    """
    small = photo.read(picture)
    frame = Frame() if corners is None else Frame.of(np.asarray(corners) * (small.width / width))
    with open_sessions(Settings(models=None if models is None else Path(models), threads=1)) as sessions:
        way = which_way(small, frame, sessions.get("upright"))
    return {"turn": way.turn, "probability": way.probability, "sure": way.sure}


def find_places(*, picture: str, mask: str | None, strokes: list[brush.Stroke], width: int) -> dict[str, Any]:
    """Where what `strokes` paint could be filled from, in pixels of the photograph of this `width`.

    `picture` is a small JPEG file of the server's own.
    """
    image = cast("np.ndarray", cv2.imread(picture, cv2.IMREAD_COLOR))[:, :, ::-1].astype(np.float32) / 255
    height, shown = image.shape[:2]
    scale = shown / width
    lost = np.zeros((height, shown), bool)
    if mask is not None:
        lost = masks.reduced(masks.read_mask(mask), height, shown)
    hole = brush.draw(np.zeros((height, shown), bool), brush.scaled(strokes, scale))
    found = find_sources(image, lost, hole)
    return {"sources": [{"dx": round(each.dx / scale), "dy": round(each.dy / scale), "cost": each.cost} for each in found]}


def share(*, before: str, after: str, target: str, kind: str, name: str) -> dict[str, Any]:
    """Before and after, two small JPEG files of the server's own, as one picture or a sweep."""
    one, other = (cv2.cvtColor(cast("np.ndarray", cv2.imread(path, cv2.IMREAD_COLOR)), cv2.COLOR_BGR2RGB) for path in (before, after))
    if one.shape != other.shape:
        one = cv2.resize(one, (other.shape[1], other.shape[0]), interpolation=cv2.INTER_AREA)
    Path(target).write_bytes(sharing.shared(one, other, kind, name))
    return {}


class Exported(TypedDict):
    """A result as a file: its format, and what that could not hold."""

    format: str
    losses: list[str]


def export(*, source: str, master: str | None, target: str, format: str, quality: int | None, drop_location: bool) -> Exported:
    """A result in another format, of another quality, or without its location.

    `master` has its samples without loss.
    """
    result = photo.read(source, max_megapixels=float("inf"), name=NAME)
    if master is not None:
        result = result.with_samples(photo.read(master, max_megapixels=float("inf"), name=NAME).samples)
    if drop_location:
        result = result.with_metadata(without_location(result.metadata))
    chosen = result.format or "png" if format == "same" else format
    losses = photo.losses(result, chosen) if chosen != result.format else ()
    Path(target).write_bytes(photo.encode_file(result, None if chosen == result.format else chosen, quality))
    return {"format": chosen, "losses": list(losses)}


def ready() -> dict[str, Any]:
    """Do nothing."""
    return {}


CHORES: dict[str, Callable[..., Any]] = {
    chore.__name__: chore
    for chore in (
        ready,
        develop,
        show,
        take_mask,
        edit_mask,
        draw_mask,
        show_mask,
        show_depth,
        find_component,
        find_outlines,
        tell_up,
        find_places,
        share,
        export,
    )
}

DRAWING = (edit_mask, draw_mask, show_mask, show_depth, find_component, find_places)

# --- how a child is started, watched and heard


def _child(connection: Connection, chore: str, arguments: dict[str, Any], limits: Limits) -> None:
    """The whole life of a child."""
    try:
        _confine(limits)
        answer = {"done": CHORES[chore](**arguments)}
    except TooLargeError as error:
        answer = {"refused": "TooLargeError", "sentence": error.message}
    except UnfadeError as error:
        answer = {"refused": type(error).__name__, "sentence": str(error)}
    except MemoryError:
        answer = {"refused": "MemoryError", "sentence": ""}
    except OSError as error:
        answer = {"refused": "OSError", "sentence": "", "errno": error.errno}
    except Exception as error:  # noqa: BLE001  libraries on hostile files: it concerns this file alone, and the parent logs it
        answer = {"refused": "Exception", "sentence": f"{type(error).__name__}: {error}"}
    connection.send_bytes(json.dumps(answer).encode())
    connection.close()


def _confine(limits: Limits) -> None:
    """Let this process take no more than `limits`.

    Windows has no such limits; there, time alone is limited, from outside.
    """
    cv2.setNumThreads(1)
    if sys.platform == "win32":
        return
    import resource

    seconds = int(limits.timeout_s) + 1
    for kind, value in ((resource.RLIMIT_AS, limits.memory_bytes), (resource.RLIMIT_CPU, seconds), (resource.RLIMIT_CORE, 0)):
        _, hard = resource.getrlimit(kind)
        bounded = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (bounded, bounded))


class Sandbox:
    """Runs chores in children, a few at a time."""

    def __init__(self, settings: Settings) -> None:
        self.limits = limits_of(settings)
        self._context: SpawnContext | ForkServerContext
        if sys.platform == "win32":
            self._context = multiprocessing.get_context("spawn")
        else:
            self._context = multiprocessing.get_context("forkserver")
            # multiprocessing has each child run this process's main script anew, which imports unfade.cli
            self._context.set_forkserver_preload([__name__, "pyvips", "unfade.cli"])
        places = max(2, cpu_limit()) + 1  # one client has all but one: the next one's photograph does not wait
        self._turns = Turns(places, waiting_each=WAITING_EACH, waiting_all=MAX_WAITING)
        self._pool = ThreadPoolExecutor(places, thread_name_prefix="sandbox")

    def warm(self) -> None:
        """Start the helper process, so that it has loaded its libraries before the first photograph comes."""
        self._run(ready.__name__, {}, replace(self.limits, timeout_s=WARM_S))

    async def run(self, chore: Callable[..., Any], **arguments: Any) -> Any:
        """Run one of this module's chores in a child; gives its answer.

        Raises what the chore raised on purpose; `Problem` if the child ran out of memory or time, died, or
        too many wait already.
        """
        limits = replace(self.limits, timeout_s=min(self.limits.timeout_s, DRAW_S)) if chore in DRAWING else self.limits
        try:
            async with self._turns.one(CLIENT.get()):
                running = asyncio.get_running_loop().run_in_executor(self._pool, self._run, chore.__name__, arguments, limits)
                return await asyncio.shield(running)
        except TooManyError:
            raise Problem("busy", "The server is busy reading other photographs; try again in a moment.", retry_after_s=5) from None

    def _run(self, chore: str, arguments: dict[str, Any], limits: Limits) -> Any:
        mine, its = self._context.Pipe(duplex=False)
        process = self._context.Process(target=_child, args=(its, chore, arguments, limits), daemon=True)
        answer: dict[str, Any] | None = None
        with mine:
            process.start()
            its.close()
            try:
                if mine.poll(limits.timeout_s):
                    answer = json.loads(mine.recv_bytes(64 << 20))
            except (EOFError, OSError, ValueError):  # it died, or said nonsense
                answer = {"refused": "died"}
        process.join(0 if answer is None else 2)
        if process.is_alive():
            process.kill()
            process.join()
        exit_code = process.exitcode
        process.close()
        if answer is None:
            raise Problem("unreadable", f"It took longer than {limits.timeout_s:g} seconds to decode the photograph, and was given up.")
        if "done" in answer:
            return answer["done"]
        log.warning("a sandbox child refused %s (exit code %s): %s", chore, exit_code, answer)
        raise _refusal(answer)

    def close(self) -> None:
        """Wait for what runs, and take no more."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def _refusal(answer: dict[str, Any]) -> Exception:
    """What to raise for a child's refusal."""
    kind = str(answer["refused"])
    if kind == "MemoryError":
        return Problem("too-large", "The photograph needs more memory to decode than the server gives to one; try a smaller copy.")
    if kind == "OSError":
        return OSError(answer.get("errno"), "in a sandbox child")
    known = getattr(errors, kind, None)
    if isinstance(known, type) and issubclass(known, UnfadeError):
        return known(str(answer["sentence"]))
    return UnreadableError("the photograph cannot be decoded: its file is broken in a way that no program should follow")
