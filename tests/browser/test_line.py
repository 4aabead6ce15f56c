"""What a line that breaks for a moment takes is asked for again, without a hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser.hands import bring, photograph_on_screen, pixels, settled, steps_off

pytestmark = pytest.mark.long

Open = Callable[..., Any]


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
