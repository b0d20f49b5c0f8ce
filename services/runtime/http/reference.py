"""The reference page of an HTTP service: it shows `/openapi.json` and loads nothing from another server."""

from importlib.resources import files
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

PAGE: Final = "reference.html"
POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self';"
    " img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {"Content-Security-Policy": POLICY}


def docs_route() -> Route:
    """Return the route of `/docs`."""
    page = (files("services.runtime.http") / PAGE).read_text("utf-8")

    async def docs(_request: Request) -> Response:
        return HTMLResponse(page, headers=HEADERS)

    return Route("/docs", docs, methods=["GET"], include_in_schema=False)
