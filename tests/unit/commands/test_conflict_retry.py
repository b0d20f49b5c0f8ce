"""Changes made anew when another change came first."""

from collections.abc import Awaitable, Callable

import pytest

from services.commands.conflict_retry import ATTEMPTS, Conflict, retry_on_conflict
from services.commands.context import STALE_REVISION
from services.runtime.rejection import Rejected, Rejection

BUSY = Rejection("conflict", "Busy.")


def overtaken(times: int) -> Callable[[], Awaitable[int]]:
    """An attempt that comes late so often, and answers how often it was made then."""
    made = 0

    async def attempt() -> int:
        nonlocal made
        made += 1
        if made <= times:
            raise Conflict
        return made

    return attempt


@pytest.mark.parametrize("times", [0, 1, ATTEMPTS - 1])
async def test_an_overtaken_change_is_made_anew(times: int) -> None:
    """Until it counts."""
    assert await retry_on_conflict(overtaken(times), BUSY) == times + 1


async def test_who_is_overtaken_again_and_again_is_told_so() -> None:
    """A change that never counts ends."""
    with pytest.raises(Rejected) as refused:
        await retry_on_conflict(overtaken(ATTEMPTS), BUSY)
    assert refused.value.rejection is BUSY


async def test_who_named_a_revision_is_told_that_it_passed() -> None:
    """412 at the first change that came first: nobody decided on the revision there is now."""
    with pytest.raises(Rejected) as refused:
        await retry_on_conflict(overtaken(1), BUSY, guarded=True)
    assert refused.value.rejection is STALE_REVISION
