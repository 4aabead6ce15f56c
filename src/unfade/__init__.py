"""Unfade restores and colors old photographs.

    import unfade
    result = unfade.restore("grandmother.jpg", colorize=True)
    unfade.write(result.photo, "grandmother.restored.jpg")

These names are public; what they need is imported when one is first used, so that `import unfade` costs
nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unfade.errors import PhotoError, UnfadeError
    from unfade.files.photo import Photo, read, write
    from unfade.frame.prints import find_prints
    from unfade.models.session import Sessions
    from unfade.pipeline import Result, colorize, find_damage, find_faces, restore
    from unfade.steps.colorize import Hint

    __version__: str

__all__ = [
    "Hint",
    "Photo",
    "PhotoError",
    "Result",
    "Sessions",
    "UnfadeError",
    "__version__",
    "colorize",
    "find_damage",
    "find_faces",
    "find_prints",
    "read",
    "restore",
    "write",
]

_HOMES = {
    "Hint": "unfade.steps.colorize",
    "Photo": "unfade.files.photo",
    "PhotoError": "unfade.errors",
    "Result": "unfade.pipeline",
    "Sessions": "unfade.models.session",
    "UnfadeError": "unfade.errors",
    "colorize": "unfade.pipeline",
    "find_damage": "unfade.pipeline",
    "find_faces": "unfade.pipeline",
    "find_prints": "unfade.frame.prints",
    "read": "unfade.files.photo",
    "restore": "unfade.pipeline",
    "write": "unfade.files.photo",
}


def __getattr__(name: str) -> Any:
    """Import a public name's module when the name is first asked for."""
    if name == "__version__":
        return import_module("importlib.metadata").version("unfade")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'unfade' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
