"""Two devices, one shelf: by a secret address, and by the server's token."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import served
from tests.browser.hands import audit, bring, steps_off

pytestmark = pytest.mark.long

Open = Callable[..., Any]


def named(photograph: Path, folder: Path, name: str) -> Path:
    path = folder / name
    path.write_bytes(photograph.read_bytes())
    return path


def names(page: Any) -> list[str]:
    return list(page.locator(".card strong").all_inner_texts())


def test_a_phone_opens_the_same_shelf_until_that_is_taken_back(open_page: Open, old_photograph: Path, tmp_path: Path) -> None:
    with served(tmp_path, hosts="old-album.test") as printed:
        here = printed.replace("127.0.0.1", "old-album.test")
        laptop = open_page(at=here, quiet=False)
        steps_off(laptop)
        bring(laptop, named(old_photograph, tmp_path, "one.jpg"), named(old_photograph, tmp_path, "two.jpg"))
        laptop.locator(".card .ready").nth(1).wait_for()
        laptop.click("#phone-open")
        laptop.wait_for_selector("#phone-code")
        for _ in range(100):
            if laptop.evaluate("document.getElementById('phone-code').naturalWidth") > 100:
                break
            laptop.wait_for_timeout(100)
        else:
            raise AssertionError("no code is seen")
        audit(laptop)
        address = laptop.input_value("#phone-address")
        laptop.keyboard.press("Escape")

        phone = open_page("small phone", at=address, quiet=False)
        phone.locator(".card").nth(1).wait_for()
        assert names(phone) == ["one.jpg", "two.jpg"]
        assert "#/s/" not in phone.url
        steps_off(phone)
        bring(phone, named(old_photograph, tmp_path, "three.jpg"))
        laptop.locator(".card").nth(2).wait_for()
        assert names(laptop) == ["one.jpg", "two.jpg", "three.jpg"]

        laptop.click("#phone-open")
        laptop.click("#phone-stop")
        phone.wait_for_selector(".slip:has-text('no longer shared')")
        assert names(phone) == ["three.jpg"]
        assert names(laptop) == ["one.jpg", "two.jpg", "three.jpg"]
        again = open_page(at=address, quiet=False)
        again.wait_for_selector(".slip:has-text('no longer shared')")
        assert again.locator(".card").count() == 0


def test_on_this_machine_alone_it_says_why_no_phone_can_come(open_page: Open, old_photograph: Path) -> None:
    page = open_page()
    steps_off(page)
    bring(page, old_photograph)
    page.wait_for_selector("#studio:not([hidden])")
    page.click("#back")
    page.click("#phone-open")
    assert "only this computer" in page.locator("#phone-text").inner_text()
    assert page.locator("#phone-code").is_hidden()


def test_with_a_token_every_device_has_the_same_shelf(open_page: Open, old_photograph: Path, tmp_path: Path) -> None:
    with served(tmp_path, token="correct-horse") as printed:
        laptop = open_page(at=printed, quiet=False)  # it looks for changes until it is closed, after the server
        steps_off(laptop)
        bring(laptop, named(old_photograph, tmp_path, "one.jpg"), named(old_photograph, tmp_path, "two.jpg"))
        laptop.locator(".card .ready").nth(1).wait_for()
        phone = open_page("phone", at=printed, quiet=False)
        phone.locator(".card").nth(1).wait_for()
        assert sorted(names(phone)) == ["one.jpg", "two.jpg"]
