"""Organizations and user attribute profiles over the real log, database and projector."""

from typing import Any

import httpx
import pytest_asyncio

from tests.samples.error_bodies import error_answer
from tests.worlds.management import Site, path_of
from tests.worlds.resources import add_user, answered, delete

ABSENT = error_answer(404, "No organization found by that id or name", "inexistent_organization")


@pytest_asyncio.fixture(loop_scope="session")
async def api(site: Site) -> httpx.AsyncClient:
    """A client of a tenant of the test's own."""
    return await site.client_of_new_tenant()


async def organization(api: httpx.AsyncClient, name: str = "acme", **body: Any) -> str:
    answer = await api.post("/api/v2/organizations", json={"name": name, **body})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def test_an_organization_from_first_to_last(api: httpx.AsyncClient) -> None:
    """Made, found by id and by name, changed, deleted; its name is its own until then."""
    body = {"name": "acme", "branding": {"colors": {"primary": "#0059d6", "page_background": "#000"}}}
    answer = await api.post("/api/v2/organizations", json=body)
    created = answer.json()
    assert (answer.status_code, created["id"][:4]) == (201, "org_")
    assert created == {"id": created["id"], "display_name": "acme", **body}
    path = f"/api/v2/organizations/{created['id']}"
    assert (
        answered(await api.get(path))
        == answered(await api.get("/api/v2/organizations/name/acme"))
        == (200, created)
    )
    assert answered(await api.post("/api/v2/organizations", json=body)) == error_answer(
        409, "An organization with this name already exists."
    )
    changed = await api.patch(
        path, json={"display_name": "Acme", "metadata": {"plan": "gold"}, "name": "acme2"}
    )
    assert answered(changed) == (
        200, {**created, "name": "acme2", "display_name": "Acme", "metadata": {"plan": "gold"}},
    )  # fmt: skip
    assert (await api.get("/api/v2/organizations/name/acme")).status_code == 404
    assert await organization(api) != created["id"]
    assert answered(await delete(api, path)) == (204, None)
    assert answered(await delete(api, path)) == answered(await api.get(path)) == ABSENT
    assert answered(await api.get("/api/v2/organizations/name/acme2")) == ABSENT
    refused = await api.post("/api/v2/organizations", json={"name": "Not A Slug"})
    assert refused.json()["errorCode"] == "invalid_body"


async def test_organizations_are_listed_by_name(api: httpx.AsyncClient) -> None:
    """The list is sorted by name, with a cursor and with totals."""
    for name in ("c", "a", "b"):
        await organization(api, name)
    assert [one["name"] for one in (await api.get("/api/v2/organizations")).json()] == ["a", "b", "c"]
    first = (await api.get("/api/v2/organizations?take=2&include_totals=true")).json()
    rest = (await api.get("/api/v2/organizations", params={"take": 2, "from": first["next"]})).json()
    assert [one["name"] for one in first["organizations"] + rest["organizations"]] == ["a", "b", "c"]
    page = (await api.get("/api/v2/organizations?include_totals=true&per_page=1")).json()
    assert (list(page), page["total"]) == (["organizations", "start", "limit", "total"], 3)


async def test_members(api: httpx.AsyncClient) -> None:
    """One event for each joining and leaving; the list has the requested fields; an unknown user rejects the
    whole request."""
    people = [await add_user(api, f"user{number}") for number in range(3)]
    acme, other = await organization(api), await organization(api, "other")
    path = f"/api/v2/organizations/{acme}/members"
    missing = await api.post(path, json={"members": [*people, "auth0|nobody"]})
    assert answered(missing) == error_answer(404, "One or more of the users do not exist.")
    assert (await api.get(path)).json() == []
    for person in people:
        assert answered(await api.post(path, json={"members": [person]})) == (204, None)
    assert "vita-position" not in (await api.post(path, json={"members": people})).headers
    await api.post(f"/api/v2/organizations/{other}/members", json={"members": people[:1]})
    listed = (await api.get(path)).json()
    assert [one["user_id"] for one in listed] == people
    assert list(listed[0]) == ["user_id", "email", "picture", "name"]
    assert (await api.get(f"{path}?fields=name&take=1")).json()["members"] == [{"name": "user0"}]
    slim = (await api.get(f"{path}?fields=name,picture&include_fields=false&per_page=1")).json()
    assert [list(one) for one in slim] == [["user_id", "email"]]
    belongs = f"{path_of(people[0])}/organizations"
    assert [one["name"] for one in (await api.get(belongs)).json()] == ["acme", "other"]
    page = (await api.get(f"{belongs}?include_totals=true")).json()
    assert (list(page), page["total"]) == (["organizations", "start", "limit", "total"], 2)
    assert answered(await delete(api, path, {"members": [people[1], "auth0|nobody"]})) == (204, None)
    assert [one["user_id"] for one in (await api.get(path)).json()] == [people[0], people[2]]
    await delete(api, f"/api/v2/organizations/{acme}")
    assert [one["name"] for one in (await api.get(belongs)).json()] == ["other"]
    for method in ("GET", "POST", "DELETE"):
        body = None if method == "GET" else {"members": people}
        assert answered(await api.request(method, path, json=body)) == ABSENT
    gone = error_answer(404, "The user does not exist.", "inexistent_user")
    assert answered(await api.get("/api/v2/users/auth0%7Cnobody/organizations")) == gone


async def test_members_are_found_by_searching(api: httpx.AsyncClient) -> None:
    """By the id of their organization, from the moment they join until they leave."""
    jane, acme = await add_user(api), await organization(api)
    await add_user(api, "joe")
    path = f"/api/v2/organizations/{acme}/members"

    async def found() -> list[str]:
        answer = await api.get(
            "/api/v2/users", params={"q": f"organization_id:{acme}", "search_engine": "v3"}
        )
        return [one["user_id"] for one in answer.json()]

    assert await found() == []
    await api.post(path, json={"members": [jane]})
    assert await found() == [jane]
    await delete(api, path, {"members": [jane]})
    assert await found() == []


async def test_a_user_attribute_profile_from_first_to_last(api: httpx.AsyncClient) -> None:
    """Begun with the template, changed, listed, deleted twice."""
    root = "/api/v2/user-attribute-profiles"
    templates = (await api.get(f"{root}/templates")).json()["user_attribute_profile_templates"]
    assert [one["id"] for one in templates] == ["auth0-generic"]
    template = await api.get(f"{root}/templates/auth0-generic")
    assert answered(template) == (200, templates[0])
    assert (await api.get(f"{root}/templates/none")).status_code == 404
    body = {**templates[0]["template"], "name": "Workforce"}
    answer = await api.post(root, json=body)
    created = answer.json()
    assert (answer.status_code, created) == (201, {"id": created["id"], **body})
    assert created["id"].startswith("uap_")
    assert answered(await api.post(root, json=body)) == error_answer(
        409, "A user attribute profile with the same name already exists."
    )
    path = f"{root}/{created['id']}"
    changed = await api.patch(path, json={"user_id": None, "name": "Staff"})
    defaults = {name: value for name, value in created["user_id"].items() if name != "strategy_overrides"}
    assert (defaults["oidc_mapping"], len(defaults["saml_mapping"]), defaults["scim_mapping"]) == (
        "sub", 3, "externalId",
    )  # fmt: skip
    assert answered(changed) == (200, {**created, "user_id": defaults, "name": "Staff"})
    partly = await api.patch(path, json={"user_id": {"scim_mapping": "userName"}})
    assert partly.json()["user_id"] == {**defaults, "scim_mapping": "userName"}
    changed = await api.patch(path, json={"user_id": None})
    assert (await api.get(root)).json() == {"user_attribute_profiles": [changed.json()]}
    absent = error_answer(404, "User attribute profile not found.")
    assert answered(await delete(api, path)) == answered(await delete(api, path)) == (204, None)
    assert answered(await api.get(path)) == answered(await api.patch(path, json={"name": "X"})) == absent
    for odd in ({}, {"user_attributes": {}}, {"user_attributes": {"a": {"label": "A"}}}):
        refused = await api.post(root, json={"name": "Odd", **odd})
        assert (refused.status_code, refused.json()["errorCode"]) == (400, "invalid_body")
