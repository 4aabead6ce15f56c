"""The samples of a JPEG, as every viewer shows it even where it is damaged; and which samples are lost."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from unfade.files.formats._jpeg_segments import Extent, Frame
from unfade.files.icc import array_of, vips
from unfade.files.raster import load, plain_samples

_END = b"\xff\xd9"
_NOISE_BYTES = 4096
_HARMLESS = re.compile(r"extraneous bytes before marker 0x(?!d[0-7])")  # before a restart, they are samples that went wrong


@dataclass(frozen=True)
class Decoded:
    """Samples (h, w, 1..4), the profile they are in, which pixels (h, w) the file has no samples of (None: it
    has all), and notes."""

    samples: np.ndarray
    profile: bytes | None
    lost: np.ndarray | None
    notes: tuple[str, ...]


def decoded(data: bytes, frame: Frame, extent: Extent, profile: bytes | None, name: str) -> Decoded:
    """Decode the first picture of a file. Raises `UnreadableError`, and libvips's error or `ValueError` where
    nothing can be decoded."""
    body = data if extent.end == len(data) else data[: extent.end]
    try:
        picture = load("jpegload_buffer", body, access="sequential", fail_on="warning")
        samples, profile_after, notes = plain_samples(picture, profile, name)
        return Decoded(samples, profile_after, None, notes)
    except vips().Error as error:
        said = [line for line in str(error).splitlines() if "Corrupt JPEG data" in line or "premature end" in line]
    harmless = all(_HARMLESS.search(line) for line in said)
    lost, note = None, _stray(said) if harmless else None
    if not harmless and frame.progressive and extent.scans > 1:
        note = f"it is cut off or damaged: of its passes from coarse to fine, {extent.scans} are there, and it is coarser than it was"
    elif not harmless:
        lost = _lost(data, frame, extent)
        note = _lost_note(lost, extent)
    whole = data[: extent.samples_end] + _END if lost is not None else body
    samples, profile_after, notes = plain_samples(load("jpegload_buffer", whole, access="sequential", fail_on="none"), profile, name)
    return Decoded(samples, profile_after, lost, notes if note is None else (*notes, note))


def _stray(said: list[str]) -> str | None:
    """What is said of bytes that belong to nothing; those before the end marker are padding."""
    return "bytes between its segments that belong to none were passed over" if any("0xd9" not in line for line in said) else None


def _lost_note(lost: np.ndarray | None, extent: Extent) -> str:
    if lost is None and extent.has_end:
        return "its data is damaged in places; what could be decoded was taken"
    if lost is None:
        return "it has no end marker; nothing of the picture is missing"
    share = float(lost.mean())
    if share == 1:
        raise ValueError("no samples: premature end")
    row = int(np.argmax(lost.any(axis=1)))
    return f"it is cut off or damaged: {100 * share:.3g} % of the picture, from row {row:,} on, is lost and counts as damage"


def _lost(data: bytes, frame: Frame, extent: Extent) -> np.ndarray | None:
    """Which pixels (h, w) the file has no samples of; None where it has all.

    The file is decoded twice, each time with other random bytes where it was cut off. Blocks come in order.
    So the first block that differs is the first that the file does not have.
    """
    cut = data[: extent.samples_end].rstrip(b"\xff")

    def ended(seed: int) -> Any:
        noise = np.random.default_rng(seed).integers(0, 255, _NOISE_BYTES, dtype=np.uint8).tobytes()  # no byte of it is 255
        return array_of(load("jpegload_buffer", cut + noise + _END, access="sequential", fail_on="none"))

    different = (ended(1) != ended(2)).any(axis=2)
    if not different.any():
        return None
    height, width = different.shape
    wide, tall = frame.block
    rows, columns = -(-height // tall), -(-width // wide)
    padded = np.pad(different, ((0, rows * tall - height), (0, columns * wide - width)))
    # color that is enlarged smoothly reaches a pixel into the block before: a block's rim does not count
    inner = padded.reshape(rows, tall, columns, wide)[:, 1:-1, :, 1:-1].any(axis=(1, 3))
    first = int(np.argmax(inner)) if inner.any() else rows * columns - 1
    blocks = np.arange(rows * columns).reshape(rows, columns) >= first
    return np.ascontiguousarray(blocks.repeat(tall, axis=0).repeat(wide, axis=1)[:height, :width])
