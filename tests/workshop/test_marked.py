"""Really damaged photographs with masks: windows that fit their masks, transplants that show, and errors that
say what is wrong."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.workshop.conftest import recipe_text
from unfade import color
from unfade.errors import DataError, RecipeError
from unfade.files import photo
from unfade.workshop import checkpoint
from unfade.workshop.marked import Cut, read_marked
from unfade.workshop.recipe import Real, parse_recipe, read_recipe
from unfade.workshop.tasks import _transplant
from unfade.workshop.tasks._decoys import add_bars, add_sky
from unfade.workshop.tasks._transplant import CONTRAST, bent, transplanted
from unfade.workshop.tasks.damage import DamageTask
from unfade.workshop.train import train

REAL = Real(share=0.5, transplant_share=0.25)


@pytest.fixture
def marked_folder(tmp_path: Path, rng: np.random.Generator) -> Path:
    """Two torn photographs, red where they are lost, and a sound one with a hard place."""
    folder = tmp_path / "real"
    for name in ("damaged", "mask", "hard"):
        (folder / name).mkdir(parents=True)
    for number in range(3):
        picture = cv2.resize(rng.integers(60, 120, (8, 8, 3), np.uint8), (220, 160), interpolation=cv2.INTER_CUBIC)
        mask = np.zeros((160, 220), np.uint8)
        if number < 2:
            mask[20:24, 10:200] = mask[90:130, 40:90] = 255
            picture[mask == 255] = (0, 0, 255)
            mask[140:150] = 128
        else:
            hard = np.zeros_like(mask)
            hard[60:64, 100:104] = 255
            cv2.imwrite(str(folder / "hard" / f"{number}.png"), hard)
        cv2.imwrite(str(folder / "damaged" / f"{number}.png"), picture)
        cv2.imwrite(str(folder / "mask" / f"{number}.png"), mask)
    return folder


def _red(image: np.ndarray) -> np.ndarray:
    return np.asarray(image[:, :, 0] - image[:, :, 1:].max(axis=2))


def test_windows_fit_their_masks_at_any_scale_and_turn(marked_folder: Path, rng: np.random.Generator) -> None:
    marked = read_marked(marked_folder, REAL, largest_side_px=1024)
    held, sides = 0, set()
    for _ in range(60):
        cut = marked.window(64, rng)
        assert cut.image.shape == (64, 64, 3) and cut.image.dtype == np.float32 and not (cut.lost & cut.either).any()
        assert cut.image.min() > -0.3 and cut.image.max() < 1.3
        sure = cv2.erode(cut.lost.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        assert (_red(cut.image)[sure] > 0.8).all()
        assert (_red(cut.image)[~cut.lost & ~cut.either] < 0.45).all()
        held += bool(cut.lost.any())
        rows, columns = np.nonzero(sure)
        sides.add(len(rows) > 0 and np.ptp(rows) > np.ptp(columns))
    assert held >= 15 and sides == {True, False}


def test_hard_places_are_looked_at_more(marked_folder: Path, rng: np.random.Generator) -> None:
    for name in ("0.png", "1.png"):
        (marked_folder / "damaged" / name).unlink()
        (marked_folder / "mask" / name).unlink()
    picture = np.zeros((160, 220, 3), np.uint8)
    picture[60:64, 100:104] = 255
    cv2.imwrite(str(marked_folder / "damaged" / "2.png"), picture)
    shares = []
    for hard_share in (0.0, 1.0):
        marked = read_marked(marked_folder, REAL.model_copy(update={"hard_share": hard_share}), largest_side_px=1024)
        assert not marked.has_damage
        shares.append(np.mean([marked.window(32, rng).image.max() > 0.5 for _ in range(40)]))
    assert shares[1] > 0.9 and shares[0] < 0.5
    with pytest.raises(DataError, match="masks are all black; mark what is lost in white"):
        marked.damage(32, rng)


def test_hard_places_of_damaged_photographs_are_looked_at_more(marked_folder: Path, rng: np.random.Generator) -> None:
    for name in ("0.png", "2.png"):
        (marked_folder / "damaged" / name).unlink()
        (marked_folder / "mask" / name).unlink()
    (marked_folder / "hard" / "2.png").unlink()
    picture = photo.read(marked_folder / "damaged" / "1.png").samples[:, :, ::-1].copy()
    picture[60:64, 206:210] = (0, 255, 0)
    cv2.imwrite(str(marked_folder / "damaged" / "1.png"), picture)
    hard = np.zeros((160, 220), np.uint8)
    hard[60:64, 206:210] = 255
    cv2.imwrite(str(marked_folder / "hard" / "1.png"), hard)
    shares = []
    for hard_share in (0.0, 1.0):
        marked = read_marked(marked_folder, REAL.model_copy(update={"hard_share": hard_share, "damaged_share": 0.0}), largest_side_px=1024)
        greens = [marked.window(32, rng).image for _ in range(40)]
        shares.append(np.mean([(image[:, :, 1] - image[:, :, 0]).max() > 0.5 for image in greens]))
    assert shares[1] > 0.9 and shares[0] < 0.5


def test_photographs_of_one_name_in_two_folders_are_two(marked_folder: Path) -> None:
    for kind in ("damaged", "mask"):
        for part in ("a", "b"):
            (marked_folder / kind / part).mkdir()
            (marked_folder / kind / part / "0.png").write_bytes((marked_folder / kind / f"{'01'[part == 'b']}.png").read_bytes())
    names = [one.mask.sum() for one in read_marked(marked_folder, REAL, largest_side_px=1024)._pictures]
    assert len(names) == 5
    (marked_folder / "damaged" / "a" / "0.jpg").write_bytes((marked_folder / "damaged" / "0.png").read_bytes())
    with pytest.raises(DataError, match="have one name"):
        read_marked(marked_folder, REAL, largest_side_px=1024)


def test_a_transplant_shows_wherever_it_is_labelled_lost(marked_folder: Path, rng: np.random.Generator) -> None:
    marked = read_marked(marked_folder, REAL, largest_side_px=1024)
    laid = 0
    for _ in range(30):
        sound = np.repeat(cv2.resize(rng.random((6, 6), np.float32), (64, 64), interpolation=cv2.INTER_CUBIC)[:, :, None], 3, axis=2)
        sound = np.clip(sound, 0, 1)
        image, lost, either = transplanted(sound, marked.damage(64, rng), rng)
        assert not (lost & either).any()
        np.testing.assert_allclose(image[~lost & ~either], sound[~lost & ~either], atol=0.06)
        assert (np.abs(color.luma(image) - color.luma(sound))[lost] > CONTRAST).all()
        laid += bool(lost.any())
    assert laid >= 15


def test_large_damage_of_the_grounds_own_tone_is_not_laid(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_transplant, "BENT_SHARE", 0)  # the slivers that bending mirrors at the border are small
    lost = np.zeros((64, 64), bool)
    lost[8:40, 8:40] = True
    gray = np.full((64, 64, 3), 0.5, np.float32)
    for _ in range(20):
        image, labelled, either = transplanted(gray, Cut(gray + np.float32(0.02), lost, np.zeros_like(lost)), rng)
        assert not labelled.any() and not either.any()
        np.testing.assert_array_equal(image, gray)


def test_a_bent_cut_keeps_damage_and_picture_together(rng: np.random.Generator) -> None:
    lost = np.zeros((128, 128), bool)
    lost[60:64, 30:100] = True
    image = np.where(lost[:, :, None], np.float32([1, 0, 0]), np.float32(0.3)).astype(np.float32)
    for _ in range(20):
        cut = bent(Cut(image, lost, np.zeros_like(lost)), rng)
        assert cut.image.shape == image.shape and cut.image.dtype == np.float32
        assert 0.3 * lost.sum() < cut.lost.sum() < 3 * lost.sum()
        assert (cut.image[cut.lost][:, 0] > 0.6).all()
        np.testing.assert_allclose(cut.image[~cut.lost & ~cut.either], 0.3, atol=0.15)
        assert not (cut.lost & cut.either).any()


def test_ropes_and_skies_are_drawn_within_range_into_a_copy(rng: np.random.Generator) -> None:
    image = rng.random((97, 130, 3), np.float32)
    before = image.copy()
    for draw in (add_bars, add_sky):
        changed = 0
        for _ in range(10):
            drawn = draw(image, rng)
            assert drawn.shape == image.shape and drawn.dtype == np.float32 and drawn.min() >= 0 and drawn.max() <= 1
            changed += bool((np.abs(drawn - image) > 0.05).any())
        assert changed >= 8
    np.testing.assert_array_equal(image, before)


def test_samples_come_from_both_and_without_the_folder_nothing_changes(marked_folder: Path) -> None:
    recipe = read_recipe("damage-real")
    crop = np.full((256, 256, 3), 128, np.uint8)
    task, plain = DamageTask(recipe), DamageTask(recipe.model_copy(update={"data": recipe.data.model_copy(update={"real": None})}))
    before = [task.sample(crop, np.random.default_rng(seed)) for seed in range(4)]
    for seed, sample in enumerate(before):
        np.testing.assert_array_equal(sample["image"], plain.sample(crop, np.random.default_rng(seed))["image"])
    assert recipe.data.real is not None
    task.take(read_marked(marked_folder, recipe.data.real, largest_side_px=1024))
    samples = [task.sample(crop, np.random.default_rng(seed)) for seed in range(16)]
    for sample in samples:
        assert sample["image"].shape == (3, 256, 256) and sample["image"].min() >= 0 and sample["image"].max() <= 1
        assert set(np.unique(sample["lost"])) <= {0.0, 1.0} and sample["judged"].shape == (1, 256, 256)
    assert any(not np.array_equal(one["image"], other["image"]) for one, other in zip(before, samples, strict=False))


def test_what_does_not_go_together_is_said(marked_folder: Path, photographs: Path, tmp_path: Path) -> None:
    small = recipe_text("damage", steps=2, losses="cross-entropy = 1.0")
    plain, real = tmp_path / "plain.toml", tmp_path / "real.toml"
    plain.write_text(small)
    real.write_text(small + "[data.real]\nshare = 0.5\n")
    with pytest.raises(RecipeError, match=r"small-damage has no \[data.real\] for --real"):
        train(plain, [photographs], tmp_path / "a", real=marked_folder, device="cpu")
    with pytest.raises(RecipeError, match="small-damage asks for photographs with masks; name their folder with --real"):
        train(real, [photographs], tmp_path / "b", device="cpu")
    with pytest.raises(RecipeError, match=r"share and transplant_share are 1\.2 together"):
        parse_recipe(small + "[data.real]\nshare = 0.9\ntransplant_share = 0.3\n", "wrong")
    fill = tmp_path / "fill.toml"
    fill.write_text(recipe_text("fill", steps=2, losses="l1 = 1.0") + "[data.real]\nshare = 0.5\n")
    with pytest.raises(RecipeError, match=r"data\.real: the task fill cannot use it; only damage can"):
        train(fill, [photographs], tmp_path / "c", real=marked_folder, device="cpu")
    cv2.imwrite(str(marked_folder / "mask" / "1.png"), np.zeros((20, 20), np.uint8))
    with pytest.raises(DataError, match="1: mask/ and damaged/ are 20 x 20 and 220 x 160; the two must be of one size"):
        read_marked(marked_folder, REAL, largest_side_px=1024)
    (marked_folder / "mask" / "1.png").unlink()
    with pytest.raises(DataError, match=r"1 in .*damaged without a mask in .*mask: 1; a sound one's is black"):
        read_marked(marked_folder, REAL, largest_side_px=1024)
    (marked_folder / "damaged" / "1.png").unlink()
    (marked_folder / "damaged" / "2.png").unlink()
    with pytest.raises(DataError, match=r"1 in .*mask not in .*damaged: 2"):
        read_marked(marked_folder, REAL, largest_side_px=1024)
    (marked_folder / "mask" / "2.png").unlink()
    with pytest.raises(DataError, match=r"1 in .*hard not in .*damaged: 2; put the photographs there, with black masks"):
        read_marked(marked_folder, REAL, largest_side_px=1024)


def test_masks_may_be_called_as_unfade_damage_calls_them(marked_folder: Path) -> None:
    for path in [*(marked_folder / "mask").iterdir(), *(marked_folder / "hard").iterdir()]:
        path.rename(path.with_name(f"{path.stem}.mask.png"))
    assert read_marked(marked_folder, REAL, largest_side_px=1024).has_damage
    cv2.imwrite(str(marked_folder / "mask" / "1.png"), np.zeros((160, 220), np.uint8))
    with pytest.raises(DataError, match="have one name"):
        read_marked(marked_folder, REAL, largest_side_px=1024)


def test_samples_are_the_same_however_often_a_run_is_taken_up(marked_folder: Path, photographs: Path, tmp_path: Path) -> None:
    text = recipe_text("damage", steps=4, losses="cross-entropy = 1.0\ndice = 0.3") + "[data.real]\nshare = 0.5\ntransplant_share = 0.3\n"
    averages = []
    for name in ("once", "twice"):
        (tmp_path / f"{name}.toml").write_text(text)
        run = train(tmp_path / f"{name}.toml", [photographs], tmp_path / name, real=marked_folder, device="cpu")
        train(None, [photographs], run, real=marked_folder, resume=True, device="cpu")
        averages.append(checkpoint.load(run).average)
    for name, tensor in averages[0].items():
        np.testing.assert_array_equal(tensor.numpy(), averages[1][name].numpy(), err_msg=name)
