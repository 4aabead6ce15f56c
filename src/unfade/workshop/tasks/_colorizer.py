"""What every colorizer shares: its sample sheet, and the form in which it ships for the step `colorize`."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from unfade import color
from unfade.models.card import Port
from unfade.workshop.tasks import Exported, pictures_of

HINT_LEAST_PX = 1.5  # a smaller disc is hardly seen at a quarter of the size, where colors are decided


def sheet_row(lightness: Tensor, *chromas: Tensor) -> list[np.ndarray]:
    """A row of a sample sheet: the gray picture, then colored by each of the `chromas`.

    `lightness` (1, 1, h, w) in [0, 1]; each chroma (1, 2, any size), CIE units.
    """
    plane = lightness[0, 0].float().cpu().numpy() * color.LIGHTNESS_MAX
    row = [pictures_of(lightness.float(), 1)[0]]
    for chroma in chromas:
        full = functional.interpolate(chroma.detach().float(), size=plane.shape, mode="bilinear")[0].permute(1, 2, 0).cpu().numpy()
        row.append(color.srgb_from_lab(np.dstack([plane, full])))
    return row


def shown(lightness: Tensor, chroma: Tensor) -> Tensor:
    """Lightness and chroma as an sRGB picture (n, 3, h, w) in [0, 1].

    `lightness` (n, 1, h, w) in [0, 1]; `chroma` (n, 2, any size), CIE units.

    Gradients pass where the color lies in the gamut.
    """
    chroma = functional.interpolate(chroma.float(), size=lightness.shape[-2:], mode="bilinear")
    middle = (lightness.float() * color.LIGHTNESS_MAX + 16) / 116
    response = torch.cat([middle + chroma[:, :1] / 500, middle, middle - chroma[:, 1:] / 200], dim=1)
    cubes = response.clamp(min=color.LAB_KNEE) ** 3
    ratios = torch.where(response > color.LAB_KNEE, cubes, (response - color.LAB_TOE) / color.LAB_SLOPE)
    to_rgb = torch.from_numpy(color.RGB_FROM_XYZ.astype(np.float32)).to(ratios.device)
    linear = functional.conv2d(ratios, to_rgb[:, :, None, None]).clamp(0, 1)
    powers = color.SRGB_FACTOR * linear.clamp(min=color.SRGB_KNEE) ** color.SRGB_EXPONENT - color.SRGB_OFFSET
    return torch.where(linear <= color.SRGB_KNEE, linear * color.SRGB_SLOPE, powers)


def exported_colorizer(
    module: nn.Module,
    *,
    multiple: int,
    working_px: int,
    hints: str,
    temperature: str,
    confidence: str,
    limits: tuple[str, ...],
    choices: int | None = None,
    temperatures: tuple[float, float, float] | None = None,
) -> Exported:
    """The form in which a colorizer ships.

    `module` takes lightness (1, 1, h, w) in [0, 1], hints (1, 3, h, w) and a temperature (1,). It gives
    chroma (1, 2, h/4, w/4) in CIE units and confidence (1, 1, h/4, w/4). `hints`, `temperature` and
    `confidence` say what these mean to it. `choices`: the number of colors of which it gives the logits
    (1, choices, h/4, w/4), and the colors (choices, 2) in CIE units after those; none: it gives none.
    """
    distribution = (
        Port(name="logits", axes=f"n {choices} h/4 w/4", meaning="of each color, over which softmax is a distribution"),
        Port(name="colors", axes=f"{choices} 2", meaning="a* and b* of each color, CIE units"),
    )

    def example(height: int, width: int) -> tuple[Tensor, ...]:
        chance = torch.Generator().manual_seed(0)
        hinted = torch.zeros(1, 3, height, width)
        hinted[:, :, :3, :3] = torch.tensor([0.2, -0.1, 1.0]).view(1, 3, 1, 1)
        return torch.rand(1, 1, height, width, generator=chance), hinted, torch.tensor([0.38])

    return Exported(
        module,
        (
            Port(name="lightness", axes="n 1 h w", meaning="L*/100 in [0, 1] at working size"),
            Port(name="hints", axes="n 3 h w", meaning=hints),
            Port(name="temperature", axes="1", meaning=temperature),
        ),
        (
            Port(name="chroma", axes="n 2 h/4 w/4", meaning="a* and b*, CIE units"),
            Port(name="confidence", axes="n 1 h/4 w/4", meaning=confidence),
            *(distribution if choices else ()),
        ),
        example,
        multiple=multiple,
        tile_px=working_px,
        overlap_px=0,
        working_px=working_px,
        calibration={"hint_least_px": HINT_LEAST_PX} | ({} if temperatures is None else {"temperatures": temperatures}),
        limits=limits,
    )
