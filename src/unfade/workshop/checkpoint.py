"""The whole state of a training run, written so that a kill at any moment leaves the last good one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from unfade.errors import TrainingError

FILE = "checkpoint.pt"


@dataclass
class Checkpoint:
    """Everything that an undisturbed run would have in memory at this step."""

    recipe: str
    step: int
    minutes: float
    generator: dict[str, Any]
    average: dict[str, Any]
    generator_optimiser: dict[str, Any]
    discriminator: dict[str, Any] | None
    discriminator_optimiser: dict[str, Any] | None
    accuracy: float
    alone: int
    random_state: torch.Tensor


def save(run: Path, checkpoint: Checkpoint) -> None:
    """Write it beside the old one, bring it to the disk, then put it in the old one's place."""
    growing = run / f"{FILE}.{os.getpid()}"
    try:
        with growing.open("wb") as file:
            torch.save(vars(checkpoint), file)
            file.flush()
            os.fsync(file.fileno())
        growing.replace(run / FILE)
    except OSError as error:
        raise TrainingError(f"{run / FILE} cannot be written ({error.strerror}); free some disk and go on with --resume") from error
    finally:
        growing.unlink(missing_ok=True)


def load(run: Path) -> Checkpoint:
    """The run's last good checkpoint. Raises `TrainingError` if there is none."""
    path = run / FILE
    if not path.is_file():
        raise TrainingError(f"{run} holds no {FILE}; start without --resume")
    try:
        return Checkpoint(**torch.load(path, map_location="cpu", weights_only=True))
    except (RuntimeError, OSError, TypeError, EOFError) as error:
        raise TrainingError(f"{path} cannot be read ({error}); start again without --resume") from error
