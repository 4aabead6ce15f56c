"""What routes declare alike, for OpenAPI: their parameters, their forms, their media types, and what may go
wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, cast

from fastapi import Depends, Header, Query, Request

from unfade.files.formats import FORMATS
from unfade.web.guard import PREFIX
from unfade.web.service import Service

API = "/api/v1"
MAX_STREAMED = 200


def _service(request: Request) -> Service:
    return cast(Service, request.app.state.service)


S = Annotated[Service, Depends(_service)]
Quality = Annotated[int | None, Query(ge=0, le=100, description="Of lossy formats.")]
Side = Annotated[int, Query(ge=1, le=100_000, description="The longer side, in pixels, that is wanted at least.")]


def _key(description: str) -> Any:
    """A header with which what is sent twice is done once."""
    return Header(alias="Idempotency-Key", pattern='^"?[A-Za-z0-9_-]{32}"?$', description=f"A word of chance{description}")


UploadKey = Annotated[str | None, _key(", one for each upload; it becomes the photograph's id. Sent twice, it is still one photograph.")]
JobKey = Annotated[str | None, _key(", one for each job; it becomes the job's id. Sent twice, it is still one job.")]
MadeKey = Annotated[str | None, _key("; it becomes the id of what is made. Sent twice, one is made.")]
JobIds = Annotated[
    str, Query(pattern="^[A-Za-z0-9_-]{32}(,[A-Za-z0-9_-]{32})*$", max_length=33 * MAX_STREAMED, description="With commas between.")
]


def bare(key: str | None) -> str | None:
    """An Idempotency-Key without the quotes that it may stand in."""
    return None if key is None else key.strip('"')


def has(request: Request, tag: str) -> bool:
    """Whether the client has what goes by this ETag (RFC 9110, 13.1.2)."""
    return tag in (known.strip().removeprefix("W/") for known in request.headers.get("if-none-match", "").split(","))


def at(request: Request, path: str) -> str:
    """The address of something in the API, as the browser reaches it: under the prefix of a proxy, if
    there is one.
    """
    return f"{request.scope.get(PREFIX, '')}{API}{path}"


def binary(*media_types: str) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that answers with a file of one of these media types."""
    return {200: {"content": {media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in media_types}}}


def form_schema(fields: dict[str, Any], required: Sequence[str]) -> dict[str, Any]:
    """The `openapi_extra` of a route that takes a form with these fields."""
    schema = {"type": "object", "properties": fields, "required": list(required)}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


FILE = {"type": "string", "format": "binary"}
RECORD: dict[int | str, dict[str, Any]] = {200: {"content": {"application/json": {"schema": {"type": "object"}}}}}
IMMUTABLE = {"Cache-Control": "private, max-age=86400, immutable"}
REVALIDATED = {"Cache-Control": "private, no-cache"}  # kept, but asked about before it is shown again
UNCHANGED: dict[int | str, dict[str, Any]] = {304: {"description": "What the client has already, by its ETag"}}
STREAM: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {}}}}
PICTURES = tuple(codec.media_type for codec in FORMATS.values())
JPEG = binary("image/jpeg")
COMMON = ("token-needed", "not-found", "invalid", "rate", "away")
CHANGES = (*COMMON, "bad-request", "broken-off", "cross-origin", "too-large", "too-slow", "disk-full")
OF_JOB = (*COMMON, "not-ready", "job-failed")
