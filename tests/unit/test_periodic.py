"""Background work goes on, whatever becomes of one round."""

import asyncio

import pytest
import structlog
from structlog.testing import LogCapture

from schemas.errors import Transient
from services.runtime import periodic
from services.runtime.periodic import Periodic


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (Transient("database: gone"), {"log_level": "warning", "error": "database: gone"}),
        (AttributeError("jane@example.com"), {"log_level": "error", "error": "AttributeError"}),
    ],
)
async def test_a_failed_round_is_told_and_the_next_one_follows(
    failure: Exception, told: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failure whose kind is unknown is told by its type only."""
    outcomes, done = iter([failure, None, None]), asyncio.Event()

    async def work() -> None:
        outcome = next(outcomes, done)
        if outcome is done:
            done.set()
        elif isinstance(outcome, Exception):
            raise outcome

    lines = LogCapture()
    monkeypatch.setattr(periodic, "_log", structlog.wrap_logger(None, [lines], structlog.BoundLogger))
    rounds = Periodic("work", work, 0)
    rounds.start()
    await done.wait()
    await rounds.stop()
    assert lines.entries == [{"event": "periodic_work_failed", "work": "work", **told}]


async def test_a_round_under_way_ends_with_the_stop() -> None:
    """Stopping does not wait for the work, and may be asked for twice or before the start."""
    began, ended = asyncio.Event(), []

    async def work() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    rounds = Periodic("work", work, 3600)
    await rounds.stop()
    rounds.start()
    await began.wait()
    await rounds.stop()
    await rounds.stop()
    assert ended == [True]


async def test_the_first_round_can_wait_its_time() -> None:
    """Nothing is done at the start then."""
    done: list[int] = []

    async def work() -> None:
        done.append(1)

    rounds = Periodic("work", work, 3600, at_once=False)
    rounds.start()
    for _ in range(10):
        await asyncio.sleep(0)
    await rounds.stop()
    assert done == []
