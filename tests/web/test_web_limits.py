"""What one client asks for costs the others nothing; and what is asked oddly is answered with a 4xx."""

from __future__ import annotations

import gzip
import json
import socket
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from tests.web.conftest import Server, encoded, wait_for
from unfade.queue.records import new_id


@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server without workers."""
    server = Server(tmp_path_factory.mktemp("idle"), workers=0, max_queue=200)
    yield server.start()
    server.stop()
    server.client.close()


def _from(server: Server, address: str) -> httpx.Client:
    """A client whose address is another; Linux has the whole of 127.0.0.0/8."""
    return httpx.Client(base_url=server.url, transport=httpx.HTTPTransport(local_address=address), timeout=60)


def _raw(server: Server, request: bytes, *, wait_s: float = 10) -> bytes:
    """What the server answers to these bytes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=wait_s) as connection:
        connection.sendall(request)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    return answer


class Visitor(threading.Thread):
    """Someone of another address who opens the page, again and again."""

    def __init__(self, server: Server, address: str = "127.0.0.9") -> None:
        super().__init__(daemon=True)
        self._client, self.seconds, self.over = _from(server, address), list[float](), threading.Event()

    def __enter__(self) -> Visitor:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.join()
        self._client.close()

    def run(self) -> None:
        while not self.over.wait(0.05):
            for address in ("/", "/api/v1/settings"):
                began = time.perf_counter()
                assert self._client.get(address).status_code == 200
                self.seconds.append(time.perf_counter() - began)


BUSY_S = 4.0  # a second at most on a quiet machine; before there were limits, 7 to 120

# --- floods


@pytest.mark.alone
def test_many_streams_of_events_leave_the_page_to_others(idle: Server) -> None:
    photo = idle.upload(encoded("png"))["id"]
    waiting = [idle.submit(photo, sensitivity=number / 200)["id"] for number in range(100)]
    address = f"/api/v1/events?jobs={','.join(waiting)}"
    codes: list[int] = []
    with ExitStack() as stack:
        clients = [stack.enter_context(_from(idle, f"127.0.1.{number + 1}")) for number in range(12)]
        with Visitor(idle) as visitor:
            for number in range(240):  # 20 of each
                stream = stack.enter_context(clients[number % 12].stream("GET", address))
                codes.append(stream.status_code)
            refused = clients[0].get(address)
            time.sleep(2)
        print(f"slowest of {len(visitor.seconds)} answers beside 240 streams of 100 jobs: {max(visitor.seconds):.2f} s")
        assert codes == [200] * 240 and refused.status_code == 429 and refused.json()["code"] == "rate"
        assert max(visitor.seconds) < BUSY_S
    for job in waiting:
        assert idle.client.delete(f"/api/v1/jobs/{job}").status_code == 204
    with _from(idle, "127.0.1.1") as client:  # the streams were given back
        wait_for(lambda: client.get(f"/api/v1/events?jobs={waiting[0]}").status_code == 200)


BODIES: dict[str, Any] = {
    "unknown keys": {f"key{number}": 1 for number in range(80_000)},
    "nested unknown keys": {"hints": [{f"key{number}": 1 for number in range(2_000)}] * 40},
    "wrong hints": {"hints": [{"x": "left"}] * 40_000},
    "wrong pieces": {"mask": "x" * 32, "keep": ["a"] * 200_000},
    "many pieces": {"mask": "x" * 32, "keep": [1] * 300_000},
}


@pytest.mark.alone
@pytest.mark.parametrize("what", BODIES)
def test_json_that_is_large_and_wrong_holds_nobody_up(idle: Server, what: str) -> None:
    photo = idle.upload(encoded("png"))["id"]
    body = json.dumps(BODIES[what]).encode()[: 1 << 20]
    body = body if len(body) < 1 << 20 else json.dumps(BODIES[what]).encode()

    def send(_: int) -> httpx.Response:
        with _from(idle, "127.0.2.1") as client:
            return client.post(f"/api/v1/photos/{photo}/jobs", content=body, headers={"content-type": "application/json"})

    with Visitor(idle) as visitor, ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(send, range(8)))
    assert {answer.status_code for answer in answers} <= {413, 422}
    assert all(len(answer.content) < 2_000 for answer in answers)
    assert max(visitor.seconds, default=0) < BUSY_S


def test_one_client_does_not_take_every_place_of_the_queue(idle: Server) -> None:
    photo = idle.upload(encoded("png"))["id"]
    address = f"/api/v1/photos/{photo}/jobs"
    with _from(idle, "127.0.3.1") as many, _from(idle, "127.0.3.2") as one:
        answers = [many.post(address, json={"sensitivity": number / 400}) for number in range(200)]
        taken = [answer.json()["id"] for answer in answers if answer.status_code == 202]
        assert len(taken) == 150
        refused = answers[-1]
        assert refused.status_code == 429 and refused.json()["code"] == "queue-full" and "150 of your jobs" in refused.json()["detail"]
        assert int(refused.headers["retry-after"]) > 0
        other = one.post(address, json={})
        assert other.status_code == 202 and other.json()["position"] == 1  # after one of the first client's, not after 150
        for job in (*taken, other.json()["id"]):
            one.delete(f"/api/v1/jobs/{job}")


@pytest.mark.alone
def test_decoding_for_one_client_leaves_a_place_for_the_next(make_server: Callable[..., Server]) -> None:
    server = make_server().start()
    large = encoded("png", height=2600, width=2600, channels=3)
    photo = server.upload(encoded("png", height=1600, width=1600))["id"]
    job = server.done(server.submit(photo, clean=0)["id"])["id"]

    def export(number: int) -> int:
        with _from(server, "127.0.4.1") as client:
            return client.get(f"/api/v1/jobs/{job}/result?format=webp&quality={number % 90 + 5}").status_code

    with ThreadPoolExecutor(60) as pool:
        exports = [pool.submit(export, number) for number in range(60)]
        time.sleep(0.5)
        with Visitor(server) as visitor, _from(server, "127.0.4.2") as other:
            began = time.perf_counter()
            assert other.post("/api/v1/photos", files={"file": ("a.png", encoded("png"))}).status_code == 201
            seconds = time.perf_counter() - began
        codes = [future.result() for future in exports]
    print(f"beside 60 exports: upload {seconds:.2f} s, slowest page {max(visitor.seconds):.2f} s; {codes.count(503)} were told to wait")
    assert len(large) and set(codes) <= {200, 503} and codes.count(200) >= 20
    assert seconds < 2 * BUSY_S and max(visitor.seconds) < BUSY_S


def _zigzag(count: int, side: float) -> list[list[float]]:
    return [[side * number / count, side * (number % 2)] for number in range(count)]


@pytest.mark.alone
def test_blocking_requests_at_once_leave_upload_and_page_to_others(make_server: Callable[..., Server]) -> None:
    """Brush work of 200,000 points, huge brushes and lines, on 36 megapixels, all at once."""
    server = make_server(workers=0).start()
    photo = server.upload(encoded("jpeg", height=6000, width=6000))["id"]
    strokes: list[Any] = [
        [{"kind": "brush", "radius_px": 1e5, "points": _zigzag(2_000, 6_000)}] * 20,
        [{"kind": "brush", "radius_px": 1, "points": _zigzag(20_000, 6_000)}] * 2,
        [{"kind": "eraser", "radius_px": 1, "points": _zigzag(20_000, 6_000)}] * 10,
        [{"kind": "brush", "radius_px": 1, "points": [[9 * number, 0], [9 * number + 500, 6_000]]} for number in range(600)],
    ]

    def draw(which: list[Any]) -> httpx.Response:
        with _from(server, "127.0.5.1") as client:
            return client.post(f"/api/v1/photos/{photo}/masks/edits", json={"strokes": which})

    with ThreadPoolExecutor(8) as pool:
        drawn = [pool.submit(draw, which) for which in strokes * 2]
        time.sleep(0.3)
        with Visitor(server) as visitor, _from(server, "127.0.5.2") as other:
            began = time.perf_counter()
            assert other.post("/api/v1/photos", files={"file": ("a.png", encoded("png"))}).status_code == 201
            seconds = time.perf_counter() - began
        codes = [future.result().status_code for future in drawn]
    print(f"beside {codes}: upload {seconds:.2f} s, slowest page {max(visitor.seconds):.2f} s")
    assert set(codes) <= {201, 413, 422, 503} and 422 in codes
    assert seconds < 2 * BUSY_S and max(visitor.seconds) < BUSY_S


def _with_xmp(elements: int) -> bytes:
    """A PNG of some 100 kB whose XMP, deflated, has so many elements."""
    opening = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description>"
    packet = opening + b"<exif:GPSLatitude>" * elements + b"</rdf:Description></rdf:RDF></x:xmpmeta>"
    body = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(packet, 9)
    chunk = struct.pack(">I", len(body)) + b"iTXt" + body + struct.pack(">I", zlib.crc32(b"iTXt" + body))
    plain = encoded("png")
    return plain[:33] + chunk + plain[33:]


@pytest.mark.alone
def test_metadata_of_a_million_elements_holds_nobody_up(idle: Server) -> None:
    bomb = _with_xmp(1_500_000)
    assert len(bomb) < 200_000
    began = time.perf_counter()
    with Visitor(idle) as visitor:
        answer = idle.client.post("/api/v1/photos", files={"file": ("a.png", bomb)})
    seconds = time.perf_counter() - began
    print(f"{len(bomb)} bytes: {answer.status_code} after {seconds:.1f} s, slowest page {max(visitor.seconds):.2f} s")
    assert answer.status_code in (201, 422)
    assert seconds < 20 and max(visitor.seconds) < BUSY_S


def test_so_many_requests_at_once_of_one_client_are_enough(make_server: Callable[..., Server]) -> None:
    server = make_server(workers=0).start()
    head = b"POST /api/v1/photos HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    head += b"Content-Length: 1000\r\n\r\n--b"
    with ExitStack() as stack:
        for _ in range(16):
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port))).sendall(head)
        time.sleep(0.5)
        answer = server.client.post("/api/v1/photos", files={"file": ("a.png", encoded("png"))})
        assert answer.status_code == 429 and answer.json()["code"] == "rate"
        assert server.client.get("/").status_code == 200
        with _from(server, "127.0.6.1") as other:
            assert other.post("/api/v1/photos", files={"file": ("a.png", encoded("png"))}).status_code == 201
    wait_for(lambda: server.client.post("/api/v1/photos", files={"file": ("a.png", encoded("png"))}).status_code == 201)
    assert "Traceback" not in server.log.read_text()  # sixteen uploads broke off
    counted = server.client.get("/metrics").text
    assert 'status="500"' not in counted and 'status="400"' in counted


# --- the token


def test_forged_addresses_make_no_more_guesses(make_server: Callable[..., Server]) -> None:
    server = make_server(workers=0, token="correct-horse-battery").start()

    def guess(number: int, address: str) -> int:
        headers = {"X-Forwarded-For": address}
        return server.client.post("/api/v1/session", json={"token": f"guess-{number}"}, headers=headers).status_code

    codes = [guess(number, f"198.51.100.{number}") for number in range(60)]
    assert codes[:30] == [401] * 30 and codes.count(429) >= 25
    assert server.client.get("/api/v1/settings", headers={"Authorization": "Bearer correct-horse-battery"}).status_code == 200


# --- asked oddly


@pytest.mark.parametrize("charset", ["punycode", "idna", "undefined", "rot13", "unicode_escape", "x" * 300, "utf-7", "base64"])
def test_a_form_in_an_odd_character_set_is_refused(idle: Server, charset: str) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="\xe4\xf6"\r\n\r\nx\r\n--b--\r\n'
    headers = {"content-type": f"multipart/form-data; boundary=b; charset={charset}"}
    for address in ("/api/v1/photos", "/api/v1/restore", "/api/v1/colorize"):
        answer = idle.client.post(address, content=body, headers=headers)
        assert answer.status_code == 400 and answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("name", ["x" * 300 + ".js", "a/" * 2000 + "b.css", "%00.js", "%ff%fe.js", "app.js/", ".", "con.js"])
def test_a_name_that_no_file_of_the_page_has_is_not_found(idle: Server, name: str) -> None:
    answer = _raw(idle, f"GET /page/{name} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    assert answer.split(b" ")[1] == b"404", answer[:100]


def test_head_is_answered_as_get_is_without_a_body(server: Server) -> None:
    photo = server.upload(encoded("png"))
    job = server.done(server.submit(photo["id"], fill=False)["id"])["id"]
    waiting = server.submit(photo["id"], clean=0.5)["id"]
    for address in (
        "/",
        "/page/app.js",
        "/healthz",
        "/metrics",
        "/api/v1/settings",
        f"/api/v1/photos/{photo['id']}",
        f"/api/v1/photos/{photo['id']}/original",
        f"/api/v1/photos/{photo['id']}/image",
        f"/api/v1/jobs/{job}/result",
        f"/api/v1/jobs/{job}/result?format=webp",
        f"/api/v1/zip?jobs={job}",
        f"/api/v1/events?jobs={waiting}",
    ):
        head = server.client.head(address)
        assert head.status_code == 200 and head.content == b"", address
        if "events" not in address:
            assert head.headers["content-type"] == server.client.get(address).headers["content-type"]
    assert server.client.head("/api/v1/nothing").status_code == 404
    assert server.client.head("/api/v1/restore").status_code == 405
    assert "Traceback" not in server.log.read_text()


def test_whoever_asks_before_sending_too_much_is_told_not_to(idle: Server) -> None:
    head = "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {}\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n"
    for address, kind, length in (
        ("/api/v1/photos", "multipart/form-data; boundary=b", 99_000_000_000),
        ("/api/v1/photos/query", "application/json", 99_000_000_000),
        ("/api/v1/photos/" + "x" * 32 + "/jobs", "application/json", (1 << 20) + 1),
    ):
        answer = _raw(idle, head.format(address, kind, length).encode())
        assert answer.startswith(b"HTTP/1.1 413 ") and b"100 Continue" not in answer
    small = json.dumps({"ids": []}).encode()
    request = head.format("/api/v1/photos/query", "application/json", len(small)).replace("Expect", "Connection: close\r\nExpect").encode()
    with socket.create_connection(("127.0.0.1", idle.port), timeout=10) as connection:
        connection.sendall(request)
        assert b"100 Continue" in connection.recv(65536)
        connection.sendall(small)
        assert b"200 OK" in connection.recv(65536)


def test_a_job_that_is_sent_again_is_one_job(server: Server) -> None:
    photo, other = (server.upload(encoded("png", seed=seed))["id"] for seed in (1, 2))
    key = new_id()

    def send(photo: str, **options: object) -> httpx.Response:
        return server.client.post(f"/api/v1/photos/{photo}/jobs", json=options, headers={"Idempotency-Key": key})

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: send(photo, clean=0), range(4)))
    assert {answer.status_code for answer in answers} == {202} and {answer.json()["id"] for answer in answers} == {key}
    done = server.done(key)
    again = send(photo, clean=0)
    assert again.status_code == 202 and again.json()["state"] == "done" and again.json()["finished"] == done["finished"]
    assert len(server.client.get(f"/api/v1/photos/{photo}").json()["jobs"]) == 1
    for answer in (send(photo, clean=0.5), send(other, clean=0)):
        assert answer.status_code == 422 and "another job" in answer.json()["detail"]
    short = server.client.post(f"/api/v1/photos/{photo}/jobs", json={}, headers={"Idempotency-Key": "short"})
    assert short.status_code == 422


def test_the_page_comes_compressed_and_once(idle: Server) -> None:
    for address in ("/", "/page/app.js", "/page/app.css"):
        plain = idle.client.get(address, headers={"Accept-Encoding": "identity"})
        raw = _raw(idle, f"GET {address} HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: br, gzip\r\nConnection: close\r\n\r\n".encode())
        head, _, body = raw.partition(b"\r\n\r\n")
        assert b"content-encoding: gzip" in head.lower() and b"vary: accept-encoding" in head.lower()
        assert gzip.decompress(body) == plain.content and len(body) < 0.6 * len(plain.content)
        assert "content-encoding" not in plain.headers and plain.headers["etag"].encode() not in head
        known = idle.client.get(address, headers={"If-None-Match": plain.headers["etag"], "Accept-Encoding": "identity"})
        assert known.status_code == 304 and known.content == b""
    picture = idle.client.get("/page/pictures/sample-before.jpg", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in picture.headers


def test_a_visitor_hears_what_they_can_do_about_the_pixel_limit_and_of_no_setting(make_server: Callable[..., Server]) -> None:
    server = make_server(workers=0, max_megapixels=0.001).start()
    answer = server.client.post("/api/v1/photos", files={"file": ("a.png", encoded("png"))})
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
    assert answer.json()["detail"] == "The file has 0.012288 megapixels; the limit is 0.001. Send a smaller copy."


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"nonsense"])
def test_a_body_that_is_no_json_is_said(idle: Server, body: bytes) -> None:
    photo = idle.upload(encoded("png"))["id"]
    answer = idle.client.post(f"/api/v1/photos/{photo}/jobs", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422 and answer.json()["detail"] == "The body of the request is not JSON."


@pytest.mark.parametrize(("field", "said"), [("colorise", "did you mean 'colorize'?"), ("Nope", "there are: ")])
def test_a_name_that_a_request_may_not_have_is_told_with_those_that_it_may(idle: Server, field: str, said: str) -> None:
    photo = idle.upload(encoded("png"))["id"]
    answer = idle.client.post(f"/api/v1/photos/{photo}/jobs", json={field: True})
    assert answer.status_code == 422 and said in answer.json()["detail"], answer.text
