"""What a caller from Python gives, where only some kinds of things will do."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

import numpy as np

from unfade.errors import UsageError


def path_of(given: object, what: str) -> Path:
    """A path as it was given. Raises `UsageError` for what is none."""
    if not isinstance(given, str | PathLike):
        kind = f"{type(given).__module__}.{type(given).__name__}".removeprefix("builtins.")
        raise UsageError(
            f"{kind} is no photograph {what}: give a path, a file's bytes, or an array (numpy.asarray makes one of a PIL image)"
        )
    text = str(given)
    if not text or "\0" in text:
        raise UsageError(
            f"the name of the photograph {what} is {'empty' if not text else f'{text!r}, with a zero byte in it'}; give its path"
        )
    return Path(given)


def check_whole(**given: object) -> None:
    """Refuse what is no whole number, nor None: `UsageError`."""
    for name, value in given.items():
        if value is not None and not isinstance(value, int | np.integer):
            raise UsageError(f"{name} is {value!r}; give a whole number")


def check_photo(given: object, kind: type) -> None:
    """Refuse what is no photograph that can be written, which is of this `kind`: `UsageError`."""
    if not isinstance(given, kind):
        name = type(given).__name__
        raise UsageError(f"{name} is no Photo to write; give result.photo of a Result, or make one of an array with unfade.read(array)")
