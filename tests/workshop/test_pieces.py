"""The regression of pieces: it finds what tells damage from the rest, and prints what a card reads."""

from __future__ import annotations

import tomllib
from pathlib import Path

import cv2
import numpy as np
import pytest

from unfade.errors import DataError
from unfade.models.calibration import DamageCalibration
from unfade.steps._judging import TRAITS
from unfade.workshop.pieces import Labelled, as_toml, fit, main, regress


def test_the_regression_is_that_of_independent_gradient_descent(rng: np.random.Generator) -> None:
    inputs = np.concatenate([np.ones((200, 1)), rng.standard_normal((200, 2))], axis=1)
    truth = (rng.random(200) < 1 / (1 + np.exp(-(0.5 + 2 * inputs[:, 1])))).astype(float)
    weights = rng.random(200) + 0.5
    slow = np.zeros(3)
    for _ in range(20_000):
        likely = 1 / (1 + np.exp(-inputs @ slow))
        slow += 0.01 * (inputs.T @ (weights * (truth - likely)) - np.array([1e-3, 3.0, 3.0]) * slow)
    np.testing.assert_allclose(regress(inputs, truth, weights), slow, atol=1e-4)


def _photograph(rng: np.random.Generator, number: int) -> Labelled:
    traits = rng.standard_normal((number, len(TRAITS)))
    traits[:, 0] = 1
    return Labelled(traits, np.full(number, 0.01), traits[:, TRAITS.index("texture")] > 0)


def test_what_tells_damage_gets_the_weight(rng: np.random.Generator) -> None:
    pieces = fit([_photograph(rng, 40) for _ in range(20)])
    added = dict(zip(TRAITS, np.array(pieces.small) + np.array(pieces.large), strict=True))
    assert added["texture"] > 1.5 and all(abs(weight) < 0.5 for trait, weight in added.items() if trait not in ("bias", "texture"))
    assert pieces.small[TRAITS.index("company")] == 0
    with pytest.raises(DataError, match="pieces that are damage and pieces that are not"):
        fit([Labelled(np.ones((3, len(TRAITS))), np.ones(3), np.ones(3, bool))])


def test_what_is_printed_is_what_a_card_reads(rng: np.random.Generator) -> None:
    pieces = fit([_photograph(rng, 40) for _ in range(5)])
    assert DamageCalibration.model_validate(tomllib.loads(as_toml(pieces))["calibration"]).pieces == pieces


def test_a_detector_is_fitted_to_folders(
    golden: Path, tmp_path: Path, rng: np.random.Generator, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("damaged", "mask"):
        (tmp_path / "real" / name).mkdir(parents=True)
    (tmp_path / "sound").mkdir()
    for number in range(2):
        picture = np.clip(rng.normal(90, 3, (160, 200, 3)), 0, 255).astype(np.uint8)
        cv2.circle(picture, (60, 60), 5, (250, 250, 250), -1)
        cv2.imwrite(str(tmp_path / "sound" / f"{number}.png"), picture)
        mask = np.zeros((160, 200), np.uint8)
        cv2.circle(mask, (60, 60), 6, 255, -1)
        cv2.imwrite(str(tmp_path / "real" / "damaged" / f"{number}.png"), picture)
        cv2.imwrite(str(tmp_path / "real" / "mask" / f"{number}.png"), mask)
    main([str(golden / "damage.toml"), "--real", str(tmp_path / "real"), "--sound", str(tmp_path / "sound")])
    DamageCalibration.model_validate(tomllib.loads(capsys.readouterr().out)["calibration"])
    (tmp_path / "real" / "mask" / "1.png").unlink()
    with pytest.raises(DataError, match=r"1 in .*damaged without a mask in .*mask: 1"):
        main([str(golden / "damage.toml"), "--real", str(tmp_path / "real")])
