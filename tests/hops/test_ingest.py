"""HTTP -> logins.raw, on the real broker, with tokens of the real issuer read through ingest's own
database role."""

import asyncio
import json
import signal
import socket
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from schemas.examples import load_example, names_of
from schemas.formats import exact_json
from schemas.logins.raw_login import MAX_BYTES as LARGEST_EVENT
from schemas.topics import Topic, catalogue
from services.runtime.kafka.log_writer import partition_of
from tests.samples.raw_logins import make_data, make_event
from tests.support.pages import loaded_by
from tests.support.patience import A_WHILE, soon
from tests.support.processes import python
from tests.support.stack import Stack
from tests.worlds.ingest import LOGINS, IngestSite, make_ingest_site


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(stack: Stack) -> IngestSite:
    return await make_ingest_site(stack)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def client(site: IngestSite) -> AsyncIterator[httpx.AsyncClient]:
    async with site.client() as client:
        yield client


async def test_accepted_logins_are_in_the_topic(site: IngestSite, client: httpx.AsyncClient) -> None:
    """A 202 means: the event as it was sent, under its key, in that key's partition, marked as a
    CloudEvent."""
    events = [load_example(name) for name in names_of("vita.login.v1")]
    events.append(make_event(id="exact", data=make_data(claims={"sub": 10**30, "n": -(10**25)})))
    response = await client.post(LOGINS, content=exact_json.dumps(events))
    assert (response.status_code, response.json()["accepted"]) == (202, len(events))
    logged = {exact_json.loads(record.value)["id"]: record for record in await site.logged()}
    for event in events:
        record = logged[event["id"]]
        assert exact_json.loads(record.value) == event
        assert record.partition == partition_of(record.key, catalogue()[Topic.LOGINS_RAW].partitions)
        headers = dict(record.headers)
        assert headers["content-type"] == b"application/cloudevents+json; charset=utf-8"
        assert (headers["vita-gateway"], headers["webhook-id"]) == (b"ingest", event["id"].encode())
    assert logged["exact"].key == b"demo/google-oauth2|" + str(10**30).encode()


async def test_a_persons_logins_keep_their_order(site: IngestSite, client: httpx.AsyncClient) -> None:
    """Requests in turn and events within one land in one partition, in order."""
    for batch in range(5):
        events = [
            make_event(id=f"{batch}-{number}", source="order", data=make_data(claims={"sub": "orderly"}))
            for number in range(40)
        ]
        assert (await client.post(LOGINS, content=exact_json.dumps(events))).status_code == 202
    mine = [record for record in await site.logged() if record.key == b"demo/google-oauth2|orderly"]
    assert len({record.partition for record in mine}) == 1
    wanted = [f"{batch}-{number}" for batch in range(5) for number in range(40)]
    assert [exact_json.loads(record.value)["id"] for record in mine] == wanted


async def test_many_at_once(site: IngestSite, client: httpx.AsyncClient) -> None:
    """Concurrent requests share requests to the broker; each request's events are written once."""

    async def send(number: int) -> int:
        events = [
            make_event(id=f"{number}.{n}", source="many", data=make_data(claims={"sub": f"{number}.{n}"}))
            for n in range(1 + number % 7)
        ]
        response = await client.post(LOGINS, content=exact_json.dumps(events))
        assert response.status_code == 202
        return len(events)

    total = sum(await asyncio.gather(*map(send, range(60))))
    written = [exact_json.loads(record.value) for record in await site.logged()]
    ids = [event["id"] for event in written if event["source"] == "many"]
    assert (len(ids), len(set(ids))) == (total, total)


async def test_events_of_the_largest_size(site: IngestSite, client: httpx.AsyncClient) -> None:
    """Events near the limit of one record fill several batches and all arrive."""
    events = [make_event(id=f"big-{n}", padding="x" * (LARGEST_EVENT - 500)) for n in range(6)]
    response = await client.post(LOGINS, content=exact_json.dumps(events))
    assert (response.status_code, response.json()["accepted"]) == (202, 6)
    ids = {exact_json.loads(record.value)["id"] for record in await site.logged()}
    assert {event["id"] for event in events} <= ids


async def test_what_can_never_be_processed_is_refused(site: IngestSite, client: httpx.AsyncClient) -> None:
    """A login through an unknown connection without a strategy, or without an identity, is rejected with a
    reason; the other events of the request are accepted."""
    events = [
        make_event(id="good", source="judged"),
        make_event(id="nowhere", source="judged", data=make_data(connection="corp", strategy=...)),
        make_event(id="nobody", source="judged", data=make_data(claims={"colour": "red"})),
    ]
    response = await client.post(LOGINS, content=exact_json.dumps(events))
    assert (response.status_code, response.json()["accepted"]) == (202, 1)
    good, nowhere, nobody = response.json()["results"]
    assert good == {"id": "good", "status": "accepted"}
    assert (nowhere["reason"], nobody["reason"]) == ("unknown_connection", "unmappable")
    assert "name its strategy in data.strategy" in nowhere["detail"]
    assert nobody["detail"].startswith("'No claim holds the identity; expected one of sub")
    written = [exact_json.loads(record.value) for record in await site.logged()]
    assert [event["id"] for event in written if event["source"] == "judged"] == ["good"]
    alone = await client.post(LOGINS, content=exact_json.dumps(events[1]))
    assert (alone.status_code, alone.json()["errorCode"]) == (400, "invalid_body")


async def test_a_broker_that_is_away(site: IngestSite) -> None:
    """Ingest starts without a broker, says so, and answers 503 with Retry-After at once."""
    async with site.client(kafka_bootstrap="127.0.0.1:1", ack_seconds=1) as client:
        response = await client.post(LOGINS, content=exact_json.dumps(make_event()))
        assert response.status_code == 503
        assert int(response.headers["retry-after"]) >= 1
        assert "Nothing was accepted" in response.json()["message"]
        health = await client.get("/healthz")
        assert (health.status_code, health.json()["kafka"]) == (503, "away")


async def test_health_of_a_ready_service(client: httpx.AsyncClient) -> None:
    """200 while logins can be taken."""
    response = await client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok", "kafka": "connected"})


async def test_tokens_are_checked(site: IngestSite, client: httpx.AsyncClient) -> None:
    """A missing token, a token of another issuer, without the scope or for another tenant get their
    errors."""

    async def attempt(token: str | None) -> tuple[int, Any]:
        headers = {"authorization": f"Bearer {token}" if token else ""}
        response = await client.post(LOGINS, content=exact_json.dumps(make_event()), headers=headers)
        return response.status_code, response.json().get("message")

    head, claims, _ = site.token().split(".")
    assert await attempt(None) == (401, "Missing authentication")
    assert await attempt(f"{head}.{claims}.{'A' * 342}") == (
        401,
        "Invalid signature received for JSON Web Token validation",
    )
    assert (await attempt(site.token(("read:users",))))[0] == 403
    assert (await attempt(site.token(tenant="other")))[0] == 400


HOSTILE = [
    b"", b"null", b"7", b'"x"', b"[]", b"{}", b"[[]]", b"{", b"}", b"\x00", b'{"\x00":1}',
    b'{"\\u0000":1}', b"\xff\xfe", b'"\\ud800"', b'{"id":"\\udfff"}', b"[" * 100_000, b'{"a":' * 5000 +
    b"1" + b"}" * 5000, b'{"id":' + b"9" * 5000 + b"}", b'{"id":1e400}', b'{"id":-0.0,"id":NaN}',
    b'{"id":1,"id":2,"id":"x"}', b'{"data":{"claims":' + b"[" * 500 + b"]" * 500 + b"}}",
    b'{"tenant":["demo"],"time":{},"data":[1]}', exact_json.dumps(make_event(data=make_data(claims={"sub":
    "\x00"}))), exact_json.dumps(make_event(data=make_data(claims={"sub": "x" * (LARGEST_EVENT + 1)}))),
    exact_json.dumps(make_event(time="0000-00-00T00:00:00Z")), exact_json.dumps(make_event(id={"a": 1},
    source=[], type=None, specversion=1.0, tenant=True, data=None)), b" " * 100_000, b"\xef\xbb\xbf{}",
    b'{"specversion":"1.0"' + b',"a":1' * 50_000 + b"}",
]  # fmt: skip


@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
async def test_hostile_bodies(client: httpx.AsyncClient, body: bytes) -> None:
    """Whatever is sent, however it is labelled: a clear refusal in the documented shape, never a 500."""
    for content_type in (
        "application/json",
        "application/x-ndjson",
        "text/html",
        "application/json; charset=x",
    ):
        response = await client.post(LOGINS, content=body, headers={"content-type": content_type})
        assert response.status_code in (400, 413, 415)
        error = response.json()
        assert error["statusCode"] == response.status_code
        assert {"error", "message"} <= error.keys()


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", LOGINS, 405), ("PUT", LOGINS, 405), ("GET", "/nowhere", 404)]
)
async def test_wrong_roads(client: httpx.AsyncClient, method: str, path: str, status: int) -> None:
    """Unknown paths and methods are refused in the documented shape as well."""
    response = await client.request(method, path)
    assert response.status_code == status
    assert response.json()["statusCode"] == status


async def test_documents_are_served(client: httpx.AsyncClient) -> None:
    """Schema, AsyncAPI and OpenAPI are there, and name what they should; the page
    loads nothing from another server."""
    schema = (await client.get("/ingest/v1/schema/login.json")).json()
    assert "tenant" not in schema["required"]
    assert "data" in schema["required"]
    asyncapi = (await client.get("/asyncapi.json")).json()
    assert asyncapi["channels"]["logins_raw"]["address"] == "logins.raw"
    assert (await client.get("/asyncapi.yaml")).text.startswith("asyncapi: 3.0.0")
    operation = (await client.get("/openapi.json")).json()["paths"][LOGINS]["post"]
    assert {"202", "400", "401", "403", "413", "415", "429", "503"} <= operation["responses"].keys()
    page = await client.get("/docs")
    assert (page.status_code, page.text.count("://")) == (200, 0)
    assert "<title>Vita ingest</title>" in page.text
    for address in loaded_by(page.text):
        assert (await client.get(address)).status_code == 200


async def send_raw(port: int, headers: str, body: bytes, *, waits: bool) -> bytes:
    """The first line answered to a request no HTTP client would send; none when the sender leaves."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST {LOGINS} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{headers}\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()
    line = await reader.readline() if waits else b""
    writer.close()
    await writer.wait_closed()
    return line


async def test_a_process_of_its_own(site: IngestSite) -> None:
    """`python -m services.ingest` takes logins, and on SIGTERM finishes what is under way and ends well."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = site.stack.environment("ingest", site.database, site.prefix)
    environment["VITA_HTTP_PORT"] = str(port)
    base, authorization = f"http://127.0.0.1:{port}", f"Authorization: Bearer {site.token()}"
    async with (
        python("-W", "error", "-m", "services.ingest", env=environment, stderr=None) as process,
        httpx.AsyncClient(
            base_url=base, headers=[tuple(authorization.split(": "))], timeout=A_WHILE
        ) as client,
    ):

        async def healthy() -> bool:
            try:
                return (await client.get("/healthz")).is_success
            except httpx.TransportError:
                return False

        await site.stack.until(healthy)
        noise = await send_raw(port, f"Transfer-Encoding: chunked\r\n{authorization}", b"zz\r\n", waits=True)
        assert b" 400 " in noise
        await send_raw(port, f"Content-Length: 99\r\n{authorization}", b"{", waits=False)
        events = [
            make_event(id=str(n), source="own", data=make_data(claims={"sub": str(n)})) for n in range(500)
        ]
        body = b"\n".join(map(exact_json.dumps, events))
        headers = {"content-type": "application/x-ndjson"}
        sending = [asyncio.create_task(client.post(LOGINS, content=body, headers=headers)) for _ in range(4)]
        done, _ = await asyncio.wait(sending, return_when=asyncio.FIRST_COMPLETED)
        process.send_signal(signal.SIGTERM)
        answers = await asyncio.gather(*sending, return_exceptions=True)
        assert await soon(process.wait()) == 0
    accepted = [answer for answer in answers if isinstance(answer, httpx.Response)]
    assert len(accepted) >= len(done)
    assert {answer.status_code for answer in accepted} == {202}
    written = [exact_json.loads(record.value)["source"] for record in await site.logged()]
    assert written.count("own") >= 500 * len(accepted)


async def test_every_response_has_an_id_that_is_in_the_access_log(
    site: IngestSite, capsys: pytest.CaptureFixture[str]
) -> None:
    """Taken, refused, unknown or broken: an id of Vita's own, and one line with it and with who sent it."""
    async with site.client() as client:
        client.headers["x-request-id"] = "mine"
        answers = [
            await client.post(LOGINS, json=make_event(id="with-an-id")),
            await client.post(LOGINS, content=b"{"),
            await client.post(LOGINS, headers={"authorization": "Bearer a.b.c"}),
            await client.get("/healthz"),
            await client.get("/nowhere"),
        ]
    assert [answer.status_code for answer in answers] == [202, 400, 401, 200, 404]
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert len({uuid.UUID(one) for one in ids if uuid.UUID(one).version == 7}) == len(ids)
    lines = {}

    def all_logged() -> bool:
        for line in capsys.readouterr().err.splitlines():
            if '"http_request"' in line:
                one = json.loads(line)
                lines[one["request_id"]] = (one["route"], one["status"], one.get("client"))
        return lines.keys() >= set(ids)

    await site.stack.until(all_logged)
    assert [lines[one] for one in ids] == [
        (LOGINS, 202, "abc"), (LOGINS, 400, "abc"), (LOGINS, 401, None), ("/healthz", 200, None),
        ("none", 404, None),
    ]  # fmt: skip
