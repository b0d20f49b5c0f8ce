"""Rate limits for each client and group of operations (fact sheet §0.4), counted in each process separately.

With n processes behind one address, a client can send up to n times the limit. In return, counting needs no
communication between processes.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from services.management.limits.token_bucket import Limit, RateLimitResult, TokenBucket, take
from services.runtime.auth.tokens import Principal

Group = Literal[
    "api", "read_users", "write_users", "delete_users", "read_logs", "user_authentication_methods"
]
"""The group that limits an operation. Operations of the last group count as `api`, and additionally for each
user."""

PER_USER: Final = "user_authentication_methods"
OF_CLIENT: Final = "token"
"""Requests for a token, for each pair of IP address and client id. Requests from another address do not use
up a client's limit."""
OF_SOURCE: Final = "token_source"
"""Requests for a token, for each IP address."""
GROUPS: Final[tuple[str, ...]] = (*get_args(Group), OF_CLIENT, OF_SOURCE)
MAX_BUCKETS: Final = 100_000
NEWS_SECONDS: Final = 3600
"""Period in which a refused request also represents later refused requests of the client in the group."""
_FREE, _ENTERPRISE = Limit(2, 2.0), Limit(50, 16.0)
_OF_ONE_USER: Final = Limit(5, 5 / 60)
_TOKENS: Final[Mapping[str, Limit]] = {OF_CLIENT: Limit(100, 20.0), OF_SOURCE: Limit(1000, 100.0)}


@dataclass(frozen=True, slots=True)
class Plan:
    """The limits of the groups that have their own bucket; all other groups share that of `api`."""

    limits: Mapping[str, Limit]


PLANS: Final[Mapping[str, Plan | None]] = {
    "off": None,
    "generous": Plan(
        {
            "api": Limit(2000, 1000.0),
            "write_users": Limit(2000, 200.0),
            "delete_users": Limit(2000, 200.0),
            PER_USER: Limit(100, 10.0),
            **_TOKENS,
        }
    ),
    "free": Plan({"api": _FREE, PER_USER: _OF_ONE_USER, **_TOKENS}),
    "essentials": Plan(
        {
            "api": Limit(50, 10.0),
            "read_users": Limit(40, 500 / 60),
            "write_users": Limit(20, 200 / 60),
            "delete_users": Limit(20, 200 / 60),
            "read_logs": Limit(10, 100 / 60),
            PER_USER: _OF_ONE_USER,
            **_TOKENS,
        }
    ),
    "enterprise": Plan({"api": _ENTERPRISE, PER_USER: _OF_ONE_USER, **_TOKENS}),
}


def plan_of(text: str) -> Plan | None:
    """Parse `off`, for which it returns None, or a plan's name with changes: `enterprise,read_users=100/20`
    (burst / per second).

    Raises ValueError for any other text.
    """
    name, *changes = [part.strip() for part in text.split(",")]
    if name not in PLANS:
        raise ValueError(f"a plan is one of {', '.join(PLANS)}")
    plan = PLANS[name]
    if plan is None:
        if changes:
            raise ValueError("limits that are off cannot be changed: name a plan first")
        return None
    return Plan({**plan.limits, **dict(_change(part) for part in changes)})


def _change(text: str) -> tuple[str, Limit]:
    group, equals, rest = text.partition("=")
    burst, slash, refill = rest.partition("/")
    if group not in GROUPS or not equals or not slash or not burst.isdecimal():
        raise ValueError(f"a limit is <{'|'.join(GROUPS)}>=<burst>/<per second>")
    limit = Limit(int(burst), float(refill))
    if limit.burst < 1 or not 0 < limit.refill < 1e9:
        raise ValueError("burst and refill of a limit are above zero")
    return group, limit


def buckets_of(plan: Plan, group: str, user: str) -> tuple[tuple[str, str, Limit], ...]:
    """Return the buckets that count a request: (bucket, user, limit)."""
    if group == PER_USER:
        return ("api", "", plan.limits["api"]), (PER_USER, user, plan.limits[PER_USER])
    name = group if group in plan.limits else "api"
    return ((name, "", plan.limits[name]),)


class RateLimits:
    """The buckets of one process. The least recently used ones are dropped first."""

    def __init__(self, plan: Plan | None, clock: Callable[[], float] = time.time) -> None:
        self._plan, self._clock = plan, clock
        self._buckets: OrderedDict[tuple[str, ...], TokenBucket] = OrderedDict()
        self._reported: OrderedDict[tuple[str, ...], float] = OrderedDict()

    @property
    def are_limited(self) -> bool:
        """Whether requests are limited."""
        return self._plan is not None

    def count(self, principal: Principal, group: str, user: str = "") -> RateLimitResult | None:
        """Count a request in all of its buckets, or in none if one is empty; None when limits are off."""
        if self._plan is None:
            return None
        now, results = self._clock(), []
        taken: dict[tuple[str, ...], TokenBucket] = {}
        for name, whose, limit in buckets_of(self._plan, group, user):
            key = (principal.tenant, principal.client_id, name, whose)
            taken[key], result = take(self._buckets.get(key), limit, now)
            results.append(result)
        scarcest = min(results, key=lambda result: (result.allowed, result.remaining))
        if scarcest.allowed:
            self._keep(taken)
        return scarcest

    def count_token(self, name: str, *whose: str) -> RateLimitResult | None:
        """Count a request for a token in a bucket of `OF_CLIENT` or `OF_SOURCE`; None when limits are off."""
        if self._plan is None:
            return None
        key = (name, *whose)
        bucket, result = take(self._buckets.get(key), self._plan.limits[name], self._clock())
        if result.allowed:
            self._keep({key: bucket})
        return result

    def is_news(self, principal: Principal, group: str) -> bool:
        """Whether no earlier refused request represents this one; it then represents later ones for
        NEWS_SECONDS."""
        now, key = self._clock(), (principal.tenant, principal.client_id, group)
        reported_at = self._reported.get(key)
        if reported_at is not None and abs(now - reported_at) < NEWS_SECONDS:
            return False
        self._reported[key] = now
        self._reported.move_to_end(key)
        while len(self._reported) > MAX_BUCKETS:
            self._reported.popitem(last=False)
        return True

    def _keep(self, taken: Mapping[tuple[str, ...], TokenBucket]) -> None:
        for key, bucket in taken.items():
            self._buckets[key] = bucket
            self._buckets.move_to_end(key)
        while len(self._buckets) > MAX_BUCKETS:
            self._buckets.popitem(last=False)
