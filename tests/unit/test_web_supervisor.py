"""Worker processes that die or cannot be started are followed by others."""

from __future__ import annotations

import errno
import subprocess
import sys
import time
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="needs the web extra")

from unfade.web import supervisor  # after the check for the extra


@pytest.mark.parametrize("code", [errno.EAGAIN, errno.ENOMEM, errno.EMFILE])
def test_a_worker_that_cannot_be_started_once_is_started_later(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    started, tried = subprocess.Popen, []

    def fails_at_first(*given: Any, **how: Any) -> subprocess.Popen[bytes]:
        tried.append(time.monotonic())
        if len(tried) == 1:
            raise OSError(code, "not now")
        return started((sys.executable, "-c", "import sys; sys.stdin.read()"), **how)

    monkeypatch.setattr(supervisor.subprocess, "Popen", fails_at_first)
    watched = supervisor.Supervisor(1, grace_s=0.1)
    watched.start()
    deadline = time.monotonic() + 10
    while watched._places[0].process is None and time.monotonic() < deadline:
        time.sleep(0.02)
    place = watched._places[0]
    assert place.process is not None and place.process.poll() is None
    watched.stop()
    assert len(tried) == 2 and tried[1] - tried[0] >= 0.9  # not at once: what is short is short a moment later, too
    assert place.process.returncode is not None
