"""The world of the tests that kill processes."""

import pytest_asyncio

from tests.support.stack import Stack
from tests.worlds.pipeline import Pipeline, make_pipeline


@pytest_asyncio.fixture
async def pipeline(stack: Stack) -> Pipeline:
    """Topics and a database of one test, for the workers that it starts."""
    return await make_pipeline(stack)
