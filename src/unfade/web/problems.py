"""What is said when something cannot be done: `application/problem+json` (RFC 9457), one clear sentence, and
nothing of the inside.

No path, no stack, no file name of a user's is ever in a sentence: what is said of an upload calls it "the
file".
"""

from __future__ import annotations

import errno
import json
import logging
from collections.abc import Sequence
from typing import Any, get_args

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.requests import ClientDisconnect

from unfade import errors
from unfade.errors import nearest, sentence

MEDIA_TYPE = "application/problem+json"
log = logging.getLogger(__name__)
AWAY_RETRY_S = 5.0

# code -> status, title
_KINDS: dict[str, tuple[int, str]] = {
    "bad-request": (400, "The request makes no sense"),
    "broken-off": (400, "The upload broke off"),
    "token-needed": (401, "The token is needed"),
    "cross-origin": (403, "Asked from another site"),
    "not-found": (404, "Not here"),
    "wrong-method": (405, "Not with this method"),
    "too-slow": (408, "The upload took too long"),
    "not-ready": (409, "Not ready yet"),
    "superseded": (409, "A newer one took its place"),
    "cancelled": (409, "Cancelled"),
    "too-large": (413, "Too large"),
    "not-a-photograph": (415, "Not a photograph"),
    "wrong-host": (421, "Called by another name"),
    "invalid": (422, "Asked wrong"),
    "unreadable": (422, "The photograph cannot be read"),
    "unwritable": (422, "The result cannot be written"),
    "job-failed": (422, "The job failed"),
    "queue-full": (429, "The queue is full"),
    "rate": (429, "Too many requests"),
    "mistake": (500, "A mistake of the server"),
    "busy": (503, "Busy"),
    "away": (503, "Out of reach for now"),
    "disk-full": (507, "The disk is full"),
}


class Problem(HTTPException):
    """Raised anywhere while a request is served; `code` is one of the kinds above, `detail` a sentence."""

    def __init__(self, code: str, detail: str, *, retry_after_s: float | None = None, headers: dict[str, str] | None = None) -> None:
        status, self.title = _KINDS[code]
        self.code = code
        more = dict(headers or {})
        if retry_after_s is not None:
            more["Retry-After"] = str(max(1, round(retry_after_s)))
        if status == 401:
            more["WWW-Authenticate"] = "Bearer"
        super().__init__(status, detail, more)

    def __str__(self) -> str:
        return str(self.detail)

    def response(self) -> Response:
        """The answer."""
        body = {"type": "about:blank", "title": self.title, "status": self.status_code, "detail": self.detail, "code": self.code}
        return Response(json.dumps(body, ensure_ascii=True), self.status_code, dict(self.headers or {}), MEDIA_TYPE)


def not_found(what: str) -> Problem:
    """For what is gone, expired, or never was: these look alike from outside."""
    return Problem("not-found", f"There is no such {what} here; it may have been deleted or have expired.")


def problem_of(error: Exception) -> Problem:
    """What to say for an error that came up while a request was served."""
    match error:
        case Problem():
            return error
        case errors.TooLargeError():
            return Problem("too-large", error.for_visitors)
        case errors.OtherKindError():
            return Problem("not-a-photograph", sentence(str(error)))
        case errors.UnreadableError():
            return Problem("unreadable", sentence(str(error)))
        case errors.UnwritableError():
            return Problem("unwritable", sentence(str(error)))
        case errors.UsageError():
            return Problem("invalid", sentence(str(error)))
        case errors.AwayError():
            log.warning("%s", error)
            return away()
        case ClientDisconnect():
            return Problem("broken-off", "The upload broke off before its end; send it again.")
        case OSError() if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return disk_full()
    log.error("a mistake while a request was served", exc_info=error)
    return Problem("mistake", "Something went wrong in the server itself; its log says what. Try again, or tell whoever runs it.")


def away() -> Problem:
    """The ledger or the storage cannot be reached; either comes back by itself."""
    return Problem(
        "away", "The server cannot reach its storage for now; nothing is lost. Try again in a moment.", retry_after_s=AWAY_RETRY_S
    )


def disk_full() -> Problem:
    """There is no room."""
    return Problem("disk-full", "The server has no room for this; delete photographs that you are done with, or try again later.")


def _model_of(annotation: Any) -> type[BaseModel] | None:
    """The model that an annotation is, or may be."""
    return next((each for each in (annotation, *get_args(annotation)) if isinstance(each, type) and issubclass(each, BaseModel)), None)


def _fields(request: Request, where: Sequence[Any]) -> list[str]:
    """The names that a request's body may have at a place in it; none where that cannot be told."""
    body = getattr(request.scope.get("route"), "body_field", None)
    model = None if body is None else _model_of(body.field_info.annotation)
    for part in where:
        field = None if model is None else model.model_fields.get(str(part))
        model = None if field is None else _model_of(field.annotation)
    return [] if model is None else list(model.model_fields)


def _validation(error: RequestValidationError, request: Request) -> Problem:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path", "header"))
    what = str(first["msg"])
    if first["type"] == "json_invalid":
        return Problem("invalid", "The body of the request is not JSON.")
    if first["loc"][0] == "path":
        return not_found("thing")
    if first["type"] == "extra_forbidden" and (names := _fields(request, first["loc"][1:-1])):
        return Problem("invalid", sentence(f"{where}: there is nothing of that name; {nearest(str(first['loc'][-1]), names)}"))
    return Problem("invalid", sentence(f"{where or 'the request'}: {what[:1].lower()}{what[1:]}"))


def install(app: FastAPI) -> None:
    """Make the app answer every error in this way."""

    async def known(request: Request, error: Exception) -> Response:
        return problem_of(error).response()

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, StarletteHTTPException)
        if isinstance(error, Problem):
            return error.response()
        by_status = {404: "not-found", 405: "wrong-method"}
        code = by_status.get(error.status_code, "bad-request")
        details = {
            "not-found": "There is nothing at this address.",
            "wrong-method": "This address does not take this method; /api/openapi.json says what it takes.",
            "bad-request": "The request cannot be understood; /api/openapi.json says what is expected.",
        }
        headers = {key: value for key, value in (error.headers or {}).items() if key.lower() == "allow"}
        return Problem(code, details[code], headers=headers).response()

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return _validation(error, request).response()

    app.add_exception_handler(StarletteHTTPException, http)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(errors.UnfadeError, known)
    app.add_exception_handler(OSError, known)
    app.add_exception_handler(ClientDisconnect, known)
    app.add_exception_handler(Exception, known)


def described(*codes: str) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route, for OpenAPI: these problems may come."""
    statuses: dict[int | str, list[str]] = {}
    for code in codes:
        status, title = _KINDS[code]
        statuses.setdefault(status, []).append(f"{code}: {title}")
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemResponse"}}}
    return {status: {"description": "; ".join(titles), "content": content} for status, titles in statuses.items()}
