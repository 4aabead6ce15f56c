"""The steps that find and fill what is lost, with the tiny pinned models."""

from __future__ import annotations

import json
from dataclasses import asdict

import cv2
import numpy as np
import pytest
from tests.gray_photos import gray_photo, ignore

from unfade import tiles
from unfade.errors import UsageError
from unfade.files.photo import Photo, read
from unfade.models import store
from unfade.models.calibration import DamageCalibration, Lines, Pieces, Prior, Specks
from unfade.models.session import Sessions
from unfade.steps import _bleeding, _evidence, _grain, _painting
from unfade.steps._evidence import prior_shift, threshold_log_odds
from unfade.steps._grain import Grain, add_grain
from unfade.steps._marking import along_lines, decide
from unfade.steps._painting import fill_image
from unfade.steps.damage import Damage
from unfade.steps.fill import Fill
from unfade.work import Work

# --- damage -------------------------------------------------------------------------------------------------


def evidence_of(log_odds: np.ndarray) -> np.ndarray:
    return np.clip(np.rint((log_odds + 8) * 16), 0, 255).astype(np.uint8)


SHIPPED = store.find("damage").card.calibrated(DamageCalibration)
WITHOUT_LINES = SHIPPED.model_copy(update={"lines": None, "specks": None, "hysteresis": 0.5, "speck_evidence": 0.8})


def test_sensitivity_one_half_is_the_cards_threshold_and_it_is_monotonous() -> None:
    assert threshold_log_odds(0.3, 0.5) == pytest.approx(np.log(0.3 / 0.7))
    levels = [threshold_log_odds(0.3, share) for share in np.linspace(0, 1, 11)]
    assert levels == sorted(levels, reverse=True)


def test_a_blot_is_found_and_more_is_marked_at_a_higher_sensitivity(sessions: Sessions) -> None:
    photo = gray_photo(200, 150)
    samples = photo.samples.copy()
    samples[50:54, 40:44] = 255
    samples[120:123, 90:94] = np.clip(samples[120:123, 90:94].astype(int) + 90, 0, 255)  # a contrast a little above the threshold's
    photo = photo.with_samples(samples)
    masks = [Damage(sensitivity=share)(Work(photo), sessions, ignore).mask for share in (0.0, 0.5, 1.0)]
    assert masks[1][50:54, 40:44].all()
    assert masks[0].sum() < masks[1].sum() < masks[2].sum()
    assert not masks[1][:30].any()


def test_a_mask_that_was_there_is_kept(sessions: Sessions) -> None:
    mask = np.zeros((100, 100), bool)
    mask[5, 5] = True
    done = Damage()(Work(gray_photo(100, 100), mask), sessions, ignore)
    assert done.mask is not None and done.mask[5, 5]


def test_hysteresis_takes_the_faint_only_where_it_hangs_on_the_sure() -> None:
    field = np.full((40, 60), -6.0)
    field[10, 10:20] = -0.4
    field[10, 20:24] = 3.0  # sure, with a faint tail on its left
    field[30, 10:20] = -0.4  # faint alone
    mask = decide(evidence_of(field), 0.0, WITHOUT_LINES)
    assert mask[10, 10:24].all() and not mask[28:33].any()


def test_a_single_fair_pixel_is_noise_and_a_sure_one_is_not() -> None:
    field = np.full((40, 60), -6.0)
    field[10, 10] = 1.0
    field[30, 30] = 5.0
    mask = decide(evidence_of(field), 0.0, WITHOUT_LINES)
    assert not mask[8:13, 8:13].any() and mask[30, 30]


def test_components_are_joined_across_bands(monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> None:
    field = cv2.GaussianBlur(rng.standard_normal((120, 90)), (0, 0), 1.5) * 9 - 2
    whole = decide(evidence_of(field), 0.0, SHIPPED, largest_px=30)
    monkeypatch.setattr(
        tiles, "bands", lambda height, width, pixels=0: iter([slice(top, min(top + 7, height)) for top in range(0, height, 7)])
    )
    np.testing.assert_array_equal(decide(evidence_of(field), 0.0, SHIPPED, largest_px=30), whole)
    assert 0 < whole.sum() < whole.size


def test_a_speck_needs_less_than_a_large_mark() -> None:
    field = np.full((200, 300), -6.0)
    field[20:23, 20:23] = field[90:93, 90:93] = -1.5  # two specks,
    field[90:93, 90:93] -= 1.0  # the second one fainter,
    field[120:150, 100:200] = -1.5  # and a large pale place
    specks = Specks(below=2.0, sound_share=0.5, least=-2.2, longest_share=0.03, evidence=0.3)
    eased = WITHOUT_LINES.model_copy(update={"specks": specks, "prior": None})
    assert not decide(evidence_of(field), 0.0, WITHOUT_LINES).any()
    mask = decide(evidence_of(field), 0.0, eased)
    assert mask[20:23, 20:23].all() and not mask[60:].any()
    # However readily things are taken for damage, a speck needs its least evidence.
    mask = decide(evidence_of(field), -1.0, eased)
    assert mask[20:23, 20:23].all() and not mask[60:].any()
    assert decide(evidence_of(field), -2.0, eased)[120:150, 100:200].all()
    assert not decide(evidence_of(field), 0.0, eased, largest_px=2).any()
    # Of this photograph next to nothing seems lost: a speck in it needs more, unless more of it is lost.
    sounder = eased.model_copy(update={"prior": Prior(share=0.05, trust=0.7, range=(-1.5, 0.5))})
    assert not decide(evidence_of(field), 0.0, sounder).any()
    field[160:, :] = 4.0
    assert decide(evidence_of(field), 0.0, sounder)[20:23, 20:23].all()


def test_a_badge_is_no_speck_however_large_the_scan() -> None:
    field = np.full((2400, 2600), -6.0)
    field[500:512, 500:512] = field[1000:1024, 1000:1024] = -1.0
    specks = Specks(below=2.0, sound_share=1.0, least=-2.2, longest_share=0.012, evidence=0.3)
    mask = decide(evidence_of(field), 0.0, WITHOUT_LINES.model_copy(update={"specks": specks, "prior": None}))
    assert mask[500:512, 500:512].all() and not mask[900:].any()


def test_only_dust_up_to_a_size() -> None:
    field = np.full((60, 90), -6.0)
    field[10:13, 10:13] = 4.0
    field[30:34, 10:70] = 4.0
    mask = decide(evidence_of(field), 0.0, SHIPPED, largest_px=5)
    assert mask[10:13, 10:13].all() and not mask[28:36].any()


def test_a_scratch_too_faint_for_any_pixel_is_found_along_its_line(rng: np.random.Generator) -> None:
    noise = rng.normal(-5.0, 1.2, (400, 400))
    mask = np.zeros((400, 400), np.uint8)
    cv2.line(mask, (60, 40), (330, 300), 1, 1)
    field = evidence_of(np.where(mask > 0, noise + 4.2, noise))
    assert ((field >= 128) & (mask > 0)).sum() < 0.4 * mask.sum()  # most pixels are below the threshold of 0
    taken = along_lines(field, 0.0, Lines(mean=1.0, contrast=3.0, own=3.0))
    near = cv2.dilate(mask, np.ones((7, 7), np.uint8)) > 0
    assert (cv2.dilate(taken.view(np.uint8), np.ones((5, 5), np.uint8)) * mask).sum() > 0.8 * mask.sum()
    assert taken[~near].mean() < 2e-3


def test_a_large_loss_is_seen_on_the_reduced_copy(sessions: Sessions) -> None:
    # The pinned model sees contrast within 9 pixels: of this square only the edge at full size, all of it
    # reduced by 4.
    photo = gray_photo(800, 800, low=0.3, high=0.4)
    samples = photo.samples.copy()
    samples[200:216, 300:316] = 255
    done = Damage()(Work(photo.with_samples(samples)), sessions, ignore)
    assert done.mask is not None and done.mask[200:216, 300:316].all()
    assert done.mask.mean() < 0.002


@pytest.mark.parametrize(
    ("size", "again"), [((832, 640), (416, 320)), ((512, 320), (320, 192)), ((512, 256), (768, 384)), ((128, 64), (192, 96))]
)
def test_a_photograph_is_looked_at_again_reduced_or_if_it_is_small_enlarged(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], again: tuple[int, int]
) -> None:
    session = sessions.get("damage")
    card = session.card.model_copy(update={"multiple": 32, "tile_px": 832, "overlap_px": 64})
    seen = []

    def run(image: np.ndarray) -> dict[str, np.ndarray]:
        seen.append(image.shape[2:])
        return {"probability": np.full((1, 1, *image.shape[2:]), 0.9 if len(seen) == 1 else 0.2, np.float32)}

    monkeypatch.setattr(session, "card", card)
    monkeypatch.setattr(session, "run", run)
    evidence = _evidence.find_evidence(gray_photo(*size), session, ignore).evidence
    assert seen == [again, size]
    other, own = np.log(9), np.log(0.25)
    weight = 0.4
    np.testing.assert_array_equal(evidence, evidence_of(np.full(size, weight * other + (1 - weight) * own)))


def test_a_reduced_copy_is_not_looked_at_again_as_a_thumbnail(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    session = sessions.get("damage")
    seen = []

    def run(image: np.ndarray) -> dict[str, np.ndarray]:
        seen.append(min(image.shape[2:]))
        return {"probability": np.full((1, 1, *image.shape[2:]), 0.1, np.float32)}

    monkeypatch.setattr(session, "card", session.card.model_copy(update={"multiple": 32, "tile_px": 832, "overlap_px": 64}))
    monkeypatch.setattr(session, "run", run)
    _evidence.find_evidence(gray_photo(800, 832), session, ignore)
    assert min(seen) == 192


@pytest.mark.parametrize(("enlarged", "largest"), [(4, 320), (1, 672)])
def test_a_scan_that_is_blown_up_is_looked_at_in_the_size_of_what_it_holds(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator, enlarged: int, largest: int
) -> None:
    """Whatever grain and JPEG add to it; a sharp photograph of the same size at its full size."""
    session, side, seen = sessions.get("damage"), 1280, set()
    scene = cv2.GaussianBlur(rng.uniform(0, 255, (side // enlarged,) * 2).astype(np.float32), (0, 0), 0.8)
    grown = cv2.resize(scene, (side, side), interpolation=cv2.INTER_CUBIC) + rng.normal(0, 2, (side, side))
    picture = read(np.clip(grown, 0, 255).astype(np.uint8)[:, :, None])

    def run(image: np.ndarray) -> dict[str, np.ndarray]:
        seen.add(max(image.shape[2:]))
        return {"probability": np.full((1, 1, *image.shape[2:]), 0.1, np.float32)}

    monkeypatch.setattr(session, "card", session.card.model_copy(update={"multiple": 32, "tile_px": 832, "overlap_px": 64}))
    monkeypatch.setattr(session, "run", run)
    found = _evidence.find_evidence(picture, session, ignore).evidence
    assert found.shape == (side, side)
    assert max(seen) == largest


def test_the_threshold_moves_with_how_much_of_the_photograph_is_lost() -> None:
    prior = Prior(share=0.05, trust=0.7, range=(-1.5, 0.5))

    def shift_of(share: float) -> float:
        field = np.full((100, 100), -6.0)
        field.ravel()[: round(share * field.size)] = 6.0
        return prior_shift(evidence_of(field), prior)

    assert shift_of(0.05) == pytest.approx(0, abs=0.05)  # what the network was taught to expect
    shifts = [shift_of(share) for share in (0, 0.001, 0.01, 0.05, 0.3)]
    assert shifts == sorted(shifts) and (shifts[0], shifts[-1]) == prior.range


@pytest.mark.parametrize("options", [{"sensitivity": -0.1}, {"sensitivity": float("nan")}, {"largest_dust_px": 0}])
def test_damage_refuses_options_out_of_range(options: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        Damage(**options)  # type: ignore[arg-type]


# --- fill ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [8, 16])
def test_only_lost_samples_change(sessions: Sessions, rng: np.random.Generator, bits: int) -> None:
    photo = read(rng.integers(0, 2**bits, (190, 170, 3)).astype(np.uint16 if bits == 16 else np.uint8))
    mask = rng.random((190, 170)) < 0.03
    mask[40:80, 50:90] = True
    done = Fill()(Work(photo, mask), sessions, ignore)
    np.testing.assert_array_equal(done.photo.samples[~mask], photo.samples[~mask])
    assert (done.photo.samples[mask] != photo.samples[mask]).any(axis=1).mean() > 0.9


def test_nothing_lost_opens_no_model_and_copies_nothing(sessions: Sessions) -> None:
    photo = gray_photo(50, 60)
    done = Fill()(Work(photo, np.zeros((50, 60), bool)), sessions, ignore)
    assert done.photo is photo and sessions.opened == ()


def test_a_mask_is_needed_and_must_fit(sessions: Sessions) -> None:
    with pytest.raises(UsageError, match="needs a damage mask"):
        Fill()(Work(gray_photo(50, 60)), sessions, ignore)
    with pytest.raises(UsageError, match="60x50"):
        Fill()(Work(gray_photo(50, 60), np.zeros((60, 50), bool)), sessions, ignore)


@pytest.mark.parametrize("radius", [3, 20, 90])
def test_a_hole_of_any_size_in_a_smooth_picture_is_filled_smoothly(sessions: Sessions, radius: int) -> None:
    height, width = 420, 500
    rows, columns = np.mgrid[:height, :width] / np.float32(500)
    truth = np.stack([0.2 + 0.5 * rows, 0.3 + 0.4 * columns, 0.5 + 0.2 * rows * columns], axis=2).astype(np.float32)
    mask = cv2.circle(np.zeros((height, width), np.uint8), (260, 200), radius, 1, -1).view(bool)
    damaged = truth.copy()
    damaged[mask] = 1
    filled = fill_image(damaged, mask, sessions.get("fill"))
    np.testing.assert_array_equal(filled[~mask], truth[~mask])
    error = filled[mask] - truth[mask]
    assert error.min() > -0.02 and error.max() < 0.1  # the pinned model lifts by 0.02, once for each of up to three sizes
    smooth = filled - truth
    assert np.abs(np.diff(smooth, axis=0))[:, 175:345].max() < 0.03 and np.abs(np.diff(smooth, axis=1))[115:285].max() < 0.03  # no seams


def test_a_window_is_laid_around_each_group(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[tuple[slice, slice]] = []
    real = _painting._paint_window

    def watched(image, lost, window, *others):  # type: ignore[no-untyped-def]
        sizes.append((window.rows, window.columns))
        return real(image, lost, window, *others)

    monkeypatch.setattr(_painting, "_paint_window", watched)
    mask = np.zeros((600, 600), bool)
    mask[100:104, 100:104] = mask[100:104, 108] = True  # one group
    mask[400, 500] = True  # another
    Fill()(Work(gray_photo(600, 600), mask), sessions, ignore)
    assert len(sizes) == 2
    rows, columns = sizes[0]
    context = sessions.get("fill").card.overlap_px
    assert rows.start == 100 - context and 104 + context <= rows.stop < 104 + context + 16  # no more than it needs, up to the multiple
    assert columns.start == 100 - context and 109 + context <= columns.stop < 109 + context + 16


def _scratched(sigma: float, rng: np.random.Generator) -> tuple[Photo, np.ndarray]:
    """A textured picture with white scratches, all of it blurred by `sigma`, and the mask that was true
    before the blur."""
    texture = cv2.GaussianBlur(rng.standard_normal((160, 200)).astype(np.float32), (0, 0), 3)
    picture = np.clip(0.4 + 0.05 * texture / texture.std(), 0, 1)
    mask = np.zeros(picture.shape, np.uint8)
    for top in range(10, 150, 20):
        cv2.line(mask, (5, top), (195, top + 8), 1, 4)
    picture[mask > 0] = 0.95
    if sigma:
        picture = cv2.GaussianBlur(picture, (0, 0), sigma)
    return read(np.rint(picture[:, :, None] * 255).astype(np.uint8)), mask > 0


@pytest.mark.parametrize(("sigma", "low", "high"), [(0.0, -0.05, 0.05), (0.8, 0.1, 0.4), (1.5, 0.1, 0.4)])
def test_damage_bleeds_where_the_photograph_is_blurred(sigma: float, low: float, high: float, rng: np.random.Generator) -> None:
    assert low <= _bleeding.measure_bleeding(*_scratched(sigma, rng)).luma <= high


def test_a_mask_over_nothing_does_not_bleed() -> None:
    mask = np.zeros((100, 120), bool)
    mask[40:44, 20:90] = True
    assert _bleeding.measure_bleeding(gray_photo(100, 120), mask).luma == 0


def test_a_blurred_scratch_leaves_no_ghost_and_the_pixels_beside_it_stay(sessions: Sessions, rng: np.random.Generator) -> None:
    photo, mask = _scratched(0.8, rng)
    filled = Fill()(Work(photo, mask), sessions, ignore).photo.samples
    np.testing.assert_array_equal(filled[~mask], photo.samples[~mask])
    inside, beside = filled[mask].mean(), photo.samples[cv2.dilate(mask.astype(np.uint8), np.ones((9, 9))) == 0].mean()
    assert abs(inside - beside) < 0.05 * 255  # the scratch stood out by 0.55, and its blurred edge by 0.2


def test_a_neutral_picture_is_filled_without_a_tint(sessions: Sessions, rng: np.random.Generator) -> None:
    gray = rng.integers(80, 120, (90, 90, 1)).astype(np.uint8)
    mask = np.zeros((90, 90), bool)
    mask[30:50, 30:50] = True
    filled = Fill()(Work(read(np.repeat(gray, 3, axis=2)), mask), sessions, ignore).photo.samples[mask]
    assert (filled == filled[:, :1]).all()


@pytest.mark.parametrize("sigma", [0.0, 0.7])
def test_grain_is_that_of_the_surroundings(rng: np.random.Generator, sigma: float) -> None:
    noise = rng.standard_normal((160, 160, 1)).astype(np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), sigma)[:, :, None] if sigma else noise
    grain = np.repeat(0.03 * noise / noise.std(), 3, axis=2)
    lost = np.zeros((160, 160), bool)
    lost[50:110, 50:110] = True
    picture = 0.5 + np.where(lost[:, :, None], 0, grain).astype(np.float32)
    grained = add_grain(picture, lost, (0, 0), Grain(7, 0.1, sigma))
    np.testing.assert_array_equal(grained[~lost], picture[~lost])
    inner = grained[54:106, 54:106]
    assert inner.std() == pytest.approx(grain.std(), rel=0.25)
    assert np.abs(inner - inner[:, :, :1]).max() < 1e-6  # gray grain for a gray picture
    neighbours = np.corrcoef(inner[:, 1:, 0].ravel(), inner[:, :-1, 0].ravel())[0, 1]
    assert neighbours == pytest.approx(np.corrcoef(grain[:, 1:, 0].ravel(), grain[:, :-1, 0].ravel())[0, 1], abs=0.12)


def test_the_grain_of_a_toned_photograph_has_no_colors(rng: np.random.Generator) -> None:
    tone = np.array([1.0, 0.8, 0.6], np.float32)
    image = (0.5 + 0.03 * rng.standard_normal((128, 128, 1)).astype(np.float32)) * tone
    lost = np.zeros((128, 128), bool)
    lost[40:90, 40:90] = True
    image[lost] = 0.5 * tone
    added = (add_grain(image, lost, (0, 0), Grain(1, 1.0, 0.0)) - image)[lost]
    assert added.std() > 0.01
    np.testing.assert_allclose(np.corrcoef(added.T), 1, atol=1e-3)


def test_no_grain_is_added_to_a_clean_picture_nor_twice(rng: np.random.Generator) -> None:
    lost = np.zeros((100, 100), bool)
    lost[40:60, 40:60] = True
    clean = np.full((100, 100, 3), 0.5, np.float32)
    np.testing.assert_array_equal(add_grain(clean, lost, (0, 0), Grain(7, 0.1, 0.0)), clean)
    grainy = (0.5 + 0.03 * rng.standard_normal((100, 100, 3))).astype(np.float32)
    assert np.abs(add_grain(grainy, lost, (0, 0), Grain(7, 0.1, 0.0)) - grainy).std() < 0.01


def test_grain_belongs_to_the_photograph_not_to_the_window() -> None:
    one = _grain._unit_noise((80, 90), (0, 0), 5, 0, 0.7)
    other = _grain._unit_noise((40, 50), (30, 20), 5, 0, 0.7)
    np.testing.assert_allclose(one[30:70, 20:70], other, atol=1e-6)


def test_a_large_piece_that_is_dropped_is_told_with_its_place(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = gray_photo(320, 320)
    session = sessions.get("damage")

    def run(image: np.ndarray) -> dict[str, np.ndarray]:
        """A network that takes a square at the top right for lost, whatever it is given."""
        height, width = image.shape[2:]
        likely = np.full((1, 1, height, width), 0.01, np.float32)
        likely[:, :, height // 10 : height // 4, width * 7 // 10 : width * 8 // 10] = 0.99
        return {"probability": likely}

    everything = Pieces(smallest_share=1e-4, least_score=0.0, small=(-1.0, *(0.0,) * 10), large=(0.0,) * 11)
    calibration = session.card.calibrated(DamageCalibration).model_copy(update={"pieces": everything})
    monkeypatch.setattr(session, "card", session.card.model_copy(update={"calibration": calibration, "tile_px": 832}))
    monkeypatch.setattr(session, "run", run)
    done = Damage()(Work(photo), sessions, ignore)
    (record,) = done.records
    (doubt,) = record.doubts
    left, top, right, bottom = doubt.box
    assert max(abs(left - 224), abs(top - 32), abs(right - 256), abs(bottom - 80)) <= 12
    assert done.mask is not None and not done.mask.any() and record.outcome == "none"
    assert doubt.what in record.notes and "top right" in doubt.what and "mark it" in doubt.what
    assert json.loads(json.dumps(asdict(record)))["doubts"][0]["box"] == list(doubt.box)
    kept = Damage(sensitivity=0.9)(Work(photo), sessions, ignore)
    assert kept.mask is not None and kept.mask[40:70, 230:250].all() and not kept.records[0].doubts
