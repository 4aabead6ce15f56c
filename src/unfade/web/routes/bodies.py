"""JSON bodies are bounded before anything is made of them: what would keep the server busy is refused at
once.

How many bytes a body may have, the guard says. Here: how many keys an object may have, for each key that
is not known would be an error of its own. Lists end at their first error (`FailFast` in requests.py).
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from unfade.web.clients import CLIENT, TooManyError
from unfade.web.problems import Problem

MAX_KEYS = 64  # no request has half as many
LARGE_BYTES = 64 << 10
PAUSE_SHARE = 2.0  # a large body is followed by a pause so many times as long


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MAX_KEYS:
        raise Problem("invalid", f"An object in the request has {len(pairs):,} keys; the limit is {MAX_KEYS}.")
    return dict(pairs)


class _BoundedRequest(Request):
    async def json(self) -> Any:
        """The body as JSON. Raises a 422 for an object of too many keys, `JSONDecodeError` for no JSON.

        Reading a large one holds everybody up for a moment: clients take turns, and others come between.
        """
        body = await self.body()
        if len(body) <= LARGE_BYTES:
            return json.loads(body, object_pairs_hook=_object)
        try:
            async with self.app.state.service.bodies.one(CLIENT.get()):
                began = time.perf_counter()
                read = json.loads(body, object_pairs_hook=_object)
                await asyncio.sleep(PAUSE_SHARE * (time.perf_counter() - began))
                return read
        except TooManyError:
            detail = "These are too many large requests at once; wait until some are answered."
            raise Problem("rate", detail, retry_after_s=2) from None


class BoundedRoute(APIRoute):
    """A route whose JSON body is bounded."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See `APIRoute`."""
        handler = super().get_route_handler()

        async def bounded(request: Request) -> Response:
            return await handler(_BoundedRequest(request.scope, request.receive))

        return bounded
