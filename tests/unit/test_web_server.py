"""What `unfade serve` tells the person at the terminal."""

from __future__ import annotations

import ipaddress

import pytest
from pydantic import SecretStr

from unfade.settings import Settings

pytest.importorskip("fastapi", reason="needs the web extra")

from unfade.web.server import announcement, network_address  # after the check for the extra


def test_on_this_machine_only_one_address_is_told() -> None:
    assert announcement(Settings(), 8080, "192.168.1.20") == ["Unfade is at http://127.0.0.1:8080/"]


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_a_phone_is_told_the_address_in_the_network(host: str) -> None:
    told = announcement(Settings(host=host, token=SecretStr("correct horse")), 8081, "192.168.1.20")
    assert told == [
        "Unfade is at http://localhost:8081/#token=correct horse",
        "From a phone or another computer in this network: http://192.168.1.20:8081/#token=correct horse",
    ]


def test_an_open_server_is_warned_about_and_an_unknown_network_is_not_named() -> None:
    told = announcement(Settings(host="0.0.0.0"), 8080, None)
    assert told[0] == "Unfade is at http://localhost:8080/" and told[1].startswith("Warning: whoever can reach this machine")
    assert len(announcement(Settings(host="192.168.1.20"), 8080, "192.168.1.20")) == 2


def test_an_address_of_version_6_stands_in_brackets() -> None:
    assert announcement(Settings(host="::1"), 8080, None) == ["Unfade is at http://[::1]:8080/"]


def test_the_address_in_the_network_is_one_that_others_could_use() -> None:
    found = network_address()
    assert found is None or not ipaddress.ip_address(found).is_loopback
