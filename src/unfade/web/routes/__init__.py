"""/api/v1: one function per request, a file for each resource. A script can do all that the page does."""

from __future__ import annotations

from fastapi import FastAPI

from unfade.web.routes import jobs, masks, photos, pictures, previews, scripts, session, shelves


def install(app: FastAPI) -> None:
    """Put every route of the API into the application."""
    for part in (session, photos, pictures, jobs, previews, masks, shelves, scripts):
        app.include_router(part.router)
