"""A real browser before a real server, with the models that are in the package."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import unfade
from tests.browser.hands import NAME

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--host-resolver-rules=MAP {NAME} 127.0.0.1",  # this machine, as if it were another: plain http, so not a secure context
)
SIZES = {"desktop": (1440, 900), "laptop": (1280, 720), "phone": (390, 844), "small phone": (360, 640)}
WAIT_MS = int(os.environ.get("WAIT_MS", 180_000))  # two busy cores make minutes of what takes seconds


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Debian's Chromium, driven by Playwright; skips, saying so, where either is absent."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright (pip install playwright)")
    if not Path(CHROMIUM).is_file():
        pytest.skip("needs Chromium (apt install chromium)")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield browser
        browser.close()


@contextmanager
def served(folder: Path, **more: str) -> Iterator[str]:
    """The address, as it is printed, of an `unfade serve` of its own, with the shipped models; `more`:
    settings, by their names."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("UNFADE_")}
    settings = {"data": str(folder / "data"), "threads": "1", "requests_per_minute": "100000", "min_free_mb": "1"} | more
    environment |= {f"UNFADE_{name.upper()}": value for name, value in settings.items()}
    environment["PYTHONPATH"] = str(Path(unfade.__file__).parents[1])  # the code that is tested, whatever is installed
    log = folder / "log"
    program = str(Path(sys.executable).with_name("unfade"))
    with log.open("wb") as lines:
        process = subprocess.Popen([program, "serve", "--port", "0"], stdout=lines, stderr=lines, env=environment, cwd=folder)
    try:
        deadline = time.monotonic() + 120
        while not (found := re.search(r"Unfade is at (http://\S+)\s", log.read_text())):
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield found[1]
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(40)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that anyone on this machine may use."""
    with served(tmp_path_factory.mktemp("serve")) as printed:
        yield printed.rstrip("/")


def _is_well(message: Any) -> bool:
    """Whether a message on the console is no complaint. A preview that a busy machine did not make in time
    (503), or that a newer one overtook (409), is none: the page shows the newer one, or the result."""
    overtaken = any(f"status of {status}" in message.text for status in (409, 503)) and message.location["url"].endswith("/preview")
    return bool(message.type != "error" or overtaken)


@pytest.fixture
def open_page(chromium: Any, address: str) -> Iterator[Callable[..., Any]]:
    """Open the page at a size and in a color scheme; fails the test if the page logs an error or breaks its
    own policy.

    `quiet`: it has no reason to log any; `at`: another server's address.
    """
    contexts: list[Any] = []
    complaints: list[str] = []

    def open_(size: str = "desktop", scheme: str = "light", *, quiet: bool = True, at: str = "", **more: Any) -> Any:
        width, height = SIZES[size]
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            **({"reduced_motion": "reduce", "has_touch": "phone" in size} | more),
        )
        contexts.append(context)
        context.set_default_timeout(WAIT_MS)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(f"{error}"))
        if quiet:  # a refusal is an error on the console
            page.on("console", lambda message: None if _is_well(message) else complaints.append(f"{message.text} {message.location}"))
        origin = at.split("/#")[0] or address
        page.on("request", lambda request: None if request.url.startswith((origin, "blob:", "data:")) else complaints.append(request.url))
        page.goto(at or f"{address}/")
        page.wait_for_selector("body[data-ready=yes], #sign-in[open]")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert not complaints, complaints


@pytest.fixture(scope="session")
def old_photograph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small soft gray photograph with a scratch and two blots, as JPEG."""
    rng = np.random.default_rng(1862)
    rows, columns = np.mgrid[:240, :320].astype(np.float32)
    gray = 120 + 50 * np.sin(columns / 41) * np.cos(rows / 33) + 20 * np.sin(columns / 9) + rng.normal(0, 4, (240, 320))
    picture = np.clip(gray, 0, 255).astype(np.uint8)
    cv2.line(picture, (30, 20), (280, 190), 252, 3)
    cv2.circle(picture, (90, 170), 9, 250, -1)
    cv2.circle(picture, (230, 60), 6, 4, -1)
    path = tmp_path_factory.mktemp("photographs") / "aunt-may.jpg"
    assert cv2.imwrite(str(path), picture, [cv2.IMWRITE_JPEG_QUALITY, 92])
    return path
