"""Modules that are run as `python -m unfade.workshop.NAME` say what is wrong as the commands do: in one
sentence, with an exit status."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from unfade.errors import UnfadeError, UsageError, needs


@contextmanager
def door(name: str) -> Iterator[None]:
    """Import what the extra train brings, or run, within this block.

    `name` is the module's `__name__`. If it was run itself, what Unfade raises on purpose ends the process:
    1 = failed, 2 = asked wrong. Imported, it passes. A missing package raises `MissingExtraError`.
    """
    try:
        with needs("train"):
            yield
    except UnfadeError as error:
        if name != "__main__":
            raise
        sys.stderr.write(f"unfade: {error}\n")
        raise SystemExit(2 if isinstance(error, UsageError) else 1) from None
