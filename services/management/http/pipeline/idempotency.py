"""`Idempotency-Key`: a repeated POST returns the first result and is not executed again.

Of all requests with one key (of one tenant, caller and path), at most one takes effect within 24 hours. The
final result is stored, without secrets that are shown only once. If the process ended, the event log did not
confirm in time, or the request failed with a 5xx after its change was being decided, the event log determines
the response to a repetition:

- If the views show the event of the first request, the response is 202.
- If the log certainly does not contain the event, the request is executed again.
- Until either is known, the response is 409.

A request that failed before its change was being decided is not recorded; a repetition is executed.

A result is sealed with the keys of the person whose event decided the request, otherwise with those of the
tenant. Once these keys are destroyed, the response is 410.
"""

import asyncio
import hmac
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response

from schemas.errors import Transient
from schemas.formats.identifiers import tenant_subject
from schemas.sealing.blobs import associated_data, seal, unseal
from schemas.sealing.keys import SubjectKeys
from services.commands.pending import Pending
from services.ledger import idempotency
from services.ledger.idempotency import DecidingEvent, KnownRequest
from services.ledger.keys.subject_keys import ensure_keys
from services.ledger.reservations import log_key
from services.management.http import responses
from services.management.http.errors import ErrorResponse, HttpError
from services.management.http.pipeline.kept_results import REPLAYED, pack, unpack
from services.management.http.requests import Call
from services.runtime.kafka.log_writer import partition_of
from services.runtime.rejection import NOT_FOUND, Rejected, invalid

HEADER: Final = "idempotency-key"
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
_BAD_KEY: Final = invalid(
    "Idempotency-Key must be 1 to 255 visible ASCII characters.", "invalid_idempotency_key"
)
_OTHER_REQUEST: Final = ErrorResponse(
    422, "This Idempotency-Key was sent before with another request.", "idempotency_key_reused"
)
_ERASED: Final = ErrorResponse(
    410,
    "The first request with this Idempotency-Key was carried out. Its result has been erased with the keys of"
    " the person it was about.",
    "idempotency_result_erased",
)
Execute = Callable[[Pending], Awaitable[Response]]
"""Executes the request and returns its response, also for errors; raises no exception."""


@dataclass(frozen=True, slots=True)
class RequestKey:
    """What identifies a request with an Idempotency-Key and its result: `place` is the keyed hash of caller,
    path and key, `request` that of query and body. Neither keys nor bodies can be guessed from the table."""

    tenant: str
    place: bytes
    request: bytes
    keys: SubjectKeys

    def associated(self, owner: str) -> bytes:
        """Return the associated data with which a stored result of this owner is sealed."""
        return associated_data("idempotency", self.tenant, owner, self.place.hex(), self.request.hex())


async def once(call: Call, execute: Execute) -> Response:
    """Return the result of the first request with this key, which may be this one. Raises Rejected or
    Transient."""
    request_key = await _request_key(call)
    for _ in range(2):
        if await _begin(call, request_key):
            # A client that disconnects must still be able to fetch the result with a repetition.
            return await asyncio.shield(
                call.service.background.tasks.start(_carry_out(call, request_key, execute))
            )
        known = await _found(call, request_key)
        if known is not None and (response := await _repeated(call, request_key, known)) is not None:
            return response
        if known is not None and await _begin_once_more(call, request_key):
            return await asyncio.shield(
                call.service.background.tasks.start(_carry_out(call, request_key, execute))
            )
    raise HttpError(in_progress(1))


def in_progress(seconds: int) -> ErrorResponse:
    """Return 409 for a repetition while the first request is being executed."""
    return ErrorResponse(
        409,
        "A request with this Idempotency-Key is being carried out.",
        "idempotency_in_progress",
        {"Retry-After": str(max(1, min(seconds, 2)))},
    )


def unknown(seconds: int) -> ErrorResponse:
    """Return 409 for a repetition while the outcome of the first request is unknown."""
    return ErrorResponse(
        409,
        "It is not known yet whether the first request with this Idempotency-Key was carried out."
        " Repeat it later.",
        "idempotency_outcome_unknown",
        {"Retry-After": str(max(1, seconds))},
    )


def fingerprint(secret: bytes, *parts: str) -> bytes:
    """Return a keyed hash that is unique for the list of parts."""
    return hmac.digest(secret, json.dumps(["idempotency", *parts]).encode(), "sha256")


def canonical(sent: Any, query: str) -> str:
    """Return a text of the request that does not depend on the order of members in its body."""
    return f"{query}\n{json.dumps(sent, sort_keys=True, separators=(',', ':'))}"


async def _request_key(call: Call) -> RequestKey:
    key = call.request.headers[HEADER]
    if not _KEY.fullmatch(key):
        raise Rejected(_BAD_KEY)
    service, tenant, who = call.service, call.tenant, call.principal
    async with service.storage.database.connection(tenant) as connection:
        keys = await ensure_keys(connection, service.storage.keyring, tenant, tenant_subject(tenant))
    if keys.profile is None:
        raise Rejected(NOT_FOUND)
    path, query = call.request.scope["path"], call.request.scope["query_string"].decode("latin-1")
    return RequestKey(
        tenant,
        fingerprint(keys.profile, who.client_id, who.subject, path, key),
        fingerprint(keys.profile, canonical(call.sent, query)),
        keys,
    )


async def _begin(call: Call, request_key: RequestKey) -> bool:
    async with call.service.storage.database.connection(request_key.tenant) as connection:
        return await idempotency.begin(
            connection, request_key.tenant, request_key.place, request_key.request, _lease(call)
        )


async def _begin_once_more(call: Call, request_key: RequestKey) -> bool:
    settle = call.service.settings.reservation_settle_seconds
    async with call.service.storage.database.connection(request_key.tenant) as connection:
        return await idempotency.begin_again(
            connection, request_key.tenant, request_key.place, _lease(call), settle
        )


def _lease(call: Call) -> float:
    settings = call.service.settings
    return settings.append_wait_seconds + settings.view_wait_seconds + settings.idempotency_margin_seconds


async def _found(call: Call, request_key: RequestKey) -> KnownRequest | None:
    settle = call.service.settings.reservation_settle_seconds
    async with call.service.storage.database.connection(request_key.tenant) as connection:
        return await idempotency.find(connection, request_key.tenant, request_key.place, settle)


async def _repeated(call: Call, request_key: RequestKey, known: KnownRequest) -> Response | None:
    """Return the response to a repetition; None if the first request was certainly not executed."""
    if not hmac.compare_digest(known.request, request_key.request):
        raise HttpError(_OTHER_REQUEST)
    if known.result is not None:
        return _kept(call, request_key, known)
    if known.seconds_left:
        raise HttpError(in_progress(known.seconds_left))
    if known.event is not None and known.event.confirmed:
        return await _taken(call, request_key, known.event)
    if known.seconds_open:
        raise HttpError(unknown(known.seconds_open))
    if known.event is not None:
        await call.service.background.recovery.reconciler.settle(
            request_key.tenant, [idempotency.reservation_of(request_key.place)]
        )
        settled = await _found(call, request_key)
        if settled is not None and settled.event is not None:
            if settled.event.confirmed:
                return await _taken(call, request_key, settled.event)
            raise HttpError(unknown(1))
    return None


def _kept(call: Call, request_key: RequestKey, known: KnownRequest) -> Response:
    """Return the stored result. Raises HttpError (410) if the keys of its owner are destroyed."""
    owner = known.owner
    if owner is None or known.keys.profile is None:
        raise HttpError(_ERASED)
    keys = call.keyring.open(request_key.tenant, owner, known.keys)
    assert keys.profile is not None
    assert known.result is not None
    return unpack(unseal(keys.profile, known.result, request_key.associated(owner)))


async def _taken(call: Call, request_key: RequestKey, event: DecidingEvent) -> Response:
    """Return 202 for a request whose event took effect, with the id of the object that it created. Raises
    Transient."""
    service, tenant = call.service, request_key.tenant
    async with service.storage.database.connection(tenant) as connection:
        made = await idempotency.find_made(connection, tenant, event)
    partition = partition_of(log_key(tenant, event.subject), service.storage.log.partitions)
    position = str(await service.storage.log.end.last(partition))
    body = {
        "status": "accepted",
        "position": position,
        **({} if made is None else dict([made])),
    }
    return responses.value(body, 202, {responses.POSITION: position, REPLAYED: "true"})


def _pending(call: Call, request_key: RequestKey) -> Pending:
    return Pending(
        call.service.storage.database,
        request_key.tenant,
        request_key.place,
        tenant_subject(request_key.tenant),
        request_key.keys,
    )


async def _carry_out(call: Call, request_key: RequestKey, execute: Execute) -> Response:
    pending = _pending(call, request_key)
    response = await execute(pending)
    try:
        if response.status_code < (500 if call.status.may_have_written else 400):
            await _keep(call, request_key, pending, response)
        else:
            await _end(call, request_key)
    except Transient:
        # The lease expires on its own; the outcome then counts as unknown.
        return response
    return response


async def _end(call: Call, request_key: RequestKey) -> None:
    """Record that a request ended without a result. Its outcome is unknown if its change was being
    decided."""
    end = idempotency.lose if call.status.may_have_written else idempotency.free
    async with call.service.storage.database.connection(request_key.tenant) as connection:
        await end(connection, request_key.tenant, request_key.place)


async def _keep(call: Call, request_key: RequestKey, pending: Pending, response: Response) -> None:
    owner, keys = pending.owner, pending.keys
    assert keys.profile is not None  # these keys sealed the event
    sealed = seal(keys.profile, keys.version, pack(response), request_key.associated(owner))
    async with call.service.storage.database.connection(request_key.tenant) as connection:
        await idempotency.keep(connection, request_key.tenant, request_key.place, sealed, owner)
