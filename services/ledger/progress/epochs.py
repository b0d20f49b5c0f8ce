"""Epochs of topics: a topic that was deleted and created again has offsets that start at 0 again."""

from services.runtime.postgres.named_queries import load
from services.runtime.postgres.pool import DatabaseConnection


async def topic_epoch(connection: DatabaseConnection, topic: str) -> int:
    """Return which incarnation of a topic this is; 0 for the first one."""
    epoch: int | None = await connection.fetchval(
        load("services.ledger.progress", "epochs.sql")["topic_epoch"], topic
    )
    return epoch or 0
