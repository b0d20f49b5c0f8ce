"""PATCH and DELETE of users to the letter: every refusal with its exact body, every rule of metadata,
identities, sizes and scopes."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import pytest_asyncio

from schemas.events import LoginSucceeded, LoginSucceededData
from schemas.formats.identifiers import new_event_id
from schemas.formats.instants import truncate
from services.commands.links.saga import read_participants
from services.commands.users.check_profile_size import ADVISED_BYTES
from tests.samples.error_bodies import UNSUPPORTED, error_body, invalid_body
from tests.support.stack import Stack
from tests.worlds.management import DATABASE_CONNECTION, PASSWORD, Site, new_user, path_of, running_site
from tests.worlds.resources import create_user

USERS = "/api/v2/users"
MERGE = {"content-type": "application/merge-patch+json"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(stack: Stack) -> AsyncIterator[Site]:
    """One installation where profiles are small."""
    async with running_site(stack, profile_limit_bytes=60_000) as running:
        await running.add_connection("named", "auth0", requires_username=True, passwordPolicy="good")
        await running.add_connection("old-users", "auth0", requires_username=True, passwordPolicy="none")
        for strategy in ("email", "sms", "google-oauth2"):
            await running.add_connection(strategy, strategy)
        yield running


async def sign_in(
    site: Site, user_id: str, connection: str, provider: str, idp_id: str, **given: Any
) -> None:
    """A known person signs in with one more identity."""
    now = truncate(datetime.now(UTC))
    person = await site.service.commands.users.store.get("demo", user_id)
    data = LoginSucceededData(
        connection=connection, strategy=provider, is_social=False, root_policy="on_each_login",
        provider=provider, idp_id=idp_id, attributes=given,
    )  # fmt: skip
    event = LoginSucceeded(
        id=new_event_id(now), source="/vita/test", subject=person.subject, time=now, tenant="demo",
        actor=f"connection:{connection}", data=data,
    )  # fmt: skip
    assert (await site.storage.log.writer.write([event], person.keys)).visible


async def secrets_of(site: Site, *user_ids: str) -> list[Mapping[str, Any]]:
    """The decrypted secrets in the rows of these users."""
    async with site.storage.database.connection("demo") as connection:
        participants, _keys = await read_participants(
            connection, site.storage.keyring, "demo", user_ids=user_ids
        )
    found = {
        participant.profile.document["user_id"]: participant.profile.secrets
        for participant in participants.values()
    }
    return [found[user_id] for user_id in user_ids]


TOGETHER = [
    ("password", "email"),
    ("password", "email_verified"),
    ("username", "email"),
    ("username", "email_verified"),
    ("username", "password"),
]
VALUES: Mapping[str, Any] = {
    "password": "another Password 1",
    "email": "else@example.com",
    "email_verified": True,
    "username": "else",
}


@pytest.mark.parametrize(("one", "other"), TOGETHER)
async def test_what_does_not_change_together(api: httpx.AsyncClient, one: str, other: str) -> None:
    """Refused by name, and nothing of it is done."""
    user = await create_user(
        api, connection="named", email=f"{one}.{other}@example.com", username=f"{one[:7]}.{other[:7]}"
    )
    path = path_of(user["user_id"])
    answer = await api.patch(path, json={one: VALUES[one], other: VALUES[other], "name": "New"})
    assert answer.json() == error_body(400, f"Cannot update {one} and {other} simultaneously.")
    assert (await api.get(path)).json() == user


EDITS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("nothing", {}, invalid_body("Too few properties defined (0), minimum 1")),
    ("a root key of its own", {"locale": "de"}, invalid_body("Additional properties not allowed: locale")),
    ("user_id", {"user_id": "x"}, invalid_body("Additional properties not allowed: user_id")),
    (
        "a connection there is not",
        {"connection": "nope", "email": "x@example.com"},
        error_body(400, "Connection does not exist.", "inexistent_connection"),
    ),
    (
        "a connection of others",
        {"connection": "email", "email": "x@example.com"},
        error_body(400, "The specified connection does not belong to the user."),
    ),
    (
        "a username where there are none",
        {"username": "u"},
        error_body(400, "Cannot set username for connection without requires_username."),
    ),
    ("a number where there are none", {"phone_number": "+1"}, UNSUPPORTED),
    (
        "no email",
        {"email": None},
        error_body(
            400,
            "The following user attributes cannot be removed: email."
            f" The connection ({DATABASE_CONNECTION}) must either be a custom database connection with import"
            " mode disabled, a social or enterprise connection.",
        ),
    ),
    ("blocked null", {"blocked": None}, invalid_body(
        "Expected type boolean but found type null", "blocked",
        "Whether this user was blocked by an administrator (true) or not (false)",
    )),
    ("metadata null", {"user_metadata": None}, invalid_body(
        "Expected type object but found type null", "user_metadata",
        "User metadata to which this user has read/write access",
    )),
    ("a forbidden key", {"app_metadata": {"lastIP": None}}, invalid_body(
        "Additional properties not allowed: lastIP", "app_metadata",
        "User metadata to which this user has read-only access",
    )),
]  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), [case[1:] for case in EDITS], ids=[case[0] for case in EDITS])
async def test_what_a_database_user_cannot_be_made_into(
    api: httpx.AsyncClient, body: dict[str, Any], expected: dict[str, Any]
) -> None:
    """Each refusal has exactly the documented text, and the user is unchanged."""
    users = (await api.get("/api/v2/users-by-email", params={"email": "plain@example.com"})).json()
    user = users[0] if users else await create_user(api, email="plain@example.com")
    answer = await api.patch(path_of(user["user_id"]), json=body)
    assert (answer.status_code, answer.json()) == (400, expected)
    assert (await api.get(path_of(user["user_id"]))).json() == user


async def test_a_taken_address_or_username_is_refused(api: httpx.AsyncClient) -> None:
    """400 of the identity provider, not 409: the user is there already."""
    await create_user(api, connection="named", email="taken@example.com", username="taken")
    user = await create_user(api, connection="named", email="wants@example.com", username="wants")
    path = path_of(user["user_id"])
    email = await api.patch(path, json={"email": "TAKEN@example.com"})
    assert email.json() == error_body(400, "The specified new email already exists", "auth0_idp_error")
    name = await api.patch(path, json={"username": "TAKEN"})
    assert name.json() == error_body(400, "The username provided is in use already.", "auth0_idp_error")
    renamed = await api.patch(path, json={"username": "Renamed", "connection": "named"})
    assert {name: renamed.json()[name] for name in ("username", "name", "nickname", "picture")} == {
        "username": "renamed", **{name: user[name] for name in ("name", "nickname", "picture")},
    }  # fmt: skip


async def test_a_number_is_changed_and_verified(api: httpx.AsyncClient) -> None:
    """A passwordless user by number: another one is unverified, a taken one refused, the only one stays."""
    for number in ("+4917000001", "+4917000002"):
        answer = await api.post(
            USERS, json={"connection": "sms", "phone_number": number, "phone_verified": True}
        )
        assert answer.status_code == 201
    path = path_of(answer.json()["user_id"])
    taken = await api.patch(path, json={"phone_number": "+4917000001"})
    assert taken.json() == error_body(400, "The specified new phone number already exists", "auth0_idp_error")
    moved = await api.patch(path, json={"phone_number": "+4917000003", "verify_phone_number": True})
    assert (moved.json()["phone_number"], moved.json()["phone_verified"]) == ("+4917000003", False)
    assert (await api.patch(path, json={"email_verified": True})).json() == UNSUPPORTED
    assert "cannot be removed: phone_number." in (await api.patch(path, json={"phone_number": None})).text
    assert (await api.patch(path, json={"phone_verified": True})).json()["phone_verified"] is True


async def test_a_verified_state_goes_with_its_address(api: httpx.AsyncClient) -> None:
    """A new address is unverified unless the caller says otherwise; asking for a mail changes nothing."""
    path = path_of((await create_user(api, email="v1@example.com", email_verified=True))["user_id"])
    first = await api.patch(path, json={"email": "v2@example.com", "verify_email": True, "client_id": "app"})
    assert (first.json()["email"], first.json()["email_verified"]) == ("v2@example.com", False)
    second = await api.patch(path, json={"email": "v3@example.com", "email_verified": True})
    assert (second.json()["email"], second.json()["email_verified"]) == ("v3@example.com", True)
    asked = await api.patch(
        path, json={"verify_email": True}, headers={"auth0-custom-domain": "login.example.com"}
    )
    assert (asked.status_code, asked.json()) == (200, second.json())
    assert "vita-position" not in asked.headers


async def test_metadata_is_patched_as_documented(api: httpx.AsyncClient) -> None:
    """First level only: nested objects and arrays are replaced, null deletes, `{}` wipes."""
    start = {"a": {"b": 1, "c": 2}, "list": [1, 2], "gone": True}
    path = path_of(
        (await create_user(api, email="m@example.com", user_metadata=start, app_metadata=start))["user_id"]
    )
    patch = {"a": {"b": 9}, "list": [3], "gone": None, "new": None}
    user = (await api.patch(path, json={"user_metadata": patch, "app_metadata": patch})).json()
    assert user["user_metadata"] == user["app_metadata"] == {"a": {"b": 9}, "list": [3]}
    assert list(user)[-1] == "app_metadata"
    wiped = (await api.patch(path, json={"user_metadata": {}, "app_metadata": {}})).json()
    assert wiped["user_metadata"] == {}
    assert "app_metadata" not in wiped


async def test_a_merge_patch_reaches_all_levels(api: httpx.AsyncClient) -> None:
    """`application/merge-patch+json` (RFC 7396): what it does not name stays, at every depth."""
    start = {"a": {"b": 1, "c": {"d": 2}}}
    path = path_of((await create_user(api, email="deep@example.com", user_metadata=start))["user_id"])
    patch = {"user_metadata": {"a": {"b": None, "c": {"e": 3}}}}
    first = await api.patch(path, content=httpx.Response(200, json=patch).content, headers=MERGE)
    assert first.json()["user_metadata"] == {"a": {"c": {"d": 2, "e": 3}}}
    same = await api.patch(path, content=b'{"user_metadata":{}}', headers=MERGE)
    assert (same.json(), "vita-position" in same.headers) == (first.json(), False)


async def test_a_secondary_identity_is_edited_through_its_connection(
    site: Site, api: httpx.AsyncClient
) -> None:
    """Address, username, password and verified state are those of the identity; the root stays; values are
    unique in that connection; root attributes are refused."""
    user = await create_user(api, email="main@example.com", name="Main")
    await sign_in(
        site, user["user_id"], "old-users", "auth0", "second",
        email="old@example.com", email_verified=True, username="old",
    )  # fmt: skip
    taken = await create_user(api, connection="old-users", email="other@example.com", username="other")
    path = path_of(user["user_id"])

    async def change(**body: Any) -> Any:
        return (await api.patch(path, json={"connection": "old-users", **body})).json()

    changed = await change(email="New@Example.com", user_metadata={"x": 1})
    assert (changed["email"], changed["name"], changed["user_metadata"]) == (
        "main@example.com",
        "Main",
        {"x": 1},
    )
    data = changed["identities"][1]["profileData"]
    assert (data["email"], data["email_verified"]) == ("new@example.com", False)
    assert (await change(email_verified=True))["identities"][1]["profileData"]["email_verified"] is True
    assert (await change(username="Newer"))["identities"][1]["profileData"]["username"] == "newer"
    assert "last_password_reset" in await change(password="another Password 1", app_metadata={"y": 2})
    assert await change(email="other@example.com") == error_body(
        400, "The specified new email already exists", "auth0_idp_error"
    )
    assert await change(name="X", given_name="Y") == error_body(
        400,
        "The following user attributes cannot be updated: name, given_name."
        " The specified connection belongs to a secondary identity.",
    )
    again = await api.post(
        USERS, json=new_user(connection="old-users", email="new@example.com", username="nn")
    )
    assert again.status_code == 409
    assert (await api.patch(path_of(taken["user_id"]), json={"email": "old@example.com"})).status_code == 200
    assert (await api.patch(path, json={"email": "main2@example.com"})).json()["email"] == "main2@example.com"
    (secrets,) = await secrets_of(site, user["user_id"])
    assert secrets["passwords"]["auth0|second"].startswith("$argon2id$")


async def test_what_a_linked_identity_was_made_into_is_its_own_again(
    site: Site, api: httpx.AsyncClient
) -> None:
    """Linked, edited, unlinked: address and password go with the identity, and what it gave up is free."""
    main = await create_user(api, email="one@example.com")
    other = await create_user(api, connection="old-users", email="two@example.com", username="two")
    mine, theirs = path_of(main["user_id"]), path_of(other["user_id"])
    idp_id = other["user_id"].removeprefix("auth0|")
    linked = await api.post(f"{mine}/identities", json={"provider": "auth0", "user_id": idp_id})
    assert linked.status_code == 201, linked.text
    edit = {"connection": "old-users", "email": "three@example.com"}
    assert (await api.patch(mine, json=edit)).status_code == 200
    secret = await api.patch(mine, json={"connection": "old-users", "password": "another Password 1"})
    assert secret.status_code == 200
    parted = await api.delete(f"{mine}/identities/auth0/{idp_id}")
    assert parted.status_code == 200, parted.text
    assert (await api.get(theirs)).json()["email"] == "three@example.com"
    for email, status in (("two@example.com", 201), ("three@example.com", 409)):
        body = new_user(connection="old-users", email=email, username=f"u{email[:3]}")
        assert (await api.post(USERS, json=body)).status_code == status
    mains, others = await secrets_of(site, main["user_id"], other["user_id"])
    assert others["password_hash"].startswith("$argon2id$")
    assert "passwords" not in mains


async def test_a_social_secondary_keeps_what_its_provider_says(site: Site, api: httpx.AsyncClient) -> None:
    """Neither address nor password of it are Vita's to change; its state of verification is."""
    user = await create_user(api, email="social-main@example.com")
    await sign_in(site, user["user_id"], "google-oauth2", "google-oauth2", "77", email="g@example.com")
    path = path_of(user["user_id"])
    for body, expected in (
        ({"email": "x@example.com"}, error_body(400, "Cannot update email for non-database user.")),
        ({"password": "x"}, UNSUPPORTED),
        ({"username": "x"}, UNSUPPORTED),
    ):
        assert (await api.patch(path, json={"connection": "google-oauth2", **body})).json() == expected


async def test_a_password_lifts_an_admin_block(api: httpx.AsyncClient) -> None:
    """A password that is set through the API removes the block, unless the request also blocks."""
    path = path_of((await create_user(api, email="blocked@example.com", blocked=True))["user_id"])
    assert (await api.patch(path, json={"password": PASSWORD})).json()["blocked"] is False
    assert (await api.patch(path, json={"password": PASSWORD, "blocked": True})).json()["blocked"] is True


async def test_large_profiles_are_warned_of_then_refused(api: httpx.AsyncClient) -> None:
    """Beyond 10 KB a header contains the size; beyond the limit the response is 413 and nothing changes."""
    user = await create_user(api, email="large@example.com")
    path = path_of(user["user_id"])
    small = await api.patch(path, json={"user_metadata": {"x": "y" * 1000}})
    assert "vita-warning" not in small.headers
    large = await api.patch(path, json={"user_metadata": {"x": "y" * ADVISED_BYTES}})
    assert large.status_code == 200
    size = len(large.content)
    assert (
        large.headers["vita-warning"]
        == f"The profile has {size} bytes, more than the advised {ADVISED_BYTES}."
    )
    refused = await api.patch(path, json={"user_metadata": {"z": "y" * 60_000}})
    expected = size + len(',"z":""') + 60_000
    assert refused.json() == error_body(
        413, f"Profile size greater than maximum allowed: {expected} of 60000 bytes", "profile_too_large"
    )
    assert (await api.get(path)).json() == large.json()
    too_large = new_user(email="larger@example.com", app_metadata={"x": "y" * 60_000})
    assert (await api.post(USERS, json=too_large)).json()["errorCode"] == "profile_too_large"
    made_large = new_user(email="warned@example.com", app_metadata={"x": "y" * ADVISED_BYTES})
    assert "vita-warning" in (await api.post(USERS, json=made_large)).headers


async def test_people_reach_themselves_only(site: Site) -> None:
    """`current_user` scopes apply only to the caller's own profile, user_metadata and deletion."""
    user = await create_user(site.client(), email="self@example.com", user_id="self@clients")
    scopes = ["read:current_user", "update:current_user_metadata", "delete:current_user"]
    me = site.client(scopes)
    me.headers["authorization"] = f"Bearer {site.token(scopes, client_id='auth0|self')}"
    forbidden = error_body(403, "User to be acted on does not match subject in bearer token.")
    for method, body in (("GET", None), ("PATCH", {"user_metadata": {"a": 1}}), ("DELETE", None)):
        answer = await me.request(method, path_of("auth0|somebody-else"), json=body)
        assert (answer.status_code, answer.json()) == (403, forbidden)
    mine = path_of(user["user_id"])
    assert (await me.get(mine)).json() == user
    assert (await me.patch(mine, json={"user_metadata": {"a": 1}})).json()["user_metadata"] == {"a": 1}
    refused = await me.patch(mine, json={"user_metadata": {"a": 2}, "app_metadata": {"plan": "gold"}})
    assert refused.json() == error_body(
        403, "Insufficient scope, expected any of: update:users", "insufficient_scope"
    )
    assert (await me.delete(mine)).status_code == 204
    assert (await me.get(mine)).status_code == 404


async def test_one_scope_reaches_app_metadata_only(site: Site) -> None:
    """`update:users_app_metadata` changes that, and nothing else beside it."""
    user = await create_user(site.client(), email="scope@example.com")
    api = site.client(["update:users_app_metadata"])
    path = path_of(user["user_id"])
    assert (await api.patch(path, json={"app_metadata": {"a": 1}})).json()["app_metadata"] == {"a": 1}
    refused = await api.patch(path, json={"app_metadata": {"a": 2}, "name": "X"})
    assert refused.json() == error_body(
        403, "Insufficient scope, expected any of: update:users", "insufficient_scope"
    )


async def test_a_connections_user_is_deleted_by_address(site: Site, api: httpx.AsyncClient) -> None:
    """204 also for an unknown address; a user with the address in another connection remains; only database
    connections are supported."""
    connections = {item["name"]: item["id"] for item in (await api.get("/api/v2/connections")).json()}
    gone = await create_user(api, email="ghost@example.com")
    kept = await api.post(USERS, json={"connection": "email", "email": "ghost@example.com"})
    path = f"/api/v2/connections/{connections[DATABASE_CONNECTION]}/users"
    for _ in range(2):
        answer = await api.delete(path, params={"email": "Ghost@example.com"})
        assert (answer.status_code, answer.content) == (204, b"")
    assert (await api.get(path_of(gone["user_id"]))).status_code == 404
    assert (await api.get(path_of(kept.json()["user_id"]))).status_code == 200
    await create_user(api, email="ghost@example.com")
    missing = await api.delete(path)
    assert missing.json()["message"] == "Query validation error: 'Missing required property: email'."
    social = f"/api/v2/connections/{connections['google-oauth2']}/users"
    assert (await api.delete(social, params={"email": "a@b.co"})).json() == UNSUPPORTED
    nowhere = await api.delete("/api/v2/connections/con_nope/users", params={"email": "a@b.co"})
    assert nowhere.json() == error_body(404, "The connection does not exist", "inexistent_connection")
