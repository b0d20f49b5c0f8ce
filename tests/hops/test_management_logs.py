"""The logs over the real parts: entries, searches, paging and retention."""

import re
from datetime import UTC, datetime
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio

from schemas.events import LoginFailed, LoginFailedData
from schemas.formats.identifiers import record_key, tenant_subject
from schemas.topics import Topic
from services.projector.log_retention import delete_expired
from services.runtime.kafka.log_writer import partition_of
from tests.support.stack import Stack
from tests.worlds.management import DATABASE_CONNECTION, Site, new_user, path_of, running_site
from tests.worlds.pipeline import Pipeline, unused_subject

LOGS = "/api/v2/logs"
NEXT = re.compile(r'<http://127\.0\.0\.1:8080(/[^>]+)>; rel="next"')
"""At the configured address, whatever the Host header says."""


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def searched(site: Site) -> httpx.AsyncClient:
    """A client of a tenant with a connection and two users."""
    client = await fresh(site, "searched")
    for number in range(2):
        await client.post("/api/v2/users", json=new_user(email=f"q{number}@example.com"))
    return client


async def fresh(site: Site, name: str) -> httpx.AsyncClient:
    """A client of a tenant with a database connection and nothing in its logs but that."""
    await site.add_tenant(name)
    await site.add_connection(DATABASE_CONNECTION, "auth0", name, passwordPolicy="none")
    return site.client(tenant=name)


async def listed(client: httpx.AsyncClient, path: str = LOGS, **asked: Any) -> list[dict[str, Any]]:
    answer = await client.get(path, params=asked)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


async def walked(site: Site, client: httpx.AsyncClient, count: int, take: int = 2) -> list[str]:
    """The types of this many entries, read by following the links; an empty page links to itself."""
    found: list[str] = []
    url = f"{LOGS}?take={take}"

    async def step() -> bool:
        nonlocal url
        answer = await client.get(url)
        page, following = answer.json(), NEXT.fullmatch(answer.headers["link"])
        assert following is not None
        if not page:
            assert following[1] == url
        assert len(page) <= take
        found.extend(entry["type"] for entry in page)
        url = following[1]
        return len(found) >= count

    await site.stack.until(step)
    return found


async def test_a_creation_has_two_log_entries(site: Site) -> None:
    """`sapi` with the request, masked; `ss` with the user; newest first, with who did it."""
    client = await fresh(site, "creation")
    made = await client.post(
        "/api/v2/users?x=1", json=new_user(), headers={"x-correlation-id": "c-1", "user-agent": "curl/8.1.2"}
    )
    sign_up, administration, *_ = await listed(client)
    user_id = made.json()["user_id"]
    assert (sign_up["type"], administration["type"]) == ("ss", "sapi")
    assert sign_up["log_id"] > administration["log_id"]
    assert sign_up["_id"] == sign_up["log_id"]
    assert re.fullmatch("900[0-9]{53}", sign_up["log_id"])
    assert sign_up["details"] == {
        "body": {"email": "jane@example.com", "password": "*****", "user_id": user_id}
    }
    assert (sign_up["connection"], sign_up["strategy_type"]) == (DATABASE_CONNECTION, "database")
    assert re.fullmatch("con_[A-Za-z0-9]{16}", sign_up["connection_id"])
    assert administration["description"] == "Create a User"
    assert administration["references"] == {"correlation_id": "c-1"}
    assert (administration["client_id"], administration["user_id"]) == ("tests", user_id)
    assert administration["user_agent"] == "curl 8.1.2 / Other 0.0.0"
    request = administration["details"]["request"]
    assert request["body"]["password"] == "*****"
    assert (request["method"], request["path"], request["query"]) == ("post", "/api/v2/users", {"x": "1"})
    assert administration["details"]["response"] == {"statusCode": 201, "body": {}}


async def test_a_query_that_no_event_could_hold(site: Site) -> None:
    """Query parameters that an operation ignores may contain any text; the log entry contains them as far as
    possible."""
    client = await fresh(site, "nul")
    made = await client.post("/api/v2/users?a%00=%00&b=%FF%ED%A0%80", json=new_user())
    assert made.status_code == 201
    (entry,) = await listed(client, q='description:"Create a User"')
    assert entry["details"]["request"]["query"]["a\ufffd"] == "\ufffd"


async def test_changes_of_a_user_are_in_the_log_of_the_user(site: Site) -> None:
    """Edits, a block and a deletion, also of a deleted user; nothing of a user who never existed."""
    client = await fresh(site, "somebody")
    user_id = (await client.post("/api/v2/users", json=new_user())).json()["user_id"]
    await client.patch(path_of(user_id), json={"blocked": True})
    await client.patch(path_of(user_id), json={"email": "new@example.com"})
    await client.delete(path_of(user_id))
    found = await listed(client, f"{path_of(user_id)}/logs", sort="date:1")
    assert [entry["type"] for entry in found] == ["sapi", "ss", "sapi", "sapi", "sce", "sapi", "sdu"]
    assert found[2]["details"]["request"]["body"] == {"blocked": True}
    assert found[-2]["details"]["response"]["statusCode"] == 204
    assert await listed(client, f"{path_of('auth0|nobody')}/logs") == []


async def test_every_log_entry_of_a_request_has_its_origin(site: Site) -> None:
    """Requests that write several events show the caller's address and user agent on every entry."""
    client = await fresh(site, "several")
    client.headers["user-agent"] = "several-events/1.0"
    made = (await client.post("/api/v2/users", json=new_user(email="first@example.com"))).json()
    other = (await client.post("/api/v2/users", json=new_user(email="second@example.com"))).json()
    path = path_of(made["user_id"])
    edit = {"email": "moved@example.com", "given_name": "J", "blocked": True, "user_metadata": {"a": 1}}
    factors = [{"type": "email", "email": "a@example.com"}, {"type": "phone", "phone_number": "+15551234"}]
    link = {"provider": "auth0", "user_id": other["user_id"]}
    for method, where, body in (
        ("PATCH", path, edit),
        ("PATCH", path, {"blocked": False, "name": "J. D."}),
        ("PUT", f"{path}/authentication-methods", [{**one} for one in factors]),
        ("DELETE", f"{path}/authentication-methods", None),
        ("POST", f"{path}/identities", link),
        ("DELETE", path, None),
    ):
        answer = await client.request(method, where, json=body)
        assert answer.status_code < 300, answer.text
    caused = [entry for entry in await listed(client, per_page=100) if entry["user_id"]]
    assert {"sce", "gd_enrollment_complete", "gd_unenroll", "sdu", "ss", "sapi"} <= {
        entry["type"] for entry in caused
    }
    for entry in caused:
        assert (entry["ip"], entry["user_agent"]) == ("127.0.0.1", "Other 0.0.0 / Other 0.0.0"), entry["type"]


async def test_one_entry(site: Site) -> None:
    """An entry is found by its id, with selected fields; an unknown id is not found."""
    client = await fresh(site, "single")
    (entry,) = await listed(client)
    assert (await client.get(f"{LOGS}/{entry['log_id']}")).json() == entry
    chosen = await client.get(f"{LOGS}/{entry['log_id']}", params={"fields": "type,log_id"})
    assert chosen.json() == {"type": "sapi", "log_id": entry["log_id"]}
    for other in ("nothing", "9" * 56, "%00"):
        answer = await client.get(f"{LOGS}/{other}")
        assert answer.json() == {"statusCode": 404, "error": "Not Found", "message": "Log not found."}
    assert (await site.client(tenant="other").get(f"{LOGS}/{entry['log_id']}")).status_code == 404


async def test_pages_by_number(site: Site) -> None:
    """Newest first, with the page's count as total; also beyond a thousand, where nothing is."""
    client = await fresh(site, "pages")
    for number in range(3):
        await client.post("/api/v2/users", json=new_user(email=f"p{number}@example.com"))
    everything = await listed(client)
    assert [entry["log_id"] for entry in everything] == sorted(
        (e["log_id"] for e in everything), reverse=True
    )
    page = (await client.get(LOGS, params={"per_page": 2, "page": 1, "include_totals": "true"})).json()
    assert list(page) == ["start", "limit", "length", "logs", "total"]
    assert (page["start"], page["limit"], page["length"], page["total"]) == (2, 2, 2, 2)
    assert page["logs"] == everything[2:4]
    assert await listed(client, per_page=100, page=10_000) == []
    assert await listed(client, per_page=0) == []
    by_type = await listed(client, sort="type:1")
    assert [entry["type"] for entry in by_type] == ["sapi"] * 4 + ["ss"] * 3


async def insert_entry(site: Site, tenant: str, log_id: str, date: str) -> None:
    """An entry of another time than its record's, as a gateway's late report makes it."""
    async with site.operator() as operator:
        generation = await operator.fetchval("SELECT number FROM ledger.generation WHERE state = 'live'")
    database = await asyncpg.connect(site.database.admin)
    await database.execute(
        f"INSERT INTO view_{generation}.log_entry (tenant, log_id, date, type)"
        " VALUES ($1, $2, $3::text::timestamptz, 's')",
        tenant, log_id, date,
    )  # fmt: skip
    await database.close()


async def test_sorting_by_date(site: Site) -> None:
    """By the entries' own time, either way; without a sort the entry recorded last comes first."""
    client = await fresh(site, "dated")
    late = "90029991231000000000" + "0" * 36
    await insert_entry(site, "dated", late, "2020-01-01")
    upwards = [entry["log_id"] for entry in await listed(client, sort="date:1")]
    downwards = [entry["log_id"] for entry in await listed(client, sort="date:-1")]
    assert (upwards[0], downwards) == (late, upwards[::-1])
    for recorded in ({}, {"sort": "log_id:-1"}):
        assert (await listed(client, **recorded))[0]["log_id"] == late
    answer = await client.get("/api/v2/users/auth0%7Cx/logs", params={"per_page": 0})
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "invalid_query_string")


@pytest.mark.parametrize(
    "asked",
    [
        {"per_page": "101"},
        {"page": "-1"},
        {"sort": "date"},
        {"sort": "nothing:1"},
        {"from": "x"},
        {"take": "0"},
    ],
)
async def test_what_cannot_be_asked(site: Site, asked: dict[str, str]) -> None:
    """Refused as a query that is not valid."""
    answer = await site.client().get(LOGS, params=asked)
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "invalid_query_string")


async def test_the_older_search(site: Site) -> None:
    """The beginning of a user's name, in any case; signs of patterns are letters."""
    client = await fresh(site, "older")
    await client.post("/api/v2/users", json=new_user(email="under_score@example.com"))
    await client.post("/api/v2/users", json=new_user(email="undersscore@example.com"))
    found = await listed(client, search="UNDER_s")
    assert {entry["user_name"] for entry in found} == {"under_score@example.com"}


@pytest.mark.parametrize("typed", ["Jo\u00e9", "Joe\u0301"])
async def test_names_are_found_in_any_unicode_form(site: Site, typed: str) -> None:
    """What was typed is kept as it was typed and found by either form, whole, by its beginning, in a range,
    as a bare term and by the older search."""
    tenant = f"forms-{len(typed)}"
    client = await fresh(site, tenant)
    pipeline = Pipeline(site.stack, site.database, site.prefix, site.storage.keyring)
    data = LoginFailedData(
        connection="google-oauth2", strategy="google-oauth2", reason="unknown_user", identifier=typed
    )
    await pipeline.send_events(pipeline.event(LoginFailed, tenant_subject(tenant), data, tenant=tenant))
    for asked in ("Jo\u00e9", "Joe\u0301"):
        for q in (f"user_name:{asked}", f"user_name:{asked}*", f"user_name:[{asked} TO {asked}]", asked):

            async def found(q: str = q) -> bool:
                return [entry["user_name"] for entry in await listed(client, q=q)] == [typed]

            await site.stack.until(found)
        assert [entry["user_name"] for entry in await listed(client, search=asked.lower())] == [typed]


@pytest.mark.parametrize(
    ("q", "types"),
    [
        ("type:ss", ["ss", "ss"]),
        ("type:s*", ["ss", "sapi", "ss", "sapi", "sapi"]),
        ("type:(ss OR nothing) AND user_name:q1@example.com", ["ss"]),
        ("user_name:Q1@example.com", []),
        ("user_name:*xample*", ["ss", "sapi", "ss", "sapi"]),
        ("NOT type:sapi", ["ss", "ss"]),
        ("q1@example.com", ["ss", "sapi"]),
        ("NOT _exists_:user_id", ["sapi"]),
        ("strategy_type:database", ["ss", "ss"]),
        (f"connection:{DATABASE_CONNECTION} -user_name:q1*", ["ss"]),
        ('description:"Create a User"', ["sapi", "sapi"]),
        ("date:[2020 TO 2021]", []),
        ("date:2020-01-01t10:00:00z", []),
        ("date:[2020-01-01t10:00:00.5+02:00 TO *] AND type:ss", ["ss", "ss"]),
        ("date:{2020 TO *] AND type:ss", ["ss", "ss"]),
        ("nothing:at_all", []),
        ("client_id:[a TO z]", ["ss", "sapi", "ss", "sapi", "sapi"]),
    ],
)
async def test_search(searched: httpx.AsyncClient, q: str, types: list[str]) -> None:
    """The language of user searches over the fields of entries, in their own case."""
    assert [entry["type"] for entry in await listed(searched, q=q)] == types


async def test_search_by_names_of_elsewhere(site: Site, searched: httpx.AsyncClient) -> None:
    """A connection is also found by its id, a client by what it is called."""
    (entry, *_) = await listed(searched, q="type:ss")
    assert len(await listed(searched, q=f"connection_id:{entry['connection_id']}")) == 2
    assert await listed(searched, q="client_name:nobody") == []


@pytest.mark.parametrize(
    ("q", "reason"),
    [
        ("type:(", "Unexpected end at the end of the query, expected a term"),
        ("date:soon", "Unexpected 'soon' at position 6, expected a date such as"),
        ("type:*s", "expected at least 3 characters"),
        ("type:s~", "~"),
    ],
)
async def test_a_query_that_cannot_be_understood(site: Site, q: str, reason: str) -> None:
    """The error contains the position and the expected text."""
    answer = await site.client().get(LOGS, params={"q": q})
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "invalid_query_string")
    assert reason in answer.json()["message"]


async def test_a_walk_comes_to_everything(site: Site) -> None:
    """Checkpoint paging returns each entry once, oldest first; at the end an empty page links to itself."""
    client = await fresh(site, "walk")
    for number in range(3):
        await client.post("/api/v2/users", json=new_user(email=f"w{number}@example.com"))
    assert await walked(site, client, 7) == ["sapi"] + ["sapi", "ss"] * 3
    (last, *_) = await listed(client)
    answer = await client.get(LOGS, params={"from": last["log_id"], "take": 500, "page": 7})
    assert answer.json() == []
    assert NEXT.fullmatch(answer.headers["link"])[1] == f"{LOGS}?from={last['log_id']}&take=500"  # type: ignore[index]


async def test_entries_are_kept_as_long_as_the_tenant_says(site: Site) -> None:
    """Without a limit at first, then for the number of days that the tenant sets, in every operation; older
    entries are deleted."""
    client = await fresh(site, "kept")
    settings = "/api/v2/tenants/settings"
    assert (await client.get(settings)).json()["log_retention_days"] is None
    old = "90020200101000000000" + "0" * 36
    await insert_entry(site, "kept", old, "2020-01-01")
    async with site.operator() as operator:
        generation = await operator.fetchval("SELECT number FROM ledger.generation WHERE state = 'live'")
    assert (await client.get(f"{LOGS}/{old}")).status_code == 200
    changed = await client.patch(settings, json={"log_retention_days": 30, "friendly_name": "Kept"})
    assert (changed.json()["log_retention_days"], changed.json()["friendly_name"]) == (30, "Kept")
    assert (await client.get(f"{LOGS}/{old}")).status_code == 404
    assert old not in {entry["log_id"] for entry in await listed(client)}
    assert await walked(site, client, 2) == ["sapi", "sapi"]
    pool = await asyncpg.create_pool(
        site.database.url_for("vita_projector"), server_settings={"search_path": f"view_{generation}"}
    )
    assert await delete_expired(pool, datetime.now(UTC)) == 1
    await pool.close()
    again = await client.patch(settings, json={"log_retention_days": None})
    assert again.json()["log_retention_days"] is None
    assert again.json()["friendly_name"] == "Kept"
    assert (await client.get(f"{LOGS}/{old}")).status_code == 404
    for wrong in ({}, {"log_retention_days": 0}, {"unknown": 1}):
        assert (await client.patch(settings, json=wrong)).status_code == 400


async def until_empty(client: httpx.AsyncClient, url: str, seen: list[str]) -> str:
    """Follows the links as long as there are entries; where to go on."""
    while True:
        answer = await client.get(url)
        found = NEXT.fullmatch(answer.headers["link"])
        assert found is not None
        if not answer.json():
            return url
        seen.extend(entry["log_id"] for entry in answer.json())
        url = found[1]


def failed_login(pipeline: Pipeline, subject: str) -> Any:
    data = LoginFailedData(connection="google-oauth2", strategy="google-oauth2", reason="wrong_password")
    return pipeline.event(LoginFailed, subject, data, actor="connection:google-oauth2")


@pytest.mark.parametrize("earlier_first", [True, False])
async def test_a_walk_loses_nothing_whichever_partition_is_applied_first(
    stack: Stack, earlier_first: bool
) -> None:
    """While a partition waits, nothing newer than its last record is shown; in the end everything, each
    once."""
    async with running_site(stack, log_margin_seconds=0.0) as site:
        await site.stop_projector()
        pipeline, client = (
            Pipeline(stack, site.database, site.prefix, site.storage.keyring),
            site.client(),
        )
        people = [unused_subject() for _ in range(30)]
        one = people[0]
        other = next(person for person in people if place(person) != place(one))
        await pipeline.send_events(failed_login(pipeline, one), failed_login(pipeline, other))
        await pipeline.project()
        seen: list[str] = []
        url = await until_empty(client, f"{LOGS}?take=1", seen)
        known = len(seen)
        for person in (one, other, one, other):
            await pipeline.send_events(failed_login(pipeline, person))
        async with pipeline.projector() as projector:
            waiting = await pipeline.logged(Topic.PROFILE_EVENTS, await projector.stored_positions(range(12)))
            waiting.sort(key=lambda record: (record.partition == place(one)) is not earlier_first)
            for number, record in enumerate(waiting, 1):
                await projector.apply([record])
                url = await until_empty(client, url, seen)
                assert len(seen) - known < 4 or number == 4
        assert len(seen) == known + 4
        assert seen == sorted(set(seen))
        shown = (await client.get(LOGS, params={"per_page": 100})).json()
        assert sorted(entry["log_id"] for entry in shown) == seen


def place(subject: str) -> int:
    return partition_of(record_key("demo", subject), 12)
