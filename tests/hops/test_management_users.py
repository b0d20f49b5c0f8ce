"""Users over HTTP: an event on the log, folded by the real projector, answered from the view."""

import re
from typing import Any

import httpx
import pytest_asyncio

from services.commands.links.saga import read_participants
from tests.worlds.management import DATABASE_CONNECTION, PASSWORD, Site, new_user, path_of

USERS = "/api/v2/users"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(site: Site) -> Site:
    """A site of this file's own, with a passwordless connection of each kind and one with usernames."""
    await site.add_connection("email", "email")
    await site.add_connection("sms", "sms")
    await site.add_connection("named", "auth0", requires_username=True, passwordPolicy="none")
    return site


async def created(api: httpx.AsyncClient, email: str, **changes: Any) -> dict[str, Any]:
    answer = await api.post(USERS, json=new_user(email=email, **changes))
    assert answer.status_code == 201, answer.text
    user: dict[str, Any] = answer.json()
    return user


async def test_a_created_user_is_answered_as_recorded(api: httpx.AsyncClient) -> None:
    """The recorded keys in the recorded order, a revision and a position; reading returns equal bytes."""
    body = new_user(connection="named", email="Chuck@Example.com", username="chuck")
    answer = await api.post(USERS, json=body)
    assert answer.status_code == 201
    assert answer.headers["etag"] == '"1"'
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    user = answer.json()
    assert list(user) == [
        "user_id", "created_at", "email", "email_verified", "identities", "name", "nickname", "picture",
        "updated_at", "username",
    ]  # fmt: skip
    assert user["identities"] == [
        {
            "connection": "named",
            "user_id": user["user_id"].removeprefix("auth0|"),
            "provider": "auth0",
            "isSocial": False,
        }
    ]
    assert user["created_at"] == user["updated_at"]
    assert len(user["user_id"]) == len("auth0|") + 24
    read = await api.get(path_of(user["user_id"]), headers={"vita-at-least": answer.headers["vita-position"]})
    assert (read.status_code, read.content, read.headers["etag"]) == (200, answer.content, '"1"')


async def test_metadata_and_an_own_id_are_kept(api: httpx.AsyncClient) -> None:
    """The prefix is added at the root only, app_metadata comes last, blocked is shown once sent."""
    user = await created(
        api, "own@example.com", user_id="my/own|id", user_metadata={"a": [1, {"b": None}]},
        app_metadata={"c": 10**25},
        blocked=False,
    )  # fmt: skip
    assert user["user_id"] == "auth0|my/own|id"
    assert user["identities"][0]["user_id"] == "my/own|id"
    assert (user["user_metadata"], user["app_metadata"], user["blocked"]) == (
        {"a": [1, {"b": None}]},
        {"c": 10**25},
        False,
    )
    assert list(user)[-1] == "app_metadata"
    for path in (path_of(user["user_id"]), f"{USERS}/auth0%7Cmy%2fown|id"):
        assert (await api.get(path)).json() == user
    again = await api.post(USERS, json=new_user(email="other@example.com", user_id="my/own|id"))
    assert again.status_code == 409


async def test_the_same_value_is_refused_once_and_free_elsewhere(api: httpx.AsyncClient) -> None:
    """409 for an email address that exists in the connection in any case; another connection accepts it."""
    await created(api, "taken@example.com")
    again = await api.post(USERS, json=new_user(email="TAKEN@example.com"))
    assert (again.status_code, again.json()["errorCode"]) == (409, "auth0_idp_error")
    assert again.json()["message"] == "The user already exists."
    elsewhere = await api.post(USERS, json={"connection": "email", "email": "taken@example.com"})
    assert elsewhere.status_code == 201
    found = await api.get("/api/v2/users-by-email", params={"email": "taken@example.com"})
    assert sorted(user["user_id"].partition("|")[0] for user in found.json()) == ["auth0", "email"]
    assert (await api.get("/api/v2/users-by-email", params={"email": "Taken@example.com"})).json() == []


async def test_an_sms_user_is_known_by_number(api: httpx.AsyncClient) -> None:
    """Number and verified state are shown; the number is unique."""
    answer = await api.post(
        USERS, json={"connection": "sms", "phone_number": "+15551234567", "phone_verified": True}
    )
    assert answer.status_code == 201
    assert (answer.json()["phone_number"], answer.json()["phone_verified"]) == ("+15551234567", True)
    again = await api.post(USERS, json={"connection": "sms", "phone_number": "+15551234567"})
    assert again.status_code == 409


async def test_a_patch_changes_what_it_names(api: httpx.AsyncClient) -> None:
    """Root values replace, metadata merges at the first level, null removes, `{}` wipes; one command."""
    user = await created(
        api, "patch@example.com", given_name="P", user_metadata={"a": 1, "b": {"c": 2}}, app_metadata={"x": 1}
    )
    path = path_of(user["user_id"])
    body = {
        "name": "New",
        "given_name": None,
        "blocked": True,
        "user_metadata": {"a": None, "b": {"d": 3}},
        "app_metadata": {},
    }
    answer = await api.patch(path, json=body)
    assert answer.status_code == 200
    patched = answer.json()
    assert (patched["name"], patched["blocked"], patched["user_metadata"]) == ("New", True, {"b": {"d": 3}})
    assert "given_name" not in patched
    assert "app_metadata" not in patched
    assert patched["updated_at"] > user["updated_at"]
    assert answer.headers["etag"] == '"4"'
    assert (await api.patch(path, json={"user_metadata": {}})).json()["user_metadata"] == {}


async def test_a_patch_that_changes_nothing_writes_nothing(api: httpx.AsyncClient) -> None:
    """200 with the unchanged revision and no position."""
    user = await created(api, "same@example.com", user_metadata={"a": 1})
    answer = await api.patch(path_of(user["user_id"]), json={"name": user["name"], "user_metadata": {"a": 1}})
    assert (answer.status_code, answer.json(), answer.headers["etag"]) == (200, user, '"1"')
    assert "vita-position" not in answer.headers


async def test_an_email_changes_within_its_connection(api: httpx.AsyncClient) -> None:
    """Lower-cased and unverified; one that is taken is refused; the one given up is free again."""
    user = await created(api, "first@example.com", email_verified=True)
    await created(api, "second@example.com")
    path = path_of(user["user_id"])
    taken = await api.patch(path, json={"email": "Second@example.com"})
    assert (taken.status_code, taken.json()["errorCode"]) == (400, "auth0_idp_error")
    changed = await api.patch(path, json={"email": "Third@Example.com"})
    assert (changed.json()["email"], changed.json()["email_verified"]) == ("third@example.com", False)
    verified = await api.patch(path, json={"email_verified": True})
    assert verified.json()["email_verified"] is True
    await created(api, "first@example.com")


async def test_a_password_moves_last_password_reset(site: Site, api: httpx.AsyncClient) -> None:
    """The hash is argon2id, in the view's secrets only, and no answer shows it."""
    user = await created(api, "password@example.com", blocked=True)
    assert "last_password_reset" not in user
    answer = await api.patch(
        path_of(user["user_id"]), json={"password": "another one", "connection": DATABASE_CONNECTION}
    )
    assert answer.json()["last_password_reset"] == answer.json()["updated_at"]
    assert answer.json()["blocked"] is False
    assert "argon2" not in answer.text
    assert PASSWORD not in answer.text
    async with site.storage.database.connection("demo") as connection:
        found, _keys = await read_participants(
            connection, site.storage.keyring, "demo", user_ids=[user["user_id"]]
        )
    (participant,) = found.values()
    assert participant.profile.secrets["password_hash"].startswith("$argon2id$")


async def test_a_revision_guards_a_change(api: httpx.AsyncClient) -> None:
    """If-Match of another revision is 412 and changes nothing; the current one passes; GET with it is 304."""
    user = await created(api, "revision@example.com")
    path = path_of(user["user_id"])
    first = await api.patch(path, json={"name": "One"}, headers={"if-match": '"1"'})
    assert first.status_code == 200
    late = await api.patch(path, json={"name": "Two"}, headers={"if-match": '"1"'})
    assert (late.status_code, late.json()["errorCode"]) == (412, "precondition_failed")
    assert (await api.delete(path, headers={"if-match": '"1"'})).status_code == 412
    read = await api.get(path, headers={"if-none-match": first.headers["etag"]})
    assert (read.status_code, read.content) == (304, b"")
    assert (await api.get(path, headers={"if-none-match": '"1"'})).json()["name"] == "One"


async def test_an_identity_stays_with_its_connection(site: Site, api: httpx.AsyncClient) -> None:
    """Another connection may not even take a deleted user's id; identity spaces and `keep_claims` are
    validated."""
    await site.add_connection("other-db", "auth0")
    user = await created(api, "owned@example.com", user_id="owned")
    assert (await api.delete(path_of(user["user_id"]))).status_code == 204
    body = {"connection": "other-db", "user_id": "owned", "email": "owned@example.com", "password": PASSWORD}
    assert (await api.post("/api/v2/users", json=body)).status_code == 409
    await created(api, "owned@example.com", user_id="owned")
    for space in ("", 5, "x" * 129):
        wrong = {"name": "spaced", "strategy": "samlp", "options": {"identity_space": space}}
        answer = await api.post("/api/v2/connections", json=wrong)
        assert (answer.status_code, "identity_space" in answer.json()["message"]) == (400, True)
    wrong = {"name": "keeping", "strategy": "samlp", "options": {"keep_claims": "no"}}
    answer = await api.post("/api/v2/connections", json=wrong)
    assert (answer.status_code, "keep_claims" in answer.json()["message"]) == (400, True)


async def test_a_deleted_user_is_gone_at_once(api: httpx.AsyncClient) -> None:
    """204, also for a repeated deletion and an unknown user; 404 afterwards; lists omit the user; email and
    id can be used again."""
    user = await created(api, "gone@example.com", user_id="gone")
    path = path_of(user["user_id"])
    answer = await api.delete(path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert "vita-position" in answer.headers
    missing = await api.get(path)
    assert (missing.status_code, missing.json()["errorCode"]) == (404, "inexistent_user")
    assert (await api.patch(path, json={"name": "x"})).status_code == 404
    assert (await api.delete(path)).status_code == 204
    assert (await api.get("/api/v2/users-by-email", params={"email": "gone@example.com"})).json() == []
    again = await created(api, "gone@example.com", user_id="gone")
    assert again["user_id"] == user["user_id"]
    assert again["created_at"] > user["created_at"]


async def test_users_are_listed_in_pages(site: Site) -> None:
    """Oldest first; totals in the recorded order; sorting, fields, pages beyond the end, a connection's."""
    await site.add_tenant("listed")
    await site.add_connection(DATABASE_CONNECTION, "auth0", "listed", passwordPolicy="none")
    await site.add_connection("email", "email", "listed")
    api = site.client(tenant="listed")
    for name in ("b", "c", "a"):
        await created(api, f"{name}@example.com")
    await api.post(USERS, json={"connection": "email", "email": "d@example.com"})

    async def names(**query: Any) -> list[str]:
        return [user["nickname"] for user in (await api.get(USERS, params=query)).json()]

    assert await names() == ["b", "c", "a", "d"]
    assert await names(page=1, per_page=2) == ["a", "d"]
    assert await names(page=9) == []
    assert await names(per_page=0) == []
    assert await names(sort="email:1") == ["a", "b", "c", "d"]
    assert await names(sort="created_at:-1") == ["d", "a", "c", "b"]
    assert await names(sort="logins_count:1", per_page=1) != []
    assert await names(connection="email") == ["d"]
    assert await names(connection="email", sort="updated_at:-1") == ["d"]
    totals = (await api.get(USERS, params={"include_totals": "true", "per_page": 3, "page": 1})).json()
    assert list(totals) == ["start", "limit", "length", "users", "total"]
    assert (totals["start"], totals["limit"], totals["length"], totals["total"]) == (3, 3, 1, 4)
    shown = (await api.get(USERS, params={"fields": "email,nothing"})).json()
    assert shown[0] == {"email": "b@example.com"}
    hidden = (await api.get(USERS, params={"fields": "identities", "include_fields": "false"})).json()
    assert "identities" not in hidden[0]
    assert hidden[0]["email"] == "b@example.com"


async def test_forms_do_what_json_does(api: httpx.AsyncClient) -> None:
    """Create and patch by application/x-www-form-urlencoded."""
    form = {
        "connection": DATABASE_CONNECTION, "email": "form@example.com", "password": PASSWORD,
        "blocked": "true",
        "user_metadata[color]": "red",
    }  # fmt: skip
    answer = await api.post(USERS, data=form)
    assert answer.status_code == 201
    assert (answer.json()["blocked"], answer.json()["user_metadata"]) == (True, {"color": "red"})
    patched = await api.patch(path_of(answer.json()["user_id"]), data={"blocked": "false", "name": "F"})
    assert (patched.json()["blocked"], patched.json()["name"]) == (False, "F")


async def test_events_hold_actor_and_request(site: Site, api: httpx.AsyncClient) -> None:
    """The actor is the API client, the request has an id of Vita's own, and nothing that is personal or that
    the caller chose freely can be read."""
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    answer = await api.post(
        USERS,
        json=new_user(email="sealed@example.com"),
        headers={"x-correlation-id": "jane.doe", "traceparent": trace, "tracestate": "vendor=jane.doe"},
    )
    record = await site.record_at(answer.headers["vita-position"])
    assert b"sealed@example.com" not in record
    for hidden in (b"gravatar", b"jane.doe", trace[3:35].encode(), b"vendor"):
        assert hidden not in record
    for part in (b'"type":"profile.user.created"', b'"actor":"client:tests"'):
        assert part in record
    assert re.search(rb'"correlationid":"[0-9a-f]{8}-[0-9a-f]{4}-7', record)
    assert f'"correlationid":"{answer.headers["x-request-id"]}"'.encode() in record
