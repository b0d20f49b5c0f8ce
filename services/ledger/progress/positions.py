"""Positions: how far each generation of the views has applied each partition of a topic."""

from datetime import datetime
from typing import NamedTuple

import asyncpg

from services.runtime.postgres.named_queries import load


class Applied(NamedTuple):
    """How far a partition is applied: the offset to read next, and the broker's time of the last record, None
    before the first one."""

    next_offset: int
    recorded_at: datetime | None


async def applied_positions(connection: asyncpg.Connection, topic: str) -> dict[int, Applied]:
    """Return how far the live generation has applied each partition of the topic."""
    rows = await connection.fetch(_query("applied_positions"), topic)
    return {row["partition"]: Applied(row["next_offset"], row["recorded_at"]) for row in rows}


def _query(name: str) -> str:
    return load("services.ledger.progress", "positions.sql")[name]
