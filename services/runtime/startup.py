"""The start of a service whose surroundings may start at the same time."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Final, TypeVar

import structlog

from schemas.errors import Transient

FIRST_BACKOFF_SECONDS: Final = 0.1
LONGEST_BACKOFF_SECONDS: Final = 5.0
_log = structlog.get_logger()
Opened = TypeVar("Opened")


async def open_when_possible(
    stack: AsyncExitStack, opening: Callable[[], AbstractAsyncContextManager[Opened]]
) -> Opened:
    """Enter what `opening` returns, and leave it with the stack. While that raises Transient, as the database
    or the event log does not answer, it is tried again for as long as it takes."""
    delay = FIRST_BACKOFF_SECONDS
    while True:
        try:
            return await stack.enter_async_context(opening())
        except Transient as error:
            _log.warning("not_ready", error=str(error))
            await asyncio.sleep(delay)
            delay = min(delay * 2, LONGEST_BACKOFF_SECONDS)
