"""Skin is not colored stronger than it is, unsure cloth is not violet, and what a hint says stays."""

from __future__ import annotations

import numpy as np
import pytest
from tests.gray_photos import gray_photo

from unfade import color
from unfade.models import store
from unfade.models.calibration import ColorizeCalibration
from unfade.models.session import Sessions
from unfade.steps._calming import believed, calmed
from unfade.steps._hints import chroma_of
from unfade.steps.colorize import Colorize, Hint
from unfade.work import Work

SHIPPED = store.find("colorize").card.calibrated(ColorizeCalibration)


def _one(hue: float, strength: float, calibration: ColorizeCalibration = SHIPPED, told: tuple[np.ndarray, ...] = ()) -> tuple[float, float]:
    """Hue in degrees and chroma of one color, calmed."""
    turn = np.radians(hue)
    chroma = np.full((2, 3, 2), strength * np.array([np.cos(turn), np.sin(turn)]), np.float32)
    before = chroma.copy()
    calm = calmed(chroma, calibration, told)
    assert calm.dtype == np.float32 and np.array_equal(chroma, before)
    return float(np.degrees(np.arctan2(calm[1, 1, 1], calm[1, 1, 0])) % 360), float(np.hypot(*calm[1, 1]))


def test_skin_is_no_stronger_than_skin_is() -> None:
    """Where the network gives skin 35 to 40, photographs with faces have 25 at their median."""
    hue, strength = _one(49, 38)
    assert hue == pytest.approx(49, abs=0.1) and 26 < strength < 33
    assert _one(49, 20)[1] == pytest.approx(20 * SHIPPED.gain, rel=0.01)  # pale skin is not bleached
    assert _one(49, 38)[1] > _one(49, 32)[1] > _one(49, 26)[1]  # what is stronger stays stronger
    for other in (110, 255):  # grass and sky
        assert _one(other, 38)[1] == pytest.approx(38 * SHIPPED.gain, rel=0.01)


def test_unsure_cloth_is_blue_not_violet() -> None:
    hue, _ = _one(315, 15)
    assert hue < 290
    for hue, strength in ((255, 15), (315, 40), (10, 15)):  # blue cloth, a violet flower, a rose one
        assert _one(hue, strength)[0] == pytest.approx(hue, abs=0.1)


def test_a_card_that_says_nothing_leaves_chroma_as_it_is(rng: np.random.Generator) -> None:
    chroma = rng.normal(0, 25, (9, 11, 2)).astype(np.float32)
    np.testing.assert_allclose(calmed(chroma, ColorizeCalibration()), chroma, atol=1e-5)


def test_what_a_hint_says_stays() -> None:
    told = chroma_of(Hint(1, 1, 4, (0.45, 0.38, 0.55)))  # violet
    hue, strength = float(np.degrees(np.arctan2(told[1], told[0])) % 360), float(np.hypot(*told))
    assert _one(hue, strength)[0] < hue - 5
    assert _one(hue, strength, told=(told,)) == pytest.approx((hue, strength), rel=0.01)
    assert _one(49, 38, told=(told,)) == pytest.approx(_one(49, 38))


def test_the_step_heeds_the_card(sessions: Sessions) -> None:
    session = sessions.get("colorize")  # its chroma at a middling lightness is 12, 20
    photo = gray_photo(64, 96, 16, 0.4, 0.6)

    def strength() -> float:
        done = Colorize()(Work(photo), sessions, lambda share: None).photo
        return float(np.hypot(*np.median(color.lab_from_srgb(done.srgb())[:, :, 1:], axis=(0, 1))))

    before = strength()
    calibration = session.card.calibrated(ColorizeCalibration).model_copy(update={"skin": (10.0, 0.5)})
    session.card = session.card.model_copy(update={"calibration": calibration})
    assert before == pytest.approx(np.hypot(12, 20), abs=0.5)
    assert strength() == pytest.approx(10 + (before - 10) / 2, abs=1)


def test_blue_that_the_network_is_not_sure_of_is_gray() -> None:
    """A crowd in a market, a backdrop, a coat: where nothing speaks for blue, none of it is put in."""
    unsure, sure = SHIPPED.sure_blue or (0.0, 0.0)
    blue, green = np.full((1, 3, 2), (-2, -30), np.float32), np.full((1, 3, 2), (-12, 30), np.float32)
    confidence = np.array([[unsure - 0.02, (unsure + sure) / 2, sure + 0.02]], np.float32)
    without = calmed(blue, SHIPPED)
    left = calmed(blue, SHIPPED, confidence=confidence)[0] / without[0]
    np.testing.assert_allclose(left, [[0, 0], [0.5, 0.5], [1, 1]], atol=0.02)
    np.testing.assert_array_equal(calmed(green, SHIPPED, confidence=confidence), calmed(green, SHIPPED))
    told = np.array([-2, -30], np.float32)  # what a hint says stays, however unsure the network is
    np.testing.assert_allclose(calmed(blue, SHIPPED, (told,), confidence), blue, atol=1e-4)


def test_blue_is_believed_around_a_blue_hint_and_not_around_a_red_one() -> None:
    confidence = np.full((20, 30), 0.1, np.float32)
    told = np.zeros((80, 120, 3), np.float32)
    np.testing.assert_array_equal(believed(confidence, told), confidence)
    told[36:44, 36:44] = (0.3, 0.1, 1.0)
    np.testing.assert_array_equal(believed(confidence, told), confidence)
    told[36:44, 36:44] = (0.1, -0.3, 1.0)
    raised = believed(confidence, told)
    assert raised[10, 10] == pytest.approx(1.1) and 0.3 < raised[10, 12] < 1 and raised[10, 20] == confidence[10, 20]


def test_the_step_heeds_how_sure_the_network_is(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    session = sessions.get("colorize")  # its confidence is 0.5, and its chroma is made blue here
    run = session.run
    monkeypatch.setattr(session, "run", lambda wanted, **inputs: {k: -v if k == "chroma" else v for k, v in run(wanted, **inputs).items()})

    def strength(sure_blue: tuple[float, float], number: int) -> float:
        calibration = session.card.calibrated(ColorizeCalibration).model_copy(update={"sure_blue": sure_blue})
        session.card = session.card.model_copy(update={"calibration": calibration})
        done = Colorize(suggestion=number)(Work(gray_photo(64, 96, 16, 0.4, 0.6)), sessions, lambda share: None).photo
        return float(np.hypot(*np.median(color.lab_from_srgb(done.srgb())[:, :, 1:], axis=(0, 1))))

    assert strength((0.1, 0.2), 0) > 15 and strength((0.6, 0.7), 0) < 1
