"""Generations of the views: which one the stable views show."""

import asyncpg

from services.runtime.postgres.named_queries import load


async def live_generation(connection: asyncpg.Connection) -> int:
    """Return the number of the generation that the stable views show."""
    number: int = await connection.fetchval(
        load("services.ledger.progress", "generations.sql")["live_generation"]
    )
    return number
