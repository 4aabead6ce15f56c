"""The faces that a step changed are looked at, one beside the other, and gone to in the photograph."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.browser.hands import audit_by_day_and_night, bring, differ, out_of_reach, pixels, press, ready, settled, steps_off

pytestmark = pytest.mark.long

Open = Callable[..., Any]
EXAMPLE = Path(__file__).parents[2] / "examples" / "lincoln-antietam-1862.jpg"
FACE = (117, 235, 185, 304)  # of the man on the left, by eye


@pytest.fixture(scope="module")
def scratched(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Three men, one of them with a white scratch over his mouth; and the scratch as a mask."""
    folder = tmp_path_factory.mktemp("photographs")
    picture = cv2.imread(str(EXAMPLE), cv2.IMREAD_COLOR)
    assert picture is not None
    mask = np.zeros(picture.shape[:2], np.uint8)
    cv2.line(mask, (FACE[0] - 20, FACE[3] - 13), (FACE[2] + 20, FACE[3] - 13), 255, 5)
    picture[mask > 0] = 255
    paths = folder / "three-men.png", folder / "mask.png"
    for path, samples in zip(paths, (picture, mask), strict=True):
        assert cv2.imwrite(str(path), samples)
    return paths


def see_faces(page: Any, step: str) -> None:
    """Open the faces that a step changed, by the keyboard, and wait until they are drawn."""
    if page.locator(f"#{step}-faces").is_hidden():  # on a phone, the steps are below
        press(page, f"[data-tab={step}]")
    page.focus(f"#{step}-faces")
    page.keyboard.press("Enter")
    page.wait_for_selector("#faces[open] canvas")
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(300)


@pytest.mark.parametrize("size", ["desktop", "small phone"])
def test_a_face_that_a_repair_touched_is_looked_at_before_and_after(open_page: Open, scratched: tuple[Path, Path], size: str) -> None:
    page = open_page(size)
    steps_off(page)
    bring(page, scratched[0])
    ready(page)
    assert page.locator("#damage-faces").count() == 0
    page.set_input_files("#mask-file", str(scratched[1]))
    page.wait_for_selector("#damage-answer:has-text('A face is touched')", state="attached")
    settled(page)

    see_faces(page, "damage")
    assert page.locator("#faces li").count() == 1, "the other two men are as they were"
    before, after = (pixels(page, f"#faces canvas >> nth={at}")[4:-4] for at in (0, 1))  # without what is half a pixel of the edge
    side = before.shape[0]
    lightness = np.median(before, axis=(1, 2))
    scratch = int(lightness.argmax())
    assert side / 2 < scratch < 0.9 * side and lightness[scratch] > 240, "the scratch is over the mouth"
    assert np.median(after[scratch]) < 200, "and gone after"
    assert differ(before[: side // 2], after[: side // 2]) < 0.01, "beside it the two are the same"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert not out_of_reach(page)
    audit_by_day_and_night(page)

    # Closed, the hand is where it was; a face that is chosen is seen in the photograph.
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") == "damage-faces"
    whole = page.locator("#zoom-level").inner_text()
    see_faces(page, "damage")
    press(page, "#faces .face")
    page.wait_for_selector("#faces", state="hidden")
    page.wait_for_function("was => document.querySelector('#zoom-level').textContent !== was", arg=whole)
    left, top, width, _ = (float(number) for number in page.get_attribute("#view", "data-photograph").split())
    box = page.locator("#view").bounding_box()
    scale = width / cv2.imread(str(EXAMPLE)).shape[1]
    assert abs(left + (FACE[0] + FACE[2]) / 2 * scale - box["width"] / 2) < 20 * scale
    assert abs(top + (FACE[1] + FACE[3]) / 2 * scale - box["height"] / 2) < 20 * scale


def test_faces_whose_tone_moved_are_looked_at_where_the_tone_is(open_page: Open, tmp_path: Path) -> None:
    picture = cv2.imread(str(EXAMPLE), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    faded = np.round(np.array([105, 135, 150]) + 0.3 * picture[..., None]).astype(np.uint8)
    assert cv2.imwrite(str(tmp_path / "faded.jpg"), faded)
    page = open_page()
    for step in ("fill", "color"):
        page.locator(f"#plan-{step}").uncheck(force=True)
    bring(page, tmp_path / "faded.jpg")
    ready(page)
    see_faces(page, "clean")
    assert page.locator("#faces li").count() >= 3
    assert differ(*(pixels(page, f"#faces canvas >> nth={at}") for at in (0, 1))) > 0.5
