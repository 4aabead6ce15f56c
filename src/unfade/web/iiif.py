"""Tile pyramids as IIIF images, so that the viewers of archives (Mirador, OpenSeadragon) open them.

IIIF Image API 3.0 (https://iiif.io/api/image/3.0/), level 0: what `info.json` lists is there, and nothing is
made on request. The levels of a pyramid are Deep Zoom's, each half of the next, rounded up; IIIF's scale
factors give the same sizes.
"""

from __future__ import annotations

import re
from typing import Any

from unfade.tile_pyramid import TILE_PX, Index
from unfade.web.problems import not_found

CONTEXT = "http://iiif.io/api/image/3/context.json"
MEDIA_TYPE = 'application/ld+json;profile="http://iiif.io/api/image/3/context.json"'
_NUMBERS = re.compile(r"\d{1,7}(,\d{1,7})*")


def info(address: str, index: Index) -> dict[str, Any]:
    """The `info.json` of the pyramid that is served below `address`.

    `maxWidth` and `maxHeight` are those of the largest whole picture, which is what `full/max` gives.
    """
    sizes = sorted(set(index.sizes.values()) | {_level_size(index, index.min_level)})
    widest = max(index.sizes.values(), default=sizes[-1])
    return {
        "@context": CONTEXT,
        "id": address,
        "type": "ImageService3",
        "protocol": "http://iiif.io/api/image",
        "profile": "level0",
        "width": index.width,
        "height": index.height,
        "maxWidth": max(widest[0], min(TILE_PX, index.width)),
        "maxHeight": max(widest[1], min(TILE_PX, index.height)),
        "sizes": [{"width": width, "height": height} for width, height in sizes],
        "tiles": [{"width": TILE_PX, "scaleFactors": [2**power for power in range(index.max_level - index.min_level + 1)]}],
    }


def _level_size(index: Index, level: int) -> tuple[int, int]:
    factor = 2 ** (index.max_level - level)
    return -(-index.width // factor), -(-index.height // factor)


def part_of(index: Index, region: str, size: str, rotation: str, picture: str) -> str:
    """The name in the pyramid of what an IIIF address asks for: a tile, or a whole picture. Raises a 404 for
    what `info` does not list."""
    if rotation != "0" or picture != "default.jpg":
        raise not_found("picture")
    width, height = index.width, index.height
    if region in ("full", f"0,0,{width},{height}") and (whole := _whole(index, size)) is not None:
        return whole
    if not (_NUMBERS.fullmatch(region) and _NUMBERS.fullmatch(size)):
        raise not_found("tile")
    asked, wanted = [int(number) for number in region.split(",")], tuple(int(number) for number in size.split(","))
    if len(asked) != 4:
        raise not_found("tile")
    left, top, across, down = asked
    for level in range(index.min_level, index.max_level + 1):
        factor = 2 ** (index.max_level - level)
        span = TILE_PX * factor
        fits = left % span == 0 and top % span == 0 and (across, down) == (min(span, width - left), min(span, height - top))
        given = (-(-across // factor), -(-down // factor))
        if fits and wanted in (given, given[:1]):
            return f"{level}/{left // span}/{top // span}"
    raise not_found("tile")


def _whole(index: Index, size: str) -> str | None:
    """The whole picture of this size."""
    if size == "max":
        return max(index.sizes, key=lambda name: index.sizes[name])
    for name, (across, down) in index.sizes.items():
        if size in (f"{across},{down}", f"{across},"):
            return name
    across, down = _level_size(index, index.min_level)
    return f"{index.min_level}/0/0" if size in (f"{across},{down}", f"{across},") else None
