"""Made scans: photographs laid on a lid, an album page or a table, with their outlines known to a fraction of
a pixel.

A scan is a pure function of the photographs and the seed. The ground is a scanner's lid (white, gray, black),
an album page (paper with fibers) or a table under a phone (wood or cloth, uneven light, perspective). A print
has no border, a white or a dark one, or a deckled edge; it is turned, bowed by curl, throws a shadow, and may
lie flush with the edge of the scan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np

from unfade.ageing._chance import between, log_between
from unfade.color import REC_601

GroundKind = Literal["lid", "page", "table"]
BorderKind = Literal["none", "white", "dark", "deckled"]

# How a print lies: the largest bow of its sides by curl, the shadow's reach and the gap between prints,
# relative to the print's short side.
BOW = 0.004
SHADOW_REACH = 0.03
GAP = 0.02


@dataclass(frozen=True, eq=False)
class Laid:
    """One print as it lies: four `corners` of its paper and of its `picture` proper, (4, 2), clockwise from
    its own top left, in pixels of the scan counted from the outer edge of the first pixel."""

    corners: np.ndarray
    picture: np.ndarray
    border: BorderKind


@dataclass(frozen=True, eq=False)
class MadeScan:
    """A scan (h, w, 3) uint8 and the prints on it."""

    samples: np.ndarray
    prints: tuple[Laid, ...]
    ground: GroundKind


def make_scan(
    photographs: Sequence[np.ndarray],
    seed: int,
    *,
    long_side_px: int = 1800,
    count: int | None = None,
    ground: GroundKind | None = None,
    turned: bool = True,
) -> MadeScan:
    """Lay `count` (1 to 6) of `photographs`, (h, w, 3) uint8 each, on a `ground`; what is not given, chance
    decides.

    With `turned` false every print lies straight, whole, and away from the edge.
    """
    rng = np.random.default_rng(seed)
    kind: GroundKind = ground or rng.choice(np.array(["lid", "page", "table"]), p=[0.55, 0.25, 0.2]).item()
    number = count or int(rng.integers(1, 7))
    tall = bool(rng.random() < 0.5)
    height, width = (long_side_px, round(long_side_px / 1.38)) if tall else (round(long_side_px / 1.38), long_side_px)
    canvas = _ground(rng, kind, height, width)
    perspective = _perspective(rng, height, width) if kind == "table" else np.eye(3)
    prints = []
    for cell in _cells(rng, number, height, width):
        picture = photographs[int(rng.integers(len(photographs)))]
        prints.append(_lay(rng, canvas, picture, cell, perspective, turned=turned, on_dark=float(canvas.mean()) < 90))
    canvas += rng.standard_normal(canvas.shape[:2], dtype=np.float32)[..., None] * between(rng, (0.3, 1.8))
    return MadeScan(np.clip(np.rint(canvas), 0, 255).astype(np.uint8), tuple(prints), kind)


# --- the ground ---------------------------------------------------------------------------------------------


def _ground(rng: np.random.Generator, kind: GroundKind, height: int, width: int) -> np.ndarray:
    """The empty scan (h, w, 3) float32, 0 to 255."""
    if kind == "lid":
        level = [between(rng, (235, 255)), between(rng, (120, 215)), between(rng, (3, 45))][int(rng.choice(3, p=[0.5, 0.25, 0.25]))]
        color = level * np.array([1, 1, 1]) + rng.normal(0, 2, 3)
        relief, uneven = 0.0, 0.02
    elif kind == "page":
        pages = ((28, 26, 25), (58, 44, 36), (128, 124, 118), (226, 216, 192), (74, 88, 78), (240, 238, 232))
        color = np.array(pages[int(rng.integers(len(pages)))]) + rng.normal(0, 4, 3)
        relief, uneven = between(rng, (0.005, 0.02)), 0.05
    else:
        tables = ((122, 84, 54), (178, 142, 104), (70, 48, 36), (196, 190, 182), (92, 96, 104))
        color = np.array(tables[int(rng.integers(len(tables)))]) + rng.normal(0, 8, 3)
        relief, uneven = between(rng, (0.02, 0.06)), 0.2
    plane = np.ones((height, width), np.float32)
    light = rng.standard_normal((3, 3)).astype(np.float32)
    plane += cv2.resize(light, (width, height), interpolation=cv2.INTER_CUBIC) * np.float32(uneven * rng.random() / 2)
    if relief:
        plane += _texture(rng, kind, height, width) * np.float32(relief)
    canvas = plane[..., None] * np.maximum(color, 0).astype(np.float32)
    for _ in range(int(rng.integers(0, 12))):  # dust on the glass
        center = tuple(int(value) for value in rng.integers(0, (width, height)))
        shade = float(canvas[center[1], center[0]].mean() + rng.normal(0, 40))
        cv2.circle(canvas, center, int(rng.integers(1, 3)), (shade, shade, shade), -1, cv2.LINE_AA)
    return canvas


def _texture(rng: np.random.Generator, kind: GroundKind, height: int, width: int) -> np.ndarray:
    """Fibers of paper, grain of wood or threads of cloth: (h, w) float32 of deviation 1."""
    if kind == "page":
        noise = cv2.GaussianBlur(rng.standard_normal((height, width), dtype=np.float32), (0, 0), log_between(rng, (0.8, 3)))
    elif rng.random() < 0.7:  # wood: streaks along one side
        across = rng.standard_normal((height, max(width // 40, 2)), dtype=np.float32)
        noise = cv2.resize(cv2.GaussianBlur(across, (0, 0), 1.5), (width, height), interpolation=cv2.INTER_CUBIC)
        noise += 0.3 * rng.standard_normal(noise.shape, dtype=np.float32) * noise.std()
    else:
        period = between(rng, (4, 9))
        rows, columns = np.sin(np.arange(height) * 2 * np.pi / period), np.sin(np.arange(width) * 2 * np.pi / period)
        noise = (rows[:, None] * columns[None, :] + 0.5 * rng.standard_normal((height, width))).astype(np.float32)
    return noise / max(float(noise.std()), 1e-6)


def _perspective(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A phone held not quite level: the homography from the table as seen from above to the picture."""
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    moved = corners + rng.uniform(-0.06, 0.06, (4, 2)).astype(np.float32) * min(height, width)
    return np.asarray(cv2.getPerspectiveTransform(corners, moved.astype(np.float32)), float)


# --- the prints ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Cell:
    """The place of one print: left, top, right, bottom, and which sides of it are the scan's edge."""

    box: tuple[float, float, float, float]
    edges: tuple[bool, bool, bool, bool]


def _cells(rng: np.random.Generator, number: int, height: int, width: int) -> list[_Cell]:
    """A place for each of `number` prints, in rows and columns."""
    across = {1: 1, 2: 1, 3: 2, 4: 2, 5: 2, 6: 2}[number]
    down = -(-number // across)
    if width > height:
        across, down = down, across
    places = [(row, column) for row in range(down) for column in range(across)]
    kept = [places[index] for index in sorted(rng.choice(len(places), number, replace=False))]
    tall, wide = height / down, width / across
    return [
        _Cell(
            (column * wide, row * tall, (column + 1) * wide, (row + 1) * tall),
            (column == 0, row == 0, column == across - 1, row == down - 1),
        )
        for row, column in kept
    ]


def _lay(
    rng: np.random.Generator,
    canvas: np.ndarray,
    photograph: np.ndarray,
    cell: _Cell,
    perspective: np.ndarray,
    *,
    turned: bool,
    on_dark: bool,
) -> Laid:
    """Lay one photograph in its cell, onto `canvas` in place."""
    border: BorderKind = rng.choice(np.array(["none", "white", "dark", "deckled"]), p=[0.45, 0.37, 0.06, 0.12]).item()
    angle = 0.0
    if turned:
        die = rng.random()
        angle = rng.normal(0, 2.5) if die < 0.65 else rng.uniform(-45, 45) if die < 0.85 else 90 + rng.normal(0, 2)
    left, top, right, bottom = cell.box
    print_, inset, distance = _print(rng, photograph, border, (right - left, bottom - top), angle)
    tall, wide = print_.shape[:2]
    turn = np.deg2rad(angle)
    reach = np.array([wide * abs(np.cos(turn)) + tall * abs(np.sin(turn)), wide * abs(np.sin(turn)) + tall * abs(np.cos(turn))])
    free = np.maximum(np.array([right - left, bottom - top]) - reach - 2 * GAP * min(tall, wide), 0) / 2
    center = np.array([(left + right) / 2, (top + bottom) / 2]) + rng.uniform(-1, 1, 2) * free
    if turned and abs(angle) < 1.5 and rng.random() < 0.25:  # pushed to the stop of the glass
        angle, turn = 0.0, 0.0
        side = int(rng.choice(np.flatnonzero(cell.edges))) if any(cell.edges) else 0
        if any(cell.edges):
            flush = (left + wide / 2, top + tall / 2, right - wide / 2, bottom - tall / 2)[side]
            center[side % 2] = flush
    rotation = np.array([[np.cos(turn), -np.sin(turn), center[0]], [np.sin(turn), np.cos(turn), center[1]], [0, 0, 1]])
    place = perspective @ rotation @ np.array([[1, 0, -wide / 2], [0, 1, -tall / 2], [0, 0, 1.0]])
    _paste(rng, canvas, print_, distance, place, on_dark=on_dark)
    outer = np.array([[0, 0], [wide, 0], [wide, tall], [0, tall]], float)
    left_, top_, right_, bottom_ = inset
    inner = np.array([[left_, top_], [wide - right_, top_], [wide - right_, tall - bottom_], [left_, tall - bottom_]], float)
    laid = Laid(_through(outer, place), _through(inner, place), border)
    return replace(laid, picture=laid.corners) if border == "none" else laid


def _through(points: np.ndarray, place: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.perspectiveTransform(points[None].astype(np.float64), place)[0])


def _print(
    rng: np.random.Generator, photograph: np.ndarray, border: BorderKind, room: tuple[float, float], angle: float
) -> tuple[np.ndarray, tuple[float, float, float, float], np.ndarray]:
    """A print that fits in `room` at `angle`: its pixels (h, w, 3) float32, the border's widths, and how far
    inside its edge each lies."""
    shape = photograph.shape
    turn = np.deg2rad(angle)
    reach = (
        shape[1] * abs(np.cos(turn)) + shape[0] * abs(np.sin(turn)),
        shape[1] * abs(np.sin(turn)) + shape[0] * abs(np.cos(turn)),
    )
    scale = min(room[0] / reach[0], room[1] / reach[1]) * between(rng, (0.62, 0.9))
    wide, tall = max(24, round(shape[1] * scale)), max(24, round(shape[0] * scale))
    short = min(wide, tall)
    widths = np.zeros(4)
    if border != "none":
        widths[:] = round(short * between(rng, (0.025, 0.09)))
        if border == "white" and rng.random() < 0.15:
            widths[3] = round(short * 0.22)  # an instant picture's foot
    left, top, right, bottom = (int(width) for width in widths)
    inner = cv2.resize(photograph, (wide - left - right, tall - top - bottom), interpolation=cv2.INTER_AREA).astype(np.float32)
    inner = _faded(rng, inner)
    paper = np.array([between(rng, (205, 250))] * 3) * (1, between(rng, (0.95, 1)), between(rng, (0.86, 1)))
    if border == "dark":
        paper = np.full(3, between(rng, (8, 40)))
    whole = np.empty((tall, wide, 3), np.float32)
    whole[:] = paper.astype(np.float32)
    whole[top : tall - bottom, left : wide - right] = inner
    return (
        whole,
        (left, top, right, bottom),
        _jags(rng, tall, wide, short) if border == "deckled" else np.zeros((2, max(tall, wide)), np.float32),
    )


def _faded(rng: np.random.Generator, inner: np.ndarray) -> np.ndarray:
    """A photograph in the state that prints come in: in color, gray, or sepia; full or faded."""
    die = rng.random()
    if die < 0.6:
        gray = inner @ np.array(REC_601, np.float32)
        inner = np.repeat(gray[..., None], 3, 2)
    low, high = (between(rng, (0, 70)), between(rng, (170, 250)))
    inner = low + inner * (high - low) / 255
    if 0.3 < die < 0.8:
        inner = 255 * (inner / 255) ** np.array([between(rng, (0.8, 1)), 1, between(rng, (1, 1.4))], np.float32)
    return inner.astype(np.float32)


def _jags(rng: np.random.Generator, tall: int, wide: int, short: int) -> np.ndarray:
    """How deep a deckled edge is cut at each pixel along rows and columns, (2, longest) float32."""
    period, depth = between(rng, (0.01, 0.02)) * short, between(rng, (0.004, 0.01)) * short
    steps = np.arange(max(tall, wide), dtype=np.float32)
    waves = [np.abs((steps / period + rng.random()) % 1 - 0.5) * 2 * depth for _ in range(2)]
    return np.stack(waves).astype(np.float32)


def _paste(rng: np.random.Generator, canvas: np.ndarray, print_: np.ndarray, jags: np.ndarray, place: np.ndarray, *, on_dark: bool) -> None:
    """Draw the print and its shadow onto the canvas."""
    tall, wide = print_.shape[:2]
    height, width = canvas.shape[:2]
    corners = _through(np.array([[0, 0], [wide, 0], [wide, tall], [0, tall]], float), place)
    reach = SHADOW_REACH * min(tall, wide) + 3
    low = np.maximum(np.floor(corners.min(0) - 2 * reach), 0).astype(int)
    high = np.minimum(np.ceil(corners.max(0) + 2 * reach), (width, height)).astype(int)
    rows, columns = np.mgrid[low[1] : high[1], low[0] : high[0]].astype(np.float32) + np.float32(0.5)
    back = np.linalg.inv(place)
    depth = back[2, 0] * columns + back[2, 1] * rows + back[2, 2]
    across = ((back[0, 0] * columns + back[0, 1] * rows + back[0, 2]) / depth).astype(np.float32)
    down = ((back[1, 0] * columns + back[1, 1] * rows + back[1, 2]) / depth).astype(np.float32)
    bows = rng.uniform(-1, 1, 4) * BOW * min(tall, wide) * (rng.random() < 0.4)
    arch_x, arch_y = 1 - (2 * down / tall - 1) ** 2, 1 - (2 * across / wide - 1) ** 2
    jag_rows = jags[0][np.clip(across, 0, wide - 1).astype(int)]
    jag_columns = jags[1][np.clip(down, 0, tall - 1).astype(int)]
    inside = np.minimum(
        np.minimum(across + bows[0] * arch_x, wide - across + bows[1] * arch_x) - jag_columns,
        np.minimum(down + bows[2] * arch_y, tall - down + bows[3] * arch_y) - jag_rows,
    )
    alpha = np.clip(inside + 0.5, 0, 1)[..., None]
    part = canvas[low[1] : high[1], low[0] : high[0]]
    shadow = np.float32(between(rng, (0, 0.5)) * (0.5 if on_dark else 1))
    sigma = between(rng, (0.003, SHADOW_REACH / 2)) * min(tall, wide)
    offset = rng.uniform(-1, 1, 2) * SHADOW_REACH * 0.5 * min(tall, wide)
    cast = cv2.warpAffine(
        alpha[..., 0].astype(np.float32), np.array([[1, 0, offset[0]], [0, 1, offset[1]]]), (part.shape[1], part.shape[0])
    )
    part *= 1 - shadow * cv2.GaussianBlur(cast, (0, 0), max(sigma, 0.5))[..., None]
    drawn = cv2.remap(print_, across - np.float32(0.5), down - np.float32(0.5), cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    part += alpha * (drawn - part)
