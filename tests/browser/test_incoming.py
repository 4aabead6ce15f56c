"""How photographs reach the page, one or a folder of them; and what refreshes and refusals do to uploads on
their way."""

from __future__ import annotations

import base64
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import served
from tests.browser.hands import audit, bring, photo_id, ready, settled, steps_off, switch

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


LOSE_THE_ANSWER = """() => {
    const { send } = XMLHttpRequest.prototype;
    XMLHttpRequest.prototype.send = function (body) {
        this.onload = () => { document.body.dataset.lost = "yes"; };
        send.call(this, body);
    };
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


class Held(list[Any]):
    """Requests that are held back for good: they end with their page. Once `open`, what comes later
    passes."""

    open = False

    def take(self, route: Any) -> None:
        if self.open:
            route.continue_()
        else:
            self.append(route)


def hold(page: Any, address: str) -> Held:
    held = Held()
    page.route(address, held.take)
    return held


def until_held(page: Any, held: list[Any], count: int) -> None:
    for _ in range(200):
        if len(held) >= count:
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"{len(held)} requests began, not {count}")


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


def test_a_folder_that_is_dropped_is_opened(open_page: Open, old_photograph: Path, tmp_path: Path) -> None:
    album = tmp_path / "album"
    (album / "inner" / "innermost").mkdir(parents=True)
    (album / "empty").mkdir()
    copies(old_photograph, album, ["page-2.jpg", "page-10.jpg", "._page-2.jpg"])
    copies(old_photograph, album / "inner" / "innermost", ["deep.JPEG"])
    (album / "notes.txt").write_text("1911")
    alone = copies(old_photograph, tmp_path, ["alone.jpg"])
    page = open_page()
    for kind in ("dragEnter", "dragOver", "drop"):
        drag(page, kind, *alone, album)
    page.wait_for_selector(".slip:has-text('One file in “album” is no photograph and was left out.')")
    page.locator(".card .ready").nth(3).wait_for()
    assert page.locator(".card strong").all_inner_texts() == ["alone.jpg", "deep.JPEG", "page-2.jpg", "page-10.jpg"]
    for kind in ("dragEnter", "dragOver", "drop"):
        drag(page, kind, album / "empty")
    page.wait_for_selector(".slip.wrong:has-text('There is no photograph in the folder “empty”.')")
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


def test_a_zip_of_the_shelf_says_what_is_missing(open_page: Open, old_photograph: Path, tmp_path: Path) -> None:
    page = open_page(quiet=False)
    steps_off(page)
    bring(page, *copies(old_photograph, tmp_path, ["one.jpg", "two.jpg", "three.jpg"]))
    page.locator(".card .ready").nth(2).wait_for()
    delete = """async (count) => {
        const ids = JSON.parse(localStorage.getItem("unfade.photos")).slice(0, count);
        for (const id of ids) await fetch(`api/v1/photos/${id}`, { method: "DELETE" });
    }"""
    page.evaluate(delete, 1)  # on another device
    page.click("#zip-open")
    with page.expect_download() as started:
        page.click("#download-go")
    with zipfile.ZipFile(started.value.path()) as archive:
        assert len(archive.namelist()) == 3 and len(json.loads(archive.read("records.json"))["left_out"]) == 1
    page.wait_for_selector(".slip.wrong:has-text('1 photograph is no longer there')")
    page.click(".slip button")
    page.evaluate(delete, 3)
    page.click("#zip-open")
    page.click("#download-go")
    page.wait_for_selector(".slip.wrong:has-text('deleted or have expired')")


def test_a_refresh_during_an_upload_loses_nothing(open_page: Open, old_photograph: Path, tmp_path: Path) -> None:
    page = open_page()
    held = hold(page, "**/api/v1/photos")
    bring(page, *copies(old_photograph, tmp_path, ["one.jpg", "two.jpg", "three.jpg"]))  # two at once, the third waits
    until_held(page, held, 2)
    page.wait_for_timeout(500)
    held.open = True
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
    held = hold(page, "**/api/v1/photos")
    bring(page, old_photograph)
    until_held(page, held, 1)
    page.wait_for_timeout(500)
    other = page.context.new_page()
    other.goto(address)
    other.wait_for_selector("body[data-ready=yes]")
    assert other.locator(".card").count() == 0
    page.close()
    other.reload()
    other.wait_for_selector(".card .ready, #studio:not([hidden])", state="attached")
    assert "aunt-may.jpg" in other.locator("body").inner_text()


def test_an_upload_that_the_browser_could_not_keep_is_asked_for_again(open_page: Open, old_photograph: Path) -> None:
    page = open_page()
    page.evaluate("IDBObjectStore.prototype.put = () => { throw new DOMException('full', 'QuotaExceededError'); }; 0")
    held = hold(page, "**/api/v1/photos")
    bring(page, old_photograph)
    until_held(page, held, 1)
    held.open = True
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


def uploads_of(page: Any) -> list[str]:
    """The uploads that the page begins from here on."""
    begun: list[str] = []
    page.on("request", lambda request: begun.append(request.url) if request.method == "POST" and request.url.endswith("/photos") else None)
    return begun


def test_a_refresh_before_the_answer_is_heard_does_not_upload_twice(open_page: Open, old_photograph: Path) -> None:
    page = open_page()
    page.evaluate(LOSE_THE_ANSWER)
    bring(page, old_photograph)
    page.wait_for_selector("body[data-lost=yes]")
    uploads = uploads_of(page)
    page.reload()
    page.locator(".card .ready").wait_for()
    assert page.locator(".card").count() == 1
    assert not uploads
    page.reload()
    page.wait_for_selector("body[data-ready=yes]")
    assert page.locator(".card .ready").count() == 1


def test_an_upload_that_is_sent_twice_is_one_photograph(open_page: Open, old_photograph: Path) -> None:
    def is_upload(answer: Any) -> bool:
        return bool(answer.request.method == "POST" and answer.url.endswith("/photos"))

    page = open_page()
    page.evaluate(LOSE_THE_ANSWER)
    with page.expect_response(is_upload) as first:
        bring(page, old_photograph)
    photograph = first.value.json()
    # As if the server still read it when the refreshed page asked.
    page.route("**/photos/query", lambda route: route.fulfill(json={"photos": []}))
    with page.expect_response(is_upload) as second:
        page.reload()
    page.unroute_all()
    assert second.value.status == 201
    assert {name: second.value.json()[name] for name in ("id", "created")} == {name: photograph[name] for name in ("id", "created")}
    ready(page)
    page.reload()
    page.wait_for_selector("body[data-ready=yes]")
    assert page.url.endswith(photograph["id"])


def test_a_refresh_before_its_job_is_asked_for_loses_no_job(open_page: Open, old_photograph: Path, tmp_path: Path) -> None:
    page = open_page()
    held = hold(page, "**/jobs")
    bring(page, *copies(old_photograph, tmp_path, ["one.jpg", "two.jpg"]))
    until_held(page, held, 2)
    held.open = True
    page.reload()
    page.locator(".card .ready").nth(1).wait_for()
    assert page.locator(".slip").count() == 0


def test_a_full_queue_is_waited_for(open_page: Open, old_photograph: Path, tmp_path: Path) -> None:
    with served(tmp_path, max_queue="1", workers="0") as printed:  # nobody works: the queue moves only when something is deleted
        page = open_page(at=printed, quiet=False)
        bring(page, *copies(old_photograph, tmp_path, ["one.jpg", "two.jpg"]))
        waits = page.locator(".card:has-text('The queue is full; next try in')")
        waits.wait_for()
        assert page.locator(".card:has-text('Next in line')").count() == 1
        assert page.locator(".card .wrong-text").count() == 0
        page.reload()  # it waits on
        page.wait_for_selector("body[data-ready=yes]")
        waits.wait_for()
        waits.locator(".card-open").click()
        page.wait_for_selector("#state:has-text('The queue is full'):has-text('next try in')")
        audit(page)
        assert page.locator("#notice").is_hidden()
        page.click("#back")
        page.locator(".card:has-text('Next in line') .card-remove").click()
        page.click("#confirm [value=yes]")
        page.locator(".card").nth(1).wait_for(state="detached")
        page.wait_for_selector(".card:has-text('Next in line')")


def test_a_change_that_is_undone_waits_for_no_place_in_the_queue(open_page: Open, old_photograph: Path) -> None:
    page = open_page(quiet=False)
    bring(page, old_photograph)
    ready(page)
    full = {"code": "queue-full", "detail": "The queue is full."}
    page.route("**/jobs", lambda route: route.fulfill(status=429, headers={"Retry-After": "4"}, json=full))
    switch(page, "color", on=False)
    page.wait_for_selector("#state:has-text('The queue is full')")
    page.click("#undo")
    settled(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/jobs") else None)
    page.wait_for_timeout(5500)
    assert not asked
    assert page.locator("#state").is_hidden() and page.locator("#notice").is_hidden()


def test_an_upload_waits_as_long_as_the_server_says(open_page: Open, old_photograph: Path) -> None:
    page = open_page(quiet=False)
    refused: list[Any] = []

    def refuse_three_times(route: Any) -> None:
        refused.append(route)
        if len(refused) > 3:
            route.continue_()
        else:
            route.fulfill(
                status=429, headers={"Retry-After": "1"}, json={"code": "rate", "detail": "These are too many requests in a short time."}
            )

    page.route("**/api/v1/photos", refuse_three_times)
    bring(page, old_photograph)
    page.wait_for_selector(".card:has-text('The server is busy; next try in 1 s')")
    ready(page)
    assert len(refused) == 4


@pytest.mark.parametrize(
    ("name", "what", "sentence"),
    [
        (
            "letter.jpg",
            b"Dear aunt",
            "letter.jpg is not a photograph that can be read here; give one of these: AVIF, BMP, GIF, HEIF, JPEG, PNG, TIFF or WebP.",
        ),
        (
            "page.$&.jpg",
            b"<html></html>",
            "page.$&.jpg is a web page, not a photograph; give one of these: AVIF, BMP, GIF, HEIF, JPEG, PNG, TIFF or WebP.",
        ),
        ("nothing.png", b"", "nothing.png is empty; take another copy of the file."),
    ],
)
def test_a_refusal_is_one_sentence_that_names_the_file(open_page: Open, tmp_path: Path, name: str, what: bytes, sentence: str) -> None:
    (tmp_path / name).write_bytes(what)
    page = open_page(quiet=False)
    bring(page, tmp_path / name)
    page.wait_for_selector(".card .wrong-text")
    assert page.locator(".card .wrong-text").inner_text() == sentence
    assert page.locator(".card-again").is_hidden()
    audit(page)
    page.wait_for_selector(f"#live:text-is('{sentence}')", state="attached")


def test_a_refusal_that_is_not_about_the_file_names_it_too(open_page: Open, old_photograph: Path) -> None:
    page = open_page(quiet=False)
    page.route("**/api/v1/photos", lambda route: route.abort())
    bring(page, old_photograph)
    page.wait_for_selector(".card .wrong-text")
    assert page.locator(".card .wrong-text").inner_text() == "aunt-may.jpg could not be added: the server could not be reached."
    page.unroute_all()
    ready(page)  # it goes on by itself


def test_a_photograph_that_was_deleted_elsewhere_is_dropped_without_alarm(open_page: Open, old_photograph: Path) -> None:
    page = open_page(quiet=False)
    bring(page, old_photograph)
    ready(page)
    page.request.delete(f"{page.url.split('/#')[0]}/api/v1/photos/{photo_id(page)}")
    page.evaluate("document.getElementById('colorize').click()")  # or it has learned it by itself a moment before
    page.wait_for_selector("#hero:not([hidden])")
    assert page.locator(".slip.wrong").count() == 0
    assert "aunt-may.jpg is no longer here" in page.locator("#slips").inner_text()
    page.reload()
    page.wait_for_selector("body[data-ready=yes]")
    assert page.locator(".card").count() == 0


def test_uploads_over_plain_http_from_another_machine(open_page: Open, old_photograph: Path, tmp_path: Path) -> None:
    with served(tmp_path, hosts="old-album.test") as printed:
        page = open_page(at=printed.replace("127.0.0.1", "old-album.test"), quiet=False)
        assert not page.evaluate("isSecureContext || navigator.locks")
        held = hold(page, "**/api/v1/photos")
        bring(page, old_photograph)
        until_held(page, held, 1)
        page.wait_for_timeout(500)
        with page.expect_popup() as opened:
            page.evaluate("open(location.href); 0")  # a copy of the tab, with all that the tab remembers
        copy = opened.value
        copy.wait_for_selector("body[data-ready=yes]")
        assert copy.locator(".card").count() == 0
        held.open = True
        page.reload()  # it goes on where it was
        ready(page)
        page.click("#back")
        assert page.locator(".card").count() == 1
        page.unroute_all()
        held = hold(page, "**/api/v1/photos")
        bring(page, *copies(old_photograph, tmp_path, ["uncle-joe.jpg"]))
        until_held(page, held, 1)
        page.wait_for_timeout(500)
        page.close()
        copy.reload()  # nobody else will
        copy.locator(".card .ready").nth(1).wait_for()
        assert copy.locator(".card strong").all_inner_texts() == ["aunt-may.jpg", "uncle-joe.jpg"]
