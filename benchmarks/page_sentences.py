"""What the page says of photographs: each is put through it in a real browser, and its three sentences are
written down.

    python benchmarks/page_sentences.py FOLDER [--pictures OUT]

Starts a server of its own with the shipped models. Needs Playwright and Chromium, as tests/browser does. With
`--pictures`, a screenshot of each photograph on the page is kept, to be looked at beside its sentences.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.browser.conftest import ARGUMENTS, CHROMIUM, served

STEPS = ("damage", "clean", "color")
ENDINGS = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp")
WAIT_MS = 600_000  # of a large photograph on a busy machine


def sentences(page: Any, photograph: Path, pictures: Path | None) -> dict[str, Any]:
    """Put a photograph through the page as it comes.

    Gives what the three steps say, without their buttons, and the seconds until then.
    """
    began = time.perf_counter()
    page.set_input_files("#chooser", str(photograph))
    page.wait_for_selector("#studio[data-settled=yes]", timeout=WAIT_MS)
    seconds = time.perf_counter() - began
    page.wait_for_function("() => ![...document.querySelectorAll('.answer')].some((answer) => answer.textContent.includes('…'))")
    said = {step: page.locator(f"#{step}-answer").evaluate("said => said.firstChild.textContent") for step in STEPS}
    if pictures is not None:
        page.wait_for_timeout(400)
        page.screenshot(path=str(pictures / f"{photograph.stem}.png"))
    page.click("#more summary")
    page.click("#remove")
    page.click("#confirm [value=yes]")
    page.wait_for_selector("#hero:not([hidden])")
    return {"photograph": photograph.name, "seconds": round(seconds, 1), **said}


def main() -> None:
    """Write one line of JSON for each photograph of a folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pictures", type=Path)
    asked = parser.parse_args()
    from playwright.sync_api import sync_playwright

    if asked.pictures is not None:
        asked.pictures.mkdir(parents=True, exist_ok=True)
    photographs = sorted(path for path in asked.folder.iterdir() if path.suffix.lower() in ENDINGS)
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as address, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        page = browser.new_context(viewport={"width": 1280, "height": 720}, reduced_motion="reduce").new_page()
        page.goto(address)
        page.wait_for_selector("body[data-ready=yes]")
        for photograph in photographs:
            print(json.dumps(sentences(page, photograph, asked.pictures), ensure_ascii=False), flush=True)
        browser.close()


if __name__ == "__main__":
    main()
