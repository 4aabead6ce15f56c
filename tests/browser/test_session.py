"""What was asked of one photograph stays with it: nothing of it is carried to the next."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.browser.hands import bring, open_step, ready, settled, steps_off, switch

pytestmark = pytest.mark.long

Open = Callable[..., Any]


@pytest.fixture
def two(open_page: Open, old_photograph: Path, tmp_path: Path) -> Any:
    """The page with two photographs on the shelf to which nothing was done."""
    page = open_page()
    steps_off(page)
    bring(page, *[copy_of(old_photograph, tmp_path / name) for name in ("aunt-may.jpg", "uncle-joe.jpg")])
    page.locator(".card .ready").nth(1).wait_for()
    return page


def copy_of(photograph: Path, path: Path) -> Path:
    path.write_bytes(photograph.read_bytes())
    return path


def enter(page: Any, name: str) -> None:
    page.click(f".card-open:has-text('{name}')")
    page.wait_for_selector(f"#photo-name:text-is('{name}')")


def test_a_download_that_was_asked_for_opens_for_no_other_photograph(two: Any) -> None:
    page = two
    enter(page, "aunt-may.jpg")
    ready(page)
    page.route("**/jobs", lambda route: None)  # it is never made
    switch(page, "color")
    page.click("#download-open")
    page.wait_for_selector(".slip:has-text('the download opens then')")
    page.click("#back")
    page.unroute_all()
    enter(page, "uncle-joe.jpg")
    with page.expect_response(lambda answer: answer.request.method == "POST" and answer.url.endswith("/jobs")):
        switch(page, "color")
    settled(page)
    assert page.locator("#download").is_hidden(), "what was asked for one photograph opens for another"


def test_a_list_that_was_made_longer_is_short_again_for_the_next_photograph(two: Any, tmp_path: Path) -> None:
    page = two
    spots = np.zeros((240, 320), np.uint8)
    spots[20:220:20, 20:300:40] = 255
    assert cv2.imwrite(str(tmp_path / "spots.png"), spots)
    listed = []
    for name in ("aunt-may.jpg", "uncle-joe.jpg"):
        enter(page, name)
        open_step(page, "damage")
        page.set_input_files("#mask-file", str(tmp_path / "spots.png"))
        page.wait_for_selector("#damage-answer:has-text('70 places')")
        page.locator("#objects-details summary").click()
        listed.append(page.locator("#objects li").count())
        page.click("#objects-more")
        assert page.locator("#objects li").count() == 70
        page.click("#back")
    assert listed == [40, 40]


def test_a_server_that_was_away_for_a_moment_leaves_no_alarm(open_page: Open, old_photograph: Path) -> None:
    page = open_page(quiet=False)
    steps_off(page)
    bring(page, old_photograph)
    ready(page)
    page.route("**/jobs", lambda route: route.abort())
    switch(page, "clean")
    page.wait_for_selector("#notice:has-text('cannot be reached')")
    page.unroute_all()
    settled(page)  # it is asked again by itself, and the notice goes


def test_a_refusal_names_no_variable_of_the_servers(open_page: Open, old_photograph: Path) -> None:
    page = open_page(quiet=False)
    detail = "aunt-may.jpg has 412 megapixels; the limit is 200. Raise it with UNFADE_MAX_MEGAPIXELS=450 (about 5 GB of memory)."
    page.route("**/api/v1/photos", lambda route: route.fulfill(status=413, json={"code": "too-large", "detail": detail}))
    bring(page, old_photograph)
    page.wait_for_selector(".card .wrong-text")
    said = page.locator(".card .wrong-text").inner_text()
    assert "the limit is 200." in said and "UNFADE_" not in said


@pytest.fixture
def one_gone(open_page: Open, old_photograph: Path, tmp_path: Path) -> Any:
    """The page in German with three photographs on the shelf, of which the server has the first no longer."""
    page = open_page(quiet=False, locale="de-DE")
    steps_off(page)
    bring(page, *[copy_of(old_photograph, tmp_path / name) for name in ("aunt-may.jpg", "uncle-joe.jpg", "grandma.jpg")])
    page.locator(".card .ready").nth(2).wait_for()
    assert page.request.delete(f"{api_of(page)}/photos/{ids_of(page)[0]}").ok
    page.wait_for_timeout(1100)  # moments are told in seconds
    return page


def api_of(page: Any) -> str:
    return f"{page.url.split('/#')[0].rstrip('/')}/api/v1"


def ids_of(page: Any) -> list[str]:
    """The photographs on the shelf, in its order."""
    return [str(address).rsplit("/", 1)[1] for address in page.eval_on_selector_all(".card-open", "all => all.map(({ href }) => href)")]


def test_all_photographs_are_kept_longer_although_one_is_gone(one_gone: Any) -> None:
    page = one_gone
    here = ids_of(page)[1:]
    photographs = [f"{api_of(page)}/photos/{name}" for name in here]
    before = [page.request.get(address).json()["expires"] for address in photographs]
    page.click("#keep-longer")
    page.wait_for_selector(".slip:has-text('Bleibt jetzt bis')")
    assert all(page.request.get(address).json()["expires"] > moment for address, moment in zip(photographs, before, strict=True))
    assert ids_of(page) == here
    assert page.locator(".slip:has-text('aunt-may.jpg ist nicht mehr da')").count() == 1
    assert page.locator(".slip.wrong").count() == 0


def test_what_is_done_to_several_is_done_to_all_although_one_is_gone(one_gone: Any) -> None:
    page = one_gone
    gone, *here = ids_of(page)
    page.click("#select")
    page.click("#chosen-all")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/jobs") else None)
    page.click("#chosen-color")
    page.wait_for_selector(".slip:has-text('aunt-may.jpg ist nicht mehr da')")
    page.locator(".card .ready").nth(1).wait_for()
    page.wait_for_timeout(1000)
    assert [address.split("/")[-2] for address in asked] == [gone, *here]
    assert ids_of(page) == here
