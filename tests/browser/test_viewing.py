"""What is seen: a phone's photograph upright, and a large one pixel by pixel, on both sides of the slider."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.browser.hands import bring, dot_on_screen, drag_on, facts_of, mask_of, photograph_on_screen, pixels, ready, steps_off

pytestmark = pytest.mark.long

Open = Callable[..., Any]
WIDTH, HEIGHT = 2600, 1800


@pytest.fixture(scope="module")
def striped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photograph larger than the view: lines of one pixel, one dark and one light, and a black dot off its
    middle."""
    samples = np.full((HEIGHT, WIDTH), 190, np.uint8)
    samples[:, ::2] = 90
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    samples[np.hypot(columns - 1420, rows - 1000) < 20] = 0
    path = tmp_path_factory.mktemp("photographs") / "grandparents-in-the-garden-behind-the-house-1911.png"
    Image.fromarray(samples).save(path)
    return path


@pytest.fixture(scope="module")
def from_a_phone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """HEIC as phones write it: stored on its side, with an orientation that says so. Upright: 600 x 800, a
    black dot near the top right."""
    heif = pytest.importorskip("pillow_heif")
    rows, columns = np.mgrid[:800, :600]
    upright = np.repeat((120 + 60 * np.sin(rows / 70) * np.cos(columns / 50))[:, :, None], 3, axis=2).astype(np.uint8)
    upright[np.hypot(columns - 500, rows - 150) < 22] = 0
    exif = Image.Exif()
    exif[0x0112] = 6  # turn it a quarter clockwise to see it upright
    stored = Image.fromarray(np.ascontiguousarray(np.rot90(upright)))
    path = tmp_path_factory.mktemp("photographs") / "IMG_1911.HEIC"
    file = heif.from_pillow(stored)
    file.save(path, quality=90, exif=exif.tobytes())
    return path


def contrast(seen: np.ndarray) -> float:
    """How much neighbors in a row differ."""
    return float(np.abs(np.diff(seen[:, :, 1].astype(int), axis=1)).mean())


def at_full_size(page: Any) -> None:
    page.click("#zoom-level")
    page.wait_for_selector("#zoom-level:has-text('100%')")
    page.wait_for_timeout(1500)


def test_a_large_photograph_is_seen_pixel_by_pixel_on_both_sides(open_page: Open, striped: Path) -> None:
    page = open_page()
    steps_off(page)
    bring(page, striped)
    ready(page)
    assert page.locator("#photo-facts").inner_text() == f"{WIDTH} × {HEIGHT} · PNG"
    at_full_size(page)
    seen = pixels(page)
    middle = seen.shape[1] // 2
    band = slice(150, 350)
    before, after = seen[band, 60 : middle - 60], seen[band, middle + 60 : -60]
    assert contrast(before) > 60, "the original is not seen at full size"
    assert contrast(after) > 60, "the result is not seen at full size"
    for view in ("before", "after"):
        page.click(f"[data-view={view}]")
        page.wait_for_timeout(300)
        assert contrast(pixels(page)[band, 60:-60]) > 60

    # Moved by hand, by keys and by the wheel: the dot goes where it is taken.
    x, y = dot_on_screen(page)
    page.mouse.move(x + 40, y + 90)
    page.mouse.down()
    page.mouse.move(x - 60, y + 40, steps=5)
    page.mouse.up()
    page.wait_for_timeout(300)
    to_x, to_y = dot_on_screen(page)
    assert abs(to_x - (x - 100)) < 1.5 and abs(to_y - (y - 50)) < 1.5
    page.locator("#view").focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_timeout(300)
    assert abs(dot_on_screen(page)[0] - (to_x + 60)) < 1.5
    x, y = dot_on_screen(page)
    page.mouse.move(x, y)
    page.mouse.wheel(0, -300)
    page.wait_for_timeout(600)
    assert int(page.locator("#zoom-level").inner_text().rstrip("%")) > 150
    assert np.hypot(*np.subtract(dot_on_screen(page), (x, y))) < 2, "the wheel does not zoom where the pointer is"
    page.keyboard.press("0")
    page.wait_for_timeout(300)
    left, top, width, height = photograph_on_screen(page)
    x, y = dot_on_screen(page)
    assert abs((x - left) / width - 1420 / WIDTH) < 0.01 and abs((y - top) / height - 1000 / HEIGHT) < 0.01


def test_a_large_photograph_on_a_phone_in_two_fingers(open_page: Open, striped: Path) -> None:
    page = open_page("phone", is_mobile=True, device_scale_factor=3)
    steps_off(page)
    bring(page, striped)
    ready(page)
    before = int(page.locator("#zoom-level").inner_text().rstrip("%"))
    box = page.locator("#view").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch = page.context.new_cdp_session(page)
    for kind, apart in (("touchStart", 40), ("touchMove", 70), ("touchMove", 110), ("touchMove", 160), ("touchEnd", None)):
        points = [] if apart is None else [{"x": x - apart / 2, "y": y, "id": 1}, {"x": x + apart / 2, "y": y, "id": 2}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        page.wait_for_timeout(60)
    assert 3.2 < int(page.locator("#zoom-level").inner_text().rstrip("%")) / before < 4.8
    at_full_size(page)
    assert contrast(pixels(page)[250:900, 100:-100]) > 40
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    button = page.locator("#download-open").bounding_box()
    assert button["x"] + button["width"] <= 390, "the photograph's name pushes the buttons off the screen"


def test_a_phones_photograph_is_upright_and_the_brush_lands_on_it(open_page: Open, from_a_phone: Path) -> None:
    page = open_page()
    steps_off(page)
    bring(page, from_a_phone)
    ready(page)
    assert page.locator("#photo-facts").inner_text() == "600 × 800 · HEIF"
    left, top, width, height = photograph_on_screen(page)
    assert abs(height / width - 800 / 600) < 0.02
    for view in ("before", "after"):
        page.click(f"[data-view={view}]")
        page.wait_for_timeout(300)
        x, y = dot_on_screen(page)
        assert abs((x - left) / width - 500 / 600) < 0.02 and abs((y - top) / height - 150 / 800) < 0.02
    with page.expect_response(lambda answer: answer.url.endswith("/edits")):
        drag_on(page, "brush", (500 / 600, 150 / 800), (500 / 600, 170 / 800))
    ready(page)
    mask = mask_of(page, facts_of(page)["jobs"][-1]["mask_id"])
    assert mask.shape == (800, 600)
    rows, columns = np.nonzero(mask)
    assert abs(columns.mean() - 500) < 5 and abs(rows.mean() - 160) < 6

    page.click("#download-open")
    with page.expect_download() as download:
        page.click("#download-go")
    assert download.value.suggested_filename == "IMG_1911.restored.HEIC"
    page.click("#download-open")
    page.check("[name=format][value=png]")
    with page.expect_download() as download:
        page.click("#download-go")
    with Image.open(download.value.path()) as result:
        assert result.size == (600, 800)
        assert np.asarray(result.convert("L"))[100:120, 490:510].mean() > 20, "the way up is not the photograph's"
