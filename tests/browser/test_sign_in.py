"""A server with a token: the page asks for it, refuses a wrong one, and then works."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import served
from tests.browser.hands import bring, ready

pytestmark = pytest.mark.long

Open = Callable[..., Any]
TOKEN = "correct-horse-battery"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address that a server with a token prints, which ends in it."""
    with served(tmp_path_factory.mktemp("guarded"), token=TOKEN) as printed:
        yield printed


def test_the_page_asks_for_the_token(open_page: Open, guarded: str, old_photograph: Path) -> None:
    page = open_page(at=guarded.split("#")[0], quiet=False)
    assert page.locator("#sign-in").is_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.wait_for_timeout(300)
    assert page.locator("#sign-in").is_visible(), "the question can be escaped"
    page.fill("#token", "wrong-horse")
    page.keyboard.press("Enter")
    page.wait_for_selector("#token-wrong:has-text('not this server')")
    page.fill("#token", TOKEN)
    page.keyboard.press("Enter")
    page.wait_for_selector("body[data-ready=yes]")
    assert page.locator("#sign-in").is_hidden()
    bring(page, old_photograph)
    ready(page)
    page.reload()
    page.wait_for_selector("body[data-ready=yes]")
    assert page.locator("#photo-name").inner_text() == "aunt-may.jpg"
    assert TOKEN not in page.evaluate("JSON.stringify([localStorage, document.cookie, location.href])")


def test_the_address_that_is_printed_signs_in_by_itself(open_page: Open, guarded: str) -> None:
    assert guarded.endswith(f"#token={TOKEN}")
    page = open_page(at=guarded)
    page.wait_for_selector("body[data-ready=yes]")
    assert page.locator("#sign-in").is_hidden()
    assert TOKEN not in page.url
    page.reload()
    page.wait_for_selector("body[data-ready=yes]")


def test_a_cookie_that_is_lost_asks_again(open_page: Open, old_photograph: Path, tmp_path: Path) -> None:
    with served(tmp_path, token=TOKEN) as guarded:  # one of its own: all who know the token share a shelf
        page = open_page(at=guarded, quiet=False)
        page.wait_for_selector("body[data-ready=yes]")
        page.context.clear_cookies()
        bring(page, old_photograph)
        page.wait_for_selector("#sign-in[open]")
        page.fill("#token", TOKEN)
        page.keyboard.press("Enter")
        ready(page)
