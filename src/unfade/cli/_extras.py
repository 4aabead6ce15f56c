"""Optional parts of Unfade, and the line to type where one is missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from unfade.errors import MissingExtraError


@contextmanager
def needs(extra: str) -> Iterator[None]:
    """Import what an extra brings within this block: a missing package raises `MissingExtraError` with the
    pip line.

    A module of Unfade itself that is missing is a mistake of ours, and passes as it is.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] == "unfade":
            raise
        raise MissingExtraError(
            f"this needs {error.name}, which is not installed: pip install 'unfade[{extra}]', or in the folder of its source "
            f"pip install '.[{extra}]'"
        ) from error
