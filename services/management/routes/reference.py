"""GET /openapi.json and /docs: the API described, for programs and for people."""

from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Final

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from schemas import exact_json
from services.management import answers

PAGE: Final = "reference.html"
POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self';"
    " img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"}


def add(app: FastAPI, document: Mapping[str, Any]) -> None:
    """Serves the document and the page that shows it; the page loads nothing else."""
    described, page = exact_json.dumps(document), (files("services.management") / PAGE).read_text("utf-8")

    async def openapi(_request: Request) -> Response:
        return answers.document(described)

    async def docs(_request: Request) -> Response:
        return HTMLResponse(page, headers=HEADERS)

    app.router.add_route("/openapi.json", openapi, ["GET"])
    app.router.add_route("/docs", docs, ["GET"])
