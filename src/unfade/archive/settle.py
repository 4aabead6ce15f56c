"""Files are moved to where the manifest wants them: a refused result out of the delivery, an accepted one
into it."""

from __future__ import annotations

from unfade.archive.manifest import Manifest
from unfade.archive.orders import names_of
from unfade.archive.places import Destination


def settle(manifest: Manifest, destination: Destination) -> int:
    """Move every result that is not where it is to be; gives how many. Killed in the middle, it goes on the
    next time: what was moved is left. Raises `UnwritableError`."""
    unsettled = manifest.unsettled()
    for number, base, ending, place, wanted in unsettled:
        for name, to in zip(names_of(base, ending, place).moved, names_of(base, ending, wanted).moved, strict=True):
            destination.move(name, to)
        manifest.settled(number, wanted)
    return len(unsettled)
