"""No stroke is lost, whatever a person does right after it, and what is undone is what was done last."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.browser.hands import asked_of, bring, drag_on, facts_of, mask_of, open_step, ready, settled

pytestmark = pytest.mark.long

Open = Callable[..., Any]
HIGH, LOW = 0.15, 0.85  # of the photograph's height: where nothing is lost


def is_edit(message: Any) -> bool:
    """Whether a request, or the answer to one, makes a mask of strokes."""
    request = getattr(message, "request", message)
    return bool(request.method == "POST" and request.url.endswith("/edits"))


def is_job(request: Any) -> bool:
    return bool(request.method == "POST" and request.url.endswith("/jobs"))


def is_job_of_mask(request: Any) -> bool:
    return is_job(request) and '"mask":"' in request.post_data


def dab(page: Any, height: float) -> None:
    """A short stroke of the brush on the right, at a share of the photograph's height."""
    drag_on(page, "brush", (0.7, height), (0.8, height))


def is_marked(mask: np.ndarray, height: float) -> bool:
    return bool(mask[round(240 * height), round(0.75 * 320)])


@contextmanager
def held(page: Any, address: str) -> Iterator[list[Any]]:
    """Requests of an address wait until this ends."""
    waiting: list[Any] = []
    is_over = False
    page.route(address, lambda route: route.continue_() if is_over else waiting.append(route))
    yield waiting
    is_over = True
    for route in waiting:
        route.continue_()


def until(page: Any, is_so: Callable[[], object]) -> None:
    """Wait, a minute at most."""
    for _ in range(600):
        if is_so():
            return
        page.wait_for_timeout(100)
    raise AssertionError("it does not come")


@pytest.fixture
def repaired(open_page: Open, old_photograph: Path) -> Any:
    """The page with a photograph open whose damage is found and filled; nothing else is done to it."""
    page = open_page()
    open_repaired(page, old_photograph)
    ready(page)
    open_step(page, "clean")
    return page


def open_repaired(page: Any, photograph: Path) -> None:
    for step in ("clean", "color"):
        page.locator(f"#plan-{step}").uncheck(force=True)
    bring(page, photograph)
    page.wait_for_selector("#studio:not([hidden])")


def has_found(page: Any, mask: np.ndarray) -> bool:
    """Whether what the last search for damage found is in a mask."""
    found = [job["mask_id"] for job in facts_of(page)["jobs"] if not job["options"]["mask"] and job["state"] == "done"]
    damage = mask_of(page, found[-1])
    return bool(damage.any() and mask[damage].all())


def last_mask(page: Any) -> np.ndarray:
    """That of the last job."""
    return mask_of(page, facts_of(page)["jobs"][-1]["options"]["mask"])


def enter_again(page: Any) -> None:
    page.click(".card-open")
    ready(page)


@pytest.mark.parametrize("way", ["left", "reloaded", "left and reloaded"])
def test_a_stroke_painted_while_damage_is_looked_for_is_added_to_what_is_found(open_page: Open, old_photograph: Path, way: str) -> None:
    page = open_page()
    deleted: list[str] = []
    page.on("request", lambda request: deleted.append(request.url) if request.method == "DELETE" else None)
    with page.expect_request(is_job_of_mask), held(page, "**/events?*") as news:  # the page does not hear that the damage is found
        open_repaired(page, old_photograph)
        until(page, lambda: news)
        dab(page, HIGH)
        if "left" in way:
            page.click("#back")
            page.wait_for_timeout(1000)
        if "reloaded" in way:
            news.clear()
            page.reload()
            page.wait_for_selector("body[data-ready=yes]")
    if "left" in way:
        enter_again(page)
    settled(page)
    mask = last_mask(page)
    assert is_marked(mask, HIGH), "the stroke is lost"
    assert has_found(page, mask), "what was found is thrown away"
    assert not deleted, "the job that looks for damage was ended"


def test_two_strokes_are_filled_although_the_person_leaves_while_the_first_is_on_its_way(repaired: Any) -> None:
    page = repaired
    with page.expect_request(is_job_of_mask), held(page, "**/edits") as edits:
        dab(page, HIGH)
        until(page, lambda: edits)
        dab(page, LOW)
        page.click("#back")
        page.wait_for_timeout(300)
    enter_again(page)
    mask = last_mask(page)
    assert is_marked(mask, HIGH) and is_marked(mask, LOW) and has_found(page, mask)
    page.click("#undo")  # each by itself
    settled(page)
    mask = last_mask(page)
    assert is_marked(mask, HIGH) and not is_marked(mask, LOW)


def test_a_refresh_right_after_a_stroke_keeps_it(repaired: Any) -> None:
    page = repaired
    dab(page, HIGH)
    with page.expect_response(is_edit) as made:
        page.reload()
    mask = mask_of(page, made.value.json()["id"])
    assert is_marked(mask, HIGH) and has_found(page, mask)
    settled(page)


def test_a_server_that_is_away_when_the_person_leaves_gets_the_stroke_later(open_page: Open, old_photograph: Path) -> None:
    page = open_page(quiet=False)
    open_repaired(page, old_photograph)
    ready(page)
    refused: list[Any] = []

    def away(route: Any) -> None:
        refused.append(route)
        route.abort()

    page.route("**/edits", away)
    dab(page, HIGH)
    page.click("#back")
    until(page, lambda: len(refused) >= 2)  # the page's interface itself asks twice
    with page.expect_request(is_job_of_mask):
        page.unroute("**/edits")
    enter_again(page)
    assert is_marked(last_mask(page), HIGH)


def test_a_stroke_after_the_closeness_was_changed_waits_for_what_is_found_then(repaired: Any) -> None:
    page = repaired
    open_step(page, "damage")
    page.locator("#sensitivity").evaluate("dial => { dial.value = '70'; dial.dispatchEvent(new Event('change')); }")
    with page.expect_response(is_edit) as made:
        dab(page, HIGH)
    mask = mask_of(page, made.value.json()["id"])
    assert is_marked(mask, HIGH) and has_found(page, mask)
    settled(page)


def test_undo_while_a_stroke_is_on_its_way_takes_back_the_stroke_and_redo_brings_it(repaired: Any) -> None:
    page = repaired
    page.locator("#lightness").fill("40")
    settled(page)
    with page.expect_response(is_edit) as made, held(page, "**/edits") as edits:
        dab(page, HIGH)
        until(page, lambda: edits)
        page.click("#undo")
        assert page.input_value("#lightness") == "40", "something else was undone"
    page.wait_for_timeout(1000)
    assert page.input_value("#lightness") == "40" and page.is_enabled("#redo")
    settled(page)
    with page.expect_request(is_job) as asked:
        page.click("#redo")
    assert json.loads(asked.value.post_data)["mask"] == made.value.json()["id"]
    assert is_marked(mask_of(page, made.value.json()["id"]), HIGH)
    settled(page)
    page.click("#undo")
    page.click("#undo")
    assert page.input_value("#lightness") == "0"


def test_a_stroke_that_was_taken_back_at_once_can_be_redone(repaired: Any) -> None:
    page = repaired
    dab(page, HIGH)
    page.keyboard.press("Control+z")
    assert page.is_enabled("#redo")
    page.wait_for_timeout(1000)
    assert len(facts_of(page)["masks"]) == 1, "it was filled all the same"
    with page.expect_response(is_edit) as made:
        page.keyboard.press("Control+y")
    assert is_marked(mask_of(page, made.value.json()["id"]), HIGH)
    settled(page)


def test_what_was_changed_after_a_stroke_is_undone_before_it(repaired: Any) -> None:
    page = repaired
    with page.expect_response(is_edit) as made:
        dab(page, HIGH)
        page.locator("#lightness").fill("40")
        page.click("#undo")
    assert page.input_value("#lightness") == "0"
    assert is_marked(mask_of(page, made.value.json()["id"]), HIGH)
    settled(page)
    page.click("#undo")
    settled(page)
    assert asked_of(page, "").ok and page.is_disabled("#undo")


def test_a_mask_that_is_cleared_takes_the_strokes_with_it_and_undo_brings_both(repaired: Any) -> None:
    page = repaired
    open_step(page, "damage")
    dab(page, HIGH)
    page.click("#mask-clear")
    page.wait_for_selector("#damage-answer:has-text('Nothing is marked')")
    with page.expect_response(is_edit) as made:
        page.click("#undo")
    mask = mask_of(page, made.value.json()["id"])
    assert is_marked(mask, HIGH) and has_found(page, mask)
    settled(page)


def test_two_tabs_add_to_each_other_and_undo_what_was_done_last(repaired: Any) -> None:
    page = repaired
    other = page.context.new_page()
    other.goto(page.url)
    ready(other)
    with page.expect_request(is_job_of_mask):
        dab(page, HIGH)
    settled(page)
    with other.expect_request(is_job_of_mask):
        dab(other, LOW)
    settled(other)
    mask = last_mask(other)
    assert is_marked(mask, HIGH) and is_marked(mask, LOW) and has_found(other, mask)

    for tab in (page, other):  # which it is done in makes no difference
        tab.reload()
        ready(tab)
    page.click("#undo")
    settled(page)
    mask = mask_of(page, kept_mask(page))
    assert is_marked(mask, HIGH) and not is_marked(mask, LOW)
    other.click("#undo")
    settled(other)
    assert not is_marked(mask_of(other, kept_mask(other)), HIGH) and other.is_disabled("#undo")


def test_a_stroke_that_waits_in_one_tab_is_filled_once_with_that_of_another(repaired: Any) -> None:
    page = repaired
    other = page.context.new_page()
    other.goto(page.url)
    ready(other)
    with held(page, "**/edits") as edits:
        dab(page, HIGH)
        until(page, lambda: edits)
        dab(other, LOW)
        settled(other)
        mask = mask_of(other, kept_mask(other))
        assert is_marked(mask, HIGH) and is_marked(mask, LOW)
    settled(page)
    assert mask_of(page, kept_mask(page)).tolist() == mask.tolist(), "what came late changed it"
    page.click("#undo")
    page.click("#undo")
    assert page.is_disabled("#undo")


def kept_mask(page: Any) -> str:
    """The mask of what is set now."""
    kept = page.evaluate("localStorage.getItem(`unfade.edit.${location.hash.split('/p/')[1]}`)")
    return str(json.loads(kept)["now"]["mask"])
