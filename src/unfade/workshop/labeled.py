"""Photographs whose faces are known: a `faces.json` beside them names the boxes.

    {"aunt-may.jpg": {"faces": [[0.41, 0.2, 0.55, 0.44]], "unsure": []}, "garden.jpg": {"faces": []}}

A box is left, top, right, bottom, as shares of the photograph's width and height; `unsure` are places where
either answer is right. A photograph that the file does not name holds no face; nor do those of a folder
without the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, RootModel, ValidationError

from unfade.errors import DataError

FILE = "faces.json"
Box = tuple[float, float, float, float]


class _Named(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    faces: tuple[Box, ...] = ()
    unsure: tuple[Box, ...] = ()


class _Labels(RootModel[dict[str, _Named]]):
    """What a `faces.json` holds."""


def read_faces(paths: Sequence[Path]) -> list[np.ndarray]:
    """The faces of each photograph, (n, 5): left, top, right, bottom as shares of its sides, and 1 if it is
    sure.

    Raises `DataError` for a `faces.json` that does not hold this.
    """
    folders: dict[Path, dict[str, _Named]] = {}
    found = []
    for path in paths:
        if path.parent not in folders:
            folders[path.parent] = _read(path.parent / FILE)
        named = folders[path.parent].get(path.name, _Named())
        rows = [(*box, 1.0) for box in named.faces] + [(*box, 0.0) for box in named.unsure]
        found.append(np.array(rows, np.float32).reshape(-1, 5))
    return found


def _read(file: Path) -> dict[str, _Named]:
    if not file.is_file():
        return {}
    try:
        labels = _Labels.model_validate_json(file.read_bytes()).root
    except ValidationError as error:
        first = error.errors()[0]
        where = ": ".join(map(str, first["loc"]))
        raise DataError(f"{file}: {where}: {first['msg']}; a face is [left, top, right, bottom] in shares of the sides") from error
    for name, named in labels.items():
        for box in (*named.faces, *named.unsure):
            if not (0 <= box[0] < box[2] <= 1 and 0 <= box[1] < box[3] <= 1):
                raise DataError(f"{file}: {name}: a face is [left, top, right, bottom] in shares of the sides, not {list(box)}")
    return labels
