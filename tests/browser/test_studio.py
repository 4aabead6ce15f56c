"""The studio, as it is used: it answers in words, stays calm, paints, colors and tones as people expect."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.browser.hands import (
    audit,
    bring,
    differ,
    drag,
    facts_of,
    mask_of,
    open_step,
    paint,
    photograph_on_screen,
    pixels,
    ready,
    settled,
    shifts,
    steps_off,
    switch,
    touch,
    watch_shifts,
)

pytestmark = pytest.mark.long

Open = Callable[..., Any]
SIZES = ["desktop", "laptop", "phone", "small phone"]


def answer(page: Any, step: str) -> str:
    return str(page.locator(f"#{step}-answer").text_content())


def is_drawing(request: Any) -> bool:
    return bool(request.method == "POST" and request.url.endswith("/edits"))


def is_job(request: Any) -> bool:
    return bool(request.method == "POST" and request.url.endswith("/jobs"))


def places(page: Any, *shares: tuple[float, float]) -> list[tuple[float, float]]:
    """Places of the photograph, in shares of its width and height, on the screen."""
    left, top, width, height = photograph_on_screen(page)
    return [(left + x * width, top + y * height) for x, y in shares]


@pytest.fixture
def gray(open_page: Open, old_photograph: Path) -> Callable[..., Any]:
    """Open the page at a size with a photograph to which nothing was done: what is seen of it is gray."""

    def open_(size: str = "desktop") -> Any:
        page = open_page(size)
        steps_off(page)
        bring(page, old_photograph)
        ready(page)
        return page

    return open_


@pytest.mark.parametrize("size", SIZES)
def test_each_step_answers_where_its_switch_is_and_nothing_moves(open_page: Open, old_photograph: Path, size: str) -> None:
    page = open_page(size)
    bring(page, old_photograph)
    page.wait_for_selector("#studio:not([hidden])")
    page.wait_for_timeout(600)  # what came with the click on "Choose" counts as input
    watch_shifts(page)
    settled(page)
    moved, what = shifts(page)
    assert moved < 0.02, what
    assert "places repaired." in answer(page, "damage") or "place repaired." in answer(page, "damage")
    assert answer(page, "clean") and "Looking" not in answer(page, "clean")
    assert answer(page, "color").startswith("A guess: nobody knows the real colors.")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    button = page.locator("#download-open").bounding_box()
    assert button["x"] + button["width"] <= page.viewport_size["width"]

    # What a step did is shown where it says so.
    open_step(page, "damage")
    before = pixels(page)
    page.click("#damage-show")
    page.wait_for_timeout(200)
    assert differ(before, pixels(page)) > 0.001
    page.click("#damage-show")
    if "phone" in size:
        stage = page.locator("#stage").bounding_box()
        assert stage["height"] / page.viewport_size["height"] > 0.65, "the drawer takes the photograph's room"
        assert page.locator("#fill").is_visible() or page.locator("#damage-body").is_visible()

    # Whoever switches a step on wants it, whatever the server thinks of the photograph.
    watch_shifts(page)
    switch(page, "clean", on=False)
    with page.expect_request(is_job) as asked:
        switch(page, "clean")
    assert json.loads(asked.value.post_data)["force_clean"] is True
    page.wait_for_selector("#clean-answer:has-text('as you asked')")
    settled(page)
    moved, what = shifts(page)
    assert moved < 0.02, what
    page.click("#clean-leave")
    settled(page)
    assert "as you asked" not in answer(page, "clean")
    audit(page)


def test_suggestions_of_color_are_pictures(open_page: Open, old_photograph: Path) -> None:
    page = open_page("laptop")
    bring(page, old_photograph)
    ready(page)
    page.locator("#choices img:not([hidden])").nth(6).wait_for()
    assert page.locator("#choices [aria-pressed=true]").inner_text() == "Natural"
    with page.expect_request(is_job) as asked:
        page.click("#choices button:has-text('Lively')")
    wanted = json.loads(asked.value.post_data)
    assert wanted["liveliness"] == 1 and wanted["suggestion"] == 0 and wanted["force"] is True
    settled(page)
    page.click("[data-view=after]")
    lively = pixels(page)
    with page.expect_request(is_job) as asked:
        page.click("#choices button:has-text('Other 2')")
    assert json.loads(asked.value.post_data)["suggestion"] == 2
    settled(page)
    assert page.locator("#choices [aria-pressed=true]").inner_text() == "Other 2"
    assert differ(lively, pixels(page)) > 0.02
    page.click("#choices button:has-text('None')")
    assert not page.is_checked("#colorize")
    assert answer(page, "color") == "Left black and white."
    settled(page)
    page.click("#undo")
    assert page.is_checked("#colorize")


def test_tone_by_hand(gray: Callable[..., Any]) -> None:
    page = gray("laptop")
    page.click("[data-view=after]")
    open_step(page, "clean")
    before = pixels(page)
    page.route("**/preview", lambda route: None)  # from here on only what the page itself draws
    page.locator("#lightness").fill("60")
    page.wait_for_timeout(200)
    assert pixels(page).mean() > before.mean() + 8
    page.unroute_all()
    with page.expect_request(is_job) as asked:
        page.locator("#warmth").fill("40")
    wanted = json.loads(asked.value.post_data)
    assert wanted["lightness"] == 0.6 and wanted["warmth"] == 0.4
    settled(page)
    assert answer(page, "clean") == "Tones set by hand."


@pytest.mark.parametrize("size", ["desktop", "small phone"])
def test_what_is_painted_is_filled_when_the_hand_lets_go(gray: Callable[..., Any], size: str) -> None:
    page = gray(size)
    hand = touch if "phone" in size else drag
    spot = places(page, *[(90 / 320 + step / 200, 170 / 240) for step in range(-8, 9)])  # the large light blot
    paint(page, "brush")
    page.locator("#brush-size").fill("80")
    box = page.locator("#view").bounding_box()
    row, column = int(spot[8][1] - box["y"]), int(spot[8][0] - box["x"])
    blot = np.s_[row - 4 : row + 5, column - 4 : column + 5]
    bare = pixels(page)
    assert bare[blot].mean() > 230
    with page.expect_response(lambda reply: is_drawing(reply.request)) as drawn:
        hand(page, *spot)
    assert mask_of(page, drawn.value.json()["id"])[170, 90]
    assert page.is_checked("#fill"), "painting switches repair on"
    settled(page)
    page.mouse.move(2, 2)
    page.wait_for_timeout(300)
    filled = pixels(page)
    assert filled[blot].mean() < 200, "the blot is still there"
    near = filled[row - 40 : row + 41, max(0, column - 40) : column + 41].astype(int)
    red = (near[:, :, 2] - near[:, :, 1] > 60).mean()
    assert red < 0.001, "it is still red although the fill is there"


@pytest.mark.parametrize("way", ["mouse", "touch", "corners", "keyboard"])
def test_a_lasso_by_every_hand(gray: Callable[..., Any], way: str) -> None:
    page = gray("small phone" if way == "touch" else "desktop")
    corners = places(page, (0.6, 0.1), (0.85, 0.1), (0.85, 0.4), (0.6, 0.4))
    paint(page, "lasso")
    with page.expect_response(lambda reply: is_drawing(reply.request)) as drawn:
        if way == "mouse":
            drag(page, *corners, corners[0])
        elif way == "touch":
            touch(page, *corners, corners[0])
        elif way == "corners":
            for corner in (*corners, corners[0]):
                page.mouse.click(*corner)
        else:
            page.locator("#view").focus()
            for moves in ((), ("ArrowRight",) * 3, ("ArrowDown",) * 3, ("ArrowLeft",) * 3, ("ArrowUp",) * 3):
                for key in moves:
                    page.keyboard.press(key)
                page.keyboard.press("Enter")
    mask = mask_of(page, drawn.value.json()["id"])
    assert mask.mean() > 0.02
    if way != "keyboard":
        rows, columns = np.nonzero(mask)
        assert abs(rows.mean() / 240 - 0.25) < 0.03 and abs(columns.mean() / 320 - 0.725) < 0.03
        assert abs(mask.mean() - 0.25 * 0.3) < 0.02


def test_a_line_follows_a_scratch_between_two_taps(open_page: Open, tmp_path: Path) -> None:
    rng = np.random.default_rng(1871)
    _, columns = np.mgrid[:300, :400].astype(np.float32)
    picture = np.clip(120 + 30 * np.sin(columns / 50) + rng.normal(0, 4, (300, 400)), 0, 255).astype(np.uint8)
    bent = [(60, 150), (140, 95), (220, 190), (340, 140)]
    cv2.polylines(picture, [np.array(bent, np.int32)], isClosed=False, color=250, thickness=2)
    assert cv2.imwrite(str(tmp_path / "scratched.png"), picture)
    page = open_page()
    steps_off(page)
    bring(page, tmp_path / "scratched.png")
    ready(page)
    ends = places(page, *[((x + 0.5) / 400, (y + 0.5) / 300) for x, y in (bent[0], bent[-1])])
    paint(page, "line")
    page.locator("#brush-size").fill("30")
    page.mouse.click(*ends[0])
    assert "other end" in page.locator("#context-help").inner_text()
    with page.expect_response(lambda reply: is_drawing(reply.request)) as drawn:
        page.mouse.click(*ends[1])
    mask = mask_of(page, drawn.value.json()["id"])
    scratch = np.zeros_like(picture)
    cv2.polylines(scratch, [np.array(bent, np.int32)], isClosed=False, color=1, thickness=1)
    assert mask[scratch > 0].mean() > 0.9, "the line leaves the scratch"
    far = cv2.dilate(scratch, np.ones((25, 25), np.uint8)) == 0
    assert not mask[far].any(), "the line strays"


def test_a_color_counts_over_the_size_that_is_chosen(gray: Callable[..., Any]) -> None:
    page = gray("laptop")
    (middle,) = places(page, (0.4, 0.4))
    page.click("[data-tool=hint]")
    page.locator("#brush-size").fill("0")
    with page.expect_request(is_job) as asked:
        page.mouse.click(*middle)
    (hint,) = json.loads(asked.value.post_data)["hints"]
    assert hint["radius_px"] == pytest.approx(0.03 * 240, abs=1)
    settled(page)
    page.locator("#brush-size").fill("100")
    with page.expect_request(is_job) as asked:
        page.mouse.click(middle[0] + 120, middle[1])
    assert json.loads(asked.value.post_data)["hints"][1]["radius_px"] == pytest.approx(0.2 * 240, abs=2)
    settled(page)


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_many_photographs(open_page: Open, old_photograph: Path, tmp_path: Path, size: str) -> None:
    page = open_page(size)
    steps_off(page)
    names = ["one.jpg", "two.jpg", "three.jpg"]
    for name in names:
        (tmp_path / name).write_bytes(old_photograph.read_bytes())
    bring(page, *[tmp_path / name for name in names])
    page.locator(".card .ready").nth(2).wait_for()
    assert "Kept until tomorrow" in page.locator("#kept-until").inner_text()
    page.click("#keep-longer")
    page.wait_for_selector(".slip:has-text('Kept until tomorrow')")
    audit(page)

    # From one to the next, by button and by key; the original while a button is held.
    page.click(".card-open >> nth=0")
    ready(page)
    assert page.locator("#place").inner_text() == "1 of 3"
    assert page.is_disabled("#previous")
    page.click("#next")
    page.wait_for_selector("#place:text-is('2 of 3')")
    page.keyboard.press("PageDown")
    page.wait_for_selector("#place:text-is('3 of 3')")
    page.keyboard.press("PageUp")
    page.wait_for_selector("#place:text-is('2 of 3')")
    settled(page)
    switch(page, "clean")
    settled(page)
    split = pixels(page)
    box = page.locator("#compare").bounding_box()
    page.mouse.move(box["x"] + 10, box["y"] + 10)
    page.mouse.down()
    page.wait_for_timeout(200)
    assert page.get_attribute("#compare", "aria-pressed") == "true"
    held = pixels(page)
    page.mouse.up()
    page.wait_for_timeout(200)
    assert page.get_attribute("#compare", "aria-pressed") == "false"
    assert differ(split, held) > 0.001 and differ(held, pixels(page)) > 0.001

    # The same for all, and then for some.
    page.click("#more summary")
    with page.expect_request(is_job) as asked:
        page.click("#same")
    assert json.loads(asked.value.post_data)["clean"] > 0
    page.click("#back")
    page.locator(".card .ready").nth(2).wait_for()
    page.click("#select")
    for at in (0, 2):
        page.click(f".card-open >> nth={at}")
    assert page.locator("#chosen-count").inner_text() == "2 selected"
    audit(page)
    colored: list[str] = []
    page.on("request", lambda request: colored.append(request.post_data) if is_job(request) else None)
    page.click("#chosen-color")
    page.wait_for_selector(".slip:has-text('It is done for 2 photographs')")
    page.locator(".card .ready").nth(2).wait_for()
    page.wait_for_timeout(300)
    assert len(colored) == 2 and all(json.loads(data)["colorize"] for data in colored)
    page.click("#select")
    page.click("#chosen-all")
    page.click("#chosen-delete")
    page.click("#confirm [value=yes]")
    page.wait_for_selector("#hero:not([hidden])")


def test_before_and_after_are_shared(gray: Callable[..., Any]) -> None:
    page = gray("laptop")
    for kind, magic in (("pair", b"\xff\xd8"), ("sweep", b"RIFF"), ("result", b"\xff\xd8")):
        page.click("#more summary")
        page.click("#share-open")
        page.check(f"[name=kind][value={kind}]")
        audit(page)
        with page.expect_download() as download:
            page.click("#share-save")
        assert Path(download.value.path()).read_bytes().startswith(magic)
        page.wait_for_selector("#share", state="hidden")


def test_the_divider_sweeps_once_and_its_labels_go_after_the_first_use(open_page: Open, old_photograph: Path) -> None:
    page = open_page("laptop", reduced_motion="no-preference")
    page.evaluate("window.seen = []; setInterval(() => seen.push(Number(document.getElementById('split').value)), 30); 0")
    bring(page, old_photograph)
    ready(page)
    page.wait_for_timeout(2200)
    seen = page.evaluate("seen")
    assert max(seen) > 90 and min(seen) < 10 and seen[-1] == 50
    labelled = pixels(page)
    page.locator("#split").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    page.locator("#photo-name").focus()
    page.wait_for_timeout(300)
    assert differ(labelled, pixels(page)) > 0.001, "the labels stay"
    page.reload()
    page.wait_for_selector("body[data-ready=yes]")
    ready(page)
    assert facts_of(page)["jobs"]
