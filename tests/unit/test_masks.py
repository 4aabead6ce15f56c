"""The components of a mask, one by one."""

from __future__ import annotations

import time

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unfade import masks


def _mask() -> np.ndarray:
    mask = np.zeros((200, 300), bool)
    mask[20:120, 50:52] = True  # a scratch
    mask[150:153, 200:203] = True  # a spot
    mask[100:140, 100:150] = True  # a hole
    for step in range(60):
        mask[150 - step // 2, 220 + step] = True  # a slanted scratch
    return mask


def test_components_are_told_apart_by_shape_and_counted_largest_first() -> None:
    found, total = masks.components(_mask())
    assert total == 4 and [component["kind"] for component in found] == ["hole", "scratch", "scratch", "spot"]
    assert found[0]["area_px"] == 2000 and (found[0]["x"], found[0]["y"], found[0]["width"], found[0]["height"]) == (100, 100, 50, 40)
    assert found[1]["size_px"] == 100
    assert all(2 <= len(component["outline"]) <= masks.MAX_OUTLINE for component in found)


def test_a_component_with_a_wild_edge_has_a_short_outline(rng: np.random.Generator) -> None:
    noise = cv2.GaussianBlur(rng.standard_normal((300, 300)).astype(np.float32), (0, 0), 2) > 0
    found, total = masks.components(noise)
    assert total > 10
    assert all(len(component["outline"]) <= masks.MAX_OUTLINE for component in found)


def test_components_are_kept_by_number_and_by_size_and_found_by_place() -> None:
    mask = _mask()
    numbers = {component["kind"]: component["id"] for component in masks.components(mask)[0]}
    rest = masks.without(mask, [numbers["hole"], 10_000], None)
    assert not rest[100:140, 100:150].any() and (rest == mask)[:100].all()
    dust = masks.without(mask, [], 10)
    assert dust.sum() == 9
    assert (masks.without(mask, [], None) == mask).all()
    assert masks.component_at(mask, 120.5, 120.5, 0) == numbers["hole"]
    assert masks.component_at(mask, 201, 148, 4) == numbers["spot"]
    assert masks.component_at(mask, 10, 190, 3) is None
    assert masks.component_at(mask, 5000, 5000, 3) is None


@given(st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_taking_away_every_component_leaves_nothing(seed: int, share: float) -> None:
    mask = np.random.default_rng(seed).random((13, 17)) < share
    found, total = masks.components(mask)
    assert total == len(found)
    assert not masks.without(mask, [component["id"] for component in found], None).any()
    assert sum(component["area_px"] for component in found) == mask.sum()


@given(st.integers(0, 2**32 - 1), st.floats(0.05, 0.5))
def test_components_looked_at_one_by_one_or_at_once_are_the_same(seed: int, share: float) -> None:
    """Whichever is quicker is taken; a component in another's hole is told, too."""
    mask = np.random.default_rng(seed).random((31, 47)) < share
    mask[5:20, 5:20] = False
    mask[6:19, 6:19] = True
    mask[8:17, 8:17] = False
    mask[11:14, 11:14] = True
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    order = list(range(1, count))
    at_once = masks._shapes_at_once(mask, labels, count, order)
    for number in order:
        alone = masks._shape_in_box(labels, boxes[number], number)
        assert at_once[number].radius == pytest.approx(alone.radius)
        assert sorted(map(tuple, at_once[number].contour.reshape(-1, 2))) == sorted(map(tuple, alone.contour.reshape(-1, 2)))


def test_long_scratches_side_by_side_are_told_in_time() -> None:
    """Each box is most of the picture: looked at one by one they took the square of their number."""
    mask = np.zeros((1500, 4000), np.uint8)
    for number in range(900):
        cv2.line(mask, (4 * number, 0), (4 * number + 400, 1499), 1)
    began = time.process_time()
    found, total = masks.components(mask.astype(bool))
    assert total == len(found) == 900 and {component["kind"] for component in found} == {"scratch"}
    assert time.process_time() - began < 8


def test_an_outline_of_many_points_is_short() -> None:
    mask = np.zeros((400, 4000), bool)
    mask[200:] = True
    mask[:200, ::2] = True  # a comb
    found, total = masks.components(mask)
    assert total == 1 and len(found[0]["outline"]) <= masks.MAX_OUTLINE
