"""What counts only for the state it was decided on: when another change comes first, it is decided anew."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from services.management.http.errors import REVISION_PASSED, Refusal, Refused

ATTEMPTS: Final = 5
Result = TypeVar("Result")


class Overtaken(Exception):
    """Another change came first, so that this one does not count."""


async def until_it_counts(
    attempt: Callable[[], Awaitable[Result]], busy: Refusal, guarded: bool = False
) -> Result:
    """What `attempt` comes to, which reads, decides and writes, and raises Overtaken where that came late.

    Raises Refused: 412 at once for a caller who named the revision to change (`guarded`), `busy` when others
    keep coming first.
    """
    for _ in range(ATTEMPTS):
        try:
            return await attempt()
        except Overtaken:
            if guarded:
                raise Refused(REVISION_PASSED) from None
    raise Refused(busy)
