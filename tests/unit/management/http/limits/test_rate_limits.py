"""Rate limits: plans by name, groups with separate buckets, and clients that do not affect each other."""

import pytest

from services.management.http.pipeline.throttling import rate_headers, too_many
from services.management.limits import rate_limits
from services.management.limits.rate_limits import (
    PER_USER,
    PLANS,
    RateLimits,
    plan_of,
)
from services.management.limits.token_bucket import Limit
from services.management.settings import Settings
from services.runtime.auth.tokens import Principal

NOW = 1_764_000_000.25


def principal(client_id: str = "a", tenant: str = "demo") -> Principal:
    return Principal(f"{client_id}@clients", tenant, client_id, frozenset())


def limits(text: str) -> RateLimits:
    return RateLimits(plan_of(text), lambda: NOW)


def allowed(rates: RateLimits, group: str, times: int, user: str = "", who: Principal | None = None) -> int:
    verdicts = [rates.count(who or principal(), group, user) for _ in range(times)]
    return sum(verdict is not None and verdict.allowed for verdict in verdicts)


def test_off_counts_nothing() -> None:
    """Without limits there is no verdict, hence no header."""
    assert limits("off").count(principal(), "api") is None


def test_plans_can_be_changed_group_by_group() -> None:
    """A plan, then what differs from it."""
    plan = plan_of("essentials, read_users=100/20.5,api=3/1")
    assert plan is not None
    assert (plan.limits["read_users"], plan.limits["api"]) == (Limit(100, 20.5), Limit(3, 1.0))
    assert plan.limits["write_users"] == Limit(20, 200 / 60)


@pytest.mark.parametrize(
    "text",
    ["", "gold", "off,api=1/1", "free,api", "free,api=1", "free,api=0/1", "free,api=1/0", "free,api=1/nan",
     "free,x=1/1", "free,api=-1/1", "free,api=1/x", "free,api=1/inf"],
)  # fmt: skip
def test_nonsense_is_refused_at_the_start(text: str) -> None:
    """A setting that means nothing ends the process before it serves."""
    with pytest.raises(ValueError, match=r"limit|plan|float"):
        plan_of(text)


def test_groups_without_a_bucket_share_the_general_one() -> None:
    """In the free plan, reads and writes share two requests."""
    rates = limits("free")
    assert allowed(rates, "read_users", 1) + allowed(rates, "write_users", 5) == 2


def test_groups_with_a_bucket_use_up_their_own() -> None:
    """Reading users leaves room to write them and to read logs."""
    rates = limits("essentials")
    found = [
        allowed(rates, group, 60)
        for group in ("read_users", "write_users", "delete_users", "read_logs", "api")
    ]
    assert found == [40, 20, 20, 10, 50]


def test_clients_and_tenants_are_counted_apart() -> None:
    """Requests of one client do not reduce the limit of another."""
    rates = limits("free")
    for who in (principal(), principal("b"), principal(tenant="other")):
        assert allowed(rates, "api", 5, who=who) == 2


def test_listing_one_users_factors_is_limited_for_each_user() -> None:
    """Five a minute for one user; refused ones use up nothing of the general bucket."""
    rates = limits("enterprise")
    assert allowed(rates, PER_USER, 20, "auth0|a") == 5
    assert allowed(rates, PER_USER, 20, "auth0|b") == 5
    assert allowed(rates, "api", 60) == 40


def test_responses_show_the_remaining_requests_and_the_reset_time() -> None:
    """Headers on every answer; 429 in the documented words."""
    rates = limits("free")
    first, _, third = (rates.count(principal(), "api") for _ in range(3))
    assert first is not None
    assert third is not None
    assert rate_headers(first) == {
        "X-RateLimit-Limit": "2", "X-RateLimit-Remaining": "1", "X-RateLimit-Reset": "1764000001",
    }  # fmt: skip
    refusal = too_many(third)
    assert (refusal.status, refusal.message, refusal.error_code) == (
        429, "Global limit has been reached", "too_many_requests",
    )  # fmt: skip
    assert refusal.headers == {"Retry-After": "1"}


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """With ever new clients, only the latest ones are remembered."""
    monkeypatch.setattr(rate_limits, "MAX_BUCKETS", 10)
    rates = limits("free")
    for number in range(50):
        rates.count(principal(f"c{number}"), "api")
    assert len(rates._buckets) == 10


def test_of_many_refused_requests_one_is_news() -> None:
    """For an hour, by client, tenant and group; then the next one is."""
    now = [NOW]
    rates = RateLimits(plan_of("free"), lambda: now[0])
    assert [rates.is_news(principal(), "api") for _ in range(3)] == [True, False, False]
    assert rates.is_news(principal(), "read_users")
    assert rates.is_news(principal("b"), "api")
    assert rates.is_news(principal(tenant="other"), "api")
    now[0] += rate_limits.NEWS_SECONDS
    assert [rates.is_news(principal(), "api") for _ in range(2)] == [True, False]


def test_reported_clients_are_evicted_oldest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest record is evicted first; an evicted client is reported again."""
    monkeypatch.setattr(rate_limits, "MAX_BUCKETS", 2)
    rates = limits("free")
    assert all(rates.is_news(principal(name), "api") for name in "abc")
    assert [rates.is_news(principal(name), "api") for name in "cba"] == [False, False, True]


def test_limits_are_on_unless_switched_off_and_every_plan_limits_requests_for_tokens() -> None:
    """The default is a plan; in each plan an address and a client that it names have their own buckets."""
    assert plan_of(Settings.model_fields["rate_limits"].default) == PLANS["generous"]
    for name in set(PLANS) - {"off"}:
        rates = limits(f"{name},token=2/1,token_source=3/1")
        found = [rates.count_token("token", "192.0.2.1", "abc") for _ in range(3)]
        assert [verdict is not None and verdict.allowed for verdict in found] == [True, True, False]
        other = rates.count_token("token", "192.0.2.2", "abc")
        assert other is not None
        assert other.allowed
    assert limits("off").count_token("token_source", "192.0.2.1") is None
