"""Restoring deleted users over HTTP, through the real log and projector."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from services.commands.context import CommandContext, current_time
from services.runtime.rejection import Rejected
from tests.support.stack import Stack
from tests.worlds.linking import Linked
from tests.worlds.management import Site, new_user, path_of, running_site

USERS = "/api/v2/users"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(stack: Stack) -> AsyncIterator[Site]:
    """One installation for this file."""
    async with running_site(stack, reservation_settle_seconds=1) as running:
        await running.add_connection("named", "auth0", requires_username=True, passwordPolicy="none")
        for name in ("google-oauth2", "github"):
            await running.add_connection(name, name)
        yield running


@pytest_asyncio.fixture
async def world(site: Site) -> AsyncIterator[Linked]:
    """The installation with people; after each test no saga is under way."""
    linked = Linked.over(site)
    yield linked
    await linked.nothing_is_left()


async def made(api: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    answer = await api.post(USERS, json=new_user(**body))
    assert answer.status_code == 201, answer.text
    user: dict[str, Any] = answer.json()
    return user


async def deleted(api: httpx.AsyncClient, user_id: str) -> None:
    assert (await api.delete(path_of(user_id))).status_code == 204


async def restored(api: httpx.AsyncClient, user_id: str) -> httpx.Response:
    return await api.post(f"{path_of(user_id)}/restore")


def lasting(user: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in user.items() if name != "updated_at"}


async def test_a_deleted_user_comes_back(world: Linked) -> None:
    """Profile, metadata, roles and factors are as before; meanwhile no list, search or address shows any."""
    api = world.site.client()
    email = "rest.ored@example.com"
    user_id = (await made(api, email=email, user_metadata={"a": 1}, app_metadata={"b": [2]}))["user_id"]
    role = (await api.post("/api/v2/roles", json={"name": "keepers"})).json()["id"]
    await api.post(f"{path_of(user_id)}/roles", json={"roles": [role]})
    factor = {"type": "totp", "totp_secret": "JBSWY3DPEHPK3PXP", "name": "phone"}
    methods = f"{path_of(user_id)}/authentication-methods"
    assert (await api.post(methods, json=factor)).status_code == 201
    before = (await api.get(path_of(user_id))).json()
    known = [(await api.get(place)).json() for place in (f"{path_of(user_id)}/roles", methods)]

    await deleted(api, user_id)
    assert (await api.get(path_of(user_id))).status_code == 404
    assert (await api.get("/api/v2/users-by-email", params={"email": email})).json() == []
    for query in ({"q": f'email:"{email}"'}, {"q": "app_metadata.b:2"}, {"per_page": 100}):
        assert user_id not in {one["user_id"] for one in (await api.get(USERS, params=query)).json()}
    assert (await api.get(f"/api/v2/roles/{role}/users")).json() == []

    answer = await restored(api, user_id)
    assert answer.status_code == 200, answer.text
    assert lasting(answer.json()) == lasting(before)
    assert {"etag", "vita-position"} <= answer.headers.keys()
    assert lasting((await api.get(path_of(user_id))).json()) == lasting(before)
    assert [(await api.get(place)).json() for place in (f"{path_of(user_id)}/roles", methods)] == known
    found = (await api.get(USERS, params={"q": "app_metadata.b:2"})).json()
    assert [one["user_id"] for one in found] == [user_id]
    assert [one["user_id"] for one in (await api.get(f"/api/v2/roles/{role}/users")).json()] == [user_id]
    again = await api.post(USERS, json=new_user(email=email))
    assert again.status_code == 409


@pytest.mark.parametrize(
    ("body", "code"),
    [({"email": "taken@example.com"}, "email_taken"), ({"username": "taken"}, "username_taken")],
)
async def test_a_value_taken_meanwhile_is_named(world: Linked, body: dict[str, str], code: str) -> None:
    """409 says which value another user has by now; once that one is gone the user comes back."""
    api = world.site.client()
    user = {"connection": "named", "username": "first", "email": "first@example.com", **body}
    user_id = (await made(api, **user))["user_id"]
    await deleted(api, user_id)
    other = {"connection": "named", "username": "second", "email": "second@example.com", **body}
    thief = (await made(api, **other))["user_id"]
    answer = await restored(api, user_id)
    assert (answer.status_code, answer.json()["errorCode"]) == (409, code)
    assert (await api.get(path_of(user_id))).status_code == 404
    await deleted(api, thief)
    assert (await restored(api, user_id)).status_code == 200
    assert (await restored(api, thief)).status_code == 409


async def test_refusals(world: Linked) -> None:
    """A user who never was, one who lives, one who signed in again, and an identity of another one."""
    api = world.site.client()
    for nobody in ("auth0|nobody", "nonsense", "google-oauth2|\u0000"):
        answer = await restored(api, nobody)
        assert answer.status_code in (400, 404), answer.text
    lives = (await made(api, email="lives@example.com"))["user_id"]
    answer = await restored(api, lives)
    assert (answer.status_code, answer.json()["errorCode"]) == (409, "not_deleted")
    await world.person("google-oauth2|back")
    await deleted(api, "google-oauth2|back")
    await world.person("google-oauth2|back")
    assert (await restored(api, "google-oauth2|back")).status_code == 409
    reader = world.site.client(["read:users", "delete:users"])
    assert (await restored(reader, lives)).status_code == 403
    foreign = world.site.client(tenant="other")
    await deleted(api, lives)
    assert (await restored(foreign, lives)).status_code == 404


async def test_the_grace_period_ends(world: Linked) -> None:
    """After as many days as the tenant decided, 30 without a decision, the answer is 410 in words."""
    api, tenant = world.site.client(), "/api/v2/tenants/settings"
    user_id = (await made(api, email="grace@example.com"))["user_id"]
    await deleted(api, user_id)
    restores = world.site.service.commands.restores

    def after(days: float) -> CommandContext:
        context = CommandContext(tenant="demo", actor="client:tests")
        return replace(context, clock=lambda: current_time() + timedelta(days=days))

    with pytest.raises(Rejected) as late:
        await restores.restore(after(30.1), user_id)
    assert (late.value.rejection.kind, late.value.rejection.code) == ("gone", "restore_expired")
    assert (await api.patch(tenant, json={"user_restore_days": 0})).json()["user_restore_days"] == 0
    answer = await restored(api, user_id)
    assert (answer.status_code, answer.json()["error"]) == (410, "Gone")
    assert (
        answer.json()["message"] == "The user was deleted more than 0 days ago and can no longer be restored."
    )
    assert (await api.patch(tenant, json={"user_restore_days": None})).status_code == 200
    assert (await restored(api, user_id)).status_code == 200


async def test_linked_users_come_back_together(world: Linked) -> None:
    """Identities are linked as before, a login of each counts, and unlinking still works."""
    api = world.site.client()
    await world.person("google-oauth2|l1", attributes={"name": "Ann"})
    await world.person("github|l2", attributes={"nickname": "ann"})
    assert (await world.link("google-oauth2|l1", "github|l2")).status_code == 201
    before = await world.get("google-oauth2|l1")
    await deleted(api, "google-oauth2|l1")
    answer = await restored(api, "github|l2")
    assert (answer.status_code, answer.json()["errorCode"]) == (409, "linked_identity")
    answer = await restored(api, "google-oauth2|l1")
    assert answer.status_code == 200, answer.text
    assert lasting(answer.json()) == lasting(before)
    await world.sign_in("github|l2")
    assert len((await world.until_counted("google-oauth2|l1", 2))["identities"]) == 2
    assert (await restored(api, "github|l2")).status_code == 404
    assert (await world.unlink("google-oauth2|l1", "github|l2")).status_code == 200
    assert (await world.get("github|l2"))["nickname"] == "ann"


async def test_an_identity_that_signed_in_since_stays_its_own_user(world: Linked) -> None:
    """The deletion is not undone while a linked identity is a user of its own."""
    api = world.site.client()
    for user_id in ("google-oauth2|s1", "github|s2"):
        await world.person(user_id)
    assert (await world.link("google-oauth2|s1", "github|s2")).status_code == 201
    await deleted(api, "google-oauth2|s1")
    await world.person("github|s2")
    answer = await restored(api, "google-oauth2|s1")
    assert (answer.status_code, answer.json()["errorCode"]) == (409, "identity_conflict")
    assert (await world.get("github|s2"))["logins_count"] == 1


async def test_of_a_restore_and_a_creation_one_wins(world: Linked) -> None:
    """However they meet, the address is one user's afterwards and the other request was refused."""
    api = world.site.client()
    for number in range(5):
        email = f"race{number}@example.com"
        user_id = (await made(api, email=email))["user_id"]
        await deleted(api, user_id)
        answers = await asyncio.gather(restored(api, user_id), api.post(USERS, json=new_user(email=email)))
        assert sorted(answer.status_code for answer in answers) in ([200, 409], [201, 409])
        found = (await api.get("/api/v2/users-by-email", params={"email": email})).json()
        assert len(found) == 1


async def test_of_two_restores_one_wins(world: Linked) -> None:
    """The second finds the user alive, or busy."""
    api = world.site.client()
    user_id = (await made(api, email="twice@example.com"))["user_id"]
    await deleted(api, user_id)
    answers = await asyncio.gather(*(restored(api, user_id) for _ in range(3)))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses[0] == 200
    assert statuses[1:] == [409, 409]
    assert (await api.get(path_of(user_id))).status_code == 200
