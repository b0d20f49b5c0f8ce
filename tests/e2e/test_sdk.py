"""The official Python SDK against a really running service, over plain HTTP."""

import httpx
import pytest
from auth0.management.core.api_error import ApiError

from tests.worlds.management import PASSWORD
from tests.worlds.sdk import Tenant


async def test_connections_through_the_sdk(tenant: Tenant) -> None:
    """Create, get, update, list by cursor, delete."""
    connections = tenant.sdk.connections
    made = await connections.create(name="sdk-db", strategy="auth0", options={"requires_username": True})
    assert made.id is not None
    assert (made.name, made.strategy, made.realms) == ("sdk-db", "auth0", ["sdk-db"])
    read = await connections.get(made.id)
    assert read.name == "sdk-db"
    changed = await connections.update(made.id, options={"disable_signup": True}, display_name="SDK")
    assert changed.display_name == "SDK"
    added = ["sdk-a", "sdk-b", "sdk-c"]
    for name in added:
        await connections.create(name=name, strategy="samlp")
    names = [item.name async for item in await connections.list(take=2, strategy=["samlp"])]
    assert [name for name in names if name in added] == added
    await connections.delete(made.id)
    with pytest.raises(ApiError) as missing:
        await connections.get(made.id)
    assert (missing.value.status_code, missing.value.body["errorCode"]) == (404, "inexistent_connection")


async def test_users_through_the_sdk(tenant: Tenant) -> None:
    """Create, get, find by email, list page by page, update, delete: as an application does it."""
    users = tenant.sdk.users
    people = await tenant.sdk.connections.create(
        name="people", strategy="auth0", options={"passwordPolicy": "none"}
    )
    assert people.id is not None
    made = [
        await users.create(
            connection="people",
            email=f"sdk{n}@example.com",
            password=PASSWORD,
            user_metadata={"n": n},
            verify_email=False,
        )
        for n in range(5)
    ]
    first = made[0]
    assert first.user_id is not None
    assert first.user_id.startswith("auth0|")
    read = await users.get(first.user_id)
    assert (read.email, read.user_metadata, read.identities[0].connection) == (
        "sdk0@example.com",
        {"n": 0},
        "people",
    )
    found = await users.list_users_by_email(email="sdk3@example.com", fields="email,user_id")
    assert [user.user_id for user in found] == [made[3].user_id]
    listed = [
        user.email async for user in await users.list(per_page=2, connection="people", sort="created_at:1")
    ]
    assert listed == [f"sdk{n}@example.com" for n in range(5)]
    changed = await users.update(
        first.user_id,
        name="Jane",
        blocked=True,
        user_metadata={"n": None, "m": 1},
        app_metadata={"plan": "gold"},
    )
    assert (changed.name, changed.blocked) == ("Jane", True)
    assert (changed.user_metadata, changed.app_metadata) == ({"m": 1}, {"plan": "gold"})
    await users.delete(first.user_id)
    with pytest.raises(ApiError) as missing:
        await users.get(first.user_id)
    assert (missing.value.status_code, missing.value.body["errorCode"]) == (404, "inexistent_user")
    await tenant.sdk.connections.users.delete_by_email(people.id, email="sdk1@example.com")
    assert await users.list_users_by_email(email="sdk1@example.com") == []


async def test_errors_reach_the_sdk_as_it_expects_them(tenant: Tenant) -> None:
    """Conflicts and bad bodies raise with status and documented body."""
    users = tenant.sdk.users
    await tenant.sdk.connections.create(name="strict", strategy="auth0")
    await users.create(connection="strict", email="dup@example.com", password=PASSWORD)
    with pytest.raises(ApiError) as conflict:
        await users.create(connection="strict", email="dup@example.com", password=PASSWORD)
    assert (conflict.value.status_code, conflict.value.body["message"]) == (409, "The user already exists.")
    with pytest.raises(ApiError) as weak:
        await users.create(connection="strict", email="weak@example.com", password="short")
    assert weak.value.body["message"] == "PasswordStrengthError: Password is too weak"
    with pytest.raises(ApiError) as invalid:
        await users.create(connection="strict", email="nonsense", password=PASSWORD)
    assert invalid.value.body["errorCode"] == "invalid_body"


async def test_clients_through_the_sdk(tenant: Tenant) -> None:
    """Create, get, update, grant, list, rotate, delete; the new client gets a token by its grant."""
    clients, grants = tenant.sdk.clients, tenant.sdk.client_grants
    made = await clients.create(name="Made by the SDK", app_type="non_interactive")
    assert made.client_id is not None
    assert made.client_secret is not None
    assert (await clients.get(made.client_id)).client_secret is None
    assert (await clients.update(made.client_id, description="Nightly")).description == "Nightly"
    audience = f"{tenant.url}/api/v2/"
    grant = await grants.create(client_id=made.client_id, audience=audience, scope=["read:users"])
    assert grant.id is not None
    wider = ["read:users", "read:stats"]
    assert (await grants.update(grant.id, scope=wider)).scope == wider
    assert [one.id async for one in await grants.list(client_id=made.client_id)] == [grant.id]
    form = {
        "grant_type": "client_credentials", "audience": audience,
        "client_id": made.client_id, "client_secret": made.client_secret,
    }  # fmt: skip
    async with httpx.AsyncClient(trust_env=False) as http:
        issued = await http.post(f"{tenant.url}/oauth/token", data=form)
        assert issued.json()["scope"] == "read:users read:stats"
        rotated = await clients.rotate_secret(made.client_id)
        assert rotated.client_secret not in (None, made.client_secret)
        assert (await http.post(f"{tenant.url}/oauth/token", data=form)).status_code == 401
    assert "Made by the SDK" in [one.name async for one in await clients.list()]
    await grants.delete(grant.id)
    await clients.delete(made.client_id)
    with pytest.raises(ApiError) as missing:
        await clients.get(made.client_id)
    assert (missing.value.status_code, missing.value.body["errorCode"]) == (404, "inexistent_client")
