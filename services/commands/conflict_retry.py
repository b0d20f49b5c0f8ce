"""What counts only for the state it was decided on: when another change comes first, it is decided anew."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from services.runtime.rejection import Rejected, Rejection

ATTEMPTS: Final = 5
STALE_REVISION: Final = Rejection(
    "stale_revision",
    "The resource has changed since the revision named in If-Match.",
    "precondition_failed",
)
Result = TypeVar("Result")


class Overtaken(Exception):
    """Another change came first, so that this one does not count."""


async def until_it_counts(
    attempt: Callable[[], Awaitable[Result]], busy: Rejection, guarded: bool = False
) -> Result:
    """What `attempt` comes to, which reads, decides and writes, and raises Overtaken where that came late.

    Raises Rejected: 412 at once for a caller who named the revision to change (`guarded`), `busy` when others
    keep coming first.
    """
    for _ in range(ATTEMPTS):
        try:
            return await attempt()
        except Overtaken:
            if guarded:
                raise Rejected(STALE_REVISION) from None
    raise Rejected(busy)
