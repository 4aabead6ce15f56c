"""What a kind of damage is, what it plans and what the plan does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol, TypeAlias

import numpy as np

from unfade.ageing._chance import Shape
from unfade.ageing.textures import Textures
from unfade.arrays import Image, Mask
from unfade.errors import UsageError

Role: TypeAlias = Literal["target", "lost", "veil", "tone", "detail"]
"""target: changes what there is to restore (a black-and-white photograph).
lost: covers pixels; structured, with an exact mask.
veil: shows through; structured, its mask says stained.
tone: over the whole picture, smooth: light, contrast and color.
detail: over the whole picture, fine: blur, grain and what a copy leaves.
"""
STRUCTURED: frozenset[Role] = frozenset(("lost", "veil"))
"""The roles of damage that is in places, with an exact mask."""


@dataclass(frozen=True, eq=False)
class Effect:
    """What a plan made of a picture: the new picture, and masks if the damage is structured.

    `lost`: covered pixels. `stained`: pixels that are only veiled.
    """

    image: Image
    lost: Mask | None = None
    stained: Mask | None = None


class Plan(Protocol):
    """Damage with all chance taken out of it: plain numbers and small arrays for a picture of one shape."""

    def apply(self, image: Image) -> Effect:
        """Damage a copy of `image` (h, w, 3) float32 in [0, 1].

        The same plan on the same picture gives the same bits.

        Outside `lost` and `stained` a structured plan gives the samples back bit for bit. Raises `UsageError`
        for another shape.
        """
        ...


class Kind(Protocol):
    """A kind of damage: its documented ranges, and the drawing of one plan from them."""

    role: ClassVar[Role]

    def draw(self, rng: np.random.Generator, shape: Shape, textures: Textures | None = None, *, amount: float = 1.0) -> Plan:
        """Plan damage for a picture of `shape` (h, w). `amount` multiplies number and strength.

        All chance is here: the plan has none.
        """
        ...


def check_shape(image: Image, shape: Shape) -> None:
    """Raise `UsageError` unless the picture has the plan's shape."""
    if image.shape[:2] != shape:
        raise UsageError(
            f"the damage was planned for {shape[1]}x{shape[0]} pixels, the picture has {image.shape[1]}x{image.shape[0]}; "
            "draw a plan for its shape"
        )
