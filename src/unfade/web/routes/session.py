"""/session and /settings: who may use the server, and what it can do."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import APIRouter, Request, Response

from unfade.files.formats import FORMATS
from unfade.queue.options import Options
from unfade.queue.stages import PREVIEW_SIDE_PX
from unfade.web.guard import COOKIE, PREFIX
from unfade.web.problems import Problem, described
from unfade.web.requests import RESULT_FORMATS, SignIn
from unfade.web.responses import (
    ModelResponse,
    SessionResponse,
    SettingsResponse,
    option_responses,
    step_responses,
)
from unfade.web.routes.bodies import BoundedRoute
from unfade.web.routes.contract import API, S

COOKIE_DAYS = 30
router = APIRouter(prefix=API, route_class=BoundedRoute)


@router.get("/session", tags=["session"])
def get_session(request: Request, service: S) -> SessionResponse:
    """Whether the server wants its token, and has it."""
    signed_in = service.rules.knows(request.headers)
    shelf = service.rules.shelf if signed_in else None
    return SessionResponse(token_needed=service.rules.token is not None, signed_in=signed_in, shelf=shelf)


@router.post(
    "/session",
    tags=["session"],
    status_code=204,
    responses=described("token-needed", "cross-origin", "bad-request", "broken-off", "invalid", "rate", "too-large", "too-slow"),
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
            max_age=COOKIE_DAYS * 86400,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
            path=_path(request),
        )
    return response


def _path(request: Request) -> str:
    """Where the cookie goes: to this server alone, where a proxy shows it under a prefix."""
    return f"{request.scope.get(PREFIX, '')}/"


@router.delete("/session", tags=["session"], status_code=204)
def delete_session(request: Request) -> Response:
    """Forget the cookie."""
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict", path=_path(request))
    return response


@router.get("/settings", tags=["session"], responses=described("token-needed"))
def get_settings(service: S) -> SettingsResponse:
    """The limits of this server, and what it can do."""
    settings = service.settings
    models = {
        task: ModelResponse(name=service.models[task][0], version=service.models[task][1]) if task in service.models else None
        for task in ("damage", "fill", "tone", "clean", "colorize")
    }
    return SettingsResponse(
        version=version("unfade"),
        max_upload_bytes=service.rules.max_upload_bytes,
        max_megapixels=settings.max_megapixels,
        max_queue=settings.max_queue,
        preview_side_px=PREVIEW_SIDE_PX,
        keep_hours=settings.keep_hours,
        drop_location=settings.drop_location,
        formats=[format for format in RESULT_FORMATS if format != "same"],
        reads=list(FORMATS),
        models=models,
        defaults=Options(),
        steps=step_responses(),
        options=option_responses(),
    )
