"""A contact sheet: pictures in a grid, with captions.

For before | after, training samples and evaluation reports.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from html import escape, unescape
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image as PillowImage

from unfade.arrays import Image
from unfade.errors import UsageError
from unfade.files import photo
from unfade.record import UNFADE_NAMESPACE

if TYPE_CHECKING:
    from PIL import ImageFont

# Dark and neutral, so that no tint of the sheet's changes how a faded print looks (ISO 3664 asks for a
# neutral surround).
_BACKGROUND = 30 / 255
_TEXT = (222, 222, 222)
_GAP_PX = 12

_MARK = 'unfade:Kind="contact sheet"'
_SHOWN = re.compile(rb"<rdf:li>([^<]*)</rdf:li>")


@lru_cache(maxsize=8)
def _font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    from PIL import ImageFont

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


def _line(text: str, width_px: int, size_px: int) -> np.ndarray:
    """One line of text on the sheet's background: (1.5 * size_px, width_px, 3) uint8."""
    from PIL import ImageDraw

    font = _font(size_px)
    ground = round(_BACKGROUND * 255)
    strip = PillowImage.new("RGB", (width_px, round(size_px * 1.5)), (ground, ground, ground))
    ImageDraw.Draw(strip).text((0, size_px * 0.1), _shortened(text, font, width_px), font=font, fill=_TEXT)
    return np.asarray(strip)


def contact_sheet(
    rows: Sequence[Sequence[np.ndarray]],
    *,
    titles: Sequence[str] = (),
    captions: Sequence[str] = (),
    cell_px: int = 360,
    enlarge: bool = False,
) -> np.ndarray:
    """Lay out `rows` of pictures as one picture.

    Each picture is (h, w, 3), all float32 in [0, 1] or all uint8, sRGB-encoded, of any size, and the sheet is
    of the same kind. A picture is reduced to fit a cell of `cell_px`, with its own proportions (`enlarge`:
    small ones are enlarged to it as well). Rows may be of unequal length. `titles` head the columns;
    `captions` stand under the rows, one each. A row is as high as its highest picture. Text that does not fit
    is cut in its middle. Raises `UsageError` if there is no picture, or more captions or titles than rows or
    columns.
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

    kind = next(image.dtype for row in fitted for image in row)
    white = 255 if kind == np.uint8 else 1

    def band(height: int) -> np.ndarray:
        return np.full((height, sheet_width, 3), _BACKGROUND * white, kind)

    def ink(text: str, width: int) -> np.ndarray:
        return (_line(text, width, text_px) * np.float32(white / 255)).astype(kind)

    bands = [band(_GAP_PX)]
    if titles:
        strip = band(round(text_px * 1.5))
        for left, width, title in zip(lefts, widths, titles, strict=False):
            strip[:, left : left + width] = ink(title, width)
        bands += [strip, band(_GAP_PX // 2)]
    for number, row in enumerate(fitted):
        strip = band(max((image.shape[0] for image in row), default=0))
        for left, image in zip(lefts, row, strict=False):
            strip[: image.shape[0], left : left + image.shape[1]] = np.clip(image, 0, white)
        bands.append(strip)
        if number < len(captions) and captions[number]:
            strip = band(round(text_px * 1.5))
            strip[:, _GAP_PX:-_GAP_PX] = ink(captions[number], sheet_width - 2 * _GAP_PX)
            bands += [band(_GAP_PX // 2), strip]
        bands.append(band(_GAP_PX))
    return np.concatenate(bands)


def write(picture: np.ndarray, target: Path, *, shows: Sequence[str] = ()) -> None:
    """Write a contact sheet (h, w, 3), of either kind that `contact_sheet` gives, over one that is there.

    Its XMP says that it is one, and names the photographs that it `shows`, where the format holds XMP. Raises
    `UnwritableError`.
    """
    samples = picture if picture.dtype == np.uint8 else np.round(np.clip(picture, 0, 1) * 255).astype(np.uint8)
    sheet = photo.read(samples, name=target.name, max_megapixels=float("inf"))
    photo.write(sheet.with_metadata(photo.Metadata(xmp=_xmp(shows))), target, overwrite=True)


def _xmp(shows: Sequence[str]) -> bytes:
    names = "".join(f"<rdf:li>{escape(name, quote=False)}</rdf:li>" for name in shows)
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" xmlns:unfade="{UNFADE_NAMESPACE}" {_MARK}>'
        f"<unfade:Photographs><rdf:Bag>{names}</rdf:Bag></unfade:Photographs></rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


def is_sheet(path: Path) -> bool:
    """Whether Unfade wrote the file at `path` as a contact sheet.

    A file that cannot be read, or holds no XMP, is not known to be one.
    """
    try:
        return _MARK.encode() in path.read_bytes()
    except OSError:
        return False


def shown_on(path: Path) -> list[str]:
    """The names of the photographs on a contact sheet that `write` wrote."""
    packet = path.read_bytes().partition(_MARK.encode())[2].partition(b"</x:xmpmeta>")[0]
    return [unescape(name.decode()) for name in _SHOWN.findall(packet)]
