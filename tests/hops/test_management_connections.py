"""Connections over HTTP: configuration is events too."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.worlds.management import DATABASE_CONNECTION, Site, new_user, path_of

CONNECTIONS = "/api/v2/connections"


async def created(api: httpx.AsyncClient, name: str, strategy: str = "samlp", **body: Any) -> dict[str, Any]:
    answer = await api.post(CONNECTIONS, json={"name": name, "strategy": strategy, **body})
    assert answer.status_code == 201, answer.text
    connection: dict[str, Any] = answer.json()
    return connection


async def test_a_created_connection_is_answered_as_recorded(api: httpx.AsyncClient) -> None:
    """A created database connection has the recorded id, key order and defaults; reading returns them too."""
    connection = await created(api, "recorded", "auth0")
    assert list(connection) == [
        "id", "options", "strategy", "name", "is_domain_connection", "authentication", "connected_accounts",
        "enabled_clients", "realms",
    ]  # fmt: skip
    assert connection["id"].startswith("con_")
    assert len(connection["id"]) == 20
    assert (connection["enabled_clients"], connection["realms"]) == ([], ["recorded"])
    assert connection["options"]["passwordPolicy"] == "good"
    read = await api.get(f"{CONNECTIONS}/{connection['id']}")
    assert (read.json(), read.headers["etag"]) == (connection, '"1"')


async def test_names_are_unique_also_in_a_race(api: httpx.AsyncClient) -> None:
    """One 201, the others 409 with the documented text."""
    body = {"name": "contested", "strategy": "samlp"}
    answers = await asyncio.gather(*(api.post(CONNECTIONS, json=body) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5
    loser = next(answer for answer in answers if answer.status_code == 409)
    assert loser.json()["message"] == "A connection with the same name already exists"


async def test_options_are_replaced_and_revisions_guard(api: httpx.AsyncClient) -> None:
    """PATCH keeps what it does not name; an If-Match of another revision is 412; no change writes nothing."""
    connection = await created(api, "changing", options={"a": 1, "client_secret": "s"}, display_name="D")
    path = f"{CONNECTIONS}/{connection['id']}"
    answer = await api.patch(path, json={"options": {"b": 2}}, headers={"if-match": '"1"'})
    assert answer.status_code == 200
    assert (answer.json()["options"], answer.json()["display_name"]) == ({"b": 2}, "D")
    assert (await api.patch(path, json={"options": {"c": 3}}, headers={"if-match": '"1"'})).status_code == 412
    same = await api.patch(path, json={"options": {"b": 2}})
    assert (same.status_code, same.headers["etag"]) == (200, '"2"')
    assert "vita-position" not in same.headers
    answers = await asyncio.gather(
        *(api.patch(path, json={"options": {"n": n}}, headers={"if-match": '"2"'}) for n in range(5))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412, 412]


async def test_changes_at_once_do_not_undo_each_other(api: httpx.AsyncClient) -> None:
    """Without a condition each change is made on what is there; a deleted one does not come back."""
    connection = await created(api, "busy")
    path = f"{CONNECTIONS}/{connection['id']}"
    answers = await asyncio.gather(
        api.patch(path, json={"display_name": "D"}), api.patch(path, json={"metadata": {"k": "v"}})
    )
    assert [answer.status_code for answer in answers] == [200, 200]
    final = (await api.get(path)).json()
    assert (final["display_name"], final["metadata"]) == ("D", {"k": "v"})
    await asyncio.gather(api.delete(path), api.patch(path, json={"display_name": "E"}))
    assert (await api.get(path)).status_code == 404


async def test_a_deleted_connection_is_gone_at_once_and_its_name_free(api: httpx.AsyncClient) -> None:
    """202 with the time, then 404 and 204; the name can be used again."""
    connection = await created(api, "passing")
    path = f"{CONNECTIONS}/{connection['id']}"
    answer = await api.delete(path)
    assert (answer.status_code, list(answer.json())) == (202, ["deleted_at"])
    missing = await api.get(path)
    assert (missing.status_code, missing.json()["errorCode"]) == (404, "inexistent_connection")
    assert missing.json()["message"] == "The connection does not exist"
    assert (await api.patch(path, json={"options": {}})).status_code == 404
    assert (await api.delete(path)).status_code == 204
    again = await created(api, "passing")
    assert again["id"] != connection["id"]


async def test_connections_are_listed_by_page_and_by_cursor(site: Site) -> None:
    """Totals in their order; take wins over include_totals; next leads on and ends; filters; fields."""
    await site.add_tenant("connected")
    api = site.client(tenant="connected")
    for name in ("b", "d", "a", "c"):
        await created(api, name, "samlp" if name < "c" else "oidc")

    async def names(**query: Any) -> list[str]:
        return [connection["name"] for connection in (await api.get(CONNECTIONS, params=query)).json()]

    assert await names() == ["a", "b", "c", "d"]
    assert await names(page=1, per_page=3) == ["d"]
    assert await names(strategy=["oidc", "ad"]) == ["c", "d"]
    assert await names(name="b") == ["b"]
    assert await names(unknown="ignored", name="zz") == []
    totals = (await api.get(CONNECTIONS, params={"include_totals": "true", "per_page": 2})).json()
    assert list(totals) == ["total", "start", "limit", "connections"]
    assert (totals["total"], totals["start"], totals["limit"]) == (4, 0, 2)
    walked, query = [], {"take": 3, "include_totals": "true", "fields": "name"}
    while True:
        page = (await api.get(CONNECTIONS, params=query)).json()
        walked += page["connections"]
        if "next" not in page:
            break
        query["from"] = page["next"]
    assert walked == [{"name": name} for name in "abcd"]


async def test_what_a_connection_says_counts_for_its_users(site: Site, api: httpx.AsyncClient) -> None:
    """A disabled one takes no new users; a social one none at all; its users follow its options."""
    await created(api, "disabled", "auth0", enabled_clients=[])
    answer = await api.post("/api/v2/users", json=new_user(connection="disabled"))
    assert (answer.status_code, answer.json()["message"]) == (400, "Connection is disabled.")
    await created(api, "google-oauth2", "google-oauth2")
    answer = await api.post("/api/v2/users", json=new_user(connection="google-oauth2"))
    assert answer.json()["message"] == (
        "Connection does not support user creation through the API."
        " It must either be a database or passwordless connection."
    )
    user = (await api.post("/api/v2/users", json=new_user(email="follows@example.com"))).json()
    found = (await api.get(CONNECTIONS, params={"name": DATABASE_CONNECTION})).json()[0]
    path = f"{CONNECTIONS}/{found['id']}"
    await api.patch(path, json={"enabled_clients": []})
    refused = await api.patch(path_of(user["user_id"]), json={"password": "x"})
    assert refused.json()["message"] == "Cannot change email or password for users in a disabled connection."
    await api.patch(path, json={"enabled_clients": ["app"]})
    assert (await api.patch(path_of(user["user_id"]), json={"password": "x"})).status_code == 200


async def test_provider_secrets_stay_off_the_readable_log(site: Site, api: httpx.AsyncClient) -> None:
    """Options are sealed with the tenant's keys; the API answers them as stored."""
    answer = await api.post(
        CONNECTIONS, json={"name": "secretive", "strategy": "oidc", "options": {"client_secret": "topsecret"}}
    )
    assert answer.json()["options"]["client_secret"] == "topsecret"
    record = await site.record_at(answer.headers["vita-position"])
    assert b"topsecret" not in record
    assert b'"connection":"secretive"' in record


async def test_clients_of_a_connection_are_enabled_and_listed(site: Site, api: httpx.AsyncClient) -> None:
    """PATCH names clients with a status, GET pages through the enabled ones; without any it is inactive."""
    connection = await created(api, "for-clients")
    path = f"/api/v2/connections/{connection['id']}/clients"
    assert (await api.get(path)).json() == {"clients": []}
    wanted = [{"client_id": f"app{number}", "status": True} for number in range(3)]
    answer = await api.patch(path, json=wanted)
    assert (answer.status_code, answer.content) == (204, b"")
    assert "vita-position" in answer.headers
    assert (await api.patch(path, json=wanted)).headers.get("vita-position") is None
    first = (await api.get(path, params={"take": 2})).json()
    assert first["clients"] == [{"client_id": "app0"}, {"client_id": "app1"}]
    rest = (await api.get(path, params={"take": 2, "from": first["next"]})).json()
    assert rest == {"clients": [{"client_id": "app2"}]}
    shown = (await api.get(path.removesuffix("/clients"))).json()
    assert (shown["enabled_clients"], shown["authentication"]) == (["app0", "app1", "app2"], {"active": True})
    await api.patch(path, json=[{**one, "status": False} for one in wanted])
    shown = (await api.get(path.removesuffix("/clients"))).json()
    assert (shown["enabled_clients"], shown["authentication"]) == ([], {"active": False})
    for body in ([], {}, [{"client_id": "x"}], [{"client_id": "x", "status": 1}], wanted * 20):
        assert (await api.patch(path, json=body)).json()["errorCode"] == "invalid_body", body
    absent = "/api/v2/connections/con_aaaaaaaaaaaaaaaa/clients"
    for answer in (await api.get(absent), await api.patch(absent, json=wanted)):
        assert (answer.status_code, answer.json()["errorCode"]) == (404, "inexistent_connection")


@pytest.mark.parametrize("purpose", ["authentication", "connected_accounts"])
async def test_purposes_of_a_connection_are_checked(api: httpx.AsyncClient, purpose: str) -> None:
    """`active` must be there and be a boolean, on creation and on change."""
    connection = await created(api, f"purpose-{purpose.replace('_', '-')}")
    path = f"/api/v2/connections/{connection['id']}"
    for value in ({}, {"active": "yes"}, {"active": 1}, {"active": None}, {"active": True, "odd": 1}, None):
        body = {purpose: value}
        for answer in (
            await api.post("/api/v2/connections", json={"name": "no", "strategy": "auth0", **body}),
            await api.patch(path, json=body),
        ):
            assert (answer.status_code, answer.json()["errorCode"]) == (400, "invalid_body"), value
    changed = await api.patch(path, json={purpose: {"active": False}})
    assert changed.json()[purpose] == {"active": False}


async def test_enterprise_connections_show_how_they_are_shown(api: httpx.AsyncClient) -> None:
    """`display_name` is the name and `show_as_button` false unless given; fields choose among them."""
    answer = await api.post("/api/v2/connections", json={"name": "shown", "strategy": "samlp"})
    made = answer.json()
    assert (made["display_name"], made["show_as_button"], made["is_domain_connection"]) == (
        "shown", False, False,
    )  # fmt: skip
    names = "display_name,show_as_button,is_domain_connection"
    found = await api.get(f"/api/v2/connections/{made['id']}", params={"fields": names})
    assert set(found.json()) == set(names.split(","))
    plain = await created(api, "not-enterprise", "auth0")
    assert not {"display_name", "show_as_button"} & plain.keys()
