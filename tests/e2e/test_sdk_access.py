"""Roles, permissions, APIs, organizations and user attribute profiles through the official Python SDK."""

import httpx
import pytest
import pytest_asyncio
from auth0.management.core.api_error import ApiError

from tests.worlds.management import PASSWORD
from tests.worlds.sdk import Tenant

API = "https://sdk.example.com"
READ = {"resource_server_identifier": API, "permission_name": "read:all"}
WRITE = {"resource_server_identifier": API, "permission_name": "write:all"}


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def an_api(tenant: Tenant) -> None:
    """An API with two scopes, and a connection for its users."""
    await tenant.sdk.connections.create(name="staff", strategy="auth0", options={"passwordPolicy": "none"})
    await tenant.sdk.resource_servers.create(
        identifier=API,
        name="SDK",
        scopes=[{"value": "read:all"}, {"value": "write:all", "description": "W"}],
    )


async def create_user(tenant: Tenant, name: str) -> str:
    made = await tenant.sdk.users.create(connection="staff", email=f"{name}@example.com", password=PASSWORD)
    assert made.user_id is not None
    return made.user_id


async def test_roles(tenant: Tenant) -> None:
    """Create, get, list, update, what it permits, who has it, delete."""
    roles = tenant.sdk.roles
    made = await roles.create(name="sdk-reader", description="Reads")
    assert made.id is not None
    assert ((await roles.get(made.id)).name, made.type) == ("sdk-reader", "tenant")
    changed = await roles.update(made.id, description="Reads all")
    assert changed.description == "Reads all"
    for name in ("sdk-a", "sdk-b", "sdk-c"):
        await roles.create(name=name)
    listed = [role.name async for role in await roles.list(per_page=2, name_filter="sdk-")]
    assert listed == ["sdk-a", "sdk-b", "sdk-c", "sdk-reader"]
    await roles.permissions.add(made.id, permissions=[READ, WRITE])
    permitted = [one.permission_name async for one in await roles.permissions.list(made.id, per_page=1)]
    assert permitted == ["read:all", "write:all"]
    await roles.permissions.delete(made.id, permissions=[WRITE])
    assert [one.permission_name async for one in await roles.permissions.list(made.id)] == ["read:all"]
    people = [await create_user(tenant, f"member{number}") for number in range(3)]
    await roles.users.assign(made.id, users=people)
    found = [one.user_id async for one in await roles.users.list(made.id, take=2)]
    assert sorted(str(one) for one in found) == sorted(people)
    await roles.delete(made.id)
    with pytest.raises(ApiError) as missing:
        await roles.get(made.id)
    assert missing.value.body == {
        "statusCode": 404, "error": "Not Found", "message": "The role does not exist.",
    }  # fmt: skip


async def test_roles_and_permissions_of_users(tenant: Tenant) -> None:
    """Assigned and removed from the user's side, with sources and the effective lists."""
    users, role = tenant.sdk.users, await tenant.sdk.roles.create(name="sdk-of-users")
    assert role.id is not None
    jane = await create_user(tenant, "jane")
    await tenant.sdk.roles.permissions.add(role.id, permissions=[READ])
    await users.roles.assign(jane, roles=[role.id])
    assert [one.id async for one in await users.roles.list(jane)] == [role.id]
    await users.permissions.create(jane, permissions=[READ, WRITE])
    held = [one async for one in await users.permissions.list(jane, per_page=1)]
    assert [one.permission_name for one in held] == ["read:all", "write:all"]
    assert [one["source_type"] for one in held[0].model_extra["sources"]] == ["DIRECT", "ROLE"]
    effective = [
        (one.permission_name, one.sources)
        async for one in await users.effective_permissions.list(jane, resource_server_identifier=API, take=1)
    ]
    assert effective == [("read:all", ["direct", "roles"]), ("write:all", ["direct"])]
    through = await users.effective_permissions.sources.roles.list(
        jane, resource_server_identifier=API, permission_name="read:all"
    )
    assert [(one.id, one.sources) async for one in through] == [(role.id, ["direct"])]
    assert [one.id async for one in await users.effective_roles.list(jane)] == [role.id]
    await users.permissions.delete(jane, permissions=[READ, WRITE])
    await users.roles.delete(jane, roles=[role.id])
    assert [one async for one in await users.roles.list(jane)] == []
    assert [one async for one in await users.permissions.list(jane)] == []


async def test_organizations(tenant: Tenant) -> None:
    """Create, get, find by name, list, update, members from both sides, delete."""
    organizations, jane = tenant.sdk.organizations, await create_user(tenant, "org-jane")
    made = await organizations.create(name="sdk-org", display_name="SDK", metadata={"plan": "gold"})
    assert made.id is not None
    assert (await organizations.get(made.id)).metadata == {"plan": "gold"}
    assert (await organizations.get_by_name("sdk-org")).id == made.id
    assert (await organizations.update(made.id, display_name="SDK 2")).display_name == "SDK 2"
    await organizations.create(name="sdk-other")
    names = [one.name async for one in await organizations.list(take=1)]
    assert [name for name in names if name.startswith("sdk-")] == ["sdk-org", "sdk-other"]
    await organizations.members.create(made.id, members=[jane])
    assert [one.user_id async for one in await organizations.members.list(made.id)] == [jane]
    assert [one.id async for one in await tenant.sdk.users.organizations.list(jane)] == [made.id]
    await organizations.members.delete(made.id, members=[jane])
    assert [one async for one in await organizations.members.list(made.id)] == []
    await organizations.delete(made.id)
    with pytest.raises(ApiError) as missing:
        await organizations.get(made.id)
    assert missing.value.status_code == 404


async def test_resource_servers(tenant: Tenant) -> None:
    """Create, get, list, update, delete; the Management API is among them."""
    servers = tenant.sdk.resource_servers
    made = await servers.create(identifier="urn:sdk", name="Second", scopes=[{"value": "a"}])
    assert made.id is not None
    assert (await servers.get(made.id)).identifier == "urn:sdk"
    names = [one.name async for one in await servers.list(per_page=2)]
    assert {"SDK", "Second", "Vita Management API"} <= set(names)
    assert len(set(names)) == len(names)
    changed = await servers.update(made.id, scopes=[{"value": "b", "description": "B"}])
    assert [(one.value, one.description) for one in changed.scopes or ()] == [("b", "B")]
    await servers.delete(made.id)
    with pytest.raises(ApiError) as missing:
        await servers.get(made.id)
    assert missing.value.status_code == 404


async def test_user_attribute_profiles(tenant: Tenant) -> None:
    """Begun with a template, listed, changed, deleted."""
    profiles = tenant.sdk.user_attribute_profiles
    templates = (await profiles.list_templates()).user_attribute_profile_templates or []
    assert [one.id for one in templates] == ["auth0-generic"]
    template = (await profiles.get_template("auth0-generic")).template
    assert template is not None
    made = await profiles.create(
        name="sdk-profile", user_id=template.user_id, user_attributes=template.user_attributes or {}
    )
    assert made.id is not None
    read = await profiles.get(made.id)
    assert read.user_attributes == template.user_attributes
    assert (await profiles.update(made.id, name="sdk-profile-2")).name == "sdk-profile-2"
    assert [one.id async for one in await profiles.list(take=1)].count(made.id) == 1
    await profiles.delete(made.id)
    with pytest.raises(ApiError) as missing:
        await profiles.get(made.id)
    assert missing.value.body["message"] == "User attribute profile not found."


async def test_operations_that_are_not_built_say_so(tenant: Tenant) -> None:
    """The SDK gets 501 and the operation's name; an unknown path is a 404, an unsupported method a 405."""
    sdk = tenant.sdk
    for name, calling in (
        ("actions.list", sdk.actions.list()),
        ("rules.create", sdk.rules.create(name="r", script="s")),
        ("hooks.get", sdk.hooks.get("h")),
        ("jobs.users_exports.create", sdk.jobs.users_exports.create()),
        ("connections.keys.rotate", sdk.connections.keys.rotate("con_0123456789abcdef")),
    ):
        with pytest.raises(ApiError) as absent:
            await calling
        assert absent.value.status_code == 501
        assert absent.value.body["error"] == "Not Implemented"
        assert absent.value.body["errorCode"] == "operation_not_implemented"
        assert f" {name} " in absent.value.body["message"]
    async with httpx.AsyncClient(trust_env=False, base_url=tenant.url) as http:
        unknown = await http.get("/api/v2/nothing")
        assert (unknown.status_code, unknown.headers["x-content-type-options"]) == (404, "nosniff")
        assert unknown.headers["referrer-policy"] == "no-referrer"
        assert "strict-transport-security" not in unknown.headers
        wrong = await http.put("/api/v2/actions/actions")
        assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, POST")
