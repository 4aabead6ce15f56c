"""A result as layers: the original at the bottom, each step's change above it.

`photoshop` writes .psd, which Photoshop, GIMP, Krita and Affinity open; `open_raster` writes .ora, which
Krita opens, and GIMP with a plug-in. Hiding every layer but the lowest gives the original back, sample for
sample; showing all gives the result. A layer holds only the pixels that its step changed, and is transparent
elsewhere. So a retoucher can erase a repair, weaken the color, or go on above it. Samples keep their depth,
8 or 16 bits.
"""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from xml.sax.saxutils import quoteattr

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
            if step.prepares and work.opening is not None:  # it changes nothing, and shows the photograph in its frame
                self.original = self._last = work.photo
                self.layers[0] = Layer("original", _bare(work.photo, work.photo.alpha))
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

    OpenRaster 0.0.6 (https://www.openraster.org): a zip file with `stack.xml`, the layers, the flattened
    picture and a thumbnail. A gray original that was colored has gray and color layers; their profile is each
    one's own. Raises `UsageError` for a run that changed the size.
    """
    base = collected.original
    _check_size(collected)
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


def _check_size(collected: Collected) -> None:
    base = collected.original
    for layer in collected.layers:
        if (layer.picture.height, layer.picture.width) != (base.height, base.width):
            raise UsageError(f"{base.name}: the layer {layer.name} is of another size; layers are of one")


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    """Add a file without the time, so that the same layers are the same bytes."""
    archive.writestr(zipfile.ZipInfo(name), content)


def _resolution(picture: Photo) -> str:
    return "" if picture.dpi is None else f' xres="{round(picture.dpi[0])}" yres="{round(picture.dpi[1])}"'


def _thumbnail(picture: Photo) -> Photo:
    """At most 256 px, 8 bits, sRGB, as the format asks."""
    return Photo(np.round(picture.reduced(THUMBNAIL_PX).srgb() * 255).astype(np.uint8))


# --- Photoshop ------------------------------------------------------------------------------------------

PSD_SIDE_MAX = 30_000
PSD_BYTES_MAX = 1 << 31
_RGB, _GRAY = 3, 1
_ALPHA = -1
_RESOLUTION, _PROFILE = 1005, 1039  # image resources


def photoshop(collected: Collected) -> bytes:
    """The layers as the bytes of a Photoshop file, each cut to the box of what it changed.

    A Photoshop file has one mode and one profile: where color was put into a gray original, all layers are
    RGB, and a gray original with a profile of its own is converted (`Photo.as_rgb`). Samples are not
    compressed, which every program reads. Raises `UsageError` above 30,000 pixels a side or 2 GiB, and for a
    run that changed the size. Source: Adobe Photoshop File Formats Specification, 2019.
    """
    _check_size(collected)
    base = collected.original
    if max(base.height, base.width) > PSD_SIDE_MAX:
        size = f"{base.width} x {base.height} pixels"
        raise UsageError(f"{base.name} is {size}; a Photoshop file holds {PSD_SIDE_MAX:,} a side. Write the layers as ora")
    is_color = any(layer.picture.channels == 3 for layer in collected.layers)
    pictures = [layer.picture.as_rgb() if is_color else layer.picture for layer in collected.layers]
    result = collected.result.as_rgb() if is_color else collected.result
    records, planes = b"", b""
    for layer, picture in zip(collected.layers, pictures, strict=True):
        record, samples = _psd_layer(layer.name, picture)
        records += record
        planes += samples
    told = struct.pack(">h", len(pictures)) + records + planes
    told += b"\0" * (len(told) % 2)
    if base.bits == 8:
        layers = struct.pack(">I", len(told)) + told + struct.pack(">I", 0)  # then no global mask
    else:  # of 16 bits, layers lie in a block of their own, and their place is empty
        told += b"\0" * (-len(told) % 4)
        layers = struct.pack(">II", 0, 0) + b"8BIMLr16" + struct.pack(">I", len(told)) + told
    header = struct.pack(">4sH6xHIIHH", b"8BPS", 1, result.channels, base.height, base.width, base.bits, _RGB if is_color else _GRAY)
    resources = _psd_resources(result)
    flat = struct.pack(">H", 0) + b"".join(_big_endian(result.samples[:, :, channel]) for channel in range(result.channels))
    made = b"".join(
        [header, struct.pack(">I", 0), struct.pack(">I", len(resources)), resources, struct.pack(">I", len(layers)), layers, flat]
    )
    if len(made) >= PSD_BYTES_MAX:
        raise UsageError(f"{base.name}: its layers come to {len(made):,} bytes; a Photoshop file holds 2 GiB. Write the layers as ora")
    return made


def _psd_layer(name: str, picture: Photo) -> tuple[bytes, bytes]:
    """A layer's record and its channels' samples: cut to the box in which it is not transparent."""
    rows, columns = slice(0, picture.height), slice(0, picture.width)
    if picture.alpha is not None and picture.alpha.any():
        down, across = np.flatnonzero(picture.alpha.any(axis=1)), np.flatnonzero(picture.alpha.any(axis=0))
        rows, columns = slice(int(down[0]), int(down[-1]) + 1), slice(int(across[0]), int(across[-1]) + 1)
    channels = {index: picture.samples[rows, columns, index] for index in range(picture.channels)}
    if picture.alpha is not None:
        channels[_ALPHA] = picture.alpha[rows, columns]
    samples = {index: struct.pack(">H", 0) + _big_endian(plane) for index, plane in channels.items()}
    called = name.encode("ascii", "replace")[:255]
    pascal = bytes([len(called)]) + called
    pascal += b"\0" * (-len(pascal) % 4)
    extra = struct.pack(">II", 0, 0) + pascal  # no mask, no blending ranges
    record = struct.pack(">4iH", rows.start, columns.start, rows.stop, columns.stop, len(channels))
    record += b"".join(struct.pack(">hI", index, len(data)) for index, data in samples.items())
    record += b"8BIMnorm" + struct.pack(">BBBxI", 255, 0, 8, len(extra)) + extra
    return record, b"".join(samples.values())


def _psd_resources(picture: Photo) -> bytes:
    found = {}
    if picture.dpi is not None:
        across, down = (round(value * 65536) for value in picture.dpi)
        found[_RESOLUTION] = struct.pack(">IHHIHH", across, 1, 1, down, 1, 1)
    if picture.profile is not None:
        found[_PROFILE] = picture.profile
    return b"".join(b"8BIM" + struct.pack(">HHI", number, 0, len(data)) + data + b"\0" * (len(data) % 2) for number, data in found.items())


def _big_endian(plane: np.ndarray) -> bytes:
    return np.ascontiguousarray(plane, plane.dtype.newbyteorder(">")).tobytes()
