"""By hand on the page: heal from a chosen place by pen and by keys, mark what was left in doubt, turn and cut
out by keys, set upright. What mouse and finger do is in `test_stories`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.browser.hands import audit, bring, facts_of, mask_of, paint, ready, settled, steps_off
from tests.browser.test_studio import is_drawing, is_job, places

pytestmark = pytest.mark.long

Open = Callable[..., Any]
BLOT = (0.75, 0.5)
SAMPLE = Path(__file__).parents[2] / "src/unfade/web/page/pictures/sample-after.jpg"


@pytest.fixture
def woven(tmp_path: Path) -> Path:
    """A weave with a white blot at three quarters of its width, half of its height; 320 by 240."""
    rows, columns = np.mgrid[:240, :320]
    samples = np.rint(120 + 60 * np.sin(columns * np.pi / 10) * np.sin(rows * np.pi / 10)).astype(np.uint8)
    cv2.circle(samples, (240, 120), 7, 255, -1)
    path = tmp_path / "woven.png"
    assert cv2.imwrite(str(path), samples)
    return path


def open_bare(open_page: Open, photograph: Path, size: str = "desktop") -> Any:
    page = open_page(size)
    steps_off(page)
    bring(page, photograph)
    ready(page)
    return page


def pen(page: Any, *points: tuple[float, float]) -> None:
    """A pen comes down at the first place, goes over the others, and lifts."""
    session = page.context.new_cdp_session(page)
    kinds = ["mousePressed", *("mouseMoved" for _ in points[1:]), "mouseReleased"]
    for kind, (x, y) in zip(kinds, [*points, points[-1]], strict=True):
        more = {"button": "left", "buttons": 1, "clickCount": 1, "pointerType": "pen", "force": 0.5}
        session.send("Input.dispatchMouseEvent", {"type": kind, "x": x, "y": y} | more)
        page.wait_for_timeout(16)
    session.detach()


def dab(page: Any, way: str, place: tuple[float, float]) -> None:
    """One dab of the tool in hand."""
    if way == "keyboard":
        page.locator("#view").focus()
        page.keyboard.press("Enter")
    else:
        pen(page, place, (place[0] + 1, place[1]))


@pytest.mark.parametrize("way", ["pen", "keyboard"])
def test_healing_from_a_chosen_place_by_pen_and_by_keys(open_page: Open, woven: Path, way: str) -> None:
    page = open_bare(open_page, woven)
    source, blot = places(page, (0.25, 0.5), BLOT)
    paint(page, "heal")
    page.locator("#brush-size").fill("75")
    if way == "keyboard":  # the middle of the view is what it acts on: one key to the left, then to the right
        page.locator("#view").focus()
        page.keyboard.press("ArrowLeft")
    dab(page, way, source)
    assert "paint" in page.locator("#context-help").inner_text()
    if way == "keyboard":
        for _ in range(3):
            page.keyboard.press("ArrowRight")
    with page.expect_request(lambda request: is_job(request) and '"heals":[{' in (request.post_data or "")) as asked:
        dab(page, way, blot)
    (heal,) = json.loads(asked.value.post_data)["heals"]
    if way == "keyboard":
        assert heal["dx"] < -20 and heal["dy"] == 0
    else:
        assert heal["dx"] == pytest.approx(-160, abs=8) and abs(heal["dy"]) < 8
        assert heal["points"][0][0] == pytest.approx(240, abs=3)
    settled(page)
    (fill,) = [step for step in facts_of(page)["jobs"][-1]["result"]["steps"] if step["name"] == "fill"]
    assert fill["facts"]["healed"] > 50


def test_what_was_left_in_doubt_is_offered_for_marking(open_page: Open, woven: Path) -> None:
    doubt = {"what": "a large pale area", "box": [40, 40, 90, 90], "outline": [[40, 40], [90, 40], [90, 90], [40, 90]]}

    def with_doubt(route: Any) -> None:
        answer = route.fetch()
        lines = []
        for line in answer.text().split("\n"):
            if line.startswith("data: {"):
                job = json.loads(line[6:])
                for step in (job.get("result") or {}).get("steps", []):
                    if step["name"] == "damage":
                        step["doubts"] = [doubt]
                line = f"data: {json.dumps(job)}"
            lines.append(line)
        route.fulfill(response=answer, body="\n".join(lines))

    page = open_page("desktop")
    page.route("**/events?*", with_doubt)
    bring(page, woven)
    ready(page)
    page.wait_for_selector("#damage-answer:has-text('One place may be damage, too')")
    page.click("#damage-look")
    page.locator("#doubts-list button").wait_for()
    audit(page)
    with page.expect_response(lambda reply: is_drawing(reply.request)) as drawn:
        page.click("#doubts-list button")
    mask = mask_of(page, drawn.value.json()["id"])
    assert mask[45:85, 45:85].all()
    page.wait_for_selector("#doubts", state="hidden")
    settled(page)
    page.click("#undo")
    page.wait_for_selector("#damage-answer:has-text('One place may be damage, too')")


def test_a_photograph_is_turned_and_cut_out_by_keys(open_page: Open, woven: Path) -> None:
    page = open_bare(open_page, woven, "laptop")
    whole = page.url
    page.click("[data-tool=frame]")
    assert page.is_disabled("#frame-cut")
    page.click("#frame-right")
    page.locator("#view").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    audit(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    with page.expect_response(lambda reply: reply.url.endswith("/cuts")) as made:
        page.click("#frame-cut")
    part = made.value.json()
    assert part["height"] > part["width"] and part["frame"]["turn"] == 90
    page.wait_for_url(f"**/p/{part['id']}")
    ready(page)
    assert page.locator("#photo-facts").inner_text().startswith(f"{part['width']} × {part['height']}")
    assert page.locator("#place").inner_text() == "2 of 2"
    page.click("#previous")
    page.wait_for_url(whole)


def test_a_photograph_on_its_side_is_set_upright(open_page: Open, tmp_path: Path) -> None:
    upright = cv2.resize(cv2.imread(str(SAMPLE)), (284, 304), interpolation=cv2.INTER_AREA)
    assert cv2.imwrite(str(tmp_path / "on-its-side.jpg"), np.rot90(upright))
    page = open_bare(open_page, tmp_path / "on-its-side.jpg", "laptop")
    page.click("[data-tool=frame]")
    page.click("#frame-up")
    page.wait_for_selector("#context-help:has-text('Turned upright.')")
    page.click("#frame-up")
    page.wait_for_selector("#context-help:has-text('It is upright.')")
    with page.expect_response(lambda reply: reply.url.endswith("/cuts")) as made:
        page.click("#frame-cut")
    part = made.value.json()
    assert part["frame"]["turn"] == 90 and (part["width"], part["height"]) == (284, 304)
    page.wait_for_url(f"**/p/{part['id']}")


def test_the_prints_on_a_scan_become_photographs(open_page: Open, tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    scan = np.clip(250 + rng.normal(0, 1, (360, 520)), 0, 255).astype(np.uint8)
    for left, tone in ((40, 7.0), (290, 11.0)):
        waves = np.sin(np.mgrid[:240, :180][1] / tone) * 40 + np.cos(np.mgrid[:240, :180][0] / 9) * 30 + 110
        scan[60:300, left : left + 180] = np.rint(waves)
    assert cv2.imwrite(str(tmp_path / "page.png"), scan)
    page = open_bare(open_page, tmp_path / "page.png")
    page.click("[data-tool=frame]")
    page.click("#frame-find")
    page.wait_for_selector("#context-help:has-text('2 prints found')")
    page.locator("#frame-angle").fill("0")
    page.click("#frame-cut")
    page.wait_for_selector("#place:text-is('2 of 3')")
    ready(page)
    assert page.locator("#photo-name").inner_text() == "page-1.png"
    assert page.locator("#photo-facts").inner_text().startswith("180 × 240")
