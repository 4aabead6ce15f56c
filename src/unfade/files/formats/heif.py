"""HEIF with HEVC inside, as phones write it (.heic): libheif through pillow-heif. 10 and 12 bits are read as
16; 16 are written as 12."""

from __future__ import annotations

import io
from dataclasses import replace
from functools import cache
from types import ModuleType

import numpy as np

from unfade.errors import UsageError
from unfade.files import exif
from unfade.files.behind import without_pointers
from unfade.files.boxes import AVIF_BRANDS, brands, contents_of, with_color_code
from unfade.files.codec import DEFAULT_QUALITY, Codec, Origin, Picture, ReadAs, WriteAs, always
from unfade.files.raster import check_size, damaged, filled, frame_number, joined, split

_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"}


@cache
def _libheif() -> ModuleType:
    """libheif with its HEVC codec, started at first use."""
    import pillow_heif

    pillow_heif.options.SAVE_HDR_TO_12_BIT = True  # of 10 and 12 bits, the depth that loses less
    return pillow_heif


def _tells(data: bytes) -> bool:
    return bool(brands(data) & _BRANDS) and not brands(data) & AVIF_BRANDS


def _decode(data: bytes, how: ReadAs) -> Picture:
    try:
        file = _libheif().open_heif(data, convert_hdr_to_8bit=False)
        picture = file[file.primary_index if how.page is None else frame_number(len(file), how.page, how.name, "picture")]
        width, height = picture.size
        check_size(how.name, width, height, how.max_megapixels)
        array = np.array(picture)
        info = picture.info
    except UsageError:
        raise
    except (ValueError, RuntimeError, EOFError, OSError, SyntaxError, IndexError) as error:
        raise damaged(how.name, error) from error
    if array.ndim == 2:
        array = array[..., None]
    samples, alpha = split(filled(array, int(info.get("bit_depth", 8))))
    contents = contents_of(info.get("exif"), info.get("xmp"), info.get("icc_profile"), (width, height))
    contents, notes = with_color_code(contents, data, channels=samples.shape[2])
    if b"MotionPhoto" in (contents.xmp or b""):
        notes = (*notes, "the film of a motion photo behind it was left out")
    contents = replace(contents, xmp=without_pointers(contents.xmp))
    if len(file) > 1:
        taken = "the primary one" if how.page is None else f"picture {how.page}"
        notes = (f"it has {len(file)} pictures; {taken} was taken", *notes)
    return Picture(samples, alpha, contents, Origin(), notes)


def _encode(picture: Picture, how: WriteAs) -> bytes:
    array = np.ascontiguousarray(joined(picture))
    mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[array.shape[2]] + (";16" if picture.bits == 16 else "")
    page = _libheif().from_bytes(mode, (array.shape[1], array.shape[0]), array.tobytes())
    if picture.contents.icc:
        page.info["icc_profile"] = picture.contents.icc
    # x265's slow preset, libheif's default, takes eight times as long for files of the same quality that are
    # 7 % smaller.
    effort = {"preset": "ultrafast"}
    quality = DEFAULT_QUALITY if how.quality is None else how.quality
    options: dict[str, object] = {"quality": quality, "chroma": 444, "enc_params": effort}
    if quality == 100:  # without the step to YCbCr, which rounds
        options |= {"quality": -1, "matrix_coefficients": 0}
    out = io.BytesIO()
    block = exif.with_dpi(picture.contents.exif, picture.contents.dpi)
    page.save(out, exif=block and b"Exif\0\0" + block, xmp=picture.contents.xmp, **options)
    return out.getvalue()


CODEC = Codec(
    title="HEIF",
    extensions=(".heic", ".heif", ".hif"),
    media_type="image/heic",
    tells=_tells,
    decode=_decode,
    encode=_encode,
    bits=12,
    alpha=True,
    gray="without alpha",
    holds=frozenset({"exif", "xmp", "icc", "dpi"}),
    is_lossy=always,
    side_max=16_384,
)
