"""Starts tasks: the only place besides the event loop's own that does, so that none is lost unseen."""

import asyncio
from collections.abc import Coroutine
from contextvars import Context
from typing import Any, TypeVar

T = TypeVar("T")


def start_task(work: Coroutine[Any, Any, T], context: Context | None = None) -> asyncio.Task[T]:
    """Run `work` as a task, in `context` if given. The caller must keep a reference to the task and await it:
    a task without references may be garbage-collected, and a failure that is not awaited is lost."""
    return asyncio.create_task(work, context=context)


class Background:
    """Work that outlives the request that began it, and is waited for when the service ends."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run `work` as a task, which is held until it ends."""
        task = start_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def drain(self) -> None:
        """Wait for the tasks under way."""
        while self._tasks:
            await asyncio.wait(self._tasks)
