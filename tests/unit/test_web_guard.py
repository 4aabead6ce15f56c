from __future__ import annotations

import pytest

pytest.importorskip("fastapi", reason="needs the web extra")

from pydantic import SecretStr
from starlette.datastructures import Headers

from unfade.settings import Settings
from unfade.web.guard import Pace, host_of, is_known_host, is_same_origin, rules_of
from unfade.web.service import clean_name


@pytest.mark.parametrize(
    ("header", "known"),
    [
        ("localhost", True),
        ("localhost:8080", True),
        ("LOCALHOST", True),
        ("127.0.0.1:8080", True),
        ("[::1]:8080", True),
        ("192.168.1.20", True),
        ("photos.example.org", True),
        ("photos.example.org.", True),
        ("evil.example", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("user@localhost@evil.example", False),
        ("", False),
        ("[::1", False),
        ("localhost:port", False),
    ],
)
def test_the_server_answers_to_its_names_and_to_addresses_alone(header: str, known: bool) -> None:
    rules = rules_of(Settings(hosts="photos.example.org"))
    assert is_known_host(header, rules.hosts) is known


def test_a_host_is_read_without_its_port() -> None:
    assert host_of("Photos.Example.org:8080") == "photos.example.org"


@pytest.mark.parametrize(
    ("headers", "same"),
    [
        ({}, True),
        ({"origin": "http://localhost:8080"}, True),
        ({"origin": "http://localhost:9090"}, False),
        ({"origin": "http://evil.example"}, False),
        ({"origin": "null"}, False),
        ({"origin": "http://[broken"}, False),
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "cross-site", "origin": "http://localhost:8080"}, False),
    ],
)
def test_only_our_own_page_and_scripts_change_things(headers: dict[str, str], same: bool) -> None:
    assert is_same_origin(Headers({"host": "localhost:8080"} | headers)) is same


def test_the_token_and_its_cookie_are_known_and_nothing_else_is() -> None:
    rules = rules_of(Settings(token=SecretStr("a-long-secret")))
    assert rules.knows(Headers({"authorization": "Bearer a-long-secret"}))
    assert rules.knows(Headers({"authorization": "bearer  a-long-secret"}))
    assert rules.knows(Headers({"cookie": f"x=1; unfade_session={rules.cookie()}"}))
    assert "a-long-secret" not in rules.cookie()
    for headers in (
        {},
        {"authorization": "Basic a-long-secret"},
        {"authorization": "Bearer a-long-secre"},
        {"authorization": "Bearer \xe4"},
        {"cookie": "unfade_session=a-long-secret"},
        {"cookie": 'unfade_session="'},
        {"cookie": "\xe4\xf6=;;;="},
    ):
        assert not rules.knows(Headers(headers))
    assert rules_of(Settings(token=None)).knows(Headers({}))


def test_pace_lets_a_minute_s_requests_through_and_then_makes_wait() -> None:
    pace = Pace(60)
    assert [pace.wait_s("a", 0.0) for _ in range(60)] == [0.0] * 60
    assert pace.wait_s("a", 0.0) == pytest.approx(1.0)
    assert pace.wait_s("b", 0.0) == 0.0
    assert pace.wait_s("a", 1.01) == 0.0
    assert pace.wait_s("a", 1.01) > 0
    for number in range(12_000):
        pace.wait_s(str(number), 2.0)
    assert len(pace._buckets) <= 10_000


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("aunt may.jpg", "aunt may.jpg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\photos\\aunt.jpg", "aunt.jpg"),
        ("a\u202egpj.exe", "agpj.exe"),
        ("a\x00b\r\n.png", "ab.png"),
        ("Großmutter 祖母.tif", "Großmutter 祖母.tif"),
        ("...", "photograph"),
        ("", "photograph"),
        (None, "photograph"),
        ("x" * 5000 + ".png", "x" * 110 + ".png"),
    ],
)
def test_a_file_name_is_text_that_does_no_harm(given: str | None, kept: str) -> None:
    assert clean_name(given) == kept
