"""Before and after in one picture, to be sent to others: beside each other, or as a short sweep."""

from __future__ import annotations

import io

import cv2
import numpy as np

from unfade.record import Report, xmp

SIDE_PX = 1024  # the longer side of each of the two
SWEEP_SIDE_PX = 640
GAP_PX = 8
PAIR_QUALITY, SWEEP_QUALITY = 90, 78
FRAMES, FRAME_MS, HOLD_MS = 28, 60, 900  # 28 frames over and back, and a rest at either end: about three seconds
LINE_PX = 2


def pair(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """The two, (h, w, 3) uint8 of one size, beside each other or above, whichever is nearer to a square."""
    height, width = before.shape[:2]
    if height >= width:
        gap = np.full((height, GAP_PX, 3), 255, np.uint8)
        return np.concatenate([before, gap, after], axis=1)
    gap = np.full((GAP_PX, width, 3), 255, np.uint8)
    return np.concatenate([before, gap, after])


def frames(before: np.ndarray, after: np.ndarray) -> list[np.ndarray]:
    """A divider goes over the photograph from right to left, and back: `FRAMES` pictures."""
    width = before.shape[1]
    shares = [(1 + np.cos(2 * np.pi * at / FRAMES)) / 2 for at in range(FRAMES)]
    made = []
    for share in shares:
        edge = round(share * width)
        frame = np.concatenate([before[:, :edge], after[:, edge:]], axis=1)
        if 0 < edge < width:
            frame[:, max(0, edge - LINE_PX // 2) : edge + LINE_PX // 2] = 255
        made.append(frame)
    return made


def shared(before: np.ndarray, after: np.ndarray, kind: str, name: str) -> bytes:
    """The file, of `kind` "pair" or "sweep", that says of itself that a trained model took part."""
    from PIL import Image

    packet = xmp(Report(photo=name, width=after.shape[1], height=after.shape[0], pixels_changed=1), None)
    out = io.BytesIO()
    if kind == "pair":
        Image.fromarray(pair(before, after)).save(out, "JPEG", quality=PAIR_QUALITY, xmp=packet)
        return out.getvalue()
    scale = min(1.0, SWEEP_SIDE_PX / max(before.shape[:2]))
    size = max(1, round(before.shape[1] * scale)), max(1, round(before.shape[0] * scale))
    small = [cv2.resize(picture, size, interpolation=cv2.INTER_AREA) for picture in (before, after)]
    pictures = [Image.fromarray(frame) for frame in frames(small[0], small[1])]
    times = [HOLD_MS if at in (0, FRAMES // 2) else FRAME_MS for at in range(FRAMES)]
    pictures[0].save(
        out, "WEBP", save_all=True, append_images=pictures[1:], duration=times, loop=0, quality=SWEEP_QUALITY, method=2, xmp=packet
    )
    return out.getvalue()
