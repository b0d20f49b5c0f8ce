"""The Management API with rate limits and an external issuer, as an operator would have set them."""

from collections.abc import AsyncIterator

import httpx
import pytest_asyncio

from tests.support.issuer import Issuer
from tests.support.stack import Stack
from tests.worlds.management import Site, running_site

USERS, NOBODY = "/api/v2/users", "/api/v2/users/auth0%7Cnobody"
CALLERS = "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(stack: Stack, issuer: Issuer) -> AsyncIterator[Site]:
    """Three requests at once and hardly any more, and one trusted stranger for the tenant demo."""
    trusted = {
        "name": "corp", "issuer": issuer.url, "jwks_url": f"{issuer.url}jwks",
        "audience": "https://vita.example/api", "tenant": "demo", "algorithms": ["RS256"],
    }  # fmt: skip
    limits = "essentials,api=60/0.001,read_users=3/0.001"
    async with running_site(stack, rate_limits=limits, external_issuers=[trusted]) as running:
        yield running


def bearing(site: Site, token: str) -> httpx.AsyncClient:
    api = site.client()
    api.headers["authorization"] = f"Bearer {token}"
    return api


async def test_every_answer_counts_down_and_then_there_are_none(site: Site) -> None:
    """200, 404 and 400 count alike; the next is a 429 in the documented shape; other groups, clients and
    tenants go on."""
    api = bearing(site, site.token(client_id="eager"))
    answers = [await api.get(path) for path in (USERS, NOBODY, f"{USERS}?page=-1", USERS)]
    assert [answer.status_code for answer in answers] == [200, 404, 400, 429]
    assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert {answer.headers["x-ratelimit-limit"] for answer in answers} == {"3"}
    assert answers[3].json() == {
        "statusCode": 429,
        "error": "Too Many Requests",
        "message": "Global limit has been reached",
        "errorCode": "too_many_requests",
    }
    assert int(answers[3].headers["retry-after"]) > 900
    assert (await api.get("/api/v2/connections")).status_code == 200
    assert (await bearing(site, site.token(client_id="other")).get(USERS)).status_code == 200
    assert (await bearing(site, site.token(client_id="eager", tenant="other")).get(USERS)).status_code == 200


async def test_many_refused_requests_have_one_log_entry(site: Site) -> None:
    """An `api_limit` entry has the client, the address and the limit; further refused requests add none."""
    greedy = bearing(site, site.token(client_id="greedy"))
    answers = [await greedy.get(USERS) for _ in range(6)]
    assert [answer.status_code for answer in answers[3:]] == [429] * 3
    await site.service.background.tasks.drain()
    await site.add_connection("behind-it-on-the-log", "auth0")
    logs = await site.client().get("/api/v2/logs", params={"q": "type:api_limit AND client_id:greedy"})
    (entry,) = logs.json()
    assert entry["ip"] == "127.0.0.1"
    assert entry["details"] == {
        "error": {"message": "Global limit has been reached"}, "group": "read_users", "limit": 3,
    }  # fmt: skip


async def test_a_refused_scope_counts_and_an_unknown_caller_does_not(site: Site) -> None:
    """A 403 has the rate-limit headers; a 401 has none, because the caller is unknown."""
    refused = await bearing(site, site.token(["x:y"], client_id="poor")).get(USERS)
    assert (refused.status_code, refused.headers["x-ratelimit-remaining"]) == (403, "2")
    unknown = await bearing(site, "a.b.c").get(USERS)
    assert unknown.status_code == 401
    assert not set(unknown.headers) & {name.lower() for name in CALLERS}


async def test_a_trusted_strangers_token_opens_its_tenant(site: Site, issuer: Issuer) -> None:
    """With its own subject and scopes, over keys fetched from where it publishes them; no other tenant."""
    await site.client(tenant="other").post(
        USERS,
        json={
            "connection": "Username-Password-Authentication",
            "email": "o@example.com",
            "password": "x" * 20,
        },
    )
    api = bearing(site, issuer.token(tenant="other"))
    assert (await api.get("/api/v2/connections")).status_code == 200
    assert (await api.get("/api/v2/users-by-email", params={"email": "o@example.com"})).json() == []
    assert (await api.post("/api/v2/connections", json={"name": "x", "strategy": "auth0"})).status_code == 403
    assert (await bearing(site, issuer.token(aud="else")).get(USERS)).json()["message"] == "Invalid token"
