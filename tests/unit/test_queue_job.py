"""A job does only what has changed since the last one of its photograph, and what comes out is the same."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("huey", reason="needs the web extra")

from unfade.files import photo
from unfade.models.session import Sessions
from unfade.queue.job import Job
from unfade.queue.options import Options
from unfade.queue.records import JobRecord, PhotoRecord, new_id
from unfade.queue.stages import WholeStages
from unfade.queue.store import Store
from unfade.settings import Settings, open_sessions
from unfade.work import Step, Work


@pytest.fixture
def bench(tmp_path: Path, golden: Path) -> Iterator[tuple[Job, PhotoRecord]]:
    """What does jobs, and a photograph with a blot."""
    store = Store(str(tmp_path / "files"), tmp_path / "scratch")
    rng = np.random.default_rng(1901)
    samples = np.clip(rng.normal(130, 12, (96, 128)), 0, 255).astype(np.uint8)
    samples[40:52, 60:72] = 255
    record = PhotoRecord(
        id=new_id(),
        name="a.png",
        created=0,
        expires=time.time() + 1000,
        width=128,
        height=96,
        bits=8,
        channels=1,
        format="png",
        bytes=1,
        has_color=False,
        has_location=False,
        notes=(),
    )
    store.put(f"photos/{record.id}/original", photo.encode_file(photo.read(samples), "png"))
    with ThreadPoolExecutor(1) as beside, open_sessions(Settings(models=golden, threads=1)) as sessions:
        yield Job(store, sessions, beside, max_megapixels=10), record


def run(job: Job, record: PhotoRecord, **options: Any) -> tuple[str, Any, list[str]]:
    """A job's id, its result, and the steps that ran for it."""
    ran: list[str] = []
    asked = JobRecord(id=new_id(), photo_id=record.id, options=Options(**options), created=time.time())
    made = job.restore(asked, record, lambda step, _: ran.append(step) if step not in ran else None)
    saved = job.save(made, f"photos/{record.id}/jobs/{asked.id}/x", lambda *_: None)
    if saved.mask_id is not None:
        job.keep_stages(made, saved.mask_id)
    return asked.id, made.result, [step for step in ran if step != "saving"]


def test_a_slider_of_color_runs_color_alone(bench: tuple[Job, PhotoRecord]) -> None:
    job, record = bench
    first, _, ran = run(job, record, colorize=True, force=True)
    assert ran == ["frame", "damage", "fill", "clean", "colorize"]
    _, result, ran = run(job, record, mask=first, colorize=True, force=True, saturation=0.5)
    assert ran == ["colorize"]
    assert [step.step for step in result.report.steps] == ["frame", "fill", "clean", "colorize"]
    job.rest()
    _, anew, ran = run(job, record, mask=first, colorize=True, force=True, saturation=0.5)
    assert ran == ["frame", "fill", "clean", "colorize"]
    assert np.array_equal(result.photo.samples, anew.photo.samples)
    assert result.report.pixels_changed == anew.report.pixels_changed


def test_another_mask_begins_anew(bench: tuple[Job, PhotoRecord]) -> None:
    job, record = bench
    first, _, _ = run(job, record)
    _, _, ran = run(job, record, mask=first, keep=(1,))
    assert ran == ["frame", "fill", "clean"]


def test_what_is_kept_at_full_size_is_bounded() -> None:
    class Blank(Step):
        name = "blank"
        label = "Blank"

        def run(self, work: Work, sessions: Sessions, progress: Any) -> Any:
            raise NotImplementedError

    kept = WholeStages(most_bytes=2500)
    works = [Work(photo.read(np.zeros((10, 100), np.uint8))) for _ in range(3)]
    for at, work in enumerate(works):
        kept.put((at,), [Blank()], work)
    assert kept.latest((0,), [Blank()]) is None
    assert kept.latest((1,), [Blank()]) is works[1] and kept.latest((2,), [Blank(), Blank()]) is works[2]
    kept.put((3,), [Blank()], Work(photo.read(np.zeros((100, 100), np.uint8))))
    assert kept.latest((3,), [Blank()]) is None, "one that is too large is not kept"
