"""What a person does with the page, and sees on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
THUMB_PX = 20
NAME = "old-album.test"


def bring(page: Any, *photographs: Path) -> None:
    """Choose photographs; one alone opens by itself."""
    page.set_input_files("#chooser", [str(path) for path in photographs])


def ready(page: Any) -> None:
    """Wait until the result for what is set can be seen and downloaded at full size."""
    page.wait_for_selector("#studio:not([hidden])")
    settled(page)


def settled(page: Any) -> None:
    """Wait until what is set is made, at full size, and seen."""
    page.wait_for_selector("#studio[data-settled=yes]", state="attached")
    page.wait_for_selector("#notice", state="hidden")
    page.wait_for_timeout(200)


def is_phone(page: Any) -> bool:
    """Whether the page is held in a hand: then everything is done by a finger."""
    return bool(page.viewport_size["width"] < 600)


def press(page: Any, selector: str, **how: Any) -> None:
    """A tap of a finger on a phone, a click of the mouse elsewhere."""
    (page.tap if is_phone(page) else page.click)(selector, **how)


def stroke(page: Any, *points: tuple[float, float]) -> None:
    """A finger on a phone, the mouse elsewhere: down at the first place, over the others, and up."""
    (touch if is_phone(page) else drag)(page, *points)


def slide(page: Any, selector: str, share: float) -> None:
    """Take a slider by its thumb to a share of its length."""
    slider = page.locator(selector)
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    now, least, most = slider.evaluate("slider => [slider.value, slider.min, slider.max].map(Number)")
    reach = box["width"] - THUMB_PX
    start, end = (box["x"] + THUMB_PX / 2 + at * reach for at in ((now - least) / (most - least), share))
    y = box["y"] + box["height"] / 2
    stroke(page, (start, y), ((start + end) / 2, y), (end, y))


def open_step(page: Any, step: str) -> None:
    """Open the dials of a step: in its tile, or on a phone from the row at the foot."""
    if page.locator(f"#{step}-body").is_hidden():
        press(page, f"[data-tab={step}]" if page.locator(".tabs").is_visible() else f"[data-open={step}]")
        page.wait_for_selector(f"#{step}-body")


def switch(page: Any, step: str, *, on: bool = True) -> None:
    """Turn a step on or off."""
    open_step(page, step)
    box = page.locator({"damage": "#fill", "clean": "#clean-on", "color": "#colorize"}[step])
    if box.is_checked() != on:
        (box.tap if is_phone(page) else box.click)(force=True)
    assert box.is_checked() == on


def paint(page: Any, shape: str) -> None:
    """Take a shape to paint with."""
    press(page, "[data-tool=paint]")
    press(page, f"[data-shape={shape}]")


def middle(page: Any) -> tuple[float, float]:
    box = page.locator("#view").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def pixels(page: Any, selector: str = "#view") -> np.ndarray:
    """What is to be seen of an element, as (h, w, 3)."""
    seen = cv2.imdecode(np.frombuffer(page.locator(selector).screenshot(), np.uint8), cv2.IMREAD_COLOR)
    assert seen is not None
    return np.asarray(seen)


def differ(one: np.ndarray, other: np.ndarray, levels: int = 12) -> float:
    return float(np.mean(np.abs(one.astype(int) - other.astype(int)).max(axis=-1) > levels))


def audit(page: Any) -> None:
    """axe-core finds nothing serious. Its source is evaluated by the debugger, which the page's policy leaves
    alone."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8") + "; 0")
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    grave = [rule for rule in found["violations"] if rule["impact"] in ("serious", "critical")]
    serious = [(rule["id"], [node["target"] for node in rule["nodes"]]) for rule in grave]
    assert not serious, serious


def audit_by_day_and_night(page: Any) -> None:
    """As `audit`, light and dark."""
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        audit(page)


def out_of_reach(page: Any) -> list[str]:
    """What of the page's buttons, links and sliders a hand cannot well reach: it lies beyond the screen's
    edges, or is smaller on a phone than 44 pixels."""
    return list(
        page.evaluate(
            """least => {
                const isOver = (element) => !document.querySelector("dialog[open]") || element.closest("dialog[open]");
                const isBeside = (element) => element.closest(".unseen, .swatches, .sample, #split"); // a strip that goes on, or a picture
                const isMeant = (element) => element.checkVisibility() && !isBeside(element) && isOver(element);
                const all = document.querySelectorAll("button, a[href], summary, select, label.switch, input[type=range]");
                return [...all].flatMap((element) => {
                    const { left, right, top, bottom, width, height } = element.getBoundingClientRect();
                    if (!isMeant(element) || !width || !height || bottom < 0 || top > innerHeight) return [];
                    const isWithin = (left > -1 && right < innerWidth + 1) || element.closest(".choices"); // which goes on under the finger
                    const isReached = Math.round(width) >= least && Math.round(height) >= least && isWithin;
                    const place = [left, right, width, height].map(Math.round);
                    return isReached ? [] : [`${element.id || element.textContent || element.className}: ${place}`];
                });
            }""",
            44 if is_phone(page) else 24,
        )
    )


def steps_off(page: Any) -> None:
    """For new photographs: nothing is done. The result is then the photograph itself."""
    for step in ("fill", "clean", "color"):
        page.locator(f"#plan-{step}").uncheck(force=True)


def photo_id(page: Any) -> str:
    return str(page.url).rsplit("/p/", 1)[1]


def asked_of(page: Any, path: str) -> Any:
    """What the server answers about the photograph that is open. Only the browser knows the server by the
    name of `conftest`."""
    address = page.url.split("/#")[0].replace(NAME, "127.0.0.1")
    return page.request.get(f"{address}/api/v1/photos/{photo_id(page)}{path}")


def facts_of(page: Any) -> Any:
    """What the server says of the photograph that is open."""
    return asked_of(page, "").json()


def mask_of(page: Any, mask_id: str) -> np.ndarray:
    """A mask of the photograph that is open, (h, w), True = lost."""
    mask = cv2.imdecode(np.frombuffer(asked_of(page, f"/masks/{mask_id}").body(), np.uint8), cv2.IMREAD_GRAYSCALE)
    assert mask is not None
    return np.asarray(mask) > 127


def photograph_on_screen(page: Any) -> tuple[float, float, float, float]:
    """Left, top, width and height of the photograph, seen whole, in CSS pixels."""
    page.click("[data-tool=move]")
    if page.locator("#zoom-fit").is_visible():  # on a phone it is there only while the photograph is not seen whole
        page.click("#zoom-fit")
    page.wait_for_timeout(200)
    box = page.locator("#view").bounding_box()
    left, top, width, height = (float(number) for number in page.get_attribute("#view", "data-photograph").split())
    return box["x"] + left, box["y"] + top, width, height


def drag_on(page: Any, tool: str, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag a shape of painting over the photograph, between two places in shares of its width and height."""
    left, top, width, height = photograph_on_screen(page)
    paint(page, tool)
    page.mouse.move(left + start[0] * width, top + start[1] * height)
    page.mouse.down()
    page.mouse.move(left + end[0] * width, top + end[1] * height, steps=8)
    page.mouse.up()


def dot_on_screen(page: Any) -> tuple[float, float]:
    """Where, in CSS pixels of the page, the one black dot of the photograph is seen."""
    box = page.locator("#view").bounding_box()
    seen = pixels(page)[90:-140, 20:-20]  # between the bars that float over it
    rows, columns = np.nonzero(seen.max(axis=-1) < 40)
    assert len(rows), "no dot is seen"
    return box["x"] + 20 + float(columns.mean()) + 0.5, box["y"] + 90 + float(rows.mean()) + 0.5


def touch(page: Any, *points: tuple[float, float]) -> None:
    """One finger comes down at the first place, goes over the others, and lifts."""
    session = page.context.new_cdp_session(page)
    for kind, at in (("touchStart", points[0]), *(("touchMove", point) for point in points[1:])):
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": at[0], "y": at[1], "id": 1}]})
        page.wait_for_timeout(16)
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    session.detach()


def drag(page: Any, *points: tuple[float, float]) -> None:
    """The mouse goes down at the first place, over the others, and up."""
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=4)
    page.mouse.up()


def watch_shifts(page: Any) -> None:
    """From now on, note how much of the page moves without having been touched."""
    page.evaluate(
        """() => {
            window.shifted = [];
            const note = ({ value, hadRecentInput, sources }) =>
                hadRecentInput || shifted.push([value, sources.map(({ node }) => node?.id || node?.className || node?.nodeName).join(" ")]);
            new PerformanceObserver((list) => list.getEntries().forEach(note)).observe({ type: "layout-shift" });
        }"""
    )


def shifts(page: Any) -> tuple[float, Any]:
    """How much has moved since `watch_shifts`, and what."""
    found = page.evaluate("shifted")
    return sum(value for value, _ in found), found
