"""Faces are found, and what is done to them is told; marks in a sound face are dropped."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.gray_photos import gray_photo, ignore

import unfade
from unfade.errors import ModelTaskError
from unfade.faces import CELL_PX, SHARPEST, UNSEEN, Face, _agreed, _apart, _Look, faces_in, tone_moved, touched
from unfade.files.photo import Photo, read
from unfade.models.session import Sessions
from unfade.steps._evidence import quantized
from unfade.steps._judging import spare_faces
from unfade.steps.fill import Fill
from unfade.work import Work

EXAMPLES = Path(__file__).parents[2] / "examples"
# By eye, in pixels of the example: three men before a tent.
ANTIETAM = ((117, 235, 185, 304), (385, 182, 451, 243), (660, 245, 729, 322))


def share_in_common(face: Face, box: tuple[int, int, int, int]) -> float:
    across = min(face.right, box[2]) - max(face.left, box[0])
    down = min(face.bottom, box[3]) - max(face.top, box[1])
    both = max(across, 0) * max(down, 0)
    return both / (face.width * face.height + (box[2] - box[0]) * (box[3] - box[1]) - both)


@pytest.fixture(scope="module")
def antietam() -> Photo:
    return read(EXAMPLES / "lincoln-antietam-1862.jpg")


def test_the_faces_of_an_old_photograph_are_found_at_any_size_and_depth(antietam: Photo) -> None:
    half = cv2.resize(antietam.samples, (antietam.width // 2, antietam.height // 2), interpolation=cv2.INTER_AREA)
    with Sessions() as sessions:
        for photo, scale in ((antietam, 1.0), (read(half), 0.5), (read(antietam.samples.astype(np.uint16) * 257), 1.0)):
            found = unfade.find_faces(photo, sessions=sessions)
            for box in ANTIETAM:
                left, top, right, bottom = (round(side * scale) for side in box)
                assert max(share_in_common(face, (left, top, right, bottom)) for face in found) > 0.35
            assert len(found) <= len(ANTIETAM) + 1
            assert all(0 <= face.left < face.right <= photo.width and 0 <= face.top < face.bottom <= photo.height for face in found)


def test_boxes_of_one_face_are_one_between_them() -> None:
    looks = np.array([[10, 10, 50, 60, 0.6], [200, 10, 240, 60, 0.7], [14, 14, 58, 68, 0.9], [300, 300, 300, 300, 0.5]], float)
    apart = _apart(looks)
    weights = 0.6**SHARPEST, 0.9**SHARPEST
    np.testing.assert_allclose(apart[0], [*(weights[0] * looks[0, :4] + weights[1] * looks[2, :4]) / sum(weights), 0.9])
    np.testing.assert_allclose(apart[1:], looks[[1, 3]])


def look(scale: float, *seen: tuple[int, int, float]) -> _Look:
    """A copy of a photograph of 320 x 320 pixels that shows faces of 4 cells in these rows and columns, with
    this probability."""
    cells = round(320 * scale / CELL_PX)
    heat = np.full((cells, cells), 0.01, np.float32)
    for row, column, probability in seen:
        heat[row, column] = probability
    return _Look(heat, np.full((4, cells, cells), 2, np.float32), np.array([scale, scale]))


def test_what_one_copy_alone_shows_is_half_believed() -> None:
    full, half = look(1.0, (20, 10, 0.8), (8, 30, 0.8)), look(0.5, (4, 15, 0.8))
    found = np.concatenate([one.candidates(0.15) for one in (full, half)])
    assert len(found) == 3
    np.testing.assert_allclose(found[:, :2], [[228, 52], [68, 148], [216, 40]])  # left, top: row by row
    agreed = _agreed(found, (full, half))
    odds = [np.log(share / (1 - share)) for share in (0.8, UNSEEN)]
    np.testing.assert_allclose(agreed[[0, 2]], 0.8, atol=1e-6)
    np.testing.assert_allclose(agreed[1], 1 / (1 + np.exp(-(odds[0] + (odds[0] + odds[1]) / 2) / 2)), atol=1e-6)
    assert 0.8 > agreed[1] > 0.5


def test_a_copy_on_which_a_face_is_too_small_has_no_say() -> None:
    full, tiny = look(1.0, (20, 10, 0.8)), look(0.25)  # 8 of its pixels
    found = full.candidates(0.15)
    np.testing.assert_allclose(_agreed(found, (full, tiny)), 0.8, atol=1e-6)
    assert _agreed(found, (full, look(0.5)))[0] < 0.7


@pytest.mark.parametrize("size", [(1, 1), (1, 700), (63, 65)])
def test_there_is_no_face_in_a_plain_photograph_of_any_size(size: tuple[int, int]) -> None:
    assert unfade.find_faces(read(np.full((*size, 3), 128, np.uint8))) == ()


def test_another_model_is_refused(sessions: Sessions) -> None:
    with pytest.raises(ModelTaskError, match="FacesCalibration"):
        faces_in(gray_photo(40, 40), sessions.get("fill"))


def test_a_face_is_moved_and_cut_to_a_part_of_the_photograph() -> None:
    face = Face(10, 20, 50, 70, 0.9)
    assert face.moved(-30, -30).cut(100, 100) == Face(0, 0, 20, 40, 0.9)
    assert face.moved(-60, 0).cut(100, 100) is None


def marked(*places: tuple[int, int, int, int, float]) -> tuple[np.ndarray, np.ndarray]:
    """A mask and the evidence for it: rectangles (left, top, right, bottom) with log-odds."""
    mask, evidence = np.zeros((200, 300), bool), np.full((200, 300), quantized(-6.0), np.uint8)
    for left, top, right, bottom, log_odds in places:
        mask[top:bottom, left:right] = True
        evidence[top:bottom, left:right] = quantized(log_odds)
    return mask, evidence


EYE, BROW, SCRATCH = (70, 80, 82, 86, 0.8), (68, 70, 84, 74, 1.0), (20, 90, 280, 93, 3.0)
FACE = Face(50, 50, 130, 150, 0.9)


def test_marks_in_a_face_where_nothing_is_surely_lost_are_dropped() -> None:
    mask, evidence = marked(EYE, BROW, (200, 60, 210, 70, 0.8))
    assert spare_faces(mask, evidence, [FACE], sure=2.0) == 1
    assert not mask[:, :180].any() and mask[60:70, 200:210].all()


@pytest.mark.parametrize("sure", [SCRATCH, (100, 100, 104, 104, 2.5)])
def test_a_face_that_is_surely_damaged_keeps_every_mark(sure: tuple[int, int, int, int, float]) -> None:
    mask, evidence = marked(EYE, BROW, sure)
    before = mask.copy()
    assert spare_faces(mask, evidence, [FACE], sure=2.0) == 0
    np.testing.assert_array_equal(mask, before)


def test_a_weak_mark_that_goes_beyond_the_face_stays() -> None:
    mask, evidence = marked(EYE, (*SCRATCH[:4], 1.0))
    assert spare_faces(mask, evidence, [FACE], sure=2.0) == 1
    assert mask[90:93, 20:280].all() and not mask[80:86, 70:82].any()


def test_a_repair_of_a_face_is_told(sessions: Sessions) -> None:
    mask, _ = marked(SCRATCH)
    faces = (FACE, Face(200, 10, 240, 60, 0.9))
    assert touched(faces, mask) == 1
    done = Fill()(Work(gray_photo(200, 300), mask, faces=faces), sessions, ignore)
    assert done.records[0].facts["faces_touched"] == 1 and "a repair touches a face: look at it" in done.records[0].notes
    assert done.faces == faces


def test_how_much_of_each_face_a_step_changed_is_told(sessions: Sessions) -> None:
    mask, _ = marked(SCRATCH)
    faces = (Face(200, 10, 240, 60, 0.9), FACE)
    photo = gray_photo(200, 300)
    done = Fill()(Work(photo, mask, faces=faces), sessions, ignore)
    facts = done.records[0].facts
    changed = (FACE.part(photo.samples) != FACE.part(done.photo.samples)).any(axis=2)
    assert facts["2.changed"] == changed.mean() and 0 < changed.sum() <= 3 * FACE.width
    assert "1.changed" not in facts


def test_on_a_scan_of_two_prints_the_touched_faces_of_both_count(sessions: Sessions) -> None:
    mask, _ = marked((10, 90, 140, 93, 3.0), (170, 90, 290, 93, 3.0))
    faces = (FACE, Face(200, 60, 260, 130, 0.9))
    prints = tuple(np.array([[x, 10], [x + 135, 10], [x + 135, 190], [x, 190]], float) for x in (5, 160))
    done = Fill()(Work(gray_photo(200, 300), mask, pictures=prints, faces=faces), sessions, ignore)
    assert done.records[0].facts["faces_touched"] == 2


def test_what_was_found_is_told_with_its_places(antietam: Photo, sessions: Sessions) -> None:
    mask = np.zeros((antietam.height, antietam.width), bool)
    mask[180:240, 400:404] = True
    done = Fill()(Work(antietam, mask), sessions, ignore)
    facts = done.records[0].facts
    assert done.faces is not None and facts["faces"] == len(done.faces) and facts["faces_touched"] == 1
    assert (facts["1.left"], facts["1.bottom"]) == (done.faces[0].left, done.faces[0].bottom)
    assert [model.name for model in done.records[0].models][1].startswith("faces-")


def test_how_far_a_faces_tone_moved_is_measured_in_the_face_alone() -> None:
    before = gray_photo(200, 300)
    samples = before.samples.copy()
    samples[50:150, 50:130] = np.clip(samples[50:150, 50:130].astype(int) + 30, 0, 255)
    after = before.with_samples(samples)
    assert 8 < tone_moved(before, after, [FACE]) < 16
    assert tone_moved(before, after, [Face(200, 10, 240, 60, 0.9)]) == tone_moved(before, after, []) == 0
