"""Generations of the views: which one the stable views show, and which one a rebuild fills."""

from typing import Final, NamedTuple

import asyncpg

from services.runtime.postgres.named_queries import load
from services.runtime.postgres.pool import DatabaseConnection

REBUILD_PHASES: Final = ("replay", "index", "catch_up", "compare", "ready")


class RebuildProgress(NamedTuple):
    """How far a rebuild is. `ready` is the phase of one that waits for its switch."""

    phase: str
    events_done: int
    events_total: int


async def live_generation(connection: DatabaseConnection) -> int:
    """Return the number of the generation that the stable views show."""
    number: int = await connection.fetchval(_query("live_generation"))
    return number


async def generation_origin(connection: DatabaseConnection, number: int) -> tuple[str | None, bool]:
    """Return the hash of the code that determined the rows of a generation, None if it is not known, and
    whether its logins were mapped again."""
    row = await connection.fetchrow(_query("generation_origin"), number)
    return (None, False) if row is None else (row["code"], row["renormalized"])


async def list_generations(connection: DatabaseConnection) -> list[asyncpg.Record]:
    """Return all generations, the newest first: `number`, `state`, `phase`, `created_at`, `events_done`,
    `events_total`, `progress_at` and `retired_at`."""
    return await connection.fetch(_query("list_generations"))


async def rebuild_progress(connection: DatabaseConnection) -> RebuildProgress | None:
    """Return the progress of the newest generation that a rebuild fills; None if there is none."""
    row = await connection.fetchrow(_query("rebuild_progress"))
    return None if row is None else RebuildProgress(*row)


def _query(name: str) -> str:
    return load("services.ledger.progress", "generations.sql")[name]
