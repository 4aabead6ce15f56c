"""A result as layers: the original at the bottom, each step's change above it, as an OpenRaster file (.ora).

Krita opens it, and GIMP with a plug-in. Hiding every layer but the lowest gives the original back, sample for
sample; showing all gives the result. A layer holds only the pixels that its step changed, and is transparent
elsewhere. So a retoucher can erase a repair, weaken the color, or go on above it. Samples keep their depth:
an OpenRaster layer is a PNG of 8 or 16 bits.

OpenRaster 0.0.6 (https://www.openraster.org): a zip file with `stack.xml`, the layers, the flattened picture
and a thumbnail.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from xml.sax.saxutils import quoteattr

import cv2
import numpy as np

from unfade.errors import UsageError
from unfade.files.photo import Metadata, Photo, encode_file
from unfade.work import Step, Work

THUMBNAIL_PX = 256


@dataclass(frozen=True)
class Layer:
    """One layer: its name, and its picture with alpha, transparent where the step changed nothing."""

    name: str
    picture: Photo


@dataclass
class Collected:
    """The layers of one run, gathered by giving `on_step` to `pipeline.run`.

    >>> original = Photo(np.full((2, 2, 3), 9, np.uint8))
    >>> [layer.name for layer in Collected(original).layers]
    ['original']
    """

    original: Photo
    layers: list[Layer] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._last = self.original
        self.layers.append(Layer("original", _bare(self.original, self.original.alpha)))

    @property
    def on_step(self) -> Callable[[Step, Work], None]:
        """Takes what a step made as a layer, if it changed any pixel."""

        def take(step: Step, work: Work) -> None:
            before, after = self._last.as_rgb(), work.photo.as_rgb()
            changed = (before.samples != after.samples).any(axis=2)
            if changed.any():
                alpha = np.where(changed, np.iinfo(after.samples.dtype).max, 0).astype(after.samples.dtype)
                self.layers.append(Layer(step.name, _bare(after, alpha)))
            self._last = work.photo

        return take

    @property
    def result(self) -> Photo:
        """What all layers show together."""
        return self._last


def _bare(picture: Photo, alpha: np.ndarray | None) -> Photo:
    """The samples with this alpha, and the profile that they are in; no metadata, which the flattened picture
    has."""
    return Photo(picture.samples, profile=picture.profile, alpha=alpha, dpi=picture.dpi, name=picture.name)


def open_raster(collected: Collected, *, metadata: Metadata | None = None) -> bytes:
    """The layers as the bytes of an OpenRaster file. `metadata`: of the flattened picture.

    A gray original that was colored has gray and color layers; their profile is each one's own. Raises
    `UsageError` for a run that changed the size.
    """
    base = collected.original
    for layer in collected.layers:
        if (layer.picture.height, layer.picture.width) != (base.height, base.width):
            raise UsageError(f"{base.name}: the layer {layer.name} is of another size; layers are of one")
    lines = [
        "<?xml version='1.0' encoding='UTF-8'?>",
        f'<image version="0.0.6" w="{base.width}" h="{base.height}"{_resolution(base)}>',
        '<stack name="Unfade">',
    ]
    flat = collected.result if metadata is None else collected.result.with_metadata(metadata)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:  # PNG is compressed already
        _add(archive, "mimetype", b"image/openraster")  # first and stored, so that the kind is told by content
        for number, layer in reversed(list(enumerate(collected.layers))):  # a stack is written from the top down
            source = f"data/layer{number}.png"
            lines.append(f'<layer name={quoteattr(layer.name)} src="{source}" x="0" y="0" opacity="1.0" visibility="visible"/>')
            _add(archive, source, encode_file(layer.picture, "png"))
        _add(archive, "stack.xml", ("\n".join([*lines, "</stack>", "</image>"]) + "\n").encode())
        _add(archive, "mergedimage.png", encode_file(flat, "png"))
        _add(archive, "Thumbnails/thumbnail.png", encode_file(_thumbnail(collected.result), "png"))
    return made.getvalue()


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    """Add a file without the time, so that the same layers are the same bytes."""
    archive.writestr(zipfile.ZipInfo(name), content)


def _resolution(picture: Photo) -> str:
    return "" if picture.dpi is None else f' xres="{round(picture.dpi[0])}" yres="{round(picture.dpi[1])}"'


def _thumbnail(picture: Photo) -> Photo:
    """At most 256 px, 8 bits, sRGB, as the format asks."""
    scale = min(1.0, THUMBNAIL_PX / max(picture.height, picture.width))
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    small = cv2.resize(picture.samples, size, interpolation=cv2.INTER_AREA).reshape(size[1], size[0], -1)
    shown = Photo(np.ascontiguousarray(small), profile=picture.profile).srgb()
    return Photo(np.round(shown * 255).astype(np.uint8))
