"""The review page: the riskiest result first, deep zoom, accept and refuse by keys and by buttons."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.browser.conftest import served
from tests.unit.test_archive_parts import REPAIR, run_here, scan
from unfade.archive.archiving import order_of
from unfade.settings import Settings

pytestmark = pytest.mark.long


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
