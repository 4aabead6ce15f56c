"""Masks by hand: uploaded, brushed, erased, cleared, bounded by size; on photographs of any size, without a
pixel beside the strokes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.browser.hands import bring, dot_on_screen, drag_on, facts_of, mask_of, open_step, paint, ready, settled, steps_off

pytestmark = pytest.mark.long

Open = Callable[..., Any]


def draw(page: Any, shape: str, start: tuple[float, float], end: tuple[float, float]) -> np.ndarray:
    """Paint, between two places in shares of the photograph; gives the mask that comes of it."""
    with page.expect_response(lambda answer: answer.request.method == "POST" and answer.url.endswith("/edits")) as drawn:
        drag_on(page, shape, start, end)
    assert drawn.value.status == 201
    return mask_of(page, drawn.value.json()["id"])


def newest_mask(page: Any) -> Any:
    return max(facts_of(page)["masks"], key=lambda mask: mask["created"])


def upload_mask(page: Any, mask: Path) -> int:
    """Give a mask; gives the answer's status."""
    with page.expect_response(lambda answer: answer.request.method == "POST" and "/masks?" in answer.url) as uploaded:
        page.set_input_files("#mask-file", str(mask))
    return int(uploaded.value.status)


def test_a_mask_is_uploaded_brushed_erased_and_cleared(open_page: Open, old_photograph: Path, tmp_path: Path) -> None:
    page = open_page()
    page.locator("#plan-color").uncheck(force=True)  # where the photograph lies on the screen is known by its gray
    bring(page, old_photograph)
    ready(page)

    # Of the photograph's size: taken as it is.
    given = np.zeros((240, 320), np.uint8)
    given[40:60, 100:180] = 255
    given[200:204, 10:14] = 255
    assert cv2.imwrite(str(tmp_path / "mask.png"), given)
    assert upload_mask(page, tmp_path / "mask.png") == 201
    assert newest_mask(page)["objects"] == 2
    assert np.array_equal(mask_of(page, newest_mask(page)["id"]), given > 127)
    page.wait_for_selector("#damage-answer:has-text('2 places')")
    assert page.is_checked("#overlay")
    settled(page)

    # How far it is from anything known, in place of the red.
    with page.expect_response(lambda response: "/depth" in response.url and response.ok):
        page.click("#damage-sure")
    page.wait_for_selector("#damage-answer:has-text('Violet')")
    assert not page.is_checked("#overlay")
    page.click("#damage-show")
    page.wait_for_selector("#damage-answer:not(:has-text('Violet'))")
    assert page.is_checked("#overlay")

    # A brush stroke over it, and an eraser's through it: only there does the mask change.
    draw(page, "brush", (0.7, 0.7), (0.8, 0.7))
    settled(page)
    drawn = draw(page, "eraser", (0.4, 0.1), (0.4, 0.4))
    rows, columns = np.nonzero(drawn & ~(given > 127))
    assert abs(rows.mean() - 0.7 * 240) < 4 and abs(columns.mean() - 0.75 * 320) < 4
    rows, columns = np.nonzero(~drawn & (given > 127))
    assert len(rows) and abs(columns.mean() - 0.4 * 320) < 4 and drawn[200:204, 10:14].all()
    settled(page)

    # Each stroke is one step back, and forward.
    page.click("#undo")
    page.click("#undo")
    page.wait_for_selector("#damage-answer:has-text('2 places')")
    page.click("#redo")
    page.wait_for_selector("#damage-answer:has-text('3 places')")
    settled(page)

    # Cleared: nothing of it is left, and what is brushed after that stands alone.
    open_step(page, "damage")
    page.click("#mask-clear")
    page.wait_for_selector("#damage-answer:has-text('Nothing is marked')")
    drawn = draw(page, "brush", (0.2, 0.8), (0.25, 0.8))
    rows, columns = np.nonzero(drawn)
    assert rows.min() > 0.6 * 240 and columns.max() < 0.4 * 320
    settled(page)


def test_masks_of_other_sizes_and_formats(open_page: Open, old_photograph: Path, tmp_path: Path) -> None:
    page = open_page()
    steps_off(page)
    bring(page, old_photograph)
    ready(page)
    half = np.zeros((120, 160), np.uint8)
    half[20:40, 30:60] = 255
    for name in ("half.png", "half.tif", "half.jpg"):
        assert cv2.imwrite(str(tmp_path / name), half)
        assert upload_mask(page, tmp_path / name) == 201
        assert mask_of(page, newest_mask(page)["id"])[45:75, 65:115].all()
        assert page.is_checked("#fill")


def test_a_mask_of_another_shape_is_refused_in_a_sentence(open_page: Open, old_photograph: Path, tmp_path: Path) -> None:
    page = open_page(quiet=False)
    steps_off(page)
    bring(page, old_photograph)
    ready(page)
    assert cv2.imwrite(str(tmp_path / "square.png"), np.full((100, 100), 255, np.uint8))
    assert upload_mask(page, tmp_path / "square.png") == 422
    page.wait_for_selector(".slip.wrong:has-text('100x100')")
    page.wait_for_selector("#state", state="hidden")


def test_the_dial_for_the_largest_dust(open_page: Open, old_photograph: Path) -> None:
    page = open_page()
    for step in ("clean", "color"):
        page.locator(f"#plan-{step}").uncheck(force=True)
    bring(page, old_photograph)
    ready(page)
    mask = mask_of(page, facts_of(page)["jobs"][-1]["mask_id"])
    before = page.locator("#damage-answer").inner_text()
    assert "places repaired" in before
    open_step(page, "damage")
    with page.expect_request(lambda request: request.method == "POST" and request.url.endswith("/jobs")) as asked:
        page.locator("#dust").fill("60")
        assert page.locator("#dust-out").inner_text().endswith(" px")
    largest = json.loads(asked.value.post_data)["largest_dust_px"]
    assert 20 < largest < 100
    assert "left: paint" in page.locator("#damage-answer").inner_text()
    settled(page)
    job = facts_of(page)["jobs"][-1]
    assert job["state"] == "done" and job["options"]["largest_dust_px"] == largest
    # The scratch, which is longer, is left as it was; the spots are filled.
    address = page.url.split("/#")[0]
    made = page.request.get(f"{address}/api/v1/jobs/{job['id']}/result?format=png").body()
    result = cv2.imdecode(np.frombuffer(made, np.uint8), cv2.IMREAD_GRAYSCALE)
    photograph = cv2.imread(str(old_photograph), cv2.IMREAD_GRAYSCALE)
    assert result is not None and photograph is not None
    changed = np.abs(result.astype(int) - photograph) > 3
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    sizes = np.maximum(boxes[:, cv2.CC_STAT_WIDTH], boxes[:, cv2.CC_STAT_HEIGHT])
    large = (sizes > largest)[labels] & mask
    assert large.any() and not changed[large].any()
    assert changed[mask & ~large].mean() > 0.5
    assert not changed[~mask].any()
    page.click("#undo")
    assert page.locator("#dust-out").inner_text() == "any size"
    settled(page)
    assert page.locator("#damage-answer").inner_text() == before


@pytest.mark.parametrize(("width", "height"), [(2600, 1800), (5400, 3600)])
def test_a_stroke_lands_where_it_is_drawn_and_touches_nothing_else(open_page: Open, tmp_path: Path, width: int, height: int) -> None:
    photograph = np.full((height, width), 170, np.uint8)
    spot = (int(0.61 * width), int(0.43 * height))
    cv2.circle(photograph, spot, 14, 0, -1)
    assert cv2.imwrite(str(tmp_path / "large.jpg"), photograph)
    hairs = np.zeros((height, width), np.uint8)  # lines of one pixel, which no resampling leaves as they are
    hairs[100 : height - 100 : 97, 50:700] = 255
    hairs[50:900, 60 : width - 60 : 131] = 255
    assert cv2.imwrite(str(tmp_path / "hairs.png"), hairs)

    page = open_page()
    steps_off(page)
    bring(page, tmp_path / "large.jpg")
    ready(page)
    assert upload_mask(page, tmp_path / "hairs.png") == 201
    page.route("**/api/v1/photos/*/jobs", lambda route: None)  # what it looks like filled is not asked here
    page.route("**/preview", lambda route: None)

    # Go to the spot at full size, wherever it is, and brush over what is seen of it.
    open_step(page, "damage")
    page.locator("#overlay").uncheck(force=True)
    page.click("[data-view=before]")
    x, y = dot_on_screen(page)
    page.mouse.move(x, y)
    for _ in range(30):
        if float(page.locator("#zoom-level").inner_text().rstrip("%")) >= 90:
            break
        page.mouse.wheel(0, -120)
        page.wait_for_timeout(60)
    page.wait_for_timeout(800)
    x, y = dot_on_screen(page)
    paint(page, "brush")
    page.locator("#brush-size").fill("66")
    with page.expect_response(lambda answer: answer.request.method == "POST" and answer.url.endswith("/edits")) as made:
        page.mouse.move(x - 8, y)
        page.mouse.down()
        page.mouse.move(x + 8, y, steps=5)
        page.mouse.up()
    drawn = mask_of(page, made.value.json()["id"])
    stroke = cv2.connectedComponents((drawn & ~(hairs > 127)).astype(np.uint8))[1]
    label = stroke[spot[1], spot[0]]
    assert label, "the stroke is not where the spot is"
    covered = np.zeros_like(photograph)
    cv2.circle(covered, spot, 14, 1, -1)
    assert drawn[covered > 0].all(), "the stroke does not cover the spot"
    rows, columns = np.nonzero(stroke == label)
    assert np.hypot(columns.mean() - spot[0], rows.mean() - spot[1]) < 6
    far = np.ones_like(drawn)
    far[spot[1] - 150 : spot[1] + 150, spot[0] - 150 : spot[0] + 150] = False
    assert np.array_equal(drawn[far], hairs[far] > 127), "the mask was resampled"
    page.goto("about:blank")
