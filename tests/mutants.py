"""Photographs of every kind, and what is left of them after an accident: bytes flipped, cut, doubled, lengths
made absurd."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
from PIL import Image as PillowImage

from unfade.files import photo

SEED = 20261126


def _samples(channels: int, bits: int) -> np.ndarray:
    rows, columns = np.mgrid[:40, :56]
    planes = [(rows * 5 + columns * (3 + plane)) % 256 for plane in range(channels)]
    return np.stack(planes, axis=2).astype(np.uint8 if bits == 8 else np.uint16) * (1 if bits == 8 else 257)


def _pillow(format: str, mode: str = "RGB", **options: object) -> bytes:
    out = io.BytesIO()
    PillowImage.fromarray(_samples(3, 8)).convert(mode).save(out, format, **options)
    return out.getvalue()


def _own(format: photo.Format, channels: int = 3, bits: int = 8) -> bytes:
    return photo.encode_file(photo.read(_samples(channels, bits)), format)


def originals() -> dict[str, bytes]:
    """One small file of each kind, by a name with its ending."""
    exif = PillowImage.Exif()
    exif[0x010E], exif[0x0112] = "Aunt May at the lake", 6
    return {
        "baseline.jpg": _pillow("JPEG", exif=exif.tobytes(), dpi=(300, 300), comment=b"of May"),
        "progressive.jpg": _pillow("JPEG", "CMYK", progressive=True),
        "palette.png": _pillow("PNG", "P"),
        "deep.png": _own("png", 1, 16),
        "plain.tif": _own("tiff"),
        "deep.tif": _own("tiff", 3, 16),
        "packed.tif": _pillow("TIFF", compression="tiff_lzw"),
        "lossless.webp": _pillow("WEBP", lossless=True),
        "phone.heic": _own("heif"),
        "new.avif": _own("avif"),
        "old.bmp": _pillow("BMP"),
        "moving.gif": _pillow("GIF", "P"),
    }


def mutants(original: bytes, count: int, seed: int) -> Iterator[bytes]:
    """So many damaged copies of a file, the same for the same seed. Half of the damage lies in the first 300
    bytes, where headers are."""
    rng = np.random.default_rng([SEED, seed])
    extremes = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\1", b"\x80\0\0\0")
    for number in range(count):
        data = bytearray(original)
        reach = min(len(data), 300) if number % 2 else len(data)
        at = int(rng.integers(0, reach))
        match number % 8:
            case 0:
                del data[at:]
            case 1 | 2:
                for _ in range(int(rng.integers(1, 12))):
                    data[int(rng.integers(0, reach))] = int(rng.integers(0, 256))
            case 3:
                data[at : at + 4] = extremes[int(rng.integers(0, len(extremes)))]
            case 4:
                length = int(rng.integers(1, 64))
                data[at:at] = data[at : at + length] * int(rng.integers(1, 40))
            case 5:
                del data[at : at + int(rng.integers(1, 200))]
            case 6:
                data[at : at + 64] = rng.integers(0, 256, 64, np.uint8).tobytes()
            case 7:
                other = int(rng.integers(0, len(data)))
                data[at : at + 32], data[other : other + 32] = data[other : other + 32], data[at : at + 32]
        yield bytes(data)
