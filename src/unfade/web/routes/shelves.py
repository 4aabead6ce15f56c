"""/shelves: the photographs of a household, so that a phone and a laptop see the same ones.

Without a token, whoever holds a shelf's id sees and changes it: the id is made when somebody asks for it, and
no longer works once they take it back. With a token, everyone who knows that has one shelf.
"""

from __future__ import annotations

import io

from fastapi import APIRouter, Request, Response

from unfade.queue.options import Id
from unfade.queue.shelves import MAX_PHOTOS, FullShelfError
from unfade.web.guard import PREFIX
from unfade.web.problems import Problem, described, not_found
from unfade.web.requests import ShelfChange
from unfade.web.responses import ShelfResponse
from unfade.web.routes.bodies import BoundedRoute
from unfade.web.routes.contract import API, CHANGES, COMMON, MadeKey, S, bare, binary
from unfade.web.service import Service

router = APIRouter(prefix=API, route_class=BoundedRoute)


def _response(shelf_id: str, photos: tuple[str, ...] | None) -> ShelfResponse:
    if photos is None:
        raise not_found("shelf")
    return ShelfResponse(id=shelf_id, photos=list(photos))


def _is_household(service: Service, shelf_id: str) -> bool:
    return shelf_id == service.rules.shelf


@router.post("/shelves", tags=["shelves"], status_code=201, responses=described(*CHANGES))
def post_shelf(service: S, key: MadeKey = None) -> ShelfResponse:
    """A new shelf. Its id is a secret: whoever holds it sees and changes what is on the shelf."""
    service.require_room()
    made = service.shelves.make(bare(key))
    return _response(made, service.shelves.photos(made))


@router.get("/shelves/{shelf_id}", tags=["shelves"], responses=described(*COMMON))
def get_shelf(shelf_id: Id, service: S) -> ShelfResponse:
    """Which photographs are on a shelf."""
    if _is_household(service, shelf_id):
        service.shelves.make(shelf_id)
    return _response(shelf_id, service.shelves.photos(shelf_id))


@router.post("/shelves/{shelf_id}", tags=["shelves"], responses=described(*CHANGES))
def change_shelf(shelf_id: Id, body: ShelfChange, service: S) -> ShelfResponse:
    """Put photographs on a shelf, and take others off it. They are not deleted."""
    if _is_household(service, shelf_id):
        service.shelves.make(shelf_id)
    try:
        return _response(shelf_id, service.shelves.change(shelf_id, add=body.add, remove=body.remove))
    except FullShelfError:
        detail = f"A shelf holds {MAX_PHOTOS} photographs at most; take some off it first."
        raise Problem("invalid", detail) from None


@router.delete("/shelves/{shelf_id}", tags=["shelves"], status_code=204, responses=described(*CHANGES))
def delete_shelf(shelf_id: Id, service: S) -> Response:
    """Forget a shelf: its address no longer works. The photographs stay."""
    service.shelves.remove(shelf_id)
    return Response(status_code=204)


@router.get("/shelves/{shelf_id}/code", tags=["shelves"], response_class=Response, responses=binary("image/svg+xml") | described(*COMMON))
def get_shelf_code(shelf_id: Id, request: Request, service: S) -> Response:
    """A QR code of the address that opens this shelf on another device; with a token, of the page's own."""
    import segno

    if not _is_household(service, shelf_id):
        _response(shelf_id, service.shelves.photos(shelf_id))
    base = f"{str(request.base_url).rstrip('/')}{request.scope.get(PREFIX, '')}/"
    address = base + ("" if _is_household(service, shelf_id) else f"#/s/{shelf_id}")
    out = io.BytesIO()
    segno.make(address, micro=False, error="m").save(out, kind="svg", scale=6, border=4, xmldecl=False)
    return Response(out.getvalue(), media_type="image/svg+xml")
