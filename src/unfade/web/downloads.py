"""What is saved on the visitor's own disk: originals, and results in any format."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

from fastapi import Response
from fastapi.responses import FileResponse, StreamingResponse
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool

from unfade.files.formats import FORMATS
from unfade.queue.records import JobRecord, PhotoRecord, ResultRecord
from unfade.web.problems import not_found
from unfade.web.requests import Location, ResultFormat
from unfade.web.service import Service


def size_of(service: Service, path: str) -> int:
    """A file's size. Raises a 404 where it was deleted a moment ago."""
    try:
        return service.store.size(path)
    except FileNotFoundError:
        raise not_found("file") from None


def attachment(name: str) -> dict[str, str]:
    """A header that makes a browser save, not show.

    The name goes in twice: for old clients in ASCII, and whole (RFC 6266).
    """
    plain = "".join(letter if letter.isascii() and (letter.isalnum() or letter in " ._-()") else "_" for letter in name)
    return {"Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"}


async def result_response(
    service: Service, job: JobRecord, photo: PhotoRecord, result: ResultRecord, format: ResultFormat, quality: int | None, drop: bool
) -> Response:
    """A job's result as a file to save."""
    try:
        if is_stored(photo, result, format, quality, drop):
            path = f"{result.folder}/result"
            size = await run_in_threadpool(size_of, service, path)
            headers = attachment(result_name(photo, result.format)) | _said(photo, result) | {"Content-Length": str(size)}
            return StreamingResponse(service.store.chunks(path), media_type=FORMATS[result.format].media_type, headers=headers)
        with ExitStack() as stack:
            file, exported = await service.exported(job, result, format=format, quality=quality, drop_location=drop, stack=stack)
            kept = stack.pop_all()
    except FileNotFoundError:
        raise not_found("result") from None
    headers = attachment(result_name(photo, exported["format"])) | _said(photo, result)
    if exported["losses"]:
        headers["X-Unfade-Losses"] = _line(exported["losses"])
    return FileResponse(file, media_type=FORMATS[exported["format"]].media_type, headers=headers, background=BackgroundTask(kept.close))


def _said(photo: PhotoRecord, result: ResultRecord) -> dict[str, str]:
    """A header with what reading and each step noticed, for scripts that never open a record."""
    notes = tuple(dict.fromkeys((*photo.notes, *result.notes)))
    return {"X-Unfade-Notes": _line(notes)} if notes else {}


def _line(sentences: Sequence[str]) -> str:
    """Sentences as a header's value: ASCII, one line, and bounded, as many servers refuse more than 8 kB."""
    return " | ".join(" ".join(one.split()) for one in sentences).encode("ascii", "replace").decode()[:4000]


def is_stored(photo: PhotoRecord, result: ResultRecord, format: str, quality: int | None, drop: bool) -> bool:
    """Whether the result lies there as it is asked for."""
    return format in ("same", result.format) and quality is None and not (drop and photo.has_location)


def result_name(photo: PhotoRecord, format: str) -> str:
    """A result's file name: the photograph's, and that it was restored."""
    own, extensions = Path(photo.name).suffix, FORMATS[format].extensions
    extension = own if photo.format == format and own.lower() in extensions else extensions[0]
    return f"{Path(photo.name).stem or 'photograph'}.restored{extension}"


def drops(service: Service, location: Location | None) -> bool:
    """Whether GPS data is to be left out: as the request says, else as the server's settings do."""
    return service.settings.drop_location if location is None else location == "drop"
