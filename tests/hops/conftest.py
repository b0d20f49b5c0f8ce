"""Fixtures with one name in several files of this folder. Each file or test gets its own world. A file that
needs other settings or more data overrides the fixture."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import pytest_asyncio

from tests.support.issuer import Issuer, serving_issuer
from tests.support.stack import Database, Stack
from tests.worlds.management import Site, running_site
from tests.worlds.pipeline import Pipeline, make_pipeline


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(stack: Stack) -> AsyncIterator[Site]:
    """The Management API with a projector, of one file."""
    async with running_site(stack) as running:
        yield running


@pytest.fixture
def api(site: Site) -> httpx.AsyncClient:
    """A client with every scope in the tenant `demo`."""
    return site.client()


@pytest.fixture
def anonymous(site: Site) -> httpx.AsyncClient:
    """A client without a token."""
    api = site.client()
    del api.headers["authorization"]
    return api


@pytest_asyncio.fixture
async def pipeline(stack: Stack) -> Pipeline:
    """A normalizer and a projector for one test."""
    return await make_pipeline(stack)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def database(stack: Stack) -> Database:
    """A database with empty views, of one file."""
    return await stack.database()


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    """An issuer of tokens outside the installation, of one file."""
    with serving_issuer() as serving:
        yield serving
