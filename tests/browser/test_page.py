"""The whole story in a real browser: upload, progress, slider, brush, undo, an object kept, a color, refresh,
download, delete."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.browser.hands import bring, differ, middle, open_step, paint, pixels, ready, settled

pytestmark = pytest.mark.long

Open = Callable[..., Any]


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_the_whole_story(open_page: Open, old_photograph: Path, size: str) -> None:
    page = open_page(size)
    bring(page, old_photograph)
    page.wait_for_selector("#studio:not([hidden])")
    page.wait_for_selector("#thread:not([hidden])", state="attached")
    ready(page)
    assert page.locator("#photo-name").inner_text() == "aunt-may.jpg"
    assert page.locator("#colorize").is_checked(), "a black-and-white photograph is colored unless that is switched off"

    # The slider, by keyboard: another share of the picture is the result.
    left = pixels(page)
    page.locator("#split").focus()
    for _ in range(30):
        page.keyboard.press("ArrowLeft")
    page.wait_for_timeout(200)
    assert differ(left, pixels(page)) > 0.001
    if size == "desktop":
        for view in ("side", "after", "before", "split"):
            page.click(f"[data-view={view}]")
            assert page.get_attribute(f"[data-view={view}]", "aria-pressed") == "true"

    # A brush stroke is red, is taken back and, done again, is filled without being asked.
    paint(page, "brush")
    x, y = middle(page)
    bare = pixels(page)
    page.route("**/edits", lambda route: None)
    stroke_from(page, x + 40, y + 50)
    page.mouse.move(x + 90, y + 150)
    page.wait_for_timeout(200)
    assert differ(bare, pixels(page)) > 0.0005
    page.unroute_all()
    page.reload()
    page.wait_for_selector("body[data-ready=yes]")
    ready(page)
    paint(page, "brush")
    with page.expect_response(lambda answer: answer.request.method == "POST" and answer.url.endswith("/edits")) as made:
        stroke_from(page, x + 40, y + 50)
    assert made.value.status == 201
    assert made.value.json()["share"] > 0
    settled(page)

    # A piece kept as it is: the job says so.
    open_step(page, "damage")
    page.locator("#objects-details summary").click()
    with page.expect_request(lambda request: request.method == "POST" and request.url.endswith("/jobs")) as asked:
        page.locator("#objects input").first.focus()
        page.keyboard.press("Space")
    assert len(json.loads(asked.value.post_data)["keep"]) == 1
    settled(page)

    # A color, tapped.
    page.click("[data-tool=hint]")
    page.click(".swatch >> nth=5")
    page.mouse.click(x - 60, y + 20)
    open_step(page, "color")
    assert page.locator("#hints li").count() == 1
    settled(page)

    # A refresh loses nothing: the photograph, the hint, the way back.
    page.reload()
    page.wait_for_selector("body[data-ready=yes]")
    ready(page)
    open_step(page, "color")
    assert page.locator("#hints li").count() == 1
    page.click("#undo")
    assert page.locator("#hints li").count() == 0
    page.click("#redo")
    settled(page)

    # Downloads: the file as it came, another format, the record.
    for choice, name, magic in (("same", "aunt-may.restored.jpg", b"\xff\xd8"), ("png", "aunt-may.restored.png", b"\x89PNG")):
        page.click("#download-open")
        page.check(f"[name=format][value={choice}]")
        with page.expect_download() as download:
            page.click("#download-go")
        data = Path(download.value.path()).read_bytes()
        assert download.value.suggested_filename == name
        assert data.startswith(magic)
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None and picture.shape == (240, 320, 3)
        assert np.abs(picture.max(axis=-1).astype(int) - picture.min(axis=-1)).max() > 10, "no color in it"
    page.click("#download-open")
    with page.expect_download() as download:
        page.click("#record")
    assert json.loads(Path(download.value.path()).read_bytes())
    page.keyboard.press("Escape")

    # And gone.
    page.click("#more summary")
    page.click("#remove")
    page.click("#confirm [value=yes]")
    page.wait_for_selector("#hero:not([hidden])")
    page.reload()
    page.wait_for_selector("body[data-ready=yes]")
    assert page.locator(".card").count() == 0


def stroke_from(page: Any, x: float, y: float) -> None:
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 50, y + 20, steps=6)
    page.mouse.up()


def test_sliders_answer_while_they_move(open_page: Open, old_photograph: Path) -> None:
    page = open_page()
    bring(page, old_photograph)
    ready(page)
    page.click("[data-view=after]")
    open_step(page, "color")
    with page.expect_response(lambda answer: answer.url.endswith("/preview")):
        page.locator("#saturation").fill("190")
    settled(page)
    strong = pixels(page)
    page.wait_for_timeout(1000)  # what follows at once is the same movement, and undone with it
    page.route("**/preview", lambda route: None)  # never answered: from here on only what the page itself can blend
    page.locator("#saturation").fill("20")
    page.wait_for_timeout(150)
    weak = pixels(page)
    spread = [float(np.mean(seen.max(axis=-1).astype(int) - seen.min(axis=-1))) for seen in (weak, strong)]
    assert spread[0] < spread[1]
    page.unroute("**/preview")
    page.click("#undo")
    assert page.locator("#saturation").input_value() == "190"


def test_a_color_is_taken_where_the_other_photograph_is_clicked(open_page: Open, old_photograph: Path, tmp_path: Path) -> None:
    page = open_page()
    bring(page, old_photograph)
    ready(page)
    stripe = np.full((600, 300, 3), (40, 40, 200), np.uint8)
    stripe[:, 240:] = (60, 180, 40)  # the right fifth, in green
    assert cv2.imwrite(str(tmp_path / "stripe.png"), stripe)
    page.click("[data-tool=hint]")
    page.click("#pick-open")
    page.set_input_files("#pick-file", str(tmp_path / "stripe.png"))
    page.wait_for_selector("#pick-canvas[width='300']")
    box = page.locator("#pick-canvas").bounding_box()
    shown = box["height"] * 300 / 600  # a tall picture in a wide frame
    page.mouse.click(box["x"] + box["width"] / 2 + 0.4 * shown, box["y"] + box["height"] / 2)
    assert page.locator("#picked").inner_text() == "#28b43c"
    page.click("#pick-take")
    page.wait_for_timeout(500)  # a dialog tells of its end some moments later
    assert page.input_value("#hint-color") == "#28b43c"


def test_several_at_once_come_as_a_zip(open_page: Open, old_photograph: Path, tmp_path: Path) -> None:
    second = tmp_path / "uncle-joe.jpg"
    second.write_bytes(old_photograph.read_bytes())
    page = open_page()
    bring(page, old_photograph, second)
    page.wait_for_selector("#zip-open:not([hidden])")
    assert page.locator(".card").count() == 2
    page.click("#zip-open")
    with page.expect_download() as download:
        page.click("#download-go")
    with zipfile.ZipFile(io.BytesIO(Path(download.value.path()).read_bytes())) as kept:
        names = kept.namelist()
    assert any("aunt-may" in name for name in names) and any("uncle-joe" in name for name in names)


def test_a_file_that_is_no_photograph_is_refused_in_a_sentence(open_page: Open, chromium: Any, address: str, tmp_path: Path) -> None:
    letter = tmp_path / "letter.jpg"
    letter.write_text("Dear aunt")
    context = chromium.new_context()
    page = context.new_page()
    page.goto(address + "/")
    page.wait_for_selector("body[data-ready=yes]")
    bring(page, letter)
    page.wait_for_selector(".card .wrong-text")
    assert len(page.locator(".card .wrong-text").inner_text()) > 15
    page.click(".card-remove")
    page.wait_for_selector("#hero:not([hidden])")
    context.close()
