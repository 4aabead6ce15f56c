"""What the samples of a TIFF mean: its photometric interpretations become gray or RGB of 8 or 16 bits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unfade.color import REC_601
from unfade.files import icc, tags
from unfade.files.formats._tiff_page import CIELAB, CMYK, ICCLAB, PALETTE, RGB, TRANSPARENCY, WHITE_IS_ZERO, YCBCR, Page
from unfade.files.raster import rgb_from_cmyk

_COLOR_MAP, _COEFFICIENTS, _REFERENCES = 320, 529, 532
_STRIP_PX = 1 << 20  # converted at a time


@dataclass(frozen=True)
class Colors:
    """Samples (h, w, 1|3) and a channel beside them (h, w), uint8 or uint16; the profile that they are in;
    and notes."""

    samples: np.ndarray
    alpha: np.ndarray | None
    profile: bytes | None
    notes: tuple[str, ...] = ()


def colors_of(raw: np.ndarray, page: Page, profile: bytes | None, *, jpeg_made_rgb: bool) -> Colors:
    """`raw` (h, w, channels) are numbers from 0 to 2**bits - 1; `jpeg_made_rgb`: the decoder has turned YCbCr
    into RGB."""
    kind, bits, depth = page.photometric, page.bits, 8 if page.bits <= 8 else 16
    count = {RGB: 3, CMYK: 4, YCBCR: 3, CIELAB: 3, ICCLAB: 3}.get(kind, 1)
    notes: tuple[str, ...] = ()
    if raw.shape[2] > count + 1:
        notes = (f"it has {raw.shape[2] - count} channels beside its colors; the first was kept as alpha",)
    alpha = _whole_range(raw[..., count], bits) if raw.shape[2] > count else None
    inner = raw[..., :count]
    if kind == PALETTE:
        return Colors(_mapped(inner[..., 0], page), _eight(alpha), profile, notes)
    if kind in (CIELAB, ICCLAB):
        said = f"its samples are CIE Lab; converted to sRGB of {depth} bits"
        return Colors(_rgb_from_lab(inner, bits, has_sign=kind == CIELAB), alpha, None, (*notes, said))
    if kind == YCBCR and not jpeg_made_rgb:
        return Colors(_rgb_from_ycbcr(inner, page), alpha, profile, notes)
    samples = _whole_range(inner, bits)
    if kind == CMYK:
        inks = icc.picture_of(samples).copy(interpretation="cmyk")
        light, _, more = rgb_from_cmyk(inks, profile)
        return Colors(light, alpha, None, notes + more)
    if kind in (WHITE_IS_ZERO, TRANSPARENCY):
        samples = ~samples if kind == WHITE_IS_ZERO else samples
    return Colors(samples, alpha, profile, notes)


def divided(samples: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Colors that were multiplied by their alpha, divided by it; nothing where alpha is 0."""
    top = np.iinfo(samples.dtype).max
    divisor = np.maximum(alpha, 1).astype(np.float32)[..., None]
    return np.where(alpha[..., None] > 0, np.minimum(np.rint(samples * (top / divisor)), top), 0).astype(samples.dtype)


def is_premultiplied(page: Page) -> bool:
    """Whether the first channel beside the colors is an alpha that they were multiplied by."""
    return page.number(tags.EXTRA_SAMPLES) == 1


def _whole_range(raw: np.ndarray, bits: int) -> np.ndarray:
    """Numbers of `bits` -> of 8 or 16, so that white is 255 or 65,535."""
    if bits in (8, 16):
        return np.ascontiguousarray(raw)
    top, depth = (255, np.uint8) if bits < 8 else (65_535, np.uint16)
    most = (1 << bits) - 1
    table = ((np.arange(most + 1) * top + most // 2) // most).astype(depth)
    return np.take(table, raw)


def _eight(alpha: np.ndarray | None) -> np.ndarray | None:
    return None if alpha is None or alpha.dtype == np.uint8 else (alpha >> 8).astype(np.uint8)


def _mapped(index: np.ndarray, page: Page) -> np.ndarray:
    """Numbers -> the colors of the page's map, 8 bits."""
    entries = 1 << page.bits
    numbers = page.numbers(_COLOR_MAP)
    if len(numbers) < 3 * entries:
        raise ValueError(f"its color map should have {3 * entries:,} numbers, and it has {len(numbers):,}")
    table = np.array(numbers[: 3 * entries], np.uint16).reshape(3, entries).T
    # some programs write numbers of 8 bits where TIFF wants 16
    eight = table if table.max(initial=0) < 256 else table >> 8
    return np.asarray(eight.astype(np.uint8)[index])


def _strips(height: int, width: int) -> list[slice]:
    step = max(1, _STRIP_PX // width)
    return [slice(top, min(height, top + step)) for top in range(0, height, step)]


def _rgb_from_ycbcr(raw: np.ndarray, page: Page) -> np.ndarray:
    """TIFF 6.0, section 21, with the page's own coefficients, and its own black and white."""
    bits = page.bits
    top, half = (1 << bits) - 1, 1 << (bits - 1)
    red, green, blue = page.numbers(_COEFFICIENTS) if len(page.numbers(_COEFFICIENTS)) == 3 else REC_601
    references = page.numbers(_REFERENCES)
    if len(references) != 6 or (bits > 8 and max(references) <= 255):  # some programs write those of 8 bits with any depth
        references = [0, top, half, top, half, top]
    spans = np.array([references[index + 1] - references[index] for index in (0, 2, 4)])
    if green <= 0 or (spans <= 0).any():
        raise ValueError("its YCbCr coefficients or its black and white make no sense")
    zero = np.array(references[::2], np.float32)
    # luma runs over the whole range, each color over half of it to either side
    scale = np.array([top / spans[0], (top - half) / spans[1], (top - half) / spans[2]], np.float32)
    matrix = np.array(
        [
            [1, 0, 2 - 2 * red],
            [1, -blue * (2 - 2 * blue) / green, -red * (2 - 2 * red) / green],
            [1, 2 - 2 * blue, 0],
        ],
        np.float32,
    )
    depth, white = (np.uint8, 255) if bits <= 8 else (np.uint16, 65_535)
    samples = np.empty(raw.shape, depth)
    for rows in _strips(*raw.shape[:2]):
        numbers = (raw[rows].astype(np.float32) - zero) * scale
        samples[rows] = np.rint(np.clip(numbers @ matrix.T, 0, top) * np.float32(white / top))
    return samples


def _rgb_from_lab(raw: np.ndarray, bits: int, *, has_sign: bool) -> np.ndarray:
    """CIELab (a* and b* with a sign) or ICCLab (with an offset) -> sRGB (TIFF 6.0, section 23; TIFF technical
    note 4)."""
    if bits not in (8, 16):
        raise ValueError(f"its CIE Lab is of {bits} bits")
    # ICC's 16 bits count to 0xFF00
    lightness = 100 / (255 if bits == 8 else 65_535 if has_sign else 65_280)
    step = 1.0 if bits == 8 else 1 / 256
    samples = np.empty(raw.shape, np.uint8 if bits == 8 else np.uint16)
    top = np.float32(255 if bits == 8 else 65_535)
    for rows in _strips(*raw.shape[:2]):
        part = raw[rows]
        colors = part[..., 1:]
        signed = colors.view(np.int8 if bits == 8 else np.int16) if has_sign else colors.astype(np.float32) * step - 128
        scaled = signed.astype(np.float32) * (step if has_sign else 1)
        lab = np.concatenate([part[..., :1].astype(np.float32) * np.float32(lightness), scaled], axis=2)
        samples[rows] = np.rint(icc.srgb_from_connection_lab(lab) * top)
    return samples
