"""What each step decides, on the tiny pinned models whose answers are known by hand."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from tests.gray_photos import gray_photo, ignore

from unfade import color, tiles
from unfade.errors import UsageError
from unfade.files.photo import Photo, read
from unfade.models.calibration import ColorizeCalibration
from unfade.models.session import Sessions
from unfade.steps import STEPS, _tone
from unfade.steps._chroma import temperature
from unfade.steps._prints import gate
from unfade.steps.clean import Clean
from unfade.steps.colorize import Colorize, Hint
from unfade.work import Step, Work

# --- clean --------------------------------------------------------------------------------------------------


def test_strength_zero_is_the_identity_and_opens_no_model(sessions: Sessions) -> None:
    photo = gray_photo(50, 60)
    done = Clean(strength=0)(Work(photo), sessions, ignore)
    assert done.photo is photo and sessions.opened == ()


def test_a_sound_photograph_is_left_alone(sessions: Sessions) -> None:
    photo = gray_photo(50, 60, low=0.0, high=1.0)
    done = Clean()(Work(photo), sessions, ignore)
    assert done.photo is photo and "nothing to clean" in done.records[0].notes[0]


def test_an_aged_photograph_that_is_left_is_told_why(sessions: Sessions) -> None:
    (record,) = Clean()(Work(gray_photo(50, 60, low=0.3, high=0.7)), sessions, ignore).records
    assert record.notes == ("aged 60%, but its tone needs no lifting: nothing to clean",)


def test_yellow_whites_of_a_color_photograph_are_said_and_left(sessions: Sessions) -> None:
    rows, columns = np.mgrid[:80, :80]
    lab = np.stack([rows + 15, np.where(columns < 40, 25, -25), np.where(rows > 60, 24, 5)], axis=2).astype(np.float32)
    photo = read(np.rint(np.clip(color.srgb_from_lab(lab), 0, 1) * 255).astype(np.uint8))
    (record,) = Clean()(Work(photo), sessions, ignore).records
    assert record.pixels_changed == 0 and record.facts["yellow_lights"] == pytest.approx(21.7, abs=0.2)
    assert "its whites are yellow (b* 22)" in record.notes[-1] and "warmth below 0" in record.notes[-1]
    (cooled,) = Clean(warmth=-0.4)(Work(photo), sessions, ignore).records
    assert "yellow_lights" not in cooled.facts


@pytest.mark.parametrize("bits", [8, 16])
def test_strength_is_the_share_of_the_way(sessions: Sessions, bits: int) -> None:
    photo = gray_photo(70, 150, bits, low=0.49, high=0.51)  # need 0.98: the gates are open
    full, half = (Clean(strength=share)(Work(photo), sessions, ignore).photo.samples.astype(float) for share in (1.0, 0.5))
    np.testing.assert_allclose(full, photo.samples * 1.1, atol=0.51 if bits == 8 else 1.5)
    np.testing.assert_allclose(half, photo.samples * 1.05, atol=0.51 if bits == 8 else 1.5)
    assert full.shape[2] == 1


def test_tone_is_the_same_in_parts_as_in_the_whole(rng: np.random.Generator) -> None:
    """A window's part of the photograph's field, power and mixing: bilinear in the field, level beyond its
    outer knots."""
    height, width = 90, 130
    picture = rng.random((height, width, 3), np.float32)
    field = np.concatenate([rng.uniform(0.7, 1.4, (8, 8, 3)), rng.uniform(-0.1, 0.1, (8, 8, 3))], axis=2).astype(np.float32)
    mixing = (np.eye(3, 4) + rng.uniform(-0.1, 0.1, (3, 4))).astype(np.float32)
    tone = _tone.Tone(field, np.array([0.8, 1.0, 1.3], np.float32), mixing, 1.0)
    whole = _tone.apply_tone(picture, tone, tiles.Window(slice(0, height), slice(0, width), height, width), height, width)
    window = tiles.Window(slice(30, 70), slice(50, 130), 40, 80)
    part = _tone.apply_tone(picture[window.rows, window.columns], tone, window, height, width)
    np.testing.assert_allclose(part, whole[window.rows, window.columns], atol=1e-5)

    grown = cv2.resize(field, (width, height), interpolation=cv2.INTER_LINEAR)
    lit = picture * grown[..., :3] + grown[..., 3:]
    bent = np.where(
        lit > 1 / 64, np.maximum(lit, 1e-9) ** tone.power, (1 / 64) ** tone.power + (lit - 1 / 64) * (1 / 64) ** (tone.power - 1)
    )
    np.testing.assert_allclose(whole, bent @ mixing[:, :3].T + mixing[:, 3], atol=2e-3)


@pytest.mark.parametrize("span", [(0.8, 0.95), (0.0, 1.0)])
def test_the_gate_opens_smoothly(span: tuple[float, float]) -> None:
    low, high = span
    assert gate(0, span) == gate(low, span) == 0 and gate(high, span) == gate(1, span) == 1
    assert gate((low + high) / 2, span) == pytest.approx(0.5)


def test_a_photograph_a_little_aged_gets_its_tone_and_keeps_its_detail(sessions: Sessions) -> None:
    photo = gray_photo(70, 150, low=0.2, high=0.3)  # need 0.9: the stand-in for detail would brighten it, that for tone changes nothing
    done = Clean()(Work(photo), sessions, ignore)
    np.testing.assert_array_equal(done.photo.samples, photo.samples)
    assert "tone at a strength of 0.76" in done.records[0].notes[0] and "detail" not in done.records[0].notes[0]
    assert [model.name for model in done.records[0].models if model.name.startswith("golden")] == ["golden-tone", "golden-clean"]


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_clean_refuses_a_strength_out_of_range(strength: float) -> None:
    with pytest.raises(UsageError, match="strength"):
        Clean(strength=strength)


# --- colorize -----------------------------------------------------------------------------------------------


def lightness(photo: Photo) -> np.ndarray:
    return color.lightness_from_srgb(photo.srgb())


@pytest.mark.parametrize(("bits", "most"), [(8, 0.5), (16, 0.02)])
@pytest.mark.parametrize("channels", [1, 3])
def test_lightness_is_kept_and_color_put_in(sessions: Sessions, rng: np.random.Generator, bits: int, most: float, channels: int) -> None:
    dtype = np.uint16 if bits == 16 else np.uint8
    photo = read(np.repeat(rng.integers(0, 2**bits, (131, 97, 1)), channels, axis=2).astype(dtype))
    done = Colorize()(Work(photo), sessions, ignore).photo
    assert done.channels == 3 and done.samples.dtype == dtype
    assert np.abs(lightness(done) - lightness(photo)).max() < most
    chroma = color.lab_from_srgb(done.srgb())[:, :, 1:]
    middling = np.abs(lightness(photo) - 55) < 10
    np.testing.assert_allclose(np.median(chroma[middling], axis=0), (12, 20), atol=1)


def test_strength_saturation_and_liveliness(sessions: Sessions) -> None:
    photo = gray_photo(64, 96, 16, 0.4, 0.6)

    def chroma(**options: float) -> np.ndarray:
        done = Colorize(**options)(Work(photo), sessions, ignore).photo  # type: ignore[arg-type]
        return np.median(color.lab_from_srgb(done.srgb())[:, :, 1:], axis=(0, 1))

    np.testing.assert_allclose(chroma(strength=0.5), (6, 10), atol=0.2)
    np.testing.assert_allclose(chroma(saturation=1.5), (18, 30), atol=0.2)
    np.testing.assert_allclose(chroma(liveliness=0.0), np.array((12, 20)) * 0.22 / 0.45, atol=0.2)
    card = sessions.get("colorize").card
    assert [temperature(share, card) for share in (0, 0.5, 1)] == [0.45, 0.22, 0.1]
    own = card.model_copy(update={"calibration": ColorizeCalibration(temperatures=(0.2, 0.3, 0.7))})
    assert [temperature(share, own) for share in (0, 0.5, 0.75, 1)] == pytest.approx([0.2, 0.3, 0.5, 0.7])


def test_strength_zero_colors_nothing(sessions: Sessions) -> None:
    photo = gray_photo(20, 30)
    assert Colorize(strength=0)(Work(photo), sessions, ignore).photo is photo and sessions.opened == ()


def test_a_color_photograph_is_left_alone_unless_forced(sessions: Sessions, rng: np.random.Generator) -> None:
    photo = read(rng.integers(0, 256, (96, 96, 3)).astype(np.uint8))
    done = Colorize()(Work(photo), sessions, ignore)
    assert done.photo is photo and "color photograph" in done.records[0].notes[0]
    assert Colorize(force=True)(Work(photo), sessions, ignore).photo is not photo


def test_a_hint_colors_its_place(sessions: Sessions) -> None:
    photo = gray_photo(128, 128, 8, 0.45, 0.55)
    done = Colorize(hints=(Hint(96, 32, 14, (0.2, 0.3, 0.8)),))(Work(photo), sessions, ignore).photo
    lab = color.lab_from_srgb(done.srgb())
    assert lab[32, 96, 2] < -20 and lab[96, 32, 2] > 15 and lab[32, 32, 2] > 15  # nor at its mirror image


@pytest.mark.parametrize(
    "make",
    [
        lambda: Hint(1, 1, 0, (0, 0, 0)),
        lambda: Hint(1, 1, 2, (0, 0, 1.5)),
        lambda: Colorize(saturation=3),
        lambda: Colorize(liveliness=-1),
    ],
)
def test_colorize_refuses_options_out_of_range(make) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UsageError):
        make()


def test_a_hint_outside_the_photograph_is_refused(sessions: Sessions) -> None:
    with pytest.raises(UsageError, match="outside"):
        Colorize(hints=(Hint(60, 1, 2, (0, 0, 0)),))(Work(gray_photo(50, 60)), sessions, ignore)


def test_a_step_appends_its_record(sessions: Sessions) -> None:
    work = Work(gray_photo(40, 40), np.zeros((40, 40), bool))
    for name, make in STEPS.items():
        step: Step = make()
        before = work.records
        work = step(work, sessions, ignore)
        assert work.records[:-1] == before and work.records[-1].step == name
