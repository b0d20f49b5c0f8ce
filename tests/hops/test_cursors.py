"""Lists that are paged by cursor, over HTTP: no item is left out, and a cursor reveals nothing and is valid
only for its list."""

import base64
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

import asyncpg
import httpx
import pytest
import pytest_asyncio

from services.ledger.keys.subject_keys import add_wrapping_key, provider_from
from services.management.app import create_app
from services.management.container import open_service
from services.management.logs.models import ListLogs
from tests.support.operations import WITH_QUERY, title
from tests.support.stack import Stack
from tests.worlds.management import DATABASE_CONNECTION, Site, path_of, settings_for
from tests.worlds.resources import create, create_user
from tests.worlds.sign_in import sign_in

API, SECOND = "https://api.example.com/", "urn:second"
PEOPLE: Final = ("Jane Doe", "Joe Bloggs", "Jim Beam")
JANE, JOE, JIM = (f"auth0|{name.split()[0].lower()}" for name in PEOPLE)
SCOPES: Final = ("read:invoices", "send:invoices", "write:invoices")
OTHER_TENANT: Final = "other"
WALKED: Final = [
    operation
    for operation in WITH_QUERY
    if operation.query is not None
    and "after" in operation.query.model_fields
    and not issubclass(operation.query, ListLogs)  # walked by the ids of entries, which are digits
]
CHARACTERS_THAT_TELL: Final = 4
"""Shorter words are found by chance in sealed bytes."""
Query = Mapping[str, str]


@dataclass(frozen=True)
class Walk:
    """A list with three items, and other lists of the operation."""

    path: str
    query: Query = field(default_factory=dict)
    other_path: str | None = None
    other_query: Query | None = None
    elsewhere: bool = True
    """Whether the other tenant has something at the path, too."""


async def done(api: httpx.AsyncClient, method: str, path: str, body: Any) -> None:
    answer = await api.request(method, path, json=body)
    assert answer.is_success, answer.text


async def add_people(api: httpx.AsyncClient) -> None:
    for name in PEOPLE:
        first = name.split()[0].lower()
        await create_user(api, user_id=first, name=name, email=f"{first}@mail.example.com")


async def filled(site: Site) -> dict[str, Walk]:
    """The lists of the tenant demo by the paths of their operations."""
    api = site.client()
    for tenant in ("demo", OTHER_TENANT):
        await add_people(site.client(tenant=tenant))
    await create(site.client(tenant=OTHER_TENANT), "resource-servers", identifier="urn:other", name="Other")
    lists = {"/api/v2/users": Walk("/api/v2/users", other_query={"q": "name:j*"})}
    lists |= await of_access(api)
    lists |= await of_clients(api)
    lists |= await of_connections(api)
    lists |= await of_organizations(api)
    lists |= await of_sessions(site)
    template = (await api.get("/api/v2/user-attribute-profiles/templates/auth0-generic")).json()["template"]
    for name in ("Staff", "Guests", "Partners"):
        await create(api, "user-attribute-profiles", **{**template, "name": f"{name} of Jane Doe"})
    lists["/api/v2/user-attribute-profiles"] = Walk("/api/v2/user-attribute-profiles")
    return lists


def of_users(name: str, **about: Any) -> dict[str, Walk]:
    """A list of Jane's, and the corresponding list of Joe."""
    walk = Walk(f"{path_of(JANE)}/{name}", other_path=f"{path_of(JOE)}/{name}", **about)
    return {f"/api/v2/users/{{id}}/{name}": walk}


async def of_access(api: httpx.AsyncClient) -> dict[str, Walk]:
    """Roles with equal permissions and members."""
    scopes = [{"value": scope, "description": scope} for scope in SCOPES]
    for identifier in (API, SECOND):
        await create(api, "resource-servers", identifier=identifier, name="Invoices", scopes=scopes)
    permissions = [
        {"resource_server_identifier": API, "permission_name": scope} for scope in SCOPES
    ]  # fmt: skip
    roles = []
    for name in PEOPLE:
        role = f"/api/v2/roles/{(await create(api, 'roles', name=f'Deputy of {name}'))['id']}"
        await done(api, "POST", f"{role}/permissions", {"permissions": permissions})
        for person in (JANE, JOE, JIM):
            await done(api, "POST", f"{role}/users", {"users": [person]})
        roles.append(role)
    at_api = {"resource_server_identifier": API}
    reading = {**at_api, "permission_name": SCOPES[0]}
    sources = "effective-permissions/sources/effective-roles"
    return {
        "/api/v2/resource-servers": Walk("/api/v2/resource-servers", other_query={"identifiers": API}),
        "/api/v2/roles": Walk("/api/v2/roles", other_query={"name_filter": "deputy"}),
        "/api/v2/roles/{id}/permissions": Walk(
            f"{roles[0]}/permissions", other_path=f"{roles[1]}/permissions", elsewhere=False
        ),
        "/api/v2/roles/{id}/users": Walk(
            f"{roles[0]}/users", other_path=f"{roles[1]}/users", elsewhere=False
        ),
        **of_users("roles"),
        **of_users("permissions"),
        **of_users("effective-roles"),
        **of_users(
            "effective-permissions", query=at_api, other_query={"resource_server_identifier": SECOND},
            elsewhere=False,
        ),
        **of_users(
            sources, query=reading, other_query={**reading, "permission_name": SCOPES[1]}, elsewhere=False
        ),
    }  # fmt: skip


async def of_clients(api: httpx.AsyncClient) -> dict[str, Walk]:
    """Clients, each with a grant for one API."""
    for name in PEOPLE:
        client = await create(api, "clients", name=f"Notebook of {name}", app_type="non_interactive")
        await create(api, "client-grants", client_id=client["client_id"], audience=API, scope=[])
    return {
        "/api/v2/clients": Walk("/api/v2/clients", other_query={"app_type": "non_interactive"}),
        "/api/v2/client-grants": Walk("/api/v2/client-grants", other_query={"audience": API}),
    }


async def of_connections(api: httpx.AsyncClient) -> dict[str, Walk]:
    """Connections with clients; one client's name is empty, and one is named twice."""
    enabled = ["", "of-jane-doe", "of-jane-doe", "of-joe-bloggs"]
    paths = [
        f"/api/v2/connections/{found['id']}/clients"
        for name in ("jane-doe", "joe-bloggs")
        if (found := await create(api, "connections", name=name, strategy="samlp", enabled_clients=enabled))
    ]
    return {
        "/api/v2/connections": Walk("/api/v2/connections", other_query={"strategy": "samlp"}),
        "/api/v2/connections/{id}/clients": Walk(paths[0], other_path=paths[1], elsewhere=False),
    }


async def of_organizations(api: httpx.AsyncClient) -> dict[str, Walk]:
    """Organizations that all people belong to."""
    members = []
    for name in PEOPLE:
        found = await create(api, "organizations", name=name.lower().replace(" ", "-"))
        members.append(f"/api/v2/organizations/{found['id']}/members")
        for person in (JANE, JOE, JIM):
            await done(api, "POST", members[-1], {"members": [person]})
    return {
        "/api/v2/organizations": Walk("/api/v2/organizations", other_query={"sort": "name:1"}),
        "/api/v2/organizations/{id}/members": Walk(members[0], other_path=members[1], elsewhere=False),
        **of_users("organizations"),
    }


async def of_sessions(site: Site) -> dict[str, Walk]:
    """Sessions, their refresh tokens, and accounts that they connected."""
    for user_id in (JANE, JOE):
        for number, connection in enumerate((DATABASE_CONNECTION, "jane-doe", "joe-bloggs")):
            await sign_in(
                site, user_id, session_id=f"{user_id}-session-{number}", client_id="app",
                refresh_token={"id": f"{user_id}-token-{number}"},
                connected_account={"connection": connection, "scopes": []},
            )  # fmt: skip
    return {
        **of_users("sessions"),
        **of_users("refresh-tokens"),
        **of_users("connected-accounts"),
        **of_users("history", query={"type": "login.*"}, other_query={"type": "user.*"}),
        "/api/v2/refresh-tokens": Walk(
            "/api/v2/refresh-tokens", {"user_id": JANE}, other_query={"user_id": JOE}
        ),
    }


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def walks(site: Site) -> dict[str, Walk]:
    return await filled(site)


def items_of(page: Any) -> list[Any]:
    """What a page shows, in either shape."""
    if isinstance(page, list):
        return page
    (items,) = (value for value in page.values() if isinstance(value, list))
    return list(items)


async def page(api: httpx.AsyncClient, path: str, **query: Any) -> dict[str, Any]:
    answer = await api.get(path, params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def first(api: httpx.AsyncClient, walk: Walk) -> str:
    """The cursor after the first item of a list."""
    return str((await page(api, walk.path, **walk.query, take=1))["next"])


def decoded(cursor: str) -> bytes:
    return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))


def words_of(value: Any) -> Iterator[str]:
    """Every text in a document, and what it is made of."""
    match value:
        case str():
            yield value
            yield from value.replace("|", " ").replace("@", " ").split()
        case list():
            for one in value:
                yield from words_of(one)
        case dict():
            for one in value.values():
                yield from words_of(one)


def is_refused(answer: httpx.Response) -> bool:
    body = answer.json()
    return (answer.status_code, body.get("errorCode")) == (400, "invalid_query_string") and body[
        "message"
    ].startswith("Query validation error: 'Not a cursor of this list' on property from")


@pytest.mark.parametrize("operation", WALKED, ids=title)
async def test_a_walk_shows_everything_once(
    api: httpx.AsyncClient, walks: dict[str, Walk], operation: Any
) -> None:
    """In the order of the whole list, whatever is selected of each item and however long the pages are."""
    walk = walks[operation.path]
    everything = items_of(await page(api, walk.path, **walk.query, take=100))
    assert len(everything) >= 3
    seen, query, lengths = [], {**walk.query}, iter((1, 1, 2, 2, 2))
    while True:
        found = await page(api, walk.path, **query, take=next(lengths))
        seen += items_of(found)
        if "next" not in found:
            break
        query["from"] = found["next"]
    assert seen == everything


@pytest.mark.parametrize("operation", WALKED, ids=title)
async def test_a_cursor_reveals_nothing(
    api: httpx.AsyncClient, walks: dict[str, Walk], operation: Any
) -> None:
    """No address, name or id of any item is in it or in what it decodes to."""
    walk = walks[operation.path]
    everything = items_of(await page(api, walk.path, **walk.query, take=100))
    secrets = {word.encode() for word in words_of(everything) if len(word) >= CHARACTERS_THAT_TELL}
    assert secrets
    for take in (1, 2):
        cursor = str((await page(api, walk.path, **walk.query, take=take))["next"])
        for text in (cursor.encode(), decoded(cursor)):
            assert not [word for word in secrets if word.lower() in text.lower()]


@pytest.mark.parametrize("operation", WALKED, ids=title)
async def test_a_cursor_is_of_one_list(
    site: Site, api: httpx.AsyncClient, walks: dict[str, Walk], operation: Any
) -> None:
    """Another tenant, operation, path, filter or order refuses it, and so does every change of it."""
    walk = walks[operation.path]
    cursor = await first(api, walk)
    own = {**walk.query, "take": "1", "from": cursor}
    elsewhere = await site.client(tenant=OTHER_TENANT).get(walk.path, params=own)
    assert is_refused(elsewhere) if walk.elsewhere else elsewhere.status_code == 404
    for path, other in walks.items():
        if path != operation.path:
            assert is_refused(await api.get(other.path, params={**other.query, "from": cursor})), path
    if walk.other_path is not None:
        assert is_refused(await api.get(walk.other_path, params=own))
    if walk.other_query is not None:
        assert is_refused(await api.get(walk.path, params={**walk.query, **walk.other_query, "from": cursor}))
    changed = cursor[:-6] + ("A" if cursor[-6] != "A" else "B") + cursor[-5:]
    for text in (changed, cursor[:-1], cursor[:8], f"{cursor}=", f"{cursor}A", "x", "é", "A" * 4000):
        assert is_refused(await api.get(walk.path, params={**walk.query, "from": text})), text


@pytest.mark.parametrize("operation", WALKED, ids=title)
async def test_an_empty_cursor_is_none(
    api: httpx.AsyncClient, walks: dict[str, Walk], operation: Any
) -> None:
    """It begins where the list does, for clients that always send the parameter."""
    walk = walks[operation.path]
    begun = await page(api, walk.path, **walk.query, take=1)
    assert await page(api, walk.path, **{**walk.query, "take": 1, "from": ""}) == begun


@asynccontextmanager
async def after_rotation(site: Site, stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    """Another process of the service, started after a wrapping key was added."""
    settings = settings_for(stack, site.database, site.prefix)
    connection = await asyncpg.connect(site.database.admin)
    try:
        await add_wrapping_key(connection, provider_from(settings.key_provider))
    finally:
        await connection.close()
    async with open_service(settings) as service:
        yield site.client(app=create_app(service))


async def test_cursors_outlive_a_rotation(
    site: Site, api: httpx.AsyncClient, walks: dict[str, Walk], stack: Stack
) -> None:
    """Of every list; a process with the new key opens cursors of one without it, and the other way round."""
    before = {path: await first(api, walk) for path, walk in walks.items()}
    assert before.keys() == {operation.path for operation in WALKED}
    async with after_rotation(site, stack) as newer:
        for path, walk in walks.items():
            on = {**walk.query, "from": before[path]}
            assert await page(newer, walk.path, **on) == await page(api, walk.path, **on)
            on["from"] = await first(newer, walk)
            assert await page(api, walk.path, **on) == await page(newer, walk.path, **on)


async def test_searches_are_walked_by_either_parameter(api: httpx.AsyncClient) -> None:
    """A cursor from `cursor` is valid in `from`; the parameter for the search engine does not change the
    list."""
    query = {"q": "name:j*", "sort": "email:1"}
    begun = await page(api, "/api/v2/users", **query, cursor="*", per_page=1)
    for on in ({"cursor": begun["next"], "search_engine": "v3"}, {"from": begun["next"], "fields": "email"}):
        rest = await page(api, "/api/v2/users", **query, **on)
        assert [one["email"] for one in rest["users"]] == ["jim@mail.example.com", "joe@mail.example.com"]
    refused = await api.get("/api/v2/users", params={**query, "sort": "email:-1", "cursor": begun["next"]})
    assert refused.json()["message"] == (
        "Query validation error: 'Not a cursor of this list' on property cursor (Where to go on)."
    )


async def test_ids_of_log_entries_are_digits(api: httpx.AsyncClient) -> None:
    """Cursors of the logs are not sealed, because they contain only a time and a position in the log."""
    found = await api.get("/api/v2/logs", params={"take": 1})
    assert found.json()[0]["log_id"].isdigit()
    assert f"from={found.json()[0]['log_id']}&take=1" in found.headers["link"]
    assert quote(JANE) not in found.headers["link"]
