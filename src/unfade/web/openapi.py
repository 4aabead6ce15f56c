"""The API's own description, made once from its routes."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from unfade.web.responses import ProblemResponse


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of everything that has been put into `app`."""
    schema: dict[str, Any] = get_openapi(
        title="Unfade",
        version=app.version,
        summary="Restores and colors old photographs.",
        description="Errors are application/problem+json (RFC 9457). Ids cannot be guessed: who holds one may see, change and delete it.",
        routes=app.routes,
    )
    components = schema.setdefault("components", {})
    components["schemas"]["ProblemResponse"] = ProblemResponse.model_json_schema()
    for name in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(name, None)
    components["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer"},
        "cookie": {"type": "apiKey", "in": "cookie", "name": "unfade_session"},
    }
    schema["security"] = [{}, {"token": []}, {"cookie": []}]
    return schema


def add(app: FastAPI) -> None:
    """Answer with the document. Comes after every other route."""
    schema = document(app)

    @app.get("/api/openapi.json", include_in_schema=False)
    def openapi() -> dict[str, Any]:
        return schema
