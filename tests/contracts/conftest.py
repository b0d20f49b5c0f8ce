"""The site that each file of this folder gets for itself."""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from tests.support.stack import Stack
from tests.worlds.management import Site, running_site


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(stack: Stack) -> AsyncIterator[Site]:
    """The Management API with a projector, of one file."""
    async with running_site(stack) as running:
        yield running


@pytest.fixture(scope="module")
def api(site: Site) -> httpx.AsyncClient:
    """A client with every scope in the tenant `demo`; Hypothesis takes no fixture of a single test."""
    return site.client()
