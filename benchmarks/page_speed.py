"""How long a person waits on the page: for a first picture, a result, a slider, a stroke, suggestions.

    python benchmarks/page_speed.py PHOTOGRAPH [--times N]

Starts a server of its own with the shipped models, in a real browser. Needs Playwright and Chromium. Give it
a quiet machine: what else runs is in the numbers.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.browser.conftest import ARGUMENTS, CHROMIUM, served
from tests.browser.hands import drag, open_step, paint, photograph_on_screen

WAIT_MS = 180_000


def previewed(page: Any, act: Callable[[], None]) -> float:
    """The seconds from the end of a movement to its picture."""
    with page.expect_response(lambda answer: answer.url.endswith("/preview") and answer.status == 200) as answered:
        act()
        began = time.perf_counter()
    answered.value.finished()
    return time.perf_counter() - began


SEEN = "([selector, least]) => [...document.querySelectorAll(selector)].filter((one) => one.checkVisibility()).length >= least"


def seen(page: Any, selector: str, least: int = 1) -> None:
    """Wait until so many of these are seen, looked for at every frame (a locator looks every half second)."""
    page.wait_for_function(SEEN, arg=[selector, least])


def once(page: Any, photograph: Path) -> dict[str, float]:
    """One photograph on the page; gives the waits in seconds."""
    waits = {}
    began = time.perf_counter()
    page.set_input_files("#chooser", str(photograph))
    seen(page, "#view:is([data-after=preview], [data-after=result])")
    waits["chosen to first picture"] = time.perf_counter() - began
    seen(page, "#view[data-after=result]")
    waits["chosen to result"] = time.perf_counter() - began
    seen(page, "#choices img", least=7)
    waits["color seen to suggestions"] = time.perf_counter() - began - waits["chosen to result"]
    open_step(page, "color")
    waits["slider to picture"] = previewed(page, lambda: page.locator("#saturation").fill("150"))
    page.wait_for_selector("#studio[data-settled=yes]", state="attached")
    left, top, width, height = photograph_on_screen(page)
    paint(page, "brush")
    line = [(left + 0.5 * width, top + 0.3 * height), (left + 0.6 * width, top + 0.32 * height)]
    waits["stroke to fill"] = previewed(page, lambda: drag(page, *line))
    page.wait_for_selector("#studio[data-settled=yes]", state="attached")
    page.click("#more summary")
    page.click("#remove")
    page.click("#confirm [value=yes]")
    page.wait_for_selector("#hero:not([hidden])")
    return waits


def main() -> None:
    """Write the median and the range of each wait, as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photograph", type=Path)
    parser.add_argument("--times", type=int, default=5)
    asked = parser.parse_args()
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, served(Path(folder), threads="2") as address, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        page = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce").new_page()
        page.set_default_timeout(WAIT_MS)
        page.goto(address)
        page.wait_for_selector("body[data-ready=yes]")
        once(page, asked.photograph)  # the models are opened
        runs = [once(page, asked.photograph) for _ in range(asked.times)]
        browser.close()
    found: dict[str, Any] = {
        name: {
            "median_s": round(statistics.median(run[name] for run in runs), 2),
            "range_s": [round(min(run[name] for run in runs), 2), round(max(run[name] for run in runs), 2)],
        }
        for name in runs[0]
    }
    print(json.dumps({"photograph": asked.photograph.name, "times": asked.times, "load": os.getloadavg()[0]} | found, indent=2))


if __name__ == "__main__":
    main()
