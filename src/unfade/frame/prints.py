"""Where the prints lie on a scan, and the picture proper within each.

What cannot be told for certain is left alone: the whole picture is then the picture, and the finding says that it is not sure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from unfade import color
from unfade.arrays import Lab, Samples
from unfade.files.photo import Photo
from unfade.frame import borders, edges, ground, outlines, quads

COPY_PX = 800  # the long side of the copy on which prints are looked for
VIEW_PX = 720  # and of that on which a print's borders are
# A scan is explained if this much of it is ground or prints, and the ground covers this much of its edge and is this even.
EXPLAINED = 0.97
GROUND_EDGE = 0.25
GROUND_EVEN = 3.5
NEAR_PRINT = 0.05  # of a print's short side: shadows within this are explained
REACH = 0.05  # of a print's short side: how far its sides may be from the component's
BACKED_SIDE, BACKED = 0.6, 0.75
FILLS = 0.85  # one print that covers more than this is looked at for borders instead: a sky above roofs looks like a ground
LONGEST = 6.0  # longer things are rulers and strips of negatives
LEAST_PICTURE = 0.2  # of a print: a smaller picture is something else


@dataclass(frozen=True, eq=False)
class Print:
    """One print on a scan.

    `corners` (4, 2): its paper's, clockwise from its top left, x then y in pixels from the outer edge of the scan's first; `picture`
    (4, 2): those of the picture proper, within borders. `around` and `border` say what lies around the paper and the picture: "none",
    "light", "dark" or "colored". `sure`: false if something speaks against it.
    """

    corners: np.ndarray
    picture: np.ndarray
    around: str
    border: str
    sure: bool = True


@dataclass(frozen=True, eq=False)
class Found:
    """The prints on a scan of `width` by `height` pixels, in reading order, and what was not sure about them ("" where all was)."""

    width: int
    height: int
    prints: tuple[Print, ...]
    doubt: str = ""

    @property
    def pictures(self) -> tuple[np.ndarray, ...]:
        """The pictures proper that steps may look at: those of the prints, or the whole where that is not sure."""
        if self.doubt or not self.prints:
            return (quads.box(self.width, self.height),)
        return tuple(one.picture for one in self.prints)

    @property
    def whole(self) -> bool:
        """Whether the whole is the picture."""
        pictures = self.pictures
        return len(pictures) == 1 and bool(np.allclose(pictures[0], quads.box(self.width, self.height)))


def find_prints(photo: Photo) -> Found:
    """Find the prints of a scan and the picture proper in each."""
    samples, alpha = photo.samples, photo.alpha
    small, scale = _reduced(samples, COPY_PX)
    lab = _lab(photo, small, None if alpha is None else _reduced(alpha[..., None], COPY_PX)[0])
    prints, doubt = _on_ground(lab, small)
    whole = quads.box(photo.width, photo.height)
    if not prints:
        one = Print(whole, whole, "none", "none", sure=not doubt)
        inside, unsure = _within(photo, one)
        doubt = unsure or ("" if inside.border != "none" else doubt)
        return Found(photo.width, photo.height, (inside if not doubt else one,), doubt)
    found = []
    for one in prints:
        fine = edges.refine(samples, one.corners / scale, 3 / scale + 2, of_paper=True) if scale < 1 else None
        corners = one.corners / scale if fine is None or fine.backed.min() < BACKED_SIDE else fine.corners
        corners = _snapped(samples, corners)
        inside, _ = _within(photo, replace(one, corners=corners, picture=corners))
        found.append(inside)
    return Found(photo.width, photo.height, tuple(_in_reading_order(found)), doubt)


def _reduced(samples: np.ndarray, long_side: int) -> tuple[np.ndarray, float]:
    """A copy (h, w, c) whose long side is at most `long_side`, by areas; and the scale (of the width; the height's is its own rounding)."""
    height, width, channels = samples.shape
    scale = min(1.0, long_side / max(height, width))
    if scale == 1:
        return samples, 1.0
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(samples, size, interpolation=cv2.INTER_AREA).reshape(size[1], size[0], channels), scale


def _lab(photo: Photo, samples: Samples, alpha: np.ndarray | None = None) -> Lab:
    """Samples of the photograph as L*a*b*. What is transparent has a color of its own, which no picture has."""
    lab = color.lab_from_srgb(replace(photo, samples=samples, alpha=None).srgb())
    if alpha is not None:
        clear = alpha[..., 0] < np.iinfo(alpha.dtype).max // 8
        lab[clear] = (-60.0, 0.0, 0.0)
    return lab


def _kind(color_: np.ndarray) -> str:
    """What the surround's color is called."""
    if color_[0] < 30:
        return "dark"
    return "light" if color_[0] > 70 and np.hypot(color_[1], color_[2]) < 20 else "colored"


# --- several prints on a ground -----------------------------------------------------------------------------------------------------------


def _on_ground(lab: Lab, small: Samples) -> tuple[list[Print], str]:
    """The prints on a plain ground, in pixels of the copy; and the doubt where something lies there that is not sure."""
    best: tuple[list[Print], str] = ([], "")
    most = 0.0
    for found in ground.grounds(lab):
        if found.edge_share < GROUND_EDGE:
            continue
        prints, doubt = _explained(found, lab, small)
        covered = sum(quads.area(one.corners) for one in prints)
        if prints and covered > most and not doubt:
            best, most = (prints, doubt), covered
        elif not best[0] and doubt and not best[1]:
            best = ([], doubt)
    return best


def _explained(found: ground.Ground, lab: Lab, small: Samples) -> tuple[list[Print], str]:
    """The prints that stand out from one ground, if they and it explain the whole scan."""
    height, width = found.mask.shape
    doubt = "something lies on the ground that is not surely a print"
    if found.deviation > GROUND_EVEN:
        return [], doubt
    parts: list[outlines.Outline] = []
    for component in outlines.components(~found.mask):
        parts += outlines.outlined(component)
        if parts and not parts[-1].sure:
            return [], doubt
    if not parts:
        return [], ""
    prints, rest = [], ~found.mask
    for part in parts:
        short = float(quads.side_lengths(part.corners).min())
        refined = edges.refine(small, part.corners, max(4.0, REACH * short), of_paper=True)
        lengths = quads.side_lengths(refined.corners)
        if refined.backed.min() < BACKED_SIDE or refined.backed.mean() < BACKED or lengths.max() > LONGEST * lengths.min():
            return [], doubt
        center = refined.corners.mean(axis=0)
        rest &= ~quads.inside((refined.corners - center) * (1 + 2 * NEAR_PRINT) + center, height, width)
        rest &= ~part.component
        prints.append(Print(refined.corners, refined.corners, _kind(found.color), "none"))
    if len(prints) == 1 and quads.area(prints[0].corners) > FILLS * height * width:
        return [], ""
    if rest.mean() > 1 - EXPLAINED:
        return [], "more lies around than a ground and prints"
    return prints, ""


def _in_reading_order(prints: list[Print]) -> list[Print]:
    """Row by row, left to right: a print begins a row if its middle lies below the feet of the row's first."""
    left = sorted(prints, key=lambda one: float(one.corners[:, 1].mean()))
    ordered: list[Print] = []
    while left:
        foot = float(left[0].corners[:, 1].max() + left[0].corners[:, 1].mean()) / 2
        row = [one for one in left if float(one.corners[:, 1].mean()) <= foot]
        ordered += sorted(row, key=lambda one: float(one.corners[:, 0].mean()))
        left = [one for one in left if not any(one is other for other in row)]
    return ordered


# --- the picture within one print ---------------------------------------------------------------------------------------------------------


def _within(photo: Photo, one: Print) -> tuple[Print, str]:
    """The print with the picture proper within its borders; and a doubt about them."""
    view, place = _straightened(photo, one.corners)
    doubt, border, corners = "", None, None
    rough = 0 if one.around == "none" else max(1, round(0.004 * min(view.shape[:2])))
    for bordered in borders.peeled(view, rough):
        if not bordered.sure:
            doubt = "its borders are not sure"
            break
        corners, border = bordered.corners, bordered
    if corners is None or border is None:
        return one, doubt
    placed = np.asarray(cv2.perspectiveTransform(corners[None], place)[0])
    scale = float(quads.side_lengths(one.corners).mean() / quads.side_lengths(quads.box(view.shape[1], view.shape[0])).mean())
    fine = edges.refine(photo.samples, placed, 1.5 * scale + 2)
    if fine.backed.min() >= BACKED_SIDE and np.abs(fine.corners - placed).max() < 2 * scale + 3:
        placed = fine.corners
    placed = _snapped(photo.samples, placed)
    if quads.area(placed) < LEAST_PICTURE * quads.area(one.corners):
        return one, "its borders are not sure"
    return replace(one, picture=placed, border=_kind(border.color)), doubt


def _straightened(photo: Photo, corners: np.ndarray) -> tuple[Lab, np.ndarray]:
    """A print as a small straight view, and the homography from the view back to the scan."""
    low = np.maximum(np.floor(corners.min(axis=0)).astype(int) - 2, 0)
    high = np.minimum(np.ceil(corners.max(axis=0)).astype(int) + 2, (photo.width, photo.height))
    rows, columns = slice(low[1], high[1]), slice(low[0], high[0])
    part, scale = _reduced(photo.samples[rows, columns], VIEW_PX)
    lab = _lab(photo, part, None if photo.alpha is None else _reduced(photo.alpha[rows, columns, None], VIEW_PX)[0])
    shrunk = (part.shape[1] / (high[0] - low[0]), part.shape[0] / (high[1] - low[1]))
    here = (corners - low) * shrunk
    lengths = quads.side_lengths(here)
    width, height = max(2, round((lengths[0] + lengths[2]) / 2)), max(2, round((lengths[1] + lengths[3]) / 2))
    to_view = cv2.getPerspectiveTransform(here.astype(np.float32), quads.box(width, height).astype(np.float32)).astype(float)
    if np.allclose(here, quads.box(part.shape[1], part.shape[0]), atol=1e-6):
        view = lab
    else:
        half = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]])
        view = cv2.warpPerspective(lab, half @ to_view @ np.linalg.inv(half), (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    grow = np.diag([1 / shrunk[0], 1 / shrunk[1], 1.0])
    move = np.array([[1, 0, low[0]], [0, 1, low[1]], [0, 0, 1.0]])
    return view, move @ grow @ np.linalg.inv(to_view)


SNAP_PX = 1.5  # a side that strays less from a row or column of pixels lies on it, if the samples say so
SNAP_REACH_PX = 4


def _snapped(samples: Samples, corners: np.ndarray) -> np.ndarray:
    """Sides that lie along rows and columns of pixels are put exactly between the last of the surround and the first of the picture."""
    height, width = samples.shape[:2]
    snapped = corners.copy()
    for side in range(4):
        axis = 1 if side % 2 == 0 else 0
        ends = [side, (side + 1) % 4]
        if abs(corners[ends[0], axis] - corners[ends[1], axis]) > SNAP_PX:
            continue
        level = float(corners[ends, axis].mean())
        first, last = sorted(float(corners[end, 1 - axis]) for end in ends)
        exact = _boundary(samples if axis == 1 else samples.transpose(1, 0, 2), level, first, last, inwards=1 if side in (0, 3) else -1)
        if exact is not None:
            snapped[ends, axis] = exact
    limit = np.array([width, height], float)
    return np.asarray(np.clip(snapped, -0.1 * limit, 1.1 * limit))


def _boundary(samples: Samples, level: float, first: float, last: float, *, inwards: int) -> float | None:
    """Where along the rows the surround ends, exactly, near `level`; None where it is not even enough to say."""
    height, width = samples.shape[:2]
    left, right = int(max(0, first + 0.05 * (last - first))), int(min(width, last - 0.05 * (last - first)))
    if right - left < 16 or level <= 0.5 or level >= height - 0.5:
        return float(np.clip(round(level), 0, height)) if right - left >= 16 else None
    step = max(1, (right - left) // 2000)
    middle = round(level)
    outer = [row for row in range(middle - inwards * 2 * SNAP_REACH_PX, middle - inwards * SNAP_REACH_PX, inwards) if 0 <= row < height]
    if not outer:
        outer = [0 if inwards > 0 else height - 1]
    top = np.iinfo(samples.dtype).max
    plain = samples[outer, left:right:step].astype(np.float32) / top
    color_ = np.median(plain, axis=(0, 1))
    spread = float(np.median(np.abs(plain - color_).max(axis=2)))
    reach = max(2.5 / 255, 4 * spread)
    if reach > 14 / 255:
        return None
    rows = range(outer[-1], middle + inwards * (SNAP_REACH_PX + 1), inwards)
    for row in rows:
        if not 0 <= row < height:
            return None
        line = samples[row, left:right:step].astype(np.float32) / top
        if float((np.abs(line - color_).max(axis=1) > reach).mean()) > 0.3:
            return float(row if inwards > 0 else row + 1)
    return None
