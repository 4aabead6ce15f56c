"""GIF: libvips decodes; Pillow encodes, from a palette made here. More than 256 colors are reduced only where
the format was asked for."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import TypeAlias

import numpy as np

from unfade.errors import UnwritableError, UsageError
from unfade.files.codec import Codec, Contents, Origin, Picture, ReadAs, WriteAs, never
from unfade.files.icc import vips
from unfade.files.losses import as_color, in_srgb, to_eight_bits
from unfade.files.raster import check_size, damaged, frame_note, frame_number, load, plain_samples, split, three

Palette: TypeAlias = tuple[np.ndarray, np.ndarray, int | None]
"""Colors (n, 3), the index of each pixel (h, w), and the index that is transparent."""


def _tells(data: bytes) -> bool:
    return data[:6] in (b"GIF87a", b"GIF89a")


def _decode(data: bytes, how: ReadAs) -> Picture:
    try:
        picture = load("gifload_buffer", data, access="sequential", fail_on="truncated")
        check_size(how.name, picture.width, picture.height, how.max_megapixels)
        frames = picture.get("n-pages") if "n-pages" in picture.get_fields() else 1
        if frame := frame_number(frames, how.page, how.name):
            picture = load("gifload_buffer", data, access="sequential", fail_on="truncated", page=frame)
        samples, _, notes = plain_samples(picture, None, how.name)
    except UsageError:
        raise
    except (vips().Error, ValueError, struct.error) as error:
        raise damaged(how.name, error) from error
    return Picture(*split(samples), Contents(), Origin(), notes + frame_note(frames, how.page))


def _palette_of(picture: Picture) -> Palette | None:
    """The palette of a picture of 8 bits; None where it has more than 256 colors."""
    color = np.broadcast_to(picture.samples, (*picture.samples.shape[:2], 3)).astype(np.int32)
    codes = (color[..., 0] << 16) | (color[..., 1] << 8) | color[..., 2]
    if picture.alpha is not None:
        codes = np.where(picture.alpha < 128, -1, codes)
    found, index = np.unique(codes, return_inverse=True)
    if len(found) > 256:
        return None
    known = np.maximum(found, 0)
    colors = np.stack([known >> 16, known >> 8 & 255, known & 255], axis=1).astype(np.uint8)
    return colors, index.reshape(codes.shape).astype(np.uint8), 0 if found[0] < 0 else None


def _reduced_palette(picture: Picture) -> Palette:
    """The palette of a picture of more than 256 colors: the nearest that Pillow finds, dithered."""
    from PIL import Image as Pillow

    count = 256 if picture.alpha is None else 255
    reduced = Pillow.fromarray(three(picture.samples)).quantize(count, dither=Pillow.Dither.FLOYDSTEINBERG)
    colors = np.array(reduced.getpalette(), np.uint8).reshape(-1, 3)
    index = np.array(reduced)
    if picture.alpha is None:
        return colors, index, None
    clear = len(colors)
    colors = np.concatenate([colors, np.zeros((1, 3), np.uint8)])
    return colors, np.where(picture.alpha < 128, np.uint8(clear), index), clear


def _losses(picture: Picture) -> Iterator[str]:
    if picture.alpha is not None and not np.isin(picture.alpha, (0, 255 if picture.bits == 8 else 65_535)).all():
        yield ("GIF pixels are there or not: alpha is cut at the middle")
    written = as_color(picture) if picture.samples.shape[2] == 1 else in_srgb(picture)
    if _palette_of(written if written.bits == 8 else to_eight_bits(written)) is None:
        yield ("GIF holds 256 colors: the photograph's are reduced to them, dithered")


def _encode(picture: Picture, how: WriteAs) -> bytes:
    from PIL import Image as Pillow

    palette = _palette_of(picture)
    if palette is None and not how.asked:
        advice = "write it as PNG, or ask for the format gif by name to have them reduced"
        raise UnwritableError(f"{how.name} now has more than the 256 colors that a GIF holds; {advice}")
    colors, index, clear = palette or _reduced_palette(picture)
    page = Pillow.fromarray(index)
    page.putpalette(colors.tobytes())
    out = io.BytesIO()
    options = {} if clear is None else {"transparency": clear}
    page.save(out, "GIF", optimize=False, **options)
    return out.getvalue()


CODEC = Codec(
    title="GIF",
    extensions=(".gif",),
    media_type="image/gif",
    tells=_tells,
    decode=_decode,
    encode=_encode,
    bits=8,
    alpha=True,
    gray="never",
    holds=frozenset(),
    is_lossy=never,
    side_max=65_535,
    losses=_losses,
)
