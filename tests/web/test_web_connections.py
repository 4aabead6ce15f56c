"""Clients that send half a request, or read half an answer, hold up nobody else."""

from __future__ import annotations

import resource
import selectors
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.web.conftest import Server, encoded

HALF_OPEN = 1100


@pytest.fixture
def many_files() -> Iterator[None]:
    """This process may open some 3,000 files; skips where it may not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 3000:
        pytest.skip(f"needs 3,000 file descriptors; the hard limit is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 3000), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class HalfSenders(threading.Thread):
    """Keeps `count` connections open that each sent half of a request's head; opens one again where the
    server ends it."""

    def __init__(self, port: int, count: int, half: bytes) -> None:
        super().__init__(daemon=True)
        self._port, self._count, self._half = port, count, half
        self.over, self.opened = threading.Event(), 0

    def run(self) -> None:
        with selectors.DefaultSelector() as watched:
            while not self.over.is_set():
                for _ in range(min(100 if self.opened < self._count else 10, self._count - len(watched.get_map()))):
                    half_open = socket.socket()
                    try:
                        half_open.settimeout(2)
                        half_open.connect(("127.0.0.1", self._port))
                        half_open.sendall(self._half)
                    except OSError:
                        half_open.close()
                        break
                    half_open.setblocking(False)
                    watched.register(half_open, selectors.EVENT_READ)
                    self.opened += 1
                for key, _ in watched.select(0.05):
                    watched.unregister(key.fileobj)
                    key.fileobj.close()  # type: ignore[union-attr]
            for key in list(watched.get_map().values()):
                key.fileobj.close()  # type: ignore[union-attr]


def _answer_seconds(server: Server, seconds: float) -> list[float]:
    """How long each answer to a new visitor takes, for so long."""
    found, deadline = [], time.monotonic() + seconds
    while time.monotonic() < deadline:
        began = time.perf_counter()
        with httpx.Client(base_url=server.url, trust_env=False, timeout=5) as visitor:
            assert visitor.get("/").status_code == 200
        found.append(time.perf_counter() - began)
        time.sleep(0.1)
    return found


def _besieged(server: Server, seconds: float, half: bytes) -> None:
    before = server.log.stat().st_size
    senders = HalfSenders(server.port, HALF_OPEN, half)
    senders.start()
    time.sleep(2)
    found = _answer_seconds(server, seconds)
    senders.over.set()
    senders.join()
    grown = server.log.stat().st_size - before
    print(
        f"{senders.opened} half-open connections: {len(found)} answers, median {statistics.median(found):.3f} s, "
        f"slowest {max(found):.3f} s, log grew by {grown} bytes"
    )
    assert senders.opened >= HALF_OPEN
    assert max(found) < 4.0  # half a second on a quiet machine; before there were limits, it never came
    assert grown < 100_000
    server.upload(encoded("png"))


@pytest.mark.alone
@pytest.mark.parametrize("half", [b"GET / HT", b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: "], ids=["line", "head"])
def test_half_sent_requests_leave_the_page_to_others(many_files: None, make_server: Callable[..., Server], half: bytes) -> None:
    server = make_server(workers=0, max_files=1024).start()
    _besieged(server, 5, half)


@pytest.mark.alone
def test_half_sent_requests_for_a_minute(many_files: None, make_server: Callable[..., Server], sized: Callable[[int, int], int]) -> None:
    server = make_server(workers=0, max_files=1024).start()
    _besieged(server, sized(60, 12), b"GET / HT")


def _raw(port: int) -> socket.socket:
    connected = socket.create_connection(("127.0.0.1", port), timeout=30)
    return connected


def test_a_head_that_does_not_end_ends_the_connection(make_server: Callable[..., Server]) -> None:
    server = make_server(workers=0).start()
    with _raw(server.port) as slow, _raw(server.port) as second:
        slow.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        second.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /heal")
        began = time.monotonic()
        while slow.recv(65536):
            pass
        assert 5 < time.monotonic() - began < 20
        while second.recv(65536):
            pass
        assert time.monotonic() - began < 45
