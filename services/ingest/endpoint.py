"""Endpoints for gateways, as bare ASGI applications: the hot path, without a framework's cost."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, TypeVar

from schemas.errors import Transient
from services.ingest.errors import (
    MAX_BYTES,
    RejectedRequest,
    body_incomplete,
    body_too_slow,
    error_body,
    insufficient_scope,
    overloaded,
    too_many_bytes,
    unavailable,
)
from services.ingest.responses import JsonResponse
from services.runtime.auth.issuers import Verifier
from services.runtime.auth.tokens import InvalidToken, Principal, bearer_token
from services.runtime.fairness.body_memory import BodyMemory, Lease
from services.runtime.fairness.current_request import identify, own_turn
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
"""Larger bodies are parsed in a thread: an array of 250 KB takes several milliseconds."""

Scope = MutableMapping[str, Any]
Parsed = TypeVar("Parsed")


@dataclass(frozen=True, slots=True)
class EndpointResources:
    """What the endpoints share: verification of tokens, memory and a minimum pace for bodies, and threads
    that parse large bodies."""

    verifier: Verifier
    body_memory: BodyMemory
    pace: Pace
    threads: FairThreads


class GatewayEndpoint(ABC):
    """Authenticates a request, reads its body and sends the response; a subclass handles the body.

    A token needs any one of `scopes`.
    """

    scopes: ClassVar[tuple[str, ...]]

    def __init__(self, resources: EndpointResources) -> None:
        self._resources = resources

    @abstractmethod
    async def handle(self, principal: Principal, headers: Mapping[str, str], body: bytes) -> JsonResponse:
        """Return the response to an authorized request. Raises RejectedRequest, or OverShare when the tenant
        has used up its share."""

    async def read(self, tenant: str, body: bytes, reading: Callable[[], Parsed]) -> Parsed:
        """Return the result of `reading`, which runs in a thread if the body is large. Raises what `reading`
        raises, RejectedRequest (503) when no thread becomes free in time, and OverShare when too many
        requests of the tenant wait for one."""
        if len(body) <= LARGE_BODY_BYTES:
            return reading()
        try:
            return await self._resources.threads.run(tenant, reading)
        except OverShare:
            raise
        except Transient:
            raise unavailable("The thread that reads large bodies") from None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer any request; errors have the documented shape."""
        try:
            response = await self._respond(_headers(scope), receive)
        except InvalidToken as error:
            response = JsonResponse(error.status, error_body(error.status, error.message, error.error_code))
        except OverShare:
            response = _rejection(overloaded())
        except RejectedRequest as error:
            response = _rejection(error)
        await send({"type": "http.response.start", "status": response.status, "headers": response.headers()})
        await send({"type": "http.response.body", "body": response.body})

    async def _respond(self, headers: Mapping[str, str], receive: Receive) -> JsonResponse:
        principal = await self._authenticated(headers)
        with self._resources.body_memory.lease(principal.tenant, principal.client_id) as lease:
            body = await _body(receive, headers, self._resources.pace, lease)
            await own_turn()
            return await self.handle(principal, headers, body)

    async def _authenticated(self, headers: Mapping[str, str]) -> Principal:
        try:
            principal = await self._resources.verifier.verify(bearer_token(headers.get("authorization")))
        except Transient:
            raise unavailable("The token service") from None
        identify(principal.tenant, principal.client_id)
        if not principal.scopes.intersection(self.scopes):
            raise insufficient_scope(*self.scopes)
        return principal


def _rejection(error: RejectedRequest) -> JsonResponse:
    return JsonResponse(error.status, error_body(error.status, error.message, error.error_code))


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


async def _body(receive: Receive, headers: Mapping[str, str], pace: Pace, lease: Lease) -> bytes:
    try:
        return await read_body(receive, headers, MAX_BYTES, pace, lease)
    except BodyTooLarge:
        raise too_many_bytes() from None
    except BodyTooSlow:
        raise body_too_slow() from None
    except BodyBrokenOff:
        raise body_incomplete() from None
