"""Login checks without a database: verdicts and their responses."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from projections.login_guard.addresses import Address
from projections.login_guard.attempts import EXPIRY_MS, Tally
from projections.login_guard.protection import brute_force, suspicious_ip
from projections.login_guard.verdict import (
    SUSPICIOUS_IP,
    TOO_MANY_ATTEMPTS,
    USER_BLOCKED,
    Facts,
    IdentifierFailures,
    LoginVerdict,
    judge,
)
from schemas.errors import Transient
from schemas.formats import exact_json
from services.ingest.endpoint import EndpointResources
from services.ingest.errors import MAX_BYTES
from services.ingest.login_checks import ChecksEndpoint, LoginCheck
from services.runtime.auth.tokens import Principal
from services.runtime.fairness.body_memory import BodyMemory
from services.runtime.fairness.threads import FairThreads
from services.runtime.http.request_bodies import Pace

NOW, IP = 1_800_000_000_000, "203.0.113.7"
FAILED = IdentifierFailures(("users", "a@example.com"), Tally(10, NOW), {IP: Tally(10, NOW)})
SPRAYED = Address(tuple(NOW - number for number in range(100, 0, -1)))


def judged(
    now: int = NOW, brute: str | None = None, address: str | None = None, **facts: Any
) -> LoginVerdict:
    return judge(Facts(IP, **facts), brute_force(brute), suspicious_ip(address), now)


def test_an_admins_block_comes_first() -> None:
    """The administrator's block precedes the identifier's and the address's; rows of other identifiers do not
    count."""
    everything: dict[str, Any] = {"rows": [FAILED], "addresses": [SPRAYED]}
    assert judged(blocked=True, **everything).ban is USER_BLOCKED
    assert judged(**everything).ban is TOO_MANY_ATTEMPTS
    assert judged(addresses=[SPRAYED]).ban is SUSPICIOUS_IP
    assert judged() == LoginVerdict()


def test_a_shield_that_is_down_only_watches() -> None:
    """A ban of a protection that only monitors is reported but not enforced; the other protection is."""
    watching = '{"shields":["user_notification"]}'
    verdict = judged(brute=watching, rows=[FAILED], addresses=[SPRAYED])
    assert (verdict.ban, verdict.monitored) == (SUSPICIOUS_IP, (TOO_MANY_ATTEMPTS,))
    off = '{"enabled":false}'
    assert judged(brute=off, address=off, rows=[FAILED], addresses=[SPRAYED]) == LoginVerdict()


def test_time_heals() -> None:
    """A block ends 30 days after the last failure, to the millisecond; an address has one attempt back after
    864 seconds."""
    assert judged(NOW + EXPIRY_MS, rows=[FAILED]).ban is TOO_MANY_ATTEMPTS
    assert judged(NOW + EXPIRY_MS + 1, rows=[FAILED]).ban is None
    first = NOW - 100
    assert judged(first + 863_999, addresses=[SPRAYED]).ban is SUSPICIOUS_IP
    assert judged(first + 864_000, addresses=[SPRAYED]).ban is None


@pytest.mark.parametrize(
    ("named", "identity"),
    [
        ({"user_id": "auth0|63d1"}, ("auth0", "63d1")),
        ({"user_id": "samlp|corp|jane|doe"}, ("samlp", "corp|jane|doe")),
        ({"user_id": "nobody"}, ("nobody", "")),
        ({"connection": "google-oauth2", "claims": {"sub": "117"}}, ("google-oauth2", "117")),
        ({"connection": "google-oauth2", "claims": {"odd": [1]}}, None),
        ({"identifier": "a@example.com"}, None),
    ],
)
def test_who_is_meant(named: dict[str, Any], identity: tuple[str, str] | None) -> None:
    """A user id is cut at its first bar; claims are read as the normalizer reads them."""
    assert LoginCheck.model_validate({"ip": IP, **named}).identity == identity


class Verifier:
    """Accepts every token."""

    async def verify(self, token: str) -> Principal:
        return Principal("abc@clients", "demo", "abc", frozenset({"check:logins"}))


def resources() -> EndpointResources:
    return EndpointResources(Verifier(), BodyMemory(1, MAX_BYTES), Pace(30, 0), FairThreads("reading", 1))


class Away:
    """A database that does not answer: at once, or never."""

    def __init__(self, hangs: bool) -> None:
        self._hangs = hangs

    @asynccontextmanager
    async def connection(self, tenant: str) -> AsyncIterator[Any]:
        if not self._hangs:
            raise Transient("database: away")
        await asyncio.Event().wait()
        yield None


@pytest.mark.parametrize("hangs", [False, True])
async def test_without_a_database_nothing_is_decided(hangs: bool) -> None:
    """503 in time, to be repeated; the gateway decides by itself meanwhile."""
    endpoint = ChecksEndpoint(resources(), Away(hangs), lambda: NOW, 0.05)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=endpoint), base_url="http://x") as client:
        answer = await client.post(
            "/", content=exact_json.dumps({"identifier": "a", "ip": IP}),
            headers={"authorization": "Bearer a.b.c", "content-type": "application/json"},
        )  # fmt: skip
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert answer.json() == {
        "statusCode": 503,
        "error": "Service Unavailable",
        "message": "The database does not answer. Nothing was decided.",
        "errorCode": "undecided",
    }


NO_TEXT = "Expected type string but found type integer"
NO_CONNECTION = "Missing required property: connection (claims are read by it)"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "'The body is not JSON in UTF-8: expected one check or an array of checks'"),
        (b"7", "'Found type integer in the body: expected one check or an array of checks'"),
        (b"[]", "'The array is empty: expected at least one check'"),
        (b'{"ip": "here"}', "'Expected an IPv4 or IPv6 address' on property ip"),
        (
            b'[{"ip": "::1", "identifier": 7}]',
            "'Expected type string but found type integer' on property 0.identifier",
        ),
        (b'{"ip": "::1"}', "'One of identifier, user_id and claims must identify a person'"),
        (
            b'{"ip": "::1", "claims": {"sub": "1"}}',
            "'Missing required property: connection (claims are read by it)'",
        ),
    ],
)
async def test_a_wrong_check_is_explained(body: bytes, message: str) -> None:
    """The answer says which rule a check breaks, where, and what is expected."""
    endpoint = ChecksEndpoint(resources(), Away(False), lambda: NOW, 0.05)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=endpoint), base_url="http://x") as client:
        answer = await client.post(
            "/", content=body, headers={"authorization": "Bearer a.b.c", "content-type": "application/json"}
        )
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "invalid_body")
    assert answer.json()["message"] == f"Payload validation error: {message}."
