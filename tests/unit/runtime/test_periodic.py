"""Background loops continue after a failed round, and every failure is reported."""

import asyncio

import pytest
import structlog
from structlog.testing import LogCapture

from schemas.errors import Transient
from services.runtime import periodic
from services.runtime.periodic import EndProcess, FailurePolicy, Periodic, Readiness


class Reports:
    """A failure policy that records its calls."""

    def __init__(self) -> None:
        self.noted: list[str] = []

    def failed(self, loop: str, error: Exception) -> None:
        self.noted.append(f"{loop} failed: {type(error).__name__}")

    def recovered(self, loop: str) -> None:
        self.noted.append(f"{loop} recovered")


async def rounds_of(*outcomes: BaseException | None, policy: FailurePolicy) -> None:
    """Run a loop until each outcome was that of a round, and one more round began."""
    left, done = list(outcomes), asyncio.Event()

    async def work() -> None:
        if not left:
            done.set()
            await asyncio.Event().wait()
        elif (outcome := left.pop(0)) is not None:
            raise outcome

    loop = Periodic("work", work, 0, policy)
    loop.start()
    await done.wait()
    await loop.stop()


@pytest.fixture(autouse=True)
def no_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(periodic, "FIRST_BACKOFF_SECONDS", 0)


@pytest.mark.parametrize(
    ("failure", "logged"),
    [
        (Transient("database: gone"), {"log_level": "warning", "error": "database: gone"}),
        (AttributeError("jane@example.com"), {"log_level": "error", "error": "AttributeError"}),
    ],
)
async def test_a_failed_round_is_logged_and_the_next_one_follows(
    failure: Exception, logged: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failure whose kind is unknown is logged by its type only."""
    lines = LogCapture()
    monkeypatch.setattr(periodic, "_log", structlog.wrap_logger(None, [lines], structlog.BoundLogger))
    await rounds_of(failure, None, policy=Reports())
    assert lines.entries == [{"event": "periodic_work_failed", "work": "work", **logged}]


async def test_only_unknown_failures_are_reported_to_the_policy() -> None:
    """A Transient is expected; a cancellation that did not stop the loop is not."""
    policy = Reports()
    await rounds_of(Transient("gone"), ValueError("x"), None, asyncio.CancelledError(), policy=policy)
    assert policy.noted == [
        "work failed: ValueError", "work recovered", "work failed: RuntimeError",
    ]  # fmt: skip


async def test_a_process_is_ready_again_once_a_round_succeeds() -> None:
    """Readiness names the loops whose last round failed, with the type of the error."""
    readiness = Readiness()
    readiness.failed("other", KeyError())
    await rounds_of(None, ValueError("jane@example.com"), policy=readiness)
    assert readiness.failing == {"other": "KeyError", "work": "ValueError"}
    await rounds_of(ValueError("x"), None, policy=readiness)
    assert readiness.failing == {"other": "KeyError"}


async def test_a_loop_can_end_its_process() -> None:
    """The process learns which loop failed, and with which error."""
    ends: list[tuple[str, Exception]] = []
    failure = ValueError("x")
    await rounds_of(failure, None, policy=EndProcess(lambda loop, error: ends.append((loop, error))))
    assert ends == [("work", failure)]


async def test_failures_in_a_row_are_followed_by_longer_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pause doubles up to a limit, and is the usual one after a success."""
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(periodic, "FIRST_BACKOFF_SECONDS", 0.5)
    monkeypatch.setattr(periodic, "sleep", sleep)
    await rounds_of(*[Transient("gone")] * 5, None, ValueError(), policy=Reports())
    assert pauses == [0.5, 1.0, 2.0, 2.0, 2.0, 0, 0.5]


async def test_a_round_under_way_ends_with_the_stop() -> None:
    """Stopping does not wait for the work, and may be called twice or before the start."""
    began, ended = asyncio.Event(), []

    async def work() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    rounds = Periodic("work", work, 3600, Reports())
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

    rounds = Periodic("work", work, 3600, Reports(), at_once=False)
    rounds.start()
    for _ in range(10):
        await asyncio.sleep(0)
    await rounds.stop()
    assert done == []
