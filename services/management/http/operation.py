"""An operation of the API: what it takes, who may ask, and the one way every request of it goes."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl, unquote, unquote_to_bytes

import structlog
from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from schemas.errors import Transient
from schemas.formats.positions import Position
from services.commands.context import WriteStatus
from services.commands.pending import Pending
from services.management.container import Service
from services.management.http import authorization, bodies, idempotency, responses
from services.management.http.errors import (
    INTERNAL,
    SURROUNDINGS_DOWN,
    VIEW_LAGS,
    ErrorResponse,
    HttpError,
    over_share,
)
from services.management.http.limits import rate_limits, throttling
from services.management.http.limits.rate_limits import Group
from services.management.http.validation import validate
from services.runtime.auth.tokens import InvalidToken, Principal, bearer_token
from services.runtime.fairness.body_memory import Lease
from services.runtime.fairness.shares import OverShare
from services.runtime.http.request_context import identify, own_turn
from services.runtime.rejection import Rejected, Rejection, invalid, violation

AT_LEAST: Final = "vita-at-least"
MAX_QUERY_PARAMETERS: Final = 200
LARGE_BODY_BYTES: Final = 16 * 1024
"""A larger body is read in a thread: a form of this size takes about 4 ms, one of 1 MB 18 ms."""
_RATE: Final = "vita.rate"
_BAD_QUERY: Final = invalid(violation("Query", "Not valid UTF-8 text"), "invalid_query_string")
_BAD_PATH: Final = invalid("Path validation error: 'Not valid UTF-8 text' on property id.", "invalid_uri")
_BAD_POSITION: Final = invalid("Vita-At-Least must be a position of the event log, `partition:offset`.")
Result = TypeVar("Result")
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Call:
    """A request that may be answered: who asks, with which of the operation's scopes, and for what."""

    service: Service
    request: Request
    principal: Principal
    scopes: frozenset[str]
    query: Any
    body: Any
    operation: "Operation"
    sent: Any = None
    """The body as it was sent, before it was validated."""
    pending: Pending | None = None
    """The repeatable request that this one carries out."""
    status: WriteStatus = field(default_factory=WriteStatus)

    @property
    def tenant(self) -> str:
        """Whose data this is about."""
        return self.principal.tenant

    async def computed(self, work: Callable[[], Result]) -> Result:
        """The result of work that takes longer than the event loop can wait, in the tenant's turn. Raises
        what it raises, OverShare or Transient."""
        return await self.service.computing.run(self.tenant, work)

    def path(self, name: str) -> str:
        """A path parameter, decoded. Raises Rejected (400)."""
        return path_parameter(self.request, name)


def path_parameter(request: Request, name: str) -> str:
    """Return a path parameter, decoded. Raises Rejected (400)."""
    raw: str = request.path_params[name]
    try:
        return unquote_to_bytes(raw.encode("latin-1")).decode("utf-8")
    except UnicodeError:
        raise Rejected(_BAD_PATH) from None


Answer = str | Rejection | ErrorResponse
"""The meaning of a documented status, or the error itself."""
Handler = Callable[[Call], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One line of the API. Any one of `scopes` is enough, but several in one text only together; `answers`
    are the documented statuses besides those any operation may answer, each with its meaning or the error
    itself; `group` is what its requests count as where rates are limited; `result` is the type that a
    successful answer's body has (anything pydantic can describe), `tag` its family."""

    method: str
    path: str
    handler: Handler
    scopes: tuple[str, ...]
    summary: str
    answers: Mapping[int, Answer]
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    group: Group = "api"
    tag: str = "users"
    result: Any = None

    @property
    def success(self) -> int:
        """The status it answers when all is well; the 202 of a write may mean that the view is late."""
        if 204 in self.answers and self.result is None:
            return 204
        return min(
            (status for status in self.answers if status < 300 and status not in (202, 204)), default=202
        )


@dataclass(frozen=True, slots=True)
class Public:
    """An operation that needs no token; `failure` is the type of its refusals' bodies."""

    method: str
    path: str
    handler: Callable[[Service, Request], Awaitable[Response]]
    summary: str
    answers: Mapping[int, str]
    result: Any
    failure: Any
    body: type[BaseModel] | None = None
    tag: str = "service"
    media: str = "application/json"
    """The media type of a successful answer."""


class DirectRoute(APIRoute):
    """A request goes straight to the endpoint: it checks for itself."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The endpoint as it is."""
        return self.endpoint


def mount(app: FastAPI, service: Service, operations: Sequence[Operation], public: Sequence[Public]) -> None:
    """Adds the operations to the application."""
    app.state.operations = tuple(operations)
    for operation in operations:
        _add(app, operation, endpoint_of(service, operation))
    for open_operation in public:
        _add(app, open_operation, public_endpoint_of(service, open_operation))


def _add(app: FastAPI, operation: Operation | Public, endpoint: Endpoint) -> None:
    app.router.add_api_route(
        operation.path,
        endpoint,
        methods=[operation.method],
        route_class_override=DirectRoute,
        include_in_schema=False,
    )


def public_endpoint_of(service: Service, operation: Public) -> Endpoint:
    """The same for an operation that needs no token."""

    async def endpoint(request: Request) -> Response:
        request.scope["vita.route"] = operation.path
        try:
            return await operation.handler(service, request)
        except OverShare as error:
            return responses.error(over_share(error.retry_after_seconds))
        except Transient:
            return responses.error(SURROUNDINGS_DOWN)
        except Exception as error:  # the edge: whatever it is, the caller gets a documented answer
            log_unexpected(operation.path, error)
            return responses.error(INTERNAL)

    return endpoint


def endpoint_of(service: Service, operation: Operation) -> Endpoint:
    """The operation as something that answers any request, whatever happens."""

    async def endpoint(request: Request) -> Response:
        request.scope["vita.route"] = operation.path
        with service.room.lease() as lease:
            response = await _answered(operation, serve(request, lease))
        if rate := request.scope.get(_RATE):
            response.headers.update(rate)
        return response

    async def serve(request: Request, lease: Lease) -> Response:
        call = await _admit(service, operation, request, lease)
        if operation.method == "POST" and idempotency.HEADER in request.headers:
            return await idempotency.once(
                call,
                lambda pending: _answered(operation, operation.handler(replace(call, pending=pending))),
            )
        return await operation.handler(call)

    return endpoint


async def _answered(operation: Operation, answering: Awaitable[Response]) -> Response:
    try:
        return await answering
    except Rejected as rejected:
        return responses.error(rejected.rejection)
    except HttpError as error:
        return responses.error(error.response)
    except InvalidToken as error:
        return responses.error(authorization.unauthorized(error))
    except OverShare as error:
        return responses.error(over_share(error.retry_after_seconds))
    except Transient as error:
        _log.warning("surroundings_down", route=operation.path, error=str(error))
        return responses.error(SURROUNDINGS_DOWN)
    except Exception as error:  # the edge: whatever it is, the caller gets a documented answer
        log_unexpected(operation.path, error)
        return responses.error(INTERNAL)


def log_unexpected(route: str, error: BaseException) -> None:
    """What kind of error, and where; its text may hold personal data."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = "" if place is None else f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}"
    _log.error("unexpected_error", route=route, error=type(error).__name__, where=where)


async def _admit(service: Service, operation: Operation, request: Request, lease: Lease) -> Call:
    headers = request.headers
    principal = await service.verifier.verify(bearer_token(headers.get("authorization")))
    identify(principal)
    domain = await service.domains.of_host(headers.get("host", ""))
    if domain is not None and domain.tenant != principal.tenant:
        raise InvalidToken
    _count(service, operation, request, principal)
    await own_turn()
    scopes = authorization.granted(principal, operation.scopes)
    query = _query(operation.query, request) if operation.query is not None else None
    body = sent = None
    if operation.body is not None:
        lease.belongs_to(principal.tenant, principal.client_id)
        raw = await bodies.read_raw(request, service.settings.body_limit_bytes, service.settings.pace, lease)
        await own_turn()
        read = partial(_read, raw, bodies.media_type(request), operation.body)
        large = len(raw) > LARGE_BODY_BYTES
        sent, body = await service.computing.run(principal.tenant, read) if large else read()
    if AT_LEAST in headers:
        await _wait_for(service, headers[AT_LEAST])
    return Call(service, request, principal, scopes, query, body, operation, sent)


def _read(raw: bytes, media: str, model: type[BaseModel]) -> tuple[Any, BaseModel]:
    sent = bodies.parse(raw, media, model)
    return sent, validate(model, sent)


def _count(service: Service, operation: Operation, request: Request, principal: Principal) -> None:
    """Also counts what is refused later. Raises HttpError (429)."""
    if not service.rates.are_limited:
        return
    verdict = service.rates.count(principal, operation.group, unquote(request.path_params.get("id", "")))
    if verdict is None:
        return
    request.scope[_RATE] = rate_limits.headers(verdict)
    if not verdict.allowed:
        throttling.note(service, principal, request, operation.group, verdict)
        raise HttpError(rate_limits.too_many(verdict))


def _query(model: type[BaseModel], request: Request) -> BaseModel:
    text: bytes = request.scope["query_string"]
    if not text:
        return _nothing_asked(model)
    try:
        pairs = parse_qsl(
            text.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_QUERY_PARAMETERS
        )
    except ValueError:
        raise Rejected(_BAD_QUERY) from None
    values: dict[str, Any] = {}
    for name, value in pairs:
        if "\x00" in name or "\x00" in value:
            raise Rejected(_BAD_QUERY)
        if _is_list(model, name):
            values.setdefault(name, []).append(value)
        else:
            values[name] = value
    return validate(model, values, "Query")


@cache
def _nothing_asked(model: type[BaseModel]) -> BaseModel:
    return validate(model, {}, "Query")


def _is_list(model: type[BaseModel], name: str) -> bool:
    field = model.model_fields.get(name)
    return field is not None and field.annotation == tuple[str, ...]


async def _wait_for(service: Service, text: str) -> None:
    try:
        position = Position.parse(text)
    except ValueError:
        raise Rejected(_BAD_POSITION) from None
    if position.partition >= service.partitions:
        raise Rejected(_BAD_POSITION)
    if not await service.watch.wait_for(position, service.settings.read_wait_seconds):
        raise Rejected(VIEW_LAGS)
