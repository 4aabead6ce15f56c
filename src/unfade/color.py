"""sRGB <-> linear <-> L*a*b* <-> network numbers: pairs side by side.

These constants are in this file only.

sRGB is IEC 61966-2-1; L*a*b* is CIE 1976 under the D65 white of sRGB itself, so that grays are exactly a* =
b* = 0. Everything is float32 and works on arrays of any leading shape with the channels last.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from unfade.arrays import Chroma, Image, Lab, Plane

LIGHTNESS_MAX = 100.0
CHROMA_SCALE = 110.0  # a* and b* of sRGB colours lie in [-107.9, 98.3]; pix2pix and Zhang et al. divide by 110
REC_601 = (0.299, 0.587, 0.114)
"""Red, green and blue in the luma of sRGB-encoded pictures: see `luma`."""

# Linear sRGB -> XYZ (IEC 61966-2-1), each row divided by the white's X, Y, Z: a gray of value v becomes (v,
# v, v).
_XYZ_FROM_RGB = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]], dtype=np.float64
)
_XYZ_FROM_RGB /= _XYZ_FROM_RGB.sum(axis=1, keepdims=True)
RGB_FROM_XYZ = np.linalg.inv(_XYZ_FROM_RGB)
"""X, Y, Z as shares of the white's -> linear sRGB."""
# f(X), f(Y), f(Z) -> L*, a*, b* is linear too: 116 fy - 16, 500 (fx - fy), 200 (fy - fz).
LAB_KNEE = 6 / 29
"""CIE 1976's f is a cube root above this value of f; below it a line of slope `LAB_SLOPE` from `LAB_TOE`."""
LAB_TOE = 4 / 29
_LAB_EPSILON = LAB_KNEE**3
LAB_SLOPE = (29 / 6) ** 2 / 3
SRGB_KNEE, SRGB_SLOPE = 0.0031308, 12.92
"""sRGB's transfer curve is a line of this slope up to this much light, above it a power law."""
SRGB_EXPONENT, SRGB_FACTOR, SRGB_OFFSET = 1 / 2.4, 1.055, 0.055
_GAMUT_SLACK = np.float32(5e-6)  # above the round trip's own error in float32, below what moves L* by a step of 16 bits at white


def linear_from_srgb(srgb: np.ndarray) -> np.ndarray:
    """Undo the sRGB transfer curve; [0, 1] -> [0, 1].

    >>> linear_from_srgb(np.array([0.0, 0.5, 1.0])).round(3)
    array([0.   , 0.214, 1.   ], dtype=float32)
    """
    srgb = np.asarray(srgb, np.float32)
    return np.where(
        srgb <= 0.04045,
        srgb / np.float32(SRGB_SLOPE),
        ((np.maximum(srgb, 0.04045) + np.float32(SRGB_OFFSET)) / np.float32(SRGB_FACTOR)) ** np.float32(2.4),
    )


def srgb_from_linear(linear: np.ndarray) -> np.ndarray:
    """Apply the sRGB transfer curve; [0, 1] -> [0, 1].

    Values outside are extended by the curve's straight part and its power law.

    >>> srgb_from_linear(np.array([0.0, 0.5, 1.0])).round(3)
    array([0.   , 0.735, 1.   ], dtype=float32)
    """
    linear = np.asarray(linear, np.float32)
    return np.where(
        linear <= SRGB_KNEE,
        linear * np.float32(SRGB_SLOPE),
        np.float32(SRGB_FACTOR) * np.maximum(linear, SRGB_KNEE) ** np.float32(SRGB_EXPONENT) - np.float32(SRGB_OFFSET),
    )


def _cube_root_response(ratio: np.ndarray) -> np.ndarray:
    """CIE 1976's f: the cube root with a straight toe."""
    return np.where(ratio > _LAB_EPSILON, np.cbrt(np.maximum(ratio, _LAB_EPSILON)), ratio * np.float32(LAB_SLOPE) + np.float32(LAB_TOE))


def _cube_root_response_inverse(response: np.ndarray) -> np.ndarray:
    return np.where(response > LAB_KNEE, response**3, (response - np.float32(LAB_TOE)) / np.float32(LAB_SLOPE))


def lab_from_srgb(image: Image) -> Lab:
    """sRGB in [0, 1] -> L*a*b* (D65).

    >>> lab_from_srgb(np.array([[1.0, 0.0, 0.0]], np.float32)).round(1)
    array([[53.2, 80.1, 67.2]], dtype=float32)
    """
    linear = linear_from_srgb(image)
    fx, fy, fz = np.moveaxis(_cube_root_response(linear @ _XYZ_FROM_RGB.T.astype(np.float32)), -1, 0)
    return np.stack([116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)], axis=-1).astype(np.float32)


@lru_cache(maxsize=1)
def _tables() -> tuple[np.ndarray, np.ndarray]:
    """Linear light of 16-bit codes, and CIE 1976's f of linear light in 16 bits."""
    codes = np.arange(1 << 16, dtype=np.float32) / np.float32(65535)
    return linear_from_srgb(codes), _cube_root_response(codes).astype(np.float32)


def lab_by_tables(codes: np.ndarray) -> Lab:
    """sRGB as uint8 or uint16 (h, w, 1|3) -> L*a*b* (D65): within 0.1 of `lab_from_srgb`, in a quarter of
    its time.

    >>> lab_by_tables(np.array([[[255, 0, 0]]], np.uint8)).round(1)
    array([[[53.2, 80.1, 67.2]]], dtype=float32)
    """
    linear, response = _tables()
    light = np.take(linear[::257] if codes.dtype == np.uint8 else linear, codes)
    if codes.shape[-1] == 1:
        made = np.zeros((*codes.shape[:-1], 3), np.float32)
        made[..., 0] = 116 * np.take(response, np.rint(light[..., 0] * np.float32(65535)).astype(np.uint16)) - 16
        return made
    parts = cv2.transform(light, _XYZ_FROM_RGB * 65535)
    found = np.take(response, np.clip(parts + np.float32(0.5), 0, 65535).astype(np.uint16))
    return cv2.transform(found, np.array([[0, 116, 0, -16], [500, -500, 0, 0], [0, 200, -200, 0]], np.float64))


def lightness_from_srgb(image: Image) -> Plane:
    """sRGB in [0, 1] -> L* in [0, 100] alone, at a third of the cost of `lab_from_srgb`."""
    luminance = linear_from_srgb(image) @ _XYZ_FROM_RGB[1].astype(np.float32)
    return np.float32(116) * _cube_root_response(luminance) - np.float32(16)


def linear_from_lab(lab: Lab) -> np.ndarray:
    """L*a*b* (D65) -> linear sRGB, not clipped: what lies outside [0, 1] is out of gamut."""
    lab = np.asarray(lab, np.float32)
    fy = (lab[..., 0] + 16) / 116
    f = np.stack([fy + lab[..., 1] / 500, fy, fy - lab[..., 2] / 200], axis=-1)
    return (_cube_root_response_inverse(f) @ RGB_FROM_XYZ.T.astype(np.float32)).astype(np.float32)


def srgb_from_lab(lab: Lab) -> Image:
    """L*a*b* (D65) -> sRGB, clipped to [0, 1]; use `into_gamut` first where L* must survive."""
    return srgb_from_linear(np.clip(linear_from_lab(lab), 0.0, 1.0))


def into_gamut(lab: Lab) -> Lab:
    """Shrink a* and b* together until the color lies in sRGB's gamut; hue and L* are kept.

    Colors inside come back bit for bit.

    >>> vivid = np.array([[50.0, 120.0, 0.0]], np.float32)
    >>> into_gamut(vivid).round().tolist()
    [[50.0, 79.0, 0.0]]
    """
    linear = linear_from_lab(lab)
    red, green, blue = linear[..., 0], linear[..., 1], linear[..., 2]  # plane by plane: reducing over three channels is ten times as slow
    outside = np.minimum(np.minimum(red, green), blue) < -_GAMUT_SLACK
    outside |= np.maximum(np.maximum(red, green), blue) > 1 + _GAMUT_SLACK
    if not outside.any():
        return lab
    inside = lab.copy()
    wrong = lab[outside]
    middle = (wrong[:, 0] + 16) / 116
    rise, fall = wrong[:, 1] / 500, wrong[:, 2] / 200
    luminance = _cube_root_response_inverse(middle)
    low, step = np.zeros(len(wrong), np.float32), np.float32(1)
    matrix = RGB_FROM_XYZ.astype(np.float32)
    for _ in range(11):  # bisection, from below: the share of chroma to 1 part in 2,000
        step /= 2
        share = low + step
        x, z = _cube_root_response_inverse(middle + share * rise), _cube_root_response_inverse(middle - share * fall)
        fits = np.ones(len(wrong), bool)
        for to_x, to_y, to_z in matrix:
            primary = to_x * x + to_y * luminance + to_z * z
            fits &= (primary >= -_GAMUT_SLACK) & (primary <= 1 + _GAMUT_SLACK)
        low = np.where(fits, share, low)
    wrong[:, 1:] *= low[:, None]
    inside[outside] = wrong
    return inside


def network_from_lightness(lightness: Plane) -> Plane:
    """L* in [0, 100] -> [-1, 1].

    >>> network_from_lightness(np.array([0.0, 50.0, 100.0], np.float32)).tolist()
    [-1.0, 0.0, 1.0]
    """
    return lightness / np.float32(LIGHTNESS_MAX / 2) - np.float32(1)


def network_from_chroma(chroma: Chroma) -> Chroma:
    """a* and b* -> about [-1, 1].

    >>> network_from_chroma(np.array([-110.0, 55.0], np.float32)).tolist()
    [-1.0, 0.5]
    """
    return chroma / np.float32(CHROMA_SCALE)


def luma(image: Image) -> Plane:
    """Rec. 601 luma of an sRGB-encoded picture, in [0, 1]: the gray that cameras, JPEG and OpenCV mean."""
    return cv2.cvtColor(np.ascontiguousarray(image, np.float32), cv2.COLOR_RGB2GRAY)
