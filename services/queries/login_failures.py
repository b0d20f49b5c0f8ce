"""Failed logins that count: against people, identifiers and IP addresses.

A row of a person or an identifier has `subject`, `connection`, `identifier`, `failures`, `last_failed` and
`ips`.
"""

from collections.abc import Collection

import asyncpg

from projections.login_guard.addresses import Address
from services.runtime.postgres.named_queries import load
from services.runtime.postgres.pool import DatabaseConnection


async def failures_of_identifier(
    connection: DatabaseConnection, tenant: str, identifier: str
) -> list[asyncpg.Record]:
    """Return the failures of all subjects with a folded identifier."""
    return await connection.fetch(_query("failures_of_identifier"), tenant, identifier)


async def failures_of_person(
    connection: DatabaseConnection, tenant: str, subject: str, identifiers: Collection[str]
) -> list[asyncpg.Record]:
    """Return the failures of a person, and those with one of the folded identifiers from before it was known
    to be the person's."""
    return await connection.fetch(_query("failures_of_person"), tenant, subject, list(identifiers))


async def failures_from_address(connection: DatabaseConnection, tenant: str, ip: str) -> list[Address]:
    """Return the failures from an IP address."""
    rows = await connection.fetch(_query("failures_from_address"), tenant, ip)
    return [Address(tuple(row["times"]), row["released_at"]) for row in rows]


def _query(name: str) -> str:
    return load("services.queries", "login_failures.sql")[name]
