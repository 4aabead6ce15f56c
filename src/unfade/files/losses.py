"""What a format cannot hold: said, and taken out of the picture. One list of conditions does both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from unfade.files import icc
from unfade.files.behind import without_pointers
from unfade.files.codec import Codec, Loss, Part, Picture

_WORDS: dict[Part, str] = {"exif": "EXIF", "xmp": "XMP", "iptc": "IPTC", "photoshop": "Photoshop data (paths, copyright flag)"}


def sentences(picture: Picture, codec: Codec) -> Iterator[str]:
    """What of this picture a file of the format cannot hold, one sentence each. Nothing else is lost in
    writing."""
    for loss in _losses(picture, codec):
        if loss.sentence is not None:
            yield loss.sentence
    yield from codec.losses(picture)


def fitting(picture: Picture, codec: Codec) -> Picture:
    """The picture without what the format cannot hold."""
    for loss in _losses(picture, codec):
        picture = loss.taken_from(picture)
    return picture


def _losses(picture: Picture, codec: Codec) -> Iterator[Loss]:
    """In the order in which they are to be taken out."""
    title, contents = codec.title, picture.contents
    if contents.icc and "icc" not in codec.holds:
        yield Loss(f"{title} holds no color profile: the samples are converted to sRGB", in_srgb)
    gray_stays = {
        "always": True,
        "without alpha": picture.alpha is None,
        "without alpha or profile": picture.alpha is None and not contents.icc,
        "never": False,
    }[codec.gray]
    if picture.samples.shape[2] == 1 and not gray_stays:
        kind = "gray" if codec.gray == "never" else f"gray {codec.gray.replace('without', 'with')}"
        yield Loss(f"{title} holds no {kind}: the samples are converted to sRGB" if contents.icc else None, as_color)
    if picture.bits > codec.bits:
        rounded = to_eight_bits if codec.bits == 8 else _to_twelve_bits
        yield Loss(f"{title} holds {codec.bits} bits: the 16-bit samples are rounded", rounded)
    if codec.is_lossy(picture.origin):
        yield Loss(f"{title} is compressed with loss: samples change a little everywhere")
    if picture.alpha is not None and not codec.alpha:
        yield Loss(f"{title} holds no alpha: it is left out", lambda picture: replace(picture, alpha=None))
    for part, word in _WORDS.items():
        if getattr(contents, part) and part not in codec.holds:
            yield Loss(f"{title} holds no {word}: it is left out", _without(part))
    if picture.origin.has_film and "film" not in codec.holds:
        yield Loss(f"{title} holds no film: that of the motion photo is left out", _without_film)
    if contents.dpi and "dpi" not in codec.holds:
        yield Loss(f"{title} holds no resolution: the dots per inch are left out", _without("dpi"))


def in_srgb(picture: Picture) -> Picture:
    """The picture without a profile, of the same look, gray or RGB as it was."""
    profile, channels = picture.contents.icc, picture.samples.shape[2]
    if not profile:
        return picture
    image = icc.srgb_from_samples(picture.samples, profile)
    samples = icc.samples_from_srgb(image, None, channels=channels, bits=picture.bits)
    return replace(picture, samples=samples, contents=replace(picture.contents, icc=None))


def as_color(picture: Picture) -> Picture:
    """A gray picture as an RGB one of the same look and depth, without a profile."""
    gray = in_srgb(picture)
    return replace(gray, samples=np.repeat(gray.samples, 3, axis=2))


def _without(part: Part) -> Callable[[Picture], Picture]:
    """What takes one part of the contents away."""
    nothing: dict[str, Any] = {part: None}
    return lambda picture: replace(picture, contents=replace(picture.contents, **nothing))


def _without_film(picture: Picture) -> Picture:
    return replace(picture, contents=replace(picture.contents, xmp=without_pointers(picture.contents.xmp)))


def _through(table: np.ndarray, picture: Picture) -> Picture:
    alpha = None if picture.alpha is None else np.take(table, picture.alpha)
    return replace(picture, samples=np.take(table, picture.samples), alpha=alpha)


def to_eight_bits(picture: Picture) -> Picture:
    """uint16 -> uint8, rounded: 65,535 / 255 is 257."""
    return _through(((np.arange(65_536) + 128) // 257).astype(np.uint8), picture)


def _to_twelve_bits(picture: Picture) -> Picture:
    """uint16 rounded to 12 bits, which lie at the upper end: what HEIF's and AVIF's encoders keep of 16."""
    return _through(((np.arange(65_536) * 4095 + 32_767) // 65_535 << 4).astype(np.uint16), picture)
