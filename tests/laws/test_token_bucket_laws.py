"""Laws of the token bucket: it allows no more than burst and refill, and no less than it reports."""

from hypothesis import given
from hypothesis import strategies as st

from services.management.limits.token_bucket import Limit, RateLimitResult, TokenBucket, take

START = 1_764_000_000.0
limits = st.builds(Limit, st.integers(1, 20), st.floats(0.05, 50))
pauses = st.lists(st.floats(0, 5), min_size=1, max_size=60)


def run(limit: Limit, waits: list[float]) -> list[tuple[float, RateLimitResult]]:
    """Requests after these pauses, each with its verdict."""
    bucket: TokenBucket | None = None
    now, results = START, []
    for wait in waits:
        now += wait
        bucket, result = take(bucket, limit, now)
        results.append((now, result))
    return results


@given(limits, pauses)
def test_no_window_lets_more_through_than_burst_and_refill(limit: Limit, waits: list[float]) -> None:
    """Between any two allowed requests at most burst + refill * time were allowed, both counted."""
    allowed = [now for now, result in run(limit, waits) if result.allowed]
    for first in range(len(allowed)):
        for last in range(first, len(allowed)):
            most = limit.burst + limit.refill * (allowed[last] - allowed[first])
            assert last - first + 1 <= most + 1e-3


@given(limits, pauses)
def test_what_remains_is_what_may_come_at_once(limit: Limit, waits: list[float]) -> None:
    """Exactly as many requests are allowed at once as `remaining` reports."""
    bucket, now = None, START
    for wait in waits:
        now += wait
        bucket, result = take(bucket, limit, now)
    rest: TokenBucket | None = bucket
    for _ in range(result.remaining):
        rest, more = take(rest, limit, now)
        assert more.allowed
    assert not take(rest, limit, now)[1].allowed


@given(limits, pauses)
def test_a_client_that_waits_until_reset_is_accepted(limit: Limit, waits: list[float]) -> None:
    """At `reset` a token is there, so a refused client that waits for it once is not refused again."""
    bucket, now = None, START
    for wait in waits:
        now += wait
        bucket, result = take(bucket, limit, now)
        if not result.allowed:
            assert result.reset >= now
            assert take(bucket, limit, max(result.reset, now + result.wait_seconds) + 1e-3)[1].allowed


@given(limits, pauses, st.floats(0, 1000))
def test_a_clock_that_steps_back_gives_nothing_away(limit: Limit, waits: list[float], back: float) -> None:
    """After a step back nothing is refilled and nothing is lost."""
    bucket, now = None, START
    for wait in waits:
        now += wait
        bucket, _ = take(bucket, limit, now)
    assert bucket is not None
    assert take(bucket, limit, now - back) == take(bucket, limit, now)
