"""Reads the members of roles and organizations."""

from typing import Final, Literal, NamedTuple

import asyncpg

from services.runtime.postgres.named_queries import load
from services.runtime.postgres.pool import DatabaseConnection

MemberKind = Literal["role", "organization"]


class MemberPosition(NamedTuple):
    """A position in the list of members: the start of the membership, as text that PostgreSQL parses, and the
    subject."""

    since: str
    subject: str


BEGINNING: Final = MemberPosition("-infinity", "")


async def list_members(
    connection: DatabaseConnection,
    tenant: str,
    kind: MemberKind,
    target: str,
    *,
    limit: int,
    offset: int = 0,
    after: MemberPosition = BEGINNING,
) -> list[asyncpg.Record]:
    """Return a page of the members of a role or organization, sorted by the start of membership, as rows with
    `since`, `subject` and `document`."""
    return await connection.fetch(_query("list_members"), tenant, kind, target, *after, limit, offset)


async def count_members(connection: DatabaseConnection, tenant: str, kind: MemberKind, target: str) -> int:
    """Return the number of members."""
    count: int = await connection.fetchval(_query("count_members"), tenant, kind, target)
    return count


def _query(name: str) -> str:
    return load("services.queries", "members.sql")[name]
