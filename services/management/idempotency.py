"""`Idempotency-Key`: a POST that is repeated answers its first result and is not carried out again.

What holds: of any number of requests with one key (of one tenant, caller and path) at most one is carried out
within a day. Its result is kept when it is final, without the secrets that are shown once. When it is not
known what became of it (the process died, the event log did not confirm in time, it ended in a 5xx once a
change was being decided), a repetition is told so and not carried out. What failed before that leaves no
trace: its repetition is carried out.
"""

import asyncio
import hmac
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import asyncpg
from starlette.responses import Response

from schemas.errors import Transient
from schemas.identifiers import tenant_subject
from schemas.keys import SubjectKeys
from schemas.mapper import KeyDestroyed
from schemas.sealing import associated_data, seal, unseal
from services.management.kept_results import pack, unpack
from services.management.refusals import Refusal, Refused, bad_request
from services.runtime.key_store import ensure_keys
from services.runtime.sql import load

if TYPE_CHECKING:
    from services.management.endpoint import Call

HEADER: Final = "idempotency-key"
KEPT_SECONDS: Final = 24 * 3600
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
_BAD_KEY: Final = bad_request(
    "Idempotency-Key must be 1 to 255 visible ASCII characters.", "invalid_idempotency_key"
)
_OTHER_REQUEST: Final = Refusal(
    422, "This Idempotency-Key was sent before with another request.", "idempotency_key_reused"
)
_UNKNOWN: Final = Refusal(
    409,
    "It is not known whether the first request with this Idempotency-Key was carried out."
    " Read before you repeat it with another key.",
    "idempotency_outcome_unknown",
)
Execute = Callable[[], Awaitable[Response]]
"""Carries the request out; answers errors, too, and raises nothing."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a result is kept: keyed hashes, so that neither keys nor bodies can be guessed from the table."""

    tenant: str
    place: bytes
    request: bytes
    keys: SubjectKeys

    @property
    def associated(self) -> bytes:
        """What a kept result is bound to."""
        return associated_data("idempotency", self.tenant, self.place.hex(), self.request.hex())


async def once(call: "Call", execute: Execute) -> Response:
    """The result of the first request with this key, which may be this one. Raises Refused, or Transient."""
    place = await _place(call)
    for _ in range(2):
        if await _begin(call, place):
            # the result is kept although the caller goes away: a repetition is what the key is for
            return await asyncio.shield(call.service.background.start(_carry_out(call, place, execute)))
        known = await _row(call, "found_once", place)
        if known is not None:
            return _repeated(place, known)
    raise Refused(in_progress(1))


async def forget_expired(connection: asyncpg.Connection, tenant: str) -> None:
    """Takes away what was kept for a day."""
    await connection.execute(_query("forget_once"), tenant, KEPT_SECONDS)


def in_progress(seconds: int) -> Refusal:
    """409 while the first request is being carried out."""
    return Refusal(
        409,
        "A request with this Idempotency-Key is being carried out.",
        "idempotency_in_progress",
        {"Retry-After": str(max(1, min(seconds, 2)))},
    )


def fingerprint(secret: bytes, *parts: str) -> bytes:
    """A keyed hash; no two lists of parts have the same one."""
    return hmac.digest(secret, json.dumps(["idempotency", *parts]).encode(), "sha256")


def canonical(sent: Any, query: str) -> str:
    """The same text for the same request, in whatever order its body names things."""
    return f"{query}\n{json.dumps(sent, sort_keys=True, separators=(',', ':'))}"


async def _place(call: "Call") -> Place:
    key = call.request.headers[HEADER]
    if not _KEY.fullmatch(key):
        raise Refused(_BAD_KEY)
    service, tenant, who = call.service, call.tenant, call.principal
    async with service.database.connection(tenant) as connection:
        keys = await ensure_keys(connection, service.keyring, tenant, tenant_subject(tenant))
    if keys.profile is None:
        raise KeyDestroyed
    path, query = call.request.scope["path"], call.request.scope["query_string"].decode("latin-1")
    return Place(
        tenant,
        fingerprint(keys.profile, who.client_id, who.subject, path, key),
        fingerprint(keys.profile, canonical(call.sent, query)),
        keys,
    )


async def _begin(call: "Call", place: Place) -> bool:
    settings = call.service.settings
    lease = settings.append_wait_seconds + settings.view_wait_seconds + settings.idempotency_margin_seconds
    async with call.service.database.connection(place.tenant) as connection:
        begun = await connection.fetchval(
            _query("begin_once"), place.tenant, place.place, place.request, lease, KEPT_SECONDS
        )
    return begun is True


async def _row(call: "Call", query: str, place: Place) -> Any:
    async with call.service.database.connection(place.tenant) as connection:
        return await connection.fetchrow(_query(query), place.tenant, place.place)


def _repeated(place: Place, known: Any) -> Response:
    if not hmac.compare_digest(known["request"], place.request):
        raise Refused(_OTHER_REQUEST)
    if known["result"] is not None:
        assert place.keys.profile is not None
        return unpack(unseal(place.keys.profile, known["result"], place.associated))
    raise Refused(in_progress(known["seconds_left"]) if known["seconds_left"] else _UNKNOWN)


async def _carry_out(call: "Call", place: Place, execute: Execute) -> Response:
    response = await execute()
    try:
        if response.status_code < (500 if call.decided else 400):
            await _keep(call, place, response)
        else:
            await _row(call, "lose_once" if call.decided else "free_once", place)
    except Transient:
        # the lease runs out by itself, and what happened then counts as unknown
        return response
    return response


async def _keep(call: "Call", place: Place, response: Response) -> None:
    assert place.keys.profile is not None
    sealed = seal(place.keys.profile, place.keys.version, pack(response), place.associated)
    async with call.service.database.connection(place.tenant) as connection:
        await connection.execute(_query("keep_once"), place.tenant, place.place, sealed)


def _query(name: str) -> str:
    return load("services.management", "idempotency.sql")[name]
