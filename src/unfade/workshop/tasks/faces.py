"""Where the faces of a photograph are: learned from photographs whose faces are known.

`workshop.labeled` says how they are named.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import cv2
import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from unfade import ageing
from unfade.errors import RecipeError
from unfade.models.card import Port
from unfade.workshop.data import Pairs, Pictures, Sample
from unfade.workshop.labeled import read_faces
from unfade.workshop.networks.backbone_unet import packaged_lite0
from unfade.workshop.networks.faces import STRIDE_PX, FacesNetwork
from unfade.workshop.recipe import FacesGenerator, Recipe
from unfade.workshop.tasks import Batch, Exported, sheet_rows
from unfade.workshop.tasks._check import check_losses, check_no_adversary, generator_of, read_options, textures_in
from unfade.workshop.tasks._worn import worn

MULTIPLE = 16
SMALLEST_PX = 8.0
"""A face with a shorter side than this is neither taught nor held to be none."""
SEEN_SHARE = 0.4
"""Nor is one of which less than this share is on the sample."""
SPREAD = 0.14
"""The target falls off around a face's middle as a bell of this share of its sides."""
TILT_DEGREES = 35.0
"""A picture is turned by up to this: heads lean, and prints lie askew on the glass."""
ITS_OWN = 0.35
"""The sides are learned where the bell is above this."""


class Options(BaseModel):
    """The task's own settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    gray_share: float = Field(default=0.7, ge=0, le=1, description="share of the worn samples without color, a part of them toned")
    aged_share: float = Field(default=0.3, ge=0, le=1, description="share of samples that are aged in full, with scratches and stains")
    sound_share: float = Field(default=0.1, ge=0, le=1, description="share of samples that stay as they are; the rest is worn quickly")
    patchwork_share: float = Field(default=0.55, ge=0, le=1, description="share of samples that are four or nine pictures side by side")
    face_share: float = Field(default=0.7, ge=0, le=1, description="how often a cut-out is placed so that it holds a face, if there is one")
    zoom: float = Field(default=2.2, ge=1, description="the most that a picture is enlarged beyond what fills its place")
    tilted_share: float = Field(default=0.4, ge=0, le=1, description="share of pictures that are turned, by up to 35 degrees")
    textures: str = Field(default="", description="folder of real paper and stains to lay in; empty: none")


class FacesTask:
    """See the module. What is generated is (n, 5, h/8, w/8): the logit of a face, then its sides."""

    name: ClassVar[str] = "faces"
    losses: ClassVar[frozenset[str]] = frozenset({"heat", "sides"})
    judged_channels = 3
    pairs: Pairs = "none"
    zooms = False

    def __init__(self, recipe: Recipe) -> None:
        check_losses(recipe, self.losses)
        check_no_adversary(recipe, "it makes no picture")
        if recipe.data.size_px % MULTIPLE:
            raise RecipeError(f"{recipe.name}: data.size_px: the task faces needs a multiple of {MULTIPLE}, not {recipe.data.size_px}")
        self._spec, self._options = generator_of(recipe, FacesGenerator), read_options(recipe, Options)
        self._side, self._flip = recipe.data.size_px, recipe.data.flip
        self._ageing, self._textures = ageing.Ageing.preset("all"), textures_in(self._options.textures)
        self._pictures: Pictures | None = None
        self._known: list[np.ndarray] = []

    def prepare(self, pictures: Pictures) -> None:
        """Read where the faces are. Raises `DataError`."""
        self._pictures, self._known = pictures, read_faces(pictures.paths)

    def compose(self, number: int, rng: np.random.Generator) -> Sample:
        assert self._pictures is not None
        across = int(rng.choice((2, 2, 3))) if rng.random() < self._options.patchwork_share else 1
        edges = np.linspace(0, self._side, across + 1).round().astype(int)
        if across == 2:
            edges[1] += round(float(rng.uniform(-0.12, 0.12)) * self._side)
        canvas = np.zeros((self._side, self._side, 3), np.float32)
        boxes = []
        for place in range(across * across):
            row, column = divmod(place, across)
            top, bottom, left, right = edges[row], edges[row + 1], edges[column], edges[column + 1]
            chosen = number if place == 0 else int(rng.integers(len(self._pictures)))
            part, found = self._cut(self._pictures[chosen], self._known[chosen], int(bottom - top), int(right - left), rng)
            canvas[top:bottom, left:right] = part
            boxes.append(found + np.array([left, top, left, top, 0], np.float32))
        return _sample(self._worn(canvas, rng), np.concatenate(boxes))

    def sample(self, crop: np.ndarray, rng: np.random.Generator) -> Sample:
        """A crop of which no face is known."""
        picture = cv2.resize(crop, (self._side, self._side), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        return _sample(self._worn(picture, rng), np.zeros((0, 5), np.float32))

    def build(self) -> nn.Module:
        return FacesNetwork(packaged_lite0(self._spec.frozen_blocks), self._spec.blocks)

    def generate(self, generator: nn.Module, batch: Batch) -> Tensor:
        return torch.cat(generator(batch["picture"]), dim=1)

    def score(self, generated: Tensor, batch: Batch) -> dict[str, Tensor]:
        return {"heat": heat_loss(generated[:, :1], batch["heat"], batch["sure"]), "sides": sides_loss(generated[:, 1:], batch)}

    def judged(self, generated: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        return batch["picture"], batch["picture"]

    def sheet(self, generated: Tensor, batch: Batch) -> list[list[np.ndarray]]:
        """The picture, where the network sees middles of faces, and where they are."""
        seen, known = (
            nn.functional.interpolate(heat.float(), scale_factor=STRIDE_PX) for heat in (torch.sigmoid(generated[:, :1]), batch["heat"])
        )
        return sheet_rows(12, batch["picture"], seen, known)

    def exported(self, generator: nn.Module) -> Exported:
        def example(height: int, width: int) -> tuple[Tensor, ...]:
            chance = torch.Generator().manual_seed(height * width)
            return (torch.rand(1, 3, height, width, generator=chance),)

        return Exported(
            _Shipped(generator),
            (Port(name="picture", axes="n 3 h w", meaning="the whole photograph, reduced by area, sRGB in [0, 1]"),),
            (
                Port(name="heat", axes=f"n 1 h/{STRIDE_PX} w/{STRIDE_PX}", meaning="probability that a face has its middle in this cell"),
                Port(
                    name="sides",
                    axes=f"n 4 h/{STRIDE_PX} w/{STRIDE_PX}",
                    meaning="how far its left, top, right and bottom are from the cell's middle: logarithms of cells",
                ),
            ),
            example,
            multiple=MULTIPLE,
            tile_px=640,
            overlap_px=0,
            limits=("taught on upright faces: a photograph that lies on its side is to be turned first",),
        )

    def _worn(self, picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The picture as an old print: aged in full, quickly, or not at all, by the options' shares."""
        chance = rng.random()
        if chance < self._options.aged_share:
            return self._ageing(picture, rng, textures=self._textures).image
        if chance < self._options.aged_share + self._options.sound_share:
            return picture
        return worn(picture, rng, gray_share=self._options.gray_share)

    def _cut(
        self, picture: np.ndarray, known: np.ndarray, height: int, width: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """A part of a picture that fills (height, width), and the faces in it, (n, 5) in its pixels."""
        tall, wide = picture.shape[:2]
        fills = max(height / tall, width / wide)
        scale = fills * float(np.exp(rng.uniform(0, np.log(self._options.zoom))))
        high, broad = min(height / scale, tall), min(width / scale, wide)
        top, left = float(rng.uniform(0, tall - high)), float(rng.uniform(0, wide - broad))
        boxes = known * np.array([wide, tall, wide, tall, 1], np.float32)
        if len(boxes) and rng.random() < self._options.face_share:
            box = boxes[int(rng.integers(len(boxes)))]
            left = float(np.clip((box[0] + box[2]) / 2 - broad * rng.uniform(0.2, 0.8), 0, wide - broad))
            top = float(np.clip((box[1] + box[3]) / 2 - high * rng.uniform(0.2, 0.8), 0, tall - high))
        rows, columns = slice(int(top), max(int(top) + 1, int(top + high))), slice(int(left), max(int(left) + 1, int(left + broad)))
        cut = np.ascontiguousarray(picture[rows, columns])
        method = cv2.INTER_AREA if cut.shape[0] >= height else cv2.INTER_LINEAR
        part = cv2.resize(cut, (width, height), interpolation=method).astype(np.float32) / 255
        factors = np.array([width / cut.shape[1], height / cut.shape[0]] * 2 + [1], np.float32)
        boxes = (boxes - np.array([columns.start, rows.start] * 2 + [0], np.float32)) * factors
        if self._flip and rng.random() < 0.5:
            part = np.ascontiguousarray(part[:, ::-1])
            boxes[:, [0, 2]] = width - boxes[:, [2, 0]]
        if rng.random() < self._options.tilted_share:
            part, boxes = tilted(part, boxes, float(rng.uniform(-TILT_DEGREES, TILT_DEGREES)))
        return part, clipped(boxes, height, width)


def clipped(boxes: np.ndarray, height: int, width: int) -> np.ndarray:
    """Boxes (n, 5) cut to the picture's edges.

    Those outside are left out; small ones, and those of which little is left, are no longer sure.
    """
    inside = boxes.copy()
    inside[:, [0, 2]] = inside[:, [0, 2]].clip(0, width)
    inside[:, [1, 3]] = inside[:, [1, 3]].clip(0, height)
    sides, whole = inside[:, 2:4] - inside[:, :2], boxes[:, 2:4] - boxes[:, :2]
    area = sides.prod(axis=1)
    shown = area / np.maximum(whole.prod(axis=1), 1e-6)
    inside[:, 4] *= (shown >= SEEN_SHARE) & (sides.min(axis=1, initial=np.inf) >= SMALLEST_PX)
    return np.asarray(inside[(sides > 0.5).all(axis=1)])


def tilted(part: np.ndarray, boxes: np.ndarray, degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """The part turned about its middle, enlarged until no corner is empty, and its boxes (n, 5) with it.

    A face is an ellipse: its new box is around the turned one.
    """
    height, width = part.shape[:2]
    turn = np.deg2rad(abs(degrees))
    scale = float(np.cos(turn) + np.sin(turn) * max(width / height, height / width))
    moves = cv2.getRotationMatrix2D((width / 2 - 0.5, height / 2 - 0.5), degrees, scale)
    turned = cv2.warpAffine(part, moves, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    half = (boxes[:, 2:4] - boxes[:, :2]) / 2
    middles = (boxes[:, :2] + half - 0.5) @ moves[:, :2].T + moves[:, 2] + 0.5
    reach = np.sqrt(half**2 @ (moves[:, :2].T ** 2))
    return turned, np.concatenate([middles - reach, middles + reach, boxes[:, 4:]], axis=1).astype(np.float32)


def _sample(picture: np.ndarray, boxes: np.ndarray) -> Sample:
    height, width = picture.shape[0] // STRIDE_PX, picture.shape[1] // STRIDE_PX
    down, across = np.mgrid[0:height, 0:width].astype(np.float32) + 0.5
    heat, sure = np.zeros((height, width), np.float32), np.ones((height, width), np.float32)
    sides, nearness = np.zeros((4, height, width), np.float32), np.zeros((height, width), np.float32)
    for left, top, right, bottom, is_sure in (boxes / np.array([STRIDE_PX] * 4 + [1], np.float32)).tolist():
        if not is_sure:
            sure[(across > left - 0.5) & (across < right + 0.5) & (down > top - 0.5) & (down < bottom + 0.5)] = 0
            continue
        row, column = min(int((top + bottom) / 2), height - 1), min(int((left + right) / 2), width - 1)
        spread = max(SPREAD * (right - left), 0.5), max(SPREAD * (bottom - top), 0.5)
        bell = np.exp(-(((across - column - 0.5) / spread[0]) ** 2 + ((down - row - 0.5) / spread[1]) ** 2) / 2)
        mine = (bell > ITS_OWN) & (bell > nearness)
        nearness[mine] = bell[mine]
        sides[:, mine] = np.stack([across - left, down - top, right - across, bottom - down])[:, mine]
        heat = np.maximum(heat, bell)
    sure[heat > ITS_OWN] = 1
    return {
        "picture": np.ascontiguousarray(picture.transpose(2, 0, 1), np.float32),
        "heat": heat[None],
        "sure": sure[None],
        "sides": np.maximum(sides, 0.1),
        "nearness": nearness[None],
    }


def heat_loss(logit: Tensor, heat: Tensor, sure: Tensor) -> Tensor:
    """The focal loss of Law and Deng 2018 ("CornerNet", eq. 1), a face.

    A cell counts less the nearer it is to a middle. Where it is not sure, nothing counts.
    """
    chance = torch.sigmoid(logit)
    middle = (heat >= 1).float()
    found = -((1 - chance) ** 2) * nn.functional.logsigmoid(logit) * middle
    other = -((1 - heat) ** 4) * chance**2 * nn.functional.logsigmoid(-logit) * (1 - middle)
    return ((found + other) * sure).sum() / middle.sum().clamp(min=1)


def sides_loss(logarithms: Tensor, batch: Batch) -> Tensor:
    """How much of the two boxes together is not common to both, around the middles of faces."""
    told, known, nearness = torch.exp(logarithms.clamp(-3, 5)), batch["sides"], batch["nearness"]
    common = torch.minimum(told, known)
    both = (common[:, :1] + common[:, 2:3]) * (common[:, 1:2] + common[:, 3:4])
    own = (told[:, :1] + told[:, 2:3]) * (told[:, 1:2] + told[:, 3:4]) + (known[:, :1] + known[:, 2:3]) * (known[:, 1:2] + known[:, 3:4])
    return ((1 - both / (own - both).clamp(min=1e-6)) * nearness).sum() / nearness.sum().clamp(min=1)


class _Shipped(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        logit, sides = self.network(picture)
        return torch.sigmoid(logit), sides


TASK: Callable[[Recipe], FacesTask] = FacesTask
