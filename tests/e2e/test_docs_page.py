"""`/docs` of the HTTP services in a real browser."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from services.ingest.documents import openapi
from services.management.app import OPERATIONS, PUBLIC
from tests.support.pages import Rendered, render
from tests.support.processes import free_port, python
from tests.support.stack import Stack
from tests.worlds.ingest import make_ingest_site
from tests.worlds.sdk import Tenant

pytestmark = pytest.mark.browser

SERVICE_WITH_AN_EXAMPLE = r"""
import os

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from services.runtime.http.docs import docs_routes
from services.runtime.http.server import run

shown = {"description": "A name.", "content": {"application/json": {"example": {"name": "a\u202eb\u200fc"}}}}
operation = {"operationId": "get_name", "tags": ["names"], "responses": {"200": shown}}
document = {
    "openapi": "3.1.0",
    "info": {"title": "Names", "version": "1"},
    "paths": {"/name": {"get": operation}},
}
routes = [Route("/openapi.json", lambda _: JSONResponse(document)), *docs_routes("Names")]
run(Starlette(routes=routes), "127.0.0.1", int(os.environ["VITA_HTTP_PORT"]))
"""


@asynccontextmanager
async def served(stack: Stack, *arguments: str, **environment: str) -> AsyncIterator[str]:
    """Run a service with these arguments of `python`, and return its address once it serves `/docs`."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"

    async def answers() -> bool:
        try:
            async with httpx.AsyncClient(trust_env=False) as http:
                return (await http.get(f"{url}/docs")).status_code == 200
        except httpx.TransportError:
            return False

    async with python(*arguments, env={**environment, "VITA_HTTP_PORT": str(port)}):
        await stack.until(answers)
        yield url


def operations_in(page: Rendered) -> int:
    """Return how many operations the page lists."""
    return page.dom.count('class="opblock opblock-')


def assert_undisturbed(page: Rendered) -> None:
    """The browser found nothing that the policy of the page forbids, and no error in its scripts."""
    assert "Content Security Policy" not in page.log
    assert "Uncaught" not in page.log


async def test_management_shows_its_operations(tenant: Tenant, tmp_path: Path) -> None:
    """All of them; the one that the address names is open and can be executed."""
    page = await render(f"{tenant.url}/docs#/users/get_users_by_id", tmp_path)
    assert_undisturbed(page)
    assert "<title>Vita Management API</title>" in page.dom
    assert operations_in(page) == len(OPERATIONS) + len(PUBLIC)
    assert page.dom.count("opblock-get is-open") == page.dom.count(">Execute</button>") == 1
    assert ">Authorize</span>" in page.dom


async def test_ingest_shows_its_operations(stack: Stack, tmp_path: Path) -> None:
    """With the schema of a login, which is a document of its own."""
    site = await make_ingest_site(stack)
    environment = stack.environment("ingest", site.database, site.prefix)
    async with served(stack, "-m", "services.ingest", **environment) as url:
        page = await render(f"{url}/docs#/logins/publish_logins", tmp_path)
    assert_undisturbed(page)
    assert "<title>Vita ingest</title>" in page.dom
    assert operations_in(page) == len(openapi()["paths"])
    assert "vita.login.v1" in page.dom


async def test_the_direction_of_writing_stays(stack: Stack, tmp_path: Path) -> None:
    """Characters that turn it are escaped wherever the page shows code, as in the bodies of responses."""
    async with served(stack, "-c", SERVICE_WITH_AN_EXAMPLE) as url:
        page = await render(f"{url}/docs#/names/get_name", tmp_path)
    assert_undisturbed(page)
    assert r"a\u202eb\u200fc" in page.dom
    assert "\u202e" not in page.dom
