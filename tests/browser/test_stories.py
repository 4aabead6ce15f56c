"""What people do with the studio, at every size of screen, by touch where there is touch: one server, and one
photograph and one visit for each size."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.browser.conftest import SIZES, WAIT_MS, served
from tests.browser.hands import (
    NAME,
    audit_by_day_and_night,
    bring,
    differ,
    facts_of,
    is_phone,
    mask_of,
    open_step,
    out_of_reach,
    paint,
    photograph_on_screen,
    pixels,
    press,
    ready,
    settled,
    shifts,
    slide,
    steps_off,
    stroke,
    switch,
    watch_shifts,
)

pytestmark = [pytest.mark.long, pytest.mark.alone]  # each goes on where another ended, in this order

WIDTH, HEIGHT = 320, 240
BLOT = (0.75, 0.5)
SCRATCH = [(30, 40), (70, 70), (110, 50), (140, 84)]
OUTLINE = ((0.55, 0.1), (0.9, 0.1), (0.9, 0.3), (0.55, 0.3))
DRAWER_LEAVES = 0.65  # of a phone's screen, for the photograph


@pytest.fixture(scope="module")
def weave(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weave, gray, with a white blot at three quarters of its width, and a bent scratch at its left; which
    way is up cannot be known."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    depth = np.where(columns < WIDTH / 2, 33, 110)  # with less of a contrast its tones would pass for faded
    samples = np.rint(128 + depth * np.sin(columns * np.pi / 10) * np.sin(rows * np.pi / 10)).astype(np.uint8)
    cv2.circle(samples, (240, 120), 7, 255, -1)
    cv2.polylines(samples, [np.array(SCRATCH, np.int32)], isClosed=False, color=252, thickness=2)
    path = tmp_path_factory.mktemp("photographs") / "woven.png"
    assert cv2.imwrite(str(path), samples)
    return path


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that other devices reach, too."""
    with served(tmp_path_factory.mktemp("serve"), hosts=NAME) as printed:
        yield printed.replace("127.0.0.1", NAME)


@contextmanager
def visiting(chromium: Any, size: str, address: str) -> Iterator[Any]:
    """The page in a browser of its own; fails if it logs an error of its own."""
    width, height = SIZES[size]
    context = chromium.new_context(
        viewport={"width": width, "height": height}, has_touch="phone" in size, is_mobile="phone" in size, reduced_motion="reduce"
    )
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(f"{error}"))
    page.goto(address)
    page.wait_for_selector("body[data-ready=yes]")
    yield page
    context.close()
    assert not wrong, wrong


@pytest.fixture(scope="module", params=list(SIZES))
def visit(request: pytest.FixtureRequest, chromium: Any, shared: str, weave: Path) -> Iterator[Any]:
    """The studio with one photograph, to which nothing was done."""
    with visiting(chromium, request.param, shared) as page:
        audit_by_day_and_night(page)
        assert not out_of_reach(page)
        steps_off(page)
        bring(page, weave)
        page.wait_for_selector("#gallery:not([hidden]), #studio:not([hidden])", state="attached")
        watch_shifts(page)
        ready(page)
        moved, what = shifts(page)
        assert moved < 0.02, what
        yield page


@pytest.fixture
def page(visit: Any) -> Any:
    """The visit, everything taken back that a story before this one did."""
    if not visit.is_visible("[data-tool=move]"):  # a story that failed may have left the shelf open
        press(visit, ".card-open")
        ready(visit)
    press(visit, "[data-tool=move]")
    for step in ("damage", "clean", "color"):
        if visit.locator(f"#{step}-body").is_visible():
            press(visit, f"[data-tab={step}]" if is_phone(visit) else f"[data-open={step}]")
    while visit.is_enabled("#undo"):
        press(visit, "#undo")
    settled(visit)
    return visit


def place(page: Any, *shares: tuple[float, float]) -> list[tuple[float, float]]:
    """Places of the photograph, in shares of its width and height, on the screen."""
    left, top, width, height = photograph_on_screen(page)
    return [(left + x * width, top + y * height) for x, y in shares]


def point(page: Any, at: tuple[float, float]) -> None:
    """A tap, or a click, on the photograph."""
    (page.touchscreen.tap if is_phone(page) else page.mouse.click)(*at)


def job_after(page: Any, act: Callable[[], object], having: str = "") -> Any:
    """The job that the page asks for when something is done."""
    with page.expect_request(
        lambda asked: asked.method == "POST" and asked.url.endswith("/jobs") and having in (asked.post_data or "")
    ) as asked:
        act()
    return json.loads(asked.value.post_data)


def mask_after(page: Any, act: Callable[[], object]) -> np.ndarray:
    """The mask that is made when something was painted."""
    with page.expect_response(lambda answer: answer.request.method == "POST" and answer.url.endswith("/edits")) as made:
        act()
    assert made.value.status == 201
    return mask_of(page, made.value.json()["id"])


def test_a_stroke_is_filled_and_filled_differently(page: Any) -> None:
    (blot,) = place(page, BLOT)
    paint(page, "brush")
    page.locator("#brush-size").fill("60")
    assert page.is_disabled("#fill-other")
    assert not out_of_reach(page)
    audit_by_day_and_night(page)
    box = page.locator("#view").bounding_box()
    row, column = round(blot[1] - box["y"]), round(blot[0] - box["x"])
    seen = np.s_[row - 3 : row + 4, column - 3 : column + 4]
    assert pixels(page)[seen].mean() > 220
    mask = mask_after(page, lambda: stroke(page, (blot[0] - 6, blot[1]), (blot[0] + 6, blot[1])))
    assert mask[120, 240] and mask.mean() < 0.1
    assert page.is_checked("#fill"), "painting switches repair on"
    settled(page)
    if not is_phone(page):
        page.mouse.move(2, 2)
        page.wait_for_timeout(200)
    filled = pixels(page)[seen].astype(int)
    assert filled.mean() < 190, "the blot is still there"
    assert abs(filled[:, :, 2] - filled[:, :, 1]).max() < 40, "it is still red although the fill is there"
    places = set()
    for n in (1, 2):
        (heal,) = job_after(page, lambda: press(page, "#fill-other"))["heals"]
        places.add((heal["dx"], heal["dy"]))
        assert f"{n} of" in page.inner_text("#context-help")
        assert all(min(by % 10, -by % 10) <= 2 for by in (heal["dx"], heal["dy"])), "the weave goes on otherwise"
    assert len(places) == 2
    settled(page)


def test_a_corner_is_marked_with_the_lasso(page: Any) -> None:
    corners = place(page, *OUTLINE)
    paint(page, "lasso")
    mask = mask_after(page, lambda: stroke(page, *corners, corners[0]))
    rows, columns = np.nonzero(mask)
    assert abs(rows.mean() / HEIGHT - 0.2) < 0.03 and abs(columns.mean() / WIDTH - 0.725) < 0.03
    assert abs(mask.mean() - 0.35 * 0.2) < 0.02


def test_a_line_follows_a_scratch_between_two_taps(page: Any) -> None:
    ends = place(page, *[((x + 0.5) / WIDTH, (y + 0.5) / HEIGHT) for x, y in (SCRATCH[0], SCRATCH[-1])])
    paint(page, "line")
    page.locator("#brush-size").fill("30")
    point(page, ends[0])
    assert "other end" in page.inner_text("#context-help")
    mask = mask_after(page, lambda: point(page, ends[1]))
    scratch = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.polylines(scratch, [np.array(SCRATCH, np.int32)], isClosed=False, color=1, thickness=1)
    assert mask[scratch > 0].mean() > 0.9, "the line leaves the scratch"
    assert not mask[cv2.dilate(scratch, np.ones((41, 41), np.uint8)) == 0].any(), "the line strays"


def test_healing_from_a_chosen_place(page: Any) -> None:
    source, blot = place(page, (0.75, 0.1), BLOT)
    paint(page, "heal")
    assert not out_of_reach(page)
    page.locator("#brush-size").fill("80")
    point(page, source)
    assert "paint" in page.inner_text("#context-help")
    (heal,) = job_after(page, lambda: stroke(page, blot, (blot[0] + 1, blot[1])), '"heals":[{')["heals"]
    assert abs(heal["dx"]) < 8 and heal["dy"] == pytest.approx(-96, abs=8)
    settled(page)
    (fill,) = [step for step in facts_of(page)["jobs"][-1]["result"]["steps"] if step["name"] == "fill"]
    assert fill["facts"]["healed"] > 20
    press(page, "#heal-from")
    assert "take from" in page.inner_text("#context-help")


def test_a_color_is_given_and_its_place_is_seen(page: Any) -> None:
    one, other = place(page, (0.4, 0.3), (0.6, 0.7))
    press(page, "[data-tool=hint]")
    assert "should have this color" in page.inner_text("#context-help")
    assert not out_of_reach(page)
    audit_by_day_and_night(page)
    press(page, ".swatch >> nth=2")
    slide(page, "#brush-size", 0)
    (hint,) = job_after(page, lambda: point(page, one))["hints"]
    assert hint["color"] == "#6d8fb8" and hint["radius_px"] == pytest.approx(0.03 * HEIGHT, abs=1)
    assert (hint["x"], hint["y"]) == pytest.approx((0.4 * WIDTH, 0.3 * HEIGHT), abs=3)
    box = page.locator("#view").bounding_box()
    row, column = round(one[1] - box["y"]), round(one[0] - box["x"])
    dot = pixels(page)[row - 3 : row + 4, column - 3 : column + 4].reshape(-1, 3).mean(axis=0)
    np.testing.assert_allclose(dot[::-1], (0x6D, 0x8F, 0xB8), atol=12)
    slide(page, "#brush-size", 1)
    hints = job_after(page, lambda: point(page, other))["hints"]
    assert hints[1]["radius_px"] == pytest.approx(0.2 * HEIGHT, abs=2)
    open_step(page, "color")
    assert page.locator("#hints li").count() == 2 and "2 colors of yours" in page.inner_text("#color-answer")
    hints = job_after(page, lambda: press(page, "#hints li button >> nth=0"))["hints"]
    assert len(hints) == 1
    settled(page)


def test_suggestions_of_color_are_pictures(page: Any) -> None:
    page.wait_for_timeout(600)  # what came with the last tap counts as input
    watch_shifts(page)
    switch(page, "color")
    for at in range(4):
        page.locator("#choices img").nth(at).wait_for()
    assert page.inner_text("#choices [aria-pressed=true]") == "Natural"
    assert not out_of_reach(page)
    audit_by_day_and_night(page)
    if is_phone(page):
        panel, last = page.locator("#panel").bounding_box(), page.locator("#choices button >> nth=3").bounding_box()
        assert last["y"] + last["height"] <= panel["y"] + panel["height"] + 1, "the suggestions' names are below the drawer's edge"
    settled(page)
    wanted = job_after(page, lambda: press(page, "#choices button:has-text('Lively')"), having='"liveliness":1')
    assert wanted["force"] is True
    settled(page)
    moved, what = shifts(page)
    assert moved < 0.02, what
    press(page, "#choices button:has-text('None')")
    assert page.inner_text("#color-answer") == "Left black and white."


def test_tone_by_hand_in_a_drawer_that_leaves_the_photograph_its_room(page: Any) -> None:
    press(page, "[data-tool=pieces]")
    press(page, "[data-tool=move]")
    if not is_phone(page):
        press(page, "[data-view=after]")
    open_step(page, "clean")
    if is_phone(page):
        stage = page.locator("#stage").bounding_box()
        assert stage["height"] / page.viewport_size["height"] > DRAWER_LEAVES, "the drawer takes the photograph's room"
    assert not out_of_reach(page)
    audit_by_day_and_night(page)
    before = pixels(page)
    page.route("**/preview", lambda route: None)  # from here on only what the page itself draws
    slide(page, "#lightness", 0.8)
    page.wait_for_timeout(200)
    assert pixels(page).mean() > before.mean() + 4
    page.unroute_all()
    slide(page, "#contrast", 0.7)
    wanted = job_after(page, lambda: slide(page, "#warmth", 0.7))
    assert wanted["lightness"] == pytest.approx(0.6, abs=0.06)
    assert wanted["contrast"] == pytest.approx(0.4, abs=0.06) and wanted["warmth"] == pytest.approx(0.4, abs=0.06)
    settled(page)
    assert page.inner_text("#clean-answer") == "Tones set by hand."


def test_what_was_left_alone_is_done_anyway(page: Any) -> None:
    wanted = job_after(page, lambda: switch(page, "clean"))
    assert wanted["force_clean"] is True and wanted["clean"] == 1
    page.wait_for_selector("#clean-answer:has-text('as you asked')")
    settled(page)
    press(page, "#clean-leave")
    page.wait_for_selector("#clean-answer:has-text('left as it is')")
    settled(page)
    press(page, "#clean-anyway")
    page.wait_for_selector("#clean-answer:has-text('as you asked')")
    settled(page)


def test_grain_that_was_lifted_is_said_where_tones_were_left(page: Any) -> None:
    said = page.evaluate("""async () => {
      const [script] = document.querySelectorAll("script[type=module]");
      const { Answers } = await import(new URL("answers.js", script.src).href);
      const steps = [{ name: "clean", facts: { tone: 0, detail: 0.8, need: 0.99 } }];
      const photo = { jobs: [{ options: { clean: 1 }, result: { steps } }], has_color: false };
      const edit = { clean: 1, cleanOn: true, cleanAnyway: false, fill: false, colorize: false, hints: [], keep: [] };
      new Answers({ photo, edit, doubts: { open: [] }, brushwork: {}, mask: {}, tools: {} }).draw();
      return ["answer", "short"].map((part) => document.getElementById(`clean-${part}`).innerText);
    }""")
    assert said[0].startswith("Grain and blur lifted; tones left as they are.") and said[1] != "left"


def test_before_and_after_are_shared(page: Any) -> None:
    for kind, magic in (("pair", b"\xff\xd8"), ("sweep", b"RIFF"), ("result", b"\xff\xd8")):
        press(page, "#more summary")
        press(page, "#share-open")
        press(page, f"label:has([name=kind][value={kind}])")
        if kind == "pair":
            assert not out_of_reach(page)
            audit_by_day_and_night(page)
        with page.expect_download() as download:
            press(page, "#share-save")
        assert Path(download.value.path()).read_bytes().startswith(magic)
        page.wait_for_selector("#share", state="hidden")


def test_turned_straightened_and_cut_by_its_corners(page: Any) -> None:
    whole = page.url
    press(page, "[data-tool=frame]")
    assert page.is_disabled("#frame-cut")
    press(page, "#frame-up")
    page.wait_for_selector("#context-help:has-text('Not sure which way is up')")
    assert page.is_disabled("#frame-cut"), "it was turned although nothing is sure"
    assert not out_of_reach(page)
    audit_by_day_and_night(page)
    press(page, "#frame-right")
    box = page.locator("#view").bounding_box()
    left, top, width, height = (float(number) for number in page.get_attribute("#view", "data-photograph").split())
    assert box["y"] + top + height < page.locator("#context").bounding_box()["y"], "a corner lies under the bar"
    assert left >= 20 and left + width <= box["width"] - 20, "a corner lies at the screen's edge"
    corner = (box["x"] + left + width - 4, box["y"] + top + height - 4)
    stroke(page, corner, (corner[0] - 20, corner[1] - 20), (corner[0] - width / 4, corner[1] - height / 4))
    slide(page, "#frame-angle", 0.6)
    assert page.inner_text("#frame-angle-out") == "3.0°"
    with page.expect_response(lambda reply: reply.url.endswith("/cuts")) as made:
        press(page, "#frame-cut")
    asked, part = json.loads(made.value.request.post_data), made.value.json()
    assert asked["turn"] == 90 and part["frame"]["turn"] == 90
    corners = np.asarray(asked["corners"])
    assert corners[0][1] > corners[1][1] + 5, "it is not straightened"
    assert corners[2][0] < 0.85 * WIDTH and corners[2][1] < 0.85 * HEIGHT, "the corner did not come along"
    page.wait_for_url(f"**/p/{part['id']}")
    ready(page)
    assert page.inner_text("#place") == "2 of 2"
    assert page.is_disabled("#next")
    press(page, "#previous")
    page.wait_for_url(whole)
    page.wait_for_selector("#place:text-is('1 of 2')")
    if is_phone(page):
        press(page, "#next")
    else:
        page.keyboard.press("PageDown")
    page.wait_for_url(f"**/p/{part['id']}")
    press(page, "#previous")
    page.wait_for_url(whole)
    settled(page)


def test_held_up_against_the_original(page: Any) -> None:
    open_step(page, "clean")
    slide(page, "#lightness", 0.9)
    settled(page)
    press(page, "[data-tool=pieces]")  # the result is seen whole
    page.wait_for_timeout(300)
    after = pixels(page)
    box = page.locator("#compare").bounding_box()
    at = (box["x"] + 10, box["y"] + 10)
    session = page.context.new_cdp_session(page)
    if is_phone(page):
        session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": at[0], "y": at[1]}]})
    else:
        page.mouse.move(*at)
        page.mouse.down()
    page.wait_for_timeout(200)
    assert page.get_attribute("#compare", "aria-pressed") == "true"
    held = pixels(page)
    if is_phone(page):
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    else:
        page.mouse.up()
    page.wait_for_timeout(200)
    assert page.get_attribute("#compare", "aria-pressed") == "false"
    assert differ(after, held) > 0.001 and differ(held, pixels(page)) > 0.001


def test_many_photographs(page: Any) -> None:
    switch(page, "clean")
    settled(page)
    press(page, "#more summary")
    assert job_after(page, lambda: press(page, "#same"))["clean"] > 0
    press(page, "#back")
    page.locator(".card .ready").nth(1).wait_for()
    assert "Kept until tomorrow" in page.inner_text("#kept-until")
    press(page, "#keep-longer")
    page.wait_for_selector(".slip:has-text('Kept until tomorrow')")
    assert not out_of_reach(page)
    audit_by_day_and_night(page)

    def choose(*cards: int) -> None:
        press(page, "#select")
        for at in cards:
            press(page, f".card-open >> nth={at}")
        assert page.inner_text("#chosen-count") == f"{len(cards)} selected"

    asked: list[Any] = []

    def note(request: Any) -> None:
        if request.method == "POST" and request.url.endswith("/jobs"):
            asked.append(json.loads(request.post_data))

    page.on("request", note)
    for act, key, cards in (("fill", "fill", (1,)), ("color", "colorize", (0, 1))):
        asked.clear()
        choose(*cards)
        if act == "color":
            assert not out_of_reach(page)
            audit_by_day_and_night(page)
        press(page, f"#chosen-{act}")
        page.wait_for_selector(f".slip:has-text('Started on {'2 photographs' if len(cards) > 1 else 'one photograph'}')")
        page.locator(".card .ready").nth(1).wait_for()
        page.wait_for_timeout(200)
        assert len(asked) == len(cards) and all(options[key] for options in asked)
    choose(0, 1)
    press(page, "#chosen-download")
    assert not out_of_reach(page)
    with page.expect_download() as download:
        press(page, "#download-go")
    assert Path(download.value.path()).read_bytes().startswith(b"PK")
    press(page, ".card-open >> nth=1")
    press(page, "#chosen-delete")
    press(page, "#confirm [value=yes]")
    page.wait_for_selector(".card >> nth=1", state="detached")
    page.remove_listener("request", note)
    press(page, ".card-open")
    ready(page)


def test_the_shelf_opens_on_a_phone_by_a_picture(page: Any, chromium: Any) -> None:
    press(page, "#back")
    press(page, "#phone-open")
    page.wait_for_selector("#phone-code")
    while not page.evaluate("document.getElementById('phone-code').naturalWidth > 100"):
        page.wait_for_timeout(50)
    assert not out_of_reach(page)
    audit_by_day_and_night(page)
    seen = cv2.resize(pixels(page, "#phone-code"), None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    address, *_ = cv2.QRCodeDetector().detectAndDecode(seen)
    assert address == page.input_value("#phone-address") and "#/s/" in address
    with visiting(chromium, "small phone", address) as phone:
        phone.wait_for_selector(".card strong:text-is('woven.png')")
        press(page, "#phone-stop")
        page.wait_for_selector(".slip:has-text('no longer works')")
    press(page, ".card-open")
    ready(page)


@pytest.mark.parametrize("visit", ["small phone"], indirect=True)
def test_the_words_of_every_language_have_their_room(visit: Any) -> None:
    page = visit
    for language in ("de", "es", "fr", "it"):
        page.evaluate("language => localStorage.setItem('unfade.language', JSON.stringify(language))", language)
        page.reload()
        page.wait_for_selector("body[data-ready=yes]")
        settled(page)
        for tool in ("paint", "pieces", "hint", "frame", "move"):
            press(page, f"[data-tool={tool}]")
            assert not out_of_reach(page), language
        cut_off = page.evaluate(
            """() => [...document.querySelectorAll(".tabs span, .tools span, .answer")]
                .filter(word => word.checkVisibility() && word.scrollWidth > word.clientWidth + 1).map(word => word.textContent)"""
        )
        assert not cut_off, language
        press(page, "#back")
        page.wait_for_selector("#gallery:not([hidden])")
        assert not out_of_reach(page), language
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), language
        press(page, ".card-open")
