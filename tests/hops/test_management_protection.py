"""The settings of attack protection over HTTP: defaults, changes, refusals; throttled addresses' paths."""

from typing import Any

import pytest

from tests.worlds.management import Site

BRUTE = "/api/v2/attack-protection/brute-force-protection"
ADDRESSES = "/api/v2/attack-protection/suspicious-ip-throttling"
PASSWORDS = "/api/v2/attack-protection/breached-password-detection"
STAGES = {
    "pre-login": {"max_attempts": 100, "rate": 864000},
    "pre-user-registration": {"max_attempts": 50, "rate": 1728000},
}


DEFAULTS = {
    BRUTE: {
        "enabled": True,
        "shields": ["block", "user_notification"],
        "mode": "count_per_identifier_and_ip",
        "allowlist": [],
        "max_attempts": 10,
    },
    ADDRESSES: {
        "enabled": True,
        "shields": ["admin_notification", "block"],
        "allowlist": [],
        "stage": STAGES,
    },
    PASSWORDS: {
        "enabled": False,
        "shields": [],
        "admin_notification_frequency": [],
        "method": "standard",
        "stage": {"pre-user-registration": {"shields": []}, "pre-change-password": {"shields": []}},
    },
}


@pytest.mark.parametrize("path", DEFAULTS)
async def test_defaults_hold_until_something_is_set(site: Site, path: str) -> None:
    """The documented ones; a change that changes nothing writes nothing."""
    client = site.client(tenant="other")
    assert (await client.get(path)).json() == DEFAULTS[path]
    same = await client.patch(path, json={"enabled": DEFAULTS[path]["enabled"]})
    assert (same.status_code, same.json()) == (200, DEFAULTS[path])
    assert "vita-position" not in same.headers


@pytest.mark.parametrize(
    ("path", "patches", "after"),
    [
        (
            BRUTE,
            [
                {"max_attempts": 3, "mode": "count_per_identifier"},
                {"allowlist": ["192.0.2.1", "2001:db8::/32"]},
            ],
            {"max_attempts": 3, "mode": "count_per_identifier", "allowlist": ["192.0.2.1", "2001:db8::/32"]},
        ),
        (
            ADDRESSES,
            [
                {"stage": {"pre-login": {"max_attempts": 7}}},
                {"stage": {"pre-user-registration": {"rate": 5}}},
            ],
            {
                "stage": {
                    "pre-login": {"max_attempts": 7, "rate": 864000},
                    "pre-user-registration": {"max_attempts": 50, "rate": 5},
                }
            },
        ),
        (
            PASSWORDS,
            [
                {"enabled": True, "shields": ["block"], "method": "enhanced"},
                {
                    "admin_notification_frequency": ["daily"],
                    "stage": {"pre-change-password": {"shields": ["block"]}},
                },
            ],
            {
                "enabled": True,
                "shields": ["block"],
                "method": "enhanced",
                "admin_notification_frequency": ["daily"],
                "stage": {
                    "pre-user-registration": {"shields": []},
                    "pre-change-password": {"shields": ["block"]},
                },
            },
        ),
    ],
)
async def test_named_settings_change(
    site: Site, path: str, patches: list[dict[str, Any]], after: dict[str, Any]
) -> None:
    """Settings in the body change at every level, the others remain; the next read returns the response, and
    other tenants are not affected."""
    client = site.client()
    for patch in patches:
        changed = await client.patch(path, json=patch)
        assert changed.status_code == 200, changed.text
        assert "vita-position" in changed.headers
    assert changed.json() == (await client.get(path)).json() == {**DEFAULTS[path], **after}
    assert (await site.client(tenant="other").get(path)).json() == DEFAULTS[path]


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        (BRUTE, {"max_attempts": 0}, "Value 0 is less than minimum 1"),
        (BRUTE, {"max_attempts": 101}, "Value 101 is greater than maximum 100"),
        (BRUTE, {"mode": "often"}, "No enum match for: often"),
        (BRUTE, {"shields": ["admin_notification"]}, "No enum match for: admin_notification"),
        (BRUTE, {"enabled": None}, "Expected type boolean but found type null"),
        (BRUTE, {"else": 1}, "Additional properties not allowed: else"),
        (BRUTE, {"allowlist": ["192.0.2.300"]}, "format ipv4-or-ipv6-or-cidr: 192.0.2.300"),
        (ADDRESSES, {"allowlist": ["192.0.2.1"] * 101}, "Array is too long (101), maximum 100"),
        (ADDRESSES, {"stage": {"pre-login": {"max_attempts": 1001}}}, "greater than maximum 1000"),
        (ADDRESSES, {"stage": {"pre-logout": {}}}, "Additional properties not allowed: pre-logout"),
        (PASSWORDS, {"method": "best"}, "No enum match for: best"),
    ],
)
async def test_what_cannot_be_set_is_refused(
    site: Site, path: str, body: dict[str, Any], message: str
) -> None:
    """400 with the reason; nothing changes."""
    client = site.client()
    before = (await client.get(path)).json()
    answer = await client.patch(path, json=body)
    assert answer.status_code == 400
    assert answer.json()["errorCode"] == "invalid_body"
    assert message in answer.json()["message"]
    assert (await client.get(path)).json() == before


async def test_paths_and_queries_of_blocks(site: Site) -> None:
    """An address must be one; an identifier must be given; what is not named in a query is ignored."""
    client = site.client()
    answer = await client.get("/api/v2/anomaly/blocks/ips/not-an-address")
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "invalid_uri")
    assert answer.json()["message"] == (
        "Path validation error: 'Object didn't pass validation for format ipv4 or ipv6: not-an-address'"
        " on property id (IP address to check)."
    )
    assert (await client.delete("/api/v2/anomaly/blocks/ips/1.2.3.4.5")).status_code == 400
    assert (await client.get("/api/v2/anomaly/blocks/ips/2001%3Adb8%3A%3A1")).status_code == 404
    for method in ("GET", "DELETE"):
        answer = await client.request(method, "/api/v2/user-blocks")
        assert (answer.status_code, answer.json()["errorCode"]) == (400, "invalid_query_string")
    answer = await client.get("/api/v2/user-blocks?identifier=a%40b.c&more=1")
    assert (answer.status_code, answer.json()) == (200, {"blocked_for": []})
