"""Claims on values that must be unique, made before the events that need them (design D6)."""

from collections.abc import Collection, Sequence
from typing import Final
from uuid import UUID

import asyncpg

from schemas.formats.identifiers import PERSON, record_key, tenant_subject
from services.commands.outcome import Claim
from services.runtime.postgres.named_queries import load

API_IDENTIFIER: Final = "reservation_api_identifier"
"""The index by which the identifier of an API is unique in the installation, over all tenants."""


class Taken(Exception):
    """Somebody else has a value; `kind` says which."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


async def make(
    connection: asyncpg.Connection,
    tenant: str,
    subject: str,
    claims: Sequence[Claim],
    event_ids: Sequence[str],
) -> None:
    """Claims the values for the events that need them, inside the caller's transaction. Raises Taken."""
    if not claims:
        return
    ordered = sorted(claims, key=lambda claim: (claim.connection, claim.kind, claim.value))
    try:
        rows = await connection.fetch(
            load("services.management")["claim"], tenant, subject, *_columns(ordered),
            [UUID(event_ids[claim.draft]) for claim in ordered],
        )  # fmt: skip
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name == API_IDENTIFIER:
            raise Taken("name") from error
        raise
    missing = {claim.kind for claim in ordered} - {row["kind"] for row in rows}
    if missing:
        raise Taken(min(missing))
    await _look(connection, tenant, subject, claims)


async def _look(connection: asyncpg.Connection, tenant: str, subject: str, claims: Sequence[Claim]) -> None:
    """Values that came in without a claim (by a login) are only in the view."""
    values: dict[str, str] = {claim.kind: claim.value for claim in claims}
    name = claims[0].connection
    queries = load("services.management")
    if "connection" in values:
        if await connection.fetchval(queries["connection_lives"], tenant, name, subject):
            raise Taken("connection")
        return
    if "name" in values:
        if await connection.fetchval(queries["setting_lives"], tenant, name, values["name"], subject):
            raise Taken("name")
        return
    kinds = ("email", "username", "phone_number")
    row = await connection.fetchrow(
        queries["users_with"], tenant, name, subject, *(values.get(kind) for kind in kinds)
    )
    for kind in kinds:
        if row[kind]:
            raise Taken(kind)


async def release(connection: asyncpg.Connection, tenant: str, event_ids: Collection[str]) -> None:
    """Takes back claims whose events certainly are not on the log."""
    if event_ids:
        ids = [UUID(event_id) for event_id in event_ids]
        await connection.execute(load("services.management")["release_claims"], tenant, ids)


async def renew(connection: asyncpg.Connection, tenant: str, event_ids: Collection[str]) -> None:
    """Keeps claims whose events are still on their way from being taken for orphans."""
    if event_ids:
        ids = [UUID(event_id) for event_id in event_ids]
        await connection.execute(load("services.management")["renew_claims"], tenant, ids)


async def unsettled(
    connection: asyncpg.Connection, tenant: str, age_seconds: float, among: Sequence[Claim] | None = None
) -> list[tuple[str, str]]:
    """(event id, subject) of claims this old whose events were not seen; only those in the way of `among`."""
    queries = load("services.management")
    if among is None:
        rows = await connection.fetch(queries["unsettled_claims"], tenant, age_seconds)
    else:
        rows = await connection.fetch(queries["unsettled_among"], tenant, *_columns(among), age_seconds)
    return [(str(row["event_id"]), row["subject"]) for row in rows]


async def count_settings(connection: asyncpg.Connection, tenant: str, kind: str) -> int:
    """Return how many settings of a kind exist or have a name reserved for them. Until the caller's
    transaction ends, other callers wait for their count of this kind."""
    queries = load("services.ledger", "reservations.sql")
    await connection.execute(queries["lock_kind"], tenant, kind)
    found: int = await connection.fetchval(queries["count_settings"], tenant, kind)
    return found


def log_key(tenant: str, subject: str) -> bytes:
    """Return the key of the records that settle a claim: a person's events, or the tenant's for the claims of
    connections and settings, whose subject is their id."""
    return record_key(tenant, subject if subject.startswith(PERSON) else tenant_subject(tenant))


def _columns(claims: Sequence[Claim]) -> tuple[list[str], list[str], list[str]]:
    return (
        [claim.connection for claim in claims],
        [claim.kind for claim in claims],
        [claim.value for claim in claims],
    )
