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
    watch_shifts,
)
from unfade import color

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


def test_a_yellowed_color_photograph_is_told_so_and_made_cooler(open_page: Open, tmp_path: Path) -> None:
    rows, columns = np.mgrid[:240, :320]
    lab = np.stack([rows / 3 + 15, np.where(columns < 160, 25, -25), np.where(rows > 180, 24, 5)], axis=2).astype(np.float32)
    samples = np.rint(np.clip(color.srgb_from_lab(lab), 0, 1) * 255).astype(np.uint8)
    assert cv2.imwrite(str(tmp_path / "yellowed.png"), samples[:, :, ::-1])
    page = open_page("laptop")
    bring(page, tmp_path / "yellowed.png")
    settled(page)
    assert "Its whites are yellow" in answer(page, "clean") and "stains that look like colors" in answer(page, "color")
    open_step(page, "clean")
    with page.expect_request(is_job) as asked:
        page.click("#clean-cooler")
    assert json.loads(asked.value.post_data)["warmth"] == -0.4
    settled(page)
    assert "whites are yellow" not in answer(page, "clean") and "Tones set by hand." in answer(page, "clean")
    assert page.input_value("#warmth") == "-40"


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
    assert differ(lively, pixels(page), levels=2) > 0.02  # a made picture has little color to differ in
    page.click("#choices button:has-text('None')")
    assert not page.is_checked("#colorize")
    assert answer(page, "color") == "Left black and white."
    settled(page)
    page.click("#undo")
    assert page.is_checked("#colorize")


@pytest.mark.parametrize("way", ["corners", "keyboard"])
def test_a_lasso_corner_by_corner(gray: Callable[..., Any], way: str) -> None:
    page = gray("desktop")
    corners = places(page, (0.6, 0.1), (0.85, 0.1), (0.85, 0.4), (0.6, 0.4))
    paint(page, "lasso")
    with page.expect_response(lambda reply: is_drawing(reply.request)) as drawn:
        if way == "corners":
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
