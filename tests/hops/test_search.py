"""Search over HTTP: pages, cursors, order, errors, time."""

import asyncio
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio

from services.management.app import create_app
from services.management.container import open_service
from services.queries.search.cost import INFIX, MOST_COST, NEGATED
from services.runtime.postgres.tenant_pool import STATEMENT_SECONDS
from tests.support.seeding import seed
from tests.support.stack import Stack
from tests.worlds.management import Site, new_user, path_of, settings_for

USERS = "/api/v2/users"
MANY = 1_234
READ = ["read:users"]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(site: Site) -> Site:
    """A site of this file's own, with many people in the tenant `many`."""
    await site.add_tenant("many")
    async with site.database.connected() as connection:
        await seed(connection, "many", (person(number) for number in range(MANY)))
    return site


def person(number: int) -> tuple[str, dict[str, Any]]:
    """One of many: every third a Jane, logins and plans in turn, every fifth without a name."""
    name = "Jane" if number % 3 == 0 else "John"
    document = {
        "user_id": f"auth0|{number:05}",
        "created_at": f"2026-01-{1 + number % 28:02}T00:00:00.000Z",
        "updated_at": "2026-02-01T00:00:00.000Z",
        "email": f"{name}.{number}@example.com",
        "identities": [
            {"connection": "db" if number % 2 else "corp", "provider": "auth0", "user_id": f"{number:05}"}
        ],
        "app_metadata": {"plan": ["gold", "silver", "free"][number % 3], "seats": number % 7},
        "logins_count": number % 10,
        **({"name": f"{name} {number}"} if number % 5 else {}),
    }
    return f"sub_{number:032x}", document


@pytest.fixture
def api(site: Site) -> httpx.AsyncClient:
    return site.client(READ, tenant="many")


async def found(api: httpx.AsyncClient, **query: Any) -> list[int]:
    """The numbers of the users found, with the requested kind of paging."""
    answer = await api.get(USERS, params=query)
    assert answer.status_code == 200, answer.text
    users = answer.json()
    return [numbered(user) for user in (users["users"] if isinstance(users, dict) else users)]


def numbered(user: dict[str, Any]) -> int:
    return int(user["user_id"].partition("|")[2])


async def walked(api: httpx.AsyncClient, name: str, **query: Any) -> list[int]:
    """All users, by a cursor in the parameter of this name."""
    seen: list[int] = []
    more: dict[str, Any] = {name: "*"}
    while True:
        answer = await api.get(USERS, params={**query, **more})
        assert answer.status_code == 200, answer.text
        body = answer.json()
        seen += [numbered(user) for user in body["users"]]
        if "next" not in body:
            return seen
        more = {name: body["next"]}


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ('email:"jane.0@EXAMPLE.com"', lambda n: n == 0),
        ("email:jane.12@example.com", lambda n: n == 12),
        ("user_id:auth0|0010*", lambda n: 100 <= n < 110),
        ("name:*ohn\\ 1*", lambda n: n % 5 and n % 3 and str(n).startswith("1")),
        ("logins_count:[8 TO *]", lambda n: n % 10 >= 8),
        ("created_at:[2026-01-10 TO 2026-01-12}", lambda n: 9 <= n % 28 <= 10),
        ('app_metadata.plan:"gold" AND app_metadata.seats:[5 TO 6]', lambda n: n % 3 == 0 and n % 7 >= 5),
        ("NOT _exists_:name AND logins_count:0", lambda n: n % 10 == 0),
        ("app_metadata.plan:g* OR email:john.1@example.com", lambda n: n % 3 == 0 or n == 1),
        ('identities.connection:"corp" AND NOT app_metadata.plan:(gold OR silver)', lambda n: n % 6 == 2),
        ("nobody", lambda n: False),
    ],
)
async def test_queries_find_exactly_the_matching_users(
    api: httpx.AsyncClient, query: str, wanted: Any
) -> None:
    """A query finds exactly the matching users and counts them."""
    expected = [number for number in range(MANY) if wanted(number)]
    assert sorted(await walked(api, "cursor", q=query, per_page=100)) == expected
    totals = (await api.get(USERS, params={"q": query, "include_totals": "true", "per_page": 0})).json()
    assert list(totals) == ["start", "limit", "length", "users", "total"]
    assert (totals["total"], totals["length"], totals["users"]) == (len(expected), 0, [])


async def test_pages_go_beyond_a_thousand(api: httpx.AsyncClient) -> None:
    """The last page has users and the next one is empty; there is no limit of 1,000 results."""
    assert await found(api, page=12, per_page=100) == list(range(1200, MANY))
    assert await found(api, page=13, per_page=100) == []
    assert await found(api, page=24, per_page=50, sort="user_id:-1") == list(reversed(range(34)))


async def test_checkpoints_walk_everything_once(api: httpx.AsyncClient) -> None:
    """`take` alone begins; it wins over offset paging; the last page has no `next`."""
    first = await api.get(USERS, params={"take": 100, "include_totals": "true", "per_page": 3, "page": 7})
    assert list(first.json()) == ["users", "next"]
    assert len(first.json()["users"]) == 100
    assert await walked(api, "from", take=100) == list(range(MANY))
    assert await walked(api, "from", take=100, q="name:jane*", sort="name:-1") == await walked(
        api, "cursor", per_page=40, q="name:jane*", sort="name:-1"
    )
    alone = await api.get(USERS, params={"from": first.json()["next"]})
    assert [numbered(user) for user in alone.json()["users"]] == list(range(100, 150))


@pytest.mark.parametrize(
    "sort",
    ["name:1", "name:-1", "logins_count:-1", "app_metadata.plan:1", "app_metadata.seats:-1", "email:1"],
)
async def test_sorted_walks_meet_everybody_once(api: httpx.AsyncClient, sort: str) -> None:
    """Users are returned once in the requested order, those without a value last, with every kind of
    paging."""
    field, _, way = sort.rpartition(":")
    seen = await walked(api, "cursor", take=100, sort=sort)
    assert sorted(seen) == list(range(MANY))
    values = [value_of(person(number)[1], field) for number in seen]
    having = [value for value in values if value is not None]
    assert values[: len(having)] == sorted(having, reverse=way == "-1")
    assert [number for page in range(5) for number in await found(api, sort=sort, page=page)] == seen[:250]


def value_of(document: dict[str, Any], field: str) -> Any:
    value: Any = document
    for part in field.split("."):
        value = value.get(part) if value is not None else None
    return value.lower() if isinstance(value, str) else value


async def test_a_walk_is_not_disturbed_by_newcomers(site: Site) -> None:
    """A user who is created during paging is returned at the end; no user is returned twice or left out."""
    await site.add_tenant("growing")
    await site.add_connection("db", "auth0", "growing", passwordPolicy="none")
    api = site.client(tenant="growing")
    for number in range(3):
        await api.post(USERS, json=new_user(connection="db", email=f"{number}@example.com"))
    first = (await api.get(USERS, params={"cursor": "*", "per_page": 2})).json()
    made = await api.post(USERS, json=new_user(connection="db", email="3@example.com"))
    assert made.status_code == 201
    rest = (await api.get(USERS, params={"cursor": first["next"], "per_page": 2})).json()
    assert [user["nickname"] for user in first["users"] + rest["users"]] == ["0", "1", "2", "3"]
    assert "next" not in rest


async def test_a_change_is_found_at_its_position(site: Site) -> None:
    """`Vita-At-Least` makes a search see the write whose position it names; also what was removed."""
    await site.add_tenant("fresh")
    await site.add_connection("db", "auth0", "fresh", passwordPolicy="none")
    api = site.client(tenant="fresh")
    made = await api.post(
        USERS, json=new_user(connection="db", email="a@example.com", user_metadata={"color": "red"})
    )
    changed = await api.patch(path_of(made.json()["user_id"]), json={"user_metadata": {"color": "blue"}})
    at_least = {"vita-at-least": changed.headers["vita-position"]}
    for color, count in (("red", 0), ("blue", 1)):
        answer = await api.get(USERS, params={"q": f"user_metadata.color:{color}"}, headers=at_least)
        assert len(answer.json()) == count
    gone = await api.delete(path_of(made.json()["user_id"]))
    answer = await api.get(
        USERS,
        params={"q": "user_metadata.color:blue"},
        headers={"vita-at-least": gone.headers["vita-position"]},
    )
    assert answer.json() == []


async def test_no_tenant_finds_anothers_people(site: Site) -> None:
    """No query finds users of another tenant, even with the other tenant's cursor."""
    many, demo = site.client(READ, tenant="many"), site.client(READ)
    assert await found(demo, q="name:jane*") == []
    assert await found(demo, q="app_metadata.plan:gold OR user_id:auth0*", sort="app_metadata.plan:1") == []
    cursor = (await many.get(USERS, params={"cursor": "*"})).json()["next"]
    assert (await demo.get(USERS, params={"cursor": cursor})).status_code == 400


async def test_fields_and_connection_narrow_what_is_shown(api: httpx.AsyncClient) -> None:
    """`fields` and `connection` apply with and without a query."""
    answer = await api.get(USERS, params={"q": "name:john*", "fields": "user_id", "per_page": 2})
    assert [list(user) for user in answer.json()] == [["user_id"], ["user_id"]]
    assert set(await found(api, connection="db", per_page=100)) == set(range(1, 200, 2))
    assert await found(api, connection="db", q="email:jane.0@example.com") == []
    assert await found(api, connection="x" * 300) == []


async def test_the_order_does_not_need_asking_for(api: httpx.AsyncClient) -> None:
    """`primary_order` may be sent; the order is stable either way."""
    for flag in ("true", "false"):
        assert await found(api, primary_order=flag, page=3, per_page=20) == list(range(60, 80))


@pytest.mark.parametrize(
    ("query", "kind", "index"),
    [
        ("", "all", True),
        ("email:a@b.co", "exact", True),
        ("app_metadata.seats:[1 TO 2]", "metadata range", True),
        ("NOT name:a", "exact", False),
    ],
)
async def test_a_search_explains_itself(api: httpx.AsyncClient, query: str, kind: str, index: bool) -> None:
    """Its class, whether indexes find the people, the order, and the indexes PostgreSQL would use."""
    body = (await api.get(USERS, params={"q": query, "explain": "true"})).json()
    assert list(body) == ["class", "clauses", "index", "order", "indexes"]
    assert (body["class"], body["index"]) == (kind, index)
    assert all(isinstance(name, str) for name in body["indexes"])


@pytest.mark.parametrize(
    "query",
    [
        {"cursor": "x"}, {"from": "é"}, {"from": "*", "cursor": "*"}, {"take": 0}, {"take": 101},
        {"take": -1},
        {"page": -1}, {"per_page": -1}, {"q": "(" * 1000 + "a" + ")" * 1000}, {"q": "NOT " * 1000 + "a"},
        {"q": "a\x00"}, {"q": "name:a~"}, {"q": "a:b:c"}, {"q": "name:*a"}, {"explain": "maybe"},
        {"sort": "a:1"},
        {"sort": "user_metadata:1"}, {"sort": "name"}, {"sort": "user_metadata." + "x" * 300 + ":1"},
        {"zz": "1"},
        {"q": " OR ".join(["name:*abc*"] * 1500)}, {"q": "logins_count:many"},
    ],
)  # fmt: skip
async def test_what_cannot_be_is_refused(api: httpx.AsyncClient, query: dict[str, Any]) -> None:
    """400 in the documented form."""
    answer = await api.get(USERS, params=query)
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "invalid_query_string")
    assert answer.json()["message"].startswith("Query validation error: '")


async def test_malformed_queries_are_answered_with_the_position(api: httpx.AsyncClient) -> None:
    """The documented body with the position, and what was expected there."""
    answer = await api.get(USERS, params={"q": "name:john AND AND x"})
    assert answer.json() == {
        "statusCode": 400,
        "error": "Bad Request",
        "message": "Query validation error: 'Unexpected 'AND' at position 15, expected a term or '(''"
        " on property q (Query in Lucene query string syntax).",
        "errorCode": "invalid_query_string",
    }


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("q=" + "a" * 60_000, 414),
        ("q=%ED%A0%80", 400),
        ("q=%FF", 400),
        ("q=%00", 400),
        ("from=%00", 400),
        ("cursor=%F0%9F%98%80", 400),
        ("q=name:" + "%F0%9F%98%80" * 300, 200),
        ("q=user_metadata.%22:1", 400),
        ("q=user_metadata.%5C%22:1", 200),
        ("q=user_metadata." + "a." * 400 + "b:1", 200),
        ("page=999999999999&per_page=100", 200),
        ("q=created_at:%5B0001 TO 9999%5D".replace(" ", "+"), 200),
        ("q=logins_count:" + "9" * 60, 200),
        ("q=user_metadata.n:1e9999", 200),
        ("q=%27%3BDROP+TABLE+search--", 400),
        ("q=name:%22%27%3B+DROP+TABLE+search+--%22", 200),
    ],
)
async def test_hostile_queries_get_their_answer(api: httpx.AsyncClient, target: str, status: int) -> None:
    """Whatever is sent, never a 500."""
    answer = await api.get(f"{USERS}?{target}")
    assert answer.status_code == status, answer.text


async def test_the_largest_query_is_answered(api: httpx.AsyncClient) -> None:
    """As many clauses of every kind as a query may cost; one more is refused."""
    dear = ["user_metadata.a:*abc*+name:b*+NOT+logins_count:1"] * (MOST_COST // (INFIX + 1 + NEGATED))
    query = "+OR+".join(dear)
    assert (await api.get(f"{USERS}?q={query}+OR+{dear[0]}")).status_code == 400
    assert (await api.get(f"{USERS}?q={query}")).status_code in (200, 503)


async def test_a_search_ends_when_its_time_is_over(site: Site, api: httpx.AsyncClient, stack: Stack) -> None:
    """503 with the documented text; reads by id and later searches are not touched by it."""
    settings = settings_for(stack, site.database, site.prefix, search_timeout_seconds=0.5)
    holder = await asyncpg.connect(site.database.admin)
    try:
        async with open_service(settings) as service, holder.transaction():
            hasty = site.client(READ, tenant="many", app=create_app(service))
            await holder.execute("LOCK TABLE view_1.search IN ACCESS EXCLUSIVE MODE")
            searches = [hasty.get(USERS, params={"q": query}) for query in ("name:jane*", "email:a@b.co")]
            read = hasty.get(path_of("auth0|00007"))
            answers, read = await asyncio.gather(asyncio.gather(*searches), read)
        for answer in answers:
            assert answer.status_code == 503
            assert answer.json() == {
                "statusCode": 503,
                "error": "Service Unavailable",
                "message": "The query exceeded the timeout. Please try refining your search criteria."
                " See https://auth0.com/docs/best-practices/search-best-practices.",
            }
        assert read.status_code == 200
    finally:
        await holder.close()
    assert await found(api, q="email:jane.0@example.com") == [0]
    async with site.storage.database.connection("many") as connection:
        assert await connection.fetchval("SHOW statement_timeout") == f"{STATEMENT_SECONDS}s"


async def test_addresses_are_found_as_they_are_written(site: Site) -> None:
    """`users-by-email` knows the case that a provider kept; a search does not care."""
    api = site.client(READ, tenant="many")
    by_email = "/api/v2/users-by-email"
    assert len((await api.get(by_email, params={"email": "Jane.0@example.com"})).json()) == 1
    assert (await api.get(by_email, params={"email": "jane.0@example.com"})).json() == []
    assert await found(api, q="email:JANE.0@example.com") == [0]
