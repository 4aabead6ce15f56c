"""A hole is filled from another place: its texture, and the tone of what surrounds the hole."""

from __future__ import annotations

import numpy as np
import pytest
from tests.gray_photos import gray_photo, ignore

from unfade.errors import UsageError
from unfade.files.photo import Photo, read
from unfade.healing import difference, find_sources
from unfade.models.session import Sessions
from unfade.steps.fill import Fill, Heal
from unfade.treatment import Treatment
from unfade.work import Work


def woven(height: int = 96, width: int = 160) -> np.ndarray:
    """A weave that repeats every 16 pixels, in a light that falls off to the right; (h, w, 3) in [0, 1]."""
    rows, columns = np.mgrid[:height, :width]
    weave = 0.1 * np.sin(columns * np.pi / 8) * np.sin(rows * np.pi / 8)
    return np.repeat((0.6 - 0.2 * columns / width + weave).astype(np.float32)[:, :, None], 3, axis=2)


HOLE = np.zeros((96, 160), bool)
HOLE[40:52, 60:76] = True
STROKE = ((68.0, 46.0),)


def test_the_tone_of_the_surroundings_is_laid_over_another_places_texture() -> None:
    image = woven()
    broken = np.where(HOLE[:, :, None], 1.0, image).astype(np.float32)
    source = np.roll(image, -48, axis=1)  # three weaves to the right, where it is darker
    made = source + difference(broken, source, HOLE)
    assert np.abs(made - image)[HOLE].max() < 0.03
    assert np.abs(source - image)[HOLE].max() > 0.05


def test_all_hole_and_no_rim_is_no_error() -> None:
    image = woven(20, 20)
    assert not difference(image, image, np.ones((20, 20), bool)).any()


@pytest.mark.parametrize("factor", [1, 4])
def test_sources_go_on_as_the_surroundings_do_and_lie_apart(factor: int) -> None:
    grown = np.ones((factor, factor), bool)
    image, hole = (np.kron(plane, grown) for plane in (woven()[:, :, 0], HOLE))
    lost = hole.copy()
    lost[:, : 40 * factor] = True
    found = find_sources(np.repeat(image[:, :, None], 3, axis=2).astype(np.float32), lost, hole)
    assert len(found) > 2
    for each in found[:2]:
        away = abs(each.dx / factor) % 16, abs(each.dy / factor) % 16
        assert all(min(shift, 16 - shift) <= 2 for shift in away) or all(abs(shift - 8) <= 2 for shift in away), each
        assert 68 + each.dx / factor > 40, "it is lost there"
    places = [(each.dx, each.dy) for each in found]
    assert all(max(abs(a - c), abs(b - d)) > 4 for at, (a, b) in enumerate(places) for c, d in places[:at])


def test_there_is_no_source_without_a_hole_or_without_room() -> None:
    assert find_sources(woven(), HOLE, np.zeros_like(HOLE)) == ()
    assert find_sources(woven(), np.ones_like(HOLE), HOLE) == ()


def healed(photo: Photo, mask: np.ndarray, sessions: Sessions, *heals: Heal) -> Work:
    return Fill(heals=heals)(Work(photo, mask), sessions, ignore)


def test_only_what_is_lost_under_the_stroke_is_taken_from_there(sessions: Sessions) -> None:
    samples = np.rint(woven() * 255).astype(np.uint8)
    samples[HOLE] = 255
    mask = HOLE.copy()
    mask[80:84, 20:24] = True
    photo = read(samples)
    plain = healed(photo, mask, sessions)
    work = healed(photo, mask, sessions, Heal(STROKE, 14, -48, 0))
    np.testing.assert_array_equal(work.photo.samples[~HOLE], plain.photo.samples[~HOLE])
    np.testing.assert_array_equal(work.photo.samples[~mask], samples[~mask])
    apart = np.abs(work.photo.samples.astype(float) - np.rint(woven() * 255))[HOLE]
    assert apart.max() < 12
    assert work.records[-1].facts["healed"] == HOLE.sum()
    gray = work.photo.samples[HOLE]
    assert (gray[:, 0] == gray[:, 2]).all(), "what has no tint gets none"


@pytest.mark.parametrize("bits", [8, 16])
def test_a_source_beyond_the_edge_leaves_the_fill(sessions: Sessions, bits: int) -> None:
    photo = gray_photo(60, 80, bits)
    mask = np.zeros((60, 80), bool)
    mask[20:30, 20:30] = True
    plain = healed(photo, mask, sessions)
    for heal in (Heal(((25, 25),), 8, 500, 0), Heal(((25, 25),), 8, 0, -400), Heal(((900, 25),), 8, 10, 0)):
        np.testing.assert_array_equal(healed(photo, mask, sessions, heal).photo.samples, plain.photo.samples)


def test_an_outline_heals_what_it_encloses(sessions: Sessions) -> None:
    photo = gray_photo(60, 80)
    mask = np.zeros((60, 80), bool)
    mask[20:30, 20:30] = True
    work = healed(photo, mask, sessions, Heal(((10, 10), (40, 10), (40, 25), (10, 25)), 0, 30, 0))
    assert work.records[-1].facts["healed"] == pytest.approx(50, abs=10)


def test_a_heal_scales_moves_and_comes_back_from_json() -> None:
    heal = Heal.parse("40,30; 60,32 : 8 : 120,-4")
    assert heal.scaled(0.5) == Heal(((20, 15), (30, 16)), 4, 60, -2)
    assert Fill(heals=(heal,)).placed(10, 20, 99, 99).heals == (Heal(((30, 10), (50, 12)), 8, 120, -4),)
    treatment = Treatment(heals=[heal])
    assert Treatment.from_json(treatment.as_json()) == treatment


@pytest.mark.parametrize("text", ["", "1,2", "1,2:3:4", "1,2:-3:4,5", "1,2,3:1:2,2", "1.2.3,4:1:2,2", "1,2;3,4:0:5,5"])
def test_what_is_no_heal_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="heal"):
        Heal.parse(text)
