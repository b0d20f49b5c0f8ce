"""A token bucket as pure functions."""

from dataclasses import dataclass
from math import ceil


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `burst` requests at once; `refill` more are allowed each second."""

    burst: int
    refill: float


@dataclass(frozen=True, slots=True)
class TokenBucket:
    """The tokens left at a time `at`, in seconds of the epoch."""

    tokens: float
    at: float


@dataclass(frozen=True, slots=True)
class RateLimitResult:
    """Whether a request is within its limit, and what the headers of its response say; `reset` is the time of
    the next token, in seconds of the epoch."""

    allowed: bool
    limit: int
    remaining: int
    reset: int
    wait_seconds: float


def take(bucket: TokenBucket | None, limit: Limit, now: float) -> tuple[TokenBucket, RateLimitResult]:
    """Return the bucket after one request at `now`, in seconds since 1970. `bucket` None means a full one. If
    the clock steps back, nothing is refilled."""
    known = bucket or TokenBucket(limit.burst, now)
    at = max(now, known.at)
    tokens = min(float(limit.burst), known.tokens + (at - known.at) * limit.refill)
    allowed = tokens >= 1
    left = TokenBucket(tokens - 1 if allowed else tokens, at)
    wait = (1 - left.tokens % 1) / limit.refill
    return left, RateLimitResult(allowed, limit.burst, int(left.tokens), ceil(at + wait), wait)
