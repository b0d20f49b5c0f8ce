"""One running service for all who talk to it through the SDK only."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.e2e.test_sdk import Tenant, serving
from tests.support.stack import Stack


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def tenant(stack: Stack) -> AsyncIterator[Tenant]:
    """A tenant that tests share: what they make has names of their own."""
    async with serving(stack) as running:
        yield running
