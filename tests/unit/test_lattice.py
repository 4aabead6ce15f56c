"""What keeps step with a network's blocks is taken out of a fill, and nothing else."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from tests.gray_photos import ignore

from unfade.files.photo import read
from unfade.models.session import Session, Sessions
from unfade.steps._lattice import MOST, without_lattice
from unfade.steps.fill import Fill
from unfade.work import Work

SIDE = 150  # no multiple of a block


def disc(radius: int) -> np.ndarray:
    return cv2.circle(np.zeros((SIDE, SIDE), np.uint8), (70, 80), radius, 1, -1) > 0


def lattice(period: int, strength: float) -> np.ndarray:
    """One bright place in each block, without a mean, (SIDE, SIDE, 3)."""
    plane = np.full((SIDE, SIDE), -1 / (period**2 - 1), np.float32)
    plane[1::period, ::period] = 1
    return np.repeat(strength * plane[:, :, None], 3, axis=2)


@pytest.mark.parametrize("strength", [0.012, 0.045])
@pytest.mark.parametrize("period", [2, 4, 8])
def test_a_lattice_goes(period: int, strength: float) -> None:
    lost = disc(40)
    added = lattice(period, strength) * lost[:, :, None]
    made = without_lattice(added, lost, 32)
    assert made[disc(29)].std() < 0.25 * added[disc(29)].std()
    np.testing.assert_array_equal(made[~lost], added[~lost])
    np.testing.assert_array_equal(without_lattice(added, lost, 1), added)
    np.testing.assert_array_equal(without_lattice(added, disc(1), 32), added)  # thin


def test_texture_and_edges_stay(rng: np.random.Generator) -> None:
    lost = disc(40)
    texture = cv2.GaussianBlur(rng.standard_normal((SIDE, SIDE, 3)).astype(np.float32), (0, 0), 0.8) * 0.02 * lost[:, :, None]
    assert without_lattice(texture, lost, 32)[lost].std() > 0.9 * texture[lost].std()
    edge = np.zeros((SIDE, SIDE, 3), np.float32)
    edge[:, 72:] = 0.3
    edge *= lost[:, :, None]
    assert 0 < np.abs(without_lattice(edge, lost, 32) - edge).max() < MOST / 2


def test_a_networks_lattice_is_not_in_a_filled_photograph(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    grainy = 0.5 + 0.02 * rng.standard_normal((SIDE, SIDE, 1))
    lost = disc(40)
    photo = read(np.rint(np.repeat(grainy, 3, axis=2).clip(0, 1) * 65535).astype(np.uint16))

    def run(session: Session, **inputs: np.ndarray) -> dict[str, np.ndarray]:
        height, width = inputs["mask"].shape[2:]
        planes = np.tile(lattice(4, 0.01)[:4, :4].transpose(2, 0, 1), (1, height // 4 + 1, width // 4 + 1))[:, :height, :width]
        return {"filled": inputs["image"] + planes * inputs["mask"]}

    monkeypatch.setattr(Session, "run", run)
    monkeypatch.setattr("unfade.steps._texture.add_texture", lambda photo, mask, faces: photo)  # it would hide some of it
    filled = Fill()(Work(photo, lost, faces=()), sessions, ignore).photo.srgb()[:, :, 0]
    inside = disc(29)
    places = [filled[down::4, across::4][inside[down::4, across::4]].mean() for down in range(4) for across in range(4)]
    assert max(places) - min(places) < 0.006
