"""TIFFs of every kind that scanners, Photoshop and archives write: read rightly, or refused with the true
reason. Never black in silence.

tifffile and imagecodecs write most kinds, a writer by hand those that they do not. What was written is known,
and so what must be read.
"""

from __future__ import annotations

import io
import itertools
import random
import struct
import sys
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageCms
from tests.tiffs import GRAY, HEIGHT, RGB, WIDTH, encode_tiff, lab, levels, rgb_from_ycbcr, whole

from unfade.errors import UnreadableError
from unfade.files.photo import read

tifffile = pytest.importorskip("tifffile", reason="needs tifffile, which writes the kinds of TIFF")
imagecodecs = pytest.importorskip("imagecodecs", reason="needs the tiff extra")

ALPHA: dict[str, object] = {"extrasamples": ["unassalpha"]}
INFRARED: dict[str, object] = {"extrasamples": ["unspecified"]}
LOSSY = {"jpeg": 4, "webp": 2, "jpegxr": 1}  # levels by which two decoders may differ


@dataclass(frozen=True)
class Kind:
    """What is written: numbers (h, w, c); and what a reader should make of them, with how many of 255 levels
    it may be off."""

    photometric: str
    numbers: np.ndarray
    seen: Callable[[np.ndarray], np.ndarray]
    tolerance: float = 0
    options: dict[str, object] | None = None


def kind_of(name: str, bits: int) -> Kind:
    top, middle = 2**bits - 1, 2 ** (bits - 1)
    gray, rgb = levels(GRAY, bits), levels(RGB, bits)
    depth = gray.dtype
    colors = {
        "miniswhite": Kind("miniswhite", top - gray, lambda numbers: whole(top - numbers, bits)),
        "minisblack": Kind("minisblack", gray, lambda numbers: whole(numbers, bits)),
        "rgb": Kind("rgb", rgb, lambda numbers: whole(numbers, bits)),
        "gray+alpha": Kind("minisblack", np.concatenate([gray, gray[::-1]], 2), lambda numbers: whole(numbers[..., :1], bits), 0, ALPHA),
        "rgb+alpha": Kind("rgb", np.concatenate([rgb, gray], 2), lambda numbers: whole(numbers[..., :3], bits), 0, ALPHA),
        "rgb+infrared": Kind("rgb", np.concatenate([rgb, gray], 2), lambda numbers: whole(numbers[..., :3], bits), 0, INFRARED),
    }
    if name in colors:
        return colors[name]
    if name == "palette":
        map = np.stack([np.arange(256) * 257, np.arange(255, -1, -1) * 257, np.full(256, 32_896)]).astype(np.uint16)
        return Kind("palette", gray, lambda numbers: (map >> 8).astype(np.uint8).T[numbers[..., 0]], 0, {"colormap": map})
    if name == "separated":
        inks = levels(np.concatenate([1 - RGB, np.zeros_like(GRAY)], 2) * 0.7, bits)
        return Kind("separated", inks, lambda numbers: read(encode_tiff(numbers, bits, 5)).samples)
    if name == "ycbcr":
        red, green, blue = np.moveaxis(RGB * top, -1, 0)
        luma = 0.299 * red + 0.587 * green + 0.114 * blue
        numbers = np.stack([luma, middle + (blue - luma) / 1.772, middle + (red - luma) / 1.402], -1)
        return Kind("ycbcr", np.rint(np.clip(numbers, 0, top)).astype(depth), lambda numbers: rgb_from_ycbcr(numbers, top), 1.0)
    lightness, chroma = lab()[..., :1], lab()[..., 1:]
    step, white = (1, 255) if bits == 8 else (256, 65_535 if name == "cielab" else 65_280)
    if name == "cielab":
        signed = np.rint(chroma * step).clip(-middle, middle - 1).astype(np.int8 if bits == 8 else np.int16).view(depth)
    else:
        signed = np.rint((chroma + 128) * step).clip(0, top).astype(depth)

    def seen(numbers: np.ndarray) -> np.ndarray:
        codes = numbers[..., 1:].view(np.int8 if bits == 8 else np.int16) if name == "cielab" else numbers[..., 1:]
        colors = codes / step - (0 if name == "cielab" else 128)
        return whole(np.rint(rgb_from_lab(np.concatenate([numbers[..., :1] / white * 100, colors], 2)) * top), bits)

    numbers = np.concatenate([np.rint(lightness / 100 * white).astype(depth), signed], 2)
    return Kind(name, numbers, seen, 1.0)


def rgb_from_lab(lab: np.ndarray) -> np.ndarray:
    """CIE Lab under D50 -> sRGB in [0, 1]: `lab` backwards."""
    middle = (lab[..., 0] + 16) / 116
    f = np.stack([middle + lab[..., 1] / 500, middle, middle - lab[..., 2] / 200], -1)
    shares = np.where(f**3 > 216 / 24389, f**3, (116 * f - 16) * 27 / 24389)
    matrix = np.array([[3.1338561, -1.6168667, -0.4906146], [-0.9787684, 1.9161415, 0.0334540], [0.0719453, -0.2289914, 1.4052427]])
    linear = np.clip(shares * (0.9642, 1, 0.8249) @ matrix.T, 0, 1)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * np.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055)


KINDS = ("miniswhite", "minisblack", "rgb", "gray+alpha", "rgb+alpha", "rgb+infrared", "palette", "separated", "ycbcr", "cielab", "icclab")
COMPRESSIONS = (None, "lzw", "zlib", "packbits", "lzma", "zstd", "lerc", "jpeg", "jpeg2000", "jpegxl", "png", "webp", "jpegxr")
LAYOUTS = ({}, {"rowsperstrip": 5}, {"tile": (16, 16)}, {"tile": (64, 32)})
SWEEP = tuple(itertools.product(KINDS, (8, 16), ("contig", "separate"), COMPRESSIONS, (1, 2), range(len(LAYOUTS)), "<>"))


Case = tuple[str, int, str, str | None, int, int, str]


def written(case: Case) -> tuple[bytes, Kind, np.ndarray] | None:
    """A file by tifffile, and the numbers that tifffile reads in it again; None where it cannot write or read
    such a one."""
    name, bits, planar, compression, predictor, layout, order = case
    kind = kind_of(name, bits)
    array = kind.numbers if kind.numbers.shape[2] > 1 else kind.numbers[..., 0]
    if (predictor == 2 and compression not in ("lzw", "zlib", "lzma", "zstd")) or (planar == "separate" and array.ndim == 2):
        return None
    if planar == "separate":
        array = np.moveaxis(array, -1, 0)
    options = dict(kind.options or {}) | LAYOUTS[layout] | ({"planarconfig": planar} if array.ndim == 3 else {})
    if name == "ycbcr":
        options["subsampling"] = (1, 1)
    out = io.BytesIO()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with tifffile.TiffWriter(out, byteorder=order) as writer:
                writer.write(
                    array, photometric=kind.photometric, compression=compression, predictor=predictor > 1, metadata=None, **options
                )
        with tifffile.TiffFile(io.BytesIO(out.getvalue())) as file:
            back = file.pages[0].asarray()
    except (ValueError, KeyError, TypeError, RuntimeError, NotImplementedError, IndexError, struct.error):
        return None
    if back.size != array.size or (compression not in LOSSY and not (back.reshape(array.shape) == array).all()):
        return None
    back = back.reshape(array.shape)
    return out.getvalue(), kind, (np.moveaxis(back, 0, -1) if planar == "separate" else back).reshape(kind.numbers.shape)


def verdict(data: bytes, kind: Kind, numbers: np.ndarray, compression: str | None, planar: str) -> str:
    """What became of a sound file: "read", "refused", or what is wrong."""
    try:
        photo = read(data, name="a.tif")
    except UnreadableError as error:
        return "refused" if "not read here" in str(error) else f"called damaged: {error}"
    # of YCbCr in JPEG, tifffile too gives RGB
    made_rgb = kind.photometric == "ycbcr" and compression == "jpeg" and planar == "contig"
    expected = numbers if made_rgb else kind.seen(numbers)
    if photo.samples.shape != expected.shape or photo.samples.dtype != expected.dtype:
        return f"{photo.samples.dtype} of {photo.samples.shape}"
    off = np.abs(photo.samples.astype(int) - expected).max() / (1 if photo.bits == 8 else 257)
    return "read" if off <= kind.tolerance + LOSSY.get(compression or "", 0) else f"off by {off:.1f} levels"


def swept(cases: list[Case]) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    wrong = []
    for case in cases:
        made = written(case)
        if made is None:
            outcomes["not written"] += 1
            continue
        found = verdict(*made, case[3], case[2])
        outcomes[found if found in ("read", "refused") else "wrong"] += 1
        if found not in ("read", "refused"):
            wrong.append(f"{case}: {found}")
    assert not wrong, f"{len(wrong)} of {len(cases)}:\n" + "\n".join(wrong[:40])
    return outcomes


def test_a_sample_of_every_kind_is_read_or_refused_truly() -> None:
    outcomes = swept(random.Random(4).sample(SWEEP, 250))
    assert outcomes["read"] > 60, outcomes


@pytest.mark.long
def test_every_kind_is_read_or_refused_truly() -> None:
    outcomes = swept(list(SWEEP))
    print(outcomes, file=sys.stderr)
    assert outcomes["read"] > 1500, outcomes


def test_lab_agrees_with_littlecms() -> None:
    """An independent judge, in 8 bits."""
    kind = kind_of("icclab", 8)
    page = Pillow.frombytes("LAB", (WIDTH, HEIGHT), (kind.numbers ^ np.array([0, 128, 128], np.uint8)).tobytes())
    judge = ImageCms.profileToProfile(
        page, ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), outputMode="RGB",
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC, flags=ImageCms.Flags.NOOPTIMIZE,
    )  # fmt: skip
    out = io.BytesIO()
    tifffile.imwrite(out, kind.numbers, photometric="icclab")
    assert np.abs(read(out.getvalue()).samples.astype(int) - np.asarray(judge)).max() <= 2
