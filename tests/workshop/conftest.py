"""Small trainings: a few made-up photographs and recipes that take seconds."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest


@pytest.fixture(scope="session")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four colourful, smooth pictures of 96 x 96."""
    folder = tmp_path_factory.mktemp("photographs")
    chance = np.random.default_rng(5)
    for number in range(4):
        picture = cv2.resize(chance.integers(0, 256, (6, 6, 3), dtype=np.uint8), (96, 96), interpolation=cv2.INTER_CUBIC)
        cv2.rectangle(picture, (10 + 8 * number, 20), (50, 70), (40, 60 * number, 200), -1)
        cv2.imwrite(str(folder / f"{number}.png"), picture)
    return folder


def recipe_text(task: str, *, steps: int, extra: str = "", generator: str | None = None, losses: str) -> str:
    """A small recipe's TOML."""
    return f"""
name = "small-{task}"
task = "{task}"
summary = "a test"
steps = {steps}
ema = 0.9
seed = 7
precision = "32-true"
checkpoint_minutes = 60
sheet_steps = 1000
log_steps = 5
{extra}
[generator]
{generator or 'kind = "lean"' + chr(10) + "channels = [8, 12, 16]" + chr(10) + "blocks = [1, 1, 1]"}
[losses]
{losses}
[data]
size_px = 64
batch = 4
workers = 0
[optimiser]
rate = 3e-3
warmup_steps = 5
clip = 1.0
"""
