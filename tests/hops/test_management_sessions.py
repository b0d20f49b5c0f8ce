"""Sessions, refresh tokens, grants, device credentials and connected accounts over HTTP."""

import json
from typing import Any

import asyncpg
import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.formats.instants import render
from schemas.revocation import Revocation
from schemas.topics import Topic
from tests.worlds.management import Site, path_of, user_token
from tests.worlds.resources import create_user
from tests.worlds.sign_in import later, sign_in


async def all_revocations(site: Site) -> list[Any]:
    """Every revocation published for gateways, in the documented shape."""
    name = site.prefix + Topic.REVOCATIONS.value
    reading = {"enable_auto_commit": False, "auto_offset_reset": "earliest"}
    async with AIOKafkaConsumer(**site.stack.kafka.arguments(), **reading) as consumer:
        partitions = [TopicPartition(name, number) for number in range(12)]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        found: list[Any] = []
        while len(found) < sum(ends.values()):
            for batch in (await consumer.getmany(timeout_ms=500)).values():
                found.extend(json.loads(record.value) for record in batch)
    assert all(Revocation.model_validate_json(json.dumps(one)) for one in found)
    return list({one["id"]: one for one in found}.values())


async def of_user(site: Site, user_id: str) -> list[Any]:
    """What gateways are to end of one user."""
    return [one["data"] for one in await all_revocations(site) if one["data"]["user_id"] == user_id]


async def test_a_login_opens_a_session(site: Site, api: httpx.AsyncClient) -> None:
    """A session is listed and read exactly so; a later login in it moves what is last."""
    user_id = (await create_user(api, email="session@example.com"))["user_id"]
    end, idle = later(24), later(2)
    first = await sign_in(
        site, user_id, session_id="s-1", client_id="app", ip="192.0.2.1", user_agent="Firefox",
        session={"expires_at": end, "idle_expires_at": idle},
    )  # fmt: skip
    then = await sign_in(site, user_id, session_id="s-1", client_id="other", ip="192.0.2.2")
    session = {
        "id": "s-1",
        "user_id": user_id,
        "created_at": render(first),
        "updated_at": render(then),
        "authenticated_at": render(then),
        "idle_expires_at": idle,
        "expires_at": end,
        "last_interacted_at": render(then),
        "device": {
            "initial_ip": "192.0.2.1",
            "initial_user_agent": "Firefox",
            "last_ip": "192.0.2.2",
            "last_user_agent": "Firefox",
        },
        "clients": [{"client_id": "app"}, {"client_id": "other"}],
        "authentication": {"methods": [{"name": "pwd", "timestamp": render(first)}]},
    }
    answer = await api.get(f"{path_of(user_id)}/sessions")
    assert (answer.status_code, answer.json()) == (200, {"sessions": [session]})
    assert list(answer.json()["sessions"][0]) == list(session)
    assert (await api.get("/api/v2/sessions/s-1")).json() == session
    described = await api.patch("/api/v2/sessions/s-1", json={"session_metadata": {"desk": "4"}})
    assert described.json()["session_metadata"] == {"desk": "4"}
    wiped = await api.patch("/api/v2/sessions/s-1", json={"session_metadata": None})
    assert "session_metadata" not in wiped.json()


async def test_sessions_that_have_ended_are_not_listed(site: Site, api: httpx.AsyncClient) -> None:
    """By their own end or for want of use; of others there are pages and a total."""
    user_id = (await create_user(api, email="ended@example.com"))["user_id"]
    for number, session in enumerate(
        [{"expires_at": later(-1)}, {"idle_expires_at": later(-1)}, {"expires_at": later(1)}, None, {}]
    ):
        await sign_in(site, user_id, session_id=f"e-{number}", session=session)
    first = (await api.get(f"{path_of(user_id)}/sessions?take=2&include_totals=true")).json()
    assert ([one["id"] for one in first["sessions"]], first["total"]) == (["e-2", "e-3"], 3)
    rest = (await api.get(f"{path_of(user_id)}/sessions", params={"from": first["next"]})).json()
    assert [one["id"] for one in rest["sessions"]] == ["e-4"]
    assert "next" not in rest
    assert (await api.get("/api/v2/sessions/e-0")).status_code == 404


async def test_revoking_a_session_takes_its_tokens(site: Site, api: httpx.AsyncClient) -> None:
    """DELETE ends only the session, revoke also its refresh tokens; a revocation is published for each."""
    user_id = (await create_user(api, email="revoke@example.com"))["user_id"]
    for name in ("a", "b"):
        await sign_in(
            site, user_id, session_id=f"r-{name}", refresh_token={"id": f"t-{name}"}, client_id="app"
        )
    answer = await api.delete("/api/v2/sessions/r-a")
    assert (answer.status_code, answer.json()) == (202, {})
    assert "vita-position" in answer.headers
    tokens = (await api.get(f"{path_of(user_id)}/refresh-tokens")).json()["tokens"]
    assert [one["id"] for one in tokens] == ["t-a", "t-b"]
    answer = await api.post("/api/v2/sessions/r-b/revoke")
    assert (answer.status_code, answer.json()) == (202, {})
    tokens = (await api.get(f"{path_of(user_id)}/refresh-tokens")).json()["tokens"]
    assert [one["id"] for one in tokens] == ["t-a"]
    assert (await api.get(f"{path_of(user_id)}/sessions")).json() == {"sessions": []}
    assert await of_user(site, user_id) == [
        {"what": ["sessions"], "user_id": user_id, "session_id": "r-a"},
        {"what": ["sessions", "refresh_tokens"], "user_id": user_id, "session_id": "r-b"},
    ]
    gone = await api.post("/api/v2/sessions/r-b/revoke")
    assert gone.json() == {
        "statusCode": 404,
        "error": "Not Found",
        "message": "The session does not exist.",
        "errorCode": "inexistent_session",
    }
    assert (await api.delete("/api/v2/sessions/r-b")).status_code == 202


async def test_all_of_a_user_is_revoked(site: Site, api: httpx.AsyncClient) -> None:
    """Sessions, refresh tokens or both are revoked, whether or not the views have any; an unknown user is a
    404 or 400."""
    user_id = (await create_user(api, email="all@example.com"))["user_id"]

    async def kept() -> tuple[int, int]:
        sessions = (await api.get(f"{path_of(user_id)}/sessions")).json()["sessions"]
        tokens = (await api.get(f"{path_of(user_id)}/refresh-tokens")).json()["tokens"]
        return len(sessions), len(tokens)

    async def again() -> None:
        await sign_in(site, user_id, session_id="x", refresh_token={"id": "y"}, client_id="app")
        assert await kept() == (1, 1)

    await again()
    assert (await api.delete(f"{path_of(user_id)}/sessions")).json() == {}
    assert await kept() == (0, 1)
    assert (await api.delete(f"{path_of(user_id)}/refresh-tokens")).status_code == 202
    assert await kept() == (0, 0)
    await again()
    answer = await api.post(f"{path_of(user_id)}/revoke-access", json={"preserve_refresh_tokens": True})
    assert (answer.status_code, await kept()) == (202, (0, 1))
    await again()
    await api.post(f"{path_of(user_id)}/revoke-access", json={"session_id": "x"})
    assert await kept() == (0, 0)
    await again()
    await api.post(f"{path_of(user_id)}/revoke-access", json={})
    assert await kept() == (0, 0)
    nobody = path_of("auth0|nobody")
    assert (await api.delete(f"{nobody}/sessions")).status_code == 404
    assert (await api.get(f"{nobody}/refresh-tokens")).json()["message"] == "The user does not exist."
    assert (await api.post(f"{nobody}/revoke-access", json={})).status_code == 400
    assert len(await of_user(site, user_id)) == 5


async def test_refresh_tokens(site: Site, api: httpx.AsyncClient) -> None:
    """A refresh token is answered exactly so; seen again it was exchanged."""
    user_id = (await create_user(api, email="token@example.com"))["user_id"]
    servers = [{"audience": "https://api/", "scopes": "read offline_access"}]
    first = await sign_in(
        site, user_id, client_id="app", session_id="ts", ip="192.0.2.1",
        refresh_token={"id": "rt-1", "rotating": True, "resource_servers": servers},
    )  # fmt: skip
    token = {
        "id": "rt-1",
        "user_id": user_id,
        "created_at": render(first),
        "idle_expires_at": None,
        "expires_at": None,
        "device": {"initial_ip": "192.0.2.1", "last_ip": "192.0.2.1"},
        "client_id": "app",
        "session_id": "ts",
        "rotating": True,
        "resource_servers": servers,
        "last_exchanged_at": None,
    }
    assert (await api.get("/api/v2/refresh-tokens/rt-1")).json() == token
    then = await sign_in(site, user_id, client_id="app", refresh_token={"id": "rt-1", "rotating": True})
    page = (await api.get(f"{path_of(user_id)}/refresh-tokens?include_totals=true")).json()
    assert page == {"tokens": [{**token, "last_exchanged_at": render(then)}], "total": 1}
    found = await api.get(
        "/api/v2/refresh-tokens", params={"user_id": user_id, "client_id": "app", "fields": "id"}
    )
    assert found.json() == {"refresh_tokens": [{"id": "rt-1"}]}
    described = await api.patch("/api/v2/refresh-tokens/rt-1", json={"refresh_token_metadata": {"k": "v"}})
    assert described.json()["refresh_token_metadata"] == {"k": "v"}
    by_client = {"user_id": user_id, "client_id": "app", "audience": "https://other/"}
    await api.post("/api/v2/refresh-tokens/revoke", json=by_client)
    assert (await api.get("/api/v2/refresh-tokens/rt-1")).status_code == 200
    answer = await api.post("/api/v2/refresh-tokens/revoke", json={**by_client, "audience": "https://api/"})
    assert (answer.status_code, answer.json()) == (202, {})
    assert (await api.get("/api/v2/refresh-tokens/rt-1")).json()["errorCode"] == "inexistent_refresh_token"
    both = await api.post("/api/v2/refresh-tokens/revoke", json={"ids": ["a"], "user_id": user_id})
    assert both.json()["message"] == "Payload validation error: 'Either ids or user_id must be given'."


async def test_the_oldest_refresh_tokens_of_a_client_drop_out(site: Site, api: httpx.AsyncClient) -> None:
    """Only the 200 newest tokens of each client are listed."""
    user_id = (await create_user(api, email="many@example.com"))["user_id"]
    subject = await site_value(site, "SELECT subject FROM views.profile WHERE user_id = $1", user_id)
    await sign_in(site, user_id, client_id="one", refresh_token={"id": "m-1000"})
    await site_value(
        site,
        "INSERT INTO view_1.refresh_token (tenant, subject, id, client_id, created_at, rotating)"
        " SELECT 'demo', $1, 'm-' || (1000 + n), CASE WHEN n > 210 THEN 'two' ELSE 'one' END,"
        " now() + make_interval(secs => n), false FROM generate_series(1, 215) AS n",
        subject,
    )
    page = (await api.get(f"{path_of(user_id)}/refresh-tokens?take=100&include_totals=true")).json()
    assert (page["total"], page["tokens"][0]["id"]) == (205, "m-1011")


async def site_value(site: Site, query: str, *values: Any) -> Any:
    """What a superuser finds or does."""
    connection = await asyncpg.connect(site.database.admin)
    try:
        return await connection.fetchval(query, *values)
    finally:
        await connection.close()


async def test_grants(site: Site, api: httpx.AsyncClient) -> None:
    """What logins granted adds up, is found by user, client and audience, and ends by id or by user."""
    user_id = (await create_user(api, email="grant@example.com"))["user_id"]
    for audience, scope in (("https://a/", "read"), ("https://a/", "read write"), ("https://b/", "x")):
        await sign_in(site, user_id, client_id="app", audience=audience, scope=scope, organization_id="org_1")
    narrowed = {"user_id": user_id, "audience": "https://a/", "include_totals": "true"}
    page = (await api.get("/api/v2/grants", params=narrowed)).json()
    (grant,) = page.pop("grants")
    assert page == {"start": 0, "limit": 50, "total": 1}
    assert {name: value for name, value in grant.items() if name != "id"} == {
        "clientID": "app",
        "user_id": user_id,
        "audience": "https://a/",
        "scope": ["read", "write"],
        "organization_id": "org_1",
    }
    assert (await api.delete(f"/api/v2/grants/{grant['id']}")).status_code == 204
    assert (await api.delete(f"/api/v2/grants/{grant['id']}")).status_code == 204
    left = (await api.get("/api/v2/grants", params={"user_id": user_id})).json()
    assert [one["audience"] for one in left] == ["https://b/"]
    assert (await api.delete("/api/v2/grants")).json()["errorCode"] == "invalid_query_string"
    assert (await api.delete("/api/v2/grants", params={"user_id": user_id})).status_code == 204
    assert (await api.get("/api/v2/grants", params={"user_id": user_id})).json() == []


async def test_device_credentials(site: Site, api: httpx.AsyncClient) -> None:
    """A user adds a key of a device, once; keys and refresh tokens are listed by type and end by id."""
    user_id = (await create_user(api, email="device@example.com"))["user_id"]
    await sign_in(site, user_id, client_id="app", user_agent="Firefox", refresh_token={"id": "d-1"})
    own = site.client()
    token = user_token(site, user_id, ["create:current_user_device_credentials"])
    own.headers["authorization"] = f"Bearer {token}"
    body = {"device_name": "Phone", "type": "public_key", "value": "MIIB", "device_id": "1"}
    created = await own.post("/api/v2/device-credentials", json=body)
    assert (created.status_code, list(created.json())) == (201, ["id"])
    again = await own.post("/api/v2/device-credentials", json=body)
    assert again.status_code == 409
    found = (await api.get("/api/v2/device-credentials", params={"user_id": user_id})).json()
    key = {"id": created.json()["id"], "device_name": "Phone", "device_id": "1", "type": "public_key",
           "user_id": user_id}  # fmt: skip
    refresh = {"id": "d-1", "device_name": "Firefox", "type": "refresh_token", "user_id": user_id,
             "client_id": "app"}  # fmt: skip
    assert found == [refresh, key]
    only = {"user_id": user_id, "type": "public_key", "include_totals": "true", "fields": "id"}
    page = (await api.get("/api/v2/device-credentials", params=only)).json()
    assert page == {"device_credentials": [{"id": key["id"]}], "start": 0, "limit": 50, "total": 1}
    for identity in (key["id"], "d-1", "dcr_nobody"):
        assert (await api.delete(f"/api/v2/device-credentials/{identity}")).status_code == 204
    assert (await api.get("/api/v2/device-credentials", params={"user_id": user_id})).json() == []


async def test_connected_accounts(site: Site, api: httpx.AsyncClient) -> None:
    """Accounts that logins showed, with their connection's id; one per connection."""
    user_id = (await create_user(api, email="account@example.com"))["user_id"]
    assert (await api.get(f"{path_of(user_id)}/connected-accounts")).json() == {"connected_accounts": []}
    connection = (await api.get("/api/v2/connections")).json()[0]
    shown = {"connection": connection["name"], "strategy": "auth0", "scopes": ["calendar"]}
    first = await sign_in(site, user_id, connected_account=shown)
    await sign_in(site, user_id, connected_account={**shown, "scopes": ["calendar", "mail"]})
    page = (await api.get(f"{path_of(user_id)}/connected-accounts")).json()
    (account,) = page["connected_accounts"]
    assert account.pop("id").startswith("cac_")
    assert account == {
        "connection": connection["name"],
        "connection_id": connection["id"],
        "strategy": "auth0",
        "access_type": "offline",
        "scopes": ["calendar", "mail"],
        "created_at": render(first),
    }


async def test_a_deleted_user_leaves_nothing(site: Site, api: httpx.AsyncClient) -> None:
    """The rows are deleted with the user, and a revocation of everything is published for gateways."""
    user_id = (await create_user(api, email="gone@example.com"))["user_id"]
    await sign_in(site, user_id, session_id="gone", client_id="app", refresh_token={"id": "gone"}, scope="x")
    assert (await api.delete(path_of(user_id))).status_code == 204
    for path in ("sessions/gone", "refresh-tokens/gone"):
        assert (await api.get(f"/api/v2/{path}")).status_code == 404
    for table in ("session", "refresh_token", "user_grant"):
        query = f"SELECT count(*) FROM views.{table} AS t WHERE NOT EXISTS (SELECT FROM views.profile AS p"
        assert await site_value(site, f"{query} WHERE p.subject = t.subject AND p.document IS NOT NULL)") == 0
    assert await of_user(site, user_id) == [{"what": ["sessions", "refresh_tokens"], "user_id": user_id}]


async def test_another_tenants_sessions_are_out_of_reach(site: Site, api: httpx.AsyncClient) -> None:
    """Another tenant can neither list nor read nor revoke them."""
    user_id = (await create_user(api, email="mine@example.com"))["user_id"]
    await sign_in(site, user_id, session_id="mine", client_id="app", refresh_token={"id": "mine"}, scope="x")
    other = site.client(tenant="other")
    assert (await other.get(f"{path_of(user_id)}/sessions")).status_code == 404
    assert (await other.get("/api/v2/sessions/mine")).status_code == 404
    assert (await other.delete("/api/v2/sessions/mine")).status_code == 202
    assert (await other.get("/api/v2/grants")).json() == []
    assert (await other.get("/api/v2/device-credentials")).json() == []
    assert (await api.get("/api/v2/sessions/mine")).status_code == 200
