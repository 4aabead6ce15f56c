"""Forms as browsers and scripts send them, with files in them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import Message

from fastapi import Request
from starlette.datastructures import FormData, UploadFile

from unfade.web.problems import Problem

MAX_FIELDS = 30
CHARSETS = frozenset({"utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1", "latin-1"})  # Python knows 100 more, and some only encode


@asynccontextmanager
async def form_of(request: Request, *, max_files: int) -> AsyncIterator[FormData]:
    """The request's form; its temporary files are gone after the block.

    Raises a 400 for a request that holds no form. What the guard raises while the form comes in passes.
    """
    kind = Message()
    kind["content-type"] = request.headers.get("content-type", "")
    if kind.get_content_type() != "multipart/form-data":
        raise Problem("bad-request", "Send the photograph as multipart/form-data, in a field called file.")
    if str(kind.get_param("charset", "utf-8")).lower() not in CHARSETS:
        raise Problem("bad-request", "The form is in a character set that is not read here; send it in UTF-8.")
    form = await request.form(max_files=max_files, max_fields=MAX_FIELDS)
    try:
        yield form
    finally:
        await form.close()


def file_of(form: FormData, field: str) -> UploadFile:
    """The file in a field of a form. Raises a 422 where there is none."""
    file = form.get(field)
    if not isinstance(file, UploadFile):
        raise Problem("invalid", f"The form has no file in a field called {field}.")
    return file
