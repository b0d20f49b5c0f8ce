"""Reservations of values that must be unique, made before the events that need them (design D6).

A reservation is unconfirmed until the projector has seen its event. It is made for a bearer: the subject of a
person, or the id of a connection or setting.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import asyncpg

from schemas.formats.identifiers import PERSON, record_key, tenant_subject
from schemas.reservation import ReservationKind
from services.runtime.postgres.named_queries import load
from services.runtime.postgres.pool import DatabaseConnection

Write = tuple[str, Sequence[tuple[Any, ...]]]
"""A statement that takes one array per column, and its rows."""
API_IDENTIFIER: Final = "reservation_api_identifier"
"""The index by which the identifier of an API is unique in the installation, over all tenants."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """A value that must be unique within a connection, or within a kind of settings; `draft` is the index of
    the event that needs it."""

    connection: str
    kind: ReservationKind
    value: str
    draft: int = 0


class Taken(Exception):
    """Another bearer has a value; `kind` says which."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


async def reserve(
    connection: DatabaseConnection,
    tenant: str,
    bearer: str,
    wanted: Sequence[Reservation],
    event_ids: Sequence[str],
) -> None:
    """Reserve the values for the events that need them, inside the caller's transaction. Reservations that
    the bearer has already move to the new events. Raises Taken."""
    if not wanted:
        return
    ordered = sorted(wanted, key=lambda one: (one.connection, one.kind, one.value))
    try:
        rows = await connection.fetch(
            _query("reserve"), tenant, bearer, *_columns(ordered),
            [UUID(event_ids[one.draft]) for one in ordered],
        )  # fmt: skip
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name == API_IDENTIFIER:
            raise Taken("name") from error
        raise
    missing = {one.kind for one in ordered} - {row["kind"] for row in rows}
    if missing:
        raise Taken(min(missing))
    await _check_view(connection, tenant, bearer, wanted)


async def _check_view(
    connection: DatabaseConnection, tenant: str, bearer: str, wanted: Sequence[Reservation]
) -> None:
    """Raise Taken for values that came in without a reservation (by a login): only the view has them."""
    values: dict[str, str] = {one.kind: one.value for one in wanted}
    place = wanted[0].connection
    if "connection" in values:
        if await connection.fetchval(_query("connection_name_in_view"), tenant, place, bearer):
            raise Taken("connection")
        return
    if "name" in values:
        if await connection.fetchval(_query("setting_name_in_view"), tenant, place, values["name"], bearer):
            raise Taken("name")
        return
    kinds = ("email", "username", "phone_number")
    row = await connection.fetchrow(
        _query("values_in_view"), tenant, place, bearer, *(values.get(kind) for kind in kinds)
    )
    assert row is not None  # the statement has no FROM: it returns one row
    for kind in kinds:
        if row[kind]:
            raise Taken(kind)


async def release(connection: DatabaseConnection, tenant: str, event_ids: Collection[str]) -> None:
    """Remove unconfirmed reservations whose events certainly are not on the log."""
    if event_ids:
        await connection.execute(_query("release"), tenant, _uuids(event_ids))


async def renew(connection: DatabaseConnection, tenant: str, event_ids: Collection[str]) -> None:
    """Keep reservations whose events are still on their way from being taken for orphans."""
    if event_ids:
        await connection.execute(_query("renew"), tenant, _uuids(event_ids))


async def release_connection_name(connection: DatabaseConnection, tenant: str, name: str) -> bool:
    """Remove the confirmed reservation of a connection's name that no connection in the view has. Return
    whether there was one."""
    status: str = await connection.execute(_query("release_connection"), tenant, name)
    return status != "DELETE 0"


async def release_setting_name(connection: DatabaseConnection, tenant: str, kind: str, name: str) -> bool:
    """Remove the confirmed reservation of a name that no setting of the kind has in the view. Return whether
    there was one."""
    status: str = await connection.execute(_query("release_setting"), tenant, kind, name)
    return status != "DELETE 0"


async def unsettled(
    connection: DatabaseConnection,
    tenant: str,
    age_seconds: float,
    among: Sequence[Reservation] | None = None,
) -> list[tuple[str, str]]:
    """Return (event id, bearer) of unconfirmed reservations at least this old, at most 1,000; with `among`
    only those of these values."""
    if among is None:
        rows = await connection.fetch(_query("unsettled"), tenant, age_seconds)
    else:
        rows = await connection.fetch(_query("unsettled_among"), tenant, *_columns(among), age_seconds)
    return [(str(row["event_id"]), row["subject"]) for row in rows]


async def count_settings(connection: DatabaseConnection, tenant: str, kind: str) -> int:
    """Return how many settings of a kind exist or have a name reserved for them. Until the caller's
    transaction ends, other callers wait for their count of this kind."""
    await connection.execute(_query("lock_kind"), tenant, kind)
    found: int = await connection.fetchval(_query("count_settings"), tenant, kind)
    return found


def confirmed(event_ids: Iterable[str]) -> Write:
    """Return the write that confirms the reservations of events the log holds."""
    return _query("confirm"), [(event_id,) for event_id in event_ids]


def dropped(event_ids: Iterable[str]) -> Write:
    """Return the write that removes the reservations of events the fold rejected."""
    return _query("drop"), [(event_id,) for event_id in event_ids]


def replaced(rows: Iterable[tuple[str, str, str, str, str]]) -> Write:
    """Return the write that removes values people gave up, of (tenant, subject, kind, connection, event id):
    the confirmed reservations of the kind in the connection but that of the event, which replaced them."""
    return _query("release_replaced"), list(rows)


def log_key(tenant: str, bearer: str) -> bytes:
    """Return the key of the records that settle a reservation: a person's events, or the tenant's for
    connections and settings."""
    return record_key(tenant, bearer if bearer.startswith(PERSON) else tenant_subject(tenant))


def _columns(wanted: Sequence[Reservation]) -> tuple[list[str], list[str], list[str]]:
    return (
        [one.connection for one in wanted],
        [one.kind for one in wanted],
        [one.value for one in wanted],
    )


def _uuids(event_ids: Collection[str]) -> list[UUID]:
    return [UUID(event_id) for event_id in event_ids]


def _query(name: str) -> str:
    return load("services.ledger", "reservations.sql")[name]
