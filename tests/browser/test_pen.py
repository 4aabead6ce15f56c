"""A pen paints although the hand that holds it lies on the tablet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.hands import bring, paint, photograph_on_screen, settled, steps_off

pytestmark = pytest.mark.long

Open = Callable[..., Any]
PALM, SECOND_PALM = (0.85, 0.9), (0.7, 0.85)


class Hand:
    """A pen and the palm that holds it, over the photograph that is open; places are shares of it."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.session = page.context.new_cdp_session(page)
        self.photograph = photograph_on_screen(page)

    def _at(self, place: tuple[float, float]) -> dict[str, float]:
        left, top, width, height = self.photograph
        return {"x": left + place[0] * width, "y": top + place[1] * height}

    def _pen(self, kind: str, place: tuple[float, float]) -> None:
        how = {"type": kind, "button": "left", "buttons": 1, "pointerType": "pen", "clickCount": 1}
        self.session.send("Input.dispatchMouseEvent", how | self._at(place))

    def palm(self, kind: str, *places: tuple[float, float]) -> None:
        points = [self._at(place) | {"id": at} for at, place in enumerate(places)]
        self.session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def stroke(self, *, height: float, midway: Callable[[], None] | None = None) -> None:
        """From left to right, at a share of the photograph's height."""
        self._pen("mousePressed", (0.2, height))
        for step in range(1, 9):
            self._pen("mouseMoved", (0.2 + 0.05 * step, height))
            if step == 4 and midway:
                midway()
        self._pen("mouseReleased", (0.6, height))


@pytest.fixture
def hand(open_page: Open, old_photograph: Path) -> Iterator[Hand]:
    page = open_page("desktop", has_touch=True)
    steps_off(page)
    bring(page, old_photograph)
    page.wait_for_selector("#studio:not([hidden])")
    settled(page)
    hand = Hand(page)
    paint(page, "brush")
    yield hand
    hand.session.detach()


def strokes(page: Any) -> list[list[list[float]]]:
    """The points of those that are kept, before a mask is made of them."""
    kept = page.evaluate("JSON.parse(localStorage.getItem(Object.keys(localStorage).find((key) => key.startsWith('unfade.edit.'))))")
    return [stroke["points"] for stroke in kept["strokes"]]


def is_whole(points: list[list[float]]) -> bool:
    """Whether a stroke goes from a fifth of the photograph's 320 pixels to three."""
    return bool(points[0][0] < 70 and points[-1][0] > 180)


def seen_by(page: Any) -> str | None:
    """What the screen shows of the photograph; strokes stay what they are, for nothing is filled."""
    page.route("**/edits", lambda route: None)
    page.route("**/masks", lambda route: None)
    return page.get_attribute("#view", "data-photograph")  # type: ignore[no-any-return]


def test_a_palm_that_comes_down_while_the_pen_paints_is_ignored(hand: Hand) -> None:
    page = hand.page
    seen = seen_by(page)
    hand.stroke(height=0.2, midway=lambda: hand.palm("touchStart", PALM))
    hand.palm("touchEnd")
    (painted,) = strokes(page)
    assert is_whole(painted) and page.get_attribute("#view", "data-photograph") == seen


def test_a_palm_that_lies_there_already_is_ignored(hand: Hand) -> None:
    page = hand.page
    seen = seen_by(page)
    hand.palm("touchStart", PALM)
    hand.stroke(height=0.2, midway=lambda: hand.palm("touchMove", SECOND_PALM))
    hand.palm("touchEnd")
    (painted,) = strokes(page)
    assert is_whole(painted) and page.get_attribute("#view", "data-photograph") == seen


def test_two_fingers_still_zoom_once_the_pen_is_away(hand: Hand) -> None:
    page = hand.page
    hand.stroke(height=0.2)
    page.wait_for_timeout(800)
    seen = page.get_attribute("#view", "data-photograph")
    hand.palm("touchStart", (0.45, 0.5), (0.55, 0.5))
    hand.palm("touchMove", (0.3, 0.5), (0.7, 0.5))
    hand.palm("touchEnd")
    page.wait_for_timeout(300)
    assert page.get_attribute("#view", "data-photograph") != seen
    settled(page)
