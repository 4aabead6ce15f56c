"""/restore and /colorize: one request does it all, for a script. Nothing is kept."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ValidationError
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool

from unfade.errors import UsageError, sentence
from unfade.queue.options import Options
from unfade.treatment import options
from unfade.web.downloads import drops, result_response
from unfade.web.problems import Problem, described
from unfade.web.requests import RESULT_FORMATS, Location, ResultFormat
from unfade.web.routes.contract import API, CHANGES, FILE, PICTURES, S, binary, form_schema
from unfade.web.routes.forms import file_of, form_of
from unfade.web.service import Service

router = APIRouter(prefix=API)


class _ScriptOptions(Options):
    """Options as form fields, and how the result is to come."""

    format: ResultFormat = "same"
    quality: int | None = None
    location: Location | None = None


_SCRIPT_FIELDS = tuple(declared.name for declared in options() if not declared.many)
"""The options that a field of a form can hold."""
_WRITTEN = {declared.name: declared for declared in options() if declared.form is not None}
"""Those that are written as on the command line."""


def _script_form(model: type[BaseModel]) -> dict[str, Any]:
    """The form of a request for scripts, for OpenAPI."""
    schema = model.model_json_schema()
    known = dict(schema["properties"])
    for declared in _WRITTEN.values():
        known[declared.name] = {"type": "string", "description": f"{declared.help} {declared.written}"}
    fields: dict[str, Any] = {"file": FILE, "mask": FILE} | {name: known[name] for name in _SCRIPT_FIELDS}
    fields["format"] = {"type": "string", "enum": list(RESULT_FORMATS)}
    fields["quality"] = {"type": "integer", "minimum": 0, "maximum": 100}
    fields["location"] = {"type": "string", "enum": ["keep", "drop"]}
    return form_schema(fields, ["file"])


_SCRIPT_PROBLEMS = (*CHANGES, "not-a-photograph", "unreadable", "unwritable", "queue-full", "job-failed", "cancelled", "busy")


@router.post(
    "/restore",
    tags=["scripts"],
    response_class=Response,
    responses=binary(*PICTURES) | described(*_SCRIPT_PROBLEMS),
    openapi_extra=_script_form(_ScriptOptions),
)
async def post_restore(request: Request, service: S) -> Response:
    """Send a photograph, get it back restored: curl -F file=@grandmother.jpg -F colorize=true … -o
    restored.jpg. Nothing is kept. What was noticed about the photograph, X-Unfade-Notes says.
    """
    return await _scripted(request, service, {})


@router.post(
    "/colorize",
    tags=["scripts"],
    response_class=Response,
    responses=binary(*PICTURES) | described(*_SCRIPT_PROBLEMS),
    openapi_extra=_script_form(_ScriptOptions),
)
async def post_colorize(request: Request, service: S) -> Response:
    """Send a photograph, get it back in color; nothing else is done to it unless asked. Nothing is kept."""
    return await _scripted(request, service, {"colorize": "true", "fill": "false", "clean": "0"})


async def _scripted(request: Request, service: Service, defaults: dict[str, str]) -> Response:
    async with form_of(request, max_files=2) as form:
        asked: dict[str, Any] = defaults | {name: value for name, value in form.items() if isinstance(value, str)}
        unknown = [name for name in asked if name not in (*_SCRIPT_FIELDS, "format", "quality", "location")]
        if unknown:
            raise Problem("invalid", "The form has a field that is not known; /api/openapi.json says which there are.")
        try:
            wanted = _ScriptOptions.model_validate(_grouped(asked))
        except ValidationError as error:
            first = error.errors()[0]
            where = f"{first['loc'][0]}: " if first["loc"] else ""
            raise Problem("invalid", sentence(f"{where}{first['msg']}")) from None
        if wanted.quality is not None and not 0 <= wanted.quality <= 100:
            raise Problem("invalid", "The quality must lie between 0 and 100.")
        file = file_of(form, "file")
        photo = await service.take_in(file)
        try:
            options = Options.model_validate(wanted.model_dump(exclude={"format", "quality", "location"}))
            if "mask" in form:
                drawn = file_of(form, "mask")
                with service.store.workspace() as folder:
                    upload = folder / "upload"
                    await run_in_threadpool(upload.write_bytes, await drawn.read())
                    mask = await service.take_mask(photo, upload, scale=False)
                options = options.model_copy(update={"mask": mask.id})
                photo = await run_in_threadpool(service.photo, photo.id)
            job = await run_in_threadpool(service.submit, photo, options)
            await _until_over(request, service, job.id)
            done, result = await run_in_threadpool(service.done_job, job.id)
            response = await result_response(service, done, photo, result, wanted.format, wanted.quality, drops(service, wanted.location))
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


def _grouped(asked: dict[str, Any]) -> dict[str, Any]:
    """Fields of a form as JSON has them: those of a group in an object. Raises a 422 for one that is written
    wrong."""
    grouped = dict(asked)
    for name in asked:
        declared = _WRITTEN.get(name)
        if declared is None or declared.form is None:
            continue
        try:
            value = declared.form.parse(declared, grouped.pop(name))
        except UsageError as error:
            raise Problem("invalid", sentence(str(error))) from None
        if declared.group is None:
            grouped[name] = value
        else:
            grouped.setdefault(declared.group, {})[name] = value
    return grouped


async def _until_over(request: Request, service: Service, job_id: str) -> None:
    """Wait for a job. Raises a 409 where whoever asked has gone, or the job is."""
    while True:
        job = await service.ended(job_id, timeout_s=2.0, poll_s=0.05)
        if job is not None:
            return
        if await run_in_threadpool(service.ledger.job, job_id) is None or await request.is_disconnected():
            raise Problem("cancelled", "Nobody waits for this any longer.")
