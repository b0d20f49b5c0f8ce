"""`/docs`: a page of Swagger UI that loads nothing from other servers, with files that browsers keep."""

import gzip
import re
import sys
from collections.abc import AsyncIterator
from hashlib import sha256
from importlib.resources import files

import httpx
import pytest
import pytest_asyncio
from starlette.applications import Starlette

from schemas.formats.characters import is_safe
from services.runtime.http.docs import docs_routes
from tests.support.pages import loaded_by

PLAIN = {"accept-encoding": "identity"}


def initializer() -> str:
    return (files("services.runtime.http") / "docs.js").read_text("utf-8")


@pytest_asyncio.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=Starlette(routes=docs_routes("Users & <logins>")))
    async with httpx.AsyncClient(transport=transport, base_url="http://vita", headers=PLAIN) as client:
        yield client


@pytest_asyncio.fixture
async def assets(http: httpx.AsyncClient) -> list[httpx.Response]:
    """The files that the page loads."""
    addresses = loaded_by((await http.get("/docs")).text)
    return [await http.get(address) for address in addresses if address != "/openapi.json"]


async def test_the_page_names_the_service_and_its_document(http: httpx.AsyncClient) -> None:
    """The title is text, whatever characters it has; the document is the one of this server."""
    page = await http.get("/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "<title>Users &amp; &lt;logins&gt;</title>" in page.text
    assert 'url: "/openapi.json"' in initializer()


async def test_the_page_loads_files_of_this_server_only(
    http: httpx.AsyncClient, assets: list[httpx.Response]
) -> None:
    """Each file that it names is served with its media type; neither the page, nor the style sheet, nor the
    initializer names another server, and Swagger UI sends the document to no validator."""
    page = (await http.get("/docs")).text
    assert all(address.startswith("/") and "//" not in address for address in loaded_by(page))
    assert [(asset.status_code, asset.headers["content-type"]) for asset in assets] == [
        (200, "text/css; charset=utf-8"),
        (200, "text/javascript; charset=utf-8"),
        (200, "text/javascript; charset=utf-8"),
    ]
    style, swagger_ui, own = (asset.text for asset in assets)
    assert "://" not in page + own
    assert re.findall(r"url\(\s*[\"']?+(?!data:)[^)]*\)|@import", style) == []
    assert "SwaggerUIBundle" in swagger_ui
    assert "validatorUrl: null" in own


async def test_the_policy_lets_the_browser_ask_this_server_only(
    http: httpx.AsyncClient, assets: list[httpx.Response]
) -> None:
    """Nothing inline runs and nothing from elsewhere is loaded, nor may another site embed the page."""
    for answer in (await http.get("/docs"), *assets):
        policy = dict(
            directive.strip().split(" ", 1)
            for directive in answer.headers["content-security-policy"].split(";")
        )
        assert policy == {
            "default-src": "'none'",
            "script-src": "'self'",
            "style-src": "'self'",
            "img-src": "'self' data:",
            "connect-src": "'self'",
            "base-uri": "'none'",
            "form-action": "'none'",
            "frame-ancestors": "'none'",
        }
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    page = (await http.get("/docs")).text
    assert "<style" not in page
    assert re.findall(r"<script[^>]*>[^<]|\son\w+=|\sstyle=", page) == []


async def test_browsers_keep_the_files(assets: list[httpx.Response]) -> None:
    """Without asking again, as an address contains a digest of what is behind it."""
    for asset in assets:
        assert asset.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert f".{sha256(asset.content).hexdigest()[:16]}." in asset.url.path


async def test_the_page_is_asked_for_every_time(http: httpx.AsyncClient) -> None:
    """Its address stays, so a browser that has it asks whether it is current."""
    page = await http.get("/docs")
    assert page.headers["cache-control"] == "no-cache"


async def test_what_the_caller_has_is_not_sent_again(
    http: httpx.AsyncClient, assets: list[httpx.Response]
) -> None:
    """304 with the tag and no body for the tag of the content, also as a weak tag or among others."""
    for known in (await http.get("/docs"), *assets):
        tag = known.headers["etag"]
        for sent in (tag, f"W/{tag}", f'"other", {tag}'):
            answer = await http.get(known.url.path, headers={"if-none-match": sent})
            assert (answer.status_code, answer.content) == (304, b"")
            assert answer.headers["etag"] == tag
            assert answer.headers["cache-control"] == known.headers["cache-control"]
        assert (await http.get(known.url.path, headers={"if-none-match": '"other"'})).status_code == 200


async def test_files_are_compressed_for_callers_that_can_read_it(
    http: httpx.AsyncClient, assets: list[httpx.Response]
) -> None:
    """The same content under a tag of its own; caches keep both apart."""
    for plain in assets:
        async with http.stream("GET", plain.url.path, headers={"accept-encoding": "br, gzip"}) as answer:
            sent = b"".join([part async for part in answer.aiter_raw()])
        assert gzip.decompress(sent) == plain.content
        assert answer.headers["content-encoding"] == "gzip"
        assert len(sent) == int(answer.headers["content-length"]) < len(plain.content)
        assert answer.headers["etag"] != plain.headers["etag"]
        assert answer.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
        assert "content-encoding" not in plain.headers


@pytest.mark.parametrize("name", ["swagger-ui-bundle.js", "docs.0000000000000000.js", "..%2Fdocs.py", "x/y"])
async def test_nothing_else_is_served(http: httpx.AsyncClient, name: str) -> None:
    """Neither files without a digest, nor with another one, nor files around them."""
    assert (await http.get(f"/docs/{name}")).status_code == 404


def test_the_code_of_the_distribution_is_not_imported() -> None:
    """It is a plugin of a generator of documentation, whose dependencies are not installed here."""
    assert docs_routes("Users")
    assert [name for name in sys.modules if name.startswith("mkdocs")] == []


def test_the_page_escapes_what_turns_the_direction_of_writing() -> None:
    """Answers are shown with the same characters escaped as on the command line; control characters below
    U+0020 are escaped in JSON already."""
    pattern = re.search(r"const UNSAFE = /(\[.+\])/gu;", initializer())
    assert pattern is not None
    for code in range(0x20, 0x11000):
        assert (re.fullmatch(pattern[1], chr(code)) is None) == is_safe(chr(code)), hex(code)
