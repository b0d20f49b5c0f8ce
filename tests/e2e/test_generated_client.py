"""A client that a public generator makes of the OpenAPI document, used against a running service."""

import asyncio
import importlib
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.support.stack import Stack
from tests.worlds.management import PASSWORD
from tests.worlds.sdk import Tenant, serving, token_of

PACKAGE = "generated_vita_client"
CONFIG = "post_hooks: []\ncontent_type_overrides:\n  image/svg+xml: application/octet-stream\n"
"""The generator recognises images only by this configuration."""


async def generated(document: bytes, folder: Path) -> None:
    """Writes the document and has the client made of it. Fails at any warning."""
    (folder / "openapi.json").write_bytes(document)
    (folder / "config.yaml").write_text(CONFIG)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none", "--fail-on-warning",
        "--path", str(folder / "openapi.json"), "--config", str(folder / "config.yaml"),
        "--output-path", str(folder / PACKAGE),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "COLUMNS": "120"},
    )  # fmt: skip
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    for word in (b"Unable", b"WARNING", b"Skipping", b"Warning"):
        assert word not in output, output.decode()


@contextmanager
def importable(folder: Path) -> Iterator[None]:
    """The generated package on the path for a while."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in [one for one in sys.modules if one.partition(".")[0] == PACKAGE]:
            del sys.modules[name]


class Generated:
    """The client with a token; `await client("users.get_users", page=1)` is its call of that name."""

    def __init__(self, url: str, token: str) -> None:
        kind = importlib.import_module(f"{PACKAGE}.client").AuthenticatedClient
        self._client = kind(base_url=url, token=token, httpx_args={"trust_env": False})

    async def __call__(self, name: str, /, *arguments: str, **keywords: Any) -> Any:
        call = importlib.import_module(f"{PACKAGE}.api.{name}").asyncio
        found = await call(*arguments, client=self._client, **keywords)
        assert found is not None, f"the answer of {name} is lost"
        return found

    async def close(self) -> None:
        """Closes its connections."""
        await self._client.get_async_httpx_client().aclose()

    @staticmethod
    def body(kind: str, /, **members: Any) -> Any:
        """A body of the generated type."""
        return getattr(importlib.import_module(f"{PACKAGE}.models"), kind).from_dict(members)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def tenant(stack: Stack) -> AsyncIterator[Tenant]:
    """A tenant of this file's own: other files count what is in the shared one."""
    async with serving(stack) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def client(tenant: Tenant, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Generated]:
    folder = tmp_path_factory.mktemp("generated")
    async with httpx.AsyncClient(trust_env=False) as http:
        await generated((await http.get(f"{tenant.url}/openapi.json")).content, folder)
    with importable(folder):
        made = Generated(tenant.url, await token_of(tenant.url))
        yield made
        await made.close()


async def test_users_are_made_and_read(client: Generated) -> None:
    """A created user is read by id, by page with totals, as an array and by checkpoint, each typed."""
    await client("connections.post_connections", body=client.body(
        "CreateConnection", name="generated", strategy="auth0", options={"passwordPolicy": "none"}
    ))  # fmt: skip
    made = await client("users.post_users", body=client.body(
        "CreateUser", connection="generated", email="generated@example.com", password=PASSWORD
    ))  # fmt: skip
    assert type(made).__name__ == "User", made
    assert (type(made).__name__, made.email) == ("User", "generated@example.com")
    assert (await client("users.get_users_by_id", made.user_id)).user_id == made.user_id
    query = f'user_id:"{made.user_id}"'
    page = await client("users.get_users", q=query, include_totals=True)
    assert (type(page).__name__, page.total) == ("UsersPage", 1)
    assert [one.user_id for one in await client("users.get_users", q=query)] == [made.user_id]
    walked = await client("users.get_users", q=query, take=1)
    assert (type(walked).__name__, walked.users[0].user_id) == ("UsersCheckpoint", made.user_id)
    refused = await client("users.get_users_by_id", "auth0|nobody")
    assert (type(refused).__name__, refused.status_code) == ("Failure", 404)


async def test_lists_of_one_key_keep_their_own_items(client: Generated) -> None:
    """Users and members, roles of tenants and users, permissions of roles and users, clients of tenants and
    connections: each page has the items that this list has."""
    api = "https://generated.example.com"
    await client("resource_servers.post_resource_servers", body=client.body(
        "CreateApi", identifier=api, scopes=[{"value": "read:all"}]
    ))  # fmt: skip
    role = await client("roles.post_roles", body=client.body("CreateRole", name="generated"))
    user = (await client("users.get_users", q='email:"generated@example.com"'))[0]
    permissions = client.body("Permissions", permissions=[
        {"resource_server_identifier": api, "permission_name": "read:all"}
    ])  # fmt: skip
    await client("roles.post_roles_by_id_permissions", role.id, body=permissions)
    await client("roles.post_roles_by_id_users", role.id, body=client.body("UserIds", users=[user.user_id]))
    enabled = await client("connections.get_connections_by_id_clients", "none")
    assert enabled.status_code == 404
    connection = (await client("connections.get_connections", name="generated"))[0]
    for name, arguments, key, item in (
        ("roles.get_roles", (), "roles", "Role"),
        ("roles.get_roles_by_id_users", (role.id,), "users", "Member"),
        ("roles.get_roles_by_id_permissions", (role.id,), "permissions", "PermissionShown"),
        ("users.get_users_by_id_roles", (user.user_id,), "roles", "Role"),
        ("users.get_users_by_id_permissions", (user.user_id,), "permissions", "UserPermission"),
        ("clients.get_clients", (), "clients", "Client"),
        ("resource_servers.get_resource_servers", (), "resource_servers", "Api"),
    ):
        page = await client(name, *arguments, include_totals=True)
        assert page.total >= 1, name
        assert {type(one).__name__ for one in getattr(page, key)} == {item}, name
    effective = await client("users.get_users_by_id_effective_roles", user.user_id)
    assert [type(one).__name__ for one in effective.roles] == ["EffectiveRole"]
    assert (await client("connections.get_connections_by_id_clients", connection.id)).clients == []
