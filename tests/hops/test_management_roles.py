"""Roles, APIs and permissions over the real log, database and projector, in the exact words of the API."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from projections.profile.changes.access import MOST
from services.management.roles import routes as role_routes
from tests.samples.error_bodies import error_answer
from tests.worlds.management import Site, path_of
from tests.worlds.resources import add_user, answered, create, delete

API = "https://api.example.com/"


@pytest_asyncio.fixture(loop_scope="session")
async def api(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a tenant of the test's own; resource servers are deleted after the test."""
    client = await site.client_of_new_tenant()
    yield client
    for each in (await client.get("/api/v2/resource-servers")).json():
        await client.delete(f"/api/v2/resource-servers/{each['id']}")


async def role(api: httpx.AsyncClient, name: str = "Reader", **body: Any) -> str:
    return str((await create(api, "roles", name=name, **body))["id"])


async def server(api: httpx.AsyncClient, *scopes: str, identifier: str = API) -> str:
    listed = [{"value": scope, "description": f"May {scope}"} for scope in scopes]
    return str(
        (await create(api, "resource-servers", identifier=identifier, name="Invoices", scopes=listed))["id"]
    )


def named(*names: str, identifier: str = API) -> dict[str, Any]:
    return {
        "permissions": [{"resource_server_identifier": identifier, "permission_name": name} for name in names]
    }


NO_ROLE = error_answer(404, "The role does not exist.")
NO_API = error_answer(404, "The resource server does not exist.")


async def test_a_role_from_first_to_last(api: httpx.AsyncClient) -> None:
    """Made, read, changed and deleted in Auth0's words; a name is free again after."""
    answer = await api.post("/api/v2/roles", json={"name": "Reader"})
    role_id = answer.json()["id"]
    assert answered(answer) == (200, {"id": role_id, "name": "Reader", "description": None, "type": "tenant"})
    assert role_id.startswith("rol_")
    assert len(role_id) == 20
    path = f"/api/v2/roles/{role_id}"
    shown = {"id": role_id, "name": "Reader", "description": "", "type": "tenant"}
    read = await api.get(path)
    assert (answered(read), list(read.json())) == ((200, shown), ["id", "name", "description", "type"])
    assert (await api.get(path, headers={"if-none-match": read.headers["etag"]})).status_code == 304
    assert answered(await api.post("/api/v2/roles", json={"name": "Reader"})) == error_answer(
        409, "The role already exists."
    )
    changed = await api.patch(path, json={"description": "May read"})
    assert answered(changed) == (200, {**shown, "description": "May read"})
    assert changed.headers["vita-position"]
    stale = await api.patch(path, json={"name": "X"}, headers={"if-match": read.headers["etag"]})
    assert stale.status_code == 412
    assert answered(await delete(api, path)) == (200, {})
    assert answered(await delete(api, path)) == answered(await api.get(path)) == NO_ROLE
    assert answered(await api.patch(path, json={"name": "X"})) == NO_ROLE
    assert (await api.post("/api/v2/roles", json={"name": "Reader"})).status_code == 200


async def test_roles_are_listed_by_name(api: httpx.AsyncClient) -> None:
    """With totals, by cursor, filtered by part of the name, by type and owner."""
    for name in ("Writer", "Admin", "Reader"):
        await role(api, name)
    listed = await api.get("/api/v2/roles")
    assert [one["name"] for one in listed.json()] == ["Admin", "Reader", "Writer"]
    page = (await api.get("/api/v2/roles?per_page=2&page=1&include_totals=true")).json()
    assert list(page) == ["roles", "start", "limit", "total"]
    assert ([one["name"] for one in page["roles"]], page["start"], page["total"]) == (["Writer"], 2, 3)
    first = (await api.get("/api/v2/roles?take=2&include_totals=true")).json()
    assert list(first) == ["roles", "next"]
    last = (await api.get("/api/v2/roles", params={"take": 2, "from": first["next"]})).json()
    assert ([one["name"] for one in last["roles"]], list(last)) == (["Writer"], ["roles"])
    for query, names in (
        ("name_filter=REA", ["Reader"]),
        ("name_filter=nobody", []),
        ("type=organization", []),
        ("type=tenant&name_filter=adm", ["Admin"]),
        ("owner_id=org_1", []),
        ("surprise=1&name_filter=w", ["Writer"]),
    ):
        assert [one["name"] for one in (await api.get(f"/api/v2/roles?{query}")).json()] == names


async def test_a_tenant_has_a_thousand_roles_at_most(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many concurrent creations exactly as many as allowed succeed; after a deletion, another role can be
    created."""
    monkeypatch.setattr(role_routes, "MOST_ROLES", 3)
    await role(api, "A")
    answers = await asyncio.gather(*(api.post("/api/v2/roles", json={"name": name}) for name in "BCDEFG"))
    made = [answer.json()["id"] for answer in answers if answer.status_code == 200]
    assert len(made) == 2
    full = error_answer(400, "No more roles can be created in this tenant.")
    assert [answered(answer) for answer in answers if answer.status_code != 200] == [full] * 4
    await api.delete(f"/api/v2/roles/{made[0]}")
    assert (await api.post("/api/v2/roles", json={"name": "H"})).status_code == 200
    assert answered(await api.post("/api/v2/roles", json={"name": "I"})) == full


async def test_what_a_role_permits(api: httpx.AsyncClient) -> None:
    """Added, listed by name without sources, removed; what does not exist is named."""
    await server(api, "write:all", "read:all")
    path = f"/api/v2/roles/{await role(api)}/permissions"
    assert answered(await api.post(path, json=named("write:all", "read:all"))) == (201, {})
    described = [
        {
            "permission_name": name,
            "description": f"May {name}",
            "resource_server_name": "Invoices",
            "resource_server_identifier": API,
        }
        for name in ("read:all", "write:all")
    ]
    listed = await api.get(path)
    assert answered(listed) == (200, described)
    assert list(listed.json()[0]) == list(described[0])
    page = (await api.get(f"{path}?include_totals=true&per_page=1")).json()
    assert page == {"permissions": described[:1], "start": 0, "limit": 1, "total": 2}
    assert answered(await api.post(path, json=named("read:all", identifier="urn:other"))) == NO_API
    assert answered(await api.post(path, json=named("fly"))) == error_answer(
        404, "The permission does not exist."
    )
    again = await api.post(path, json=named("read:all"))
    assert (answered(again), "vita-position" in again.headers) == ((201, {}), False)
    assert answered(await delete(api, path, named("write:all", "fly"))) == (204, None)
    assert answered(await api.get(path)) == (200, described[:1])
    present_role = (await api.get(path.removesuffix("/permissions"))).json()
    assert "permissions" not in present_role
    for ask in (api.get("/api/v2/roles/rol_none/permissions"),
                api.post("/api/v2/roles/rol_none/permissions", json=named("read:all")),
                delete(api, "/api/v2/roles/rol_none/permissions", named("read:all"))):  # fmt: skip
        assert answered(await ask) == NO_ROLE


async def test_roles_of_a_user(api: httpx.AsyncClient) -> None:
    """Given twice and taken twice with one event each; listed by name; unknown ones refused or ignored."""
    jane, reader, admin = await add_user(api), await role(api), await role(api, "Admin")
    path = f"{path_of(jane)}/roles"
    first = await api.post(path, json={"roles": [reader, admin, reader]})
    assert answered(first) == (204, None)
    assert "vita-position" not in (await api.post(path, json={"roles": [admin]})).headers
    listed = (await api.get(path)).json()
    assert [(one["id"], one["name"], one["description"]) for one in listed] == [
        (admin, "Admin", ""),
        (reader, "Reader", ""),
    ]
    page = (await api.get(f"{path}?include_totals=true")).json()
    assert (list(page), page["total"]) == (["roles", "start", "limit", "total"], 2)
    assert answered(await api.post(path, json={"roles": [admin, "rol_none"]})) == NO_ROLE
    assert answered(await delete(api, path, {"roles": [admin, "rol_none"]})) == (204, None)
    assert [one["id"] for one in (await api.get(path)).json()] == [reader]
    stale = await api.post(path, json={"roles": [admin]}, headers={"if-match": first.headers["etag"]})
    assert stale.status_code == 412
    gone = error_answer(404, "The user does not exist.", "inexistent_user")
    for method in ("GET", "POST", "DELETE"):
        body = None if method == "GET" else {"roles": [admin]}
        assert answered(await api.request(method, "/api/v2/users/auth0%7Cnobody/roles", json=body)) == gone
    assert (await api.post(path, json={"roles": []})).json()["errorCode"] == "invalid_body"
    user_shown = (await api.get(path_of(jane))).json()
    assert "roles" not in user_shown


async def test_users_of_a_role(api: httpx.AsyncClient) -> None:
    """The longest first, page by page, four fields each; a deleted user is on no list, a deleted role has
    none."""
    people = [await add_user(api, f"user{number}") for number in range(5)]
    role_id = await role(api)
    path = f"/api/v2/roles/{role_id}/users"
    for person in people:
        assert answered(await api.post(path, json={"users": [person]})) == (200, {})
    listed = (await api.get(path)).json()
    assert [one["user_id"] for one in listed] == people
    assert list(listed[0]) == ["user_id", "email", "picture", "name"]
    walked, query = [], {"take": "2", "include_totals": "true"}
    for _ in range(4):
        page = (await api.get(path, params=query)).json()
        assert list(page) in (["users", "next"], ["users"])
        walked += [one["user_id"] for one in page["users"]]
        if "next" not in page:
            break
        query["from"] = page["next"]
    assert walked == people
    totals = (await api.get(f"{path}?per_page=2&page=2&include_totals=true")).json()
    assert ([one["user_id"] for one in totals["users"]], totals["start"], totals["total"]) == (
        people[4:],
        4,
        5,
    )
    await delete(api, path_of(people[0]))
    assert [one["user_id"] for one in (await api.get(path)).json()] == people[1:]
    await delete(api, f"/api/v2/roles/{role_id}")
    missing = error_answer(404, "Role not found.")
    assert (
        answered(await api.get(path)) == answered(await api.post(path, json={"users": people[1:]})) == missing
    )
    assert (await api.get(f"{path_of(people[1])}/roles")).json() == []


async def test_a_role_for_many_is_given_to_all_or_refused_first(api: httpx.AsyncClient) -> None:
    """An unknown user rejects the request before the first change; repeating it writes nothing."""
    people = [await add_user(api, f"user{number}") for number in range(20)]
    role_id = await role(api)
    path = f"/api/v2/roles/{role_id}/users"
    assert answered(await api.post(path, json={"users": [*people, "auth0|nobody"]})) == error_answer(
        404, "One or more of the users do not exist."
    )
    assert (await api.get(path)).json() == []
    answer = await api.post(path, json={"users": people})
    assert (answered(answer), "vita-position" in answer.headers) == ((200, {}), True)
    assert {one["user_id"] for one in (await api.get(path)).json()} == {*people}
    assert "vita-position" not in (await api.post(path, json={"users": people})).headers


async def test_a_user_has_fifty_roles_at_most(api: httpx.AsyncClient) -> None:
    """The one too many is refused, for the user and for the role; a deleted role makes room."""
    jane, joe = await add_user(api), await add_user(api, "joe")
    roles = [await role(api, f"r{number}") for number in range(MOST["roles"] + 1)]
    path = f"{path_of(jane)}/roles"
    full = error_answer(400, "No more roles can be assigned to this user.")
    assert answered(await api.post(path, json={"roles": roles})) == full
    assert answered(await api.post(path, json={"roles": roles[:-1]})) == (204, None)
    assert answered(await api.post(path, json={"roles": roles[-1:]})) == full
    assert answered(await api.post(f"/api/v2/roles/{roles[-1]}/users", json={"users": [joe, jane]})) == full
    assert (await api.get(f"{path_of(joe)}/roles")).json() == []
    await delete(api, f"/api/v2/roles/{roles[0]}")
    assert answered(await api.post(path, json={"roles": roles[-1:]})) == (204, None)
    page = (await api.get(f"{path}?include_totals=true&per_page=100")).json()
    assert {one["id"] for one in page["roles"]} == {*roles[1:]}


async def test_of_two_at_once_only_what_fits_is_given(api: httpx.AsyncClient) -> None:
    """Two requests that each fit and together do not: one is given wholly, the other refused as too many."""
    path = f"{path_of(await add_user(api))}/roles"
    roles = [await role(api, f"r{number}") for number in range(52)]
    halves = ({"roles": roles[:26]}, {"roles": roles[26:]})
    answers = await asyncio.gather(*(api.post(path, json=half) for half in halves))
    assert sorted(answer.status_code for answer in answers) == [204, 400]
    refused = next(answer for answer in answers if answer.status_code == 400)
    assert refused.json()["message"] == "No more roles can be assigned to this user."
    assert len((await api.get(f"{path}?per_page=100")).json()) == 26


async def test_permissions_of_a_user_and_where_they_come_from(api: httpx.AsyncClient) -> None:
    """Direct ones and those of roles, once each with all its sources, by name; the effective lists agree."""
    await server(api, "b", "a", "c")
    await server(api, "a", identifier="urn:second")
    jane, reader, admin = await add_user(api), await role(api), await role(api, "Admin")
    await api.post(f"/api/v2/roles/{reader}/permissions", json=named("a", "b"))
    await api.post(f"/api/v2/roles/{admin}/permissions", json=named("a"))
    await api.post(f"{path_of(jane)}/roles", json={"roles": [reader, admin]})
    path = f"{path_of(jane)}/permissions"
    assert answered(await api.post(path, json=named("c", "b"))) == (201, {})
    assert answered(await api.post(path, json=named("a", identifier="urn:second"))) == (201, {})
    direct = {"source_id": "", "source_name": "", "source_type": "DIRECT"}
    of_admin = {"source_id": admin, "source_name": "Admin", "source_type": "ROLE"}
    of_reader = {"source_id": reader, "source_name": "Reader", "source_type": "ROLE"}
    listed = (await api.get(path)).json()
    assert list(listed[0]) == [
        "permission_name", "description", "resource_server_name", "resource_server_identifier", "sources",
    ]  # fmt: skip
    assert [
        (one["permission_name"], one["resource_server_identifier"], one["sources"]) for one in listed
    ] == [
        ("a", API, [of_admin, of_reader]),
        ("a", "urn:second", [direct]),
        ("b", API, [direct, of_reader]),
        ("c", API, [direct]),
    ]
    page = (await api.get(f"{path}?include_totals=true&per_page=3")).json()
    assert (list(page), len(page["permissions"]), page["total"]) == (
        ["permissions", "start", "limit", "total"], 3, 4,
    )  # fmt: skip
    effective = f"{path_of(jane)}/effective-permissions"
    found = (await api.get(effective, params={"resource_server_identifier": API})).json()
    assert [(one["permission_name"], one["sources"]) for one in found["permissions"]] == [
        ("a", ["roles"]), ("b", ["direct", "roles"]), ("c", ["direct"]),
    ]  # fmt: skip
    sources = f"{effective}/sources/effective-roles"
    asked = {"resource_server_identifier": API, "permission_name": "a", "take": "1"}
    first = (await api.get(sources, params=asked)).json()
    rest = (await api.get(sources, params={**asked, "from": first["next"]})).json()
    assert [(one["id"], one["sources"]) for one in first["roles"] + rest["roles"]] == [
        (admin, ["direct"]), (reader, ["direct"]),
    ]  # fmt: skip
    assert "next" not in rest
    assert (await api.get(sources, params={**asked, "permission_name": "c"})).json() == {"roles": []}
    assert (await api.get(effective)).json()["errorCode"] == "invalid_query_string"
    assert answered(await api.get(effective, params={"resource_server_identifier": "urn:none"})) == NO_API
    roles = (await api.get(f"{path_of(jane)}/effective-roles?take=500")).json()
    assert [(one["id"], one["name"], one["description"], one["sources"]) for one in roles["roles"]] == [
        (admin, "Admin", "", ["direct"]), (reader, "Reader", "", ["direct"]),
    ]  # fmt: skip
    assert answered(await delete(api, path, named("b", "a", "fly"))) == (204, None)
    listed = (await api.get(path)).json()
    assert [(one["permission_name"], one["sources"]) for one in listed][2] == ("b", [of_reader])


async def test_a_user_has_so_many_permissions_at_most(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one too many is refused in Auth0's words, and nothing of its request is given."""
    monkeypatch.setattr("services.commands.access.decide.MOST", {"permissions": 2})
    await server(api, "a", "b", "c")
    path = f"{path_of(await add_user(api))}/permissions"
    assert (await api.post(path, json=named("a"))).status_code == 201
    assert answered(await api.post(path, json=named("b", "c"))) == error_answer(
        400, "No more permissions can be assigned to this user."
    )
    assert [one["permission_name"] for one in (await api.get(path)).json()] == ["a"]


async def test_deleted_permissions_are_not_restored(api: httpx.AsyncClient) -> None:
    """A user does not regain a permission when it, or its deleted API, is created again."""
    server_id = await server(api, "a", "b")
    jane, reader = await add_user(api), await role(api)
    await api.post(f"/api/v2/roles/{reader}/permissions", json=named("a", "b"))
    path = f"{path_of(jane)}/permissions"
    await api.post(path, json=named("a", "b"))
    held, permitted = f"{path}?per_page=9", f"/api/v2/roles/{reader}/permissions"
    api_path = f"/api/v2/resource-servers/{server_id}"
    for scopes, left in ((["b"], ["b"]), (["b", "a"], ["b"])):
        changed = await api.patch(api_path, json={"scopes": [{"value": scope} for scope in scopes]})
        assert [one["value"] for one in changed.json()["scopes"]] == scopes
        assert [one["permission_name"] for one in (await api.get(held)).json()] == left
        assert [one["permission_name"] for one in (await api.get(permitted)).json()] == left
    assert answered(await delete(api, api_path)) == answered(await delete(api, api_path)) == (204, None)
    assert (await api.get(held)).json() == (await api.get(permitted)).json() == []
    await server(api, "a", "b")
    assert (await api.get(held)).json() == (await api.get(permitted)).json() == []
    assert answered(await api.post(path, json=named("a"))) == (201, {})
    assert [one["permission_name"] for one in (await api.get(held)).json()] == ["a"]


async def test_apis(site: Site, api: httpx.AsyncClient) -> None:
    """Made with defaults, found by id and by identifier, changed; the Management API is among them and
    fixed."""
    body = {
        "identifier": API,
        "name": "Invoices",
        "scopes": [{"value": "a", "description": "A"}, {"value": "b"}],
    }
    answer = await api.post("/api/v2/resource-servers", json=body)
    created = answer.json()
    assert (answer.status_code, len(created["id"])) == (201, 24)
    assert {name: created[name] for name in body} == body
    assert (created["signing_alg"], created["token_lifetime"]) == ("RS256", 86400)
    assert answered(await api.post("/api/v2/resource-servers", json=body)) == error_answer(
        409, "A resource server with the same identifier already exists."
    )
    by_id = f"/api/v2/resource-servers/{created['id']}"
    by_identifier = f"/api/v2/resource-servers/{API.replace('/', '%2F')}"
    assert (await api.get(by_id)).json() == (await api.get(by_identifier)).json() == created
    changed = (await api.patch(by_id, json={"name": "Bills", "token_lifetime": 60})).json()
    assert changed == {**created, "name": "Bills", "token_lifetime": 60}
    listed = (await api.get("/api/v2/resource-servers?include_totals=true")).json()
    assert list(listed) == ["resource_servers", "start", "limit", "total"]
    assert [one["name"] for one in listed["resource_servers"]] == ["Bills", "Vita Management API"]
    system = listed["resource_servers"][1]
    assert (system["is_system"], system["identifier"]) == (True, site.service.settings.token_audience)
    assert {"read:users", "create:role_members", "publish:logins"} <= {
        one["value"] for one in system["scopes"]
    }
    one = await api.get("/api/v2/resource-servers", params={"identifiers": API})
    assert [found["id"] for found in one.json()] == [created["id"]]
    path = f"/api/v2/resource-servers/{system['id']}"
    assert (await api.get(path)).json() == system
    for refused in (await api.patch(path, json={"name": "X"}), await delete(api, path)):
        assert answered(refused) == error_answer(
            403, "System APIs can not be changed or deleted.", "operation_not_supported"
        )
    joe = f"{path_of(await add_user(api, 'joe'))}/permissions"
    assert answered(await api.post(joe, json=named("read:users", identifier=system["identifier"]))) == (
        201,
        {},
    )
    assert [found["permission_name"] for found in (await api.get(joe)).json()] == ["read:users"]
    assert answered(await api.get("/api/v2/resource-servers/none")) == NO_API


async def test_changes_of_a_role_at_once_are_all_made(api: httpx.AsyncClient) -> None:
    """Ten permissions that are added concurrently are all stored."""
    scopes = [f"s{number}" for number in range(4)]
    await server(api, *scopes)
    path = f"/api/v2/roles/{await role(api)}/permissions"
    answers = await asyncio.gather(*(api.post(path, json=named(scope)) for scope in scopes))
    assert {answer.status_code for answer in answers} == {201}
    assert [one["permission_name"] for one in (await api.get(path)).json()] == scopes
