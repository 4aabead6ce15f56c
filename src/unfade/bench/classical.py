"""A classical fill as a program of its own: `python -m unfade.bench.classical NAME IN MASK OUT`.

For measuring what it costs as a whole process, as a command of anyone's is measured.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from unfade.files import photo
from unfade.measures.baselines import choose
from unfade.measures.benches import Example, read_damage, read_image


def main(name: str, given: str, mask: str, out: str) -> None:
    """Fill one picture."""
    (method,) = choose("restoration", name).values()
    image = method(Example(Path(given).stem, read_image(Path(given)), damage=read_damage(Path(mask)))).image
    assert image is not None
    photo.write(photo.read(np.rint(image * 255).astype(np.uint8)), Path(out), overwrite=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
