"""Members: who has a role or belongs to an organization."""

from typing import Final, Literal, NamedTuple

import asyncpg

from services.runtime.postgres.named_queries import load
from services.runtime.postgres.pool import DatabaseConnection

MemberKind = Literal["role", "organization"]


class MemberPosition(NamedTuple):
    """A position in the list of members: since when, as text that PostgreSQL reads, and the subject."""

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
    """Return a page of the members of a role or organization, those of longest standing first: `since`,
    `subject`, `document`."""
    return await connection.fetch(_query("list_members"), tenant, kind, target, *after, limit, offset)


async def count_members(connection: DatabaseConnection, tenant: str, kind: MemberKind, target: str) -> int:
    """Return how many members there are."""
    count: int = await connection.fetchval(_query("count_members"), tenant, kind, target)
    return count


def _query(name: str) -> str:
    return load("services.queries", "members.sql")[name]
