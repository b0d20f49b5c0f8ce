"""What gateways call, as bare ASGI applications: the hot path, without a framework's cost."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, ClassVar, Final, Protocol

from schemas.errors import Transient
from schemas.mapper import Record
from services.ingest.admission import Admission
from services.ingest.answers import Answer, answer_for
from services.ingest.bodies import events_in
from services.ingest.decision import Accepted, decide
from services.ingest.keying import record_key
from services.ingest.refusals import (
    MAX_BYTES,
    SCOPE,
    RefusedError,
    broken_off,
    error_body,
    insufficient_scope,
    too_many_bytes,
    too_slow,
    unavailable,
)
from services.runtime.request_context import identify
from services.runtime.tokens import InvalidToken, Principal, bearer_token

BODY_SECONDS: Final = 30.0
"""A body that takes longer holds room others need."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Log(Protocol):
    """Where accepted events go."""

    async def publish(self, records: list[Record]) -> list[bool]:
        """For each record whether all replicas have it. Raises Transient when nothing was tried."""


class Verifier(Protocol):
    """Who a token names."""

    async def verify(self, token: str) -> Principal:
        """Raises InvalidToken or Transient."""


class GatewayEndpoint(ABC):
    """Token, body, answer; what is done with a body is the endpoint's own. Any one of `scopes` is enough."""

    scopes: ClassVar[tuple[str, ...]]

    def __init__(self, verifier: Verifier, admission: Admission) -> None:
        self._verifier, self._admission = verifier, admission

    @abstractmethod
    async def take(self, principal: Principal, headers: Mapping[str, str], body: bytes) -> Answer:
        """Answers a request that may be answered. Raises RefusedError."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers every request in the documented shape, whatever is in it."""
        try:
            answer = await self._answer(_headers(scope), receive)
        except InvalidToken as error:
            answer = Answer(error.status, error_body(error.status, error.message, error.error_code))
        except RefusedError as error:
            answer = Answer(error.status, error_body(error.status, error.message, error.error_code))
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers()})
        await send({"type": "http.response.body", "body": answer.body})

    async def _answer(self, headers: Mapping[str, str], receive: Receive) -> Answer:
        principal = await self._authenticated(headers)
        length = _announced_length(headers)
        with self._admission.of(length):
            return await self.take(principal, headers, await _body_in_time(receive))

    async def _authenticated(self, headers: Mapping[str, str]) -> Principal:
        try:
            principal = await self._verifier.verify(bearer_token(headers.get("authorization")))
        except Transient:
            raise unavailable("The token service") from None
        identify(principal)
        if not principal.scopes.intersection(self.scopes):
            raise insufficient_scope(*self.scopes)
        return principal


class LoginsEndpoint(GatewayEndpoint):
    """`POST /ingest/v1/logins`: verdicts, log, answer."""

    scopes = (SCOPE,)

    def __init__(
        self,
        log: Log,
        verifier: Verifier,
        admission: Admission,
        clock: Callable[[], str],
        handled: Callable[[int], None],
    ) -> None:
        super().__init__(verifier, admission)
        self._log, self._clock, self._handled = log, clock, handled

    async def take(self, principal: Principal, headers: Mapping[str, str], body: bytes) -> Answer:
        """Puts what is acceptable on the log."""
        arrived = self._clock()
        verdicts = [
            decide(event, principal.tenant, arrived, record_key) for event in events_in(headers, body)
        ]
        records = [verdict.record for verdict in verdicts if isinstance(verdict, Accepted)]
        try:
            written = await self._log.publish(records) if records else []
        except Transient:
            raise unavailable("The event log") from None
        self._handled(sum(written))
        return answer_for(verdicts, written)


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def _announced_length(headers: Mapping[str, str]) -> int | None:
    text = headers.get("content-length", "")
    length = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None
    if length is not None and length > MAX_BYTES:
        raise too_many_bytes()
    return length


async def _body_in_time(receive: Receive) -> bytes:
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _body(receive)
    except TimeoutError:
        raise too_slow() from None


async def _body(receive: Receive) -> bytes:
    pieces, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise broken_off()
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size > MAX_BYTES:
            raise too_many_bytes()
        if not message.get("more_body", False):
            return b"".join(pieces)
