"""Where the prints lie on a scan, and the picture proper within each.

What cannot be told for certain is left alone: the whole picture is then the picture, and the finding says
that it is not sure.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np

from unfade import color
from unfade.arrays import Lab, Mask, Samples
from unfade.files.photo import Photo, read
from unfade.frame import borders, edges, ground, outlines, paper, quads
from unfade.frame.snapping import snapped

COPY_PX = 800  # the long side of the copy on which prints are looked for
DRAWN_PX = 1600  # of that on which they are drawn
VIEW_PX = 720  # and of that on which a print's borders are
# A scan is explained if this much of it is ground or prints, and the ground covers this much of its edge and
# is this even.
EXPLAINED = 0.97
GROUND_EDGE = 0.25
GROUND_EVEN = 4.0
NEAR_PRINT = 0.05  # of a print's short side: shadows within this are explained
REACH = 0.05  # of a print's short side: how far its sides may be from the component's
BACKED_SIDE, BACKED = 0.4, 0.7
SHAPED, SHAPED_SIDE = 0.985, 0.85  # an outline as good as this needs edges behind three of its sides only
WELL_SHAPED, WELL_SHAPED_SIDE = 0.99, 0.93  # as good as this, it needs none: a deckled edge in a shadow shows none on a copy
# An outline that is not straight is a print's if edges back so much of every side, and of all, the component
# fills so much of it, and no more than this of it lies beyond.
RAGGED_SIDE, RAGGED, RAGGED_FILLED, RAGGED_BEYOND = 0.7, 0.82, 0.7, 0.03
PARTS_MOST = 12  # more things on the ground are not looked through for parts of one print
FILLS = 0.85  # one print that covers more than this is looked at for borders instead: a sky above roofs looks like a ground
NEAR_EDGE = 0.012  # of the long side: a side this near to the scan's edge is cut off by it
SKEWED = 14.0  # degrees: a corner further from a right angle is no print's, not even under a phone
LONGEST = 6.0  # longer things are rulers and strips of negatives
SMALLEST = 0.05  # of the scan's long side: what is smaller is a stamp, a window, a thread of cloth
PRINTS_MOST = 40  # a contact sheet has 36 frames; more are a pattern: tiles, a weave, a wall of windows
SNAP_PX = 1.25  # of a side that was found at full size
ROUGH = 0.012  # of a print's short side: how deep a deckled edge is cut
PLAIN = 4.0  # what strays less, in L*a*b*, from one color is no print but a part of the ground
SAME = 0.8  # of their union: a print beside which something lies that is not sure, and the picture within the whole's border
EDGE_WHITE, EDGE_BLACK, EDGE_MOST = 88.0, 22.0, 0.9  # L* of paper and of film, and how much of a side is of it
LEAST_PICTURE = 0.2  # of a print: a smaller picture is something else


@dataclass(frozen=True, eq=False)
class Print:
    """One print on a scan.

    `corners` (4, 2): its paper's, clockwise from its top left, x then y in pixels from the outer edge of the
    scan's first; `picture` (4, 2): those of the picture proper, within borders. `around` and `border` say
    what lies around the paper and the picture: "none", "light", "dark" or "colored". `sure`: false if
    something speaks against it.
    """

    corners: np.ndarray
    picture: np.ndarray
    around: str
    border: str
    sure: bool = True


@dataclass(frozen=True, eq=False)
class Found:
    """The prints on a scan of `width` by `height` pixels, in reading order, and what was not sure about them
    ("" where all was)."""

    width: int
    height: int
    prints: tuple[Print, ...]
    doubt: str = ""

    @property
    def pictures(self) -> tuple[np.ndarray, ...]:
        """The pictures proper that steps may look at: those of the prints, or the whole where that is not
        sure."""
        if self.doubt or not self.prints:
            return (quads.box(self.width, self.height),)
        return tuple(one.picture for one in self.prints)

    @property
    def whole(self) -> bool:
        """Whether the whole is the picture."""
        pictures = self.pictures
        return len(pictures) == 1 and bool(np.allclose(pictures[0], quads.box(self.width, self.height)))

    @property
    def whole_corners(self) -> np.ndarray:
        """Those of the scan."""
        return quads.box(self.width, self.height)

    def as_json(self) -> list[dict[str, Any]]:
        """The prints as JSON has them."""
        return [
            {
                "corners": np.round(one.corners, 2).tolist(),
                "picture": np.round(one.picture, 2).tolist(),
                "around": one.around,
                "border": one.border,
                "sure": one.sure,
            }
            for one in self.prints
        ]

    def to_json(self, scan: Photo) -> str:
        """The account of a scan: its name, hash and size, the prints in the order in which they are cut, what
        is not sure."""
        account = {
            "photo": scan.name,
            "sha256": scan.sha256,
            "width": self.width,
            "height": self.height,
            "prints": self.as_json(),
            "doubt": self.doubt or None,
        }
        return json.dumps(account, indent=2, ensure_ascii=False) + "\n"

    def drawn(self, scan: Photo) -> np.ndarray:
        """A copy of the scan, (h, w, 3) uint8, with its prints outlined and numbered: green, red where not
        sure; the picture within in blue."""
        small, scale = _reduced(scan.samples, DRAWN_PX)
        copy: np.ndarray = np.rint(replace(scan, samples=small, alpha=None).srgb() * 255).astype(np.uint8)
        width = max(1, round(max(copy.shape) / 500))
        number = 0
        for one in self.prints:
            number += one.sure
            for corners, line in ((one.picture, (40, 90, 230)), (one.corners, (20, 170, 60) if one.sure else (220, 40, 30))):
                points = np.rint(corners * scale * 16).astype(np.int32).reshape(-1, 1, 2)
                cv2.polylines(copy, [points], isClosed=True, color=line, thickness=width, lineType=cv2.LINE_AA, shift=4)
            label = str(number) if one.sure else "?"
            place = tuple(int(value) for value in np.rint(one.corners.mean(axis=0) * scale))
            cv2.putText(copy, label, place, cv2.FONT_HERSHEY_SIMPLEX, width, (220, 40, 30), 2 * width, cv2.LINE_AA)
        return copy

    @property
    def share(self) -> float:
        """The share of the scan that is picture, [0, 1]."""
        return min(1.0, sum(quads.area(picture) for picture in self.pictures) / (self.width * self.height))

    @property
    def sentence(self) -> str:
        """What was taken for the picture, for a person."""
        size = f"{self.width}x{self.height}"
        if self.whole:
            return f"the whole ({size}) was taken for the picture"
        if len(self.prints) > 1:
            return f"{len(self.prints)} prints were found; they are {self.share:.0%} of {size} pixels, and what lies around was left alone"
        left, top = np.rint(self.pictures[0].min(axis=0)).astype(int)
        right, bottom = np.rint(self.pictures[0].max(axis=0)).astype(int)
        return f"{left},{top} to {right},{bottom} of {size} pixels was taken for the picture; what lies around was left alone"


def find_prints(photo: Photo | str | Path | bytes | np.ndarray) -> Found:
    """Find the prints of a scan, on a scanner's glass, an album page or a table, and the picture proper in
    each.

    What is not sure is said in `Found.doubt`, and left whole. Raises `PhotoError` if the scan cannot be read.
    """
    photo = photo if isinstance(photo, Photo) else read(photo)
    samples = photo.samples
    whole = quads.box(photo.width, photo.height)
    if photo.lost is not None or (photo.alpha is not None and not photo.alpha.all()):
        # What a cut-off file has lost belongs to the picture; an outline in alpha is known. Steps heed both.
        return Found(photo.width, photo.height, (Print(whole, whole, "none", "none"),))
    small, scale = _reduced(samples, COPY_PX)
    candidates = tuple(ground.candidates(_lab(photo, _reduced(small, ground.MODEL_PX)[0])))
    prints, doubt, around = _on_ground(candidates, _lab(photo, small), small) if candidates else ([], "", None)
    if not prints or (doubt and sum(one.sure for one in prints) < 2):
        bordered, unsure = _within(photo, Print(whole, whole, "none", "none"))
        if not prints or (bordered.border != "none" and quads.overlap(bordered.picture * scale, prints[0].corners) > SAME):
            # A picture with no print on it that could be one is the usual photograph, and no doubt.
            doubt = "" if bordered.border != "none" else unsure or _of_edges(photo)
            return Found(photo.width, photo.height, (replace(bordered, sure=not doubt),), doubt)
    found = []
    for number, one in enumerate(prints):
        corners = one.corners / scale
        if one.sure and around is not None:
            surround = paper.surround(number, [each.corners for each in prints], around, small, scale)
            fine = paper.outlined(samples, corners, surround, 1 / scale)
            surely = fine.backed.min() >= paper.BACKED
            corners = snapped(samples, fine.corners if surely else corners, SNAP_PX if surely else np.inf)
        inside, _ = _within(photo, replace(one, corners=corners, picture=corners))
        found.append(inside)
    return Found(photo.width, photo.height, tuple(_in_reading_order(found)), doubt)


def _reduced(samples: np.ndarray, long_side: int) -> tuple[np.ndarray, float]:
    """A copy (h, w, c) whose long side is at most `long_side`, by areas; and the scale (of the width; the
    height's is its own rounding)."""
    height, width, channels = samples.shape
    scale = min(1.0, long_side / max(height, width))
    if scale == 1:
        return samples, 1.0
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(samples, size, interpolation=cv2.INTER_AREA).reshape(size[1], size[0], channels), scale


def _lab(photo: Photo, samples: Samples) -> Lab:
    """Samples of the photograph as L*a*b*."""
    if photo.profile is None:
        return color.lab_by_tables(samples)
    image = replace(photo, samples=samples, alpha=None).srgb()
    return color.lab_by_tables(np.rint(image * np.float32(65535)).astype(np.uint16))


def _kind(color_: np.ndarray) -> str:
    """What the surround's color is called."""
    if color_[0] < 30:
        return "dark"
    return "light" if color_[0] > 70 and np.hypot(color_[1], color_[2]) < 20 else "colored"


_Part: TypeAlias = "tuple[outlines.Outline, Print]"

# --- several prints on a ground -----------------------------------------------------------------------------


def _on_ground(candidates: tuple[ground.Candidate, ...], lab: Lab, small: Samples) -> tuple[list[Print], str, Mask | None]:
    """The prints on a plain ground, in pixels of the copy; the doubt where something lies there that is not
    sure; and which pixels are ground."""
    best: tuple[list[Print], str, Mask | None] = ([], "", None)
    most = 0.0
    for found in ground.grounds(lab, candidates):
        if found.edge_share < GROUND_EDGE or found.deviation > GROUND_EVEN:
            continue
        prints, doubt = _explained(found, lab, small)
        if prints and not doubt:
            return prints, doubt, found.mask
        sure = sum(quads.area(one.corners) * (1 if one.sure else -0.5) for one in prints)
        if sure > most:
            best, most = (prints, doubt, found.mask), sure
        elif most == 0 and doubt and not best[1]:
            best = ([], doubt, None)
    return best


def _explained(found: ground.Ground, lab: Lab, small: Samples) -> tuple[list[Print], str]:
    """The prints that stand out from one ground, if they and it explain the whole scan."""
    height, width = found.mask.shape
    prints: list[Print] = []
    unsure: list[Print] = []
    parts = [part for component in outlines.components(~found.mask) for part in outlines.outlined(component)]
    made = _put_together([(part, _seen(part, found, lab, small)) for part in parts], found, lab, small)
    for _, one in made:
        (prints if one.sure else unsure).append(one)
    if not prints:
        return [], "something lies on the ground that is not surely a print" if unsure else ""
    if len(prints) > PRINTS_MOST:
        return [], ""
    if len(prints) == 1 and quads.area(prints[0].corners) > FILLS * height * width:
        return [], ""
    rest = cv2.morphologyEx((~found.mask).view(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8)) > 0  # without texture and dust
    for part in parts:
        rest &= ~part.component
    for one in (*prints, *unsure):
        rest &= ~quads.inside(_grown(one.corners), height, width)
    if rest.mean() > 1 - EXPLAINED:
        return [], "more lies around than a ground and prints"
    count = f"{len(unsure)} thing{'s' if len(unsure) > 1 else ''} on the ground"
    return prints + unsure, f"{count} may be prints or not" if unsure else ""


def _put_together(made: list[_Part], found: ground.Ground, lab: Lab, small: Samples) -> list[_Part]:
    """The prints; those that are not sure and turn out to be parts of one are that one."""
    for part, _ in [each for each in made if not each[1].sure]:
        if len(made) > PARTS_MOST or all(part is not other for other, _ in made):
            continue
        for other, _ in made:
            whole = None if other is part else outlines.joined(part, other)
            one = None if whole is None else _seen(whole, found, lab, small)
            if whole is not None and one is not None and one.sure:
                made = [each for each in made if each[0] is not part and each[0] is not other] + [(whole, one)]
                break
    return made


def _seen(part: outlines.Outline, found: ground.Ground, lab: Lab, small: Samples) -> Print:
    """One outline as a print; sure if its edges are, and it is no part of the ground."""
    one = _print_of(part, found, small)
    return replace(one, sure=False) if one.sure and _is_plain(lab[part.component]) else one


def _print_of(part: outlines.Outline, found: ground.Ground, small: Samples) -> Print:
    """One outline moved onto the edges of the samples; sure if these back it."""
    if not part.sure:
        ragged = _ragged(part, small)
        corners = part.corners if ragged is None else ragged
        return Print(corners, corners, _kind(found.color), "none", sure=ragged is not None)
    short = float(quads.side_lengths(part.corners).min())
    refined = edges.refine(small, part.corners, max(4.0, REACH * short), of_paper=True)
    lengths = quads.side_lengths(refined.corners)
    backs = np.sort(refined.backed)
    backed = backs[0] >= BACKED_SIDE and backs.mean() >= BACKED
    shaped = part.fit >= SHAPED and part.straight.min() >= SHAPED_SIDE and backs[1] >= BACKED
    shaped |= part.fit >= WELL_SHAPED and part.straight.min() >= WELL_SHAPED_SIDE
    near = NEAR_EDGE * max(small.shape[:2])
    within = [edges.on_edge(start, end, small.shape[1], small.shape[0], near) is None for start, end in _sides(refined.corners)]
    cornered = any(within[side] and within[side - 1] for side in range(4))  # a horizon ends a sky, too
    formed = _is_sized(lengths, max(small.shape[:2])) and quads.skew(refined.corners) <= SKEWED
    sure = bool(backed or shaped) and cornered and formed
    return Print(part.corners, part.corners, _kind(found.color), "none", sure=sure)


def _is_sized(lengths: np.ndarray, long_side: int) -> bool:
    """Whether an outline with sides of these lengths, on a copy with this long side, may be a print's."""
    return bool(SMALLEST * long_side <= lengths.max() <= LONGEST * lengths.min())


def _ragged(part: outlines.Outline, small: Samples) -> np.ndarray | None:
    """The corners of a print of which parts have the ground's color, so that its outline is ragged: edges in
    the samples must back all of each side. None if they do not."""
    contours, _ = cv2.findContours(part.component.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return None
    box = quads.ordered(cv2.boxPoints(cv2.minAreaRect(max(contours, key=len).astype(np.float32))).astype(float) + 0.5)
    height, width = part.component.shape
    near = NEAR_EDGE * max(height, width)
    tried = (
        [part.corners] if np.allclose(part.corners, box, rtol=0, atol=0.01) else [part.corners, box]
    )  # as where no line ran along its sides
    for corners in tried:
        lengths = quads.side_lengths(corners)
        if not _is_sized(lengths, max(height, width)):
            continue
        refined = edges.refine(small, corners, max(4.0, REACH * float(lengths.min())), of_paper=True, least_backed=RAGGED_SIDE)
        free = [edges.on_edge(start, end, width, height, near) is None for start, end in _sides(refined.corners)]
        backed = refined.backed.min() >= RAGGED_SIDE and refined.backed.mean() >= RAGGED
        if not backed or quads.skew(refined.corners) > SKEWED or sum(free) < 3:
            continue
        inside = quads.inside(refined.corners, height, width)
        if part.component[inside].mean() >= RAGGED_FILLED and (part.component & ~inside).sum() <= RAGGED_BEYOND * inside.sum():
            return refined.corners
    return None


def _sides(corners: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Start and end of each side."""
    return list(zip(corners, np.roll(corners, -1, axis=0), strict=True))


def _is_plain(pixels: np.ndarray) -> bool:
    """Whether nearly all of these colors (n, 3) are one."""
    pixels = pixels[:: max(1, len(pixels) // 5000)]
    away = np.abs(pixels - np.median(pixels, axis=0)).sum(axis=1)
    return float(np.percentile(away, 95)) < PLAIN


def _grown(corners: np.ndarray) -> np.ndarray:
    """The corners of a print and the shadow around it."""
    center = corners.mean(axis=0)
    return np.asarray((corners - center) * (1 + 2 * NEAR_PRINT) + center)


def _in_reading_order(prints: list[Print]) -> list[Print]:
    """Row by row, left to right: a print begins a row if its middle lies below the feet of the row's
    first."""
    left = sorted(prints, key=lambda one: float(one.corners[:, 1].mean()))
    ordered: list[Print] = []
    while left:
        foot = float(left[0].corners[:, 1].max() + left[0].corners[:, 1].mean()) / 2
        row = [one for one in left if float(one.corners[:, 1].mean()) <= foot]
        ordered += sorted(row, key=lambda one: float(one.corners[:, 0].mean()))
        left = [one for one in left if not any(one is other for other in row)]
    return ordered


# --- the picture within one print ---------------------------------------------------------------------------


def _within(photo: Photo, one: Print) -> tuple[Print, str]:
    """The print with the picture proper within its borders; and a doubt about them."""
    if one.around == "none" and not borders.may_be(_rim(photo)):
        return one, ""
    view, place = _straightened(photo, one.corners)
    doubt, border, corners = "", None, None
    rough = 0 if one.around == "none" else max(1, round(ROUGH * min(view.shape[:2])))
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
    placed = snapped(photo.samples, placed)
    if quads.area(placed) < LEAST_PICTURE * quads.area(one.corners):
        return one, "its borders are not sure"
    return replace(one, picture=placed, border=_kind(border.color)), doubt


def _of_edges(photo: Photo) -> str:
    """The doubt about a photograph without a border: where one side is white, as paper is, and another
    black, as film is, something lies around that ends in no line."""
    lightness = [side[..., 0].mean(axis=0) for side in _rim(photo)]
    white = max(float((side > EDGE_WHITE).mean()) for side in lightness)
    black = max(float((side < EDGE_BLACK).mean()) for side in lightness)
    return "its edges are white here and black there, and end in no line" if min(white, black) > EDGE_MOST else ""


def _rim(photo: Photo) -> list[Lab]:
    """The outermost rows and columns of a photograph, reduced, a view's edges: each (few, long, 3)."""
    part, _ = _reduced(photo.samples, VIEW_PX)
    height, width = part.shape[:2]
    rows, columns = borders.edge_rows(height), borders.edge_rows(width)
    sides = (part[:rows], part[:, width - columns :], part[height - rows :], part[:, :columns])
    return [_lab(photo, np.ascontiguousarray(side if number % 2 == 0 else side.transpose(1, 0, 2))) for number, side in enumerate(sides)]


def _straightened(photo: Photo, corners: np.ndarray) -> tuple[Lab, np.ndarray]:
    """A print as a small straight view, and the homography from the view back to the scan."""
    low = np.maximum(np.floor(corners.min(axis=0)).astype(int) - 2, 0)
    high = np.minimum(np.ceil(corners.max(axis=0)).astype(int) + 2, (photo.width, photo.height))
    rows, columns = slice(low[1], high[1]), slice(low[0], high[0])
    part, _ = _reduced(photo.samples[rows, columns], VIEW_PX)
    lab = _lab(photo, part)
    shrunk = (part.shape[1] / (high[0] - low[0]), part.shape[0] / (high[1] - low[1]))
    here = (corners - low) * shrunk
    lengths = quads.side_lengths(here)
    width, height = max(2, round((lengths[0] + lengths[2]) / 2)), max(2, round((lengths[1] + lengths[3]) / 2))
    to_view = cv2.getPerspectiveTransform(here.astype(np.float32), quads.box(width, height).astype(np.float32)).astype(float)
    if np.allclose(here, quads.box(part.shape[1], part.shape[0]), atol=1e-6):
        view = lab
    else:
        half = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]])
        view = cv2.warpPerspective(
            lab, half @ to_view @ np.linalg.inv(half), (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
    grow = np.diag([1 / shrunk[0], 1 / shrunk[1], 1.0])
    move = np.array([[1, 0, low[0]], [0, 1, low[1]], [0, 0, 1.0]])
    return view, move @ grow @ np.linalg.inv(to_view)
