"""From failed logins to a gateway's answer, and back again: brute-force protection, throttled addresses."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio

from schemas.formats import exact_json
from tests.gate import ALLOW, BLOCKED, CHECKS, FORCED, IP, OTHER_IP, SUSPICIOUS, Gate, running_gate
from tests.management import DATABASE_CONNECTION, PASSWORD, path_of
from tests.stack import Stack

BRUTE, ADDRESSES = "brute-force-protection", "suspicious-ip-throttling"
BY_IP = {"mode": "count_per_identifier_and_ip", "max_attempts": 10, "allowlist": [], "enabled": True}
PLAIN = {**BY_IP, "shields": ["block", "user_notification"]}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def gate(stack: Stack) -> AsyncIterator[Gate]:
    async with running_gate(stack) as gate:
        yield gate


async def blocked(gate: Gate, who: str, **query: Any) -> Any:
    """What the API says is blocked, of an identifier or of a user."""
    path = f"/api/v2/user-blocks/{quote(who, safe='')}" if "|" in who else "/api/v2/user-blocks"
    params = query if "|" in who else {"identifier": who, **query}
    answer = await gate.admin.get(path, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()["blocked_for"]


async def unblock(gate: Gate, who: str) -> Any:
    path = f"/api/v2/user-blocks/{quote(who, safe='')}" if "|" in who else "/api/v2/user-blocks"
    return await gate.admin.delete(path, params={} if "|" in who else {"identifier": who})


async def test_ten_failures_block_an_identifier_for_one_address(gate: Gate) -> None:
    """The tenth failure blocks, from that address only, however it was typed; anybody else may come in."""
    user_id = await gate.user("ten@example.com")
    await gate.fail(9, "Ten@Example.com", "2001:DB8::7")
    assert await gate.check("ten@example.com", "2001:db8:0::7") == ALLOW
    await gate.fail(1, "ten@example.com", "2001:DB8::7")
    assert await gate.check("TEN@example.com", "2001:db8:0::7") == FORCED
    assert await gate.check("ten@example.com", OTHER_IP) == ALLOW
    assert await gate.check("nine@example.com", "2001:db8::7") == ALLOW
    assert await gate.check(None, "2001:db8::7", user_id=user_id) == FORCED
    assert await gate.check("ten@example.com", "2001:db8::7", connection="elsewhere") == ALLOW
    assert await gate.check("ten@example.com", "2001:db8::7", connection=None) == FORCED
    entry = {"identifier": "ten@example.com", "ip": "2001:db8::7", "connection": DATABASE_CONNECTION}
    assert await blocked(gate, "ten@example.com") == [entry]
    assert await blocked(gate, user_id) == [entry]
    assert list((await blocked(gate, user_id))[0]) == ["identifier", "ip", "connection"]


async def test_failures_emitted_again_count_once(gate: Gate) -> None:
    """A normalizer that did not get to store its position does all over: nobody is blocked by that."""
    start = gate.raw.get(0, 0)
    await gate.fail(9, "nobody-at-all@example.com", OTHER_IP)
    for _ in range(2):
        await gate.again(start)
    retried = gate.failure("nobody-at-all@example.com", OTHER_IP)
    assert await gate.check("nobody-at-all@example.com", OTHER_IP) == ALLOW
    await gate.report(retried, retried)
    await gate.report(retried)
    assert await gate.check("nobody-at-all@example.com", OTHER_IP) == FORCED
    rows = await gate.flow.rows(
        "SELECT failures FROM views.login_guard WHERE identifier = 'nobody-at-all@example.com'"
    )
    assert [row["failures"] for row in rows] == [10]


async def test_an_admin_releases_an_identifier_nobody_bears(gate: Gate) -> None:
    """204 with a position, the block gone; again 204; never 404."""
    await gate.fail(10, "stranger@example.com")
    assert await gate.check("stranger@example.com") == FORCED
    released = await unblock(gate, "Stranger@example.com")
    assert (released.status_code, released.content) == (204, b"")
    assert "vita-position" in released.headers
    assert await gate.check("stranger@example.com") == ALLOW
    assert await blocked(gate, "stranger@example.com") == []
    await gate.again(0)
    assert await gate.check("stranger@example.com") == ALLOW
    for who in ("stranger@example.com", "never-heard-of@example.com"):
        again = await unblock(gate, who)
        assert again.status_code == 204
        assert "vita-position" not in again.headers


async def test_an_admin_releases_a_person(gate: Gate) -> None:
    """By id: also what stood against their address from before they were known; an admin's block stays."""
    await gate.fail(6, "late@example.com")
    user_id = await gate.user("late@example.com")
    await gate.fail(6, "late@example.com")
    assert await gate.check("late@example.com") == FORCED
    assert len(await blocked(gate, user_id)) == 1
    await gate.edit(user_id, blocked=True)
    released = await unblock(gate, user_id)
    assert (released.status_code, released.content) == (204, b"")
    assert await blocked(gate, user_id) == []
    assert await gate.check("late@example.com") == BLOCKED
    assert await gate.check(None, OTHER_IP, user_id=user_id) == BLOCKED
    assert (await gate.admin.get(path_of(user_id))).json()["blocked"] is True
    await gate.edit(user_id, blocked=False)
    assert await gate.check("late@example.com") == ALLOW
    for method in ("GET", "DELETE"):
        answer = await gate.admin.request(method, "/api/v2/user-blocks/auth0%7Cnobody")
        assert answer.status_code == 404
        assert answer.json() == {
            "statusCode": 404,
            "error": "Not Found",
            "message": "The user does not exist.",
            "errorCode": "inexistent_user",
        }


async def test_a_block_holds_for_linked_identities(gate: Gate) -> None:
    """Whoever is blocked gets in by none of their accounts; unlinked it is another's again."""
    primary = await gate.user("primary@example.com")
    secondary = await gate.user("secondary@example.com")
    body = {"provider": "auth0", "user_id": secondary}
    assert (await gate.admin.post(f"{path_of(primary)}/identities", json=body)).status_code == 201
    await gate.edit(primary, blocked=True)
    assert await gate.check("secondary@example.com") == BLOCKED
    assert await gate.check(None, OTHER_IP, user_id=secondary) == BLOCKED
    place = f"{path_of(primary)}/identities/auth0/{secondary.removeprefix('auth0|')}"
    assert (await gate.admin.delete(place)).status_code == 200
    assert await gate.check("secondary@example.com") == ALLOW
    assert await gate.check(None, OTHER_IP, user_id=secondary) == ALLOW
    assert await gate.check("primary@example.com") == BLOCKED


async def test_signing_in_and_a_new_password_release(gate: Gate) -> None:
    """A success clears the address it came from, a password change everything, deletion too."""
    user_id = await gate.user("clears@example.com")
    await gate.fail(9, "clears@example.com", IP)
    await gate.fail(10, "clears@example.com", OTHER_IP)
    await gate.succeed(user_id, IP)
    await gate.fail(1, "clears@example.com", IP)
    assert await gate.check("clears@example.com", IP) == ALLOW
    assert await gate.check("clears@example.com", OTHER_IP) == FORCED
    await gate.edit(user_id, password=PASSWORD + "2", connection=DATABASE_CONNECTION)
    assert await gate.check("clears@example.com", OTHER_IP) == ALLOW
    await gate.fail(10, "clears@example.com", IP)
    assert await gate.check("clears@example.com", IP) == FORCED
    assert (await gate.admin.delete(path_of(user_id))).status_code == 204
    assert await gate.check("clears@example.com", IP) == ALLOW


async def test_settings_hold_at_once(gate: Gate) -> None:
    """Threshold, mode, allowlist, shields and the switch: each decides the very next check."""
    await gate.fail(6, "rules@example.com", IP)
    await gate.fail(6, "rules@example.com", OTHER_IP)
    here = {"identifier": "rules@example.com", "ip": IP, "connection": DATABASE_CONNECTION}
    there = here | {"ip": OTHER_IP}
    assert await gate.check("rules@example.com") == ALLOW
    await gate.protect(BRUTE, max_attempts=5)
    assert await gate.check("rules@example.com") == FORCED
    assert await blocked(gate, "rules@example.com") == [there, here]
    await gate.protect(BRUTE, allowlist=["203.0.113.0/24"])
    assert await gate.check("rules@example.com") == ALLOW
    assert await gate.check("rules@example.com", OTHER_IP) == FORCED
    assert await blocked(gate, "rules@example.com") == [there, here]
    enforced = {"consider_brute_force_enablement": "true"}
    assert await blocked(gate, "rules@example.com", **enforced) == [there]
    await gate.protect(BRUTE, max_attempts=12, mode="count_per_identifier", allowlist=[])
    assert await gate.check("rules@example.com", "192.0.2.99") == FORCED
    assert await blocked(gate, "rules@example.com") == [
        {"identifier": "rules@example.com", "connection": DATABASE_CONNECTION}
    ]
    await gate.protect(BRUTE, shields=["user_notification"])
    assert await gate.check("rules@example.com") == ALLOW | {"monitored": ["too_many_attempts"]}
    assert await blocked(gate, "rules@example.com", **enforced) == []
    await gate.protect(BRUTE, enabled=False)
    assert await gate.check("rules@example.com") == ALLOW
    assert len(await blocked(gate, "rules@example.com")) == 1
    assert await blocked(gate, "rules@example.com", **enforced) == []
    await gate.protect(BRUTE, **PLAIN)
    assert await gate.check("rules@example.com") == ALLOW


async def test_thirty_days_after_the_last_failure_nothing_is_left(gate: Gate) -> None:
    """The last one counts: 29 days ago blocks, 31 does not, and old failures do not add to a new one."""
    await gate.fail(10, "lately@example.com", days_ago=29)
    await gate.fail(10, "long-ago@example.com", days_ago=31)
    assert await gate.check("lately@example.com") == FORCED
    assert await gate.check("long-ago@example.com") == ALLOW
    await gate.fail(1, "long-ago@example.com")
    assert await gate.check("long-ago@example.com") == ALLOW


async def test_being_turned_away_is_no_attempt(gate: Gate) -> None:
    """A gateway reports what it refused with the reason it was told; that keeps nobody blocked longer. Nor
    does a password that was right."""
    for reason in ("too_many_attempts", "suspicious_ip", "unauthorized", "user is blocked", "mfa_required"):
        await gate.fail(12, "away@example.com", reason=reason)
    assert await gate.check("away@example.com") == ALLOW


async def test_a_failure_that_names_claims_counts_for_what_the_person_types(gate: Gate) -> None:
    """Without an identifier the person's own are blocked."""
    user_id = await gate.user("claims@example.com")
    claims = {"user_id": user_id.partition("|")[2]}
    await gate.report(*(gate.failure(..., claims=claims) for _ in range(10)))
    assert await gate.check("claims@example.com") == FORCED
    assert await gate.check(None, claims=claims, strategy="auth0") == FORCED


async def test_a_hundred_failures_throttle_an_address(gate: Gate) -> None:
    """Whoever they were for, known or not, over all partitions; an admin lets the address go again."""
    ip, path = "192.0.2.50", "/api/v2/anomaly/blocks/ips/192.0.2.50"
    absent = {"statusCode": 404, "error": "Not Found", "message": "Not Found"}
    await gate.report(*(gate.failure(f"spray{number}@example.com", ip) for number in range(99)))
    assert await gate.check("anybody@example.com", ip) == ALLOW
    answer = await gate.admin.get(path)
    assert (answer.status_code, answer.json()) == (404, absent)
    await gate.fail(1, "one-more@example.com", ip)
    assert await gate.check("anybody@example.com", ip) == SUSPICIOUS
    assert await gate.check("anybody@example.com", "::ffff:192.0.2.50") == SUSPICIOUS
    assert await gate.check("anybody@example.com", OTHER_IP) == ALLOW
    assert (await gate.admin.get(path)).status_code == 200
    await gate.protect(ADDRESSES, allowlist=["192.0.2.0/24"])
    assert await gate.check("anybody@example.com", ip) == ALLOW
    await gate.protect(ADDRESSES, allowlist=[], shields=["admin_notification"])
    assert await gate.check("anybody@example.com", ip) == ALLOW | {"monitored": ["suspicious_ip"]}
    await gate.protect(ADDRESSES, shields=["block"], stage={"pre-login": {"max_attempts": 101}})
    assert await gate.check("anybody@example.com", ip) == ALLOW
    await gate.protect(ADDRESSES, stage={"pre-login": {"max_attempts": 100}})
    assert await gate.check("anybody@example.com", ip) == SUSPICIOUS
    released = await gate.admin.delete(path)
    assert (released.status_code, released.content) == (204, b"")
    assert await gate.check("anybody@example.com", ip) == ALLOW
    assert (await gate.admin.get(path)).json() == absent
    assert (await gate.admin.delete(path)).status_code == 204
    partitions = await gate.flow.rows("SELECT count(*) AS n FROM views.ip_guard WHERE ip = '192.0.2.50'")
    assert partitions[0]["n"] > 1


async def test_several_at_once(gate: Gate) -> None:
    """An array of checks has as many decisions, in order."""
    user_id = await gate.user("many@example.com", blocked=True)
    checks = [
        {"identifier": "free@example.com", "ip": IP},
        {"identifier": "many@example.com", "ip": IP},
        {"user_id": user_id, "ip": IP},
        {"user_id": "auth0|unknown", "ip": IP},
    ]
    answer = await gate.ingest.post(CHECKS, content=exact_json.dumps(checks))
    assert answer.json() == [ALLOW, BLOCKED, BLOCKED, ALLOW]


async def test_no_tenant_sees_anothers_failures(gate: Gate) -> None:
    """The token's tenant decides what is known."""
    await gate.fail(10, "mine@example.com", OTHER_IP)
    token = gate.site.token(["publish:logins"], tenant="other")
    body = exact_json.dumps({"identifier": "mine@example.com", "ip": OTHER_IP})
    answer = await gate.ingest.post(CHECKS, content=body, headers={"authorization": f"Bearer {token}"})
    assert answer.json() == ALLOW
    other = gate.site.client(tenant="other")
    answer = await other.get("/api/v2/user-blocks", params={"identifier": "mine@example.com"})
    assert answer.json() == {"blocked_for": []}
    assert await gate.check("mine@example.com", OTHER_IP) == FORCED


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
async def test_bad_checks_are_refused(gate: Gate, body: Any, status: int) -> None:
    """Each with the documented shape, and without a word of what was sent."""
    answer = await gate.ingest.post(CHECKS, content=exact_json.dumps(body))
    assert answer.status_code == status
    assert answer.json()["statusCode"] == status
    assert "300.1" not in answer.text


async def test_who_may_ask(gate: Gate) -> None:
    """`check:logins` or `publish:logins`; another scope gets 403, plain JSON is asked for."""
    body = exact_json.dumps({"identifier": "a", "ip": IP})
    for scope, status in (("check:logins", 200), ("publish:logins", 200), ("read:users", 403)):
        headers = {"authorization": f"Bearer {gate.site.token([scope])}"}
        answer = await gate.ingest.post(CHECKS, content=body, headers=headers)
        assert answer.status_code == status
    assert answer.json()["message"] == "Insufficient scope, expected any of: check:logins,publish:logins"
    lines = await gate.ingest.post(CHECKS, content=body, headers={"content-type": "application/x-ndjson"})
    assert lines.status_code == 415
