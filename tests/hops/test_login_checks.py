"""From failed logins to a gateway's answer, and back again: brute-force protection, throttled addresses."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio

from schemas.formats import exact_json
from tests.support.stack import Stack
from tests.worlds.gateway import (
    ALLOW,
    BLOCKED,
    CHECKS,
    FORCED,
    IP,
    OTHER_IP,
    SUSPICIOUS,
    Gateway,
    running_gateway,
)
from tests.worlds.management import DATABASE_CONNECTION, PASSWORD, path_of

BRUTE, ADDRESSES = "brute-force-protection", "suspicious-ip-throttling"
BY_IP = {"mode": "count_per_identifier_and_ip", "max_attempts": 10, "allowlist": [], "enabled": True}
PLAIN = {**BY_IP, "shields": ["block", "user_notification"]}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def gateway(stack: Stack) -> AsyncIterator[Gateway]:
    async with running_gateway(stack) as gateway:
        yield gateway


async def blocked(gateway: Gateway, who: str, **query: Any) -> Any:
    """What the API says is blocked, of an identifier or of a user."""
    path = f"/api/v2/user-blocks/{quote(who, safe='')}" if "|" in who else "/api/v2/user-blocks"
    params = query if "|" in who else {"identifier": who, **query}
    answer = await gateway.admin.get(path, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()["blocked_for"]


async def unblock(gateway: Gateway, who: str) -> Any:
    path = f"/api/v2/user-blocks/{quote(who, safe='')}" if "|" in who else "/api/v2/user-blocks"
    return await gateway.admin.delete(path, params={} if "|" in who else {"identifier": who})


async def test_ten_failures_block_an_identifier_for_one_address(gateway: Gateway) -> None:
    """The tenth failure blocks the identifier in any spelling, for that IP address only; other identifiers
    are allowed."""
    user_id = await gateway.user("ten@example.com")
    await gateway.fail(9, "Ten@Example.com", "2001:DB8::7")
    assert await gateway.check("ten@example.com", "2001:db8:0::7") == ALLOW
    await gateway.fail(1, "ten@example.com", "2001:DB8::7")
    assert await gateway.check("TEN@example.com", "2001:db8:0::7") == FORCED
    assert await gateway.check("ten@example.com", OTHER_IP) == ALLOW
    assert await gateway.check("nine@example.com", "2001:db8::7") == ALLOW
    assert await gateway.check(None, "2001:db8::7", user_id=user_id) == FORCED
    assert await gateway.check("ten@example.com", "2001:db8::7", connection="elsewhere") == ALLOW
    assert await gateway.check("ten@example.com", "2001:db8::7", connection=None) == FORCED
    entry = {"identifier": "ten@example.com", "ip": "2001:db8::7", "connection": DATABASE_CONNECTION}
    assert await blocked(gateway, "ten@example.com") == [entry]
    assert await blocked(gateway, user_id) == [entry]
    assert list((await blocked(gateway, user_id))[0]) == ["identifier", "ip", "connection"]


async def test_failures_emitted_again_count_once(gateway: Gateway) -> None:
    """A normalizer that could not store its position repeats its batch, which blocks no user."""
    start = gateway.raw.get(0, 0)
    await gateway.fail(9, "nobody-at-all@example.com", OTHER_IP)
    for _ in range(2):
        await gateway.again(start)
    retried = gateway.failure("nobody-at-all@example.com", OTHER_IP)
    assert await gateway.check("nobody-at-all@example.com", OTHER_IP) == ALLOW
    await gateway.report(retried, retried)
    await gateway.report(retried)
    assert await gateway.check("nobody-at-all@example.com", OTHER_IP) == FORCED
    rows = await gateway.pipeline.rows(
        "SELECT failures FROM views.login_guard WHERE identifier = 'nobody-at-all@example.com'"
    )
    assert [row["failures"] for row in rows] == [10]


async def test_an_admin_releases_an_identifier_without_a_user(gateway: Gateway) -> None:
    """204 with a position, the block gone; again 204; never 404."""
    await gateway.fail(10, "stranger@example.com")
    assert await gateway.check("stranger@example.com") == FORCED
    released = await unblock(gateway, "Stranger@example.com")
    assert (released.status_code, released.content) == (204, b"")
    assert "vita-position" in released.headers
    assert await gateway.check("stranger@example.com") == ALLOW
    assert await blocked(gateway, "stranger@example.com") == []
    await gateway.again(0)
    assert await gateway.check("stranger@example.com") == ALLOW
    for who in ("stranger@example.com", "never-heard-of@example.com"):
        again = await unblock(gateway, who)
        assert again.status_code == 204
        assert "vita-position" not in again.headers


async def test_an_admin_releases_a_person(gateway: Gateway) -> None:
    """By id: also what stood against their address from before they were known; an admin's block stays."""
    await gateway.fail(6, "late@example.com")
    user_id = await gateway.user("late@example.com")
    await gateway.fail(6, "late@example.com")
    assert await gateway.check("late@example.com") == FORCED
    assert len(await blocked(gateway, user_id)) == 1
    await gateway.edit(user_id, blocked=True)
    released = await unblock(gateway, user_id)
    assert (released.status_code, released.content) == (204, b"")
    assert await blocked(gateway, user_id) == []
    assert await gateway.check("late@example.com") == BLOCKED
    assert await gateway.check(None, OTHER_IP, user_id=user_id) == BLOCKED
    assert (await gateway.admin.get(path_of(user_id))).json()["blocked"] is True
    await gateway.edit(user_id, blocked=False)
    assert await gateway.check("late@example.com") == ALLOW
    for method in ("GET", "DELETE"):
        answer = await gateway.admin.request(method, "/api/v2/user-blocks/auth0%7Cnobody")
        assert answer.status_code == 404
        assert answer.json() == {
            "statusCode": 404,
            "error": "Not Found",
            "message": "The user does not exist.",
            "errorCode": "inexistent_user",
        }


async def test_a_block_holds_for_linked_identities(gateway: Gateway) -> None:
    """A blocked user cannot log in with any linked account; an unlinked account is not affected."""
    primary = await gateway.user("primary@example.com")
    secondary = await gateway.user("secondary@example.com")
    body = {"provider": "auth0", "user_id": secondary}
    assert (await gateway.admin.post(f"{path_of(primary)}/identities", json=body)).status_code == 201
    await gateway.edit(primary, blocked=True)
    assert await gateway.check("secondary@example.com") == BLOCKED
    assert await gateway.check(None, OTHER_IP, user_id=secondary) == BLOCKED
    place = f"{path_of(primary)}/identities/auth0/{secondary.removeprefix('auth0|')}"
    assert (await gateway.admin.delete(place)).status_code == 200
    assert await gateway.check("secondary@example.com") == ALLOW
    assert await gateway.check(None, OTHER_IP, user_id=secondary) == ALLOW
    assert await gateway.check("primary@example.com") == BLOCKED


async def test_signing_in_and_a_new_password_release(gateway: Gateway) -> None:
    """A success clears the address it came from, a password change everything, deletion too."""
    user_id = await gateway.user("clears@example.com")
    await gateway.fail(9, "clears@example.com", IP)
    await gateway.fail(10, "clears@example.com", OTHER_IP)
    await gateway.succeed(user_id, IP)
    await gateway.fail(1, "clears@example.com", IP)
    assert await gateway.check("clears@example.com", IP) == ALLOW
    assert await gateway.check("clears@example.com", OTHER_IP) == FORCED
    await gateway.edit(user_id, password=PASSWORD + "2", connection=DATABASE_CONNECTION)
    assert await gateway.check("clears@example.com", OTHER_IP) == ALLOW
    await gateway.fail(10, "clears@example.com", IP)
    assert await gateway.check("clears@example.com", IP) == FORCED
    assert (await gateway.admin.delete(path_of(user_id))).status_code == 204
    assert await gateway.check("clears@example.com", IP) == ALLOW


async def test_settings_hold_at_once(gateway: Gateway) -> None:
    """Threshold, mode, allowlist, shields and the switch: each decides the very next check."""
    await gateway.fail(6, "rules@example.com", IP)
    await gateway.fail(6, "rules@example.com", OTHER_IP)
    here = {"identifier": "rules@example.com", "ip": IP, "connection": DATABASE_CONNECTION}
    there = here | {"ip": OTHER_IP}
    assert await gateway.check("rules@example.com") == ALLOW
    await gateway.protect(BRUTE, max_attempts=5)
    assert await gateway.check("rules@example.com") == FORCED
    assert await blocked(gateway, "rules@example.com") == [there, here]
    await gateway.protect(BRUTE, allowlist=["203.0.113.0/24"])
    assert await gateway.check("rules@example.com") == ALLOW
    assert await gateway.check("rules@example.com", OTHER_IP) == FORCED
    assert await blocked(gateway, "rules@example.com") == [there, here]
    enforced = {"consider_brute_force_enablement": "true"}
    assert await blocked(gateway, "rules@example.com", **enforced) == [there]
    await gateway.protect(BRUTE, max_attempts=12, mode="count_per_identifier", allowlist=[])
    assert await gateway.check("rules@example.com", "192.0.2.99") == FORCED
    assert await blocked(gateway, "rules@example.com") == [
        {"identifier": "rules@example.com", "connection": DATABASE_CONNECTION}
    ]
    await gateway.protect(BRUTE, shields=["user_notification"])
    assert await gateway.check("rules@example.com") == ALLOW | {"monitored": ["too_many_attempts"]}
    assert await blocked(gateway, "rules@example.com", **enforced) == []
    await gateway.protect(BRUTE, enabled=False)
    assert await gateway.check("rules@example.com") == ALLOW
    assert len(await blocked(gateway, "rules@example.com")) == 1
    assert await blocked(gateway, "rules@example.com", **enforced) == []
    await gateway.protect(BRUTE, **PLAIN)
    assert await gateway.check("rules@example.com") == ALLOW


async def test_thirty_days_after_the_last_failure_nothing_is_left(gateway: Gateway) -> None:
    """The last one counts: 29 days ago blocks, 31 does not, and old failures do not add to a new one."""
    await gateway.fail(10, "lately@example.com", days_ago=29)
    await gateway.fail(10, "long-ago@example.com", days_ago=31)
    assert await gateway.check("lately@example.com") == FORCED
    assert await gateway.check("long-ago@example.com") == ALLOW
    await gateway.fail(1, "long-ago@example.com")
    assert await gateway.check("long-ago@example.com") == ALLOW


async def test_being_turned_away_is_no_attempt(gateway: Gateway) -> None:
    """A refused login that a gateway reports with the refusal's reason does not prolong the block, nor does a
    correct password."""
    for reason in ("too_many_attempts", "suspicious_ip", "unauthorized", "user is blocked", "mfa_required"):
        await gateway.fail(12, "away@example.com", reason=reason)
    assert await gateway.check("away@example.com") == ALLOW


async def test_a_failure_that_names_claims_counts_for_what_the_person_types(gateway: Gateway) -> None:
    """A failure without an identifier counts for the person's own identifiers."""
    user_id = await gateway.user("claims@example.com")
    claims = {"user_id": user_id.partition("|")[2]}
    await gateway.report(*(gateway.failure(..., claims=claims) for _ in range(10)))
    assert await gateway.check("claims@example.com") == FORCED
    assert await gateway.check(None, claims=claims, strategy="auth0") == FORCED


async def test_a_hundred_failures_throttle_an_address(gateway: Gateway) -> None:
    """Failures of known and unknown users in all partitions throttle an address; an administrator unblocks
    it."""
    ip, path = "192.0.2.50", "/api/v2/anomaly/blocks/ips/192.0.2.50"
    absent = {"statusCode": 404, "error": "Not Found", "message": "Not Found"}
    await gateway.report(*(gateway.failure(f"spray{number}@example.com", ip) for number in range(99)))
    assert await gateway.check("anybody@example.com", ip) == ALLOW
    answer = await gateway.admin.get(path)
    assert (answer.status_code, answer.json()) == (404, absent)
    await gateway.fail(1, "one-more@example.com", ip)
    assert await gateway.check("anybody@example.com", ip) == SUSPICIOUS
    assert await gateway.check("anybody@example.com", "::ffff:192.0.2.50") == SUSPICIOUS
    assert await gateway.check("anybody@example.com", OTHER_IP) == ALLOW
    assert (await gateway.admin.get(path)).status_code == 200
    await gateway.protect(ADDRESSES, allowlist=["192.0.2.0/24"])
    assert await gateway.check("anybody@example.com", ip) == ALLOW
    await gateway.protect(ADDRESSES, allowlist=[], shields=["admin_notification"])
    assert await gateway.check("anybody@example.com", ip) == ALLOW | {"monitored": ["suspicious_ip"]}
    await gateway.protect(ADDRESSES, shields=["block"], stage={"pre-login": {"max_attempts": 101}})
    assert await gateway.check("anybody@example.com", ip) == ALLOW
    await gateway.protect(ADDRESSES, stage={"pre-login": {"max_attempts": 100}})
    assert await gateway.check("anybody@example.com", ip) == SUSPICIOUS
    released = await gateway.admin.delete(path)
    assert (released.status_code, released.content) == (204, b"")
    assert await gateway.check("anybody@example.com", ip) == ALLOW
    assert (await gateway.admin.get(path)).json() == absent
    assert (await gateway.admin.delete(path)).status_code == 204
    partitions = await gateway.pipeline.rows(
        "SELECT count(*) AS n FROM views.ip_guard WHERE ip = '192.0.2.50'"
    )
    assert partitions[0]["n"] > 1


async def test_several_at_once(gateway: Gateway) -> None:
    """An array of checks has as many decisions, in order."""
    user_id = await gateway.user("many@example.com", blocked=True)
    checks = [
        {"identifier": "free@example.com", "ip": IP},
        {"identifier": "many@example.com", "ip": IP},
        {"user_id": user_id, "ip": IP},
        {"user_id": "auth0|unknown", "ip": IP},
    ]
    answer = await gateway.ingest.post(CHECKS, content=exact_json.dumps(checks))
    assert answer.json() == [ALLOW, BLOCKED, BLOCKED, ALLOW]


async def test_no_tenant_sees_anothers_failures(gateway: Gateway) -> None:
    """The token's tenant decides what is known."""
    await gateway.fail(10, "mine@example.com", OTHER_IP)
    token = gateway.site.token(["publish:logins"], tenant="other")
    body = exact_json.dumps({"identifier": "mine@example.com", "ip": OTHER_IP})
    answer = await gateway.ingest.post(CHECKS, content=body, headers={"authorization": f"Bearer {token}"})
    assert answer.json() == ALLOW
    other = gateway.site.client(tenant="other")
    answer = await other.get("/api/v2/user-blocks", params={"identifier": "mine@example.com"})
    assert answer.json() == {"blocked_for": []}
    assert await gateway.check("mine@example.com", OTHER_IP) == FORCED


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ([], 400),
        ({"ip": IP}, 400),
        ({"identifier": "a"}, 400),
        ({"identifier": "a", "ip": "300.1.1.1"}, 400),
        ({"identifier": "a\x00", "ip": IP}, 400),
        ({"identifier": "a" * 513, "ip": IP}, 400),
        ({"claims": {"sub": "1"}, "ip": IP}, 400),
        ([{"identifier": "a", "ip": IP}, 7], 400),
        ([{"identifier": "a", "ip": IP}] * 101, 413),
    ],
)
async def test_bad_checks_are_refused(gateway: Gateway, body: Any, status: int) -> None:
    """Each refusal has the documented shape and quotes no value of the request."""
    answer = await gateway.ingest.post(CHECKS, content=exact_json.dumps(body))
    assert answer.status_code == status
    assert answer.json()["statusCode"] == status
    assert "300.1" not in answer.text


async def test_login_checks_need_a_scope(gateway: Gateway) -> None:
    """`check:logins` or `publish:logins` is needed, another scope gets 403; the media type must be plain
    JSON."""
    body = exact_json.dumps({"identifier": "a", "ip": IP})
    for scope, status in (("check:logins", 200), ("publish:logins", 200), ("read:users", 403)):
        headers = {"authorization": f"Bearer {gateway.site.token([scope])}"}
        answer = await gateway.ingest.post(CHECKS, content=body, headers=headers)
        assert answer.status_code == status
    assert answer.json()["message"] == "Insufficient scope, expected any of: check:logins,publish:logins"
    lines = await gateway.ingest.post(CHECKS, content=body, headers={"content-type": "application/x-ndjson"})
    assert lines.status_code == 415
