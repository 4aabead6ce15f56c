"""One function per request, a file for each resource. A script can do all that the page does."""

from __future__ import annotations

from fastapi import FastAPI

from unfade.web.routes import (
    archive,
    health,
    iiif,
    jobs,
    masks,
    page,
    photos,
    pictures,
    previews,
    prints,
    scripts,
    session,
    shelves,
    sources,
    zips,
)


def install(app: FastAPI) -> None:
    """Put every route into the application: the API, health, and the page."""
    for part in (session, photos, pictures, jobs, zips, previews, prints, masks, sources, shelves, iiif, archive, scripts, health, page):
        app.include_router(part.router)
