"""Idempotency keys: what became of a request that may be repeated, and its result.

A place is the keyed hash of the tenant's, the caller's and the request's names. The event that decides what
became of a request is reserved for its place, as unique values are: the projector confirms or drops it.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple
from uuid import UUID

from schemas.sealing.keys import WrappedKeys
from services.ledger.keys.subject_keys import wrapped_keys
from services.ledger.reservations import Reservation
from services.runtime.postgres.named_queries import load
from services.runtime.postgres.pool import DatabaseConnection

KEPT_SECONDS: Final = 24 * 3600.0
"""How long a request and its result are kept."""


class DecidingEvent(NamedTuple):
    """The event that decides what became of a request, with its subject; `confirmed` once the view has seen
    it."""

    id: UUID
    subject: str
    confirmed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownRequest:
    """An earlier request in a place.

    `request` is its keyed hash, `result` its sealed result, None while there is none. It is carried out for
    at most `seconds_left`; in `seconds_open` its event is on the log or never will be. `event` is None before
    anything was decided. `owner`, None without a result, is whose `keys` seal the result; the parts of the
    keys are None once they have been destroyed.
    """

    request: bytes
    result: bytes | None
    seconds_left: int
    seconds_open: int
    event: DecidingEvent | None
    owner: str | None
    keys: WrappedKeys


def reservation_of(place: bytes) -> Reservation:
    """Return the reservation for the event that decides the request at a place."""
    return Reservation("", "request", place.hex())


async def begin(
    connection: DatabaseConnection, tenant: str, place: bytes, request: bytes, lease_seconds: float
) -> bool:
    """Take a place that no request has, or whose time is over. Return False if a request has it."""
    begun = await connection.fetchval(_query("begin"), tenant, place, request, lease_seconds, KEPT_SECONDS)
    return begun is True


async def begin_again(
    connection: DatabaseConnection, tenant: str, place: bytes, lease_seconds: float, settle_seconds: float
) -> bool:
    """Take the place of a request that certainly was not carried out. Return False if another process did."""
    begun = await connection.fetchval(_query("begin_again"), tenant, place, lease_seconds, settle_seconds)
    return begun is True


async def find(
    connection: DatabaseConnection, tenant: str, place: bytes, settle_seconds: float
) -> KnownRequest | None:
    """Return the request in a place, None if there is none."""
    row = await connection.fetchrow(_query("find"), tenant, place, settle_seconds)
    if row is None:
        return None
    event = None
    if row["event_id"] is not None:
        event = DecidingEvent(row["event_id"], row["subject"], row["confirmed"])
    return KnownRequest(
        request=row["request"],
        result=row["result"],
        seconds_left=row["seconds_left"],
        seconds_open=row["seconds_open"],
        event=event,
        owner=row["owner"],
        keys=wrapped_keys(row),
    )


async def reserve_event(
    connection: DatabaseConnection, tenant: str, place: bytes, subject: str, event_id: str
) -> None:
    """Reserve the event that decides for the request in a place, instead of an earlier one."""
    value = reservation_of(place).value
    await connection.execute(_query("reserve_event"), tenant, value, subject, UUID(event_id))


async def find_made(
    connection: DatabaseConnection, tenant: str, event: DecidingEvent
) -> tuple[str, str] | None:
    """Return (name of the id in the API, id) of what the event of a request made, None if it made nothing or
    the view does not show it."""
    row = await connection.fetchrow(_query("find_made"), tenant, event.subject, event.id)
    return None if row is None else (row["name"], row["id"])


async def keep(
    connection: DatabaseConnection, tenant: str, place: bytes, sealed_result: bytes, owner: str
) -> None:
    """Keep the result of a request, sealed with the keys of its owner."""
    await connection.execute(_query("keep"), tenant, place, sealed_result, owner)


async def lose(connection: DatabaseConnection, tenant: str, place: bytes) -> None:
    """End a request whose result will never be known."""
    await connection.execute(_query("lose"), tenant, place)


async def free(connection: DatabaseConnection, tenant: str, place: bytes) -> None:
    """Remove a request that has done nothing."""
    await connection.execute(_query("free"), tenant, place)


async def forget_expired(connection: DatabaseConnection, tenant: str) -> None:
    """Remove the requests of a tenant, with their events' reservations, that were kept for long enough."""
    await connection.execute(_query("forget"), tenant, KEPT_SECONDS)
    await connection.execute(_query("forget_events"), tenant, KEPT_SECONDS)


def _query(name: str) -> str:
    return load("services.ledger", "idempotency.sql")[name]
