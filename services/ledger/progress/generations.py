"""Generations of the views: which one the stable views show."""

from services.runtime.postgres.named_queries import load
from services.runtime.postgres.pool import DatabaseConnection


async def live_generation(connection: DatabaseConnection) -> int:
    """Return the number of the generation that the stable views show."""
    number: int = await connection.fetchval(
        load("services.ledger.progress", "generations.sql")["live_generation"]
    )
    return number
