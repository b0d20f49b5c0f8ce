"""A token bucket, pure: how many requests may come at once, and how fast that room comes back."""

from dataclasses import dataclass
from math import ceil


@dataclass(frozen=True, slots=True)
class Limit:
    """`burst` requests at once, `refill` more each second."""

    burst: int
    refill: float


@dataclass(frozen=True, slots=True)
class Bucket:
    """What was left at an instant, in seconds of the epoch."""

    tokens: float
    at: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a request may go on, and what its caller is told: `reset` is when the next token is there."""

    allowed: bool
    limit: int
    remaining: int
    reset: int
    wait_seconds: float


def take(bucket: Bucket | None, limit: Limit, now: float) -> tuple[Bucket, Verdict]:
    """The bucket after one request at `now`; None is a full one. A clock that steps back refills nothing."""
    known = bucket or Bucket(limit.burst, now)
    at = max(now, known.at)
    tokens = min(float(limit.burst), known.tokens + (at - known.at) * limit.refill)
    allowed = tokens >= 1
    left = Bucket(tokens - 1 if allowed else tokens, at)
    wait = (1 - left.tokens % 1) / limit.refill
    return left, Verdict(allowed, limit.burst, int(left.tokens), ceil(at + wait), wait)
