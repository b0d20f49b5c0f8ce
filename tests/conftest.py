"""Fixtures that every kind of test may use, and how hard laws are tried.

`HYPOTHESIS_PROFILE=long` searches longer than every run can afford. No law has a deadline: a busy
machine is no fault of the code.
"""

import os
from collections.abc import AsyncIterator

import pytest_asyncio
from hypothesis import HealthCheck, settings

from tests.support.stack import Stack, running_stack

settings.register_profile(
    "ci",
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "long", settings.get_profile("ci"), max_examples=2000, derandomize=False, print_blob=True
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stack() -> AsyncIterator[Stack]:
    """Real Kafka and PostgreSQL for the whole session."""
    async with running_stack() as running:
        yield running
