"""When the tone of a photograph is lifted, and how: prints by what can be seen of them, dials by hand."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from unfade import color, pipeline
from unfade.files.photo import Photo, read
from unfade.models import store
from unfade.models.calibration import Prints, ToneCalibration
from unfade.models.session import Sessions
from unfade.monochrome import NO_COLORS, Colors
from unfade.steps._dials import Dials
from unfade.steps._prints import Look, find_levels, gate, print_need
from unfade.steps.clean import Clean
from unfade.work import Work

RAMP = np.repeat(np.linspace(0, 1, 256, dtype=np.float32)[None, :, None], 3, axis=2) * np.ones((8, 1, 1), np.float32)


def ignore(share: float) -> None:
    """Progress nobody looks at."""


@pytest.fixture(scope="module")
def prints() -> Prints:
    """The gates of the model that ships."""
    found = store.find("tone").card.calibrated(ToneCalibration).prints
    assert found is not None
    return found


def yellow(cast: float) -> Colors:
    return Colors(1.0, 1.0, stained=False, cast=cast, lights=0.0)


# --- whether ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("look", "need", "lifted"),
    [
        (Look(49, 86, NO_COLORS), 0.1, 1.0),  # bleached: hardly any range, no black
        (Look(11, 88, yellow(16)), 0.3, 1.0),  # yellowed, full range
        (Look(3, 85, yellow(4)), 1.0, 0.0),  # sound, whatever the network says
        (Look(19, 99, NO_COLORS), 0.99, 0.0),  # sound, its black a little gray
        (Look(11, 57, yellow(7)), 0.2, 0.0),  # a dark wood: a short range, and black in it
        (Look(3, 78, yellow(27)), 0.9, 0.0),  # a street lamp's light: no paper has such a black
        (Look(4, 82, yellow(17)), 1.0, 1.0),  # a toned print with a deep black, of which the network is sure
        (Look(2, 85, yellow(46)), 0.3, 0.0),  # wood in evening light: no print has such a cast
        (Look(46, 58, NO_COLORS), 0.5, 0.0),  # asphalt
    ],
)
def test_a_print_is_lifted_by_what_can_be_seen_of_it(prints: Prints, look: Look, need: float, lifted: float) -> None:
    assert print_need(look, need, prints) == pytest.approx(lifted, abs=0.01)


def test_no_print_is_on_an_edge(prints: Prints) -> None:
    """A little more cast or a little less range changes the need by a little."""
    needs = [print_need(Look(20, 95, yellow(cast)), 0.5, prints) for cast in np.linspace(5, 15, 101)]
    assert needs == sorted(needs) and needs[0] == 0 and needs[-1] == 1 and np.diff(needs).max() < 0.05
    assert gate(0.5, (0.4, 0.6)) == 0.5


def test_without_gates_for_prints_the_need_decides(sessions: Sessions) -> None:
    """As with the pinned model, whose card has none: a yellow ramp of full range has no need."""
    ramp = np.clip(RAMP * np.array([1.0, 0.95, 0.7]), 0, 1)
    done = Clean()(Work(read(np.rint(ramp * 255).astype(np.uint8))), sessions, ignore)
    assert done.records[0].outcome == "sound"


@pytest.mark.long
def test_old_photographs_are_lifted_or_left_as_an_eye_would(shared: Path) -> None:
    """Lifted: the blurred picture moves by more than 6 levels. Left: by less than 4. Of 62, one is decided
    wrong."""
    wrong = []
    with Sessions(2) as sessions:
        for entry in json.loads((shared / "data" / "bench" / "needs.json").read_text()):
            if entry["tone"] == "either" or entry["photo"].startswith("58-"):  # large
                continue
            photo = read(shared / "data" / entry["folder"] / entry["photo"])
            result = pipeline.restore(photo, fill=False, sessions=sessions)
            before, after = (cv2.GaussianBlur(picture.srgb(), (0, 0), 4) for picture in (photo, result.photo))
            moved = 255 * float(np.abs(before - after).mean())
            if moved <= 6 if entry["tone"] == "must" else moved >= 4:
                wrong.append((entry["photo"], entry["tone"], round(moved, 1)))
    assert len(wrong) <= 1, wrong


# --- how ----------------------------------------------------------------------------------------------------


def test_a_short_range_is_widened_and_a_full_one_is_kept() -> None:
    short = find_levels(0.5 + 0.2 * (RAMP - 0.5), 1.0, plain=False)
    black, white = (short.gain * level + short.offset for level in (0.4, 0.6))
    assert 0.04 < black < 0.21 and 0.79 < white < 0.96  # by no more than three times
    full = find_levels(0.08 + 0.85 * RAMP, 1.0, plain=False)
    assert (full.gain, full.offset) == pytest.approx((1, 0), abs=0.01)
    none = find_levels(0.5 + 0.2 * (RAMP - 0.5), 0.0, plain=False)
    assert (none.neutral, none.gain, none.offset) == (0, 1, 0)


def test_shadows_and_lights_are_not_closed() -> None:
    """What the network's transform drove beyond black and white comes back, with its separation."""
    driven = 1.2 * RAMP - 0.1
    levels = find_levels(driven, 1.0, plain=False)
    lifted = levels.gain * driven + levels.offset
    lightness = color.lightness_from_srgb(np.clip(lifted, 0, 1))
    assert (lightness < 4).mean() < 0.02 and (lightness > 97).mean() < 0.02
    assert levels.gain * 1.2 > 0.85  # no slope was given up for that


def test_a_print_loses_its_cast_and_keeps_its_lightness() -> None:
    toned = np.clip(RAMP * np.array([1.0, 0.9, 0.7], np.float32), 0, 1)
    matrix = find_levels(toned, 1.0, plain=True).matrix()
    gray = cv2.transform(toned, matrix)
    assert np.ptp(gray, axis=2).max() < 1e-6
    half = cv2.transform(toned, find_levels(toned, 0.5, plain=True).matrix())
    assert np.ptp(half, axis=2).max() == pytest.approx(np.ptp(toned, axis=2).max() / 2, rel=0.1)


# --- dials --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [-1.0, -0.4, 0.4, 1.0])
@pytest.mark.parametrize("dial", ["lightness", "contrast", "warmth"])
def test_a_dial_keeps_black_white_and_the_order_of_tones(dial: str, value: float) -> None:
    turned = Dials(**({"lightness": 0.0, "contrast": 0.0, "warmth": 0.0} | {dial: value})).apply(RAMP)
    assert turned.dtype == np.float32 and turned.min() >= 0 and turned.max() <= 1
    np.testing.assert_allclose(turned[:, 0], 0, atol=1e-6)
    np.testing.assert_allclose(turned[:, -1], 1, atol=1e-6)
    slopes = np.diff(color.luma(turned)[0]) * 255
    assert slopes.min() > 0.2  # nothing is closed
    assert np.abs(turned - RAMP).max() > 0.01


def test_each_dial_does_what_it_says() -> None:
    middle = RAMP[:, 100:156]

    def lightness_of(**dials: float) -> float:
        turned = Dials(**({"lightness": 0.0, "contrast": 0.0, "warmth": 0.0} | dials)).apply(middle)
        return float(color.lightness_from_srgb(turned).mean())

    assert lightness_of(lightness=-0.5) < lightness_of() - 5 and lightness_of(lightness=0.5) > lightness_of() + 5
    harder, softer = (Dials(0.0, value, 0.0).apply(middle) for value in (1.0, -1.0))
    assert harder.std() > 1.2 * middle.std() > 1.4 * softer.std()
    for value in (-1.0, 1.0):
        lab = color.lab_from_srgb(Dials(0.0, 0.0, value).apply(middle))
        assert np.sign(lab[..., 2].mean()) == np.sign(value) and abs(lab[..., 2].mean()) > 10
        assert abs(lab[..., 0].mean() - lightness_of()) < 1


@pytest.mark.parametrize("bits", [8, 16])
def test_dials_alone_open_no_model_and_warmth_makes_gray_a_color(sessions: Sessions, bits: int) -> None:
    samples = np.full((40, 50, 1), 2**bits // 2, np.uint16 if bits == 16 else np.uint8)

    def done(**options: float) -> tuple[Photo, str]:
        work = Clean(strength=0.0, **options)(Work(read(samples)), sessions, ignore)
        return work.photo, work.records[0].outcome

    lighter, outcome = done(lightness=0.5)
    assert outcome == "adjusted" and lighter.channels == 1 and (lighter.samples > samples).all()
    warmer, _ = done(warmth=1.0)
    assert warmer.channels == 3 and (warmer.samples[..., 0] > warmer.samples[..., 2]).all()
    unturned, outcome = done()
    assert outcome == "off" and sessions.opened == () and np.array_equal(unturned.samples, samples)


def test_dials_come_on_top_of_the_cleaning(sessions: Sessions) -> None:
    samples = np.full((40, 50, 1), 110, np.uint8)
    cleaned = Clean()(Work(read(samples)), sessions, ignore)
    darker = Clean(lightness=-0.5)(Work(read(samples)), sessions, ignore)
    assert (darker.photo.samples < cleaned.photo.samples).all()
    assert "by hand" in darker.records[0].notes[0]
    assert darker.records[0].facts == cleaned.records[0].facts
