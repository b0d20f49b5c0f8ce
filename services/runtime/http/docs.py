"""The page `/docs` of an HTTP service: Swagger UI, which shows `/openapi.json`.

The browser loads everything from this server. The address of each file contains a digest of the file's
content: browsers keep the file without asking again, and an upgrade changes the address.
"""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from html import escape
from importlib.metadata import distribution
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Final, Self

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.staticfiles import NotModifiedResponse

DISTRIBUTION: Final = "mkdocs-swagger-ui-tag"
"""The Python distribution that carries Swagger UI. Its code is not imported."""
FOLDER: Final = "mkdocs_swagger_ui_tag/swagger-ui"
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_REVALIDATED: Final = "no-cache"
_IMMUTABLE: Final = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class _Encoded:
    """The bytes of a response in one content coding, with their headers."""

    body: bytes
    headers: Mapping[str, str]

    def response(self, request: Request) -> Response:
        """Return the bytes, or 304 when the caller has them."""
        known = request.headers.get("if-none-match", "")
        if self.headers["ETag"] in (tag.strip().removeprefix("W/") for tag in known.split(",")):
            return NotModifiedResponse(Headers(self.headers))
        return Response(self.body, headers=self.headers)


@dataclass(frozen=True, slots=True)
class _Static:
    """Content that is the same for every request, as it is and compressed."""

    digest: str
    plain: _Encoded
    compressed: _Encoded

    @classmethod
    def of(cls, content: bytes, media_type: str, cache_control: str) -> Self:
        """Prepare the responses for UTF-8 text of a media type."""
        digest = sha256(content).hexdigest()[:16]
        common = {
            "Content-Type": f"{media_type}; charset=utf-8",
            "Cache-Control": cache_control,
            "Content-Security-Policy": POLICY,
            "Cross-Origin-Resource-Policy": "same-origin",
            "Vary": "Accept-Encoding",
        }
        plain = common | {"ETag": f'"{digest}"'}
        compressed = common | {"ETag": f'"{digest}-gzip"', "Content-Encoding": "gzip"}
        return cls(digest, _Encoded(content, plain), _Encoded(gzip.compress(content, mtime=0), compressed))

    def response(self, request: Request) -> Response:
        """Return the content in a coding that the caller accepts, or 304 when the caller has it."""
        accepts = "gzip" in request.headers.get("accept-encoding", "")
        return (self.compressed if accepts else self.plain).response(request)


def docs_routes(title: str) -> list[Route]:
    """Return the routes of `/docs` and of the files that the page loads.

    Raises PackageNotFoundError or FileNotFoundError when Swagger UI is not installed.
    """
    addresses, by_address = _assets()
    template = Template((files("services.runtime.http") / "docs.html").read_text("utf-8"))
    text = template.substitute(addresses, title=escape(title))
    shown = _Static.of(text.encode(), "text/html", _REVALIDATED)

    async def page(request: Request) -> Response:
        return shown.response(request)

    async def asset(request: Request) -> Response:
        found = by_address.get(request.url.path)
        if found is None:
            raise HTTPException(404)
        return found.response(request)

    return [
        Route("/docs", page, methods=["GET"], include_in_schema=False),
        Route("/docs/{name}", asset, methods=["GET"], include_in_schema=False),
    ]


@cache
def _assets() -> tuple[Mapping[str, str], Mapping[str, _Static]]:
    """Return the addresses of the files by their names in the page, and the files by address."""
    swagger_ui = Path(str(distribution(DISTRIBUTION).locate_file(FOLDER)))
    sources = {
        "style": (swagger_ui / "stylesheets/swagger-ui.css", "text/css"),
        "swagger_ui": (swagger_ui / "javascripts/swagger-ui-bundle.js", "text/javascript"),
        "initializer": (files("services.runtime.http") / "docs.js", "text/javascript"),
    }
    addresses, by_address = {}, {}
    for name, (source, media_type) in sources.items():
        static = _Static.of(source.read_bytes(), media_type, _IMMUTABLE)
        stem, _, suffix = source.name.rpartition(".")
        addresses[name] = f"/docs/{stem}.{static.digest}.{suffix}"
        by_address[addresses[name]] = static
    return addresses, by_address
