"""Who may ask, and from where, on real servers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.web.conftest import Server, encoded

TOKEN = "correct-horse-battery"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("guarded"), workers=0, token=TOKEN)
    yield server.start()
    server.stop()
    server.client.close()


def test_without_the_token_nothing_is_told(guarded: Server) -> None:
    for method, address in [("GET", "/api/v1/settings"), ("GET", "/metrics"), ("GET", "/api/openapi.json"), ("POST", "/api/v1/photos")]:
        answer = guarded.client.request(method, address)
        assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer"
        assert TOKEN not in answer.text
    assert guarded.client.get("/healthz").status_code == 200
    assert guarded.client.get("/api/v1/settings", headers={"Authorization": "Bearer wrong-token"}).status_code == 401
    assert guarded.client.get("/api/v1/settings", headers={"Cookie": "unfade_session=" + "0" * 64}).status_code == 401


def test_with_the_token_or_its_cookie_everything_is_open(guarded: Server) -> None:
    assert guarded.client.get("/api/v1/settings", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert guarded.client.post("/api/v1/session", json={"token": "wrong-token"}).status_code == 401
    with httpx.Client(base_url=guarded.url, trust_env=False) as browser:
        assert browser.get("/api/v1/session").json() == {"token_needed": True, "signed_in": False, "shelf": None}
        answer = browser.post("/api/v1/session", json={"token": TOKEN})
        assert answer.status_code == 204
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie and "samesite=strict" in cookie.lower() and TOKEN not in cookie
        assert browser.get("/api/v1/settings").status_code == 200
        assert browser.get("/api/v1/session").json()["signed_in"]
        browser.delete("/api/v1/session")
        assert browser.get("/api/v1/settings").status_code == 401


def test_guessing_the_token_is_slowed_down(guarded: Server) -> None:
    codes = [guarded.client.post("/api/v1/session", json={"token": f"guess-{number}"}).status_code for number in range(40)]
    assert 429 in codes


def test_the_terminal_gets_the_address_with_the_token_and_a_warning_without_one(
    guarded: Server, make_server: Callable[..., Server], tmp_path: Path
) -> None:
    assert re.search(rf"http://127.0.0.1:\d+/#token={TOKEN}", guarded.log.read_text())
    assert "Warning" not in guarded.log.read_text()
    open_to_all = make_server(workers=0, host="0.0.0.0").start()
    assert "Set UNFADE_TOKEN" in open_to_all.log.read_text()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Host": "evil.example"}, 421),
        ({"Host": "localhost:80"}, 200),
        ({"Host": "[::1"}, 421),
    ],
)
def test_other_sites_and_other_names_are_refused(server: Server, headers: dict[str, str], status: int) -> None:
    answer = server.client.post("/api/v1/photos/query", json={"ids": []}, headers=headers)
    assert answer.status_code == status


def test_our_own_origin_is_let_in(server: Server) -> None:
    answer = server.client.post("/api/v1/photos/query", json={"ids": []}, headers={"Origin": server.url})
    assert answer.status_code == 200


def test_every_answer_has_the_headers_that_keep_browsers_in_check(server: Server) -> None:
    uploaded = server.upload(encoded("png"))
    for address in ("/", "/healthz", "/api/v1/settings", "/api/v1/nothing", f"/api/v1/photos/{uploaded['id']}/image"):
        headers = server.client.get(address).headers
        policy = headers["content-security-policy"]
        assert "unsafe" not in policy and "frame-ancestors 'none'" in policy and "default-src 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-resource-policy"] == "same-origin" and "server" not in headers
        assert "access-control-allow-origin" not in headers


def test_too_many_requests_are_slowed_down(make_server: Callable[..., Server]) -> None:
    server = make_server(workers=0, requests_per_minute=5).start()
    answers = [server.client.post("/api/v1/photos/query", json={"ids": []}) for _ in range(8)]
    assert [answer.status_code for answer in answers[:5]] == [200] * 5
    assert answers[-1].status_code == 429 and int(answers[-1].headers["retry-after"]) >= 1
    assert server.client.get("/api/v1/settings").status_code == 200
