"""The request pipeline: token, rate limit, scopes, query, body and `Vita-At-Least`, then the handler; every
failure becomes a documented response."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import cache, partial
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

import structlog
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from schemas.errors import Transient
from schemas.formats.positions import Position
from services.management.container import Service
from services.management.http import authorization, responses
from services.management.http.errors import INTERNAL, SURROUNDINGS_DOWN, VIEW_LAGS, HttpError, over_share
from services.management.http.operation import Operation, Public
from services.management.http.pipeline import bodies, idempotency, throttling
from services.management.http.requests import Call
from services.management.http.validation import validate
from services.runtime.auth.tokens import InvalidToken, Principal, bearer_token
from services.runtime.fairness.body_memory import Lease
from services.runtime.fairness.current_request import identify, own_turn
from services.runtime.fairness.shares import OverShare
from services.runtime.rejection import Rejected, invalid, violation

AT_LEAST: Final = "vita-at-least"
MAX_QUERY_PARAMETERS: Final = 200
LARGE_BODY_BYTES: Final = 16 * 1024
"""Larger bodies are parsed in a thread: a form of this size takes about 4 ms, one of 1 MB 18 ms."""
_RATE: Final = "vita.rate"
_BAD_QUERY: Final = invalid(violation("Query", "Not valid UTF-8 text"), "invalid_query_string")
_BAD_POSITION: Final = invalid("Vita-At-Least must be a position of the event log, `partition:offset`.")
_log = structlog.get_logger()
Endpoint = Callable[[Request], Awaitable[Response]]
"""Returns a response for every request to its path and raises no exception."""


def public_endpoint_of(service: Service, operation: Public) -> Endpoint:
    """Return the endpoint of an operation that needs no token."""

    async def endpoint(request: Request) -> Response:
        request.scope["vita.route"] = operation.path
        try:
            return await operation.handler(service, request)
        except OverShare as error:
            return responses.error(over_share(error.retry_after_seconds))
        except Transient:
            return responses.error(SURROUNDINGS_DOWN)
        except Exception as error:  # every failure becomes a documented response
            log_unexpected(operation.path, error)
            return responses.error(INTERNAL)

    return endpoint


def endpoint_of(service: Service, operation: Operation) -> Endpoint:
    """Return the endpoint of an operation that needs a token."""

    async def endpoint(request: Request) -> Response:
        request.scope["vita.route"] = operation.path
        with service.limits.body_memory.lease() as lease:
            response = await _respond(operation, serve(request, lease))
        if rate := request.scope.get(_RATE):
            response.headers.update(rate)
        return response

    async def serve(request: Request, lease: Lease) -> Response:
        call = await _admit(service, operation, request, lease)
        if operation.method == "POST" and idempotency.HEADER in request.headers:
            return await idempotency.once(
                call,
                lambda pending: _respond(operation, operation.handler(replace(call, pending=pending))),
            )
        return await operation.handler(call)

    return endpoint


async def _respond(operation: Operation, handling: Awaitable[Response]) -> Response:
    try:
        return await handling
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
    except Exception as error:  # every failure becomes a documented response
        log_unexpected(operation.path, error)
        return responses.error(INTERNAL)


def log_unexpected(route: str, error: BaseException) -> None:
    """Log the type and the location of an error, without its text, which may contain personal data."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = "" if place is None else f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}"
    _log.error("unexpected_error", route=route, error=type(error).__name__, where=where)


async def _admit(service: Service, operation: Operation, request: Request, lease: Lease) -> Call:
    headers = request.headers
    principal = await service.auth.verifier.verify(bearer_token(headers.get("authorization")))
    identify(principal.tenant, principal.client_id)
    domain = await service.auth.domains.of_host(headers.get("host", ""))
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
        sent, body = await service.limits.computing.run(principal.tenant, read) if large else read()
    if AT_LEAST in headers:
        await _wait_for(service, headers[AT_LEAST])
    return Call(
        service=service,
        request=request,
        principal=principal,
        scopes=scopes,
        query=query,
        body=body,
        operation=operation,
        sent=sent,
    )


def _read(raw: bytes, media: str, model: type[BaseModel]) -> tuple[Any, BaseModel]:
    sent = bodies.parse(raw, media, model)
    return sent, validate(model, sent)


def _count(service: Service, operation: Operation, request: Request, principal: Principal) -> None:
    """Count a request against its rate limit, also if it is rejected later. Raises HttpError (429)."""
    rates = service.limits.rates
    if not rates.are_limited:
        return
    result = rates.count(principal, operation.group, unquote(request.path_params.get("id", "")))
    if result is None:
        return
    request.scope[_RATE] = throttling.rate_headers(result)
    if not result.allowed:
        throttling.note(service, principal, request, operation.group, result)
        raise HttpError(throttling.too_many(result))


def _query(model: type[BaseModel], request: Request) -> BaseModel:
    text: bytes = request.scope["query_string"]
    if not text:
        return _defaults(model)
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
def _defaults(model: type[BaseModel]) -> BaseModel:
    return validate(model, {}, "Query")


def _is_list(model: type[BaseModel], name: str) -> bool:
    field = model.model_fields.get(name)
    return field is not None and field.annotation == tuple[str, ...]


async def _wait_for(service: Service, text: str) -> None:
    try:
        position = Position.parse(text)
    except ValueError:
        raise Rejected(_BAD_POSITION) from None
    if position.partition >= service.storage.log.partitions:
        raise Rejected(_BAD_POSITION)
    if not await service.storage.log.watch.wait_for(position, service.settings.read_wait_seconds):
        raise Rejected(VIEW_LAGS)
