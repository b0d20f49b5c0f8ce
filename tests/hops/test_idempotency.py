"""Idempotency-Key: executed once, every repetition gets the result, and an unknown outcome is reported."""

import asyncio
from typing import Any

import asyncpg
import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response

from schemas.errors import Transient
from schemas.formats.identifiers import tenant_subject
from schemas.formats.positions import Position
from services.management.http import responses
from services.management.http.operation import Operation
from services.management.http.pipeline import idempotency
from services.management.http.pipeline.endpoints import endpoint_of
from services.management.http.requests import Call
from services.runtime.rejection import Rejected, invalid
from tests.support.patience import A_WHILE
from tests.support.processes import free_port, python
from tests.support.stack import Stack
from tests.worlds.management import ALL_SCOPES, Site, new_user, path_of, running_site, user_token
from tests.worlds.stored_secrets import kept_results

USERS = "/api/v2/users"


async def ends(site: Site) -> list[Position]:
    return [await site.storage.log.end.last(partition) for partition in range(site.storage.log.partitions)]


async def create(api: httpx.AsyncClient, key: str, email: str, **changes: Any) -> httpx.Response:
    return await api.post(USERS, json=new_user(email=email, **changes), headers={"idempotency-key": key})


async def test_a_repetition_answers_the_first_result(site: Site, api: httpx.AsyncClient) -> None:
    """Status, body, ETag and position are the first ones'; nothing is written a second time."""
    first = await create(api, "k1", "once@example.com")
    assert (first.status_code, first.headers.get("idempotency-replayed")) == (201, None)
    before = await ends(site)
    second = await create(api, "k1", "once@example.com")
    assert (second.status_code, second.content) == (201, first.content)
    assert second.headers["idempotency-replayed"] == "true"
    for name in ("etag", "vita-position", "content-type"):
        assert second.headers[name] == first.headers[name]
    assert await ends(site) == before


async def test_the_order_of_properties_does_not_matter(api: httpx.AsyncClient) -> None:
    """An equal request with reordered properties, or as a form, is a repetition."""
    body = new_user(email="order@example.com")
    key = {"idempotency-key": "order"}
    first = await api.post(USERS, json=body, headers=key)
    turned = await api.post(USERS, json=dict(reversed(body.items())), headers=key)
    form = await api.post(USERS, data=body, headers=key)
    assert first.status_code == 201
    assert turned.content == form.content == first.content


async def test_the_key_of_another_request_is_refused(api: httpx.AsyncClient) -> None:
    """422, and neither request's outcome is touched."""
    first = await create(api, "k2", "first@example.com")
    other = await create(api, "k2", "second@example.com")
    assert (other.status_code, other.json()) == (
        422,
        {
            "statusCode": 422,
            "error": "Unprocessable Entity",
            "message": "This Idempotency-Key was sent before with another request.",
            "errorCode": "idempotency_key_reused",
        },
    )
    assert (await create(api, "k2", "first@example.com")).content == first.content


async def test_a_key_belongs_to_its_caller_and_path(site: Site, api: httpx.AsyncClient) -> None:
    """Another tenant, client, user or path with equal key and body gets its own result."""
    body = {"name": "keyed", "strategy": "samlp"}
    key = {"idempotency-key": "shared"}
    assert (await api.post("/api/v2/connections", json=body, headers=key)).status_code == 201
    for token, status in (
        (site.token(tenant="other"), 201),
        (site.token(client_id="another"), 409),
        (user_token(site, "auth0|jane", ALL_SCOPES), 409),
    ):
        headers = {**key, "authorization": f"Bearer {token}"}
        answer = await api.post("/api/v2/connections", json=body, headers=headers)
        assert (answer.status_code, "idempotency-replayed" in answer.headers) == (status, False)
    assert (await api.post(USERS, json=body, headers=key)).status_code == 400


async def test_a_refusal_is_a_result(site: Site, api: httpx.AsyncClient) -> None:
    """409 stays 409 for this key, though by now there would be room."""
    made = await create(api, "a", "taken@example.com")
    refused = await create(api, "b", "taken@example.com")
    assert refused.status_code == 409
    await api.delete(f"{USERS}/{made.json()['user_id']}".replace("|", "%7C"))
    again = await create(api, "b", "taken@example.com")
    assert (again.status_code, again.headers["idempotency-replayed"]) == (409, "true")
    assert (await create(api, "c", "taken@example.com")).status_code == 201


async def test_of_many_at_once_one_is_carried_out(api: httpx.AsyncClient) -> None:
    """Of concurrent requests one creates a user; the others get 409 or its result."""
    responses = await asyncio.gather(*(create(api, "race", "race@example.com") for _ in range(12)))
    carried_out = [answer for answer in responses if "idempotency-replayed" not in answer.headers]
    waiting = [answer for answer in carried_out if answer.status_code == 409]
    assert [answer.status_code for answer in carried_out if answer not in waiting] == [201]
    for answer in waiting:
        assert answer.json()["errorCode"] == "idempotency_in_progress"
        assert int(answer.headers["retry-after"]) in (1, 2)
    found = await api.get("/api/v2/users-by-email", params={"email": "race@example.com"})
    assert len(found.json()) == 1


@pytest.mark.parametrize("key", ["", " ", "a b", "a" * 256, "\x7f"])
async def test_keys_that_are_none_are_refused(api: httpx.AsyncClient, key: str) -> None:
    """400, and nothing is done."""
    answer = await create(api, key, "nokey@example.com")
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "invalid_idempotency_key")
    assert (await api.get("/api/v2/users-by-email", params={"email": "nokey@example.com"})).json() == []


async def test_only_posts_listen_to_it(api: httpx.AsyncClient) -> None:
    """Other methods are repeatable by themselves."""
    key = {"idempotency-key": "get"}
    for _ in range(2):
        assert "idempotency-replayed" not in (await api.get(USERS, headers=key)).headers


async def test_kept_results_are_sealed_and_private(site: Site, api: httpx.AsyncClient) -> None:
    """Neither key nor body nor result can be read from the table; no tenant sees another's rows."""
    await create(api, "secret-key", "sealed@example.com")
    connection = await asyncpg.connect(site.database.admin)
    rows = await connection.fetch(
        "SELECT * FROM ledger.idempotency WHERE tenant = 'demo' AND result IS NOT NULL"
    )
    await connection.close()
    kept = b"".join(row["place"] + row["request"] + row["result"] for row in rows)
    assert rows
    assert not [
        text for text in (b"sealed@example.com", b"secret-key", b"user_id", b"auth0|") if text in kept
    ]
    async with site.storage.database.connection("other") as other:
        seen = await other.fetch("SELECT DISTINCT tenant FROM ledger.idempotency")
    assert {row["tenant"] for row in seen} <= {"other"}


async def test_no_secret_is_kept(site: Site, api: httpx.AsyncClient) -> None:
    """Client secrets, recovery codes and secret options are in the first answer only: what is kept holds none
    even when it is opened, and a repetition names what it leaves out."""
    user = (await create(api, "owner", "factors@example.com")).json()["user_id"]
    client = (await api.post("/api/v2/clients", json={"name": "app"})).json()["client_id"]
    options = {"client_secret": "marker-1", "upstream": {"signing_secret": "marker-2", "note": "kept"}}
    asked: list[tuple[str, dict[str, Any] | None, str]] = [
        ("/api/v2/clients", {"name": "secretive"}, "client_secret"),
        (f"/api/v2/clients/{client}/rotate-secret", None, "client_secret"),
        (f"{path_of(user)}/recovery-code-regeneration", None, "recovery_code"),
        (
            "/api/v2/connections",
            {"name": "secretive", "strategy": "oidc", "options": options},
            "client_secret, signing_secret",
        ),
    ]
    shown: list[str] = []
    for path, body, omitted in asked:
        send = {} if body is None else {"json": body}
        first, second = [
            await api.post(path, headers={"idempotency-key": "secret-once"}, **send) for _ in range(2)
        ]
        assert first.status_code == second.status_code < 300, first.text
        assert second.headers["vita-omitted"] == omitted
        hidden = secrets_in(first.json())
        assert len(hidden) == len(omitted.split(","))
        assert not [secret for secret in hidden if secret in second.text]
        shown += hidden
    assert second.json()["options"]["upstream"] == {"note": "kept"}
    opened = b"".join([result async for _, result in kept_results(site)])
    assert b"secretive" in opened
    assert not [secret for secret in shown if secret.encode() in opened]


async def test_a_result_is_sealed_with_the_key_of_whom_it_is_about(
    site: Site, api: httpx.AsyncClient
) -> None:
    """Of the person where there is one, otherwise of the tenant; not of one of several people."""
    key = {"idempotency-key": "whose"}
    made = await api.post(USERS, json=new_user(email="whose@example.com"), headers=key)
    user = made.json()["user_id"]
    subject = await subject_of(site, user)
    role = (await api.post("/api/v2/roles", json={"name": "whose"}, headers=key)).json()["id"]
    for path, body in (
        (f"{path_of(user)}/roles", {"roles": [role]}),
        (f"{path_of(user)}/recovery-code-regeneration", None),
        (f"/api/v2/roles/{role}/users", {"users": [user]}),
        ("/api/v2/clients", {"name": "whose"}),
    ):
        answer = await api.post(path, headers=key, **({} if body is None else {"json": body}))
        assert answer.status_code < 300, answer.text
    tenant = tenant_subject("demo")
    owners = [owner async for owner, _ in kept_results(site)]
    assert owners[-6:] == [subject, tenant, subject, subject, tenant, tenant]
    everything = [result async for owner, result in kept_results(site) if owner != subject]
    assert not [result for result in everything if b"whose@example.com" in result]


@pytest.mark.parametrize("fate", ["profile = NULL, activity = NULL", None], ids=["destroyed", "removed"])
async def test_a_result_goes_with_the_key_of_its_person(
    site: Site, api: httpx.AsyncClient, fate: str | None
) -> None:
    """410 says that the request was carried out and its result is gone; nothing is done a second time."""
    key, email = f"erased-{fate is None}", f"erased-{fate is None}@example.com"
    made = await create(api, key, email)
    subject = await subject_of(site, made.json()["user_id"])
    connection = await asyncpg.connect(site.database.admin)
    if fate is None:
        await connection.execute("DELETE FROM ledger.subject_key WHERE owner = $1", subject)
    else:
        await connection.execute(f"UPDATE ledger.subject_key SET {fate} WHERE owner = $1", subject)
    await connection.close()
    before = await ends(site)
    again = await create(api, key, email)
    assert (again.status_code, again.json()["errorCode"]) == (410, "idempotency_result_erased")
    assert "idempotency-replayed" not in again.headers
    assert (await create(api, key, "other@example.com")).status_code == 422
    assert await ends(site) == before
    assert subject not in [owner async for owner, _ in kept_results(site)]


async def test_a_tenant_without_keys_is_refused(site: Site) -> None:
    """Once they have been destroyed nothing of the tenant can be kept: 404, not an internal error."""
    await site.add_tenant("keyless")
    api = site.client(tenant="keyless")
    assert (await api.post("/api/v2/roles", json={"name": "r"})).status_code == 200
    connection = await asyncpg.connect(site.database.admin)
    await connection.execute(
        "UPDATE ledger.subject_key SET profile = NULL, activity = NULL WHERE tenant = 'keyless'"
    )
    await connection.close()
    answer = await api.post("/api/v2/roles", json={"name": "s"}, headers={"idempotency-key": "k"})
    assert answer.status_code == 404


async def subject_of(site: Site, user_id: str) -> str:
    """The subject behind a user's id."""
    return (await site.service.commands.users.store.get("demo", user_id)).subject


def secrets_in(value: Any) -> list[str]:
    """The strings in an answer whose name says that they are secret."""
    if not isinstance(value, dict):
        return []
    own = [one for name, one in value.items() if name in ("client_secret", "recovery_code", "signing_secret")]
    return [one for one in own if isinstance(one, str)] + [
        one for member in value.values() for one in secrets_in(member)
    ]


async def test_a_result_is_forgotten_after_a_day(site: Site, api: httpx.AsyncClient) -> None:
    """After a day the key can be used again, and the sweep deletes expired results."""
    await create(api, "day", "day@example.com")
    connection = await asyncpg.connect(site.database.admin)
    age = "UPDATE ledger.idempotency SET started_at = now() - interval '24 hours 1 second'"
    await connection.execute(age)
    assert (await create(api, "day", "day@example.com")).status_code == 409
    await connection.execute(age)
    await site.service.background.recovery.reconciler.sweep()
    assert await connection.fetchval("SELECT count(*) FROM ledger.idempotency") == 0
    await connection.close()


class Handler:
    """A handler whose behaviour a test sets; it counts its calls."""

    def __init__(self, *outcomes: Any, decides: bool = True) -> None:
        self.outcomes, self.decides, self.calls = list(outcomes), decides, 0
        self.waiting, self.going_on = asyncio.Event(), asyncio.Event()

    async def __call__(self, call: Call) -> Response:
        self.calls += 1
        if self.decides:
            call.status.may_have_written = True
        outcome = self.outcomes.pop(0)
        if outcome == "wait":
            self.waiting.set()
            await self.going_on.wait()
            outcome = {"done": True}
        if isinstance(outcome, Exception):
            raise outcome
        return responses.value(outcome, 201)


async def ask(site: Site, handler: Handler, key: str) -> Response:
    operation = Operation(
        method="POST",
        path="/test",
        handler=handler,
        scopes=("create:users",),
        summary="Test",
        description="For tests.",
        responses={201: "Done."},
    )
    headers = {"authorization": f"Bearer {site.token()}", "idempotency-key": key}
    scope = {
        "type": "http", "method": "POST", "path": "/test", "raw_path": b"/test", "query_string": b"",
        "path_params": {}, "client": ("127.0.0.1", 1),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }  # fmt: skip
    return await endpoint_of(site.service, operation)(Request(scope))


@pytest.mark.parametrize("failure", [Transient("away"), RuntimeError("a bug")])
async def test_an_unknown_outcome_is_not_risked_again(site: Site, failure: Exception) -> None:
    """A 5xx once something was being decided: the repetition says so and carries nothing out."""
    handler = Handler(failure, {"never": "reached"})
    first = await ask(site, handler, f"unknown {type(failure).__name__}".replace(" ", "-"))
    second = await ask(site, handler, f"unknown {type(failure).__name__}".replace(" ", "-"))
    assert first.status_code >= 500
    assert (second.status_code, handler.calls) == (409, 1)
    assert b"idempotency_outcome_unknown" in bytes(second.body)


@pytest.mark.parametrize("failure", [Transient("away"), Rejected(invalid("not like this"))])
async def test_what_failed_before_anything_was_decided_may_be_repeated(
    site: Site, failure: Exception
) -> None:
    """The key is free again at once."""
    handler = Handler(failure, {"done": True}, decides=False)
    key = f"free-{type(failure).__name__}"
    assert (await ask(site, handler, key)).status_code in (400, 503)
    assert ((await ask(site, handler, key)).status_code, handler.calls) == (201, 2)
    assert ((await ask(site, handler, key)).status_code, handler.calls) == (201, 2)


async def test_a_caller_that_goes_away_finds_the_result_later(site: Site) -> None:
    """The request continues after its caller disconnects; until it ends, a repetition gets 409."""
    handler = Handler("wait")
    first = asyncio.create_task(ask(site, handler, "gone"))
    await handler.waiting.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert b"idempotency_in_progress" in bytes((await ask(site, handler, "gone")).body)
    handler.going_on.set()
    await site.service.background.tasks.drain()
    again = await ask(site, handler, "gone")
    assert (again.status_code, bytes(again.body), handler.calls) == (201, b'{"done":true}', 1)


async def test_a_process_that_is_killed_leaves_no_second_person(stack: Stack) -> None:
    """Killed between the event log and the answer: the repetition, at another process, never runs twice."""
    async with running_site(stack) as site:
        await site.stop_projector()
        port = free_port()
        environment = stack.environment("management", site.database, site.prefix) | {
            "VITA_HTTP_PORT": str(port), "VITA_APPEND_WAIT_SECONDS": "2", "VITA_VIEW_WAIT_SECONDS": "2",
            "VITA_IDEMPOTENCY_MARGIN_SECONDS": "1",
        }  # fmt: skip
        headers = {"authorization": f"Bearer {site.token()}"}
        url = f"http://127.0.0.1:{port}"
        async with (
            python("-m", "services.management", env=environment) as process,
            httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, timeout=A_WHILE) as doomed,
        ):

            async def healthy() -> bool:
                try:
                    return (await doomed.get("/healthz")).status_code == 200
                except httpx.TransportError:
                    return False

            await stack.until(healthy)
            before = await ends(site)
            asking = asyncio.create_task(create(doomed, "killed", "killed@example.com"))

            async def written() -> bool:
                return await ends(site) != before

            await stack.until(written)
            process.kill()
            await process.wait()
            with pytest.raises(httpx.TransportError):
                await asking
        await site.start_projector()
        api = site.client()

        async def known() -> httpx.Response | None:
            answer = await create(api, "killed", "killed@example.com")
            return None if answer.status_code == 409 else answer

        answer = await stack.until(known)
        assert (answer.status_code, answer.headers["idempotency-replayed"]) == (202, "true")
        for end in await ends(site):
            if end.offset >= 0:
                await site.until_applied(str(end))
        found = await api.get("/api/v2/users-by-email", params={"email": "killed@example.com"})
        assert [user["user_id"] for user in found.json()] == [answer.json()["user_id"]]


def test_different_requests_are_distinguished() -> None:
    """Numbers, truth values and texts that look alike are different requests; the query counts."""
    sent = (1, 1.0, True, "1", [1], {"a": 1}, None)
    texts = [idempotency.canonical(body, query) for body in sent for query in ("", "a=1")]
    assert len(set(texts)) == len(texts)
    assert idempotency.fingerprint(b"k", "a", "bc") != idempotency.fingerprint(b"k", "ab", "c")
