"""The ageing of a photograph: which kinds of damage, how likely, how strong, and in which order."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType

import cv2
import numpy as np

from unfade.ageing._chance import Range, Shape, log_between
from unfade.ageing._paint import Painted
from unfade.ageing._plan import STRUCTURED, Kind, Plan
from unfade.ageing.creases import CreasesPlan
from unfade.ageing.textures import Textures
from unfade.arrays import Image, Mask
from unfade.errors import UsageError
from unfade.registry import Registry

KINDS: Registry[Kind] = Registry("unfade.ageing", "KIND", "kind of damage")
"""Every kind of damage, by name."""

ORDER = (
    "greying",
    # what befell the print or the plate
    *("fingerprints", "foxing", "stains", "tape", "mildew", "abrasion", "rings", "losses", "peeling", "cracks", "craquelure", "creases"),
    *("streaks", "scratches", "hairs", "dust", "tears"),
    # what time did to all of it, and the scanner after it
    *("mirroring", "lighting", "fading", "dye-fading", "yellowing", "toning", "blur", "paper", "grain", "halftone", "jpeg"),
)
"""The order in which a photograph suffers. A kind that is not named comes just before the scanner's blur."""

VISIBLE = 0.06
"""Difference of samples, of 1, below which damage is `Aged.hidden`."""

_LATE = frozenset(("dust", "hairs"))
"""Kinds that may also lie on the scanner's glass: sharp, over blur and grain."""


@dataclass(frozen=True, eq=False)
class Aged:
    """An aged photograph and the truth about it.

    `image`, `clean` and `sharp` are (h, w, 3) float32 in [0, 1]. `clean` is what a restorer should bring
    back: the photograph it was made from, gray and neutral if ageing made it black-and-white; `sharp` is the
    aged photograph before blur, grain and whatever else befell its detail. `mask` (h, w): True = lost,
    covered by a few per cent or more. `stained` (h, w): True = veiled only, never lost as well. `layers` has
    the mask of every structured kind that was laid on, by name (a later kind may cover it). `hidden` (h, w):
    True = lost, but no eye could tell: white paper in a white sky.
    """

    image: Image
    mask: Mask
    stained: Mask
    clean: Image
    sharp: Image
    layers: Mapping[str, Mask]
    hidden: Mask


@dataclass(frozen=True)
class Ageing:
    """A recipe: the chance of each kind to take part, and how strong.

    `chances` by the kinds' names; a kind that is not named takes no part. `in_color`: other chances for a
    photograph that stays in color. `amount_range`: number and strength of the structured kinds, drawn once a
    picture, evenly in the logarithm; `tone_range`: the same for the unstructured ones. `sound`: chance of no
    structured damage at all; `single`: chance that one or two structured kinds, each as likely as any other,
    are all there is: a tear without a speck of dust; `fresh`: chance of no unstructured ageing; `late`:
    chance that dust and hairs lie on the scanner's glass, over the grain.
    """

    chances: Mapping[str, float] = field(default_factory=dict)
    amount_range: Range = (0.3, 1.8)
    tone_range: Range = (0.5, 1.2)
    sound: float = 0.0
    fresh: float = 0.0
    late: float = 0.15
    single: float = 0.0
    in_color: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        named = [*self.chances.items(), *self.in_color.items()]
        wrong = [f"{name} {chance}" for name, chance in named if not 0 <= chance <= 1]
        shares = {"sound": self.sound, "fresh": self.fresh, "late": self.late, "single": self.single}
        wrong += [f"{name} {value}" for name, value in shares.items() if not 0 <= value <= 1]
        if wrong:
            raise UsageError(f"a chance must lie between 0 and 1; got {', '.join(wrong)}")
        object.__setattr__(self, "chances", MappingProxyType(dict(self.chances)))
        object.__setattr__(self, "in_color", MappingProxyType(dict(self.in_color)))

    def __reduce__(self) -> tuple[object, ...]:
        # A read-only view cannot be pickled, and recipes go to worker processes.
        values = (getattr(self, one.name) for one in fields(self))
        return Ageing, tuple(dict(value) if isinstance(value, Mapping) else value for value in values)

    @staticmethod
    def preset(name: str) -> Ageing:
        """The recipe of that name in `PRESETS`; raises `UsageError` with the names there are."""
        if name not in PRESETS:
            raise UsageError(f"there is no ageing preset called {name!r}; there are: {', '.join(PRESETS)}")
        return PRESETS[name]

    def __call__(self, image: Image, rng: np.random.Generator, *, amount: float = 1.0, textures: Textures | None = None) -> Aged:
        """Age a copy of `image` (h, w, 3) float32 in [0, 1]; `amount` multiplies all strengths.

        The same state of the generator gives the same picture.
        """
        shape: Shape = (image.shape[0], image.shape[1])
        sound, fresh = rng.random() < self.sound, rng.random() < self.fresh
        structured, tone = log_between(rng, self.amount_range) * amount, log_between(rng, self.tone_range) * amount
        plans: list[tuple[str, Kind, Plan]] = []
        chances: Mapping[str, float] = {**self.chances, **self.in_color}
        only = self._only(rng)
        for name in self._order():
            kind = KINDS[name]
            chance = float(name in only) if only and kind.role in STRUCTURED else chances.get(name, 0.0)
            if rng.random() >= chance:
                continue
            if kind.role == "target":
                chances = self.chances
            if kind.role in STRUCTURED:
                if not sound:
                    plans.append((name, kind, kind.draw(rng, shape, textures, amount=structured)))
            elif not fresh or kind.role == "target":
                plans.append((name, kind, kind.draw(rng, shape, textures, amount=tone)))
        if rng.random() < self.late:
            last = len(plans) - (plans[-1][0] == "jpeg" if plans else 0)
            late = [plan for plan in plans if plan[0] in _LATE]
            plans = [plan for plan in plans[:last] if plan[0] not in _LATE] + late + plans[last:]
        return _applied(image, plans)

    def _order(self) -> tuple[str, ...]:
        scanner = ORDER.index("blur")
        return (*ORDER[:scanner], *(name for name in self.chances if name not in ORDER), *ORDER[scanner:])

    def _only(self, rng: np.random.Generator) -> frozenset[str]:
        """The structured kinds that alone take part; empty if each takes its own chance.

        If `single` is 0 no number is drawn.
        """
        if not self.single or rng.random() >= self.single:
            return frozenset()
        structured = sorted(name for name, chance in self.chances.items() if chance > 0 and KINDS[name].role in STRUCTURED)
        return frozenset(rng.choice(structured, min(int(rng.integers(1, 3)), len(structured)), replace=False).tolist())


def _applied(image: Image, plans: list[tuple[str, Kind, Plan]]) -> Aged:
    aged = np.array(image, np.float32, order="C")
    clean, sharp = image, None
    mask, stained = np.zeros(image.shape[:2], bool), np.zeros(image.shape[:2], bool)
    layers: dict[str, Mask] = {}
    seen = np.zeros(mask.shape, bool)
    for name, kind, plan in plans:
        if kind.role == "detail" and sharp is None:
            sharp = aged
        effect = plan.apply(aged)
        if effect.lost is not None:
            seen = (seen & ~effect.lost) | (effect.lost & _differs(aged, effect.image))
        aged = effect.image
        if kind.role == "target":
            clean = aged
        layer = None
        if effect.stained is not None:
            stained |= effect.stained
            layer = effect.stained
        if effect.lost is not None:
            mask |= effect.lost
            layer = effect.lost
        if layer is not None:
            layers[name] = layers[name] | layer if name in layers else layer
    stained &= ~mask
    return Aged(aged, mask, stained, np.array(clean, np.float32), aged if sharp is None else sharp, layers, mask & ~seen)


def _differs(before: Image, after: Image) -> Mask:
    """Where samples differ by more than `VISIBLE`, and two pixels around, for soft edges."""
    change = np.abs(after - before).max(axis=2)
    return np.asarray(cv2.dilate(change, np.ones((5, 5), np.uint8)) > VISIBLE)


_STRUCTURED = {
    "fingerprints": 0.03,
    "foxing": 0.08,
    "stains": 0.4,
    "tape": 0.03,
    "abrasion": 0.15,
    "losses": 0.4,
    "cracks": 0.15,
    "creases": 0.25,
    "scratches": 0.75,
    "hairs": 0.6,
    "dust": 0.85,
    "tears": 0.25,
    "mildew": 0.03,
    "rings": 0.02,
    "peeling": 0.05,
    "craquelure": 0.03,
    "streaks": 0.04,
}
_UNSTRUCTURED = {
    "greying": 0.7,
    "mirroring": 0.06,
    "lighting": 0.5,
    "fading": 0.85,
    "dye-fading": 0.15,
    "yellowing": 0.3,
    "toning": 0.45,
    "blur": 0.45,
    "paper": 0.2,
    "grain": 0.85,
    "halftone": 0.03,
    "jpeg": 0.6,
}
PRESETS: Mapping[str, Ageing] = MappingProxyType(
    {
        "all": Ageing({**_STRUCTURED, **_UNSTRUCTURED}),
        "damage": Ageing(
            {
                **_STRUCTURED,
                **_UNSTRUCTURED,
                **{"abrasion": 0.22, "cracks": 0.25, "creases": 0.3, "tears": 0.4, "blur": 0.55},
                **{"mildew": 0.07, "rings": 0.05, "peeling": 0.15, "craquelure": 0.08, "streaks": 0.1},
            },
            amount_range=(0.15, 2.2),
            tone_range=(0.3, 1.3),
            sound=0.15,
            fresh=0.35,
            single=0.15,
        ),
        "clean": Ageing(_UNSTRUCTURED, tone_range=(0.3, 1.3), fresh=0.06),
        "faded": Ageing(
            {**_UNSTRUCTURED, "stains": 0.2, "foxing": 0.05, "lighting": 0.6, "fading": 0.95, "toning": 0.6, "yellowing": 0.4},
            amount_range=(0.15, 1.0),
            tone_range=(0.5, 1.4),
            fresh=0.03,
            in_color={"toning": 0.0, "mirroring": 0.0, "fading": 0.75, "yellowing": 0.2, "dye-fading": 0.6},
        ),
        "mild": Ageing({**_STRUCTURED, **_UNSTRUCTURED}, amount_range=(0.15, 0.6), tone_range=(0.15, 0.6)),
        "color-input": Ageing(
            {"greying": 1.0, "lighting": 0.25, "fading": 0.6, "toning": 0.3, "blur": 0.3, "paper": 0.05, "grain": 0.6, "jpeg": 0.4},
            tone_range=(0.15, 0.8),
            fresh=0.25,
        ),
    }
)
"""all: everything, as in a shoebox.
damage: for training detection. Some pictures have unstructured ageing only, some a great deal of damage;
some have one or two kinds on an otherwise clean photograph, so that clean does not come to mean whole.
clean: unstructured only.
faded: for training tone. A color photograph is never toned, because its own colors could not be known then.
mild: everything, faintly.
color-input: black-and-white photographs for colorization; `clean` is the gray photograph.
"""

_OPAQUE = {"losses": 0.4, "cracks": 0.12, "creases": 0.15, "scratches": 0.7, "hairs": 0.6, "dust": 0.8, "tears": 0.25}


def age(
    image: Image,
    rng: np.random.Generator,
    *,
    amount: float = 1.0,
    kinds: Collection[str] | None = None,
    textures: Textures | None = None,
) -> Aged:
    """Age a photograph on purpose, and say exactly where.

    `image` (h, w, 3) float32 in [0, 1], sRGB, is left untouched; any size from 1 x 1. `rng` is all the chance
    there is. `amount`: 0 changes nothing, 1 is an old photograph, 2 a ruin. `kinds`: the names of the kinds
    to use, each for certain; without it the preset "all" draws them. `textures`: real dirt, stains and paper
    to lay in. Raises `UsageError` for an amount outside [0, 3] and `UnknownNameError` for a kind.
    """
    _check_amount(amount)
    if kinds is not None:
        for name in kinds:
            KINDS[name]
        recipe = Ageing(dict.fromkeys(kinds, 1.0), amount_range=(1.0, 1.0), tone_range=(1.0, 1.0), late=0.0)
    else:
        recipe = PRESETS["all"]
    if amount == 0:
        nothing = np.zeros(image.shape[:2], bool)
        return Aged(
            np.array(image, np.float32),
            nothing,
            nothing.copy(),
            np.array(image, np.float32),
            np.array(image, np.float32),
            {},
            nothing.copy(),
        )
    return recipe(image, rng, amount=amount, textures=textures)


def damage_only(image: Image, rng: np.random.Generator, *, amount: float = 1.0, textures: Textures | None = None) -> tuple[Image, Mask]:
    """Lay opaque damage over a photograph: gives (damaged, mask).

    Outside the mask every sample is the original's, bit for bit.

    Arguments as `age`. For training and judging what fills holes.
    """
    _check_amount(amount)
    damaged, mask = np.array(image, np.float32, order="C"), np.zeros(image.shape[:2], bool)
    for plan in _opaque(rng, (image.shape[0], image.shape[1]), amount, textures):
        effect = plan.apply(damaged)
        damaged = effect.image
        mask |= effect.lost if effect.lost is not None else False
    return damaged, mask


def masks(rng: np.random.Generator, shape: Shape, *, amount: float = 1.0, textures: Textures | None = None) -> Mask:
    """Draw the mask of opaque damage alone, (h, w), True = lost: what `damage_only` would cover."""
    _check_amount(amount)
    mask = np.zeros(shape, bool)
    for plan in _opaque(rng, shape, amount, textures):
        mask |= plan.mask()
    return mask


def _opaque(rng: np.random.Generator, shape: Shape, amount: float, textures: Textures | None) -> list[Painted]:
    if amount == 0:
        return []
    strength = amount * log_between(rng, (0.5, 1.6))
    plans = []
    for name, chance in _OPAQUE.items():
        if rng.random() < chance:
            plan = KINDS[name].draw(rng, shape, textures, amount=strength)
            plan = plan.paint if isinstance(plan, CreasesPlan) else plan  # without the shading, which covers nothing
            if isinstance(plan, Painted):
                plans.append(plan)
    return plans


def _check_amount(amount: float) -> None:
    if not 0 <= amount <= 3:
        raise UsageError(f"the amount of ageing must lie between 0 and 3; got {amount:g}")
