"""On a phone that is held on its side, or upright, the tools leave the photograph to be seen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import pytest

from tests.browser.hands import bring, out_of_reach, paint, press, ready, steps_off

Open = Callable[..., Any]
SIDEWAYS = [(568, 320, "en"), (568, 320, "fr"), (640, 360, "en"), (844, 390, "de"), (932, 430, "en")]


@pytest.fixture
def tall(old_photograph: Path, tmp_path: Path) -> Path:
    """The small photograph, turned: it takes all the height there is."""
    picture = cv2.imread(str(old_photograph))
    assert picture is not None
    path = tmp_path / "tall.png"
    assert cv2.imwrite(str(path), cv2.rotate(picture, cv2.ROTATE_90_CLOCKWISE))
    return path


def held(open_page: Open, photograph: Path, width: int, height: int, locale: str) -> Any:
    """The photograph, opened on a phone of that size."""
    page = open_page("phone", locale=locale, is_mobile=True)
    page.set_viewport_size({"width": width, "height": height})
    steps_off(page)
    bring(page, photograph)
    ready(page)
    return page


def photograph_of(page: Any) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of the photograph, in CSS pixels."""
    page.wait_for_timeout(300)
    box = page.locator("#view").bounding_box()
    left, top, width, height = (float(number) for number in page.get_attribute("#view", "data-photograph").split())
    return box["x"] + left, box["y"] + top, box["x"] + left + width, box["y"] + top + height


def over(page: Any, photograph: tuple[float, float, float, float]) -> list[str]:
    """Which bars lie over the photograph."""
    left, top, right, bottom = photograph
    found = []
    for bar in (".studio-top", ".tools", "#context"):
        box = page.locator(bar).bounding_box()
        if (
            box
            and left + 1 < box["x"] + box["width"]
            and box["x"] < right - 1
            and top + 1 < box["y"] + box["height"]
            and box["y"] < bottom - 1
        ):
            found.append(bar)
    return found


def under_a_bar(page: Any, photograph: tuple[float, float, float, float]) -> list[str]:
    """What a finger meets instead of the frame's handles, 10 pixels about the photograph's corners."""
    left, top, right, bottom = photograph
    return list(
        page.evaluate(
            """([left, top, right, bottom]) => [left, right].flatMap((x) => [top, bottom].flatMap((y) =>
                [[-10, 0], [10, 0], [0, -10], [0, 10]].flatMap(([across, down]) => {
                    const met = document.elementFromPoint(x + across, y + down);
                    return met?.id === "view" ? [] : [`${[x, y].map(Math.round)}: ${met?.id || met?.className || "beyond the screen"}`];
                })))""",
            [left, top, right, bottom],
        )
    )


def runs_off(page: Any) -> list[str]:
    """Which bars go beyond the screen, or hold more than can be seen of them at once."""
    return list(
        page.evaluate(
            """() => [".tools", "#context", ".tabs"].filter((bar) => {
                const element = document.querySelector(bar);
                const { left, top, right, bottom } = element.getBoundingClientRect();
                const isWithin = left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight;
                const isWhole = element.scrollHeight <= element.clientHeight + 1 && element.scrollWidth <= element.clientWidth + 1;
                return element.checkVisibility() && !(isWithin && isWhole);
            })"""
        )
    )


@pytest.mark.parametrize(("width", "height", "locale"), SIDEWAYS)
def test_on_its_side_the_tool_stands_beside_the_photograph(open_page: Open, tall: Path, width: int, height: int, locale: str) -> None:
    page = held(open_page, tall, width, height, locale)
    for tool in ("move", "heal", "pieces", "hint", "frame"):
        if tool == "heal":
            paint(page, tool)  # the shape that asks for the most
        else:
            press(page, f"[data-tool={tool}]")
        photograph = photograph_of(page)
        assert photograph[3] - photograph[1] > height / 2, f"{tool}: little is left of the photograph"
        assert not over(page, photograph), tool
        assert not runs_off(page), tool
        assert not out_of_reach(page), tool
    assert not under_a_bar(page, photograph)

    # A step's drawer takes the place of the tool's bar, and gives it back.
    press(page, "[data-tab=damage]")
    page.wait_for_selector("#damage-body")
    page.wait_for_selector("#context", state="hidden")
    press(page, "[data-tool=frame]")
    page.wait_for_selector("#context")
    page.wait_for_selector("#damage-body", state="hidden")


def test_in_french_all_corners_of_a_frame_are_reached_on_a_small_phone(open_page: Open, tall: Path) -> None:
    page = held(open_page, tall, 360, 640, "fr")
    press(page, "[data-tool=frame]")
    photograph = photograph_of(page)
    assert not over(page, photograph)
    assert not under_a_bar(page, photograph)
    assert not out_of_reach(page)


def test_what_went_wrong_is_said_above_the_tool_on_a_phone_on_its_side(open_page: Open, tall: Path) -> None:
    page = held(open_page, tall, 568, 320, "fr")
    press(page, "[data-tool=frame]")
    page.evaluate(
        """() => {
            document.getElementById("notice").hidden = false;
            document.getElementById("notice-text").textContent = "The server had not enough memory. ".repeat(5);
        }"""
    )
    box, bar, head = (page.locator(part).bounding_box() for part in ("#notice", "#context", ".studio-top"))
    assert head["height"] <= box["y"] and box["y"] + box["height"] <= bar["y"]
    press(page, "#frame-find", trial=True)  # in the last row; it can be reached
    assert not out_of_reach(page)
