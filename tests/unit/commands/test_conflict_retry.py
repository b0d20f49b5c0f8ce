"""Changes that are retried when another change was written first."""

from collections.abc import Awaitable, Callable

import pytest

from services.commands.conflict_retry import ATTEMPTS, Conflict, retry_on_conflict
from services.commands.context import STALE_REVISION
from services.runtime.rejection import Rejected, Rejection

BUSY = Rejection("conflict", "Busy.")


def conflicting(times: int) -> Callable[[], Awaitable[int]]:
    """An attempt that meets a conflict this many times, then returns the number of attempts."""
    made = 0

    async def attempt() -> int:
        nonlocal made
        made += 1
        if made <= times:
            raise Conflict
        return made

    return attempt


@pytest.mark.parametrize("times", [0, 1, ATTEMPTS - 1])
async def test_a_conflicting_change_is_retried(times: int) -> None:
    """An attempt is repeated until it meets no conflict."""
    assert await retry_on_conflict(conflicting(times), BUSY) == times + 1


async def test_retries_end_in_a_rejection() -> None:
    """A change that always meets a conflict is rejected after the last attempt."""
    with pytest.raises(Rejected) as refused:
        await retry_on_conflict(conflicting(ATTEMPTS), BUSY)
    assert refused.value.rejection is BUSY


async def test_a_named_revision_is_not_retried() -> None:
    """A change with an expected revision is rejected with 412 at its first conflict."""
    with pytest.raises(Rejected) as refused:
        await retry_on_conflict(conflicting(1), BUSY, guarded=True)
    assert refused.value.rejection is STALE_REVISION
