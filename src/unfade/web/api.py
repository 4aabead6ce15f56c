"""/api/v1: one function per request. A script can do all that the page does."""

from __future__ import annotations

import asyncio
import json
import time
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import ExitStack, aclosing
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast
from urllib.parse import quote

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import FileResponse, StreamingResponse
from pydantic import BaseModel, ValidationError
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile

from unfade.files.formats import FORMATS
from unfade.web import darkroom, objects, views
from unfade.web.answers import (
    FoundAnswer,
    JobAnswer,
    MaskAnswer,
    ModelAnswer,
    ObjectsAnswer,
    PhotoAnswer,
    PhotosAnswer,
    SessionAnswer,
    SettingsAnswer,
    TilesAnswer,
    mask_answer,
)
from unfade.web.guard import COOKIE
from unfade.web.ledger import OVER, JobRecord, MaskRecord, PhotoRecord, ResultRecord
from unfade.web.options import (
    RESULT_FORMATS,
    Id,
    Location,
    MaskDrawing,
    MaskEdit,
    Options,
    PhotoQuery,
    PreviewOptions,
    ResultFormat,
    SignIn,
)
from unfade.web.problems import Problem, described, not_found, sentence
from unfade.web.service import Service

EVENTS_S = 0.3
MAX_STREAMED = 200
PREVIEW_TIMEOUT_S = 30.0
_COOKIE_DAYS = 30
_IMMUTABLE = {"Cache-Control": "private, max-age=86400, immutable"}


def _service(request: Request) -> Service:
    return cast(Service, request.app.state.service)


S = Annotated[Service, Depends(_service)]
Quality = Annotated[int | None, Query(ge=0, le=100, description="Of lossy formats.")]
Side = Annotated[int, Query(ge=1, le=100_000, description="The longer side, in pixels, that is wanted at least.")]
UploadKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern='^"?[A-Za-z0-9_-]{32}"?$',
        description="A word of chance, one for each upload; it becomes the photograph's id. Sent twice, it is still one photograph.",
    ),
]
JobIds = Annotated[
    str, Query(pattern="^[A-Za-z0-9_-]{32}(,[A-Za-z0-9_-]{32})*$", max_length=33 * MAX_STREAMED, description="With commas between.")
]


def _binary(*media_types: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in media_types}}}


def _form(fields: dict[str, Any], required: Sequence[str]) -> dict[str, Any]:
    schema = {"type": "object", "properties": fields, "required": list(required)}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


_RECORD: dict[int | str, dict[str, Any]] = {200: {"content": {"application/json": {"schema": {"type": "object"}}}}}
_FILE = {"type": "string", "format": "binary"}
Answer = TypeVar("Answer")
_PICTURES = tuple(codec.media_type for codec in FORMATS.values())
_COMMON = ("token-needed", "not-found", "invalid")
_CHANGES = (*_COMMON, "bad-request", "cross-origin", "rate", "too-large", "too-slow", "disk-full")

router = APIRouter(prefix="/api/v1")


# --- session and settings ---------------------------------------------------------------------------------------------------------------


@router.get("/session", tags=["session"])
def get_session(request: Request, service: S) -> SessionAnswer:
    """Whether the server wants its token, and has it."""
    return SessionAnswer(token_needed=service.rules.token is not None, signed_in=service.rules.knows(request.headers))


@router.post(
    "/session",
    tags=["session"],
    status_code=204,
    responses=described("token-needed", "cross-origin", "bad-request", "invalid", "rate", "too-large", "too-slow"),
)
def post_session(body: SignIn, request: Request, service: S) -> Response:
    """Show the token; a cookie is set that stands for it."""
    response = Response(status_code=204)
    if service.rules.token is not None:
        if not service.rules.is_token(body.token):
            raise Problem("token-needed", "That is not this server's token.")
        response.set_cookie(
            COOKIE,
            service.rules.cookie(),
            max_age=_COOKIE_DAYS * 86400,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
    return response


@router.delete("/session", tags=["session"], status_code=204)
def delete_session() -> Response:
    """Forget the cookie."""
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return response


@router.get("/settings", tags=["session"], responses=described("token-needed"))
def get_settings(service: S) -> SettingsAnswer:
    """The limits of this server, and what it can do."""
    settings = service.settings
    models = {
        task: ModelAnswer(name=service.models[task][0], version=service.models[task][1]) if task in service.models else None
        for task in ("damage", "fill", "tone", "clean", "colorize")
    }
    return SettingsAnswer(
        version=version("unfade"),
        max_upload_bytes=service.rules.max_upload_bytes,
        max_megapixels=settings.max_megapixels,
        max_queue=settings.max_queue,
        keep_hours=settings.keep_hours,
        drop_location=settings.drop_location,
        formats=[format for format in RESULT_FORMATS if format != "same"],
        reads=list(FORMATS),
        models=models,
        defaults=Options(),
    )


# --- photographs ------------------------------------------------------------------------------------------------------------------------


async def _form_of(request: Request, *, max_files: int) -> FormData:
    """The request's form. Raises a 400 for one that is none; what the guard raises while it comes in passes."""
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise Problem("bad-request", "Send the photograph as multipart/form-data, in a field called file.")
    return await request.form(max_files=max_files, max_fields=30)


def _file_of(form: FormData, field: str) -> UploadFile:
    file = form.get(field)
    if not isinstance(file, UploadFile):
        raise Problem("invalid", f"The form has no file in a field called {field}.")
    return file


@router.post(
    "/photos",
    tags=["photographs"],
    status_code=201,
    responses=described(*_CHANGES, "not-a-photograph", "unreadable", "busy"),
    openapi_extra=_form({"file": _FILE}, ["file"]),
)
async def post_photo(request: Request, response: Response, service: S, key: UploadKey = None) -> PhotoAnswer:
    """Upload a photograph. The answer comes once it has been decoded."""
    async with aclosing(_Closing(await _form_of(request, max_files=1))) as closing:
        file = _file_of(closing.form, "file")
        photo = await (service.take_in(file) if key is None else service.take_in_once(file, key.strip('"')))
    response.headers["Location"] = f"/api/v1/photos/{photo.id}"
    return service.answer_photo(photo)


class _Closing:
    """A form whose temporary files are closed with it."""

    def __init__(self, form: FormData) -> None:
        self.form = form

    async def aclose(self) -> None:
        await self.form.close()


@router.get("/photos/{photo_id}", tags=["photographs"], responses=described(*_COMMON))
def get_photo(photo_id: Id, service: S) -> PhotoAnswer:
    """A photograph, its jobs and its masks."""
    return service.answer_photo(service.photo(photo_id))


@router.post("/photos/query", tags=["photographs"], responses=described(*_CHANGES))
def query_photos(body: PhotoQuery, service: S) -> PhotosAnswer:
    """Those of these photographs that there still are."""
    found = (service.ledger.photo(photo_id) for photo_id in dict.fromkeys(body.ids))
    return PhotosAnswer(photos=[service.answer_photo(photo) for photo in found if photo is not None])


@router.delete("/photos/{photo_id}", tags=["photographs"], status_code=204, responses=described(*_CHANGES))
def delete_photo(photo_id: Id, service: S) -> Response:
    """Delete a photograph, its jobs, masks and results, at once."""
    if not service.remove_photo(photo_id):
        raise not_found("photograph")
    return Response(status_code=204)


@router.get(
    "/photos/{photo_id}/original", tags=["photographs"], response_class=Response, responses=_binary(*_PICTURES) | described(*_COMMON)
)
def get_original(photo_id: Id, service: S) -> StreamingResponse:
    """The very bytes that were uploaded."""
    photo = service.photo(photo_id)
    path = f"photos/{photo.id}/original"
    headers = _attachment(photo.name) | {"Content-Length": str(_size(service, path))}
    return StreamingResponse(service.store.chunks(path), media_type=FORMATS[photo.format].media_type, headers=headers)


def _size(service: Service, path: str) -> int:
    """A file's size. Raises a 404 where it was deleted a moment ago."""
    try:
        return service.store.size(path)
    except FileNotFoundError:
        raise not_found("file") from None


def _attachment(name: str) -> dict[str, str]:
    """A header that makes a browser save, not show. The name goes in twice: for old clients in ASCII, and whole (RFC 6266)."""
    plain = "".join(letter if letter.isascii() and (letter.isalnum() or letter in " ._-()") else "_" for letter in name)
    return {"Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"}


# --- pictures for the browser -----------------------------------------------------------------------------------------------------------


async def _view_of(service: Service, *, photo_id: str | None = None, job_id: str | None = None) -> tuple[str, views.Index]:
    """The path of the view of a photograph or of a job's result, and its index."""
    try:
        if photo_id is not None:
            photo = await run_in_threadpool(service.photo, photo_id)
            path = f"photos/{photo.id}/view"
            return path, await service.view(path, source=None)
        assert job_id is not None
        _, result = await run_in_threadpool(service.done_job, job_id)
        path = f"{result.folder}/view"
        return path, await service.view(path, source=f"{result.folder}/result")
    except FileNotFoundError:
        raise not_found("picture") from None


async def _image(service: Service, side_px: int, **thing: str) -> Response:
    path, index = await _view_of(service, **thing)
    return await _part(service, path, index, views.fit_name(index, side_px))


async def _part(service: Service, path: str, index: views.Index, name: str) -> Response:
    try:
        data = await service.view_part(path, index, name)
    except FileNotFoundError:
        raise not_found("picture") from None
    return Response(data, media_type="image/jpeg", headers=_IMMUTABLE)


async def _tiles(service: Service, address: str, **thing: str) -> TilesAnswer:
    _, index = await _view_of(service, **thing)
    return TilesAnswer(
        width=index.width,
        height=index.height,
        tile_px=views.TILE_PX,
        min_level=index.min_level,
        max_level=index.max_level,
        url=f"{address}/tiles/{{level}}/{{column}}/{{row}}",
    )


async def _tile(service: Service, level: int, column: int, row: int, **thing: str) -> Response:
    path, index = await _view_of(service, **thing)
    return await _part(service, path, index, f"{level}/{column}/{row}")


_JPEG = _binary("image/jpeg")
_OF_JOB = (*_COMMON, "not-ready", "job-failed")


@router.get("/photos/{photo_id}/image", tags=["pictures"], response_class=Response, responses=_JPEG | described(*_COMMON))
async def get_photo_image(photo_id: Id, service: S, side_px: Side = 1024) -> Response:
    """The photograph as a browser can show it, whole: JPEG, sRGB, upright; of 256, 512, 1024 or 2048 pixels."""
    return await _image(service, side_px, photo_id=photo_id)


@router.get("/photos/{photo_id}/tiles", tags=["pictures"], responses=described(*_COMMON))
async def get_photo_tiles(photo_id: Id, service: S) -> TilesAnswer:
    """How the photograph is cut into tiles."""
    return await _tiles(service, f"/api/v1/photos/{photo_id}", photo_id=photo_id)


@router.get(
    "/photos/{photo_id}/tiles/{level}/{column}/{row}", tags=["pictures"], response_class=Response, responses=_JPEG | described(*_COMMON)
)
async def get_photo_tile(photo_id: Id, level: int, column: int, row: int, service: S) -> Response:
    """One tile of the photograph."""
    return await _tile(service, level, column, row, photo_id=photo_id)


@router.get("/jobs/{job_id}/image", tags=["pictures"], response_class=Response, responses=_JPEG | described(*_OF_JOB))
async def get_job_image(job_id: Id, service: S, side_px: Side = 1024) -> Response:
    """A job's result as a browser can show it, whole."""
    return await _image(service, side_px, job_id=job_id)


@router.get("/jobs/{job_id}/tiles", tags=["pictures"], responses=described(*_OF_JOB))
async def get_job_tiles(job_id: Id, service: S) -> TilesAnswer:
    """How a job's result is cut into tiles."""
    return await _tiles(service, f"/api/v1/jobs/{job_id}", job_id=job_id)


@router.get(
    "/jobs/{job_id}/tiles/{level}/{column}/{row}", tags=["pictures"], response_class=Response, responses=_JPEG | described(*_OF_JOB)
)
async def get_job_tile(job_id: Id, level: int, column: int, row: int, service: S) -> Response:
    """One tile of a job's result."""
    return await _tile(service, level, column, row, job_id=job_id)


# --- jobs -------------------------------------------------------------------------------------------------------------------------------


@router.post("/photos/{photo_id}/jobs", tags=["jobs"], status_code=202, responses=described(*_CHANGES, "queue-full"))
def post_job(photo_id: Id, body: Options, response: Response, service: S) -> JobAnswer:
    """Have a photograph restored, colored, or both."""
    job = service.submit(service.photo(photo_id), body)
    response.headers["Location"] = f"/api/v1/jobs/{job.id}"
    return service.answer_job(job)


@router.get("/jobs/{job_id}", tags=["jobs"], responses=described(*_COMMON))
def get_job(job_id: Id, service: S) -> JobAnswer:
    """A job, and how far it has come."""
    return service.answer_job(service.job(job_id))


@router.delete("/jobs/{job_id}", tags=["jobs"], status_code=204, responses=described(*_CHANGES))
def delete_job(job_id: Id, service: S) -> Response:
    """Stop a job, if it is not done, and delete what came of it. Its mask stays until the photograph goes."""
    job = service.job(job_id)
    service.ledger.remove_job(job.id)
    service.store.remove(f"photos/{job.photo_id}/jobs/{job.id}")
    return Response(status_code=204)


async def _events(service: Service, job_ids: Sequence[str]) -> AsyncIterator[ServerSentEvent]:
    """What is new of these jobs, until all are over."""
    said: dict[str, str | None] = {}

    def look() -> dict[str, str | None]:
        jobs = {job_id: service.ledger.job(job_id) for job_id in job_ids if said.get(job_id, "") is not None}
        over.update(job_id for job_id, job in jobs.items() if job is None or job.state in OVER)
        return {job_id: None if job is None else service.answer_job(job).model_dump_json() for job_id, job in jobs.items()}

    over: set[str] = set()
    while True:
        for job_id, state in (await run_in_threadpool(look)).items():
            if state is None:
                yield ServerSentEvent(json.dumps({"id": job_id}), event="gone")
            elif state != said.get(job_id, ""):
                yield ServerSentEvent(state, event="job")
            said[job_id] = state
        if len(over) == len(set(job_ids)):
            yield ServerSentEvent("{}", event="end")
            return
        await asyncio.sleep(EVENTS_S)


_STREAM: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {}}}}


@router.get("/jobs/{job_id}/events", tags=["jobs"], response_class=Response, responses=_STREAM | described(*_COMMON))
def get_job_events(job_id: Id, service: S) -> EventSourceResponse:
    """Server-sent events: the job at once and at each change (`job`), then `end`."""
    return EventSourceResponse(_events(service, [service.job(job_id).id]))


@router.get("/events", tags=["jobs"], response_class=Response, responses=_STREAM | described("token-needed", "invalid"))
def get_events(jobs: JobIds, service: S) -> EventSourceResponse:
    """Server-sent events of many jobs in one stream; for those that are not there, `gone`."""
    return EventSourceResponse(_events(service, list(dict.fromkeys(jobs.split(",")))))


async def _result_response(
    service: Service, job: JobRecord, photo: PhotoRecord, result: ResultRecord, format: ResultFormat, quality: int | None, drop: bool
) -> Response:
    """A job's result as a file to save."""
    try:
        if _is_stored(photo, result, format, quality, drop):
            path = f"{result.folder}/result"
            size = await run_in_threadpool(_size, service, path)
            headers = _attachment(_result_name(photo, result.format)) | {"Content-Length": str(size)}
            return StreamingResponse(service.store.chunks(path), media_type=FORMATS[result.format].media_type, headers=headers)
        with ExitStack() as stack:
            file, exported = await service.exported(job, result, format=format, quality=quality, drop_location=drop, stack=stack)
            kept = stack.pop_all()
    except FileNotFoundError:
        raise not_found("result") from None
    headers = _attachment(_result_name(photo, exported["format"]))
    if exported["losses"]:
        headers["X-Unfade-Losses"] = " | ".join(exported["losses"]).encode("ascii", "replace").decode()
    return FileResponse(file, media_type=FORMATS[exported["format"]].media_type, headers=headers, background=BackgroundTask(kept.close))


def _is_stored(photo: PhotoRecord, result: ResultRecord, format: str, quality: int | None, drop: bool) -> bool:
    """Whether the result lies there as it is asked for."""
    return format in ("same", result.format) and quality is None and not (drop and photo.has_location)


def _result_name(photo: PhotoRecord, format: str) -> str:
    own, extensions = Path(photo.name).suffix, FORMATS[format].extensions
    extension = own if photo.format == format and own.lower() in extensions else extensions[0]
    return f"{Path(photo.name).stem or 'photograph'}.restored{extension}"


def _drops(service: Service, location: Location | None) -> bool:
    return service.settings.drop_location if location is None else location == "drop"


@router.get(
    "/jobs/{job_id}/result",
    tags=["jobs"],
    response_class=Response,
    responses=_binary(*_PICTURES) | described(*_OF_JOB, "unwritable", "busy"),
)
async def get_result(
    job_id: Id, service: S, format: ResultFormat = "same", quality: Quality = None, location: Location | None = None
) -> Response:
    """What came out, in the format that came in (`same`) or another. What a format cannot hold, X-Unfade-Losses says."""
    job, result = await run_in_threadpool(service.done_job, job_id)
    photo = await run_in_threadpool(service.photo, job.photo_id)
    return await _result_response(service, job, photo, result, format, quality, _drops(service, location))


@router.get("/jobs/{job_id}/mask", tags=["jobs"], response_class=Response, responses=_binary("image/png") | described(*_OF_JOB))
def get_job_mask(job_id: Id, service: S) -> Response:
    """The damage that was found, or the mask that was given: PNG, white = lost."""
    job, _ = service.done_job(job_id)
    if job.mask_id is None:
        raise not_found("mask")
    return _mask_file(service, job.photo_id, job.mask_id)


@router.get("/jobs/{job_id}/record", tags=["jobs"], response_class=Response, responses=_RECORD | described(*_OF_JOB))
def get_record(job_id: Id, service: S) -> Response:
    """What was done: steps, models, strengths, how many pixels changed."""
    job, result = service.done_job(job_id)
    try:
        data = service.store.read(f"{result.folder}/record.json")
    except FileNotFoundError:
        raise not_found("record") from None
    name = f"{Path(service.photo(job.photo_id).name).stem}.restored.json"
    return Response(data, media_type="application/json", headers=_attachment(name))


# --- several at once --------------------------------------------------------------------------------------------------------------------


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


async def _zip(
    service: Service, jobs: Sequence[tuple[JobRecord, PhotoRecord, ResultRecord]], format: ResultFormat, quality: int | None, drop: bool
) -> AsyncIterator[bytes]:
    """A zip file, piece by piece; pictures are compressed already, so they are stored. One that was deleted meanwhile is left out."""
    out, taken = _Pieces(), set[str]()
    with zipfile.ZipFile(cast(Any, out), "w", zipfile.ZIP_STORED) as archive:
        for job, photo, result in jobs:
            with ExitStack() as stack:
                try:
                    if _is_stored(photo, result, format, quality, drop):
                        made = result.format
                        file = await run_in_threadpool(stack.enter_context, service.store.local(f"{result.folder}/result"))
                    else:
                        file, exported = await service.exported(
                            job, result, format=format, quality=quality, drop_location=drop, stack=stack
                        )
                        made = exported["format"]
                    record = await run_in_threadpool(service.store.read, f"{result.folder}/record.json")
                    source = stack.enter_context(file.open("rb"))
                except FileNotFoundError:
                    continue
                name = _free_name(_result_name(photo, made), taken)
                moment = time.localtime(job.finished)[:6]
                with archive.open(zipfile.ZipInfo(name, cast(Any, moment)), "w", force_zip64=True) as member:
                    while piece := await run_in_threadpool(source.read, 1 << 20):
                        member.write(piece)
                        yield out.take()
                archive.writestr(zipfile.ZipInfo(f"{name}.json", cast(Any, moment)), record)
                yield out.take()
    yield out.take()


def _free_name(name: str, taken: set[str]) -> str:
    """The name, numbered if another file in the zip has it (in small letters: not all systems tell them apart)."""
    path, number, free = Path(name), 1, name
    while free.lower() in taken:
        number += 1
        free = f"{path.stem}-{number}{path.suffix}"
    taken.add(free.lower())
    return free


@router.get("/zip", tags=["jobs"], response_class=Response, responses=_binary("application/zip") | described(*_OF_JOB))
def get_zip(
    jobs: JobIds, service: S, format: ResultFormat = "same", quality: Quality = None, location: Location | None = None
) -> StreamingResponse:
    """The results of several jobs, and their records, in one file."""
    wanted = [service.done_job(job_id) for job_id in dict.fromkeys(jobs.split(","))]
    found = [(job, service.photo(job.photo_id), result) for job, result in wanted]
    pieces = _zip(service, found, format, quality, _drops(service, location))
    return StreamingResponse(pieces, media_type="application/zip", headers=_attachment("unfade.zip"))


# --- previews ---------------------------------------------------------------------------------------------------------------------------


@router.post(
    "/photos/{photo_id}/preview",
    tags=["jobs"],
    response_class=Response,
    responses=_JPEG | described(*_CHANGES, "superseded", "job-failed", "queue-full", "busy"),
)
async def post_preview(photo_id: Id, body: PreviewOptions, service: S) -> Response:
    """The whole photograph, small, as these options would make it: an answer in about a second, beside the queue."""
    options = Options.model_validate(body.model_dump(exclude={"side_px"}))
    photo = await run_in_threadpool(service.photo, photo_id)
    job = await run_in_threadpool(service.submit, photo, options, "preview", body.side_px)
    path = f"photos/{photo.id}/previews/{job.id}.jpg"
    try:
        ended = await service.ended(job.id, timeout_s=PREVIEW_TIMEOUT_S, poll_s=0.03)
        if ended is None or ended.state == "failed":
            await run_in_threadpool(service.photo, photo_id)  # a 404 if that is why
        if ended is None:
            raise Problem("busy", "The preview took too long; try again in a moment.", retry_after_s=5)
        if ended.state == "cancelled":
            raise Problem("superseded", "A newer preview of this photograph was asked for.")
        if ended.state == "failed":
            raise Problem("job-failed", ended.error or "The preview failed.")
        try:
            data = await run_in_threadpool(service.store.read, path)
        except FileNotFoundError:
            raise not_found("photograph") from None
        return Response(data, media_type="image/jpeg")
    finally:
        await asyncio.shield(run_in_threadpool(_forget_preview, service, job.id, path))


def _forget_preview(service: Service, job_id: str, path: str) -> None:
    service.ledger.remove_job(job_id)
    service.store.remove(path)


# --- masks ------------------------------------------------------------------------------------------------------------------------------


@router.post(
    "/photos/{photo_id}/masks",
    tags=["masks"],
    status_code=201,
    responses=described(*_CHANGES, "not-a-photograph", "unreadable", "busy"),
    openapi_extra={"requestBody": {"required": True, "content": {"image/png": {"schema": _FILE}}}},
)
async def post_mask(photo_id: Id, request: Request, service: S, scale: bool = False) -> MaskAnswer:
    """Upload a mask: a PNG of the photograph's size, light = lost. With `scale`, one of another size and the same shape is enlarged."""
    photo = await run_in_threadpool(service.photo, photo_id)
    with service.store.workspace() as folder:
        upload = folder / "upload"
        with upload.open("wb") as out:
            async for piece in request.stream():
                await run_in_threadpool(out.write, piece)
        mask = await _take_mask(service, photo, upload, scale=scale)
    return mask_answer(mask)


async def _take_mask(service: Service, photo: PhotoRecord, upload: Path, *, scale: bool) -> MaskRecord:
    def make(target: Path, facts: Path) -> Awaitable[Any]:
        return service.darkroom.run(
            darkroom.take_mask,
            source=str(upload),
            target=str(target),
            facts=str(facts),
            width=photo.width,
            height=photo.height,
            scale=scale,
            max_megapixels=service.settings.max_megapixels,
        )

    return await service.keep_mask(photo, make)


def _mask_file(service: Service, photo_id: str, mask_id: str) -> Response:
    try:
        data = service.store.read(f"photos/{photo_id}/masks/{mask_id}.png")
    except FileNotFoundError:
        raise not_found("mask") from None
    return Response(data, media_type="image/png", headers=_IMMUTABLE)


@router.get(
    "/photos/{photo_id}/masks/{mask_id}",
    tags=["masks"],
    response_class=Response,
    responses=_binary("image/png") | described(*_COMMON, "busy"),
)
async def get_mask(
    photo_id: Id,
    mask_id: Id,
    service: S,
    side_px: Annotated[int | None, Query(ge=1, le=100_000)] = None,
    overlay: Annotated[str | None, Query(pattern="^[0-9a-fA-F]{6}$", description="This color where lost, transparent elsewhere.")] = None,
) -> Response:
    """A mask as PNG, white = lost; smaller, or as a colored overlay, if asked."""
    await run_in_threadpool(service.mask, photo_id, mask_id)
    if side_px is None and overlay is None:
        return await run_in_threadpool(_mask_file, service, photo_id, mask_id)

    def run(source: Path, folder: Path) -> Awaitable[Any]:
        return service.darkroom.run(darkroom.show_mask, source=str(source), target=str(folder / "shown"), side_px=side_px, overlay=overlay)

    return await _of_mask(service, photo_id, mask_id, run, lambda _, folder: _png(folder / "shown"))


def _png(file: Path) -> Response:
    return Response(file.read_bytes(), media_type="image/png", headers=_IMMUTABLE)


async def _of_mask(
    service: Service, photo_id: str, mask_id: str, run: Callable[[Path, Path], Awaitable[Any]], answer: Callable[[Any, Path], Answer]
) -> Answer:
    with ExitStack() as stack:
        folder = stack.enter_context(service.store.workspace())
        try:
            source = await run_in_threadpool(stack.enter_context, service.store.local(f"photos/{photo_id}/masks/{mask_id}.png"))
            if not await run_in_threadpool(source.is_file):
                raise FileNotFoundError
        except FileNotFoundError:
            raise not_found("mask") from None
        return answer(await run(source, folder), folder)


@router.get("/photos/{photo_id}/masks/{mask_id}/objects", tags=["masks"], responses=described(*_COMMON))
def get_objects(
    photo_id: Id, mask_id: Id, service: S, limit: Annotated[int, Query(ge=1, le=objects.MAX_OBJECTS)] = objects.MAX_OBJECTS
) -> ObjectsAnswer:
    """A mask's pieces, largest first: each can be kept as it is."""
    service.mask(photo_id, mask_id)
    try:
        found = json.loads(service.store.read(f"photos/{photo_id}/masks/{mask_id}.json"))
    except FileNotFoundError:
        raise not_found("mask") from None
    return ObjectsAnswer.model_validate({"mask_id": mask_id, "total": found["total"], "objects": found["objects"][:limit]})


@router.get("/photos/{photo_id}/masks/{mask_id}/at", tags=["masks"], responses=described(*_COMMON, "busy"))
async def get_object_at(
    photo_id: Id,
    mask_id: Id,
    x: Annotated[float, Query(ge=0, le=1e6)],
    y: Annotated[float, Query(ge=0, le=1e6)],
    service: S,
    radius_px: Annotated[float, Query(ge=0, le=500)] = 0,
) -> FoundAnswer:
    """The piece of damage at a place of the photograph, or no further from it than `radius_px`."""
    await run_in_threadpool(service.mask, photo_id, mask_id)

    def run(source: Path, folder: Path) -> Awaitable[Any]:
        return service.darkroom.run(darkroom.find_piece, source=str(source), x=x, y=y, radius_px=radius_px)

    return await _of_mask(service, photo_id, mask_id, run, lambda found, _: FoundAnswer(object=found["object"]))


@router.post("/photos/{photo_id}/masks/{mask_id}/edits", tags=["masks"], status_code=201, responses=described(*_CHANGES, "busy"))
async def post_mask_edit(photo_id: Id, mask_id: Id, body: MaskEdit, service: S) -> MaskAnswer:
    """A new mask: this one without some of its pieces, and with brush strokes over it."""
    photo = await run_in_threadpool(service.photo, photo_id)
    await run_in_threadpool(service.mask, photo_id, mask_id)

    def run(source: Path, _: Path) -> Awaitable[MaskRecord]:
        def make(target: Path, facts: Path) -> Awaitable[Any]:
            return service.darkroom.run(
                darkroom.edit_mask,
                source=str(source),
                target=str(target),
                facts=str(facts),
                remove=list(body.remove),
                largest_px=body.largest_dust_px,
                strokes=_strokes_of(body),
            )

        return service.keep_mask(photo, make)

    return await _of_mask(service, photo_id, mask_id, run, lambda mask, _: mask_answer(mask))


@router.post("/photos/{photo_id}/masks/edits", tags=["masks"], status_code=201, responses=described(*_CHANGES, "busy"))
async def post_mask_drawing(photo_id: Id, body: MaskDrawing, service: S) -> MaskAnswer:
    """A mask of the photograph's size, of brush strokes alone."""
    photo = await run_in_threadpool(service.photo, photo_id)

    def make(target: Path, facts: Path) -> Awaitable[Any]:
        return service.darkroom.run(
            darkroom.draw_mask,
            target=str(target),
            facts=str(facts),
            width=photo.width,
            height=photo.height,
            strokes=_strokes_of(body),
        )

    return mask_answer(await service.keep_mask(photo, make))


def _strokes_of(body: MaskEdit | MaskDrawing) -> list[dict[str, Any]]:
    return [stroke.model_dump() for stroke in body.strokes]


@router.delete("/photos/{photo_id}/masks/{mask_id}", tags=["masks"], status_code=204, responses=described(*_CHANGES))
def delete_mask(photo_id: Id, mask_id: Id, service: S) -> Response:
    """Delete a mask. Jobs that used it keep their results."""
    service.mask(photo_id, mask_id)
    service.ledger.remove_mask(photo_id, mask_id)
    for ending in ("png", "json"):
        service.store.remove(f"photos/{photo_id}/masks/{mask_id}.{ending}")
    return Response(status_code=204)


# --- for scripts ------------------------------------------------------------------------------------------------------------------------


class _ScriptOptions(Options):
    """Options as form fields, and how the result is to come."""

    format: ResultFormat = "same"
    quality: int | None = None
    location: Location | None = None


_SCRIPT_FIELDS = ("fill", "clean", "colorize", "strength", "saturation", "liveliness", "force", "sensitivity", "largest_dust_px")


def _script_form(model: type[BaseModel]) -> dict[str, Any]:
    """The form of a request for scripts, for OpenAPI."""
    known = model.model_json_schema()["properties"]
    fields: dict[str, Any] = {"file": _FILE, "mask": _FILE} | {name: known[name] for name in _SCRIPT_FIELDS}
    fields["format"] = {"type": "string", "enum": list(RESULT_FORMATS)}
    fields["quality"] = {"type": "integer", "minimum": 0, "maximum": 100}
    fields["location"] = {"type": "string", "enum": ["keep", "drop"]}
    return _form(fields, ["file"])


_SCRIPT_PROBLEMS = (*_CHANGES, "not-a-photograph", "unreadable", "unwritable", "queue-full", "job-failed", "cancelled", "busy")


@router.post(
    "/restore",
    tags=["scripts"],
    response_class=Response,
    responses=_binary(*_PICTURES) | described(*_SCRIPT_PROBLEMS),
    openapi_extra=_script_form(_ScriptOptions),
)
async def post_restore(request: Request, service: S) -> Response:
    """Send a photograph, get it back restored: curl -F file=@grandmother.jpg -F colorize=true … -o restored.jpg. Nothing is kept."""
    return await _scripted(request, service, {})


@router.post(
    "/colorize",
    tags=["scripts"],
    response_class=Response,
    responses=_binary(*_PICTURES) | described(*_SCRIPT_PROBLEMS),
    openapi_extra=_script_form(_ScriptOptions),
)
async def post_colorize(request: Request, service: S) -> Response:
    """Send a photograph, get it back in color; nothing else is done to it unless asked. Nothing is kept."""
    return await _scripted(request, service, {"colorize": "true", "fill": "false", "clean": "0"})


async def _scripted(request: Request, service: Service, defaults: dict[str, str]) -> Response:
    form = await _form_of(request, max_files=2)
    async with aclosing(_Closing(form)):
        asked: dict[str, Any] = defaults | {name: value for name, value in form.items() if isinstance(value, str)}
        unknown = [name for name in asked if name not in (*_SCRIPT_FIELDS, "format", "quality", "location")]
        if unknown:
            raise Problem("invalid", "The form has a field that is not known; /api/openapi.json says which there are.")
        try:
            wanted = _ScriptOptions.model_validate(asked)
        except ValidationError as error:
            first = error.errors()[0]
            raise Problem("invalid", sentence(f"{first['loc'][0]}: {first['msg']}")) from None
        if wanted.quality is not None and not 0 <= wanted.quality <= 100:
            raise Problem("invalid", "The quality must lie between 0 and 100.")
        file = _file_of(form, "file")
        photo = await service.take_in(file)
        try:
            options = Options.model_validate(wanted.model_dump(exclude={"format", "quality", "location"}))
            if "mask" in form:
                drawn = _file_of(form, "mask")
                with service.store.workspace() as folder:
                    upload = folder / "upload"
                    await run_in_threadpool(upload.write_bytes, await drawn.read())
                    mask = await _take_mask(service, photo, upload, scale=False)
                options = options.model_copy(update={"mask": mask.id})
                photo = await run_in_threadpool(service.photo, photo.id)
            job = await run_in_threadpool(service.submit, photo, options)
            await _until_over(request, service, job.id)
            done, result = await run_in_threadpool(service.done_job, job.id)
            response = await _result_response(service, done, photo, result, wanted.format, wanted.quality, _drops(service, wanted.location))
        except BaseException:
            await asyncio.shield(run_in_threadpool(service.remove_photo, photo.id))
            raise
    cleaning_up = response.background

    async def forget() -> None:
        if cleaning_up is not None:
            await cleaning_up()
        await run_in_threadpool(service.remove_photo, photo.id)

    response.background = BackgroundTask(forget)
    return response


async def _until_over(request: Request, service: Service, job_id: str) -> None:
    """Wait for a job. Raises a 409 where whoever asked has gone, or the job is."""
    while True:
        job = await service.ended(job_id, timeout_s=2.0, poll_s=0.05)
        if job is not None:
            return
        if await run_in_threadpool(service.ledger.job, job_id) is None or await request.is_disconnected():
            raise Problem("cancelled", "Nobody waits for this any longer.")
