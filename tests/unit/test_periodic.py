"""Background work goes on, whatever becomes of one round."""

import asyncio

import pytest
from structlog.testing import capture_logs

from schemas.errors import Transient
from services.runtime.periodic import Periodic


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (Transient("database: gone"), {"log_level": "warning", "error": "database: gone"}),
        (AttributeError("jane@example.com"), {"log_level": "error", "error": "AttributeError"}),
    ],
)
async def test_a_failed_round_is_told_and_the_next_one_follows(
    failure: Exception, told: dict[str, str]
) -> None:
    """A failure whose kind is unknown is told by its type only."""
    outcomes, done = iter([failure, None, None]), asyncio.Event()

    async def work() -> None:
        outcome = next(outcomes, done)
        if outcome is done:
            done.set()
        elif isinstance(outcome, Exception):
            raise outcome

    periodic = Periodic("work", work, 0)
    with capture_logs() as lines:
        periodic.start()
        await done.wait()
        await periodic.stop()
    assert lines == [{"event": "periodic_work_failed", "work": "work", **told}]


async def test_a_round_under_way_ends_with_the_stop() -> None:
    """Stopping does not wait for the work, and may be asked for twice or before the start."""
    began, ended = asyncio.Event(), []

    async def work() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    periodic = Periodic("work", work, 3600)
    await periodic.stop()
    periodic.start()
    await began.wait()
    await periodic.stop()
    await periodic.stop()
    assert ended == [True]


async def test_the_first_round_can_wait_its_time() -> None:
    """Nothing is done at the start then."""
    rounds: list[int] = []

    async def work() -> None:
        rounds.append(1)

    periodic = Periodic("work", work, 3600, at_once=False)
    periodic.start()
    for _ in range(10):
        await asyncio.sleep(0)
    await periodic.stop()
    assert rounds == []
