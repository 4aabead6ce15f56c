"""The page under a path of another server: behind a small reverse proxy, that takes the path off, or does
not."""

from __future__ import annotations

import http.client
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from tests.web.conftest import Server, encoded

PREFIX = "/photos/unfade"


class Proxy:
    """A reverse proxy: what is asked below `PREFIX` is asked of the server; anything else is another's."""

    def __init__(self, upstream: int, *, takes_off: bool, says: bool) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                if not self.path.startswith(f"{PREFIX}/") and self.path != PREFIX:
                    self.send_error(418)
                    return
                path = self.path[len(PREFIX) :] or "/" if takes_off else self.path
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
                headers |= {"X-Forwarded-For": "203.0.113.5", "X-Forwarded-Proto": "https"}
                if says:
                    headers["X-Forwarded-Prefix"] = PREFIX
                asked = http.client.HTTPConnection("127.0.0.1", upstream, timeout=30)
                asked.request(self.command, path, body, headers)
                answer = asked.getresponse()
                data = answer.read()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("content-length", "transfer-encoding", "connection", "date"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
                asked.close()

            do_GET = do_POST = do_DELETE = do_HEAD = handle_any

            def log_message(self, *_: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture(scope="module", params=["takes the path off and says so", "takes nothing off and says so", "takes nothing off, and is set"])
def behind(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Proxy]]:
    how = str(request.param)
    settings = {"root_path": PREFIX} if "set" in how else {}
    server = Server(tmp_path_factory.mktemp("behind"), token="correct-horse-battery", **settings).start()
    proxy = Proxy(server.port, takes_off="takes the path off" in how, says="says so" in how)
    yield server, proxy
    proxy.server.shutdown()
    proxy.server.server_close()
    server.stop()
    server.client.close()


def test_everything_that_the_page_asks_for_lies_under_its_path(behind: tuple[Server, Proxy]) -> None:
    _, proxy = behind
    with httpx.Client(base_url=proxy.origin, trust_env=False, timeout=30) as browser:
        page = browser.get(f"{PREFIX}/")
        assert page.status_code == 200 and "Unfade" in page.text
        address = httpx.URL(f"{proxy.origin}{PREFIX}/")
        linked = re.findall(r'(?:href|src)="([^"#]+)"', page.text)
        assert len(linked) > 3
        for link in linked:
            answer = browser.get(address.join(link))
            assert answer.status_code == 200, link
        manifest = browser.get(f"{PREFIX}/manifest.webmanifest").json()
        assert str(address.join("manifest.webmanifest").join(manifest["start_url"])) == str(address)

        signed = browser.post(f"{PREFIX}/api/v1/session", json={"token": "correct-horse-battery"}, headers={"Origin": proxy.origin})
        assert signed.status_code == 204
        cookie = signed.headers["set-cookie"].lower()
        assert f"path={PREFIX}/" in cookie and "secure" in cookie  # the proxy says https
        with_cookie = {"Cookie": signed.headers["set-cookie"].split(";")[0]}
        uploaded = browser.post(f"{PREFIX}/api/v1/photos", files={"file": ("a.png", encoded("png"))}, headers=with_cookie)
        assert uploaded.status_code == 201
        assert uploaded.headers["location"] == f"{PREFIX}/api/v1/photos/{uploaded.json()['id']}"
        assert browser.get(uploaded.headers["location"], headers=with_cookie).status_code == 200
        tiles = browser.get(f"{uploaded.headers['location']}/tiles", headers=with_cookie).json()
        tile = browser.get(tiles["url"].format(level=tiles["max_level"], column=0, row=0), headers=with_cookie)
        assert tile.status_code == 200 and tile.headers["content-type"] == "image/jpeg"
        job = browser.post(f"{uploaded.headers['location']}/jobs", json={"fill": False}, headers=with_cookie)
        assert job.status_code == 202 and job.headers["location"].startswith(f"{PREFIX}/api/v1/jobs/")
        assert browser.get(job.headers["location"], headers=with_cookie).status_code == 200


def test_without_its_slash_the_page_is_found_where_its_links_hold(behind: tuple[Server, Proxy]) -> None:
    _, proxy = behind
    with httpx.Client(base_url=proxy.origin, trust_env=False, timeout=30) as browser:
        answer = browser.get(PREFIX)
        # a proxy that takes the path off asks for "/", and answers for the slash itself, as nginx does
        assert answer.status_code == 200 or (answer.status_code == 308 and answer.headers["location"] == f"{PREFIX}/")


def test_nobody_but_a_trusted_proxy_names_a_path(make_server: Callable[..., Server]) -> None:
    server = make_server(workers=0, trusted_proxies="192.0.2.1").start()
    headers = {"X-Forwarded-Prefix": "/evil"}
    uploaded = server.client.post("/api/v1/photos", files={"file": ("a.png", encoded("png"))}, headers=headers)
    assert uploaded.headers["location"].startswith("/api/v1/photos/")
    believing = make_server(workers=0).start()
    for prefix in ("//evil.example", "/a/../b", "https://evil.example", "/a b", "/" + "x" * 300, "/%2e%2e"):
        uploaded = believing.client.post(
            "/api/v1/photos", files={"file": ("a.png", encoded("png"))}, headers={"X-Forwarded-Prefix": prefix}
        )
        assert uploaded.headers["location"].startswith("/api/v1/photos/"), prefix
