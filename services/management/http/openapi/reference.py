"""GET /openapi.json and /docs: the description of the API for programs and for readers."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from schemas.formats import exact_json
from services.management.http import responses
from services.runtime.http.docs import docs_routes


def reference_routes(document: Mapping[str, Any]) -> list[Route]:
    """Return the routes of the OpenAPI document and of the page that displays it."""
    described = exact_json.dumps(document)

    async def openapi(_request: Request) -> Response:
        return responses.document(described)

    return [Route("/openapi.json", openapi, methods=["GET"]), *docs_routes(document["info"]["title"])]
