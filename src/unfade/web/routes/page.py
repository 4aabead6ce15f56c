"""The page's own files: named once at the start, so that no address reaches any other.

Compressed where they are text.
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from fastapi import APIRouter, Request, Response

from unfade.web.problems import Problem
from unfade.web.routes.contract import has

FOLDER = Path(__file__).parents[1] / "page"
_TEXT = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".md": "text/plain; charset=utf-8",
}
_TYPES = _TEXT | {".png": "image/png", ".jpg": "image/jpeg", ".webp": "image/webp", ".ico": "image/x-icon", ".woff2": "font/woff2"}
WORTH_BYTES = 512  # less is not worth compressing

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class _Content:
    """A file as it goes out: its bytes, compressed too where that is worth it, and a tag that changes
    with it.
    """

    changed: int
    media_type: str
    data: bytes
    zipped: bytes | None
    tag: str


@dataclass
class PageFiles:
    """The files of the page, read when they are first asked for and again when they have changed on disk."""

    folder: Path = FOLDER
    _paths: dict[str, Path] = field(default_factory=dict)
    _contents: dict[str, _Content] = field(default_factory=dict)

    def __post_init__(self) -> None:
        found = (file for file in self.folder.rglob("*") if file.is_file() and file.suffix in _TYPES)
        self._paths = {file.relative_to(self.folder).as_posix(): file for file in found}

    def content(self, name: str) -> _Content:
        """A file. Raises a 404 for a name that none has."""
        path = self._paths.get(name)
        if path is None:
            raise Problem("not-found", "There is nothing at this address.")
        changed = path.stat().st_mtime_ns
        known = self._contents.get(name)
        if known is not None and known.changed == changed:
            return known
        data = path.read_bytes()
        zipped = gzip.compress(data, mtime=0) if path.suffix in _TEXT and len(data) >= WORTH_BYTES else None
        tag = hashlib.sha256(data).hexdigest()[:20]
        self._contents[name] = _Content(changed, _TYPES[path.suffix], data, zipped, tag)
        return self._contents[name]


def _answer(request: Request, name: str) -> Response:
    files: PageFiles = request.app.state.page
    content = files.content(name)
    zipped = content.zipped is not None and accepts_gzip(request.headers.get("accept-encoding", ""))
    tag = f'"{content.tag}{"-gzip" if zipped else ""}"'
    headers = {"Cache-Control": "no-cache", "ETag": tag}
    if content.zipped is not None:
        headers["Vary"] = "Accept-Encoding"
    if has(request, tag):
        return Response(status_code=304, headers=headers)
    if zipped:
        headers["Content-Encoding"] = "gzip"
    return Response(content.zipped if zipped else content.data, headers=headers, media_type=content.media_type)


def accepts_gzip(header: str) -> bool:
    """Whether an Accept-Encoding header takes gzip (RFC 9110, 12.5.3).

    >>> accepts_gzip("br, gzip;q=0.5"), accepts_gzip("gzip;q=0"), accepts_gzip("*"), accepts_gzip("")
    (True, False, True, False)
    """
    weights: dict[str, float] = {}
    for part in header.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weight = next((value[2:] for value in parameters if value.startswith("q=")), "1")
        try:
            weights[name] = float(weight)
        except ValueError:
            weights[name] = 0.0
    return weights.get("gzip", weights.get("*", 0.0)) > 0


@router.get("/")
def index(request: Request) -> Response:
    """The page."""
    return _answer(request, "index.html")


@router.get("/review")
def review(request: Request) -> Response:
    """The page on which the results of an archive are reviewed."""
    return _answer(request, "review.html")


@router.get("/favicon.ico")
def icon(request: Request) -> Response:
    """What browsers ask for unasked."""
    return _answer(request, "favicon.ico")


@router.get("/manifest.webmanifest")
def manifest(request: Request) -> Response:
    """What makes the page an application on a phone."""
    return _answer(request, "manifest.webmanifest")


@router.get("/page/{path:path}")
def file(path: str, request: Request) -> Response:
    """A file of the page."""
    return _answer(request, path)
