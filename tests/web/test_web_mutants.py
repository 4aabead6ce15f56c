"""Damaged files of every kind through the API: taken or refused in words, never a 5xx, and the server
lives."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.mutants import mutants, originals
from tests.web.conftest import Server


def _taken(server: Server, kind: str, number: int, content: bytes) -> bool:
    """Whether the server took the file; an answer that is neither yes nor a reasoned no is a failure."""
    answer = server.client.post("/api/v1/photos", files={"file": (f"m{number}{Path(kind).suffix}", content)})
    assert answer.status_code in (201, 400, 413, 415, 422), (kind, number, answer.status_code, answer.text)
    if answer.status_code != 201:
        assert answer.headers["content-type"] == "application/problem+json" and answer.json()["detail"]
        return False
    address = f"/api/v1/photos/{answer.json()['id']}"
    shown = server.client.get(f"{address}/image")
    assert shown.status_code in (200, 422), (kind, number, shown.status_code, shown.text)
    assert server.client.delete(address).status_code < 300
    return True


@pytest.mark.long
def test_damaged_files_are_taken_or_refused(make_server: Callable[..., Server], sized: Callable[[int, int], int]) -> None:
    server = make_server(max_megapixels=4, workers=0).start(wait_worker=False)

    def each(index: int, kind: str, original: bytes) -> None:
        assert _taken(server, kind, 0, original), kind
        for number, content in enumerate(mutants(original, sized(200, 40), index), 1):
            _taken(server, kind, number, content)

    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(each, index, kind, original) for index, (kind, original) in enumerate(originals().items())]
        for future in futures:
            future.result()
    assert server.client.get("/healthz").status_code in (200, 503)
    assert "Traceback" not in server.log.read_text()
