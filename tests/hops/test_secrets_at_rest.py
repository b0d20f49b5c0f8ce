"""What lets its bearer in lies sealed in the database, wherever that is, and callers see it as before."""

import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest_asyncio

from schemas.events import LoginSucceeded, LoginSucceededData
from schemas.identifiers import new_event_id
from schemas.instants import truncate
from services.management import reading
from tests.management import Site, new_user, path_of, running_site
from tests.stack import Stack

CONNECTIONS = "/api/v2/connections"
OPTIONS = {
    "client_id": "shown",
    "client_secret": "MarkerAtRest-client-secret",
    "app_secret": "MarkerAtRest-app-secret",
    "signingKey": {"key": "MarkerAtRest-signing-key", "cert": "MarkerAtRest-certificate"},
    "configuration": {"DB_PASSWORD": "MarkerAtRest-database-password"},
    "gateway_authentication": {"method": "bearer", "secret": "MarkerAtRest-gateway"},
    "email": {
        "provider": {"credentials": {"smtp_pass": "MarkerAtRest-smtp", "smtp_host": "MarkerAtRest-host"}}
    },
    "twilio_token": "MarkerAtRest-twilio",
    "look_alike": "vita-sealed:look-alike",
}
TOTP_SEED = "5HCWXIP2MJNSUBGYVUZFLRB2HWIGXR4SYJQXNBQ"
TOTP = {"type": "totp", "name": "T", "totp_secret": TOTP_SEED}
PASSWORD = "MarkerAtRest and a quiet Password 1"
TOKENS = {"access_token": "MarkerAtRest-access-token", "refresh_token": "MarkerAtRest-refresh-token"}
MARKERS = ("MarkerAtRest", TOTP_SEED)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(stack: Stack) -> AsyncIterator[Site]:
    """One installation for all tests of this file."""
    async with running_site(stack) as running:
        yield running


async def test_no_secret_lies_readable_anywhere_in_the_database(site: Site) -> None:
    """Connections, a person and logins are full of secrets; no column of any table holds one, plain, in
    base64 or in hex, and callers read what they read before."""
    api = site.client()
    body = {"name": "at-rest", "strategy": "oidc", "options": OPTIONS}
    made = await api.post(CONNECTIONS, json=body)
    assert (made.status_code, made.json()["options"]) == (201, OPTIONS), made.text
    path = f"{CONNECTIONS}/{made.json()['id']}"
    for option in (f"{path}?fields=options", path):
        assert (await api.get(option)).json()["options"] == OPTIONS
    listed = (await api.get(CONNECTIONS, params={"name": "at-rest"})).json()
    assert [one["options"] for one in listed] == [OPTIONS]
    named = await api.patch(path, json={"display_name": "D"})
    assert named.json()["options"] == OPTIONS
    assert (await api.patch(path, json={"options": OPTIONS})).headers["etag"] == named.headers["etag"]

    user = (await api.post("/api/v2/users", json=new_user(email="at@rest.example", password=PASSWORD))).json()
    me = path_of(user["user_id"])
    assert (await api.post(f"{me}/authentication-methods", json=TOTP)).status_code == 201
    code = (await api.post(f"{me}/recovery-code-regeneration")).json()["recovery_code"]
    await sign_in_with_tokens(site, user)
    markers = (*MARKERS, code)
    assert [place async for place in readable(site, markers)] == []
    for shown in (
        (await api.get(me)).json(),
        (await api.get("/api/v2/users", params={"q": "email:at@rest.example"})).json()[0],
        (await api.get("/api/v2/users", params={"take": 5, "from": ""})).json()["users"][0],
        (await api.get("/api/v2/users-by-email", params={"email": "at@rest.example"})).json()[0],
    ):
        assert TOKENS.items() <= shown["identities"][0].items()
    other = site.client(["read:users"])
    for shown in (
        (await other.get(me)).json(),
        (await other.get("/api/v2/users", params={"fields": "identities"})).json()[0],
        (await other.get("/api/v2/users-by-email", params={"email": "at@rest.example"})).json()[0],
    ):
        assert TOKENS.keys().isdisjoint(shown["identities"][0])


async def sign_in_with_tokens(site: Site, user: dict[str, Any]) -> None:
    """A login that brings the provider's tokens."""
    row = await site.service.people_to_edit.row("demo", user["user_id"])
    person = reading.person_of(row, site.service.keyring, "demo")
    identity = user["identities"][0]
    now = truncate(datetime.now(UTC))
    data = LoginSucceededData(
        connection=identity["connection"], strategy="auth0", is_social=False, provider="auth0",
        root_policy="on_each_login", idp_id=identity["user_id"], attributes={}, tokens=TOKENS,
    )  # fmt: skip
    event = LoginSucceeded(
        id=new_event_id(now), source="/vita/test", subject=person.subject, time=now, tenant="demo",
        actor=f"connection:{identity['connection']}", data=data,
    )  # fmt: skip
    assert (await site.service.writer.write([event], person.keys)).visible


async def readable(site: Site, markers: tuple[str, ...]) -> AsyncIterator[str]:
    """Every column in which one of these texts can be read."""
    wanted = [
        form
        for marker in markers
        for form in (
            marker,
            base64.b64encode(marker.encode()[: len(marker) // 3 * 3]).decode(),
            marker.encode().hex(),
        )
    ]
    connection = await asyncpg.connect(site.database.admin)
    try:
        columns = await connection.fetch(
            "SELECT c.table_schema AS schema, c.table_name AS name, c.column_name AS column,"
            " c.data_type AS type"
            " FROM information_schema.columns AS c JOIN information_schema.tables AS t"
            " USING (table_schema, table_name) WHERE t.table_type = 'BASE TABLE'"
            " AND c.table_schema NOT IN ('pg_catalog', 'information_schema')"
        )
        assert len(columns) > 50
        for column in columns:
            name = f'"{column["column"]}"'
            text = f"encode({name}, 'escape')" if column["type"] == "bytea" else f"{name}::text"
            found = await connection.fetchval(
                f'SELECT count(*) FROM "{column["schema"]}"."{column["name"]}"'
                f" WHERE EXISTS (SELECT FROM unnest($1::text[]) AS m WHERE strpos({text}, m) > 0)",
                wanted,
            )
            if found:
                yield f"{column['schema']}.{column['name']}.{column['column']}"
    finally:
        await connection.close()
