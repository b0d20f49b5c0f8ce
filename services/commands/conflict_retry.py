"""Optimistic-concurrency retry: read, decide and append again when another write took the revision."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from services.commands.context import STALE_REVISION
from services.runtime.rejection import Rejected, Rejection

ATTEMPTS: Final = 5
Result = TypeVar("Result")


class Conflict(Exception):
    """Another write took the revision that a command was decided on, so the command had no effect."""


async def retry_on_conflict(
    attempt: Callable[[], Awaitable[Result]], busy: Rejection, guarded: bool = False
) -> Result:
    """Return the result of the first of at most five attempts that does not raise Conflict.

    Raises Rejected: `busy` if every attempt conflicts, and stale_revision after the first conflict of a
    caller who allows certain revisions only (`guarded`).
    """
    for _ in range(ATTEMPTS):
        try:
            return await attempt()
        except Conflict:
            if guarded:
                raise Rejected(STALE_REVISION) from None
    raise Rejected(busy)
