"""What every registered kind of damage promises, at every size."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from unfade.ageing import KINDS, Effect, Textures
from unfade.errors import UsageError

SHAPES = [(1, 1), (1, 7), (63, 65), (257, 131)]
SEEDS = range(4)

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def textures(tmp_path_factory: pytest.TempPathFactory) -> Textures:
    """A small made folder of every group of textures."""
    folder = tmp_path_factory.mktemp("textures")
    rng = np.random.default_rng(3)
    for group in ("shapes/hair", "stains", "tears", "paper"):
        (folder / group).mkdir(parents=True)
    blot = np.zeros((90, 120), np.uint8)
    cv2.ellipse(blot, (60, 45), (40, 25), 20, 0, 360, 255, -1)
    dust = (rng.random((200, 300)) > 0.98).astype(np.uint8) * 255
    pictures: list[tuple[str, np.ndarray]] = [
        ("dust01.png", dust),
        ("shapes/hair/hair-1.png", np.dstack([blot, blot, blot, blot])),
        ("stains/one.png", np.dstack([240 - blot // 4, 240 - blot // 5, 240 - blot // 6])),
        ("tears/a_cornerHoles_1.png", 255 - blot),
        ("tears/a_borderHoles_1.png", 255 - blot),
        ("tears/a_centerHoles_1.png", 255 - blot),
        ("paper/sheet.png", rng.integers(200, 250, (80, 80)).astype(np.uint8)),
    ]
    for name, picture in pictures:
        assert cv2.imwrite(str(folder / name), picture)
    return Textures(Path(folder))


def picture(shape: tuple[int, int]) -> np.ndarray:
    """Random, with pure black and pure white in it."""
    image = np.random.default_rng(1).random((*shape, 3), dtype=np.float32)
    image[0, 0], image[-1, -1] = 0, 1
    return image


def effects(name: str, shape: tuple[int, int], textures: Textures) -> Iterator[tuple[np.ndarray, Effect, Effect]]:
    """(picture, effect, the same again) over seeds, with textures and without, faint and strong."""
    for seed in SEEDS:
        for given in (None, textures):
            image = picture(shape)
            twice = [KINDS[name].draw(np.random.default_rng(seed), shape, given, amount=0.4 + seed / 4).apply(image) for _ in range(2)]
            yield image, twice[0], twice[1]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: f"{shape[1]}x{shape[0]}")
@pytest.mark.parametrize("name", list(KINDS))
def test_kind_keeps_its_promises(name: str, shape: tuple[int, int], textures: Textures) -> None:
    untouched = picture(shape)
    role = KINDS[name].role
    for image, effect, again in effects(name, shape, textures):
        np.testing.assert_array_equal(image, untouched, err_msg="the picture given was changed")
        assert effect.image is not image and not np.shares_memory(effect.image, image)
        assert effect.image.shape == image.shape and effect.image.dtype == np.float32
        assert effect.image.min() >= 0 and effect.image.max() <= 1
        np.testing.assert_array_equal(effect.image, again.image, err_msg="the same seed gave another picture")
        for mask, other in ((effect.lost, again.lost), (effect.stained, again.stained)):
            if mask is not None:
                assert mask.shape == shape and mask.dtype == bool
                np.testing.assert_array_equal(mask, other)
        if role in ("lost", "veil"):
            assert (effect.lost is not None) == (role == "lost")
            touched = np.zeros(shape, bool)
            for mask in (effect.lost, effect.stained):
                touched |= mask if mask is not None else False
            np.testing.assert_array_equal(effect.image[~touched], image[~touched], err_msg="changed outside the mask")
        else:
            assert effect.lost is None and effect.stained is None


@pytest.mark.parametrize("name", list(KINDS))
def test_kind_does_something_and_its_mask_is_not_empty(name: str, textures: Textures) -> None:
    changed, covered = 0, 0
    for image, effect, _ in effects(name, (257, 131), textures):
        changed += not np.array_equal(image, effect.image)
        covered += any(mask is not None and mask.any() for mask in (effect.lost, effect.stained))
    assert changed >= 4
    if KINDS[name].role in ("lost", "veil"):
        assert covered >= 4


@pytest.mark.parametrize("name", list(KINDS))
def test_plan_can_be_sent_to_another_process_and_refuses_another_shape(name: str, textures: Textures) -> None:
    image = picture((40, 50))
    plan = KINDS[name].draw(np.random.default_rng(5), (40, 50), textures)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(plan)).apply(image).image, plan.apply(image).image)
    if hasattr(plan, "shape"):
        with pytest.raises(UsageError, match="50x40"):
            plan.apply(picture((50, 40)))


@pytest.mark.parametrize("name", list(KINDS))
def test_amount_zero_changes_nothing(name: str, textures: Textures) -> None:
    if KINDS[name].role == "target":
        pytest.skip("greying has no strength")
    image = picture((63, 65))
    effect = KINDS[name].draw(np.random.default_rng(2), (63, 65), textures, amount=0.0).apply(image)
    assert np.abs(effect.image - image).max() < 2e-6


@pytest.mark.parametrize("name", [name for name in KINDS if KINDS[name].role == "lost"])
def test_lost_means_covered(name: str, textures: Textures) -> None:
    """Every lost pixel moves towards the paint, on black and on white: none is lost where nothing was
    laid."""
    shape = (257, 131)
    for seed in SEEDS:
        plan = KINDS[name].draw(np.random.default_rng(seed), shape, textures)
        black = plan.apply(np.zeros((*shape, 3), np.float32))
        white = plan.apply(np.ones((*shape, 3), np.float32))
        assert black.lost is not None and white.lost is not None
        np.testing.assert_array_equal(black.lost, white.lost)
        # What is still left of the picture is the difference of the two; lost pixels let at most 94 %
        # through.
        left = (white.image - black.image).max(axis=2)
        assert (left[black.lost] < 0.945).all()
