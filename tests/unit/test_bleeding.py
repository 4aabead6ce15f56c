"""What is filled has the color and the fineness of its surroundings, not of the fringe that JPEG leaves
around damage."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from unfade.files.photo import Photo, read
from unfade.models.session import Sessions
from unfade.steps._bleeding import CHROMA_LEAST, CHROMA_PX, measure_bleeding, with_chroma_from_afar
from unfade.steps._grain import without_excess
from unfade.steps.fill import Fill
from unfade.work import Work

BROWN = np.array([92, 66, 36], np.uint8)


def _torn_brown(*, jpeg: int | None, rng: np.random.Generator, patches: float = 0) -> tuple[Photo, np.ndarray]:
    """A brown coat with white tears, (160, 200), and the tears' mask; `jpeg`: the quality of a JPEG in
    between; `patches`: by how much red and blue patches differ from brown."""
    coat = np.clip(BROWN + cv2.GaussianBlur(rng.standard_normal((160, 200, 1)), (0, 0), 4)[:, :, None] * 60, 0, 255).astype(np.uint8)
    rows, columns = np.mgrid[:160, :200] // 12 % 2 * 2 - 1
    coat = np.clip(coat + patches * np.stack([rows, np.zeros_like(rows), columns], axis=2), 0, 255).astype(np.uint8)
    mask = np.zeros((160, 200), np.uint8)
    for top in (20, 60, 100):
        cv2.line(mask, (20, top), (180, top + 30), 1, 5)
    coat[mask > 0] = (255, 247, 235)
    if jpeg is not None:
        coat = cv2.GaussianBlur(coat, (0, 0), 0.8)  # a scan is never as sharp as a drawing
        encoded = cv2.imencode(".jpg", coat[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, jpeg, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, 0x411111])[1]
        coat = cv2.imdecode(encoded, cv2.IMREAD_COLOR)[:, :, ::-1]
    return read(np.ascontiguousarray(coat)), mask > 0


def test_a_jpegs_fringe_is_noticed_and_a_sharp_edge_is_none(rng: np.random.Generator) -> None:
    assert measure_bleeding(*_torn_brown(jpeg=25, rng=rng)).believed_chroma_px == CHROMA_PX
    assert measure_bleeding(*_torn_brown(jpeg=None, rng=rng)).believed_chroma_px == 0


def test_chroma_beside_the_damage_is_believed_where_there_are_many_colors(rng: np.random.Generator) -> None:
    bleeding = measure_bleeding(*_torn_brown(jpeg=25, rng=rng, patches=35))
    assert bleeding.chroma >= CHROMA_LEAST and bleeding.believed_chroma_px == 0


def test_a_tear_in_a_brown_coat_is_filled_brown(sessions: Sessions, rng: np.random.Generator) -> None:
    photo, mask = _torn_brown(jpeg=25, rng=rng)
    filled = Fill()(Work(photo, mask), sessions, lambda share: None).photo.samples
    np.testing.assert_array_equal(filled[~mask], photo.samples[~mask])

    def blueness(samples: np.ndarray) -> float:
        return float(np.mean(samples[:, 2].astype(float) - samples[:, 0]))

    away = cv2.dilate(mask.astype(np.uint8), np.ones((25, 25), np.uint8)) == 0
    assert blueness(filled[mask]) == pytest.approx(blueness(photo.samples[away]), abs=3)


def test_chroma_from_afar_leaves_the_luma(rng: np.random.Generator) -> None:
    image = rng.random((60, 80, 3)).astype(np.float32) / 2 + 0.25
    lost = np.zeros((60, 80), bool)
    lost[25:32, 10:70] = True
    before = image.copy()
    moved = with_chroma_from_afar(image, image, lost, CHROMA_PX)
    np.testing.assert_array_equal(image, before)
    np.testing.assert_array_equal(moved[~lost], image[~lost])
    assert np.abs(moved - image)[lost].max() > 0.01
    weights = np.array([0.299, 0.587, 0.114], np.float32)
    np.testing.assert_allclose((moved @ weights)[lost], (image @ weights)[lost], atol=1e-5)


def test_a_scratch_in_a_net_of_scratches_is_not_as_red_as_a_star_far_away() -> None:
    image = np.empty((120, 120, 3), np.float32)
    image[:] = (0.15, 0.25, 0.2)
    image[:40, :40] = (0.7, 0.15, 0.2)
    lost = np.zeros((120, 120), bool)
    for offset in range(44, 120, 8):
        lost[offset : offset + 2, 40:] = lost[40:, offset : offset + 2] = True
    lone = np.zeros_like(lost)
    lone[80:82, 20:100] = True
    made = image + 0.1 * np.float32([1, 0, 0]) * (lost | lone)[:, :, None]
    beyond = np.zeros_like(lost)
    beyond[60:, 60:] = lost[60:, 60:]
    moved = with_chroma_from_afar(made, image, lost, CHROMA_PX)
    np.testing.assert_allclose(moved[beyond], made[beyond], atol=0.02)
    fringed = image.copy()
    fringed[74:88, 10:110] += np.float32([-0.015, 0.0, 0.03])
    blue = fringed[lone, 2] - fringed[lone, 0]
    cured = with_chroma_from_afar(fringed, fringed, lone, CHROMA_PX)[lone]
    assert (cured[:, 2] - cured[:, 0]).mean() < 0.05 + 0.3 * (blue.mean() - 0.05)


def test_a_weave_in_a_soft_picture_is_weakened(rng: np.random.Generator) -> None:
    soft = (0.5 + 0.01 * cv2.GaussianBlur(rng.standard_normal((100, 100)), (0, 0), 5))[:, :, None].repeat(3, axis=2).astype(np.float32)
    lost = np.zeros((100, 100), bool)
    lost[30:70, 30:70] = True
    weave = np.where((np.indices((100, 100)).sum(axis=0) % 2 == 0) & lost, 0.04, 0).astype(np.float32)[:, :, None]
    tamed = without_excess(soft + weave, lost)
    np.testing.assert_array_equal(tamed[~lost], soft[~lost])
    assert np.abs(tamed - soft - weave.mean())[35:65, 35:65].std() < 0.3 * weave[35:65, 35:65].std()


def test_detail_as_strong_as_around_stays(rng: np.random.Generator) -> None:
    grainy = (0.5 + 0.03 * rng.standard_normal((100, 100, 3))).astype(np.float32)
    lost = np.zeros((100, 100), bool)
    lost[30:70, 30:70] = True
    assert np.abs(without_excess(grainy, lost) - grainy).max() < 0.02
