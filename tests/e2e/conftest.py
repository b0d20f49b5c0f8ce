"""Services that the files of this folder talk to through the official SDK."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from auth0.management.client import AsyncAuth0

from tests.support.stack import Stack
from tests.worlds.management import Site, running_site
from tests.worlds.sdk import Tenant, sdk_with, serving


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def tenant(stack: Stack) -> AsyncIterator[Tenant]:
    """A tenant that tests share; each test uses distinct names."""
    async with serving(stack) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(stack: Stack) -> AsyncIterator[Site]:
    """The Management API with a projector, of one file."""
    async with running_site(stack) as running:
        yield running


@pytest.fixture
def sdk(site: Site) -> AsyncAuth0:
    """The SDK with every scope, pointed at the site."""
    return sdk_with(site, site.token())
