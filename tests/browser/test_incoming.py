"""How photographs reach the page: chosen, dropped, pasted, many at once; and what a refresh does to uploads on their way."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser.hands import bring, ready

pytestmark = pytest.mark.long

Open = Callable[..., Any]
COPY_TO_CLIPBOARD = """async (data) => {
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    const canvas = document.createElement("canvas");
    const picture = await createImageBitmap(new Blob([bytes]));
    Object.assign(canvas, { width: picture.width, height: picture.height });
    canvas.getContext("2d").drawImage(picture, 0, 0);
    const png = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
    await navigator.clipboard.write([new ClipboardItem({ "image/png": png })]);
}"""


def copies(photograph: Path, folder: Path, names: list[str]) -> list[Path]:
    paths = [folder / name for name in names]
    for path in paths:
        path.write_bytes(photograph.read_bytes())
    return paths


def drag(page: Any, kind: str, *photographs: Path) -> None:
    """Let files from outside the browser come over the page, leave it, or fall on it."""
    data = {"items": [], "files": [str(path) for path in photographs], "dragOperationsMask": 1}
    page.context.new_cdp_session(page).send("Input.dispatchDragEvent", {"type": kind, "x": 300, "y": 300, "data": data})


def hold_uploads(page: Any) -> list[Any]:
    """Let no upload through; gives what is held."""
    held: list[Any] = []
    page.route("**/api/v1/photos", lambda route: held.append(route))
    return held


def until_held(page: Any, held: list[Any], count: int) -> None:
    for _ in range(200):
        if len(held) >= count:
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"{len(held)} uploads began, not {count}")


def test_files_are_dropped_on_the_page(open_page: Open, old_photograph: Path, tmp_path: Path) -> None:
    page = open_page()
    paths = copies(old_photograph, tmp_path, ["one.jpg", "two.jpg", "three.jpg"])
    drag(page, "dragEnter", *paths)
    page.wait_for_selector("#veil:not([hidden])")
    drag(page, "dragCancel", *paths)
    page.wait_for_selector("#veil", state="hidden")
    drag(page, "dragEnter", *paths)
    drag(page, "dragOver", *paths)
    drag(page, "drop", *paths)
    page.wait_for_selector("#veil", state="hidden")
    assert page.locator(".card strong").all_inner_texts() == ["one.jpg", "two.jpg", "three.jpg"]
    for at in range(3):
        page.locator(f".card >> nth={at} >> .ready").wait_for()

    # On the studio too: the new one goes to the shelf, beside the others.
    page.click(".card-open >> nth=0")
    ready(page)
    drag(page, "dragEnter", old_photograph)
    drag(page, "dragOver", old_photograph)
    drag(page, "drop", old_photograph)
    page.wait_for_selector("#shelf:not([hidden])")
    assert page.locator(".card").count() == 4


def test_a_picture_is_pasted(open_page: Open, old_photograph: Path) -> None:
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    page.evaluate(COPY_TO_CLIPBOARD, base64.b64encode(old_photograph.read_bytes()).decode())
    page.keyboard.press("Control+V")
    ready(page)
    assert page.locator("#photo-facts").inner_text() == "320 × 240 · PNG"


def test_many_are_chosen_at_once_and_keep_their_order(open_page: Open, old_photograph: Path, tmp_path: Path) -> None:
    page = open_page()
    paths = copies(old_photograph, tmp_path, [f"album-{number:02}.jpg" for number in range(12)])
    bring(page, *paths)
    assert page.locator(".card").count() == 12
    assert page.locator("#hero").is_hidden()
    page.locator(".card .ready").nth(11).wait_for()
    assert page.locator("#zip-open").is_visible()
    page.reload()
    page.wait_for_selector("body[data-ready=yes]")
    assert page.locator(".card strong").all_inner_texts() == [path.name for path in paths]


def test_a_refresh_during_an_upload_loses_nothing(open_page: Open, old_photograph: Path, tmp_path: Path) -> None:
    page = open_page()
    held = hold_uploads(page)
    bring(page, *copies(old_photograph, tmp_path, ["one.jpg", "two.jpg", "three.jpg"]))  # two at once, the third waits
    until_held(page, held, 2)
    page.wait_for_timeout(500)
    page.unroute_all()
    page.reload()
    page.wait_for_selector("body[data-ready=yes]")
    assert "3 uploads that were interrupted go on" in page.locator("#slips").inner_text()
    page.locator(".card .ready").nth(2).wait_for()
    assert sorted(page.locator(".card strong").all_inner_texts()) == ["one.jpg", "three.jpg", "two.jpg"]
    page.reload()
    page.wait_for_selector("body[data-ready=yes]")
    assert page.locator(".card").count() == 3
    assert page.locator(".slip").count() == 0


def test_another_tab_leaves_uploads_alone_until_their_tab_is_closed(open_page: Open, old_photograph: Path) -> None:
    page = open_page()
    address = page.url
    held = hold_uploads(page)
    bring(page, old_photograph)
    until_held(page, held, 1)
    page.wait_for_timeout(500)
    other = page.context.new_page()
    other.goto(address)
    other.wait_for_selector("body[data-ready=yes]")
    assert other.locator(".card").count() == 0
    page.close()
    other.reload()
    ready(other)
    assert other.locator("#photo-name").inner_text() == "aunt-may.jpg"


def test_an_upload_that_the_browser_could_not_keep_is_asked_for_again(open_page: Open, old_photograph: Path) -> None:
    page = open_page()
    page.evaluate("IDBObjectStore.prototype.put = () => { throw new DOMException('full', 'QuotaExceededError'); }; 0")
    held = hold_uploads(page)
    bring(page, old_photograph)
    until_held(page, held, 1)
    page.unroute_all()
    page.on("dialog", lambda dialog: dialog.accept())  # it warns before it goes
    page.reload()
    page.wait_for_selector("body[data-ready=yes]")
    assert "choose that photograph again" in page.locator("#slips").inner_text()
    assert page.locator(".card strong").inner_text() == "aunt-may.jpg"
    with page.expect_file_chooser() as chooser:
        page.click(".card-again")
    chooser.value.set_files(str(old_photograph))
    page.wait_for_selector(".card .ready")
    page.reload()
    page.wait_for_selector("body[data-ready=yes]")
    assert page.locator(".card").count() == 1
