"""The tracks of the benchmark: what each asks of an entry, and how its pictures are made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np

from unfade import ageing
from unfade.ageing import Ageing
from unfade.arrays import Image
from unfade.measures.benches import gray
from unfade.measures.measure import EITHER, LOST, Task

Made = Mapping[str, np.ndarray]
"""One photograph's pictures in one track, by folder: (h, w, 3) float32 in [0, 1], or masks (h, w) uint8."""


@dataclass(frozen=True)
class Track:
    """One track.

    `asks`: what an entry is given and what it must give, for readers. `ranks_by`: the first of these that was
    measured orders the entries. `make`: a sound photograph becomes the track's pictures. `mask`: whether a
    restoration is told what was lost.
    """

    name: str
    label: str
    task: Task
    asks: str
    ranks_by: tuple[str, ...]
    make: Callable[[Image, np.random.Generator], Made]
    mask: Literal["given", "found"] | None = None


def _damage(image: Image, rng: np.random.Generator) -> Made:
    aged = Ageing.preset("all")(image, rng)
    mask = np.where(aged.mask, LOST, np.where(aged.stained, EITHER, 0)).astype(np.uint8)
    kinds = {f"kinds/{name}": np.where(layer, LOST, 0).astype(np.uint8) for name, layer in aged.layers.items()}
    return {"damaged": aged.image, "mask": mask} | kinds


def _fill(image: Image, rng: np.random.Generator) -> Made:
    damaged, mask = ageing.damage_only(image, rng)
    return _pairs(image, damaged, mask)


def _twins(image: Image, rng: np.random.Generator) -> Made:
    mask = ageing.masks(rng, (image.shape[0], image.shape[1]))
    return _pairs(image, np.where(mask[:, :, None], np.float32(1), image), mask)


def _tone(image: Image, rng: np.random.Generator) -> Made:
    aged = Ageing.preset("clean")(image, rng)
    return _pairs(aged.clean, aged.image, np.zeros(image.shape[:2], bool))


def _halftone(image: Image, rng: np.random.Generator) -> Made:
    scan, photograph = ageing.halftone_print(image, rng)
    return _pairs(photograph, scan, np.zeros(image.shape[:2], bool))


def _pairs(clean: Image, damaged: Image, mask: np.ndarray) -> Made:
    return {"clean": clean, "damaged": damaged, "mask": np.where(mask, LOST, 0).astype(np.uint8)}


TRACKS: Mapping[str, Track] = MappingProxyType(
    {
        track.name: track
        for track in (
            Track(
                "damage",
                "Damage found",
                "damage",
                "An aged photograph is given; a mask of what is lost is asked for, white = lost.",
                ("mask-f1",),
                _damage,
            ),
            Track(
                "harm",
                "Harm to sound photographs",
                "harm",
                "A sound photograph is given; it should come back as it is.",
                ("ssim",),
                lambda image, rng: {"": image},
            ),
            Track(
                "fill",
                "Holes filled",
                "restoration",
                "A photograph with opaque damage and its mask are given; the whole photograph is asked for.",
                ("psnr-in-mask",),
                _fill,
                "given",
            ),
            Track(
                "tone",
                "Tone and detail",
                "restoration",
                "A photograph that faded, toned, blurred or grew grainy is given, with nothing lost; as it was is asked for.",
                ("psnr",),
                _tone,
                "found",
            ),
            Track(
                "color",
                "Color",
                "colorization",
                "A gray photograph is given; a colored one is asked for.",
                ("feature-distance", "ciede2000"),
                lambda image, rng: {"truth": image, "gray": gray(image)},
            ),
            Track(
                "twins",
                "Masked twins, as the paper has them",
                "restoration",
                "A photograph with white holes and scratches is given, without its mask; the whole photograph is asked for. "
                "Classical fills are told what was lost.",
                ("psnr-in-mask",),
                _twins,
                "found",
            ),
            Track(
                "halftone",
                "Halftone prints to photographs",
                "restoration",
                "The scan of a photograph printed in dots is given, in black or in four inks; the photograph is asked for.",
                ("feature-distance", "psnr"),
                _halftone,
                "found",
            ),
        )
    }
)

DEFAULT = ("damage", "harm", "fill", "tone", "color")
