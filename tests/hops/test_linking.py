"""Linking over HTTP, through the real log and projector: answers, effects, refusals, races."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.stack import Stack
from tests.worlds.linking import Linked
from tests.worlds.management import DATABASE_CONNECTION, Site, new_user, path_of, running_site

USERS = "/api/v2/users"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(stack: Stack) -> AsyncIterator[Site]:
    """One installation for this file."""
    async with running_site(stack, reservation_settle_seconds=1) as running:
        for name in ("google-oauth2", "github"):
            await running.add_connection(name, name)
        yield running


@pytest_asyncio.fixture
async def world(site: Site) -> AsyncIterator[Linked]:
    """The world with people; checks after each test that no saga is left."""
    linked = Linked.over(site)
    yield linked
    await linked.nothing_is_left()


async def test_link_login_unlink(world: Linked) -> None:
    """201 and 200 answer all identities, logins of both count on the primary, and what the secondary was
    comes back with its metadata and with what its provider said meanwhile."""
    api = world.site.client()
    await world.person("google-oauth2|a1", attributes={"name": "Ann", "email": "ann@example.com"})
    before = await world.person(
        "github|11", idp_id=11, attributes={"nickname": "ann11", "name": "ann11"}, is_social=True,
        sources={"name": "default:nickname"}, extras={"hireable": True}, tokens={"access_token": "t1"},
    )  # fmt: skip
    await api.patch(path_of("github|11"), json={"user_metadata": {"kept": 1}, "app_metadata": {"plan": "x"}})

    answer = await world.link("google-oauth2|a1", "github|11")
    assert answer.status_code == 201, answer.text
    own = {"name": "Ann", "email": "ann@example.com"}
    main = {
        "profileData": own,
        "connection": "google-oauth2",
        "user_id": "a1",
        "provider": "google-oauth2",
        "isSocial": True,
    }
    other = {
        "profileData": {"nickname": "ann11", "hireable": True},
        "connection": "github",
        "user_id": 11,
        "provider": "github",
        "isSocial": True,
    }
    assert answer.json() == [main, other]
    assert [next(iter(identity)) for identity in answer.json()] == ["profileData", "profileData"]
    assert "vita-position" in answer.headers

    user = await world.get("google-oauth2|a1")
    assert user["identities"][1] == other
    assert "profileData" not in user["identities"][0]
    assert (user["name"], user["logins_count"], user.get("user_metadata")) == ("Ann", 1, None)
    assert (await api.get(path_of("github|11"))).status_code == 404
    listed = (await api.get(USERS, params={"per_page": 100})).json()
    assert "github|11" not in {one["user_id"] for one in listed}
    tokens = (await api.get(path_of("google-oauth2|a1"))).json()["identities"]
    assert tokens[1]["access_token"] == "t1"

    await world.sign_in("github|11", idp_id=11, attributes={"nickname": "ann12"}, extras={"company": "V"})
    user = await world.until_counted("google-oauth2|a1", 2)
    assert user["identities"][1]["profileData"] == {"nickname": "ann12", "company": "V"}
    assert user["name"] == "Ann"

    answer = await world.unlink("google-oauth2|a1", "github|11")
    assert (answer.status_code, answer.json()) == (200, [main])
    back = await world.get("github|11")
    assert (back["user_metadata"], back["app_metadata"]) == ({"kept": 1}, {"plan": "x"})
    assert (back["nickname"], back["company"], back["logins_count"]) == ("ann12", "V", 1)
    assert "hireable" not in back
    assert back["created_at"] == before["created_at"]
    await world.sign_in("github|11", idp_id=11, attributes={"nickname": "ann13"})
    assert (await world.until_counted("github|11", 2))["nickname"] == "ann13"
    assert (await world.get("google-oauth2|a1"))["logins_count"] == 2

    history = (await api.get(f"{path_of('google-oauth2|a1')}/identities/history")).json()
    assert [(entry["type"], entry["actor"], entry["provider"], entry["user_id"]) for entry in history] == [
        ("unlinked", "client:tests", "github", 11),
        ("linked", "client:tests", "github", 11),
    ]
    assert (history[1]["means"], history[0]["date"] >= history[1]["date"]) == ("admin", True)


async def test_refusals(world: Linked) -> None:
    """Each refusal has the documented text and changes nothing."""
    api = world.site.client()
    for user_id in ("google-oauth2|r1", "google-oauth2|r2", "github|21", "github|22"):
        await world.person(user_id)
    assert (await world.link("google-oauth2|r2", "github|22")).status_code == 201
    place = f"{path_of('google-oauth2|r1')}/identities"
    cases = [
        ({"provider": "google-oauth2", "user_id": "r1"}, 400, "Main identity and the new one are the same."),
        ({"provider": "google-oauth2", "user_id": "google-oauth2|r1"}, 400,
         "Main identity and the new one are the same."),
        ({"provider": "google-oauth2", "user_id": "r2"}, 400, "Unable to link with the secondary account."),
        ({"provider": "github", "user_id": 22}, 409, "Specified identity already exists."),
        ({"provider": "github", "user_id": "nobody"}, 400,
         "Linking to an inexistent identity requires a connection."),
        ({"provider": "samlp", "user_id": "x"}, 400,
         "The provider or connection of the secondary account is not configured."),
        ({"provider": "nowhere", "user_id": "x"}, 400,
         "Payload validation error: 'No enum match for: nowhere' on property provider"
         " (Identity provider of the secondary user account being linked)."),
        ({"provider": "github"}, 400, "Payload validation error: 'Missing required property: user_id'."),
        ({}, 400, "Payload validation error: 'Missing required property: provider'."),
    ]  # fmt: skip
    for body, status, message in cases:
        answer = await api.post(place, json=body)
        assert (answer.status_code, answer.json()["message"]) == (status, message), body
    github = next(one for one in (await api.get("/api/v2/connections")).json() if one["name"] == "github")
    body = {"provider": "github", "user_id": "nobody", "connection_id": github["id"]}
    answer = await api.post(place, json=body)
    assert answer.json()["message"] == "Linking to an inexistent identity is not allowed."
    body = {"provider": "github", "user_id": "21", "connection_id": "con_0000000000000000"}
    answer = await api.post(place, json=body)
    assert answer.json()["message"].startswith("The provider or connection")
    absent = await world.link("google-oauth2|nobody", "github|21")
    assert (absent.status_code, absent.json()["errorCode"]) == (404, "inexistent_user")
    main = await world.unlink("google-oauth2|r2", "google-oauth2|r2")
    assert (main.status_code, main.json()["message"]) == (400, "Main identity cannot be removed.")
    other = await world.unlink("google-oauth2|r2", "github|21")
    assert (other.status_code, other.json()["message"]) == (
        400,
        "The specified identity does not belong to the user.",
    )
    again = await world.link("google-oauth2|r2", "github|22")
    assert (again.status_code, again.json()["errorCode"]) == (409, "identity_conflict")
    assert len((await world.get("google-oauth2|r1"))["identities"]) == 1


async def test_prefixed_and_numeric_ids(world: Linked) -> None:
    """The id may carry its prefix, be a number, or be sent as a form."""
    await world.person("google-oauth2|p1")
    for number in (31, 32, 33):
        await world.person(f"github|{number}", idp_id=number)
    place = f"{path_of('google-oauth2|p1')}/identities"
    api = world.site.client()
    for body in ({"json": {"provider": "github", "user_id": "github|31"}},
                 {"json": {"provider": "github", "user_id": 32}},
                 {"data": {"provider": "github", "user_id": "33"}}):  # fmt: skip
        assert (await api.post(place, **body)).status_code == 201
    user = await world.get("google-oauth2|p1")
    assert [identity["user_id"] for identity in user["identities"]] == ["p1", 31, 32, 33]
    assert (await world.unlink("google-oauth2|p1", "github|github|32")).status_code == 200


async def test_of_many_links_at_once_exactly_one_wins(world: Linked) -> None:
    """Ten requests, to two primaries: one 201, the others refused, the identity in one place."""
    for user_id in ("google-oauth2|m1", "google-oauth2|m2", "github|41"):
        await world.person(user_id)
    primaries = ("google-oauth2|m1", "google-oauth2|m2")
    answers = await asyncio.gather(*(world.link(primaries[n % 2], "github|41") for n in range(10)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9
    shown = [len((await world.get(primary))["identities"]) for primary in primaries]
    assert sorted(shown) == [1, 2]


async def test_two_who_link_one_another(world: Linked) -> None:
    """Of two opposite links at once one succeeds, and no user is lost."""
    for user_id in ("google-oauth2|o1", "github|51"):
        await world.person(user_id)
    answers = await asyncio.gather(
        world.link("google-oauth2|o1", "github|51"), world.link("github|51", "google-oauth2|o1")
    )
    assert min(answer.status_code for answer in answers) == 201
    found = [await world.get(user_id) for user_id in ("google-oauth2|o1", "github|51")]
    assert sorted(len(user.get("identities", ())) for user in found) == [0, 2]


async def test_deleting_takes_linked_identities_along(world: Linked) -> None:
    """204; each identity that logs in later becomes a separate new user."""
    await world.person("google-oauth2|d1")
    await world.person("github|61", attributes={"name": "old"})
    assert (await world.link("google-oauth2|d1", "github|61")).status_code == 201
    answer = await world.site.client().delete(path_of("google-oauth2|d1"))
    assert (answer.status_code, "vita-position" in answer.headers) == (204, True)
    assert await world.get("google-oauth2|d1") == {}
    user = await world.person("github|61", attributes={"name": "new"})
    assert (user["name"], user["logins_count"], len(user["identities"])) == ("new", 1, 1)
    user = await world.person("google-oauth2|d1")
    assert (user["logins_count"], len(user["identities"])) == (1, 1)


async def test_links_unlinks_and_deletions_at_once(world: Linked) -> None:
    """In any order of concurrent commands, every link is complete or undone in the end."""
    for user_id in ("google-oauth2|x1", "github|71", "github|72"):
        await world.person(user_id)
    await world.link("google-oauth2|x1", "github|71")
    api = world.site.client()
    answers = await asyncio.gather(
        world.link("google-oauth2|x1", "github|72"),
        world.unlink("google-oauth2|x1", "github|71"),
        api.delete(path_of("google-oauth2|x1")),
        api.delete(path_of("github|72")),
    )
    assert {answer.status_code for answer in answers} <= {200, 201, 204, 400, 404, 409}
    assert await world.get("google-oauth2|x1") == {}
    rows = await world.pipeline.rows(
        "SELECT associations FROM views.profile WHERE associations LIKE '%\"merged\"%'"
    )
    linked = await world.pipeline.rows(
        "SELECT document FROM views.profile WHERE document LIKE '%profileData%'"
    )
    shown = sum(row["document"].count('"profileData"') for row in linked)
    assert len(rows) == shown


async def test_a_database_user_that_was_linked(world: Linked) -> None:
    """Its address stays taken while it is another's identity, and afterwards it is itself again."""
    api = world.site.client()
    await world.person("google-oauth2|c1")
    made = (await api.post(USERS, json=new_user(email="linked@example.com", user_id="dbuser"))).json()
    answer = await world.link("google-oauth2|c1", made["user_id"])
    assert answer.status_code == 201
    assert answer.json()[1]["profileData"] == {"email": "linked@example.com", "email_verified": False}
    for body in (new_user(email="linked@example.com"), new_user(email="b@example.com", user_id="dbuser")):
        assert (await api.post(USERS, json=body)).status_code == 409
    assert (await world.unlink("google-oauth2|c1", made["user_id"])).status_code == 200
    assert (await world.get(made["user_id"]))["email"] == "linked@example.com"
    assert (await api.post(USERS, json=new_user(email="linked@example.com"))).status_code == 409
    assert made["identities"][0]["connection"] == DATABASE_CONNECTION


@pytest.mark.parametrize("method", ["post", "delete"])
async def test_scopes_of_oneself(world: Linked, method: str) -> None:
    """They reach the token's own subject only, and link by token only."""
    api = world.site.client(["update:current_user_identities"])
    if method == "post":
        body = {"provider": "github", "user_id": "1"}
        answer = await api.post(f"{path_of('google-oauth2|s1')}/identities", json=body)
    else:
        answer = await api.delete(f"{path_of('google-oauth2|s1')}/identities/github/1")
    assert (answer.status_code, answer.json()["message"]) == (
        403,
        "User to be acted on does not match subject in bearer token.",
    )
