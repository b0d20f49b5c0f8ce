"""`POST /ingest/v1/logins` from the first byte to the answer, with a log and a token service of the
test's own."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Any

import httpx
import pytest

from projections.normalization import ConnectionSettings
from projections.normalization.admission import KnownConnection
from schemas.errors import Transient
from schemas.formats import exact_json
from services.ingest.endpoint import EndpointResources
from services.ingest.errors import MAX_BYTES, MAX_EVENTS, SCOPE
from services.ingest.logins.connections import Known
from services.ingest.logins.endpoint import LoginsEndpoint
from services.ingest.logins.signing import LoginRecord, Signer
from services.runtime.auth.tokens import BAD_FORMAT, EXPIRED, MISSING, InvalidToken, Principal
from services.runtime.fairness.body_memory import BodyMemory
from services.runtime.fairness.threads import FairThreads
from services.runtime.http.request_bodies import Pace
from tests.samples.raw_logins import make_data, make_event

SIGNER = Signer((b"s" * 32,))
TOKEN, ARRIVED = "a.b.c", "2026-11-23T10:00:01.000Z"


class FakeLog:
    """Remembers what was written; `confirms` says for which records."""

    def __init__(self) -> None:
        self.written: list[LoginRecord] = []
        self.away = False
        self.confirms: list[bool] | None = None
        self.gate: asyncio.Event | None = None

    async def publish(self, records: Sequence[LoginRecord]) -> list[bool]:
        if self.away:
            raise Transient("kafka: away")
        if self.gate is not None:
            await self.gate.wait()
        self.written.extend(records)
        return self.confirms if self.confirms is not None else [True] * len(records)


class FakeVerifier:
    """Knows one token."""

    def __init__(self) -> None:
        self.scopes, self.tenant = frozenset({SCOPE}), "demo"
        self.failure: Exception | None = None

    async def verify(self, token: str) -> Principal:
        if self.failure is not None:
            raise self.failure
        return Principal("abc@clients", self.tenant, "abc", self.scopes)


class FakeConnections:
    """Has some connections in its cache, and some only when they are read."""

    def __init__(self) -> None:
        self.kept: dict[str, Known] = {}
        self.stored: dict[str, Known] = {}
        self.asked: list[set[str]] = []

    def remembered(self, _tenant: str, name: str) -> Known | None:
        return self.kept.get(name)

    async def known(self, _tenant: str, names: Collection[str]) -> Mapping[str, Known]:
        self.asked.append(set(names))
        return self.stored


class Gateway:
    """Sends requests to an endpoint."""

    def __init__(self, limit_bytes: int = 10 * MAX_BYTES, seconds: float = 30) -> None:
        self.body_memory = BodyMemory(limit_bytes, MAX_BYTES)
        self.log, self.verifier, self.handled = FakeLog(), FakeVerifier(), 0
        self.connections = FakeConnections()
        self.endpoint = LoginsEndpoint(
            EndpointResources(
                self.verifier, self.body_memory, Pace(seconds, 4096), FairThreads("reading", 1)
            ),
            self.log,
            Signer((b"s" * 32,)),
            self.connections,
            lambda: ARRIVED,
            self._handle,
        )

    def _handle(self, count: int) -> None:
        self.handled += count

    async def send(
        self, body: Any, content_type: str | None = "application/json", **headers: str
    ) -> httpx.Response:
        """A value is sent as JSON; bytes, and pieces of them, as they are."""
        content = body if isinstance(body, bytes) or hasattr(body, "__aiter__") else exact_json.dumps(body)
        named = {"authorization": f"Bearer {TOKEN}", "content-type": content_type} | headers
        transport = httpx.ASGITransport(app=self.endpoint, raise_app_exceptions=True)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://ingest") as client:
            given = {name: value for name, value in named.items() if value is not None}
            return await client.post("/ingest/v1/logins", content=content, headers=given)


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


def error_of(response: httpx.Response) -> Mapping[str, Any]:
    """The error, checked to be in the documented shape."""
    error: dict[str, Any] = response.json()
    assert error["statusCode"] == response.status_code
    assert {"statusCode", "error", "message"} <= error.keys()
    return error


async def test_one_event_is_accepted(gateway: Gateway) -> None:
    """202 with its result, once it is written under its key."""
    response = await gateway.send(make_event())
    assert response.status_code == 202
    assert response.json() == {
        "accepted": 1,
        "rejected": 0,
        "results": [{"id": "login-1", "status": "accepted"}],
    }
    assert [record.key for record in gateway.log.written] == [b"demo/google-oauth2|104834838475647382910"]
    assert gateway.handled == 1


async def test_results_come_in_the_order_of_the_events(gateway: Gateway) -> None:
    """Accepted and rejected events of a batch have their results in order."""
    events = [make_event(id="1"), make_event(id="2", type="x"), 7, make_event(id="3")]
    response = await gateway.send(events, "application/cloudevents-batch+json")
    assert response.status_code == 202
    assert [(result["id"], result["status"]) for result in response.json()["results"]] == [
        ("1", "accepted"),
        ("2", "rejected"),
        (None, "rejected"),
        ("3", "accepted"),
    ]
    assert (response.json()["accepted"], response.json()["rejected"]) == (2, 2)


async def test_uncached_connections_are_read_in_one_query(gateway: Gateway) -> None:
    """Every login is checked with what is known of its connection, remembered or read, in its place."""
    names = ("kept", "kept-deleted", "stored", "stored-deleted", "unknown")
    gateway.connections.kept = {name: _google(name) for name in names[:2]}
    gateway.connections.stored = {name: _google(name) for name in names[2:4]}
    events = [make_event(id=name, data=make_data(connection=name)) for name in names]
    response = await gateway.send(events)
    assert [(result["id"], result["status"]) for result in response.json()["results"]] == [
        (name, "rejected" if name.endswith("deleted") else "accepted") for name in names
    ]
    assert [dict(record.headers)["webhook-id"] for record in gateway.log.written] == [
        b"kept",
        b"stored",
        b"unknown",
    ]
    assert gateway.connections.asked == [{"stored", "stored-deleted", "unknown"}]


def _google(name: str) -> Known:
    settings = ConnectionSettings(name, "google-oauth2", {})
    return Known(KnownConnection(True, False, name.endswith("deleted"), settings), False)


async def test_lines_are_events(gateway: Gateway) -> None:
    """NDJSON is taken, and a cut last line is rejected alone."""
    body = exact_json.dumps(make_event()) + b"\n" + exact_json.dumps(make_event(id="2"))[:-5]
    response = await gateway.send(body, "application/x-ndjson")
    assert response.status_code == 202
    assert response.json()["results"][1]["reason"] == "not_json"


async def test_nothing_acceptable_is_a_bad_request(gateway: Gateway) -> None:
    """400 with the results when not one event is accepted, and nothing is written."""
    response = await gateway.send([make_event(tenant="other"), {}])
    assert response.status_code == 400
    assert error_of(response)["errorCode"] == "invalid_body"
    assert [result["reason"] for result in response.json()["results"]] == ["tenant_mismatch", "contract"]
    assert gateway.log.written == []


async def test_unconfirmed_events_are_to_be_sent_again(gateway: Gateway) -> None:
    """503 when the log confirmed only some; the answer says which are safe."""
    gateway.log.confirms = [True, False]
    response = await gateway.send([make_event(id="1"), make_event(id="x", type="x"), make_event(id="2")])
    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
    error = error_of(response)
    assert [result["status"] for result in error["results"]] == ["accepted", "rejected", "retry"]
    assert (error["accepted"], error["rejected"]) == (1, 1)
    assert gateway.handled == 1


async def test_a_log_that_is_away(gateway: Gateway) -> None:
    """503 with Retry-After, never a false 202."""
    gateway.log.away = True
    response = await gateway.send(make_event())
    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
    assert "Nothing was accepted" in error_of(response)["message"]


@pytest.mark.parametrize(
    ("authorization", "failure", "status", "message"),
    [
        (None, None, 401, MISSING),
        ("Bearer opaque", None, 400, BAD_FORMAT),
        ("Bearer a.b.c", InvalidToken(EXPIRED), 401, EXPIRED),
        ("Bearer a.b.c", Transient("away"), 503, "The token service does not answer."),
    ],
)
async def test_who_cannot_be_named(
    gateway: Gateway, authorization: str | None, failure: Exception | None, status: int, message: str
) -> None:
    """Without a valid token the body is not read, and the response has the reason."""
    gateway.verifier.failure = failure
    response = await gateway.send(b"not even JSON", authorization=authorization)
    assert response.status_code == status
    assert error_of(response)["message"].startswith(message)
    assert ("www-authenticate" in response.headers) is (status == 401)


async def test_the_scope_is_needed(gateway: Gateway) -> None:
    """403 for a good token that may do other things."""
    gateway.verifier.scopes = frozenset({"read:users"})
    error = error_of(await gateway.send(make_event()))
    assert error["statusCode"] == 403
    assert error["errorCode"] == "insufficient_scope"
    assert error["message"] == "Insufficient scope, expected any of: publish:logins"


async def test_more_bytes_than_allowed(gateway: Gateway) -> None:
    """413 by the announced length, and by counting where none is announced."""

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(6):
            yield b" " * (MAX_BYTES // 5)

    for body in (b" " * (MAX_BYTES + 1), pieces()):
        response = await gateway.send(body)
        assert response.status_code == 413
        assert (
            error_of(response)["message"]
            == f"Payload content length greater than maximum allowed: {MAX_BYTES}."
        )


async def test_the_largest_body(gateway: Gateway) -> None:
    """A thousand events in up to five megabytes are taken."""
    events = [make_event(id=str(number), padding="x" * 4700) for number in range(MAX_EVENTS)]
    assert len(exact_json.dumps(events)) < MAX_BYTES
    response = await gateway.send(events)
    assert (response.status_code, response.json()["accepted"]) == (202, MAX_EVENTS)


async def test_overload_is_answered_with_429() -> None:
    """A client that uses its share gets 429, another tenant does not, and all is well again afterwards."""
    gateway = Gateway(limit_bytes=3 * MAX_BYTES)
    free = gateway.body_memory.free
    gateway.log.gate = asyncio.Event()
    events = [make_event(id=str(number), padding="x" * 4_600) for number in range(MAX_EVENTS)]
    first: asyncio.Task[httpx.Response] = asyncio.create_task(gateway.send(events))
    while gateway.body_memory.free == free:
        await asyncio.sleep(0)
    refused = await gateway.send([make_event(padding="x" * 4_000) for _ in range(300)])
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "1"
    assert error_of(refused)["errorCode"] == "too_many_requests"
    gateway.verifier.tenant = "other"
    others = asyncio.create_task(gateway.send(make_event(tenant="other")))
    gateway.log.gate.set()
    assert (await first).status_code == 202
    assert (await others).status_code == 202
    gateway.verifier.tenant = "demo"
    assert (await gateway.send(events)).status_code == 202
    assert gateway.body_memory.free == free


async def test_a_body_that_never_comes() -> None:
    """408 when the body stops half-way: it would hold room others need."""
    gateway = Gateway(seconds=0.01)

    async def stalled() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    assert (await gateway.send(stalled())).status_code == 408


async def test_a_body_that_breaks_off(gateway: Gateway) -> None:
    """A connection that closes half-way, or stops making sense, is refused and leaves nothing behind."""
    sent: list[Any] = []
    messages = iter([{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}])

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"Authorization", b"Bearer a.b.c"), (b"content-type", b"application/json")]
    await gateway.endpoint({"type": "http", "headers": headers}, receive, send)
    assert sent[0]["status"] == 400
    assert gateway.body_memory.free == 10 * MAX_BYTES


@pytest.mark.parametrize("length", ["-1", "x", "", "１２", "9" * 30])
async def test_odd_lengths(gateway: Gateway, length: str) -> None:
    """A Content-Length that is no number counts as none."""
    headers = {"content-length": length} if length.isascii() else {}
    assert (await gateway.send(make_event(), **headers)).status_code in (202, 413)
