"""Several results in one zip file: what goes into it, what is left out and why, and the file itself."""

from __future__ import annotations

import asyncio
import json
import time
import zipfile
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from starlette.concurrency import run_in_threadpool

from unfade.errors import UnfadeError
from unfade.files.formats import FORMATS
from unfade.queue.records import JobRecord, PhotoRecord, ResultRecord
from unfade.web.downloads import is_stored, result_name
from unfade.web.problems import Problem, problem_of
from unfade.web.requests import ResultFormat
from unfade.web.responses import LeftOutResponse
from unfade.web.service import Service

RECORDS = "records.json"  # what was done to each photograph, and what is left out
BUSY_TRIES, BUSY_PAUSE_S = 4, 2.0
Item = tuple[JobRecord, PhotoRecord, ResultRecord]


def _left(job_id: str, photo: PhotoRecord | None, problem: Problem) -> LeftOutResponse:
    return LeftOutResponse(job=job_id, name=None if photo is None else photo.name, code=problem.code, why=str(problem))


def gathered(service: Service, job_ids: Sequence[str], format: ResultFormat) -> tuple[list[Item], list[LeftOutResponse]]:
    """What goes into a zip of these jobs, and what is left out: what is gone or not done, and what the format
    cannot hold. Raises the first's problem where nothing goes in."""
    items, left, problems = list[Item](), list[LeftOutResponse](), list[Problem]()
    for job_id in dict.fromkeys(job_ids):
        photo = None
        try:
            photo = service.photo(service.job(job_id).photo_id)
            job, result = service.done_job(job_id)
            _require_fits(result, format)
        except Problem as problem:
            left.append(_left(job_id, photo, problem))
            problems.append(problem)
        else:
            items.append((job, photo, result))
    if not items:
        raise problems[0]
    return items, left


def _require_fits(result: ResultRecord, format: ResultFormat) -> None:
    codec = FORMATS[result.format if format == "same" else format]
    if codec.side_max is not None and max(result.width, result.height) > codec.side_max:
        size = f"{result.width:,} x {result.height:,} pixels"
        raise Problem("unwritable", f"The result has {size}; {codec.title} holds {codec.side_max:,} a side. Choose PNG or TIFF.")


class _Pieces:
    """A file that cannot seek: what is written to it is taken away again."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        return

    def take(self) -> bytes:
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken


@dataclass(frozen=True)
class Zip:
    """A zip of results, all in one format."""

    service: Service
    format: ResultFormat
    quality: int | None
    drop_location: bool

    async def pieces(self, items: Sequence[Item], left: Sequence[LeftOutResponse]) -> AsyncIterator[bytes]:
        """The file, piece by piece; pictures are compressed already, so they are stored.

        What is gone by then or cannot be written is left out, too: the status was sent long ago. What was
        done to all of them is one file, by their names; `left_out` in it says what is missing, and why.
        """
        out, taken, records, missing = _Pieces(), {RECORDS}, dict[str, Any](), list(left)
        with zipfile.ZipFile(cast(Any, out), "w", zipfile.ZIP_STORED) as archive:
            for job, photo, result in items:
                with ExitStack() as stack:
                    try:
                        file, made = await self._file(job, photo, result, stack)
                        record = await run_in_threadpool(self.service.store.read, f"{result.folder}/record.json")
                        source = stack.enter_context(file.open("rb"))
                    except (OSError, UnfadeError, Problem) as error:
                        missing.append(_left(job.id, photo, _why(error)))
                        continue
                    name = _free_name(result_name(photo, made), taken)
                    moment = time.localtime(job.finished)[:6]
                    with archive.open(zipfile.ZipInfo(name, cast(Any, moment)), "w", force_zip64=True) as member:
                        while piece := await run_in_threadpool(source.read, 1 << 20):
                            member.write(piece)
                            yield out.take()
                    records[name] = json.loads(record)
            if missing:
                records["left_out"] = [one.model_dump() for one in missing]
            text = json.dumps(records, indent=2, ensure_ascii=False)
            archive.writestr(zipfile.ZipInfo(RECORDS, cast(Any, time.localtime()[:6])), text)
        yield out.take()

    async def _file(self, job: JobRecord, photo: PhotoRecord, result: ResultRecord, stack: ExitStack) -> tuple[Path, str]:
        """A result as a file that lasts as long as `stack`, and its format. A busy server is waited for."""
        if is_stored(photo, result, self.format, self.quality, self.drop_location):
            stored = self.service.store.local(f"{result.folder}/result")
            return await run_in_threadpool(stack.enter_context, stored), result.format
        for tries_left in reversed(range(BUSY_TRIES)):
            try:
                file, exported = await self.service.exported(
                    job, result, format=self.format, quality=self.quality, drop_location=self.drop_location, stack=stack
                )
                return file, exported["format"]
            except Problem as problem:
                if problem.code != "busy" or not tries_left:
                    raise
            await asyncio.sleep(BUSY_PAUSE_S)
        raise AssertionError("the last try returns or raises")


def _why(error: Exception) -> Problem:
    gone = Problem("not-found", "The result was deleted or has expired.")
    return gone if isinstance(error, FileNotFoundError) else problem_of(error)


def _free_name(name: str, taken: set[str]) -> str:
    """The name, numbered if another file in the zip has it (in small letters: not all systems tell them
    apart).
    """
    path, number, free = Path(name), 1, name
    while free.lower() in taken:
        number += 1
        free = f"{path.stem}-{number}{path.suffix}"
    taken.add(free.lower())
    return free
