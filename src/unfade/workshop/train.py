"""THE training loop, for every model, read top to bottom.

Discriminator, generator, average, curve, sample sheet, checkpoint.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import lightning_fabric
import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter

from unfade import sheet
from unfade.errors import RecipeError, TrainingError, UsageError
from unfade.models import store
from unfade.workshop import checkpoint, losses
from unfade.workshop.channels_last import BY_PLACE, in_order_of_channels
from unfade.workshop.data import batches, cache_pictures
from unfade.workshop.marked import read_marked
from unfade.workshop.networks.patch import PatchDiscriminator
from unfade.workshop.recipe import Adversary, Data, Recipe, parse_recipe, read_recipe, recipe_toml
from unfade.workshop.tasks import TASKS, Batch, LearnsFromMarked, Task

ACCURACY_MEMORY = 0.99  # of the discriminator's running accuracy
CALIBRATION_BATCHES = 40  # that the averaged weights' batch norm statistics are taken over, at the end of a training
QUANTIZED = "_quantized"  # ends the name of a weight that an exported model keeps in eight bits around zero


def train(
    recipe: Path | str | None,
    data: Sequence[Path],
    out: Path,
    *,
    minutes: float | None = None,
    resume: bool = False,
    init_from: Path | str | None = None,
    real: Path | None = None,
    device: str = "auto",
    devices: int = 1,
    threads: int | None = None,
) -> Path:
    """Train by `recipe` on the pictures below the folders `data`. Everything goes to the folder `out`; gives
    `out`.

    `minutes` bounds the time spent (over all resumptions) and stretches or shortens the rate's schedule to
    it; without it the recipe's steps do. `resume` goes on from the last checkpoint in `out`, exactly as if it
    had never stopped (with the checkpoint's own recipe, if `recipe` is None). `init_from` starts from the
    averaged weights of a run (its folder) or of a model (its name or path), with the discriminator first
    trained alone. `real` is the folder of photographs with masks that a recipe with `[data.real]` asks for.
    Raises `RecipeError`, `DataError`, and `TrainingError` if a loss is not a number (the last good checkpoint
    stays).
    """
    if not resume and (out / checkpoint.FILE).exists():
        raise UsageError(f"{out} holds a training run already; go on with --resume, or give another --out")
    saved = checkpoint.load(out) if resume else None
    if recipe is None and saved is None:
        raise UsageError("give a recipe, or --resume")
    plan = parse_recipe(saved.recipe, f"{out}'s recipe") if recipe is None and saved is not None else read_recipe(recipe or "")
    if minutes is not None and minutes <= 0:
        raise UsageError(f"--minutes is {minutes:g}; give more than 0")
    run = _Run(
        plan, data, out, minutes=minutes, saved=saved, init_from=init_from, real=real, device=device, devices=devices, threads=threads
    )
    run.go()
    return out


class _Run:
    """One training run: what is set up once, then `go`."""

    def __init__(
        self,
        recipe: Recipe,
        data: Sequence[Path],
        out: Path,
        *,
        minutes: float | None,
        saved: checkpoint.Checkpoint | None,
        init_from: Path | str | None,
        real: Path | None,
        device: str,
        devices: int,
        threads: int | None,
    ) -> None:
        if threads:
            torch.set_num_threads(threads)
        torch.manual_seed(recipe.seed)
        self.recipe, self.out, self.minutes = recipe, out, minutes
        out.mkdir(parents=True, exist_ok=True)
        self.fabric = lightning_fabric.Fabric(accelerator=device, devices=devices, precision=recipe.precision)
        self.fabric.launch()
        # One for each size of squares; the first also builds the network, judges it and shows it.
        self.tasks: list[Task] = [TASKS[recipe.task](recipe.model_copy(update={"data": size})) for size in recipe.data.sizes()]
        self.task = self.tasks[0]
        self.pictures = cache_pictures(data, out / "cache", largest_side_px=recipe.data.largest_side_px, pairs=self.task.pairs)
        for task in self.tasks:
            task.prepare(self.pictures)
        self._take_marked(real)

        generator = self.task.build().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if init_from is not None:
            initialise_from(generator, Path(init_from))
        self.average = {name: tensor.detach().clone() for name, tensor in generator.state_dict().items()}
        optimiser = torch.optim.Adam(
            _groups(generator, recipe), lr=recipe.optimiser.rate, betas=recipe.optimiser.betas, weight_decay=recipe.optimiser.weight_decay
        )
        self.generator, self.generator_optimiser = self.fabric.setup(generator, optimiser)
        self.discriminator, self.discriminator_optimiser = None, None
        if recipe.adversary:
            network = PatchDiscriminator(
                self.task.judged_channels, channels=recipe.adversary.network.channels, norm=recipe.adversary.network.norm
            )
            network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            self.discriminator, self.discriminator_optimiser = self.fabric.setup(
                network, torch.optim.Adam(network.parameters(), lr=recipe.adversary.rate, betas=recipe.adversary.betas)
            )
        self.step, self.minutes_spent, self.accuracy, self.alone = 0, 0.0, 1.0, 0
        if saved is not None:
            self._restore(saved)
        self.average = {name: tensor.to(self.fabric.device) for name, tensor in self.average.items()}
        self.curves = SummaryWriter(str(out / "curves"), purge_step=self.step)

    def _take_marked(self, folder: Path | None) -> None:
        """Give the tasks the photographs with masks.

        Raises `RecipeError` if the recipe and the folder do not go together.
        """
        wanted = self.recipe.data.real
        if (wanted is None) != (folder is None):
            said = "asks for photographs with masks; name their folder with --real" if folder is None else "has no [data.real] for --real"
            raise RecipeError(f"{self.recipe.name} {said}")
        if wanted is None or folder is None:
            return
        marked = read_marked(folder, wanted, largest_side_px=self.recipe.data.largest_side_px)
        for task in self.tasks:
            if not isinstance(task, LearnsFromMarked):
                raise RecipeError(f"{self.recipe.name}: data.real: the task {self.recipe.task} cannot use it; only damage can")
            task.take(marked)

    def go(self) -> None:
        """Train until the steps, the minutes or the discriminator's accuracy end it."""
        recipe, fabric = self.recipe, self.fabric
        loaders = [
            self._batches(task, size, seed=recipe.seed, first_step=self.step, steps=recipe.steps)
            for task, size in zip(self.tasks, recipe.data.sizes(), strict=True)
        ]
        pictures_a_step = sum(size.batch for size in recipe.data.sizes())
        began, spent_before = time.monotonic(), self.minutes_spent
        saved_at = logged_at = began
        for drawn in zip(*loaders, strict=True):
            self.minutes_spent = spent_before + (time.monotonic() - began) / 60
            progress = self.progress()
            if progress >= 1:
                break
            group = [{name: _to(tensor, fabric.device) for name, tensor in batch.items()} for batch in drawn]
            rate = self._set_rates(progress)
            adversary = recipe.adversary if recipe.adversary and progress >= recipe.adversary.begins_at else None

            generated = [task.generate(self.generator, batch) for task, batch in zip(self.tasks, group, strict=True)]
            numbers: dict[str, Tensor] = {}
            if adversary:
                numbers |= self._train_discriminator(generated[0].detach(), group[0], adversary)
            if not adversary or self.alone > adversary.alone_steps:
                numbers |= self._train_generator(generated, group, adversary)
                self._update_average()
            self.step += 1

            now = time.monotonic()
            if self.step % recipe.log_steps == 0:
                self._log(numbers, rate, pictures_per_second=recipe.log_steps * pictures_a_step / (now - logged_at))
                logged_at = now
                if (
                    adversary
                    and adversary.stop_accuracy
                    and self.accuracy < adversary.stop_accuracy
                    and self.step > self.recipe.log_steps * 10
                ):
                    fabric.print(f"the discriminator no longer tells them apart (accuracy {self.accuracy:.2f})")
                    break
            if self.step % recipe.sheet_steps == 0 or self.step == 1:
                self._sheet(group[0])
            if now - saved_at > recipe.checkpoint_minutes * 60:
                self._save()
                saved_at = now
        if recipe.ema:
            self._recalibrate()
        self._save()
        self.curves.close()

    def _batches(self, task: Task, size: Data, *, seed: int, first_step: int, steps: int) -> Iterator[Batch]:
        """Batches of squares of one size.

        A picture is large if it holds two of the recipe's own squares, and one of these.
        """
        large_px = max(2 * self.recipe.data.size_px, size.size_px)
        return batches(self.pictures, task, size, seed=seed, first_step=first_step, steps=steps, large_px=large_px)

    def progress(self) -> float:
        """The share of the training that is done: by steps, or by minutes if there are any."""
        by_steps = self.step / self.recipe.steps
        return by_steps if self.minutes is None else max(by_steps, self.minutes_spent / self.minutes)

    def _train_discriminator(self, generated: Tensor, batch: Batch, adversary: Adversary) -> dict[str, Tensor]:
        assert self.discriminator is not None and self.discriminator_optimiser is not None
        on_generated, on_target = self.task.judged(generated, batch)
        answer_generated, answer_target = self.discriminator(on_generated).float(), self.discriminator(on_target).float()
        loss = losses.discriminator_loss(answer_target, answer_generated, adversary.loss)
        self._require_number("discriminator", loss)
        self.discriminator_optimiser.zero_grad()
        self.fabric.backward(loss)
        self.discriminator_optimiser.step()
        right = float(losses.accuracy(answer_target.detach(), answer_generated.detach()))
        self.accuracy = ACCURACY_MEMORY * self.accuracy + (1 - ACCURACY_MEMORY) * right
        self.alone += 1
        return {"discriminator": loss.detach()}

    def _train_generator(self, generated: Sequence[Tensor], group: Sequence[Batch], adversary: Adversary | None) -> dict[str, Tensor]:
        scores = [task.score(made, batch) for task, made, batch in zip(self.tasks, generated, group, strict=True)]
        parts = {name: torch.stack([score[name] for score in scores]).mean() for name in scores[0]}
        weights = self.recipe.losses
        loss = torch.stack([weights[name] * part for name, part in parts.items() if name in weights]).sum()
        if adversary:
            assert self.discriminator is not None
            self.discriminator.requires_grad_(False)
            on_generated, _ = self.task.judged(generated[0], group[0])
            parts["adversarial"] = losses.generator_adversarial_loss(self.discriminator(on_generated).float(), adversary.loss)
            loss = loss + weights["adversarial"] * parts["adversarial"]
        self._require_number("generator", loss)
        self.generator_optimiser.zero_grad()
        self.fabric.backward(loss)
        if adversary and self.discriminator is not None:
            self.discriminator.requires_grad_(True)
        if self.recipe.optimiser.clip:
            self.fabric.clip_gradients(
                self.generator, self.generator_optimiser, max_norm=self.recipe.optimiser.clip, error_if_nonfinite=False
            )
        self.generator_optimiser.step()
        return {name: part.detach() for name, part in parts.items()} | {"generator": loss.detach()}

    def _require_number(self, what: str, loss: Tensor) -> None:
        if not math.isfinite(float(loss.detach())):
            raise TrainingError(
                f"the {what}'s loss is not a number at step {self.step}; the last good checkpoint is in {self.out}: lower optimiser.rate "
                f"(now {self.recipe.optimiser.rate:g}) or set optimiser.clip, and go on with --resume"
            )

    def _update_average(self) -> None:
        """Exponential moving average of the weights.

        Its memory grows with the steps, so that the start is forgotten.
        """
        decay = min(self.recipe.ema, (1 + self.step) / (10 + self.step))
        now = self.generator.module.state_dict()
        floats = [name for name, tensor in now.items() if tensor.is_floating_point()]
        torch._foreach_lerp_([self.average[name] for name in floats], [now[name] for name in floats], 1 - decay)
        for name in now.keys() - set(floats):
            self.average[name].copy_(now[name])

    @contextmanager
    def _averaged(self) -> Iterator[None]:
        """The generator with its averaged weights, without gradients; afterwards it has its own again."""
        generator = self.generator.module
        now = {name: tensor.clone() for name, tensor in generator.state_dict().items()}
        generator.load_state_dict(self.average)
        with torch.no_grad():
            yield
        generator.load_state_dict(now)

    def _recalibrate(self) -> None:
        """Give the averaged weights batch norm statistics of their own.

        The mean of the statistics that each step had is not theirs.
        """
        generator = self.generator.module
        norms = [module for module in generator.modules() if isinstance(module, nn.BatchNorm2d)]
        if not norms:
            return
        momenta = [norm.momentum for norm in norms]
        samples = self._batches(self.task, self.recipe.data, seed=self.recipe.seed + 1, first_step=0, steps=CALIBRATION_BATCHES)
        with self._averaged():
            for norm in norms:
                norm.reset_running_stats()
                norm.momentum = None  # the plain mean over all that follows
            for batch in samples:
                self.task.generate(self.generator, {name: _to(tensor, self.fabric.device) for name, tensor in batch.items()})
            self.average = {name: tensor.detach().clone() for name, tensor in generator.state_dict().items()}
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum

    def _set_rates(self, progress: float) -> float:
        spec = self.recipe.optimiser
        warmed = min(1.0, (self.step + 1) / max(spec.warmup_steps, 1))
        share = warmed * (spec.final_share + (1 - spec.final_share) * (1 + math.cos(math.pi * progress)) / 2)
        for group in self.generator_optimiser.param_groups:
            group["lr"] = spec.rate * share * group["share"]
        return spec.rate * share

    def _log(self, numbers: Mapping[str, Tensor], rate: float, *, pictures_per_second: float) -> None:
        for name, number in numbers.items():
            self.curves.add_scalar(f"loss/{name}", float(number), self.step)
        self.curves.add_scalar("rate", rate, self.step)
        self.curves.add_scalar("pictures_per_second", pictures_per_second, self.step)
        if self.recipe.adversary:
            self.curves.add_scalar("discriminator_accuracy", self.accuracy, self.step)
        progress = max(self.progress(), 1e-6)
        left = self.minutes_spent * (1 - progress) / progress
        shown = " ".join(f"{name} {float(number):.4f}" for name, number in numbers.items())
        right = f" accuracy {self.accuracy:.2f}" if self.recipe.adversary else ""
        self.fabric.print(
            f"step {self.step} {progress:6.1%} {pictures_per_second:.1f} pictures/s, {left:.0f} min left: {shown}{right}", flush=True
        )

    def _sheet(self, batch: Batch) -> None:
        with self._averaged():
            rows = self.task.sheet(self.task.generate(self.generator, batch), batch)
        (self.out / "sheets").mkdir(exist_ok=True)
        sheet.write(sheet.contact_sheet(rows), self.out / "sheets" / f"step-{self.step:07d}.png")

    def _save(self) -> None:
        state = checkpoint.Checkpoint(
            recipe=recipe_toml(self.recipe),
            step=self.step,
            minutes=self.minutes_spent,
            generator=self.generator.module.state_dict(),
            average=self.average,
            generator_optimiser=self.generator_optimiser.state_dict(),
            discriminator=self.discriminator.module.state_dict() if self.discriminator is not None else None,
            discriminator_optimiser=self.discriminator_optimiser.state_dict() if self.discriminator_optimiser is not None else None,
            accuracy=self.accuracy,
            alone=self.alone,
            random_state=torch.get_rng_state(),
        )
        if self.fabric.is_global_zero:
            checkpoint.save(self.out, state)

    def _restore(self, saved: checkpoint.Checkpoint) -> None:
        self.generator.module.load_state_dict(saved.generator)
        self.generator_optimiser.load_state_dict(saved.generator_optimiser)
        if self.discriminator is not None and self.discriminator_optimiser is not None and saved.discriminator is not None:
            self.discriminator.module.load_state_dict(saved.discriminator)
            self.discriminator_optimiser.load_state_dict(saved.discriminator_optimiser or {})
        self.average = saved.average
        self.step, self.minutes_spent, self.accuracy, self.alone = saved.step, saved.minutes, saved.accuracy, saved.alone
        torch.set_rng_state(saved.random_state)


def _groups(generator: nn.Module, recipe: Recipe) -> list[dict[str, object]]:
    """The generator's parameters: the pre-trained part, if any, at a share of the rate."""
    pretrained = [tensor for name, tensor in generator.named_parameters() if ".backbone." in f".{name}"]
    known = {id(tensor) for tensor in pretrained}
    rest = [tensor for tensor in generator.parameters() if id(tensor) not in known]
    groups: list[dict[str, object]] = [{"params": rest, "share": 1.0}]
    return groups + ([{"params": pretrained, "share": recipe.optimiser.backbone_share}] if pretrained else [])


def _to(tensor: Tensor, device: torch.device) -> Tensor:
    moved = tensor.to(device, non_blocking=True)
    return moved.contiguous(memory_format=torch.channels_last) if moved.ndim == 4 else moved


def initialise_from(generator: nn.Module, source: Path) -> None:
    """Give `generator` the weights of a run (its folder: the averaged ones) or of a model.

    A model is named by its name, .onnx or .toml.

    An exported model keeps the names of its weights behind its wrapper's; buffers that it does not need at
    run time stay as they are. Raises `TrainingError` if a weight is missing or of another shape: the recipe's
    generator is then not the one that was trained.
    """
    found = checkpoint.load(source).average if source.is_dir() else exported_weights(source)
    for name, tensor in generator.named_parameters():
        matches = [value for other, value in found.items() if f".{other}".endswith(f".{name}")]
        if len(matches) != 1 or matches[0].shape != tensor.shape:
            raise TrainingError(f"{source}: no weight {name} of the shape {tuple(tensor.shape)}; give the recipe that it was trained by")
        with torch.no_grad():
            tensor.copy_(matches[0])
    for name, buffer in generator.named_buffers():
        if name in found:
            buffer.copy_(found[name])


def exported_weights(source: Path) -> dict[str, Tensor]:
    """The weights in a model's ONNX file, from half precision or from eight bits to single precision, by
    name."""
    import onnx

    model = store.named(source)
    graph = onnx.load(str(model.weights)).graph
    stored = {item.name: onnx.numpy_helper.to_array(item) for item in graph.initializer}
    found = {}
    for name, array in stored.items():
        if name.endswith(QUANTIZED):
            name = name.removesuffix(QUANTIZED)
            scale = next(stored[other] for other in (f"{name}{QUANTIZED}_scale", f"{name}_scale") if other in stored)
            array = array * scale.reshape(-1, *(1,) * (array.ndim - 1))
        if name.endswith(BY_PLACE):
            name, array = name.removesuffix(BY_PLACE), in_order_of_channels(array)
        found[name.removesuffix(".half")] = torch.from_numpy(array.astype(np.float32))
    return found


def trained_generator(run: Path) -> tuple[Task, Recipe, nn.Module, checkpoint.Checkpoint]:
    """A run's task, recipe and generator with its averaged weights, ready to evaluate or export.

    Raises `TrainingError`, `RecipeError`.
    """
    saved = checkpoint.load(run)
    recipe = parse_recipe(saved.recipe, f"{run}'s recipe")
    task: Task = TASKS[recipe.task](recipe)
    generator = task.build()
    try:
        generator.load_state_dict(saved.average)
    except RuntimeError as error:
        raise RecipeError(f"{run}: the checkpoint does not fit its own recipe ({error})") from error
    return task, recipe, generator.eval(), saved
