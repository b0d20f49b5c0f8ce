"""Generations of the views: which one the stable views show."""

import asyncpg

from services.runtime.postgres.named_queries import load
from services.runtime.postgres.pool import DatabaseConnection


async def live_generation(connection: DatabaseConnection) -> int:
    """Return the number of the generation that the stable views show."""
    number: int = await connection.fetchval(_query("live_generation"))
    return number


async def generation_code(connection: DatabaseConnection, number: int) -> str | None:
    """Return the hash of the code that determined the rows of a generation, None if it is not known."""
    code: str | None = await connection.fetchval(_query("generation_code"), number)
    return code


async def list_generations(connection: DatabaseConnection) -> list[asyncpg.Record]:
    """Return all generations, the newest first: `number`, `state`, `phase`, `created_at`, `events_done`,
    `events_total`, `progress_at` and `retired_at`."""
    return await connection.fetch(_query("list_generations"))


def _query(name: str) -> str:
    return load("services.ledger.progress", "generations.sql")[name]
