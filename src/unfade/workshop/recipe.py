"""A recipe is a page of numbers with reasons (TOML): typed, validated, unknown keys refused."""

from __future__ import annotations

import json
import tomllib
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from unfade.errors import RecipeError
from unfade.models.calibration import calibration_of


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Pix2PixGenerator(_Part):
    """Isola et al. 2017: see `networks.pix2pix`."""

    kind: Literal["pix2pix"]
    channels: int = Field(default=64, ge=4)
    depth: int = Field(default=8, ge=2, le=10, description="halvings; pictures must be a multiple of 2^depth")
    dropout: float = Field(default=0.5, ge=0, lt=1)


class LeanGenerator(_Part):
    """The economical U-Net: see `networks.lean`."""

    kind: Literal["lean"]
    channels: tuple[int, ...] = (32, 48, 64, 96, 128)
    blocks: tuple[int, ...] = (1, 1, 1, 2, 3)


class BackboneGenerator(_Part):
    """A U-Net on a backbone pre-trained for classification: see `networks.backbone_unet`."""

    kind: Literal["backbone"]
    backbone: Literal["resnet18", "efficientnet-lite0"]
    stages: int = Field(default=3, ge=3, le=4, description="ResNet-18: 3 = to stride 16, 4 = to stride 32")
    channels: tuple[int, ...] = (64, 96, 128, 256)
    fine_blocks: int = Field(default=0, ge=0, description="damage, fill, chroma: further residual blocks at half and at quarter size each")
    frozen_blocks: int = Field(
        default=0, ge=0, description="EfficientNet-Lite0: the first blocks that stay as pre-trained; 5 = to stride 8, 1.7 times as fast"
    )


class ToneGenerator(_Part):
    """A smooth transform read from a thumbnail, on EfficientNet-Lite0 to stride 16: see `networks.tone`."""

    kind: Literal["tone"]
    frozen_blocks: int = Field(default=0, ge=0, description="the backbone's first blocks that stay as pre-trained")


class UprightGenerator(_Part):
    """Logits of the quarter turns, read from a thumbnail: see `networks.upright`."""

    kind: Literal["upright"]
    frozen_blocks: int = Field(default=0, ge=0, description="the backbone's first blocks that stay as pre-trained")


class FacesGenerator(_Part):
    """Where faces are, on EfficientNet-Lite0's first blocks: see `networks.faces`."""

    kind: Literal["faces"]
    blocks: int = Field(default=7, ge=6, le=11, description="the backbone's first blocks that are kept, to stride 16")
    frozen_blocks: int = Field(default=0, ge=0, description="the backbone's first blocks that stay as pre-trained")


Generator = Annotated[
    Pix2PixGenerator | LeanGenerator | BackboneGenerator | ToneGenerator | UprightGenerator | FacesGenerator, Field(discriminator="kind")
]


class PatchSpec(_Part):
    """A patch discriminator: see `networks.patch`."""

    channels: tuple[int, ...] = (64, 128, 256, 512, 512, 512)
    norm: bool = True


class Wide(_Part):
    """A second size of squares, for what only shows from farther away.

    Every step sees a batch of these as well.
    """

    size_px: int = Field(ge=16, description="side of the squares")
    batch: int = Field(ge=1)
    large_share: float = Field(default=0.0, ge=0, le=1, description="as data.large_share, for these squares")


class Real(_Part):
    """Photographs with masks, given with --real, beside the sound ones that are aged: see `marked`."""

    share: float = Field(ge=0, le=1, description="share of samples that are windows of these photographs, as they are")
    transplant_share: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="share of samples that are sound pictures with damage of these laid over, before blur and grain",
    )
    damaged_share: float = Field(
        default=0.6, ge=0, le=1, description="of windows of damaged photographs, how many are chosen to hold damage"
    )
    sound_share: float = Field(
        default=0.4,
        ge=0,
        le=1,
        description="of the windows, how many are drawn from photographs whose mask is black; some of the others show no damage either",
    )
    hard_share: float = Field(default=0.6, ge=0, le=1, description="of windows of sound photographs with hard/, how many are taken there")
    scale_range: tuple[float, float] = Field(default=(0.55, 1.9), description="windows are reduced and enlarged by factors from this range")

    @model_validator(mode="after")
    def _shares_fit(self) -> Real:
        if self.share + self.transplant_share > 1:
            raise ValueError(f"share and transplant_share are {self.share + self.transplant_share:g} together; they must be at most 1")
        if not 0 < self.scale_range[0] <= self.scale_range[1]:
            raise ValueError(f"scale_range is {self.scale_range}; it needs two numbers above 0, the smaller first")
        return self


class Data(_Part):
    """How pictures become batches."""

    size_px: int = Field(ge=16, description="side of the squares the network sees")
    batch: int = Field(ge=1)
    smallest_scale: float = Field(
        default=1.0, gt=0, le=1, description="crops are reduced by a factor drawn from [this, 1] of the picture (log-uniform)"
    )
    large_share: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="share of samples from pictures of at least twice size_px: photographs at the camera's own scale",
    )
    largest_side_px: int = Field(default=1024, ge=16, description="larger pictures are reduced to this once, when cached")
    flip: bool = True
    workers: int = Field(default=1, ge=0, description="processes that decode, crop and age")
    wide: Wide | None = None
    real: Real | None = None

    def sizes(self) -> list[Data]:
        """What each batch of a step is drawn by: these numbers, and those of `wide` if there is one."""
        own = self.model_copy(update={"wide": None})
        return [own] if self.wide is None else [own, own.model_copy(update=self.wide.model_dump())]


class Optimiser(_Part):
    """Adam (Kingma and Ba 2015), its rate warmed up linearly and then let down along a half cosine."""

    rate: float = Field(gt=0)
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = Field(default=0.0, ge=0)
    warmup_steps: int = Field(default=100, ge=0)
    final_share: float = Field(default=0.02, ge=0, le=1, description="the rate at the end, as a share of the rate")
    backbone_share: float = Field(default=1.0, gt=0, le=1, description="the pre-trained part's rate, as a share of the rate")
    clip: float | None = Field(default=None, gt=0, description="largest norm of the gradient")


class Adversary(_Part):
    """The discriminator and its training."""

    network: PatchSpec = PatchSpec()
    rate: float = Field(default=2e-4, gt=0)
    betas: tuple[float, float] = (0.5, 0.999)
    loss: Literal["cross-entropy", "hinge"] = "cross-entropy"
    begins_at: float = Field(default=0.0, ge=0, lt=1, description="share of the training after which the adversarial stage begins")
    alone_steps: int = Field(default=0, ge=0, description="discriminator steps with the generator frozen, before it joins in")
    stop_accuracy: float | None = Field(
        default=None, gt=0.5, lt=1, description="stop once the discriminator's running accuracy falls below this"
    )


class Recipe(_Part):
    """One training run."""

    name: str
    task: str
    summary: str
    generator: Generator
    adversary: Adversary | None = None
    losses: dict[str, float] = Field(
        description="the weight of each of the task's losses; `adversarial` is the generator's share of the game"
    )
    data: Data
    optimiser: Optimiser
    options: dict[str, int | float | str | bool] = Field(default_factory=dict, description="the task's own settings, validated by the task")
    calibration: dict[str, Any] = Field(
        default_factory=dict, description="what a bench said of the trained model; it is written on the card, see models.calibration"
    )
    steps: int = Field(ge=1)
    ema: float = Field(default=0.999, ge=0, lt=1, description="decay of the averaged weights; 0 = none")
    seed: int = 1
    precision: Literal["bf16-mixed", "32-true"] = "bf16-mixed"
    checkpoint_minutes: float = Field(default=3.0, gt=0)
    sheet_steps: int = Field(default=500, ge=1)
    log_steps: int = Field(default=20, ge=1)

    @model_validator(mode="after")
    def _calibration_is_the_tasks(self) -> Recipe:
        calibration_of(self.task, self.calibration)
        return self

    @model_validator(mode="after")
    def _adversary_has_a_weight(self) -> Recipe:
        if (self.adversary is None) != ("adversarial" not in self.losses):
            raise ValueError("[adversary] and losses.adversarial go together; give both or neither")
        return self

    @model_validator(mode="after")
    def _adversary_sees_one_size(self) -> Recipe:
        if self.adversary and self.data.wide:
            raise ValueError("[adversary] judges squares of one size; take out [adversary] or [data.wide]")
        return self


def parse_recipe(text: str, name: str) -> Recipe:
    """Validate a recipe's TOML. Raises `RecipeError` naming the file, the key and what is wrong."""
    try:
        return Recipe.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{name} is not TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "recipe"
        what = "unknown key; remove it or see docs/reference/recipes.md" if first["type"] == "extra_forbidden" else first["msg"]
        raise RecipeError(f"{name}: {key}: {what}") from error


def recipe_toml(recipe: Recipe) -> str:
    """The recipe as text again; JSON's values are TOML's, key by key."""

    def table(values: dict[str, object], path: str) -> list[str]:
        plain = [f"{key} = {json.dumps(value)}" for key, value in values.items() if not isinstance(value, dict) and value is not None]
        lines = ([f"[{path}]"] if path else []) + plain
        for key, value in values.items():
            if isinstance(value, dict):
                lines += table(value, f"{path}.{key}" if path else key)
        return lines

    return "\n".join(table(recipe.model_dump(mode="json"), "")) + "\n"


def read_recipe(source: Path | str) -> Recipe:
    """A recipe from a file, or one that ships by its name ("fill", "paper-restoration")."""
    path = Path(source)
    if path.is_file():
        return parse_recipe(path.read_text(encoding="utf-8"), path.name)
    shipped = resources.files("unfade.workshop") / "recipes" / f"{path.name.removesuffix('.toml')}.toml"
    if shipped.is_file():
        return parse_recipe(shipped.read_text(encoding="utf-8"), shipped.name)
    names = sorted(
        entry.name.removesuffix(".toml")
        for entry in (resources.files("unfade.workshop") / "recipes").iterdir()
        if entry.name.endswith(".toml")
    )
    raise RecipeError(f"{source}: no such recipe; give a .toml file, or one that ships: {', '.join(names)}")
