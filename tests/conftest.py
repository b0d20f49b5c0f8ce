"""Fixtures that every kind of test may use."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.stack import Stack, running_stack


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stack() -> AsyncIterator[Stack]:
    """Real Kafka and PostgreSQL for the whole session."""
    async with running_stack() as running:
        yield running
