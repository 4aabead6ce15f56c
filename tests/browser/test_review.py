"""The review page: the riskiest result first, deep zoom, accept and refuse by keys and by buttons."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.browser.conftest import served
from tests.unit.test_archive_parts import REPAIR, run_here, scan
from unfade.archive.archiving import order_of
from unfade.settings import Settings


@pytest.mark.long
def test_a_person_decides_about_the_riskiest_first(open_page: Callable[..., Any], tmp_path: Path, golden: Path) -> None:
    scans, to = tmp_path / "scans", tmp_path / "to"
    for number, hole in enumerate((2, 30, 44)):
        scan(scans / f"{number}.png", hole=hole, seed=number)
    wide = np.tile(np.linspace(30, 220, 1500, dtype=np.float32), (900, 1)) + np.random.default_rng(4).normal(0, 4, (900, 1500))
    wide[300:360, 100:300] = 255
    assert cv2.imwrite(str(scans / "wide.png"), wide.astype(np.uint8))
    run_here(order_of(str(scans), str(to), REPAIR, Settings(models=golden, threads=1))).close()
    (tmp_path / "serve").mkdir()
    with served(tmp_path / "serve", archive=str(to), workers="0") as printed:
        page = open_page(at=f"{printed.rstrip('/')}/#/")
        page.goto(f"{printed.rstrip('/')}/review")
        page.wait_for_selector("#review-queue li:nth-child(4)")
        assert "4 to be decided" in page.inner_text("#review-counts")
        first = page.inner_text("#review-name")
        assert page.get_attribute("#review-queue li:first-child button", "aria-current") == "true"
        tiles: list[str] = []
        page.on("response", lambda answer: tiles.append(answer.url) if "/tiles/" in answer.url and answer.ok else None)
        page.click("#review-queue button:has-text('wide.png')")
        page.wait_for_selector("#review-name:has-text('wide.png')")
        for _ in range(100):
            if any("/before/tiles/" in url for url in tiles) and any("/after/tiles/" in url for url in tiles):
                break
            page.keyboard.press("+")
            page.wait_for_timeout(200)
        assert any("/before/tiles/" in url for url in tiles) and any("/after/tiles/" in url for url in tiles)
        page.click("#review-queue li:first-child button")
        following = page.get_attribute("#review-queue li:nth-child(2) button", "data-id")
        with page.expect_request(lambda request: f"/results/{following}/after/image?side_px=1024" in request.url):
            page.keyboard.press("r")  # the next in the queue comes with its own pictures
        page.wait_for_selector("#review-counts:has-text('1 refused')")
        assert not (to / f"{first.rpartition('.')[0]}.restored.png").exists()
        page.click("#review-accept")
        page.wait_for_selector("#review-counts:has-text('1 accepted')")
        page.click("[data-which=decided]")
        page.click(f"#review-queue button:has-text('{first}')")
        page.click("#review-undo")
        page.wait_for_selector("#review-counts:has-text('1 of them held back')")
        page.close()


@dataclass
class Archive:
    """Twenty results that wait for a person, in a server's place; a decision takes it a moment."""

    decided: list[tuple[int, str | None]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    made: str = "first"
    refusal: tuple[int, str, str] | None = None
    """What a decision is answered with: status, code and sentence."""
    known: bool = True
    """Whether the token was shown."""

    def _entry(self, number: int, decision: str | None = None) -> dict[str, Any]:
        facts = {"share": 0.01, "megapixels": 1.0, "place": "delivered", "reasons": ["a reason"], "notes": []}
        return facts | {
            "id": number,
            "made": f"{self.made}{number}",
            "name": f"{number}.tif",
            "risk": 1 - number / 30,
            "decision": decision,
        }

    def answer(self, route: Any) -> None:
        """Answer what the page asks of an archive, or with the token."""
        url = route.request.url
        self.asked.append(url)
        if url.endswith("/session"):
            self.known = self.known or route.request.method == "POST"
            route.fulfill(json={"token_needed": True, "signed_in": True, "shelf": None})
        elif url.endswith("/decision"):
            self._decide(route, int(url.split("/")[-2]))
        elif url.endswith("/tiles"):
            route.fulfill(json={"width": 200, "height": 100, "tile_px": 512, "min_level": 8, "max_level": 8, "url": ""})
        elif "/results/" in url:
            route.fulfill(status=404, body="")
        else:
            gone = {number for number, _ in self.decided}
            entries = [self._entry(number) for number in range(1, 21) if number not in gone]
            route.fulfill(json={"open": len(entries), "held": 0, "accepted": 0, "refused": 0, "entries": entries})

    def _decide(self, route: Any, number: int) -> None:
        status, code, detail = self.refusal or (0, "", "")
        if not self.known:
            status, code, detail = 401, "token-needed", "This server wants its token first."
        if status:
            route.fulfill(status=status, json={"status": status, "code": code, "detail": detail})
            return
        decision = json.loads(route.request.post_data)["decision"]
        self.decided.append((number, decision))
        route.fulfill(json=self._entry(number, decision))


@pytest.fixture
def review(open_page: Callable[..., Any], address: str) -> tuple[Any, Archive]:
    """The review page before an archive of twenty results, and the archive."""
    page, archive = open_page(quiet=False, locale="de-DE"), Archive()
    page.route("**/api/v1/archive**", archive.answer)
    page.route("**/api/v1/session", archive.answer)
    page.goto(f"{address}/review")
    page.wait_for_selector("#review-queue li:nth-child(20)")
    return page, archive


def test_a_refused_decision_is_said_and_can_be_taken_again(review: tuple[Any, Archive]) -> None:
    page, archive = review
    archive.refusal = 503, "away", "The server cannot reach its storage for now."
    page.keyboard.press("a")
    page.wait_for_selector("#slips .slip.wrong:has-text('cannot reach its storage')")
    assert page.inner_text("#review-name") == "1.tif" and not archive.decided
    archive.refusal, archive.made = (409, "superseded", "made anew"), "second"
    page.click("#review-accept")
    page.wait_for_selector("#slips .slip.wrong:has-text('„1.tif“ wurde neu erstellt')")
    page.wait_for_selector("#review-queue li:first-child img[src*='made=second1']")
    assert any("/results/1/after/image?side_px=1024&made=second1" in url for url in archive.asked), "the old picture is still shown"
    archive.refusal = None
    page.keyboard.press("a")
    page.wait_for_selector("#review-name:has-text('2.tif')")
    assert archive.decided == [(1, "accepted")]


def test_one_press_of_a_key_is_one_decision(review: tuple[Any, Archive]) -> None:
    page, archive = review
    for key in ("a", "Enter"):
        page.focus("#review-accept")
        for _ in range(12):  # a key that is held down repeats
            page.keyboard.down(key)
            page.wait_for_timeout(40)
        page.keyboard.up(key)
    page.wait_for_selector("#review-name:has-text('3.tif')")
    assert archive.decided == [(1, "accepted"), (2, "accepted")]


def test_keys_wait_for_the_decision_that_is_on_its_way(review: tuple[Any, Archive]) -> None:
    page, archive = review
    page.evaluate("for (const key of ['a', 'r', 'r']) dispatchEvent(new KeyboardEvent('keydown', { key }))")
    page.wait_for_selector("#review-name:has-text('2.tif')")
    page.wait_for_timeout(300)
    assert archive.decided == [(1, "accepted")]
    page.keyboard.press("u")  # nothing was decided about this one
    page.keyboard.press("r")
    page.wait_for_selector("#review-name:has-text('3.tif')")
    assert archive.decided == [(1, "accepted"), (2, "refused")]


def test_the_token_is_asked_for_where_a_decision_needs_it(review: tuple[Any, Archive]) -> None:
    page, archive = review
    archive.known = False
    page.keyboard.press("a")
    page.wait_for_selector("#sign-in[open]")
    page.keyboard.type("raru")  # letters of a token, not decisions
    page.keyboard.press("Enter")
    page.wait_for_selector("#review-name:has-text('2.tif')")
    assert archive.decided == [(1, "accepted")]
