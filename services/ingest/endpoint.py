"""What gateways call, as bare ASGI applications: the hot path, without a framework's cost."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, MutableMapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Final, Protocol, TypeVar

from schemas.errors import Transient
from services.ingest.bodies import events_in
from services.ingest.connections import Known, settle
from services.ingest.decide import Accepted, RejectedLogin, decide
from services.ingest.errors import (
    MAX_BYTES,
    SCOPE,
    RefusedError,
    broken_off,
    error_body,
    insufficient_scope,
    overloaded,
    too_many_bytes,
    too_slow,
    unavailable,
)
from services.ingest.keying import record_key
from services.ingest.responses import Answer, answer_for
from services.ingest.signing import LoginRecord, Signed, Signer
from services.runtime.auth.tokens import InvalidToken, Principal, bearer_token
from services.runtime.fairness.body_memory import Lease, Room
from services.runtime.fairness.current_request import identify, own_turn, step_seconds
from services.runtime.fairness.loop_shares import in_steps
from services.runtime.fairness.shares import OverShare
from services.runtime.fairness.threads import FairThreads
from services.runtime.http.request_bodies import (
    BodyBrokenOff,
    BodyTooLarge,
    BodyTooSlow,
    Pace,
    Receive,
    Send,
    read_body,
)

LARGE_BODY_BYTES: Final = 64 * 1024
"""A larger body is read in a thread: to parse 250 KB of an array takes several milliseconds."""

Scope = MutableMapping[str, Any]
Parsed = TypeVar("Parsed")


class Log(Protocol):
    """Where accepted events go."""

    async def publish(self, records: list[LoginRecord]) -> list[bool]:
        """For each record whether all replicas have it. Raises Transient when nothing was tried."""


class Connections(Protocol):
    """What is known of connections."""

    def remembered(self, tenant: str, name: str) -> Known | None:
        """None when `known` has to be asked."""

    async def known(self, tenant: str, names: Collection[str]) -> Mapping[str, Known]:
        """By name; a name is missing when nothing can be said of it now."""


class Verifier(Protocol):
    """Who a token names."""

    async def verify(self, token: str) -> Principal:
        """Raises InvalidToken or Transient."""


@dataclass(frozen=True, slots=True)
class Entrance:
    """What every request passes: its token, room and a pace for its body, a thread for a large one."""

    verifier: Verifier
    room: Room
    pace: Pace
    threads: FairThreads


class GatewayEndpoint(ABC):
    """Token, body, answer; what is done with a body is the endpoint's own. Any one of `scopes` is enough."""

    scopes: ClassVar[tuple[str, ...]]

    def __init__(self, entrance: Entrance) -> None:
        self._entrance = entrance

    @abstractmethod
    async def take(self, principal: Principal, headers: Mapping[str, str], body: bytes) -> Answer:
        """Answers a request that may be answered. Raises RefusedError."""

    async def read(self, tenant: str, body: bytes, reading: Callable[[], Parsed]) -> Parsed:
        """What a body holds, read in a thread where it is large. Raises RefusedError or OverShare."""
        if len(body) <= LARGE_BODY_BYTES:
            return reading()
        try:
            return await self._entrance.threads.run(tenant, reading)
        except OverShare:
            raise
        except Transient:
            raise unavailable("The thread that reads large bodies") from None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers every request in the documented shape, whatever is in it."""
        try:
            answer = await self._answer(_headers(scope), receive)
        except InvalidToken as error:
            answer = Answer(error.status, error_body(error.status, error.message, error.error_code))
        except OverShare:
            answer = _refusing(overloaded())
        except RefusedError as error:
            answer = _refusing(error)
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers()})
        await send({"type": "http.response.body", "body": answer.body})

    async def _answer(self, headers: Mapping[str, str], receive: Receive) -> Answer:
        principal = await self._authenticated(headers)
        with self._entrance.room.lease(principal.tenant, principal.client_id) as lease:
            body = await _body(receive, headers, self._entrance.pace, lease)
            await own_turn()
            return await self.take(principal, headers, body)

    async def _authenticated(self, headers: Mapping[str, str]) -> Principal:
        try:
            principal = await self._entrance.verifier.verify(bearer_token(headers.get("authorization")))
        except Transient:
            raise unavailable("The token service") from None
        identify(principal.tenant, principal.client_id)
        if not principal.scopes.intersection(self.scopes):
            raise insufficient_scope(*self.scopes)
        return principal


class LoginsEndpoint(GatewayEndpoint):
    """`POST /ingest/v1/logins`: verdicts, log, answer."""

    scopes = (SCOPE,)

    def __init__(
        self,
        entrance: Entrance,
        log: Log,
        signer: Signer,
        connections: Connections,
        clock: Callable[[], str],
        handled: Callable[[int], None],
    ) -> None:
        super().__init__(entrance)
        self._log, self._signer, self._connections = log, signer, connections
        self._clock, self._handled = clock, handled

    async def take(self, principal: Principal, headers: Mapping[str, str], body: bytes) -> Answer:
        """Puts what is acceptable on the log."""
        arrived, tenant = self._clock(), principal.tenant
        events = await self.read(tenant, body, partial(events_in, headers, body))
        taken = [self._taken(event, tenant, arrived) async for event in in_steps(events, step_seconds)]
        names = {one.login.data.connection for one in taken if isinstance(one, Accepted)}
        known = await self._connections.known(tenant, names) if names else {}
        verdicts = [
            self._signed(one, known.get(one.login.data.connection)) if isinstance(one, Accepted) else one
            async for one in in_steps(taken, step_seconds)
        ]
        records = [verdict.record for verdict in verdicts if isinstance(verdict, Signed)]
        try:
            written = await self._log.publish(records) if records else []
        except Transient:
            raise unavailable("The event log") from None
        self._handled(sum(written))
        return answer_for(verdicts, written)

    def _taken(self, event: Any, tenant: str, arrived: str) -> Signed | RejectedLogin | Accepted:
        """What becomes of an event; Accepted while the database has to be asked for its connection.

        An event is taken from its text to its signature at once, while the processor's caches hold it: that
        takes a quarter less time than one step after the other for all events of a body.
        """
        verdict = decide(event, tenant, arrived, record_key)
        if isinstance(verdict, RejectedLogin):
            return verdict
        about = self._connections.remembered(tenant, verdict.login.data.connection)
        return verdict if about is None else self._signed(verdict, about)

    def _signed(self, accepted: Accepted, about: Known | None) -> Signed | RejectedLogin:
        verdict = settle(accepted, about)
        return verdict if isinstance(verdict, RejectedLogin) else self._signer.signed(verdict)


def _refusing(error: RefusedError) -> Answer:
    return Answer(error.status, error_body(error.status, error.message, error.error_code))


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


async def _body(receive: Receive, headers: Mapping[str, str], pace: Pace, lease: Lease) -> bytes:
    try:
        return await read_body(receive, headers, MAX_BYTES, pace, lease)
    except BodyTooLarge:
        raise too_many_bytes() from None
    except BodyTooSlow:
        raise too_slow() from None
    except BodyBrokenOff:
        raise broken_off() from None
