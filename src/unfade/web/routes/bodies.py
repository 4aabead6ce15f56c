"""JSON bodies are bounded before anything is made of them: what would keep the server busy is refused at
once.

How many bytes a body may have, the guard says. Here: how many keys an object may have, for each key that
is not known would be an error of its own. Lists end at their first error (`FailFast` in requests.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from unfade.web.problems import Problem

MAX_KEYS = 64  # no request has half as many


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MAX_KEYS:
        raise Problem("invalid", f"An object in the request has {len(pairs):,} keys; the limit is {MAX_KEYS}.")
    return dict(pairs)


class _BoundedRequest(Request):
    async def json(self) -> Any:
        """The body as JSON.

        Raises a 422 for an object of too many keys, `JSONDecodeError` for what is no JSON.
        """
        return json.loads(await self.body(), object_pairs_hook=_object)


class BoundedRoute(APIRoute):
    """A route whose JSON body is bounded."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See `APIRoute`."""
        handler = super().get_route_handler()

        async def bounded(request: Request) -> Response:
            return await handler(_BoundedRequest(request.scope, request.receive))

        return bounded
