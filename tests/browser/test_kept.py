"""A photograph is found again by its address, where the browser keeps nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser.hands import bring, photo_id, settled, steps_off

pytestmark = pytest.mark.long

Open = Callable[..., Any]
NO_STORAGE = """for (const name of ["localStorage", "sessionStorage", "indexedDB"])
    Object.defineProperty(window, name, { get() { throw new DOMException("denied", "SecurityError"); } });"""
FULL_STORAGE = "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); };"


@pytest.mark.parametrize("storage", [NO_STORAGE, FULL_STORAGE], ids=["none", "full"])
def test_a_reload_finds_the_photograph_where_the_browser_keeps_nothing(open_page: Open, old_photograph: Path, storage: str) -> None:
    page = open_page(quiet=False)
    page.context.add_init_script(storage)
    page.reload()
    page.wait_for_selector(".slip.wrong:has-text('keeps nothing')")
    steps_off(page)
    bring(page, old_photograph)
    page.wait_for_selector("#studio:not([hidden])")
    settled(page)
    address = page.url
    page.reload()
    page.wait_for_selector("#studio:not([hidden])")
    settled(page)
    assert page.url == address and page.locator("#photo-name").inner_text() == "aunt-may.jpg"
    assert "no longer here" not in page.locator("#slips").inner_text()


def test_the_address_of_a_photograph_that_is_gone_says_so(open_page: Open, old_photograph: Path) -> None:
    page = open_page(quiet=False)
    steps_off(page)
    bring(page, old_photograph)
    page.wait_for_selector("#studio:not([hidden])")
    settled(page)
    address = page.url
    page.request.delete(f"{page.url.split('/#')[0]}/api/v1/photos/{photo_id(page)}")
    page.goto("about:blank")
    page.goto(address)
    page.wait_for_selector(".slip.wrong:has-text('no longer here')")
    assert page.url.endswith("#/")
