"""The API, driven from its own OpenAPI document."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.web.conftest import Server

CHECKS = "not_a_server_error,content_type_conformance,response_schema_conformance,status_code_conformance"


def _drive(server: Server, *how: str, seconds: float) -> None:
    """Run schemathesis's command line; fails on any 5xx, and on any answer that the document does not
    describe."""
    command = Path(sys.executable).with_name("schemathesis")
    if not command.is_file():
        pytest.skip("needs schemathesis")
    address = f"{server.url}/api/openapi.json"
    arguments = [str(command), "run", address, "--checks", CHECKS, "--seed", "20261124", "--no-color", "--request-timeout", "60", *how]
    run = subprocess.run(
        arguments, capture_output=True, text=True, timeout=seconds, check=False, cwd=server.folder, env={"PATH": "/usr/bin:/bin"}
    )
    sys.stdout.write(run.stdout)
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:] + server.log.read_text()[-3000:]
    assert server.client.get("/healthz").json()["status"] == "ok"
    assert "Traceback" not in server.log.read_text()


def test_examples_from_the_document_are_answered_as_it_says(make_server: Callable[..., Server]) -> None:
    _drive(make_server().start(), "--phases", "examples", "--workers", "2", seconds=120)


@pytest.mark.long(seconds=240)
def test_whatever_the_document_allows_or_forbids_is_no_5xx(make_server: Callable[..., Server]) -> None:
    how = ("--phases", "examples,coverage,fuzzing,stateful", "--workers", "1", "--max-examples", "40", "--max-time", "240")
    _drive(make_server().start(), *how, seconds=600)
