"""One file, one format: all that is known of it is in its `CODEC`. A new file here is read, written and
offered at every door.

A format is called as its file is, so that the names are known without importing a codec (which takes numpy):
`FORMATS.names()`.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from unfade.registry import Registry

if TYPE_CHECKING:
    from unfade.files.codec import Codec

FORMATS: Registry[Codec] = Registry("unfade.files.formats", "CODEC", "format")


@cache
def endings() -> frozenset[str]:
    """The endings of files that are read: `.jpg`, `.tif` and so on, in small letters."""
    return frozenset(ending for codec in FORMATS.values() for ending in codec.extensions)
