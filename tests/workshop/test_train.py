"""The loop: it learns, survives being killed, and stops rather than going on with numbers that are none."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.workshop.conftest import recipe_text
from unfade import color
from unfade.errors import RecipeError, TrainingError, UsageError
from unfade.workshop import checkpoint, losses
from unfade.workshop.data import cache_pictures
from unfade.workshop.networks.backbones import ResNet18
from unfade.workshop.recipe import parse_recipe, read_recipe, recipe_toml
from unfade.workshop.tasks import TASKS, Batch
from unfade.workshop.tasks._colorizer import shown
from unfade.workshop.train import CALIBRATION_BATCHES, train, trained_generator

LOSSES = {
    "damage": "cross-entropy = 1.0\ndice = 0.3",
    "fill": "l2 = 0.5\nl1 = 1.0",
    "tone": "tone = 1.0\nneed = 0.05",
    "clean": "charbonnier = 1.0",
    "colorize": "classification = 1.0",
}
GENERATORS = {"tone": 'kind = "tone"', "colorize": 'kind = "backbone"\nbackbone = "resnet18"\nchannels = [8, 8, 16]'}
ADVERSARY = "[adversary]\nrate = 1e-3\nalone_steps = 2\n[adversary.network]\nchannels = [8, 16]\nnorm = false\n"


def _write(folder: Path, text: str) -> Path:
    path = folder / "recipe.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("task", LOSSES)
def test_it_overfits_four_pictures(task: str, photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = type(TASKS[task](read_recipe(task)))
    sample = kind.sample
    monkeypatch.setattr(kind, "sample", lambda self, crop, rng: sample(self, crop, np.random.default_rng(int(crop.sum()))))
    text = recipe_text(task, steps=100, losses=LOSSES[task], generator=GENERATORS.get(task)).replace(
        "size_px = 64", "size_px = 96\nflip = false"
    )
    if task == "clean":  # a picture of which nothing is to be undone teaches nothing
        text += "[options]\nuntouched_share = 0\n"
    if task == "fill":  # what a biharmonic fill leaves is fine detail: it needs more weights and smaller steps than the others
        text = text.replace("[8, 12, 16]", "[24, 32, 48]").replace("rate = 3e-3", "rate = 1.5e-3")
    run = train(_write(tmp_path, text), [photographs], tmp_path / "run", device="cpu")
    made, recipe, generator, _ = trained_generator(run)
    pictures = cache_pictures([photographs], run / "cache", largest_side_px=1024)
    made.prepare(pictures)
    samples = [made.sample(pictures[number], np.random.default_rng(0)) for number in range(4)]
    batch = {name: torch.from_numpy(np.stack([sample[name] for sample in samples])) for name in samples[0]}

    def loss(network: torch.nn.Module) -> float:
        with torch.no_grad():
            value = float(made.score(made.generate(network.eval(), batch), batch)[next(iter(recipe.losses))])
            return math.exp(value) if task == "tone" else value  # the tone's is a logarithm

    torch.manual_seed(recipe.seed)
    assert loss(generator) < 0.85 * loss(made.build())


def test_resuming_gives_what_an_undisturbed_run_gives(photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = recipe_text("fill", steps=12, losses=LOSSES["fill"] + "\nadversarial = 0.01\n" + ADVERSARY)
    recipe = _write(tmp_path, text)
    whole = train(recipe, [photographs], tmp_path / "whole", device="cpu")

    class Killed(BaseException):
        pass

    real = checkpoint.save
    saved = 0

    def save_then_die(run: Path, state: checkpoint.Checkpoint) -> None:
        nonlocal saved
        real(run, state)
        saved += 1
        if saved == 7:
            raise Killed

    monkeypatch.setattr(checkpoint, "save", save_then_die)
    often = recipe_text("fill", steps=12, losses=LOSSES["fill"] + "\nadversarial = 0.01\n" + ADVERSARY).replace(
        "checkpoint_minutes = 60", "checkpoint_minutes = 1e-9"
    )
    with pytest.raises(Killed):
        train(_write(tmp_path, often), [photographs], tmp_path / "killed", device="cpu")
    monkeypatch.setattr(checkpoint, "save", real)
    assert checkpoint.load(tmp_path / "killed").step == 7
    train(None, [photographs], tmp_path / "killed", resume=True, device="cpu")

    undisturbed, resumed = checkpoint.load(whole), checkpoint.load(tmp_path / "killed")
    assert resumed.step == undisturbed.step == 12
    for name, tensor in undisturbed.average.items():
        assert torch.equal(tensor, resumed.average[name]), name
    assert undisturbed.discriminator is not None and resumed.discriminator is not None
    for name, tensor in undisturbed.discriminator.items():
        assert torch.equal(tensor, resumed.discriminator[name]), name


def test_a_loss_that_is_no_number_stops_it_and_keeps_the_last_good_checkpoint(
    photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = _write(tmp_path, recipe_text("fill", steps=4, losses=LOSSES["fill"]))
    run = train(recipe, [photographs], tmp_path / "run", device="cpu")
    good = (run / checkpoint.FILE).read_bytes()
    from unfade.workshop.tasks.fill import FillTask

    monkeypatch.setattr(FillTask, "score", lambda self, generated, batch: {"l1": generated.mean() * float("nan"), "l2": generated.mean()})
    longer = _write(tmp_path, recipe_text("fill", steps=8, losses=LOSSES["fill"]))
    with pytest.raises(TrainingError, match=r"not a number at step 4.*--resume"):
        train(longer, [photographs], run, resume=True, device="cpu")
    assert (run / checkpoint.FILE).read_bytes() == good


@pytest.mark.parametrize("pairs", ["edges", "halftone"])
def test_pairs_are_made_of_one_picture(photographs: Path, tmp_path: Path, pairs: str) -> None:
    text = recipe_text("translate", steps=2, losses="l1 = 1.0") + f'[options]\npairs = "{pairs}"\n'
    saved = checkpoint.load(train(_write(tmp_path, text), [photographs], tmp_path / "run", device="cpu"))
    assert saved.step == 2
    task = TASKS["translate"](parse_recipe(text, "test"))
    crop = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    once, again = (task.sample(crop, np.random.default_rng(3)) for _ in range(2))
    assert all(np.array_equal(once[name], again[name]) for name in once) and once["input"].shape == once["target"].shape == (3, 64, 64)
    assert not np.array_equal(once["input"], once["target"])


def test_averaged_weights_get_batch_norm_statistics_of_their_own(photographs: Path, tmp_path: Path) -> None:
    pix2pix = 'kind = "pix2pix"\nchannels = 4\ndepth = 3'
    text = recipe_text("translate", steps=6, losses="l1 = 1.0", generator=pix2pix) + '[options]\npairs = "edges"\n'
    saved = checkpoint.load(train(_write(tmp_path, text), [photographs], tmp_path / "run", device="cpu"))
    seen = {name: int(tensor) for name, tensor in saved.average.items() if name.endswith("num_batches_tracked")}
    assert seen and set(seen.values()) == {CALIBRATION_BATCHES}
    assert {int(saved.generator[name]) for name in seen} == {6}  # the network in training keeps its own
    assert all((saved.average[name] > 0).all() for name in saved.average if name.endswith("running_var"))


def test_starting_from_another_run_begins_where_it_ended(photographs: Path, tmp_path: Path) -> None:
    recipe = _write(tmp_path, recipe_text("fill", steps=5, losses=LOSSES["fill"]))
    first = train(recipe, [photographs], tmp_path / "first", device="cpu")
    frozen = _write(
        tmp_path,
        recipe_text(
            "fill", steps=3, losses=LOSSES["fill"] + "\nadversarial = 0.01\n" + ADVERSARY.replace("alone_steps = 2", "alone_steps = 9")
        ),
    )
    second = train(frozen, [photographs], tmp_path / "second", init_from=first, device="cpu")
    before, after = checkpoint.load(first).average, checkpoint.load(second).average
    assert all(torch.equal(before[name], after[name]) for name in before)  # the discriminator is warmed up alone


WIDE = "[data.wide]\nsize_px = 96\nbatch = 2\n"


def test_every_step_sees_squares_of_both_sizes(photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = type(TASKS["damage"](read_recipe("damage")))
    seen: list[tuple[int, ...]] = []
    score = kind.score

    def watched(self: object, generated: Tensor, batch: Batch) -> dict[str, Tensor]:
        seen.append(tuple(batch["image"].shape))
        return score(self, generated, batch)  # type: ignore[arg-type]

    monkeypatch.setattr(kind, "score", watched)
    text = recipe_text("damage", steps=3, losses=LOSSES["damage"])
    assert "wide" not in recipe_toml(parse_recipe(text, "small"))
    wide = text + WIDE
    assert parse_recipe(recipe_toml(parse_recipe(wide, "wide")), "wide again") == parse_recipe(wide, "wide")
    train(_write(tmp_path, wide), [photographs], tmp_path / "run", device="cpu")
    assert seen == [(4, 3, 64, 64), (2, 3, 96, 96)] * 3


def test_an_adversary_and_two_sizes_are_refused() -> None:
    text = recipe_text("fill", steps=3, losses=LOSSES["fill"] + "\nadversarial = 0.01\n" + ADVERSARY) + WIDE
    with pytest.raises(RecipeError, match=r"\[data\.wide\]"):
        parse_recipe(text, "both")


def test_a_run_is_not_overwritten(photographs: Path, tmp_path: Path) -> None:
    recipe = _write(tmp_path, recipe_text("fill", steps=1, losses=LOSSES["fill"]))
    train(recipe, [photographs], tmp_path / "run", device="cpu")
    with pytest.raises(UsageError, match="--resume"):
        train(recipe, [photographs], tmp_path / "run", device="cpu")
    with pytest.raises(TrainingError, match="without --resume"):
        train(recipe, [photographs], tmp_path / "nothing", resume=True, device="cpu")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("rate = 3e-3", "rate = 3e-3\nspeed = 1"), r"optimiser\.speed: unknown key"),
        (("batch = 4", "batch = 0"), r"data\.batch: .*greater than or equal to 1"),
        (("l1 = 1.0", "l7 = 1.0"), r"losses\.l7: the task fill has no such loss"),
        (("l1 = 1.0", "l1 = 1.0\nfeatures = 0.1"), r"losses\.features .*options\.feature_weights"),
        (('kind = "lean"', 'kind = "loan"'), r"generator"),
    ],
)
def test_a_wrong_recipe_is_refused_by_key(change: tuple[str, str], message: str, photographs: Path, tmp_path: Path) -> None:
    recipe = _write(tmp_path, recipe_text("fill", steps=1, losses=LOSSES["fill"]).replace(*change))
    with pytest.raises(RecipeError, match=message):
        train(recipe, [photographs], tmp_path / "run", device="cpu")


@pytest.mark.parametrize("task", ["fill", "clean", "colorize"])
def test_a_training_is_judged_by_features_too(task: str, photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    weights = tmp_path / "resnet18.pth"
    torch.save(ResNet18(stages=3).state_dict(), weights)
    judged: list[tuple[float, float]] = []
    kind = type(TASKS[task](read_recipe(task)))
    monkeypatch.setattr(kind, "score", _noting(kind.score, judged))
    features = LOSSES[task] + "\nfeatures = 0.1"
    text = recipe_text(task, steps=2, losses=features, generator=GENERATORS.get(task)) + f'\n[options]\nfeature_weights = "{weights}"\n'
    run = train(_write(tmp_path, text), [photographs], tmp_path / "run", device="cpu")
    assert len(judged) == 2 and all(0 < distance < 40 and slope > 0 for distance, slope in judged)
    weights.unlink()  # the model that is trained does not need it
    _, _, generator, _ = trained_generator(run)
    assert not [name for name, _ in generator.named_parameters() if "layer" in name and ".backbone." not in name]


def _noting(score: Callable[..., dict[str, Tensor]], judged: list[tuple[float, float]]) -> Callable[..., dict[str, Tensor]]:
    """`score`, which notes the loss `features` and how steep it is."""

    def noted(self: object, generated: Tensor, batch: Batch) -> dict[str, Tensor]:
        parts = score(self, generated, batch)
        (slope,) = torch.autograd.grad(parts["features"], generated, retain_graph=True)
        judged.append((float(parts["features"].detach()), float(slope.abs().max())))
        return parts

    return noted


def test_a_colorizers_picture_is_what_the_steps_make_of_it() -> None:
    chance = np.random.default_rng(3)
    image = chance.random((24, 16, 3), dtype=np.float32)
    lab = color.lab_from_srgb(image).transpose(2, 0, 1)[None]
    picture = shown(torch.from_numpy(lab[:, :1] / 100), torch.from_numpy(np.ascontiguousarray(lab[:, 1:])))
    np.testing.assert_allclose(picture[0].numpy().transpose(1, 2, 0), image, atol=2e-4)


def test_features_of_the_same_picture_are_at_no_distance() -> None:
    torch.manual_seed(0)
    judge = ResNet18(stages=2)
    picture = torch.rand(2, 3, 64, 64)
    near, far = (judge(picture + strength * torch.randn(2, 3, 64, 64)) for strength in (0.02, 0.3))
    seen = judge(picture)
    assert losses.feature_distance(seen, seen) == 0
    assert 0 < losses.feature_distance(near, seen) < losses.feature_distance(far, seen) <= 4


def test_shipped_recipes_validate_and_survive_their_own_text() -> None:
    for name in ("damage", "fill", "tone", "clean", "colorize", "upright", "faces", "paper-restoration", "edges"):
        recipe = read_recipe(name)
        assert parse_recipe(recipe_toml(recipe), "again") == recipe
    with pytest.raises(RecipeError, match="damage"):
        read_recipe("no-such-recipe")
