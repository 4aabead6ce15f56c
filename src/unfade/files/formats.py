"""The formats: how each is told, decoded into samples, and encoded again. What lies beside the samples is `containers`' work.

libvips decodes and encodes; libheif's HEVC comes from pillow-heif; Pillow does what libvips cannot: BMP, GIF palettes, JPEG with given
quantisation tables, metadata of WebP and AVIF byte for byte.
"""

from __future__ import annotations

import io
import math
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import numpy as np

from unfade.errors import OtherKindError, TooLargeError, UnreadableError, UnwritableError
from unfade.files import containers
from unfade.files.containers import Contents
from unfade.files.icc import array_of, picture_of, vips, with_profile

if TYPE_CHECKING:
    import PIL.Image
    import pyvips

Format: TypeAlias = Literal["jpeg", "png", "tiff", "webp", "heif", "avif", "bmp", "gif"]


FORMATS: tuple[Format, ...] = get_args(Format)


DEFAULT_QUALITY = 95  # of lossy files whose own setting cannot be read back; 0 to 100


EXTENSIONS: dict[Format, tuple[str, ...]] = {
    "jpeg": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "png": (".png",),
    "tiff": (".tif", ".tiff"),
    "webp": (".webp",),
    "heif": (".heic", ".heif", ".hif"),
    "avif": (".avif",),
    "bmp": (".bmp", ".dib"),
    "gif": (".gif",),
}


NAMES: dict[Format, str] = {format: format.upper() for format in FORMATS} | {"webp": "WebP"}


SIDE_MAX: dict[Format, int] = {"jpeg": 65_500, "webp": 16_383, "gif": 65_535, "heif": 16_384, "avif": 65_536}


HOLD_SIXTEEN_BITS = frozenset({"png", "tiff", "heif", "avif"})


HOLD_ALPHA = frozenset({"png", "tiff", "webp", "heif", "avif", "bmp", "gif"})


HOLD_EXIF = frozenset({"jpeg", "png", "tiff", "webp", "heif", "avif"})  # and XMP and ICC: the same ones


HOLD_IPTC = frozenset({"jpeg", "png", "tiff"})


HOLD_DPI = frozenset(FORMATS) - {"gif"}  # WebP, HEIF and AVIF keep it in EXIF


@dataclass(frozen=True)
class Origin:
    """How the file was made, so that the same kind can be written again."""

    jpeg_tables: tuple[tuple[int, ...], ...] = ()
    jpeg_subsampling: str = "4:4:4"
    jpeg_progressive: bool = False
    jpeg_rgb: bool = False
    jpeg_comments: tuple[bytes, ...] = ()
    png_chunks: tuple[tuple[bytes, bytes], ...] = ()
    tiff_compression: str = "deflate"
    tiff_tags: tuple[tuple[int, containers.Tag], ...] = ()
    webp_lossless: bool = False


@dataclass(frozen=True, eq=False)
class Picture:
    """What a decoder gives and an encoder takes: samples (h, w, 1|3) and alpha (h, w), uint8 or uint16, as they lie in the file.

    `contents.icc` is the profile that the samples are in, `notes` what was taken for granted in decoding.
    """

    samples: np.ndarray
    alpha: np.ndarray | None
    contents: Contents
    origin: Origin = Origin()
    notes: tuple[str, ...] = ()

    @property
    def bits(self) -> int:
        """Per sample: 8 or 16."""
        return self.samples.dtype.itemsize * 8


# --- telling ----------------------------------------------------------------------------------------------------------------------------

_AVIF_BRANDS, _HEIF_BRANDS = {b"avif", b"avis"}, {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"}
_OTHERS: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "a PDF"),
    (b"8BPS", "a Photoshop document"),
    (b"\xff\x0a", "a JPEG XL"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000"),
    (b"v/1\x01", "an OpenEXR"),
    (b"PK\x03\x04", "a ZIP archive or office document"),
    (b"FUJIFILM", "a camera's raw file"),
    (b"\x1aE\xdf\xa3", "a film"),
)


_KINDS_READ = "a JPEG, PNG, TIFF, WebP, HEIF, AVIF, BMP or GIF file"


def format_of(data: bytes, name: str) -> Format:
    """The format by content. Raises `OtherKindError` for what is not a photograph we read."""
    head = data[:32]
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith(containers.PNG_SIGNATURE):
        return "png"
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+") and head[8:10] != b"CR":
        return "tiff"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return "gif"
    if head[:2] == b"BM" and len(data) >= 26 and struct.unpack_from("<I", data, 14)[0] in (12, 40, 52, 56, 64, 108, 124):
        return "bmp"
    if head[4:8] == b"ftyp":
        size = min(struct.unpack_from(">I", data)[0], 256)
        brands = {data[at : at + 4] for at in (8, *range(16, size, 4))}
        if brands & _AVIF_BRANDS:
            return "avif"
        if brands & _HEIF_BRANDS:
            return "heif"
        raise OtherKindError(f"{name} is {'a camera raw file' if b'crx ' in brands else 'a film'}; export it as TIFF, PNG or JPEG first")
    for magic, what in _OTHERS:
        if data.startswith(magic):
            raise OtherKindError(f"{name} is {what}, not a photograph that is read here; export it as TIFF, PNG or JPEG first")
    text = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(b"<"):
        kind = "an SVG drawing" if b"<svg" in text else "a web page" if b"html" in text else "an XML text"
        raise OtherKindError(f"{name} is {kind}, not a photograph; give {_KINDS_READ}")
    raise OtherKindError(f"{name} is not a photograph that can be read here; give {_KINDS_READ}")


def check_size(name: str, width: int, height: int, max_megapixels: float) -> None:
    """Refuse a picture without pixels (`UnreadableError`) or with more than the limit (`TooLargeError`)."""
    if width < 1 or height < 1:
        raise UnreadableError(f"{name} says that it is {width} x {height} pixels: there is no picture in it; take another copy of the file")
    megapixels = width * height / 1e6
    if megapixels > max_megapixels:
        enough = math.ceil(megapixels / 50) * 50
        memory = max(1, round(enough * 0.012))  # measured on 8-bit RGB: about 12 bytes a pixel, read, kept twice and written
        digits = f"{megapixels:,.0f}" if round(megapixels) > max_megapixels else f"{megapixels:,.7g}"
        raise TooLargeError(
            f"{name} has {digits} megapixels; the limit is {max_megapixels:,g}. "
            f"Raise it with UNFADE_MAX_MEGAPIXELS={enough} (about {memory} GB of memory)."
        )


# --- decoding ---------------------------------------------------------------------------------------------------------------------------


def decode(data: bytes, format: Format, name: str, max_megapixels: float) -> Picture:
    """Decode a file of `format`. `contents.orientation` is still to be applied. Raises `UnreadableError`, `TooLargeError`."""
    if format == "heif":
        return _decode_heif(data, name, max_megapixels)
    if format == "bmp":
        return _decode_bmp(data, name, max_megapixels)
    return _decode_with_vips(data, format, name, max_megapixels)


def split(array: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """(h, w, 1..4) -> samples and alpha."""
    if array.shape[2] in (1, 3):
        return array, None
    return np.ascontiguousarray(array[..., :-1]), np.ascontiguousarray(array[..., -1])


def _filled(array: np.ndarray, bits: int) -> np.ndarray:
    """uint16 whose upper `bits` alone are used -> the whole range, so that white is 65,535: the bits are repeated below."""
    return array | (array >> bits) if array.dtype == np.uint16 and 8 < bits < 16 else array


# What libvips, libheif and Pillow say where the samples end early
_CUT_OFF = ("premature", "truncat", "unexpected end", "eof", "read error", "should reach", "bad seek", "outside", "not enough data")


def _damaged(name: str, error: Exception) -> UnreadableError:
    said = str(error).lower()
    if any(word in said for word in _CUT_OFF):
        return UnreadableError(f"{name} is cut off or damaged: its samples end early; take another copy of the file")
    if "support is not configured" in said:
        return UnreadableError(
            f"{name} is compressed in a way that is not read here ({_last_line(error)}); save it as TIFF with LZW or deflate"
        )
    return UnreadableError(f"{name} is damaged and cannot be decoded ({_last_line(error)}); take another copy of the file")


def _last_line(error: Exception) -> str:
    """What a decoder said last; it says the cause after what it was doing."""
    return next((line.strip() for line in reversed(str(error).splitlines()) if line.strip()), type(error).__name__)


_VIPS_LOADERS: dict[Format, str] = {
    "jpeg": "jpegload_buffer",
    "png": "pngload_buffer",
    "tiff": "tiffload_buffer",
    "webp": "webpload_buffer",
    "avif": "heifload_buffer",
    "gif": "gifload_buffer",
}


_TIFF_COMPRESSIONS = {1: "none", 5: "lzw", 8: "deflate", 32946: "deflate", 32773: "packbits"}


def _decode_with_vips(data: bytes, format: Format, name: str, max_megapixels: float) -> Picture:
    origin, contents, pages, premultiplied = Origin(), Contents(), 1, False
    try:
        if format == "jpeg":
            contents, comments = containers.read_jpeg(data)
            origin = replace(_jpeg_origin(data), jpeg_comments=comments)
        elif format == "png":
            contents, chunks = containers.read_png(data)
            origin = Origin(png_chunks=chunks)
        elif format == "webp":
            contents, lossless = containers.read_webp(data)
            origin = Origin(webp_lossless=lossless)
        elif format == "tiff":
            tags = containers.tiff_tags(data)
            _refuse_raw(tags, name)
            width, height = (
                int(tags[tag].numbers()[0]) if tag in tags and tags[tag].count else 0 for tag in (containers.WIDTH, containers.HEIGHT)
            )
            check_size(name, width, height, max_megapixels)
            contents, tags = containers.read_tiff(data)
            pages = containers.tiff_pages(data)
            compression = containers.first_number(tags, containers.COMPRESSION, 1)
            premultiplied = containers.first_number(tags, containers.EXTRA_SAMPLES) == 1
            kept = {containers.PHOTOSHOP} if premultiplied else {containers.PHOTOSHOP, containers.EXTRA_SAMPLES}
            kept_tags = tuple((tag, entry) for tag, entry in tags.items() if tag in kept)
            origin = Origin(tiff_compression=_TIFF_COMPRESSIONS.get(compression, "deflate"), tiff_tags=kept_tags)
        options: dict[str, object] = {"access": "sequential", "fail_on": "error" if format == "tiff" else "truncated"}
        if format in ("tiff", "avif", "png"):
            options["unlimited"] = True  # their own limit is below ours; the size is checked right here
        picture = getattr(vips().Image, _VIPS_LOADERS[format])(data, **options)
        check_size(name, picture.width, picture.height, max_megapixels)
        if format == "avif":
            fields = picture.get_fields()
            contents = containers.of_boxes(
                *(picture.get(key) if key in fields else None for key in ("exif-data", "xmp-data", "icc-profile-data"))
            )
        if format != "tiff" and "n-pages" in picture.get_fields():
            pages = picture.get("n-pages")
        samples, profile, notes = _plain_samples(picture, contents.icc, name)
        if premultiplied and samples.shape[2] in (2, 4):
            notes += ("its colors were multiplied by its alpha; they were divided by it, and are written so",)
        if format == "avif":
            samples = _filled(samples, int(picture.get("bits-per-sample")))
    except (vips().Error, ValueError, struct.error) as error:
        raise _damaged(name, error) from error
    if pages > 1:
        notes += (f"it has {pages:,} {'frames' if format in ('gif', 'webp') else 'pages'}; the first was taken",)
    return Picture(*split(samples), replace(contents, icc=profile), origin, notes)


def _plain_samples(picture: pyvips.Image, icc: bytes | None, name: str) -> tuple[np.ndarray, bytes | None, tuple[str, ...]]:
    """Decode a libvips picture into (h, w, 1..4) uint8 or uint16, gray or RGB; with the profile that the samples are now in, and notes."""
    kind, space, bands = str(picture.format), str(picture.interpretation), int(picture.bands)
    notes: tuple[str, ...] = ()
    if space in ("lab", "labs", "labq"):
        depth = 8 if space == "labq" else 16
        picture = picture.colourspace("srgb" if depth == 8 else "rgb16")
        return array_of(picture), None, (f"its samples are CIE Lab; converted to sRGB of {depth} bits",)
    if kind not in ("uchar", "ushort"):
        raise UnreadableError(
            f"{name} has samples of the kind {kind}; 8 and 16 bits without sign are read: convert it to 16-bit TIFF first"
        )
    if space == "cmyk":
        return _rgb_from_cmyk(picture, icc)
    colors = 1 if bands < 3 else 3
    if bands > colors + 1:
        notes += (f"it has {bands - colors} channels beside its colors; the first was kept as alpha",)
        picture = picture.extract_band(0, n=colors + 1)
    return array_of(picture), icc, notes


def _rgb_from_cmyk(picture: pyvips.Image, icc: bytes | None) -> tuple[np.ndarray, None, tuple[str, ...]]:
    """Ink to light, through the file's profile or, without one, libvips's own for coated paper; alpha behind the inks is kept."""
    alpha = picture.extract_band(4) if picture.bands > 4 else None
    inks = picture.extract_band(0, n=4) if picture.bands > 4 else picture
    usable = icc is not None and icc[16:20] == b"CMYK" and icc[36:40] == b"acsp"
    inks = inks.copy(interpretation="cmyk")
    if usable and icc is not None:
        inks = with_profile(inks, icc)
    elif "icc-profile-data" in inks.get_fields():
        inks.remove("icc-profile-data")
    depth = 16 if str(picture.format) == "ushort" else 8
    light = inks.icc_transform("srgb", embedded=usable, input_profile="cmyk", intent="relative", depth=depth)
    if alpha is not None:
        light = light.bandjoin(alpha)
    means = "through its own profile" if usable else "it has no usable profile, so as inks on coated paper"
    return array_of(light), None, (f"its samples are CMYK; converted to sRGB ({means}), and written as RGB",)


def _refuse_raw(tags: Mapping[int, containers.Tag], name: str) -> None:
    reduced = containers.first_number(tags, containers.SUBFILE) & 1
    if containers.DNG_VERSION in tags or (reduced and containers.SUB_IFDS in tags):
        raise OtherKindError(f"{name} is a camera raw file; export it as TIFF, PNG or JPEG first")


def _jpeg_origin(data: bytes) -> Origin:
    """The file's own quantisation tables and subsampling: written with them, blocks that nobody changed come out as they went in."""
    from PIL import JpegImagePlugin

    try:
        # past Image.open, whose limit on pixels is not ours, and without EXIF, whose damages are told of elsewhere
        with JpegImagePlugin.JpegImageFile(io.BytesIO(containers.jpeg_header(data))) as header:
            tables = tuple(tuple(int(number) for number in header.quantization[index]) for index in sorted(header.quantization))
            sampling = {0: "4:4:4", 1: "4:2:2", 2: "4:2:0"}.get(JpegImagePlugin.get_sampling(header), "4:4:4")
            rgb = header.info.get("adobe_transform") == 0 and len(header.getbands()) == 3
            return Origin(
                jpeg_tables=tables, jpeg_subsampling=sampling, jpeg_progressive=bool(header.info.get("progressive")), jpeg_rgb=rgb
            )
    except (SyntaxError, OSError, ValueError, IndexError, KeyError, struct.error) as error:
        raise ValueError(str(error)) from error


@cache
def _heif() -> ModuleType:
    """libheif with its HEVC codec, started at first use."""
    import pillow_heif

    pillow_heif.options.SAVE_HDR_TO_12_BIT = True  # of 10 and 12 bits, the depth that loses less
    return pillow_heif


def _decode_heif(data: bytes, name: str, max_megapixels: float) -> Picture:
    try:
        file = _heif().open_heif(data, convert_hdr_to_8bit=False)
        picture = file[file.primary_index]
        width, height = picture.size
        check_size(name, width, height, max_megapixels)
        array = np.array(picture)
        info = picture.info
    except (ValueError, RuntimeError, EOFError, OSError, SyntaxError, IndexError) as error:
        raise _damaged(name, error) from error
    if array.ndim == 2:
        array = array[..., None]
    notes: tuple[str, ...] = (f"it has {len(file)} pictures; the primary one was taken",) if len(file) > 1 else ()
    contents = containers.of_boxes(info.get("exif"), info.get("xmp"), info.get("icc_profile"))
    array = _filled(array, int(info.get("bit_depth", 8)))
    return Picture(*split(array), contents, Origin(), notes)


def _decode_bmp(data: bytes, name: str, max_megapixels: float) -> Picture:
    from PIL import BmpImagePlugin

    header = struct.unpack_from("<I", data, 14)[0]
    width, height = struct.unpack_from("<HH" if header == 12 else "<ii", data, 18)
    check_size(name, abs(width), abs(height), max_megapixels)
    try:
        with BmpImagePlugin.BmpImageFile(io.BytesIO(data)) as picture:
            dpi = picture.info.get("dpi")
            mode = {"1": "L", "L": "L", "RGBA": "RGBA"}.get(picture.mode, "RGB")
            array = np.array(picture.convert(mode))
    except (SyntaxError, OSError, ValueError, IndexError, struct.error) as error:
        raise _damaged(name, error) from error
    array = array[..., None] if array.ndim == 2 else array
    usable = (float(dpi[0]), float(dpi[1])) if dpi and min(dpi) > 0 else None
    return Picture(*split(array), Contents(dpi=usable))


def profile_of_code(primaries: int, transfer: int, *, channels: int) -> tuple[bytes | None, tuple[str, ...]]:
    """What the color numbers of HEIF and AVIF (ITU-T H.273) mean for us: 1 and 13 are sRGB, 12 Display P3, 2 unsaid."""
    if transfer in (16, 18):
        return None, (f"its light is coded for HDR screens ({'PQ' if transfer == 16 else 'HLG'}); it is read as sRGB and will look flat",)
    if primaries == 12 and transfer == 13 and channels == 3:
        return bytes(vips().Image.profile_load("p3")), ("its colors are Display P3, said without an ICC profile; one was put in",)
    if primaries not in (1, 2, 5, 6) or transfer not in (1, 2, 6, 13, 14, 15):
        return None, (f"its colors are of ITU-T H.273 primaries {primaries}, transfer {transfer}; they are read as sRGB",)
    return None, ()


# --- encoding ---------------------------------------------------------------------------------------------------------------------------


def encode(picture: Picture, format: Format, quality: int | None, *, reduce: bool, name: str) -> bytes:
    """A file of `format`, which must be able to hold the picture; `reduce` lets a GIF have its colors reduced to 256.

    Raises `UnwritableError`: more pixels a side than the format holds, more colors, or an encoder that gives up.
    """
    height, width = picture.samples.shape[:2]
    limit = SIDE_MAX.get(format)
    if limit is not None and max(width, height) > limit:
        raise UnwritableError(f"{name} is {width} x {height} pixels; {NAMES[format]} holds {limit:,} a side. Write it as TIFF or PNG")
    if format == "gif" and not reduce and palette_of(picture) is None:
        advice = "write it as PNG, or ask for the format gif by name to have them reduced"
        raise UnwritableError(f"{name} now has more than the 256 colors that a GIF holds; {advice}")
    try:
        return _ENCODERS[format](picture, quality)
    except (vips().Error, OSError, RuntimeError, ValueError) as error:
        raise UnwritableError(f"{name} cannot be encoded as {NAMES[format]} ({error}); write it as TIFF or PNG") from error


def _three(samples: np.ndarray) -> np.ndarray:
    """Gray repeated thrice; color as it is."""
    return np.repeat(samples, 3, axis=2) if samples.shape[2] == 1 else samples


def _joined(picture: Picture) -> np.ndarray:
    """Samples and alpha in one array (h, w, 1..4)."""
    return picture.samples if picture.alpha is None else np.concatenate([picture.samples, picture.alpha[..., None]], axis=2)


def _vips_of(picture: Picture) -> pyvips.Image:
    colors = picture_of(picture.samples)
    return colors if picture.alpha is None else colors.bandjoin(picture_of(picture.alpha[..., None]))


def _pillow_of(picture: Picture) -> PIL.Image.Image:
    from PIL import Image as Pillow

    array = _joined(picture)
    return Pillow.fromarray(array[..., 0] if array.shape[2] == 1 else array)


def _encode_jpeg(picture: Picture, quality: int | None) -> bytes:
    origin, out = picture.origin, io.BytesIO()
    page, gray = _pillow_of(picture), picture.samples.shape[2] == 1
    if quality is None and origin.jpeg_tables:
        tables = [list(table) for table in origin.jpeg_tables]
        # a gray file has one table and no subsampling: color joins it at full size
        page.save(
            out,
            "JPEG",
            qtables=tables[:1] if gray else tables,
            subsampling=origin.jpeg_subsampling,
            progressive=origin.jpeg_progressive,
            keep_rgb=origin.jpeg_rgb and not gray,
            optimize=True,
        )
    else:
        chosen = DEFAULT_QUALITY if quality is None else quality
        page.save(out, "JPEG", quality=chosen, subsampling="4:4:4" if chosen >= 90 else "4:2:0", optimize=True)
    contents = picture.contents
    if origin.jpeg_rgb and not gray:  # without JFIF, the resolution has EXIF alone to lie in
        contents = replace(contents, exif=containers.exif_with_dpi(contents.exif, contents.dpi))
    return containers.jpeg_with(out.getvalue(), contents, origin.jpeg_comments)


def _encode_png(picture: Picture, quality: int | None) -> bytes:
    bare = _vips_of(picture).pngsave_buffer(keep="none")
    return containers.png_with(bare, picture.contents, picture.origin.png_chunks)


def _encode_tiff(picture: Picture, quality: int | None) -> bytes:
    compression = picture.origin.tiff_compression
    predictor = "none" if compression in ("none", "packbits") else "horizontal"
    big = picture.samples.nbytes * 4 // 3 > 3 << 30  # a plain TIFF ends at 4 GiB
    bare = _vips_of(picture).tiffsave_buffer(compression=compression, predictor=predictor, bigtiff=big, keep="none")
    more = {
        tag: entry
        for tag, entry in picture.origin.tiff_tags
        if tag != containers.EXTRA_SAMPLES or (picture.alpha is not None and entry.count == 1)
    }
    return containers.tiff_with(bare, picture.contents, more)


def _encode_webp(picture: Picture, quality: int | None) -> bytes:
    out = io.BytesIO()
    lossless = quality == 100 or (quality is None and picture.origin.webp_lossless)
    exif = containers.exif_with_dpi(picture.contents.exif, picture.contents.dpi)
    _pillow_of(picture).save(
        out,
        "WEBP",
        lossless=lossless,
        exact=True,
        quality=70 if lossless else DEFAULT_QUALITY if quality is None else quality,  # of lossless: effort
        exif=exif or b"",
        xmp=picture.contents.xmp or b"",
        icc_profile=picture.contents.icc or b"",
    )
    return out.getvalue()


def _encode_heif(picture: Picture, quality: int | None) -> bytes:
    array = np.ascontiguousarray(_joined(picture))
    mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[array.shape[2]] + (";16" if picture.bits == 16 else "")
    page = _heif().from_bytes(mode, (array.shape[1], array.shape[0]), array.tobytes())
    if picture.contents.icc:
        page.info["icc_profile"] = picture.contents.icc
    # x265's slow preset, libheif's default, takes eight times as long for files of the same quality that are 7 % smaller.
    effort = {"preset": "ultrafast"}
    options: dict[str, object] = {"quality": DEFAULT_QUALITY if quality is None else quality, "chroma": 444, "enc_params": effort}
    if quality == 100:  # without the step to YCbCr, which rounds
        options |= {"quality": -1, "matrix_coefficients": 0}
    out = io.BytesIO()
    exif = containers.exif_with_dpi(picture.contents.exif, picture.contents.dpi)
    page.save(out, exif=exif and b"Exif\0\0" + exif, xmp=picture.contents.xmp, **options)
    return out.getvalue()


def _encode_avif(picture: Picture, quality: int | None) -> bytes:
    exif = containers.exif_with_dpi(picture.contents.exif, picture.contents.dpi)
    if picture.bits == 8 and quality != 100:
        out = io.BytesIO()
        _pillow_of(picture).save(
            out,
            "AVIF",
            quality=DEFAULT_QUALITY if quality is None else quality,
            subsampling="4:4:4",
            exif=containers.exif_without_orientation(exif) if exif else b"",
            xmp=picture.contents.xmp or b"",
            icc_profile=picture.contents.icc or b"",
        )
        return out.getvalue()
    page = _vips_of(picture).copy()
    blobs = (("exif-data", exif and b"Exif\0\0" + exif), ("xmp-data", picture.contents.xmp), ("icc-profile-data", picture.contents.icc))
    for key, value in blobs:
        if value:
            page.set_type(vips().GValue.blob_type, key, value)
    encoded: bytes = page.heifsave_buffer(
        compression="av1",
        bitdepth=8 if picture.bits == 8 else 12,
        Q=DEFAULT_QUALITY if quality is None else quality,
        lossless=quality == 100,
        subsample_mode="off",
    )
    return encoded


def _encode_bmp(picture: Picture, quality: int | None) -> bytes:
    if picture.alpha is None:
        out = io.BytesIO()
        options = {"dpi": picture.contents.dpi} if picture.contents.dpi else {}
        _pillow_of(picture).save(out, "BMP", **options)
        return out.getvalue()
    # Pillow writes alpha into a header that has no word for it: BITMAPV4HEADER has (Microsoft, wingdi.h)
    color = _three(picture.samples)
    pixels = np.concatenate([color[::-1, :, ::-1], picture.alpha[::-1, :, None]], axis=2).tobytes()
    x, y = (round(value / 0.0254) for value in picture.contents.dpi or (0, 0))
    height, width = picture.alpha.shape
    header = struct.pack("<IiiHHIIiiII", 108, width, height, 1, 32, 3, len(pixels), x, y, 0, 0)
    header += struct.pack("<IIII4s", 0xFF0000, 0xFF00, 0xFF, 0xFF000000, b"BGRs") + bytes(48)
    return b"BM" + struct.pack("<IHHI", 14 + len(header) + len(pixels), 0, 0, 14 + len(header)) + header + pixels


def palette_of(picture: Picture) -> tuple[np.ndarray, np.ndarray, int | None] | None:
    """Colors (n, 3), index of each pixel (h, w), and the index that is transparent; None where there are more than 256."""
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


def _encode_gif(picture: Picture, quality: int | None) -> bytes:
    from PIL import Image as Pillow

    palette = palette_of(picture)
    if palette is not None:
        colors, index, clear = palette
    else:
        count = 256 if picture.alpha is None else 255
        reduced = Pillow.fromarray(_three(picture.samples)).quantize(count, dither=Pillow.Dither.FLOYDSTEINBERG)
        colors = np.array(reduced.getpalette(), np.uint8).reshape(-1, 3)
        index, clear = np.array(reduced), None
        if picture.alpha is not None:
            clear = len(colors)
            colors = np.concatenate([colors, np.zeros((1, 3), np.uint8)])
            index = np.where(picture.alpha < 128, np.uint8(clear), index)
    page = Pillow.fromarray(index)
    page.putpalette(colors.tobytes())
    out = io.BytesIO()
    options = {} if clear is None else {"transparency": clear}
    page.save(out, "GIF", optimize=False, **options)
    return out.getvalue()


_ENCODERS: dict[Format, Callable[[Picture, int | None], bytes]] = {
    "jpeg": _encode_jpeg,
    "png": _encode_png,
    "tiff": _encode_tiff,
    "webp": _encode_webp,
    "heif": _encode_heif,
    "avif": _encode_avif,
    "bmp": _encode_bmp,
    "gif": _encode_gif,
}
