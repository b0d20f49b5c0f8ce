"""GET /openapi.json and /docs: the API described, for programs and for people."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from schemas.formats import exact_json
from services.management.http import responses
from services.runtime.http.reference import docs_route


def add(app: FastAPI, document: Mapping[str, Any]) -> None:
    """Add the routes of the document and of the page that shows it."""
    described = exact_json.dumps(document)

    async def openapi(_request: Request) -> Response:
        return responses.document(described)

    app.router.add_route("/openapi.json", openapi, ["GET"])
    app.router.routes.append(docs_route())
