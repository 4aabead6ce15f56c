"""What lies under full transparency is seen by nobody: it has no say in what becomes of the rest, and stays
as it is."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from unfade import pipeline, tile_pyramid
from unfade.files.photo import Photo, encode_file, read
from unfade.models.session import Sessions

HIDDEN_KINDS = ("black", "white", "noise", "colors")


@pytest.fixture
def pictures(rng: np.random.Generator) -> dict[str, Photo]:
    """One picture, a turned scan with transparent corners, with different things under these."""
    height, width = 120, 160
    gray = cv2.GaussianBlur(rng.normal(128, 60, (height, width)).astype(np.float32), (0, 0), 6)
    gray = np.clip((gray - gray.mean()) * 6 + 128, 10, 245).astype(np.uint8)
    gray[50:54, 60:90] = 250
    alpha = np.zeros((height, width), np.uint8)
    corners = np.array([[15, 0], [width - 1, 12], [width - 15, height - 1], [0, height - 12]])
    cv2.fillConvexPoly(alpha, corners, 255)
    alpha[alpha > 0] = 255
    under = {
        "black": np.zeros((height, width, 3), np.uint8),
        "white": np.full((height, width, 3), 255, np.uint8),
        "noise": rng.integers(0, 256, (height, width, 3), dtype=np.uint8),
        "colors": np.broadcast_to(np.array([250, 10, 40], np.uint8), (height, width, 3)),
    }
    shown = np.repeat(gray[..., None], 3, axis=2)
    return {kind: Photo(np.where(alpha[..., None] > 0, shown, under[kind]), alpha=alpha) for kind in HIDDEN_KINDS}


def test_everything_that_is_seen_comes_out_alike(pictures: dict[str, Photo], sessions: Sessions) -> None:
    results = {kind: pipeline.restore(photo, colorize=True, sessions=sessions) for kind, photo in pictures.items()}
    seen = pictures["black"].alpha > 0
    first = results["black"]
    assert first.mask is not None and not first.mask[~seen].any()
    for kind, result in results.items():
        np.testing.assert_array_equal(result.mask, first.mask)
        np.testing.assert_array_equal(result.photo.samples[seen], first.photo.samples[seen])
        np.testing.assert_array_equal(result.photo.samples[~seen], pictures[kind].samples[~seen])
        assert result.report.pixels_changed == first.report.pixels_changed <= seen.sum()
        changed = [(record.step, record.pixels_changed) for record in result.report.steps]
        assert changed == [(record.step, record.pixels_changed) for record in first.report.steps]


def test_small_copies_do_not_show_what_is_hidden(pictures: dict[str, Photo]) -> None:
    small = {kind: tile_pyramid.small(photo, 60).samples for kind, photo in pictures.items()}
    for kind in HIDDEN_KINDS:
        np.testing.assert_array_equal(small[kind], small["black"])


def test_hidden_pixels_continue_what_lies_beside_them(pictures: dict[str, Photo]) -> None:
    photo = pictures["noise"]
    assert photo.hidden is not None
    rim = cv2.dilate(photo.hidden.view(np.uint8), np.ones((3, 3), np.uint8)).astype(bool) & ~photo.hidden
    assert np.isin(photo.shown[photo.hidden][:, 0], photo.samples[rim][:, 0]).all()
    np.testing.assert_array_equal(photo.shown[~photo.hidden], photo.samples[~photo.hidden])


def test_without_transparency_nothing_is_copied(rng: np.random.Generator) -> None:
    samples = rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)
    for alpha in (None, np.full((20, 30), 255, np.uint8), np.zeros((20, 30), np.uint8), np.full((20, 30), 1, np.uint8)):
        photo = Photo(samples, alpha=alpha)
        assert photo.hidden is None and np.shares_memory(photo.shown, photo.samples)


def test_a_channel_that_is_no_alpha_hides_nothing(rng: np.random.Generator) -> None:
    """A scanner's infrared, which is black where there is dust."""
    tifffile = pytest.importorskip("tifffile", reason="needs tifffile, which writes such files")
    import io

    samples = rng.integers(0, 256, (20, 30, 4), dtype=np.uint8)
    samples[:5, :, 3] = 0
    for kind, hides in (("unspecified", False), ("unassalpha", True)):
        out = io.BytesIO()
        tifffile.imwrite(out, samples, photometric="rgb", extrasamples=[kind])
        for photo in (read(out.getvalue()), read(encode_file(read(out.getvalue())))):
            assert photo.alpha is not None and (photo.hidden is not None) == hides
