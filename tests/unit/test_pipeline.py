"""The order of the steps, what is checked before, and the report after."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import unfade
from unfade import pipeline
from unfade.errors import UsageError
from unfade.files.photo import Photo, read
from unfade.models.session import Session, Sessions
from unfade.steps.clean import Clean
from unfade.steps.colorize import Colorize
from unfade.steps.damage import Damage
from unfade.steps.fill import Fill


@pytest.fixture
def photo() -> Photo:
    """Flat (so that it counts as aged), with a white blot."""
    samples = np.full((90, 120, 1), 110, np.uint8)
    samples[:, 60:] = 125
    samples[20:24, 30:34] = 250
    return read(samples, name="aunt.png")


def test_restore_runs_the_steps_in_order_and_reports(photo: Photo, sessions: Sessions) -> None:
    seen: list[tuple[str, float]] = []
    result = pipeline.restore(photo, colorize=True, sessions=sessions, progress=lambda name, share: seen.append((name, share)))
    assert [record.step for record in result.report.steps] == ["frame", "damage", "fill", "clean", "colorize"]
    assert list(dict.fromkeys(name for name, share in seen if share == 1)) == ["frame", "damage", "fill", "clean", "colorize"]
    assert result.mask is not None and result.mask[20:24, 30:34].all()
    assert (result.photo.height, result.photo.width, result.photo.channels) == (90, 120, 3)
    assert result.report.photo == "aunt.png" and result.report.software_version == unfade.__version__
    assert result.report.pixels_changed == (result.photo.samples != photo.samples).any(axis=2).sum()
    assert b"golden-colorize" in (result.photo.metadata.xmp or b"")
    assert photo.metadata.xmp is None


def test_without_cleaning_everything_outside_the_mask_is_bit_identical(photo: Photo, sessions: Sessions) -> None:
    result = pipeline.restore(photo, clean=0, sessions=sessions)
    assert result.mask is not None
    np.testing.assert_array_equal(result.photo.samples[~result.mask], photo.samples[~result.mask])
    assert 0 < result.report.pixels_changed <= result.mask.sum()


def test_a_mask_that_is_given_is_the_mask(photo: Photo, sessions: Sessions) -> None:
    mask = np.zeros((90, 120), bool)
    mask[50:60, 50:60] = True
    result = pipeline.restore(photo, mask=mask, clean=0, sessions=sessions)
    assert [record.step for record in result.report.steps] == ["frame", "fill"] and set(sessions.opened) == {"fill", "faces"}
    np.testing.assert_array_equal(result.mask, mask)
    np.testing.assert_array_equal(result.photo.samples[20:24, 30:34], photo.samples[20:24, 30:34])


def test_what_is_not_asked_for_is_not_done(photo: Photo, sessions: Sessions) -> None:
    result = pipeline.restore(photo, fill=False, clean=0, sessions=sessions)
    assert result.report.steps == () and result.report.pixels_changed == 0
    np.testing.assert_array_equal(result.photo.samples, photo.samples)
    assert result.photo.metadata.xmp is None and sessions.opened == ()


def test_find_damage_leaves_the_photograph_as_it_is(photo: Photo, sessions: Sessions) -> None:
    result = pipeline.find_damage(photo, sessions=sessions)
    assert result.photo is photo and result.mask is not None and result.mask.any()


def test_colorize(photo: Photo, sessions: Sessions) -> None:
    result = pipeline.colorize(photo, sessions=sessions)
    assert result.photo.channels == 3 and result.mask is None
    assert [record.step for record in result.report.steps] == ["frame", "colorize"]


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (np.zeros((120, 90), bool), "90x120"),
        (np.zeros((90, 120), np.uint8), "uint8"),
        (np.zeros((90, 120, 1), bool), "3 axes"),
        ([[True]], "list"),
    ],
)
def test_a_wrong_mask_is_refused_before_anything_runs(photo: Photo, sessions: Sessions, mask: object, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        pipeline.run(photo, [Clean(), Fill()], sessions=sessions, mask=mask)  # type: ignore[arg-type]
    assert sessions.opened == ()


def test_steps_in_an_impossible_order_are_refused_before_anything_runs(photo: Photo, sessions: Sessions) -> None:
    with pytest.raises(UsageError, match="needs a damage mask"):
        pipeline.run(photo, [Clean(), Fill(), Damage()], sessions=sessions)
    assert sessions.opened == ()


@pytest.mark.parametrize("options", [{"clean": 2.0}, {"clean": -1.0}, {"sensitivity": 9.0}, {"strength": -1.0}, {"saturation": 5.0}])
def test_options_out_of_range_are_refused(photo: Photo, sessions: Sessions, options: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        pipeline.restore(photo, sessions=sessions, **options)  # type: ignore[arg-type]


def test_files_and_bytes_are_read(photo: Photo, sessions: Sessions, tmp_path: Path) -> None:
    target = tmp_path / "aunt.png"
    digest = unfade.write(photo, target)
    for source in (target, str(target), target.read_bytes()):
        result = unfade.restore(source, sessions=sessions)
        assert result.report.input_sha256 == digest


def test_the_same_in_any_order_of_calls(photo: Photo, sessions: Sessions) -> None:
    steps = [Damage(), Fill(), Clean(), Colorize()]
    one, other = (pipeline.run(photo, steps, sessions=sessions) for _ in range(2))
    np.testing.assert_array_equal(one.photo.samples, other.photo.samples)


def test_threads_change_nothing_that_the_shipped_models_make() -> None:
    photo = read(Path(__file__).parents[2] / "examples" / "lincoln-antietam-1862.jpg")
    small = read(np.ascontiguousarray(photo.samples[200:360, 240:460]))

    def restored(threads: int) -> np.ndarray:
        with Sessions(threads) as sessions:
            return pipeline.restore(small, colorize=True, sessions=sessions).photo.samples

    alone = restored(1)
    assert (alone != small.samples).any()
    np.testing.assert_array_equal(restored(3), alone)


def test_the_public_names() -> None:
    assert unfade.__all__ == sorted(unfade.__all__) and len(unfade.__all__) <= 14
    words = "Hint Photo PhotoError Result Sessions UnfadeError __version__ colorize find_damage find_faces find_prints read restore write"
    assert set(unfade.__all__) == set(words.split())
    for name in unfade.__all__:
        assert getattr(unfade, name) is not None
    with pytest.raises(AttributeError, match="repair"):
        unfade.repair  # noqa: B018


def test_import_is_free() -> None:
    code = "import sys, unfade; print([name for name in ('numpy', 'cv2', 'onnxruntime', 'pyvips', 'pydantic') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    code = "import sys, unfade.pipeline; print([name for name in ('onnxruntime', 'torch') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_a_restoration_leaves_no_open_model_behind(photo: Photo) -> None:
    pipeline.restore(photo)  # imports, caches
    gc.collect()
    gc.disable()
    try:
        before = sum(type(thing) is Session for thing in gc.get_objects())
        pipeline.restore(photo)
        assert sum(type(thing) is Session for thing in gc.get_objects()) == before
    finally:
        gc.enable()
