"""The page in a real browser against the real server: the whole story, at a desk and on a phone.

Needs Debian's Chromium; `pytest -m long tests/browser`.
"""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),
]
EXAMPLE = Path(__file__).parents[2] / "examples" / "grant-mount-mcgregor-1885.jpg"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`unfade serve` on a free port, its files in a folder of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code = "from unfade.cli import main; main()"
    folder = tmp_path_factory.mktemp("serve")
    with subprocess.Popen([sys.executable, "-c", code, "serve", "--port", str(port)], cwd=folder, stderr=subprocess.DEVNULL) as server:
        url = f"http://127.0.0.1:{port}/"
        for _ in range(120):
            try:
                urllib.request.urlopen(url, timeout=2).close()
                break
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.25)
        yield url
        server.terminate()
        server.wait(30)


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_the_whole_story(address: str, width: int, height: int) -> None:
    from playwright.sync_api import expect, sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_context(viewport={"width": width, "height": height}).new_page()
        mistakes: list[str] = []
        page.on("pageerror", lambda error: mistakes.append(str(error)))
        page.goto(address)
        expect(page.locator("#empty")).to_be_visible()

        page.set_input_files("#files", [str(EXAMPLE)])
        done = page.locator("#shelf span", has_text=re.compile("done"))
        expect(done).to_be_visible(timeout=120_000)
        expect(page.locator("#facts")).to_contain_text("pixels changed", timeout=10_000)

        page.reload()  # nothing is lost
        expect(page.locator("#name")).to_have_text(EXAMPLE.name)
        expect(page.locator("#facts")).to_contain_text("pixels changed", timeout=10_000)

        page.click('[data-tool="brush"]')
        page.locator("#view").scroll_into_view_if_needed()
        box = page.locator("#view").bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.4)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.45, steps=4)
        page.mouse.up()
        expect(page.locator("#undo")).to_be_enabled()
        page.click("#undo")
        expect(page.locator("#redo")).to_be_enabled()
        page.click("#redo")
        page.click("#again")
        expect(page.locator("#undo")).to_be_disabled(timeout=120_000)  # a new result begins a new history

        page.click('[data-tool="hint"]')
        page.locator("#view").scroll_into_view_if_needed()
        box = page.locator("#view").bounding_box()
        assert box is not None
        page.mouse.click(box["x"] + box["width"] * 0.45, box["y"] + box["height"] * 0.6)
        expect(page.locator("#colorize")).to_be_checked()
        expect(page.locator("#unhint")).to_be_enabled()

        with page.expect_download() as download:
            page.click("#download")
        assert download.value.suggested_filename == f"{EXAMPLE.stem}.restored.jpg"
        page.click("#delete")
        expect(page.locator("#empty")).to_be_visible()
        assert not mistakes
        browser.close()
