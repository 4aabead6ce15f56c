"""A contact sheet: pictures in a grid, with captions.

For before | after, training samples and evaluation reports.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from unfade.arrays import Image
from unfade.errors import UsageError
from unfade.files import photo
from unfade.files.photo import Format
from unfade.record import UNFADE_NAMESPACE

# Dark and neutral, so that no tint of the sheet's changes how a faded print looks (ISO 3664 asks for a
# neutral surround).
_BACKGROUND = 30 / 255
_TEXT = (222, 222, 222)
_GAP_PX = 12

_MARK = f'<rdf:Description rdf:about="" xmlns:unfade="{UNFADE_NAMESPACE}" unfade:Kind="contact sheet"/>'.encode()
_XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    + _MARK
    + b"</rdf:RDF></x:xmpmeta>"
)


@lru_cache(maxsize=8)
def _font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size_px)


def fit(image: Image, cell_px: int, *, enlarge: bool = False) -> Image:
    """Scale a picture by area so that its longer side is `cell_px`.

    Smaller pictures stay as they are, unless `enlarge`.

    `image` (h, w, 3) float32 in [0, 1], sRGB-encoded; the same comes back. Enlarged pixels stay square pixels
    (nearest): a sheet shows, it does not embellish. A picture longer than 1:cell_px keeps at least one pixel
    of its shorter side.
    """
    height, width = image.shape[:2]
    scale = cell_px / max(height, width)
    if scale >= 1 and not enlarge:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST)


def _shortened(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width_px: int) -> str:
    """`text`, cut in the middle with an ellipsis until it is at most `width_px` wide.

    Of a file name both ends matter.
    """
    if font.getlength(text) <= width_px:
        return text
    for keep in range(len(text) - 1, 0, -1):
        shorter = f"{text[: (keep + 1) // 2]}…{text[len(text) - keep // 2 :]}"
        if font.getlength(shorter) <= width_px:
            return shorter
    return ""


def _line(text: str, width_px: int, size_px: int) -> Image:
    """One line of text on the sheet's background: (1.5 * size_px, width_px, 3)."""
    font = _font(size_px)
    ground = round(_BACKGROUND * 255)
    strip = PillowImage.new("RGB", (width_px, round(size_px * 1.5)), (ground, ground, ground))
    ImageDraw.Draw(strip).text((0, size_px * 0.1), _shortened(text, font, width_px), font=font, fill=_TEXT)
    return np.asarray(strip, np.float32) / np.float32(255)


def contact_sheet(
    rows: Sequence[Sequence[Image]],
    *,
    titles: Sequence[str] = (),
    captions: Sequence[str] = (),
    cell_px: int = 360,
    enlarge: bool = False,
) -> Image:
    """Lay out `rows` of pictures as one picture.

    Each picture is (h, w, 3) float32 in [0, 1], sRGB-encoded, of any size: it is reduced to fit a cell of
    `cell_px`, with its own proportions (`enlarge`: small ones are enlarged to it as well). Rows may be of
    unequal length. `titles` head the columns; `captions` stand under the rows, one each. A row is as high as
    its highest picture. Text that does not fit is cut in its middle. Raises `UsageError` if there is no
    picture, or more captions or titles than rows or columns.
    """
    if not rows or not any(rows):
        raise UsageError("a contact sheet needs at least one picture; it was given none")
    columns = max(map(len, rows))
    if len(captions) > len(rows) or len(titles) > columns:
        raise UsageError(f"a sheet of {len(rows)} rows and {columns} columns was given {len(captions)} captions and {len(titles)} titles")
    fitted = [[fit(image, cell_px, enlarge=enlarge) for image in row] for row in rows]
    widths = [max((row[column].shape[1] for row in fitted if column < len(row)), default=0) for column in range(columns)]
    text_px = max(11, round(cell_px / 22))
    if titles or captions:  # a column of slivers still has room for words
        widths = [max(width, text_px * 8) for width in widths]
    sheet_width = sum(widths) + _GAP_PX * (columns + 1)
    lefts = [_GAP_PX + sum(widths[:column]) + _GAP_PX * column for column in range(columns)]

    def band(height: int) -> Image:
        return np.full((height, sheet_width, 3), _BACKGROUND, np.float32)

    bands = [band(_GAP_PX)]
    if titles:
        strip = band(round(text_px * 1.5))
        for left, width, title in zip(lefts, widths, titles, strict=False):
            strip[:, left : left + width] = _line(title, width, text_px)
        bands += [strip, band(_GAP_PX // 2)]
    for number, row in enumerate(fitted):
        strip = band(max((image.shape[0] for image in row), default=0))
        for left, image in zip(lefts, row, strict=False):
            strip[: image.shape[0], left : left + image.shape[1]] = np.clip(image, 0, 1)
        bands.append(strip)
        if number < len(captions) and captions[number]:
            strip = band(round(text_px * 1.5))
            strip[:, _GAP_PX:-_GAP_PX] = _line(captions[number], sheet_width - 2 * _GAP_PX, text_px)
            bands += [band(_GAP_PX // 2), strip]
        bands.append(band(_GAP_PX))
    return np.concatenate(bands)


def write(picture: Image, target: Path, *, format: Format | None = None) -> None:
    """Write a contact sheet (h, w, 3), over one that is there.

    Its XMP says what it is, for `is_sheet`, where the format holds XMP. Raises `UnwritableError`.
    """
    samples = np.round(np.clip(picture, 0, 1) * 255).astype(np.uint8)
    sheet = photo.read(samples, name=target.name, max_megapixels=float("inf"))
    photo.write(sheet.with_metadata(photo.Metadata(xmp=_XMP)), target, format=format, overwrite=True)


def is_sheet(path: Path) -> bool:
    """Whether Unfade wrote the file at `path` as a contact sheet.

    A file that cannot be read, or holds no XMP, is not known to be one.
    """
    try:
        return _MARK in path.read_bytes()
    except OSError:
        return False
