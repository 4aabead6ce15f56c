"""Color profiles, made by hand or by a library: material of the tests on photographs."""

from __future__ import annotations

import io
import struct

import numpy as np
from PIL import Image as Pillow
from PIL import ImageCms

from unfade.files import icc as profiles


def fixed(*numbers: float) -> bytes:
    return b"".join(struct.pack(">i", round(number * 65536)) for number in numbers)


def gamma_curve(gamma: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"


def icc(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    """A minimal ICC profile, version 2."""
    table, body, at = [], b"", 132 + 12 * len(tags)
    for name, tag in tags.items():
        tag += bytes(-len(tag) % 4)
        table.append(struct.pack(">4sII", name, at + len(body), len(tag)))
        body += tag
    header = struct.pack(">I4sI4s4s4s", at + len(body), b"lcms", 0x02400000, b"mntr", space, b"XYZ ") + bytes(12) + b"acsp" + bytes(28)
    header += fixed(0.9642, 1, 0.8249)
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + b"".join(table) + body


def rgb_profile(red: tuple[float, ...], green: tuple[float, ...], blue: tuple[float, ...], curve: bytes) -> bytes:
    colorants = {name: b"XYZ \0\0\0\0" + fixed(*xyz) for name, xyz in ((b"rXYZ", red), (b"gXYZ", green), (b"bXYZ", blue))}
    white = {b"wtpt": b"XYZ \0\0\0\0" + fixed(0.9642, 1, 0.8249), b"desc": b"desc\0\0\0\0\0\0\0\x02t\0".ljust(90, b"\0")}
    return icc(b"RGB ", white | colorants | {b"rTRC": curve, b"gTRC": curve, b"bTRC": curve})


def gray_profile(gamma: float) -> bytes:
    white = {b"wtpt": b"XYZ \0\0\0\0" + fixed(0.9642, 1, 0.8249), b"desc": b"desc\0\0\0\0\0\0\0\x02t\0".ljust(90, b"\0")}
    return icc(b"GRAY", white | {b"kTRC": gamma_curve(gamma)})


SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
# Colorants under D50, from the profiles that Adobe, Apple and ROMM publish
ADOBE_RGB = rgb_profile((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457), gamma_curve(563 / 256))
PROPHOTO = rgb_profile((0.79767, 0.28804, 0.0), (0.13519, 0.71188, 0.0), (0.03134, 0.00009, 0.82491), gamma_curve(1.8))


def display_p3() -> bytes:
    return bytes(profiles.vips().Image.profile_load("p3"))


def table_profile() -> bytes:
    """An RGB profile of tables, there and back (16-bit Lab, version 4), as printers' and scanners' are."""
    identity = fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)

    def lut(grid: np.ndarray) -> bytes:
        side = grid.shape[0]
        head = b"mft2\0\0\0\0" + bytes((3, 3, side, 0)) + identity + struct.pack(">HH", 2, 2)
        return head + struct.pack(">HH", 0, 65535) * 3 + grid.astype(">u2").tobytes() + struct.pack(">HH", 0, 65535) * 3

    # device = Lab, scaled: strange as a device and exactly invertible, which is what is to be tested
    steps = np.linspace(0, 65280, 3)
    grid = np.stack(np.meshgrid(steps, 16384 + steps / 2, 16384 + steps / 2, indexing="ij"), axis=-1)
    back = np.linspace(0, 65535, 5) / 65280
    wide = np.clip((np.linspace(0, 65535, 5) - 16384) / 32640, 0, 1)
    inverse = np.stack(np.meshgrid(np.clip(back, 0, 1) * 65535, wide * 65535, wide * 65535, indexing="ij"), axis=-1)
    white = {b"wtpt": b"XYZ \0\0\0\0" + fixed(0.9642, 1, 0.8249), b"desc": b"desc\0\0\0\0\0\0\0\x02t\0".ljust(90, b"\0")}
    profile = icc(b"RGB ", white | {b"A2B0": lut(np.round(grid)), b"B2A0": lut(np.round(inverse))})
    return profile[:12] + b"prtr" + profile[16:20] + b"Lab " + profile[24:]


def file_of(array: np.ndarray, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    Pillow.fromarray(array).save(out, kind, **options)
    return out.getvalue()
