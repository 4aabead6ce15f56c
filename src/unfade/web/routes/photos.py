"""/photos: photographs come in, are found again, and are deleted."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from unfade.files.formats import FORMATS
from unfade.queue.options import Id
from unfade.web.downloads import attachment, size_of
from unfade.web.problems import described, not_found
from unfade.web.requests import PhotoQuery
from unfade.web.responses import (
    PhotoResponse,
    PhotosResponse,
)
from unfade.web.routes.bodies import BoundedRoute
from unfade.web.routes.contract import API, CHANGES, COMMON, FILE, PICTURES, S, UploadKey, at, binary, form_schema
from unfade.web.routes.forms import file_of, form_of

router = APIRouter(prefix=API, route_class=BoundedRoute)


@router.post(
    "/photos",
    tags=["photographs"],
    status_code=201,
    responses=described(*CHANGES, "not-a-photograph", "unreadable", "busy"),
    openapi_extra=form_schema({"file": FILE}, ["file"]),
)
async def post_photo(request: Request, response: Response, service: S, key: UploadKey = None) -> PhotoResponse:
    """Upload a photograph. The answer comes once it has been decoded."""
    async with form_of(request, max_files=1) as form:
        file = file_of(form, "file")
        photo = await (service.take_in(file) if key is None else service.take_in_once(file, key.strip('"')))
    response.headers["Location"] = at(request, f"/photos/{photo.id}")
    return service.photo_response(photo)


@router.get("/photos/{photo_id}", tags=["photographs"], responses=described(*COMMON))
def get_photo(photo_id: Id, service: S) -> PhotoResponse:
    """A photograph, its jobs and its masks."""
    return service.photo_response(service.photo(photo_id))


@router.post("/photos/query", tags=["photographs"], responses=described(*CHANGES))
def query_photos(body: PhotoQuery, service: S) -> PhotosResponse:
    """Those of these photographs that there still are."""
    found = (service.ledger.photo(photo_id) for photo_id in dict.fromkeys(body.ids))
    return PhotosResponse(photos=[service.photo_response(photo) for photo in found if photo is not None])


@router.post("/photos/{photo_id}/keep", tags=["photographs"], responses=described(*CHANGES))
def keep_photo(photo_id: Id, service: S) -> PhotoResponse:
    """Keep a photograph for as long, from now on, as a new one is kept."""
    return service.photo_response(service.keep_longer(photo_id))


@router.delete("/photos/{photo_id}", tags=["photographs"], status_code=204, responses=described(*CHANGES))
def delete_photo(photo_id: Id, service: S) -> Response:
    """Delete a photograph, its jobs, masks and results, at once."""
    if not service.remove_photo(photo_id):
        raise not_found("photograph")
    return Response(status_code=204)


@router.get("/photos/{photo_id}/original", tags=["photographs"], response_class=Response, responses=binary(*PICTURES) | described(*COMMON))
def get_original(photo_id: Id, service: S) -> StreamingResponse:
    """The very bytes that were uploaded."""
    photo = service.photo(photo_id)
    path = f"photos/{photo.id}/original"
    headers = attachment(photo.name) | {"Content-Length": str(size_of(service, path))}
    return StreamingResponse(service.store.chunks(path), media_type=FORMATS[photo.format].media_type, headers=headers)
