"""The task faces: boxes go where the pictures go, labels are read or refused, and it learns."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from tests.workshop.conftest import recipe_text
from unfade.errors import DataError, RecipeError
from unfade.models.store import named
from unfade.workshop.data import Composing, cache_pictures
from unfade.workshop.export import export
from unfade.workshop.labeled import read_faces
from unfade.workshop.recipe import parse_recipe
from unfade.workshop.tasks import TASKS
from unfade.workshop.tasks.faces import clipped, heat_loss, tilted
from unfade.workshop.train import train, trained_generator

PLAIN = "[options]\nsound_share = 1.0\naged_share = 0.0\n"
UPRIGHT = PLAIN + "tilted_share = 0.0\n"


def recipe_of(steps: int = 1, size_px: int = 96, more: str = UPRIGHT) -> str:
    text = recipe_text("faces", steps=steps, losses="heat = 1.0\nsides = 1.0", generator='kind = "faces"\nfrozen_blocks = 2')
    return text.replace("size_px = 64", f"size_px = {size_px}") + more


@pytest.fixture(scope="module")
def labeled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six dim pictures of 120 x 100. The face of the first four is a white square with a black middle."""
    folder = tmp_path_factory.mktemp("labeled")
    chance = np.random.default_rng(2)
    labels = {}
    for number in range(6):
        picture = cv2.resize(chance.integers(30, 110, (5, 6, 3), dtype=np.uint8), (120, 100), interpolation=cv2.INTER_CUBIC)
        if number < 4:
            left, top, side = (int(value) for value in (10 + 15 * number, 8 + 10 * number, 30 + 4 * number))
            cv2.rectangle(picture, (left, top), (left + side - 1, top + side - 1), (255, 255, 255), -1)
            cv2.circle(picture, (left + side // 2, top + side // 2), side // 4, (0, 0, 0), -1)
            labels[f"{number}.png"] = {"faces": [[left / 120, top / 100, (left + side) / 120, (top + side) / 100]]}
        cv2.imwrite(str(folder / f"{number}.png"), picture)
    (folder / "faces.json").write_text(json.dumps(labels))
    return folder


def test_boxes_follow_the_pictures_through_patchwork_zoom_and_mirror(labeled: Path, tmp_path: Path) -> None:
    task = TASKS["faces"](parse_recipe(recipe_of(), "test"))
    assert isinstance(task, Composing)
    pictures = cache_pictures([labeled], tmp_path, largest_side_px=1024)
    task.prepare(pictures)
    middles = 0
    for seed in range(40):
        sample = task.compose(seed % len(pictures), np.random.default_rng(seed))
        again = task.compose(seed % len(pictures), np.random.default_rng(seed))
        assert all(np.array_equal(sample[name], again[name]) for name in sample)
        for row, column in zip(*np.nonzero(sample["heat"][0] >= 1), strict=True):
            left, top, right, bottom = sample["sides"][:, row, column]
            down, across = (row + 0.5 + (bottom - top) / 2) * 8, (column + 0.5 + (right - left) / 2) * 8
            whole = right + left > 2.5 and bottom + top > 2.5 and 8 < across < 88 and 8 < down < 88
            if whole and 0.9 < (right + left) / (bottom + top) < 1.1:  # not one that the edge has cut
                middles += 1
                assert sample["picture"][:, round(down), round(across)].max() < 0.35
                edge = min(95, round((column + 0.5 - left + (right + left) * 0.1) * 8))
                assert sample["picture"][:, round(down), max(0, edge)].min() > 0.6
    assert middles > 10


@pytest.mark.parametrize("degrees", [-35.0, -10.0, 0.0, 25.0])
@pytest.mark.parametrize("size", [(90, 90), (60, 110)])
def test_the_box_of_a_turned_face_is_around_it(degrees: float, size: tuple[int, int]) -> None:
    part = np.zeros((*size, 3), np.float32)
    across, down = size[1] / 2 + 9, size[0] / 2 - 4
    cv2.ellipse(part, (round(across), round(down)), (6, 10), 0, 0, 360, (1, 1, 1), -1)
    turned, boxes = tilted(part, np.array([[across - 6.5, down - 10, across + 7.5, down + 11, 1]], np.float32), degrees)
    rows, columns = np.nonzero(turned[..., 0] > 0.5)
    np.testing.assert_allclose(boxes[0, :4], [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], atol=2.0)
    assert boxes[0, 4] == 1
    whole, _ = tilted(np.ones_like(part), boxes, degrees)
    assert whole.min() == 1


def test_a_face_of_which_little_is_seen_is_neither_taught_nor_held_to_be_none() -> None:
    boxes = np.array([[10, 10, 40, 40, 1], [90, 10, 130, 40, 1], [20, 50, 25, 55, 1], [200, 0, 220, 20, 1]], np.float32)
    kept = clipped(boxes, 100, 100)
    np.testing.assert_array_equal(kept[:, 4], [1, 0, 0])
    np.testing.assert_array_equal(kept[1, :4], [90, 10, 100, 40])


def test_a_cell_that_is_not_sure_costs_nothing() -> None:
    logit, heat = torch.full((1, 1, 4, 4), 3.0), torch.zeros(1, 1, 4, 4)
    heat[0, 0, 1, 1] = 1
    sure = torch.ones(1, 1, 4, 4)
    without = heat_loss(logit, heat, torch.where(heat > 0, 1.0, 0.0))
    assert heat_loss(logit, heat, sure) > 5 * without > 0
    better = torch.where(heat > 0, 6.0, -6.0)
    assert heat_loss(better, heat, sure) < 0.01


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore::DeprecationWarning", "ignore::UserWarning")
def test_it_learns_and_what_it_learned_is_exported(labeled: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(recipe_of(steps=60, more=UPRIGHT + "patchwork_share = 0.0\nface_share = 1.0\n"))
    run = train(recipe, [labeled], tmp_path / "run", device="cpu")
    task, _, trained, _ = trained_generator(run)
    task.prepare(cache_pictures([labeled], run / "cache", largest_side_px=1024))
    assert isinstance(task, Composing)
    samples = [task.compose(number % 4, np.random.default_rng(100 + number)) for number in range(8)]
    batch = {name: torch.from_numpy(np.stack([sample[name] for sample in samples])) for name in samples[0]}
    with torch.no_grad():
        before, after = (task.score(task.generate(network.eval(), batch), batch) for network in (task.build(), trained))
    assert float(after["heat"]) < 0.6 * float(before["heat"]) and float(after["sides"]) < 0.95 * float(before["sides"])
    card = export(run, tmp_path / "mine.onnx")
    assert card.task == "faces" and named(tmp_path / "mine.onnx").weights.stat().st_size < 512 * 1024


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ('{"a.png": {"faces": [[0.5, 0.1, 0.4, 0.3]]}}', r"a\.png.*\[0\.5, 0\.1, 0\.4, 0\.3\]"),
        ('{"a.png": {"faces": [[5, 1, 40]]}}', "left, top, right, bottom"),
        ('{"a.png": {"boxes": []}}', "boxes"),
        ("[]", "shares of the sides"),
    ],
)
def test_labels_that_make_no_sense_are_refused(labels: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "faces.json").write_text(labels)
    with pytest.raises(DataError, match=said):
        read_faces([tmp_path / "a.png"])


def test_a_photograph_that_is_not_named_holds_no_face(tmp_path: Path) -> None:
    (tmp_path / "faces.json").write_text('{"a.png": {"faces": [[0, 0, 0.5, 0.5]], "unsure": [[0.5, 0.5, 1, 1]]}}')
    found = read_faces([tmp_path / "a.png", tmp_path / "b.png", tmp_path / "sub" / "a.png"])
    np.testing.assert_allclose(found[0], [[0, 0, 0.5, 0.5, 1], [0.5, 0.5, 1, 1, 0]])
    assert found[1].shape == found[2].shape == (0, 5)


@pytest.mark.parametrize(("change", "said"), [(("size_px = 96", "size_px = 90"), "size_px"), (("heat = 1.0", "l1 = 1.0"), "losses.l1")])
def test_a_recipe_that_does_not_fit_the_task_is_refused(change: tuple[str, str], said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        TASKS["faces"](parse_recipe(recipe_of().replace(*change), "test"))
