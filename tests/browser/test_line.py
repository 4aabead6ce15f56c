"""What a line that breaks for a moment takes is asked for again, without a hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser.hands import bring, drag_on, facts_of, mask_of, photograph_on_screen, pixels, ready, settled, steps_off
from tests.browser.test_incoming import copies, uploads_of

pytestmark = pytest.mark.long

Open = Callable[..., Any]
LOSE_THE_ANSWER = """() => {
    const { send } = XMLHttpRequest.prototype;
    XMLHttpRequest.prototype.send = function (body) {
        this.onload = () => this.onerror();
        send.call(this, body);
    };
}"""


def broken_once(page: Any, address: str) -> list[str]:
    """The first request of an address breaks off; which it was."""
    broken: list[str] = []

    def break_off(route: Any) -> None:
        if broken:
            route.continue_()
        else:
            broken.append(route.request.url)
            route.abort()

    page.route(address, break_off)
    return broken


def open_untouched(page: Any, photograph: Path) -> None:
    """With no step on: the result is the photograph itself."""
    steps_off(page)
    bring(page, photograph)
    page.wait_for_selector("#studio:not([hidden])")


def test_a_result_whose_picture_did_not_come_is_asked_for_again(open_page: Open, old_photograph: Path) -> None:
    page = open_page(quiet=False)
    broken = broken_once(page, "**/jobs/*/image?side_px=1024*")
    open_untouched(page, old_photograph)
    settled(page)
    assert broken and page.get_attribute("#view", "data-after") == "result"


def test_an_original_whose_picture_did_not_come_is_asked_for_again(open_page: Open, old_photograph: Path) -> None:
    page = open_page(quiet=False)
    with page.expect_response(lambda response: "/photos/" in response.url and "side_px=1024" in response.url and response.ok):
        broken = broken_once(page, "**/photos/*/image?side_px=1024*")
        open_untouched(page, old_photograph)
    settled(page)
    left, top, width, height = photograph_on_screen(page)
    box = page.locator("#view").bounding_box()
    x, y = (round(at) for at in (left - box["x"], top - box["y"]))
    before = pixels(page)[y + 20 : y + round(height) - 80, x + 20 : x + round(width / 2) - 40]
    assert broken and before.std() > 10, "nothing is seen of it"


def test_a_card_whose_picture_did_not_come_asks_again(open_page: Open, old_photograph: Path) -> None:
    page = open_page(quiet=False)
    open_untouched(page, old_photograph)
    settled(page)
    broken = broken_once(page, "**/jobs/*/image?side_px=512*")
    page.reload()
    page.click("#back")
    page.wait_for_selector(".card-frame > img:first-of-type", state="visible")
    assert broken


def test_uploads_go_on_by_themselves_when_the_network_is_back(open_page: Open, old_photograph: Path, tmp_path: Path) -> None:
    page = open_page(quiet=False)
    steps_off(page)
    jobs: list[str] = []
    page.on("request", lambda request: jobs.append(request.url) if request.url.endswith("/jobs") else None)
    names = [f"album-{number}.jpg" for number in range(6)]
    page.context.set_offline(True)
    bring(page, *copies(old_photograph, tmp_path, names))
    page.locator(".card .wrong-text").nth(1).wait_for()
    page.wait_for_timeout(500)
    assert page.locator(".card .wrong-text").count() == 2, "the others wait, they do not fail"
    page.wait_for_timeout(4000)  # it asks in vain meanwhile
    page.context.set_offline(False)
    page.locator(".card .ready").nth(5).wait_for()
    assert len(jobs) == 6 and page.locator(".card").count() == 6
    page.reload()
    page.wait_for_selector("body[data-ready=yes]")
    assert page.locator(".card strong").all_inner_texts() == names
    assert page.locator(".slip").count() == 0


def test_an_upload_whose_answer_was_lost_is_not_sent_again(open_page: Open, old_photograph: Path) -> None:
    page = open_page(quiet=False)
    steps_off(page)
    page.evaluate(LOSE_THE_ANSWER)
    uploads = uploads_of(page)
    bring(page, old_photograph)
    ready(page)
    assert len(uploads) == 1
    page.click("#back")
    assert page.locator(".card").count() == 1


def test_all_that_failed_is_tried_again_at_once(open_page: Open, old_photograph: Path, tmp_path: Path) -> None:
    page = open_page(quiet=False)
    steps_off(page)
    page.route("**/api/v1/photos", lambda route: route.fulfill(status=500, json={"detail": "Something went wrong."}))
    bring(page, *copies(old_photograph, tmp_path, ["one.jpg", "two.jpg", "three.jpg"]))
    page.locator(".card-again:visible").nth(2).wait_for()
    page.unroute_all()
    page.locator(".card-again").nth(0).click()
    page.locator(".card .ready").wait_for()
    page.click("#again-all")
    page.locator(".card .ready").nth(2).wait_for()
    assert page.locator("#again-all").is_hidden()


def test_a_file_that_is_gone_is_chosen_again(open_page: Open, old_photograph: Path, tmp_path: Path) -> None:
    page = open_page(quiet=False)
    steps_off(page)
    (path,) = copies(old_photograph, tmp_path, ["one.jpg"])
    page.context.set_offline(True)
    bring(page, path)
    page.wait_for_selector(".card .wrong-text")
    path.unlink()
    page.context.set_offline(False)
    page.wait_for_selector(".card .wrong-text:has-text('can no longer be read')")
    with page.expect_file_chooser() as chooser:
        page.click(".card-again")
    chooser.value.set_files(str(old_photograph))
    ready(page)


def test_strokes_are_filled_by_themselves_when_the_network_is_back(open_page: Open, old_photograph: Path) -> None:
    page = open_page(quiet=False)
    for step in ("clean", "color"):
        page.locator(f"#plan-{step}").uncheck(force=True)
    bring(page, old_photograph)
    ready(page)
    page.context.set_offline(True)
    for height in (0.15, 0.85):
        drag_on(page, "brush", (0.7, height), (0.8, height))
        page.wait_for_timeout(2500)
    page.context.set_offline(False)
    settled(page)
    mask = mask_of(page, facts_of(page)["jobs"][-1]["options"]["mask"])
    assert mask[round(240 * 0.15), 240] and mask[round(240 * 0.85), 240]
