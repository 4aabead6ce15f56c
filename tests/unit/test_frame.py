"""Prints are found on a scan, and the picture within; steps look at it alone; cutting moves samples or
resamples once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest

import unfade
from unfade import pipeline
from unfade.color import linear_from_srgb, srgb_from_linear
from unfade.errors import UsageError
from unfade.files.photo import Photo, read
from unfade.frame import edges, paper, quads
from unfade.frame.geometry import Frame
from unfade.frame.prints import find_prints
from unfade.frame.regions import Region
from unfade.models.session import Sessions
from unfade.workshop.scans import make_scan


@pytest.fixture
def faded(examples: list[np.ndarray]) -> np.ndarray:
    """A print gone pale and yellow, 200 px wide."""
    small = cv2.resize(examples[0], (200, 160), interpolation=cv2.INTER_AREA).astype(np.float32).mean(axis=2) / 255
    pale = 0.25 + 0.5 * small
    return np.rint(np.stack([pale**0.8, pale, pale**1.45], axis=2) * 255).astype(np.uint8)


def laid(print_: np.ndarray, lid: int, share: float, left: int = 0, top: int = 0) -> np.ndarray:
    """A print on a noisy lid of which it covers a share."""
    height, width = print_.shape[:2]
    grown = (1 / share) ** 0.5
    scan = np.full((int(height * grown), int(width * grown), 3), lid, np.float32)
    scan += np.random.default_rng(1).normal(0, 1, scan.shape[:2])[..., None]
    scan[top : top + height, left : left + width] = print_
    return np.clip(np.rint(scan), 0, 255).astype(np.uint8)


def framed(picture: np.ndarray, level: int, width: int, noise: float = 0.0) -> np.ndarray:
    """A picture in a plain frame."""
    padded = np.pad(picture.astype(np.float32), ((width, width), (width, width), (0, 0)), constant_values=level)
    grain = np.random.default_rng(2).normal(0, noise or 1e-9, padded.shape[:2])[..., None]
    grain[width:-width, width:-width] = 0
    return np.clip(np.rint(padded + grain), 0, 255).astype(np.uint8)


# --- finding ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lid", [253, 200, 12])
@pytest.mark.parametrize("share", [0.6, 0.3, 0.15])
@pytest.mark.parametrize("corner", [True, False])
def test_a_faded_print_is_found_to_the_pixel_on_any_lid(faded: np.ndarray, lid: int, share: float, corner: bool) -> None:
    left, top = (0, 0) if corner else (20, 14)
    found = find_prints(read(laid(faded, lid, share, left, top)))
    assert found.doubt == "" and len(found.pictures) == 1
    np.testing.assert_allclose(found.pictures[0], quads.box(200, 160) + np.array([left, top]), atol=0.01)


@pytest.mark.parametrize("level", [0, 18, 60, 128, 255])
@pytest.mark.parametrize(("width", "noise"), [(12, 0.0), (60, 0.0), (60, 1.5)])
def test_a_plain_frame_is_found_to_the_pixel(examples: list[np.ndarray], level: int, width: int, noise: float) -> None:
    off = []
    for picture in examples[::2]:
        found = find_prints(read(framed(picture, level, width, noise)))
        expected = quads.box(picture.shape[1], picture.shape[0]) + width
        off.append(float(np.abs(found.pictures[0] - expected).max()))
    assert sum(distance > 1 for distance in off) == 0, off


def test_borders_within_borders_are_taken_off(examples: list[np.ndarray]) -> None:
    picture = examples[1]
    found = find_prints(read(framed(framed(picture, 236, 40, 1.2), 14, 25, 1.2)))
    np.testing.assert_allclose(found.pictures[0], quads.box(picture.shape[1], picture.shape[0]) + 65, atol=1)
    assert found.prints[0].border == "light"


def test_made_scans_show_their_prints(examples: list[np.ndarray], sized: Callable[[int, int], int]) -> None:
    count = hits = false = 0
    errors = []
    for seed in range(sized(60, 6)):
        scan = make_scan(examples, seed, long_side_px=1200)
        found = [one for one in find_prints(read(scan.samples)).prints if one.sure and one.around != "none"]
        count += len(scan.prints)
        matched = set()
        for one in scan.prints:
            overlaps = [quads.overlap(each.corners, one.corners) for each in found]
            if overlaps and max(overlaps) > 0.9:
                best = int(np.argmax(overlaps))
                matched.add(best)
                away = np.hypot(*(found[best].corners - quads.ordered(one.corners)).T)
                errors.append(away.mean() / quads.side_lengths(one.corners).mean())
        hits += len(matched)
        false += len(found) - len(matched)
    assert hits >= 0.93 * count and false <= 0.03 * count
    assert np.mean(errors) < 0.004


def test_a_scan_is_made_the_same_from_the_same_seed(examples: list[np.ndarray]) -> None:
    one, again = (make_scan(examples, 3, long_side_px=500) for _ in range(2))
    np.testing.assert_array_equal(one.samples, again.samples)
    other = make_scan(examples, 4, long_side_px=500, count=2, ground="lid", turned=False)
    assert len(other.prints) == 2 and other.ground == "lid"
    assert all(abs(quads.angle(quads.ordered(one.corners))) < 1e-6 for one in other.prints)


def page_of_text() -> np.ndarray:
    page = np.full((900, 640, 3), 250, np.uint8)
    rng = np.random.default_rng(5)
    for row in range(80, 820, 22):
        column = 70
        while column < 560:
            length = int(rng.integers(18, 70))
            cv2.putText(page, "mnoaeu"[: max(2, length // 12)], (column, row), cv2.FONT_HERSHEY_SIMPLEX, 0.55, (20, 20, 20), 1, cv2.LINE_AA)
            column += length + 12
    return page


def portrait() -> np.ndarray:
    picture = np.full((480, 360, 3), 205, np.uint8)
    cv2.ellipse(picture, (180, 190), (80, 105), 0, 0, 360, (150, 120, 100), -1, cv2.LINE_AA)
    cv2.ellipse(picture, (180, 480), (150, 170), 0, 0, 360, (40, 50, 80), -1, cv2.LINE_AA)
    return cv2.GaussianBlur(picture, (0, 0), 1.2)


def sea() -> np.ndarray:
    picture = np.full((400, 600, 3), 215, np.uint8)
    picture[230:] = (70, 90, 110)
    return picture


BAD = {
    "one pixel": lambda: np.full((1, 1, 3), 9, np.uint8),
    "a line": lambda: np.full((1, 70, 3), 9, np.uint8),
    "one color": lambda: np.full((300, 400, 3), 240, np.uint8),
    "noise": lambda: np.random.default_rng(1).integers(0, 256, (300, 400, 3)).astype(np.uint8),
    "a page of text": page_of_text,
    "a portrait before a wall": portrait,
    "the sea": sea,
    "a white sheet on a white lid": lambda: laid(np.full((200, 150, 3), 252, np.uint8), 252, 0.3, 40, 40),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_print_is_left_whole(kind: str) -> None:
    samples = BAD[kind]()
    found = find_prints(read(samples))
    assert found.whole and found.share == 1.0
    assert len(found.prints) == 1 or found.doubt


def test_photographs_that_fill_everything_are_left_whole(examples: list[np.ndarray]) -> None:
    for picture in examples[::2]:
        found = find_prints(read(picture))
        assert min(quads.overlap(each, found.whole_corners) for each in found.pictures) > 0.94


def test_where_parts_are_transparent_their_outline_is_the_pictures(faded: np.ndarray) -> None:
    alpha = np.zeros((260, 300), np.uint8)
    alpha[30:190, 40:240] = 255
    samples = np.full((260, 300, 3), 90, np.uint8)
    samples[30:190, 40:240] = faded
    found = find_prints(read(np.dstack([samples, alpha])))
    assert found.whole and found.doubt == ""


# --- what lies around has no say ----------------------------------------------------------------------------


@pytest.mark.parametrize("lid", [253, 200, 12])
@pytest.mark.parametrize("share", [0.6, 0.15])
def test_a_print_on_a_lid_becomes_what_it_becomes_cropped(faded: np.ndarray, sessions: Sessions, lid: int, share: float) -> None:
    scan = laid(faded, lid, share)
    cropped = pipeline.restore(read(faded), colorize=True, force=True, sessions=sessions).photo.samples
    result = pipeline.restore(read(scan), colorize=True, force=True, sessions=sessions)
    np.testing.assert_array_equal(result.photo.samples[:160, :200], cropped)
    around = np.ones(scan.shape[:2], bool)
    around[:160, :200] = False
    np.testing.assert_array_equal(result.photo.samples[around], scan[around])
    assert result.report.steps[0].outcome == "found" and "0,0 to 200,160" in result.report.steps[0].notes[0]


def test_the_old_way_is_asked_for_by_whole(faded: np.ndarray, sessions: Sessions) -> None:
    scan = read(laid(faded, 253, 0.3))
    whole = pipeline.restore(scan, whole=True, force_clean=True, sessions=sessions)
    assert "frame" not in [step.step for step in whole.report.steps]
    assert (whole.photo.samples[170:] != scan.samples[170:]).any()
    alone = pipeline.colorize(scan, force=True, sessions=sessions)
    assert (alone.photo.samples[170:] == scan.samples[170:]).all()
    assert (pipeline.colorize(scan, force=True, whole=True, sessions=sessions).photo.samples[170:] != scan.samples[170:]).any()


def test_around_a_turned_print_every_sample_stays(examples: list[np.ndarray], sessions: Sessions) -> None:
    scan = make_scan(examples, 20, long_side_px=900)
    photo = read(scan.samples)
    result = pipeline.restore(photo, force_clean=True, sessions=sessions)
    found = find_prints(photo)
    inside = np.zeros(scan.samples.shape[:2], bool)
    for picture in found.pictures:
        inside |= quads.inside(picture, *inside.shape)
    changed = (result.photo.samples != scan.samples).any(axis=2)
    assert len(found.pictures) >= 2 and changed[inside].mean() > 0.5 and not changed[~inside].any()
    assert result.mask is not None and not result.mask[~inside].any()


def test_a_mask_that_is_given_is_obeyed_on_the_border_too(faded: np.ndarray, sessions: Sessions) -> None:
    scan = laid(faded, 200, 0.3)
    scan[200:206, 100:106] = 20
    mask = np.zeros(scan.shape[:2], bool)
    mask[200:206, 100:106] = True
    result = pipeline.restore(read(scan), mask=mask, clean=0, sessions=sessions)
    changed = (result.photo.samples != scan).any(axis=2)
    assert changed[mask].any() and not changed[~mask].any()


def test_hints_keep_their_places_on_a_scan(faded: np.ndarray, sessions: Sessions) -> None:
    hint, moved = unfade.Hint(60, 50, 20, (1, 0, 0)), unfade.Hint(80, 64, 20, (1, 0, 0))
    scan = read(laid(faded, 253, 0.3, 20, 14))
    cropped = pipeline.colorize(read(faded), force=True, hints=[hint], sessions=sessions).photo.samples
    whole = pipeline.colorize(scan, force=True, hints=[moved], sessions=sessions).photo.samples
    np.testing.assert_array_equal(whole[14:174, 20:220], cropped)


# --- geometry -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_box_and_a_quarter_turn_move_samples_and_change_none(rng: np.random.Generator, kind: type, channels: int) -> None:
    samples = rng.integers(0, np.iinfo(kind).max, (40, 60, channels)).astype(kind)
    photo = replace(read(samples), dpi=(300.0, 600.0))
    cut = Frame.box(7, 5, 31, 20).apply(photo)
    np.testing.assert_array_equal(cut.samples, photo.samples[5:25, 7:38])
    assert (cut.alpha is None) == (channels in (1, 3))
    for turn in (90, 180, 270):
        turned = Frame(turn=turn).apply(photo)
        np.testing.assert_array_equal(turned.samples, np.rot90(photo.samples, -turn // 90))
        assert turned.dpi == ((300.0, 600.0) if turn == 180 else (600.0, 300.0))
    assert Frame().apply(photo) is photo


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_turned_cut_resamples_once_and_well(kind: type) -> None:
    top = np.iinfo(kind).max
    rows, columns = np.mgrid[:400, :500].astype(float)

    def light(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return 0.5 + 0.2 * np.sin(x / 9) + 0.2 * np.cos(y / 7 + x / 31)

    samples = np.rint(srgb_from_linear(light(columns + 0.5, rows + 0.5).astype(np.float32)) * top).astype(kind)
    turn = np.deg2rad(11.0)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    corners = (quads.box(200, 150) - (100, 75)) @ rotation.T + (251.3, 203.7)
    cut = Frame.of(corners).apply(read(samples))
    assert (cut.width, cut.height, cut.bits) == (200, 150, kind().itemsize * 8)
    places = np.stack(np.meshgrid(np.arange(200) + 0.5 - 100, np.arange(150) + 0.5 - 75), axis=2) @ rotation.T + (251.3, 203.7)
    expected = light(places[..., 0], places[..., 1])
    made = linear_from_srgb((cut.samples[..., 0] / top).astype(np.float32))
    assert np.abs(made - expected).max() < (0.012 if kind == np.uint8 else 0.002)


def test_resampling_is_in_linear_light() -> None:
    checks = (np.indices((200, 200)).sum(axis=0) % 2 * 255).astype(np.uint8)
    turn = np.deg2rad(45.0)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    cut = Frame.of((quads.box(80, 80) - 40) @ rotation.T + 100).apply(read(checks))
    mean = float(linear_from_srgb((cut.samples / 255).astype(np.float32)).mean())
    assert mean == pytest.approx(0.5, abs=0.03)  # in encoded values, gray 128, it would be 0.21


def test_perspective_is_taken_out() -> None:
    corners = np.array([[60, 40], [420, 70], [400, 330], [40, 300]], float)
    picture = np.zeros((200, 300), np.uint8)
    picture[20:180, 30:270] = 200
    place = cv2.getPerspectiveTransform(quads.box(300, 200).astype(np.float32), corners.astype(np.float32))
    scan = cv2.warpPerspective(picture, place, (480, 380), flags=cv2.INTER_LINEAR)
    cut = Frame.of(corners).apply(read(scan)).samples[..., 0]
    scale_x, scale_y = cut.shape[1] / 300, cut.shape[0] / 200
    bright = np.argwhere(cut > 100)
    np.testing.assert_allclose(bright.min(axis=0), [20 * scale_y, 30 * scale_x], atol=2)
    np.testing.assert_allclose(bright.max(axis=0), [180 * scale_y, 270 * scale_x], atol=2)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Frame(turn=45), "90, 180 or 270 degrees, not 45"),
        (lambda: Frame(((0, 0), (1, 0), (1, 1))), "four points"),
        (lambda: Frame(((0, 0), (0, 9), (9, 9), (9, 0))), "clockwise"),
        (lambda: Frame.box(500, 5, 20, 20).apply(read(np.zeros((40, 40), np.uint8))), "40x40 pixels, lies in the frame"),
    ],
)
def test_a_frame_that_makes_no_sense_is_refused(make: Callable[[], object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        make()


def test_a_region_paints_its_corners_with_the_picture_itself() -> None:
    scan = np.full((120, 120, 3), 255, np.uint8)
    turn = np.deg2rad(20.0)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    corners = (quads.box(60, 50) - (30, 25)) @ rotation.T + 60
    scan[quads.inside(corners, 120, 120)] = 77
    region = Region.around(corners, 120, 120)
    assert region is not None and not region.is_box
    assert (region.cut(read(scan)).samples == 77).mean() > 0.97


# --- the paper's edge ---------------------------------------------------------------------------------------


def on_ground(print_: np.ndarray, ground: np.ndarray, left: int, top: int, shadow: float = 0.0) -> np.ndarray:
    """A print on a ground (h, w, 3), with a shadow below and to the right of it."""
    height, width = print_.shape[:2]
    scan = ground.astype(np.float32).copy()
    cast = np.zeros(scan.shape[:2], np.float32)
    cast[top + 5 : top + height + 5, left + 5 : left + width + 5] = 1
    scan *= 1 - shadow * cv2.GaussianBlur(cast, (0, 0), 3.0)[..., None]
    scan[top : top + height, left : left + width] = print_
    return np.clip(np.rint(scan), 0, 255).astype(np.uint8)


def lid(color: tuple[int, int, int], height: int = 1000, width: int = 1300) -> np.ndarray:
    """A scanner's lid with its noise."""
    return np.array(color, np.float32) + np.random.default_rng(3).normal(0, 1, (height, width, 1))


def corners_of(scan: np.ndarray) -> np.ndarray:
    """Those of the one print on a scan."""
    found = find_prints(read(scan))
    assert found.doubt == "" and len(found.prints) == 1 and found.prints[0].around != "none", found.sentence
    return found.prints[0].corners


def bordered(picture: np.ndarray, paper: tuple[int, int, int]) -> np.ndarray:
    """A picture, 600 by 480, in a border of 30 pixels."""
    whole = np.full((540, 660, 3), paper, np.uint8)
    whole[30:510, 30:630] = cv2.resize(picture, (600, 480), interpolation=cv2.INTER_AREA)
    return whole


def test_the_rim_of_a_shadow_is_not_taken_for_the_papers_edge(examples: list[np.ndarray]) -> None:
    for picture in examples[:2]:
        scan = on_ground(cv2.resize(picture, (660, 540)), lid((246, 245, 244)), 300, 200, shadow=0.35)
        np.testing.assert_allclose(corners_of(scan), quads.box(660, 540) + np.array([300, 200]), atol=2)


@pytest.mark.parametrize("paper", [(250, 247, 238), (241, 241, 241)])
def test_a_white_border_on_a_white_lid_belongs_to_the_print(examples: list[np.ndarray], paper: tuple[int, int, int]) -> None:
    for picture in examples[:3]:
        scan = on_ground(bordered(picture, paper), lid((247, 247, 247)), 300, 200)
        np.testing.assert_allclose(corners_of(scan), quads.box(660, 540) + np.array([300, 200]), atol=2)


def test_a_deckled_edge_is_cut_along_its_tips(examples: list[np.ndarray]) -> None:
    whole = bordered(examples[0], (238, 232, 220))
    teeth = np.abs((np.arange(700) / 11) % 1 - 0.5) * 2 * 6.5
    rows, columns = np.mgrid[:540, :660]
    edge = np.minimum(np.minimum(rows, 539 - rows) - teeth[columns], np.minimum(columns, 659 - columns) - teeth[rows])
    ground = lid((120, 122, 124))
    scan = on_ground(np.where((edge >= 0)[..., None], whole, ground[:540, :660]), ground, 300, 200)
    np.testing.assert_allclose(corners_of(scan), quads.box(660, 540) + np.array([300, 200]), atol=2)


def test_streaks_of_wood_do_not_join_prints(examples: list[np.ndarray]) -> None:
    rng = np.random.default_rng(4)
    streaks = cv2.resize(cv2.GaussianBlur(rng.standard_normal((1000, 32), dtype=np.float32), (0, 0), 1.5), (1300, 1000))
    wood = np.array((150, 108, 74), np.float32) * (1 + 0.06 * streaks / streaks.std())[..., None]
    scan = on_ground(cv2.resize(examples[0], (420, 340)), wood, 120, 300)
    scan = on_ground(cv2.resize(examples[1], (420, 340)), scan, 720, 330)
    found = [one.corners for one in find_prints(read(scan)).prints if one.sure]
    assert len(found) == 2
    for corners, place in zip(found, ((120, 300), (720, 330)), strict=True):
        np.testing.assert_allclose(corners, quads.box(420, 340) + np.array(place), atol=4)


@pytest.mark.parametrize("cell", [20, 30, 60, 90])
def test_a_pattern_is_no_contact_sheet(cell: int) -> None:
    """Tiles, windows, a weave: whatever is alike and small, or too often there, is part of one photograph."""
    rows, columns = np.mgrid[:600, :900]
    tile = ((rows % cell) > cell // 6) & ((columns % cell) > cell // 6)
    samples = np.where(tile, 90 + 30 * np.sin(rows / 7) + 20 * np.cos(columns / 5), 225).astype(np.uint8)
    found = find_prints(Photo(samples[:, :, None]))
    assert len(found.prints) == 1 and found.share > 0.9 and not found.doubt


def test_corners_stay_where_a_side_has_no_edge() -> None:
    picture = np.full((200, 300, 3), 40, np.float32)
    picture[50:150, 80:] = 200
    samples = np.rint(picture).astype(np.uint8)
    near = quads.box(140, 100) + np.array([78, 52])
    moved = edges.refine(samples, near, 12.0)
    assert moved.backed[[0, 2, 3]].min() > 0.5 > moved.backed[1]
    stayed = edges.refine(samples, near, 12.0, least_backed=0.5)
    np.testing.assert_array_equal(stayed.corners, near)
    assert not stayed.backed.any()
    samples[:, 220:] = 40
    moved = edges.refine(samples, near, 12.0, least_backed=0.5)
    np.testing.assert_allclose(moved.corners, quads.box(140, 100) + np.array([80, 50]), atol=0.3)


def test_sides_without_any_line_on_a_textured_ground_are_kept() -> None:
    flat = np.full((200, 300, 3), 120, np.uint8)
    around = paper.Surround(np.full(3, 0.47, np.float32), 0.03, np.full(4, 20.0))
    corners = np.array([[60, 50], [240, 50], [240, 150], [60, 150]], float)
    np.testing.assert_allclose(paper.outlined(flat, corners, around, 1.0).corners, corners, atol=1)


def test_a_strip_longer_than_opencv_resamples_is_cut_by_its_corners(sessions: Sessions) -> None:
    strip = np.repeat(np.linspace(60, 200, 40_000, dtype=np.uint8)[None, :, None], 24, axis=0)
    turned = unfade.restore(
        strip, sessions=sessions, fill=False, clean=0, lightness=0.1, corners=((0, 0), (40_000, 1), (40_000, 24), (0, 23))
    ).photo
    assert turned.width > 35_000 and turned.height in (23, 24)
    levels = turned.samples[10, :, 0].astype(int)
    assert (np.diff(levels) >= 0).all() and levels[-1] - levels[0] > 120
