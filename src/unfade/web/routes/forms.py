"""Forms as browsers and scripts send them, with files in them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Request
from starlette.datastructures import FormData, UploadFile

from unfade.web.problems import Problem

MAX_FIELDS = 30


@asynccontextmanager
async def form_of(request: Request, *, max_files: int) -> AsyncIterator[FormData]:
    """The request's form; its temporary files are gone after the block.

    Raises a 400 for a request that holds no form. What the guard raises while the form comes in passes.
    """
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise Problem("bad-request", "Send the photograph as multipart/form-data, in a field called file.")
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
