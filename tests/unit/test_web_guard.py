from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

pytest.importorskip("fastapi", reason="needs the web extra")

from pydantic import SecretStr
from starlette.datastructures import Headers

from unfade.settings import Settings
from unfade.web.clients import Pace, Proxies, TooManyError, Turns, network_of
from unfade.web.guard import COOKIE, Strangers, host_of, is_known_host, is_prefix, is_same_origin, rules_of
from unfade.web.requests import clean_name


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


@pytest.mark.parametrize(
    "beside",
    [
        'prefs={"theme":"dark"}; ',
        "flag; ",
        "a=\u00e9; ",
        "last=Thu, 26 Nov 2026 22:00:00 GMT; ",
        "a=b=c;; =; ;",
        '"quoted=; ',
        "$Version=1; ",
        "x=" + "y" * 3000 + "; ",
        "unfade_session=stale; ",
        "a\tb=c,d; ",
    ],
)
@pytest.mark.parametrize("after", ["", '; theme="dark', "; \x80"])
def test_our_cookie_is_found_beside_whatever_others_have_set(beside: str, after: str) -> None:
    rules = rules_of(Settings(token=SecretStr("a-long-secret")))
    header = f"{beside}{COOKIE}={rules.cookie()}{after}"
    assert rules.knows(Headers(raw=[(b"cookie", header.encode("latin-1"))]))
    assert rules.knows(Headers(raw=[(b"cookie", b"other=1"), (b"cookie", f'{COOKIE}="{rules.cookie()}"'.encode())]))
    assert not rules.knows(Headers(raw=[(b"cookie", header.replace(COOKIE, "x" + COOKIE).encode("latin-1"))]))


def test_a_household_has_one_pace_over_all_its_addresses() -> None:
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:1:2:3") != network_of("2001:db8:0:1::1")
    assert network_of("::ffff:192.0.2.1") == "192.0.2.1" and network_of("fe80::1%eth0") == "fe80::/64"
    assert network_of("192.0.2.1") != network_of("192.0.2.2") and network_of("no address") == "no address"


def test_guesses_from_many_addresses_share_a_limit_and_those_who_have_signed_in_do_not() -> None:
    strangers = Strangers()
    waits = [strangers.wait_s(f"192.0.2.{number}", 0.0) for number in range(40)]
    assert waits[:30] == [0.0] * 30 and min(waits[30:]) > 0
    strangers.know("198.51.100.1")
    assert strangers.wait_s("198.51.100.1", 0.0) == 0.0 and strangers.wait_s("192.0.2.99", 0.5) > 0


@pytest.mark.parametrize(
    ("prefix", "fits"),
    [
        ("/unfade", True),
        ("/a/b-c/d.e", True),
        ("", False),
        ("/", False),
        ("//evil", False),
        ("/a/../b", False),
        ("/a b", False),
        ("/a\n", False),
    ],
)
def test_a_prefix_is_a_path_and_nothing_else(prefix: str, fits: bool) -> None:
    assert is_prefix(prefix) is fits


def test_proxies_are_addresses_networks_or_all() -> None:
    proxies = Proxies("127.0.0.1, 10.0.0.0/8")
    assert proxies.include("127.0.0.1") and proxies.include("10.1.2.3")
    assert not proxies.include("192.0.2.1") and not proxies.include("") and not Proxies("").include("127.0.0.1")
    assert Proxies("*").include("192.0.2.1")


def test_clients_take_turns_and_none_has_every_place() -> None:
    order: list[str] = []

    async def work(turns: Turns, client: str, over: asyncio.Event) -> None:
        async with turns.one(client):
            order.append(client)
            await over.wait()

    async def scene() -> None:
        turns, over = Turns(3, waiting_each=4, waiting_all=10), asyncio.Event()
        tasks = [asyncio.create_task(work(turns, "many", over)) for _ in range(5)]
        await asyncio.sleep(0)
        assert order == ["many"] * 2  # a place is left
        tasks.append(asyncio.create_task(work(turns, "one", over)))
        await asyncio.sleep(0)
        assert order == ["many", "many", "one"]
        tasks.append(asyncio.create_task(work(turns, "two", over)))
        await asyncio.sleep(0)
        tasks[2].cancel()  # of those that wait
        tasks.append(asyncio.create_task(work(turns, "many", over)))
        await asyncio.sleep(0)
        for _ in range(1):
            tasks.append(asyncio.create_task(work(turns, "many", over)))
        await asyncio.sleep(0)
        with pytest.raises(TooManyError):
            await work(turns, "many", over)
        over.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert sorted(order[3:5]) == ["many", "two"] and len(order) == 8
        async with turns.one("many"):
            pass  # nothing is left over

    with ThreadPoolExecutor(1) as apart:  # where a browser was driven before, this thread has a loop already
        apart.submit(asyncio.run, scene()).result()
