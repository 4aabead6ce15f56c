"""What a step says of a scan with several prints is true of each and of the whole."""

from __future__ import annotations

import numpy as np
import pytest

from unfade import faces, pipeline
from unfade.errors import UsageError
from unfade.faces import Face
from unfade.files.photo import Photo
from unfade.models.session import Sessions
from unfade.steps.clean import Clean
from unfade.steps.colorize import Colorize, Hint
from unfade.steps.damage import Damage
from unfade.steps.fill import Fill, Heal

PRINTS = tuple(np.array([[left, 20], [left + 360, 20], [left + 360, 380], [left, 380]], float) for left in (20, 420))


@pytest.fixture
def scan(rng: np.random.Generator) -> Photo:
    return Photo(rng.normal(120, 12, (400, 800, 1)).clip(0, 255).astype(np.uint8))


@pytest.fixture
def marked() -> np.ndarray:
    """A mark on the first print only."""
    mask = np.zeros((400, 800), bool)
    mask[100:120, 100:120] = True
    return mask


@pytest.fixture(scope="module")
def shipped() -> Sessions:
    return Sessions(1)


def test_a_print_that_was_not_looked_at_is_looked_at_later(
    scan: Photo, marked: np.ndarray, shipped: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faces, "faces_in", lambda photo, session: (Face(30, 30, 150, 150, 0.9),))
    steps = [Fill(), Clean(force=True)]  # the first has nothing to do in the second print
    result = pipeline.run(scan, steps, sessions=shipped, mask=marked, pictures=PRINTS)
    cleaned = result.report.steps[1].facts
    assert cleaned["faces"] == 2 and cleaned["1.changed"] > 0 and cleaned["2.changed"] > 0


def test_healed_pixels_are_counted_and_not_averaged(scan: Photo, marked: np.ndarray, sessions: Sessions) -> None:
    marked[100:110, 500:510] = True
    fill = Fill(heals=(Heal(((110, 110),), 8.0, 60, 0),))
    whole, apart = (pipeline.run(scan, [fill], sessions=sessions, mask=marked, pictures=pictures) for pictures in (None, PRINTS))
    assert apart.report.steps[0].facts["healed"] == whole.report.steps[0].facts["healed"] > 0
    assert not any("heal" in note for note in apart.report.steps[0].notes)


def test_a_heal_from_another_print_takes_nothing_and_that_is_said(scan: Photo, marked: np.ndarray, sessions: Sessions) -> None:
    fill = Fill(heals=(Heal(((110, 110),), 8.0, 400, 0),))
    done = pipeline.run(scan, [fill], sessions=sessions, mask=marked, pictures=PRINTS).report.steps[0]
    assert done.facts["healed"] == 0 and any("1 of 1 heals took nothing" in note for note in done.notes)


def test_a_hint_beside_the_prints_is_said_and_one_outside_the_scan_is_refused(scan: Photo, sessions: Sessions) -> None:
    def colored(x: float) -> tuple[str, ...]:
        color = Colorize(hints=(Hint(x, 200, 10, (1, 0, 0)), Hint(100, 100, 10, (1, 0, 0))))
        return pipeline.run(scan, [color], sessions=sessions, pictures=PRINTS).report.steps[0].notes

    assert any("1 of 2 places that were named lie in no picture" in note for note in colored(400))
    assert not any("named" in note for note in colored(500))
    with pytest.raises(UsageError, match="lies outside"):
        colored(99_999)


def test_the_share_that_is_lost_is_that_of_the_whole_scan(scan: Photo, marked: np.ndarray, sessions: Sessions) -> None:
    result = pipeline.run(scan, [Damage()], sessions=sessions, mask=marked, pictures=PRINTS[:1])
    assert result.mask is not None and result.report.steps[0].facts["share"] == pytest.approx(result.mask.mean())
    assert "of the picture is marked as lost" in result.report.steps[0].notes[0]
